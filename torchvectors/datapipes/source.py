"""Rows of any kind → the pipe that a graph begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.utils.data import IterDataPipe, MapDataPipe

from torchvectors.datapipes.graph import Pipe
from torchvectors.sources import Again

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Rows"]


class Rows(Pipe):
    """Rows that a graph begins with: a list, a data set, anything that can be read again.

    Nothing is copied, where torch's ``IterableWrapper`` copies all rows deeply at each pass. Each process reads all
    rows; ``.sharding_filter()`` deals them out. That holds for a Hugging Face ``IterableDataset``, too, which in a
    worker gives only a part of itself when it is read directly. A torch ``IterableDataset`` that looks at
    ``get_worker_info()`` itself still does so, and needs no ``.sharding_filter()``.

    Args:
        source: Anything whose ``__iter__`` begins anew each time, such as a list or a Hugging Face ``Dataset`` or
            ``IterableDataset``; or a torch map-style data set, with ``__getitem__`` and ``__len__``; or another pipe,
            of either kind.
        fingerprint: What tells these rows from others, so that what was fitted to them may be used again in a later
            run. None: that of a Hugging Face ``Dataset``, or of anything else with an attribute ``fingerprint``.

    Raises:
        GraphError: The source can be read only once, as a generator can; or is no rows.
    """

    def __init__(self, source: Any, fingerprint: str | None = None) -> None:
        self._rows = Again(source, fingerprint)
        # Or torch would find neither its shards nor its shufflers.
        self.source_datapipe = source if isinstance(source, (IterDataPipe, MapDataPipe)) else None

    @property
    def fingerprint(self) -> str | None:
        """What tells these rows from others, if anything is known that does; of a subclass' rows, nothing is."""
        return self._rows.fingerprint if type(self) is Rows else None

    def __iter__(self) -> Iterator[Any]:
        yield from self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def keeps_fingerprint(self) -> bool:
        """Say that the rows come out of another pipe as they went in."""
        return True
