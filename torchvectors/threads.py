"""Work that does not hold Python's lock → the same work by several threads: a stream read ahead, a function in order.

To inflate, to hash, and what numpy does to an array let other threads run. Threads need nothing of what processes do:
a daemonic worker of a DataLoader may start them, and so may a script that has no guard, or a thread. What comes out is
the same, in the same order and with the same error at its end, as without them, which is what a single core does.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["cores", "in_order", "read_ahead"]

_CHUNK = 1 << 20  # bytes read at a time, as many as who reads text asks for
_MOST_CHUNKS = 8  # read ahead, so memory is bounded
_MOST_THREADS = 4  # of a function: more parse faster than one can inflate

Item = TypeVar("Item")
Result = TypeVar("Result")


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, n: int, /) -> bytes:
        """Return up to ``n`` bytes, and none at the end."""


def cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_order(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Yield ``function(item)`` for each item, in their order; a few of them are worked on at once, ahead of time.

    An error, of the function or of the items, is raised when all results before it have been taken.
    """
    threads = min(cores(), _MOST_THREADS)
    if threads < 2:
        yield from map(function, items)
        return
    waiting: deque[Future[Result]] = deque()
    source = _UntilError(items)
    with ThreadPoolExecutor(threads, thread_name_prefix="torchvectors") as pool:
        try:
            for item in source:
                waiting.append(pool.submit(function, item))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
    if source.error is not None:
        raise source.error


class _UntilError(Generic[Item]):
    """Items, up to an error that is kept for later."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._items = items
        self.error: BaseException | None = None

    def __iter__(self) -> Iterator[Item]:
        try:
            yield from self._items
        except Exception as error:  # noqa: BLE001 - raised in its turn
            self.error = error


@contextmanager
def read_ahead(stream: Readable) -> Iterator[Readable]:
    """Yield a stream that gives what ``stream`` gives, which nobody else may read meanwhile.

    An error of ``stream`` is raised by the read that would have raised it. The thread has ended when the block has.
    """
    if cores() < 2:
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


class _ReadAhead:
    def __init__(self, stream: Readable) -> None:
        self._stream, self._stopped = stream, False
        self._room = threading.Semaphore(_MOST_CHUNKS)
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
