"""Tokens → rows: a hash index that lies in the file and is used in place.

The 64-bit hashes of the distinct tokens stand in rising order, each with its row. A hash's leading bits number its
bucket, and a table says where each bucket starts; a bucket holds one or two tokens, so that a look-up reads the
table, a hash, and the one token that it then compares byte for byte. A hash says where to look and decides
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NewType

import numpy as np
from xxhash import xxh3_64_intdigest

from torchvectors.errors import StoreError
from torchvectors.store.layout import CURE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from torchvectors.store.layout import Array

__all__ = ["Row", "TokenIndex", "build_index", "hashes_of"]

Row = NewType("Row", int)  # position of a token in a store


def hashes_of(tokens: Sequence[bytes]) -> NDArray[np.uint64]:
    """Return the hash of each of n tokens, XXH3-64 of its UTF-8 without a seed: uint64 (n,)."""
    return np.fromiter(map(xxh3_64_intdigest, tokens), np.uint64, len(tokens))


def build_index(
    hashes: NDArray[np.uint64], token_bytes: NDArray[np.uint8], offsets: NDArray[np.uint64]
) -> dict[str, NDArray[Any]]:
    """Return the arrays ``index_hashes``, ``index_rows`` and ``index_starts`` for the tokens of N rows.

    Of rows with equal tokens the last one is found, as by torchtext's ``stoi``.
    """
    order = np.argsort(hashes, kind="stable")
    order = order[_is_last(order, hashes, token_bytes, offsets)]
    ranked = hashes[order]
    bits = len(ranked).bit_length() - 1
    buckets = (
        np.arange(1 << bits, dtype=np.uint64) << np.uint64(64 - bits) if bits else np.zeros(1, np.uint64)
    )
    starts = np.append(np.searchsorted(ranked, buckets), len(ranked))
    return {
        "index_hashes": ranked,
        "index_rows": order.astype(np.uint32),
        "index_starts": starts.astype(np.uint32),
    }


def _is_last(
    order: NDArray[np.intp],
    hashes: NDArray[np.uint64],
    token_bytes: NDArray[np.uint8],
    offsets: NDArray[np.uint64],
) -> NDArray[np.bool_]:
    """Say for each of ``order`` whether no later row has the same token."""
    keep = np.ones(len(order), np.bool_)
    ranked = hashes[order]
    # Equal hashes are neighbours, in the order of their rows, and rare: only these tokens need a look.
    runs = np.flatnonzero(ranked[:-1] == ranked[1:])
    seen: dict[bytes, int] = {}
    for place in np.union1d(runs, runs + 1).tolist():
        row = int(order[place])
        token = token_bytes[int(offsets[row]) : int(offsets[row + 1])].tobytes()
        if token in seen:
            keep[seen[token]] = False
        seen[token] = place
    return keep


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TokenIndex:
    """The tokens of a mapped store, by row and by text."""

    name: str  # of the store, for errors
    token_bytes: memoryview
    offsets: memoryview  # uint64, one more than there are rows
    hashes: memoryview  # uint64
    rows: memoryview  # uint32
    starts: memoryview  # uint32
    shift: int  # hash >> shift is the bucket

    @classmethod
    def over(cls, name: str, tensors: Mapping[str, Array]) -> TokenIndex:
        """Make the index over a store's arrays; nothing is copied."""
        return cls(
            name=name,
            token_bytes=tensors["token_bytes"].data,
            offsets=tensors["token_offsets"].data,
            hashes=tensors["index_hashes"].data,
            rows=tensors["index_rows"].data,
            starts=tensors["index_starts"].data,
            shift=64 - (len(tensors["index_starts"]) - 1).bit_length() + 1,  # 2 ** bits buckets, and one end
        )

    def __len__(self) -> int:
        """The number of distinct tokens."""
        return len(self.hashes)

    def token(self, row: int) -> bytes:
        """Return the UTF-8 of a row's token.

        Raises:
            StoreError: The store's offsets do not fall within its text.
        """
        return self._text(row).tobytes()

    def _text(self, row: int) -> memoryview:
        start, end = self.offsets[row], self.offsets[row + 1]
        if not start <= end <= len(self.token_bytes):
            raise self._broken()
        return self.token_bytes[start:end]

    def find(self, token: str) -> Row | None:
        """Return the row of a token, or None.

        Raises:
            StoreError: The store's index contradicts itself.
        """
        sought = token.encode("utf-8", "surrogatepass")
        number = xxh3_64_intdigest(sought)
        bucket = number >> self.shift
        start, end = self.starts[bucket], self.starts[bucket + 1]
        try:
            for place in range(start, end):
                if self.hashes[place] == number:
                    row = self.rows[place]
                    if self._text(row) == sought:
                        return Row(row)
        except IndexError as error:
            raise self._broken() from error
        if start > end:
            raise self._broken()
        return None

    def find_all(self, tokens: Sequence[str]) -> NDArray[np.int64]:
        """Return the rows of n tokens: int64 (n,), -1 where there is none.

        Raises:
            StoreError: The store's index contradicts itself.
        """
        sought = [token.encode("utf-8", "surrogatepass") for token in tokens]
        numbers = hashes_of(sought)
        bucket = numbers >> np.uint64(self.shift)
        hashes, rows, starts = (np.asarray(view) for view in (self.hashes, self.rows, self.starts))
        place, end = starts[bucket].astype(np.int64), starts[bucket + np.uint64(1)].astype(np.int64)
        if (place > end).any():
            raise self._broken()
        found = np.full(len(sought), -1, np.int64)
        left = np.flatnonzero(place < end)
        try:
            while len(left):
                alike = left[hashes[place[left]] == numbers[left]]
                for i, row in zip(alike.tolist(), rows[place[alike]].tolist(), strict=True):
                    if self._text(row) == sought[i]:
                        found[i] = row
                place[left] += 1
                left = left[(found[left] < 0) & (place[left] < end[left])]
        except IndexError as error:
            raise self._broken() from error
        return found

    def _broken(self) -> StoreError:
        return StoreError(
            f"{self.name}: this store's tokens or its index contradict themselves: it is damaged. {CURE}"
        )
