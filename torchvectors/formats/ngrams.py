"""Words → the rows of their character n-grams, as fastText numbers them; and the sums of such rows.

A word stands between ``<`` and ``>``. Its n-grams are all runs of ``minn`` to ``maxn`` of these characters, but for
the two brackets alone. An n-gram's bucket is the FNV-1a hash of its UTF-8, modulo the number of buckets, and each
bucket has a row. ``</s>``, the end of a line, has no n-grams.

Everything here takes many words at a time, so that no Python runs for an n-gram.

Source: facebookresearch/fastText ``src/dictionary.cc`` (``computeSubwords``, ``hash``) and ``src/fasttext.cc``
(``getWordVector``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

__all__ = ["LARGEST_N", "LINE_END", "NgramRows", "Ngrams", "PlainRows", "add_rows", "sum_of"]

LINE_END = b"</s>"
LARGEST_N = 128  # characters; a model whose n-grams are longer is none, and would take no end of memory

_ZERO = np.float32(0)
_BASIS, _PRIME = np.uint32(2166136261), np.uint32(16777619)
_BLOCK = 512  # sums made at a time, so that they stay in a core's cache
_FEW = 24  # words whose n-grams are faster numbered one by one
_AT_ONCE = 1 << 24  # bytes of rows that are taken for one word at a time
_FEW_SUMS = 64  # sums that are faster made one by one


class NgramRows(Protocol):
    """A matrix float32 (G, dim) that is read some rows at a time: mapped, or unpacked on the way."""

    def __len__(self) -> int:
        """The number of rows, G."""

    def take(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return copies of n rows: (n, dim)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlainRows:
    """Rows that lie in an array."""

    array: NDArray[np.float32]  # (G, dim)

    def __len__(self) -> int:
        return len(self.array)

    def take(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return copies of n rows: (n, dim)."""
        return self.array.take(rows, axis=0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ngrams:
    """The n-grams of a fastText model: which ones a word has, and their rows."""

    minn: int  # characters
    maxn: int
    buckets: int
    rows: NgramRows
    # The bucket of each row, rising; None where each bucket has a row. An n-gram without a row does not count.
    kept: NDArray[np.uint32] | None = None

    def __post_init__(self) -> None:
        rows = self.buckets if self.kept is None else len(self.kept)
        if not (self.minn <= self.maxn <= LARGEST_N and self.maxn > 0):
            raise ValueError(
                f"n-grams of {self.minn} to {self.maxn} characters: 1 to {LARGEST_N} are possible"
            )
        if not 0 < self.buckets < 1 << 31:
            raise ValueError(f"{self.buckets} buckets of n-grams: 1 to {(1 << 31) - 1} are possible")
        if len(self.rows) != rows:
            raise ValueError(f"{rows} buckets of n-grams have {len(self.rows)} rows")

    def kept_rise(self) -> bool:
        """Say whether the numbers of the kept n-grams rise, and stay below that of the buckets; reads them all."""
        kept = self.kept
        return kept is None or bool((kept[:-1] < kept[1:]).all() and (kept[-1:] < self.buckets).all())

    def rows_of(self, words: Sequence[bytes]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the rows of the n-grams of n words, end to end, and how many each word has: int64 (n,).

        They come in the library's order, by first character and then by length. A word may have one several times.
        """
        buckets, counts = _buckets_of(words, self.minn, self.maxn, self.buckets)
        if self.kept is None:
            return buckets, counts
        rows, good = _places_in(self.kept, buckets)
        return rows, _per_word(good, counts)

    def rows_of_one(self, word: bytes) -> NDArray[np.int64]:
        """Return the rows of the n-grams of one word, as `rows_of` does."""
        buckets = _buckets_of_one(word, self.minn, self.maxn, self.buckets)
        return buckets if self.kept is None else _places_in(self.kept, buckets)[0]


def _places_in(
    kept: NDArray[np.uint32], buckets: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return where those of n buckets stand that are kept; and of each whether it is: (n,)."""
    places = np.searchsorted(kept, buckets)
    places[places == len(kept)] = 0
    good: NDArray[np.bool_] = kept[places] == buckets if len(kept) else np.zeros(len(buckets), np.bool_)
    return places[good], good


def _buckets_of(
    words: Sequence[bytes], minn: int, maxn: int, buckets: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the buckets of the n-grams of n words, end to end, and how many each word has."""
    if len(words) <= _FEW:
        single = [_buckets_of_one(word, minn, maxn, buckets) for word in words]
        counts = np.array([len(one) for one in single], np.int64)
        return np.concatenate([*single, np.empty(0, np.int64)]), counts
    written = [b"" if word == LINE_END else b"<%b>" % word for word in words]
    raw = np.frombuffer(b"".join(written), np.uint8)
    starts = np.flatnonzero((raw & 0xC0) != 0x80)  # the first byte of each character
    sizes = np.diff(starts, append=len(raw))  # bytes of each character
    ends = np.fromiter(map(len, written), np.int64, len(written)).cumsum()
    last = np.searchsorted(starts, ends)  # of each word, the character behind its last one
    per_word = np.diff(last, prepend=0)
    left = np.repeat(last, per_word) - np.arange(len(starts))  # characters from here to the word's end
    least, most = max(minn, 1), min(maxn, int(left.max(initial=0)))
    if most < least:
        return np.empty(0, np.int64), np.zeros(len(words), np.int64)

    # The hash takes a byte for a signed number, which C++ extends to 32 bits. All characters are gone through from
    # each one on, also past its word's end: what is too long is left out at the end, all at once.
    signed = np.append(raw, np.zeros(1, np.uint8)).view(np.int8).astype(np.int32).view(np.uint32)
    begins, behind = np.append(starts, np.full(most, len(raw))), np.append(sizes, np.zeros(most, np.int64))
    leading, longest = signed[begins], int(sizes.max(initial=1))
    found = np.empty((len(starts), most - least + 1), np.uint32)
    hashes = np.full(len(starts), _BASIS, np.uint32)
    for n in range(1, most + 1):
        here = slice(n - 1, n - 1 + len(starts))
        hashes = (hashes ^ leading[here]) * _PRIME
        for more in range(1, longest):
            has = np.flatnonzero(behind[here] > more)
            hashes[has] = (hashes[has] ^ signed[begins[here][has] + more]) * _PRIME
        if n >= least:
            found[:, n - least] = hashes % np.uint32(buckets)
    good = left[:, None] >= np.arange(least, most + 1)
    if least == 1:
        good[(last - per_word)[per_word > 0], 0] = False
        good[(last - 1)[per_word > 0], 0] = False
    totals = np.append(0, np.count_nonzero(good, axis=1).cumsum())
    return found[good].astype(np.int64), np.diff(totals[np.append(0, last)])


def _buckets_of_one(word: bytes, minn: int, maxn: int, buckets: int) -> NDArray[np.int64]:
    """Return the same for one word: what numpy needs to begin takes as long as ten words here."""
    text, least = b"<%b>" % word, max(minn, 1)
    if word == LINE_END or min(maxn, len(text)) < least:
        return np.empty(0, np.int64)
    if not text.isascii():
        return np.array(_buckets_by_characters(text, least, maxn, buckets), np.int64)
    size, most = len(text), min(maxn, len(text))
    mask, hashes, places = _lanes(size, least, most)
    # All n-grams of a length at once, in one int: a hash is of 32 bits, the prime of 25, so that a product stays
    # within 64.
    left = int.from_bytes(np.frombuffer(text, np.uint8).astype("<u8").tobytes(), "little")
    found = []
    for n in range(1, most + 1):
        hashes = (hashes ^ left) * 16777619 & mask
        left >>= 64
        if n >= least:
            found.append(hashes.to_bytes(8 * size, "little"))
    every = np.frombuffer(b"".join(found), "<u8").take(places)
    numbered: NDArray[np.int64] = (every % np.uint64(buckets)).astype(np.int64)
    return numbered


@lru_cache(maxsize=256)
def _lanes(size: int, least: int, most: int) -> tuple[int, int, NDArray[np.intp]]:
    """Return what does not depend on the letters of a text of so many bytes, one to a character.

    An int with 32 ones in each 64 bits; one with the hash of nothing there; and where, among the hashes by length and
    then by first character, those of the n-grams are, by first character and then by length.
    """
    ones = ((1 << 64 * size) - 1) // ((1 << 64) - 1)
    first, n = np.indices((size, most - least + 1))
    n += least
    there = first + n <= size
    there &= (n > 1) | ((first > 0) & (first < size - 1))
    return ones * 0xFFFFFFFF, ones * 2166136261, ((n - least) * size + first)[there]


def _buckets_by_characters(text: bytes, least: int, maxn: int, buckets: int) -> list[int]:
    """Return the buckets of a text whose characters may have several bytes."""
    bounds = [place for place, byte in enumerate(text) if byte & 0xC0 != 0x80] + [len(text)]
    signed = [byte | 0xFFFFFF00 if byte > 0x7F else byte for byte in text]
    found, last = [], len(bounds) - 2
    for first in range(len(bounds) - least):
        number, place = 2166136261, bounds[first]
        for n, end in enumerate(bounds[first + least : first + maxn + 1], least):
            for byte in signed[place:end]:
                number = (number ^ byte) * 16777619 & 0xFFFFFFFF
            place = end
            if n > 1 or 0 < first < last:
                found.append(number % buckets)
    return found


def _per_word(good: NDArray[np.bool_], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many of each word's n-grams are good."""
    ends = np.append(0, counts.cumsum())
    per_word: NDArray[np.int64] = np.diff(np.append(0, good.cumsum())[ends])
    return per_word


def sum_of(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the sum of n rows, (dim,), one after another; of none, zeros."""
    if rows.shape[1] > 1:  # numpy adds row to row, for that is how they lie
        summed: NDArray[np.float32] = np.add.reduce(rows, axis=0, initial=_ZERO)
        return summed
    # Of numbers in a line it adds pairs first, and rounds otherwise.
    return np.add.accumulate(np.append(_ZERO, rows))[-1:]


def add_rows(
    sums: NDArray[np.float32],
    take: Callable[[NDArray[np.int64]], NDArray[np.float32]],
    rows: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> None:
    """Add to each of n sums its rows, one after another: in another order they would round otherwise.

    Args:
        sums: float32 (n, dim), added to in place.
        take: Gives rows of the matrix.
        rows: Which ones, those of the first sum first.
        counts: How many each sum takes: int64 (n,).
    """
    if len(counts) <= _FEW_SUMS:
        size = max(_AT_ONCE // max(4 * sums.shape[1], 1), 1)
        for own, end, count in zip(sums, counts.cumsum().tolist(), counts.tolist(), strict=True):
            for start in range(end - count, end, size):
                own[:] = sum_of(np.concatenate([own[None], take(rows[start : min(start + size, end)])]))
        return
    ends = counts.cumsum()
    for start in range(0, len(counts), _BLOCK):
        block = slice(start, start + _BLOCK)
        _add_block(sums[block], take, rows, (ends - counts)[block], counts[block])


def _add_block(
    sums: NDArray[np.float32],
    take: Callable[[NDArray[np.int64]], NDArray[np.float32]],
    rows: NDArray[np.int64],
    starts: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> None:
    """Add to each of n sums its next row, to all at once, until none has more; ``starts`` in ``rows``."""
    order = np.argsort(-counts, kind="stable")
    first, ranked = starts[order], counts[order]
    partial = sums[order]
    # How many sums take more than k rows.
    going = np.searchsorted(-ranked, -np.arange(int(ranked.max(initial=0))), side="left")
    for k, active in enumerate(going.tolist()):
        partial[:active] += take(rows[first[:active] + k])
    sums[order] = partial
