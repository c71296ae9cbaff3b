"""A finalfusion file, ``.fifu`` → blocks of its words, each with the vector it had before it was normalised.

A file is a header and chunks, each with its number and its length: a vocabulary, an array of rows or of codes, and
often the rows' norms. finalfusion keeps rows of length 1 and the norms apart; here they are multiplied again, so
that the numbers are the ones that were trained. Of a vocabulary with n-grams the words alone are read: their rows
are whole without the n-grams, of which finalfusion makes vectors for other words by a rule of its own.

Source: finalfusion-rust ``src/chunks``; finalfusion-python 0.7 ``io.py``, ``storage`` and ``vocab``.
"""

from __future__ import annotations

import logging
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from torchvectors.errors import ParseError
from torchvectors.formats.block import Block
from torchvectors.formats.fasttext.cursor import CURE, Cursor
from torchvectors.formats.utf8 import only_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["is_finalfusion", "read_finalfusion"]

logger = logging.getLogger(__name__)

MAGIC, VERSION = b"FiFu", 0
BLOCK = 512 * 1024  # bytes of rows made at a time
LARGEST_DIM = 1 << 20  # numbers of a row; nothing is allocated that a lying header asks for
LARGEST_RATIO = 200  # quantised rows may grow to so many times the file, as an archive may
MOST_CHUNKS = 64  # there are nine kinds

_SIMPLE, _ARRAY, _BUCKETS, _QUANTIZED, _NORMS, _FASTTEXT, _EXPLICIT, _FLORET = 1, 2, 3, 4, 6, 7, 8, 9
# What stands before the words, by `struct`'s letters: the first number is how many there are.
_VOCABS = {_SIMPLE: "Q", _BUCKETS: "QIII", _FASTTEXT: "QIII", _EXPLICIT: "QQII"}
_F32, _U8 = 10, 1


def is_finalfusion(head: bytes) -> bool:
    """Say whether a file that begins like this is finalfusion's: by its magic number and the version's zeros."""
    return head.startswith(MAGIC) and (len(head) < 8 or head[6:8] == b"\0\0")


class Rows(Protocol):
    """N rows in a file, made as they are asked for."""

    def __len__(self) -> int: ...

    @property
    def dim(self) -> int:
        """Numbers per row."""

    def take(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return copies of the rows from ``start`` to ``stop``: float32 (stop - start, dim)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Dense:
    matrix: NDArray[np.float32]  # (N, dim), mapped

    def __len__(self) -> int:
        return len(self.matrix)

    @property
    def dim(self) -> int:
        return int(self.matrix.shape[1])

    def take(self, start: int, stop: int) -> NDArray[np.float32]:
        return self.matrix[start:stop].astype(np.float32)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Quantized:
    """Rows as codes: code j of a row names one of the centroids of part j of the dims."""

    codes: NDArray[np.uint8]  # (N, parts), mapped
    centroids: NDArray[np.float32]  # (parts, centroids, dim / parts)
    projection: NDArray[np.float32] | None  # (dim, dim): rows were turned by it before they were quantised
    norms: NDArray[np.float32] | None  # (N,), mapped

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def dim(self) -> int:
        return int(self.centroids.shape[0] * self.centroids.shape[2])

    def take(self, start: int, stop: int) -> NDArray[np.float32]:
        codes = self.codes[start:stop]
        if int(codes.max(initial=0)) >= self.centroids.shape[1]:
            raise ValueError(
                f"a code among the rows {start:,} to {stop:,} names a centroid that is not there"
            )
        rows = self.centroids[np.arange(codes.shape[1]), codes].reshape(len(codes), self.dim)
        if self.projection is not None:
            rows = rows @ self.projection.T
        return rows if self.norms is None else rows * self.norms[start:stop, None]


def read_finalfusion(path: Path, *, name: str, max_vectors: int | None = None) -> Iterator[Block]:
    """Read words and rows, in the file's order.

    Args:
        path: The file, which is mapped.
        name: What errors call it.
        max_vectors: Stop after so many words; None or 0 means all of them.

    Yields:
        Blocks, all of one dim; none of them empty. Rows are float32, multiplied by their norms where the file
        has them; quantised ones are decoded.

    Raises:
        ParseError: The file is cut, or contradicts itself, or lacks words or rows; or is floret's, which has no
            words. It comes before the first block, but for codes that run out of centroids.
    """
    cursor = Cursor(path, name)
    chunks = _chunks(cursor, name)
    starts, ends, kind = _words(cursor, chunks, name)
    rows = _rows(cursor, chunks, name)
    if len(rows) < len(starts):
        raise ParseError(f"{name}: it has {len(starts):,} words and only {len(rows):,} rows. {CURE}")
    norms = _norms(cursor, chunks, len(starts))
    if kind != _SIMPLE:
        logger.info("%s: its n-grams are left out; its %d words have rows of their own", name, len(starts))

    def blocks() -> Iterator[Block]:
        size = max(BLOCK // (4 * rows.dim), 1)
        for start in range(0, len(starts), size):
            stop = min(start + size, len(starts))
            with np.errstate(over="ignore", invalid="ignore"):  # a damaged row may hold any number
                try:
                    part = rows.take(start, stop)
                except ValueError as error:
                    raise ParseError(f"{name}: {error}. {CURE}") from error
                if norms is not None:
                    part *= norms[start:stop, None]
            places = zip(starts[start:stop], ends[start:stop], strict=True)
            yield Block.of([cursor.text(*place) for place in places], part)

    return only_text(blocks(), name=name, max_vectors=max_vectors)


def _chunks(cursor: Cursor, name: str) -> dict[int, tuple[int, int]]:
    """Return where each kind of chunk begins and ends, having seen that all of them lie within the file."""
    if cursor.raw(4, "the magic number").tobytes() != MAGIC:
        raise ParseError(f"{name}: this is no finalfusion file: it does not begin with {MAGIC!r}.")
    version, count = cursor.numbers("II", "the header")
    if version != VERSION:
        raise ParseError(
            f"{name}: this is finalfusion's version {version}, and version {VERSION} is read here."
        )
    if count > MOST_CHUNKS:
        raise cursor.wrong(f"the header speaks of {count:,} chunks")
    cursor.numbers(f"{count}I", "the header's list of chunks")
    found: dict[int, tuple[int, int]] = {}
    for number in range(count):
        kind, length = cursor.numbers("IQ", f"the head of chunk {number + 1} of {count}")
        start = cursor.place
        if kind == _EXPLICIT:
            # finalfusion-python 0.7 gives this chunk a length without its n-grams' numbers, and never looks at it.
            length = _length_of_explicit(cursor)
            cursor.place = start
        cursor.raw(length, f"chunk {number + 1} of {count}, which is of kind {kind}")
        if kind in found:
            raise cursor.wrong(f"there are two chunks of kind {kind}")
        found[kind] = start, cursor.place
    return found


def _words(
    cursor: Cursor, chunks: dict[int, tuple[int, int]], name: str
) -> tuple[array[int], array[int], int]:
    """Return where each word begins and ends in the file, and of what kind their chunk is."""
    kind = next((one for one in _VOCABS if one in chunks), None)
    if kind is None:
        if _FLORET in chunks:
            text = "this is a floret table, which has rows for n-grams and no words"
            raise ParseError(f"{name}: {text}. Write the words' vectors with floret's `print-word-vectors`.")
        raise ParseError(f"{name}: there are no words in this file, only chunks of the kinds {list(chunks)}.")
    cursor.place, end = chunks[kind]
    count = cursor.numbers(_VOCABS[kind], "the head of the vocabulary")[0]
    return *_items(cursor, count, end), kind


def _items(cursor: Cursor, count: int, end: int, behind: int = 0) -> tuple[array[int], array[int]]:
    """Pass over ``count`` texts, each after its length and before ``behind`` bytes; return where they lie."""
    if (4 + behind) * count > end - cursor.place:
        raise cursor.wrong(f"{count:,} words cannot be in the {end - cursor.place:,} bytes of the vocabulary")
    starts, ends, place = array("q"), array("q"), cursor.place
    for number in range(count):
        start = place + 4
        stop = start + int.from_bytes(cursor.text(start - 4, start), "little")
        place = stop + behind
        if start > end or place > end:
            cursor.place = start
            raise cursor.wrong(f"word {number + 1:,} of {count:,} goes on behind the end of the vocabulary")
        starts.append(start)
        ends.append(stop)
    cursor.place = place
    return starts, ends


def _length_of_explicit(cursor: Cursor) -> int:
    start = cursor.place
    words, ngrams, _, _ = cursor.numbers(_VOCABS[_EXPLICIT], "the head of the vocabulary")
    _items(cursor, words, cursor.size)
    _items(cursor, ngrams, cursor.size, behind=8)
    return cursor.place - start


def _rows(cursor: Cursor, chunks: dict[int, tuple[int, int]], name: str) -> Rows:
    if _ARRAY in chunks:
        return _dense(cursor, *chunks[_ARRAY])
    if _QUANTIZED in chunks:
        return _quantized(cursor, *chunks[_QUANTIZED])
    raise ParseError(f"{name}: there are words and no rows in this file. {CURE}")


def _dense(cursor: Cursor, start: int, end: int) -> _Dense:
    cursor.place = start
    n, dim, dtype = cursor.numbers("QII", "the head of the rows")
    _expect(cursor, dtype, _F32, "the rows")
    _plausible(cursor, n, dim)
    _pad(cursor)
    flat = _within(cursor, 4 * n * dim, end, f"{n:,} rows of dim {dim}").view("<f4")
    return _Dense(matrix=flat.reshape(n, dim))


def _quantized(cursor: Cursor, start: int, end: int) -> _Quantized:
    cursor.place = start
    head = cursor.numbers("IIIIIQII", "the head of the codes")
    projected, normed, parts, dim, centroids, n, codes_dtype, dtype = head
    _expect(cursor, codes_dtype, _U8, "the codes")
    _expect(cursor, dtype, _F32, "the centroids")
    _plausible(cursor, n, dim)
    if not parts or dim % parts or not 0 < centroids <= 256:
        raise cursor.wrong(f"rows of dim {dim} in {parts} parts of {centroids} centroids cannot be")
    if 4 * n * dim > LARGEST_RATIO * cursor.size:
        raise cursor.wrong(f"the codes would unpack to {n:,} rows of dim {dim:,}")
    _pad(cursor)

    def floats(what: str, *shape: int) -> NDArray[np.float32]:
        nbytes = 4 * int(np.prod(shape, dtype=object))
        return _within(cursor, nbytes, end, what).view("<f4").reshape(shape)

    projection = floats("the projection", dim, dim) if projected else None
    table = floats("the centroids", parts, centroids, dim // parts)
    norms = floats(f"the norms of {n:,} rows", n) if normed else None
    codes = _within(cursor, n * parts, end, f"the codes of {n:,} rows").reshape(n, parts)
    return _Quantized(codes=codes, centroids=table, projection=projection, norms=norms)


def _norms(cursor: Cursor, chunks: dict[int, tuple[int, int]], count: int) -> NDArray[np.float32] | None:
    if _NORMS not in chunks:
        return None
    cursor.place, end = chunks[_NORMS]
    n, dtype = cursor.numbers("QI", "the head of the norms")
    _expect(cursor, dtype, _F32, "the norms")
    if n < count:
        raise cursor.wrong(f"there are {n:,} norms for {count:,} words")
    _pad(cursor)
    return _within(cursor, 4 * n, end, f"{n:,} norms").view("<f4")


def _expect(cursor: Cursor, found: int, dtype: int, what: str) -> None:
    if found != dtype:
        raise cursor.wrong(f"{what} are of type {found}, and of type {dtype} alone they can be read")


def _plausible(cursor: Cursor, n: int, dim: int) -> None:
    if not (n and 0 < dim <= LARGEST_DIM):
        raise cursor.wrong(f"{n:,} rows of dim {dim:,} cannot be")


def _pad(cursor: Cursor) -> None:
    # One to four bytes: four where the place is a multiple of four already.
    cursor.raw(4 - cursor.place % 4, "the padding before an array")


def _within(cursor: Cursor, nbytes: int, end: int, what: str) -> NDArray[np.uint8]:
    if nbytes > end - cursor.place:
        raise cursor.wrong(f"{what} take {nbytes:,} bytes, and their chunk has {end - cursor.place:,} left")
    return cursor.raw(nbytes, what)
