"""Rows → the part of them that is this rank's: see `torchvectors.datapipes.shards`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torchvectors.fitting import group_size
from torchvectors.nodes.graph import Node, Stage
from torchvectors.stages import Tail, check_tail, deal

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ShardRows"]


class ShardRows(Stage):
    """Deal out the rows among the ranks: see `torchvectors.datapipes.ShardRows`. A loader of nodes has no workers."""

    def __init__(self, source: Node, tail: Tail = "uneven") -> None:
        super().__init__(source)
        self.tail = check_tail(tail)
        self.whole = False  # while somebody counts: all rows
        self._rows: Iterator[Any] = iter(())

    def reset(self, initial_state: dict[str, Any] | None = None) -> None:
        """Go to the beginning, or to a state. Now the ranks are asked for, not when the graph is built."""
        super().reset(initial_state)
        number, of = (0, 1) if self.whole else group_size()
        # A round of rows is taken whole, so that between two rows a state of the source says all.
        self._rows = deal(self.source, number, of, self.tail)

    def next(self) -> Any:
        """Return the next row."""
        return next(self._rows)

    def settings_said(self) -> str:
        """Say how it is set."""
        return f"tail {self.tail!r}"

    def keeps_fingerprint(self) -> bool:
        """Say that the pass that counts meets all rows."""
        return True
