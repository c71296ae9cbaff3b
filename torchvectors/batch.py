"""Rows with sequences of indices (or of vectors) → one batch of tensors."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from torchvectors.errors import GraphError
from torchvectors.rows import Column, column_of, field_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["Batching", "Layout", "collate", "jagged", "offsets", "padded"]

Layout = Literal["padded", "offsets", "jagged"]
Sequences = Sequence[Sequence[int]] | Sequence[Tensor]

_STAGE = "batch_tokens"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batching:
    """How rows become batches. `collate` says what the fields mean.

    Raises:
        GraphError: ``size`` is not 1 or more, or there is no such layout.
    """

    size: int  # rows in a batch
    layout: Layout = "padded"
    column: Column = None
    padding_value: float | None = None
    drop_last: bool = False  # leave out a last batch that is not full

    def __post_init__(self) -> None:
        if self.size < 1:
            raise GraphError(f"{_STAGE}: batch_size={self.size} is not 1 or more.")
        _check_layout(self.layout)

    def gather(self, rows: Iterator[Any]) -> list[Any]:
        """Take the next batch's rows; none when there are no more."""
        taken = list(islice(rows, self.size))
        return [] if self.drop_last and len(taken) < self.size else taken

    def collate(self, rows: Sequence[Any], pad_index: int) -> Any:
        """Make them one batch: see `collate`."""
        return collate(
            rows,
            layout=self.layout,
            column=self.column,
            padding_value=self.padding_value,
            pad_index=pad_index,
        )


def padded(sequences: Sequences, padding_value: float = 0) -> tuple[Tensor, Tensor]:
    """Put B sequences below each other, filled up to the longest.

    Args:
        sequences: B lists of int, or tensors (T,), or tensors (T, dim); T differs.
        padding_value: What to fill up with.

    Returns:
        int64 (B, longest T), or (B, longest T, dim) of the tensors' dtype; and the lengths, int64 (B,).

    Raises:
        GraphError: A list holds something else than int, or the padding value is none where there are lists.
    """
    if tensors := _tensors(sequences):
        whole = torch.nn.utils.rnn.pad_sequence(tensors, batch_first=True, padding_value=padding_value)
        return whole, _lengths(sequences)
    if padding_value != int(padding_value):
        raise GraphError(f"{_STAGE}: padding_value={padding_value} is no index, and the rows hold indices.")
    lengths = np.fromiter(map(len, sequences), np.int64, len(sequences))
    table = np.full((len(lengths), int(lengths.max(initial=0))), int(padding_value), np.int64)
    table[np.arange(table.shape[1]) < lengths[:, None]] = _flat(sequences)
    return torch.from_numpy(table), torch.from_numpy(lengths)


def offsets(sequences: Sequences) -> tuple[Tensor, Tensor]:
    """Put B sequences one behind the other, as ``nn.EmbeddingBag`` takes them.

    Returns:
        int64 (sum of T,), or (sum of T, dim) of the tensors' dtype; and where each begins, int64 (B,).

    Raises:
        GraphError: A list holds something else than int.
    """
    lengths = _lengths(sequences)
    tensors = _tensors(sequences)
    values = torch.cat(tensors) if tensors else torch.from_numpy(_flat(sequences))
    return values, lengths.cumsum(0) - lengths


def jagged(sequences: Sequences) -> Tensor:
    """Return one nested tensor of B sequences, of the layout ``torch.jagged``: (B, j) or (B, j, dim).

    Raises:
        GraphError: A list holds something else than int.
    """
    values, starts = offsets(sequences)
    ends = torch.cat([starts, starts.new_tensor([len(values)])])
    nested: Tensor = torch.nested.nested_tensor_from_jagged(values, ends)
    return nested


def collate(
    rows: Sequence[Any],
    *,
    layout: Layout = "padded",
    column: Column = None,
    padding_value: float | None = None,
    pad_index: int = 0,
) -> Any:
    """Make one batch of B rows, 1 or more.

    The field in ``column`` becomes ``padded`` (ids, lengths), ``offsets`` (ids, offsets) or ``jagged`` (one nested
    tensor). Of the other fields, numbers become a tensor (B,), tensors of one shape are stacked, and anything
    else stays a list of B.

    Args:
        rows: All of one form, as `torchvectors.rows` has it.
        layout: One of the three above.
        column: The sequence's column in the row.
        padding_value: What fills up padded rows. None: ``pad_index`` where they hold indices, 0 where vectors.
        pad_index: The index of the padding token.

    Returns:
        Of rows that are sequences themselves: the tensors, a tuple (for ``jagged``, the nested tensor). Of tuples:
        a tuple in the rows' order, with the tensors in the field's place, such as ``(labels, ids, lengths)``. Of
        dicts: a dict, with "lengths" or "offsets" added.

    Raises:
        GraphError: A row lacks the column, is of another form than the first, or its field is no sequence of
            numbers.
    """
    _check_layout(layout)
    first = rows[0]
    for row in rows:
        if type(row) is not type(first) or (isinstance(first, (tuple, dict)) and len(row) != len(first)):
            text = f"{_STAGE}: the rows of one batch are not of one form: {first!r:.100} and {row!r:.100}."
            raise GraphError(text)
    tensors = _laid_out([_sequence(row, column) for row in rows], layout, padding_value, pad_index)
    if not isinstance(first, (tuple, dict)):
        return tensors if len(tensors) > 1 else tensors[0]
    place = column_of(first, column)
    if isinstance(first, tuple):
        place = range(len(first))[place]
        before = [_together([row[i] for row in rows]) for i in range(place)]
        after = [_together([row[i] for row in rows]) for i in range(place + 1, len(first))]
        return (*before, *tensors, *after)
    names = [place, "lengths" if layout == "padded" else "offsets"][: len(tensors)]
    if taken := [name for name in names[1:] if name in first]:
        text = f"{_STAGE}: the rows have a field {taken[0]!r} already, which the batch needs for its own."
        raise GraphError(f"{text} Rename it.")
    batch = {key: _together([_key(row, key) for row in rows]) for key in first if key != place}
    return batch | dict(zip(names, tensors, strict=True))


def _laid_out(
    sequences: Sequences, layout: Layout, padding_value: float | None, pad_index: int
) -> tuple[Tensor, ...]:
    if layout == "jagged":
        return (jagged(sequences),)
    if layout == "offsets":
        return offsets(sequences)
    if padding_value is None:
        tensors = _tensors(sequences)
        vectors = bool(tensors) and (tensors[0].is_floating_point() or tensors[0].ndim > 1)
        padding_value = 0 if vectors else pad_index  # the index of a token is no number for a vector
    return padded(sequences, padding_value)


def _check_layout(layout: str) -> None:
    if layout not in get_args(Layout):
        raise GraphError(f"{_STAGE}: there is no layout {layout!r}. Choose {', '.join(get_args(Layout))}.")


def _sequence(row: Any, column: Column) -> Any:
    field = field_of(row, column, _STAGE)
    if isinstance(field, (list, tuple)) or (isinstance(field, Tensor) and field.ndim):
        return field
    raise GraphError(_no_numbers(field))


def _no_numbers(field: object) -> str:
    cure = "Put .numericalize() or .lookup_vectors() before it, or name the column with column=…"
    return f"{_STAGE}: a row's field is {field!r:.100}, and no sequence of indices or vectors. {cure}"


def _key(row: dict[Any, Any], key: object) -> Any:
    if key in row:
        return row[key]
    raise GraphError(f"{_STAGE}: one row of this batch has no {key!r}: {row!r:.100}")


def _together(values: list[Any]) -> Any:
    first = values[0]
    if isinstance(first, Tensor):
        same = all(isinstance(value, Tensor) and value.shape == first.shape for value in values)
        return torch.stack(values) if same else values
    if all(isinstance(value, (int, float, np.number, np.bool_)) for value in values):
        try:
            return torch.tensor(values)  # bool, int64 or float32, as torch has it
        except (TypeError, ValueError, OverflowError, RuntimeError):  # torch says it in all of these ways
            return values  # whole numbers of more than 63 bits
    return values


def _tensors(sequences: Sequences) -> list[Tensor]:
    """Return the sequences if they are tensors, which must go together; none if they are lists."""
    tensors = [sequence for sequence in sequences if isinstance(sequence, Tensor)]
    if len(tensors) < len(sequences):
        return []  # a tensor of indices among lists is read like one of them
    kinds = {f"{tensor.dtype} {tuple(tensor.shape[1:])}" for tensor in tensors}
    if len(kinds) > 1:
        text = f"{_STAGE}: the tensors of one batch differ in dtype or dim: {' and '.join(sorted(kinds))}."
        raise GraphError(text)
    return tensors


def _lengths(sequences: Sequences) -> Tensor:
    return torch.tensor([len(sequence) for sequence in sequences], dtype=torch.int64)


def _flat(sequences: Sequences) -> NDArray[np.int64]:
    # An array takes whole numbers and nothing else; numpy would cut 0.7 to 0 and read "7" as 7.
    try:
        numbers = array("q", chain.from_iterable(sequences))
    except (TypeError, OverflowError) as error:
        culprit = next((sequence for sequence in sequences if not _whole(sequence)), sequences)
        raise GraphError(_no_numbers(culprit)) from error
    return np.frombuffer(numbers, np.int64)


def _whole(sequence: Sequence[int] | Tensor) -> bool:
    try:
        array("q", sequence)
    except (TypeError, OverflowError):
        return False
    return True
