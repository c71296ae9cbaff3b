"""Counts, or sentences to count → a `Vocab`: torchtext's two functions."""

from __future__ import annotations

import reprlib
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from torchvectors.counting import check_specials, count_tokens, order_tokens
from torchvectors.errors import TokenTypeError
from torchvectors.vocabulary.table import Vocab

__all__ = ["build_vocab_from_iterator", "vocab"]


def vocab(
    ordered_dict: Mapping[str, int],
    min_freq: int = 1,
    specials: Sequence[str] | None = None,
    special_first: bool = True,
) -> Vocab:
    """Make a Vocab of the tokens that are frequent enough, in the order of the dict: nothing is sorted.

    The values are frequencies. A dict of token → index, such as ``glove.stoi``, is not what this takes: its
    first token, with the value 0, would be dropped, and each later one get the index before its row. For the
    vocabulary of a set of vectors call `Vocab.from_vectors`; for one of given tokens call ``Vocab(tokens)``.

    Args:
        ordered_dict: Token → frequency. It stays as it is; torchtext took the specials out of it.
        min_freq: The least frequency that a token needs; 0 and negative ones are numbers like any other.
        specials: Tokens that are in whatever their frequency. One that occurs in the dict moves to its place
            among the specials.
        special_first: False puts the specials at the end.

    Returns:
        A Vocab without a default index.

    Raises:
        TokenTypeError: A token is not a ``str``, or the arguments are no dict and no list of specials.
        VocabError: A special is there twice.

    Warns:
        UserWarning: The values are the numbers from 0 up and ``min_freq`` drops some: they are indices.

    Source: rules and argument names of torchtext 0.18 ``vocab``.
    """
    if not isinstance(ordered_dict, Mapping):
        cure = "For a list of tokens call Vocab(tokens); to count the tokens of sentences, build_vocab_from_iterator."
        raise TokenTypeError(
            f"vocab() takes a dict of token → frequency, not {reprlib.repr(ordered_dict)}. {cure}"
        )
    specials = specials or ()
    tokens = order_tokens(
        ordered_dict, min_freq=min_freq, specials=specials, special_first=special_first, by_count=False
    )
    if _are_row_numbers(ordered_dict.values()) and not ordered_dict.keys() <= set(tokens):
        warnings.warn(
            "vocab() takes a dict of token → frequency, and the values of this one are 0, 1, 2, …: they look like "
            f"indices, such as glove.stoi has. Those below min_freq={min_freq} were dropped, and the other tokens "
            "no longer have these indices. For the vocabulary of vectors call Vocab.from_vectors(vectors), and "
            "torchvectors.align(vocab, vectors) for the matrix that fits it; for given tokens call Vocab(tokens).",
            stacklevel=2,
        )
    return Vocab(tokens)


def build_vocab_from_iterator(
    iterator: Iterable[Iterable[str]],
    min_freq: int = 1,
    specials: Sequence[str] | None = None,
    special_first: bool = True,
    max_tokens: int | None = None,
) -> Vocab:
    """Count the tokens of sentences and make a Vocab of them, the most frequent first.

    Args:
        iterator: Sentences, each an iterable of tokens. It is read once, to its end; an empty one gives a
            vocabulary of the specials alone.
        min_freq: The least count that a token needs.
        specials: Tokens that are in whatever their count.
        special_first: False puts the specials at the end.
        max_tokens: The most tokens, specials included. A special that is among the most frequent tokens of
            the text, too, takes two of these places, as in torchtext; the stages of a graph count it once.

    Returns:
        A Vocab without a default index: call `Vocab.set_default_index` for unknown tokens. Tokens of equal
        count are in the order of their code points.

    Raises:
        TokenTypeError: A token is not a ``str``.
        VocabError: A special is there twice, or ``max_tokens`` leaves no place for any other token (which is
            an ``AssertionError``, too). This is found before the iterator is read.

    Warns:
        UserWarning: A sentence is one ``str``: its characters are counted as tokens, as in torchtext.

    Source: rules and argument names of torchtext 0.18 ``build_vocab_from_iterator``.
    """
    specials = check_specials(specials or (), max_tokens)
    strings: list[int] = []
    counts = count_tokens(_spelled(iterator, strings))
    if strings:
        warnings.warn(
            f"sentence {strings[0]} is one str, so its characters were counted as tokens. If they are not meant, "
            "give lists of tokens, such as text.split(); if they are, list(text) says so without this warning.",
            stacklevel=2,
        )
    tokens = order_tokens(
        counts,
        min_freq=min_freq,
        specials=specials,
        special_first=special_first,
        max_tokens=max_tokens,
        specials_take_room=True,
    )
    return Vocab(tokens)


def _spelled(sentences: Iterable[Iterable[str]], strings: list[int]) -> Iterator[Iterable[str]]:
    """Take sentences that are one str apart into characters; the number of the first goes into ``strings``."""
    for number, sentence in enumerate(sentences):
        if isinstance(sentence, str):
            if not strings:
                strings.append(number)
            yield list(sentence)
        else:
            yield sentence


def _are_row_numbers(values: Collection[int]) -> bool:
    """Say whether these are the row numbers of a file's tokens, in order, and not frequencies.

    Where a token has several rows, as one of glove.840B's has, its number is the last of them, and so a few
    numbers are missing. But each is at least its position, and the largest is not far beyond the last one.
    """
    n = len(values)
    if n < 2 or next(iter(values)) != 0:
        return False
    in_order = all(value >= position for position, value in enumerate(values))
    return in_order and max(values) < n + n // 10 and len(set(values)) == n
