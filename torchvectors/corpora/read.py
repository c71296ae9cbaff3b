"""A data set and what is asked of it → its rows, downloads included; and what tells these rows from any others."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from torchvectors.acquire.datafiles import data_file, found
from torchvectors.corpora.asked import Asked, asked_of
from torchvectors.corpora.recipes import RECIPES, Material
from torchvectors.progress import no_bar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torchvectors.cache import Folders
    from torchvectors.catalog.datasets import DataFile, DataSet
    from torchvectors.progress import Bars

__all__ = ["everything", "files_asked", "identity", "read_rows", "rows_here"]

_RULES = 1  # goes up when the rows of any set change


def files_asked(data: DataSet, asked: Asked) -> tuple[DataFile, ...]:
    """Return the files that this part of a data set is read from."""
    if data.name == "CNNDM":
        return tuple(
            data.file(key) for source in ("cnn", "dailymail") for key in (source, f"{source}_{asked.split}")
        )
    return (data.file(asked.split),)


def _acquired(data: DataSet, asked: Asked, places: Folders, bars: Bars = no_bar) -> dict[str, Path]:
    """Return the paths of these files, by their keys; what is not here is downloaded, all else is verified.

    Raises:
        NotFoundError, DownloadError, DigestError: As `acquire.datafiles.data_file` raises them.
    """
    chosen = asked.chosen if data.languages else ""
    files = files_asked(data, asked)
    return {one.key: data_file(data, one, places, chosen=chosen, bars=bars) for one in files}


def read_rows(data: DataSet, asked: Asked, places: Folders, bars: Bars = no_bar) -> Iterator[Any]:
    """Yield the rows, one at a time, straight out of their archive.

    Raises:
        NotFoundError, DownloadError, DigestError: A file cannot be had.
        ArchiveError, ParseError: A file is damaged; the text says where.
    """
    paths = _acquired(data, asked, places, bars)
    yield from RECIPES[data.name](Material(data=data, asked=asked, paths=paths))


def rows_here(data: DataSet, asked: Asked, places: Folders) -> Iterator[Any] | None:
    """Return an iterator over the rows if all files are here, without a look at their digests; None if not."""
    chosen = asked.chosen if data.languages else ""
    paths = {one.key: found(one, places, chosen) for one in files_asked(data, asked)}
    there = {key: path for key, path in paths.items() if path is not None}
    if len(there) < len(paths):
        return None
    return RECIPES[data.name](Material(data=data, asked=asked, paths=there))


def everything(data: DataSet, places: Folders) -> Iterator[tuple[Asked, int | None]]:
    """Yield each part of a data set that its functions can give, with the published number of its rows.

    Of a set with a file for each language, those whose file is here; of talks that may be "valid" and "test" alike,
    each set once.
    """
    if data.languages:
        for code in data.languages:
            if found(data.files[0], places, code):
                yield asked_of(data, language_code=code)[0], None
        return
    if data.name == "Multi30k":
        for split, languages in product(data.splits, (("de", "en"), ("en", "de"))):
            yield Asked(split=split, languages=languages), data.counted(split)
        return
    for split in data.splits or ("train",):
        if data.pairs and split == "test":
            return
        if not data.pairs:
            yield Asked(split=split), data.counted(split)
            continue
        for chosen, counts in data.lines[split].items():
            for name in counts:
                asked = Asked(split=split, chosen=chosen, languages=tuple(name.split("-")))
                yield asked, data.counted(split, chosen, asked.languages)


def identity(data: DataSet, asked: Asked) -> str | None:
    """Return what tells these rows from any others, in every run; None where no digest says which files they are of.

    What is not of the published digest is refused, so that the digests stand for the rows.
    """
    digests = [one.digests[0] if one.digests else None for one in files_asked(data, asked)]
    if None in digests:
        return None
    said = " ".join(map(str, digests))
    return f"torchvectors.datasets.{data.name} {said}, {asked.words}, rows {_RULES}"
