"""Nodes inside torchdata's Loader: states in the middle of an epoch, samplers, threads."""

from __future__ import annotations

import copy
import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from corpora import LABELLED, Logged, passes, plain, vectors
from torch.utils.data import RandomSampler
from torch.utils.data.distributed import DistributedSampler
from torchdata.nodes import (
    BaseNode,
    IterableWrapper,
    Loader,
    Mapper,
    MapStyleWrapper,
    ParallelMapper,
    Prefetcher,
    SamplerWrapper,
)

import torchvectors.nodes.shards
from torchvectors import Vocab
from torchvectors.errors import GraphError, TokenTypeError
from torchvectors.nodes import (
    AlignVectors,
    BatchTokens,
    BuildVocab,
    LookupVectors,
    Numericalize,
    Rows,
    ShardRows,
    Tokenize,
)

ROWS: Any = LABELLED  # torch's types ask for a data set, and a list does as well


def training_graph(source: BaseNode[Any], **batching: Any) -> tuple[BaseNode[Any], AlignVectors]:
    """Return a whole graph, and its stage that aligns."""
    aligned = AlignVectors(BuildVocab(Tokenize(source)), vectors())
    return BatchTokens(Numericalize(aligned), 4, **batching), aligned


def run(graph: BaseNode[Any]) -> list[Any]:
    return [plain(batch) for batch in Loader(graph)]


# States, after the manner of torchdata's own tests: taken after k items, and loaded into a graph that is new.

GRAPHS: dict[str, Any] = {
    "padded": lambda source: training_graph(source)[0],
    "jagged": lambda source: training_graph(source, layout="jagged")[0],
    "drop_last": lambda source: training_graph(source, drop_last=True)[0],
    "rows": lambda source: Numericalize(BuildVocab(Tokenize(source))),
    "vectors": lambda source: BatchTokens(LookupVectors(Tokenize(source), vectors()), 5),
    "prefetched": lambda source: Prefetcher(training_graph(source)[0], 2),
    "prefetched below": lambda source: training_graph(Prefetcher(source, 3))[0],
    "mapped in threads": lambda source: BatchTokens(
        ParallelMapper(Numericalize(BuildVocab(Tokenize(source))), _swap, num_workers=2), 4, column=0
    ),
}


def _swap(row: tuple[int, list[int]]) -> tuple[list[int], int]:
    return row[1], row[0]


@pytest.mark.parametrize("name", GRAPHS)
def test_a_state_after_any_number_of_items_gives_exactly_the_tail(name: str) -> None:
    def loader() -> Loader[Any]:
        return Loader(GRAPHS[name](IterableWrapper(LABELLED)))

    expected = [plain(item) for item in loader()]
    # Each state is a graph to start; where threads make that slow, three places are enough.
    places = range(len(expected)) if name in ("padded", "drop_last") else (0, 1, len(expected) - 1)
    for place in places:
        first = loader()
        if place % 2:  # in the second epoch as well as in the first
            assert [plain(item) for item in first] == expected
        items = iter(first)
        for _ in range(place):
            next(items)
        state = pickle.dumps(first.state_dict())
        assert len(state) < 1_000  # a position, and no tokens
        assert [plain(item) for item in items] == expected[place:]  # taking it has moved nothing

        second = loader()
        second.load_state_dict(pickle.loads(state))
        assert [plain(item) for item in second] == expected[place:]
        assert [plain(item) for item in second] == expected  # and the epoch that follows is whole


def test_a_state_at_the_end_of_an_epoch_begins_the_next() -> None:
    first = Loader(training_graph(IterableWrapper(LABELLED))[0])
    expected = [plain(item) for item in first]
    second = Loader(training_graph(IterableWrapper(LABELLED))[0])
    second.load_state_dict(first.state_dict())
    assert [plain(item) for item in second] == expected


def test_a_resumed_graph_counts_nothing(tmp_path: Path) -> None:
    log = tmp_path / "log"
    first = Loader(training_graph(IterableWrapper(Logged(LABELLED, log)))[0])
    next(iter(first))
    assert len(passes(log)) == 2  # one that counts, one that was begun
    graph, aligned = training_graph(IterableWrapper(Logged(LABELLED, log)))
    second = Loader(graph)
    second.load_state_dict(first.state_dict())
    assert len(list(second)) == 5
    assert aligned.vocab.get_itos()[:3] == ["<pad>", "<unk>", "the"]
    assert passes(log) == [os.getpid()] * 3  # and the tail


# Samplers.


def test_fitting_does_not_count_as_an_epoch_of_a_sampler() -> None:
    def rows(vocab: Vocab | None, read_first: bool = False) -> list[Any]:
        sampler: Any = DistributedSampler(ROWS, num_replicas=1, rank=0, seed=3)
        tokens = Tokenize(MapStyleWrapper(ROWS, sampler))
        graph = Numericalize(BuildVocab(tokens) if vocab is None else tokens, vocab=vocab)
        if read_first:
            assert len(graph.vocab) > 2
        loader = Loader(graph)
        return [list(loader) for _ in range(2)]

    whole = BuildVocab(Tokenize(IterableWrapper(LABELLED))).vocab
    given = rows(whole)
    assert given[0] != given[1]
    assert rows(None) == rows(None, read_first=True) == given


def test_fitting_takes_no_random_numbers_from_a_sampler() -> None:
    def rows(read_first: bool) -> list[Any]:
        sampler: Any = RandomSampler(ROWS)
        graph = Numericalize(BuildVocab(Tokenize(MapStyleWrapper(ROWS, sampler))))
        if read_first:
            assert len(graph.vocab) > 2
        torch.manual_seed(5)
        return list(Loader(graph))

    assert rows(True) == rows(False) != sorted(rows(False))


SHARDS: list[Any] = [
    lambda sampler: MapStyleWrapper(ROWS, sampler),
    lambda sampler: Prefetcher(Mapper(SamplerWrapper(sampler), ROWS.__getitem__), 2),
]


@pytest.mark.parametrize("wrap", SHARDS)
def test_a_shard_is_never_counted_for_the_whole(wrap: Any) -> None:
    shard: Any = DistributedSampler(ROWS, num_replicas=2, rank=1)
    fitted = BuildVocab(Tokenize(wrap(shard)))
    with pytest.raises(
        GraphError, match=r"^build_vocab: this rank would count its own shard.*name it: Numericalize"
    ):
        _ = fitted.vocab
    named = Numericalize(Tokenize(wrap(shard)), vocab=BuildVocab(Tokenize(IterableWrapper(LABELLED))))
    assert len(list(Loader(named))) == 12


# Nodes of one's own.


class Bare(BaseNode[Any]):
    """A node that keeps no state, as one may write for a loop without checkpoints."""

    def reset(self, initial_state: dict[str, Any] | None = None) -> None:
        super().reset(initial_state)
        self.left = [["b", "a"], ["b"]]

    def next(self) -> Any:
        if not self.left:
            raise StopIteration
        return self.left.pop(0)


def test_a_source_without_states_can_be_counted() -> None:
    graph = Numericalize(BuildVocab(Bare()))  # type: ignore[no-untyped-call]  # torchdata does not annotate it
    assert list(Loader(graph)) == [[2, 3], [2]]


def test_a_node_can_be_iterated_over_without_a_loader() -> None:
    graph = Numericalize(BuildVocab(IterableWrapper([["b", "a"], ["b"]])))
    assert list(graph) == [[2, 3], [2]]
    assert list(graph) == []  # that is how nodes are: they begin anew when they are told to
    graph.reset()
    assert list(graph) == [[2, 3], [2]]


@pytest.mark.parametrize(
    "wrap", [lambda node: Prefetcher(node, 2), lambda node: ParallelMapper(node, _same, 2)]
)
@pytest.mark.parametrize(
    ("rows", "kind", "says"),
    [
        ([(0, "a"), (1, 2)], GraphError, "tokenize: the text of a row must be a str"),
        ([], GraphError, "no rows"),
    ],
)
def test_an_error_in_a_thread_is_of_the_same_type(
    wrap: Any, rows: list[Any], kind: type[Exception], says: str
) -> None:
    graph = wrap(Numericalize(BuildVocab(Tokenize(IterableWrapper(rows)))))
    with pytest.raises(kind, match=says):
        list(Loader(graph))


def _same(row: Any) -> Any:
    return row


def test_an_error_of_a_token_keeps_its_type_in_a_thread() -> None:
    graph = Prefetcher(Numericalize(IterableWrapper([["a", 3]]), vocab=Vocab(["a"])), 2)
    with pytest.raises(TokenTypeError, match=r"numericalize: tokens\[1\] is 3"):
        list(Loader(graph))


def test_an_epoch_is_the_same_each_time(tmp_path: Path) -> None:
    log = tmp_path / "log"
    graph, aligned = training_graph(IterableWrapper(Logged(LABELLED, log)))
    loader = Loader(graph)
    first, second = ([plain(batch) for batch in loader] for _ in range(2))
    assert first == second == run(training_graph(IterableWrapper(LABELLED))[0])
    assert passes(log) == [os.getpid()] * 3
    assert aligned.alignment.matrix.shape == (len(aligned.vocab), 3)


# The vocabulary in a state.


def state_of(log: Path, place: int, rows: Any = LABELLED) -> dict[str, Any]:
    loader = Loader(training_graph(IterableWrapper(Logged(rows, log)))[0])
    items = iter(loader)
    for _ in range(place):
        next(items)
    state: dict[str, Any] = pickle.loads(pickle.dumps(loader.state_dict()))
    return state


def test_a_state_of_another_vocabulary_is_refused(own_cache: Path, tmp_path: Path) -> None:
    state = state_of(tmp_path / "log", 2)
    other = [*LABELLED, (0, "words never seen before")]
    graph, aligned = training_graph(IterableWrapper(other))
    assert len(aligned.vocab) > 2
    loader = Loader(graph)
    loader.load_state_dict(state)
    with pytest.raises(GraphError, match=r"^build_vocab: this state was taken with the vocabulary"):
        list(loader)
    for file in (own_cache / "vocabularies").iterdir():
        file.unlink()
    loader = Loader(training_graph(IterableWrapper(other))[0])
    loader.load_state_dict(state)
    with pytest.raises(GraphError, match=r"^build_vocab: this state was taken with the vocabulary"):
        list(loader)  # it was fitted anew, and differs
    loader = Loader(training_graph(IterableWrapper(LABELLED))[0])
    loader.load_state_dict(state)
    assert len(list(loader)) == 4


def test_a_state_of_a_graph_that_names_its_vocabulary_is_held_to_it() -> None:
    def loader(vocab: Vocab) -> Loader[Any]:
        return Loader(Numericalize(Tokenize(IterableWrapper(LABELLED)), vocab=vocab))

    first = loader(Vocab(["the"], 0))
    next(iter(first))
    state = first.state_dict()
    again = loader(Vocab(["the"], 0))
    again.load_state_dict(state)
    assert len(list(again)) == len(LABELLED) - 1
    other = loader(Vocab(["cat", "the"], 0))
    other.load_state_dict(state)
    with pytest.raises(GraphError, match="this state was taken with the vocabulary"):
        list(other)


def places_in(state: dict[str, Any], *before: str) -> Iterator[tuple[str, ...]]:
    for key, value in state.items():
        yield (*before, key)
        if isinstance(value, dict):
            yield from places_in(value, *before, key)


@pytest.mark.parametrize("odd", ["missing", "x", -1, 1.5, 1 << 70, [1], {"a": 1}], ids=repr)
def test_a_state_that_says_what_it_cannot_is_refused_with_the_reason(odd: Any) -> None:
    def loader() -> Loader[Any]:
        fitted = BuildVocab(Tokenize(Rows(LABELLED)))
        return Loader(BatchTokens(Numericalize(fitted), 2, bucket_batches=2))

    first = loader()
    next(iter(first))
    good = first.state_dict()["root"]
    harmless = {"rows", "file"} if odd in ("missing", "x") else {"rows"}  # of a fit: what nobody goes by
    for *way, last in places_in(good):
        if ("fit" in way and last in harmless) or ("length_buckets" in way and odd == "missing"):
            continue
        state = copy.deepcopy(first.state_dict())
        inner = state["root"]
        for key in way:
            inner = inner[key]
        inner[last] = odd
        if odd == "missing":
            del inner[last]
        second = loader()
        second.load_state_dict(state)
        with pytest.raises(GraphError):
            list(second)
        assert first.state_dict()["root"] == good


# Shards.


@pytest.mark.parametrize("tail", ["uneven", "pad", "drop"])
def test_rows_are_dealt_out_among_ranks_and_counted_whole(tail: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = []
    for rank in range(3):
        monkeypatch.setattr(torchvectors.nodes.shards, "group_size", lambda rank=rank: (rank, 3))
        fitted = BuildVocab(Tokenize(ShardRows(IterableWrapper(LABELLED), tail)))
        loader = Loader(Numericalize(fitted))
        rows.append([plain(row) for row in loader])
        assert [plain(row) for row in loader] == rows[-1]  # the second epoch
        assert fitted.goes_by.rows == len(LABELLED)
        for place in range(len(rows[-1])):
            first = Loader(Numericalize(BuildVocab(Tokenize(ShardRows(IterableWrapper(LABELLED), tail)))))
            items = iter(first)
            for _ in range(place):
                next(items)
            second = Loader(Numericalize(BuildVocab(Tokenize(ShardRows(IterableWrapper(LABELLED), tail)))))
            second.load_state_dict(first.state_dict())
            assert [plain(row) for row in second] == rows[-1][place:]
    assert [len(shard) for shard in rows] == {"uneven": [8, 8, 7], "pad": [8, 8, 8], "drop": [7, 7, 7]}[tail]


def test_a_state_of_other_vectors_or_another_policy_is_refused() -> None:
    def loader(**how: Any) -> Loader[Any]:
        tokens = Tokenize(IterableWrapper(LABELLED))
        return Loader(Numericalize(AlignVectors(BuildVocab(tokens), how.pop("known", vectors()), **how)))

    first = loader()
    next(iter(first))
    state = first.state_dict()
    for how in ({"known": vectors(4)}, {"unk_init": "mean"}):
        other = loader(**how)
        other.load_state_dict(state)
        with pytest.raises(GraphError, match=r"^align_vectors: this state was taken with vectors=xxh3"):
            list(other)
    again = loader()
    again.load_state_dict(state)
    assert len(list(again)) == len(LABELLED) - 1


def test_a_node_can_be_pickled_in_the_middle_of_a_pass() -> None:
    graph = Numericalize(Tokenize(IterableWrapper(["a", "b a"])), Vocab(["a", "b"]))
    assert next(graph) == [0]
    copy = pickle.loads(pickle.dumps(graph))
    assert [next(graph), next(copy)] == [[1, 0], [1, 0]]
