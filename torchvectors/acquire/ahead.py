"""A stream → the same stream, hashed, and read ahead of who reads it, by a thread of its own.

To inflate and to hash take a core as long as to parse does, and neither holds Python's lock: so two cores do it in half
the time. What is read, and which error ends it, is the same without the thread, which a single core does.
"""

from __future__ import annotations

import hashlib
import os
import threading
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING

from torchvectors.catalog import Digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torchvectors.formats import ByteStream

__all__ = ["Hashed", "read_ahead"]

_CHUNK = 512 * 1024  # bytes read at a time, as many as who reads text asks for
_MOST = 4  # chunks read ahead, so memory is bounded


class Hashed:
    """A stream whose bytes are hashed as they go by; not at all, where ``algorithm`` is None."""

    def __init__(self, stream: ByteStream, algorithm: str | None) -> None:
        self._stream, self.algorithm = stream, algorithm
        self._hash = hashlib.new(algorithm, usedforsecurity=False) if algorithm else None

    def read(self, n: int, /) -> bytes:
        """Return up to ``n`` bytes, and none at the end."""
        data = self._stream.read(n)
        if self._hash is not None:
            self._hash.update(data)
        return data

    @property
    def digest(self) -> Digest | None:
        """Of all that was read; None where it is not hashed."""
        if self._hash is None or self.algorithm is None:
            return None
        return Digest(algorithm=self.algorithm, value=self._hash.hexdigest())


@contextmanager
def read_ahead(stream: ByteStream) -> Iterator[ByteStream]:
    """Yield a stream that gives what ``stream`` gives, which nobody else may read meanwhile.

    An error of ``stream`` is raised by the read that would have raised it. The thread has ended when the block has.
    """
    if _cores() < 2:
        yield stream
        return
    ahead = _ReadAhead(stream)
    thread = threading.Thread(target=ahead.run, name="torchvectors reads ahead", daemon=True)
    thread.start()
    try:
        yield ahead
    finally:
        ahead.stop()
        thread.join()


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _ReadAhead:
    def __init__(self, stream: ByteStream) -> None:
        self._stream, self._stopped = stream, False
        self._room = threading.Semaphore(_MOST)
        self._chunks: SimpleQueue[bytes | BaseException] = SimpleQueue()
        self._now: bytes | BaseException = b""

    def run(self) -> None:
        """Read to the end, or to the first error, or until nobody wants more: what the thread does."""
        chunk: bytes | BaseException = b"."
        while chunk and not isinstance(chunk, BaseException):
            self._room.acquire()
            if self._stopped:
                return
            try:
                chunk = self._stream.read(_CHUNK)
            except BaseException as error:  # noqa: BLE001 - who reads raises it
                chunk = error
            self._chunks.put(chunk)

    def stop(self) -> None:
        """Let the thread end."""
        self._stopped = True
        self._room.release()

    def read(self, n: int, /) -> bytes:
        """Return up to ``n`` bytes, and none at the end."""
        if not self._now:
            self._now = self._chunks.get()
            self._room.release()
        if isinstance(self._now, BaseException):
            raise self._now
        if not self._now:
            self._chunks.put(b"")  # the end stays the end
        data, self._now = self._now[:n], self._now[n:]
        return data
