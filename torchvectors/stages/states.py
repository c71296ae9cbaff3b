"""A saved state → what it says. It comes out of a file, and may say anything."""

from __future__ import annotations

from itertools import islice
from typing import TypeVar

from torchvectors.errors import GraphError, shown

__all__ = ["stated"]

Kind = TypeVar("Kind")

_MOST = 1 << 63  # what an int64 and torch's generators take


def stated(state: object, key: str, kind: type[Kind], stage: str) -> Kind:
    """Return what a state says under a key.

    Args:
        state: What somebody gives for a state.
        key: What is wanted of it.
        kind: The type that it must have; an ``int`` counts something.
        stage: Who asks.

    Raises:
        GraphError: The state is no dict, says nothing of that, or says it in another type.
    """
    if not isinstance(state, dict):
        raise GraphError(f"{stage}: a state is a dict, and this is {shown(state)}. {_CURE}")
    if key not in state:
        has = ", ".join(shown(one, 40) for one in islice(state, 5)) or "nothing"
        raise GraphError(f"{stage}: this state has no {key!r}; it has {has}. {_CURE}")
    value = state[key]
    if isinstance(value, kind) and (kind is not int or _counts(value)):
        return value
    raise GraphError(
        f"{stage}: {key!r} in this state is {shown(value)}, which is no {kind.__name__}. {_CURE}"
    )


def _counts(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST


_CURE = "Load one that state_dict() of an equal graph has given, as it was."
