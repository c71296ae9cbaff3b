"""Torch's graphs of pipes: how a stage becomes a form of every pipe, and the shards and shufflers before it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from torch.utils.data import IterDataPipe

from torchvectors.errors import warn
from torchvectors.stages import before

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Pipe", "form", "is_sharded", "unshuffled"]

Pipe = IterDataPipe[Any]
Stage = TypeVar("Stage", bound=type[Pipe])


def form(name: str) -> Callable[[Stage], Stage]:
    """Make a class a functional form of every IterDataPipe.

    Warns:
        UserWarning: Another module's form has this name: it stays what it is.
    """

    def register(cls: Stage) -> Stage:
        taken = IterDataPipe.functions.get(name)
        owner = getattr(taken, "args", (taken,))[0]  # torch keeps a partial of the class
        if taken is not None and getattr(owner, "__module__", None) != cls.__module__:
            cure = f"For torchvectors' stage write torchvectors.datapipes.{cls.__name__}(pipe, …)"
            warn(f".{name}() is a form of {owner!r} already, and stays that. {cure}")
            return cls
        IterDataPipe.functions.pop(name, None)  # this module is loaded anew
        IterDataPipe.register_datapipe_as_function(name, cls)
        return cls

    return register


def is_sharded(source: Pipe) -> bool:
    """Say whether a sharding filter lets only a part of the rows through here."""
    filters = (pipe for pipe in before(source, IterDataPipe) if hasattr(type(pipe), "apply_sharding"))
    return any(getattr(pipe, "num_of_instances", 1) > 1 for pipe in filters)


@contextmanager
def unshuffled(source: Pipe) -> Iterator[None]:
    """Switch torch's shufflers off for a while: a seed that they were given is for the pass that trains."""
    shufflers = [pipe for pipe in before(source, IterDataPipe) if hasattr(type(pipe), "set_shuffle")]
    enabled = [pipe for pipe in shufflers if vars(pipe).get("_enabled")]
    try:
        for pipe in enabled:
            pipe.set_shuffle(False)
        yield
    finally:
        for pipe in enabled:
            pipe.set_shuffle(True)
