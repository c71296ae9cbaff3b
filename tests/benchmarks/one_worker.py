"""What a loader's worker says is its own, when a graph has run through it."""

from __future__ import annotations

import re
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch.utils.data import DataLoader, IterDataPipe
from torch.utils.data.datapipes.iter import IterableWrapper

import torchvectors

__all__ = ["bare", "graph", "weigh"]

warnings.simplefilter("ignore")


class Words(IterDataPipe[Any]):
    """So many distinct tokens, a hundred in a row."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __iter__(self) -> Iterator[list[str]]:
        for start in range(0, self.count, 100):
            yield [f"word{number}" for number in range(start, start + 100)]


class Weighed(IterDataPipe[Any]):
    """Passes rows on; writes at the end of them what is this process's own."""

    def __init__(self, source: IterDataPipe[Any], path: str) -> None:
        self.source, self.path = source, path

    def __iter__(self) -> Iterator[Any]:
        yield from self.source
        text = Path("/proc/self/smaps_rollup").read_text()
        kb = sum(int(one) for one in re.findall(r"^Private_(?:Clean|Dirty): +(\d+) kB", text, re.M))
        with Path(self.path).open("a") as file:
            file.write(f"{kb / 1024}\n")


def bare(words: int) -> Any:
    """Return a graph of bare numbers."""
    return IterableWrapper(range(max(words // 100, 2))).sharding_filter()


def graph(words: int) -> Any:
    """Return a graph with a vocabulary of so many words, fitted, and its matrix."""
    fitted: Any = Words(words).build_vocab().align_vectors(torchvectors.GloVe("sample"))
    assert len(fitted.alignment.matrix) == words + 2
    return fitted.sharding_filter().numericalize().batch_tokens(64)


def weigh(start: str, pipe: Any) -> float:
    """Return what the larger of two workers holds for itself, in 2**20 bytes, started by fork or spawn."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "weights")
        for _ in DataLoader(
            Weighed(pipe, path), batch_size=None, num_workers=2, multiprocessing_context=start
        ):
            pass
        return max(map(float, Path(path).read_text().split()))
