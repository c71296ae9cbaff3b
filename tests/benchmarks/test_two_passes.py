"""What a pass that counts costs, and what later epochs do: ``pytest -m benchmark -s``."""

from __future__ import annotations

from typing import Any

import pytest
from measuring import Work, compare, run

# Two million distinct tokens, each twice, in an order that no run of counts is sorted by.
MANY = """
from itertools import chain
from torchvectors.counting import Tally, count_tokens, order_tokens

def sentences(distinct=2_000_000, length=20):
    for start in range(0, 2 * distinct, length):
        yield [f"token {place * 7919 % distinct}" for place in range(start, start + length)]

how = {"min_freq": 2, "specials": ["<pad>", "<unk>"], "max_tokens": 50_000}
"""


@pytest.mark.benchmark
@pytest.mark.timeout(1800)
def test_counting_in_bounded_memory(capsys: pytest.CaptureFixture[str]) -> None:
    answer = "[len(itos), itos[2], itos[-1]]"
    lines = [
        compare(
            Work(
                f"at most {bound:,} tokens",
                MANY,
                f"with Tally({bound}) as tally:\n"
                "    tally.add(sentences())\n"
                "    itos = order_tokens(tally.candidates(**how), **how)",
                answer,
            ),
            Work("no bound", MANY, "itos = order_tokens(count_tokens(sentences()), **how)", answer),
            pairs=1,
        )
        for bound in (1_000_000, 200_000, 50_000)
    ]
    with capsys.disabled():
        print("", *lines, sep="\n")


# The definitions forty times over: 320,000 rows, 4 million tokens.
GLOSSES = """
from torch.utils.data.datapipes.iter import IterableWrapper
from torchvectors.datasets import WordNetTopics
import torchvectors

rows = list(WordNetTopics(split="train"))
source = IterableWrapper(rows * {times}, deepcopy=False)

def epoch(graph):
    return sum(len(ids) + sum(ids) for _, ids in graph)
"""


@pytest.mark.benchmark
@pytest.mark.timeout(1800)
def test_counting_in_two_processes(capsys: pytest.CaptureFixture[str]) -> None:
    def work(workers: int, name: str) -> Work:
        graph = f"fitted = source.tokenize().build_vocab(num_workers={workers}); vocab = fitted.vocab"
        return Work(name, GLOSSES.replace("{times}", "40"), graph, "vocab.fingerprint")

    line = compare(work(2, "two processes"), work(0, "one"), pairs=3)
    with capsys.disabled():
        print("", line, sep="\n")


@pytest.mark.benchmark
@pytest.mark.timeout(1800)
def test_epochs_from_recorded_rows(capsys: pytest.CaptureFixture[str]) -> None:
    def later(record: bool, name: str) -> Work:
        setup = f"{GLOSSES.replace('{times}', '10')}\n"
        setup += f"graph = source.tokenize().build_vocab(record_rows={record}).numericalize(); first = epoch(graph)"
        return Work(name, setup, "second = epoch(graph)", "[first, second]")

    def whole(record: bool, name: str) -> Work:
        graph = f"graph = source.tokenize().build_vocab(record_rows={record}).numericalize()"
        return Work(name, GLOSSES.replace("{times}", "10"), f"{graph}; first = epoch(graph)", "first")

    size = Work(
        "",
        f"{GLOSSES.replace('{times}', '10')}",
        "graph = source.tokenize().build_vocab(record_rows=True); vocab = graph.vocab",
        "[graph.goes_by.recording.path.stat().st_size, graph.goes_by.running, graph.goes_by.rows]",
    )
    found: Any = run(size).answer
    nbytes, tokens, rows = found
    lines = [
        compare(whole(True, "count, first epoch: record"), whole(False, "count, first epoch: source")),
        compare(later(True, "second epoch: record"), later(False, "second epoch: source")),
        f"{nbytes:,} bytes: {nbytes / tokens:.2f} a token ({rows:,} rows with a label, {tokens:,} tokens)",
    ]
    with capsys.disabled():
        print("", *lines, sep="\n")
