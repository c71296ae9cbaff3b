"""torchtext's ``transforms``: its names, its documented results, and what must survive a pickle and TorchScript."""

from __future__ import annotations

import copy
import inspect
import io
import pickle
import sys
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from torchvectors import transforms
from torchvectors.errors import MissingExtraError, VocabError
from torchvectors.vocabulary import Vocab, vocab

# torch.jit.script is deprecated since torch 2.13, but programs written for torchtext use it.
scripting = [
    pytest.mark.filterwarnings(r"ignore:.*torch\.jit:DeprecationWarning"),
    pytest.mark.skipif(sys.version_info >= (3, 14), reason="TorchScript does not know Python 3.14"),
]


# What torchtext programs see: names, parameters, defaults.

NAMES = """
AddToken BERTTokenizer CLIPTokenizer CharBPETokenizer GPT2BPETokenizer LabelToIndex MaskTransform PadTransform
RegexTokenizer SentencePieceTokenizer Sequential StrToIntTransform ToTensor Truncate VocabTransform bytes_to_unicode
"""


def test_the_door_has_torchtext_s_names() -> None:
    assert transforms.__all__ == NAMES.split()
    for name in transforms.__all__[:-1]:
        assert issubclass(getattr(transforms, name), nn.Module)


SIGNATURES: list[tuple[type[nn.Module], str]] = [
    (transforms.AddToken, "token, begin=True"),
    (
        transforms.BERTTokenizer,
        "vocab_path, do_lower_case=True, strip_accents=None, return_tokens=False, never_split=None",
    ),
    (transforms.CLIPTokenizer, "merges_path, encoder_json_path=None, num_merges=None, return_tokens=False"),
    (
        transforms.CharBPETokenizer,
        "bpe_encoder_path, bpe_merges_path, return_tokens=False, unk_token=None, suffix=None, special_tokens=None",
    ),
    (transforms.GPT2BPETokenizer, "encoder_json_path, vocab_bpe_path, return_tokens=False"),
    (transforms.LabelToIndex, "label_names=None, label_path=None, sort_names=False"),
    (transforms.MaskTransform, "vocab_len, mask_idx, bos_idx, pad_idx, mask_bos=False, mask_prob=0.15"),
    (transforms.PadTransform, "max_length, pad_value"),
    (transforms.RegexTokenizer, "patterns_list"),
    (transforms.SentencePieceTokenizer, "sp_model_path"),
    (transforms.StrToIntTransform, "*args, **kwargs"),  # nn.Module's, as it adds nothing
    (transforms.ToTensor, "padding_value=None, dtype=torch.int64"),
    (transforms.Truncate, "max_seq_len"),
    (transforms.VocabTransform, "vocab"),
]


@pytest.mark.parametrize(("transform", "expected"), SIGNATURES)
def test_signatures_are_torchtext_s(transform: type[nn.Module], expected: str) -> None:
    parameters = inspect.signature(transform).parameters.values()
    bare = [str(parameter.replace(annotation=inspect.Parameter.empty)) for parameter in parameters]
    assert ", ".join(bare) == expected


# Tokens → ids → tensors

ABC = ["a", "b", "c"]
BASIC: list[tuple[nn.Module, Any, Any]] = [
    (transforms.VocabTransform(vocab(OrderedDict.fromkeys(ABC, 1))), [ABC], [[0, 1, 2]]),
    (transforms.VocabTransform(Vocab(ABC)), ["c", "a"], [2, 0]),
    (transforms.VocabTransform(Vocab(ABC)), [["a", "b"], ["a", "b", "c"]], [[0, 1], [0, 1, 2]]),
    (transforms.ToTensor(padding_value=0), [[1, 2], [1, 2, 3]], torch.tensor([[1, 2, 0], [1, 2, 3]])),
    (transforms.ToTensor(), [1, 2], torch.tensor([1, 2])),
    (transforms.ToTensor(dtype=torch.float32), [1, 2], torch.tensor([1.0, 2.0])),
    (transforms.LabelToIndex(["test", "label", "indices"]), ["test", "label", "indices"], [0, 1, 2]),
    (
        transforms.LabelToIndex(["test", "label", "indices"], sort_names=True),
        ["test", "label", "indices"],
        [2, 1, 0],
    ),
    (transforms.LabelToIndex(["test", "label", "indices"], sort_names=True), "indices", 0),
    (transforms.Truncate(2), [[1, 2], [1, 2, 3]], [[1, 2], [1, 2]]),
    (transforms.Truncate(2), ["a", "b", "c"], ["a", "b"]),
    (transforms.AddToken(0, begin=True), [[1, 2], [1, 2, 3]], [[0, 1, 2], [0, 1, 2, 3]]),
    (transforms.AddToken("0", begin=False), ["1", "2"], ["1", "2", "0"]),
    (transforms.PadTransform(7, 0), torch.ones(5), torch.tensor([1.0] * 5 + [0.0] * 2)),
    (
        transforms.PadTransform(3, 9),
        torch.ones(2, 1, dtype=torch.int64),
        torch.tensor([[1, 9, 9], [1, 9, 9]]),
    ),
    (transforms.PadTransform(3, 0), torch.ones(8, 5), torch.ones(8, 5)),
    (transforms.PadTransform(3, 2), torch.ones(2), torch.tensor([1.0, 1.0, 2.0])),
    (transforms.StrToIntTransform(), [["1", "2", "3"], ["4", "5", "6"]], [[1, 2, 3], [4, 5, 6]]),
    (transforms.StrToIntTransform(), ["1", "2"], [1, 2]),
    (
        transforms.Sequential(transforms.Truncate(3), transforms.ToTensor(padding_value=0)),
        [[1, 2, 3, 4], [1]],
        torch.tensor([[1, 2, 3], [1, 0, 0]]),
    ),
    (
        transforms.Sequential(
            transforms.VocabTransform(Vocab(["<bos>", *ABC])), transforms.AddToken(0), transforms.ToTensor(0)
        ),
        [["a", "c"], ["b"]],
        torch.tensor([[0, 1, 3], [0, 2, 0]]),
    ),
]
IDS = [type(transform).__name__ for transform, _, _ in BASIC]


def same(found: object, expected: object) -> None:
    if isinstance(expected, torch.Tensor):
        torch.testing.assert_close(found, expected, rtol=0, atol=0)
    else:
        assert found == expected


@pytest.mark.parametrize(("transform", "given", "expected"), BASIC, ids=IDS)
def test_transforms_do_what_torchtext_s_did(transform: nn.Module, given: Any, expected: Any) -> None:
    same(transform(given), expected)
    if not isinstance(given, str):
        for replica in (pickle.loads(pickle.dumps(transform)), copy.deepcopy(transform)):
            same(replica(given), expected)


class TestScripted:
    pytestmark = scripting

    @pytest.mark.parametrize(("transform", "given", "expected"), BASIC, ids=IDS)
    def test_transforms_do_the_same_in_torchscript(
        self, transform: nn.Module, given: Any, expected: Any
    ) -> None:
        scripted = torch.jit.script(copy.deepcopy(transform))
        same(scripted(given), expected)
        buffer = io.BytesIO()
        torch.jit.save(scripted, buffer)
        buffer.seek(0)
        same(torch.jit.load(buffer)(given), expected)

    def test_a_label_that_is_not_there_is_refused(self) -> None:
        with pytest.raises(RuntimeError):
            torch.jit.script(transforms.LabelToIndex(["a"]))(["OOV"])


def test_tuples_work_where_lists_do() -> None:
    assert transforms.VocabTransform(Vocab(ABC))((("a",), ("b", "c"))) == [[0], [1, 2]]
    assert transforms.LabelToIndex(ABC)(("b",)) == [1]


def test_a_token_that_is_not_there_is_refused_as_the_vocabulary_does() -> None:
    with pytest.raises(RuntimeError, match="Token d not found"):
        transforms.VocabTransform(Vocab(ABC))([["a"], ["d"]])
    with pytest.raises(RuntimeError, match="Token OOV not found"):
        transforms.LabelToIndex(ABC)(["OOV"])
    with pytest.raises(RuntimeError, match="Token OOV not found"):
        transforms.LabelToIndex(ABC)("OOV")


def test_labels_come_from_a_file_line_by_line(tmp_path: Path) -> None:
    file = tmp_path / "label_names.txt"
    file.write_text("test\n  label \n\nindic\u00e9s", encoding="utf-8")
    transform = transforms.LabelToIndex(label_path=str(file))
    assert transform.label_names == ["test", "label", "indic\u00e9s"]
    assert transform(["indic\u00e9s", "test"]) == [2, 0]
    assert transforms.LabelToIndex(label_path=file, sort_names=True).label_names == [
        "indic\u00e9s",
        "label",
        "test",
    ]


NOT_VOCAB: Any = {"a": 0}


@pytest.mark.parametrize(
    ("call", "kind", "complaint"),
    [
        (transforms.LabelToIndex, ValueError, "one is required"),
        (lambda: transforms.LabelToIndex(["a"], "labels.txt"), ValueError, "mutually exclusive"),
        (lambda: transforms.LabelToIndex(["a", "a"]), VocabError, "Duplicate token found in tokens list: a"),
        (lambda: transforms.LabelToIndex(["a"])([["a"]]), TypeError, "a label or a list of labels"),
        (lambda: transforms.LabelToIndex(["a"])(1), TypeError, "not int"),
        (
            lambda: transforms.VocabTransform(NOT_VOCAB),
            TypeError,
            "needs a torchvectors.vocab.Vocab, not dict",
        ),
        (
            lambda: transforms.VocabTransform(Vocab(ABC))("abc"),
            TypeError,
            "^Input type not supported: .*not str",
        ),
    ],
)
def test_what_does_not_fit_is_refused(
    call: Callable[[], object], kind: type[Exception], complaint: str
) -> None:
    with pytest.raises(kind, match=complaint):
        call()


# MaskTransform. The ids of torchtext's tests: a b c d [PAD] [MASK] [BOS] are 0 to 6.

MASKED = torch.tensor([[6, 0, 1, 2, 3], [6, 0, 1, 4, 4]])


def mask(
    mask_prob: float, hide: float, replace: float, *, mask_bos: bool = False
) -> transforms.MaskTransform:
    transform = transforms.MaskTransform(6, 5, 6, 4, mask_bos=mask_bos, mask_prob=mask_prob)
    transform.mask_mask_prob, transform.rand_mask_prob = hide, replace
    return transform


@pytest.mark.parametrize(
    ("transform", "expected"),
    [
        (mask(0.0, 0.0, 0.0), MASKED.tolist()),
        (mask(0.0, 1.0, 0.0), [[5, 0, 1, 2, 3], [6, 0, 1, 4, 4]]),  # one place at least
        (mask(1.0, 0.0, 0.0), MASKED.tolist()),
        (mask(1.0, 1.0, 0.0), [[6, 5, 5, 5, 5], [6, 5, 5, 4, 4]]),
        (mask(1.0, 1.0, 0.0, mask_bos=True), [[5, 5, 5, 5, 5], [5, 5, 5, 4, 4]]),
    ],
)
def test_masks_hide_what_torchtext_s_hid(
    transform: transforms.MaskTransform, expected: list[list[int]]
) -> None:
    masked, targets, chosen = transform(MASKED)
    assert masked.tolist() == expected
    assert targets.tolist() == MASKED[chosen.bool()].tolist()
    assert chosen.dtype == torch.int32


def test_masks_may_put_any_id_in_place() -> None:
    masked, _, chosen = mask(1.0, 0.0, 1.0)(MASKED)
    assert masked[:, 0].tolist() == [6, 6]
    assert masked[1, 3:].tolist() == [4, 4]
    assert set(masked[chosen.bool()].tolist()) <= set(range(6))


def test_the_same_seed_gives_the_same_mask_as_torchtext() -> None:
    # Written down from torchtext 0.18, whose generator is drawn from in this order: a permutation for each row,
    # a number for each position, an id for each position.
    torch.manual_seed(0)
    tokens = torch.arange(24).view(2, 12)
    torch.manual_seed(3)
    masked, targets, chosen = transforms.MaskTransform(30, 29, 28, 27, mask_prob=0.5)(tokens)
    torch.manual_seed(3)
    expected = torch.zeros(2, 12, dtype=torch.int32)
    expected[:, :6] = 1
    expected = torch.stack([row[torch.randperm(12)] for row in expected])
    draw, ids = torch.rand(2, 12), torch.randint(30, (2, 12))
    assert chosen.tolist() == expected.tolist()
    assert targets.tolist() == tokens[expected.bool()].tolist()
    assert (
        masked.tolist()
        == tokens.where(expected == 0, tokens.where(draw >= 0.1, ids).where(draw < 0.2, 29)).tolist()
    )


@given(rows=st.integers(1, 4), length=st.integers(1, 30), mask_prob=st.floats(0, 1), seed=st.integers(0, 99))
def test_every_mask_takes_its_share_and_no_padding(
    rows: int, length: int, mask_prob: float, seed: int
) -> None:
    torch.manual_seed(seed)
    tokens = torch.randint(0, 9, (rows, length))
    masked, targets, chosen = transforms.MaskTransform(9, 7, 1, 0, mask_prob=mask_prob)(tokens)
    assert int(chosen.sum()) == len(targets) >= 1
    assert chosen.sum(1).max() <= max(int(length * mask_prob), 1)
    assert masked[chosen == 0].tolist() == tokens[chosen == 0].tolist()
    elsewhere = chosen.clone()
    elsewhere[0, 0] = 0  # the one place that is always there may be anything
    assert not (elsewhere.bool() & ((tokens == 0) | (tokens == 1))).any()


# RegexTokenizer: what torchtext's gave, and what RE2 means by a pattern.

BASIC_ENGLISH = [
    (r"\'", " '  "),
    (r"\"", ""),
    (r"\.", " . "),
    (r"<br \/>", " "),
    (r",", " , "),
    (r"\(", " ( "),
    (r"\)", " ) "),
    (r"\!", " ! "),
    (r"\?", " ? "),
    (r"\;", " "),
    (r"\:", " "),
    (r"\s+", " "),
]


def test_regex_tokenizer_gives_torchtext_s_tokens() -> None:
    tokenizer = transforms.RegexTokenizer(BASIC_ENGLISH)
    text = "'\".<br />,()!?;:   Basic Regex Tokenization for a Line of Text   '\".<br />,()!?;:"
    marks = ["'", ".", ",", "(", ")", "!", "?"]
    expected = [*marks, *["Basic", "Regex", "Tokenization", "for", "a", "Line", "of", "Text"], *marks]
    assert tokenizer(text) == expected
    assert pickle.loads(pickle.dumps(tokenizer))(text) == expected


def test_regex_tokenizer_does_what_the_documentation_shows() -> None:
    quotes = transforms.RegexTokenizer([(r"\'", " '  "), (r"\"", "")])
    assert quotes("Basic Regex Tokenization for a Line of Text") == [
        "Basic",
        "Regex",
        "Tokenization",
        "for",
        "a",
        "Line",
        "of",
        "Text",
    ]
    tokenizer = transforms.RegexTokenizer([(r"[,._+ ]+", r" ")])
    words = ["Basic", "Regex", "Tokenization", "for", "a", "Line", "of", "Text"]
    assert tokenizer("Basic.Regex,Tokenization_for+a..Line,,of  Text") == words


@pytest.mark.parametrize(
    ("patterns", "text", "tokens"),
    [
        # Each as RE2 itself was seen to do it.
        ([], "a\tb\u00a0c  d\n", ["a\tb\u00a0c", "d\n"]),  # only a space separates
        ([(r"\s+", " ")], "a\tb\u00a0c\vd", ["a", "b\u00a0c\vd"]),
        ([(r"\d", "#")], "1\u0663", ["#\u0663"]),
        ([(r"\w", "#")], "a\u00e9_", ["#\u00e9#"]),
        ([(r"[^\w]", "#")], "a\u00e9_", ["a#_"]),
        ([(r"[^\W_]", "#")], "a\u00e9_", ["#\u00e9_"]),
        ([(r"[\S^]", "#")], "a \u00a0^", ["#", "##"]),
        ([(r"[\D]", "#")], "1\u0663", ["1#"]),
        ([(r"\B", "-")], "ab", ["a-b"]),
        ([(r"\bb", "#")], "\u00e9b", ["\u00e9#"]),
        ([(r"a$", "#")], "a\na\n", ["a\na\n"]),
        ([(r"(?m)a$", "#")], "a\na\n", ["#\n#\n"]),
        ([(r"a\z", "#")], "aa", ["a#"]),
        ([(r"x*", "-")], "abxd", ["-a-b-d-"]),
        ([("(?i)\u00e9", "#")], "\u00c9\u00e9", ["##"]),
        ([(r"[[:alpha:]]+", "#")], "ab\u00e91", ["#\u00e91"]),
        ([(r"[^[:digit:][:space:]]", "#")], "a1 b", ["#1", "#"]),
        ([(r"[]a]", "#")], "a]b", ["##b"]),
        ([(r"(a)|(b)", r"<\2\0>")], "ab", ["<a><bb>"]),
        ([(r"\\", r"\\\\")], "a\\b", ["a\\\\b"]),
    ],
)
def test_patterns_mean_what_they_mean_to_re2(
    patterns: list[tuple[str, str]], text: str, tokens: list[str]
) -> None:
    assert transforms.RegexTokenizer(patterns)(text) == tokens


@given(text=st.text(st.sampled_from("ab.,'\"()!?;:<br /> \n\xa0\xe9")))
def test_every_text_is_replaced_as_by_one_rule_after_the_other(text: str) -> None:
    expected = text
    for mark in "'.,()!?":
        expected = expected.replace(mark, f" {mark} ")
    expected = (
        expected.replace('"', "")
        .replace("<br />", " ")
        .replace(";", " ")
        .replace(":", " ")
        .replace("\n", " ")
    )
    assert transforms.RegexTokenizer(BASIC_ENGLISH)(text) == [token for token in expected.split(" ") if token]


@pytest.mark.parametrize(
    ("pattern", "replacement", "complaint"),
    [
        ("(", "", r"the pattern '\(' cannot be read"),
        (r"\pL", "", "Unicode property"),
        (r"[\p{Greek}]", "", "Unicode property"),
        ("[[:nosuch:]]", "", r"there is no set \[:nosuch:\]"),
        ("a", r"\x", r"the replacement .* cannot be read"),
        ("a", "b\\", r"the replacement .* cannot be read"),
        ("(a)", r"\2", r"the replacement .* group 2, and the pattern .* has 1"),
    ],
)
def test_a_rule_that_cannot_be_read_is_refused(pattern: str, replacement: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        transforms.RegexTokenizer([(pattern, replacement)])


# SentencePieceTokenizer


def test_sentencepiece_gives_the_pieces_of_its_model(tmp_path: Path) -> None:
    sentencepiece = pytest.importorskip("sentencepiece")
    (tmp_path / "text.txt").write_text("hello world how are you\n" * 50, encoding="utf-8")
    sentencepiece.SentencePieceTrainer.Train(
        input=str(tmp_path / "text.txt"), model_prefix=str(tmp_path / "m"), vocab_size=30, model_type="bpe"
    )
    tokenizer = transforms.SentencePieceTokenizer(str(tmp_path / "m.model"))
    pieces = tokenizer("hello world")
    assert "".join(pieces) == "\u2581hello\u2581world"
    assert tokenizer(["hello world", "you"]) == [pieces, tokenizer("you")]
    assert pickle.loads(pickle.dumps(tokenizer))("hello world") == pieces
    assert copy.deepcopy(tokenizer)("hello world") == pieces
    assert tokenizer.sp_model.DecodePieces(pieces) == "hello world"


def test_without_sentencepiece_the_cure_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "m.model").write_bytes(b"")
    monkeypatch.setitem(
        sys.modules, "sentencepiece", None
    )  # the import system's way of saying: there is none
    with pytest.raises(MissingExtraError, match=r"pip install 'torchvectors\[sentencepiece\]'"):
        transforms.SentencePieceTokenizer(tmp_path / "m.model")
