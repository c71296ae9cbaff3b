"""The ranks of a ``torch.distributed`` group: how they know that they want the same, and how they come together.

Nothing here runs a collective unless the caller asked for one in so many words (`together`): whoever merely reads a
vocabulary must not wait for a rank that never reads it.
"""

from __future__ import annotations

import secrets
import sys
import time
from collections import Counter
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import torch.distributed as dist
from xxhash import xxh3_128_hexdigest

from torchvectors.errors import GraphError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch.distributed import ProcessGroup

__all__ = ["asked_as", "digest_of", "group_size", "shared_key", "together"]

_POLL = 0.05  # seconds between two looks for the ranks that are late
_ON = "on"  # a meeting that takes place
_numbers: Counter[str] = Counter()


def asked_as(what: str) -> str:
    """Say what this process asks for, from where in the program, and how many times it has before.

    The ranks of one program say alike. A rank that does something of its own besides, such as looking at a graph of
    another corpus, does it at a place of its own, and must not meet the others there.
    """
    frame, place = sys._getframe(1), ""  # noqa: SLF001 - what warnings and inspect use
    while frame.f_back is not None:
        frame = frame.f_back
        place += f" < {PurePath(frame.f_code.co_filename).name}:{frame.f_lineno}"
    asked = f"{what}{place}"
    _numbers[asked] += 1
    return f"{asked} {_numbers[asked]}"


def group_size(group: ProcessGroup | None = None) -> tuple[int, int]:
    """Return this process's rank in a group, and the group's size: (0, 1) where there is no group."""
    if not (dist.is_available() and dist.is_initialized()):
        return 0, 1
    return dist.get_rank(group), dist.get_world_size(group)


def shared_key(what: str) -> str | None:
    """Return a key that all ranks of this run come to by themselves; None where there is but one rank.

    The run has a number that whichever rank comes first has drawn: no rank waits for another.
    """
    if group_size()[1] == 1:
        return None
    run = _store().compare_set("torchvectors/run", "", secrets.token_hex(16)).decode()
    return digest_of(f"{run} {what}")


def _store() -> Any:
    # Public in all but its name: torch's own elastic training and FSDP go by it.
    return dist.distributed_c10d._get_default_store()  # noqa: SLF001


def together(
    what: str,
    own: object,
    decide: Callable[[list[Any]], object],
    *,
    group: ProcessGroup | None,
    timeout: float,
) -> Any:
    """Gather what each rank of a group has, let the group's first rank decide, and tell all.

    Args:
        what: What is being done, for errors.
        own: What this rank has.
        decide: Makes of all ranks' things, in the order of their ranks, what every rank returns.
        group: The ranks; None for all.
        timeout: Seconds to wait for the others to come here.

    Raises:
        GraphError: Some ranks did not come in time, and are named; one has gone; this rank is not in the group; or
            ``decide`` failed.
    """
    if dist.get_rank(group) < 0:
        raise GraphError(
            f"{what}: rank {dist.get_rank()} is not in this group. Call it in the ranks that are."
        )
    ranks = dist.get_process_group_ranks(group or dist.group.WORLD)
    try:
        _wait_for(what, ranks, timeout)
        how, result = _exchanged(own, decide, ranks, group)
    except GraphError:
        raise
    except RuntimeError as error:  # gloo's and the store's, whose texts tell of sockets
        text = f"{what}: rank {dist.get_rank()} has lost the others of {ranks}: one of them has gone ({error!s:.300})."
        raise GraphError(f"{text} Look at its output, and start all ranks again.") from error
    if how == "failed":
        raise GraphError(f"{what}: {result}")
    return result


def _exchanged(
    own: object, decide: Callable[[list[Any]], object], ranks: list[int], group: ProcessGroup | None
) -> tuple[str, Any]:
    gathered: list[Any] = [None] * len(ranks)
    first = dist.get_rank() == ranks[0]
    dist.gather_object(own, gathered if first else None, dst=ranks[0], group=group)
    outcome: list[Any] = [None]
    if first:
        try:
            outcome = [("done", decide(gathered))]
        except Exception as error:  # noqa: BLE001 - the others wait for this rank, whatever has happened to it
            outcome = [("failed", f"{error}")]
    dist.broadcast_object_list(outcome, src=ranks[0], group=group)
    how, result = outcome[0]
    return how, result


def _wait_for(what: str, ranks: list[int], timeout: float) -> None:
    """Wait until all ranks are here, and agree with them on whether they were.

    Meetings have numbers, and each rank's is in the store, so that ranks that start anew with a new store count anew.
    A rank that gives up calls its meeting off: one that comes later must not go on to talk to it, and waits at the
    next one, where it is met if the others try again.
    """
    store, me = _store(), dist.get_rank()
    place = f"torchvectors/meeting/{digest_of(f'{what} {ranks}')}"
    number = store.add(f"{place}/rank/{me}", 1)
    while store.check([f"{place}/{number}"]) and store.get(f"{place}/{number}").decode() != _ON:  # called off
        number = store.add(f"{place}/rank/{me}", 1)
    deadline = time.monotonic() + timeout
    while late := [rank for rank in ranks if store.add(f"{place}/rank/{rank}", 0) < number]:
        if time.monotonic() > deadline:
            names = ", ".join(map(str, late))
            off = f"{what}: rank {me} has waited {timeout:g} s for rank {names} of {ranks}."
            if store.compare_set(f"{place}/{number}", "", off).decode() != _ON:
                raise GraphError(f"{off} Every rank must call fit(), and with an equal graph.")
            return  # all have come by now, and one of them has seen it
        time.sleep(_POLL)
    agreed = store.compare_set(f"{place}/{number}", "", _ON).decode()
    if agreed != _ON:
        raise GraphError(f"rank {me} has come too late: {agreed} Call it again, in every rank.")


def digest_of(text: str) -> str:
    """Return a checksum of a text, as the name of what goes by it."""
    return xxh3_128_hexdigest(text.encode("utf-8", "surrogatepass"))
