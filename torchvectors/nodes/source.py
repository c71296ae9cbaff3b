"""Rows of any kind → the node that a graph begins with: see `torchvectors.datapipes.source`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torchdata.nodes import BaseNode

from torchvectors.errors import GraphError
from torchvectors.nodes.graph import Node
from torchvectors.sources import Again
from torchvectors.stages import stated

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Rows"]

_READ = "rows"


class Rows(Node):
    """Rows that a graph begins with: see `torchvectors.datapipes.Rows`. Its state is how many rows it has given."""

    def __init__(self, source: Any, fingerprint: str | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torchdata does not annotate it
        if isinstance(source, BaseNode):
            raise GraphError(f"rows: {source!r:.100} is a node already. Use it as it is.")
        self._rows = Again(source, fingerprint)
        self._left: Iterator[Any] | None = None  # begun where the first row is asked for
        self._read = 0

    @property
    def fingerprint(self) -> str | None:
        """What tells these rows from others, if anything is known that does; of a subclass' rows, nothing is."""
        return self._rows.fingerprint if type(self) is Rows else None

    def __len__(self) -> int:
        return len(self._rows)

    def reset(self, initial_state: dict[str, Any] | None = None) -> None:
        """Go to the beginning, or to a state."""
        super().reset(initial_state)
        self._read = 0 if initial_state is None else stated(initial_state, _READ, int, "rows")
        self._left = None

    def next(self) -> Any:
        """Return the next row."""
        if self._left is None:
            self._left = self._rows.since(self._read)
        row = next(self._left)
        self._read += 1
        return row

    def get_state(self) -> dict[str, Any]:
        """Return how many rows were given."""
        return {_READ: self._read}

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_left": None}  # a pass that was begun cannot be pickled; where it is can
