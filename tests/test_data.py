"""torchtext's ``data``: the names, the numbers that its documentation promises, and what must survive a pickle."""

from __future__ import annotations

import importlib.util
import inspect
import io
import math
import pickle
import random
import string
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from torchvectors import data
from torchvectors.data import functional, metrics, utils
from torchvectors.errors import MissingExtraError
from torchvectors.vocabulary import Vocab

WORDS = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=10)


# What torchtext programs see: names, parameters, defaults.

NAMES = """
bleu_score custom_replace filter_wikipedia_xml generate_sp_model get_tokenizer interleave_keys load_sp_model
numericalize_tokens_from_iterator sentencepiece_numericalizer sentencepiece_tokenizer simple_space_split
to_map_style_dataset
"""


def test_the_door_has_torchtext_s_names() -> None:
    assert data.__all__ == NAMES.split()
    assert all(hasattr(data, name) for name in data.__all__)


SIGNATURES: list[tuple[Callable[..., object], str]] = [
    (data.bleu_score, "candidate_corpus, references_corpus, max_n=4, weights=[0.25, 0.25, 0.25, 0.25]"),
    (data.get_tokenizer, "tokenizer, language='en'"),
    (data.interleave_keys, "a, b"),
    (data.generate_sp_model, "filename, vocab_size=20000, model_type='unigram', model_prefix='m_user'"),
    (data.load_sp_model, "spm"),
    (data.sentencepiece_numericalizer, "sp_model"),
    (data.sentencepiece_tokenizer, "sp_model"),
    (data.custom_replace, "replace_pattern"),
    (data.simple_space_split, "iterator"),
    (data.numericalize_tokens_from_iterator, "vocab, iterator, removed_tokens=None"),
    (data.filter_wikipedia_xml, "text_iterator"),
    (data.to_map_style_dataset, "iter_data"),
    (utils.ngrams_iterator, "token_list, ngrams"),
    (utils.is_tokenizer_serializable, "tokenizer, language"),
    (utils.get_torch_version, ""),
    (utils.dtype_to_attr, "dtype"),
    (utils.RandomShuffler, "random_state=None"),
    (utils.RandomShuffler.__call__, "self, data"),
]


@pytest.mark.parametrize(("function", "expected"), SIGNATURES)
def test_signatures_are_torchtext_s(function: Callable[..., object], expected: str) -> None:
    parameters = inspect.signature(function).parameters.values()
    bare = [str(parameter.replace(annotation=inspect.Parameter.empty)) for parameter in parameters]
    assert ", ".join(bare) == expected


# data.utils


def test_get_tokenizer_does_what_the_documentation_shows() -> None:
    tokenizer = data.get_tokenizer("basic_english")
    shown = ["you", "can", "now", "install", "torchtext", "using", "pip", "!"]
    assert tokenizer("You can now install TorchText using pip!") == shown
    assert pickle.loads(pickle.dumps(data.get_tokenizer)) is data.get_tokenizer


def test_every_tokenizer_counts_as_serializable() -> None:
    assert utils.is_tokenizer_serializable("spacy", "en")
    assert utils.is_tokenizer_serializable("basic_english", "en")


def test_ngrams_come_by_length() -> None:
    assert list(utils.ngrams_iterator(["here", "we", "are"], 2)) == ["here", "we", "are", "here we", "we are"]
    assert list(utils.ngrams_iterator(["a", "b", "c"], 3))[-1] == "a b c"
    assert list(utils.ngrams_iterator(["a", "b"], 0)) == ["a", "b"]


@given(tokens=WORDS, ngrams=st.integers(1, 6))
def test_every_run_of_tokens_is_an_ngram_once(tokens: list[str], ngrams: int) -> None:
    runs = Counter(
        " ".join(tokens[i : i + n]) for n in range(1, ngrams + 1) for i in range(len(tokens) - n + 1)
    )
    assert Counter(utils.ngrams_iterator(tokens, ngrams)) == runs


@pytest.mark.parametrize(
    ("a", "b", "key"), [(0, 0, 0), (1, 0, 2), (0, 1, 1), (3, 1, 0b1011), (0xFFFF, 0, 0xAAAAAAAA)]
)
def test_interleaved_keys_take_a_bit_from_each_in_turn(a: int, b: int, key: int) -> None:
    assert utils.interleave_keys(a, b) == key


@given(a=st.integers(0, 1 << 20), b=st.integers(0, 1 << 20))
def test_every_pair_of_keys_can_be_told_from_its_interleaved_key(a: int, b: int) -> None:
    key = utils.interleave_keys(a, b)
    bits = format(key, "b").rjust(42, "0")
    assert (int(bits[::2], 2), int(bits[1::2], 2)) == (a, b)


def test_small_helpers() -> None:
    major, minor = utils.get_torch_version()
    assert torch.__version__.startswith(f"{major}.{minor}.")
    assert utils.dtype_to_attr(torch.int32) == "int32"
    assert getattr(torch, utils.dtype_to_attr(torch.float64)) is torch.float64


def test_a_shuffler_goes_on_from_its_own_state() -> None:
    first = utils.RandomShuffler()
    start = first.random_state
    orders = [first(range(20)) for _ in range(3)]
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == list(range(20))

    random.seed(1)
    second = utils.RandomShuffler(start)
    outside = random.getstate()
    again = [second(range(20)) for _ in range(3)]
    assert again == orders
    assert random.getstate() == outside  # the program's own sequence is as it was

    second.random_state = start
    assert second(range(20)) == orders[0]


def test_a_shuffler_gives_the_program_s_state_back_after_an_error() -> None:
    outside = random.getstate()
    shuffler = utils.RandomShuffler()
    with pytest.raises(TypeError), shuffler.use_internal_state():
        random.shuffle("text")  # type: ignore[call-overload] # the point: it draws a number, then fails
    assert random.getstate() == outside


# data.metrics


@pytest.mark.parametrize(
    ("candidates", "references", "options", "score"),
    [
        # The numbers of torchtext 0.18's documentation and tests, of which these are facts.
        (["My full pytorch test"], [["My full pytorch test", "Completely Different"]], {}, 1.0),
        (["My full pytorch"], [["My full pytorch test", "Completely Different"]], {}, 0.0),
        (["My full pytorch test"], [["My full pytorch test !", "Different"]], {}, 0.7788007),
        (
            ["My pytorch test"],
            [["My full pytorch test", "Different"]],
            {"max_n": 2, "weights": [0.5, 0.5]},
            0.5066641,
        ),
        ([""], [[""]], {}, 0.0),
        # By hand: one "the" of three counts, nothing is too short; then all counts, and e^(1 - 3/2) for brevity.
        (["the the the"], [["the cat"]], {"max_n": 1, "weights": [1.0]}, 1 / 3),
        (["a b"], [["a b c"]], {"max_n": 2, "weights": [0.5, 0.5]}, math.exp(-0.5)),
        # By hand: of two references equally far in length the first counts, here the shorter; then the longer.
        (["a b"], [["a", "a b c"]], {"max_n": 1, "weights": [1]}, 1.0),
        (["a b"], [["a b c", "a"]], {"max_n": 1, "weights": [1]}, math.exp(-0.5)),
    ],
)
def test_bleu_of_small_corpora(
    candidates: list[str], references: list[list[str]], options: dict[str, Any], score: float
) -> None:
    split = [[reference.split() for reference in alternatives] for alternatives in references]
    found = data.bleu_score([candidate.split() for candidate in candidates], split, **options)
    assert found == pytest.approx(score, rel=1e-6)


LONG = (
    ["Lucille B has 3 sons", "She loves all her children equally", "No match here at all"],
    [
        ["I heard Lucille has three sons", "Rumor has it Lucille has 3 sons !"],
        ["I love all my children equally", "She loves all her children equally"],
        ["I have made a terrible mistake", "Big mistake"],
    ],
)


@pytest.mark.parametrize(
    ("weights", "score"),
    [([0.25] * 4, 0.4573199), ([0.33] * 3, 0.4901113), ([0.5] * 2, 0.5119535), ([1], 0.5515605)],
)
def test_bleu_equals_nltk_s_as_torchtext_s_did(weights: list[float], score: float) -> None:
    candidates = (candidate.split() for candidate in LONG[0])  # any iterable will do
    references = ([reference.split() for reference in alternatives] for alternatives in LONG[1])
    found = data.bleu_score(candidates, references, len(weights), weights)
    assert found == pytest.approx(score, abs=1e-7)


def test_the_documented_bleu_is_equal_to_the_last_bit() -> None:
    candidates = [["My", "full", "pytorch", "test"], ["Another", "Sentence"]]
    references = [[["My", "full", "pytorch", "test"], ["Completely", "Different"]], [["No", "Match"]]]
    assert data.bleu_score(candidates, references) == 0.8408964276313782


def bleu_in_fractions(candidates: list[list[str]], references: list[list[list[str]]], max_n: int) -> float:
    logarithm, length, reference_length = 0.0, 0, 0
    for n in range(1, max_n + 1):
        common = total = 0
        for candidate, alternatives in zip(candidates, references, strict=True):
            runs = [tuple(candidate[i : i + n]) for i in range(len(candidate) - n + 1)]
            total += len(runs)
            for run in set(runs):
                there = [
                    sum(tuple(other[i : i + n]) == run for i in range(len(other) - n + 1))
                    for other in alternatives
                ]
                common += min(runs.count(run), max(there))
        if not common:
            return 0.0
        logarithm += math.log(Fraction(common, total)) / max_n
    for candidate, alternatives in zip(candidates, references, strict=True):
        length += len(candidate)
        gaps = [abs(len(other) - len(candidate)) for other in alternatives]
        reference_length += len(alternatives[gaps.index(min(gaps))])
    return math.exp(logarithm + min(0.0, 1 - reference_length / length))


@given(
    corpus=st.lists(st.tuples(WORDS, st.lists(WORDS, min_size=1, max_size=3)), min_size=1, max_size=4),
    max_n=st.integers(1, 4),
)
@example(corpus=[(list("abcd"), [list("abcd")])], max_n=4)
def test_every_bleu_is_the_definition_s(corpus: list[tuple[list[str], list[list[str]]]], max_n: int) -> None:
    candidates, references = [row[0] for row in corpus], [row[1] for row in corpus]
    expected = bleu_in_fractions(candidates, references, max_n)
    assert data.bleu_score(candidates, references, max_n, [1 / max_n] * max_n) == pytest.approx(
        expected, rel=1e-5
    )


def test_bleu_counts_a_token_with_a_space_as_one_token() -> None:
    assert data.bleu_score([["New York"]], [[["New York"]]], 1, [1.0]) == 1.0
    assert data.bleu_score([["New York"]], [[["New York"]]], 2, [0.5, 0.5]) == 0.0  # there is no 2-gram


@pytest.mark.parametrize(
    ("candidates", "references", "options", "complaint"),
    [
        ([["a"]], [[["a"]]], {"max_n": 2}, "weights.*max_n: 4 and 2"),
        ([["a"], ["b"]], [[["a"]]], {}, "should be the same: 2 and 1"),
        ([["a"], ["b"]], [[["a"]], []], {}, "translation 1 has no reference"),
    ],
)
def test_bleu_refuses_what_does_not_fit(
    candidates: list[list[str]], references: list[list[list[str]]], options: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        metrics.bleu_score(candidates, references, **options)


# data.functional


def test_custom_replace_applies_its_patterns_in_order() -> None:
    replace = data.custom_replace([(r"S", "s"), (r"\s+", " ")])
    shown = ["sentencepiece encode as pieces", "examples to try!"]
    assert list(replace(["Sentencepiece encode  aS  pieces", "exampleS to   try!"])) == shown
    assert list(pickle.loads(pickle.dumps(replace))(["aS  b"])) == ["as b"]
    assert list(data.custom_replace([("a", "b"), ("b", "c")])(["ab"])) == ["cc"]
    assert list(data.custom_replace(pair for pair in [("(a)(b)", r"\2\1")])(["ab", "ab"])) == ["ba", "ba"]


def test_simple_space_split_does_what_the_documentation_shows() -> None:
    rows = [["Sentencepiece", "encode", "as", "pieces"], ["example", "to", "try!"]]
    assert list(data.simple_space_split(["Sentencepiece encode as pieces", "example to try!"])) == rows


@pytest.mark.parametrize(
    "vocab",
    [
        {"Sentencepiece": 0, "encode": 1, "as": 2, "pieces": 3},
        Vocab(["Sentencepiece", "encode", "as", "pieces"]),
    ],
    ids=["dict", "Vocab"],
)
def test_tokens_are_numericalized_row_by_row(vocab: Any) -> None:
    def rows() -> Iterator[list[str]]:
        return data.simple_space_split(["Sentencepiece as pieces", "as pieces"])

    found = data.numericalize_tokens_from_iterator(vocab, rows())
    assert [list(row) for row in found] == [[0, 2, 3], [2, 3]]
    found = data.numericalize_tokens_from_iterator(vocab, rows(), removed_tokens=["as", "nosuch"])
    assert [list(row) for row in found] == [[0, 3], [3]]
    # Rows may also be collected first and read later.
    later = list(data.numericalize_tokens_from_iterator(vocab, rows()))
    assert [list(row) for row in later] == [[0, 2, 3], [2, 3]]


@pytest.mark.parametrize("stage", [functional.simple_space_split, functional.custom_replace([])])
def test_stages_are_lazy(stage: Callable[[Iterable[str]], Iterator[object]]) -> None:
    def lines() -> Iterator[str]:
        yield "one"
        raise RuntimeError("the second line was asked for")

    assert next(stage(lines())) in (["one"], "one")


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("The [[term]] of abuse in 1642.\n", "the term of abuse in one six four two"),
        ("see [[political philosophy|philosophies]] &amp; [http://x.org more]", "see philosophies more"),
        ("[[image:a.jpg|thumb|left|200px|A caption]]", "a caption"),
        ("[[category:Rivers|x]]", "one"),  # torchtext's "$1" stands for itself
        ("[[fr:Rivi\u00e8re]] {{stub}} {| table |} word", "word"),
        ("<page> gone </page> kept", "kept"),
        ("caf\u00e9 &quot;x&quot;", "caf x"),
    ],
)
def test_wikipedia_s_mark_up_is_taken_off(line: str, text: str) -> None:
    assert list(data.filter_wikipedia_xml([line])) == [text]


def test_wikipedia_s_redirects_and_empty_lines_are_dropped() -> None:
    lines = io.StringIO("#REDIRECT [[A]]\n<text xml:space>#redirect [[B]]\n\n<page>\nword\n!!!\n")
    assert list(data.filter_wikipedia_xml(lines)) == ["word"]
    with pytest.raises(TypeError, match=r"^Input 3 must support iterator semantics$"):
        next(data.filter_wikipedia_xml(3))  # type: ignore[arg-type] # the point of the test


@given(line=st.text(st.sampled_from(string.printable + "\xe9\u0663")))
def test_every_filtered_line_holds_small_letters_and_single_spaces(line: str) -> None:
    for text in data.filter_wikipedia_xml([line]):
        assert text == " ".join(text.split())
        assert set(text) <= set(string.ascii_lowercase + " ")


def test_a_map_style_dataset_has_a_length_and_positions() -> None:
    dataset = data.to_map_style_dataset(line for line in ["a", "b", "c"])
    assert len(dataset) == 3  # type: ignore[arg-type] # torch's Dataset does not promise a length
    assert (dataset[0], dataset[2], dataset[-1]) == ("a", "c", "c")
    copy = pickle.loads(pickle.dumps(dataset))
    assert [copy[i] for i in range(3)] == ["a", "b", "c"]
    assert isinstance(dataset, torch.utils.data.Dataset)


@pytest.mark.slow
def test_workers_started_by_spawn_get_the_dataset_and_the_stages() -> None:
    dataset = data.to_map_style_dataset(["aS  b", "c"])
    loader = DataLoader(
        dataset, batch_size=2, num_workers=1, multiprocessing_context="spawn", collate_fn=tokenized
    )
    assert list(loader) == [[["as", "b"], ["c"]]]


REPLACE = data.custom_replace([("S", "s"), (r"\s+", " ")])


def tokenized(lines: list[str]) -> list[list[str]]:
    return [data.get_tokenizer("basic_english")(line) for line in REPLACE(lines)]


# SentencePiece

needs_sentencepiece = pytest.mark.skipif(
    importlib.util.find_spec("sentencepiece") is None, reason="sentencepiece is not installed"
)


@pytest.fixture(scope="module")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("a folder, with a comma")
    words = [
        *"esnptcr",
        "sentence",
        "piece",
        "encode",
        "as",
        "pieces",
        "examples",
        "to",
        "try",
        "the",
        "words",
    ]
    shuffler = random.Random(0)
    lines = (" ".join(shuffler.choices(words, k=8)) for _ in range(400))
    (folder / "text.txt").write_text("\n".join(lines), encoding="utf-8")
    data.generate_sp_model(
        str(folder / "text.txt"), vocab_size=60, model_type="bpe", model_prefix=str(folder / "model")
    )
    return folder / "model.model"


@needs_sentencepiece
def test_a_model_is_trained_and_opened_from_a_path_or_a_file(model_path: Path) -> None:
    assert model_path.with_suffix(".vocab").is_file()
    opened = [data.load_sp_model(str(model_path)), data.load_sp_model(model_path)]
    with model_path.open("rb") as file:
        opened.append(data.load_sp_model(file))
    opened.append(data.load_sp_model(io.BytesIO(model_path.read_bytes())))
    for model in opened:
        assert model.GetPieceSize() == 60
        pieces = model.EncodeAsPieces("encode the pieces")
        assert model.Encode("encode the pieces") == pieces  # as torchtext's model had it
        assert "".join(pieces) == "\u2581encode\u2581the\u2581pieces"
        assert [model.PieceToId(piece) for piece in pieces] == model.EncodeAsIds("encode the pieces")
        assert model.DecodePieces(pieces) == model.DecodeIds(model.EncodeAsIds("encode the pieces"))


@needs_sentencepiece
def test_stages_over_a_model_give_pieces_and_ids(model_path: Path) -> None:
    model = data.load_sp_model(str(model_path))
    lines = ["sentence piece encode as pieces", "examples to   try!"]
    for stage, encode in [
        (data.sentencepiece_tokenizer(model), model.EncodeAsPieces),
        (data.sentencepiece_numericalizer(model), model.EncodeAsIds),
    ]:
        rows = [encode(line) for line in lines]
        assert list(stage(lines)) == rows
        assert list(pickle.loads(pickle.dumps(stage))(lines)) == rows


def test_a_model_of_another_type_is_refused() -> None:
    with pytest.raises(
        TypeError, match=r"^Unsupported type for spm argument: dict. Supported types are: str, "
    ):
        data.load_sp_model({})  # type: ignore[arg-type] # the point of the test


def test_without_sentencepiece_the_cure_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        sys.modules, "sentencepiece", None
    )  # the import system's way of saying: there is none
    cure = r"pip install 'torchvectors\[sentencepiece\]'$"
    with pytest.raises(MissingExtraError, match=f"^load_sp_model needs .*{cure}"):
        data.load_sp_model("m.model")
    with pytest.raises(MissingExtraError, match=f"^generate_sp_model needs .*{cure}"):
        data.generate_sp_model("text.txt")
