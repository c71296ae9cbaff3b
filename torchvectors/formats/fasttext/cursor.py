"""A mapped file and a place in it → numbers and arrays, none of which reaches behind the file's end."""

from __future__ import annotations

import mmap
import struct
from array import array
from typing import TYPE_CHECKING

import numpy as np

from torchvectors.errors import ParseError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["CURE", "Cursor"]

CURE = "The file is cut or damaged: get it again."
LONGEST_WORD = 64 * 1024  # bytes


class Cursor:
    """Reads one thing after another; ``what`` says in errors what it is."""

    def __init__(self, path: Path, name: str) -> None:
        with path.open("rb") as file:
            try:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except ValueError as error:  # an empty file
                raise ParseError(f"{name}: there is nothing in this file. {CURE}") from error
        self._name = name
        self.place = 0  # bytes read so far

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return len(self._map)

    @property
    def left(self) -> int:
        """Bytes that are still to be read."""
        return len(self._map) - self.place

    def wrong(self, what: str) -> ParseError:
        """Return the error for something that cannot be, found before the place that was reached."""
        return ParseError(f"{self._name}: {what}, before byte {self.place:,} of {self.size:,}. {CURE}")

    def numbers(self, form: str, what: str) -> tuple[int, ...]:
        """Return little-endian integers, by `struct`'s letters."""
        start = self._pass(struct.calcsize(f"<{form}"), what)
        return struct.unpack_from(f"<{form}", self._map, start)

    def flag(self, what: str) -> bool:
        """Return a C++ ``bool``."""
        (value,) = self.numbers("B", what)
        if value > 1:
            raise self.wrong(f"{what} is {value}, and only 0 and 1 can be")
        return bool(value)

    def raw(self, nbytes: int, what: str) -> NDArray[np.uint8]:
        """Return bytes, uint8 (nbytes,), as they lie in the file."""
        start = self._pass(nbytes, what)
        return np.frombuffer(self._map, np.uint8, nbytes, start)

    def floats(self, count: int, what: str) -> NDArray[np.float32]:
        """Return a copy of some float32, (count,)."""
        return self.raw(4 * count, what).view("<f4").astype(np.float32)

    def words(self, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
        """Pass over a dictionary's entries: a word, a zero byte, an int64 count, an int8 type.

        Returns:
            Where each word begins and ends, in bytes from the file's start: int64 (count,); and its type.
        """
        if 10 * count > self.left:
            raise self._cut(f"the {count:,} words of the dictionary")
        find, place, ends, size = self._map.find, self.place, array("q"), self.size
        for _ in range(count):
            end = find(b"\0", place, place + LONGEST_WORD)
            if end < 0 or end + 10 > size:
                self.place = place
                if end < 0 and self.left > LONGEST_WORD:
                    raise self.wrong(
                        f"word {len(ends):,} of the dictionary has no end within {LONGEST_WORD:,} bytes"
                    )
                raise self._cut(f"word {len(ends):,} of {count:,} of the dictionary")
            ends.append(end)
            place = end + 10
        stops = np.frombuffer(ends, np.int64) if count else np.empty(0, np.int64)
        starts = np.append(self.place, stops[:-1] + 10)[:count]
        types = np.frombuffer(self._map, np.uint8)[stops + 9]
        self.place = place
        return starts, stops, types

    def text(self, start: int, end: int) -> bytes:
        """Return some bytes of the file, wherever the place is."""
        return self._map[start:end]

    def _pass(self, nbytes: int, what: str) -> int:
        if not 0 <= nbytes <= self.left:
            raise self._cut(what)
        start, self.place = self.place, self.place + nbytes
        return start

    def _cut(self, what: str) -> ParseError:
        text = f"{self._name}: the file ends, after {self.size:,} bytes, within {what}"
        return ParseError(f"{text}, which begins at byte {self.place:,}. {CURE}")
