"""Batches of rows of similar length, and of several columns, by pipes and by nodes; and where a node resumes."""

from __future__ import annotations

import pickle
import weakref
from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import pytest
import torch
from corpora import TEXTS, plain, vectors
from hypothesis import given, settings
from hypothesis import strategies as st
from test_graph import FORMS, PIPES, Form, both, epoch
from torch.utils.data import DataLoader, IterDataPipe
from torch.utils.data.datapipes.iter import IterableWrapper
from torchdata.nodes import BaseNode, Loader, ParallelMapper, PinMemory, Prefetcher
from torchdata.nodes import IterableWrapper as NodeOf
from torchdata.stateful_dataloader import StatefulDataLoader

from torchvectors import nodes
from torchvectors.datapipes import Resumable
from torchvectors.errors import GraphError

pytestmark = [
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:'set_vital' is deprecated:UserWarning"),
]


def numbered(lengths: Sequence[int]) -> list[tuple[int, list[int]]]:
    """Return rows that are known by their labels, of these lengths."""
    return [(number, [number] * length) for number, length in enumerate(lengths)]


def mixed(count: int) -> list[tuple[int, list[int]]]:
    """Return rows of lengths as texts have them: most are short, some are long."""
    random = Random(0)
    return numbered([min(int(random.paretovariate(1.2) * 5), 300) for _ in range(count)])


def labels_in(batches: Sequence[Any]) -> list[list[int]]:
    return [batch[0].tolist() for batch in batches]


class Held(list[int]):
    """A list that can be watched."""


class Watched:
    """Rows made as they are read: how many were, and the most that were there at a time."""

    def __init__(self, lengths: Sequence[int]) -> None:
        self.lengths, self.read, self.most = lengths, 0, 0
        self.alive: weakref.WeakValueDictionary[int, Held] = weakref.WeakValueDictionary()

    def __iter__(self) -> Iterator[Held]:
        for number, length in enumerate(self.lengths, 1):
            self.read = number
            row = Held([self.read] * length)
            self.alive[self.read] = row
            self.most = max(self.most, len(self.alive))
            yield row
            del row


# What comes out.


@both
@given(
    lengths=st.lists(st.integers(0, 9), max_size=30),
    size=st.integers(1, 5),
    buckets=st.integers(1, 4),
    drop_last=st.booleans(),
)
def test_every_row_comes_once_and_only_the_last_batch_may_be_short_or_dropped(
    form: Form, lengths: list[int], size: int, buckets: int, drop_last: bool
) -> None:
    graph = form.stages.BatchTokens(
        form.source(numbered(lengths)), size, bucket_batches=buckets, drop_last=drop_last
    )
    batches = epoch(form, graph)
    full, rest = divmod(len(lengths), size)
    assert [len(labels) for labels in labels_in(batches)] == [size] * full + [rest] * bool(
        rest and not drop_last
    )
    found = [number for labels in labels_in(batches) for number in labels]
    assert len(set(found)) == len(found)
    for labels, ids, taken in batches:
        assert taken.tolist() == [lengths[number] for number in labels]
        assert ids.shape == (len(labels), max(taken))
        assert all(ids[i, :n].tolist() == [labels[i]] * n for i, n in enumerate(taken))
    for start in range(0, len(batches), buckets):  # what was read together is given together
        chunk = {number for labels in labels_in(batches[start : start + buckets]) for number in labels}
        assert chunk <= set(range(start * size, (start + buckets) * size))
    if form is PIPES:
        assert len(graph) == len(batches)


@both
def test_buckets_leave_less_to_pad(form: Form) -> None:
    rows = mixed(640)
    tokens = sum(len(ids) for _, ids in rows)

    def padding(**how: Any) -> int:
        batches = epoch(form, form.stages.BatchTokens(form.source(rows), 16, **how))
        assert sum(int(lengths.sum()) for *_, lengths in batches) == tokens
        return sum(int(ids.numel()) for _, ids, _ in batches) - tokens

    plainly, parted = padding(), padding(bucket_batches=20)
    assert parted < plainly / 4  # a ninth of it, or so
    assert padding(bucket_batches=2) < plainly


@both
def test_no_more_rows_are_read_or_kept_than_a_buffer_has(form: Form) -> None:
    watched = Watched([n % 7 for n in range(100)])
    graph = form.stages.BatchTokens(form.source(watched), 4, bucket_batches=5)
    for number, _ in enumerate(form.run(graph)):
        assert watched.read == min((number // 5 + 1) * 20, 100)
    assert number == 24
    assert watched.most <= 20 + 4 + 1  # with a batch that was given, and the row in the source's hands


@both
@pytest.mark.parametrize("layout", ["padded", "offsets", "jagged"])
def test_vectors_go_through_buckets_and_are_cut(form: Form, layout: str) -> None:
    rows = form.stages.LookupVectors(form.stages.Tokenize(form.source(TEXTS)), vectors())
    graph = form.stages.BatchTokens(rows, 4, layout=layout, max_length=2, bucket_batches=3)
    found: Counter[Any] = Counter()
    for batch in epoch(form, graph):
        if layout == "jagged":
            assert batch.layout == torch.jagged
            parts = list(batch.unbind())
        elif layout == "offsets":
            parts = list(torch.tensor_split(batch[0], batch[1][1:]))
        else:
            parts = [line[:length] for line, length in zip(*batch, strict=True)]
        assert all(part.dtype == torch.float32 for part in parts)
        found.update(str(part.tolist()) for part in parts)
    expected = [vectors().get_vecs_by_tokens(text.split()[:2]).reshape(-1, 3) for text in TEXTS]
    assert found == Counter(str(one.tolist()) for one in expected)


@both
def test_two_columns_are_padded_each_by_its_own_vocabulary(form: Form) -> None:
    rows = [{"q": "a b", "c": "x"}, {"q": "a", "c": "x y z"}]
    graph = form.source(rows)
    for column, specials in (("q", ["<pad>"]), ("c", ["<unk>", "<pad>"])):
        tokens = form.stages.Tokenize(graph, column=column)
        fitted = form.stages.BuildVocab(tokens, specials=specials, column=column)
        graph = form.stages.Numericalize(fitted, column=column)
    (batch,) = epoch(form, form.stages.BatchTokens(graph, 2, column=("q", "c")))
    assert list(batch) == ["q", "q_lengths", "c", "c_lengths"]
    assert batch["q"].tolist() == [[1, 2], [1, 0]]
    assert batch["c"].tolist() == [[2, 1, 1], [2, 3, 4]]
    assert (batch["q_lengths"].tolist(), batch["c_lengths"].tolist()) == ([2, 1], [1, 3])


@both
def test_two_columns_of_a_tuple_can_share_a_vocabulary(form: Form) -> None:
    tokens = form.source([(7, ["a", "b"], ["a"]), (8, ["b"], ["b", "b"])])
    fitted = form.stages.BuildVocab(tokens, specials=("<unk>", "<pad>"), column=(1, 2))
    graph = form.stages.Numericalize(fitted, column=[1, 2])
    assert fitted.vocab.get_itos() == ["<unk>", "<pad>", "b", "a"]
    (batch,) = epoch(form, form.stages.BatchTokens(graph, 2, column=[1, 2]))
    assert plain(batch) == plain(
        [torch.tensor(one) for one in ([7, 8], [[3, 2], [2, 1]], [2, 1], [[3, 1], [2, 2]], [1, 2])]
    )


@both
def test_a_batch_can_come_out_in_the_other_form(form: Form) -> None:
    names = ("label", "ids", "lengths")
    (batch,) = epoch(form, form.stages.BatchTokens(form.source([(7, [1])]), 2, names=names))
    assert plain(batch) == plain(dict(zip(names, map(torch.tensor, ([7], [[1]], [1])), strict=True)))
    rows = [{"text": [1], "label": 7, "id": "x"}]
    (batch,) = epoch(form, form.stages.BatchTokens(form.source(rows), 2, names=["label", "text"]))
    assert isinstance(batch, tuple)
    assert plain(batch) == plain([torch.tensor([7]), torch.tensor([[1]])])


WRONG: dict[str, tuple[list[Any], dict[str, Any], str]] = {
    "a text": ([(0, [1]), (1, "a")], {"bucket_batches": 2}, "a row's field is 'a'.*Put .numericalize"),
    "no column": ([(0, [1]), (1,)], {"bucket_batches": 2}, r"this row lacks .*\(1,\).*column="),
    "no second column": ([{"a": [1]}], {"column": ("a", "b")}, "column 'b'; it has 'a'.*column="),
    "names": (
        [(0, [1])],
        {"names": ["ids"]},
        r"names=\['ids'\] has 1 names, .* 3 fields.*Give each its name",
    ),
    "other names": ([{"text": [1]}], {"names": ["ids"]}, "asks for 'ids', .*'text', 'lengths'.*Name some"),
    "forms": ([(0, [1]), [1]], {"bucket_batches": 2}, r"not of one form.*with .map\(\)"),
}


@both
@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_said_with_its_stage_its_row_and_its_cure(form: Form, what: str) -> None:
    rows, how, says = WRONG[what]
    with pytest.raises(GraphError, match=f"(?s)^batch_tokens: .*{says}"):
        epoch(form, form.stages.BatchTokens(form.source(rows), 2, **how))


@pytest.mark.parametrize("what", WRONG)
def test_an_error_in_a_worker_is_of_the_same_type(what: str) -> None:
    rows, how, says = WRONG[what]
    graph = PIPES.stages.BatchTokens(IterableWrapper(rows), 2, **how)
    iterator: Any = iter(DataLoader(graph, batch_size=None, num_workers=1, multiprocessing_context="fork"))
    with pytest.raises(GraphError, match=f"(?s)batch_tokens: .*{says}"):
        list(iterator)
    iterator._shutdown_workers()


# Chance, in pipes: where torch's shuffler takes it from.


def bucketed(count: int = 46, **how: Any) -> Any:
    return IterableWrapper(mixed(count)).batch_tokens(4, bucket_batches=3, **how)


def run(graph: Any, seed: int | None = None) -> list[list[int]]:
    if seed is not None:
        torch.manual_seed(seed)
    return labels_in(list(graph))


def test_a_pipe_takes_its_seed_from_torch_as_a_shuffler_does() -> None:
    graph = bucketed()
    assert run(graph, 1) == run(graph, 1) == run(bucketed(), 1) != run(graph, 2)
    assert run(graph, 1) != run(graph)  # each epoch anew
    after = torch.get_rng_state()
    torch.manual_seed(1)
    for _ in range(2):
        list(IterableWrapper([1]).shuffle())
    assert torch.equal(torch.get_rng_state(), after)  # it has taken as many numbers
    assert run(graph, 1) != run(bucketed(seed=1), 1)


def test_a_seed_that_a_loader_gives_holds_for_one_epoch_and_takes_no_other_numbers() -> None:
    graph = bucketed()
    before = torch.get_rng_state()
    graph.source_datapipe.set_seed(5)
    first = run(graph)
    assert torch.equal(torch.get_rng_state(), before)
    graph.source_datapipe.set_seed(5)
    assert run(graph) == first != run(graph)


def test_batches_without_buckets_leave_the_seeds_of_the_others_as_they_are() -> None:
    def order(graph: Any) -> list[int]:
        torch.manual_seed(3)
        return [int(label) for label, *_ in DataLoader(graph, batch_size=None)]

    rows = IterableWrapper(mixed(30))
    assert order(rows.shuffle()) == order(rows.shuffle().batch_tokens(1))


def check_ways(*ways: tuple[Any, str]) -> None:
    """See that all of these ways give equal batches, and each row once."""
    graph = IterableWrapper(mixed(46)).shuffle().sharding_filter().batch_tokens(4, bucket_batches=2)
    found = []
    for kind, start in ways:
        loader = kind(graph, batch_size=None, num_workers=2, multiprocessing_context=start)
        torch.manual_seed(7)
        found.append([labels_in(list(loader)) for _ in range(2)])
    assert all(one == found[0] for one in found)
    first, second = found[0]
    assert first != second
    for batches in (first, second):
        assert sorted(number for labels in batches for number in labels) == list(range(46))
        assert sorted(map(len, batches)) == [3, 3] + [4] * 10  # each worker's last


def test_equal_seeds_give_equal_batches_in_workers_and_each_row_once() -> None:
    check_ways((DataLoader, "fork"), (StatefulDataLoader, "fork"))


@pytest.mark.slow
def test_equal_seeds_give_equal_batches_in_workers_however_they_start() -> None:
    check_ways((DataLoader, "fork"), (DataLoader, "spawn"), (StatefulDataLoader, "forkserver"))


def test_batches_that_are_dealt_out_whole_are_the_same_for_any_number_of_workers() -> None:
    graph = bucketed().sharding_filter()
    found = [
        run(kind(graph, batch_size=None, num_workers=workers, multiprocessing_context=start), 7)
        for kind in (DataLoader, StatefulDataLoader)
        for workers, start in ((0, None), (1, "fork"), (2, "fork"))
    ]
    assert all(one == found[0] for one in found)


def resumable(workers: int = 2, **how: Any) -> Any:
    graph = IterableWrapper(mixed(46)).shuffle().sharding_filter()
    data = Resumable(graph.batch_tokens(4, **{"bucket_batches": 2, **how}))
    start = "fork" if workers else None
    return StatefulDataLoader(data, batch_size=None, num_workers=workers, multiprocessing_context=start)


@pytest.mark.parametrize("place", [1, 4, 11])
def test_a_graph_of_pipes_with_buckets_can_be_resumed(place: int) -> None:
    first = resumable()
    items = iter(first)
    given = [next(items) for _ in range(place)]
    state = first.state_dict()
    tail, following = plain(list(items)), plain(list(first))
    assert len(given) + len(tail) == 12
    second = resumable()
    second.load_state_dict(state)
    assert plain(list(second)) == tail
    assert plain(list(second)) == following != tail


def test_a_graph_of_pipes_with_other_buckets_is_not_resumed() -> None:
    first = resumable(0)
    next(iter(first))
    second = resumable(0, bucket_batches=3)
    second.load_state_dict(first.state_dict())
    with pytest.raises(GraphError, match=r"bucket_batches=2.*now it is.*bucket_batches=3"):
        list(second)


def test_a_dict_reaches_the_loop_from_a_worker_and_a_tuple_becomes_a_list() -> None:
    for names, kind in ((("label", "ids", "lengths"), dict), (None, list)):
        loader = DataLoader(
            bucketed(names=names), batch_size=None, num_workers=1, multiprocessing_context="fork"
        )
        batches: list[Any] = list(loader)
        assert {type(batch) for batch in batches} == {kind}


@pytest.mark.filterwarnings("ignore:'pin_memory' argument is set as true but no accelerator:UserWarning")
@pytest.mark.parametrize("layout", ["padded", "offsets", "jagged"])
@pytest.mark.parametrize("workers", [0, 1])
def test_a_loader_pins_batches_where_there_is_a_device(layout: Any, workers: int) -> None:
    graph = bucketed(layout=layout)
    loader = DataLoader(graph, batch_size=None, num_workers=workers, pin_memory=True)
    batches: list[Any] = list(loader)
    assert len(batches) == 12
    for batch in batches:
        assert [one.is_pinned() for one in batch] == [torch.cuda.is_available()] * len(batch)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torchdata's PinMemory needs CUDA")
@pytest.mark.parametrize("layout", ["padded", "offsets", "jagged"])
def test_a_node_pins_batches_and_can_be_resumed(layout: Any) -> None:
    check_every_state(PinMemory, lambda: node(layout=layout), (0, 1, 4, 12))
    assert all(one.is_pinned() for batch in Loader(PinMemory(node(layout=layout))) for one in batch)


def test_stages_know_their_length() -> None:
    assert len(bucketed(46)) == len(list(bucketed(46))) == 12
    assert len(bucketed(46, drop_last=True)) == len(list(bucketed(46, drop_last=True))) == 11


# States, in nodes.


def node(count: int = 46, rows: Any = None, **how: Any) -> nodes.BatchTokens:
    how = {"batch_size": 4, "bucket_batches": 3, **how}
    return nodes.BatchTokens(NodeOf(mixed(count) if rows is None else rows), **how)


def _same(batch: Any) -> Any:
    return batch


WRAPS: dict[str, Any] = {
    "alone": lambda graph: graph,
    "prefetched": lambda graph: Prefetcher(graph, 2),
    "prefetched, with few snapshots": lambda graph: Prefetcher(graph, 3, snapshot_frequency=4),
    "mapped in threads": lambda graph: ParallelMapper(graph, _same, num_workers=2),
}


def check_every_state(wrap: Any, graph: Any, places: Sequence[int]) -> None:
    """See that a state after any of these numbers of batches gives the rest, and the epoch after it."""
    undisturbed: Any = Loader(wrap(graph()))
    epochs = [plain(list(undisturbed)) for _ in range(3)]
    for place in places:
        for begun in (0, 1):
            first: Any = Loader(wrap(graph()))
            for _ in range(begun):
                list(first)
            items = iter(first)
            for _ in range(place):
                next(items)
            state = pickle.dumps(first.state_dict())
            assert len(state) < 1_000  # a position, and no rows
            assert plain(list(items)) == epochs[begun][place:]  # taking it has moved nothing

            second: Any = Loader(wrap(graph()))
            second.load_state_dict(pickle.loads(state))
            if place < len(epochs[begun]):
                assert plain(list(second)) == epochs[begun][place:]
            assert plain(list(second)) == epochs[begun + 1]


@settings(max_examples=25)
@given(
    count=st.integers(1, 20),
    size=st.integers(1, 4),
    buckets=st.integers(1, 4),
    drop_last=st.booleans(),
)
def test_a_state_after_every_number_of_batches_gives_exactly_the_tail(
    count: int, size: int, buckets: int, drop_last: bool
) -> None:
    def graph() -> Any:
        return node(count, batch_size=size, bucket_batches=buckets, drop_last=drop_last, max_length=20)

    batches = count // size + bool(count % size and not drop_last)
    check_every_state(_same, graph, range(batches + 1) if batches else [])


@pytest.mark.parametrize("name", WRAPS)
def test_a_state_in_a_buffer_gives_the_tail_whatever_comes_after_it(name: str) -> None:
    places = range(13) if name == "alone" else (0, 2, 3, 7, 12)
    check_every_state(WRAPS[name], node, places)


def test_a_state_in_a_buffer_gives_the_tail_whatever_comes_before_it() -> None:
    def graph() -> Any:
        return nodes.BatchTokens(Prefetcher(NodeOf(mixed(30)), 5), 4, bucket_batches=3)

    check_every_state(_same, graph, (0, 1, 3, 4))


def test_epochs_differ_by_their_number_and_by_the_seed() -> None:
    def epochs(**how: Any) -> list[Any]:
        loader: Any = Loader(node(**how))
        return [labels_in(list(loader)) for _ in range(3)]

    torch.manual_seed(1)
    found = epochs()
    torch.manual_seed(2)
    assert epochs() == found  # torch's numbers are of no account here
    assert found[0] != found[1] != found[2] != found[0]
    assert epochs(seed=1)[0] not in found


def test_an_epoch_that_nobody_has_drawn_from_is_not_counted() -> None:
    first: Any = Loader(node())
    expected = labels_in(list(first))
    second: Any = Loader(node())
    second.state_dict()
    assert labels_in(list(second)) == expected
    graph = node()
    for _ in range(3):
        graph.reset()
    assert labels_in(list(graph)) == expected


def test_reading_a_buffer_again_reads_no_more_than_that() -> None:
    watched = Watched([3] * 100)
    first: Any = Loader(node(rows=watched))
    items = iter(first)
    for _ in range(7):  # two buffers and a batch
        next(items)
    second: Any = Loader(node(rows=watched))
    second.load_state_dict(first.state_dict())
    next(iter(second))
    assert watched.read == 36


OTHERS: list[tuple[dict[str, Any], str]] = [
    ({"bucket_batches": None}, "bucket_batches=3, and this graph has bucket_batches=None"),
    ({"bucket_batches": 4}, "bucket_batches=3, and this graph has bucket_batches=4"),
    ({"batch_size": 2}, "batch_size=4, and this graph has batch_size=2"),
    ({"seed": 9}, "seed=0, and this graph has seed=9"),
    ({"max_length": 7}, "max_length=None, and this graph has max_length=7"),
]


@pytest.mark.parametrize(("how", "says"), OTHERS)
def test_a_state_of_other_settings_is_refused(how: dict[str, Any], says: str) -> None:
    first: Any = Loader(node())
    next(iter(first))
    second: Any = Loader(node(**how))
    second.load_state_dict(first.state_dict())
    with pytest.raises(GraphError, match=f"^batch_tokens: the state was taken with {says}, .*same settings"):
        iter(second)


def test_a_state_without_buckets_is_refused_by_a_graph_with_them_and_goes_on_without() -> None:
    first: Any = Loader(node(bucket_batches=None))
    expected = plain(list(first))
    next(iter(first))
    second: Any = Loader(node())
    second.load_state_dict(first.state_dict())
    with pytest.raises(
        GraphError, match="taken with bucket_batches=None, and this graph has bucket_batches=3"
    ):
        iter(second)
    third: Any = Loader(node(bucket_batches=None, seed=3))  # which is of no account
    third.load_state_dict(first.state_dict())
    assert plain(list(third)) == expected[1:]


def test_a_state_of_a_longer_corpus_is_refused() -> None:
    first: Any = Loader(node(10))
    items = iter(first)
    next(items), next(items)
    second: Any = Loader(node(5))
    second.load_state_dict(first.state_dict())
    with pytest.raises(
        GraphError, match=r"after 8 rows of a buffer, and now there are only 5\. Resume with the"
    ):
        list(second)


class Bare(BaseNode[Any]):
    """A node that keeps no state, as one may write for a loop without checkpoints."""

    def reset(self, initial_state: dict[str, Any] | None = None) -> None:
        super().reset(initial_state)
        self.left = mixed(10)

    def next(self) -> Any:
        if not self.left:
            raise StopIteration
        return self.left.pop(0)


def test_a_source_without_states_can_be_bucketed() -> None:
    loader: Any = Loader(nodes.BatchTokens(Bare(), 4, bucket_batches=2))  # type: ignore[no-untyped-call]
    items = iter(loader)
    batches = labels_in([next(items)])
    with pytest.raises(NotImplementedError):
        loader.state_dict()
    batches += labels_in(list(items))
    assert sorted(number for labels in batches for number in labels) == list(range(10))


def test_pipes_and_nodes_order_a_buffer_by_one_rule() -> None:
    """Of an epoch whose seed is a pipe's what a node's number is, both give the same batches."""
    graph: IterDataPipe[Any] = bucketed()
    graph.source_datapipe.set_seed(0)  # the first epoch's number
    assert run(graph) == labels_in(epoch(FORMS[1], node()))
