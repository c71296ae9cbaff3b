"""Counting and deciding, held against plain models of the rules."""

from __future__ import annotations

import pickle
from collections import Counter, OrderedDict
from itertools import chain
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchvectors.counting import check_specials, count_tokens, order_tokens
from torchvectors.errors import TokenTypeError, VocabError

AWKWARD = st.sampled_from(["", " ", "a\0b", "\ud800", "\uffff", "\U0001f600", "\xa0", "é", "Z", "a"])
TOKENS = AWKWARD | st.text(max_size=3)
SENTENCES = st.lists(st.lists(TOKENS, max_size=6), max_size=8)
COUNTS = st.dictionaries(TOKENS, st.integers(-2, 5), max_size=12)
SPECIALS = st.lists(TOKENS, max_size=4, unique=True)


@given(SENTENCES)
def test_every_corpus_is_counted_as_one_counter_over_all_its_tokens_would(corpus: list[list[str]]) -> None:
    assert count_tokens(corpus) == Counter(chain.from_iterable(corpus))


@given(SENTENCES, st.integers(0, 8))
def test_counts_of_every_two_parts_add_up_to_the_counts_of_the_whole(corpus: list[list[str]], k: int) -> None:
    whole = count_tokens(corpus)
    assert count_tokens(corpus[:k]) + count_tokens(corpus[k:]) == whole
    assert order_tokens(count_tokens(corpus[k:]) + count_tokens(corpus[:k])) == order_tokens(whole)


def test_sentences_and_the_corpus_may_be_read_only_once() -> None:
    corpus = (iter(text.split()) for text in ["b a b", "", "a b"])
    assert count_tokens(corpus) == {"b": 3, "a": 2}


def test_sets_tuples_and_keys_are_sentences_too() -> None:
    assert count_tokens([("a", "a"), {"a"}, {"a": 5}.keys()]) == {"a": 4}


def test_counts_in_place_of_a_sentence_are_added() -> None:
    assert count_tokens([["a", "b"], Counter(a=3), {"c": 0}]) == {"a": 4, "b": 1, "c": 0}


def test_a_corpus_without_sentences_has_no_counts() -> None:
    assert count_tokens([]) == Counter()


def test_a_sentence_that_is_one_str_is_refused_with_its_number() -> None:
    with pytest.raises(TokenTypeError, match=r"^sentence 2 is one str, 'to be', .* text\.split\(\)"):
        count_tokens([["a"], ["b"], "to be"])


def test_a_corpus_that_is_one_str_is_refused() -> None:
    with pytest.raises(TokenTypeError, match="sentence 0 is one str, 't'"):
        count_tokens("to be")


@pytest.mark.parametrize("sentence", [None, 7, 1.5])
def test_a_sentence_that_is_no_iterable_is_refused_with_its_number(sentence: object) -> None:
    with pytest.raises(TokenTypeError, match=r"^sentence 1 is .*, not an iterable of tokens"):
        count_tokens([["a"], sentence])  # type: ignore[list-item] # what is refused


@pytest.mark.parametrize("token", [None, 1, b"a", 0.5, ("a",)])
@given(before=SENTENCES, start=st.lists(TOKENS), end=st.lists(TOKENS))
def test_every_token_that_is_not_a_str_is_refused_with_its_sentence(
    token: object, before: list[list[str]], start: list[str], end: list[str]
) -> None:
    corpus: list[object] = [*before, [*start, token, *end], ["later"]]
    with pytest.raises(TokenTypeError, match=rf"^sentence {len(before)}: a token is a str, not "):
        count_tokens(corpus)  # type: ignore[arg-type] # what is refused


def test_a_token_of_counts_that_is_not_a_str_is_refused_too() -> None:
    with pytest.raises(TokenTypeError, match=r"^sentence 1: a token is a str, not 3 "):
        count_tokens([["a"], {3: 1}])  # type: ignore[dict-item] # what is refused


@given(COUNTS)
def test_every_order_is_by_falling_count_and_then_by_code_point(counts: dict[str, int]) -> None:
    expected = [token for token, n in sorted(counts.items(), key=lambda item: (-item[1], item[0])) if n >= 1]
    assert order_tokens(counts) == expected


def test_tokens_of_equal_count_are_in_the_order_of_code_points_not_of_any_language() -> None:
    shuffled = ["\U0001f600", "é", "\uffff", "a", "Z", "\ud800", "", "aa", "z"]
    assert order_tokens(Counter(shuffled)) == ["", "Z", "a", "aa", "z", "é", "\ud800", "\uffff", "\U0001f600"]


@given(COUNTS, SPECIALS, st.randoms(use_true_random=False))
def test_every_order_of_the_counts_gives_the_same_tokens(
    counts: dict[str, int], specials: list[str], rng: Random
) -> None:
    items = list(counts.items())
    rng.shuffle(items)
    assert order_tokens(dict(items), specials=specials) == order_tokens(counts, specials=specials)


def torchtexts_rule(
    counts: dict[str, int], min_freq: int, specials: list[str], special_first: bool, max_tokens: int | None
) -> list[str]:
    """Say what torchtext 0.18 did, step by step: sort, cut, take the specials out, filter, put them back."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    cut = ranked if max_tokens is None else ranked[: max_tokens - len(specials)]
    kept = [token for token, n in cut if token not in specials and n >= min_freq]
    return specials + kept if special_first else kept + specials


@given(COUNTS, st.integers(-1, 4), SPECIALS, st.booleans(), st.none() | st.integers(1, 8))
def test_every_vocabulary_by_torchtexts_rule_is_torchtexts(
    counts: dict[str, int], min_freq: int, specials: list[str], special_first: bool, room: int | None
) -> None:
    max_tokens = None if room is None else len(specials) + room
    made = order_tokens(
        counts,
        min_freq=min_freq,
        specials=specials,
        special_first=special_first,
        max_tokens=max_tokens,
        specials_take_room=True,
    )
    assert made == torchtexts_rule(counts, min_freq, specials, special_first, max_tokens)


@given(COUNTS, st.integers(-1, 4), SPECIALS, st.booleans(), st.integers(1, 8))
def test_every_vocabulary_by_the_mended_rule_uses_all_the_room_there_is(
    counts: dict[str, int], min_freq: int, specials: list[str], special_first: bool, room: int
) -> None:
    max_tokens = len(specials) + room
    others = {token: n for token, n in counts.items() if token not in specials}
    made = order_tokens(
        counts, min_freq=min_freq, specials=specials, special_first=special_first, max_tokens=max_tokens
    )
    kept = order_tokens(others, min_freq=min_freq)[:room]
    assert made == (specials + kept if special_first else kept + specials)


def test_a_special_in_the_data_takes_a_place_by_torchtexts_rule_only() -> None:
    counts = {"<unk>": 9, "a": 3, "b": 2}
    assert order_tokens(counts, specials=["<unk>"], max_tokens=3) == ["<unk>", "a", "b"]
    assert order_tokens(counts, specials=["<unk>"], max_tokens=3, specials_take_room=True) == ["<unk>", "a"]


def test_min_freq_zero_keeps_tokens_of_count_zero_and_a_negative_one_keeps_more() -> None:
    counts = {"a": 1, "z": 0, "n": -1}
    assert order_tokens(counts, min_freq=0) == ["a", "z"]
    assert order_tokens(counts, min_freq=-1) == ["a", "z", "n"]


def test_specials_need_no_count() -> None:
    assert order_tokens({"<unk>": 1, "a": 5}, min_freq=5, specials=["<pad>", "<unk>"]) == [
        "<pad>",
        "<unk>",
        "a",
    ]


def test_the_order_of_the_counts_can_be_kept() -> None:
    counts = OrderedDict(b=1, s=1, a=9)
    assert order_tokens(counts, by_count=False, specials=["s"]) == ["s", "b", "a"]
    assert order_tokens(counts, by_count=False, specials=["s"], max_tokens=2) == ["s", "b"]


@given(COUNTS, SPECIALS)
def test_the_counts_and_the_specials_stay_as_they_are(counts: dict[str, int], specials: list[str]) -> None:
    before = list(counts.items()), list(specials)
    order_tokens(counts, specials=specials)
    order_tokens(counts, specials=specials, by_count=False, special_first=False)
    assert (list(counts.items()), specials) == before


def test_a_special_given_twice_is_refused_in_torchtexts_words() -> None:
    with pytest.raises(VocabError, match=r"^Duplicate token found in tokens list: <unk>"):
        order_tokens({}, specials=["<unk>", "<pad>", "<unk>"])


def test_specials_that_are_one_str_are_refused_with_the_cure() -> None:
    with pytest.raises(TokenTypeError, match=r"Write specials=\['<unk>'\]"):
        order_tokens({}, specials="<unk>")


def test_specials_and_counts_hold_nothing_but_str() -> None:
    with pytest.raises(TokenTypeError, match="specials: a token is a str, not 0 "):
        order_tokens({}, specials=[0])  # type: ignore[list-item] # what is refused
    with pytest.raises(TokenTypeError, match="counts: a token is a str, not None "):
        order_tokens({"a": 1, None: 2})  # type: ignore[dict-item] # what is refused


@pytest.mark.parametrize("max_tokens", [2, 1, 0, -3])
@pytest.mark.parametrize("kind", [AssertionError, VocabError, RuntimeError])
def test_specials_that_leave_no_room_are_refused_with_the_cure(
    max_tokens: int, kind: type[Exception]
) -> None:
    words = "^len\\(specials\\) >= max_tokens, so the vocab will be entirely special tokens.* of 3 or more"
    with pytest.raises(kind, match=words) as caught:
        check_specials(("<pad>", "<unk>"), max_tokens)
    # A worker sends its error as bytes, and a DataLoader makes it anew from its text.
    assert type(pickle.loads(pickle.dumps(caught.value))) is type(caught.value)
    assert str(type(caught.value)(str(caught.value))) == str(caught.value)


def test_no_specials_need_some_room_too() -> None:
    assert order_tokens({"a": 1, "b": 1}, max_tokens=1) == ["a"]
    with pytest.raises(AssertionError):
        order_tokens({"a": 1}, max_tokens=0)


@pytest.mark.parametrize("token", [["b"], {"b": 1}, ("b", ["c"])])
def test_a_token_that_cannot_be_hashed_is_named_with_its_sentence(token: Any) -> None:
    with pytest.raises(TokenTypeError, match=r"^sentence 1: a token is a str, not [\[{(]") as error:
        count_tokens([["a"], ["b", token], ["c"]])
    assert isinstance(error.value.__cause__, TypeError)


def test_a_type_error_of_the_corpus_itself_stays_what_it_is() -> None:
    def corpus() -> Any:
        yield ["a"]
        yield ["b"] + 3  # type: ignore[operator]  # the mistake

    broken: list[Any] = [corpus(), [["a"], iter([["b"]])]]
    for sentences in broken:
        with pytest.raises(TypeError) as error:
            count_tokens(sentences)
        assert not isinstance(error.value, TokenTypeError)
