"""The number of an epoch, shared by the process that trains and all workers that it starts, in whatever way."""

from __future__ import annotations

import secrets

import torch
from torch.utils.data import get_worker_info

__all__ = ["Epochs"]

_WORKERS = 1024  # places: one for each worker
_MASK = (1 << 31) - 1


class Epochs:
    """Counts passes over a loader.

    No loader tells its data set that an epoch begins: workers that stay are asked for a new iterator, others are
    started anew, with what the parent's data set held. So each worker writes into a place of its own, in memory that
    parent and workers share, which epoch it has begun, and by which start of the loader. Who comes next by the same
    start takes the same epoch; who comes by a new one takes the next. No two processes write to one place, and all
    come to the same number, whoever is first.
    """

    def __init__(self) -> None:
        self._places = torch.zeros(_WORKERS, dtype=torch.int64).share_memory_()
        self._passes = 0  # in this process

    @property
    def last(self) -> int | None:
        """The epoch that was begun last; None before the first."""
        epoch = max(map(_epoch_in, self._places.tolist()))
        return epoch if epoch >= 0 else None

    def next(self) -> int:
        """Begin the next epoch, or the one that another worker of the same start has begun, and return its number."""
        tag = self._tag()
        places = self._places.tolist()  # one look: another worker may write between two
        begun = [_epoch_in(place) for place in places if place & _MASK == tag]
        epoch = begun[0] if begun else max(map(_epoch_in, places)) + 1
        self._write(epoch, tag)
        return epoch

    def begun(self, epoch: int) -> None:
        """Take note that this epoch, which a state has named, goes on here."""
        self._write(epoch, self._tag())

    def set_next(self, epoch: int) -> None:
        """Make this the next one."""
        self._places.zero_()
        self._places[0] = epoch << 32  # by no start: as if the epoch before had been the last

    def _tag(self) -> int:
        """Return what the workers of one start of a loader have in common, and no others; not 0."""
        self._passes += 1
        info = get_worker_info()
        if info is None:
            return secrets.randbelow(_MASK) + 1
        base = info.seed - info.id  # drawn anew at each start; workers that stay begin their epochs in step
        return (hash((base, self._passes)) % _MASK) + 1

    def _write(self, epoch: int, tag: int) -> None:
        info = get_worker_info()
        self._places[info.id if info else 0] = (epoch + 1) << 32 | tag  # one store: nobody sees half of it


def _epoch_in(place: int) -> int:
    return (place >> 32) - 1  # an empty place holds the epoch before the first
