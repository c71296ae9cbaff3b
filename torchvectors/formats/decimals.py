"""Decimal fractions that lie anywhere in some bytes → float32, by array operations alone.

Eight characters are one integer of 64 bits, and what is done to it is done to all eight: so a number costs some
forty instructions and no branch, and numpy lets other threads run meanwhile. A number of up to 15 digits is a whole
number below 2**53 divided by a power of ten, which a double holds exactly: dividing them rounds once, as Python's
``float`` does. What is longer, or written otherwise, is left to the caller.

Source: D. Lemire, "Number Parsing at a Gigabyte per Second" (2021), sections 5 and 6, for the exact division and for
eight digits at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Words = NDArray[np.uint64]
    Places = NDArray[np.int64]

__all__ = ["BEFORE", "padded", "parse_decimals"]

BEFORE = 16  # bytes that must lie before the first number: two words are read from its end backwards
_WORD = 8  # bytes

_RUN = 1 << 17  # numbers parsed at a time: what is made of them then stays near a core, in some megabytes
_MINUS = 0x2D


_u = np.uint64
_ONES = _u(0x0101010101010101)  # 1 in each byte
_ZEROS, _POINTS = _ONES * _u(0x30), _ONES * _u(0x2E ^ 0x30)  # "0"; and ".", where "0" has become 0
_TOPS, _UP_TO_NINE = _ONES * _u(0x80), _ONES * _u(0x76)  # 9 + 0x76 is the last without the top bit
_BYTE, _SEVEN, _EIGHT, _WIDE = _u(8), _u(7), _u(8), _u(64)
# By digits behind the point, and 16 more where the number is negative.
_SCALES = np.concatenate([10.0 ** np.arange(16), -(10.0 ** np.arange(16))])


def padded(text: bytes) -> NDArray[np.uint8]:
    """Return a text as bytes with room around it: it begins at `BEFORE`, and the whole is a number of words."""
    after = bytes(_WORD + -len(text) % _WORD)
    return np.frombuffer(b"".join((bytes(BEFORE), text, after)), np.uint8)


def parse_decimals(
    raw: NDArray[np.uint8], starts: Places, ends: Places
) -> tuple[NDArray[np.float32], Places]:
    """Parse n numbers of the form ``-0.25``, the sign and one of the two runs of digits being optional.

    Args:
        raw: From `padded`.
        starts: int64 (n,), where each begins in ``raw``.
        ends: int64 (n,), where each ends; no field is of negative length.

    Returns:
        float32 (n,), and the places, among these n, of what has another form, or more than 15 digits: there the
        number is not to be used.
    """
    words = raw.view("<u8")
    numbers, odd = np.empty(len(ends), np.float32), [np.empty(0, np.int64)]
    for first in range(0, len(ends), _RUN):
        run = slice(first, first + _RUN)
        numbers[run], places = _parse_run(raw, words, starts[run], ends[run])
        odd.append(places + first)
    return numbers, np.concatenate(odd)


def _parse_run(
    raw: NDArray[np.uint8], words: Words, starts: Places, ends: Places
) -> tuple[NDArray[np.float32], Places]:
    negative = (raw.take(starts) == _MINUS).astype(np.uint64)
    lengths = (ends - starts).view(np.uint64) - negative
    numbers, odd = _short(_word_before(words, ends), lengths, negative)
    if len(odd):
        some = ends[odd]
        high, low = _word_before(words, some - _WORD), _word_before(words, some)
        numbers[odd], still = _long(high, low, lengths[odd], negative[odd])
        odd = odd[still]
    return numbers, odd


def _word_before(words: Words, ends: Places) -> Words:
    """Return the eight bytes before each place as one number, the last byte being the highest."""
    # Of two words at even places, for numpy copies all of an unaligned array before it takes anything out of it.
    starts = ends - _WORD
    shift = (starts.view(np.uint64) & _SEVEN) << _u(3)
    starts >>= 3
    word = words.take(starts)
    word >>= shift
    starts += 1
    after = words.take(starts)
    np.subtract(_WIDE, shift, out=shift)
    after <<= shift  # numpy shifts all out where the shift is 64
    word |= after
    return word


def _only_last(word: Words, count: Words) -> Words:
    """Turn characters into digits, and all but the last ``count`` bytes, at most eight, into zeros."""
    shift = _WIDE - np.minimum(count << _u(3), _WIDE)
    word = word ^ _ZEROS
    word >>= shift
    word <<= shift
    return word


def _point(digits: Words) -> Words:
    """Return the lowest bit of the first byte that is a point; 0 where there is none."""
    found = digits ^ _POINTS
    tops = found - _ONES
    np.invert(found, out=found)
    tops &= found
    tops &= _TOPS  # the lowest bit that is left is right, higher ones need not be
    np.negative(tops, out=found)
    tops &= found
    point: Words = tops >> _SEVEN
    return point


def _without(digits: Words, point: Words) -> Words:
    """Move what lies below the point into its byte."""
    below = point - _u(1)
    behind = np.negative(point << _BYTE)
    behind &= digits
    below &= digits
    below <<= _BYTE
    moved: Words = below | behind
    return moved


def _digits_behind(point: Words) -> Words:
    """Return how many bytes lie above the point's; 0 where there is none."""
    count: Words = (point * _u(0x0706050403020100)) >> _u(56)
    return count


def _not_digits(digits: Words) -> Words:
    """Return what is not 0 where a byte is above 9."""
    above: Words = ((digits + _UP_TO_NINE) | digits) & _TOPS
    return above


def _value(digits: Words) -> Words:
    """Return the number that eight digits make, the first of them in the lowest byte."""
    number = digits * _u(10 << 8 | 1)
    number >>= _u(8)
    number &= _u(0x00FF00FF00FF00FF)
    number *= _u(100 << 16 | 1)
    number >>= _u(16)
    number &= _u(0x0000FFFF0000FFFF)
    number *= _u(10000 << 32 | 1)
    value: Words = number >> _u(32)
    return value


def _divided(value: Words, behind: Words, negative: Words) -> NDArray[np.float32]:
    scale = _SCALES.take(((negative << _u(4)) | behind).view(np.int64))
    numbers = value.view(np.int64).astype(np.float64)
    numbers /= scale
    return numbers.astype(np.float32)


def _short(word: Words, lengths: Words, negative: Words) -> tuple[NDArray[np.float32], Places]:
    """Parse numbers with a point, of at most eight characters behind the sign."""
    digits = _only_last(word, lengths)
    point = _point(digits)
    behind = _digits_behind(point)
    digits = _without(digits, point)
    odd = _not_digits(digits) != 0
    odd |= point == 0
    odd |= lengths - _u(2) > _u(6)  # unsigned: fewer than two are very many
    return _divided(_value(digits), behind, negative), np.flatnonzero(odd)


def _long(
    high: Words, low: Words, lengths: Words, negative: Words
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Parse numbers of up to 16 characters behind the sign, and say which are none."""
    low = _only_last(low, lengths)
    high = _only_last(high, np.where(lengths > _EIGHT, lengths - _EIGHT, _u(0)))
    in_low, in_high = _point(low), _point(high)
    moved = _without(low, in_low) | high >> _u(56)
    in_high = np.where(in_low != 0, 0, in_high)
    behind = np.where(in_low != 0, _digits_behind(in_low), _digits_behind(in_high) + (in_high != 0) * _EIGHT)
    high = np.where(in_low != 0, high << _BYTE, np.where(in_high != 0, _without(high, in_high), high))
    low = np.where(in_low != 0, moved, low)
    odd = (_not_digits(low) | _not_digits(high)) != 0
    has_point = ((in_low | in_high) != 0).astype(np.uint64)
    odd |= lengths - has_point - _u(1) > _u(14)
    return _divided(_value(high) * _u(10**8) + _value(low), behind, negative), odd
