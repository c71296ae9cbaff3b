"""A vocabulary and vectors → a matrix: row i belongs to the vocabulary's token i, for every i."""

from __future__ import annotations

import copy
import pickle
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor, nn

from torchvectors.align import Alignment, Coverage, align
from torchvectors.errors import CoverageError, MissingExtraError, TokenTypeError, VocabError
from torchvectors.pretrained import CharNGram
from torchvectors.vectors import Normal, UnkInit, Vectors
from torchvectors.vocabulary import Vocab, build_vocab_from_iterator

TOP500 = Path(__file__).parent / "data" / "glove.6B.50d.top500.txt"

KNOWN = st.sampled_from(["a", "b", "c", "A", "é", "\xa0", "", "<unk>", "<pad>", "the"])
TOKENS = KNOWN | st.sampled_from(["B", "THE", "É", "never", "NEVER", "\ud800", "<PAD>", "<bos>"])


def vectors_of(itos: list[str], **options: Any) -> Vectors:
    """Make vectors whose row i is [i + 1, -(i + 1)]."""
    numbers = torch.arange(1, len(itos) + 1, dtype=torch.float32)
    return Vectors.from_tensor(itos, torch.stack([numbers, -numbers], dim=1), **options)


def add_one(tensor: Tensor) -> Tensor:
    return tensor.add_(1)


class Shouted(Vectors):
    """Of a word that has no row, as long as it has letters, the vector is its length; others count, too."""

    def __getitem__(self, token: str) -> Tensor:
        if token in self.stoi:
            return self.vectors[self.stoi[token]] * 10
        if token.isalpha():
            return torch.full((self.dim,), float(len(token)))
        return torch.full((self.dim,), -float(len(token)))

    def compose(self, tokens: Sequence[str]) -> tuple[NDArray[np.bool_], Tensor]:
        made = np.array([token.isalpha() for token in tokens], np.bool_)
        return made, torch.tensor([[float(len(token))] * self.dim for token in tokens]).view(-1, self.dim)


# Row i belongs to token i


def test_every_row_of_a_matrix_that_is_filled_in_parts_is_its_tokens() -> None:
    known = [f"known{i}" for i in range(3_000)]
    vectors = Vectors.from_tensor(known, torch.randn(3_000, 100), unk_init=Normal(seed=1))
    itos = [*(f"known{i * 7 % 3_000}" for i in range(2_000)), *(f"new{i}" for i in range(2_000)), "<pad>"]
    itos += [word for i in range(1_000) for word in (f"known{i}", f"newer{i}", "<pad>", "chosen")]
    aligned = align(itos, vectors, rows={"chosen": torch.full((100,), 3.0)})
    expected = vectors.get_vecs_by_tokens(itos)
    expected[[i for i, token in enumerate(itos) if token == "<pad>"]] = 0
    expected[[i for i, token in enumerate(itos) if token == "chosen"]] = 3
    assert torch.equal(aligned.matrix, expected)
    assert aligned.padding_idx == 4_000


def test_a_matrix_is_float32_whatever_torch_makes_by_default() -> None:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        assert align(["a", "z"], vectors_of(["a"])).matrix.dtype == torch.float32
    finally:
        torch.set_default_dtype(before)


@given(
    itos=st.lists(KNOWN, max_size=8),
    tokens=st.lists(TOKENS, max_size=12),
    backup=st.booleans(),
    how=st.sampled_from(["zeros", "mean", Normal(), Normal(std=0.1, seed=5), add_one, torch.Tensor.zero_]),
    given_to=st.sampled_from(["vectors", "align"]),
    pad=st.sampled_from(["<pad>", "<bos>", "a", None]),
)
def test_every_row_belongs_to_its_token(
    itos: list[str], tokens: list[str], backup: bool, how: UnkInit, given_to: str, pad: str | None
) -> None:
    vectors = vectors_of(itos, unk_init=how if given_to == "vectors" else add_one)
    one_by_one = vectors_of(itos, unk_init=how)
    made = align(
        tokens,
        vectors,
        unk_init=how if given_to == "align" else None,
        lower_case_backup=backup,
        pad_token=pad,
    )
    assert made.matrix.shape == (len(tokens), 2)
    assert made.matrix.dtype == torch.float32
    for i, token in enumerate(tokens):  # torchtext's users' slow loop
        if token in itos:
            expected, found = one_by_one[token], "exact"
        elif backup and token.lower() in itos:
            expected, found = one_by_one[token.lower()], "lower case"
        elif token == pad:
            expected, found = torch.zeros(2), "padding"
        else:
            expected, found = one_by_one[token], "missing"
        assert torch.equal(made.matrix[i], expected), token
        assert made.coverage.how(token) == found
    assert made.padding_idx == (tokens.index(pad) if pad in tokens else None)


@given(itos=st.lists(KNOWN, max_size=8), tokens=st.lists(TOKENS, max_size=12), backup=st.booleans())
def test_every_row_of_a_subclass_with_a_rule_of_its_own_is_what_its_rule_gives(
    itos: list[str], tokens: list[str], backup: bool
) -> None:
    numbers = torch.arange(1, len(itos) + 1, dtype=torch.float32)
    vectors = Shouted.from_tensor(itos, numbers.repeat(2, 1).T)
    made = align(tokens, vectors, lower_case_backup=backup, pad_token=None)
    for i, token in enumerate(tokens):
        sought = token.lower() if backup and token not in vectors else token
        assert torch.equal(made.matrix[i], vectors[sought]), token
        found = "n-grams" if sought.isalpha() else "missing"
        found = found if sought not in vectors else "exact" if sought == token else "lower case"
        assert made.coverage.how(token) == found
    noise = align(tokens, vectors, unk_init=Normal(), lower_case_backup=backup, pad_token=None)
    for i, how in enumerate(map(noise.coverage.how, tokens)):
        expected = Normal().rows([tokens[i]], 2)[0] if how == "missing" else made.matrix[i]
        assert torch.equal(noise.matrix[i], expected)


def test_vectors_of_ngrams_are_followed() -> None:
    keys = ["2gram-ca", "3gram-#BEGIN#ca", "2gram-at", "2gram-t#END#"]
    ngrams = CharNGram.from_tensor(keys, torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [9.0, 8.0]]))
    made = align(["<pad>", "<unk>", "cat", "zzz", "CAT"], ngrams)
    assert made.matrix.tolist() == [[0, 0], [0, 0], [4.5, 5], [0, 0], [0, 0]]
    assert torch.equal(made.matrix[2:3], ngrams["cat"])
    coverage = made.coverage
    assert coverage.tokens("n-grams") == ["cat"]
    assert coverage.of_tokens == 0.25
    assert "n-grams" in str(coverage)
    assert align(["CAT"], ngrams, lower_case_backup=True).coverage.how("CAT") == "n-grams"


def test_real_rows_go_to_their_tokens(tmp_path: Path) -> None:
    vectors = Vectors(TOP500, cache=tmp_path)
    sentences = [
        ["The", "cat", "of", "the", "president", "in"],
        ["the", "xylophone", "of", "the", "war"],
    ]
    vocab = build_vocab_from_iterator(sentences, specials=["<pad>", "<unk>"])
    made = align(vocab, vectors, lower_case_backup=True)
    for i, token in enumerate(vocab.get_itos()):
        assert torch.equal(made.matrix[i], vectors.get_vecs_by_tokens(token, lower_case_backup=True)), token
    assert made.coverage.tokens("missing") == ["<unk>", "cat", "xylophone"]
    assert made.coverage.tokens("lower case") == ["The"]
    assert made.coverage.tokens("padding") == ["<pad>"]


# What may be a vocabulary


class Legacy:
    def get_itos(self) -> tuple[str, ...]:
        return ("b", "a")


@pytest.mark.parametrize(
    "vocab",
    [Vocab(["b", "a"]), Legacy(), ["b", "a"], ("b", "a"), np.array(["b", "a"]), vectors_of(["b", "a"])],
)
def test_a_vocabulary_is_a_vocab_or_anything_like_it_or_its_tokens(vocab: Any) -> None:
    assert align(vocab, vectors_of(["a", "b"])).matrix[:, 0].tolist() == [2, 1]


def test_a_token_inserted_into_a_vocab_moves_the_others_rows() -> None:
    vocab = Vocab(["a", "b"])
    vocab.insert_token("<unk>", 0)
    made = align(vocab, vectors_of(["a", "b"]))
    assert made.matrix[:, 0].tolist() == [0, 1, 2]


@pytest.mark.parametrize("vocab", [{"b": 1, "a": 0}, "ab", Vocab(["b", "a"]).get_stoi()])
def test_what_need_not_be_in_the_order_of_its_indices_is_refused(vocab: Any) -> None:
    with pytest.raises(TokenTypeError, match=r"the vocabulary is one (dict|str)"):
        align(vocab, vectors_of(["a", "b"]))


@pytest.mark.parametrize("wrong", [3, None, b"a", ("a",)])
def test_a_token_that_is_no_str_is_refused_with_its_place(wrong: Any) -> None:
    with pytest.raises(TokenTypeError, match="token 1 of the vocabulary is"):
        align(["a", wrong], vectors_of(["a"]))


@pytest.mark.parametrize("unk_init", ["zeros", "mean", Normal(), add_one])
def test_an_empty_vocabulary_has_an_empty_matrix(unk_init: UnkInit) -> None:
    made = align(Vocab([]), vectors_of(["a"]), unk_init=unk_init)
    assert made.matrix.shape == (0, 2)
    assert made.padding_idx is None
    assert made.embedding(train="missing").weight.shape == (0, 2)
    assert (made.coverage.of_tokens, made.coverage.of_text) == (0, None)
    assert str(made.coverage) == "0 tokens, 0.0% of them with a vector"
    assert align([], vectors_of(["a"]), counts={}).coverage.of_text == 0


def test_vectors_without_rows_leave_every_token_missing() -> None:
    made = align(["a", "<pad>"], vectors_of([]), unk_init="mean")
    assert made.matrix.tolist() == [[0, 0], [0, 0]]
    assert made.coverage.tokens("missing") == ["a"]


# The padding token


def test_the_padding_row_is_zeros_whatever_unknown_tokens_get() -> None:
    made = align(["x", "<pad>", "<pad>"], vectors_of(["a"]), unk_init=add_one)
    assert made.matrix.tolist() == [[1, 1], [0, 0], [0, 0]]
    assert made.padding_idx == 1


def test_a_padding_token_that_has_a_vector_keeps_it() -> None:
    made = align(["<pad>"], vectors_of(["a", "<pad>"]))
    assert made.matrix.tolist() == [[2, -2]]
    assert made.coverage.how("<pad>") == "exact"
    assert made.padding_idx == 0


def test_unk_init_is_called_for_missing_tokens_alone() -> None:
    given: list[list[float]] = []

    def record(tensor: Tensor) -> Tensor:
        given.append(tensor.tolist())
        return tensor.add_(len(given))

    made = align(["x", "a", "<pad>", "y"], vectors_of(["a"]), unk_init=record)
    assert made.matrix[:, 0].tolist() == [1, 1, 0, 2]
    assert given == [[0, 0], [0, 0]]


# Nothing is shared


def test_the_matrix_shares_nothing_with_the_vectors_and_carries_no_gradient() -> None:
    vectors = vectors_of(["a"])
    vectors.vectors = nn.Parameter(vectors.vectors.half())
    made = align(["a"], vectors)
    assert made.matrix.dtype == torch.float32
    assert not made.matrix.requires_grad
    made.matrix.zero_()
    assert vectors["a"][0] == 1


# Coverage


@given(
    itos=st.lists(KNOWN, max_size=6),
    tokens=st.lists(TOKENS, max_size=10),
    text=st.lists(TOKENS, max_size=30),
    backup=st.booleans(),
)
def test_every_figure_of_the_coverage_is_a_plain_count(
    itos: list[str], tokens: list[str], text: list[str], backup: bool
) -> None:
    coverage = align(tokens, vectors_of(itos), lower_case_backup=backup, counts=Counter(text)).coverage

    def found(token: str) -> bool:
        return token in itos or (backup and token.lower() in itos)

    counted = [token for token in tokens if token != "<pad>" or found(token)]
    assert coverage.of_tokens == sum(map(found, counted)) / max(len(counted), 1)
    # A token outside the vocabulary is running text without a vector, whatever the vectors have.
    running = [t for t in text if t not in tokens or t in counted]
    assert coverage.of_text == sum(t in tokens and found(t) for t in running) / max(len(running), 1)
    figures, hows = coverage.as_dict(), ("exact", "lower case", "n-grams", "missing", "chosen", "padding")
    assert [figures[how] for how in hows] == [
        sum(coverage.how(token) == how for token in tokens) for how in hows
    ]
    numbers = coverage.running_tokens()
    assert numbers is not None
    assert sum(numbers.values()) == len(text)
    assert numbers["outside"] == sum(token not in tokens for token in text)
    assert (figures["tokens"], figures["of_text"]) == (len(tokens), coverage.of_text)


def test_padding_counts_nowhere() -> None:
    coverage = align(["<pad>", "a", "x"], vectors_of(["a"]), counts={"<pad>": 96, "a": 3, "x": 1}).coverage
    assert (coverage.of_tokens, coverage.of_text) == (0.5, 0.75)


def test_of_text_is_unknown_without_counts() -> None:
    coverage = align(["a", "x"], vectors_of(["a"])).coverage
    assert (coverage.of_tokens, coverage.of_text) == (0.5, None)
    assert coverage.as_dict() == {
        "tokens": 2,
        "exact": 1,
        "lower case": 0,
        "n-grams": 0,
        "missing": 1,
        "chosen": 0,
        "padding": 0,
        "of_tokens": 0.5,
        "of_text": None,
    }


def test_the_report_names_what_is_missing_the_most_frequent_first() -> None:
    tokens = ["<pad>", "a", "A", *(f"x{i}" for i in range(12))]
    counts = {"a": 60, "A": 10, "x7": 25, "x3": 4, "outside": 1}
    made = align(tokens, vectors_of(["a"]), lower_case_backup=True, counts=counts)
    assert str(made.coverage).splitlines() == [
        "15 tokens, 14.3% of them with a vector; 70.0% of the running text",
        "  exact              1",
        "  lower case         1",
        "  missing           12  'x7', 'x3', 'x0', 'x1', 'x2', 'x4', 'x5', 'x6', 'x8', 'x9', …",
        "  padding            1",
    ]


def test_the_running_text_may_be_more_than_the_counts() -> None:
    counts = {"a": 6, "x": 2}
    coverage = align(["a", "x"], vectors_of(["a"]), counts=counts, running=10).coverage
    assert coverage.of_text == 0.6
    assert coverage.running_tokens() == {"exact": 6, "missing": 2, "chosen": 0, "padding": 0, "outside": 2}
    with pytest.raises(ValueError, match=r"running=7: the counts alone make 8 running tokens"):
        align(["a", "x"], vectors_of(["a"]), counts=counts, running=7)


def test_too_small_a_coverage_of_the_text_stops_a_pipeline() -> None:
    tokens = ["<pad>", "a", *(f"x{i}" for i in range(12))]
    made = align(tokens, vectors_of(["a"]), counts={"a": 70, "x7": 20, "x3": 4, "rare": 6})
    made.assert_coverage(0.7)
    with pytest.raises(CoverageError) as refused:
        made.assert_coverage(0.71)
    assert str(refused.value) == (
        "70.0% of the running text (70 of 100) have a vector, and at least 71.0% were asked for. 12 tokens have none, "
        "the most frequent of them 'x7', 'x3', 'x0', 'x1', 'x2', 'x4', 'x5', 'x6', 'x8', 'x9', …. 6 running tokens are "
        "not in the vocabulary. Try more steps (steps=, lower_case_backup=), other vectors or another tokenizer."
    )


def test_too_small_a_coverage_of_the_tokens_is_what_counts_where_nobody_has_counted() -> None:
    made = align(["a", "x"], vectors_of(["a"]))
    made.assert_coverage(0.5)
    with pytest.raises(
        CoverageError,
        match=r"^50.0% of the tokens \(1 of 2\) .*1 tokens have none, the first of them 'x'\. Try",
    ):
        made.assert_coverage(0.51)


@pytest.mark.parametrize("least", [-0.1, 90, float("nan")])
def test_a_coverage_that_is_no_share_is_refused(least: float) -> None:
    with pytest.raises(ValueError, match="a coverage is a share from 0 to 1, not"):
        align(["a"], vectors_of(["a"])).assert_coverage(least)


def bars_of(coverage: Coverage) -> tuple[Any, dict[str, list[float]]]:
    figure = pytest.importorskip("matplotlib.figure").Figure()
    axes = figure.subplots()
    coverage.plot(axes)
    bars = {bars.get_label(): [float(bar.get_width()) for bar in bars] for bars in axes.containers}
    return axes, bars


def test_the_picture_shows_the_shares_of_the_report() -> None:
    tokens = ["<pad>", "a", "A", "x", "<bos>"]
    made = align(
        tokens,
        vectors_of(["a"]),
        lower_case_backup=True,
        rows={"<bos>": "mean"},
        counts={"a": 6, "A": 1, "x": 2},
        running=10,
    )
    axes, bars = bars_of(made.coverage)
    assert bars == {
        "exact": [pytest.approx(1 / 3), pytest.approx(0.6)],
        "lower case": [pytest.approx(1 / 3), pytest.approx(0.1)],
        "missing": [pytest.approx(1 / 3), pytest.approx(0.2)],
        "outside": [0, pytest.approx(0.1)],
    }
    assert [label.get_text() for label in axes.get_yticklabels()] == ["tokens", "running text"]
    assert axes.get_title() == str(made.coverage).splitlines()[0]
    _, alone = bars_of(align(["a"], vectors_of(["a"])).coverage)
    assert alone == {"exact": [1]}
    bars_of(align([], vectors_of(["a"]), counts={}).coverage)


def test_the_picture_is_written_as_a_png(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    coverage = align(["a", "x"], vectors_of(["a"])).coverage
    for where in (tmp_path / "coverage", str(tmp_path / "coverage.png")):
        coverage.plot(where)
        assert Path(where).read_bytes().startswith(b"\x89PNG")
    with pytest.raises(OSError, match="no_such_folder"):
        coverage.plot(tmp_path / "no_such_folder" / "coverage.png")


def test_without_matplotlib_the_picture_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("torchvectors.align.picture", "matplotlib.backends.backend_agg"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "torchvectors.align.picture")
    monkeypatch.delattr(sys.modules["torchvectors.align"], "picture", raising=False)
    with pytest.raises(MissingExtraError, match=r"pip install 'torchvectors\[plots\]'"):
        align(["a"], vectors_of(["a"])).coverage.plot("coverage.png")


def test_the_coverage_of_a_strange_token_is_refused() -> None:
    with pytest.raises(VocabError, match="'dog' is not in this vocabulary of 1 tokens"):
        align(["a"], vectors_of(["a"])).coverage.how("dog")


# Layers


def aligned() -> Alignment:
    return align(["<pad>", "a", "b"], vectors_of(["b", "a"]))


@pytest.mark.parametrize("freeze", [True, False])
def test_an_embedding_has_a_copy_of_the_matrix(freeze: bool) -> None:
    made = aligned()
    layer = made.embedding(freeze=freeze)
    assert layer(torch.tensor([1, 0, 2])).tolist() == [[2, -2], [0, 0], [1, -1]]
    assert layer.weight.requires_grad is not freeze
    assert (layer.num_embeddings, layer.embedding_dim, layer.padding_idx) == (3, 2, 0)
    with torch.no_grad():
        layer.weight.zero_()
    assert made.matrix[1, 0] == 2
    assert torch.equal(made.embedding().weight, made.matrix)
    assert made.dim == 2


def test_the_padding_row_of_an_embedding_is_not_trained() -> None:
    layer = aligned().embedding(freeze=False)
    layer(torch.tensor([0, 1])).sum().backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.tolist() == [[0, 0], [1, 1], [0, 0]]


def test_the_padding_index_is_the_callers_if_given() -> None:
    made = aligned()
    assert made.embedding(padding_idx=None).padding_idx is None
    assert made.embedding(padding_idx=2).padding_idx == 2
    assert made.embedding_bag(padding_idx=None).padding_idx is None
    assert align(["a"], vectors_of(["a"])).embedding().padding_idx is None


@pytest.mark.parametrize(("mode", "expected"), [("mean", [1.5, -1.5]), ("sum", [3, -3]), ("max", [2, -1])])
def test_an_embedding_bag_leaves_the_padding_out(mode: Any, expected: list[float]) -> None:
    made = aligned()
    bag = made.embedding_bag(mode=mode)
    assert bag(torch.tensor([[1, 2, 0, 0]])).tolist() == [expected]
    assert not bag.weight.requires_grad
    assert made.embedding_bag(freeze=False).weight.requires_grad
    assert bag.weight.data_ptr() != made.matrix.data_ptr()


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made))])
def test_an_alignment_can_be_copied(copied: Any) -> None:
    made = align(["<pad>", "a", "x"], vectors_of(["a"]), counts={"a": 1})
    again = copied(made)
    assert torch.equal(again.matrix, made.matrix)
    assert str(again.coverage) == str(made.coverage)
    assert again.padding_idx == 0
    assert isinstance(again.coverage, Coverage)


def test_what_is_no_vectors_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match=r"align: the vectors must be a Vectors, .* not str: 'glove.6B.50d'"):
        align(["a"], "glove.6B.50d")  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize(
    ("freeze", "train"), [(True, "all"), (False, "none"), (True, "missing"), (True, ["cat"])]
)
def test_two_arguments_that_say_opposite_things_are_refused(freeze: bool, train: Any) -> None:
    aligned = align(["the", "cat"], Vectors.from_tensor(["the"], torch.ones(1, 2)))
    for make in (aligned.embedding, aligned.embedding_bag):
        with pytest.raises(ValueError, match=f"^freeze={freeze} and train=.* say opposite things"):
            make(freeze=freeze, train=train)
    assert repr(aligned) == "<Alignment: 2 tokens of dim 2, 50.0% with a vector>"
