"""Rows of every kind, and the one field of them that a stage works on."""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchvectors.errors import GraphError
from torchvectors.rows import Column, changing, checked_columns, each_column, field_of, with_field


class Labelled(NamedTuple):
    label: int
    text: Any


FIELDS = st.integers() | st.text(max_size=3) | st.lists(st.text(max_size=2), max_size=3)


@given(row=st.text() | st.lists(st.text()), value=FIELDS, column=st.sampled_from([None, 0]))
def test_a_str_or_a_list_is_the_field_itself(row: Any, value: Any, column: Column) -> None:
    assert field_of(row, column, "stage") is row
    assert with_field(row, column, value) is value


@given(row=st.lists(FIELDS, min_size=1, max_size=4).map(tuple), value=FIELDS, data=st.data())
def test_every_position_of_a_tuple_counts_from_either_end(row: tuple[Any], value: Any, data: Any) -> None:
    column = data.draw(st.integers(-len(row), len(row) - 1))
    changed = with_field(row, column, value)
    assert field_of(row, column, "stage") is operator.getitem(row, column)
    expected = list(row)
    expected[column] = value
    assert changed == tuple(expected)


@given(
    row=st.dictionaries(FIELDS.filter(lambda key: not isinstance(key, list)), FIELDS, min_size=1),
    value=FIELDS,
)
def test_every_key_of_a_dict_is_a_column(row: dict[Any, Any], value: Any) -> None:
    before = dict(row)
    for key, field in row.items():
        assert field_of(row, key, "stage") is field
        assert with_field(row, key, value) == {**before, key: value}
        assert list(with_field(row, key, value)) == list(before)  # in the order they were
    assert row == before


def test_the_default_column_is_the_second_field_of_a_tuple_and_text_in_a_dict() -> None:
    assert field_of((1, "a"), None, "stage") == "a"
    assert field_of({"label": 1, "text": "a"}, None, "stage") == "a"
    assert with_field((1, "a"), None, "b") == (1, "b")
    assert with_field({"label": 1, "text": "a"}, None, "b") == {"label": 1, "text": "b"}


@pytest.mark.parametrize("column", [None, 1, -1, "text"])
def test_a_named_tuple_stays_one(column: Column) -> None:
    changed = with_field(Labelled(3, "a"), column, ["b"])
    assert isinstance(changed, Labelled)
    assert changed == Labelled(3, ["b"])


@pytest.mark.parametrize(
    ("row", "column", "says"),
    [
        ("a text", 1, "column 1; it is no tuple or dict"),
        (["a", "b"], "text", "column 'text'; it is no tuple or dict"),
        ((1, "a"), 2, "column 2; it has 2 fields, counted from 0"),
        ((1, "a"), -3, "column -3"),
        ((1, "a"), "text", "column 'text'; it has 2 fields, counted"),
        (Labelled(1, "a"), "body", "column 'body'; it has 2 fields (label, text), counted from 0"),
        (("a",), None, "the default column, 'text' of a dict or 1 of a tuple; it has 1 field"),
        (
            {"label": 1, "body": "a"},
            None,
            "the default column, 'text' of a dict or 1 of a tuple; it has 'label', 'body'",
        ),
        ({"label": 1}, "text", "column 'text'; it has 'label': {'label': 1}"),
        ({"label": 1}, ["unhashable"], "column"),
    ],
)
def test_a_row_without_the_column_is_an_error_that_says_what_it_has(row: Any, column: Any, says: str) -> None:
    with pytest.raises(GraphError, match="tokenize: this row lacks") as error:
        field_of(row, column, "tokenize")
    assert says in str(error.value)
    assert str(error.value).endswith("Name the text's column with column=…")


def test_the_error_shows_no_more_of_a_row_than_a_line() -> None:
    with pytest.raises(GraphError) as error:
        field_of((0, "x" * 1000), 7, "tokenize")
    assert len(str(error.value)) < 300


COLUMNS: Any = st.none() | st.integers(-2, 2) | st.text(max_size=2) | st.tuples(st.text(max_size=1))


@given(columns=st.lists(COLUMNS, min_size=1, unique=True), as_list=st.booleans())
def test_every_tuple_or_list_of_columns_means_each_of_them(columns: list[Any], as_list: bool) -> None:
    kept = checked_columns(columns if as_list else tuple(columns), "stage")
    assert kept == tuple(columns)  # a list could be changed later
    assert list(each_column(kept)) == columns
    assert hash(kept) == hash(tuple(columns))


@given(column=st.none() | st.integers() | st.text())
def test_every_other_column_means_itself(column: Column) -> None:
    assert checked_columns(column, "stage") is column
    assert each_column(column) == (column,)


def test_columns_in_a_list_within_a_list_are_an_error() -> None:
    with pytest.raises(
        GraphError, match=r"^tokenize: column=.* holds \['a', 'b'\], which is neither a position"
    ):
        checked_columns((["a", "b"], "c"), "tokenize")  # type: ignore[arg-type]  # the mistake


@given(columns=st.lists(COLUMNS, min_size=1), data=st.data())
def test_a_column_twice_or_none_is_an_error(columns: list[Any], data: Any) -> None:
    twice = [*columns, data.draw(st.sampled_from(columns))]
    for wrong in (twice, ()):
        with pytest.raises(
            GraphError, match=r"^tokenize: column=.* names .*Give each column of the row once"
        ):
            checked_columns(wrong, "tokenize")


class Other(tuple[Any, ...]):
    """A tuple of the user's own, without names."""


KINDS: Any = st.sampled_from(
    [tuple, Other, Labelled._make, lambda fields: dict(zip(("text", 1), fields, strict=True)), list]
)
ANY_COLUMN: Any = st.sampled_from([None, 0, 1, 2, -1, -2, "text", "label"])


@given(
    row=st.builds(lambda kind, fields: kind(fields), KINDS, st.tuples(FIELDS, FIELDS)),
    columns=ANY_COLUMN | st.lists(ANY_COLUMN, min_size=1, max_size=2),
)
def test_every_row_is_changed_at_once_as_it_is_column_by_column(row: Any, columns: Any) -> None:
    before = repr(row)
    change = changing(columns, lambda field: ["changed", field], "stage")
    expected = row
    try:
        for column in each_column(columns):
            expected = with_field(expected, column, ["changed", field_of(expected, column, "stage")])
    except GraphError as error:
        culprit = str(error).split(";")[0]
        with pytest.raises(GraphError) as caught:
            change(row)
        assert str(caught.value).split(";")[0] == culprit  # which stage, and which column
    else:
        assert change(row) == expected
        assert type(change(row)) is type(expected)
    assert repr(row) == before
