"""Numbers that lie anywhere in some bytes → float32."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from torchvectors.formats.decimals import BEFORE, padded, parse_decimals


def parse(fields: list[bytes]) -> tuple[NDArray[np.float32], list[int]]:
    raw = padded(b" ".join(fields) + b" ")
    lengths = np.array([len(field) for field in fields], np.int64)
    ends = BEFORE + (lengths + 1).cumsum() - 1
    numbers, odd = parse_decimals(raw, ends - lengths, ends)
    return numbers, odd.tolist()


DIGITS = st.text("0123456789", max_size=9)
WRITTEN = st.builds("{}{}{}{}".format, st.sampled_from(["", "-"]), DIGITS, st.sampled_from(["", "."]), DIGITS)
NOISE = st.text("0123456789.-+eE_naif/:é,\t", max_size=18)
FLOATS = st.floats(allow_nan=False).map(repr) | st.floats(-10, 10).map("{:.5f}".format)


@given(st.lists(WRITTEN | NOISE | FLOATS, min_size=1, max_size=40))
def test_every_number_is_rounded_as_python_rounds_it_or_left_to_the_caller(texts: list[str]) -> None:
    fields = [text.encode() for text in texts]
    numbers, odd = parse(fields)
    assert sorted(set(odd)) == odd
    for place in set(range(len(fields))) - set(odd):
        assert numbers[place].tobytes() == np.float64(float(fields[place])).astype(np.float32).tobytes()


SHORT = ["0", "-0", "7", "-0.0", "5.", ".5", "-.5", "0.12345", "-0.12345", "1234567.8"]


@pytest.mark.parametrize("field", [*SHORT, "123456789012345", "-1.23456789012345"])
def test_what_has_up_to_fifteen_digits_is_left_to_nobody(field: str) -> None:
    numbers, odd = parse([b"0.5", field.encode(), b"-0.25"])
    assert odd == []
    assert numbers.tobytes() == np.array([0.5, float(field), -0.25]).astype(np.float32).tobytes()


@pytest.mark.parametrize(
    "field", ["", "-", ".", "-.", "--1", "1.2.3", "1-2", "0.1a", "+1", "1e5", "1234567890123456"]
)
def test_what_is_written_otherwise_is_pointed_out(field: str) -> None:
    _, odd = parse([b"0.5", field.encode(), b"-0.25"])
    assert odd == [1]


def test_more_numbers_than_are_parsed_at_a_time_keep_their_places() -> None:
    fields = [b"%d.5" % n for n in range(70_000)]
    fields[66_000] = b"x"
    numbers, odd = parse(fields)
    assert odd == [66_000]
    assert np.delete(numbers - np.arange(70_000, dtype=np.float32), odd).tolist() == [0.5] * 69_999
