"""All rows of the table, by the names that the command line has for them, and the sizes at which they are measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import converting
import finding
import texts
from materials import Materials, Sizes
from records import Record

__all__ = ["GROUPS", "LARGE", "SMALL"]

GROUPS: dict[str, Callable[[Materials], Iterator[Record]]] = {
    "convert": converting.texts,
    "binary": converting.binaries,
    "open": finding.open_,
    "lookup": finding.look_up,
    "single": finding.single,
    "align": finding.align,
    "subwords": finding.subwords,
    "batches": texts.batches,
    "workers": finding.workers,
    "import": texts.import_,
    "nearest": finding.nearest,
    "padding": texts.padding,
    "counting": texts.counting,
    "worker": texts.worker,
}
LARGE = Sizes(
    stores=((10_000, 300), (400_000, 300), (2_200_000, 300)),
    texts=((10_000, 300), (400_000, 100), (2_200_000, 300)),
    looked_up=100_000,
    copies=8,
    distinct=2_000_000,
    buckets=200_000,
)
SMALL = Sizes(
    stores=((200, 8), (2_000, 8), (4_000, 8)),
    texts=((200, 8), (1_000, 8), (2_000, 8)),
    looked_up=100,
    copies=1,
    distinct=2_000,
    buckets=500,
)
