"""What is written is what other programs read, to the last bit; what cannot be written is refused whole."""

from __future__ import annotations

import hashlib
import io
import zipfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import load_file

from torchvectors import GloVe, Stack, Vectors
from torchvectors.errors import FormatError
from torchvectors.formats import Block, read_text, read_word2vec, text_of, word2vec_of

REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "glove.6B.50d.zip"
FORMATS = {"glove": "v.txt", "word2vec": "v.vec", "word2vec binary": "v.bin"}

AWKWARD = st.sampled_from("\t\xa0\x85\u2028.0-\r\ufeff")
ANY = st.characters(exclude_categories=["Cs"], exclude_characters=" \n\0")
TOKENS = st.text(AWKWARD, min_size=1) | st.text(ANY, min_size=1)
FLOATS = st.floats(width=32) | st.sampled_from(
    [0.0, -0.0, 1e-45, 1.17549435e-38, 3.4028234e38, 16777216.0, 0.1]
)


def same(a: NDArray[np.float32], b: NDArray[np.float32]) -> bool:
    """Bit for bit, but that a NaN is a NaN."""
    return a.shape == b.shape and bool(((a.view("u4") == b.view("u4")) | (np.isnan(a) & np.isnan(b))).all())


@st.composite
def blocks(draw: st.DrawFn) -> list[Block]:
    dim = draw(st.integers(1, 4))
    row = st.tuples(TOKENS, st.lists(FLOATS, min_size=dim, max_size=dim))
    made = []
    for rows in draw(st.lists(st.lists(row, min_size=1, max_size=5), min_size=1, max_size=3)):
        numbers = np.array([numbers for _, numbers in rows], np.float32)
        made.append(Block.of([token.encode() for token, _ in rows], numbers))
    return made


@given(made=blocks(), header=st.booleans())
def test_every_text_is_read_back(made: list[Block], header: bool) -> None:
    count, dim = sum(map(len, made)), made[0].rows.shape[1]
    data = b"".join(text_of(made, count=count, dim=dim, header=header))
    back = list(read_text(io.BytesIO(data), name="v"))
    assert [t for block in back for t in block.tokens()] == [t for block in made for t in block.tokens()]
    assert same(np.concatenate([b.rows for b in back]), np.concatenate([b.rows for b in made]))


@given(made=blocks())
def test_every_binary_is_read_back(made: list[Block]) -> None:
    count, dim = sum(map(len, made)), made[0].rows.shape[1]
    data = b"".join(word2vec_of(made, count=count, dim=dim))
    back = list(read_word2vec(io.BytesIO(data), name="v"))
    assert [t for block in back for t in block.tokens()] == [t for block in made for t in block.tokens()]
    assert b"".join(b.rows.tobytes() for b in back) == b"".join(b.rows.tobytes() for b in made)


def awkward(n: int = 500, dim: int = 7) -> Vectors:
    """Float32 of every size, and tokens with all but spaces and newlines."""
    bits = torch.randint(-(2**31), 2**31, (n, dim), generator=torch.Generator().manual_seed(0))
    matrix = torch.from_numpy(bits.numpy().astype(np.int32).view(np.float32).copy())
    matrix[~matrix.isfinite()] = 0.1
    tokens = [f"w{i}" for i in range(n)]
    tokens[:6] = ["é", "日本", "a\xa0b", "a\tb", "12", "\U0001f600"]
    return Vectors.from_tensor(tokens, matrix)


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # gensim 4.4 leaves it open
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("kind", list(FORMATS))
def test_gensim_reads_the_same(tmp_path: Path, kind: str) -> None:
    models = pytest.importorskip("gensim.models")
    how: dict[str, Any] = {"binary": kind == "word2vec binary", "no_header": kind == "glove"}
    for vectors in (awkward(), GloVe("sample", max_vectors=2000)):
        path = vectors.save(tmp_path / FORMATS[kind])
        keyed = models.KeyedVectors.load_word2vec_format(str(path), **how)
        assert keyed.index_to_key == list(vectors.itos)
        assert same(np.asarray(keyed.vectors), vectors.vectors.numpy())
        again = Vectors(path)
        assert again.itos == vectors.itos
        assert torch.equal(again.vectors, vectors.vectors)


@pytest.mark.parametrize("encoding", ["float32", "float16"])
def test_safetensors_reads_the_same(tmp_path: Path, encoding: Any) -> None:
    vectors = GloVe("sample", max_vectors=2000)
    read = load_file(vectors.save(tmp_path / "v.safetensors", encoding=encoding))
    assert np.array_equal(read["vectors"], vectors.vectors.numpy().astype(encoding))
    ends = read["token_offsets"].tolist()
    text = read["token_bytes"].tobytes()
    assert [text[a:b].decode() for a, b in pairwise(ends)] == list(vectors.itos)


def test_numbers_are_written_as_short_as_they_came(tmp_path: Path) -> None:
    text = "the 0.418 0.24968 -0.41242 1.2345e-05 -0 100000\n"
    (tmp_path / "v.txt").write_text(text)
    assert Vectors(tmp_path / "v.txt").save(tmp_path / "w.txt").read_text() == text
    one = Vectors.from_tensor(["a"], torch.tensor([[1 / 3, 0.1, 16777217.0]])).save(tmp_path / "a.vec")
    assert one.read_text() == "1 3\na 0.33333334 0.1 16777216\n"


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_file(), reason="the real archive is not beside the checkout")
def test_glove_comes_out_byte_for_byte(tmp_path: Path) -> None:
    with zipfile.ZipFile(REAL) as archive:
        official = archive.read("glove.6B.50d.txt")
    (tmp_path / "glove.6B.50d.txt").write_bytes(official)
    written = Vectors(tmp_path / "glove.6B.50d.txt").save(tmp_path / "out.txt").read_bytes()
    assert hashlib.sha256(written).digest() == hashlib.sha256(official).digest()


def test_the_name_tells_the_format_and_the_argument_overrules_it(tmp_path: Path) -> None:
    vectors = Vectors.from_tensor(["a", "b"], torch.tensor([[1.0, 2], [3, 4]]))
    assert vectors.save(tmp_path / "v.txt").read_bytes() == b"a 1 2\nb 3 4\n"
    assert vectors.save(tmp_path / "v.vec").read_bytes() == b"2 2\na 1 2\nb 3 4\n"
    binary = b"2 2\na \x00\x00\x80?\x00\x00\x00@\nb \x00\x00@@\x00\x00\x80@\n"
    assert vectors.save(tmp_path / "v.bin").read_bytes() == binary
    assert vectors.save(tmp_path / "w.txt", format="word2vec").read_bytes() == b"2 2\na 1 2\nb 3 4\n"
    assert vectors.save(tmp_path / "w", format="word2vec binary").read_bytes() == binary
    assert vectors.save(tmp_path / "w.bin", format="glove").read_bytes() == b"a 1 2\nb 3 4\n"
    for wrong, said in (
        ({"path": "v.pt"}, r"v\.pt: the name does not tell the format. End it in \.safetensors, \.txt"),
        ({"path": "v.txt", "format": "store"}, r"ends in \"\.safetensors\""),
        ({"path": "v.txt", "format": "csv"}, "format='csv': give 'store', 'glove'"),
        ({"path": "v.bin", "encoding": "float16"}, "encoding='float16' is for stores"),
    ):
        with pytest.raises(ValueError, match=said):
            vectors.save(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", list(FORMATS))
@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("a b", "holds a space"),
        (" ", "holds a space"),
        ("a\nb", "holds a newline"),
        ("", "is empty"),
        ("a\0b", "holds the character NUL"),
        ("\ud800", "is not UTF-8"),
    ],
)
def test_a_token_that_cannot_be_written_leaves_no_file(
    tmp_path: Path, kind: str, token: str, said: str
) -> None:
    if token == "a\0b" and kind == "word2vec binary":
        pytest.skip("a NUL is a byte like any other there")
    tokens = [f"w{i}" for i in range(20_000)]  # more than a block
    tokens[17_000] = token
    vectors = Vectors.from_tensor(tokens, torch.ones(20_000, 1))
    target = tmp_path / FORMATS[kind]
    target.write_text("what was there")
    with pytest.raises(FormatError, match=rf"{target.name}: the token of row 17000 {said}.*safetensors"):
        vectors.save(target)
    assert [path.name for path in tmp_path.iterdir()] == [target.name]
    assert target.read_text() == "what was there"


@pytest.mark.parametrize("kind", list(FORMATS))
def test_nothing_is_no_file(tmp_path: Path, kind: str) -> None:
    with pytest.raises(FormatError, match="there are 0 rows"):
        Vectors.from_tensor([], torch.ones(0, 3)).save(tmp_path / FORMATS[kind])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", list(FORMATS))
def test_what_is_written_is_what_stands_in_the_object(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "source.txt"
    path.write_text("a 1 2\nb 3 4\n")
    vectors = Vectors(path)
    vectors.vectors[0, 0] = 9
    assert Vectors(vectors.save(tmp_path / FORMATS[kind]))["a"].tolist() == [9, 2]
    stacked = Stack([vectors, Vectors.from_tensor(["c"], torch.ones(1, 1))])
    assert Vectors(stacked.save(tmp_path / FORMATS[kind])).vectors.tolist() == [
        [9, 2, 0],
        [3, 4, 0],
        [0, 0, 1],
    ]
    assert stacked._matrix is None  # block by block


def test_an_encoded_store_is_decoded_block_by_block(tmp_path: Path) -> None:
    sample = GloVe("sample")
    assert Vectors(sample.save(tmp_path / "v.bin")).itos[:3] == sample.itos[:3]
    assert sample._matrix is None
