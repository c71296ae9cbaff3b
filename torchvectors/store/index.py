"""Tokens → rows: a hash index that lies in the file and is used in place.

The 64-bit hashes of the distinct tokens stand in rising order, each with its row. A hash's leading bits number its
bucket, and a table says where each bucket starts; a bucket holds one or two tokens, so that a look-up reads the
table, a hash, and the one token that it then compares byte for byte. A hash says where to look and decides
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NewType

import numpy as np
from xxhash import xxh3_64_intdigest

from torchvectors.errors import StoreError
from torchvectors.store.columns import pieces
from torchvectors.store.layout import CURE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from torchvectors.store.layout import Array

__all__ = ["Row", "TokenIndex", "hashes_of", "ranked", "starts_of"]

Row = NewType("Row", int)  # position of a token in a store

_CHUNK = 1 << 14  # tokens looked up at a time, so that what is known of them stays in a core's cache
_RANGE = 1 << 20  # rows, about, whose hashes are sorted together
_FEW = 24  # tokens that are found one by one before numpy has begun


def hashes_of(tokens: Sequence[bytes]) -> NDArray[np.uint64]:
    """Return the hash of each of n tokens, XXH3-64 of its UTF-8 without a seed: uint64 (n,)."""
    return np.fromiter(map(xxh3_64_intdigest, tokens), np.uint64, len(tokens))


def _encoded(tokens: Iterable[str]) -> list[bytes]:
    """Return the UTF-8 of each token; of lone surrogates, which have none, what they would be in it."""
    try:
        return [token.encode() for token in tokens]
    except UnicodeEncodeError:
        return [token.encode("utf-8", "surrogatepass") for token in tokens]


def ranked(
    hashes: NDArray[np.uint64], token_bytes: NDArray[np.uint8], offsets: NDArray[np.uint64]
) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.uint32]]]:
    """Yield the hashes of N rows in rising order, range by range, and the row of each: what it takes is some 50 MB.

    Of rows with equal tokens the last one is found, as by torchtext's ``stoi``; the others are left out.
    """
    bits = (
        max(len(hashes) - 1, 0) // _RANGE
    ).bit_length()  # hashes are spread evenly, so ranges are of one size
    for number in range(1 << bits):
        rows = _within(hashes, bits, number) if bits else np.arange(len(hashes))
        found = hashes[rows] if bits else hashes
        order = np.argsort(found)
        found, rows = found[order], rows[order]
        keep = _is_last(rows, found, token_bytes, offsets)
        yield found[keep], rows[keep].astype(np.uint32)


def _within(hashes: NDArray[np.uint64], bits: int, number: int) -> NDArray[np.int64]:
    """Return the rows whose hashes begin with these bits."""
    shift, wanted = np.uint64(64 - bits), np.uint64(number)
    found = [np.flatnonzero(hashes[piece] >> shift == wanted) + piece.start for piece in pieces(len(hashes))]
    return np.concatenate(found)


def starts_of(ranked: NDArray[np.uint64]) -> Iterator[NDArray[np.uint32]]:
    """Yield where each bucket of some hashes in rising order starts, and where the last one ends."""
    bits = len(ranked).bit_length() - 1
    shift, first = np.uint64(64 - bits if bits else 0), 0
    for piece in pieces(1 << bits):
        after = (piece.stop << (64 - bits)) - 1
        last = int(np.searchsorted(ranked, np.uint64(after), "right"))
        buckets = (
            (ranked[first:last] >> shift).astype(np.int64) - piece.start if bits else np.zeros(last, np.int64)
        )
        counts = np.bincount(buckets, minlength=piece.stop - piece.start)
        yield (counts.cumsum() - counts + first).astype(np.uint32)
        first = last
    yield np.array([first], np.uint32)


def _is_last(
    rows: NDArray[np.int64],
    ranked: NDArray[np.uint64],
    token_bytes: NDArray[np.uint8],
    offsets: NDArray[np.uint64],
) -> NDArray[np.bool_]:
    """Say for each of some rows in the order of their hashes whether no later row has the same token.

    Rows of one hash are put into their own order.
    """
    keep = np.ones(len(rows), np.bool_)
    # Equal hashes are neighbours, and rare: only these tokens need a look.
    runs = np.flatnonzero(ranked[:-1] == ranked[1:])
    if not len(runs):
        return keep
    places = np.union1d(runs, runs + 1)
    alike = rows[places]
    rows[places] = alike[np.lexsort((alike, ranked[places]))]
    seen: dict[bytes, int] = {}
    for place in places.tolist():
        row = int(rows[place])
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

    def decoded(self, start: int, stop: int) -> list[str] | None:
        """Return the tokens of the rows from ``start`` to ``stop``; None if one of them cannot be had."""
        offsets = np.asarray(self.offsets)[start : stop + 1]
        if (offsets[:-1] > offsets[1:]).any() or offsets[-1] > len(self.token_bytes):
            return None
        text = self.token_bytes[int(offsets[0]) : int(offsets[-1])].tobytes()
        borders = pairwise((offsets - offsets[0]).tolist())
        try:
            if text.isascii():  # a piece of a str is had in half the time of one that is decoded
                whole = text.decode()
                return [whole[first:last] for first, last in borders]
            return [text[first:last].decode() for first, last in borders]
        except UnicodeDecodeError:
            return None

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
        try:
            sought = token.encode()
        except UnicodeEncodeError:
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
        if len(tokens) <= _FEW:
            rows = [self.find(token) for token in tokens]
            return np.array([-1 if row is None else row for row in rows], np.int64)
        found = np.empty(len(tokens), np.int64)
        try:
            for start in range(0, len(tokens), _CHUNK):
                found[start : start + _CHUNK] = self._find_some(_encoded(tokens[start : start + _CHUNK]))
        except IndexError as error:
            raise self._broken() from error
        return found

    def _find_some(self, sought: list[bytes]) -> NDArray[np.int64]:
        """Return the rows of n tokens, -1 where there is none: one step for all at a time, and no Python for each."""
        numbers = hashes_of(sought)
        bucket = (numbers >> np.uint64(self.shift)).astype(np.int64)
        hashes, starts = np.asarray(self.hashes), np.asarray(self.starts)
        place, end = starts[bucket].astype(np.int64), starts[bucket + 1].astype(np.int64)
        if (place > end).any():
            raise self._broken()
        found = np.full(len(sought), -1, np.int64)
        left = np.flatnonzero(place < end)
        while len(left):
            alike = left[hashes[place[left]] == numbers[left]]
            rows = np.asarray(self.rows)[place[alike]].astype(np.int64)
            same = self._are(
                rows, sought if len(alike) == len(sought) else [sought[i] for i in alike.tolist()]
            )
            found[alike[same]] = rows[same]
            place[left] += 1
            left = left[(found[left] < 0) & (place[left] < end[left])]
        return found

    def _are(self, rows: NDArray[np.int64], words: list[bytes]) -> NDArray[np.bool_]:
        """Say for each of n rows whether its token is this word, byte for byte: bool (n,)."""
        offsets, text = np.asarray(self.offsets), np.asarray(self.token_bytes)
        starts, ends = offsets[rows], offsets[rows + 1]
        if ((starts > ends) | (ends > len(text))).any():
            raise self._broken()
        lengths = np.fromiter(map(len, words), np.int64, len(words))
        same: NDArray[np.bool_] = (ends - starts).astype(np.int64) == lengths
        if not same.all():  # two tokens have one hash, which hardly ever happens
            words = [word for word, good in zip(words, same.tolist(), strict=True) if good]
            lengths, starts = lengths[same], starts[same]
        stops = lengths.cumsum()
        # Where each byte of the words, end to end, stands in the store.
        places = np.arange(stops[-1] if len(stops) else 0)
        places += np.repeat(starts.astype(np.int64) - (stops - lengths), lengths)
        wrong = np.flatnonzero(text[places] != np.frombuffer(b"".join(words), np.uint8))
        if len(wrong):
            same[np.flatnonzero(same)[np.searchsorted(stops, wrong, side="right")]] = False
        return same

    def _broken(self) -> StoreError:
        return StoreError(
            f"{self.name}: this store's tokens or its index contradict themselves: it is damaged. {CURE}"
        )
