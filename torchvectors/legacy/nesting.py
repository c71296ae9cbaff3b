"""The bytes of pickles → whether they nest so deep that whoever reads them falls over.

torch's safe reader makes what a pickle says, plain tuples among that, and uses some of it as keys of a dict. To hash
a tuple in a tuple in a tuple, a million times over, Python calls itself until the process ends, without an exception.
So tuples are counted first: what torchtext kept has a dozen.
"""

from __future__ import annotations

import pickletools
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmap import mmap

__all__ = ["nests_deep"]

MOST_TUPLES = 10_000
_MAKE_TUPLES = frozenset(b"t\x85\x86\x87")
_STOP = ord(".")


def nests_deep(data: bytes | mmap, pickles: int) -> bool:
    """Say whether the first so many pickles, which follow each other, could nest deep.

    What is no pickle, or a damaged one, is left to its reader.
    """
    tuples = place = 0
    arguments, end = _arguments(), len(data)
    while place < end and pickles:
        code = data[place]
        fixed = arguments[code]
        place += 1
        if fixed >= 0:
            place += fixed
        elif fixed == _UNKNOWN:
            return False
        elif fixed == _LINE:
            place = data.find(b"\n", place) + 1 or end
        elif fixed == _TWO_LINES:
            place = data.find(b"\n", data.find(b"\n", place) + 1 or end) + 1 or end
        else:  # so many bytes hold the argument's length
            width = _UNKNOWN - fixed
            place += width + int.from_bytes(data[place : place + width], "little")
        if code in _MAKE_TUPLES:
            tuples += 1
            if tuples > MOST_TUPLES:
                return True
        elif code == _STOP:
            pickles -= 1
    return False


_LINE, _TWO_LINES, _UNKNOWN = -1, -2, -3  # and less by the bytes of a length: -4, -7, -11


@cache
def _arguments() -> list[int]:
    """Return, by opcode, how many bytes its argument takes, or how its end is found."""
    found = [_UNKNOWN] * 256
    lengths = {
        pickletools.TAKEN_FROM_ARGUMENT1: 1,
        pickletools.TAKEN_FROM_ARGUMENT4: 4,
        pickletools.TAKEN_FROM_ARGUMENT4U: 4,
        pickletools.TAKEN_FROM_ARGUMENT8U: 8,
    }
    for opcode in pickletools.opcodes:
        size = 0 if opcode.arg is None else opcode.arg.n
        if size == pickletools.UP_TO_NEWLINE:
            size = _TWO_LINES if opcode.name in ("GLOBAL", "INST") else _LINE
        elif size < 0:
            size = _UNKNOWN - lengths[size]
        found[ord(opcode.code)] = size
    return found
