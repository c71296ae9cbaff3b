"""word2vec's binary form → blocks; and what a file's first bytes say of its format."""

from __future__ import annotations

import io
import logging
import tracemalloc
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from torchvectors import Vectors
from torchvectors.errors import ParseError
from torchvectors.formats import HEAD, Format, Peeked, format_of, read_text, read_word2vec

MODELS = Path(__file__).parent / "data" / "models"
GENSIMS = MODELS / "apt.word2vec.16.bin"
GLOVE_TOP_500 = Path(__file__).parent / "data" / "glove.6B.50d.top500.txt"

Rows = NDArray[np.float32]


def written(tokens: list[bytes], rows: Rows, between: bytes = b"\n", header: bytes | None = None) -> bytes:
    """Write as word2vec.c does, with a newline behind each row, or as GoogleNews is, with none."""
    body = b"".join(
        token + b" " + row.astype("<f4").tobytes() + between for token, row in zip(tokens, rows, strict=True)
    )
    return (header or b"%d %d\n" % rows.shape) + body


class Dribble(io.BytesIO):
    """A stream that gives a few bytes at a time."""

    def __init__(self, data: bytes, most: int) -> None:
        super().__init__(data)
        self._most = most

    def read(self, n: int | None = -1, /) -> bytes:
        return super().read(min(n or 0, self._most))


def read(data: bytes, max_vectors: int | None = None, most: int = 1 << 30) -> tuple[list[bytes], Rows]:
    blocks = list(read_word2vec(Dribble(data, most), name="f.bin", max_vectors=max_vectors))
    assert all(len(block) for block in blocks)
    tokens = [token for block in blocks for token in block.tokens()]
    return tokens, np.concatenate([block.rows for block in blocks])


TOKENS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters=" \n") | st.sampled_from("\xa0\0é漢😀")
)
NUMBERS = st.integers(0, 2**32 - 1) | st.sampled_from([0x0A0A0A0A, 0x20202020, 0x7FC00001, 0x80000000, 0])


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[bytes], Rows]:
    tokens = [token.encode() for token in draw(st.lists(TOKENS, min_size=1, max_size=8))]
    shape = (len(tokens), draw(st.integers(1, 5)))
    return tokens, draw(hnp.arrays(np.uint32, shape, elements=NUMBERS)).view(np.float32)


@given(
    table=tables(),
    between=st.sampled_from([b"\n", b""]),
    most=st.integers(1, 40),
    most_vectors=st.integers(0, 9),
)
def test_every_table_comes_back_bit_for_bit(
    table: tuple[list[bytes], Rows], between: bytes, most: int, most_vectors: int
) -> None:
    tokens, rows = table
    found, numbers = read(written(tokens, rows, between), most=most)
    assert found == tokens
    assert numbers.tobytes() == rows.tobytes()
    found, numbers = read(written(tokens, rows, between), most_vectors)
    assert found == tokens[: most_vectors or None]
    assert numbers.tobytes() == rows[: most_vectors or None].tobytes()


def test_gensim_reads_the_same_from_a_file_of_its_own() -> None:
    keyed = pytest.importorskip("gensim.models").KeyedVectors.load_word2vec_format(str(GENSIMS), binary=True)
    tokens, rows = read(GENSIMS.read_bytes())
    assert [token.decode() for token in tokens] == keyed.index_to_key
    assert rows.tobytes() == keyed.vectors.tobytes()


def test_a_binary_file_of_the_users_own_is_vectors_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "vectors"
    path.write_bytes(GENSIMS.read_bytes())
    tokens, rows = read(GENSIMS.read_bytes())
    vectors = Vectors(path)
    assert list(vectors.itos) == [token.decode() for token in tokens]
    assert vectors.vectors.numpy().tobytes() == rows.tobytes()
    assert not vectors["no such word"].any()


def test_rows_larger_than_what_is_read_at_a_time(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).standard_normal((3, 200_000)).astype(np.float32)
    assert read(written([b"a", b"b", b"c"], rows))[1].tobytes() == rows.tobytes()


def test_a_token_that_is_not_utf8_is_left_out_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    rows = np.arange(6, dtype=np.float32).reshape(3, 2)
    with caplog.at_level(logging.INFO):
        tokens, numbers = read(written([b"caf\xe9", b"caf\xc3", b"cat"], rows))
    assert (tokens, numbers.tolist()) == ([b"cat"], [[4, 5]])
    assert caplog.messages == ["f.bin: left out 2 tokens that are not UTF-8, as torchtext did"]
    with pytest.raises(ParseError, match=r"^f\.bin: none of its tokens is UTF-8"):
        read(written([b"\xff"], rows[:1]))


ROWS = np.random.default_rng(1).standard_normal((5, 3)).astype(np.float32)
WORDS = [b"the", b"", b"cat", b"the", b"na\xc3\xafve"]


@pytest.mark.parametrize("between", [b"\n", b""])
def test_a_file_cut_anywhere_is_an_error_with_its_place(between: bytes) -> None:
    whole = written(WORDS, ROWS, between)
    for length in range(len(whole.rstrip(b"\n"))):
        with pytest.raises(ParseError, match=r"^f\.bin: .*(get it again|does not begin with the number)"):
            read(whole[:length])
    assert read(whole[:-1] if between else whole)[0] == WORDS


def test_rows_with_and_without_newlines_may_stand_in_one_file() -> None:
    rows = np.arange(3_000, dtype=np.float32).reshape(1_000, 3)
    tokens = [b"" if i % 50 == 3 else b"t%d" % i for i in range(1_000)]
    ends = [b"\n" * (i % 7 > 2) * (1 + i % 3 // 2) for i in range(1_000)]
    parts = [token + b" " + row.tobytes() + end for token, row, end in zip(tokens, rows, ends, strict=True)]
    for most in (1 << 30, 40, 7):
        found = read(b"1000 3\n" + b"".join(parts), most=most)
        assert found[0] == tokens
        assert found[1].tobytes() == rows.tobytes()


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (b"6 3\n", "ends within row 6 of the 6 rows of dim 3"),
        (b"4 3\n", "goes on behind the 4 rows"),
        (b"5 4\n", "ends within row"),
        (b"5 2\n", r"ends within row|goes on behind"),
        (b"0 3\n", "0 rows of dim 3, which cannot be"),
        (b"5 0\n", "5 rows of dim 0, which cannot be"),
        (b"5 9999999999\n", "5 rows of dim 9,999,999,999, which cannot be"),
        (b"999999999999999999 1000000\n", "ends within row 1 of"),
        (b"9999999999999999999999 3\n", "does not begin with the number of rows"),
        (b"-5 3\n", "does not begin with the number of rows"),
        (b"5 3 1\n", "does not begin with the number of rows"),
    ],
)
def test_a_header_that_lies_is_an_error_and_costs_no_memory(header: bytes, said: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ParseError, match=said):
            read(written(WORDS, ROWS, header=header))
        assert (
            tracemalloc.get_traced_memory()[1] < 20 << 20
        )  # of which `keep_heap` asks for 16, and uses none
    finally:
        tracemalloc.stop()


def test_a_token_without_an_end_is_an_error_soon() -> None:
    with pytest.raises(ParseError, match=r"row 1 has no space within 65,536 bytes"):
        read(b"5 3\n" + b"x" * 3_000_000)


@given(data=st.data())
def test_every_damaged_file_is_read_or_refused(data: st.DataObject) -> None:
    broken = bytearray(written(WORDS, ROWS))
    for _ in range(data.draw(st.integers(1, 4))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ParseError):
        tokens, rows = read(bytes(broken))
        assert len(tokens) == len(rows)


# ---------------------------------------------------------------------------------------------------------------------
# Which format it is
# ---------------------------------------------------------------------------------------------------------------------


def named(data: bytes) -> str:
    peeked = Peeked(io.BytesIO(data))
    assert peeked.head == data[:HEAD]
    found = format_of(peeked.head)
    assert b"".join(iter(lambda: peeked.read(7_000), b"")) == data  # what was looked at is not lost
    return found.name


TEXTS = [
    b"the 0.418 0.24968\ncat 0.1 0.2\n",
    b"2 2\nthe 0.418 0.24968\ncat 0.1 0.2\n",
    b"2 2\r\nthe 0.418 0.24968\r\n",
    b"1 1\ncat 5",
    b"1 2\n\xe6\xbc\xa2 1e-5 -.5 \n",
    b"1 2\ncaf\xe9 1 2\n",  # Latin-1
    b"2 2\nnew york 1 2\n",  # damaged, but text
    b"2 2\ncat 1 x\n",
    b"5 3\n",
    b"5 6\n",
    b"",
    b"\n\n",
    b"cat",
    b"<html>",
    GLOVE_TOP_500.read_bytes(),
    b"1 3000\nlong" + b" 0.123456" * 3000 + b"\n",
    b"1 3000\n" + b"\xe6\xbc\xa2" * 200 + b" 0.123456" * 3000 + b"\n",
]


@pytest.mark.parametrize("data", TEXTS)
def test_text_is_known_as_text(data: bytes) -> None:
    assert named(data) == "text"


@pytest.mark.parametrize("between", [b"\n", b""])
@pytest.mark.parametrize("dim", [2, 16, 300, 5000])
def test_floats_are_known_as_binary(dim: int, between: bytes) -> None:
    rows = np.random.default_rng(dim).standard_normal((3, dim)).astype(np.float32)
    assert named(written([b"a", b"b", b"c"], rows, between)) == "word2vec binary"
    assert named(written([b"a", b"b", b"c"], rows * 0, between)) == "word2vec binary"


def test_real_files_are_known() -> None:
    names = {path.name: named(path.read_bytes()) for path in MODELS.glob("*.bin")}
    assert names == {"apt.word2vec.16.bin": "word2vec binary", "apt.cbow.nosub.8.bin": "fastText model"}
    assert {named(path.read_bytes()) for path in MODELS.glob("*.ftz")} == {"fastText model"}


def test_a_format_has_one_reader() -> None:
    with pytest.raises(ValueError, match="one reader"):
        Format(name="both", matches=bool)
    with pytest.raises(ValueError, match="one reader"):
        Format(name="both", matches=bool, read=read_text, read_file=lambda path, name, max_vectors: [])
