"""A fitted vocabulary and vectors → their embedding matrix, looked up when it is first asked for, and once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from torchvectors.align import Alignment, align_by
from torchvectors.errors import GraphError
from torchvectors.stages.pickling import expect_picklable

if TYPE_CHECKING:
    from torch import nn

    from torchvectors.align import PartlyTrainedEmbedding, PartlyTrainedEmbeddingBag, Policy
    from torchvectors.stages.fit import GoesBy

__all__ = ["Aligned", "GivesAlignment"]


class Aligned:
    """The embedding matrix of a fitted vocabulary, looked up when it is first asked for, and once.

    Args:
        goes_by: The vocabulary.
        policy: Where to look, and how: what was asked for is checked long before the corpus is counted.
    """

    def __init__(self, goes_by: GoesBy, policy: Policy) -> None:
        self._goes_by, self._policy = goes_by, policy
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
                    self._alignment = align_by(
                        self._policy, vocab, counts=self._goes_by.counts, running=self._goes_by.running
                    )
                except AttributeError as error:
                    # Let through, it would seem to say that the stage has no attribute "alignment".
                    raise GraphError(f"align_vectors: what looks vectors up failed: {error!r}") from error
            return self._alignment

    def __reduce__(self) -> tuple[object, ...]:
        steps = {f"step {way.name!r}": way.spellings for way in self._policy.ways}
        held = {"unk_init": self._policy.unk_init, "rows": self._policy.rows, **steps}
        expect_picklable("align_vectors", held)
        # A worker needs the vocabulary; if it asks for the matrix, it looks that up in the store's shared pages.
        return Aligned, (self._goes_by, self._policy)


class GivesAlignment:
    """What `AlignVectors` gives its user, in both of its forms."""

    _aligned: Aligned

    @property
    def alignment(self) -> Alignment:
        """The matrix and its coverage."""
        return self._aligned.alignment

    def embedding(self, **how: Any) -> nn.Embedding | PartlyTrainedEmbedding:
        """Return an ``nn.Embedding`` (V, dim): see `Alignment.embedding`."""
        layer: nn.Embedding | PartlyTrainedEmbedding = self.alignment.embedding(**how)
        return layer

    def embedding_bag(self, **how: Any) -> nn.EmbeddingBag | PartlyTrainedEmbeddingBag:
        """Return an ``nn.EmbeddingBag`` (V, dim): see `Alignment.embedding_bag`."""
        layer: nn.EmbeddingBag | PartlyTrainedEmbeddingBag = self.alignment.embedding_bag(**how)
        return layer
