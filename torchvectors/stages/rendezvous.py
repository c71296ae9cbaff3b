"""A key → what was made under it: by the first who asks, on this machine; the others wait for it, and load it."""

from __future__ import annotations

import logging
import multiprocessing
import os
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from torch.utils.data import get_worker_info

from torchvectors.cache import FITS, FORGOTTEN_AFTER, KEPT, folders, forget, lock, replacing
from torchvectors.errors import CacheError, GraphError
from torchvectors.stages.fitted import Fitted, pack, unpack
from torchvectors.stages.recording import Recording

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["made_once", "place_of", "place_of_rows"]

logger = logging.getLogger(__name__)


def place_of(key: str) -> Path:
    """Return where the result of a key is put: one file in the cache, whole or not there."""
    return folders().write.absolute() / FITS / f"{key}.safetensors"


def place_of_rows(key: str) -> Path:
    """Return where the rows of a key's corpus are put, if they are recorded."""
    return place_of(f"{key}.rows")


def made_once(key: str, make: Callable[[], Fitted], *, rows: bool = False) -> Fitted:
    """Return the result of a key: load it, or make it while everybody else who wants it waits.

    A maker that is killed leaves the lock free and no result; the next in line makes it.

    Args:
        key: What all have in common who want this result.
        make: Makes it.
        rows: Whether ``make`` also puts recorded rows at `place_of_rows`, without which the result is not whole.

    Raises:
        GraphError: Nothing can be written to the cache, and this is a worker, so that others may be making it, too.
        Exception: What ``make`` raises.
    """
    place, beside = place_of(key), place_of_rows(key) if rows else None
    if (found := _found(place, beside)) is not None:
        return found
    with ExitStack() as held:
        try:
            held.enter_context(lock(place))
        except CacheError as error:
            if _alone():
                logger.debug("%s: %s", key, error)
                return make()  # for this process and whatever it will start
            text = f"build_vocab: this process shares its graph with others, which meet in the cache folder: {error}"
            raise GraphError(f"{text} Or read .vocab once before the workers start.") from error
        if (found := _found(place, beside)) is not None:
            return found
        _sweep(place.parent)
        made = make()
        with suppress(CacheError), replacing(place) as temporary:
            temporary.write_bytes(pack(made))
        return made


def _found(place: Path, beside: Path | None) -> Fitted | None:
    try:
        found = unpack(place.read_bytes())
        if beside is not None:
            Recording(beside)
    except (OSError, ValueError):  # a damaged one is made again, and replaced
        return None
    with suppress(OSError):
        os.utime(place)  # for `_sweep`; touching it would make an empty one where it has just been removed
        if beside is not None:
            os.utime(beside)
    return found


def _alone() -> bool:
    """Whether no other process has come by the same graph by a fork, as far as one can know."""
    return get_worker_info() is None and multiprocessing.parent_process() is None


def _sweep(folder: Path) -> None:
    """Remove results that were left behind by processes that were killed."""
    for path in folder.glob("*.safetensors"):
        with suppress(OSError):
            if not path.name.startswith(KEPT) and time.time() - path.stat().st_mtime > FORGOTTEN_AFTER:
                forget(path)
