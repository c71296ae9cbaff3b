"""A connection's bytes → the same bytes, unless they come too slowly or make a reader read for ever.

A time-out counts the silence before a byte, so a server that sends one byte a second is never late. And what reads
HTTP for us believes in a few places that a server means well: it skips any number of interim answers, and reads any
number of lines behind a body. Both are held to account here, where the bytes come in, whatever they are part of:
a proxy's answer, headers or a body.
"""

from __future__ import annotations

import io
import time
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["Senseless", "Slow", "answers_of"]

LINES = 1_000  # in a row; a hundred headers are the most that the standard library reads
LONGEST = 1 << 16  # bytes of a line, as in the standard library


class Slow(ConnectionError):  # noqa: N818  (never leaves this room)
    """Less came than a server must send to be waited for; the text says how much."""


class Senseless(ConnectionError):  # noqa: N818  (never leaves this room)
    """What came is no answer that ever ends."""


class _Raw(io.RawIOBase):
    """What a socket gives, and how long it was waited for; what the reader does in between does not count."""

    def __init__(self, raw: io.RawIOBase, slowest: float, slow_for: float) -> None:
        super().__init__()
        self._inner, self._slowest, self._slow_for = raw, slowest, slow_for
        self._waited, self._came = 0.0, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int | None:
        before = time.monotonic()
        came: int | None = self._inner.readinto(buffer)
        self._waited += time.monotonic() - before
        self._came += came or 0
        if self._waited >= self._slow_for:
            if came and self._came < self._slowest * self._slow_for:
                raise Slow(f"only {self._came:,} bytes came in {self._waited:.3g} s")
            self._waited, self._came = 0.0, 0
        return came

    def close(self) -> None:
        self._inner.close()
        super().close()


class _Reader(io.BufferedReader):
    """Reads as a `BufferedReader` does, though neither for ever nor without end."""

    _lines = 0

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:  # what a chunk of "-1" bytes asks for
            raise Senseless
        self._lines = 0
        return super().read(size)

    def readline(self, size: int | None = -1, /) -> bytes:
        self._lines += 1
        unbounded = size is None or size < 0
        line = super().readline(LONGEST + 1 if unbounded else size)
        if self._lines > LINES or (unbounded and len(line) > LONGEST):
            raise Senseless
        return line


def answers_of(slowest: float, slow_for: float) -> type[HTTPResponse]:
    """Return the class of answers that must bring ``slowest`` bytes a second over ``slow_for`` seconds of waiting."""

    class Answer(HTTPResponse):
        def __init__(self, sock: Any, *arguments: Any, **options: Any) -> None:
            super().__init__(sock, *arguments, **options)
            self.fp: io.BufferedReader = _Reader(_Raw(self.fp.detach(), slowest, slow_for))

    return Answer
