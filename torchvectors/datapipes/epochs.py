"""The number of an epoch, known to the process that trains and to all workers that it starts, in whatever way."""

from __future__ import annotations

import torch
from torch.utils.data import get_worker_info

from torchvectors.errors import GraphError

__all__ = ["Epochs"]

_WORKERS = 1024


class Epochs:
    """Counts passes over a loader.

    No loader tells its data set that an epoch begins: workers that stay are asked for a new iterator, others are
    started anew, with what the parent's data set held. So each worker counts for itself, in a place of its own in
    memory that parent and workers share, where the next worker of its number finds it. (What a loader draws for its
    workers would not do to tell two starts apart: it is drawn again where a program is seeded again.)
    """

    def __init__(self) -> None:
        self._begun = torch.full((_WORKERS,), -1, dtype=torch.int64).share_memory_()

    @property
    def last(self) -> int | None:
        """The epoch that was begun last; None before the first."""
        epoch = int(self._begun[0])
        return epoch if epoch >= 0 else None

    def next(self) -> int:
        """Begin the next epoch, and return its number."""
        epoch = int(self._begun[_worker()]) + 1
        self.begin(epoch)
        return epoch

    def begin(self, epoch: int) -> None:
        """Begin this epoch, here."""
        info = get_worker_info()
        if info is None:
            self._begun.fill_(epoch)
            return
        self._begun[_worker()] = epoch
        if info.id == 0:  # for workers that there are not, but in some later loader may be
            self._begun[info.num_workers :] = epoch

    def set_next(self, epoch: int) -> None:
        """Make this the next one, for all workers."""
        self._begun.fill_(epoch - 1)

    def check(self) -> None:
        """See that all workers of a loader are in one epoch, once all have begun.

        Raises:
            GraphError: They are not: a worker was killed before it had begun.
        """
        info = get_worker_info()
        if info is not None and len(set(begun := self._begun[: info.num_workers].tolist())) > 1:
            text = f"Resumable: the workers of this loader are in different epochs, {begun}; one was killed before."
            raise GraphError(f"{text} Call set_epoch() with the epoch that is meant.")


def _worker() -> int:
    info = get_worker_info()
    if info is not None and info.num_workers > _WORKERS:
        raise GraphError(f"Resumable: {info.num_workers} workers are too many; at most {_WORKERS} will do.")
    return info.id if info else 0
