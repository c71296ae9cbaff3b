"""A pipe → what is before it in its graph: the vocabulary a stage goes by, shards and shufflers."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from torch.utils.data import IterDataPipe

from torchvectors.errors import GraphError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torchvectors.stages import HasVocab

__all__ = ["Pipe", "is_sharded", "unshuffled", "vocab_before", "vocab_found"]

Pipe = IterDataPipe[Any]


def _before(pipe: Pipe) -> Iterator[Pipe]:
    """Yield a pipe and all that it draws from, the nearest first."""
    queue, seen = [pipe], {id(pipe)}
    while queue:
        one = queue.pop(0)
        yield one
        for value in vars(one).values():
            for other in value if isinstance(value, (list, tuple)) else [value]:
                if isinstance(other, IterDataPipe) and id(other) not in seen:
                    seen.add(id(other))
                    queue.append(other)


def vocab_found(source: Pipe) -> HasVocab | None:
    """Return what the nearest stage that has a vocabulary goes by; None if there is no such stage."""
    return next((found for pipe in _before(source) if (found := vars(pipe).get("goes_by")) is not None), None)


def vocab_before(source: Pipe, stage: str, cure: str) -> HasVocab:
    """Return what `vocab_found` returns.

    Raises:
        GraphError: There is none; ``stage`` and ``cure`` are named.
    """
    found = vocab_found(source)
    if found is None:
        raise GraphError(f"{stage}: no stage before it has a vocabulary. {cure}")
    return found


def is_sharded(source: Pipe) -> bool:
    """Say whether a sharding filter lets only a part of the rows through here."""
    filters = (pipe for pipe in _before(source) if callable(getattr(type(pipe), "apply_sharding", None)))
    return any(getattr(pipe, "num_of_instances", 1) > 1 for pipe in filters)


@contextmanager
def unshuffled(source: Pipe) -> Iterator[None]:
    """Switch torch's shufflers off for a while: a seed that they were given is for the pass that trains."""
    shufflers = [pipe for pipe in _before(source) if callable(getattr(type(pipe), "set_shuffle", None))]
    before = [(pipe, vars(pipe).get("_enabled", True)) for pipe in shufflers]
    try:
        for pipe in shufflers:
            pipe.set_shuffle(False)
        yield
    finally:
        for pipe, enabled in before:
            pipe.set_shuffle(enabled)
