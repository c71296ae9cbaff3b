"""Several vectors → what one store gives: tokens, an index, and rows. Nothing is copied before it is asked for."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor
from xxhash import xxh3_128

from torchvectors.store import Row
from torchvectors.vectors import keep
from torchvectors.vectors.unknown import Normal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from torchvectors.vectors.table import Vectors
    from torchvectors.vectors.unknown import UnkInit

__all__ = ["CHAIN", "STACK", "Join", "Joined", "rows_in"]


class Join(NamedTuple):
    """How the rows of several vectors become one."""

    name: str
    # The parts, the row that each has for each of n tokens, (P, n), -1 for none, and the tokens → float32 (n, dim).
    known: Callable[[Sequence[Vectors], NDArray[np.int64], Sequence[str]], Tensor]
    # The parts, and n tokens of which none has a row → (n, dim).
    unknown: Callable[[Sequence[Vectors], Sequence[str]], Tensor]


def rows_in(parts: Sequence[Vectors], tokens: Sequence[str]) -> NDArray[np.int64]:
    """Return the row that each of P parts has for each of n tokens, -1 for none: int64 (P, n)."""
    return np.stack([part.rows_of(tokens) for part in parts])


class Joined:
    """The tokens that any of the parts has, each once, numbered in the order of first appearance.

    First come those of the first part, in its order; then those of the second that the first has not; and so on. Of
    a part's duplicates the row counts to which its `stoi` leads. What is numbered is kept, eight bytes a token,
    and only for who asks: to look a token up takes no number.
    """

    def __init__(self, parts: Sequence[Vectors], join: Join, dim: int) -> None:
        self.parts, self.join, self.dim = parts, join, dim

    @cached_property
    def _own(self) -> list[NDArray[np.int64]]:
        """For each part its rows whose tokens no part before it has, rising."""
        found = []
        for number, part in enumerate(self.parts):
            counted = part._counted()  # noqa: SLF001 - of our own family
            rows = np.arange(len(part)) if counted is None else counted.nonzero()[0]
            if before := self.parts[:number]:
                new = [
                    _unseen(part, rows[at : at + keep.BLOCK], before)
                    for at in range(0, len(rows), keep.BLOCK)
                ]
                rows = np.concatenate([*new, rows[:0]])
            found.append(rows)
        return found

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        """The number of each part's first own token, and at the end that of all tokens."""
        starts: NDArray[np.int64] = np.cumsum([0, *map(len, self._own)])
        return starts

    def __len__(self) -> int:
        return int(self._starts[-1])

    @property
    def index(self) -> Joined:
        """What finds tokens, as a store has it."""
        return self

    @property
    def checksum(self) -> str:
        """What tells these from others: made of the parts', and of what each gives a token that it has not."""
        digest = xxh3_128(self.join.name.encode())
        for part in self.parts:
            said = f"\n{part.fingerprint} {part.dim} {_called(part.unk_init)}"
            digest.update(said.encode("utf-8", "surrogatepass"))
        return f"xxh3_128:{digest.hexdigest()}"

    def find(self, token: str) -> Row | None:
        """Return the number of a token, or None."""
        found = int(self.find_all([token])[0])
        return None if found < 0 else Row(found)

    def find_all(self, tokens: Sequence[str]) -> NDArray[np.int64]:
        """Return the numbers of n tokens: int64 (n,), -1 where there is none."""
        found = np.full(len(tokens), -1, np.int64)
        for start, own, rows in zip(self._starts[:-1], self._own, rows_in(self.parts, tokens), strict=True):
            first = (found < 0) & (rows >= 0)
            found[first] = start + np.searchsorted(own, rows[first])
        return found

    def tokens(self, start: int = 0, stop: int | None = None) -> Iterator[str]:
        """Yield the tokens from number ``start`` to ``stop``."""
        numbers = range(len(self))[start:stop]
        for first in range(numbers.start, numbers.stop, keep.BLOCK):
            yield from self._named(np.arange(first, min(first + keep.BLOCK, numbers.stop)))

    def _named(self, numbers: NDArray[np.int64]) -> list[str]:
        """Return the tokens of n numbers."""
        owner, rows = self._places(numbers)
        return [self.parts[part].itos[row] for part, row in zip(owner.tolist(), rows.tolist(), strict=True)]

    def _places(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return for each number the part that it belongs to, and the row there."""
        owner = np.searchsorted(self._starts, numbers, side="right") - 1
        rows = np.empty(len(numbers), np.int64)
        for number, own in enumerate(self._own):
            here = owner == number
            rows[here] = own[numbers[here] - self._starts[number]]
        return owner, rows

    def rows(self, rows: NDArray[np.int64], out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Return copies of n rows: float32 (n, dim), which is ``out``, if it is given."""
        out = np.empty((len(rows), self.dim), np.float32) if out is None else out
        for start in range(0, len(rows), keep.BLOCK):
            tokens = self._named(rows[start : start + keep.BLOCK])
            out[start : start + keep.BLOCK] = keep.numbers(self.look_up(tokens))
        return out

    def block(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return the rows from ``start`` to ``stop``: float32 (n, dim)."""
        return self.rows(np.arange(start, stop))

    def all_rows(self) -> NDArray[np.float32]:
        """Return every row, in memory: float32 (N, dim)."""
        return self.rows(np.arange(len(self)))

    def look_up(self, tokens: Sequence[str]) -> Tensor:
        """Return the vectors of n tokens, whether a part has them or not: float32 (n, dim)."""
        return self.join.known(self.parts, rows_in(self.parts, tokens), tokens)


def _unseen(part: Vectors, rows: NDArray[np.int64], before: Sequence[Vectors]) -> NDArray[np.int64]:
    """Return those of a part's rows whose tokens none of the parts before it has."""
    consecutive = len(rows) and rows[-1] - rows[0] == len(rows) - 1
    some = (
        part.itos[int(rows[0]) : int(rows[-1]) + 1]
        if consecutive
        else [part.itos[row] for row in rows.tolist()]
    )
    return rows[(rows_in(before, some) < 0).all(axis=0)]


def _called(how: UnkInit) -> str:
    if isinstance(how, (str, Normal)):
        return repr(how)
    return str(getattr(how, "__qualname__", type(how).__qualname__))


def _gathered(part: Vectors, rows: NDArray[np.int64], tokens: Sequence[str]) -> Tensor:
    """Return what one part gives n tokens, of which it has these rows: float32 (n, dim), on the CPU."""
    found = part.get_vecs_by_tokens(tokens) if part.has_rule else part.gather(rows, tokens)
    return found.reshape(len(tokens), part.dim).float().cpu()


def _side_by_side(parts: Sequence[Vectors], rows: NDArray[np.int64], tokens: Sequence[str]) -> Tensor:
    return torch.cat([_gathered(part, own, tokens) for part, own in zip(parts, rows, strict=True)], dim=1)


def _none_side_by_side(parts: Sequence[Vectors], tokens: Sequence[str]) -> Tensor:
    return _side_by_side(parts, np.full((len(parts), len(tokens)), -1), tokens)


def _first_come(parts: Sequence[Vectors], rows: NDArray[np.int64], tokens: Sequence[str]) -> Tensor:
    out = torch.zeros(len(tokens), parts[0].dim)
    left = np.ones(len(tokens), np.bool_)
    for part, own in zip(parts, rows, strict=True):
        here = (left & (own >= 0)).nonzero()[0]
        left[here] = False
        if len(here):
            out[torch.from_numpy(here)] = _gathered(part, own[here], [tokens[i] for i in here.tolist()])
    here = left.nonzero()[0]
    if len(here):
        out[torch.from_numpy(here)] = _none_first_come(parts, [tokens[i] for i in here.tolist()])
    return out


def _none_first_come(parts: Sequence[Vectors], tokens: Sequence[str]) -> Tensor:
    out = _gathered(parts[0], np.full(len(tokens), -1), tokens)
    left = np.ones(len(tokens), np.bool_)
    for part in parts:
        if part.composes:
            made, rows = part.compose(tokens)
            here = (left & made).nonzero()[0]
            left[here] = False
            out[torch.from_numpy(here)] = rows[torch.from_numpy(here)].to(out)
    return out


STACK = Join("stack", _side_by_side, _none_side_by_side)
CHAIN = Join("chain", _first_come, _none_first_come)
