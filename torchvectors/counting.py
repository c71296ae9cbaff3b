"""Sentences of tokens → counts; counts → the tokens of a vocabulary, in order. Nothing else decides which."""

from __future__ import annotations

import inspect
import reprlib
from collections import Counter
from collections.abc import Collection
from itertools import chain, islice
from typing import TYPE_CHECKING

from torchvectors.errors import TokenTypeError, VocabError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence

__all__ = ["check_specials", "count_tokens", "order_tokens"]


class _NoRoomError(VocabError, AssertionError):
    """The specials leave no place for a token; torchtext raised ``AssertionError``."""


def count_tokens(sentences: Iterable[Iterable[str]]) -> Counter[str]:
    """Count every token of every sentence.

    Counts of parts of a corpus (workers, ranks, machines) merge by addition, in any order, since
    `order_tokens` does not look at the order of its counts::

        total = count_tokens(first_half)
        total.update(count_tokens(second_half))

    Args:
        sentences: Sentences, each an iterable of tokens, which may be read only once. A dict in place of a
            sentence is taken for counts that were made before, and added; so `collections.Counter` did it,
            and so did torchtext.

    Returns:
        A new Counter of token → count. It holds each distinct token once: about 100 bytes a token.

    Raises:
        TokenTypeError: A sentence is one ``str``, whose characters would be counted, or is no iterable, or
            holds a token that is not a ``str``. The text gives the sentence's number, the first being 0.
    """
    counts: Counter[str] = Counter()
    # One call that runs in C over the whole corpus. The generator is resumed when a sentence is used up,
    # and looks then at the tokens which that sentence added: each distinct token is checked once.
    checked = _checked(sentences, counts)
    try:
        counts.update(chain.from_iterable(checked))
    except TypeError as error:
        # Where the generator waits, what it gave last could not be counted. Where it has ended, the error is its own.
        if where := inspect.getgeneratorlocals(checked):
            _refuse_unhashable(where["number"], where["sentence"], error)
        raise
    return counts


def _checked(
    sentences: Iterable[Iterable[str]], counts: Counter[str]
) -> Generator[Iterator[str], None, None]:
    known = 0
    for number, sentence in enumerate(sentences):
        if isinstance(sentence, str):
            cure = "Give its tokens, text.split(); or list(text), if characters are meant."
            text = (
                f"sentence {number} is one str, {reprlib.repr(sentence)}, not an iterable of tokens. {cure}"
            )
            raise TokenTypeError(text)
        try:
            tokens = iter(sentence)
        except TypeError as error:
            text = f"sentence {number} is {_described(sentence)}, not an iterable of tokens"
            raise TokenTypeError(text) from error
        if isinstance(sentence, dict):
            for token, count in sentence.items():
                counts[token] += count
        else:
            yield tokens
        if len(counts) != known:
            for token in islice(reversed(counts), len(counts) - known):
                if not isinstance(token, str):
                    raise TokenTypeError(f"sentence {number}: a token is a str, not {_described(token)}")
            known = len(counts)


def _refuse_unhashable(number: int, sentence: Iterable[str], error: TypeError) -> None:
    tokens = sentence if isinstance(sentence, Collection) else ()  # of an iterator they are gone
    if culprits := [token for token in tokens if not _is_hashable(token)]:
        raise TokenTypeError(f"sentence {number}: a token is a str, not {_described(culprits[0])}") from error


def _is_hashable(value: object) -> bool:
    try:
        hash(value)  # a tuple says of itself that it is, and may hold a list
    except TypeError:
        return False
    return True


def _described(value: object) -> str:
    return f"{reprlib.repr(value)} (of type {type(value).__name__})"


def check_specials(specials: Sequence[str], max_tokens: int | None = None) -> list[str]:
    """Return the specials as a list, if a vocabulary can have them; worth asking before a corpus is counted.

    Raises:
        TokenTypeError: ``specials`` is one ``str``, or holds something that is not a ``str``.
        VocabError: A special is there twice, or ``max_tokens`` leaves no place for any other token (which is
            an ``AssertionError``, too, as in torchtext).
    """
    if isinstance(specials, str):
        text = (
            f"specials is one str, which would be taken apart into characters. Write specials=[{specials!r}]."
        )
        raise TokenTypeError(text)
    checked = list(specials)
    seen: set[str] = set()
    for special in checked:
        if not isinstance(special, str):
            raise TokenTypeError(f"specials: a token is a str, not {_described(special)}")
        if special in seen:
            raise VocabError(f"Duplicate token found in tokens list: {special}. It stands twice in specials.")
        seen.add(special)
    if max_tokens is not None and len(checked) >= max_tokens:
        said = "len(specials) >= max_tokens, so the vocab will be entirely special tokens."
        cure = f"Give fewer specials, or max_tokens of {len(checked) + 1} or more."
        raise _NoRoomError(
            f"{said} There are {len(checked)} specials, and max_tokens is {max_tokens}. {cure}"
        )
    return checked


def order_tokens(
    counts: Mapping[str, int],
    *,
    min_freq: int = 1,
    specials: Sequence[str] = (),
    special_first: bool = True,
    max_tokens: int | None = None,
    specials_take_room: bool = False,
    by_count: bool = True,
) -> list[str]:
    """Decide which tokens make a vocabulary, and in what order. ``counts`` stays as it is.

    Args:
        counts: Token → count. With ``by_count`` their own order does not matter.
        min_freq: The least count that a token needs. Zero and negative counts are counts, too: 0 keeps every
            token that has none of the latter.
        specials: Tokens that are in whatever their counts, in this order, once, ahead of all others.
        special_first: False puts the specials behind the others.
        max_tokens: The most tokens to return, specials included; None for no limit. The rarest go first, and
            of tokens that are equally rare those that sort last.
        specials_take_room: True is torchtext's rule, which cuts to ``max_tokens - len(specials)`` tokens
            before it takes out the specials that occur in ``counts``, and so may return fewer tokens than
            there is place for. False takes them out first.
        by_count: Sort by falling count, and tokens of equal count by code point, so that equal counts give
            equal vocabularies everywhere. False keeps the order of ``counts``.

    Returns:
        Distinct tokens; the index of each in the vocabulary is its position.

    Raises:
        TokenTypeError: A special, or a token that is frequent enough, is not a ``str``.
        VocabError: See `check_specials`.
    """
    first = check_specials(specials, max_tokens)
    reserved = frozenset(first)
    left_out_early = frozenset[str]() if specials_take_room else reserved
    kept = [token for token, count in counts.items() if count >= min_freq and token not in left_out_early]
    for kind in set(map(type, kept)):
        if not issubclass(kind, str):
            culprit = next(token for token in kept if type(token) is kind)
            raise TokenTypeError(f"counts: a token is a str, not {_described(culprit)}")
    if by_count:
        # Two sorts on plain keys are several times faster than one on pairs. The second keeps, among equal
        # counts, the order that the first has made.
        kept.sort()
        kept.sort(key=counts.__getitem__, reverse=True)
    if max_tokens is not None:
        del kept[max_tokens - len(first) :]
    if specials_take_room:
        kept = [token for token in kept if token not in reserved]
    return first + kept if special_first else kept + first
