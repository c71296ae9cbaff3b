"""Bytes → rows: every field and line comes out as it went in; what is wrong is named with its line, or counted."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from torchvectors.errors import GraphError, ParseError
from torchvectors.reading import (
    BadRows,
    Delimited,
    Dialect,
    JsonLines,
    Lines,
    PlainLines,
    Policy,
    Shape,
    WholeTexts,
    field_rows,
)

AWKWARD = st.text(st.sampled_from("a,\";\t '\\\r\n\x85\u2028\xa0é語𝄞"))
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
FIELDS = st.lists(st.lists(AWKWARD | TEXTS, min_size=2, max_size=2), min_size=1, max_size=6)


class Trickling(io.RawIOBase):
    """A stream that gives a few bytes at a time."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def read(self, n: int = -1) -> bytes:
        return self._file.read(min(n, 3))


def read(data: bytes, kind: Any, policy: Policy = "error", **options: Any) -> tuple[list[Any], BadRows]:
    bad = BadRows(policy)
    lines = Lines(Trickling(data), "x.csv", **options)
    return list(kind.rows(lines, bad, None, "folder/x.csv")), bad


def fields(data: bytes, policy: Policy = "error", largest: int = 1 << 20, **dialect: Any) -> Any:
    bad = BadRows(policy)
    rows = list(field_rows(Lines(Trickling(data), "x.csv", largest=largest), Dialect(**dialect), bad))
    return rows, bad.count


@given(
    rows=FIELDS, encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "gb18030"])
)
def test_every_csv_row_comes_out_as_it_was_written_and_from_every_place(
    rows: list[list[str]], encoding: str
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([["a", "b"], *rows])
    data = text.getvalue().encode(encoding)
    kind = Delimited(shape=Shape(columns=("b", "a")))
    expected = [(b, a) for a, b in rows]
    lines = Lines(Trickling(data), "x", encoding=encoding)
    places, got = [None], []
    for row in kind.rows(lines, BadRows(), None, "x"):
        got.append(row)
        places.append(lines.place)  # type: ignore[arg-type]  # None stands for the beginning
    assert got == expected
    assert places[-1].line == text.getvalue().count("\n")  # type: ignore[attr-defined]
    for number, place in enumerate(places):
        for stream in (Trickling(data), io.BytesIO(data)):
            again = Lines(stream, "x", encoding=encoding)
            assert list(kind.rows(again, BadRows(), place, "x")) == expected[number:]


@settings(max_examples=50)
@given(texts=st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\n\r"))))
def test_every_line_ends_at_lf_alone_and_every_json_value_comes_back(texts: list[str]) -> None:
    for end in ("\n", "\r\n"):
        data = "".join(text + end for text in texts).encode()
        assert read(data, PlainLines())[0] == [
            text.removeprefix("\ufeff") if n == 0 else text for n, text in enumerate(texts)
        ]
    data = "".join(json.dumps({"t": text}, ensure_ascii=False) + "\n" for text in texts).encode()
    assert read(data, JsonLines())[0] == [{"t": text} for text in texts]
    assert read(data, JsonLines(shape=Shape(columns="t")))[0] == texts


def test_lines_keep_what_is_no_end_of_a_line() -> None:
    data = "a\rb\u2028c\x85d \n\n  \nlast".encode()
    assert read(data, PlainLines())[0] == ["a\rb\u2028c\x85d ", "", "  ", "last"]
    assert read(data, PlainLines(skip_blank=True))[0] == ["a\rb\u2028c\x85d ", "last"]
    assert read(b"", PlainLines())[0] == []


BAD_CSV = {
    b'a,"x"y\n': r"x\.csv:2: this row cannot be parsed .* 'a,\"x\"y'",
    b"a\n": r"x\.csv:2: this row has 1 field, and 2 were to be expected: 'a'",
    b"a,b,c\n": r"x\.csv:2: this row has 3 fields",
    b"a,b\0\n": r"x\.csv:2: it holds a NUL",
    b"a,caf\xe9\n": r"x\.csv:2: byte 0xE9, the line's byte 5, is not utf-8 .* encoding='cp1252'.* The row: 'a,caf",
    b'a,"two\nlines \xff"\n': r"x\.csv:2: in line 3, byte 0xFF",
    b"a\rb,c\n": r"x\.csv:2: .*\(a CR within a line",
    b"a," + b"b" * 300 + b"\n": r"x\.csv:2: this row has more than 200 bytes",
}


@pytest.mark.parametrize("bad", BAD_CSV)
def test_a_bad_csv_row_is_an_error_with_its_line_or_one_more_that_is_left_out(bad: bytes) -> None:
    data = b"label,text\n" + bad + b'good,"1\n2"\n' + bad + b"good,2\n"
    kind = Delimited(shape=Shape(columns="text"))
    with pytest.raises(
        ParseError, match=BAD_CSV[bad] + r"(.|\n)*Mend it, or leave such rows out: bad_rows='skip'"
    ):
        read(data, kind, largest=200)
    rows, count = read(data, kind, "skip", largest=200)
    assert (rows, count.count) == (["1\n2", "2"], 2)
    assert str(count.first).startswith("x.csv:2: ")


def test_a_quote_that_is_never_closed_costs_one_row() -> None:
    data = b'a,b\n"c,d\ne,f\n' + b"g,h\n" * 50
    for largest in (20, 1 << 20):
        rows, count = fields(data, "skip", largest)
        assert rows == [["a", "b"], ["e", "f"], *[["g", "h"]] * 50]
        assert count == 1
    with pytest.raises(ParseError, match=r"x\.csv:2: this row has more than 20 bytes: '\"c,d\\ne,f"):
        fields(data, largest=20)


def test_a_field_may_be_longer_than_the_standard_librarys_limit_which_stays_what_it_is() -> None:
    before = csv.field_size_limit()
    long = "x\n" * before
    rows, _ = fields(f'a,"{long}"\nb,c\n'.encode(), largest=4 * before)
    assert rows == [["a", long], ["b", "c"]]
    assert csv.field_size_limit() == before


def test_quotes_may_be_characters_like_any_other() -> None:
    assert fields(b'5" x\t"y\n', delimiter="\t", quotechar=None)[0] == [['5" x', '"y']]
    assert fields(b"a;'b;c'\n", delimiter=";", quotechar="'")[0] == [["a", "b;c"]]
    assert fields(b"a\\,b,c\n", quotechar=None, escapechar="\\")[0] == [["a,b", "c"]]
    assert fields(b'"a"b,c\n', strict=False)[0] == [["ab", "c"]]


@pytest.mark.parametrize(
    "settings", [{"delimiter": ",,"}, {"delimiter": '"'}, {"delimiter": "\n"}, {"quotechar": ""}]
)
def test_a_dialect_that_is_none_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(GraphError, match=r"tell fields apart|three characters"):
        Dialect(**settings)


BAD_JSON = [
    b"{",
    b"[1, 2",
    b"7",
    b"null",
    b'{"a": 1}',
    b'{"t": "\0"}',
    b"[" * 100_000,
    b"9" * 5_000,
    b"\xff",
    b"[1]",
]


@pytest.mark.parametrize("bad", BAD_JSON)
def test_a_bad_line_of_json_is_named_or_left_out(bad: bytes) -> None:
    data = b'{"t": "good"}\n\n' + bad + b'\n{"t": "too"}\n'
    kind = JsonLines(shape=Shape(columns=("t",)))
    with pytest.raises(ParseError, match=r"^x\.csv:3: "):
        read(data, kind)
    rows, count = read(data, kind, "skip")
    assert (rows, count.count) == ([("good",), ("too",)], 1)


def test_json_becomes_dicts_tuples_and_texts() -> None:
    data = b'{"a": 1, "t": "x"}\n["pos", "y"]\n"z"\n'
    assert read(data, JsonLines())[0] == [{"a": 1, "t": "x"}, ("pos", "y"), "z"]
    kind = JsonLines(shape=Shape(columns={"label": 0, "text": 1}, labels=["neg", "pos"]))
    assert read(b'["pos", "y"]\n', kind)[0] == [{"label": 1, "text": "y"}]


def test_a_byte_order_mark_is_left_out_and_that_of_utf_16_is_an_error_that_is_never_skipped() -> None:
    assert read(b"\xef\xbb\xbfa,b\n1,2\n", Delimited())[0] == [{"a": "1", "b": "2"}]
    for policy in ("error", "skip"):
        with pytest.raises(ParseError, match=r"begins with .* as UTF-16 does, .* encoding='utf-16'"):
            read("a,b\n".encode("utf-16"), Delimited(header=False), policy)
        with pytest.raises(ParseError, match=r"x\.csv: at line 3 or soon after, this is not utf-16"):
            read("a\nb\n".encode("utf-16") + b"\0", PlainLines(), policy, encoding="utf-16")
    with pytest.raises(GraphError, match="there is no encoding 'utf-99' of text"):
        Lines(io.BytesIO(), "x", encoding="utf-99")


COLUMNS: list[tuple[Any, bool, Any]] = [
    (None, True, {"label": "pos", "text": "hi"}),
    (None, False, ("pos", "hi")),
    ("text", True, "hi"),
    (1, False, "hi"),
    (["text"], True, ("hi",)),
    (("text", 0), True, ("hi", "pos")),
    ({"y": "label", "x": 1}, True, {"y": "pos", "x": "hi"}),
]


@pytest.mark.parametrize(("columns", "header", "row"), COLUMNS)
def test_columns_say_in_what_a_row_comes(columns: Any, header: bool, row: object) -> None:
    data = (b"label,text\n" if header else b"") + b"pos,hi\n"
    assert read(data, Delimited(header=header, shape=Shape(columns=columns)))[0] == [row]


def test_names_may_be_given_and_must_be_there() -> None:
    assert read(b"pos,hi\n", Delimited(header=["y", "x"]))[0] == [{"y": "pos", "x": "hi"}]
    for kind, said in [
        (Delimited(shape=Shape(columns="x")), r"x\.csv:1: there is no column 'x'; there are 'a', 'a'"),
        (Delimited(shape=Shape(columns="a")), r"2 columns have the name 'a'"),
        (Delimited(), r"two columns have the name 'a'"),
        (Delimited(shape=Shape(columns=2)), r"there is no column 2: the rows have 2 fields"),
        (
            Delimited(header=False, shape=Shape(columns="a")),
            r"the columns have no names, so give its position",
        ),
    ]:
        with pytest.raises(ParseError, match=said):
            read(b"a,a\n1,2\n", kind, "skip")
    with pytest.raises(ParseError, match=r"x\.csv:1: .* It is the header"):
        read(b'"a"b,c\n', Delimited(), "skip")


@pytest.mark.parametrize(
    ("data", "kind", "said"),
    [
        (b"label\ttext\npos\thi\n", Delimited(), r"one name, 'label\\ttext'.*ReadTSV.* columns=\[0\]"),
        (b"label;text\npos;hi\n", Delimited(), r"x\.csv:1: .*ReadCSV with delimiter=';'"),
        (b"a|b\n1|2\n", Delimited(), r"ReadCSV with delimiter='\|'"),
        (b"label,text\npos,hi\n", Delimited(dialect=Dialect(delimiter="\t")), r"by commas: use ReadCSV\."),
        (
            b"label\ttext\npos\thi\n",
            Delimited(shape=Shape(columns="label")),
            r"no column 'label'; there are 'label\\ttext'.*use ReadTSV",
        ),
        (b"pos;hi\n", Delimited(header=False, shape=Shape(columns=(0, 1))), r"1 fields.*delimiter=';'"),
        (
            b"label, text\n1,2\n",
            Delimited(shape=Shape(columns="text")),
            r"White space .*' text' may be meant",
        ),
    ],
)
def test_a_header_that_another_mark_parts_is_an_error_that_names_it(
    data: bytes, kind: Delimited, said: str
) -> None:
    with pytest.raises(ParseError, match=said):
        read(data, kind, "skip")


def test_one_column_that_holds_marks_can_be_meant() -> None:
    assert read(b"a;b\n1\n", Delimited(shape=Shape(columns=[0])))[0] == [("1",)]
    assert read(b"a;b\n1\n", Delimited(header=["text"]))[0] == [{"text": "a;b"}, {"text": "1"}]
    assert read(b"wait; what\n", Delimited(header=False))[0] == [("wait; what",)]
    for data in (b"pos\thi\n", b"pos;hi\n"):
        with pytest.warns(UserWarning, match=r"x\.csv:1: the first row has but one field: .*delimiter="):
            assert read(data, Delimited(header=False))[0] == [(data.decode().strip(),)]


@pytest.mark.parametrize("columns", [(0, 1), None, {"label": 0}, 0])
def test_a_row_that_is_taken_for_the_header_is_told_of(columns: Any) -> None:
    with pytest.warns(UserWarning, match=r"x\.csv:1: the first row .* is '3'\. .* say header=False"):
        assert len(read(b"3,hi\n4,ho\n", Delimited(shape=Shape(columns=columns)))[0]) == 1
    if not isinstance(columns, int):
        shape = Shape(columns=columns, labels=["pos"], label=0 if columns is None else None)
        if columns is not None:
            with pytest.warns(UserWarning, match="one of them is 'pos'"):
                read(b"pos,hi\npos,ho\n", Delimited(shape=shape))


def test_a_header_that_looks_like_one_is_no_matter() -> None:
    looks: list[tuple[bytes, Any]] = [
        (b"label,text\n4,ho\n", (0, 1)),
        (b"0,1\n4,ho\n", (0, 1)),
        (b"3,x\n4,ho\n", ("3",)),
    ]
    for data, columns in looks:
        assert len(read(data, Delimited(shape=Shape(columns=columns)))[0]) == 1


def test_an_array_of_all_rows_is_no_json_lines() -> None:
    with pytest.raises(ParseError, match=r"x\.csv: this is one JSON array, not JSON lines"):
        read(b'[{"a": 1}, {"a": 2}]\n\n', JsonLines())
    assert len(read(b'[{"a": 1}]\n[{"a": 2}]\n', JsonLines())[0]) == 2  # chats, for one
    assert read(b'[{"a": 1}]\n', JsonLines(shape=Shape(columns=0)))[0] == [{"a": 1}]


def test_labels_are_as_given_or_as_a_map_says() -> None:
    data = b"y,x\nneg,a\npos,b\n"
    shape = Shape(columns=("y", "x"), labels=["neg", "pos"])
    assert read(data, Delimited(shape=shape))[0] == [(0, "a"), (1, "b")]
    shape = Shape(columns=("x", "y"), labels={"neg": -1.0, "pos": 1.0}, label=1)
    assert read(data, Delimited(shape=shape))[0] == [("a", -1.0), ("b", 1.0)]
    shape = Shape(labels={"neg": 0}, label="y")
    with pytest.raises(ParseError, match=r"x\.csv:3: the label 'pos' is none of 'neg'\. The row: 'pos,b'"):
        read(data, Delimited(shape=shape))
    rows, bad = read(data, Delimited(shape=shape), "skip")
    assert (rows, bad.count) == ([{"y": 0, "x": "a"}], 1)
    with pytest.raises(ParseError, match=r"the row has no column 'label' for labels="):
        read(data, Delimited(shape=Shape(labels=["neg"])))
    assert read(b"a\r\nb\n", WholeTexts(shape=Shape(labels=["folder"])))[0] == [(0, "a\r\nb\n")]
    with pytest.raises(ParseError, match=r"x\.csv: the label 'folder' is none of 'a'"):
        read(b"", WholeTexts(shape=Shape(labels=["a"])))


@pytest.mark.parametrize(
    "settings",
    [
        {"columns": ()},
        {"columns": (1.5,)},
        {"columns": -1},
        {"columns": True},
        {"columns": "text", "labels": ["a"]},
        {"labels": "ab"},
        {"labels": ["a", "a"]},
    ],
)
def test_a_shape_that_is_none_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(GraphError, match=r"columns=|labels="):
        Shape(**settings)


def test_a_policy_or_header_that_is_none_is_refused() -> None:
    with pytest.raises(GraphError, match=r"there is no bad_rows='ignore'\. Choose 'error' or 'skip'"):
        BadRows("ignore")  # type: ignore[arg-type]  # that is what is refused
    with pytest.raises(GraphError, match="header='a' is neither True, False nor a list of names"):
        Delimited(header="a")
