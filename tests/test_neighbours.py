"""The nearest tokens: the same answers as gensim's, and as a sum in float64 over every row."""

from __future__ import annotations

import itertools
import math
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from torchvectors import GloVe, Vectors
from torchvectors.errors import TokenTypeError, UnknownTokenError
from torchvectors.store import Encoding
from torchvectors.vectors import cosines

REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "glove.6B.50d.zip"
QUERIES = ["cat", "paris", "the", ",", "king", "2003", "blue"]
ANALOGIES = [("man", "king", "woman"), ("france", "paris", "italy"), ("good", "better", "bad")]


def agree(ours: list[tuple[str, float]], theirs: list[tuple[str, float]]) -> None:
    assert [token for token, _ in ours] == [token for token, _ in theirs]
    np.testing.assert_allclose([s for _, s in ours], [s for _, s in theirs], rtol=0, atol=1e-6)


def hold_to_gensim(vectors: Vectors) -> None:
    models = pytest.importorskip("gensim.models")
    keyed = models.KeyedVectors(vectors.dim)
    keyed.add_vectors(list(vectors.itos), vectors.block(0, len(vectors)))
    for query in QUERIES:
        agree(vectors.nearest(query, 20), keyed.most_similar(query, topn=20))
        theirs = keyed.most_similar(positive=[keyed[query] * 3], topn=20)
        agree(vectors.nearest(vectors[query] * 3, 20), theirs)  # type: ignore[arg-type]  # one query, one list
    for a, b, c in ANALOGIES:
        agree(vectors.analogy(a, b, c, 20), keyed.most_similar(positive=[b, c], negative=[a], topn=20))
        assert vectors.similarity(a, b) == pytest.approx(float(keyed.similarity(a, b)), abs=1e-6)


def test_the_sample_gives_gensims_answers() -> None:
    hold_to_gensim(GloVe("sample"))


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_file(), reason="the real archive is not beside the checkout")
def test_the_whole_of_glove_gives_gensims_answers(tmp_path: Path) -> None:
    with zipfile.ZipFile(REAL) as archive:
        archive.extract("glove.6B.50d.txt", tmp_path)
    hold_to_gensim(Vectors(tmp_path / "glove.6B.50d.txt"))


def reference(
    matrix: NDArray[np.float32], query: NDArray[np.float32], k: int, own: set[int]
) -> list[tuple[int, float]]:
    """Look at every row, in Python's own floats, and sort: rows and cosines."""
    scored = []
    for row, numbers in enumerate(matrix.astype(float).tolist()):
        length = math.sqrt(sum(x * x for x in numbers))
        if row in own or length == 0 or not math.isfinite(length):
            continue
        dot = sum(x * y for x, y in zip(numbers, query.astype(float).tolist(), strict=True))
        scored.append((-float(np.float32(dot / length / math.sqrt(sum(x * x for x in query.tolist())))), row))
    return [(row, -negative) for negative, row in sorted(scored)[:k]]


# Few values, so that there are many equal rows, zeros, and rows with no direction.
VALUES = st.sampled_from([0.0, 0.0, 1.0, -1.0, 2.0, 0.5, math.nan, math.inf, 1e-30, 3e38])
QUERY_VALUES = st.sampled_from([1.0, -1.0, 2.0, 0.5])


@given(
    rows=st.lists(st.lists(VALUES, min_size=3, max_size=3), min_size=1, max_size=40),
    query=st.lists(QUERY_VALUES, min_size=3, max_size=3),
    k=st.integers(1, 50),
    memory=st.sampled_from([1, 6, 1 << 20]),
    encoding=st.sampled_from(["memory", "float32"]),
)
def test_every_row_is_ranked_as_by_hand(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[list[float]],
    query: list[float],
    k: int,
    memory: int,
    encoding: str,
) -> None:
    vectors = Vectors.from_tensor([f"w{i}" for i in range(len(rows))], torch.tensor(rows))
    if encoding == "float32":
        vectors = Vectors(vectors.save(tmp_path_factory.mktemp("v") / "v.safetensors"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cosines, "_NUMBERS", memory)  # the smallest: a row at a time
        found = vectors.nearest(torch.tensor(query), k)
    ranked = reference(np.array(rows, np.float32), np.array(query), len(rows), set())
    cosine_of = {f"w{row}": cosine for row, cosine in ranked}
    tokens = [str(token) for token, _ in found]
    assert len(set(tokens)) == len(tokens) == min(k, len(ranked))
    # Where numbers cancel, the last bits of a cosine near 0 depend on the order of a sum; beyond these, ours is theirs.
    expected = [cosine for _, cosine in ranked[:k]]
    assert [cosine_of[token] for token in tokens] == pytest.approx(expected, abs=1e-12)
    for first, second in itertools.pairwise(tokens):
        assert cosine_of[first] != cosine_of[second] or int(first[1:]) < int(second[1:])


@pytest.mark.parametrize("encoding", ["float16", "int8"])
def test_encoded_stores_are_decoded_block_by_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: Encoding
) -> None:
    monkeypatch.setattr(cosines, "_NUMBERS", 40)
    torch.manual_seed(0)
    memory = Vectors.from_tensor([f"w{i}" for i in range(100)], torch.randn(100, 8))
    vectors = Vectors(memory.save(tmp_path / "v.safetensors", encoding=encoding))
    decoded = Vectors.from_tensor(list(vectors.itos), torch.from_numpy(vectors.take(np.arange(100))))
    assert vectors.nearest(["w3", "w50"], 7) == decoded.nearest(["w3", "w50"], 7)
    assert vectors._matrix is None  # never decoded whole


def test_many_queries_get_what_each_gets_alone() -> None:
    vectors = GloVe("sample")
    tokens = vectors.itos[:300]  # more than are multiplied at a time
    scores, rows = vectors.nearest_rows(tokens, 3)
    assert (scores.shape, rows.shape, scores.dtype, rows.dtype) == (
        (300, 3),
        (300, 3),
        torch.float32,
        torch.int64,
    )
    for i in (0, 255, 256, 299):
        alone = vectors.nearest_rows(tokens[i], 3)
        assert torch.equal(alone.rows, rows[i])
        assert torch.equal(alone.scores, scores[i])
    again = vectors.nearest_rows(vectors.get_vecs_by_tokens(tokens), 1)
    assert again.rows[:, 0].tolist() == list(range(300))  # a vector excludes nobody


def test_ties_beyond_the_last_place_are_settled_by_the_row_and_not_by_rounding() -> None:
    # One direction in many lengths, whose inverses and products are rounded in many ways.
    lengths = torch.arange(1.0, 2001)[torch.randperm(2000, generator=torch.Generator().manual_seed(0))]
    vectors = Vectors.from_tensor(map(str, range(2000)), lengths[:, None] * torch.tensor([1.0, 2, 3]))
    assert vectors.nearest_rows(torch.tensor([0.1, 0.9, 0.7]), 5).rows.tolist() == [0, 1, 2, 3, 4]
    assert vectors.nearest_rows("1", 5).rows.tolist() == [0, 2, 3, 4, 5]


def test_fewer_rows_than_asked_for() -> None:
    vectors = Vectors.from_tensor(["a", "b", "zero"], torch.tensor([[1.0, 0], [0, 1], [0, 0]]))
    assert vectors.nearest("a", 10) == [("b", 0.0)]
    scores, rows = vectors.nearest_rows("a", 10)
    assert (rows.tolist(), scores.tolist()) == ([1, -1, -1], [0.0, -math.inf, -math.inf])


def test_a_row_that_its_token_does_not_lead_to_is_nobodys_neighbour(tmp_path: Path) -> None:
    path = tmp_path / "v.txt"
    path.write_text("a 1 0\nb 1 0.1\na 1 0.2\nc 0 1\n")
    for vectors in (Vectors(path), Vectors.from_tensor(list("abac"), Vectors(path).vectors.clone())):
        assert [token for token, _ in vectors.nearest("b", 3)] == ["a", "c"]
        assert vectors.nearest_rows("b", 3).rows.tolist() == [2, 3, -1]
        assert [token for token, _ in vectors.nearest("a", 3)] == ["b", "c"]


def test_what_is_written_counts_at_once(tmp_path: Path) -> None:
    path = tmp_path / "v.txt"
    path.write_text("a 1 0\nb 1 1\nc 0 1\n")
    vectors = Vectors(path)
    assert vectors.nearest("a", 1) == [("b", float(np.float32(math.sqrt(0.5))))]
    vectors.vectors[2] = torch.tensor([5.0, 0.0])
    assert vectors.nearest("a", 1) == [("c", 1.0)]


def test_gradients_and_other_dtypes_are_no_matter() -> None:
    matrix = torch.eye(3, dtype=torch.float64, requires_grad=True)
    vectors = Vectors.from_tensor("abc", matrix)
    assert vectors.similarity("a", "b") == 0
    assert vectors.nearest(torch.tensor([1, 0, 0]), 1) == [("a", 1.0)]


@pytest.mark.parametrize("k", [0, -1, 1.5, True, None])
def test_k_is_a_number_from_one_up(k: int) -> None:
    with pytest.raises(ValueError, match="give the number of neighbours, from 1 up"):
        GloVe("sample").nearest("cat", k)


def test_questions_without_an_answer_say_why() -> None:
    vectors = GloVe("sample")
    with pytest.raises(UnknownTokenError, match=r"'qwzx' has no vector in <GloVe.*Ask with a vector"):
        vectors.nearest("qwzx")
    with pytest.raises(KeyError):
        vectors.similarity("cat", "qwzx")
    with pytest.raises(UnknownTokenError):
        vectors.analogy("man", "king", "qwzx")
    with pytest.raises(ValueError, match="query 0 is zero, or not finite"):
        vectors.nearest(torch.zeros(50))
    with pytest.raises(ValueError, match="query 1 is zero, or not finite"):
        vectors.nearest(torch.stack([torch.ones(50), torch.full((50,), math.nan)]))
    with pytest.raises(ValueError, match=r"shape \(49,\) for vectors of dim 50: give \(50,\), or \(n, 50\)"):
        vectors.nearest(torch.ones(49))
    with pytest.raises(TokenTypeError, match="position 1 is int: 7"):
        vectors.nearest(["cat", 7])  # type: ignore[list-item]
    with pytest.raises(TokenTypeError, match=r"a vector \(50,\), not \(2, 50\)"):
        vectors.similarity("cat", torch.ones(2, 50))
    sixty = math.pi / 3
    flat = Vectors.from_tensor(["x", "y"], torch.eye(2))
    a, b, c = (torch.tensor([math.cos(at), math.sin(at)]) for at in (0, sixty, -sixty))
    with pytest.raises(ValueError, match=r"b - a \+ c is as good as zero"):
        flat.analogy(a, b, c)
