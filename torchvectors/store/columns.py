"""Arrays that come bit by bit → one array: in memory while it is small, and beyond that in a file without a name."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import BinaryIO

    from numpy.typing import NDArray

__all__ = ["Column", "pieces"]

IN_MEMORY = 16 << 20  # bytes of a column; of hashes, those of two million tokens
_PIECE = 1 << 17  # items of a column looked at together


class Column:
    """One array on its way. What is in a file takes no memory that the system cannot drop, and goes with the process.

    Args:
        dtype: Of the items.
        folder: Where the file lies, if there is to be one: beside the store, where there has to be room anyway.
    """

    def __init__(self, dtype: str, folder: Path) -> None:
        self._dtype, self._folder = np.dtype(dtype), folder
        self._parts: list[NDArray[Any]] = []
        self._nbytes = 0  # of the parts
        self._file: BinaryIO | None = None

    def __enter__(self) -> Column:
        """Return the column itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the file."""
        self._parts.clear()
        if self._file is not None:
            self._file.close()

    def append(self, items: NDArray[Any]) -> None:
        """Add n items behind those that are there; the array must not be written to any more."""
        self._parts.append(items.astype(self._dtype, copy=False))
        self._nbytes += self._parts[-1].nbytes
        if self._nbytes > IN_MEMORY:
            self._spill()

    def _spill(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - closed when the column is left
        self._file.writelines(np.ascontiguousarray(part).data for part in self._parts)
        self._parts.clear()
        self._nbytes = 0

    def whole(self) -> NDArray[Any]:
        """Return all items, (n,): read-only where they are mapped. Nothing is to be added afterwards."""
        if self._file is None:
            if len(self._parts) != 1:
                self._parts[:] = [np.concatenate([np.empty(0, self._dtype), *self._parts])]
            return self._parts[0]
        self._spill()
        self._file.flush()
        return np.memmap(self._file, self._dtype, "r")


def pieces(n: int) -> Iterator[slice]:
    """Yield slices that cover n items, so that what is made of each stays small."""
    for start in range(0, n, _PIECE):
        yield slice(start, min(start + _PIECE, n))
