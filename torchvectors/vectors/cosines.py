"""Queries and the rows of some vectors → the rows that lie nearest by cosine: all are looked at, block by block.

Each block is multiplied in float32, which is fast and off by some 1e-7. What comes within that error of the k-th best
is then measured again in float64 and rounded to float32, so that neither the answer nor its order depends on the
rounding of a product, which differs from one place in a matrix to another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Lengths", "RowSource", "lengths_of", "search", "unit"]

_NUMBERS = 1 << 20  # read, and where need be decoded, at a time: 4 MB
_SCORES = 1 << 21  # held at a time: 8 MB
_CHOSEN = 1 << 16  # looked through at a time, when they are in a core's cache
_FIRST = 1 << 12  # at first: what is found there says of most of the others that they are no candidates
_QUERIES = 256  # multiplied with a block at a time
_MANY = 512  # candidates: fewer are put in order sooner than the k best among all scores are found
_SPARE = 4096  # candidates beyond k that are kept where scores are too near each other to be told apart
_SAFE = 1e15  # a length between this and its inverse has a square, and a product with others, in float32


class RowSource(Protocol):
    """N rows that can be read in any order."""

    def __len__(self) -> int:
        """Return N."""

    @property
    def is_plain(self) -> bool:
        """Whether `block` gives a view, and copies nothing."""

    def block(self, start: int, stop: int, /) -> NDArray[np.float32]:
        """Return the rows from ``start`` to ``stop``; not to be written to."""

    def take(self, rows: NDArray[np.int64], /) -> NDArray[np.float32]:
        """Return these rows."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lengths:
    """The lengths of N rows, as far as a product of float32 needs them."""

    inverse: NDArray[
        np.float32
    ]  # (N,) 1 over the length; NaN for a row without a direction: 0, or not finite
    odd: NDArray[np.int64]  # the rows too long or too short for that; their inverse is 1


def lengths_of(source: RowSource, dim: int) -> Lengths:
    """Measure every row, in float64."""
    size = max(_NUMBERS // dim, 1)
    inverse = np.empty(len(source), np.float32)
    odd = []
    for start in range(0, len(source), size):
        lengths = _lengths(source.block(start, min(start + size, len(source))))
        part = inverse[start : start + size]
        with np.errstate(divide="ignore"):
            part[:] = 1 / lengths
        part[~(np.isfinite(lengths) & (lengths > 0))] = np.nan
        far = np.flatnonzero(~np.isnan(part) & ((lengths > _SAFE) | (lengths < 1 / _SAFE)))
        part[far] = 1
        odd.append(far + start)
    return Lengths(inverse=inverse, odd=np.concatenate(odd) if odd else np.empty(0, np.int64))


def _lengths(rows: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = rows.astype(np.float64)
    lengths: NDArray[np.float64] = np.sqrt(np.einsum("ij,ij->i", wide, wide))
    return lengths


def unit(rows: NDArray[np.float32] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rows of length 1, float64 (n, dim); NaN or inf where a row has no direction."""
    wide = rows.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        divided: NDArray[np.float64] = wide / np.sqrt(np.einsum("ij,ij->i", wide, wide))[:, None]
    return divided


def search(
    source: RowSource,
    lengths: Lengths,
    queries: NDArray[np.float64],
    k: int,
    excluded: Sequence[Sequence[int]],
    counted: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Find the k rows with the largest cosine to each of n queries.

    Args:
        source: N rows.
        lengths: Theirs.
        queries: (n, dim), each of length 1.
        k: How many; at most N.
        excluded: For each query the rows that do not count.
        counted: (N,), which rows count at all; None: all of them. One without a direction never does.

    Returns:
        Cosines and rows, each (n, k), the best first and of equal ones the first row first; -inf and -1 where no
        more rows count. Memory is bounded, whatever N; n times k numbers of each come back.
    """
    scores = np.full((len(queries), k), -np.inf, np.float32)
    rows = np.full((len(queries), k), -1, np.int64)
    for start in range(0, len(queries), _QUERIES):
        some = slice(start, start + _QUERIES)
        kept = _candidates(source, lengths, queries[some], k, excluded[some], counted)
        exact = _measured(source, queries[some], kept)
        query, row, score, rank = _ranked(kept.query, kept.row, exact)
        best = rank < k
        scores[start + query[best], rank[best]] = score[best]
        rows[start + query[best], rank[best]] = row[best]
    return scores, rows


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Candidates:
    query: NDArray[np.int64]
    row: NDArray[np.int64]
    score: NDArray[np.float32]
    floor: NDArray[np.float32]  # (n,) below it nothing can be among a query's k best


def _candidates(
    source: RowSource,
    lengths: Lengths,
    queries: NDArray[np.float64],
    k: int,
    excluded: Sequence[Sequence[int]],
    counted: NDArray[np.bool_] | None,
) -> _Candidates:
    """Return all rows whose cosine, as far as float32 can tell, may be among the k best."""
    n, dim = queries.shape
    narrow = queries.astype(np.float32)
    # Where nothing is decoded, a product of many rows takes no memory but for the scores. It had better be one: where
    # other programs run, too, the threads that multiply wait for each other at the end of each.
    size = max(_SCORES // n if source.is_plain else min(_NUMBERS // dim, _SCORES // n), 1)
    found = _Pool(n, k, dim)
    for start in range(0, len(source), size):
        stop = min(start + size, len(source))
        scores = _product(source.block(start, stop), lengths, narrow, start)
        if counted is not None:
            scores[:, ~counted[start:stop]] = np.nan
        for one, own in enumerate(excluded):
            scores[one, [row - start for row in own if start <= row < stop]] = np.nan
        place, step = 0, max((_CHOSEN if start else _FIRST) // n, 1)
        while place < stop - start:
            found.add(scores[:, place : place + step], start + place)
            place, step = place + step, max(_CHOSEN // n, 1)
    return found.best()


class _Pool:
    """Candidates as they come, which are put in order only when there are many: after the first rows, few come."""

    def __init__(self, n: int, k: int, dim: int) -> None:
        self._n, self._k = n, k
        # A sum of dim products of numbers below 1 is off by no more than dim roundings; both it and the k-th best may
        # be.
        self._margin = np.float32(2 * (dim + 8) * 2.0**-24)
        self._kept = _Candidates(
            query=np.empty(0, np.int64),
            row=np.empty(0, np.int64),
            score=np.empty(0, np.float32),
            floor=np.full(n, -np.inf, np.float32),
        )
        self._new: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]] = []
        self._count = 0  # of the new ones

    def add(self, scores: NDArray[np.float32], start: int) -> None:
        """Take those of some more rows, the first of which is row ``start``, that may be among the k best."""
        n, size = scores.shape
        k = self._k
        above = scores >= self._kept.floor[:, None]  # of a NaN this is never true
        if size > k and np.count_nonzero(above) > max(4 * n * k, _MANY):
            whole = np.where(above, scores, np.float32(-np.inf))
            best = np.partition(whole, size - k, axis=1)[:, size - k]
            above &= scores >= (best - self._margin)[:, None]
        places = np.flatnonzero(above)  # ten times as fast as nonzero() in two dimensions
        if len(places):
            query, place = np.divmod(places, size)
            self._new.append((query, place + start, scores[query, place]))
            self._count += len(places)
            if self._count > 4 * n * k or np.isneginf(self._kept.floor).any():
                self.best()

    def best(self) -> _Candidates:
        """Return the candidates in order; what is worse than a query's k-th best is none any more."""
        if not self._new:
            return self._kept
        k, kept = self._k, self._kept
        query, row, score = (
            np.concatenate(parts)
            for parts in zip((kept.query, kept.row, kept.score), *self._new, strict=True)
        )
        query, row, score, rank = _ranked(query, row, score)
        floor, last = kept.floor.copy(), rank == k - 1
        floor[query[last]] = score[last] - self._margin
        good = (rank < k + _SPARE) & (score >= floor[query])
        self._kept = _Candidates(query=query[good], row=row[good], score=score[good], floor=floor)
        self._new, self._count = [], 0
        return self._kept


def _product(
    block: NDArray[np.float32], lengths: Lengths, queries: NDArray[np.float32], start: int
) -> NDArray[np.float32]:
    """Return the cosines of n queries and the rows of a block: (n, rows)."""
    odd = lengths.odd[np.searchsorted(lengths.odd, start) : np.searchsorted(lengths.odd, start + len(block))]
    if len(odd):
        block = block.copy()
        block[odd - start] = unit(block[odd - start])
    with np.errstate(over="ignore", invalid="ignore"):  # of rows that have no direction
        # A product of a matrix and one vector is faster than one of two matrices.
        products: NDArray[np.float32] = (block @ queries[0])[None] if len(queries) == 1 else queries @ block.T
        products *= lengths.inverse[start : start + len(block)]
    return products


def _measured(source: RowSource, queries: NDArray[np.float64], kept: _Candidates) -> NDArray[np.float32]:
    """Return the candidates' cosines: float32, correctly rounded but for a rare last bit."""
    exact = np.empty(len(kept.row), np.float32)
    size = max(_NUMBERS // (4 * queries.shape[1]), 1)  # they are float64, and there are two of each
    for start in range(0, len(exact), size):
        piece = slice(start, start + size)
        rows = unit(source.take(kept.row[piece]))
        exact[piece] = np.einsum("ij,ij->i", rows, queries[kept.query[piece]]).clip(-1, 1)
    return exact


def _ranked(
    query: NDArray[np.int64], row: NDArray[np.int64], score: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]:
    """Return all three in order, by query, the best first, and the place that each has in its query's order."""
    order = np.lexsort((row, -score, query))
    query = query[order]
    first = np.searchsorted(query, query)
    return query, row[order], score[order], np.arange(len(query)) - first
