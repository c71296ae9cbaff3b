"""Tokens and rows, in a store or in memory → blocks of them, what tells them from others, and a pickle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from torchvectors.errors import StoreError
from torchvectors.store import Store
from torchvectors.vectors import keep
from torchvectors.vectors.arguments import ENCODINGS
from torchvectors.vectors.subwords import Subwords
from torchvectors.vectors.views import Itos, Stoi

if TYPE_CHECKING:
    from collections.abc import MutableMapping, MutableSequence
    from pathlib import Path

    from numpy.typing import NDArray

    from torchvectors.vectors.cosines import Lengths
    from torchvectors.vectors.joined import Joined

__all__ = ["NOT_KEPT", "Held"]

NOT_KEPT = {"_store", "_only", "_mean", "_measured"}  # in a pickle: what can be had again


class Held:
    """What `Vectors` hold, and where; what is looked up in it, `Vectors` say."""

    dim: int
    itos: MutableSequence[str]
    stoi: MutableMapping[str, int]
    _dtype: torch.dtype = torch.float32  # that the constructor was given
    _subwords: Subwords | None = None  # what gives a vector to tokens that have no row
    _store: Store | Joined | None = None  # what was opened; None where the rows are the caller's own
    _matrix: Tensor | None = None  # what `vectors` gives; None until somebody asks for it
    _mean: tuple[int | None, Tensor] | None = None  # and how often the matrix had been written to before
    _measured: tuple[int | None, Lengths] | None = None  # likewise
    _request: dict[str, Any]  # how to come by the store again, on another machine

    def _fill(self, itos: list[str], matrix: Tensor) -> None:
        self.dim, self.itos, self.vectors = matrix.shape[1], itos, matrix
        self.stoi = {token: row for row, token in enumerate(itos)}

    @property
    def vectors(self) -> Tensor:
        """The rows: (N, dim), float32 or the ``dtype`` that was given. A map of the file, where that holds this dtype.

        Of a map a page is copied when it is written to; a store of another encoding is decoded into memory here.
        `get_vecs_by_tokens` and `torchvectors.align` read the rows they need and no others.
        """
        if self._matrix is None:
            # What is made in inference mode could never be trained, and it is kept.
            with torch.inference_mode(False):
                self._matrix = torch.from_numpy(self._all_rows()).to(self._dtype)
        return self._matrix

    @vectors.setter
    def vectors(self, matrix: Tensor) -> None:
        self._matrix, self._store = matrix, None
        self._mean = self._measured = None

    def _all_rows(self) -> NDArray[Any]:
        store = self._mapped
        try:
            if isinstance(store, Store) and store.encoding == ENCODINGS[self._dtype]:
                return store.own_rows()
            return store.all_rows()
        except (OSError, StoreError):
            # The file has gone, or another is in its place. The one that was opened is still there for us.
            return store.rows(np.arange(len(store)))

    @property
    def _mapped(self) -> Store | Joined:
        if self._store is None:
            raise StoreError(
                "These vectors have neither a store nor a tensor: set .vectors, or call .cache()."
            )
        return self._store

    def __len__(self) -> int:
        return len(self._mapped if self._matrix is None else self._matrix)

    @property
    def _gives(self) -> torch.dtype:
        """The dtype of `vectors`."""
        return self._dtype if self._matrix is None else self._matrix.dtype

    def _writes(self) -> int | None:
        """Return how often `vectors` has been written to; None where nobody counts."""
        return 0 if self._matrix is None else keep.writes_to(self._matrix)

    def block(self, start: int, stop: int) -> NDArray[np.float32]:
        """Return the rows from ``start`` to ``stop``, float32 (n, dim): a view where they are float32 in memory."""
        if self._matrix is None:
            return self._mapped.block(start, stop)
        return keep.numbers(self._matrix[start:stop])

    @property
    def is_plain(self) -> bool:
        """Whether `block` gives views: the rows lie somewhere as float32."""
        if self._matrix is None:
            return isinstance(self._mapped, Store) and self._mapped.encoding == "float32"
        return self._matrix.dtype == torch.float32 and self._matrix.device.type == "cpu"

    @property
    def fingerprint(self) -> str:
        """What tells these vectors from others: the checksum of the store, or one of what is in memory."""
        if self._as_stored():
            return self._mapped.checksum
        own = keep.fingerprint_of(list(self.itos), dict(self.stoi.items()), self.vectors)
        # Whoever writes to the rows keeps the n-grams of the store.
        return own if self._subwords is None else f"{own} and the n-grams of {self._subwords.store.checksum}"

    def _as_stored(self) -> bool:
        """Whether the store has all that is in this object, nothing having been written to it."""
        store = self._store
        views = [view.store for view in (self.itos, self.stoi) if isinstance(view, (Itos, Stoi))]
        if store is None or len(views) < 2 or any(seen is not store for seen in views):
            return False
        return self._matrix is None or keep.holds(store, self._matrix)

    def __getstate__(self) -> dict[str, Any]:
        state = {name: value for name, value in vars(self).items() if name not in NOT_KEPT}
        subwords = state.pop("_subwords", None)
        if not self._as_stored():
            store = None if subwords is None else subwords.store
            return (
                state | {"_matrix": self.vectors} | ({} if store is None else {"_ngrams_of": _place(store)})
            )
        for name in ("itos", "stoi", "_matrix"):
            state.pop(name, None)
        whole = self._mapped
        return state | ({"_place": _place(whole)} if isinstance(whole, Store) else {})

    def __setstate__(self, state: dict[str, Any]) -> None:
        place: tuple[Path, str] | None = state.pop("_place", None)
        ngrams_of: tuple[Path, str] | None = state.pop("_ngrams_of", None)
        vars(self).update(state)
        if ngrams_of is not None:
            self._subwords = Subwords.of(keep.reopened(*ngrams_of, request=self._request))
        if place is not None:
            store = keep.reopened(*place, request=self._request)
            self._store, self.itos, self.stoi = store, Itos(store), Stoi(store)
            self._subwords = Subwords.of(store)


def _place(store: Store) -> tuple[Path, str]:
    return store.path, store.checksum
