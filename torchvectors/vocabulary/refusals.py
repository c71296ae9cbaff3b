"""What is no token, no index or no saved vocabulary → the error that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torchvectors.errors import TokenTypeError, VocabError, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["believed", "not_a_token", "out_of_bounds", "refuse_other_types"]


def believed(tokens: object, default_index: object) -> tuple[list[str], int | None]:
    """Return what was read from somewhere, if it can make a vocabulary.

    Raises:
        VocabError: It cannot.
    """
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise VocabError(f"this saved vocabulary is damaged: {shown(tokens)} is not a list of tokens")
    if default_index is not None and not isinstance(default_index, int):
        raise VocabError(f"this saved vocabulary is damaged: {shown(default_index)} is not a default index")
    return tokens, default_index


def not_a_token(value: object) -> TokenTypeError:
    """Return the error for what should be a token, and is no ``str``."""
    return TokenTypeError(f"a token is a str, not {shown(value)} (of type {type(value).__name__})")


def refuse_other_types(tokens: Sequence[object]) -> None:
    """Refuse tokens of which one is no ``str``.

    Raises:
        TokenTypeError: There is one; the text says where.
    """
    for place, token in enumerate(tokens):
        if not isinstance(token, str):
            kind = type(token).__name__
            cure = " Give one sentence at a time." if isinstance(token, (list, tuple)) else ""
            text = f"tokens[{place}] is {shown(token)} (of type {kind}), and a token is a str.{cure}"
            raise TokenTypeError(text)


def out_of_bounds(index: int, size: int) -> VocabError:
    """Return the error for an index that a vocabulary of this size does not have."""
    return VocabError(f"Specified index {shown(index)} is out of bounds for vocab of size {size}")
