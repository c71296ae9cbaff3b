"""WordNet's definitions of nouns, packed beside this module → a DataPipe of (topic, text).

The rows are 9,985 definitions of ten topics, in the order that ``make.py`` drew them from WordNet 3.0:
`make` says how, and ``LICENSE-WordNet.txt`` under which terms they may be passed on.
"""

from __future__ import annotations

import gzip
import io
from importlib.resources import files
from typing import TYPE_CHECKING, overload

from torch.utils.data import IterDataPipe

from torchvectors.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["WORDNET_TOPICS", "WordNetTopics"]

WORDNET_TOPICS = (
    "animal",
    "artifact",
    "body",
    "communication",
    "food",
    "location",
    "person",
    "plant",
    "substance",
    "time",
)
_ROWS = {"train": 7_989, "dev": 998, "test": 998}  # of each split; a test counts them


class TopicRows(IterDataPipe[tuple[int, str]]):
    """The rows of one split, in file order; it holds the split's name alone, so it pickles small.

    Args:
        split: "train", "dev" or "test".
    """

    def __init__(self, split: str) -> None:
        super().__init__()
        self.split = split

    def __iter__(self) -> Iterator[tuple[int, str]]:
        """Read the file anew: each row is its label, counted from 1, and its text."""
        label_of = {topic: label for label, topic in enumerate(WORDNET_TOPICS, start=1)}
        packed = files(__name__).joinpath(f"{self.split}.tsv.gz")
        with packed.open("rb") as file, gzip.open(file) as tsv:
            lines = io.TextIOWrapper(tsv, encoding="utf-8", newline="\n")
            next(lines)  # the names of the columns
            for line in lines:
                topic, text = line.rstrip("\n").split("\t")
                yield label_of[topic], text

    @property
    def fingerprint(self) -> str:
        """What tells these rows from any other: a vocabulary that is fitted to them is kept for later runs."""
        return f"torchvectors.datasets.WordNetTopics, WordNet 3.0, drawn 1, {self.split}"

    def __len__(self) -> int:
        """Count the rows without reading them."""
        return _ROWS[self.split]


@overload
def WordNetTopics(split: str) -> TopicRows: ...
@overload
def WordNetTopics(split: tuple[str, ...] | list[str] = ...) -> tuple[TopicRows, ...]: ...
def WordNetTopics(  # noqa: N802 - torchtext's data sets are functions that are named like classes
    split: str | tuple[str, ...] | list[str] = tuple(_ROWS),
) -> TopicRows | tuple[TopicRows, ...]:
    """Definitions of nouns from WordNet 3.0, each with the topic that WordNet's editors filed it under.

    7,989 rows are for training, 998 for choosing settings (``dev``) and 998 for the test. A row is
    ``(label, text)``: label ``i``, from 1 to 10, means ``WORDNET_TOPICS[i - 1]``, and text is 4 to 40 words. The
    topics are of equal size; no definition occurs twice, so none of the test can be learnt by heart.

    Unlike torchtext's data sets these pipes end in no ``.shuffle().sharding_filter()``. A vocabulary is fitted
    on all rows and must therefore stand above the place where rows are dealt out to workers, and torch
    allows one such place per graph. Put both where they belong, after the fit::

        fitted = WordNetTopics(split="train").tokenize(column=1).build_vocab()
        train = fitted.shuffle().sharding_filter().numericalize().batch_tokens(32)

    There is no ``root`` either: the rows are part of the package, and nothing is downloaded.

    Args:
        split: One of "train", "dev" and "test", or several of them.

    Returns:
        For a ``str`` one IterDataPipe of ``(int, str)``; else a tuple of as many pipes, in the given order.
        A pipe has a length, can be iterated any number of times, and opens its file when it is iterated.

    Raises:
        UnknownNameError: There is no such split (a `ValueError`).
    """
    wanted = (split,) if isinstance(split, str) else tuple(split)
    for name in wanted:
        if name not in _ROWS:
            have = ", ".join(repr(one) for one in _ROWS)
            raise UnknownNameError(f"WordNetTopics has no split {name!r}; its splits are {have}.")
    pipes = tuple(TopicRows(name) for name in wanted)
    return pipes[0] if isinstance(split, str) else pipes
