"""A file's name → the right to make it, which one process or thread has at a time; what killed makers have left."""

from __future__ import annotations

import logging
import secrets
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from torchvectors.cache.folders import writable
from torchvectors.cache.names import LOCKS, label, lock_of, lock_of_temporary, was_for
from torchvectors.errors import CacheError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["LEFT_AFTER", "forget", "lock", "locks_hold", "sweep", "taken"]

logger = logging.getLogger(__name__)

# What somebody is writing is younger; and who waits for a server for so long has given up.
LEFT_AFTER = 24 * 3600  # seconds


@contextmanager
def lock(target: Path) -> Iterator[None]:
    """Hold the right to make ``target``: among threads, processes and, where the file system locks, machines.

    The lock is the operating system's, so that it is free as soon as its holder is gone, however it went. What a
    holder that was killed has left of its `scratch` files is removed by the next.

    Raises:
        CacheError: The folder of ``target`` cannot be written.
    """
    from filelock import FileLock, Timeout

    writable(target.parent)
    place = lock_of(target)
    held = FileLock(writable(place.parent) / place.name)
    try:
        try:
            held.acquire(timeout=0)
        except Timeout:
            logger.info("%s: waiting for another process or thread that is making it", target)
            held.acquire()
    except (OSError, NotImplementedError) as error:
        # Another user's lock file, or a file system that cannot lock.
        text = f"{target}: its lock in {place.parent} cannot be had ({error}). Give a folder of your own as cache=…"
        raise CacheError(text) from error
    try:
        _sweep(target)
        yield
    finally:
        held.release()


def _sweep(target: Path) -> None:
    """Remove what killed processes have left that were making ``target``; the caller holds its lock."""
    sweep(target.parent)
    left = [path for path in target.parent.glob(".*.tmp") if was_for(path) == label(target.name)]
    if left and locks_hold(target.parent):  # or it may be of somebody who is alive
        for path in left:
            logger.info("%s: removed; a process that was killed had left it", path)
            with suppress(OSError):
                path.unlink()


def sweep(folder: Path, *, all_locked: bool = False) -> None:
    """Remove the `scratch` files in a folder that processes have left which were killed.

    Args:
        folder: Where they are. Those are left alone that are younger than a day, for who writes them may hold no lock.
        all_locked: Every process takes the lock of what it makes there: then a lock that is free is enough.
    """
    left = [path for path in folder.glob(".*.tmp") if was_for(path)]
    at_once = bool(left) and all_locked and locks_hold(folder)
    for path in left:
        place = lock_of_temporary(path)
        with suppress(OSError):
            if (at_once and place is not None) or time.time() - path.stat().st_mtime > LEFT_AFTER:
                with taken(place) as free:
                    if free:
                        path.unlink()


def locks_hold(folder: Path) -> bool:
    """Say whether a lock in this folder keeps others out: on some network file systems it is granted to everybody.

    A lock that holds among the processes of a machine, and not between machines, is not told from a good one.

    Raises:
        CacheError: The folder cannot be written.
    """
    from filelock import FileLock, Timeout

    places = writable(folder) / LOCKS
    probe = (places if places.is_dir() else folder) / f".probe.{secrets.token_hex(4)}"
    first, second = FileLock(probe), FileLock(probe)
    try:
        with first.acquire(timeout=0):
            try:
                second.acquire(timeout=0)
            except Timeout:
                return True
            second.release()
            return False
    except (OSError, NotImplementedError):
        return False
    finally:
        with suppress(OSError):
            probe.unlink()


@contextmanager
def taken(places: Path | None) -> Iterator[bool]:
    """Hold a lock that nobody else holds, and yield True; or yield False, at once, where somebody does.

    Args:
        places: The lock's file, from `lock_of` or `lock_of_temporary`; None for what has no lock.

    Raises:
        CacheError: The lock cannot be had, for the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    if places is None:
        yield True
        return
    held = FileLock(writable(places.parent) / places.name)
    try:
        held.acquire(timeout=0)
    except Timeout:
        yield False
        return
    except (OSError, NotImplementedError) as error:
        raise CacheError(
            f"{places}: this lock cannot be had ({error}). Let its owner clean this folder."
        ) from error
    try:
        yield True
    finally:
        held.release()


def forget(target: Path) -> None:
    """Remove a file that nobody can want again, and its lock. What is not there, or cannot be removed, is no error.

    Only for a name that will not be used again: who waits for the lock would hold one that others cannot see.
    """
    for path in (target, lock_of(target)):
        with suppress(OSError):
            path.unlink()
