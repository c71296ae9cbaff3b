"""The bytes of a model's matrix → its rows: as they are, or quantised.

A quantised row is some codes of one byte, each the number of a short run of numbers, its centroid; where norms are
quantised apart, the whole is multiplied by the one of the row's own code.

Source: facebookresearch/fastText ``src/densematrix.cc``, ``src/quantmatrix.cc`` and ``src/productquantizer.cc``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from torchvectors.formats.fasttext.cursor import Cursor

__all__ = ["DenseRows", "QuantizedRows", "Rows", "SomeRows", "read_dense", "read_quantized"]

CENTROIDS = 256  # of each run, by a code of one byte
LARGEST_DIM = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DenseRows:
    """M rows as they lie in the file, at any byte: read as bytes, for numpy copies all of an unaligned matrix."""

    raw: NDArray[np.uint8]  # (M, 4 · dim)

    def __len__(self) -> int:
        return len(self.raw)

    @property
    def dim(self) -> int:
        """Numbers per row."""
        dim: int = self.raw.shape[1] // 4
        return dim

    def take(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return copies of n rows: float32 (n, dim)."""
        return self.raw.take(rows, axis=0).view("<f4")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QuantizedRows:
    """M rows as codes."""

    codes: NDArray[
        np.uint8
    ]  # (M, Q): the code of each run of ``dsub`` numbers, the last of which may be shorter
    centroids: NDArray[np.float32]  # (Q - 1, 256, dsub)
    last: NDArray[np.float32]  # (256, lastdsub)
    norm_codes: NDArray[np.uint8] | None  # (M,)
    norms: NDArray[np.float32] | None  # (256,)

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def dim(self) -> int:
        """Numbers per row."""
        dim: int = len(self.centroids) * self.centroids.shape[2] + self.last.shape[1]
        return dim

    def take(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return n rows, unpacked: float32 (n, dim)."""
        codes = self.codes.take(rows, axis=0)
        runs = self.centroids[np.arange(len(self.centroids)), codes[:, :-1]]
        shape = len(rows), self.dim - self.last.shape[1]
        whole = np.concatenate([runs.reshape(shape), self.last[codes[:, -1]]], axis=1)
        if self.norms is not None and self.norm_codes is not None:
            with np.errstate(over="ignore", invalid="ignore"):  # a damaged centroid may be any number
                whole *= self.norms[self.norm_codes.take(rows)][:, None]
        return whole


Rows = DenseRows | QuantizedRows


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SomeRows:
    """G rows of a matrix, by their places in it."""

    matrix: Rows
    places: NDArray[np.int64] | int  # (G,); or the first of G rows in a run
    count: int  # G

    def __len__(self) -> int:
        return self.count

    def take(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return copies of n rows: float32 (n, dim)."""
        return self.matrix.take(self.places + rows if isinstance(self.places, int) else self.places[rows])


def read_dense(cursor: Cursor, what: str) -> DenseRows:
    """Return a matrix; nothing is read of its rows."""
    m, n = cursor.numbers("qq", what)
    if m < 0 or not 0 <= n <= LARGEST_DIM:
        raise cursor.wrong(f"{what} has {m:,} rows of dim {n:,}")
    raw = cursor.raw(4 * m * n, what)
    return DenseRows(raw=raw.reshape(m, 4 * n) if n else np.empty((0, 0), np.uint8))


def read_quantized(cursor: Cursor, what: str) -> QuantizedRows:
    """Return a matrix; its codes stay in the file."""
    has_norms = cursor.flag(what)
    m, n, nbytes = cursor.numbers("qqi", what)
    if m < 0 or not 0 < n <= LARGEST_DIM or nbytes < 0 or (nbytes % m if m else nbytes):
        raise cursor.wrong(f"{what} has {m:,} rows of dim {n:,} in {nbytes:,} codes")
    codes = cursor.raw(nbytes, what)
    quantizers, dsub, last, centroids = _read_quantizer(cursor, n, what)
    if nbytes != m * quantizers:
        raise cursor.wrong(
            f"{what} has {nbytes:,} codes, and {m:,} rows of {quantizers:,} would have {m * quantizers:,}"
        )
    norm_codes = norms = None
    if has_norms:
        norm_codes = cursor.raw(m, what)
        norms = _read_quantizer(cursor, 1, what)[3]
    edge = (quantizers - 1) * CENTROIDS * dsub
    return QuantizedRows(
        codes=codes.reshape(m, quantizers),
        centroids=centroids[:edge].reshape(quantizers - 1, CENTROIDS, dsub),
        last=centroids[edge:].reshape(CENTROIDS, last),
        norm_codes=norm_codes,
        norms=norms,
    )


def _read_quantizer(cursor: Cursor, dim: int, what: str) -> tuple[int, int, int, NDArray[np.float32]]:
    """Return the number of runs, the numbers in each and in the last, and the centroids, end to end."""
    found, quantizers, dsub, last = cursor.numbers("iiii", f"the quantiser of {what}")
    fits = dsub > 0 and (found, quantizers, last) == (dim, -(-dim // dsub), dim % dsub or dsub)
    if not fits:
        said = f"{quantizers} runs of {dsub} numbers, and {last} in the last, for dim {found}"
        raise cursor.wrong(f"the quantiser of {what} says {said}, where the dim is {dim}")
    return quantizers, dsub, last, cursor.floats(dim * CENTROIDS, f"the quantiser of {what}")
