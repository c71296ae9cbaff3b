"""Rows → batches of tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.utils.data import IterDataPipe

from torchvectors.batch import Batching, Layout
from torchvectors.datapipes.graph import Pipe, form
from torchvectors.stages import pad_index, padding_vocab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torchvectors.rows import Column

__all__ = ["BatchTokens"]


@form("batch_tokens")
class BatchTokens(Pipe):
    """Rows → batches of tensors (functional form ``.batch_tokens()``).

    Args:
        source: Rows with a list of int, or a tensor (T,) or (T, dim).
        batch_size: Rows in a batch.
        layout: "padded" (ids, lengths), "offsets" (ids, offsets; for ``nn.EmbeddingBag``) or "jagged" (one nested
            tensor).
        column: The sequence's column in the row.
        padding_value: What fills up padded rows. None: for indices the index of ``<pad>`` in the vocabulary of the
            graph, or 0 if it has none; for vectors 0.
        drop_last: Leave out a last batch that is not full.

    Yields:
        Batches, as `torchvectors.batch.collate` says: of ``(label, indices)`` rows ``(labels, ids, lengths)``.

    Raises:
        GraphError: The batch size or the layout is none; a row has no such column, or no sequence of numbers in it;
            the rows of a batch are of several forms.
    """

    def __init__(
        self,
        source: Pipe,
        batch_size: int,
        layout: Layout = "padded",
        column: Column = None,
        padding_value: float | None = None,
        drop_last: bool = False,
    ) -> None:
        self.source_datapipe = source
        self.batching = Batching(
            size=batch_size, layout=layout, column=column, padding_value=padding_value, drop_last=drop_last
        )
        self._pads_by = padding_vocab(source, IterDataPipe, self.batching)

    def __iter__(self) -> Iterator[Any]:
        rows = iter(self.source_datapipe)
        while taken := self.batching.gather(rows):
            yield self.batching.collate(taken, pad_index(self._pads_by))

    def __len__(self) -> int:
        full, rest = divmod(len(self.source_datapipe), self.batching.size)
        return full + bool(rest and not self.batching.drop_last)
