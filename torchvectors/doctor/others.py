"""The beginning of a text in which few rows are vectors → what it looks like instead: CSV, TSV or JSON lines."""

from __future__ import annotations

import csv
import json
from functools import partial

__all__ = ["kind_of"]

_ROWS = 50  # that are looked at


def kind_of(head: bytes) -> str:
    """Return the code of the oddity that a text which holds no vectors has.

    Args:
        head: Its first bytes; its last line may be cut.

    Returns:
        "json-lines", "tsv", "csv"; or "no-vectors", where it looks like none of them, or like vectors whose fields
        something else than a space parts.
    """
    text = head.decode("utf-8-sig", "replace")
    whole = text[: text.rfind("\n") + 1] or text
    lines = whole.splitlines()[:_ROWS]
    if _are_json(lines):
        return "json-lines"
    if _are_rows(lines, "\t"):
        return "tsv"
    return "csv" if _are_rows(lines, ",") else "no-vectors"


def _are_json(lines: list[str]) -> bool:
    try:
        rows = [json.loads(line) for line in lines if line.strip()]
    except (ValueError, RecursionError):
        return False
    return bool(rows) and all(isinstance(row, (dict, list)) for row in rows)


def _are_rows(lines: list[str], delimiter: str) -> bool:
    """Say whether there are two rows or more, of as many fields each, which are not a token and numbers."""
    # A tab parts fields that are not quoted, as a rule; of a quoted field that is cut off, the row is left out.
    read = partial(csv.reader, quoting=csv.QUOTE_NONE) if delimiter == "\t" else csv.reader
    try:
        rows = [row for row in read(lines, delimiter=delimiter) if row]
    except csv.Error:
        return False
    if len(rows) > 2 and len(rows[-1]) < len(rows[0]):
        rows.pop()
    widths = {len(row) for row in rows}
    return len(rows) > 1 and len(widths) == 1 and widths != {1} and not all(map(_is_vector, rows[1:]))


def _is_vector(row: list[str]) -> bool:
    try:
        return bool([float(field) for field in row[1:]])
    except ValueError:
        return False
