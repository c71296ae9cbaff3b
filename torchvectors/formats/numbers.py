"""Decimal numbers in ASCII, separated by commas → float32, rounded as torchtext rounds them.

torchtext reads a number with ``float()``, which rounds it to the nearest double, and then stores it as float32.
Rounding to float32 at once would differ in the last bit now and then, so both parsers here go by way of the
double: simdjson, which is fast but takes JSON numbers only, and numpy, which takes all that C's ``strtod`` takes.
"""

from __future__ import annotations

import functools
import importlib
import re
import warnings
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from types import ModuleType

    from numpy.typing import NDArray

__all__ = ["parse_numbers"]


@functools.cache
def _simdjson() -> ModuleType | None:
    try:
        return importlib.import_module("simdjson")
    except ImportError:  # no wheel for this Python: numpy gives equal numbers at half the speed
        return None


# What simdjson takes and Python does not, or takes for something else: a list of one number; the integer -0, whose
# sign it drops, and which white space of JSON's may follow.
_TRAPS = (b"[", b"-0,", b"\t", b"\r")
# What numpy takes for -1, and for a NaN with a payload: nothing at all, and "nan(1)".
_NO_NUMBER = re.compile(rb"(?:^|,)\s*(?:,|$)|\(")


def parse_numbers(text: bytes, count: int) -> NDArray[np.float32] | None:
    """Parse ``count`` numbers separated by commas; spaces around a number do not count.

    Returns:
        float32 (count,), or None when the text is not of this form, or holds a number that these fast parsers
        may read otherwise than Python's ``float``: the caller then takes the numbers one by one.
    """
    numbers = _by_simdjson(text)
    if numbers is None:
        numbers = _by_numpy(text)
    if numbers is None or len(numbers) != count:
        return None
    with np.errstate(over="ignore"):  # 1e300 is inf as a float32, as in torchtext
        return numbers.astype(np.float32)


def _by_simdjson(text: bytes) -> NDArray[np.float64] | None:
    simdjson = _simdjson()
    if simdjson is None or text.endswith(b"-0") or any(trap in text for trap in _TRAPS):
        return None
    try:
        array = simdjson.Parser().parse(b"[" + text + b"]")
        return np.frombuffer(array.as_buffer(of_type="d"), np.float64)
    except (ValueError, TypeError, RuntimeError):  # not JSON ("nan", ".5", "+1"), or no number
        return None


def _by_numpy(text: bytes) -> NDArray[np.float64] | None:
    if _NO_NUMBER.search(text):
        return None
    with warnings.catch_warnings():
        # numpy says "string or file could not be read to its end" as a DeprecationWarning, and will raise.
        warnings.simplefilter("error", DeprecationWarning)
        try:
            return np.fromstring(text.decode("ascii"), np.float64, sep=",")
        except (DeprecationWarning, ValueError):
            return None
