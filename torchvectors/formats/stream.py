"""What a streaming reader reads from, and a stream whose first bytes were looked at before."""

from __future__ import annotations

from typing import Protocol

__all__ = ["HEAD", "ByteStream", "Peeked"]

HEAD = 16 * 1024  # bytes by which a format is known


class ByteStream(Protocol):
    """Anything with ``read(n)``."""

    def read(self, n: int, /) -> bytes:
        """Return up to ``n`` bytes, and none at the end."""


class Peeked:
    """A stream that is read from its beginning, though its first bytes, ``head``, have been looked at."""

    def __init__(self, stream: ByteStream) -> None:
        # Once: a stream gives as much as it has, and must not be asked for its end, which ends in a verdict on it.
        self.head = stream.read(HEAD)
        self._stream, self._left = stream, self.head

    def read(self, n: int, /) -> bytes:
        """Return up to ``n`` bytes, and none at the end."""
        if not self._left:
            return self._stream.read(n)
        data, self._left = self._left[:n], self._left[n:]
        return data
