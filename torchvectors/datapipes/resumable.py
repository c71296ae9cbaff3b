"""A graph of pipes → a data set whose place in an epoch `StatefulDataLoader` can save, and find again."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import IterableDataset, IterDataPipe, get_worker_info
from torch.utils.data.graph_settings import apply_random_seed, apply_sharding
from xxhash import xxh3_64_intdigest

from torchvectors.datapipes.epochs import Epochs
from torchvectors.datapipes.graph import Pipe, is_dealt_out
from torchvectors.errors import GraphError, shown
from torchvectors.fitting import GoesBy, described, group_size
from torchvectors.stages import Trace, before, stated

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Resumable"]

_VERSION = 1
_SEEDS = (1 << 63) - 1  # torch takes seeds of 63 bits


@dataclass(slots=True)
class _Place:
    """Where a worker is."""

    epoch: int
    position: int  # items that it has given in this epoch
    trace: str  # checksum of these


class Resumable(IterableDataset[Any]):
    """A graph for ``torchdata.stateful_dataloader.StatefulDataLoader`` that can be resumed in the middle of an epoch.

    torch's loaders hide a pipe's state, and start a shuffled one anew in another order. This is a data set of its own
    that they do see. It seeds the graph's shufflers from ``seed`` and the epoch, deals the rows out among ranks and
    workers, and counts what each worker has given. A state is a few hundred bytes a worker: a place, and the names of
    the fitted vocabularies. Each worker goes to its place by running through the epoch up to there, and sees on the
    way that what it skips is what was given before::

        data = Resumable(graph, seed=7)
        loader = StatefulDataLoader(data, batch_size=None, num_workers=2)
        ...
        torch.save({"loader": loader.state_dict(), "vocab": fitted.fit_state(), …}, path)

    Each pass over the loader is one epoch; its number is shared by all workers, also those that stay, and
    `set_epoch` changes it. What a graph's own callables draw from global random numbers is not part of a state.

    Args:
        graph: The last pipe of a graph. Where there are several workers or ranks, a ``sharding_filter`` or
            ``shard_rows`` must be in it.
        seed: Decides all orders, together with the epoch.
        rank: This process' rank, and
        num_ranks: how many there are. None: those of ``torch.distributed``, or 0 of 1.

    Raises:
        GraphError: ``graph`` is no pipe; a state is of another graph, seed, number of workers or corpus; or there are
            several workers, and nothing deals out the rows.
    """

    def __init__(
        self, graph: Pipe, seed: int = 0, *, rank: int | None = None, num_ranks: int | None = None
    ) -> None:
        if not isinstance(graph, IterDataPipe):
            text = f"Resumable: {type(graph).__name__} is no graph of pipes: {graph!r:.100}."
            raise GraphError(f"{text} Nodes have states of their own, in torchdata.nodes.Loader.")
        if (rank is None) != (num_ranks is None):
            raise GraphError("Resumable: give both rank= and num_ranks=, or neither.")
        self.graph, self.seed = graph, seed
        self._ranks = None if rank is None or num_ranks is None else (rank, num_ranks)
        self._said = described(graph, IterDataPipe)
        found = (vars(stage).get("goes_by") for stage in before(graph, IterDataPipe))
        self._fits: list[GoesBy] = list(dict.fromkeys(one for one in found if isinstance(one, GoesBy)))
        self._epochs = Epochs()
        self._place = _Place(0, 0, Trace().value())
        self._resume: _Place | None = None
        # Whether a state was asked for: then the loader has seen all workers begin before it asks for items.
        self._asked = False

    @property
    def epoch(self) -> int | None:
        """The epoch that was begun last, from 0; None before the first."""
        return self._epochs.last

    def set_epoch(self, epoch: int) -> None:
        """Make the next pass over the loader this epoch, and the one after it the next."""
        self._epochs.set_next(epoch)

    def __getstate__(self) -> dict[str, Any]:
        # A worker that is spawned knows no group of ranks.
        return vars(self) | {"_ranks": self._ranks_now()}

    def _ranks_now(self) -> tuple[int, int]:
        return self._ranks or group_size()

    def _shard(self) -> tuple[int, int]:
        """Return which shard is this worker's, and how many there are."""
        (rank, ranks), info = self._ranks_now(), get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        return rank * workers + worker, ranks * workers

    def __iter__(self) -> Iterator[Any]:
        # Not a generator: a loader asks for the first state before it asks for the first item.
        shard = self._shard()
        if shard[1] > 1 and not is_dealt_out(self.graph):
            text = f"Resumable: there are {shard[1]} workers in all, and each would give all rows."
            raise GraphError(
                f"{text} Put .shard_rows() or .sharding_filter() into the graph, behind .build_vocab()."
            )
        resume, self._resume, self._asked = self._resume, None, False
        start = resume or _Place(self._epochs.next(), 0, Trace().value())
        if resume is not None:
            self._epochs.begin(resume.epoch)
        self._place = _Place(start.epoch, start.position, start.trace)
        return self._items(shard, start)

    def _items(self, shard: tuple[int, int], start: _Place) -> Iterator[Any]:
        if self._asked:
            self._epochs.check()
        for goes_by in self._fits:
            _ = goes_by.vocab  # before the seeds, for a fit may draw numbers
        apply_sharding(self.graph, shard[1], shard[0])
        generator = torch.Generator()
        generator.manual_seed(xxh3_64_intdigest(f"{self.seed} {start.epoch}".encode()) & _SEEDS)
        apply_random_seed(self.graph, generator)
        items, trace = iter(self.graph), Trace()
        for item in islice(items, start.position):
            trace.add(item)
        if trace.value() != start.trace:
            raise GraphError(
                f"Resumable: the first {start.position} items of epoch {start.epoch} are not those that were given "
                "when this state was taken. The corpus, the tokenizer or another stage has changed since."
            )
        for item in items:
            trace.add(item)
            self._place = _Place(start.epoch, self._place.position + 1, trace.value())
            yield item

    def state_dict(self) -> dict[str, Any]:
        """Return where this worker is: a few hundred bytes, whatever the vocabulary's size."""
        self._asked = True
        place = self._resume or self._place
        return {
            "version": _VERSION,
            "graph": self._said,
            "seed": self.seed,
            "shard": list(self._shard()),
            "epoch": place.epoch,
            "position": place.position,
            "trace": place.trace,
            "fits": [goes_by.state() for goes_by in self._fits],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state at the next pass. A vocabulary that it names is loaded, not counted again.

        Raises:
            GraphError: It is no state, or of another graph, seed, number of workers or vocabulary.
        """
        now = {"version": _VERSION, "graph": self._said, "seed": self.seed, "shard": list(self._shard())}
        for name, value in now.items():
            then = stated(state, name, type(value), "Resumable")
            # In a list there may be anything, and not all of that can be compared.
            if (name == "shard" and not _are_numbers(then)) or then != value:
                text = f"Resumable: this state was taken with the {name} {shown(then, 2000)}, and now it is {value!r}."
                raise GraphError(f"{text} Resume with the graph, seed, ranks and workers as they were.")
        fits = stated(state, "fits", list, "Resumable")
        if len(fits) != len(self._fits):
            raise GraphError(
                f"Resumable: this state has {len(fits)} vocabularies, and the graph {len(self._fits)}."
            )
        resume = _Place(
            epoch=stated(state, "epoch", int, "Resumable"),
            position=stated(state, "position", int, "Resumable"),
            trace=stated(state, "trace", str, "Resumable"),
        )
        for goes_by, one in zip(self._fits, fits, strict=True):
            goes_by.adopt(one)
        self._resume = resume


def _are_numbers(values: object) -> bool:
    return isinstance(values, list) and all(type(one) is int for one in values)
