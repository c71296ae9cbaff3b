"""The settings of ``batch_tokens``, and the rows that it takes at a time."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from numbers import Integral
from random import Random
from typing import TYPE_CHECKING, Any

from torchvectors.batch.bucketing import by_length
from torchvectors.batch.collation import check_names, collate, length_of
from torchvectors.batch.layouts import STAGE, Layout, check_layout
from torchvectors.errors import GraphError
from torchvectors.rows import Columns, checked_columns, each_column

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Batching"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batching:
    """How rows become batches. `collate` says what the fields mean.

    Raises:
        GraphError: A number is not 1 or more; there is no such layout; or the columns or names are none, or twice
            the same.
    """

    size: int  # rows in a batch
    layout: Layout = "padded"
    column: Columns = None
    padding_value: float | None = None
    drop_last: bool = False  # leave out a last batch that is not full
    max_length: int | None = None  # tokens of a sequence that are kept
    bucket_batches: int | None = None  # batches whose rows are read at a time, and parted by length
    seed: int = 0  # what their order is drawn from, together with the epoch
    names: Sequence[str] | None = None

    def __post_init__(self) -> None:
        for name, value in self._numbers().items():
            if value is not None and not (isinstance(value, Integral) and value >= 1):
                raise GraphError(f"{STAGE}: {name}={value!r} is not 1 or more, a whole number.")
        check_layout(self.layout)
        checked_columns(self.column, STAGE)
        check_names(self.names)

    def gather(self, rows: Iterator[Any]) -> list[Any]:
        """Take the next batch's rows; none when there are no more."""
        taken = list(islice(rows, self.size))
        return [] if self.drop_last and len(taken) < self.size else taken

    def gather_buffer(self, rows: Iterator[Any], epoch: int, number: int) -> list[Any]:
        """Take the rows of the next ``bucket_batches`` batches, in an order that parts them by length.

        `gather` then cuts them into those batches: the number of rows in a buffer is a multiple of a batch's.

        Args:
            rows: Where to take them from.
            epoch: The epoch's number, or its seed.
            number: How many buffers of this epoch came before.

        Returns:
            The rows, each once; none when there are no more. They depend on nothing but the rows and the numbers.

        Raises:
            GraphError: A row has no such column, or no sequence in it.
        """
        taken = list(islice(rows, self.size * (self.bucket_batches or 1)))
        lengths = [length_of(row, self.column, self.max_length) for row in taken]
        # A text as the seed: hashed by its content, the same in every process.
        chance = Random(f"{self.seed} {epoch} {number}")  # noqa: S311 - an order, and no secret
        return [taken[place] for place in by_length(lengths, self.size, chance)]

    def collate(self, rows: Sequence[Any], pad_index: Sequence[int]) -> Any:
        """Make them one batch: see `collate`. There is one index for each column."""
        return collate(
            rows,
            layout=self.layout,
            column=self.column,
            padding_value=self.padding_value,
            pad_index=pad_index,
            max_length=self.max_length,
            names=self.names,
        )

    @property
    def columns(self) -> tuple[Any, ...]:
        """The columns with sequences."""
        return each_column(self.column)

    @property
    def order(self) -> dict[str, int | None]:
        """What the order of bucketed rows depends on, by the names that callers know."""
        return {**self._numbers(), "seed": self.seed}

    def _numbers(self) -> dict[str, int | None]:
        return {
            "batch_size": self.size,
            "max_length": self.max_length,
            "bucket_batches": self.bucket_batches,
        }
