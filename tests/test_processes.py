"""Several processes count what one would, whatever becomes of them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from corpora import LABELLED, TEXTS, Logged, passes
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader, IterableDataset
from torch.utils.data.datapipes import datapipe
from torch.utils.data.datapipes.iter import IterableWrapper
from torchdata.nodes import IterableWrapper as NodeOf

from torchvectors import nodes
from torchvectors.counting import Tally, count_tokens
from torchvectors.errors import GraphError, TokenTypeError
from torchvectors.fitting.processes import count_in_processes
from torchvectors.tokenizers import basic_english

pytestmark = pytest.mark.filterwarnings(
    "ignore:This process .* is multi-threaded, use of fork:DeprecationWarning"
)

TOKENS = [basic_english(text) for text in TEXTS]


@pytest.fixture(autouse=True)
def _no_process_is_left() -> Iterator[None]:
    yield
    assert multiprocessing.active_children() == []


def add_share(sentences: list[list[str]], tally: Tally, number: int, of: int) -> None:
    tally.add(sentences[number::of], first=number, step=of)


def by_processes(sentences: list[list[str]], processes: int, start: str, **how: Any) -> Counter[str]:
    """Count in processes, and see that rows and running tokens are right, too."""
    number, of = how.pop("number", 0), how.pop("of", 1)
    with Tally(how.get("max_distinct")) as tally:
        context: Any = multiprocessing.get_context(start)
        work = partial(add_share, sentences)
        count_in_processes(work, tally, number, of, processes=processes, context=context, **how)
        share = sentences[number::of]
        assert (tally.rows, tally.running) == (len(share), sum(map(len, share)))
        return Counter({token: n for block in tally.blocks() for token, n in block.items()})


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.lists(st.text(max_size=2), max_size=4), max_size=9),
    st.integers(0, 4),
    st.none() | st.integers(1, 6),
    st.integers(0, 2),
)
def test_every_number_of_processes_counts_what_one_does(
    sentences: list[list[str]], processes: int, bound: int | None, number: int
) -> None:
    assert by_processes(sentences, processes, "fork") == count_tokens(sentences)
    share = by_processes(sentences, processes, "fork", number=number, of=3, max_distinct=bound)
    assert share == count_tokens(sentences[number::3])


@pytest.mark.parametrize("start", ["fork", pytest.param("forkserver", marks=pytest.mark.slow), "spawn"])
def test_processes_of_every_kind_count_alike(start: str) -> None:
    assert by_processes(TOKENS, 2, start, max_distinct=3) == count_tokens(TOKENS)


class Log:
    """A tokenizer that writes down who has called it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, text: str) -> list[str]:
        with self.path.open("a") as file:
            file.write(f"{os.getpid()}\n")
        return basic_english(text)


@pytest.mark.parametrize("form", ["pipes", "nodes"])
def test_a_stage_divides_the_tokenising_and_each_process_reads_the_source_once(
    form: str, tmp_path: Path
) -> None:
    log, calls = tmp_path / "log", tmp_path / "calls"
    source: Any = Logged(LABELLED, log)
    how: dict[str, Any] = {"num_workers": 2, "max_distinct": 4, "max_tokens": 7, "min_freq": 2}
    if form == "pipes":
        fitted = source.shuffle().tokenize(Log(calls)).build_vocab(**how)
    else:
        fitted = nodes.BuildVocab(nodes.Tokenize(NodeOf(source), Log(calls)), **how)
    alone = IterableWrapper(LABELLED).tokenize().build_vocab(max_tokens=7, min_freq=2)
    assert fitted.vocab.get_itos() == alone.vocab.get_itos()
    assert fitted.goes_by.counts == alone.goes_by.counts
    assert (fitted.goes_by.rows, fitted.goes_by.running) == (len(TEXTS), sum(map(len, TOKENS)))
    assert fitted.passes == 1
    assert len(set(passes(log)) - {os.getpid()}) == len(passes(log)) == 2
    by_whom = Counter(passes(calls))
    assert sorted(by_whom.values()) == [len(TEXTS) // 2, len(TEXTS) - len(TEXTS) // 2]


@pytest.mark.parametrize("form", ["pipes", "nodes"])
def test_a_second_corpus_is_divided_too(form: str, tmp_path: Path) -> None:
    more = ["the new", "new words", "words new", "mat"]

    def vocab(**how: Any) -> Any:
        if form == "pipes":
            other: Any = IterableWrapper(more).tokenize()
            return IterableWrapper(TEXTS).tokenize().build_vocab(extend_with=other, **how).goes_by
        other = nodes.Tokenize(NodeOf(more))
        return nodes.BuildVocab(nodes.Tokenize(NodeOf(TEXTS)), extend_with=other, **how).goes_by

    for settings_ in ({}, {"min_freq": 3}, {"max_tokens": 9}):
        divided, alone = vocab(num_workers=2, max_distinct=2, **settings_), vocab(**settings_)
        assert divided.vocab.get_itos() == alone.vocab.get_itos()
        assert divided.counts == alone.counts


class InWorker(IterableDataset[Any]):
    """A graph that no loader sees, so that its worker fits it."""

    def __init__(self, graph: Any) -> None:
        self.graph = graph

    def __iter__(self) -> Iterator[Any]:
        return iter(self.graph)


def test_a_worker_of_a_loader_which_may_start_no_processes_counts_alone(tmp_path: Path) -> None:
    graph = Logged(TEXTS, tmp_path / "log").tokenize().build_vocab(num_workers=3).numericalize()
    loader = DataLoader(InWorker(graph), batch_size=None, num_workers=1, multiprocessing_context="fork")
    rows = list(loader)
    assert len(set(passes(tmp_path / "log"))) == 1
    assert rows == [graph.vocab(tokens) for tokens in TOKENS]


def tokenized(kind: str, text: str) -> list[str]:
    """Fail as ``kind`` says; or take so long that somebody must end it."""
    if text != "bad":
        time.sleep(30)
    if kind == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "exits":
        raise SystemExit("no more")
    if kind == "unportable":
        raise UnportableError("a", "b")
    raise FileNotFoundError(2, "No such file", "model.bin")


class UnportableError(Exception):
    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} and {two}")


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        ("raises", FileNotFoundError, r"No such file: 'model\.bin'"),
        ("exits", GraphError, "SystemExit: no more"),
        ("unportable", GraphError, "UnportableError: a and b"),
        ("killed", GraphError, r"was ended \(exit code -9\).* smaller num_workers="),
    ],
)
def test_what_happens_in_one_process_ends_the_others_and_is_told(
    kind: str, error: type[Exception], words: str
) -> None:
    begun = time.monotonic()
    rows = IterableWrapper(["good", "bad", "good", "good"])
    fitted = rows.tokenize(partial(tokenized, kind)).build_vocab(num_workers=2)
    with pytest.raises(error, match=words):
        _ = fitted.vocab
    assert time.monotonic() - begun < 20  # the other process would take a minute


def test_a_token_that_is_no_str_is_named_by_its_row_in_the_corpus() -> None:
    rows: list[Any] = [["a"], ["b"], ["c"], ["d"], ["e"], [6]]
    with pytest.raises(TokenTypeError, match=r"build_vocab: sentence 5: a token is a str, not 6"):
        _ = IterableWrapper(rows).build_vocab(num_workers=4).vocab
    with pytest.raises(GraphError, match=r"build_vocab: a row must hold a list of tokens"):
        _ = IterableWrapper([["a"], "b"]).build_vocab(num_workers=2).vocab


@pytest.mark.parametrize("dill", [True, False])
def test_a_graph_that_cannot_be_pickled_is_counted_by_one_process_and_that_is_said(
    dill: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        datapipe, "HAS_DILL", dill
    )  # without it our stages refuse to be pickled, in words of theirs
    spawn = multiprocessing.get_context("spawn")
    monkeypatch.setattr(multiprocessing, "get_context", lambda: spawn)
    fitted = Logged(TEXTS, tmp_path / "log").tokenize(lambda text: text.split()).build_vocab(num_workers=2)
    with pytest.warns(
        UserWarning, match="one process counts alone, for the graph cannot be pickled"
    ) as caught:
        _ = fitted.vocab
    assert caught[0].filename == __file__
    assert passes(tmp_path / "log") == [os.getpid()]
    assert fitted.vocab.get_itos() == IterableWrapper(TEXTS).tokenize(None).build_vocab().vocab.get_itos()


def test_a_source_that_gives_each_process_other_rows_is_refused() -> None:
    def share(tally: Tally, number: int, of: int) -> None:
        tally.add([["a"]] * (5 if number else 1))

    with Tally() as tally, pytest.raises(GraphError, match=r"have counted \[1, 5\] rows of it"):
        count_in_processes(share, tally, 0, 1, processes=2, context=multiprocessing.get_context("fork"))


@pytest.mark.parametrize("how", [{"num_workers": -1}, {"num_workers": 1.5}, {"max_distinct": 0}])
def test_numbers_that_make_no_sense_are_refused_at_once(how: dict[str, Any]) -> None:
    with pytest.raises(GraphError, match=rf"build_vocab: {next(iter(how))}="):
        IterableWrapper([["a"]]).build_vocab(**how)


INTERRUPTED = """
import os, sys, time
from torch.utils.data.datapipes.iter import IterableWrapper
import torchvectors

def slow(text):
    with open(sys.argv[1], "a") as file:
        file.write(f"{os.getpid()}\\n")
    time.sleep(60)

IterableWrapper(["a", "b", "c"]).tokenize(slow).build_vocab(num_workers=2).vocab
"""


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_one_that_has_started_it(tmp_path: Path, how: signal.Signals) -> None:
    log = tmp_path / "log"
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(log)],
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # so that the signal is for the parent alone
    ) as process:
        _until(lambda: len(passes(log)) == 2)
        children = passes(log)
        assert process.pid not in children
        process.send_signal(how)
    assert process.returncode != 0
    _until(lambda: not any(map(_alive, children)))


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _until(true: Any) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)
