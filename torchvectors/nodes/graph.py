"""What every stage is as a node: it draws from one source, and its state is where that is."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from torchdata.nodes import BaseNode

from torchvectors.errors import GraphError, TorchVectorsError
from torchvectors.fitting import asked_upstream
from torchvectors.stages import Do, before, each_row, refuse_unpicklable, say_row, stated

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SOURCE", "Node", "PerRow", "Stage", "share_of"]

Node = BaseNode[Any]
SOURCE = "source"  # in a state


class Stage(Node):
    """A node that does something to each row of its source."""

    def __init__(self, source: Node) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torchdata does not annotate it
        if not isinstance(source, BaseNode):
            text = f"{type(self).__name__}: its source must be a node, and this is {type(source).__name__}."
            raise GraphError(f"{text} Begin with torchvectors.nodes.Rows(rows).")
        self.source = source
        self._met: int | None = 0  # rows of this pass; None where a state has skipped some

    def reset(self, initial_state: dict[str, Any] | None = None) -> None:
        """Go to the beginning, or to a state.

        Raises:
            GraphError: It is no state of this stage.
        """
        super().reset(initial_state)
        self._met = 0 if initial_state is None else None
        self.source.reset(
            None if initial_state is None else stated(initial_state, SOURCE, dict, type(self).__name__)
        )

    def next(self) -> Any:
        """Return the next row, done."""
        row = next(self.source)
        try:
            done = self.do(row)
        except TorchVectorsError as error:
            say_row(error, self._met)
            raise
        if self._met is not None:
            self._met += 1
        return done

    def get_state(self) -> dict[str, Any]:
        """Return where the source is."""
        return {SOURCE: self.source.state_dict()}

    def do(self, row: Any) -> Any:
        """Return what becomes of a row."""
        return row

    def __getattr__(self, name: str) -> Any:
        return asked_upstream(self, self.source if "source" in vars(self) else None, BaseNode, name)

    def __getstate__(self) -> dict[str, Any]:
        for node in before(self, BaseNode):
            if node is self or not isinstance(node, Stage):  # a stage answers for itself
                refuse_unpicklable(node)
        return vars(self)


class PerRow(Stage):
    """A stage that makes of each row another one, and keeps nothing between two."""

    _do: Do | None = None  # made when a row comes, and never pickled

    def reset(self, initial_state: dict[str, Any] | None = None) -> None:
        """Go to the beginning, or to a state."""
        super().reset(initial_state)
        self._do = None

    def do(self, row: Any) -> Any:
        """Return what becomes of a row."""
        if self._do is None:
            self._do = self.doing()
        return self._do(row)

    def doing(self) -> Do:
        """Return what does one row, for a pass over all of them."""
        raise NotImplementedError

    def __getstate__(self) -> dict[str, Any]:
        self._do = None
        return super().__getstate__()


def share_of(source: Node, number: int, of: int) -> Iterator[Any]:
    """Yield every ``of``-th row that comes out of a node, from ``number`` on; the node has been reset.

    Stages that do one row at a time do no others: to read a row is cheap, to tokenise it is not.
    """
    if isinstance(source, PerRow):
        return each_row(share_of(source.source, number, of), source.doing(), number, of)
    return islice(source, number, None, of)
