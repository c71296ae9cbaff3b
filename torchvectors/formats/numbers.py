"""Decimal numbers in ASCII, separated by commas → float32, rounded as torchtext rounds them.

torchtext reads a number with ``float()``, which rounds it to the nearest double, and then stores it as float32.
Rounding to float32 at once would differ in the last bit now and then, so this goes by way of the double, too: by
numpy, which takes all that C's ``strtod`` takes. Most numbers of most files never come here: `decimals` takes them.
"""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["parse_numbers"]

# What numpy takes for -1, and for a NaN with a payload: nothing at all, and "nan(1)".
_NO_NUMBER = re.compile(rb"(?:^|,)\s*(?:,|$)|\(")


def parse_numbers(text: bytes, count: int) -> NDArray[np.float32] | None:
    """Parse ``count`` numbers separated by commas; spaces around a number do not count.

    Returns:
        float32 (count,), or None when the text is not of this form, or holds a number that numpy may read otherwise
        than Python's ``float``: the caller then takes the numbers one by one.
    """
    numbers = _by_numpy(text)
    if numbers is None or len(numbers) != count:
        return None
    with np.errstate(over="ignore"):  # 1e300 is inf as a float32, as in torchtext
        return numbers.astype(np.float32)


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
