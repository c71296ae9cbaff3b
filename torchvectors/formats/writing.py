r"""Blocks → bytes of a format that other programs read: GloVe and word2vec text, word2vec binary.

What is written is read back exactly: `read_text` and `read_word2vec` give the same tokens and, bit for bit, the same
float32 (of a NaN, that it is one). A number is written with 6 significant digits where these are enough, so that what
GloVe or fastText wrote comes out as it was; otherwise with 8 or, at the most, 9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from torchvectors.errors import FormatError
from torchvectors.formats.numbers import parse_numbers
from torchvectors.formats.utf8 import is_utf8

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from torchvectors.formats.block import Block

__all__ = ["text_of", "word2vec_of"]

_DIGITS = ("%.6g", "%.8g", "%.9g")  # 9 tell any float32 from any other
_NOT_IN_BINARY = {0x20: "a space", 0x0A: "a newline"}
_NOT_IN_TEXT = {**_NOT_IN_BINARY, 0x00: "the character NUL"}  # by which a binary file is known
_ROWS_AT_A_TIME = 1 << 17  # numbers, each of which is a Python object for a while


def text_of(blocks: Iterable[Block], *, count: int, dim: int, header: bool) -> Iterator[bytes]:
    """Write text, a row to a line: the token, and the numbers, each after a space.

    Args:
        blocks: All tokens and rows, of one dim.
        count: How many rows there are.
        dim: Numbers per row.
        header: Whether a line ``count dim`` comes first, as in word2vec's and fastText's text; GloVe's has none.

    Yields:
        The file's bytes.

    Raises:
        FormatError: A token is empty, holds a space, a newline or a NUL, or is not UTF-8.
    """
    if header:
        yield b"%d %d\n" % (count, dim)
    row = 0
    for block in blocks:
        _check_tokens(block, row, _NOT_IN_TEXT)
        tokens, size = block.tokens(), max(_ROWS_AT_A_TIME // dim, 1)
        for start in range(0, len(block), size):
            lines = [
                b"%s %s\n" % (token, numbers)
                for token, numbers in zip(
                    tokens[start : start + size], _decimal(block.rows[start : start + size]), strict=True
                )
            ]
            if row + start == 0 and dim == 1 and not header and lines[0][:-1].replace(b" ", b"").isdigit():
                lines[0] = lines[0][:-1] + b".0\n"  # two integers would be taken for a header
            yield b"".join(lines)
        row += len(block)


def word2vec_of(blocks: Iterable[Block], *, count: int, dim: int) -> Iterator[bytes]:
    """Write word2vec's binary form: ``count dim``, then for each row the token, a space, float32 and a newline.

    Args, Raises: as `text_of`, but that a token may hold a NUL.

    Source: tmikolov/word2vec ``word2vec.c``; gensim leaves the last newline out, and reads both.
    """
    yield b"%d %d\n" % (count, dim)
    row = 0
    for block in blocks:
        _check_tokens(block, row, _NOT_IN_BINARY)
        rows = block.rows.astype("<f4", copy=False)
        yield b"".join(
            b"%s %s\n" % (token, numbers.tobytes())
            for token, numbers in zip(block.tokens(), rows, strict=True)
        )
        row += len(block)


def _check_tokens(block: Block, first_row: int, forbidden: dict[int, str]) -> None:
    """Refuse the first token that a reader would take for another, or for two."""
    ends = block.token_lengths.cumsum()
    for byte, what in forbidden.items():
        places = np.flatnonzero(block.token_bytes == byte)
        if len(places):
            _refuse(block, first_row, int(np.searchsorted(ends, places[0], side="right")), f"holds {what}")
    empty = np.flatnonzero(block.token_lengths == 0)
    if len(empty):
        _refuse(block, first_row, int(empty[0]), "is empty")
    tokens = block.tokens()
    # All at once is fast, and what stands between them keeps two halves from making a whole.
    if not is_utf8(b"\n".join(tokens)):
        _refuse(
            block, first_row, next(i for i, token in enumerate(tokens) if not is_utf8(token)), "is not UTF-8"
        )


def _refuse(block: Block, first_row: int, place: int, what: str) -> None:
    token = block.tokens()[place].decode(errors="backslashreplace")
    text = (
        f"the token of row {first_row + place} {what}, and this format has no way to write it: {token[:60]!r}"
    )
    raise FormatError(f"{text}. Leave it out, or save as .safetensors, which holds any text.")


def _decimal(rows: NDArray[np.float32]) -> list[bytes]:
    """Return the numbers of each of n rows in decimal, with spaces between them."""
    flat = rows.ravel()
    texts = _printed(flat, _DIGITS[0])
    for digits in _DIGITS[1:]:
        wrong = np.flatnonzero(~_same(_parsed(texts), flat))
        for place, text in zip(wrong.tolist(), _printed(flat[wrong], digits), strict=True):
            texts[place] = text
    dim = rows.shape[1]
    return [" ".join(texts[start : start + dim]).encode() for start in range(0, len(texts), dim)]


def _printed(numbers: NDArray[np.float32], digits: str) -> list[str]:
    # One format for all is twice as fast as one call for each.
    return (f"{digits} " * len(numbers) % tuple(numbers.tolist())).split()


def _parsed(texts: list[str]) -> NDArray[np.float32]:
    numbers = parse_numbers(",".join(texts).encode(), len(texts))
    return np.array([float(text) for text in texts], np.float32) if numbers is None else numbers


def _same(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = (a.view(np.uint32) == b.view(np.uint32)) | (np.isnan(a) & np.isnan(b))
    return same
