"""Pipes inside torch's loaders: workers, start methods, seeds, shards, and what a traversal of the graph costs."""

from __future__ import annotations

import gc
import importlib
import io
import itertools
import os
import pickle
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torch.utils.data.graph
from corpora import LABELLED, TEXTS, Logged, Many, passes, plain, vectors
from torch.utils.data import DataLoader, IterDataPipe
from torch.utils.data.datapipes.iter import IterableWrapper
from torch.utils.data.datapipes.map import SequenceWrapper
from torch.utils.data.graph import traverse_dps
from torch.utils.data.graph_settings import apply_sharding, get_all_graph_pipes
from torchdata.stateful_dataloader import StatefulDataLoader

import torchvectors.datapipes.per_row
from torchvectors import GloVe, Vocab, datapipes
from torchvectors.datapipes import BatchTokens, BuildVocab, LookupVectors, Numericalize, Tokenize
from torchvectors.datapipes.graph import rows_of
from torchvectors.errors import GraphError, TokenTypeError

pytestmark = [
    # Python 3.12 and later say so whenever torch has threads of its own.
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning"),
    pytest.mark.filterwarnings(
        "ignore:'set_vital' is deprecated:UserWarning"
    ),  # torchdata 0.11 on torch 2.13
]

Batches = list[Any]


def training_graph(source: Any) -> tuple[Any, Any]:
    """Return a whole graph, and its stage that aligns."""
    aligned = source.tokenize().build_vocab().align_vectors(vectors())
    return aligned.shuffle().sharding_filter().numericalize().batch_tokens(4), aligned


def epochs(loader: Any, count: int = 2) -> list[Batches]:
    """Run through a loader, each time from a seed of its own."""
    done = []
    for number in range(count):
        torch.manual_seed(number)
        done.append([plain(batch) for batch in loader])
    return done


def loader_of(graph: Any, way: str, kind: Any = DataLoader) -> Any:
    """Return a loader over a graph: ``way`` is a number of workers, how they start, and whether they stay."""
    workers, _, start = way.partition(" ")
    start, _, stay = start.partition(" ")
    return kind(
        graph,
        batch_size=None,
        num_workers=int(workers),
        multiprocessing_context=start or None,
        persistent_workers=bool(stay),
    )


def drain(loader: Any) -> Batches:
    """Run through a loader that is expected to fail, and stop its workers."""
    iterator = iter(loader)
    try:
        return list(iterator)
    finally:
        iterator._shutdown_workers()  # or torch may wait for them for five seconds, in some later test


def rows_in(batches: Batches) -> Counter[tuple[int, tuple[int, ...]]]:
    """Return the rows that plain padded batches of labelled rows are made of."""
    rows: Counter[tuple[int, tuple[int, ...]]] = Counter()
    for (_, _, labels), (_, _, ids), (_, _, lengths) in batches:
        rows.update((label, tuple(row[:n])) for label, row, n in zip(labels, ids, lengths, strict=True))
    return rows


def rows_by_hand(vocab: Vocab) -> Counter[tuple[int, tuple[int, ...]]]:
    return Counter((label, tuple(vocab(text.split()))) for label, text in LABELLED)


# Every way to run a graph.


def check_ways(ways: list[tuple[str, Any, bool]], tmp_path: Path) -> None:
    """See that all of these ways give equal batches, all rows once, and count the corpus once."""
    found = []
    for number, (way, kind, read_first) in enumerate(ways):
        log = tmp_path / f"log {number}"
        graph, aligned = training_graph(Logged(LABELLED, log))
        if read_first:
            assert len(aligned.alignment.matrix) == len(aligned.vocab)
        done = epochs(loader_of(graph, way, kind))
        found.append(done)
        for batches in done:
            assert rows_in(batches) == rows_by_hand(aligned.vocab)
        readers = Counter(passes(log))
        if way == "0":
            assert readers == {os.getpid(): 3}  # one that counts, and two epochs
        else:
            assert readers[os.getpid()] == 1
            workers = [count for process, count in readers.items() if process != os.getpid()]
            assert workers == ([2, 2] if way.endswith("stay") else [1, 1, 1, 1])
        assert aligned.source_datapipe.passes == 1
    assert all(done == found[0] for done in found)
    assert found[0][0] != found[0][1]  # they are shuffled anew


def test_equal_seeds_give_equal_batches_in_one_process(tmp_path: Path) -> None:
    check_ways(list(itertools.product(["0"], [DataLoader, StatefulDataLoader], [True, False])), tmp_path)


def test_equal_seeds_give_equal_batches_in_workers(tmp_path: Path) -> None:
    ways = [
        ("2 fork", DataLoader, False),
        ("2 fork", DataLoader, True),
        ("2 fork stay", DataLoader, False),
        ("2 fork", StatefulDataLoader, False),
        ("2 spawn stay", DataLoader, False),
    ]
    check_ways(ways, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_equal_seeds_give_equal_batches_in_workers_of_every_kind(tmp_path: Path) -> None:
    ways = [
        ("2 fork", StatefulDataLoader, True),
        ("2 fork stay", StatefulDataLoader, True),
        ("2 spawn", DataLoader, True),
        ("2 spawn", StatefulDataLoader, False),
        ("2 spawn stay", StatefulDataLoader, True),
        ("2 forkserver", DataLoader, False),
        ("2 forkserver stay", DataLoader, True),
    ]
    check_ways(ways, tmp_path)


def test_batches_that_are_dealt_out_whole_are_the_same_for_any_number_of_workers() -> None:
    graph = (
        IterableWrapper(LABELLED).tokenize().build_vocab().numericalize().batch_tokens(4).sharding_filter()
    )
    alone = [plain(batch) for batch in loader_of(graph, "0")]
    assert [plain(batch) for batch in loader_of(graph, "2 fork")] == alone


@pytest.mark.parametrize("layout", ["padded", "offsets", "jagged"])
def test_every_layout_comes_out_of_a_worker(layout: str) -> None:
    graph = IterableWrapper(LABELLED).tokenize().build_vocab().numericalize().batch_tokens(4, layout=layout)
    expected = [plain(batch) for batch in graph]
    assert [plain(batch) for batch in loader_of(graph, "1 fork")] == expected


def test_workers_look_vectors_up() -> None:
    graph = IterableWrapper(LABELLED).tokenize().sharding_filter().lookup_vectors(vectors()).batch_tokens(5)
    batches = list(loader_of(graph, "2 fork"))
    rows = {(int(y), tuple(map(tuple, x[:n].tolist()))) for b in batches for y, x, n in zip(*b, strict=True)}
    known = vectors()
    assert rows == {
        (y, tuple(map(tuple, known.get_vecs_by_tokens(text.split()).tolist()))) for y, text in LABELLED
    }


def test_a_validation_loader_fits_the_training_graph_that_it_names(tmp_path: Path) -> None:
    log = tmp_path / "log"
    _, aligned = training_graph(Logged(LABELLED, log))
    questions = IterableWrapper(["the cat", "a dog"]).tokenize().sharding_filter().numericalize(vocab=aligned)
    rows = list(loader_of(questions, "2 fork"))
    assert passes(log) == [os.getpid()]
    assert rows == [aligned.vocab(["the", "cat"]), aligned.vocab(["a", "dog"])]


# Errors keep their type on the way out of a worker.


class Changing(IterDataPipe[Any]):
    """Other rows at each pass."""

    def __init__(self, contents: list[list[Any]]) -> None:
        self.contents = contents

    def __iter__(self) -> Iterator[Any]:
        yield from self.contents.pop(0)


IN_WORKERS: list[tuple[Any, type[Exception], str]] = [
    (
        lambda: BuildVocab(Changing([[["a"]], []])),
        GraphError,
        "build_vocab: its source gave 1 rows .* now none",
    ),
    (
        lambda: Tokenize(IterableWrapper([3])),
        GraphError,
        "tokenize: the text of a row must be a str, and this is 3",
    ),
    (
        lambda: Numericalize(IterableWrapper([["a", 3]]), vocab=Vocab(["a"])),
        TokenTypeError,
        r"numericalize: tokens\[1\] is 3",
    ),
    (
        lambda: BatchTokens(IterableWrapper([[1], (0, [1])]), 2),
        GraphError,
        "batch_tokens: the rows of one batch are not of one form",
    ),
]


@pytest.mark.parametrize(("make", "kind", "says"), IN_WORKERS, ids=[one[2][:12] for one in IN_WORKERS])
def test_an_error_in_a_worker_is_of_the_same_type(make: Any, kind: type[Exception], says: str) -> None:
    with pytest.raises(kind, match=f"(?s)Caught {kind.__name__} in DataLoader worker.*{says}"):
        drain(loader_of(make(), "1 fork"))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # torch's half-made loader
@pytest.mark.parametrize("way", ["0", "2 fork"])
def test_a_corpus_that_cannot_be_counted_is_an_error_before_workers_start(way: str) -> None:
    graph, _ = training_graph(IterableWrapper([]))
    with pytest.raises(GraphError, match=r"^build_vocab: the corpus has no rows"):
        iter(loader_of(graph, way))
    gc.collect()


# Shards.


def test_a_shard_before_the_fit_is_no_harm_where_the_loader_sees_the_graph(tmp_path: Path) -> None:
    log = tmp_path / "log"
    fitted = Logged(LABELLED, log).sharding_filter().tokenize().build_vocab()
    graph = fitted.numericalize().batch_tokens(4)
    batches = [plain(batch) for batch in loader_of(graph, "2 fork")]
    whole = IterableWrapper(TEXTS).tokenize().build_vocab().vocab
    assert fitted.vocab.get_itos() == whole.get_itos()
    assert rows_in(batches) == rows_by_hand(whole)
    assert passes(log).count(os.getpid()) == 1


@pytest.mark.parametrize("ask", ["read", "iterate", "pickle"])
def test_a_shard_is_never_counted_for_the_whole(ask: str) -> None:
    whole = IterableWrapper(TEXTS).tokenize().build_vocab().vocab
    shard = IterableWrapper(LABELLED).sharding_filter()
    fitted = shard.tokenize().build_vocab()
    graph = apply_sharding(fitted.numericalize(), 2, 1)
    if ask == "iterate":
        assert len(list(graph)) == 11
    elif ask == "pickle":
        assert len(pickle.loads(pickle.dumps(graph)).vocab) == len(whole)
    assert fitted.vocab.get_itos() == whole.get_itos()
    assert (shard.num_of_instances, shard.instance_id) == (2, 1)  # it was the whole for one pass


class Dealing(IterDataPipe[Any]):
    """A user's own pipe that deals out shards."""

    def __init__(self, source: Any) -> None:
        self.source, self.num_of_instances = source, 1

    def apply_sharding(self, num_of_instances: int, instance_id: int) -> None:
        self.num_of_instances, self.instance_id = num_of_instances, instance_id

    def __iter__(self) -> Iterator[Any]:
        yield from self.source


def test_a_shard_of_an_unknown_kind_is_refused() -> None:
    fitted = Dealing(IterableWrapper(LABELLED)).tokenize().build_vocab()
    apply_sharding(fitted, 2, 0)
    with pytest.raises(GraphError, match=r"^build_vocab: Dealing would give .*own shard.* Move it behind"):
        _ = fitted.vocab


def test_a_shard_of_what_was_fitted_before_is_fine() -> None:
    fitted = IterableWrapper(LABELLED).sharding_filter().tokenize().build_vocab()
    whole = fitted.vocab
    assert len(whole) > 2
    halves = []
    for shard in range(2):
        copy = pickle.loads(pickle.dumps(fitted))
        halves.append(list(apply_sharding(copy.numericalize(), 2, shard)))
    assert [len(half) for half in halves] == [12, 11]
    many = apply_sharding(pickle.loads(pickle.dumps(fitted)), 100, 99)
    assert list(many) == []  # an empty shard is no error


# Shuffling.


def shuffled_graph(before: Any) -> tuple[Any, Any]:
    fitted = before.tokenize().build_vocab()
    return fitted.shuffle().numericalize().batch_tokens(4), fitted


@pytest.mark.parametrize("source", [IterableWrapper, SequenceWrapper])
def test_fitting_changes_no_order(source: Any) -> None:
    found = []
    for read_first, loaded in itertools.product([True, False], [True, False]):
        graph, fitted = shuffled_graph(source(LABELLED).shuffle())
        if read_first:
            assert len(fitted.vocab) > 2
        torch.manual_seed(5)
        run = loader_of(graph, "0") if loaded else graph
        found.append((loaded, [plain(batch) for batch in run]))
    for loaded in (True, False):
        unfitted, fitted = (batches for kind, batches in found if kind == loaded)
        assert unfitted == fitted


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("rows", [LABELLED, [*LABELLED, (0, "a", 1, 2)], [*LABELLED, (0, 3)]])
def test_a_corpus_own_shuffler_stays_as_it_is_even_if_counting_fails(rows: list[Any], enabled: bool) -> None:
    shuffler = IterableWrapper(rows).shuffle()
    shuffler.set_shuffle(enabled)
    fitted = BuildVocab(Broken(shuffler.tokenize()))
    failure: Exception | None = None
    try:
        _ = fitted.vocab
    except (GraphError, TokenTypeError) as error:
        failure = error  # which keeps all frames alive
    assert (failure is None) == (rows is LABELLED)
    assert shuffler._enabled is enabled


class Broken(IterDataPipe[Any]):
    """Puts a number among the tokens of a row with a third field."""

    def __init__(self, source: Any) -> None:
        self.source = source

    def __iter__(self) -> Iterator[Any]:
        for row in self.source:
            yield (row[0], [*row[1], 7]) if len(row) > 2 else row


def test_a_seed_that_was_given_before_the_fit_is_kept_for_the_pass_that_trains() -> None:
    orders = []
    for read_first in (True, False):
        shuffler = IterableWrapper([[token] for token in "abcdefghij"]).shuffle()
        fitted = shuffler.build_vocab()
        if read_first:
            assert len(fitted.vocab) == 12
        shuffler.set_seed(7)
        orders.append(list(fitted))
    assert orders[0] == orders[1] != sorted(orders[0])


# What a traversal of the graph, and its pickle, cost.


def traversed(graph: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[int, list[Any]]:
    """Return how many bytes torch pickles to look for the pipes of a graph, and the pipes that it finds."""
    written: list[io.BytesIO] = []

    def open_buffer() -> io.BytesIO:
        written.append(io.BytesIO())
        return written[-1]

    with monkeypatch.context() as patch:
        patch.setattr(torch.utils.data.graph, "io", SimpleNamespace(BytesIO=open_buffer))
        pipes = get_all_graph_pipes(traverse_dps(graph))
    return sum(len(one.getvalue()) for one in written), pipes


def test_a_large_vocabulary_is_left_out_of_traversals_and_travels_by_path(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted = BuildVocab(Many(200_000, tmp_path / "log"))
    aligned = fitted.align_vectors(GloVe("sample"))
    graph = aligned.shuffle().sharding_filter().numericalize().batch_tokens(4)
    before, pipes = traversed(graph, monkeypatch)
    assert fitted.passes == 0  # looking at a graph does not fit it
    assert len(fitted.vocab) == 200_002
    assert aligned.alignment.matrix.shape == (200_002, 50)
    after, same = traversed(graph, monkeypatch)
    assert [id(pipe) for pipe in same] == [id(pipe) for pipe in pipes]
    assert {type(pipe).__name__ for pipe in pipes} >= {"Many", "BuildVocab", "AlignVectors", "BatchTokens"}
    assert after - before < 100
    assert len(pickle.dumps(graph)) < 10_000
    assert len(list((own_cache / "vocabularies").iterdir())) == 1


def test_vectors_are_left_out_of_traversals(monkeypatch: pytest.MonkeyPatch) -> None:
    large, small = vectors(100_000), vectors(1)
    sizes = [
        traversed(LookupVectors(IterableWrapper([["the"]]), one), monkeypatch)[0] for one in (large, small)
    ]
    assert sizes[0] == sizes[1] < 10_000


def test_a_validation_graph_does_not_draw_the_training_graph_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, aligned = training_graph(Logged(LABELLED, tmp_path / "log"))
    names = []
    for named in (aligned, aligned.source_datapipe, aligned.vocab):
        questions = IterableWrapper(TEXTS).tokenize().numericalize(vocab=named).batch_tokens(4)
        names.append([type(pipe).__name__ for pipe in traversed(questions, monkeypatch)[1]])
    expected = {"BatchTokens", "Numericalize", "Tokenize", "IterableWrapperIterDataPipe"}
    assert [set(found) for found in names] == [expected] * 3


def test_a_lambda_for_a_tokenizer_is_no_harm_but_under_spawn() -> None:
    tokens = IterableWrapper(TEXTS).tokenize(lambda text: text.split("a"))
    fitted = tokens.build_vocab()
    assert len(list(loader_of(fitted.sharding_filter().numericalize(), "2 fork"))) == len(TEXTS)


# Forms.


def test_each_form_makes_its_class() -> None:
    words = IterableWrapper(["the cat"]).tokenize(None)
    made = {
        "tokenize": words,
        "build_vocab": (fitted := words.build_vocab(min_freq=1)),
        "use_vocab": words.use_vocab(Vocab(["the"])),
        "align_vectors": fitted.align_vectors(vectors(), lower_case_backup=True),
        "numericalize": (ids := fitted.numericalize()),
        "lookup_vectors": words.lookup_vectors(vectors()),
        "batch_tokens": ids.batch_tokens(batch_size=2, layout="offsets"),
    }
    for name, pipe in made.items():
        assert type(pipe).__name__ == name.title().replace("_", "")
        assert type(pipe) is getattr(datapipes, type(pipe).__name__)
        assert IterDataPipe.functions[name].__doc__ == type(pipe).__doc__


def test_stages_know_their_length() -> None:
    ids = IterableWrapper(TEXTS).tokenize().build_vocab().align_vectors(vectors()).numericalize()
    assert len(ids) == len(TEXTS) == 23
    assert len(ids.batch_tokens(4)) == 6
    assert len(ids.batch_tokens(4, drop_last=True)) == 5
    assert len(ids.batch_tokens(23)) == 1
    assert len(IterableWrapper(TEXTS).tokenize().lookup_vectors(vectors())) == 23


def test_dir_names_what_must_be_computed_once_it_is() -> None:
    # Torch reads all of it when a pipe raises, or under its profiler.
    fitted = IterableWrapper([["the"]]).build_vocab()
    aligned = fitted.align_vectors(vectors())
    assert "vocab" not in dir(fitted)
    assert {"vocab", "alignment"}.isdisjoint(dir(aligned))
    assert {"passes", "numericalize"} <= set(dir(fitted))
    assert len(aligned.alignment.matrix) == 3
    assert {"vocab", "alignment"} <= set(dir(aligned))
    assert "vocab" in dir(IterableWrapper([["the"]]).numericalize(vocab=Vocab([])))


def test_the_profiler_does_not_look_vectors_up() -> None:
    aligned = IterableWrapper([["the"]]).build_vocab().align_vectors(vectors())
    with torch.autograd.profiler.profile():
        assert list(aligned.numericalize()) == [[2]]
    assert not aligned._aligned.found


@pytest.fixture
def registry() -> Iterator[dict[str, Any]]:
    before = dict(IterDataPipe.functions)
    yield IterDataPipe.functions
    IterDataPipe.functions.clear()
    IterDataPipe.functions.update(before)


def test_the_module_can_be_loaded_again(registry: dict[str, Any]) -> None:
    classes = dict(vars(torchvectors.datapipes.per_row))
    try:
        again = importlib.reload(torchvectors.datapipes.per_row)
        pipe = IterableWrapper(["a b"]).tokenize()
        assert type(pipe) is again.Tokenize
        assert list(pipe.build_vocab().numericalize()) == [[2, 3]]
    finally:
        vars(torchvectors.datapipes.per_row).update(classes)


@pytest.mark.parametrize("foreign", ["class", "function"])
def test_another_packages_form_of_the_same_name_stays_and_is_reported(
    registry: dict[str, Any], foreign: str
) -> None:
    del registry["tokenize"]
    if foreign == "class":
        IterDataPipe.register_datapipe_as_function("tokenize", Changing)
    else:
        IterDataPipe.register_function("tokenize", len)
    theirs = registry["tokenize"]
    classes = dict(vars(torchvectors.datapipes.per_row))
    try:
        with pytest.warns(UserWarning, match=r"\.tokenize\(\) .*write torchvectors.datapipes.Tokenize\(pipe"):
            again = importlib.reload(torchvectors.datapipes.per_row)
        assert registry["tokenize"] is theirs
        assert list(again.Tokenize(IterableWrapper(["a b"]))) == [["a", "b"]]
    finally:
        vars(torchvectors.datapipes.per_row).update(classes)


# ---------------------------------------------------------------------------------------------------------------------
# Torch's wrapper around each pipe's iterator, which stages of ours in a line go without
# ---------------------------------------------------------------------------------------------------------------------


def refuse_fish(text: str) -> list[str]:
    if "fish" in text:
        raise KeyError(7)
    return text.split()


def test_an_error_of_the_users_names_the_stage_that_it_comes_from() -> None:
    rows = IterableWrapper(["a cat", "a fish"]).tokenize(refuse_fish)
    graph = rows.use_vocab(Vocab(["<pad>", "a", "cat"])).numericalize().batch_tokens(1)
    with pytest.raises(
        KeyError, match=r"7.*thrown by __iter__ of Tokenize\(.*refuse_fish.*< IterableWrapper"
    ) as caught:
        list(graph)
    assert str(caught.value).count("thrown by") == 1


def test_a_second_iterator_over_a_stage_ends_the_first_wherever_that_is_read() -> None:
    tokens = IterableWrapper(["a", "b", "c"]).tokenize()
    graph = tokens.build_vocab(specials=()).numericalize()
    whole = iter(graph)
    assert next(whole) == [0]
    assert next(iter(tokens)) == ["a"]
    with pytest.raises(RuntimeError, match="single iterator per IterDataPipe"):
        next(whole)
    first = iter(graph)
    assert next(first) == [0]
    assert next(iter(graph)) == [0]
    with pytest.raises(RuntimeError, match="single iterator per IterDataPipe"):
        next(first)


@pytest.mark.parametrize("sharded", [False, True])
def test_a_second_iterator_over_a_pipe_of_torchs_ends_the_first_too(sharded: bool) -> None:
    source: Any = IterableWrapper(["a", "b", "c"])
    source = source.sharding_filter() if sharded else source
    first, second = iter(source.tokenize()), iter(source.tokenize())
    assert next(first) == ["a"]
    assert next(second) == ["a"]
    with pytest.raises(RuntimeError, match=r"(?s)invalidated.*single iterator per IterDataPipe") as caught:
        next(first)
    assert "thrown by" not in str(caught.value)  # torch says it all, and once
    assert list(second) == [["b"], ["c"]]


def test_torchs_own_pipes_are_read_as_torch_reads_them() -> None:
    rows = [["a", ["b"]], ["c", ["d"]], ["e", ["f"]]]
    source = IterableWrapper(rows)
    plain = source.sharding_filter()
    plain.apply_sharding(2, 1)
    assert list(rows_of(plain)) == list(plain) == [["c", ["d"]]]
    assert list(rows_of(source)) == rows
    assert source._number_of_samples_yielded == 3
    assert next(rows_of(source))[1] is not rows[0][1]  # a copy, as the wrapper promises
    assert next(rows_of(IterableWrapper(rows, deepcopy=False))) is rows[0]
    with torch.autograd.profiler.profile():  # which wants to see each row: torch's own way, then
        assert list(rows_of(plain)) == [["c", ["d"]]]


class Louder(IterableWrapper[str]):
    """A pipe of the user's own that is torch's, and more."""

    def __iter__(self) -> Iterator[str]:
        for text in self.iterable:
            yield text.upper()


def test_a_subclass_of_torchs_pipe_gives_its_own_rows() -> None:
    assert list(rows_of(Louder(["a"]))) == ["A"]


def broken_rows() -> Iterator[str]:
    yield "a"
    raise OSError("the disk is gone")


def test_an_error_of_the_source_names_the_pipe_that_it_comes_from() -> None:
    graph = IterableWrapper(broken_rows(), deepcopy=False).sharding_filter().tokenize()
    with pytest.raises(
        OSError, match=r"the disk is gone\nThis exception is thrown by __iter__ of It"
    ) as caught:
        list(graph)
    assert str(caught.value).count("thrown by") == 1


class Twice(Tokenize):
    """A stage of the user's own, with rows of its own."""

    begun = 0

    def reset(self) -> None:
        self.begun += 1

    def __iter__(self) -> Iterator[Any]:
        for row in self.source_datapipe:
            yield from [row.split()] * 2


class Begun(Tokenize):
    """A stage that is told when a pass begins."""

    begun = 0

    def reset(self) -> None:
        self.begun += 1


def test_a_stage_of_the_users_own_keeps_its_iterator_and_its_reset() -> None:
    for stage, expected in (
        (Twice(IterableWrapper(["a", "b"])), [[0], [0], [1], [1]]),
        (Begun(IterableWrapper(["a", "b"])), [[0], [1]]),
    ):
        assert list(stage.use_vocab(Vocab(["a", "b"])).numericalize()) == expected
        assert stage.begun == 1


def test_pipes_that_share_a_source_are_still_told_from_others() -> None:
    left, right = IterableWrapper(["a", "b"]).fork(2)
    vocab = Vocab(["a", "b"])
    numbers, tokens = left.tokenize().numericalize(vocab), right.tokenize()
    for _ in range(2):
        assert list(zip(numbers, tokens, strict=True)) == [([0], ["a"]), ([1], ["b"])]
