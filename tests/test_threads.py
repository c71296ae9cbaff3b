"""Work by several threads: the same as by none."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator

import pytest

from torchvectors import threads
from torchvectors.threads import in_order, read_ahead


@pytest.fixture(params=[1, 2, 8])
def _cores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "cores", lambda: request.param)


pytestmark = pytest.mark.usefixtures("_cores")


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


def test_results_come_in_the_order_of_the_items() -> None:
    assert list(in_order(lambda n: n * n, range(100))) == [n * n for n in range(100)]


def test_an_error_comes_after_the_results_before_it() -> None:
    def work(n: int) -> int:
        if n == 5:
            raise ValueError("five")
        return n

    taken: list[int] = []
    with pytest.raises(ValueError, match="five"):
        taken.extend(in_order(work, range(100)))
    results = in_order(work, range(100))
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="five"):
        next(results)


def test_an_error_of_the_items_comes_after_the_results_before_it() -> None:
    def items() -> Iterator[int]:
        yield from range(3)
        raise OSError("no more")

    results = in_order(str, items())
    assert [next(results) for _ in range(3)] == ["0", "1", "2"]
    with pytest.raises(OSError, match="no more"):
        next(results)


def test_who_stops_early_leaves_no_thread_behind() -> None:
    results = in_order(str, range(1000))
    assert next(results) == "0"
    results.close()  # type: ignore[attr-defined]  # it is a generator


class Broken:
    """A stream that ends in an error, and counts what was asked of it."""

    def __init__(self, good: int) -> None:
        self.left, self.reads = good, 0

    def read(self, n: int, /) -> bytes:
        self.reads += 1
        self.left -= 1
        if self.left < 0:
            raise OSError("the disk is gone")
        return b"x" * n


def test_a_stream_read_ahead_is_the_same_and_its_end_stays_the_end() -> None:
    text = bytes(range(256)) * 10_000
    with read_ahead(io.BytesIO(text)) as stream:
        parts = [stream.read(1000) for _ in range(3)]
        while data := stream.read(1 << 20):
            parts.append(data)
        assert b"".join(parts) == text
        assert stream.read(5) == stream.read(5) == b""


def test_an_error_is_raised_where_its_bytes_are_missed_and_again_after() -> None:
    with read_ahead(Broken(3)) as stream:
        for _ in range(3):
            assert stream.read(1 << 20) == b"x" * (1 << 20)
        for _ in range(2):
            with pytest.raises(OSError, match="the disk is gone"):
                stream.read(1)


def test_no_more_is_read_ahead_than_a_few_chunks() -> None:
    endless = Broken(1 << 30)
    with read_ahead(endless) as stream:
        stream.read(1)
    assert endless.reads <= 12
