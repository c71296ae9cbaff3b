"""Workers that look vectors up share the pages of one store, and hold no copy of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, IterDataPipe
from torch.utils.data.datapipes.iter import IterableWrapper

from torchvectors import Vectors

ROLLUP = Path("/proc/self/smaps_rollup")

pytestmark = [
    pytest.mark.skipif(not ROLLUP.is_file(), reason="only Linux says how much of a process is its own"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning"),
]


def own_mb() -> float:
    """Return how much of this process no other one shares, in 2**20 bytes."""
    found = re.findall(r"^Private_(?:Clean|Dirty): +(\d+) kB", ROLLUP.read_text(), re.MULTILINE)
    return sum(map(int, found)) / 1024


class Weighed(IterDataPipe[Any]):
    """Rows; a worker that has given all of its own writes down how much it has come to hold meanwhile."""

    def __init__(self, source: Any, path: Path) -> None:
        self.source, self.path = source, path

    def __iter__(self) -> Iterator[Any]:
        rows = iter(self.source)
        yield next(rows)  # what a first look-up loads is not the store
        before = own_mb()
        yield from rows
        with self.path.open("a") as file:
            file.write(f"{own_mb() - before}\n")


@pytest.mark.parametrize("start", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_workers_that_look_up_all_of_a_store_hold_none_of_it(start: str, tmp_path: Path) -> None:
    tokens = [f"word{number}" for number in range(100_000)]
    made = Vectors.from_tensor(tokens, torch.randn(len(tokens), 100)).save(tmp_path / "large.safetensors")
    store_mb = made.stat().st_size / 2**20
    assert store_mb > 38
    sentences = [tokens[place : place + 100] for place in range(0, len(tokens), 100)]
    graph = IterableWrapper(sentences, deepcopy=False).sharding_filter().lookup_vectors(Vectors(made))
    weighed = Weighed(graph, tmp_path / "weights")
    rows = 0
    for row in DataLoader(weighed, batch_size=None, num_workers=2, multiprocessing_context=start):
        assert row.shape == (100, 100)
        rows += len(row)
    assert rows == len(tokens)
    grown = [float(line) for line in (tmp_path / "weights").read_text().split()]
    assert len(grown) == 2
    assert max(grown) < store_mb / 4
