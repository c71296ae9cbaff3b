"""A process → a lock between its threads, which a process that is forked meanwhile does not inherit held."""

from __future__ import annotations

import os
import threading

__all__ = ["ThreadLock"]


class ThreadLock:
    """A lock between the threads of a process; a process that is forked while it is held has one that is free."""

    def __init__(self) -> None:
        self._pid, self._lock = os.getpid(), threading.RLock()

    @property
    def held(self) -> threading.RLock:
        """The lock, to be taken by ``with``; a thread may take it again."""
        if self._pid != os.getpid():
            self._pid, self._lock = os.getpid(), threading.RLock()
        return self._lock
