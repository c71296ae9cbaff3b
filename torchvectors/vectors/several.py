"""Several `Vectors` → one: their rows side by side, or those of the first that has the token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from torchvectors.vectors.joined import CHAIN, STACK, Join, Joined, rows_in
from torchvectors.vectors.table import NOT_KEPT, PathLike, Vectors, expect_vectors
from torchvectors.vectors.unknown import UnkInit, checked_unk_init, unknown_rows
from torchvectors.vectors.views import Itos, Stoi

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

__all__ = ["Chain", "Stack"]

_MADE_ANEW = {"itos", "stoi", "_matrix", *NOT_KEPT}  # of the parts, where a pickle arrives


class _Several(Vectors):
    """What `Stack` and `Chain` have in common: parts that are read where they lie, until somebody writes."""

    _join: ClassVar[Join]
    _parts: tuple[Vectors, ...] = ()  # none, where `from_tensor` or `cache` made rows of its own
    _given: UnkInit | None = None  # None: what the parts give

    def __init__(self, parts: Iterable[Vectors], *, unk_init: UnkInit | None = None) -> None:
        name = type(self).__name__
        if isinstance(parts, (str, Vectors)):
            raise TypeError(
                f"{name}: give several vectors in a list, such as {name}([GloVe(...), FastText(...)])."
            )
        self._parts = tuple(parts)
        if not self._parts:
            raise ValueError(f"{name}([]): there must be at least one Vectors in the list.")
        for number, part in enumerate(self._parts):
            expect_vectors(part, f"{name}, at position {number}")
        self._given = None if unk_init is None else checked_unk_init(unk_init)
        self.dim = self._joined_dim([part.dim for part in self._parts])
        self._join_parts()

    def _joined_dim(self, dims: list[int]) -> int:
        raise NotImplementedError

    def _join_parts(self) -> None:
        store = Joined(self._parts, self._join, self.dim)
        self._store, self.itos, self.stoi = store, Itos(store), Stoi(store)

    @property
    def unk_init(self) -> UnkInit:
        """What a token gets that no part has; a callable where each part has its own answer."""
        return self._give_own if self._given is None else self._given

    @unk_init.setter
    def unk_init(self, how: UnkInit) -> None:
        self._given = how

    def _give_own(self, tensor: Tensor) -> Tensor:
        return tensor.copy_(self._unknown([""])[0].view_as(tensor))

    @property
    def _untouched(self) -> bool:
        """Whether tokens and rows are still the parts' own: nobody has asked for `vectors`, or written to a list."""
        views = [view.store for view in (self.itos, self.stoi) if isinstance(view, (Itos, Stoi))]
        return bool(self._parts) and self._matrix is None and views == [self._store] * 2

    def __contains__(self, token: object) -> bool:
        if self._untouched:
            return isinstance(token, str) and any(token in part for part in self._parts)
        return super().__contains__(token)

    def __getitem__(self, token: str) -> Tensor:
        """Return the vector of one token, (dim,): a copy, until somebody has asked for `vectors`."""
        if self._untouched and isinstance(token, str):
            return self._look_up([token], False)[0]
        if isinstance(token, str) and token in self.stoi:
            return self.vectors[self.stoi[token]]
        return self._unknown([token] if isinstance(token, str) else [""])[0]

    def _look_up(self, tokens: list[str], lower_case_backup: bool) -> Tensor:
        if not self._untouched:
            return super()._look_up(tokens, lower_case_backup)
        rows = rows_in(self._parts, tokens)
        if lower_case_backup:
            missing = (rows < 0).all(axis=0).nonzero()[0].tolist()
            tokens = tokens.copy()
            for i in missing:
                tokens[i] = tokens[i].lower()
            rows[:, missing] = rows_in(self._parts, [tokens[i] for i in missing])
        found = self._join.known(self._parts, rows, tokens)
        nowhere = (rows < 0).all(axis=0).nonzero()[0]
        if self._given is not None and len(nowhere):
            found[torch.from_numpy(nowhere)] = self._unknown([tokens[i] for i in nowhere.tolist()]).to(found)
        return found

    @property
    def composes(self) -> bool:
        """Whether any part composes the vectors of tokens that it has not."""
        return any(part.composes for part in self._parts)

    def compose(self, tokens: Sequence[str]) -> tuple[NDArray[np.bool_], Tensor]:
        """Make vectors of tokens of which no part has a row: which any part composes, and all rows, (n, dim)."""
        made = np.zeros(len(tokens), np.bool_)
        for part in self._parts:
            if part.composes:
                made |= part.compose(tokens)[0]
        rows = self._join.unknown(self._parts, tokens) if self._parts else torch.zeros(len(tokens), self.dim)
        return made, rows

    def _unknown(self, tokens: list[str]) -> Tensor:
        if not self._parts:
            return unknown_rows(
                torch.Tensor.zero_ if self._given is None else self._given, tokens, self.mean, self.dim
            )
        made, rows = self.compose(tokens)
        if self._given is not None:
            left = (~made).nonzero()[0]
            unknown = unknown_rows(self._given, [tokens[i] for i in left.tolist()], self.mean, self.dim)
            rows[torch.from_numpy(left)] = unknown.to(rows)
        return rows

    def cache(
        self,
        name: PathLike,
        cache: PathLike | Sequence[PathLike] | None,
        url: str | None = None,
        max_vectors: int | None = None,
    ) -> None:
        """Load other vectors into this object, in place of its parts."""
        self._parts = ()
        super().cache(name, cache, url=url, max_vectors=max_vectors)

    def __getstate__(self) -> dict[str, Any]:
        if not (self._parts and self._as_stored()):
            return super().__getstate__()
        return {name: value for name, value in vars(self).items() if name not in _MADE_ANEW}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if self._parts and "itos" not in vars(self):
            self._join_parts()


class Stack(_Several):
    """Several vectors side by side: a token's vector is that of each part, one after another.

    The tokens are those that any part has, in the order of first appearance: all of the first part, then those of
    the second that the first has not, and so on; of a part's duplicates the one to which its `stoi` leads. A part
    without the token contributes what it gives an unknown one: its own ``unk_init``'s row, or what it composes of
    n-grams.

    The parts are read where they lie, and nothing is copied to look a token up. `vectors` makes the whole matrix
    when it is asked for, float32 (N, dim); from then on that is what is read, and may be written to. Do not write to
    the parts meanwhile. It pickles as its parts do.

    Args:
        parts: One or more `Vectors`; a `Stack` or a `Chain` may be one.
        unk_init: What a token gets that no part has, nor composes: see `UnkInit`. None: what each part gives it.

    Raises:
        TypeError: A part is no `Vectors`, or there is no list of them.
        ValueError: The list is empty.

    Source: torchtext's ``Vocab.load_vectors([a, b])``, up to 0.9.
    """

    _join = STACK

    def _joined_dim(self, dims: list[int]) -> int:
        return sum(dims)


class Chain(_Several):
    """Several vectors one behind the other: a token's vector is that of the first part that has the token.

    The tokens are those that any part has, numbered as in `Stack`. A token that none has gets what the first part
    gives it that composes it of n-grams; failing that, the first part's ``unk_init``'s row. Vectors of two sources
    are not of one space, whatever their dims: only compare what comes from one part.

    How it is read, written to and pickled, see `Stack`.

    Args:
        parts: One or more `Vectors`, all of one dim.
        unk_init: What a token gets that no part has, nor composes: see `UnkInit`. None: what the first part gives.

    Raises:
        TypeError: A part is no `Vectors`, or there is no list of them.
        ValueError: The list is empty, or the parts are of several dims.
    """

    _join = CHAIN

    def _joined_dim(self, dims: list[int]) -> int:
        if len(set(dims)) > 1:
            text = f"Chain: the vectors have the dims {', '.join(map(str, dims))}, and one must stand in for another"
            raise ValueError(f"{text}. Give vectors of one dim; Stack takes any, side by side.")
        return dims[0]
