"""Folders, locks, and files that appear whole or not at all: where things are kept, and how they get there."""

from torchvectors.cache.folders import (
    DATASETS,
    FITS,
    FORGOTTEN_AFTER,
    KEPT,
    VOCABULARIES,
    Folders,
    PathLike,
    folders,
    writable,
)
from torchvectors.cache.locks import LEFT_AFTER, forget, lock, locks_hold, sweep, taken
from torchvectors.cache.names import lock_of, lock_of_temporary
from torchvectors.cache.whole import is_full, publish, replacing, room_in, scratch, set_aside

__all__ = [
    "DATASETS",
    "FITS",
    "FORGOTTEN_AFTER",
    "KEPT",
    "LEFT_AFTER",
    "VOCABULARIES",
    "Folders",
    "PathLike",
    "folders",
    "forget",
    "is_full",
    "lock",
    "lock_of",
    "lock_of_temporary",
    "locks_hold",
    "publish",
    "replacing",
    "room_in",
    "scratch",
    "set_aside",
    "sweep",
    "taken",
    "writable",
]
