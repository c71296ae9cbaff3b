"""Tokens that are in no dictionary → vectors made of their n-grams, as fastText makes them."""

from __future__ import annotations

import warnings
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from torchvectors.acquire import at_length_one, is_normalized
from torchvectors.errors import StoreError
from torchvectors.formats import PlainRows, add_rows, sum_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from torchvectors.store import Store

__all__ = ["Subwords"]

_MANY = 1 << 24  # numbers to add; fewer are added sooner than torch wakes its threads
_FEW = 24  # tokens that are composed sooner one by one
_CHUNK = 8192  # tokens composed at a time, so that memory stays small however many there are


class Subwords:
    """The n-grams of an open store. It pickles as the store does, by its path."""

    def __init__(self, store: Store) -> None:
        if store.ngrams is None:
            raise ValueError(f"{store.path}: these vectors have no n-grams.")
        self.store, self.ngrams = store, store.ngrams

    @classmethod
    def of(cls, store: Store) -> Subwords | None:
        """Return the n-grams of a store; None if it has none."""
        return None if store.ngrams is None else cls(store)

    def compose(self, tokens: Sequence[str]) -> tuple[NDArray[np.bool_], Tensor]:
        """Return which of n tokens have a known n-gram, bool (n,), and the means of these: float32 (n, dim).

        A token without any has zeros. A token's row does not depend on what it is composed with.

        Raises:
            StoreError: The store's list of n-grams contradicts itself.
        """
        made = np.zeros(len(tokens), np.bool_)
        vectors = np.empty((len(tokens), self.store.dim), np.float32)
        matrix = self._matrix  # the first time, this looks whether the store contradicts itself
        if len(tokens) <= _FEW:
            with np.errstate(over="ignore", invalid="ignore"):
                for place, token in enumerate(tokens):
                    made[place] = self._compose_one(token, vectors[place])
            return made, torch.from_numpy(at_length_one(vectors) if is_normalized(self.store) else vectors)
        for start in range(0, len(tokens), _CHUNK):
            words = [token.encode("utf-8", "surrogatepass") for token in tokens[start : start + _CHUNK]]
            rows, counts = self.ngrams.rows_of(words)
            made[start : start + _CHUNK] = counts > 0
            shares = (1 / np.maximum(counts, 1)).astype(np.float32)
            with np.errstate(over="ignore", invalid="ignore"):  # a row may be any number in another's store
                np.multiply(
                    self._sums(matrix, rows, counts), shares[:, None], out=vectors[start : start + _CHUNK]
                )
            if is_normalized(self.store):  # as the rows of words are
                vectors[start : start + _CHUNK] = at_length_one(vectors[start : start + _CHUNK])
        return made, torch.from_numpy(vectors)

    def _compose_one(self, token: str, out: NDArray[np.float32]) -> bool:
        """Write one token's vector, (dim,), as `compose` does; say whether it has a known n-gram."""
        rows = self.ngrams.rows_of_one(token.encode("utf-8", "surrogatepass"))
        summed = sum_of(self.ngrams.rows.take(rows))
        np.multiply(summed, np.float32(1 / max(len(rows), 1)), out=out)
        return len(rows) > 0

    def _sums(
        self, matrix: Tensor, rows: NDArray[np.int64], counts: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Return the sums of each token's rows, one after another, as fastText adds them: (n, dim)."""
        if len(rows) * self.store.dim > _MANY:  # torch adds in the same order, in half the time
            first = torch.from_numpy(counts.cumsum() - counts)
            bags = torch.nn.functional.embedding_bag(torch.from_numpy(rows), matrix, first, mode="sum")
            return bags.numpy()
        sums = np.zeros((len(counts), self.store.dim), np.float32)
        add_rows(sums, self.ngrams.rows.take, rows, counts)
        return sums

    @cached_property
    def _matrix(self) -> Tensor:
        """The rows as a tensor over the map, (G, dim), having been checked."""
        if not self.ngrams.kept_rise():
            text = f"the numbers of this store's n-grams do not rise, or pass {self.ngrams.buckets:,}"
            cure = "It is damaged. If this package made the file, delete it."
            raise StoreError(f"{self.store.path}: {text}. {cure}")
        if not isinstance(self.ngrams.rows, PlainRows):
            raise TypeError(
                f"the n-grams of a store lie in an array, not in a {type(self.ngrams.rows).__name__}"
            )
        with warnings.catch_warnings():
            # torch has no tensors that are only read, and warns of those that could be written to. Nobody sees this.
            warnings.filterwarnings("ignore", "The given NumPy array is not writable")
            return torch.from_numpy(self.ngrams.rows.array)

    def __reduce__(self) -> tuple[object, ...]:
        return Subwords, (self.store,)
