"""Rows → batches of tensors: see `torchvectors.datapipes.batching`."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from torchdata.nodes import BaseNode

from torchvectors.batch import Batching, Layout
from torchvectors.errors import GraphError, shown
from torchvectors.fitting import padding_before
from torchvectors.nodes.graph import SOURCE, Node, Stage
from torchvectors.stages import stated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torchvectors.rows import Columns

__all__ = ["BatchTokens", "ByLength"]

_BUCKETS = "length_buckets"  # the settings that the order of bucketed rows depends on, in a state


class BatchTokens(Stage):
    """Rows → batches of tensors: see `torchvectors.datapipes.BatchTokens`. The last batch may be short."""

    def __init__(
        self,
        source: Node,
        batch_size: int,
        layout: Layout = "padded",
        column: Columns = None,
        padding_value: float | None = None,
        drop_last: bool = False,
        max_length: int | None = None,
        bucket_batches: int | None = None,
        seed: int = 0,
        names: Sequence[str] | None = None,
    ) -> None:
        self.batching = Batching(
            size=batch_size,
            layout=layout,
            column=column,
            padding_value=padding_value,
            drop_last=drop_last,
            max_length=max_length,
            bucket_batches=bucket_batches,
            seed=seed,
            names=names,
        )
        super().__init__(source if bucket_batches is None else ByLength(source, self.batching))
        self._padding = padding_before(source, BaseNode, self.batching)

    def reset(self, initial_state: dict[str, Any] | None = None) -> None:
        """Go to the beginning, or to a state.

        Raises:
            GraphError: The state was taken with other settings, which would have put the rows in another order.
        """
        if initial_state is not None:
            _expect_order(stated(initial_state, SOURCE, dict, "batch_tokens"), self.batching)
        super().reset(initial_state)

    def next(self) -> Any:
        """Return the next batch."""
        taken = self.batching.gather(self.source)
        if not taken:
            raise StopIteration
        return self.batching.collate(taken, self._padding.indices())

    def settings_said(self) -> str:
        """Say how it is set."""
        return str(self.batching)


class ByLength(Stage):
    """Rows → the same rows, a buffer of them at a time in an order that parts them by length.

    Its state holds no rows: it is the source's before the buffer, with the number of rows that were given of it.
    Whoever resumes reads that buffer again. The order comes from the seed, the epoch and the buffer's number.
    """

    def __init__(self, source: Node, batching: Batching) -> None:
        super().__init__(source)
        self.batching = batching
        self._epoch, self._number, self._given = 0, 0, 0  # the buffer's number, and rows given of it
        self._buffer: list[Any] | None = None  # None: to be read before the next row
        self._before: dict[str, Any] | None = None  # the source's state before the buffer
        self._started = False

    def reset(self, initial_state: dict[str, Any] | None = None) -> None:
        """Go to the beginning of the next epoch, or to a state."""
        super().reset(initial_state)
        if initial_state is None:
            # As torchdata's SamplerWrapper counts them: an epoch that nobody has drawn from is not over.
            self._epoch, self._number, self._given = self._epoch + self._started, 0, 0
        else:
            self._epoch, self._number, self._given = (
                stated(initial_state, key, int, "batch_tokens") for key in ("epoch", "number", "given")
            )
        self._buffer, self._started = None, False

    def next(self) -> Any:
        """Return the next row."""
        self._started = True
        if self._buffer is None:
            self._buffer = self._read()
        row = self._buffer[self._given]
        self._given += 1
        if self._given == len(self._buffer):
            self._buffer, self._number, self._given = None, self._number + 1, 0
        return row

    def get_state(self) -> dict[str, Any]:
        """Return where the source was before the buffer, and how much of that was given."""
        in_buffer = self._buffer is not None and self._before is not None
        return {
            SOURCE: self._before if in_buffer else self.source.state_dict(),
            "epoch": self._epoch,
            "number": self._number,
            "given": self._given,
            _BUCKETS: self.batching.order,
        }

    def _read(self) -> list[Any]:
        self._before = None
        with suppress(NotImplementedError):  # whoever wants no states writes nodes without one
            self._before = self.source.state_dict()
        rows = self.batching.gather_buffer(self.source, self._epoch, self._number)
        if not rows and not self._given:
            raise StopIteration
        if self._given >= len(rows):
            text = f"the state was taken after {self._given} rows of a buffer, and now there are only {len(rows)}."
            raise GraphError(f"batch_tokens: {text} Resume with the corpus that it was taken from.")
        return rows


def _expect_order(state: dict[str, Any], batching: Batching) -> None:
    """See that rows come in the order that they had where a state of the stage's source was taken."""
    then = stated(state, _BUCKETS, dict, "batch_tokens") if _BUCKETS in state else {"bucket_batches": None}
    now = batching.order if batching.bucket_batches is not None else {"bucket_batches": None}
    for name in dict.fromkeys(["bucket_batches", *now]):
        said = then.get(name)
        # Not every value that a file can hold can be compared; one of another type is another one.
        if type(said) is not type(now[name]) or said != now[name]:
            text = f"the state was taken with {name}={shown(said)}, and this graph has {name}={now[name]}"
            raise GraphError(f"batch_tokens: {text}, so other rows would follow. Give it the same settings.")
