"""A corpus is counted once in all: whoever comes first, in whichever process, and whatever happens to it."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from corpora import LABELLED, TEXTS, Logged, passes, vectors
from torch.utils.data import DataLoader, IterableDataset, IterDataPipe, get_worker_info
from torch.utils.data.datapipes.iter import IterableWrapper
from torchdata.nodes import BaseNode, Loader
from torchdata.nodes import IterableWrapper as NodeOf
from torchdata.stateful_dataloader import StatefulDataLoader

from torchvectors import nodes
from torchvectors.datapipes import BuildVocab, Rows, Tokenize
from torchvectors.errors import GraphError
from torchvectors.tokenizers import basic_english

pytestmark = [
    pytest.mark.filterwarnings("ignore:(Local|Lambda) function is not supported by pickle:UserWarning"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:This DataLoader will create 4 worker:UserWarning"),
    pytest.mark.filterwarnings("ignore:'set_vital' is deprecated:UserWarning"),
]


class Hidden(IterableDataset[Any]):
    """A graph inside a data set of one's own, where no loader sees it."""

    def __init__(self, graph: Any) -> None:
        self.graph = graph

    def __iter__(self) -> Iterator[Any]:
        return iter(self.graph)


class ByWorker(IterDataPipe[Any]):
    """Rows, of which each worker of a DataLoader gets its own part."""

    def __init__(self, log: Path) -> None:
        self.log = log

    def __iter__(self) -> Iterator[Any]:
        info = get_worker_info()
        yield from (
            list(Logged(LABELLED, self.log))[info.id :: info.num_workers]
            if info
            else Logged(LABELLED, self.log)
        )


def graph_over(log: Path, *, sharded_first: bool = False) -> Any:
    rows = Logged(LABELLED, log)
    fitted = (rows.sharding_filter() if sharded_first else rows).tokenize().build_vocab()
    aligned = fitted.align_vectors(vectors())
    return aligned.numericalize() if sharded_first else aligned.sharding_filter().numericalize()


def vocab_by_hand() -> list[str]:
    counts = Counter(token for text in TEXTS for token in basic_english(text))
    return ["<pad>", "<unk>", *sorted(counts, key=lambda token: (-counts[token], token))]


def run(dataset: Any, way: str) -> list[Any]:
    kind, workers, *how = way.split()
    loader: Any = {"DataLoader": DataLoader, "StatefulDataLoader": StatefulDataLoader}[kind](
        dataset,
        batch_size=None,
        num_workers=int(workers),
        multiprocessing_context=next((one for one in how if one != "stay"), None),
        persistent_workers="stay" in how,
    )
    return [row for _ in range(2) for row in loader]


QUICK = [
    "DataLoader 0",
    "DataLoader 1 fork",
    "DataLoader 4 fork stay",
    "StatefulDataLoader 0",
    "StatefulDataLoader 4 fork",
]
SLOW = [
    f"{kind} {workers} {start}{stay}"
    for kind in ("DataLoader", "StatefulDataLoader")
    for workers in (1, 4)
    for start in ("fork", "forkserver", "spawn")
    for stay in ("", " stay")
]


def check_way(way: str, hidden: bool, read_first: bool, log: Path) -> None:
    """See that a graph is fitted once, to the whole corpus, and that each of two epochs has each row once a worker."""
    graph = graph_over(log)
    if read_first:
        assert graph.vocab.get_itos() == vocab_by_hand()
        assert passes(log) == [os.getpid()]
    rows = run(Hidden(graph) if hidden else graph, way)
    workers = int(way.split()[1])
    epochs = 2 * max(workers, 1)  # passes over the corpus that trained
    assert len(passes(log)) == epochs + 1
    repeated = 2 * max(workers, 1) if hidden else 2  # nobody deals out the rows of a hidden graph
    vocab = graph.vocab
    assert vocab.get_itos() == vocab_by_hand()
    expected = Counter((label, tuple(vocab(text.split()))) for label, text in LABELLED)
    assert Counter((label, tuple(ids)) for label, ids in rows) == {
        row: n * repeated for row, n in expected.items()
    }
    assert len(passes(log)) == epochs + 1  # the parent has found what a worker has counted


@pytest.mark.parametrize("read_first", [True, False])
@pytest.mark.parametrize("hidden", [True, False])
@pytest.mark.parametrize("way", QUICK)
def test_a_corpus_is_counted_once_however_it_is_run(
    way: str, hidden: bool, read_first: bool, tmp_path: Path
) -> None:
    check_way(way, hidden, read_first, tmp_path / "log")


@pytest.mark.slow
@pytest.mark.parametrize("read_first", [True, False])
@pytest.mark.parametrize("hidden", [True, False])
@pytest.mark.parametrize("way", SLOW)
def test_a_corpus_is_counted_once_in_workers_of_every_kind(
    way: str, hidden: bool, read_first: bool, tmp_path: Path
) -> None:
    check_way(way, hidden, read_first, tmp_path / "log")


def test_a_corpus_is_counted_once_by_a_loader_of_nodes(tmp_path: Path) -> None:
    log = tmp_path / "log"
    fitted = nodes.BuildVocab(nodes.Tokenize(NodeOf(Logged(LABELLED, log))))
    loader = Loader(nodes.Numericalize(nodes.AlignVectors(fitted, vectors())))
    assert len([row for _ in range(2) for row in loader]) == 2 * len(LABELLED)
    assert (len(passes(log)), fitted.vocab.get_itos()) == (3, vocab_by_hand())


@pytest.mark.parametrize("sharded_first", [True, False])
def test_workers_of_a_hidden_graph_all_number_the_same(sharded_first: bool, tmp_path: Path) -> None:
    log = tmp_path / "log"
    graph = graph_over(log, sharded_first=sharded_first)
    rows = run(Hidden(graph), "DataLoader 4 fork")
    assert len(passes(log)) == 8 + 1
    vocab = graph.vocab
    assert {(label, tuple(ids)) for label, ids in rows} == {
        (label, tuple(vocab(text.split()))) for label, text in LABELLED
    }


def test_a_worker_counts_what_a_source_would_deal_out(tmp_path: Path) -> None:
    log = tmp_path / "log"
    graph = ByWorker(log).tokenize().build_vocab().numericalize()
    assert len(run(Hidden(graph), "DataLoader 2 fork")) == 2 * len(LABELLED)
    assert graph.vocab.get_itos() == vocab_by_hand()


def test_the_vectors_are_looked_up_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[int] = []
    known = vectors()
    monkeypatch.setattr(type(known), "rows_of", _noting(type(known).rows_of, looked_up))
    aligned = Logged(LABELLED, tmp_path / "log").tokenize().build_vocab().align_vectors(known)
    graph = aligned.sharding_filter().numericalize().batch_tokens(4)
    for _ in range(2):
        list(DataLoader(graph, batch_size=None, num_workers=2, multiprocessing_context="fork"))
        assert aligned.embedding().num_embeddings == len(aligned.vocab)
    assert len(looked_up) == 1


def _noting(function: Callable[..., Any], noted: list[Any]) -> Callable[..., Any]:
    def noting(self: Any, tokens: Any) -> Any:
        noted.append(len(tokens))
        return function(self, tokens)

    return noting


# What processes meet at.


def fits_in(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "fits").glob("*.safetensors"))


def test_the_file_that_processes_meet_at_goes_with_its_graph(own_cache: Path, tmp_path: Path) -> None:
    fitted = graph_over(tmp_path / "log")
    assert len(fitted.vocab) > 2
    assert len(fits_in(own_cache)) == 1
    del fitted
    import gc

    gc.collect()
    assert fits_in(own_cache) == []
    assert list((own_cache / "fits" / ".locks").iterdir()) == []


def test_two_graphs_over_one_corpus_do_not_meet(own_cache: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    first, second = graph_over(log), graph_over(log)
    assert first.vocab.get_itos() == second.vocab.get_itos()
    assert len(passes(log)) == 2
    assert len(fits_in(own_cache)) == 2


def test_what_nobody_has_read_for_a_week_is_swept(own_cache: Path, tmp_path: Path) -> None:
    folder = own_cache / "fits"
    folder.mkdir()
    for name, age in (("old", 8), ("kept-old", 8), ("new", 6)):
        (folder / f"{name}.safetensors").touch()
        then = time.time() - age * 24 * 3600
        os.utime(folder / f"{name}.safetensors", (then, then))
    graph = graph_over(tmp_path / "log")
    assert len(graph.vocab) > 2
    left = fits_in(own_cache)
    assert len(left) == 3
    assert {"kept-old.safetensors", "new.safetensors"} <= set(left)


@pytest.mark.parametrize("content", [b"", b"not a store", pickle.dumps([1])])
def test_what_is_damaged_is_counted_again(content: bytes, own_cache: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    rows = BuildVocab(Logged([["a"]], log), fingerprint="damaged")
    assert len(rows.vocab) == 3
    (file,) = (own_cache / "fits").glob("*.safetensors")
    file.write_bytes(content)
    assert len(BuildVocab(Logged([["a"]], log), fingerprint="damaged").vocab) == 3
    assert len(passes(log)) == 2
    assert len(BuildVocab(Logged([["a"]], log), fingerprint="damaged").vocab) == 3
    assert len(passes(log)) == 2


class Slow(IterDataPipe[Any]):
    """Rows that a file lets through."""

    def __init__(self, log: Path, gate: Path) -> None:
        self.log, self.gate = log, gate

    def __iter__(self) -> Iterator[Any]:
        for row in Logged([["a"], ["b"]], self.log):
            while not self.gate.exists():
                time.sleep(0.01)
            yield row


def read_vocab(graph: Any, answers: Any) -> None:
    answers.put((os.getpid(), graph.vocab.get_itos()))


def test_a_process_that_is_killed_while_it_counts_leaves_nothing_and_the_next_one_counts(
    own_cache: Path, tmp_path: Path
) -> None:
    log, gate = tmp_path / "log", tmp_path / "gate"
    graph = Slow(log, gate).build_vocab()
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    first = context.Process(target=read_vocab, args=(graph, answers))
    first.start()
    while len(passes(log)) < 1:
        time.sleep(0.01)
    second = context.Process(target=read_vocab, args=(graph, answers))
    second.start()
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    first.join()
    assert fits_in(own_cache) == []
    gate.touch()
    assert answers.get(timeout=30) == (second.pid, ["<pad>", "<unk>", "a", "b"])
    second.join()
    assert passes(log) == [first.pid, second.pid]
    assert graph.vocab.get_itos() == ["<pad>", "<unk>", "a", "b"]
    assert len(passes(log)) == 2


def test_processes_that_come_second_wait_for_the_first(tmp_path: Path) -> None:
    log, gate = tmp_path / "log", tmp_path / "gate"
    graph = Slow(log, gate).build_vocab()
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    processes = [context.Process(target=read_vocab, args=(graph, answers)) for _ in range(4)]
    for process in processes:
        process.start()
    while len(passes(log)) < 1:
        time.sleep(0.01)
    gate.touch()
    found = [answers.get(timeout=30)[1] for _ in processes]
    for process in processes:
        process.join()
    assert found == [["<pad>", "<unk>", "a", "b"]] * 4
    assert len(passes(log)) == 1


def test_what_has_changed_by_one_bit_is_counted_again(own_cache: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    rows = BuildVocab(Logged([["a", "b"]], log), fingerprint="one bit")
    assert len(rows.vocab) == 4
    (file,) = (own_cache / "fits").glob("*.safetensors")
    content = file.read_bytes()
    assert content.count(b"<pad><unk>ab") == 1
    file.write_bytes(content.replace(b"<pad><unk>ab", b"<pad><unk>ac"))
    again = BuildVocab(Logged([["a", "b"]], log), fingerprint="one bit")
    assert again.vocab.get_itos() == ["<pad>", "<unk>", "a", "b"]
    assert len(passes(log)) == 2


def test_processes_in_different_folders_meet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "log"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCHVECTORS_HOME", "home")
    graph = Logged([["a"]], log).build_vocab()
    process = multiprocessing.get_context("fork").Process(target=_read_elsewhere, args=(graph, tmp_path))
    process.start()
    process.join()
    assert graph.vocab.get_itos() == ["<pad>", "<unk>", "a"]
    assert len(passes(log)) == 1
    assert not (tmp_path / "elsewhere" / "home").exists()


def _read_elsewhere(graph: Any, folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    os.chdir(folder / "elsewhere")
    assert len(graph.vocab) == 3


@pytest.fixture
def no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a file").touch()
    monkeypatch.setenv("TORCHVECTORS_HOME", str(tmp_path / "a file" / "in the way"))


@pytest.mark.usefixtures("no_cache")
def test_where_nothing_can_be_written_a_process_fits_for_itself_and_a_worker_says_so(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert len(graph_over(log).vocab) > 2
    assert len(passes(log)) == 1
    loader = DataLoader(
        Hidden(graph_over(log)), batch_size=None, num_workers=1, multiprocessing_context="fork"
    )
    iterator = iter(loader)
    with pytest.raises(
        GraphError, match=r"meet in the cache folder: .*Or read \.vocab once before the workers"
    ):
        list(iterator)
    iterator._shutdown_workers()  # type: ignore[attr-defined]  # or torch waits for them in some later test


@pytest.mark.usefixtures("no_cache")
def test_where_nothing_can_be_written_a_process_may_fit_what_it_has_built_itself() -> None:
    """As ranks do that another process has started."""
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    process = context.Process(target=_build_and_read, args=(answers,))
    process.start()
    assert answers.get(timeout=30) == ["<pad>", "<unk>", "a"]
    process.join()


def _build_and_read(answers: Any) -> None:
    try:
        answers.put(Rows([["a"]]).build_vocab().vocab.get_itos())
    except GraphError as error:
        answers.put(str(error))


# Across runs.


class Declared(Logged):
    """A corpus that says which one it is."""

    fingerprint = "corpus 1"


def test_a_declared_corpus_is_counted_once_for_all_runs(tmp_path: Path, own_cache: Path) -> None:
    log = tmp_path / "log"

    def itos(rows: Any = LABELLED, **settings: Any) -> list[str]:
        return list(Declared(rows, log).shuffle().tokenize().build_vocab(**settings).vocab.get_itos())

    assert itos() == itos() == vocab_by_hand()
    assert len(passes(log)) == 1
    assert len(itos(min_freq=5)) < len(vocab_by_hand())  # other settings are another result
    assert len(passes(log)) == 2
    assert all(name.startswith("kept-") for name in fits_in(own_cache))


def test_what_is_not_known_to_stay_the_same_is_counted_by_each_run(tmp_path: Path) -> None:
    log = tmp_path / "log"
    makes: list[Callable[[Any], Any]] = [
        lambda rows: rows.tokenize(str.split),  # a tokenizer of one's own may change
        lambda rows: rows.map(lambda row: row).tokenize(),
        lambda rows: Logged(list(rows), log).tokenize(),
    ]
    for make in makes:
        before = len(passes(log))
        for _ in range(2):
            assert len(make(Declared(LABELLED, log)).build_vocab().vocab) > 2
        assert len(passes(log)) > before + 1


class KnownRows(list[Any]):
    """Rows that say which they are."""

    fingerprint = "rows 1"


class Over(IterDataPipe[Any]):
    """A source of the user's that changes the rows of a data set that says which one it is."""

    def __init__(self, rows: KnownRows, ending: str) -> None:
        self.rows, self.ending = rows, ending

    def __iter__(self) -> Iterator[Any]:
        for row in self.rows:
            yield row + self.ending


class NodeOver(BaseNode[Any]):
    """The same as a node."""

    def __init__(self, rows: KnownRows, ending: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torchdata does not annotate it
        self.rows, self.ending = rows, ending

    def reset(self, initial_state: dict[str, Any] | None = None) -> None:
        super().reset(initial_state)
        self.left = iter(self.rows)

    def next(self) -> Any:
        return next(self.left) + self.ending

    def get_state(self) -> dict[str, Any]:
        return {}


class Handing:
    """A data set that hands on all names of the one within."""

    def __init__(self, rows: KnownRows, ending: str) -> None:
        self.rows, self.ending = rows, ending

    def __iter__(self) -> Iterator[Any]:
        return (row + self.ending for row in self.rows)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.rows, name)


class EndingRows(Rows):
    """A subclass of the source that changes its rows."""

    ending = ""

    def __iter__(self) -> Iterator[Any]:
        for row in self._rows:
            yield row + self.ending


class EndingTokenize(Tokenize):
    """A subclass of a stage that does something else to a row."""

    ending = ""

    def doing(self) -> Callable[[Any], Any]:
        do = super().doing()
        return lambda row: [*do(row), *self.ending.split()]


class EndingNode(nodes.Tokenize):
    """The same as a node."""

    ending = ""

    def doing(self) -> Callable[[Any], Any]:
        do = super().doing()
        return lambda row: [*do(row), *self.ending.split()]


def ended(stage: Any, ending: str) -> Any:
    stage.ending = ending
    return stage


KNOWN = KnownRows(["a b", "b"])
CHANGING: dict[str, Callable[[str], Any]] = {
    "a source of one's own": lambda ending: Over(KNOWN, ending).tokenize().build_vocab(),
    "a node of one's own": lambda ending: nodes.BuildVocab(nodes.Tokenize(NodeOver(KNOWN, ending))),
    "a data set around another": lambda ending: Rows(Handing(KNOWN, ending)).tokenize().build_vocab(),
    "a subclass of a source": lambda ending: ended(EndingRows(KNOWN), ending).tokenize().build_vocab(),
    "a subclass of a stage": lambda ending: ended(EndingTokenize(Rows(KNOWN)), ending).build_vocab(),
    "a subclass of a node": lambda ending: nodes.BuildVocab(ended(EndingNode(nodes.Rows(KNOWN)), ending)),
}


@pytest.mark.parametrize("changing", CHANGING)
def test_a_corpus_that_changes_behind_a_fingerprint_never_meets_an_old_vocabulary(changing: str) -> None:
    before, after = (CHANGING[changing](ending).vocab.get_itos() for ending in (" old", " new"))
    assert ("old" in before, "new" in after) == (True, True)


def test_whoever_vouches_for_a_corpus_is_believed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    for fingerprint, counted in (("a", 1), ("a", 1), ("b", 2), (None, 3), (None, 4)):
        rows = Logged(LABELLED, log).tokenize(str.split)
        assert len(rows.build_vocab(fingerprint=fingerprint).vocab) > 2
        assert len(passes(log)) == counted


# States of a fit.


def test_a_fit_that_a_checkpoint_names_is_not_counted_again(tmp_path: Path) -> None:
    log = tmp_path / "log"
    first = BuildVocab(Logged([["b", "a"]], log))
    state = pickle.loads(pickle.dumps(first.fit_state()))
    assert len(pickle.dumps(state)) < 600
    second = BuildVocab(Logged([["b", "a"]], log))
    second.load_fit_state(state)
    assert second.vocab.get_itos() == first.vocab.get_itos()
    assert len(passes(log)) == 1


def test_a_state_names_a_file_that_is_there(own_cache: Path, tmp_path: Path) -> None:
    fitted = BuildVocab(Logged([["b", "a"]], tmp_path / "log"))
    shutil.rmtree(Path(fitted.fit_state()["file"]).parent)
    assert Path(fitted.fit_state()["file"]).is_file()


@pytest.mark.parametrize("rows", [[["b", "a"]], [["b", "b", "a"]]])
def test_where_its_file_is_gone_the_corpus_is_counted_and_must_give_the_same(
    rows: list[list[str]], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    state = BuildVocab(Logged([["b", "a"]], log)).fit_state()
    Path(state["file"]).unlink()
    second = BuildVocab(Logged(rows, log))
    second.load_fit_state(state)
    if rows == [["b", "a"]]:
        assert second.vocab.get_itos() == ["<pad>", "<unk>", "a", "b"]
    else:
        with pytest.raises(
            GraphError, match=r"^build_vocab: this state was taken with the vocabulary xxh3_128:"
        ):
            _ = second.vocab
        assert not second.goes_by.fitted
    assert len(passes(log)) == 2


def test_a_state_of_another_vocabulary_or_other_settings_is_refused(tmp_path: Path) -> None:
    log = tmp_path / "log"
    state = BuildVocab(Logged([["b", "a"]], log)).fit_state()
    fitted = BuildVocab(Logged([["c"]], log))
    assert len(fitted.vocab) == 3
    with pytest.raises(GraphError, match=r"of 3 tokens. The corpus, its tokenizer or the settings are not"):
        fitted.load_fit_state(state)
    with pytest.raises(GraphError, match=r"taken with VocabSettings\(min_freq=1.*the graph has .*min_freq=2"):
        BuildVocab(Logged([["c"]], log), min_freq=2).load_fit_state(state)


def test_a_vocabulary_that_has_grown_gets_a_state_of_its_own() -> None:
    fitted = BuildVocab(IterableWrapper([["a"]]))
    first = fitted.fit_state()
    fitted.vocab.append_token("b")
    second = fitted.fit_state()
    assert first["fingerprint"] != second["fingerprint"]
    copy = BuildVocab(IterableWrapper([["a"]]))
    copy.load_fit_state(second)
    assert copy.vocab.get_itos() == ["<pad>", "<unk>", "a", "b"]
