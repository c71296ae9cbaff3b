"""`Vocab` held against a list, and against what torchtext 0.18 was measured to do."""

from __future__ import annotations

import copy
import enum
import inspect
import io
import multiprocessing
import pickle
import warnings
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import SupportsIndex, cast

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from torch import nn
from xxhash import xxh3_128_hexdigest

from torchvectors.errors import TokenTypeError, VocabError
from torchvectors.vocabulary import Vocab, build_vocab_from_iterator, vocab

AWKWARD = st.sampled_from(["", " ", "a\0b", "\ud800", "\udc00\ud800", "\xa0", "é", "e\u0301", "<unk>", "a"])
TOKENS = AWKWARD | st.text(max_size=3)
TOKEN_LISTS = st.lists(TOKENS, unique=True, max_size=8)
DEFAULTS = st.none() | st.integers(-3, 12)
NOT_TOKENS = [0, None, b"a", 1.5, ("a",)]

# torch.jit.script itself is deprecated since torch 2.13, and more so on Python 3.14.
scripting = pytest.mark.filterwarnings(r"ignore:.*torch\.jit:DeprecationWarning")


def abc() -> Vocab:
    return Vocab(["a", "b", "c"])


# What torchtext programs see: names, parameters, defaults.

SIGNATURES: list[tuple[Callable[..., object], str]] = [
    (vocab, "ordered_dict, min_freq=1, specials=None, special_first=True"),
    (
        build_vocab_from_iterator,
        "iterator, min_freq=1, specials=None, special_first=True, max_tokens=None",
    ),
    (Vocab.forward, "self, tokens"),
    (Vocab.__len__, "self"),
    (Vocab.__contains__, "self, token"),
    (Vocab.__getitem__, "self, token"),
    (Vocab.set_default_index, "self, index"),
    (Vocab.get_default_index, "self"),
    (Vocab.insert_token, "self, token, index"),
    (Vocab.append_token, "self, token"),
    (Vocab.lookup_token, "self, index"),
    (Vocab.lookup_tokens, "self, indices"),
    (Vocab.lookup_indices, "self, tokens"),
    (Vocab.get_stoi, "self"),
    (Vocab.get_itos, "self"),
    (Vocab.__prepare_scriptable__, "self"),
]


@pytest.mark.parametrize(("function", "parameters"), SIGNATURES)
def test_signatures_are_torchtexts(function: Callable[..., object], parameters: str) -> None:
    found = inspect.signature(function).parameters.values()
    assert ", ".join(str(one.replace(annotation=inspect.Parameter.empty)) for one in found) == parameters


def test_the_constructor_takes_torchtexts_argument_first() -> None:
    assert next(iter(inspect.signature(Vocab).parameters)) == "vocab"
    assert Vocab(vocab=["a"]).get_itos() == ["a"]


def test_a_vocab_is_a_module_without_state() -> None:
    made = abc()
    assert isinstance(made, nn.Module)
    assert made.state_dict() == {}
    assert list(made.parameters()) == []
    assert repr(made) == "Vocab()"


def test_an_empty_vocab_is_false_and_any_other_true() -> None:
    assert not Vocab([])
    assert Vocab([""])


def test_two_vocabs_are_equal_only_if_they_are_one() -> None:
    assert abc() != abc()
    assert len({abc(), abc()}) == 2


# Every operation, in every order, against a list and a number.


class AgainstAList(RuleBasedStateMachine):
    """A Vocab and its model: the list of its tokens, and its default index."""

    @initialize(tokens=TOKEN_LISTS, default=DEFAULTS)
    def start(self, tokens: list[str], default: int | None) -> None:
        self.tokens, self.default = list(tokens), default
        self.vocab = Vocab(tokens, default_index=default)

    @rule(token=TOKENS)
    def append(self, token: str) -> None:
        if token in self.tokens:
            with pytest.raises(VocabError, match="already exists in the Vocab with index: "):
                self.vocab.append_token(token)
        else:
            self.vocab.append_token(token)
            self.tokens.append(token)

    @rule(token=TOKENS, index=st.integers(-2, 12))
    def insert(self, token: str, index: int) -> None:
        if not 0 <= index <= len(self.tokens):
            with pytest.raises(
                VocabError, match=f"^Specified index {index} is out of bounds for vocab of size "
            ):
                self.vocab.insert_token(token, index)
        elif token in self.tokens:
            with pytest.raises(VocabError, match="already exists in the Vocab with index: "):
                self.vocab.insert_token(token, index)
        else:
            self.vocab.insert_token(token, index)
            self.tokens.insert(index, token)

    @rule(index=DEFAULTS)
    def set_default(self, index: int | None) -> None:
        self.vocab.set_default_index(index)
        self.default = index

    @rule(tokens=st.lists(TOKENS, max_size=4))
    def look_up(self, tokens: list[str]) -> None:
        if self.default is None and not set(tokens) <= set(self.tokens):
            with pytest.raises(VocabError, match="not found and default index is not set"):
                self.vocab(tokens)
            return
        expected = [self.tokens.index(t) if t in self.tokens else self.default for t in tokens]
        assert self.vocab(tokens) == expected
        assert self.vocab.lookup_indices(iter(tokens)) == expected
        assert [self.vocab[token] for token in tokens] == expected
        assert [token in self.vocab for token in tokens] == [token in self.tokens for token in tokens]

    @rule(index=st.integers(-2, 12))
    def look_up_index(self, index: int) -> None:
        if 0 <= index < len(self.tokens):
            assert self.vocab.lookup_token(index) == self.tokens[index]
        else:
            with pytest.raises(
                VocabError, match=f"^Specified index {index} is out of bounds for vocab of size "
            ):
                self.vocab.lookup_token(index)
            with pytest.raises(
                VocabError, match=f"^Specified index {index} is out of bounds for vocab of size "
            ):
                self.vocab.lookup_tokens([*range(len(self.tokens)), index])

    @rule(how=st.sampled_from(["pickle", "deepcopy", "copy", "state", "constructor"]))
    def copy(self, how: str) -> None:
        before = self.vocab
        copies: dict[str, Callable[[Vocab], Vocab]] = {
            "pickle": lambda one: pickle.loads(pickle.dumps(one)),
            "deepcopy": copy.deepcopy,
            "copy": copy.copy,
            "state": lambda one: Vocab.from_state(one.state()),
            "constructor": Vocab,
        }
        self.vocab = copies[how](before)
        # A change of one must not reach the other: the invariant would see it.
        before.insert_token("only in the old one", 0)

    @invariant()
    def agrees(self) -> None:
        assert self.vocab.get_itos() == self.tokens
        assert list(self.vocab) == self.tokens
        assert self.vocab.get_stoi() == {token: index for index, token in enumerate(self.tokens)}
        assert self.vocab.lookup_tokens(range(len(self.tokens))) == self.tokens
        assert len(self.vocab) == len(self.tokens)
        assert self.vocab.get_default_index() == self.default


AgainstAList.TestCase.settings = settings(max_examples=50, stateful_step_count=20, deadline=None)
TestVocabIsAListWithADefault = AgainstAList.TestCase


# Words that programs match.


def test_an_unknown_token_without_default_is_an_error_in_torchtexts_words() -> None:
    uses: list[Callable[[Vocab], object]] = [
        lambda v: v["zz"],
        lambda v: v(["a", "zz"]),
        lambda v: v.lookup_indices(["zz"]),
    ]
    for look_up in uses:
        with pytest.raises(RuntimeError, match=r"^Token zz not found and default index is not set"):
            look_up(abc())


def test_the_errors_of_changes_are_in_torchtexts_words() -> None:
    with pytest.raises(RuntimeError, match=r"^Specified index 9 is out of bounds for vocab of size 3"):
        abc().insert_token("d", 9)
    with pytest.raises(RuntimeError, match=r"^Token a already exists in the Vocab with index: 0"):
        abc().append_token("a")
    with pytest.raises(RuntimeError, match=r"^Duplicate token found in tokens list: <unk>"):
        Vocab(["<unk>", "a", "<unk>"])


@pytest.mark.parametrize(
    "words", ["^Token a already exists in the Vocab with index: 0", "not found in Vocab"]
)
def test_inserting_an_existing_token_is_an_error_in_the_right_words_and_in_torchtexts(words: str) -> None:
    with pytest.raises(RuntimeError, match=words):
        abc().insert_token("a", 1)


# Tokens.


@pytest.mark.parametrize("value", NOT_TOKENS)
def test_what_is_not_a_str_is_refused_everywhere_whatever_the_default(value: str) -> None:
    made = Vocab(["a", "b", "c"], default_index=0)
    uses: list[Callable[[], object]] = [
        lambda: value in made,
        lambda: made[value],
        lambda: made([value]),
        lambda: made.lookup_indices(iter(["a", value])),
        lambda: made.append_token(value),
        lambda: made.insert_token(value, 0),
        lambda: Vocab(["a", value]),
        lambda: vocab({value: 1}),
        lambda: vocab({}, specials=[value]),
        lambda: build_vocab_from_iterator([["a"], [value]]),
    ]
    for use in uses:
        with pytest.raises(TokenTypeError, match="a token is a str"):
            use()
    assert made.get_itos() == ["a", "b", "c"]


def test_one_str_in_place_of_tokens_is_refused_with_the_cure() -> None:
    for look_up in (abc(), abc().lookup_indices):
        with pytest.raises(TypeError, match=r"'ab' is one str, .*vocab\[token\] for one"):
            look_up("ab")
    with pytest.raises(TypeError, match="are one str"):
        Vocab("ab")


def test_a_batch_of_sentences_is_refused_with_the_cure() -> None:
    with pytest.raises(TokenTypeError, match=r"^tokens\[1\] is \['b'\] .* Give one sentence at a time"):
        Vocab(["a"])(["a", ["b"]])  # type: ignore[list-item] # what is refused


@pytest.mark.parametrize("mapping", [{"a": 1}, Counter("aab"), OrderedDict(a=0)])
def test_a_dict_in_place_of_tokens_is_refused_and_sent_to_the_function_for_it(
    mapping: dict[str, int],
) -> None:
    with pytest.raises(TypeError, match=r"For token → frequency call vocab\(…\)"):
        Vocab(mapping)


@pytest.mark.parametrize("kind", [list, tuple, iter, np.array, deque, lambda tokens: (t for t in tokens)])
def test_any_iterable_of_tokens_is_looked_up(kind: Callable[[list[str]], Iterable[str]]) -> None:
    assert abc()(kind(["c", "a"])) == [2, 0]
    assert Vocab(kind(["c", "a"])).get_itos() == ["c", "a"]


class Colour(str, enum.Enum):
    RED = "red"


@pytest.mark.parametrize("token", [np.str_("red"), Colour.RED])
def test_of_a_subclass_of_str_the_text_alone_stays(token: str) -> None:
    inserted = Vocab([])
    inserted.insert_token(token, 0)
    for made in (Vocab([token]), inserted):
        assert made.get_itos() == ["red"]
        assert {type(one) for one in [*made.get_itos(), *made.get_stoi()]} == {str}
        assert made[token] == made["red"] == 0


def test_strings_that_made_torchtext_crash_are_tokens() -> None:
    made = Vocab(["\ud800", "a\0b", "a", ""])
    assert "\udfff" not in made
    assert made(["a", "", "a\0b", "\ud800"]) == [2, 3, 1, 0]


def test_tokens_that_look_alike_are_different_tokens() -> None:
    assert Vocab(["é", "e\u0301"])(["e\u0301", "é"]) == [1, 0]


# Indices.


def test_the_default_index_may_be_any_int() -> None:
    made = abc()
    indices: list[SupportsIndex] = [99, -1, True, np.int64(7), torch.tensor(2)]
    for index in indices:
        made.set_default_index(index)
        assert made["zz"] == int(index)
        assert type(made.get_default_index()) is int
    with pytest.raises(TypeError):
        made.set_default_index(1.0)  # type: ignore[arg-type] # what is refused


def test_inserting_a_token_does_not_shift_the_default_index() -> None:
    made = abc()
    made.set_default_index(0)
    made.insert_token("<unk>", 0)
    assert made["zz"] == made["<unk>"] == 0


def test_inserting_in_the_middle_moves_the_later_tokens_up() -> None:
    made = abc()
    made.insert_token("x", 1)
    assert made.get_itos() == ["a", "x", "b", "c"]
    assert made(["a", "x", "b", "c"]) == [0, 1, 2, 3]


def test_indices_come_from_numpy_and_torch_too() -> None:
    made = abc()
    assert made.lookup_token(torch.tensor(1)) == made.lookup_token(np.int32(1)) == "b"
    assert made.lookup_tokens((2, np.int64(0))) == ["c", "a"]
    assert made.lookup_tokens(torch.tensor([2, 0])) == made.lookup_tokens(np.array([2, 0])) == ["c", "a"]
    made.insert_token("x", torch.tensor(3))
    assert made["x"] == 3


@pytest.mark.parametrize(
    "wrong", [torch.tensor([1.0]), torch.tensor([[1]]), torch.tensor(1), ["1"], "1", [None]]
)
def test_what_is_no_list_of_ints_has_no_tokens(wrong: list[int]) -> None:
    with pytest.raises(TypeError):
        abc().lookup_tokens(wrong)


def test_what_is_returned_is_a_copy() -> None:
    made = abc()
    made.get_itos().append("x")
    made.get_stoi()["x"] = 9
    made.itos_.clear()
    assert made.get_itos() == ["a", "b", "c"]
    assert "x" not in made
    assert type(made.get_stoi()) is dict


def test_programs_that_reach_for_torchtexts_inner_object_find_it() -> None:
    made = Vocab(["a", "b"], 1)
    assert made.vocab.itos_ == made.vocab.get_itos() == ["a", "b"]
    assert made.vocab.default_index_ == 1
    assert made.vocab.get_stoi() == {"a": 0, "b": 1}
    assert len(made.vocab) == 2
    assert Vocab(made.vocab)(["b", "zz"]) == [1, 1]


# A module among modules.


class Tagger(nn.Module):
    def __init__(self, vocab: Vocab) -> None:
        super().__init__()
        self.vocab = vocab
        self.embedding = nn.Embedding(8, 2)

    def forward(self, tokens: list[str]) -> torch.Tensor:
        return self.embedding(torch.tensor(self.vocab(tokens)))  # type: ignore[no-any-return] # torch's own


def test_a_model_with_a_vocab_is_saved_and_loaded_whole() -> None:
    model, file = Tagger(abc()), io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    loaded = torch.load(file, weights_only=False)
    assert torch.equal(loaded(["c", "a"]), model(["c", "a"]))


def test_the_weights_of_a_model_do_not_depend_on_its_vocab() -> None:
    model = Tagger(abc())
    assert set(model.state_dict()) == {"embedding.weight"}
    Tagger(Vocab(["x"])).load_state_dict(model.state_dict(), strict=True)


def test_hooks_of_the_module_are_called() -> None:
    made, seen = abc(), []
    made.register_forward_hook(lambda module, args, output: seen.append(output))
    assert made(["b"]) == [1]
    assert seen == [[1]]


@given(TOKEN_LISTS, DEFAULTS)
def test_every_vocab_is_saved_and_read_back_by_torchs_safe_default(
    tokens: list[str], default: int | None
) -> None:
    for made in (Vocab(tokens, default), *scriptable(tokens, default)):
        file = io.BytesIO()
        torch.save(made, file)
        file.seek(0)
        loaded = torch.load(file)  # weights_only=True
        assert type(loaded) is type(made)
        assert loaded.get_itos() == tokens
        assert loaded.get_default_index() == default
        assert loaded(tokens) == list(range(len(tokens)))


def scriptable(tokens: list[str], default: int | None) -> list[Vocab]:
    try:
        return [Vocab(tokens, default).__prepare_scriptable__()]
    except VocabError:
        return []  # lone surrogates: see below


def test_a_pickle_holds_the_tokens_once() -> None:
    tokens = [f"token {number}" for number in range(10_000)]
    assert len(pickle.dumps(Vocab(tokens))) < 1.2 * len(pickle.dumps(tokens)) + 2000


def one_more(module: nn.Module, args: object, output: list[int]) -> list[int]:
    return [index + 1 for index in output]


def test_a_pickle_keeps_what_belongs_to_a_module() -> None:
    made = abc().eval()
    made.note = "mine"  # type: ignore[assignment] # a module takes any attribute
    made.register_forward_hook(one_more)
    loaded = pickle.loads(pickle.dumps(made))
    assert loaded.__dict__.keys() == made.__dict__.keys()
    assert not loaded.training
    assert loaded.note == "mine"
    assert loaded(["a", "c"]) == [1, 3]


def test_a_worker_that_is_spawned_looks_up_the_same() -> None:
    made = Vocab(["a", "", "\ud800", "a\0b"], default_index=-1)
    tokens = ["\ud800", "zz", "a\0b", ""]
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert pool.submit(made, tokens).result() == made(tokens) == [2, -1, 3, 1]


@given(TOKEN_LISTS, DEFAULTS)
def test_every_state_is_plain_and_makes_an_equal_vocab(tokens: list[str], default: int | None) -> None:
    file = io.BytesIO()
    torch.save(Vocab(tokens, default).state(), file)
    file.seek(0)
    state = torch.load(file, weights_only=True)
    assert state == {
        "format": "torchvectors.vocab",
        "version": 1,
        "tokens": tokens,
        "default_index": default,
    }
    loaded = Vocab.from_state(state)
    assert (loaded.get_itos(), loaded.get_default_index()) == (tokens, default)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (None, "not what Vocab.state"),
        ([], "not what Vocab.state"),
        ({}, "not what Vocab.state"),
        ({"embedding.weight": torch.zeros(1)}, "not what Vocab.state"),
        (abc().state() | {"format": "torchtext"}, "not what Vocab.state"),
        (abc().state() | {"version": 2}, "version 2, 1 is known here. Install a newer torchvectors"),
        (abc().state() | {"version": None}, "version None"),
        (abc().state() | {"tokens": None}, "not a list of tokens"),
        (abc().state() | {"tokens": "abc"}, "not a list of tokens"),
        (abc().state() | {"tokens": ["a", 1]}, "not a list of tokens"),
        (abc().state() | {"tokens": ["a", "a"]}, "Duplicate token"),
        (abc().state() | {"default_index": "0"}, "not a default index"),
        (abc().state() | {"default_index": 0.5}, "not a default index"),
    ],
)
def test_a_foreign_or_damaged_state_is_refused(state: object, words: str) -> None:
    with pytest.raises(VocabError, match=words):
        Vocab.from_state(state)


def test_a_damaged_pickle_is_refused() -> None:
    damages: list[dict[str, object]] = [
        {},
        {"_itos": ["a", "a"]},
        {"_itos": [1]},
        {"_itos": ["a"], "_default": "x"},
    ]
    for damage in damages:
        with pytest.raises(VocabError):
            Vocab.__new__(Vocab).__setstate__(damage)


# TorchScript.


@scripting
@settings(max_examples=15, deadline=None)
@given(st.lists(st.text(max_size=3), unique=True, max_size=5), DEFAULTS, st.lists(st.text(max_size=3)))
def test_every_scripted_vocab_looks_up_the_same(
    tokens: list[str], default: int | None, looked_up: list[str]
) -> None:
    made = Vocab(tokens, default)
    scripted = torch.jit.script(made)
    assert scripted(tokens) == made(tokens)
    assert (scripted.get_itos(), scripted.get_stoi()) == (made.get_itos(), made.get_stoi())
    assert (len(scripted), scripted.get_default_index()) == (len(made), default)
    assert [token in scripted for token in looked_up] == [token in made for token in looked_up]
    if default is not None:
        assert scripted(looked_up) == scripted.lookup_indices(looked_up) == made(looked_up)
    assert scripted.lookup_tokens(list(range(len(tokens)))) == tokens


def scripted_and_prepared(tokens: list[str]) -> list[Vocab]:
    """Return what `torch.jit.script` makes of a Vocab, and what it leaves in a model in the Vocab's place."""
    scripted = torch.jit.script(Vocab(tokens))
    return [cast("Vocab", scripted), Vocab(tokens).__prepare_scriptable__()]


@scripting
def test_a_scripted_vocab_can_be_changed_like_any_other() -> None:
    for made in scripted_and_prepared(["a", "b"]):
        made.insert_token("<unk>", 0)
        made.append_token("z")
        made.insert_token("m", 2)
        made.set_default_index(0)
        assert made.get_itos() == ["<unk>", "a", "m", "b", "z"]
        assert made(["z", "b", "m", "a", "no"]) == [4, 3, 2, 1, 0]
        assert made["no"] == made.get_default_index() == 0
        assert made.lookup_token(2) == "m"
        made.set_default_index(None)
        assert made.get_default_index() is None


@scripting
def test_a_scripted_vocab_refuses_in_the_same_words_with_a_runtime_error() -> None:
    refused: list[tuple[str, Callable[[Vocab], object]]] = [
        ("Token zz not found and default index is not set", lambda v: v["zz"]),
        ("Token zz not found and default index is not set", lambda v: v(["a", "zz"])),
        ("Specified index -1 is out of bounds for vocab of size 2", lambda v: v.lookup_token(-1)),
        ("Specified index 2 is out of bounds for vocab of size 2", lambda v: v.lookup_tokens([0, 2])),
        ("Specified index 3 is out of bounds for vocab of size 2", lambda v: v.insert_token("c", 3)),
        ("Specified index -1 is out of bounds for vocab of size 2", lambda v: v.insert_token("c", -1)),
        ("Token a already exists in the Vocab with index: 0", lambda v: v.insert_token("a", 1)),
        ("Token b already exists in the Vocab with index: 1", lambda v: v.append_token("b")),
    ]
    for made in scripted_and_prepared(["a", "b"]):
        for words, use in refused:
            with pytest.raises(RuntimeError, match=words):
                use(made)
        assert made.get_itos() == ["a", "b"]


@scripting
def test_a_scripted_model_holds_its_vocab_and_leaves_the_model_usable() -> None:
    class Numbers(nn.Module):
        def __init__(self, vocab: Vocab) -> None:
            super().__init__()
            self.vocab = vocab

        def forward(self, tokens: list[str]) -> list[int]:
            return self.vocab(tokens)

    model = Numbers(Vocab(["a", "b"], default_index=0))
    scripted, file = torch.jit.script(model), io.BytesIO()
    torch.jit.save(scripted, file)
    file.seek(0)
    for one in (scripted, torch.jit.load(file), model, pickle.loads(pickle.dumps(model.vocab))):
        assert one(["b", "zz"]) == [1, 0]
    assert isinstance(model.vocab, Vocab)
    assert Vocab.from_state(model.vocab.state())(["b", "zz"]) == [1, 0]


@scripting
def test_the_vocab_itself_is_not_jitable_and_what_it_prepares_is() -> None:
    made = abc()
    assert made.is_jitable is False
    prepared = made.__prepare_scriptable__()
    assert prepared.is_jitable is True
    assert prepared.__prepare_scriptable__() is prepared
    torch.jit.script(made)
    assert type(made) is Vocab


def test_torchscript_is_refused_a_token_it_cannot_hold() -> None:
    with pytest.raises(VocabError, match=r"lone surrogate '\\ud800'"):
        Vocab(["a", "b\ud800"]).__prepare_scriptable__()


# vocab(): a dict of frequencies.


def test_vocab_keeps_the_order_of_the_dict_and_sorts_nothing() -> None:
    assert vocab(OrderedDict(b=1, a=5, c=3)).get_itos() == ["b", "a", "c"]


def test_vocab_compares_frequencies_with_min_freq_whatever_they_are() -> None:
    counts = {"a": 1, "zero": 0, "minus": -2, "b": 2}
    assert vocab(counts).get_itos() == ["a", "b"]
    assert vocab(counts, 0).get_itos() == ["a", "zero", "b"]
    assert vocab(counts, min_freq=-2).get_itos() == ["a", "zero", "minus", "b"]


def test_specials_are_in_whatever_their_frequency_and_move_to_their_place() -> None:
    counts = {"hello": 4, "<unk>": 1, "world": 3}
    assert vocab(counts, 3, ["<pad>", "<unk>"]).get_itos() == ["<pad>", "<unk>", "hello", "world"]
    assert vocab(counts, 3, ["<pad>", "<unk>"], False).get_itos() == ["hello", "world", "<pad>", "<unk>"]


def test_vocab_leaves_the_callers_dict_and_list_alone() -> None:
    counts, specials = OrderedDict(a=1, s=2), ["s"]
    vocab(counts, specials=specials)
    assert (list(counts.items()), specials) == ([("a", 1), ("s", 2)], ["s"])


def test_no_default_index_is_set() -> None:
    assert vocab({"<unk>": 1}, specials=["<unk>"]).get_default_index() is None
    assert build_vocab_from_iterator([], specials=["<unk>"]).get_default_index() is None


def test_duplicate_specials_are_an_error_in_torchtexts_words() -> None:
    for make in (vocab, build_vocab_from_iterator):
        with pytest.raises(RuntimeError, match="Duplicate token found in tokens list: <unk>"):
            make({}, specials=["<unk>", "<unk>"])


def test_a_list_in_place_of_the_dict_is_refused_with_the_cure() -> None:
    with pytest.raises(TokenTypeError, match=r"call Vocab\(tokens\)"):
        vocab(["a", "b"])  # type: ignore[arg-type] # what is refused


# The trap: row numbers taken for frequencies.


@dataclass
class File:
    """Vectors, as far as their tokens go."""

    itos: list[str]

    @property
    def stoi(self) -> dict[str, int]:
        return {token: row for row, token in enumerate(self.itos)}


WORDS = [f"word{number}" for number in range(30)]


@pytest.mark.parametrize("itos", [["the", "of"], WORDS, [*WORDS, "word7"], [WORDS[0], WORDS[3], *WORDS[1:]]])
def test_row_numbers_given_as_frequencies_work_as_ever_and_warn(itos: list[str]) -> None:
    stoi = File(itos).stoi
    with pytest.warns(UserWarning, match=r"Vocab\.from_vectors\(vectors\)") as caught:
        made = vocab(stoi)
    assert caught[0].filename == __file__
    assert made.get_itos() == [token for token in stoi if stoi[token] >= 1]


def test_a_higher_min_freq_warns_even_if_the_first_token_is_special() -> None:
    with pytest.warns(UserWarning, match="Those below min_freq=2 were dropped"):
        assert vocab({"<unk>": 0, "a": 1, "b": 2}, 2, ["<unk>"]).get_itos() == ["<unk>", "b"]


@pytest.mark.parametrize(
    ("counts", "min_freq"),
    [
        ({}, 1),
        ({"a": 0}, 1),  # one number is no sequence
        ({"a": 0, "b": 1, "c": 2}, 0),  # all are kept, so that the indices are what they were
        ({"a": 1, "b": 2, "c": 3}, 2),
        ({"a": 0, "b": 2, "c": 1}, 1),
        ({"a": 0, "b": 1, "c": 1}, 1),
        ({"a": 0, "b": 3, "c": 8}, 1),
        ({"a": 2, "b": 1, "c": 0}, 1),
        (dict(zip(WORDS, range(0, 300, 10), strict=True)), 1),
    ],
)
def test_frequencies_and_harmless_row_numbers_do_not_warn(counts: dict[str, int], min_freq: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert vocab(counts, min_freq).get_itos() == [token for token, n in counts.items() if n >= min_freq]


def test_a_special_that_was_row_zero_does_not_warn() -> None:
    assert vocab({"<unk>": 0, "a": 1, "b": 2}, specials=["<unk>"]).get_itos() == ["<unk>", "a", "b"]


# Vocab.from_vectors: the way around the trap.


def test_the_vocabulary_of_vectors_is_the_specials_and_then_their_tokens() -> None:
    made = Vocab.from_vectors(File(["the", "of", "and"]))
    assert made.get_itos() == ["<pad>", "<unk>", "the", "of", "and"]
    assert made["zz"] == 1


@given(st.lists(TOKENS, max_size=10), TOKEN_LISTS, st.none() | st.integers(1, 12))
def test_every_vocabulary_of_vectors_has_each_token_once_in_order_of_first_appearance(
    itos: list[str], specials: list[str], room: int | None
) -> None:
    max_tokens = None if room is None else len(specials) + room
    made = Vocab.from_vectors(File(itos), specials, default=None, max_tokens=max_tokens)
    assert made.get_itos() == list(dict.fromkeys([*specials, *itos]))[:max_tokens]
    assert made.get_default_index() is None


def test_any_token_can_be_the_default() -> None:
    assert Vocab.from_vectors(File(["the", "unk"]), specials=(), default="unk")["zz"] == 1


def test_a_default_that_is_not_there_is_an_error_with_the_cure() -> None:
    with pytest.raises(VocabError, match=r"'<unk>' is not in the vocabulary.*default=None"):
        Vocab.from_vectors(File(["the"]), specials=["<pad>"])


def test_vectors_need_room_beside_the_specials() -> None:
    with pytest.raises(VocabError, match="max_tokens"):
        Vocab.from_vectors(File(["the"]), max_tokens=2)


def test_a_subclass_makes_vocabularies_of_its_own_kind() -> None:
    class Mine(Vocab):
        pass

    made = Mine.from_vectors(File(["the"]))
    assert type(made) is type(Mine.from_state(made.state())) is Mine


# build_vocab_from_iterator(): sentences.


def test_the_most_frequent_tokens_come_first_and_equals_by_code_point() -> None:
    corpus = [["b", "a", "Z"], ["b", "é"], iter(["é", "c", "b"])]
    assert build_vocab_from_iterator(corpus).get_itos() == ["b", "é", "Z", "a", "c"]


def test_specials_stand_before_or_behind_the_counted_tokens() -> None:
    corpus = [["hello", "world", "hello", "low"]]
    assert build_vocab_from_iterator(corpus, 2, ["<unk>"]).get_itos() == ["<unk>", "hello"]
    assert build_vocab_from_iterator(corpus, 2, ["<unk>"], False).get_itos() == ["hello", "<unk>"]


def test_max_tokens_counts_a_special_in_the_data_twice_as_torchtext_did() -> None:
    corpus = [["<unk>", "<unk>", "<unk>", "a", "a", "b"]]
    assert build_vocab_from_iterator(corpus, specials=["<unk>"], max_tokens=3).get_itos() == ["<unk>", "a"]
    assert build_vocab_from_iterator(corpus, max_tokens=2).get_itos() == ["<unk>", "a"]


def test_an_iterator_without_sentences_gives_the_specials_alone() -> None:
    assert build_vocab_from_iterator(iter([])).get_itos() == []
    assert build_vocab_from_iterator([[]], specials=["<unk>"]).get_itos() == ["<unk>"]


def test_arguments_are_checked_before_the_iterator_is_read() -> None:
    corpus = iter([["a"]])
    with pytest.raises(AssertionError, match=r"len\(specials\) >= max_tokens"):
        build_vocab_from_iterator(corpus, specials=["<unk>", "<pad>"], max_tokens=2)
    assert next(corpus) == ["a"]


@pytest.mark.parametrize("corpus", [["ab", "b"], "abb", [["a"], "bb"]])
def test_sentences_that_are_one_str_are_counted_by_character_as_ever_and_warn(
    corpus: Iterable[Iterable[str]],
) -> None:
    with pytest.warns(UserWarning, match="is one str, so its characters were counted") as caught:
        made = build_vocab_from_iterator(corpus)
    assert caught[0].filename == __file__
    assert len(caught) == 1
    assert made.get_itos() == ["b", "a"]


def test_the_warning_names_the_first_sentence_that_is_one_str() -> None:
    with pytest.warns(UserWarning, match="^sentence 1 is one str"):
        build_vocab_from_iterator([["a"], "b", "c"])


@given(st.lists(st.text(st.characters() | st.sampled_from("aé漢😀\ud83d\ude00"), max_size=4), unique=True))
def test_every_fingerprint_is_that_of_each_tokens_length_and_of_all_their_bytes(tokens: list[str]) -> None:
    written = [token.encode("utf-8", "surrogatepass") for token in tokens]
    lengths = np.array([len(one) for one in written], "<i8").tobytes()
    expected = xxh3_128_hexdigest(b"none" + lengths + b"".join(written))
    assert Vocab(tokens).fingerprint == f"xxh3_128:{expected}"


def test_a_fingerprint_tells_order_default_index_and_borders_of_tokens_apart() -> None:
    kinds = [
        Vocab(["a", "b"]),
        Vocab(["b", "a"]),
        Vocab(["a", "b"], 0),
        Vocab(["a", "b"], 1),
        Vocab(["ab"]),
        Vocab(["ab", ""]),
        Vocab(["", "ab"]),
        Vocab([]),
        Vocab(["\ud800"]),
    ]
    assert len({vocab.fingerprint for vocab in kinds}) == len(kinds)
    assert Vocab(["a", "b"], 0).fingerprint == kinds[2].fingerprint
    # Written down, for a job that is resumed may be of another release.
    assert kinds[2].fingerprint == "xxh3_128:41b1ce4186a694bbc7760a6eeefb9c29"
