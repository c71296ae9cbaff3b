"""The stages of the graph: every form of every stage does the same, whatever runs it."""

from __future__ import annotations

import pickle
import subprocess
import sys
import threading
from collections import Counter, namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, IterDataPipe
from torch.utils.data.datapipes.iter import IterableWrapper
from torch.utils.data.graph import traverse_dps
from torchdata.nodes import IterableWrapper as NodeWrapper
from torchdata.nodes import Loader

import torchvectors as tv
from torchvectors import nodes
from torchvectors.datapipes import AlignVectors, BuildVocab, Numericalize
from torchvectors.errors import GraphError, TokenTypeError, VocabError

TEXTS = ["the cat sat", "the dog sat down", "a cat", "the end of the cat", "", "dog dog dog", "x"]
ROWS = [(i % 2, text) for i, text in enumerate(TEXTS)]
Pair = namedtuple("Pair", "label text")


def small_vectors() -> tv.Vectors:
    tokens = ["the", "cat", "dog", "sat"]
    return tv.Vectors.from_tensor(tokens, torch.arange(8.0).reshape(4, 2) + 1)


class Logged(IterDataPipe[Any]):
    """Rows, and a line in a file for each pass over them that begins, in whatever process."""

    def __init__(self, rows: list[Any], log: Path) -> None:
        self.rows, self.log = rows, log

    def __iter__(self) -> Iterator[Any]:
        with self.log.open("a") as file:
            file.write("pass\n")
        yield from self.rows

    def passes(self) -> int:
        return len(self.log.read_text().splitlines()) if self.log.exists() else 0


def same(left: Any, right: Any) -> bool:
    if isinstance(left, torch.Tensor):
        return isinstance(right, torch.Tensor) and left.dtype == right.dtype and torch.equal(left, right)
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


# One contract for both forms of each stage. A graph is written down once, for pipes and for nodes.

Graph = Callable[[Any, Any], Any]  # (the forms, the source) → the last stage


class Pipes:
    """The functional forms, called as the classes of `nodes` are."""

    def __getattr__(self, name: str) -> Any:
        form = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).strip("_")
        return lambda source, *args, **kwargs: getattr(source, form)(*args, **kwargs)


def by_pipes(graph: Graph, rows: list[Any]) -> list[Any]:
    return list(graph(Pipes(), IterableWrapper(rows)))


def by_nodes(graph: Graph, rows: list[Any]) -> list[Any]:
    return list(Loader(graph(nodes, NodeWrapper(rows))))


GRAPHS: dict[str, Graph] = {
    "tokenize": lambda of, source: of.Tokenize(source),
    "tokenize with a callable": lambda of, source: of.Tokenize(source, str.split),
    "build_vocab": lambda of, source: of.BuildVocab(of.Tokenize(source)),
    "align_vectors": lambda of, source: of.AlignVectors(of.BuildVocab(of.Tokenize(source)), small_vectors()),
    "numericalize": lambda of, source: of.Numericalize(of.BuildVocab(of.Tokenize(source), min_freq=2)),
    "numericalize with a vocab": lambda of, source: of.Numericalize(
        of.Tokenize(source), vocab=tv.Vocab(["<unk>", "cat"], 0)
    ),
    "lookup_vectors": lambda of, source: of.LookupVectors(of.Tokenize(source), small_vectors()),
    "batch_tokens": lambda of, source: of.BatchTokens(
        of.Numericalize(of.BuildVocab(of.Tokenize(source), specials=("<unk>", "<pad>"))), 3
    ),
    "batch_tokens of vectors": lambda of, source: of.BatchTokens(
        of.LookupVectors(of.Tokenize(source), small_vectors()), 2, drop_last=True
    ),
    "offsets": lambda of, source: of.BatchTokens(
        of.Numericalize(of.BuildVocab(of.Tokenize(source))), 3, layout="offsets"
    ),
}
KINDS: dict[str, list[Any]] = {
    "str": TEXTS,
    "tuple": ROWS,
    "named tuple": [Pair(*row) for row in ROWS],
    "dict": [{"label": label, "text": text} for label, text in ROWS],
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", GRAPHS)
def test_pipes_and_nodes_give_the_same_rows(name: str, kind: str) -> None:
    pipes, from_nodes = by_pipes(GRAPHS[name], KINDS[kind]), by_nodes(GRAPHS[name], KINDS[kind])
    assert same(pipes, from_nodes)
    assert len(pipes) > 0


def test_what_each_stage_does_to_a_row() -> None:
    tokens = by_pipes(GRAPHS["tokenize"], ROWS)
    assert tokens[0] == (0, ["the", "cat", "sat"])
    assert by_pipes(GRAPHS["build_vocab"], ROWS) == tokens
    graph = IterableWrapper(ROWS).tokenize().build_vocab(min_freq=2)
    # the: 4, cat: 3, dog: 4 (dog dog dog + 1), sat: 2
    assert graph.vocab.get_itos() == ["<pad>", "<unk>", "dog", "the", "cat", "sat"]
    assert list(graph.numericalize())[1] == (1, [3, 2, 5, 1])
    looked_up = by_pipes(GRAPHS["lookup_vectors"], ROWS)
    assert looked_up[2][1].tolist() == [[0, 0], [3, 4]]
    assert looked_up[4][1].shape == (0, 2)
    labels, _, lengths = by_pipes(GRAPHS["batch_tokens"], ROWS)[-1]
    assert (labels.tolist(), lengths.tolist()) == ([0], [1])
    padded = by_pipes(GRAPHS["batch_tokens"], ROWS)[1][1]
    assert padded[1].tolist() == [1] * padded.shape[1]  # an empty text, filled up with the index of <pad>


@pytest.mark.parametrize("column", [1, -1, None])
def test_columns_by_position(column: int | None) -> None:
    found = list(
        IterableWrapper(ROWS).tokenize(column=column).build_vocab(column=column).numericalize(column=column)
    )
    assert [row[0] for row in found] == [row[0] for row in ROWS]
    named = list(
        IterableWrapper([{"a": text} for text in TEXTS]).tokenize(column="a").build_vocab(column="a")
    )
    assert named[0] == {"a": ["the", "cat", "sat"]}
    assert type(next(iter(IterableWrapper([Pair(0, "x")]).tokenize()))) is Pair


# One vocabulary, counted once


def test_the_corpus_is_read_once_to_fit_and_once_to_train(tmp_path: Path) -> None:
    source = Logged(ROWS, tmp_path / "log")
    fitted = source.tokenize().build_vocab()
    assert (fitted.passes, source.passes()) == (0, 0)
    rows = list(fitted.numericalize())
    assert (fitted.passes, source.passes(), len(rows)) == (1, 2, len(ROWS))
    _ = fitted.vocab
    assert (fitted.passes, source.passes()) == (1, 2)


def test_threads_that_come_at_once_share_one_pass(tmp_path: Path) -> None:
    source = Logged(ROWS * 500, tmp_path / "log")
    fitted = source.tokenize().build_vocab()
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(fitted.vocab)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert source.passes() == 1
    assert len({id(vocab) for vocab in found}) == 1


def train_graph(source: Any) -> tuple[Any, Any]:
    fitted = source.tokenize().build_vocab().align_vectors(small_vectors())
    return fitted, fitted.shuffle().sharding_filter().numericalize().batch_tokens(4)


MANY = [(i, f"{TEXTS[i % 7]} w{i % 50}") for i in range(200)]


def batches(tmp_path: Path, workers: int, how: str | None, fit_first: bool, epochs: int = 1) -> list[Any]:
    source = Logged(MANY, tmp_path / f"log-{workers}-{how}-{fit_first}")
    fitted, train = train_graph(source)
    if fit_first:
        assert len(fitted.alignment.matrix) == len(fitted.vocab)
    torch.manual_seed(7)
    loader = DataLoader(
        train,
        batch_size=None,
        num_workers=workers,
        multiprocessing_context=how,
        persistent_workers=workers > 0 and epochs > 1,
    )
    found = [batch for _ in range(epochs) for batch in loader]
    # one to fit, in the parent, and one a worker and epoch to train
    assert source.passes() == 1 + max(workers, 1) * epochs
    assert len(fitted.alignment.matrix) == len(fitted.vocab)
    return found


@pytest.mark.parametrize("workers", [0, 2])
def test_an_unfitted_graph_gives_the_batches_of_a_fitted_one(tmp_path: Path, workers: int) -> None:
    how = "fork" if workers else None
    fitted = batches(tmp_path, workers, how, fit_first=True, epochs=2)
    unfitted = batches(tmp_path, workers, how, fit_first=False, epochs=2)
    assert same(fitted, unfitted)
    seen = Counter(int(label) for labels, _, _ in fitted for label in labels)
    assert seen == Counter(dict.fromkeys(range(len(MANY)), 2))  # each row once an epoch
    half = len(fitted) // 2
    assert not same(fitted[:half], fitted[half:])  # each epoch has an order of its own


@pytest.mark.parametrize("fit_first", [True, False])
def test_spawned_workers_give_the_batches_of_forked_ones(tmp_path: Path, fit_first: bool) -> None:
    forked = batches(tmp_path, 2, "fork", fit_first)
    assert same(forked, batches(tmp_path, 2, "spawn", fit_first))


def test_batches_that_are_sharded_whole_do_not_depend_on_the_number_of_workers() -> None:
    graph = IterableWrapper(MANY).tokenize().build_vocab().numericalize().batch_tokens(4).sharding_filter()
    alone = list(DataLoader(graph, batch_size=None))
    assert same(
        alone, list(DataLoader(graph, batch_size=None, num_workers=2, multiprocessing_context="fork"))
    )


def test_a_stateful_data_loader_runs_the_graph() -> None:
    from torchdata.stateful_dataloader import StatefulDataLoader

    graph = IterableWrapper(MANY).tokenize().build_vocab().sharding_filter().numericalize().batch_tokens(4)
    expected = list(DataLoader(graph, batch_size=None))
    assert same(expected, list(StatefulDataLoader(graph, batch_size=None)))


def test_a_shard_is_never_taken_for_the_corpus() -> None:
    before = IterableWrapper(MANY).sharding_filter().tokenize().build_vocab().numericalize()
    whole = IterableWrapper(MANY).tokenize().build_vocab().vocab.get_itos()
    loader = DataLoader(before, batch_size=None, num_workers=2, multiprocessing_context="fork")
    rows = list(loader)  # the loader fits in the parent, where nothing is sharded yet
    assert sorted(row[0] for row in rows) == list(range(len(MANY)))
    built = next(pipe for pipe in _pipes(before) if isinstance(pipe, BuildVocab))
    assert built.vocab.get_itos() == whole

    sharded = IterableWrapper(MANY).sharding_filter()
    sharded.apply_sharding(2, 0)
    with pytest.raises(GraphError, match="count its own shard"):
        _ = sharded.tokenize().build_vocab().vocab


def _pipes(pipe: Any) -> list[Any]:
    found: list[Any] = []

    def walk(graph: Any) -> None:
        for one, below in graph.values():
            found.append(one)
            walk(below)

    walk(traverse_dps(pipe))
    return found


def test_a_shuffler_before_the_fit_keeps_its_seed_for_training() -> None:
    def order(fit_first: bool) -> list[int]:
        graph = IterableWrapper(MANY).shuffle().tokenize().build_vocab()
        if fit_first:
            _ = graph.vocab
        torch.manual_seed(3)
        return [row[0] for row in DataLoader(graph, batch_size=None)]

    assert order(fit_first=True) == order(fit_first=False) != list(range(len(MANY)))


def test_a_validation_graph_names_the_training_graph_and_does_not_draw_it_in() -> None:
    fitted = IterableWrapper(MANY).tokenize().build_vocab().align_vectors(small_vectors())
    for named in (fitted, fitted.vocab):
        valid = IterableWrapper([(0, "the unseen cat")]).tokenize().numericalize(vocab=named)
        assert list(valid) == [(0, [fitted.vocab[token] for token in ("the", "<unk>", "cat")])]
        assert not any(isinstance(pipe, (BuildVocab, AlignVectors)) for pipe in _pipes(valid))
    node = nodes.Numericalize(nodes.Tokenize(NodeWrapper([(0, "cat")])), vocab=fitted)
    assert list(Loader(node)) == [(0, [fitted.vocab["cat"]])]


# What travels


def test_a_graph_is_traversed_without_its_vocabulary_and_pickled_by_path(own_cache: Path) -> None:
    words = [" ".join(f"word{i}" for i in range(start, start + 100)) for start in range(0, 50_000, 100)]
    fitted = IterableWrapper(words, deepcopy=False).tokenize().build_vocab().align_vectors(tv.GloVe("sample"))
    graph = fitted.numericalize()
    assert len(fitted.vocab) == 50_002
    source = len(pickle.dumps(words))
    assert len(pickle.dumps(graph)) < source + 5_000
    assert len(list((own_cache / "vocabularies").iterdir())) == 1
    arrived = pickle.loads(pickle.dumps(graph))
    assert arrived.vocab.get_itos() == fitted.vocab.get_itos()
    assert arrived.vocab["word777"] == fitted.vocab["word777"]
    assert arrived.vocab["nowhere"] == 1
    # torch pickles what it finds at each traversal, collections among it: the stages have none that is large
    state: list[int] = []
    IterDataPipe.set_getstate_hook(lambda held: _counting(held, state))
    try:
        pickle.dumps(Numericalize(fitted))
    finally:
        IterDataPipe.set_getstate_hook(None)
    assert max(state) < source + 1_000


def _counting(held: Any, state: list[int]) -> Any:
    from collections.abc import Collection

    kept = {key: value for key, value in held.items() if isinstance(value, (IterDataPipe, Collection))}
    state.append(sum(len(pickle.dumps(v)) for v in kept.values() if not isinstance(v, IterDataPipe)))
    return kept


def test_without_a_cache_to_write_to_the_vocabulary_travels_by_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("TORCHVECTORS_HOME", str(tmp_path / "file"))
    graph = IterableWrapper(ROWS).tokenize().build_vocab()
    assert pickle.loads(pickle.dumps(graph)).vocab.get_itos() == graph.vocab.get_itos()


def test_the_vocabulary_does_not_depend_on_pythons_hash_seed() -> None:
    program = (
        "from torch.utils.data.datapipes.iter import IterableWrapper; import torchvectors;"
        "print(IterableWrapper(['b a c', 'c b', 'e d']).tokenize().build_vocab().vocab.get_itos())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert found == {"['<pad>', '<unk>', 'b', 'c', 'a', 'd', 'e']\n"}


# The matrix


@pytest.mark.parametrize("kind", ["pipe", "node"])
def test_every_row_of_the_matrix_belongs_to_its_token(kind: str) -> None:
    vectors = small_vectors()
    if kind == "pipe":
        fitted: Any = IterableWrapper(ROWS).tokenize().build_vocab().align_vectors(vectors, unk_init="zeros")
    else:
        built = nodes.BuildVocab(nodes.Tokenize(NodeWrapper(ROWS)))
        fitted = nodes.AlignVectors(built, vectors, unk_init="zeros")
    for index, token in enumerate(fitted.vocab.get_itos()):
        assert torch.equal(fitted.alignment.matrix[index], vectors[token]), token
    coverage = fitted.alignment.coverage
    words = Counter(" ".join(TEXTS).split())
    assert coverage.of_text == pytest.approx(sum(words[t] for t in vectors) / sum(words.values()))
    layer = fitted.embedding(freeze=False)
    assert (layer.padding_idx, layer.weight.requires_grad) == (0, True)
    assert torch.equal(fitted.embedding_bag().weight, fitted.alignment.matrix)


# nodes' own contract


def test_a_loader_of_nodes_resumes_in_the_middle_of_an_epoch() -> None:
    def graph() -> Loader[Any]:
        tokens = nodes.Tokenize(NodeWrapper(MANY))
        return Loader(nodes.BatchTokens(nodes.Numericalize(nodes.BuildVocab(tokens)), 16))

    whole = list(graph())
    assert len(whole) == 13
    for k in (0, 1, 7, 12):
        loader = graph()
        rows = iter(loader)
        for _ in range(k):
            next(rows)
        state = pickle.loads(pickle.dumps(loader.state_dict()))
        assert len(pickle.dumps(state)) < 1_000
        resumed = graph()
        resumed.load_state_dict(state)
        assert same(list(resumed), whole[k:])
        assert same(list(resumed), whole)  # and the epoch after it is whole


def test_nodes_fit_once_over_two_epochs() -> None:
    built = nodes.BuildVocab(nodes.Tokenize(NodeWrapper(ROWS)))
    loader = Loader(nodes.Numericalize(built))
    first, second = list(loader), list(loader)
    assert first == second
    assert (built.passes, len(first)) == (1, len(ROWS))


# Errors, where they happen


def first(pipe: Any) -> Any:
    return next(iter(pipe))


def pipe_of(*rows: Any) -> Any:
    return IterableWrapper(list(rows))


@pytest.mark.parametrize(
    ("broken", "kind", "message"),
    [
        (
            lambda: first(pipe_of().tokenize().build_vocab()),
            GraphError,
            "build_vocab: the corpus has no rows",
        ),
        (
            lambda: first(pipe_of((1,)).tokenize()),
            GraphError,
            r"tokenize: this row has no column the default one.*\(1,\)",
        ),
        (lambda: first(pipe_of({"a": "b"}).tokenize()), GraphError, r"it has 'a'.*Name the text's column"),
        (lambda: first(pipe_of("a").tokenize(column=3)), GraphError, "no column 3"),
        (
            lambda: first(pipe_of((1, 2)).tokenize()),
            GraphError,
            "tokenize: the text of a row must be a str.* 2",
        ),
        (lambda: first(pipe_of("a").tokenize(str.upper)), GraphError, "returned one str, 'A'"),
        (lambda: pipe_of("a").tokenize("klingon"), ValueError, "Requested tokenizer 'klingon'"),
        (
            lambda: first(pipe_of("a b").build_vocab()),
            GraphError,
            r"build_vocab: .*'a b'.*tokenize\(\) before",
        ),
        (lambda: first(pipe_of(["a", 1]).build_vocab()), TokenTypeError, "a token is a str, not 1"),
        (
            lambda: pipe_of("a").tokenize().numericalize(),
            GraphError,
            "numericalize: no stage before it has a voc",
        ),
        (
            lambda: pipe_of("a").align_vectors(small_vectors()),
            GraphError,
            "align_vectors: no stage before it",
        ),
        (lambda: pipe_of("a").batch_tokens(0), GraphError, "batch_size=0"),
        (lambda: first(pipe_of(["b"]).numericalize(tv.Vocab(["a"]))), VocabError, "Token b not found"),
        (lambda: pipe_of("a").build_vocab(specials=("<unk>", "<unk>")), VocabError, "<unk>"),
        (lambda: nodes.Numericalize(NodeWrapper([])), GraphError, "Numericalize: no stage before it"),
        (
            lambda: nodes.AlignVectors(NodeWrapper([]), small_vectors()),
            GraphError,
            "AlignVectors: no stage before",
        ),
        (lambda: nodes.BatchTokens(NodeWrapper([]), 0), GraphError, "batch_size=0"),
    ],
)
def test_what_cannot_be_done_says_which_stage_which_row_and_what_to_do(
    broken: Callable[[], object], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        broken()


class OneShot(IterDataPipe[Any]):
    def __init__(self) -> None:
        self.rows = iter(["a b", "c"])

    def __iter__(self) -> Iterator[Any]:
        yield from self.rows


def test_a_source_that_can_be_read_once_only_is_found_out() -> None:
    with pytest.raises(GraphError, match="gave 2 rows when they were counted, and now none"):
        list(OneShot().tokenize().build_vocab().numericalize())


def test_an_error_keeps_its_type_out_of_a_worker() -> None:
    graph = pipe_of(*[(0, "fine")] * 3, (1, 5)).tokenize()
    with pytest.raises(GraphError, match=r"must be a str, and this is 5"):
        list(DataLoader(graph, batch_size=None, num_workers=1, multiprocessing_context="fork"))


def test_a_form_of_the_same_name_is_reported_and_not_overwritten() -> None:
    # In a process of its own: a reload gives the classes of this one new identities.
    program = """
import importlib
from torch.utils.data import IterDataPipe
from torchvectors.datapipes import forms
importlib.reload(forms)  # our own may be registered again

class Theirs(IterDataPipe): ...

del IterDataPipe.functions["tokenize"]
IterDataPipe.register_datapipe_as_function("tokenize", Theirs)
try:
    importlib.reload(forms)
except ImportError as error:
    print(error)
assert IterDataPipe.functions["tokenize"].args[0] is Theirs
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "already registered as .tokenize(); use the class Tokenize instead" in done.stdout
