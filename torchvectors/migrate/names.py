"""A dotted name in an old program → what is known of it; and all that is known → the tables of the page."""

from __future__ import annotations

import difflib
import sys
from itertools import groupby
from typing import TYPE_CHECKING

from torchvectors.migrate import current, older, pipes
from torchvectors.migrate.records import OLD, Area, Name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["AREAS", "TABLE", "find", "markdown", "members"]

AREAS = (*current.AREAS, *older.AREAS, *pipes.AREAS)

TABLE = {name.old: name for area in AREAS for name in area.names}

_UNKNOWN = "torchtext 0.18 has no such public name, so there is nothing to compare: see to this line"
_WIDTH = 400  # characters of names in a row of the page


def find(dotted: str, attributes: Iterable[str] = ()) -> Name | None:
    """Return what is known of a name, or of what its attributes lead to.

    Args:
        dotted: What an import names, such as "torchtext.vocab".
        attributes: What the program asks of it, such as ``("GloVe", "url")``. They count as far as modules go:
            an attribute of a class or of a function belongs to it.

    Returns:
        The record; that of an unknown name is "gone", too. None for names that are neither torchtext's nor
        among those that torchdata dropped.
    """
    for attribute in attributes:
        known = TABLE.get(dotted)
        if known is not None and not known.module and f"{dotted}.{attribute}" not in TABLE:
            break
        if known is not None and attribute.startswith("__") and f"{dotted}.{attribute}" not in TABLE:
            break  # every module has these
        dotted = f"{dotted}.{attribute}"
    if dotted in TABLE:
        return TABLE[dotted]
    if dotted.split(".")[0] == OLD or dotted.startswith(("torchdata.datapipes.", "torchdata.dataloader2.")):
        return Name(old=dotted, state="gone", new=None, note=_note_above(dotted) + _meant(dotted))
    return None


def _meant(dotted: str) -> str:
    """Return what somebody may have meant by an unknown name, as a sentence of its note."""
    near = difflib.get_close_matches(dotted, (old for old in TABLE if old.startswith(OLD)), n=2, cutoff=0.85)
    return f". Was {' or '.join(near)} meant?" if near else ""


def _note_above(dotted: str) -> str:
    """Return the note of the nearest module above that is gone as a whole."""
    while "." in dotted:
        dotted = dotted.rpartition(".")[0]
        if (known := TABLE.get(dotted)) is not None:
            return _UNKNOWN if known.covered else known.note
    return _UNKNOWN


def members(module: str) -> list[Name]:
    """Return what is known of the names directly in a module."""
    return [name for old, name in TABLE.items() if old.rpartition(".")[0] == module]


def markdown() -> str:
    """Return the tables of ``docs/coming-from-torchtext.md``: one for each area, alike names in one row."""
    return "\n\n".join(_section(area) for area in AREAS if area.shown)


def _section(area: Area) -> str:
    rows = ["| name | here | |", "|---|---|---|"]
    for (here, note), names in groupby(_once(area.names), key=lambda name: (_here(name), name.note)):
        words = [f"`{name.old.removeprefix(f'{OLD}.')}`" for name in names]
        rows += [f"| {' '.join(part)} | {here} | {note} |" for part in _folded(words)]
    return "\n".join([f"### {area.title}", "", *rows])


def _once(names: Iterable[Name]) -> Iterator[Name]:
    """Leave out what has been there already, at another place that the name could be imported from."""
    seen = set()
    for name in names:
        key = (name.old.rpartition(".")[2], _here(name), name.note)
        if name.module or key not in seen:
            yield name
        seen.add(key)


def _here(name: Name) -> str:
    return f"`{name.new}`" if name.state == "renamed" else name.state


def _folded(words: list[str]) -> Iterator[list[str]]:
    line: list[str] = []
    for word in words:
        if line and len(" ".join([*line, word])) > _WIDTH:
            yield line
            line = []
        line.append(word)
    yield line


if __name__ == "__main__":
    sys.stdout.write(markdown() + "\n")
