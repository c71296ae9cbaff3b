"""Rows of text → a table that a person reads; numbers of bytes and times as people say them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["day", "size", "table"]


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> str:
    """Return rows under their headings, in columns; those whose numbers are in ``right`` stand to the right."""
    whole = [heads, *rows]
    widths = [max(map(len, column)) for column in zip(*whole, strict=True)]
    lines = (
        "  ".join(
            cell.rjust(width) if at in right else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in whole
    )
    return "\n".join(lines)


def size(nbytes: int) -> str:
    """Return a number of bytes in three figures: "1.2 GB", "69 MB", "312 bytes"."""
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if nbytes >= 0.9995 * unit:
            return f"{nbytes / unit:.1f} {name}" if nbytes < 9.95 * unit else f"{nbytes / unit:,.0f} {name}"
    return f"{nbytes} bytes"


def day(seconds: float) -> str:
    """Return the day of a time, here."""
    return time.strftime("%Y-%m-%d", time.localtime(seconds))
