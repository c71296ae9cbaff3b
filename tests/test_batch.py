"""Batches of every layout against loops by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from torchvectors.batch import Batching, Layout, collate, jagged, offsets, padded
from torchvectors.errors import GraphError


class Labelled(NamedTuple):
    label: int
    ids: list[int]


INDICES = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 9)
SEQUENCES = st.lists(
    st.lists(INDICES, max_size=6), min_size=1, max_size=6
)  # empty ones and batches of one, too
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
