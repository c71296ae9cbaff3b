"""Stack and Chain: what a dict of lists would give, and `Vectors` to everything else."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from torchvectors import Chain, CharNGram, GloVe, Normal, Stack, Vectors, align

ROWS = [[1.0, 2], [3, 4], [5, 6], [7, 8]]


def make(tokens: str, dim: int = 2, scale: float = 1, **kwargs: object) -> Vectors:
    matrix = torch.arange(1, len(tokens.split()) * dim + 1).reshape(-1, dim).float() * scale
    return Vectors.from_tensor(tokens.split(), matrix, **kwargs)  # type: ignore[arg-type]


def saved(vectors: Vectors, path: Path, **kwargs: object) -> Vectors:
    return Vectors(vectors.save(path), **kwargs)  # type: ignore[arg-type]


TOKEN = st.sampled_from(["a", "b", "A", "B", "c", "", "é", "the cat"])
PART = st.lists(TOKEN, min_size=1, max_size=8)  # with duplicates


@given(
    parts=st.lists(PART, min_size=1, max_size=3), asked=st.lists(TOKEN | st.just("C")), stored=st.booleans()
)
def test_every_token_gets_what_a_plain_reference_gives_it(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[str]], asked: list[str], stored: bool
) -> None:
    folder = tmp_path_factory.mktemp("parts")
    made: list[Vectors] = []
    plain: list[dict[str, list[float]]] = []
    for number, tokens in enumerate(parts):
        matrix = torch.arange(len(tokens) * 2).reshape(-1, 2).float() + 100 * number
        unk = Normal(seed=number)
        part = Vectors.from_tensor(tokens, matrix, unk_init=unk)
        made.append(saved(part, folder / f"{number}.safetensors", unk_init=unk) if stored else part)
        plain.append({token: matrix[row].tolist() for row, token in enumerate(tokens)})

    def unknown(number: int, token: str) -> list[float]:
        numbers: list[float] = Normal(seed=number).rows([token], 2)[0].tolist()
        return numbers

    def stacked(token: str) -> list[float]:
        return [x for i, part in enumerate(plain) for x in part.get(token) or unknown(i, token)]

    def chained(token: str) -> list[float]:
        return next((part[token] for part in plain if token in part), unknown(0, token))

    order = []
    for tokens in parts:
        rows = {token: row for row, token in enumerate(tokens)}  # of duplicates the last
        order += [token for token in sorted(rows, key=rows.__getitem__) if token not in order]

    for vectors, reference in ((Stack(made), stacked), (Chain(made), chained)):
        dim = len(reference("a"))

        def lower(token: str, known: list[str] = order) -> str:
            return token if token in known else token.lower()

        for materialised in (False, True):
            if materialised:
                whole = vectors.vectors
                assert whole.tolist() == [reference(token) for token in order]
            assert vectors.dim == dim
            assert (list(vectors), list(vectors.itos), len(vectors)) == (order, order, len(order))
            assert dict(vectors.stoi.items()) == {token: i for i, token in enumerate(order)}
            assert vectors.rows_of(asked).tolist() == [order.index(t) if t in order else -1 for t in asked]
            assert [token in vectors for token in asked] == [token in order for token in asked]
            looked_up = vectors.get_vecs_by_tokens(asked)
            assert looked_up.shape == (len(asked), dim)
            assert looked_up.tolist() == [reference(token) for token in asked]
            backed_up = vectors.get_vecs_by_tokens(asked, lower_case_backup=True)
            assert backed_up.tolist() == [reference(lower(token)) for token in asked]
            assert [vectors[token].tolist() for token in asked] == looked_up.tolist()
            matrix = align(asked, vectors, pad_token=None).matrix
            assert matrix.tolist() == looked_up.tolist()
            mean = torch.tensor([reference(token) for token in order]).double().mean(0)
            torch.testing.assert_close(vectors.mean(), mean.float())


def test_looking_up_copies_no_matrix_and_numbers_no_token() -> None:
    glove = GloVe("sample")
    for vectors in (Stack([glove, glove]), Chain([glove, make("x", 50)])):
        assert vectors.get_vecs_by_tokens(["cat", "x", "Dog"], lower_case_backup=True).shape == (
            3,
            vectors.dim,
        )
        assert vectors["cat"].shape == (vectors.dim,)
        assert "cat" in vectors
        assert vectors._matrix is None
        assert glove._matrix is None
        assert "_own" not in vars(vectors._store)


def test_align_over_several_tells_how_each_token_was_found() -> None:
    vectors = Stack([make("a b"), make("b c", unk_init="mean")])
    found = align(["<pad>", "a", "C", "x"], vectors, lower_case_backup=True, unk_init=Normal(seed=3))
    assert [found.coverage.how(t) for t in ("<pad>", "a", "C", "x")] == [
        "padding",
        "exact",
        "lower case",
        "missing",
    ]
    assert found.matrix[:3].tolist() == [[0, 0, 0, 0], [1, 2, 2, 3], [0, 0, 3, 4]]
    assert torch.equal(found.matrix[3], Normal(seed=3).rows(["x"], 4)[0])


def test_a_part_that_composes_goes_on_composing() -> None:
    ngrams = CharNGram.from_tensor(["2gram-ca", "3gram-cat"], torch.tensor([[1.0, 3], [3, 5]]))
    plain = make("dog")
    both = Stack([plain, ngrams])
    assert both["cat"].tolist() == [0, 0, 2, 4]
    assert both["dog"].tolist() == [1, 2, 0, 0]
    coverage = align(["cat", "dog", "sun"], both).coverage
    assert [coverage.how(t) for t in ("cat", "dog", "sun")] == ["n-grams", "exact", "missing"]
    either = Chain([plain, ngrams])
    assert either.get_vecs_by_tokens(["cat", "dog", "sun"]).tolist() == [[2, 4], [1, 2], [0, 0]]
    # A row goes before what another part could compose.
    assert Chain([ngrams, make("x cat")])["cat"].tolist() == [3, 4]
    assert Stack([plain, ngrams], unk_init="zeros")["cat"].tolist() == [
        0,
        0,
        2,
        4,
    ]


def ones(tensor: Tensor) -> Tensor:
    return tensor.fill_(1)


def test_an_unk_init_of_its_own_counts_for_tokens_that_no_part_has() -> None:
    stack = Stack([make("a", unk_init="mean"), make("b")], unk_init=ones)
    assert stack.get_vecs_by_tokens(["x", "a", "b"]).tolist() == [[1, 1, 1, 1], [1, 2, 0, 0], [1, 2, 1, 2]]
    assert stack["x"].tolist() == [1, 1, 1, 1]
    assert stack.unk_init is ones
    chain = Chain([make("a", unk_init=ones), make("b")])
    assert chain["x"].tolist() == [1, 1]
    assert chain.unk_init(torch.zeros(2)).tolist() == [1, 1]  # type: ignore[operator]  # a callable here
    chain.unk_init = "mean"
    assert chain["x"].tolist() == [1, 2]  # of two rows that are both (1, 2)


def test_what_is_written_counts_from_then_on() -> None:
    stack = Stack([make("a b"), make("b c")])
    whole = stack.vectors
    whole[0] = torch.tensor([9.0, 8, 7, 6])
    assert stack["a"].tolist() == [9, 8, 7, 6]
    assert stack.get_vecs_by_tokens(["a", "x"]).tolist() == [[9, 8, 7, 6], [0, 0, 0, 0]]
    assert stack["a"].data_ptr() == whole.data_ptr()
    stack.stoi["z"] = 0
    assert stack["z"].tolist() == [9, 8, 7, 6]
    assert "z" in stack
    again = pickle.loads(pickle.dumps(stack))
    assert again["z"].tolist() == [9, 8, 7, 6]
    assert again.get_vecs_by_tokens(["x"]).tolist() == [[0, 0, 0, 0]]


def test_they_nest_are_saved_and_have_neighbours(tmp_path: Path) -> None:
    nested = Stack([Chain([make("a b"), make("b c d", scale=-1)]), make("d a", dim=1)])
    assert nested["d"].tolist() == [-5, -6, 1]
    path = nested.save(tmp_path / "v.safetensors")
    assert Vectors(path).itos == ["a", "b", "c", "d"]
    assert torch.equal(Vectors(path).vectors, nested.vectors)
    assert nested.nearest("a", 3) == Vectors(path).nearest("a", 3)
    assert Vectors(path).nearest("a", 1)[0][0] == "b"


def test_a_fingerprint_depends_on_the_parts_alone() -> None:
    def of(*parts: Vectors) -> list[str]:
        return [Stack(parts).fingerprint, Chain(parts).fingerprint]

    one = of(make("a b"), make("b c"))
    assert of(make("a b"), make("b c")) == one
    different = [
        of(make("b c"), make("a b")),
        of(make("a b"), make("b d")),
        of(make("a b", unk_init="mean"), make("b c")),
    ]
    assert len({*one, *(mark for pair in different for mark in pair)}) == 8
    stack = Stack([make("a b"), make("b c")])
    before, _ = stack.fingerprint, stack.vectors
    assert stack.fingerprint == before  # it was only looked at
    stack.vectors[0, 0] = 7
    assert stack.fingerprint != before


class Looked(Dataset[Tensor]):
    def __init__(self, vectors: Vectors) -> None:
        self.vectors = vectors

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Tensor:
        return self.vectors.get_vecs_by_tokens(["cat", "qwzx", "dog", "x"])[index]


def test_they_pickle_by_path_also_when_the_matrix_was_looked_at(tmp_path: Path) -> None:
    sample = GloVe("sample")
    stack = Stack([sample, Chain([saved(make("qwzx cat", 50), tmp_path / "v.safetensors"), sample])])
    small = pickle.dumps(stack)
    assert len(small) < 2000
    assert stack.vectors.shape == (len(sample) + 1, 100)
    assert len(pickle.dumps(stack)) == len(small)
    again = pickle.loads(small)
    assert type(again) is Stack
    assert again.fingerprint == stack.fingerprint
    assert again._matrix is None
    assert torch.equal(again.get_vecs_by_tokens(["cat", "qwzx"]), stack.get_vecs_by_tokens(["cat", "qwzx"]))
    assert list(again.itos[-2:]) == list(stack.itos[-2:])


def test_a_worker_reads_them_by_path(tmp_path: Path) -> None:
    stack = Stack([GloVe("sample"), saved(make("x cat", 3), tmp_path / "v.safetensors")])
    loader = DataLoader(Looked(stack), batch_size=None, num_workers=1, multiprocessing_context="spawn")
    rows = torch.stack(list(loader))
    assert torch.equal(rows, stack.get_vecs_by_tokens(["cat", "qwzx", "dog", "x"]))


def test_what_cannot_be_joined_says_why() -> None:
    with pytest.raises(ValueError, match=r"Chain: the vectors have the dims 2, 3.*Stack takes any"):
        Chain([make("a"), make("a", 3)])
    for kind in (Stack, Chain):
        with pytest.raises(ValueError, match="at least one"):
            kind([])
        with pytest.raises(TypeError, match=r"position 1: the vectors must be a Vectors.*'glove.6B.50d'"):
            kind([make("a"), "glove.6B.50d"])  # type: ignore[list-item]
        with pytest.raises(TypeError, match="several vectors in a list"):
            kind(make("a"))  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="unk_init="):
            kind([make("a")], unk_init="noise")  # type: ignore[arg-type]


def test_they_can_still_be_made_of_a_tensor() -> None:
    made = Stack.from_tensor(["a"], torch.ones(1, 2))
    assert made.get_vecs_by_tokens(["a", "b"]).tolist() == [[1, 1], [0, 0]]
    assert pickle.loads(pickle.dumps(made))["a"].tolist() == [1, 1]
    assert np.isnan(made["b"].numpy()).sum() == 0
