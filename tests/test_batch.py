"""Rows of indices → tensors."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from torchvectors.batch import collate, jagged, offsets, padded
from torchvectors.errors import GraphError

SEQUENCES = st.lists(st.lists(st.integers(0, 2**40), max_size=6), min_size=1, max_size=8)


@given(SEQUENCES, st.integers(-5, 5))
def test_every_padded_batch_is_what_a_loop_makes(sequences: list[list[int]], padding: int) -> None:
    ids, lengths = padded(sequences, padding)
    longest = max(map(len, sequences))
    assert ids.tolist() == [one + [padding] * (longest - len(one)) for one in sequences]
    assert lengths.tolist() == [len(one) for one in sequences]
    assert (ids.dtype, lengths.dtype) == (torch.int64, torch.int64)


@given(SEQUENCES)
def test_every_batch_of_offsets_and_every_jagged_one_holds_the_sequences(sequences: list[list[int]]) -> None:
    ids, starts = offsets(sequences)
    ends = [*starts.tolist()[1:], len(ids)]
    assert [ids[a:b].tolist() for a, b in zip(starts.tolist(), ends, strict=True)] == sequences
    assert [one.tolist() for one in jagged(sequences).unbind()] == sequences


def test_offsets_are_what_an_embedding_bag_takes() -> None:
    bag = nn.EmbeddingBag(10, 3, mode="sum")
    sequences = [[1, 2], [], [3]]
    ids, starts = offsets(sequences)
    expected = torch.stack([bag.weight[one].sum(0) for one in sequences])
    assert torch.allclose(bag(ids, starts), expected)


def test_tensors_of_vectors_are_padded_and_joined() -> None:
    sequences = [torch.ones(2, 3), torch.full((1, 3), 2.0)]
    values, lengths = padded(sequences)
    assert values.shape == (2, 2, 3)
    assert values[1].tolist() == [[2, 2, 2], [0, 0, 0]]
    assert lengths.tolist() == [2, 1]
    joined, starts = offsets(sequences)
    assert joined.shape == (3, 3)
    assert starts.tolist() == [0, 2]
    assert [tuple(one.shape) for one in jagged(sequences).unbind()] == [(2, 3), (1, 3)]


Pair = namedtuple("Pair", "label ids")


@pytest.mark.parametrize("make", [lambda label, ids: (label, ids), Pair], ids=["tuple", "named tuple"])
def test_a_tuples_other_fields_keep_their_places(make: Any) -> None:
    labels, ids, lengths = collate([make(3, [1, 2]), make(4, [5])])
    assert labels.tolist() == [3, 4]
    assert labels.dtype == torch.int64
    assert ids.tolist() == [[1, 2], [5, 0]]
    assert lengths.tolist() == [2, 1]


def test_other_fields_become_tensors_where_they_can() -> None:
    rows = [([1], 0.5, True, "a", torch.zeros(2)), ([2], 1.5, False, "b", torch.ones(2))]
    ids, lengths, floats, bools, words, tensors = collate(rows, column=0)
    assert ids.tolist() == [[1], [2]]
    assert lengths.tolist() == [1, 1]
    assert (floats.dtype, bools.dtype) == (torch.float32, torch.bool)
    assert words == ["a", "b"]
    assert tensors.shape == (2, 2)


def test_a_dict_comes_out_as_a_dict() -> None:
    rows = [{"label": 1, "text": [1, 2]}, {"label": 2, "text": [3]}]
    batch = collate(rows, padding_value=9)
    assert {key: value.tolist() for key, value in batch.items()} == {
        "label": [1, 2],
        "text": [[1, 2], [3, 9]],
        "lengths": [2, 1],
    }
    assert collate(rows, layout="offsets")["offsets"].tolist() == [0, 2]
    assert set(collate(rows, layout="jagged")) == {"label", "text"}


def test_bare_sequences_come_out_as_tensors_alone() -> None:
    ids, lengths = collate([[1], [2, 3]])
    assert ids.tolist() == [[1, 0], [2, 3]]
    assert lengths.tolist() == [1, 2]
    assert collate([[1], [2, 3]], layout="jagged").is_nested


@pytest.mark.parametrize(
    ("rows", "how", "message"),
    [
        ([[1]], {"layout": "ragged"}, "no layout 'ragged'. Choose padded, offsets, jagged"),
        ([(1, ["a", "b"])], {}, r"no sequence of numbers.*numericalize"),
        ([(1, "text")], {}, "no sequence of numbers"),
        ([(1,)], {}, "no column the default one; it has 1 fields"),
        ([(1, [2]), (1, [2], 3)], {}, "not of one form"),
        ([(1, [2]), {"text": [2]}], {}, "not of one form"),
        ([{"a": 1, "text": [2]}, {"b": 1, "text": [2]}], {}, "has no 'a'"),
        ([{"label": 1}], {}, "no column the default one; it has 'label'"),
    ],
)
def test_rows_that_do_not_fit_are_refused_with_the_reason(rows: Any, how: Any, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        collate(rows, **how)
