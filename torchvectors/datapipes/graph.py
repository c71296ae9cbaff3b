"""Torch's graphs of pipes: what a stage is, how it becomes a form of every pipe, the shards and shufflers before it."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from torch.utils.data import IterDataPipe
from torch.utils.data.datapipes.iter import ShardingFilter

from torchvectors.datapipes.bare import bare, can_be_read_bare, only_iterator
from torchvectors.errors import GraphError, warn
from torchvectors.fitting import FITTED, asked_upstream, described
from torchvectors.forms import Form
from torchvectors.stages import Do, before, each_row, refuse_unpicklable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["PerRow", "Pipe", "Stage", "form", "is_dealt_out", "is_sharded", "rows_of", "share_of", "whole"]

Pipe = IterDataPipe[Any]
Class = TypeVar("Class", bound=type[Pipe])


def form(name: str) -> Callable[[Class], Class]:
    """Make a class a functional form of every IterDataPipe.

    Warns:
        UserWarning: Another module's form has this name: it stays what it is.
    """

    def register(cls: Class) -> Class:
        taken = IterDataPipe.functions.get(name)
        owner = getattr(taken, "args", (taken,))[0]  # torch keeps a partial of the class
        ours = isinstance(taken, Form) or getattr(owner, "__module__", None) == cls.__module__
        if taken is not None and not ours:
            cure = f"For torchvectors' stage write torchvectors.datapipes.{cls.__name__}(pipe, …)"
            warn(f".{name}() is a form of {owner!r} already, and stays that. {cure}")
            return cls
        IterDataPipe.functions.pop(name, None)  # what was promised; or this module is loaded anew
        IterDataPipe.register_datapipe_as_function(name, cls)
        return cls

    return register


class Stage(Pipe):
    """A pipe that draws from one source."""

    source_datapipe: Pipe
    # torch asks each pipe for this at each row; where it is missing, that takes as long as to tokenise a short text.
    _is_child_datapipe = False

    def __iter__(self) -> Iterator[Any]:
        yield from self.unwrapped()

    def unwrapped(self) -> Iterator[Any]:
        """Give what comes out of this stage: see `rows_of`."""
        return rows_of(self.source_datapipe)

    def __len__(self) -> int:
        return len(self.source_datapipe)

    def __getattr__(self, name: str) -> Any:
        if name in FITTED:
            return asked_upstream(self, vars(self).get("source_datapipe"), IterDataPipe, name)
        return super().__getattr__(name)

    def __getstate__(self) -> Any:
        if IterDataPipe.getstate_hook is None:  # or torch only looks for pipes, and leaves functions out
            for pipe in before(self, IterDataPipe):
                if pipe is self or not isinstance(pipe, Stage):  # a stage answers for itself
                    refuse_unpicklable(pipe)
        return super().__getstate__()  # type: ignore[no-untyped-call]  # torch does not annotate it


class PerRow(Stage):
    """A stage that makes of each row another one, and keeps nothing between two."""

    def doing(self) -> Do:
        """Return what does one row, for a pass over all of them."""
        raise NotImplementedError

    def unwrapped(self) -> Iterator[Any]:
        """Give each row, done."""
        do = self.doing()  # first: what it needs may take a pass over the same source
        return each_row(rows_of(self.source_datapipe), do)


def rows_of(source: Pipe) -> Iterator[Any]:
    """Iterate over a pipe for a stage behind it; over a stage of ours without torch's wrapper around its iterator.

    What that does at each row of each pipe takes as long as to tokenise a short text. The pipe that is iterated over,
    and those that are not ours, still have it: they see that their iterator is the only one. Two of torch's own that
    are in most graphs are read by the wrapper's rules, at a tenth of its price.
    """
    if isinstance(source, Stage) and type(source).__iter__ is Stage.__iter__:
        return _read(source)
    if can_be_read_bare(source):
        return only_iterator(source, _shard if isinstance(source, ShardingFilter) else bare, _say_pipe)
    _say_no_child(source)
    return iter(source)


def _say_no_child(pipe: object) -> None:
    """Say of others' pipes what `Stage` says of ours: of this one and those before it, up to where it is said."""
    if isinstance(pipe, IterDataPipe) and not hasattr(pipe, "_is_child_datapipe"):
        vars(pipe)["_is_child_datapipe"] = False
        for value in list(vars(pipe).values()):
            _say_no_child(value)


def _read(stage: Stage) -> Iterator[Any]:
    stage.reset()  # as torch does for each new iterator
    try:
        yield from stage.unwrapped()
    except Exception as error:
        _say_pipe(error, stage)
        raise


def _shard(pipe: ShardingFilter) -> Iterator[Any]:
    return islice(rows_of(pipe.source_datapipe), pipe.instance_id, None, pipe.num_of_instances)


def _say_pipe(error: Exception, stage: Pipe) -> None:
    """Add to an error's text which stage it comes from, as torch does, unless one before it has said so."""
    said = "thrown by __iter__ of"  # torch looks for these words, and then adds none of its own
    first, *others = error.args or ("",)
    text = first if isinstance(first, str) else repr(first)
    if said not in text and "single iterator per IterDataPipe constraint" not in text:
        error.args = (f"{text}\nThis exception is {said} {described(stage, IterDataPipe)}", *others)


def share_of(source: Pipe, number: int, of: int) -> Iterator[Any]:
    """Yield every ``of``-th row that comes out of a pipe, from ``number`` on.

    Stages that do one row at a time do no others: to read a row is cheap, to tokenise it is not.
    """
    if isinstance(source, PerRow):
        return each_row(share_of(source.source_datapipe, number, of), source.doing(), number, of)
    return islice(rows_of(source), number, None, of)


@contextmanager
def whole(source: Pipe) -> Iterator[None]:
    """Let all rows through for a while, in whatever order costs least: switch shufflers and sharding filters off.

    Raises:
        GraphError: There is a pipe of the user's own that deals out shards.
    """
    filters = [pipe for pipe in _sharding(source) if vars(pipe).get("num_of_instances", 1) > 1]
    for pipe in filters:
        if not isinstance(pipe, ShardingFilter):
            cure = "Move it behind .build_vocab(), or read .vocab before the loader starts."
            raise GraphError(
                f"build_vocab: {type(pipe).__name__} would give this process its own shard of the corpus. {cure}"
            )
    places = [(pipe.num_of_instances, pipe.instance_id) for pipe in filters]
    try:
        for pipe in filters:
            pipe.num_of_instances, pipe.instance_id = 1, 0
        with _unshuffled(source):
            yield
    finally:
        for pipe, place in zip(filters, places, strict=True):
            pipe.num_of_instances, pipe.instance_id = place


def is_sharded(source: Pipe) -> bool:
    """Say whether a sharding filter lets only a part of the rows through here."""
    return any(vars(pipe).get("num_of_instances", 1) > 1 for pipe in _sharding(source))


def is_dealt_out(graph: Pipe) -> bool:
    """Say whether anything in a graph would deal out its rows among workers."""
    return bool(_sharding(graph))


def _sharding(source: Pipe) -> list[Any]:
    return [pipe for pipe in before(source, IterDataPipe) if hasattr(type(pipe), "apply_sharding")]


@contextmanager
def _unshuffled(source: Pipe) -> Iterator[None]:
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
