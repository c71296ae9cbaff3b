"""The tokens of a recorded row: their numbers in the record, and their text when somebody reads it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol, overload

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from torchvectors.vocabulary import Vocab

__all__ = ["Block", "Table", "Tokens"]


class Table(Protocol):
    """The distinct tokens of a record."""

    @property
    def itos(self) -> list[str]:
        """The text of each token, by its number."""

    def indices(self, ids: NDArray[np.int32], vocab: Vocab) -> list[int | None]:
        """Return the index of each token in a vocabulary; None for one that has none there."""


class Block:
    """The tokens of some rows that follow each other, whose indices are looked up at a time.

    Args:
        ids: Their numbers in the record.
        table: What these stand for.
    """

    __slots__ = ("_found", "_key", "ids", "table")

    def __init__(self, ids: NDArray[np.int32], table: Table) -> None:
        self.ids, self.table = ids, table
        self._key: tuple[Vocab, int, int | None] | None = None
        self._found: list[int | None] = []

    def indices(self, vocab: Vocab) -> list[int | None]:
        """Return the index of each token in a vocabulary; None for one that has none there."""
        # A vocabulary can grow and get another default index, and no more than that.
        size, default = len(vocab), vocab.get_default_index()
        key = self._key
        if key is None or key[0] is not vocab or key[1] != size or key[2] != default:
            self._found = self.table.indices(self.ids, vocab)
            self._key = vocab, size, default
        return self._found


class Tokens(Sequence[str]):
    """A sequence of str that equals the list of its tokens; it cannot be written to, and pickles as that list."""

    __slots__ = ("_block", "_end", "_start")

    def __init__(self, block: Block, start: int, end: int) -> None:
        self._block, self._start, self._end = block, start, end

    def indices(self, vocab: Vocab) -> list[int]:
        """Return the index of each token, which takes no look at their text.

        Raises:
            VocabError: One of them is unknown, and the vocabulary has no index for such.
        """
        found = self._block.indices(vocab)[self._start : self._end]
        return vocab.lookup_indices(list(self)) if None in found else found  # type: ignore[return-value] # no None

    def __len__(self) -> int:
        return self._end - self._start

    def __iter__(self) -> Iterator[str]:
        return map(self._block.table.itos.__getitem__, self._block.ids[self._start : self._end].tolist())

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            return list(self)[place]
        return self._block.table.itos[int(self._block.ids[range(self._start, self._end)[place]])]

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, (list, Tokens)) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as a list has none

    def __add__(self, other: Sequence[str]) -> list[str]:
        return list(self) + list(other)

    def __radd__(self, other: Sequence[str]) -> list[str]:
        return list(other) + list(self)

    def __repr__(self) -> str:
        return repr(list(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (list(self),)
