"""Batches of every layout against loops by hand."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from corpora import plain
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data._utils.collate import default_convert
from torch.utils.data._utils.pin_memory import pin_memory

from torchvectors.batch import Batching, Layout, by_length, collate, jagged, offsets, padded
from torchvectors.errors import GraphError


class Labelled(NamedTuple):
    label: int
    ids: list[int]


INDICES = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 9)
SEQUENCES = st.lists(
    st.lists(INDICES, max_size=6), min_size=1, max_size=6
)  # empty ones and batches of one, too
LAYOUTS: list[Layout] = ["padded", "offsets", "jagged"]
SMALL = st.lists(st.lists(st.integers(0, 9), max_size=6), min_size=1, max_size=6)


def as_vectors(sequences: Sequence[Sequence[int]], dim: int = 2) -> list[Tensor]:
    return [torch.tensor(ids, dtype=torch.float32).reshape(-1, 1).repeat(1, dim) for ids in sequences]


# Layouts.


@given(sequences=SEQUENCES, fill=INDICES, kind=st.sampled_from([list, tuple]))
def test_every_padded_batch_equals_a_loop(sequences: list[list[int]], fill: int, kind: type) -> None:
    longest = max(map(len, sequences))
    expected = [ids + [fill] * (longest - len(ids)) for ids in sequences]
    table, lengths = padded([kind(ids) for ids in sequences], fill)
    assert table.dtype == lengths.dtype == torch.int64
    assert table.shape == (len(sequences), longest)
    assert table.tolist() == expected
    assert lengths.tolist() == [len(ids) for ids in sequences]


@given(sequences=SEQUENCES)
def test_every_offsets_batch_equals_a_loop(sequences: list[list[int]]) -> None:
    values, starts = offsets(sequences)
    assert values.dtype == starts.dtype == torch.int64
    assert values.tolist() == [index for ids in sequences for index in ids]
    assert starts.tolist() == [sum(map(len, sequences[:i])) for i in range(len(sequences))]


@given(sequences=SMALL)
def test_every_offsets_batch_feeds_an_embedding_bag(sequences: list[list[int]]) -> None:
    bag = nn.EmbeddingBag(10, 3, mode="sum")
    values, starts = offsets(sequences)
    expected = [bag.weight[ids].sum(0) if ids else torch.zeros(3) for ids in sequences]
    torch.testing.assert_close(bag(values, starts), torch.stack(expected))


@given(sequences=SEQUENCES)
def test_every_jagged_batch_falls_apart_into_its_rows(sequences: list[list[int]]) -> None:
    nested = jagged(sequences)
    assert nested.layout == torch.jagged
    assert nested.dtype == torch.int64
    assert [part.tolist() for part in nested.unbind()] == sequences


@given(sequences=SMALL)
def test_every_layout_takes_tensors_of_indices(sequences: list[list[int]]) -> None:
    tensors = [torch.tensor(ids, dtype=torch.int64) for ids in sequences]
    for layout in (padded, offsets):
        for ours, expected in zip(layout(tensors), layout(sequences), strict=True):
            assert torch.equal(ours, expected)
    assert [part.tolist() for part in jagged(tensors).unbind()] == sequences


@given(sequences=SMALL)
def test_every_layout_takes_vectors(sequences: list[list[int]]) -> None:
    rows = as_vectors(sequences)
    table, lengths = padded(rows, -1)
    assert table.dtype == torch.float32
    assert table.shape == (len(rows), max(map(len, rows)), 2)
    for row, line, length in zip(rows, table, lengths.tolist(), strict=True):
        assert torch.equal(line[:length], row)
        assert (line[length:] == -1).all()
    values, starts = offsets(rows)
    assert torch.equal(values, torch.cat(rows))
    assert starts.tolist() == offsets(sequences)[1].tolist()
    for part, row in zip(jagged(rows).unbind(), rows, strict=True):
        assert torch.equal(part, row)


def test_a_tensor_of_indices_among_lists_is_one_of_them() -> None:
    mixed: list[Any] = [[1, 2], torch.tensor([3])]
    table, lengths = padded(mixed)
    assert table.tolist() == [[1, 2], [3, 0]]
    assert lengths.tolist() == [2, 1]


def test_a_batch_can_be_written_to() -> None:
    for one in (*padded([[1], [2, 3]]), *offsets([[1], [2, 3]])):
        one.add_(1)


# Rows around the sequences.

LABELS: list[tuple[list[Any], Any]] = [
    ([1, 2], torch.tensor([1, 2])),
    ([0.5, 2.0], torch.tensor([0.5, 2.0])),
    ([True, False], torch.tensor([True, False])),
    ([np.int64(3), np.int64(4)], torch.tensor([3, 4])),
    ([np.bool_(True), np.bool_(False)], torch.tensor([True, False])),
    ([torch.tensor([1, 2]), torch.tensor([3, 4])], torch.tensor([[1, 2], [3, 4]])),
    ([torch.tensor(1), torch.tensor(2)], torch.tensor([1, 2])),
    (["pos", "neg"], ["pos", "neg"]),
    ([None, 1], [None, 1]),
    ([2**64, 1], [2**64, 1]),  # more than a tensor can hold
    ([torch.tensor([1]), torch.tensor([1, 2])], None),  # of several shapes: a list, as they were
]


@pytest.mark.parametrize(("labels", "expected"), LABELS)
def test_labels_become_tensors_where_they_can(labels: list[Any], expected: Any) -> None:
    together, ids, lengths = collate(list(zip(labels, [[1, 2], [3]], strict=True)))
    assert ids.tolist() == [[1, 2], [3, 0]]
    assert lengths.tolist() == [2, 1]
    if isinstance(expected, Tensor):
        assert together.dtype == expected.dtype
        assert torch.equal(together, expected)
    else:
        assert together == (labels if expected is None else expected)


@pytest.mark.parametrize("column", [1, -2])
def test_tuples_give_a_tuple_in_their_order(column: int) -> None:
    rows = [("a", [1, 2], 7), ("b", [3], 8)]
    before, ids, lengths, after = collate(rows, column=column)
    assert (before, ids.tolist(), lengths.tolist(), after.tolist()) == (
        ["a", "b"],
        [[1, 2], [3, 0]],
        [2, 1],
        [7, 8],
    )
    before, nested, after = collate(rows, column=column, layout="jagged")
    assert (before, len(nested.unbind()), after.tolist()) == (["a", "b"], 2, [7, 8])


def test_named_tuples_give_a_tuple() -> None:
    labels, ids, lengths = collate([Labelled(1, [2]), Labelled(3, [])])
    assert (labels.tolist(), ids.tolist(), lengths.tolist()) == ([1, 3], [[2], [0]], [1, 0])


@pytest.mark.parametrize(
    ("layout", "keys"),
    [
        ("padded", ["label", "text", "lengths"]),
        ("offsets", ["label", "text", "offsets"]),
        ("jagged", ["label", "text"]),
    ],
)
def test_dicts_give_a_dict(layout: Layout, keys: list[str]) -> None:
    rows = [{"text": [1, 2], "label": 7}, {"label": 8, "text": [3]}]  # in whatever order
    batch = collate(rows, layout=layout)
    assert list(batch) == keys
    assert batch["label"].tolist() == [7, 8]


def test_bare_sequences_give_the_tensors_alone() -> None:
    ids, lengths = collate([[1, 2], [3]])
    assert (ids.tolist(), lengths.tolist()) == ([[1, 2], [3, 0]], [2, 1])
    assert [part.tolist() for part in collate([[1, 2], [3]], layout="jagged").unbind()] == [[1, 2], [3]]


def test_indices_are_padded_with_the_padding_index_and_vectors_with_zero() -> None:
    assert collate([[1, 2], [3]], pad_index=9)[0].tolist() == [[1, 2], [3, 9]]
    assert collate([torch.tensor([1, 2]), torch.tensor([3])], pad_index=9)[0].tolist() == [[1, 2], [3, 9]]
    assert collate(as_vectors([[1, 2], [3]], dim=1), pad_index=9)[0].tolist() == [[[1], [2]], [[3], [0]]]
    assert collate(as_vectors([[1, 2], [3]], dim=1), padding_value=0.5)[0].tolist() == [
        [[1], [2]],
        [[3], [0.5]],
    ]
    assert collate([[1, 2], [3]], padding_value=-100, pad_index=9)[0].tolist() == [[1, 2], [3, -100]]
    assert collate([[1, 2], [3]], padding_value=0, pad_index=9)[0].tolist() == [[1, 2], [3, 0]]


# Sequences cut to their first tokens.

KINDS: list[Callable[[list[int]], Any]] = [list, tuple, torch.tensor, lambda ids: as_vectors([ids], dim=3)[0]]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", KINDS, ids=["lists", "tuples", "tensors", "vectors"])
@given(sequences=SMALL, most=st.integers(1, 7))
def test_every_sequence_keeps_its_first_tokens(
    layout: Layout, kind: Callable[[list[int]], Any], sequences: list[list[int]], most: int
) -> None:
    if kind is torch.tensor:
        sequences = [[*ids, 1] for ids in sequences]  # of an empty list torch makes floats
    whole = [(0, kind(ids)) for ids in sequences]
    cut = [(0, kind(ids[:most])) for ids in sequences]
    assert plain(collate(whole, layout=layout, max_length=most)) == plain(collate(cut, layout=layout))
    assert [len(ids) for _, ids in whole] == [len(ids) for ids in sequences]  # the rows are as they were


# Several columns.


def test_each_column_of_a_tuple_is_laid_out_in_its_place() -> None:
    rows = [([1, 2], 7, [3]), ([4], 8, [])]
    questions, lengths, labels, answers, more = collate(rows, column=(2, 0))
    assert (questions.tolist(), lengths.tolist()) == ([[1, 2], [4, 0]], [2, 1])
    assert labels.tolist() == [7, 8]
    assert (answers.tolist(), more.tolist()) == ([[3], [0]], [1, 0])
    first, _, second = collate(rows, column=[0, -1], layout="jagged")
    assert [one.tolist() for one in (*first.unbind(), *second.unbind())] == [[1, 2], [4], [3], []]


@pytest.mark.parametrize(
    ("layout", "keys"),
    [
        ("padded", ["id", "question", "question_lengths", "context", "context_lengths"]),
        ("offsets", ["id", "question", "question_offsets", "context", "context_offsets"]),
        ("jagged", ["id", "question", "context"]),
    ],
)
def test_each_column_of_a_dict_has_lengths_of_its_own_name(layout: Layout, keys: list[str]) -> None:
    rows = [{"context": [1, 2, 3], "id": 5, "question": [4]}, {"context": [6], "id": 7, "question": [8, 9]}]
    batch = collate(rows, column=("question", "context"), layout=layout)
    assert list(batch) == keys
    for column in ("question", "context"):
        alone = collate([row[column] for row in rows], layout=layout)
        parts = [batch[key] for key in keys if key.startswith(column)]
        assert plain(parts) == plain([alone] if layout == "jagged" else alone)


def test_columns_are_padded_each_with_its_own_index_and_cut_alike() -> None:
    rows = [([1, 2, 3], [4]), ([5], [6, 7])]
    one, _, other, _ = collate(rows, column=(0, 1), pad_index=(8, 9), max_length=2)
    assert (one.tolist(), other.tolist()) == ([[1, 2], [5, 8]], [[4, 9], [6, 7]])
    one, _, other, _ = collate(rows, column=(0, 1), pad_index=8)
    assert (one.tolist(), other.tolist()) == ([[1, 2, 3], [5, 8, 8]], [[4, 8], [6, 7]])
    vectors = [(as_vectors([[1, 2]])[0], [4]), (as_vectors([[5]])[0], [6, 7])]
    one, _, other, _ = collate(vectors, column=(0, 1), pad_index=9)
    assert (one[1, 1].tolist(), other.tolist()) == ([0, 0], [[4, 9], [6, 7]])


def test_a_list_of_one_column_names_its_lengths_as_several_do() -> None:
    assert list(collate([{"text": [1]}], column=["text"])) == ["text", "text_lengths"]
    assert list(collate([{"text": [1]}], column="text")) == ["text", "lengths"]


# A tuple or a dict.


def test_names_make_a_dict_of_tuples() -> None:
    rows = [(7, [1, 2]), (8, [3])]
    batch = collate(rows, names=("label", "ids", "lengths"))
    assert list(batch) == ["label", "ids", "lengths"]
    assert plain(list(batch.values())) == plain(collate(rows))
    assert list(collate(rows, names=["label", "ids"], layout="jagged")) == ["label", "ids"]
    assert list(collate([Labelled(1, [2])], names=["label", "ids", "lengths"])) == ["label", "ids", "lengths"]


def test_names_make_a_dict_of_bare_sequences() -> None:
    assert list(collate([[1], [2, 3]], names=("ids", "lengths"))) == ["ids", "lengths"]
    (nested,) = collate([[1], [2, 3]], names=["ids"], layout="jagged").values()
    assert nested.is_nested


def test_names_make_a_tuple_of_dicts_and_leave_out_the_others() -> None:
    rows = [{"text": [1, 2], "label": 7, "id": "a"}, {"label": 8, "id": "b", "text": [3]}]
    batch = collate(rows, names=("label", "text", "lengths"))
    assert isinstance(batch, tuple)
    assert plain(batch) == plain([torch.tensor([7, 8]), torch.tensor([[1, 2], [3, 0]]), torch.tensor([2, 1])])
    assert plain(collate(rows, names=["id"])) == [["a", "b"]]


# Pinned memory: torch's own function walks what comes out. Where there is no accelerator, copying alone is replaced.


class Pinned(TorchDispatchMode):
    """Where torch would copy a plain tensor to pinned memory, note it, and give a copy of the usual kind."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch does not annotate it
        self.values: list[Tensor] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.is_pinned.default:
            return False
        if func is torch.ops.aten._pin_memory.default:
            if args[0].is_nested:
                return NotImplemented  # torch's own rule for it, which pins its values
            self.values.append(args[0])
            return args[0].clone()
        return func(*args, **(kwargs or {}))


ROWS: list[tuple[list[Any], tuple[str, ...], int]] = [  # and how many tensors a padded batch of them has
    ([(7, [1, 2]), (8, [3])], ("label", "ids", "lengths"), 3),
    ([{"text": [1, 2], "label": 7}, {"text": [3], "label": 8}], ("label", "text", "lengths"), 3),
    ([("a", as_vectors([[1, 2]])[0]), ("b", as_vectors([[3]])[0])], ("name", "vectors", "lengths"), 2),
    ([[1, 2], [3]], ("ids", "lengths"), 2),
]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize(("rows", "names", "tensors"), ROWS)
def test_pinning_reaches_every_tensor(
    rows: list[Any], names: Sequence[str], tensors: int, named: bool, layout: Layout
) -> None:
    if layout == "offsets":
        names = [name.replace("lengths", "offsets") for name in names]
    elif layout == "jagged":
        names, tensors = names[:-1], tensors - 1
    batch = collate(rows, layout=layout, names=names if named else None)
    for made in (batch, default_convert(batch)):  # as nodes give it, and as a DataLoader does
        with Pinned() as mode:
            pinned = pin_memory(made)
        assert type(pinned) is type(made)
        assert plain(pinned) == plain(made)
        assert len(mode.values) == tensors


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA, to have memory pinned for it")
@pytest.mark.parametrize("layout", LAYOUTS)
def test_batches_are_pinned_where_there_is_a_device(layout: Layout) -> None:
    label, ids, *_ = pin_memory(collate([(7, [1, 2]), (8, [3])], layout=layout))
    assert label.is_pinned()
    assert ids.is_pinned()


# Which rows of a buffer share a batch.

LENGTHS = st.lists(st.integers(0, 6) | st.integers(0, 1000), max_size=40)


@given(lengths=LENGTHS, size=st.integers(1, 7), seed=st.integers())
def test_every_order_by_length_parts_all_rows_by_length(lengths: list[int], size: int, seed: int) -> None:
    order = by_length(lengths, size, Random(seed))
    assert sorted(order) == list(range(len(lengths)))
    batches = [[lengths[i] for i in order[start : start + size]] for start in range(0, len(order), size)]
    in_order = sorted(batches, key=lambda batch: (min(batch), max(batch)))
    for batch, longer in itertools.pairwise(in_order):
        assert max(batch) <= min(longer)  # no two batches overlap
    assert order == by_length(lengths, size, Random(seed))


def test_an_order_by_length_leaves_to_chance_what_length_does_not_settle() -> None:
    lengths = [1, 2, 3] * 4
    orders = [by_length(lengths, 4, Random(seed)) for seed in range(100)]
    assert {tuple(lengths[i] for i in order[::4]) for order in orders} == {
        (1, 2, 3), (1, 3, 2), (2, 1, 3), (2, 3, 1), (3, 1, 2), (3, 2, 1)
    }  # fmt: skip
    lengths = [5] * 4
    pairs = {frozenset(by_length(lengths, 2, Random(seed))[:2]) for seed in range(100)}
    assert len(pairs) == 6  # any two may meet


def test_a_short_batch_comes_last_and_is_not_always_of_the_longest() -> None:
    lengths = [1, 1, 2, 2, 3, 3, 4]
    last = {lengths[by_length(lengths, 2, Random(seed))[-1]] for seed in range(100)}
    assert last == {1, 2, 3, 4}


def test_the_order_of_a_buffer_depends_on_the_numbers_alone() -> None:
    def order(seed: int = 0, epoch: int = 0, number: int = 0) -> list[Any]:
        batching = Batching(size=2, bucket_batches=20, seed=seed)
        return batching.gather_buffer(iter([[i] for i in range(50)]), epoch, number)

    assert order() == order()
    assert order()[:6] == [[14], [17], [28], [23], [22], [26]]  # in every process, and on every machine
    assert len(order()) == 40
    others = [order(seed=1), order(epoch=1), order(number=1), order(seed=-(2**63)), order()]
    assert all(one != other for i, one in enumerate(others) for other in others[:i])


@pytest.mark.parametrize("column", [("a", "b"), ("b", "a")])
def test_rows_are_measured_as_they_will_be_cut_and_by_all_their_columns(column: tuple[str, str]) -> None:
    sizes = {"A": (1, 9), "B": (9, 0), "C": (1, 0), "D": (2, 2)}  # of which 4, 3, 1 and 4 tokens are kept
    rows = [{"name": name, "a": [0] * n, "b": torch.zeros(m)} for name, (n, m) in sizes.items()]
    batching = Batching(size=2, bucket_batches=2, column=column, max_length=3)
    taken = [row["name"] for row in batching.gather_buffer(iter(rows), 0, 0)]
    assert {frozenset(taken[:2]), frozenset(taken[2:])} == {frozenset("BC"), frozenset("AD")}


# What cannot be batched.


@pytest.mark.parametrize("layout", ["padded", "offsets", "jagged"])
@pytest.mark.parametrize(
    "field", [["a", "b"], [1, "2"], [0.5], [None], [[1]], [2**70], "text", 3, None, torch.tensor(1), {"a": 1}]
)
def test_what_is_no_sequence_of_indices_is_an_error(field: Any, layout: Layout) -> None:
    said = (
        r"^batch_tokens: a row's field is .*no sequence of indices.*numericalize\(\) or \.lookup_vectors\(\)"
    )
    with pytest.raises(GraphError, match=said) as error:
        collate([(0, [1]), (1, field)], layout=layout)
    assert repr(field)[:20] in str(error.value)


@pytest.mark.parametrize("layout", ["padded", "offsets", "jagged"])
@pytest.mark.parametrize(
    "rows",
    [
        [[1, 2], (0, [1])],
        [(0, [1]), [1, 2]],
        [(0, [1]), {"text": [1]}],
        [(0, [1]), (0, [1], 2)],
        [{"text": [1]}, {"text": [1], "label": 2}],
        [[1], torch.tensor([1])],
        [Labelled(0, [1]), (0, [1])],
    ],
)
def test_rows_of_several_forms_are_an_error(rows: list[Any], layout: Layout) -> None:
    with pytest.raises(GraphError, match=r"^batch_tokens: the rows of one batch are not of one form: "):
        collate(rows, layout=layout)


def test_dicts_with_other_keys_are_an_error() -> None:
    with pytest.raises(GraphError, match=r"^batch_tokens: one row of this batch has no 'label': \{'text': "):
        collate([{"text": [1], "label": 2}, {"text": [1], "topic": 2}])


def test_a_dict_that_needs_the_name_of_the_lengths_for_itself_is_an_error() -> None:
    for name, layout in (("lengths", "padded"), ("offsets", "offsets")):
        with pytest.raises(GraphError, match=f"^batch_tokens: .*field '{name}' already.*Rename it"):
            collate([{"text": [1], name: 2}], layout=layout)  # type: ignore[arg-type]  # mypy sees a str
    assert collate([{"text": [1], "lengths": 2}], layout="jagged")["lengths"].tolist() == [2]


@pytest.mark.parametrize(
    "tensors",
    [
        [torch.zeros(2, 3), torch.zeros(2, 4)],
        [torch.zeros(2, 3), torch.zeros(2)],
        [torch.zeros(2), torch.zeros(2, dtype=torch.int64)],
    ],
)
def test_tensors_that_do_not_go_together_are_an_error(tensors: list[Tensor]) -> None:
    for layout in ("padded", "offsets", "jagged"):
        with pytest.raises(
            GraphError, match=r"^batch_tokens: the tensors of one batch differ in dtype or dim: "
        ):
            collate(tensors, layout=layout)


def test_a_padding_value_that_is_no_index_is_an_error_among_indices() -> None:
    with pytest.raises(GraphError, match=r"^batch_tokens: padding_value=0\.5 is no index"):
        collate([[1], [2, 3]], padding_value=0.5)


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"column": ()}, r"column=\(\) names no column"),
        ({"column": (0, 0)}, r"column=\(0, 0\) names 0 twice"),
        ({"names": "label"}, r"names='label' is one str. Write names=\('label',\)"),
        ({"names": ()}, r"names=\(\) must name at least one field"),
        ({"names": ["a", "a"]}, r"names=\['a', 'a'\] must name .* each once"),
        ({"max_length": 0}, r"max_length=0 is not 1 or more"),
        ({"bucket_batches": 0}, r"bucket_batches=0 is not 1 or more"),
        ({"bucket_batches": 1.5}, r"bucket_batches=1.5 is not 1 or more, a whole number"),
        ({"max_length": "9"}, r"max_length='9' is not 1 or more, a whole number"),
    ],
)
def test_settings_that_mean_nothing_are_an_error(how: dict[str, Any], says: str) -> None:
    with pytest.raises(GraphError, match=f"^batch_tokens: {says}"):
        Batching(size=1, **how)


@pytest.mark.parametrize(
    ("rows", "how", "says"),
    [
        (
            [(0, [1])],
            {"column": (1, -1)},
            r"column=\(1, -1\) means one field of this row twice: \(0, \[1\]\)",
        ),
        ([(0, [1])], {"column": (1, None)}, "means one field of this row twice"),
        ([{"text": [1]}], {"column": ("text", None)}, "means one field of this row twice"),
        ([[1]], {"column": (0, None)}, "means one field of this row twice"),
        ([[1]], {"column": (0, 1)}, "this row lacks column 1"),
        ([{"a": [1]}], {"column": ("a", "b")}, "this row lacks column 'b'; it has 'a'"),
        (
            [{"a": [1], "b": "x"}],
            {"column": ("a", "b")},
            "a row's field is 'x'.*Put .numericalize.*The row is {'a'",
        ),
        (
            [{"a": [1], "b": [1], "a_lengths": 1}],
            {"column": ("a", "b")},
            "a field 'a_lengths' already.*Rename it",
        ),
        (
            [(0, [1])],
            {"names": ("label", "ids")},
            r"has 2 names, and a batch of these rows has 3 fields: torch.int64 \(1,\), torch.int64 \(1, 1\), torch",
        ),
        (
            [("a", [1])],
            {"names": ["a"], "layout": "jagged"},
            r"has 1 names.* has 2 fields: list, torch.int64",
        ),
        (
            [{"text": [1]}],
            {"names": ("label",)},
            r"names=\('label',\) asks for 'label', and a batch of these rows has 'text', 'lengths'",
        ),
    ],
)
def test_settings_that_do_not_fit_the_rows_are_an_error(
    rows: list[Any], how: dict[str, Any], says: str
) -> None:
    with pytest.raises(GraphError, match=f"^batch_tokens: .*{says}"):
        collate(rows, **how)


def test_an_unknown_layout_is_an_error_that_says_which_there_are() -> None:
    said = "^batch_tokens: there is no layout 'packed'. Choose padded, offsets, jagged.$"
    with pytest.raises(GraphError, match=said):
        collate([[1]], layout="packed")  # type: ignore[arg-type]  # that is the point
    with pytest.raises(GraphError, match=said):
        Batching(size=1, layout="packed")  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_of_nothing_is_an_error(size: int) -> None:
    with pytest.raises(GraphError, match=f"^batch_tokens: batch_size={size} is not 1 or more"):
        Batching(size=size)


# How many rows.


@given(rows=st.integers(0, 20), size=st.integers(1, 7), drop_last=st.booleans())
def test_every_row_is_in_one_batch_unless_the_last_is_dropped(rows: int, size: int, drop_last: bool) -> None:
    batching, left = Batching(size=size, drop_last=drop_last), iter(range(rows))
    batches = []
    while taken := batching.gather(left):
        batches.append(taken)
    kept = rows - rows % size if drop_last else rows
    assert batches == [list(range(kept))[i : i + size] for i in range(0, kept, size)]


def test_a_buffer_is_cut_into_full_batches_all_but_the_last() -> None:
    batching, left = Batching(size=3, bucket_batches=2), iter([[i] for i in range(14)])
    sizes: list[int] = []
    while buffer := batching.gather_buffer(left, 0, len(sizes)):
        sizes.append(len(buffer))
    assert sizes == [6, 6, 2]
