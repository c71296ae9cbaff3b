"""Blocks → a store that appears whole or not at all."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
from xxhash import xxh3_128

from torchvectors import cache
from torchvectors.errors import StoreError
from torchvectors.formats import all_utf8
from torchvectors.store.columns import Column
from torchvectors.store.index import hashes_of, ranked, starts_of
from torchvectors.store.layout import (
    DATA_START,
    VECTOR_DTYPE,
    BrokenStoreError,
    Encoding,
    Tensor,
    ngram_metadata,
    pack,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from typing import BinaryIO

    from numpy.typing import NDArray

    from torchvectors.formats import Block, Ngrams

__all__ = ["write_store"]

MOST_ROWS = 1 << 32  # the index counts them in 32 bits
NGRAM_BLOCK = 1 << 20  # bytes of n-gram rows written at a time
NGRAM_KEYS = ("ngrams", "minn", "maxn", "bucket")


def write_store(
    path: Path,
    blocks: Iterable[Block],
    *,
    encoding: Encoding = "float32",
    metadata: Mapping[str, str] | None = None,
    ngrams: Ngrams | None = None,
) -> Path:
    """Write blocks to a store. Some tens of MB of memory are enough, whatever there is of tokens and rows.

    Args:
        path: The store's name; a file of this name is replaced.
        blocks: Tokens and rows, all of one dim, at least one. Of equal tokens the last one's row is found.
        encoding: ``float32``, as given; ``float16``; or ``int8`` with one float32 scale a row, which is the
            row's largest absolute value over 127.
        metadata: What is known of the source: plain strings, read when the last block has come. ``format``,
            ``version``, ``dim``, ``tokens``, ``encoding`` and ``checksum`` are added, and what the n-grams need.
        ngrams: What gives a vector to other tokens. Their rows, of the same dim, are kept as float32.

    Returns:
        ``path``.

    Raises:
        CacheError: The folder cannot be written.
        StoreError: There is no row, or none with numbers; a block is of another dim; a token is not UTF-8;
            a number is too large for the encoding; or the metadata are too long.
    """
    if encoding not in get_args(Encoding):
        raise StoreError(f"{path}: {encoding!r} is no encoding; there are {', '.join(get_args(Encoding))}.")
    with cache.replacing(path) as temporary, temporary.open("wb") as file, ExitStack() as stack:
        try:
            writer = _Writer(file, encoding, path.parent, stack)
            writer.write(blocks, {} if metadata is None else metadata, ngrams)
        except BrokenStoreError as error:
            raise StoreError(f"{path}: this store cannot be written: {error}.") from error
    return path


class _Writer:
    """A store on its way to the disk: rows go out as they come, tokens and index at the end, the header last."""

    def __init__(self, file: BinaryIO, encoding: Encoding, folder: Path, stack: ExitStack) -> None:
        self._file, self._encoding = file, encoding
        self._column = lambda dtype: stack.enter_context(Column(dtype, folder))
        self._tensors: dict[str, Tensor] = {}
        self._checksum = xxh3_128()
        self._end = 0  # bytes of data so far

    def write(self, blocks: Iterable[Block], metadata: Mapping[str, str], ngrams: Ngrams | None) -> None:
        self._file.write(bytes(DATA_START))
        text, offsets, hashes, scales = map(self._column, ("u1", "<u8", "<u8", "<f4"))
        offsets.append(np.zeros(1, np.uint64))
        n, dim, nbytes = 0, None, 0
        for block in blocks:
            found = block.rows.shape[1]
            dim = found if dim is None else dim
            if found != dim:
                raise BrokenStoreError(f"row {n} has dim {found}, and those before it {dim}")
            tokens = block.tokens()
            _refuse_bytes(block, tokens, n)
            encoded, scale = _encode(block.rows, self._encoding, n)
            self._append(encoded)
            text.append(block.token_bytes)
            offsets.append(block.token_lengths.cumsum(dtype=np.uint64) + np.uint64(nbytes))
            hashes.append(hashes_of(tokens))
            scales.append(scale)
            n, nbytes = n + len(block), nbytes + len(block.token_bytes)
        if not (0 < n < MOST_ROWS and dim):
            raise BrokenStoreError(f"there are {n} rows of dim {dim or 0}")
        self._tensors["vectors"] = Tensor(
            dtype=VECTOR_DTYPE[self._encoding], shape=(n, dim), start=0, end=self._end
        )
        # Zeros up to the next 64 bytes, for a safetensors file has no gaps and what follows wants to be aligned.
        text.append(np.zeros(-(self._end + nbytes) % 64, np.uint8))
        self._add("token_bytes", text.whole())
        self._add("token_offsets", offsets.whole())
        self._add_index(hashes.whole(), text.whole(), offsets.whole())
        if self._encoding == "int8":
            self._add("scales", scales.whole())
        if ngrams is not None:
            self._add_ngrams(ngrams, dim)
        # What the metadata of another store said of its n-grams is not true of this one.
        metadata = {key: text for key, text in metadata.items() if key not in NGRAM_KEYS}
        own = {"dim": str(dim), "tokens": str(n), "encoding": self._encoding, **ngram_metadata(ngrams)}
        own["checksum"] = f"xxh3_128:{self._checksum.hexdigest()}"
        self._file.seek(0)
        self._file.write(pack(self._tensors, {**metadata, **own}))

    def _add_index(
        self, hashes: NDArray[np.uint64], text: NDArray[np.uint8], offsets: NDArray[np.uint64]
    ) -> None:
        rising, rows, starts = map(self._column, ("<u8", "<u4", "<u4"))
        for some, their_rows in ranked(hashes, text, offsets):
            rising.append(some)
            rows.append(their_rows)
        for some_starts in starts_of(rising.whole()):
            starts.append(some_starts)
        self._add("index_hashes", rising.whole())
        self._add("index_rows", rows.whole())
        self._add("index_starts", starts.whole())

    def _add_ngrams(self, ngrams: Ngrams, dim: int) -> None:
        start, count = self._end, len(ngrams.rows)
        size = max(NGRAM_BLOCK // (4 * dim), 1)
        for first in range(0, count, size):
            rows = ngrams.rows.take(np.arange(first, min(first + size, count)))
            if rows.shape[1] != dim:
                raise BrokenStoreError(f"its n-grams have dim {rows.shape[1]}, and its tokens {dim}")
            self._append(rows.astype("<f4", copy=False))
        tensor = Tensor(dtype=np.dtype("<f4"), shape=(count, dim), start=start, end=self._end)
        self._tensors["ngram_vectors"] = tensor
        if ngrams.kept is not None:
            self._add("ngram_buckets", ngrams.kept.astype("<u4", copy=False))

    def _append(self, array: NDArray[Any]) -> None:
        data = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
        self._checksum.update(data)
        self._file.write(data)
        self._end += len(data)

    def _add(self, name: str, array: NDArray[Any]) -> None:
        start = self._end
        self._append(array)
        self._tensors[name] = Tensor(dtype=array.dtype, shape=array.shape, start=start, end=self._end)


def _refuse_bytes(block: Block, tokens: list[bytes], first_row: int) -> None:
    """See that each token is UTF-8."""
    if all_utf8(block.token_bytes, block.token_lengths):
        return
    for row, token in enumerate(tokens, first_row):
        if token.decode(errors="replace").encode() != token:
            raise BrokenStoreError(f"the token of row {row} is not UTF-8: {token[:60]!r}")


def _encode(
    rows: NDArray[np.float32], encoding: Encoding, first_row: int
) -> tuple[NDArray[Any], NDArray[np.float32]]:
    """Return the rows as stored, and their scales (none but for int8)."""
    scales = np.empty(0, np.float32)
    if encoding == "float32":
        return rows.astype(VECTOR_DTYPE[encoding], copy=False), scales
    with np.errstate(over="ignore", invalid="ignore"):
        if encoding == "float16":
            encoded: NDArray[Any] = rows.astype(np.float16)
            lost = np.isinf(encoded) & np.isfinite(rows)
        else:
            scales = np.abs(rows).max(axis=1, initial=0) / np.float32(127)
            # The scale of subnormal numbers is rough, and a quotient may then pass 127.
            quotients = np.rint(rows / np.where(scales > 0, scales, np.float32(1))[:, None]).clip(-127, 127)
            encoded = quotients.astype(np.int8)
            lost = ~np.isfinite(scales * np.float32(127))[:, None]  # inf, nan, and float32's own largest
    if lost.any():
        row = first_row + int(lost.any(axis=1).argmax())
        raise BrokenStoreError(f"row {row} holds a number that {encoding} cannot; float32 can")
    return encoded, scales
