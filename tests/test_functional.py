"""torchtext's ``functional``: as it is and in TorchScript, for every sequence and batch."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from torchvectors import functional

# torch.jit.script is deprecated since torch 2.13, but programs written for torchtext use it.
scripting = [
    pytest.mark.filterwarnings(r"ignore:.*torch\.jit:DeprecationWarning"),
    pytest.mark.skipif(sys.version_info >= (3, 14), reason="TorchScript does not know Python 3.14"),
]


def scripted(function: Callable[..., Any]) -> Callable[..., Any]:
    compiled: Callable[..., Any] = torch.jit.script(function)
    return compiled


SIGNATURES: list[tuple[Callable[..., object], str]] = [
    (functional.to_tensor, "input, padding_value=None, dtype=torch.int64"),
    (functional.truncate, "input, max_seq_len"),
    (functional.add_token, "input, token_id, begin=True"),
    (functional.str_to_int, "input"),
]


@pytest.mark.parametrize(("function", "expected"), SIGNATURES)
def test_signatures_are_torchtext_s(function: Callable[..., object], expected: str) -> None:
    parameters = inspect.signature(function).parameters.values()
    bare = [str(parameter.replace(annotation=inspect.Parameter.empty)) for parameter in parameters]
    assert ", ".join(bare) == expected


CASES: list[tuple[Callable[..., object], tuple[object, ...], object]] = [
    (functional.truncate, ([1, 2, 3], 2), [1, 2]),
    (functional.truncate, ([[1, 2], [1, 2, 3]], 2), [[1, 2], [1, 2]]),
    (functional.truncate, (["a", "b", "c"], 2), ["a", "b"]),
    (functional.truncate, ([["a", "b"], ["a", "b", "c"]], 2), [["a", "b"], ["a", "b"]]),
    (functional.add_token, ([1, 2], 0), [0, 1, 2]),
    (functional.add_token, ([1, 2], 0, False), [1, 2, 0]),
    (functional.add_token, ([[1, 2], [1, 2, 3]], 0), [[0, 1, 2], [0, 1, 2, 3]]),
    (functional.add_token, ([[1, 2], [1, 2, 3]], 0, False), [[1, 2, 0], [1, 2, 3, 0]]),
    (functional.add_token, (["1", "2"], "0", False), ["1", "2", "0"]),
    (functional.add_token, (["1", "2"], "0"), ["0", "1", "2"]),
    (functional.add_token, ([["1", "2"], ["1"]], "0"), [["0", "1", "2"], ["0", "1"]]),
    (functional.add_token, ([["1", "2"], ["1"]], "0", False), [["1", "2", "0"], ["1", "0"]]),
    (functional.str_to_int, (["1", "-2", " 3"],), [1, -2, 3]),
    (functional.str_to_int, ([["1", "2"], []],), [[1, 2], []]),
]


@pytest.mark.parametrize(("function", "given", "expected"), CASES)
def test_lists_are_cut_extended_and_read(
    function: Callable[..., object], given: tuple[object, ...], expected: object
) -> None:
    assert function(*given) == expected


TENSORS: list[tuple[tuple[Any, ...], torch.Tensor]] = [
    (([1, 2],), torch.tensor([1, 2])),
    (([1, 2], 0), torch.tensor([1, 2])),
    (([[1, 2], [3, 4]],), torch.tensor([[1, 2], [3, 4]])),
    (([[1, 2], [1, 2, 3]], 0), torch.tensor([[1, 2, 0], [1, 2, 3]])),
    (([[1], [], [2, 3]], -7), torch.tensor([[1, -7], [-7, -7], [2, 3]])),
    (([[1], [2, 3]], 9, torch.float32), torch.tensor([[1.0, 9.0], [2.0, 3.0]])),
    (([1, 2], None, torch.int32), torch.tensor([1, 2], dtype=torch.int32)),  # torchtext: int64
    (([[1]], None, torch.uint8), torch.tensor([[1]], dtype=torch.uint8)),
]


@pytest.mark.parametrize(("given", "expected"), TENSORS)
def test_ids_become_a_tensor(given: tuple[Any, ...], expected: torch.Tensor) -> None:
    torch.testing.assert_close(functional.to_tensor(*given), expected, rtol=0, atol=0)


class TestScripted:
    """What TorchScript can be given: it cannot tell what an empty list would hold."""

    pytestmark = scripting

    @pytest.mark.parametrize(("function", "given", "expected"), [case for case in CASES if [] not in case[2]])  # type: ignore[operator] # each is a list
    def test_lists_are_cut_extended_and_read(
        self, function: Callable[..., object], given: tuple[object, ...], expected: object
    ) -> None:
        assert scripted(function)(*given) == expected

    @pytest.mark.parametrize(("given", "expected"), [case for case in TENSORS if [] not in case[0][0]])
    def test_ids_become_a_tensor(self, given: tuple[Any, ...], expected: torch.Tensor) -> None:
        torch.testing.assert_close(scripted(functional.to_tensor)(*given), expected, rtol=0, atol=0)

    @pytest.mark.parametrize("function", [functional.to_tensor, functional.str_to_int])
    def test_another_type_is_refused(self, function: Callable[..., object]) -> None:
        with pytest.raises(torch.jit.Error, match="Input type not supported"):
            scripted(function)([1.5])


@given(
    rows=st.lists(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=4), min_size=1, max_size=4),
    length=st.integers(0, 5),
)
def test_every_batch_is_its_sequences_one_by_one(rows: list[list[int]], length: int) -> None:
    assert functional.truncate(rows, length) == [functional.truncate(row, length) for row in rows]
    assert functional.add_token(rows, 5) == [functional.add_token(row, 5) for row in rows]
    written = [[str(number) for number in row] for row in rows]
    assert functional.str_to_int(written) == [functional.str_to_int(row) for row in written] == rows
    padded = functional.to_tensor(rows, padding_value=3)
    longest = max(map(len, rows))
    assert padded.shape == (len(rows), longest)
    assert padded.tolist() == [row + [3] * (longest - len(row)) for row in rows]


def test_tuples_empty_lists_and_numpy_s_numbers_work_too() -> None:
    assert functional.truncate(((1, 2), [3]), 1) == [[1], [3]]
    assert functional.add_token((), "a") == ["a"]
    assert functional.str_to_int([]) == []
    assert functional.truncate([[]], 3) == [[]]
    assert functional.to_tensor([]).dtype == torch.int64
    assert functional.to_tensor([[]], padding_value=0).shape == (1, 0)
    numbers = list(np.arange(3))
    torch.testing.assert_close(functional.to_tensor((numbers, [7]), 0), torch.tensor([[0, 1, 2], [7, 0, 0]]))


def test_what_is_given_is_not_changed() -> None:
    rows = [[1, 2], [3]]
    functional.truncate(rows, 1)
    functional.add_token(rows, 0)
    assert rows == [[1, 2], [3]]
    copy = functional.truncate(rows, 9)
    copy[0].append(4)
    assert rows == [[1, 2], [3]]


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (
            lambda: functional.to_tensor("12"),
            "to_tensor takes a list of int, or a list of such lists, not str",
        ),
        (lambda: functional.to_tensor([1.5]), "not list of float"),
        (lambda: functional.to_tensor([[1], 2]), "not list of list of int"),
        (lambda: functional.to_tensor([[[1]]]), "not list of list of list of int"),
        (lambda: functional.truncate([1, "a"], 1), "truncate takes a list of str or int,.* not list of int"),
        (lambda: functional.truncate(None, 1), "not NoneType"),
        (lambda: functional.add_token([1], "a"), "add_token takes a list of str"),
        (lambda: functional.add_token(["a"], 1), "add_token takes a list of int"),
        (lambda: functional.str_to_int([1]), "str_to_int takes a list of str"),
    ],
)
def test_another_type_is_refused_with_what_it_was(call: Callable[[], object], complaint: str) -> None:
    with pytest.raises(TypeError, match=f"^Input type not supported: .*{complaint}"):
        call()


def test_a_string_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="'x'"):
        functional.str_to_int(["1", "x"])


def test_a_ragged_batch_needs_padding() -> None:
    with pytest.raises(ValueError, match="expected sequence of length"):
        functional.to_tensor([[1], [2, 3]])
