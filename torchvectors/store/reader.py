"""A store's path → its tokens and rows, mapped."""

from __future__ import annotations

import json
import mmap
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from xxhash import xxh3_128

from torchvectors.errors import StoreError
from torchvectors.progress import quiet
from torchvectors.store.index import TokenIndex
from torchvectors.store.layout import (
    CURE,
    LONGEST_HEADER,
    VERSION,
    Encoding,
    Layout,
    OtherVersionError,
    header_is_whole,
    unpack,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from torchvectors.formats import Ngrams
    from torchvectors.progress import Progress
    from torchvectors.store.layout import Array

__all__ = ["OldStoreError", "Store", "is_of_another_version", "metadata_of", "open_store"]

_UPDATE = "Install a newer torchvectors; or delete the file, if this package made it: it is made anew."
_DECODED, _FEW = 1 << 10, 8  # tokens decoded at a time
_LONGEST_REASON = 300  # characters: a hostile header may hold a name of a megabyte


class OldStoreError(StoreError):
    """A store was made by an older version of this package: whoever has what it was made of makes it anew."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Store:
    """An open store of N tokens and rows. Nothing of it is in memory before it is asked for.

    `open_store` makes it. It pickles by its path, and is mapped anew where it arrives.
    """

    path: Path  # absolute, so that it leads here from another process's folder, too
    metadata: Mapping[str, str]
    encoding: Encoding
    index: TokenIndex
    vectors: Array  # (N, dim) as stored; read-only
    scales: Array | None  # (N,) float32, of an int8 store
    data_start: int  # bytes before row 0
    ngrams: Ngrams | None  # what gives a vector to other tokens; its rows are mapped, read-only

    def __len__(self) -> int:
        return len(self.vectors)

    def __reduce__(self) -> tuple[object, ...]:
        return open_store, (self.path, self.checksum)

    @property
    def dim(self) -> int:
        """Numbers per row."""
        return int(self.vectors.shape[1])

    @property
    def checksum(self) -> str:
        """``xxh3_128:…`` over all bytes after the header: two stores with one checksum hold the same."""
        return self.metadata["checksum"]

    def tokens(self, start: int = 0, stop: int | None = None) -> Iterator[str]:
        """Yield the tokens of the rows from ``start`` to ``stop``, in order.

        Raises:
            StoreError: A token is not UTF-8, or does not lie within the store's text.
        """
        wanted = range(len(self))[start:stop]
        for first in range(wanted.start, wanted.stop, _DECODED):
            last = min(first + _DECODED, wanted.stop)
            # A few are had sooner one by one; and where one cannot be had, those before it can.
            some = self.index.decoded(first, last) if last - first > _FEW else None
            yield from self._one_by_one(first, last) if some is None else some

    def _one_by_one(self, start: int, stop: int) -> Iterator[str]:
        try:
            for row in range(start, stop):
                yield self.index.token(row).decode()
        except UnicodeDecodeError as error:
            raise StoreError(f"{self.path}: the token of row {row} is not UTF-8. {CURE}") from error

    def rows(self, rows: NDArray[np.int64], out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """Return copies of n rows, decoded: float32 (n, dim), which is ``out``, if it is given.

        Raises:
            IndexError: One of them is not in ``range(N)``.
        """
        if out is not None and self.encoding == "float32":
            return take_into(out, self.vectors, rows)
        # Not vectors[rows], which takes twice as long.
        found = _decoded(self.vectors.take(rows, axis=0), None if self.scales is None else self.scales[rows])
        if out is None:
            return found
        out[:] = found
        return out

    def block(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return the rows from ``start`` to ``stop``, decoded: float32 (n, dim), which are not to be written to.

        Of a float32 store this is the map itself: nothing is copied.
        """
        part = self.vectors[start:stop]
        if self.encoding == "float32":
            return part
        return _decoded(part, None if self.scales is None else self.scales[start:stop])

    def all_rows(self) -> NDArray[np.float32]:
        """Return every row, float32 (N, dim), to be written to at will: the file does not change.

        Of a float32 store this is a map, of which a page is copied when it is first written to; of another
        it is decoded into memory.

        Raises:
            StoreError: The file was replaced since it was opened.
        """
        if self.encoding != "float32":
            return _decoded(self.vectors, self.scales)
        return self.own_rows()

    def own_rows(self) -> Array:
        """Return every row as stored, (N, dim), to be written to at will: a page is copied when it is first written to.

        Raises:
            StoreError: The file was replaced since it was opened.
        """
        return _mapped(self.path, mmap.ACCESS_COPY, self.checksum).tensors["vectors"]

    def verify(self, progress: Progress = quiet) -> None:
        """Read the whole file and compare it with its checksum.

        Args:
            progress: Told of the bytes read so far.

        Raises:
            StoreError: A byte after the header has changed since the store was written.
        """
        start = done = _mapped(self.path, mmap.ACCESS_READ, self.checksum).data_start
        found = xxh3_128()
        with self.path.open("rb") as file:
            total = os.fstat(file.fileno()).st_size
            file.seek(start)
            while chunk := file.read(1 << 20):
                found.update(chunk)
                done += len(chunk)
                progress(done, total)
        if self.checksum != f"xxh3_128:{found.hexdigest()}":
            raise StoreError(
                f"{self.path}: this store is not as it was written: its checksum is wrong. {CURE}"
            )


def _decoded(vectors: Array, scales: Array | None) -> NDArray[np.float32]:
    # What can be written to is no longer the store's own.
    decoded: NDArray[np.float32] = vectors.astype(np.float32, copy=not vectors.flags.writeable)
    if scales is not None:
        with np.errstate(over="ignore", invalid="ignore"):  # a scale may be any number in another's store
            decoded *= scales[:, None]
    return decoded


def take_into(
    out: NDArray[np.float32], numbers: NDArray[np.float32], rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Copy n rows of ``numbers`` to ``out``, (n, dim) of the same dtype, and return it.

    Raises:
        IndexError: There is no such row.
    """
    if len(rows) and not 0 <= rows.min() <= rows.max() < len(numbers):
        raise IndexError(f"there are rows 0 to {len(numbers) - 1}, and not {rows.min()} to {rows.max()}")
    # To look at each row while it is copied, numpy would copy everything twice.
    return numbers.take(rows, axis=0, out=out, mode="clip")


def open_store(path: Path, checksum: str | None = None) -> Store:
    """Map a store.

    Args:
        path: The file.
        checksum: Refuse a store that holds something else than the one of this `Store.checksum`.

    Raises:
        OldStoreError: It is of an older version.
        StoreError: It is no store, is cut short, contradicts itself, is of a newer version, or holds
            something else.
        FileNotFoundError: There is no such file.
    """
    path = path.absolute()
    layout = _mapped(path, mmap.ACCESS_READ, checksum)
    return Store(
        path=path,
        metadata=layout.metadata,
        encoding=layout.encoding,
        index=TokenIndex.over(str(path), layout.tensors),
        vectors=layout.tensors["vectors"],
        scales=layout.tensors["scales"] if layout.encoding == "int8" else None,
        data_start=layout.data_start,
        ngrams=layout.ngrams,
    )


def metadata_of(path: Path) -> Mapping[str, str]:
    """Read what a safetensors file says of itself, and nothing else of it; nothing is checked but that it can be read.

    Where the system allows, the file's time of access stays: to look at a file is not to use it.

    Returns:
        Its metadata; of a file of another program they may be none.

    Raises:
        StoreError: It has no header that can be read.
        FileNotFoundError: There is no such file.
    """
    try:
        found = _header_of(path).get("__metadata__", {})
        return {name: text for name, text in found.items() if isinstance(text, str)}
    except (TypeError, AttributeError) as error:
        raise StoreError(f"{path}: its header cannot be read ({error}). {CURE}") from error


def is_of_another_version(path: Path) -> bool:
    """Say whether a store is of another version than this package reads, and not of this one and damaged.

    Raises:
        StoreError: It has no header that can be read.
        FileNotFoundError: There is no such file.
    """
    header = _header_of(path)
    try:
        return header["__metadata__"].get("version", VERSION) != VERSION and header_is_whole(header)
    except (KeyError, TypeError, AttributeError, RecursionError):
        return False


def _header_of(path: Path) -> dict[str, Any]:
    with open(path, "rb", opener=_unseen) as file:
        length = int.from_bytes(file.read(8), "little")
        header = file.read(length) if 2 <= length <= LONGEST_HEADER else b""
    try:
        found = json.loads(header)
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path}: its header cannot be read ({error}). {CURE}") from error
    if not isinstance(found, dict):
        raise StoreError(f"{path}: its header cannot be read (it is no JSON object). {CURE}")
    return found


def _unseen(path: str, flags: int) -> int:
    try:
        return os.open(path, flags | getattr(os, "O_NOATIME", 0))
    except PermissionError:  # only the owner may
        return os.open(path, flags)


def _mapped(path: Path, access: int, checksum: str | None) -> Layout:
    if sys.byteorder != "little":
        raise StoreError(f"{path}: the numbers in a store are little-endian, and this machine is not.")
    try:
        with path.open("rb") as file:
            # The map outlives the file handle. mmap refuses an empty file with a ValueError of its own.
            layout = unpack(memoryview(mmap.mmap(file.fileno(), 0, access=access)))
    except OtherVersionError as error:
        text = f"{path}: this store cannot be read: {error}."
        raise OldStoreError(f"{text} {CURE}") if error.older else StoreError(f"{text} {_UPDATE}") from error
    except (ValueError, OverflowError) as error:
        reason = str(error)
        if len(reason) > _LONGEST_REASON:
            reason = f"{reason[:_LONGEST_REASON]}…"
        raise StoreError(f"{path}: this is no usable store: {reason}. {CURE}") from error
    found = layout.metadata["checksum"]
    if checksum not in (None, found):
        text = f"{path}: this store holds {found} where {checksum} was expected: it was replaced since."
        raise StoreError(text)
    return layout
