"""What somebody asks about tokens or vectors → the tokens that lie nearest by cosine, and how near."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, cast, overload

import numpy as np
import torch
from torch import Tensor

from torchvectors.errors import TokenTypeError, UnknownTokenError
from torchvectors.store import Store
from torchvectors.vectors.cosines import Lengths, lengths_of, search, unit
from torchvectors.vectors.views import Stoi

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from torchvectors.vectors.table import Vectors

__all__ = ["Nearest", "Neighbours"]

_NOISE = 1e-7  # what is left of unit vectors of float32 that cancel each other

Query = str | Tensor
"""A token, or a vector (dim,)."""


class Nearest(NamedTuple):
    """The k nearest rows of one query, (k,), or of n, (n, k): the best first, and of equal ones the first row."""

    scores: Tensor  # float32: cosines; -inf where fewer than k rows count
    rows: Tensor  # int64; -1 there


class Neighbours:
    """What `Vectors` can be asked about their neighbours; apart from it only because both are long."""

    _measured: tuple[int | None, Lengths] | None = None  # and how often the matrix had been written to before

    @overload
    def nearest(self, query: str, k: int = 10) -> list[tuple[str, float]]: ...
    @overload
    def nearest(
        self, query: Tensor | Sequence[str], k: int = 10
    ) -> list[tuple[str, float]] | list[list[tuple[str, float]]]: ...
    def nearest(
        self, query: str | Tensor | Sequence[str], k: int = 10
    ) -> list[tuple[str, float]] | list[list[tuple[str, float]]]:
        """Find the k tokens whose vectors have the largest cosine with a query's; every row is looked at.

        Args:
            query: A token or a vector (dim,); or n of them: an iterable of tokens, or a tensor (n, dim).
            k: How many; fewer come back where fewer rows count.

        Returns:
            Tokens and cosines, the best first and of equal ones the first row first; of n queries, n such lists.
            A token is not its own neighbour. A row without a direction (zeros, NaN) is nobody's, nor is a row
            whose token has a later one.

        Memory is bounded, whatever N: rows are multiplied, and those of float16 and int8 decoded, block by block.
        The first call also measures each row's length, and keeps four bytes of each.

        Raises:
            UnknownTokenError: A token has no vector.
            ValueError: ``k`` is less than 1; a query is zero, not finite, or of another dim.
            TokenTypeError: A query is neither a ``str`` nor a tensor.

        Source: gensim ``KeyedVectors.most_similar``.
        """
        found = self.nearest_rows(query, k)
        if found.rows.ndim == 1:
            return _named(self._vectors, found)
        return [_named(self._vectors, Nearest(*one)) for one in zip(*found, strict=True)]

    def nearest_rows(self, query: str | Tensor | Sequence[str], k: int = 10) -> Nearest:
        """Find what `nearest` finds, as tensors ``(scores, rows)``: each (k,) for one query, (n, k) for n.

        Returns:
            float32 cosines, and int64 rows of `vectors`. Where fewer than k rows count, -inf and -1 stand at the
            end; k is at most N.
        """
        return _nearest(self._vectors, query, k)

    def analogy(
        self, a: str | Tensor, b: str | Tensor, c: str | Tensor, k: int = 10
    ) -> list[tuple[str, float]]:
        """Find the k tokens that are to ``c`` what ``b`` is to ``a``: those nearest to b - a + c (3CosAdd).

        Each of the three, a token or a vector (dim,), is first brought to length 1. The tokens given are left out.
        Returns and raises what `nearest` does.

        Source: Mikolov et al. 2013; Levy and Goldberg 2014; gensim ``most_similar(positive=[b, c], negative=[a])``.
        """
        return _named(self._vectors, _analogy(self._vectors, a, b, c, k))

    def similarity(self, a: str | Tensor, b: str | Tensor) -> float:
        """Return the cosine of two tokens or vectors (dim,), -1 to 1. Raises what `nearest` does."""
        one, other = (_asked_with(self._vectors, query).directions[0] for query in (a, b))
        return float((one @ other).clip(-1, 1))

    def _lengths(self) -> Lengths:
        vectors = self._vectors
        writes = vectors._writes()  # noqa: SLF001 - the other half of the same class
        if self._measured is None or writes is None or self._measured[0] != writes:
            self._measured = writes, lengths_of(vectors, vectors.dim)
        return self._measured[1]

    def _counted(self) -> NDArray[np.bool_] | None:
        """Say of each row whether `stoi` leads to it; None: it leads to all."""
        stoi = self._vectors.stoi
        store = stoi.store if isinstance(stoi, Stoi) else None
        if store is not None and len(store) == len(store.index):
            return None
        counted = np.zeros(len(self._vectors), np.bool_)
        counted[np.asarray(store.index.rows) if isinstance(store, Store) else list(stoi.values())] = True
        return counted

    @property
    def _vectors(self) -> Vectors:
        return cast("Vectors", self)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Asked:
    """N queries in numbers."""

    directions: NDArray[np.float64]  # (n, dim), each of length 1
    own: list[list[int]]  # the rows of the tokens that each was asked with


def _nearest(vectors: Vectors, query: Query | Sequence[str], k: int) -> Nearest:
    """Find the k rows nearest to a token, a vector (dim,), n tokens, or n vectors (n, dim)."""
    single = isinstance(query, str) or (isinstance(query, Tensor) and query.ndim == 1)
    if isinstance(query, Tensor):
        asked = _Asked(directions=_directions(vectors, query), own=[[]] * (1 if single else len(query)))
    elif isinstance(query, str):
        asked = _of_tokens(vectors, [query])
    else:
        asked = _of_tokens(vectors, list(query))
    found = _found(vectors, asked, k)
    return Nearest(found.scores[0], found.rows[0]) if single else found


def _analogy(vectors: Vectors, a: Query, b: Query, c: Query, k: int) -> Nearest:
    """Find the k rows nearest to b - a + c, of which each is first brought to length 1."""
    given = (a, b, c)
    of_each = [_asked_with(vectors, one) for one in given]
    minus, plus, also = (one.directions for one in of_each)
    # The mean, as gensim has it: only its direction counts.
    direction = (plus + also - minus) / 3
    if np.abs(direction).max() < _NOISE:
        text = f"analogy({', '.join(_shown(one) for one in given)}): b - a + c is as good as zero"
        raise ValueError(f"{text}, and has no direction: no row is nearer than another.")
    asked = _Asked(directions=unit(direction), own=[[row for one in of_each for row in one.own[0]]])
    found = _found(vectors, asked, k)
    return Nearest(found.scores[0], found.rows[0])


def _named(vectors: Vectors, found: Nearest) -> list[tuple[str, float]]:
    """Return the tokens of one query's rows, and their scores."""
    pairs = zip(found.rows.tolist(), found.scores.tolist(), strict=True)
    return [(vectors.itos[row], score) for row, score in pairs if row >= 0]


def _asked_with(vectors: Vectors, query: Query) -> _Asked:
    """Return what one query asks for."""
    if isinstance(query, str):
        return _of_tokens(vectors, [query])
    if not isinstance(query, Tensor) or query.ndim != 1:
        said = tuple(query.shape) if isinstance(query, Tensor) else type(query).__name__
        raise TokenTypeError(f"give a token, or a vector ({vectors.dim},), not {said}: {_shown(query)}")
    return _Asked(directions=_directions(vectors, query), own=[[]])


def _found(vectors: Vectors, asked: _Asked, k: int) -> Nearest:
    if isinstance(k, bool) or not isinstance(k, int) or k < 1:
        raise ValueError(f"k={k!r}: give the number of neighbours, from 1 up.")
    lengths, counted = vectors._lengths(), vectors._counted()  # noqa: SLF001 - the other half of the same class
    scores, rows = search(vectors, lengths, asked.directions, min(k, len(vectors)), asked.own, counted)
    return Nearest(torch.from_numpy(scores), torch.from_numpy(rows))


def _of_tokens(vectors: Vectors, tokens: list[str]) -> _Asked:
    for place, token in enumerate(tokens):
        if not isinstance(token, str):
            text = f"the query at position {place} is {type(token).__name__}: {token!r:.80}"
            raise TokenTypeError(f"{text}. Give tokens, or one tensor.")
    rows = vectors.rows_of(tokens).tolist()
    missing = [token for token, row in zip(tokens, rows, strict=True) if row < 0]
    made = vectors.compose(missing)[0] if vectors.composes else [False] * len(missing)
    for token, composed in zip(missing, made, strict=True):
        if not composed:
            cure = "Ask with a vector, or see first whether the token is `in` the vectors."
            raise UnknownTokenError(f"{token!r:.80} has no vector in {vectors!r}. {cure}")
    found = vectors.get_vecs_by_tokens(tokens).reshape(len(tokens), vectors.dim)
    own = [[row] if row >= 0 else [] for row in rows]
    return _Asked(directions=_directions(vectors, found, tokens), own=own)


def _directions(vectors: Vectors, queries: Tensor, names: Sequence[str] = ()) -> NDArray[np.float64]:
    if queries.ndim not in (1, 2) or queries.shape[-1] != vectors.dim:
        text = f"a query of shape {tuple(queries.shape)} for vectors of dim {vectors.dim}"
        raise ValueError(f"{text}: give ({vectors.dim},), or (n, {vectors.dim}).")
    directions = unit(queries.detach().reshape(-1, vectors.dim).double().cpu().numpy())
    wrong = np.flatnonzero(~np.isfinite(directions).all(axis=1))
    if len(wrong):
        which = repr(names[wrong[0]]) if len(names) else f"query {wrong[0]}"
        text = f"the vector of {which}" if len(names) else which
        raise ValueError(f"{text} is zero, or not finite: it has no direction, and so no neighbours.")
    return directions


def _shown(query: object) -> str:
    return f"a tensor {tuple(query.shape)}" if isinstance(query, Tensor) else f"{query!r:.80}"
