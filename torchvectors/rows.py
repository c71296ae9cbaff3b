"""A row of a data set → its text field, and the row with another field in its place.

A row is the field itself (a ``str``, or a list of tokens or numbers); a tuple, such as ``(label, text)``; or a
dict, such as ``{"text": …, "label": …}``. A column is a tuple's position or a dict's key; None stands for 1 in a
tuple and for "text" in a dict.
"""

from __future__ import annotations

from typing import Any

from torchvectors.errors import GraphError

__all__ = ["Column", "field_of", "with_field"]

Column = int | str | None
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
    place = range(len(row))[column_of(row, column)]
    fields = (*row[:place], value, *row[place + 1 :])
    return type(row)._make(fields) if hasattr(row, "_make") else fields  # a named tuple stays one


def column_of(row: tuple[Any, ...] | dict[Any, Any], column: Column) -> Any:
    """Return the position or key that a column means in a row."""
    if column is not None:
        return column
    return "text" if isinstance(row, dict) else 1


def _no_column(row: Row, column: Column, stage: str) -> str:
    shown = repr(row)
    shown = shown if len(shown) <= 120 else f"{shown[:117]}…"
    if isinstance(row, dict):
        has = f"it has {', '.join(map(repr, row))}"
    elif isinstance(row, tuple):
        has = f"it has {len(row)} fields, counted from 0"
    else:
        has = "it is no tuple or dict, so it has none"
    named = "the default one" if column is None else f"{column!r}"
    return f"{stage}: this row has no column {named}; {has}: {shown}. Name the text's column with column=…"
