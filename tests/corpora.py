"""A small corpus for the tests of graphs, sources that write down who reads them, and batches as plain values.

The classes are at the top of a module, so that workers that are spawned find them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import IterDataPipe

from torchvectors import Vectors

__all__ = ["LABELLED", "TEXTS", "Logged", "Many", "Part", "Row", "passes", "plain", "vectors"]

_WORDS = ("the", "cat", "sat", "on", "a", "mat", "and", "dog", "ran", "far", "away", "today")
# Texts of different lengths, one of them without a word; every other word is rarer than the one before.
TEXTS = [" ".join(_WORDS[(i * j) % len(_WORDS)] for j in range(i % 6)) for i in range(1, 24)]
LABELLED = [(i % 4, text) for i, text in enumerate(TEXTS)]


class Row(NamedTuple):
    """A named row."""

    label: int
    text: Any


class Logged(IterDataPipe[Any]):
    """Rows; each pass over them adds the process's number to a file."""

    def __init__(self, rows: Sequence[Any], log: Path) -> None:
        self.rows, self.log = rows, log

    def __iter__(self) -> Iterator[Any]:
        _write_down(self.log)
        yield from self.rows

    def __len__(self) -> int:
        return len(self.rows)


class Many(IterDataPipe[Any]):
    """Rows of 100 tokens, ``count`` different ones in all, made as they are read: no pickle holds them."""

    def __init__(self, count: int, log: Path) -> None:
        self.count, self.log = count, log

    def __iter__(self) -> Iterator[Any]:
        _write_down(self.log)
        for start in range(0, self.count, 100):
            yield [f"token {number}" for number in range(start, start + 100)]


def _write_down(log: Path) -> None:
    with log.open("a") as file:
        file.write(f"{os.getpid()}\n")


def passes(log: Path) -> list[int]:
    """Return the processes that have begun a pass over a `Logged` or `Many` source, in order."""
    return [int(line) for line in log.read_text().split()] if log.exists() else []


class Part(IterDataPipe[Any]):
    """Some rows of a source, as a user's own pipe might choose them."""

    def __init__(self, source: IterDataPipe[Any], start: int, step: int) -> None:
        self.source, self.start, self.step = source, start, step

    def __iter__(self) -> Iterator[Any]:
        for number, row in enumerate(self.source):
            if number % self.step == self.start:
                yield row


def vectors(dim: int = 3) -> Vectors:
    """Return vectors of some of the corpus' words, each row known by its numbers."""
    tokens = [*_WORDS[:8], "elsewhere"]
    rows = torch.arange(1.0, len(tokens) * dim + 1).reshape(len(tokens), dim)
    return Vectors.from_tensor(tokens, rows)


def plain(value: Any) -> Any:
    """Return a batch as values that can be compared, dtypes and shapes included."""
    if isinstance(value, Tensor):
        if value.is_nested:
            return ("nested", [plain(part) for part in value.unbind()])
        return (str(value.dtype), tuple(value.shape), value.tolist())
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]  # a DataLoader turns tuples into lists
    return value
