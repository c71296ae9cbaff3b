"""What a caller gives for a sentence → its tokens, or the error that says which sentence it is."""

from __future__ import annotations

import reprlib
from collections.abc import Collection
from itertools import islice
from typing import TYPE_CHECKING

from torchvectors.errors import TokenTypeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["check_new", "described", "refuse_unhashable", "tokens_in"]


def tokens_in(sentence: Iterable[str], number: int) -> Iterator[str]:
    """Return an iterator over the tokens of a sentence.

    Raises:
        TokenTypeError: It is one ``str``, whose characters would be counted, or is no iterable.
    """
    if isinstance(sentence, str):
        cure = "Give its tokens, text.split(); or list(text), if characters are meant."
        text = f"sentence {number} is one str, {reprlib.repr(sentence)}, not an iterable of tokens. {cure}"
        raise TokenTypeError(text)
    try:
        return iter(sentence)
    except TypeError as error:
        text = f"sentence {number} is {described(sentence)}, not an iterable of tokens"
        raise TokenTypeError(text) from error


def check_new(counts: dict[str, int], known: int, number: int) -> int:
    """Look at the tokens that a sentence has added to ``counts``, and return how many there are now.

    So each distinct token is looked at once, and not each time that it occurs.

    Raises:
        TokenTypeError: One of them is not a ``str``.
    """
    if len(counts) != known:
        for token in islice(reversed(counts), len(counts) - known):
            if not isinstance(token, str):
                raise TokenTypeError(f"sentence {number}: a token is a str, not {described(token)}")
    return len(counts)


def refuse_unhashable(number: int, sentence: Iterable[object], error: TypeError) -> None:
    """Look for what could not be counted in a sentence: a list, for one.

    Raises:
        TokenTypeError: It is there. Of an iterator the tokens are gone.
    """
    tokens = sentence if isinstance(sentence, Collection) else ()
    if culprits := [token for token in tokens if not _is_hashable(token)]:
        raise TokenTypeError(f"sentence {number}: a token is a str, not {described(culprits[0])}") from error


def _is_hashable(value: object) -> bool:
    try:
        hash(value)  # a tuple says of itself that it is, and may hold a list
    except TypeError:
        return False
    return True


def described(value: object) -> str:
    """Return what a value is, in a few words."""
    return f"{reprlib.repr(value)} (of type {type(value).__name__})"
