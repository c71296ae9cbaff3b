"""A part of a data set → the pipe that gives its rows, and what torchtext put behind it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

from torch.utils.data import IterDataPipe

from torchvectors.acquire.datafiles import places_of
from torchvectors.catalog.datasets import dataset
from torchvectors.corpora import identity, read_rows
from torchvectors.progress import bar, no_bar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from torchvectors.corpora import Asked
    from torchvectors.progress import Progress

__all__ = ["DataSetRows", "Root", "pipe_of"]

Row_co = TypeVar("Row_co", covariant=True)
Root = str | os.PathLike[str] | None


class DataSetRows(IterDataPipe[Row_co]):
    """The rows of one part of a data set, in its files' order; it holds names alone, so it pickles small.

    Nothing is opened, locked or asked for before the first row is.

    Args:
        name: Of the data set.
        asked: Which part.
        root: The folder in whose ``datasets/NAME`` its files lie; None: the cache folders.
    """

    def __init__(self, name: str, asked: Asked, root: Root = None) -> None:
        super().__init__()
        self.name, self.asked = name, asked
        self.root = None if root is None else os.fspath(root)

    def __iter__(self) -> Iterator[Row_co]:
        """Read the rows anew; the files are fetched first, if they are not here.

        Raises:
            NotFoundError, DownloadError, DigestError: A file cannot be had.
            ArchiveError, ParseError: A file is damaged; the text says where.
        """
        yield from read_rows(dataset(self.name), self.asked, places_of(self.name, self.root), _downloads)

    @property
    def fingerprint(self) -> str | None:
        """What tells these rows from any other, if digests are published: a vocabulary fitted to them is kept."""
        # Of a subclass's rows nobody knows anything.
        return identity(dataset(self.name), self.asked) if type(self) is DataSetRows else None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, {self.asked.words!r})"


def pipe_of(name: str, asked: Asked, root: Root = None) -> IterDataPipe[Any]:
    """Return what torchtext's function returned: a pipe that can be shuffled, and deals its rows out to workers."""
    pipe: IterDataPipe[Any] = DataSetRows(name, asked, root).shuffle().set_shuffle(False).sharding_filter()
    return pipe


def _downloads(title: str, /) -> AbstractContextManager[Progress]:
    """Show a bar for what comes from the network, and none for what is read on the disk."""
    return no_bar(title) if title.startswith("checking ") else bar(title)
