"""A place → what was made for it: by the first who asks, on this machine; the others wait for it, and load it."""

from __future__ import annotations

import logging
import os
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from torchvectors.cache import FITS, FORGOTTEN_AFTER, KEPT, forget, lock, replacing, sweep
from torchvectors.errors import CacheError, GraphError
from torchvectors.fitting.fitted import Fitted, pack, unpack
from torchvectors.stages.recording import Recording

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["found_at", "made_once", "place_of", "place_of_result", "place_of_rows"]

logger = logging.getLogger(__name__)


def place_of(key: str, home: Path) -> Path:
    """Return where the result of a key is put: one file in a cache folder, whole or not there."""
    return home / FITS / f"{key}.safetensors"


def place_of_rows(key: str, home: Path) -> Path:
    """Return where the rows of a key's corpus are put, if they are recorded."""
    return place_of(f"{key}.rows", home)


def place_of_result(rows: Path) -> Path:
    """Return where the result lies whose corpus' rows are at this place; its lock covers both."""
    return rows.with_name(f"{rows.name.removesuffix('.rows.safetensors')}.safetensors")


def made_once(place: Path, make: Callable[[], Fitted], *, alone: bool, beside: Path | None = None) -> Fitted:
    """Return the result that a place is for: load it, or make it while everybody else who wants it waits.

    A maker that is killed leaves the lock free and no result; the next in line makes it.

    Args:
        place: Where it is, or will be.
        make: Makes it.
        alone: Whether this process may make it for itself where nothing can be written.
        beside: Where ``make`` also puts recorded rows, without which the result is not whole.

    Raises:
        GraphError: Nothing can be written to the cache, and others may be making it, too.
        Exception: What ``make`` raises.
    """
    if (found := found_at(place, beside)) is not None:
        return found
    with ExitStack() as held:
        try:
            held.enter_context(lock(place))
        except CacheError as error:
            if alone:
                logger.debug("%s: %s", place, error)
                return make()  # for this process and whatever it will start
            text = f"build_vocab: this process shares its graph with others, which meet in the cache folder: {error}"
            raise GraphError(f"{text} Or read .vocab once before the workers start.") from error
        if (found := found_at(place, beside)) is not None:
            return found
        _sweep(place.parent)
        made = make()
        with suppress(CacheError), replacing(place) as temporary:
            temporary.write_bytes(pack(made))
        return made


def found_at(place: Path, beside: Path | None = None) -> Fitted | None:
    """Return the result that is at a place, if one is, whole, and the rows beside it, if it must have some."""
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


def _sweep(folder: Path) -> None:
    """Remove results that were left behind by processes that were killed."""
    sweep(folder, all_locked=True)
    for path in folder.glob("*.safetensors"):
        with suppress(OSError):
            if not path.name.startswith(KEPT) and time.time() - path.stat().st_mtime > FORGOTTEN_AFTER:
                forget(path)
