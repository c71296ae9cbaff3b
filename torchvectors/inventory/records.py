"""One thing that a cache folder holds, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Held", "Kind"]

Kind = Literal[
    "store",  # made here, of a download or of a file of the user's own
    "download",  # has a receipt: an archive, a member alone, a text, an asset
    "own",  # a file that somebody put there; also a store under a name that none made here would have
    "receipt",  # whose file is gone: it holds the next download to the digest of the first
    "part",  # of a download that was broken off, with its note
    "temporary",  # of somebody who is writing, or was killed
    "bad",  # set aside
    "vocabulary",  # that a pickle or a state may name
    "fit",  # what the processes of a graph have met at, with recorded rows
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One thing in a cache folder."""

    path: Path
    kind: Kind
    beside: tuple[Path, ...] = ()  # what goes with it: its receipt, its note, its recorded rows
    nbytes: int  # of all these
    modified: float  # seconds since 1970
    # Seconds since 1970: the later of "written" and "read", as far as the file system keeps the second. Linux
    # commonly notes a day's first reading alone (relatime), or none (noatime): it may be too early.
    used: float
    mine: bool  # in the folder that is written to; what lies in others is not ours to tidy
    names: tuple[
        str, ...
    ] = ()  # of the vectors that it holds, or that can be made of it; empty if none are known
    whole: bool = False  # of a store: it holds all rows as they are
    source: str = ""  # the address it came from; of a store also the path
    digest: str = ""  # of a download; of a store that of the archive that it was made of, where it is known
    made_of: tuple[Path, ...] = ()  # of a store: the files in these folders that it was made of
    gives: tuple[Path, ...] = ()  # of what has been converted: the stores in these folders made of it
    lock: Path | None = None  # what its maker holds; None if it has none

    @property
    def files(self) -> tuple[Path, ...]:
        """All its files, in the order in which they may go."""
        # Of a part the note first, for bytes without a note are never continued; a receipt after its file, for a
        # file without one would pass for the user's own.
        return (*self.beside, self.path) if self.kind == "part" else (self.path, *self.beside)
