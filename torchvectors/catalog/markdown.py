"""The text of a page made from the records → the file, written or compared; rows → a table in Markdown."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["command", "table"]


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of these rows; each has a cell for each head."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def command(
    page: Callable[[], str], argv: Sequence[str] | None, *, prog: str, description: str | None
) -> int:
    """Write a page to the file that ``argv`` names, or with ``--check`` compare it; return 1 where they differ."""
    parser = argparse.ArgumentParser(prog=prog, description=description)
    parser.add_argument("file", type=Path, help="the page")
    parser.add_argument("--check", action="store_true", help="compare and write nothing")
    options = parser.parse_args(argv)
    if options.check:
        return int(not options.file.is_file() or options.file.read_text("utf-8") != page())
    options.file.write_bytes(page().encode())
    return 0
