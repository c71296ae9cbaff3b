"""A catalog entry → what of it is on this machine already. Nothing is made, asked or changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torchvectors.acquire.origins import files_of
from torchvectors.acquire.wanted import of_entry
from torchvectors.cache import folders

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torchvectors.cache import PathLike
    from torchvectors.catalog import Entry

__all__ = ["Present", "present"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """Files of one entry, in the cache folders; None where there is none."""

    store: Path | None
    archive: Path | None  # or the member that was fetched alone
    text: Path | None  # the member, unpacked

    @property
    def most(self) -> str:
        """The nearest of them to being used: "store", "file", "archive"; "" if none is here."""
        found = {"store": self.store, "file": self.text, "archive": self.archive}
        return next((what for what, path in found.items() if path), "")


def present(entry: Entry, cache: PathLike | Sequence[PathLike] | None = None) -> Present:
    """Look for what is here of an entry.

    Args:
        entry: What is looked for.
        cache: Folders, as in `cache.folders`.
    """
    wanted, places = of_entry(entry), folders(cache)
    archives = (wanted.user_archive, wanted.own_archive, wanted.own_member or wanted.own_archive)
    found = (path for name in dict.fromkeys(archives) for path in files_of(name, places))
    return Present(
        store=next(files_of(wanted.store, places), None),
        archive=next(found, None) if entry.archive.kind != "plain" else None,
        text=next(files_of(entry.member.name, places), None),
    )
