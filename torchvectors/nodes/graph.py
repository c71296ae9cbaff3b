"""What every stage is as a node: it draws from one source, and its state is where that is."""

from __future__ import annotations

from typing import Any

from torchdata.nodes import BaseNode

__all__ = ["Node", "Stage"]

Node = BaseNode[Any]
_SOURCE = "source"


class Stage(Node):
    """A node that does something to each row of its source."""

    def __init__(self, source: Node) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torchdata does not annotate it
        self.source = source

    def reset(self, initial_state: dict[str, Any] | None = None) -> None:
        """Go to the beginning, or to a state."""
        super().reset(initial_state)
        self.source.reset(None if initial_state is None else initial_state[_SOURCE])

    def next(self) -> Any:
        """Return the next row, done."""
        return self._do(next(self.source))

    def get_state(self) -> dict[str, Any]:
        """Return where the source is."""
        return {_SOURCE: self.source.state_dict()}

    def _do(self, row: Any) -> Any:
        return row
