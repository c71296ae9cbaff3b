"""What others would log of a URL, and what a server says of it → nothing that is secret."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["discreet"]

# They log whole URLs: at DEBUG always, and at WARNING where a server's headers make no sense.
_TALKATIVE = ("connection", "connectionpool", "poolmanager", "response", "util.retry")

_here = threading.local()


def _passes(record: logging.LogRecord) -> bool:  # noqa: ARG001 - what is said does not matter
    return not getattr(_here, "quiet", False)


@contextmanager
def discreet() -> Iterator[None]:
    """Keep urllib3 from logging while the block runs, in this thread alone: we say ourselves what is asked."""
    for name in _TALKATIVE:
        logging.getLogger(f"urllib3.{name}").addFilter(_passes)  # adds it once
    before, _here.quiet = getattr(_here, "quiet", False), True
    try:
        yield
    finally:
        _here.quiet = before
