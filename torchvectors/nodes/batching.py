"""Rows → batches of tensors: see `torchvectors.datapipes.batching`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torchdata.nodes import BaseNode

from torchvectors.batch import Batching, Layout
from torchvectors.nodes.graph import Node, Stage
from torchvectors.stages import pad_index, padding_vocab

if TYPE_CHECKING:
    from torchvectors.rows import Column

__all__ = ["BatchTokens"]


class BatchTokens(Stage):
    """Rows → batches of tensors: see `torchvectors.datapipes.BatchTokens`. The last batch may be short."""

    def __init__(
        self,
        source: Node,
        batch_size: int,
        layout: Layout = "padded",
        column: Column = None,
        padding_value: float | None = None,
        drop_last: bool = False,
    ) -> None:
        super().__init__(source)
        self.batching = Batching(
            size=batch_size, layout=layout, column=column, padding_value=padding_value, drop_last=drop_last
        )
        self._pads_by = padding_vocab(source, BaseNode, self.batching)

    def next(self) -> Any:
        """Return the next batch."""
        taken = self.batching.gather(self.source)
        if not taken:
            raise StopIteration
        return self.batching.collate(taken, pad_index(self._pads_by))
