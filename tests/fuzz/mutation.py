"""Some bytes → others like them: what a hostile or damaged file does to lengths, places, numbers and pieces.

`mutated` draws its chance from a function, so that a generator of numbers, atheris and hypothesis can each be asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

__all__ = ["Draw", "mutated"]

Draw = Callable[[int], int]  # draw(n) gives a number from 0 to n - 1

_INTEGERS = (
    0, 1, 2, 3, 7, 8, 16, 31, 32, 33, 63, 64, 127, 128, 255, 256, 511, 512, 4095, 4096, 65535, 65536, 1 << 20, 1 << 24,
    (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, 1 << 40, (1 << 62) - 1, 1 << 62, (1 << 63) - 1, 1 << 63,
    (1 << 64) - 1, (1 << 64) - 2, (1 << 64) - 8, (1 << 64) - 512,
)  # fmt: skip
_TEXTS = (
    b"0", b"1", b"-1", b"2", b"65535", b"65536", b"4294967295", b"4294967296", b"9223372036854775807",
    b"9223372036854775808", b"18446744073709551615", b"1e999", b"-0", b"nan", b"inf", b"1_0", b"0x10", b"1.5", b"null",
    b"true", b"[]", b"{}", b'""', b"9" * 400, b"[" * 3000, b'"\\ud800"', b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xe2\x80\xa8",
)  # fmt: skip
_NUMBER = re.compile(rb"-?\d+")
_WIDTHS = (1, 2, 4, 8)


def mutated(data: bytes, draw: Draw, *, words: Sequence[bytes] = (), others: Sequence[bytes] = ()) -> bytes:
    """Return ``data``, changed in one to four places.

    Args:
        data: What to begin with.
        draw: Where chance comes from.
        words: Byte strings that mean something in this format.
        others: Inputs of the same format, pieces of which may be taken.
    """
    body = bytearray(data)
    for _ in range(1 + draw(4)):
        change = _CHANGES[draw(len(_CHANGES))]
        change(body, draw, words, others)
    return bytes(body)


def _place(body: bytearray, draw: Draw) -> int:
    # Headers are where the lies are: half of all changes go to the first 128 bytes.
    return draw(min(len(body), 128) + 1) if draw(2) else draw(len(body) + 1)


def _flip(body: bytearray, draw: Draw, *_: Sequence[bytes]) -> None:
    if body:
        body[_place(body, draw) % len(body)] ^= 1 << draw(8)


def _byte(body: bytearray, draw: Draw, *_: Sequence[bytes]) -> None:
    if body:
        body[_place(body, draw) % len(body)] = draw(256)


def _integer(body: bytearray, draw: Draw, *_: Sequence[bytes]) -> None:
    """Write a number that is often an edge, or the old one and a little more or less."""
    width, order = _WIDTHS[draw(4)], "big" if draw(8) == 0 else "little"
    place = _place(body, draw)
    if place + width > len(body):
        return
    if draw(2):
        value = _INTEGERS[draw(len(_INTEGERS))]
    elif draw(2):
        value = len(body) + draw(17) - 8
    else:
        value = int.from_bytes(body[place : place + width], order) + draw(17) - 8  # type: ignore[arg-type]
    value %= 1 << (8 * width)
    body[place : place + width] = value.to_bytes(width, order)  # type: ignore[arg-type]


def _text_number(body: bytearray, draw: Draw, *_: Sequence[bytes]) -> None:
    """Write another number in the place of one that is written in digits."""
    found = list(_NUMBER.finditer(bytes(body[:4096])))
    if found:
        match = found[draw(len(found))]
        old = match.group()
        near = b"%d" % (int(old) + draw(5) - 2) if len(old) < 20 else b"0"
        body[match.start() : match.end()] = _TEXTS[draw(len(_TEXTS))] if draw(2) else near


def _delete(body: bytearray, draw: Draw, *_: Sequence[bytes]) -> None:
    start = _place(body, draw)
    del body[start : start + 1 + draw(1 << draw(9))]


def _cut(body: bytearray, draw: Draw, *_: Sequence[bytes]) -> None:
    del body[draw(len(body) + 1) :]


def _repeat(body: bytearray, draw: Draw, *_: Sequence[bytes]) -> None:
    start = _place(body, draw)
    piece = body[start : start + 1 + draw(1 << draw(8))]
    body[start:start] = piece * (1 + draw(4))


def _move(body: bytearray, draw: Draw, *_: Sequence[bytes]) -> None:
    start, target = _place(body, draw), _place(body, draw)
    piece = body[start : start + 1 + draw(64)]
    body[target : target + (len(piece) if draw(2) else 0)] = piece


def _noise(body: bytearray, draw: Draw, *_: Sequence[bytes]) -> None:
    start = _place(body, draw)
    body[start:start] = bytes(draw(256) for _ in range(1 + draw(12)))


def _word(body: bytearray, draw: Draw, words: Sequence[bytes], _: Sequence[bytes]) -> None:
    start, known = _place(body, draw), (*words, *_TEXTS)
    word = known[draw(len(words))] if words and draw(4) else known[draw(len(known))]
    body[start : start + (len(word) if draw(2) else 0)] = word


def _splice(body: bytearray, draw: Draw, _: Sequence[bytes], others: Sequence[bytes]) -> None:
    """Put a piece of another input here."""
    if others:
        other = others[draw(len(others))]
        start, length = draw(len(other) + 1), 1 + draw(1 << draw(10))
        target = _place(body, draw)
        body[target : target + (length if draw(2) else 0)] = other[start : start + length]


_CHANGES = (
    _flip, _flip, _byte, _integer, _integer, _integer, _integer, _text_number, _text_number, _delete, _cut, _repeat,
    _move, _noise, _word, _word, _splice,
)  # fmt: skip
