"""A file of a data set → the number of its rows, and whether that is the published one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torchvectors.cache import Folders
from torchvectors.corpora import everything, files_asked, rows_here
from torchvectors.errors import ArchiveError, ParseError
from torchvectors.inventory.names import data_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Count", "rows_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What reading a file through has shown."""

    told: str = ""  # how many rows each part has
    flaw: str = ""  # what is wrong with them
    attested: bool = False  # whether a digest is published of the file


def rows_of(path: Path) -> Count:
    """Read the rows of each part of a data set that is read from this file, if all its other files are here.

    Of several files that are read together, the first one tells of them. What is no file of a data set tells nothing.
    """
    known = data_of(path)
    if known is None:
        return Count()
    data, file = known
    attested = bool(file.digests)
    places, told = Folders(search=(path.parent,)), []
    try:
        for asked, published in everything(data, places):
            if files_asked(data, asked)[0] != file or file.name.replace("%s", asked.chosen) != path.name:
                continue
            rows = rows_here(data, asked, places)
            if rows is None:
                continue
            count = sum(1 for _ in rows)
            if published is not None and count != published:
                flaw = f"{asked.words} has {count:,} rows, and {published:,} are published"
                return Count(flaw=flaw, attested=attested)
            told.append(f"{asked.words} {count:,}")
    except (ArchiveError, ParseError) as error:
        return Count(flaw=str(error).removeprefix(f"{path}: ").partition(". ")[0], attested=attested)
    return Count(told=f"rows: {', '.join(told)}" if told else "", attested=attested)
