"""Tokenizers, held against a plain statement of torchtext's rules and against the packages they call."""

from __future__ import annotations

import inspect
import pickle
import re
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from torchvectors import tokenizers
from torchvectors.errors import MissingExtraError, NotFoundError, TorchVectorsError

GLOSSES = Path(__file__).resolve().parents[2] / "shared" / "data" / "wordnet_glosses"

# The rules of "basic_english" as torchtext 0.18 applies them: lower case, then each of these in turn, over the
# whole text, then a split at white space.
RULES = [
    ("'", " '  "),
    ('"', ""),
    (r"\.", " . "),
    ("<br />", " "),
    (",", " , "),
    (r"\(", " ( "),
    (r"\)", " ) "),
    ("!", " ! "),
    (r"\?", " ? "),
    (";", " "),
    (":", " "),
    (r"\s+", " "),
]


def one_rule_at_a_time(text: str) -> list[str]:
    text = text.lower()
    for pattern, replacement in RULES:
        text = re.sub(pattern, replacement, text)
    return text.split()


# What the rules look at, what stands in each other's way, white space beyond ASCII, and letters whose lower
# case is longer or depends on the ones around.
AWKWARD = st.sampled_from(
    [
        *"'\".,()!?;: \n\t\\aB\xa0\u2028\x85\x1c\u0130\u03a3\u1e9e\u01c5\u212a\u0307",
        *("<br />", "<BR />", '<"br />', "<br", " />", "/>", "\u039f\u03a3"),
    ]
)
TEXTS = st.lists(AWKWARD | st.text(max_size=3), max_size=14).map("".join)


@given(text=TEXTS)
@example(text='<"br />')  # the quotation mark goes first, and uncovers a line break
@example(text="<br <br />/>")  # what a replacement uncovers is not looked at again
@example(text="\u039f\u0394\u039f\u03a3. \u039f\u0394\u039f\u03a3")  # the last letter depends on what follows
def test_every_text_has_the_tokens_that_the_rules_give(text: str) -> None:
    assert tokenizers.basic_english(text) == one_rule_at_a_time(text)


@pytest.mark.skipif(not GLOSSES.is_dir(), reason="the glosses are not beside the repository")
def test_every_gloss_has_the_tokens_that_the_rules_give() -> None:
    for name in ("train", "dev", "test"):
        for line in (GLOSSES / f"{name}.tsv").read_text(encoding="utf-8").splitlines():
            assert tokenizers.basic_english(line) == one_rule_at_a_time(line)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        (
            "You can now install TorchText using pip!",
            ["you", "can", "now", "install", "torchtext", "using", "pip", "!"],
        ),
        ("It's <br />a \"test\"; isn't it?", ["it", "'", "s", "a", "test", "isn", "'", "t", "it", "?"]),
        (
            "well-known; 3.5% (e.g. this)",
            ["well-known", "3", ".", "5%", "(", "e", ".", "g", ".", "this", ")"],
        ),
        ("", []),
    ],
)
def test_basic_english_sets_punctuation_apart(text: str, tokens: list[str]) -> None:
    assert tokenizers.basic_english(text) == tokens


def test_ngrams_are_the_runs_of_that_length() -> None:
    assert list(tokenizers.ngrams(["a", "b", "c"], 2)) == [("a", "b"), ("b", "c")]
    assert list(tokenizers.ngrams(["a"], 2)) == []


@given(tokens=st.lists(st.text(max_size=2), max_size=8), n=st.integers(1, 5))
def test_every_ngram_is_a_slice(tokens: list[str], n: int) -> None:
    slices = [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]
    assert list(tokenizers.ngrams(tokens, n)) == slices


def test_names_stand_for_tokenizers() -> None:
    assert tokenizers.get(None) is tokenizers.split
    assert tokenizers.get("basic_english") is tokenizers.basic_english
    assert tokenizers.get(str.split) is str.split
    assert tokenizers.split(" A\tb,\u2028c ") == ["A", "b,", "c"]


def test_the_lookup_is_called_as_torchtext_s_was() -> None:
    parameters = [
        (name, parameter.default) for name, parameter in inspect.signature(tokenizers.get).parameters.items()
    ]
    assert parameters == [("tokenizer", inspect.Parameter.empty), ("language", "en")]


@pytest.mark.parametrize("name", ["nosuch", "", "Spacy", 1, b"moses"])
def test_an_unknown_name_is_refused_with_the_names_there_are(name: str) -> None:
    with pytest.raises(
        ValueError, match=r"^Requested tokenizer .*valid choices are .*\"basic_english\".*\"subword\""
    ):
        tokenizers.get(name)


def test_basic_english_knows_no_other_language() -> None:
    with pytest.raises(ValueError, match=r"^Basic normalization is only available for Enlish\(en\)"):
        tokenizers.get("basic_english", language="de")


@pytest.mark.parametrize(
    ("name", "module", "package"),
    [
        ("spacy", "spacy", "spacy"),
        ("moses", "sacremoses", "sacremoses"),
        ("toktok", "nltk", "nltk"),
        ("revtok", "revtok", "revtok"),
        ("subword", "revtok", "revtok"),
    ],
)
def test_a_missing_package_is_named_with_its_cure(
    name: str, module: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for loaded in [other for other in sys.modules if other == module or other.startswith(f"{module}.")]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, module, None)  # the import system's way of saying: there is none
    tokenizers._spacy_pipeline.cache_clear()
    with pytest.raises(
        MissingExtraError, match=rf'the tokenizer "{name}" needs .*pip install {package}$'
    ) as caught:
        tokenizers.get(name)
    assert isinstance(caught.value, ImportError)  # what torchtext raised
    assert isinstance(caught.value, TorchVectorsError)


def test_our_own_tokenizers_are_pickled_by_name() -> None:
    for tokenizer in (
        tokenizers.basic_english,
        tokenizers.split,
        tokenizers.SpacyTokenizer("en_core_web_sm"),
    ):
        copy = pickle.loads(pickle.dumps(tokenizer))
        assert copy == tokenizer
        assert len(pickle.dumps(tokenizer)) < 200


TEXT = "A string, particularly one with slightly complex punctuation; isn't it?"
COMMON = ["A", "string", ",", "particularly", "one", "with", "slightly", "complex", "punctuation", ";"]


@pytest.mark.parametrize(
    ("name", "module", "tokens"),
    [
        (
            "moses",
            "sacremoses",
            [*COMMON, "isn", "&apos;t", "it", "?"],
        ),
        (
            "toktok",
            "nltk.tokenize.toktok",
            [*COMMON, "isn", "'", "t", "it", "?"],
        ),
    ],
)
def test_a_package_s_tokenizer_works_and_can_be_pickled(name: str, module: str, tokens: list[str]) -> None:
    pytest.importorskip(module)
    tokenizer = tokenizers.get(name)
    assert tokenizer(TEXT) == tokens
    assert pickle.loads(pickle.dumps(tokenizer))(TEXT) == tokens


def test_revtok_joins_to_the_text_it_came_from() -> None:
    revtok = pytest.importorskip("revtok")
    tokenizer, subword = (pickle.loads(pickle.dumps(tokenizers.get(name))) for name in ("revtok", "subword"))
    assert revtok.detokenize(tokenizer(TEXT)) == TEXT
    assert tokenizer(TEXT)[0] == " A "
    assert subword("Hello")[0] != tokenizer("Hello")[0]  # the capital is marked
    assert subword("Hello")[0].strip().endswith("hello")


def test_spacy_cuts_by_its_rules_when_no_pipeline_is_installed() -> None:
    spacy = pytest.importorskip("spacy")
    if spacy.util.is_package("en_core_web_sm"):
        pytest.skip("a pipeline is installed")
    tokenizers._spacy_pipeline.cache_clear()
    with pytest.warns(UserWarning, match="python -m spacy download en_core_web_sm") as caught:
        tokenizer = tokenizers.get("spacy")
    assert caught[0].filename == __file__
    tokens = [*COMMON, "is", "n't", "it", "?"]
    assert tokenizer(TEXT) == tokens
    assert tokenizers.get("spacy") == tokenizer  # and warns once
    assert pickle.loads(pickle.dumps(tokenizer))(TEXT) == tokens


def test_a_spacy_pipeline_that_is_missing_is_named_with_its_cure() -> None:
    pytest.importorskip("spacy")
    with pytest.raises(NotFoundError, match="python -m spacy download en_core_web_nosuch") as caught:
        tokenizers.get("spacy", language="en_core_web_nosuch")
    assert isinstance(caught.value, OSError)  # what spaCy raises, and torchtext passed on
