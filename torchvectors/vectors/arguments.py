"""What a caller gives → what it stands for, or an error that says what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from torchvectors.errors import TokenTypeError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torchvectors.store import Encoding

__all__ = ["ENCODINGS", "checked_dtype", "checked_tokens"]

ENCODINGS: dict[torch.dtype, Encoding] = {torch.float32: "float32", torch.float16: "float16"}


def checked_dtype(dtype: torch.dtype | None) -> torch.dtype:
    """Return the dtype that is asked for, having refused what no store maps as."""
    if dtype is not None and dtype not in ENCODINGS:
        raise TypeError(f"dtype={dtype!r}: give torch.float16, or torch.float32 or None, which are the same.")
    return dtype or torch.float32


def checked_tokens(tokens: Iterable[str]) -> list[str]:
    """Return the tokens as a list, having refused what is none."""
    try:
        iterator = iter(tokens)
    except TypeError:
        text = f"tokens must be a str or an iterable of str, not {type(tokens).__name__}: {tokens!r}"
        raise TokenTypeError(text) from None
    listed = list(iterator)
    if set(map(type, listed)) <= {str}:
        return listed
    for place, token in enumerate(listed):
        if not isinstance(token, str):
            text = f"tokens must be str, and the one at position {place} is {type(token).__name__}: {token!r}"
            raise TokenTypeError(text)
    return listed
