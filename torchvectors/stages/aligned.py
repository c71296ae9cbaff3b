"""A fitted vocabulary and vectors → their embedding matrix, looked up when it is first asked for, and once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from torchvectors.align import Alignment, align
from torchvectors.errors import GraphError
from torchvectors.stages.pickling import expect_picklable
from torchvectors.stages.settings import PADDING
from torchvectors.vectors import expect_vectors

if TYPE_CHECKING:
    from torch import nn

    from torchvectors.stages.fit import GoesBy
    from torchvectors.vectors import UnkInit, Vectors

__all__ = ["Aligned", "GivesAlignment"]


class Aligned:
    """The embedding matrix of a fitted vocabulary, looked up when it is first asked for, and once."""

    def __init__(
        self,
        goes_by: GoesBy,
        vectors: Vectors,
        *,
        unk_init: UnkInit | None = None,
        lower_case_backup: bool = False,
        pad_token: str | None = PADDING,
    ) -> None:
        expect_vectors(vectors, "align_vectors")
        self._goes_by, self._vectors = goes_by, vectors
        self._how: dict[str, Any] = {
            "unk_init": unk_init,
            "lower_case_backup": lower_case_backup,
            "pad_token": pad_token,
        }
        self._alignment: Alignment | None = None
        self._lock = threading.RLock()

    @property
    def found(self) -> bool:
        """Whether the vectors were looked up."""
        return self._alignment is not None

    @property
    def alignment(self) -> Alignment:
        """The matrix and its coverage.

        Raises:
            GraphError: The vocabulary cannot be fitted.
        """
        vocab = self._goes_by.vocab
        with self._lock:
            # A vocabulary can only grow, and one that has grown may have moved its tokens.
            if self._alignment is None or len(self._alignment.matrix) != len(vocab):
                try:
                    self._alignment = align(
                        vocab,
                        self._vectors,
                        counts=self._goes_by.counts,
                        running=self._goes_by.running,
                        **self._how,
                    )
                except AttributeError as error:
                    # Let through, it would seem to say that the stage has no attribute "alignment".
                    raise GraphError(f"align_vectors: what looks vectors up failed: {error!r}") from error
            return self._alignment

    def __reduce__(self) -> tuple[object, ...]:
        expect_picklable("align_vectors", self._how)
        # A worker needs the vocabulary; if it asks for the matrix, it looks that up in the store's shared pages.
        return _aligned, (self._goes_by, self._vectors, self._how)


def _aligned(goes_by: GoesBy, vectors: Vectors, how: dict[str, Any]) -> Aligned:
    return Aligned(goes_by, vectors, **how)


class GivesAlignment:
    """What `AlignVectors` gives its user, in both of its forms."""

    _aligned: Aligned

    @property
    def alignment(self) -> Alignment:
        """The matrix and its coverage."""
        return self._aligned.alignment

    def embedding(self, **how: Any) -> nn.Embedding:
        """Return an ``nn.Embedding`` (V, dim): see `Alignment.embedding`."""
        return self.alignment.embedding(**how)

    def embedding_bag(self, **how: Any) -> nn.EmbeddingBag:
        """Return an ``nn.EmbeddingBag`` (V, dim): see `Alignment.embedding_bag`."""
        return self.alignment.embedding_bag(**how)
