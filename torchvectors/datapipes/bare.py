"""A pipe of torch's → its rows by the rules of torch's wrapper around each iterator, without what that costs.

The wrapper sees at each row that its iterator is the pipe's only one, asks whether there is a profiler, and says in an
error's text where it comes from. The first of these is kept here, and whoever reads the rows says the last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data.datapipes.iter import IterableWrapper, ShardingFilter

try:
    from torch.utils.data.datapipes._hook_iterator import (
        _check_iterator_valid,
        _set_datapipe_valid_iterator_id,
    )
except ImportError:  # pragma: no cover - these are torch's own affair, and it may move them
    _set_datapipe_valid_iterator_id = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["bare", "can_be_read_bare", "only_iterator"]


def can_be_read_bare(pipe: Any) -> bool:
    """Say whether this is one of the two pipes themselves, of this torch, and nobody measures or restores it."""
    return (
        type(pipe) in (IterableWrapper, ShardingFilter)
        and hasattr(type(pipe).__iter__, "__wrapped__")
        and _set_datapipe_valid_iterator_id is not None
        and not pipe._fast_forward_iterator  # noqa: SLF001 - torch has no other name for it
        and not torch.autograd._profiler_enabled()  # type: ignore[attr-defined]  # noqa: SLF001 - as above
    )


def bare(pipe: Any) -> Iterator[Any]:
    """Return the iterator of an `IterableWrapper` that torch has wrapped."""
    if not pipe.deepcopy:
        return iter(pipe.iterable)
    rows: Iterator[Any] = type(pipe).__iter__.__wrapped__(pipe)
    return rows


def only_iterator(
    pipe: Any, begin: Callable[[Any], Iterator[Any]], say: Callable[[Exception, Any], None]
) -> Iterator[Any]:
    """Yield rows as long as no other iterator has been made over their pipe.

    Args:
        pipe: Whose rows they are.
        begin: Makes an iterator over them, when the pipe has been told that a pass begins.
        say: Adds to an error's text which pipe it comes from.

    Raises:
        RuntimeError: There is another one, in torch's words.
    """
    try:
        number = _set_datapipe_valid_iterator_id(pipe)
        for row in begin(pipe):
            pipe._number_of_samples_yielded += 1  # noqa: SLF001 - torch counts them there
            yield row
            if pipe._valid_iterator_id != number:  # noqa: SLF001 - which is all that the check looks at
                _check_iterator_valid(pipe, number)
    except Exception as error:
        say(error, pipe)
        raise
