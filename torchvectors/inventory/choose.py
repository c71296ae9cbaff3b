"""What a cache folder holds, and what its user wants → what is to go, and why. Decided from the list alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torchvectors import catalog
from torchvectors.cache import FORGOTTEN_AFTER, KEPT, LEFT_AFTER
from torchvectors.catalog.datasets import dataset_names
from torchvectors.catalog.nearest import nearest
from torchvectors.errors import NotFoundError
from torchvectors.inventory.names import ROWS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torchvectors.inventory.records import Held

__all__ = ["DAY", "Removal", "Wish", "named", "to_prune", "to_remove"]

DAY = 24 * 3600  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What `to_prune` is to choose besides what nobody can want any more."""

    archives: bool = False  # downloads whose stores are here
    bad: bool = False  # files that were set aside
    vocabularies: float | None = None  # seconds for which nobody has used them; None: they stay
    fits: float | None = None  # the same, of fits that are kept for later runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """One thing that is to go; or, where ``but`` says why, that fits the wish and stays."""

    held: Held
    files: tuple[Path, ...]  # in this order
    why: str
    proof: tuple[Path, ...] = ()  # stores that must prove whole before it goes
    but: str = ""


def to_prune(found: Sequence[Held], wish: Wish, now: float) -> list[Removal]:
    """Choose what can go without loss, and what is wished besides; in the folder that is written to alone.

    Args:
        found: From `look`.
        wish: What besides.
        now: Seconds since 1970.
    """
    whys = ((held, _why(held, found, wish, now)) for held in found if held.mine)
    return [_removal(held, why, found) for held, why in whys if why]


def _why(held: Held, found: Sequence[Held], wish: Wish, now: float) -> str:
    """Say why something may go; "" where it stays."""
    age, unused = now - held.modified, now - held.used
    days = f"{unused / DAY:.0f} days"
    match held.kind:
        case "temporary" if age > LEFT_AFTER:
            return "left by a process that was killed"
        case "part" if age > LEFT_AFTER:
            return "of a download that nobody has continued for a day"
        case "fit" if not held.path.name.startswith(KEPT):
            return "of a graph that is gone" if age > FORGOTTEN_AFTER else ""
        case "fit" if held.path.name.endswith(ROWS) and age > LEFT_AFTER:
            return "rows without their vocabulary, by a process that was killed"
        case "fit" if wish.fits is not None and unused > wish.fits:
            return f"not used for {days}; the corpus is counted again if need be"
        case "vocabulary" if wish.vocabularies is not None and unused > wish.vocabularies:
            return f"not used for {days}"
        case "bad" if wish.bad:
            return "set aside"
        case "download" if wish.archives and _proof(held, found):
            return f"converted: {', '.join(path.name for path in _proof(held, found))}"
    return ""


def _proof(held: Held, found: Sequence[Held]) -> tuple[Path, ...]:
    """Return the whole stores that were made of a download; none where a cut alone was made of some vectors."""
    stores = [one for one in found if one.path in held.gives]
    whole = {name: one.path for one in stores if one.whole for name in one.names}
    complete = all(name in whole for one in stores for name in one.names)
    return tuple(whole.values()) if complete else ()


def _removal(held: Held, why: str, found: Sequence[Held]) -> Removal:
    if held.kind == "download":
        # Its receipt stays: where nobody has published a digest, it holds the next download to that of the first.
        return Removal(held=held, files=(held.path,), why=why, proof=_proof(held, found))
    files = held.files
    if held.kind == "fit" and held.lock and not held.path.name.startswith(KEPT):
        files = (*files, held.lock)  # no graph will have its name again
    return Removal(held=held, files=files, why=why)


def named(found: Sequence[Held], name: str) -> list[Held]:
    """Return what a name means: a file of this name, or all files of vectors of this name.

    Raises:
        NotFoundError: Nothing.
    """
    by_file = [
        held for held in found if name in (held.path.name, f"{held.path.parent.name}/{held.path.name}")
    ]
    full = catalog.aliases.get(name, name)
    fit = by_file + [held for held in found if full in held.names and held not in by_file]
    if not fit:
        raise _holds_none(found, name, full)
    return fit


def _holds_none(found: Sequence[Held], name: str, full: str) -> NotFoundError:
    """Tell of a name that nothing here has: how to get what it stands for, or what may have been meant."""
    stores = sorted({one for held in found if held.kind == "store" for one in held.names})
    cure = f"It holds the stores of {', '.join(stores)}." if stores else "It holds no store."
    if name in dataset_names() or full in catalog.names():
        kind = "data set" if name in dataset_names() else "set of vectors"
        cure = f"This {kind} is not here yet: `torchvectors download {name}` fetches it. {cure}"
    elif near := dict.fromkeys([*map(repr, nearest(name, stores)), *catalog.near_names(name)]):
        cure = f"Did you mean {' or '.join(near)}?"
    return NotFoundError(
        f"{name!r}: the cache holds nothing of this name. {cure} `torchvectors cache` lists all."
    )


def to_remove(found: Sequence[Held], name: str) -> list[Removal]:
    """Choose what goes with a name: its stores and cuts, and the downloads that nothing else was made of.

    Raises:
        NotFoundError: The cache holds nothing of this name.
    """
    return [
        Removal(held=held, files=held.files, why=f"{name} is to go", but=_but(held, found, name))
        for held in named(found, name)
    ]


def _but(held: Held, found: Sequence[Held], name: str) -> str:
    """Say why something stays that the name fits."""
    if not held.mine:
        return "it lies in a folder that is only searched"
    if held.kind == "own":
        return "you put it there yourself: delete it yourself"
    others = {one for store in found if store.path in held.gives for one in store.names}
    others -= {name, catalog.aliases.get(name, name)}
    if others and held.path.name != name:
        listed = ", ".join(sorted(others))
        return f"{listed} is made of it, too: `torchvectors cache remove {held.path.name}` removes it"
    return ""
