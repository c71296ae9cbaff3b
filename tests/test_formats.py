"""Rows of text → blocks."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from torchvectors import threads
from torchvectors.errors import ParseError
from torchvectors.formats import Block, numbers, read_text

GLOVE_TOP_500 = Path(__file__).parent / "data" / "glove.6B.50d.top500.txt"


def read(text: bytes, max_vectors: int | None = None) -> tuple[list[str], NDArray[np.float32]]:
    blocks = list(read_text(io.BytesIO(text), name="f.txt", max_vectors=max_vectors))
    tokens = [token.decode() for block in blocks for token in block.tokens()]
    return tokens, np.concatenate([block.rows for block in blocks])


def torchtext_rows(text: bytes) -> tuple[list[str], NDArray[np.float32]]:
    """Read as torchtext 0.18 does: one ``float`` at a time."""
    tokens, rows = [], []
    for line in text.split(b"\n"):
        token, *fields = line.rstrip().split(b" ")
        if fields:
            tokens.append(token.decode())
            rows.append([float(field) for field in fields])
    with np.errstate(over="ignore"):
        return tokens, np.array(rows, np.float64).astype(np.float32)


# Without these, a reader that splits on any white space would pass.
AWKWARD = st.sampled_from("\t\xa0\x85\u2028\x0b\x0c\r.0-,[]\"'{}")
ANY = st.characters(exclude_categories=["Cs"], exclude_characters=" \n\0")
TOKENS = st.text(AWKWARD | ANY)
FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False) | st.floats(allow_nan=False)
STYLES = st.sampled_from([repr, "{:.5g}".format, "{:.6f}".format, "{:e}".format, "{:+.3f}".format])
ENDS = st.sampled_from([b"\n", b" \n", b"\r\n", b" \r\n", b"  \n", b"\t\n", b"\n\n"])


@given(
    dim=st.integers(1, 5),
    data=st.data(),
    end=ENDS,
    header=st.booleans(),
    last=st.sampled_from([b"", b"\n"]),
)
def test_every_table_is_read_as_torchtext_reads_it(
    dim: int, data: st.DataObject, end: bytes, header: bool, last: bytes
) -> None:
    row = st.tuples(TOKENS, st.lists(FLOATS, min_size=dim, max_size=dim), STYLES)
    table = data.draw(st.lists(row, min_size=1, max_size=8))
    lines = [
        b" ".join([token.encode(), *(style(number).encode() for number in row_numbers)])
        for token, row_numbers, style in table
    ]
    body = end.join(lines) + last
    text = b"%d %d\n" % (len(table), dim) + body if header else body
    if not header and dim == 1 and table[0][0].isdigit() and lines[0].split(b" ")[1].isdigit():
        return  # "7 1" above rows of one number cannot be told from a header
    tokens, rows = read(text)
    expected_tokens, expected_rows = torchtext_rows(body)
    assert tokens == expected_tokens == [token for token, _, _ in table]
    assert rows.tobytes() == expected_rows.tobytes()


@given(st.lists(FLOATS, min_size=1), STYLES)
def test_every_list_of_numbers_is_read_as_python_reads_it(values: list[float], style: object) -> None:
    text = b",".join(style(value).encode() for value in values)  # type: ignore[operator]  # a format method
    with np.errstate(over="ignore"):
        expected = np.array([float(field) for field in text.split(b",")]).astype(np.float32)
    found = numbers.parse_numbers(text, len(values))
    assert found is not None
    assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    "field", [b"[1]", b"nan(1)", b"\t", b"1_", b"x", b"0x10", b'"1"', b"true", b"null", b"--1", b""]
)
def test_what_python_does_not_take_for_a_number_is_refused(field: bytes) -> None:
    assert numbers.parse_numbers(b"1," + field + b",2", 3) is None
    with pytest.raises(ParseError, match=r"f\.txt:2: could not convert string to float"):
        read(b"a 1 2 3\nb 1 " + field + b" 2\n")


def test_numbers_that_only_python_takes_are_read_as_python_reads_them() -> None:
    _, rows = read(b"a 1_0 nan inf\nb .5 +1 -0\nc 1 1e400 123456789012345678901234567890\n")
    assert rows[0, 0] == 10
    assert math.isnan(rows[0, 1])
    assert math.isinf(rows[0, 2])
    assert rows[1].tolist() == [0.5, 1.0, -0.0]
    assert math.copysign(1, rows[1, 2]) == -1
    assert rows[2].tolist() == [1, math.inf, float(np.float32(1.2345678901234568e29))]


def test_an_integer_minus_zero_keeps_its_sign_between_plain_numbers() -> None:
    _, rows = read(b"a 1 -0 2\nb 0.5 0.5 -0\n")
    assert np.signbit(rows).tolist() == [[False, True, False], [False, False, True]]


def test_real_glove_rows_have_torchtexts_bits() -> None:
    text = GLOVE_TOP_500.read_bytes()
    tokens, rows = read(text)
    expected_tokens, expected_rows = torchtext_rows(text)
    assert rows.shape == (500, 50)
    assert tokens == expected_tokens
    assert rows.tobytes() == expected_rows.tobytes()


def test_tokens_of_odd_white_space_stay_whole() -> None:
    """As found in glove.840B (no-break spaces) and glove.twitter.27B (a lone U+0085)."""
    odd = [".\xa0.\xa0.", "\xa0name@domain.com", "\x85", "\u2028", "\x0c", "a\tb", ""]
    tokens, rows = read(b"".join(f"{token} 0.1 {i}\n".encode() for i, token in enumerate(odd)))
    assert tokens == odd
    assert rows[:, 1].tolist() == list(range(len(odd)))


def test_a_duplicate_keeps_both_rows() -> None:
    garbage = "\N{REPLACEMENT CHARACTER}" * 334  # as glove.840B has it
    tokens, rows = read(f"{garbage} 1 2\nb 3 4\n{garbage} 5 6\n".encode())
    assert tokens == [garbage, "b", garbage]
    assert rows.tolist() == [[1, 2], [3, 4], [5, 6]]


def test_a_token_that_is_not_utf8_leaves_no_row(caplog: pytest.LogCaptureFixture) -> None:
    # The halves of one character, at the end of one token and the start of the next, are no character.
    with caplog.at_level("INFO"):
        tokens, rows = read(b"a 1 2\nb\xc3 3 4\n\xa9c 5 6\nd 7 8\n")
    assert tokens == ["a", "d"]
    assert rows.tolist() == [[1, 2], [7, 8]]
    assert "left out 2 tokens" in caplog.text


@pytest.mark.parametrize(
    ("text", "dim", "tokens"),
    [
        (b"2 3\na 1 2 3\nb 4 5 6\n", 3, ["a", "b"]),
        (b"2 3 \r\na 1 2 3 \r\nb 4 5 6 \r\n", 3, ["a", "b"]),
        (b"2 1\na 1\nb 4\n", 1, ["a", "b"]),  # a header above one number each
        (b"7 8\na 1\n", 1, ["7", "a"]),  # no header: 8 is not the dim below it
        (b"7 8 9\na 1 2\n", 2, ["7", "a"]),
        (b" 1 2\na 1 2\n", 2, ["", "a"]),  # an empty token with two integers
        (b"\n\na 1 2\n\nb 3 4\n\n", 2, ["a", "b"]),
        (b"\xef\xbb\xbfa 1 2\n", 2, ["\ufeffa"]),  # torchtext keeps a byte order mark, too
    ],
)
def test_headers_and_blank_lines(text: bytes, dim: int, tokens: list[str]) -> None:
    found, rows = read(text)
    assert (found, rows.shape) == (tokens, (len(tokens), dim))


def test_max_vectors_counts_rows_not_the_header() -> None:
    text = b"3 2\na 1 2\n\xff 0 0\nb 3 4\nc 5 6\n"
    assert read(text, max_vectors=2)[0] == ["a", "b"]
    assert read(text, max_vectors=99)[0] == ["a", "b", "c"]
    assert read(text, max_vectors=0)[0] == ["a", "b", "c"]


def test_rows_are_read_across_many_blocks() -> None:
    text = b"".join(b"t%d %d %d.5\n" % (i, i, i) for i in range(150_000))
    assert len(text) > 4 * 512 * 1024
    tokens, rows = read(text)
    assert tokens == [f"t{i}" for i in range(150_000)]
    assert (rows[:, 0] == np.arange(150_000)).all()
    assert (rows[:, 1] == np.arange(150_000) + 0.5).all()


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [(b"1 1 2\n2 3\n3 4 5 6\n", 2, 1), (b"a 1 2 \nb 3 4 5\n", 2, 3), (b"a 1 2\r\nb 3 4 5\r\nc 6\r\n", 2, 3)],
    ids=["fields that add up", "a space at the end of some", "carriage returns"],
)
def test_rows_whose_fields_add_up_are_told_apart(text: bytes, line: int, found: int) -> None:
    with pytest.raises(ParseError, match=rf"f\.txt:{line}: .* has {found} dimensions"):
        read(text)


@pytest.mark.parametrize("cores", [1, 2, 8])
def test_any_number_of_cores_gives_the_same_blocks_and_the_same_error(
    cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [f"token{i} {i / 7:.5f} {-i / 3:.8g} {i}e-3\n" for i in range(100_000)]
    text = "".join(lines).encode()
    monkeypatch.setattr(threads, "cores", lambda: 1)
    expected = [(block.tokens(), block.rows.tobytes()) for block in read_text(io.BytesIO(text), name="f.txt")]
    monkeypatch.setattr(threads, "cores", lambda: cores)
    assert len(expected) > 3
    found = [(block.tokens(), block.rows.tobytes()) for block in read_text(io.BytesIO(text), name="f.txt")]
    assert found == expected
    lines[41_000] = "token41000 1 2 x\n"
    blocks: list[Block] = []
    with pytest.raises(ParseError, match=r"f\.txt:41001: could not convert string to float: 'x'"):
        blocks.extend(read_text(io.BytesIO("".join(lines).encode()), name="f.txt"))
    assert [(block.tokens(), block.rows.tobytes()) for block in blocks] == expected[: len(blocks)]
    assert blocks


def test_an_error_late_in_a_file_names_its_line() -> None:
    text = b"".join(b"t%d %d %d\n" % (i, i, i) for i in range(100_000))
    with pytest.raises(
        ParseError, match=r"^f\.txt:100003: the vector for token 'x' has 3 dimensions, but previously"
    ):
        read(b"100002 2\n" + text + b"\nx 1 2 3\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "there is no row"),
        (b"\n\n", "there is no row"),
        (b"5 300\n", "there is no row"),
        (b"a 1 2\nb 1\n", r"f\.txt:2: .* has 1 dimensions, but previously read vectors have 2 dim.* cut off"),
        (b"a 1 2\n. . . 1 2\n", r"f\.txt:2: .* has 4 dimensions, but previously .* has a space in it"),
        (b". . . 1 2\n", r"f\.txt:1: could not convert string to float: '\.', of token '\.'"),
        (b"a  1 2\n", "two spaces in a row"),
        (b"a\t1\t2\n", r"f\.txt:1: .* tabs"),
        (b"word\n", r"f\.txt:1: .* no number"),
        (b"\xbe\x16\x4f\x2f\0\0\0\0", "binary file"),
    ],
)
def test_what_is_no_table_is_refused_with_its_place(text: bytes, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        read(text)


def test_a_file_without_line_ends_is_given_up_soon() -> None:
    class Endless:
        given = 0

        def read(self, n: int, /) -> bytes:
            self.given += n
            return b"1 " * (n // 2)

    stream = Endless()
    with pytest.raises(ParseError, match="no end of line within 16777216 bytes"):
        list(read_text(stream, name="f.txt"))
    assert stream.given < 20_000_000


def test_a_file_with_fewer_rows_than_its_header_promises_is_read_with_a_warning() -> None:
    with pytest.warns(
        UserWarning, match=r"^f\.vec: its first line promises 3 rows, and there are 2\. It may be cut"
    ):
        blocks = list(read_text(io.BytesIO(b"3 2\na 1 2\nb 3 4\n"), name="f.vec"))
    assert sum(map(len, blocks)) == 2
    for text in (b"1 2\na 1 2\nb 3 4\n", b"3 2\na 1 2\n\xff 3 4\nb 5 6\n"):  # more rows; one that is left out
        assert sum(map(len, read_text(io.BytesIO(text), name="f.vec"))) == 2
    assert sum(map(len, read_text(io.BytesIO(b"9 1\na 1\nb 2\n"), name="f.vec", max_vectors=1))) == 1
