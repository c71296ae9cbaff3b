"""What is to go → what has gone. The one place that removes from a cache folder, under the locks of those who make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from torchvectors.cache import taken
from torchvectors.errors import StoreError
from torchvectors.progress import no_bar
from torchvectors.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from torchvectors.inventory.choose import Removal
    from torchvectors.inventory.records import Held
    from torchvectors.progress import Bars

__all__ = ["Outcome", "remove"]


# busy: somebody is at work on it; failed: it was to go, and could not
State = Literal["gone", "stays", "busy", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What has come of one removal."""

    held: Held
    state: State
    why: str  # it is so
    nbytes: int = 0  # that have gone, or would

    @property
    def gone(self) -> bool:
        """Whether it has gone, or would."""
        return self.state == "gone"


def remove(removals: Iterable[Removal], *, dry: bool = False, bars: Bars = no_bar) -> Iterator[Outcome]:
    """Remove, one after the other, what nobody is at work on; nothing waits.

    Who has a file open or mapped keeps what is in it: only its name goes.

    Args:
        removals: From `choose`.
        dry: Remove nothing, lock nothing, read nothing: tell what would go.
        bars: How to show what takes long.
    """
    for removal in removals:
        held = removal.held
        if removal.but:
            yield Outcome(held=held, state="stays", why=removal.but)
        elif dry:
            yield Outcome(held=held, state="gone", why=removal.why, nbytes=sum(map(_size, removal.files)))
        else:
            yield _removed(removal, bars)


def _removed(removal: Removal, bars: Bars) -> Outcome:
    held = removal.held
    if flaw := next(filter(None, (_flaw(store, bars) for store in removal.proof)), ""):
        return Outcome(held=held, state="failed", why=f"a store made of it is not whole: {flaw}")
    try:
        with taken(held.lock) as free:
            if not free or _changed(held) or (held.kind == "download" and _somebody_converts(held)):
                return Outcome(held=held, state="busy", why="another process is at work on it")
            nbytes = sum(_unlinked(path) for path in removal.files)
    except OSError as error:  # a CacheError is one
        return Outcome(held=held, state="failed", why=f"it cannot be removed ({error.strerror or error})")
    return Outcome(held=held, state="gone", why=removal.why, nbytes=nbytes)


def _unlinked(path: Path) -> int:
    nbytes = _size(path)
    path.unlink(missing_ok=True)
    return nbytes


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except FileNotFoundError:  # somebody else was faster
        return 0


def _changed(held: Held) -> bool:
    """Say whether somebody has written it since it was looked at; what has gone has not."""
    try:
        return any(path.stat().st_mtime > held.modified for path in held.files)
    except FileNotFoundError:
        return False


def _somebody_converts(held: Held) -> bool:
    """Say whether something is being made in the folder of a download, of which that may be a source.

    The caller holds the lock of the download. Who makes a store holds the store's lock first, and finds its source
    under this one: so a maker is seen here, or finds the download gone and does without.
    """
    for place in (held.path.parent / ".locks").glob("*.lock"):
        if place != held.lock:
            with taken(place) as free:
                if not free:
                    return True
    return False


def _flaw(path: Path, bars: Bars) -> str:
    try:
        with bars(f"checking {path.name}") as progress:
            open_store(path).verify(progress)
    except (OSError, StoreError) as error:
        return str(error)
    return ""
