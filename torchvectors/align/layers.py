"""A matrix, of which some rows are trained → layers that keep gradients and optimizer state for these rows alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PartlyTrainedEmbedding", "PartlyTrainedEmbeddingBag"]


class _PartlyTrained(nn.Module):
    """A matrix (V, dim) in two parts: one that stays as it is, and a parameter with the n rows that are trained.

    A checkpoint has one key, ``weight`` (V, dim), as those of ``nn.Embedding`` and ``nn.EmbeddingBag`` have: each
    loads the other's. Loading one replaces all rows, the fixed ones too.

    Attributes:
        trained: The parameter (n, dim). A gradient, and what an optimizer keeps, have this shape.
        pretrained: (V, dim), a parameter that needs no gradient, until somebody says otherwise. Its rows of trained
            tokens are where those have begun, and are no longer looked at.
    """

    trained: nn.Parameter
    pretrained: nn.Parameter
    index: Tensor  # int64 (n,) the index of each trained row, ascending

    def __init__(self, matrix: Tensor, trained: Sequence[int], padding_idx: int | None, sparse: bool) -> None:
        super().__init__()
        self.num_embeddings, self.embedding_dim = matrix.shape
        self.padding_idx, self.sparse = padding_idx, sparse
        index = torch.tensor(trained, dtype=torch.long)
        self.trained = nn.Parameter(matrix[index])
        # No buffer: DistributedDataParallel would send it to all ranks with each batch.
        self.pretrained = nn.Parameter(matrix.clone(), requires_grad=False)
        self.register_buffer("index", index, persistent=False)

    @property
    def weight(self) -> Tensor:
        """The whole matrix (V, dim), as it is now: a copy, through which gradients reach the trained rows."""
        return self.pretrained.index_copy(0, self.index, self.trained)

    def _rows(self, indices: Tensor) -> Tensor:
        flat = indices.reshape(-1).long()
        rows = functional.embedding(flat, self.pretrained, self.padding_idx, sparse=self.sparse)
        slots, after = (torch.searchsorted(self.index, flat, right=right) for right in (False, True))
        places = (after > slots).nonzero().squeeze(1)  # whose index is among the trained ones
        trained = functional.embedding(slots[places], self.trained, sparse=self.sparse)
        return rows.index_copy(0, places, trained).view(*indices.shape, self.embedding_dim)

    def extra_repr(self) -> str:
        """Return what stands between the brackets of the repr."""
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}, trained={len(self.trained)}{padding}"

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        destination[f"{prefix}weight"] = self.weight if keep_vars else self.weight.detach()

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        whole, parts = f"{prefix}weight", (f"{prefix}pretrained", f"{prefix}trained")
        state, missing = dict(state_dict), list[str]()
        weight = state.pop(whole, None)
        if isinstance(weight, Tensor):
            same = weight.shape == self.pretrained.shape  # if not, torch says so, of `pretrained`
            rows = weight[self.index.to(weight.device)] if same else self.trained.detach()
            state.update(zip(parts, (weight, rows), strict=True))
        super()._load_from_state_dict(
            state, prefix, local_metadata, strict, missing, unexpected_keys, error_msgs
        )
        missing_keys += [key for key in missing if key not in parts] + [whole] * (weight is None)


class PartlyTrainedEmbedding(_PartlyTrained):
    """An ``nn.Embedding`` (V, dim) of which some rows are trained and the others stay as they are, bit for bit.

    ``Alignment.embedding(train="missing")`` makes it. Args of ``forward``: indices of any shape, int64 or int32.
    """

    def forward(self, indices: Tensor) -> Tensor:
        """Return the rows of some indices: (…) → (…, dim)."""
        return self._rows(indices)


class PartlyTrainedEmbeddingBag(_PartlyTrained):
    """An ``nn.EmbeddingBag`` (V, dim) of which some rows are trained and the others stay as they are, bit for bit.

    ``Alignment.embedding_bag(train="missing")`` makes it.
    """

    def __init__(
        self,
        matrix: Tensor,
        trained: Sequence[int],
        padding_idx: int | None,
        sparse: bool,
        mode: Literal["mean", "sum", "max"],
    ) -> None:
        super().__init__(matrix, trained, padding_idx, sparse)
        self.mode = mode

    def forward(
        self, indices: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None
    ) -> Tensor:
        """Return a row for each of B bags: see ``nn.EmbeddingBag.forward``."""
        # The bags are made of the rows of this batch alone, so that no gradient has the size of the matrix.
        rows = self._rows(indices.reshape(-1))
        places = torch.arange(len(rows), dtype=indices.dtype, device=indices.device).view_as(indices)
        padding = None
        if self.padding_idx is not None:
            padding = len(rows)
            rows = torch.cat([rows, rows.new_zeros(1, self.embedding_dim)])
            places = places.masked_fill(indices == self.padding_idx, padding)
        return functional.embedding_bag(
            places,
            rows,
            offsets,
            mode=self.mode,
            per_sample_weights=per_sample_weights,
            padding_idx=padding,
        )

    def extra_repr(self) -> str:
        """Return what stands between the brackets of the repr."""
        return f"{super().extra_repr()}, mode={self.mode!r}"
