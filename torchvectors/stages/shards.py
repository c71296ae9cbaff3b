"""Rows → those of one shard, and what becomes of the last ones if they do not go round."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, get_args

from torchvectors.errors import GraphError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Tail", "check_tail", "deal", "length_of_shard"]

Tail = Literal["uneven", "pad", "drop"]


def check_tail(tail: Tail) -> Tail:
    """Return a tail that `deal` knows.

    Raises:
        GraphError: It is none.
    """
    if tail not in get_args(Tail):
        raise GraphError(f"shard_rows: there is no tail {tail!r}. Choose {', '.join(get_args(Tail))}.")
    return tail


def deal(rows: Iterable[Any], number: int, of: int, tail: Tail) -> Iterator[Any]:
    """Yield the rows of one shard: of every ``of`` rows the one at ``number``.

    Args:
        rows: All rows, in the same order for every shard.
        number: The shard, from 0.
        of: How many shards there are.
        tail: What becomes of the last rows where there are too few for all shards. "uneven": the first shards get
            one more, so that each row comes once. "pad": they are repeated, so that each shard gets equally many;
            "drop": they are left out, to the same end.
    """
    rows = iter(rows)
    while taken := list(islice(rows, of)):
        if len(taken) == of or (tail == "uneven" and number < len(taken)):
            yield taken[number]
        elif tail == "pad":
            yield taken[number % len(taken)]


def length_of_shard(rows: int, number: int, of: int, tail: Tail) -> int:
    """Return how many of so many rows `deal` yields."""
    full, rest = divmod(rows, of)
    return full + (tail == "pad" and rest > 0) + (tail == "uneven" and number < rest)
