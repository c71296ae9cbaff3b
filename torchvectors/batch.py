"""Rows with sequences of indices (or of vectors) → one batch of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from torchvectors.errors import GraphError
from torchvectors.rows import Column, column_of, field_of

__all__ = ["Layout", "collate", "jagged", "offsets", "padded"]

Layout = Literal["padded", "offsets", "jagged"]
Sequences = Sequence[Sequence[int]] | Sequence[Tensor]


def padded(sequences: Sequences, padding_value: float = 0) -> tuple[Tensor, Tensor]:
    """Put B sequences below each other, filled up to the longest.

    Args:
        sequences: B lists of int, or tensors (T,), or tensors (T, dim); T differs.
        padding_value: What to fill up with.

    Returns:
        int64 (B, longest T), or (B, longest T, dim) of the tensors' dtype; and the lengths, int64 (B,).
    """
    if tensors := _tensors(sequences):
        whole = torch.nn.utils.rnn.pad_sequence(tensors, batch_first=True, padding_value=padding_value)
        return whole, _lengths(sequences)
    lengths = np.fromiter(map(len, sequences), np.int64, len(sequences))
    table = np.full((len(lengths), int(lengths.max(initial=0))), padding_value, np.int64)
    table[np.arange(table.shape[1]) < lengths[:, None]] = _flat(sequences, int(lengths.sum()))
    return torch.from_numpy(table), torch.from_numpy(lengths)


def offsets(sequences: Sequences) -> tuple[Tensor, Tensor]:
    """Put B sequences one behind the other, as ``nn.EmbeddingBag`` takes them.

    Returns:
        int64 (sum of T,), or (sum of T, dim) of the tensors' dtype; and where each begins, int64 (B,).
    """
    lengths = _lengths(sequences)
    starts = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)[:-1]])
    if tensors := _tensors(sequences):
        return torch.cat(tensors), starts
    return torch.from_numpy(_flat(sequences, int(lengths.sum()))), starts


def jagged(sequences: Sequences) -> Tensor:
    """Return one nested tensor of B sequences, of the layout ``torch.jagged``: (B, j) or (B, j, dim)."""
    values, starts = offsets(sequences)
    ends = torch.cat([starts, starts.new_tensor([len(values)])])
    nested: Tensor = torch.nested.nested_tensor_from_jagged(values, ends)
    return nested


def collate(
    rows: Sequence[Any],
    *,
    layout: Layout = "padded",
    column: Column = None,
    padding_value: float = 0,
    stage: str = "batch_tokens",
) -> Any:
    """Make one batch of B rows.

    The field in ``column`` becomes ``padded`` (ids, lengths), ``offsets`` (ids, offsets) or ``jagged`` (one nested
    tensor). Of the other fields, numbers become a tensor (B,), tensors of one shape are stacked, and anything
    else stays a list of B.

    Returns:
        Of rows that are sequences themselves: the tensors, a tuple (for ``jagged``, the nested tensor). Of tuples:
        a tuple in the rows' order, with the tensors in the field's place, such as ``(labels, ids, lengths)``. Of
        dicts: a dict, with "lengths" or "offsets" added.

    Raises:
        GraphError: A row lacks the column, is of another kind than the first, or its field is no sequence.
    """
    if layout not in get_args(Layout):
        raise GraphError(f"{stage}: there is no layout {layout!r}. Choose {', '.join(get_args(Layout))}.")
    first = rows[0]
    sequences = [_sequence(row, column, stage) for row in rows]
    if layout == "jagged":
        tensors: tuple[Tensor, ...] = (jagged(sequences),)
    else:
        tensors = padded(sequences, padding_value) if layout == "padded" else offsets(sequences)
    if not isinstance(first, (tuple, dict)):
        return tensors if len(tensors) > 1 else tensors[0]
    if {type(row) for row in rows} != {type(first)} or {len(row) for row in rows} != {len(first)}:
        raise GraphError(f"{stage}: the rows of one batch are not of one form: {first!r} and others.")
    place = column_of(first, column)
    if isinstance(first, tuple):
        place = range(len(first))[place]
        before = [_together([row[i] for row in rows]) for i in range(place)]
        after = [_together([row[i] for row in rows]) for i in range(place + 1, len(first))]
        return (*before, *tensors, *after)
    names = (place, "lengths" if layout == "padded" else "offsets")
    batch = {key: _together([_key(row, key, stage) for row in rows]) for key in first if key != place}
    return batch | dict(zip(names, tensors, strict=False))


def _sequence(row: Any, column: Column, stage: str) -> Any:
    field = field_of(row, column, stage)
    if isinstance(field, Tensor) or (
        isinstance(field, (list, tuple)) and not isinstance((*field, 0)[0], str)
    ):
        return field
    cure = "Put .numericalize() or .lookup_vectors() before it."
    raise GraphError(f"{stage}: a row's field is {field!r:.100}, and no sequence of numbers. {cure}")


def _key(row: dict[Any, Any], key: object, stage: str) -> Any:
    if key in row:
        return row[key]
    raise GraphError(f"{stage}: one row of this batch has no {key!r}: {row!r:.100}")


def _together(values: list[Any]) -> Any:
    first = values[0]
    if isinstance(first, Tensor):
        same = all(isinstance(value, Tensor) and value.shape == first.shape for value in values)
        return torch.stack(values) if same else values
    if all(isinstance(value, (int, float, np.number)) for value in values):
        return torch.tensor(values)  # bool, int64 or float32, as torch has it
    return values


def _tensors(sequences: Sequences) -> list[Tensor]:
    return [sequence for sequence in sequences if isinstance(sequence, Tensor)]


def _lengths(sequences: Sequences) -> Tensor:
    return torch.tensor([len(sequence) for sequence in sequences], dtype=torch.int64)


def _flat(sequences: Sequences, total: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.fromiter(chain.from_iterable(sequences), np.int64, total)
