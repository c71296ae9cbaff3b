"""An aligned matrix → layers that hold it, and what says whose it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, overload

from torch import Tensor, nn

from torchvectors.align.fingerprint import check_saved, mark
from torchvectors.align.layers import PartlyTrainedEmbedding, PartlyTrainedEmbeddingBag
from torchvectors.align.steps import CHOSEN, MISSING
from torchvectors.errors import VocabError

if TYPE_CHECKING:
    from torchvectors.align.coverage import Coverage

__all__ = ["Alignment"]

_Whole = Literal["all", "none"]
_Padding = int | Literal["auto"] | None
_Mode = Literal["mean", "sum", "max"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Alignment:
    """An embedding matrix that belongs to one vocabulary. `align` makes it."""

    matrix: Tensor  # float32 (V, dim); row i is the row of the vocabulary's token i
    coverage: Coverage
    padding_idx: int | None  # of the padding token, where the vocabulary has one
    policy: str  # how the rows were come by, in words
    fingerprint: str  # one line over vocabulary, vectors and policy: equal ones make equal matrices

    def __repr__(self) -> str:
        share = f"{self.coverage.of_tokens:.1%}"
        return f"<Alignment: {len(self.matrix):,} tokens of dim {self.dim}, {share} with a vector>"

    @property
    def dim(self) -> int:
        """Numbers per token."""
        return int(self.matrix.shape[1])

    @overload
    def embedding(  # type: ignore[overload-overlap]  # a str is a Sequence[str]; the first that fits counts
        self,
        *,
        freeze: bool | None = ...,
        train: _Whole | None = ...,
        padding_idx: _Padding = ...,
        sparse: bool = ...,
    ) -> nn.Embedding: ...
    @overload
    def embedding(
        self,
        *,
        freeze: bool | None = ...,
        train: Literal["missing"] | Sequence[str],
        padding_idx: _Padding = ...,
        sparse: bool = ...,
    ) -> PartlyTrainedEmbedding: ...
    def embedding(
        self,
        *,
        freeze: bool | None = None,
        train: Literal["all", "none", "missing"] | Sequence[str] | None = None,
        padding_idx: _Padding = "auto",
        sparse: bool = False,
    ) -> nn.Embedding | PartlyTrainedEmbedding:
        """Return an ``nn.Embedding`` (V, dim) with a copy of the matrix, or a layer that trains some of its rows.

        Its ``state_dict()`` carries the `fingerprint`; its ``load_state_dict()`` refuses one that was made for
        another vocabulary, or another order of its tokens. A state that says nothing is believed.

        Args:
            freeze: Whether training leaves it as it is. None: as ``train`` says; without either, it does.
            train: Which rows are trained: "all", "none", "missing" for those that no
                vectors were found for (of chosen rows, too), or the tokens whose rows they are. For the last two
                gradients and optimizer state are of these rows alone: `PartlyTrainedEmbedding`.
            padding_idx: The index whose row is never trained; "auto" is the padding token's.
            sparse: Whether gradients are sparse tensors, for ``torch.optim.SparseAdam``.

        Raises:
            VocabError: A token of ``train`` is not in the vocabulary, or is the padding token.
            TypeError: ``train`` is none of what it may be.
            ValueError: ``freeze`` says the opposite of ``train``.
        """
        padding, frozen = self._padding(padding_idx), _frozen(freeze, train)
        layer: nn.Embedding | PartlyTrainedEmbedding
        if train is None or train in ("all", "none"):
            layer = nn.Embedding.from_pretrained(self.matrix.clone(), frozen, padding, sparse=sparse)
        else:
            layer = PartlyTrainedEmbedding(self.matrix, self._trained(train, padding), padding, sparse)
        mark(layer, self.fingerprint)
        return layer

    @overload
    def embedding_bag(  # type: ignore[overload-overlap]  # as above
        self,
        *,
        freeze: bool | None = ...,
        train: _Whole | None = ...,
        padding_idx: _Padding = ...,
        mode: _Mode = ...,
        sparse: bool = ...,
    ) -> nn.EmbeddingBag: ...
    @overload
    def embedding_bag(
        self,
        *,
        freeze: bool | None = ...,
        train: Literal["missing"] | Sequence[str],
        padding_idx: _Padding = ...,
        mode: _Mode = ...,
        sparse: bool = ...,
    ) -> PartlyTrainedEmbeddingBag: ...
    def embedding_bag(
        self,
        *,
        freeze: bool | None = None,
        train: Literal["all", "none", "missing"] | Sequence[str] | None = None,
        padding_idx: _Padding = "auto",
        mode: _Mode = "mean",
        sparse: bool = False,
    ) -> nn.EmbeddingBag | PartlyTrainedEmbeddingBag:
        """Return an ``nn.EmbeddingBag`` (V, dim) with a copy of the matrix; the padding token counts in no bag.

        Args:
            freeze: Whether training leaves it as it is, as for `embedding`.
            train: Which rows are trained, as for `embedding`.
            padding_idx: The index that is left out of each bag; "auto" is the padding token's.
            mode: How a bag's rows become one.
            sparse: Whether gradients are sparse tensors.

        Raises:
            VocabError, TypeError, ValueError: As for `embedding`.
        """
        padding, frozen = self._padding(padding_idx), _frozen(freeze, train)
        layer: nn.EmbeddingBag | PartlyTrainedEmbeddingBag
        if train is None or train in ("all", "none"):
            layer = nn.EmbeddingBag.from_pretrained(
                self.matrix.clone(),
                freeze=frozen,
                padding_idx=padding,
                mode=mode,
                sparse=sparse,
            )
        else:
            trained = self._trained(train, padding)
            layer = PartlyTrainedEmbeddingBag(self.matrix, trained, padding, sparse, mode)
        mark(layer, self.fingerprint)
        return layer

    def assert_coverage(self, least: float) -> None:
        """Stop a pipeline whose text the vectors do not know.

        Args:
            least: The smallest share that will do, 0 to 1: of the running text where its counts are known, as in a
                graph; else of the vocabulary's tokens.

        Raises:
            CoverageError: Less has a vector. The text gives the share, of what it is one, and the most frequent
                tokens that have none.
            ValueError: ``least`` is no share.
        """
        self.coverage.expect(least)

    def check(self, saved: str | Mapping[str, Any]) -> None:
        """Refuse a checkpoint that was made for another vocabulary, or another order of its tokens.

        The layers do so themselves where a state was kept by ``torch.save``. A file of tensors alone, such as
        safetensors, can keep `fingerprint` in its metadata, for this.

        Args:
            saved: A `fingerprint`; or a ``state_dict()`` of a layer, or of a model with such layers, one of which
                must fit.

        Raises:
            VocabError: The vocabulary is another; or ``saved`` carries no fingerprint.
        """
        check_saved(saved, self.fingerprint)

    def _padding(self, given: _Padding) -> int | None:
        """Return the index that is meant, counted from the beginning."""
        index = self.padding_idx if given == "auto" else given
        if index is None:
            return None
        size = len(self.matrix)
        if not -size <= index < size:
            raise ValueError(f"padding_idx={index}: this vocabulary has {size} tokens.")
        return range(size)[index]

    def _trained(self, train: str | Sequence[str], padding: int | None) -> list[int]:
        """Return the indices of the rows that are trained."""
        if train == "missing":
            return [i for i in self.coverage.indices(MISSING, CHOSEN) if i != padding]
        if isinstance(train, str) or not isinstance(train, Sequence):
            raise TypeError(f'train={train!r}: give "missing", "all", "none", or a list of tokens.')
        wanted, itos = set(train), self.coverage.itos
        if unknown := wanted.difference(itos):
            text = f"train: {min(unknown, key=repr)!r} is not in this vocabulary of {len(itos)} tokens."
            raise VocabError(f"{text} It trains rows that are there.")
        if padding is not None and itos[padding] in wanted:
            raise VocabError(f"train: {itos[padding]!r} is the padding token, whose row is never trained.")
        return [i for i, token in enumerate(itos) if token in wanted]


def _frozen(freeze: bool | None, train: str | Sequence[str] | None) -> bool:
    """Settle what two arguments say of one thing."""
    if freeze is not None and train is not None and freeze != (train == "none"):
        raise ValueError(f"freeze={freeze} and train={train!r:.60} say opposite things. Give one of the two.")
    return train == "none" if train is not None else freeze in (True, None)
