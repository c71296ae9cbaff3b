"""Sentences of tokens → the count of each token, all in memory."""

from __future__ import annotations

import inspect
from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING

from torchvectors.counting.checks import check_new, refuse_unhashable, tokens_in

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

__all__ = ["count_tokens"]


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
            refuse_unhashable(where["number"], where["sentence"], error)
        raise
    return counts


def _checked(
    sentences: Iterable[Iterable[str]], counts: Counter[str]
) -> Generator[Iterable[str], None, None]:
    known = 0
    for number, sentence in enumerate(sentences):
        tokens = sentence if type(sentence) is list else tokens_in(sentence, number)
        if isinstance(sentence, dict):
            for token, count in sentence.items():
                counts[token] += count
        else:
            yield tokens
        if len(counts) != known:
            known = check_new(counts, known, number)
