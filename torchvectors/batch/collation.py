"""Rows → one batch: what becomes of each field, and whether they come out as a tuple or a dict."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from torchvectors.batch.layouts import STAGE, Layout, check_layout, laid_out, no_numbers
from torchvectors.errors import GraphError
from torchvectors.rows import Column, Columns, column_of, each_column, field_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["check_names", "collate", "length_of"]

_Tensors = tuple[Tensor, ...]  # what a layout makes of one column


def collate(
    rows: Sequence[Any],
    *,
    layout: Layout = "padded",
    column: Columns = None,
    padding_value: float | None = None,
    pad_index: int | Sequence[int] = 0,
    max_length: int | None = None,
    names: Sequence[str] | None = None,
) -> Any:
    """Make one batch of B rows, 1 or more.

    The field in ``column`` becomes ``padded`` (ids, lengths), ``offsets`` (ids, offsets) or ``jagged`` (one nested
    tensor). Of the other fields, numbers become a tensor (B,), tensors of one shape are stacked, and anything
    else stays a list of B.

    Args:
        rows: All of one form, as `torchvectors.rows` has it.
        layout: One of the three above.
        column: The sequence's column in the row; or several, in a tuple or a list, each of which is laid out.
        padding_value: What fills up padded rows. None: ``pad_index`` where they hold indices, 0 where vectors.
        pad_index: The index of the padding token; or one for each column.
        max_length: How many tokens of a sequence are kept, its first ones. None: all.
        names: Turns the batch into the other form. Of tuples it makes a dict, whose keys these are, in order: as
            many as the tuple has fields. Of dicts it makes a tuple of these fields; those not named are left out.

    Returns:
        Of rows that are sequences themselves: the tensors, a tuple (for ``jagged``, the nested tensor). Of tuples:
        a tuple in the rows' order, with the tensors in the field's place, such as ``(labels, ids, lengths)``. Of
        dicts: a dict, with "lengths" or "offsets" added; of several columns with "question_lengths" for "question".

    Raises:
        GraphError: A row lacks the column, is of another form than the first, or its field is no sequence of
            numbers; or ``names`` do not fit the batch.
    """
    check_layout(layout)
    first = rows[0]
    _expect_one_form(rows)
    columns = each_column(column)
    pads = (pad_index,) * len(columns) if isinstance(pad_index, int) else pad_index
    laid: list[_Tensors] = [
        laid_out(_sequences(rows, one, max_length), layout, padding_value, pad)
        for one, pad in zip(columns, pads, strict=True)
    ]
    placed = dict(zip(_places(first, columns), laid, strict=True))
    if isinstance(first, dict):
        batch = _dict_of(rows, placed, layout, several=isinstance(column, (tuple, list)))
        return batch if names is None else _chosen(batch, names)
    fields = _tuple_of(rows, placed) if isinstance(first, tuple) else laid[0]
    if names is not None:
        return _named(fields, names)
    return fields if isinstance(first, tuple) or len(fields) > 1 else fields[0]


def length_of(row: Any, column: Columns, max_length: int | None) -> int:
    """Return how many tokens of a row go into a batch: those of all its columns.

    Raises:
        GraphError: It lacks a column, or there is no sequence in it.
    """
    lengths = [len(_sequence(row, one)) for one in each_column(column)]
    return sum(lengths if max_length is None else [min(length, max_length) for length in lengths])


def check_names(names: Sequence[str] | None) -> None:
    """See that these can be the names of a batch's fields.

    Raises:
        GraphError: They are one str, are none, or one comes twice.
    """
    if isinstance(names, str):
        raise GraphError(f"{STAGE}: names={names!r} is one str. Write names=({names!r},).")
    if names is not None and len(set(names)) != max(len(names), 1):
        raise GraphError(f"{STAGE}: names={names!r} must name at least one field, and each once.")


def _expect_one_form(rows: Sequence[Any]) -> None:
    first = rows[0]
    sized = isinstance(first, (tuple, dict))
    if len(set(map(type, rows))) > 1 or (sized and len(set(map(len, rows))) > 1):
        other = next(
            row for row in rows if type(row) is not type(first) or (sized and len(row) != len(first))
        )
        text = f"{STAGE}: the rows of one batch are not of one form: {first!r:.100} and {other!r:.100}."
        raise GraphError(f"{text} Make them alike before it, with .map().")


def _places(row: Any, columns: Sequence[Column]) -> list[Any]:
    """Return where the columns are in a row that has them: positions or keys."""
    if isinstance(row, tuple):
        places = [range(len(row))[column_of(row, column)] for column in columns]
    elif isinstance(row, dict):
        places = [column_of(row, column) for column in columns]
    else:
        places = [0] * len(columns)
    if len(set(places)) < len(places):
        text = f"{STAGE}: column={tuple(columns)!r} means one field of this row twice: {row!r:.100}."
        raise GraphError(f"{text} Give each column once.")
    return places


def _tuple_of(rows: Sequence[tuple[Any, ...]], placed: dict[int, _Tensors]) -> tuple[Any, ...]:
    fields: list[Any] = []
    for place in range(len(rows[0])):
        fields += placed.get(place) or [_together([row[place] for row in rows])]
    return tuple(fields)


def _dict_of(
    rows: Sequence[dict[Any, Any]], placed: dict[Any, _Tensors], layout: Layout, *, several: bool
) -> dict[Any, Any]:
    first = rows[0]
    batch = {key: _together([_value(row, key) for row in rows]) for key in first if key not in placed}
    beside = "offsets" if layout == "offsets" else "lengths"
    for key, tensors in placed.items():
        names = [key, f"{key}_{beside}" if several else beside][: len(tensors)]
        if taken := [name for name in names[1:] if name in first]:
            text = f"{STAGE}: the rows have a field {taken[0]!r} already, which the batch needs for its own."
            raise GraphError(f"{text} Rename it.")
        batch |= zip(names, tensors, strict=True)
    return batch


def _named(fields: tuple[Any, ...], names: Sequence[str]) -> dict[Any, Any]:
    if len(names) != len(fields):
        kinds = ", ".join(_kind(field) for field in fields)
        text = f"{STAGE}: names={names!r} has {len(names)} names, and a batch of these rows has {len(fields)} fields"
        raise GraphError(f"{text}: {kinds}. Give each its name, in this order.")
    return dict(zip(names, fields, strict=True))


def _chosen(batch: dict[Any, Any], names: Sequence[str]) -> tuple[Any, ...]:
    if missing := [name for name in names if name not in batch]:
        text = f"{STAGE}: names={names!r} asks for {missing[0]!r}, and a batch of these rows has"
        raise GraphError(
            f"{text} {', '.join(map(repr, batch))}. Name some of these, in the order of the tuple."
        )
    return tuple(batch[name] for name in names)


def _kind(field: object) -> str:
    return f"{field.dtype} {tuple(field.shape)}" if isinstance(field, Tensor) else type(field).__name__


def _sequence(row: Any, column: Column) -> Any:
    field = field_of(row, column, STAGE)
    if isinstance(field, (list, tuple)) or (isinstance(field, Tensor) and field.ndim):
        return field
    raise GraphError(no_numbers(field) + (f" The row is {row!r:.100}." if row is not field else ""))


def _sequences(rows: Sequence[Any], column: Column, max_length: int | None) -> list[Any]:
    """Return what is kept of the sequence in each row; the rows are of one form."""
    found: list[Any] = []
    if isinstance(rows[0], (tuple, dict)):
        place = column_of(rows[0], column)
        with suppress(LookupError, TypeError):  # the look at each says which row has none
            found = [row[place] for row in rows]
    if set(map(type, found)) != {list}:  # not the usual case: look at each
        found = [_sequence(row, column) for row in rows]
    if max_length is None:
        return found
    return [one if len(one) <= max_length else one[:max_length] for one in found]


def _value(row: dict[Any, Any], key: object) -> Any:
    if key in row:
        return row[key]
    raise GraphError(
        f"{STAGE}: one row of this batch has no {key!r}: {row!r:.100}. Give all rows the same keys."
    )


def _together(values: list[Any]) -> Any:
    first = values[0]
    if isinstance(first, Tensor):
        same = all(isinstance(value, Tensor) and value.shape == first.shape for value in values)
        return torch.stack(values) if same else values
    if all(issubclass(kind, (int, float, np.number, np.bool_)) for kind in set(map(type, values))):
        try:
            return torch.tensor(values)  # bool, int64 or float32, as torch has it
        except (TypeError, ValueError, OverflowError, RuntimeError):  # torch says it in all of these ways
            return values  # whole numbers of more than 63 bits
    return values
