"""A fitted vocabulary and vectors → their embedding matrix, looked up when it is first asked for, and once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torchvectors.align import Alignment, align_by, said_of
from torchvectors.errors import GraphError
from torchvectors.fitting.fit import Fit
from torchvectors.fitting.locking import ThreadLock
from torchvectors.fitting.ranks import group_size, together
from torchvectors.stages.pickling import expect_picklable

if TYPE_CHECKING:
    from torch import nn
    from torch.distributed import ProcessGroup

    from torchvectors.align import PartlyTrainedEmbedding, PartlyTrainedEmbeddingBag, Policy
    from torchvectors.fitting.fit import GoesBy

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
        self._said: str | None = None
        self._lock = ThreadLock()

    @property
    def found(self) -> bool:
        """Whether the vectors were looked up."""
        return self._alignment is not None

    @property
    def said(self) -> str:
        """Which vectors are looked up, and how: checksums that are equal in every process."""
        if self._said is None:
            self._said = said_of(self._policy)
        return self._said

    @property
    def alignment(self) -> Alignment:
        """The matrix and its coverage.

        Raises:
            GraphError: The vocabulary cannot be fitted.
        """
        vocab = self._goes_by.vocab
        with self._lock.held:
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
    goes_by: GoesBy

    def fit(
        self, group: ProcessGroup | None = None, *, timeout: float = 1800.0, dealt: bool = False
    ) -> Alignment:
        """Fit the vocabulary together with the other ranks, and see that all have come to the same matrix.

        Each rank looks its vocabulary up in its own map of the one store: that takes less time than to send a matrix
        about, and the ranks of a machine share the store's pages. It is a collective: see `BuildVocab.fit`.

        Args:
            group: The ranks; None for all. Without ``torch.distributed`` it is this process alone.
            timeout: Seconds to wait for the others, once this rank has come so far.
            dealt: Whether each rank's source is its own share of the corpus already.

        Returns:
            The matrix and its coverage.

        Raises:
            GraphError: Some ranks have not come in time, or could not count, or have other vectors or settings.
        """
        if isinstance(self.goes_by, Fit):
            self.goes_by.fit(group, timeout, dealt=dealt)
        alignment = self.alignment
        if group_size(group)[1] > 1:
            together("align_vectors.fit", alignment.fingerprint, _expect_one, group=group, timeout=timeout)
        return alignment

    @property
    def alignment(self) -> Alignment:
        """The matrix and its coverage."""
        return self._aligned.alignment

    def settings_said(self) -> str:
        """Say how it is set: a state of the graph names the vectors and the policy."""
        return self._aligned.said

    def keeps_fingerprint(self) -> bool:
        """Say that the rows come out as they went in."""
        return True

    def embedding(self, **how: Any) -> nn.Embedding | PartlyTrainedEmbedding:
        """Return an ``nn.Embedding`` (V, dim): see `Alignment.embedding`."""
        layer: nn.Embedding | PartlyTrainedEmbedding = self.alignment.embedding(**how)
        return layer

    def embedding_bag(self, **how: Any) -> nn.EmbeddingBag | PartlyTrainedEmbeddingBag:
        """Return an ``nn.EmbeddingBag`` (V, dim): see `Alignment.embedding_bag`."""
        layer: nn.EmbeddingBag | PartlyTrainedEmbeddingBag = self.alignment.embedding_bag(**how)
        return layer


def _expect_one(fingerprints: list[str]) -> None:
    if len(set(fingerprints)) > 1:
        which = "; ".join(f"rank {rank}: {one}" for rank, one in enumerate(fingerprints))
        raise GraphError(
            f"the ranks have aligned different things: {which}. Give all the same vectors and settings."
        )
