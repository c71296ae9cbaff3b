"""Tokens that are in no dictionary → vectors made of their n-grams, as fastText makes them."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from torchvectors.errors import StoreError
from torchvectors.formats import PlainRows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from torchvectors.store import Store

__all__ = ["Subwords"]

_CHUNK = 8192  # tokens composed at a time, so that memory stays small however many there are


class Subwords:
    """The n-grams of an open store. It pickles as the store does, by its path."""

    def __init__(self, store: Store) -> None:
        if store.ngrams is None:
            raise ValueError(f"{store.path}: these vectors have no n-grams.")
        self.store, self.ngrams = store, store.ngrams
        self._rows: Tensor | None = None

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
        if self._rows is None:
            self._rows = self._checked()
        made = np.zeros(len(tokens), np.bool_)
        vectors = torch.zeros(len(tokens), self.store.dim)
        for start in range(0, len(tokens), _CHUNK):
            words = [token.encode("utf-8", "surrogatepass") for token in tokens[start : start + _CHUNK]]
            rows, counts = self.ngrams.rows_of(words)
            made[start : start + _CHUNK] = counts > 0
            # One after another, each bag by itself: this is the order in which fastText adds, too.
            first = torch.from_numpy(counts.cumsum() - counts)
            sums = torch.nn.functional.embedding_bag(torch.from_numpy(rows), self._rows, first, mode="sum")
            shares = (1 / np.maximum(counts, 1)).astype(np.float32)
            torch.mul(sums, torch.from_numpy(shares)[:, None], out=vectors[start : start + _CHUNK])
        return made, vectors

    def _checked(self) -> Tensor:
        """Return the rows as a tensor over the map, (G, dim)."""
        if not self.ngrams.kept_rise():
            text = f"{self.store.path}: the numbers of this store's n-grams do not rise: it is damaged."
            raise StoreError(f"{text} If this package made the file, delete it.")
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
