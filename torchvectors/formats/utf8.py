"""Blocks whose tokens may be any bytes → blocks of tokens that are text."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from torchvectors.errors import ParseError
from torchvectors.formats.block import Block

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

__all__ = ["all_utf8", "decodable", "is_utf8", "only_text"]

logger = logging.getLogger(__name__)


def is_utf8(text: bytes) -> bool:
    """Say whether some bytes are UTF-8."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def all_utf8(token_bytes: NDArray[np.uint8], token_lengths: NDArray[np.int64]) -> bool:
    """Say whether each of some tokens is UTF-8."""
    text = token_bytes.tobytes()
    if text.isascii():
        return True
    # All at once is fast, and two halves make a whole only where a token starts in the middle of a character.
    starts = (token_lengths.cumsum() - token_lengths)[token_lengths > 0]
    return not ((token_bytes.take(starts) & 0xC0) == 0x80).any() and is_utf8(text)


def decodable(block: Block) -> Block:
    """Leave out the tokens that are not UTF-8, and their rows."""
    if all_utf8(block.token_bytes, block.token_lengths):
        return block
    tokens = block.tokens()
    keep = [is_utf8(token) for token in tokens]
    kept = [token for token, good in zip(tokens, keep, strict=True) if good]
    return Block.of(kept, block.rows[np.array(keep)])


def only_text(blocks: Iterable[Block], *, name: str, max_vectors: int | None) -> Iterator[Block]:
    """Pass on the tokens that are UTF-8, at most ``max_vectors`` of them, and say at the end how many were not.

    No ``str`` could name the others: torchtext left them out, and so do we. None of the blocks passed on is empty.

    Raises:
        ParseError: At the end: there was none.
    """
    found = skipped = 0
    for block in blocks:
        good = decodable(block)
        skipped += len(block) - len(good)
        if max_vectors:
            good = good.head(max_vectors - found)
        found += len(good)
        if len(good):
            yield good
        if max_vectors and found >= max_vectors:
            break
    if skipped:
        logger.info("%s: left out %d tokens that are not UTF-8, as torchtext did", name, skipped)
    if not found:
        raise ParseError(f"{name}: none of its tokens is UTF-8, or there is none.")
