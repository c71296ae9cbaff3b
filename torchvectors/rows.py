"""A row of a data set → its text field, and the row with another field in its place.

A row is the field itself (a ``str``, or a list of tokens or numbers); a tuple, such as ``(label, text)``; or a
dict, such as ``{"text": …, "label": …}``. A column is a tuple's position, a named tuple's name or position, or a
dict's key; None stands for 1 in a tuple and for "text" in a dict.

Where a stage takes several columns, a tuple or a list of them means each: ``column=("question", "context")``. So a
dict's key that is itself a tuple must be put into one: ``column=(("en", 0),)``.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any

from torchvectors.errors import GraphError

__all__ = [
    "Column",
    "Columns",
    "changing",
    "checked_columns",
    "column_of",
    "each_column",
    "field_of",
    "with_field",
]

Column = int | str | None
Columns = Column | Sequence[Hashable]  # one column, or a tuple or list of them
Row = Any  # what a user's data set yields: the functions here look before they touch


def field_of(row: Row, column: Column, stage: str) -> Any:
    """Return the field of a row that a column names.

    Raises:
        GraphError: The row has no such column; ``stage`` is named.
    """
    if not isinstance(row, (tuple, dict)):
        if column in (None, 0):
            return row
        raise GraphError(_no_column(row, column, stage))
    try:
        return row[column_of(row, column)]
    except (LookupError, TypeError):
        raise GraphError(_no_column(row, column, stage)) from None


def with_field(row: Row, column: Column, value: object) -> Row:
    """Return a copy of a row with ``value`` in the place of the field; `field_of` has found the column."""
    if isinstance(row, dict):
        return {**row, column_of(row, column): value}
    if not isinstance(row, tuple):
        return value
    fields = list(row)
    fields[column_of(row, column)] = value
    return type(row)._make(fields) if hasattr(row, "_make") else tuple(fields)  # a named tuple stays one


def changing(columns: Columns, change: Callable[[Any], object], stage: str) -> Callable[[Row], Row]:
    """Return the function that makes of a row a copy with ``change(field)`` in the place of each of its fields.

    That function raises a `GraphError` where a row has no such column, and names the ``stage``.
    """
    every = each_column(columns)
    places: Any = [1 if column is None else column for column in every]

    def changed(row: Row) -> Row:
        if type(row) is tuple:  # the usual one: it has no names that a column might mean
            fields = list(row)
            for place in places:
                try:
                    field = fields[place]
                except (LookupError, TypeError):
                    raise GraphError(_no_column(row, every[places.index(place)], stage)) from None
                fields[place] = change(field)
            return tuple(fields)
        for column in every:
            row = with_field(row, column, change(field_of(row, column, stage)))
        return row

    return changed


def column_of(row: tuple[Any, ...] | dict[Any, Any], column: Column) -> Any:
    """Return the position or key that a column means in a row; it need not be there."""
    if column is None:
        return "text" if isinstance(row, dict) else 1
    if isinstance(column, str) and column in getattr(row, "_fields", ()):
        return row._fields.index(column)  # type: ignore[union-attr]  # a named tuple has them
    return column


def each_column(columns: Columns) -> tuple[Column, ...]:
    """Return the columns that a stage was told to work on: ``"a"`` → ``("a",)``."""
    return tuple(columns) if isinstance(columns, (tuple, list)) else (columns,)  # type: ignore[return-value]


def checked_columns(columns: Columns, stage: str) -> Columns:
    """Return what a stage keeps of its ``column=``: one column as it is, several as a tuple.

    Raises:
        GraphError: It is none, or one twice, whose text would be tokenised twice; or it holds what is no column.
    """
    if not isinstance(columns, (tuple, list)):
        return columns
    every = each_column(columns)
    if unhashable := [column for column in every if not isinstance(column, Hashable)]:
        text = f"{stage}: column={columns!r} holds {unhashable[0]!r}, which is neither a position nor a key."
        raise GraphError(f"{text} Give the columns themselves, one beside the other.")
    twice = [column for place, column in enumerate(every) if column in every[:place]]
    if not every or twice:
        what = f"names {twice[0]!r} twice" if twice else "names no column"
        raise GraphError(f"{stage}: column={columns!r} {what}. Give each column of the row once.")
    return every


def _no_column(row: Row, column: Column, stage: str) -> str:
    shown = repr(row)
    shown = shown if len(shown) <= 120 else f"{shown[:117]}…"
    if isinstance(row, dict):
        has = f"it has {', '.join(map(repr, row))}"
    elif isinstance(row, tuple):
        names = f" ({', '.join(row._fields)})" if hasattr(row, "_fields") else ""
        has = f"it has {len(row)} field{'' if len(row) == 1 else 's'}{names}, counted from 0"
    else:
        has = "it is no tuple or dict, so it has none"
    lacks = "the default column, 'text' of a dict or 1 of a tuple" if column is None else f"column {column!r}"
    return f"{stage}: this row lacks {lacks}; {has}: {shown}. Name the text's column with column=…"
