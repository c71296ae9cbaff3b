"""Padding in batches of texts of mixed length, parted by length and as they come: ``pytest -m benchmark -s``."""

from __future__ import annotations

import dataclasses

import pytest
from measuring import Work, compare, run

# Lengths as texts have them: half of them below 20 tokens, one in a hundred above 300.
SETUP = """
from random import Random
from torch.utils.data.datapipes.iter import IterableWrapper
import torchvectors.datapipes
torch.set_num_threads(1)
random = Random(0)
lengths = [min(int(random.paretovariate(1.2) * 10), 500) for _ in range({rows})]
rows = IterableWrapper([(n, list(range(2, n + 2))) for n in lengths], deepcopy=False)
graph = rows.batch_tokens(32, **{how})
model = torch.nn.LSTM(32, 64, batch_first=True)
table = torch.nn.Embedding(600, 32)
tokens = checksum = cells = 0
"""
BATCHES = """
for _, ids, lengths in graph:
    tokens += int(lengths.sum())
    checksum += int(ids.sum())
    cells += ids.numel()
    {then}
"""
FORWARD = "with torch.no_grad(): model(table(ids))"
PARTED: dict[str, int] = {"bucket_batches": 100}
PLAIN: dict[str, int] = {}


def work(name: str, how: dict[str, int], rows: int, then: str = "") -> Work:
    return Work(
        name, SETUP.format(rows=rows, how=how), BATCHES.format(then=then or "pass"), "[tokens, checksum]"
    )


@pytest.mark.benchmark
@pytest.mark.timeout(600)
def test_padded_batches(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        compare(work("parted by length", PARTED, 50_000), work("as they come", PLAIN, 50_000)),
        compare(
            work("parted, through an LSTM", PARTED, 6_400, FORWARD),
            work("as they come, through it", PLAIN, 6_400, FORWARD),
        ),
    ]
    cells = []
    for name, how in (("parted", PARTED), ("as they come", PLAIN)):
        share = run(dataclasses.replace(work(name, how, 50_000), answer="cells / tokens")).answer
        assert isinstance(share, float)
        cells.append(f"{name}: {share:.2f} numbers a token")
    with capsys.disabled():
        print("", *lines, "; ".join(cells), sep="\n")
