"""The beginning of a text → what it says of how the text should rather be read; "" where nothing seems wrong."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torchvectors.reading.shapes import Shape

__all__ = ["header_is_a_row", "is_json_array", "near", "parted"]

_NUMBER = re.compile(r"\s*[-+]?\d+(\.\d*)?([eE][-+]?\d+)?\s*")
_CURES = {
    "\t": "Its fields look parted by tabs: use ReadTSV, or delimiter='\\t'",
    ";": "Its fields look parted by semicolons: use ReadCSV with delimiter=';'",
    "|": "Its fields look parted by '|': use ReadCSV with delimiter='|'",
    ",": "Its fields look parted by commas: use ReadCSV",
}


def parted(fields: Sequence[str], *, header: bool) -> str:
    """Say by what the only field of a first row seems to be parted.

    Args:
        fields: Of the first row.
        header: Whether they are names. In a text, a mark before a space parts clauses, and a comma often does.
    """
    if len(fields) != 1:
        return ""
    for mark, cure in _CURES.items():
        found = mark in fields[0] if header or mark == "\t" else re.search(rf"\S[{mark}](?! )\S", fields[0])
        if found and (header or mark != ","):
            return cure
    return ""


def header_is_a_row(names: Sequence[str], shape: Shape) -> str:
    """Say which of the names of the columns, of those that are not asked for by name, is no name but a value.

    That is a number, or one of the labels. Names that are counted from 0 are those that pandas gives.
    """
    columns: Any = shape.columns
    if isinstance(columns, (str, int)):
        columns = (columns,)
    asked = (
        range(len(names)) if columns is None else columns.values() if isinstance(columns, dict) else columns
    )
    if list(filter(None, names)) == [str(place) for place in range(len(list(filter(None, names))))]:
        return ""
    for place in asked:
        if isinstance(place, int) and place < len(names):
            name = names[place]
            if _NUMBER.fullmatch(name) or (shape.labels is not None and name in shape.labels):
                return name
    return ""


def near(column: str, names: Sequence[str]) -> str:
    """Return the name that is this one but for white space around it, or case."""
    return next((name for name in names if name.strip().casefold() == column.strip().casefold()), "")


def is_json_array(value: object) -> bool:
    """Say whether the only value of a text is an array of objects, which are its rows."""
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)
