"""A caller's wish → the folders to search and the one to write."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from torchvectors.errors import CacheError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "DATASETS",
    "FITS",
    "FORGOTTEN_AFTER",
    "KEPT",
    "VOCABULARIES",
    "Folders",
    "PathLike",
    "folders",
    "writable",
]

# A path or several: what a caller may give as ``cache=``.
PathLike = str | os.PathLike[str]

FITS, VOCABULARIES, DATASETS = "fits", "vocabularies", "datasets"  # folders in a cache folder
#: How the names of those fits begin that are kept for later runs; all others belong to a graph that is alive.
KEPT = "kept-"
# A graph removes its fit when it goes. A process that is killed cannot; what nobody has read for so long is
# nobody's. Too short a time would cost a second count, and no wrong vocabulary.
FORGOTTEN_AFTER = 7 * 24 * 3600  # seconds

# For users without a home, as those of a container whose number has no name: below a file no folder can be made.
_NOWHERE = Path(os.devnull, "no home folder is known")


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """Where to look and where to put: ``search`` in this order, ``write`` being the last of them."""

    search: tuple[Path, ...]

    @property
    def write(self) -> Path:
        """The one folder that is written to."""
        return self.search[-1]

    def find(self, name: str) -> Path | None:
        """Return the first regular file of this name, or None."""
        candidates = (folder / name for folder in self.search)
        return next((path for path in candidates if path.is_file()), None)


def folders(cache: PathLike | Sequence[PathLike] | None = None) -> Folders:
    """Say which folders hold downloads and stores. Nothing is created.

    Args:
        cache: One folder, or several: all are searched, in order, and the last one is written to, so that a
            read-only folder shared by many users comes first and one's own last. None, or none: those named in
            ``$TORCHVECTORS_HOME`` (separated as in ``$PATH``); else ``.vector_cache`` in the current folder,
            where torchtext put things, if it is there; else the user's cache folder.

    Raises:
        CacheError: A folder begins with the home of somebody who has none.
    """
    given = [cache] if isinstance(cache, (str, os.PathLike)) else list(cache or ())
    home = [part for part in os.environ.get("TORCHVECTORS_HOME", "").split(os.pathsep) if part]
    if named := given or home:
        return Folders(search=tuple(map(_expanded, named)))
    legacy = Path(".vector_cache")
    return Folders(search=(legacy if legacy.is_dir() else _user_folder(),))


def _expanded(folder: PathLike) -> Path:
    try:
        return Path(folder).expanduser()
    except RuntimeError as error:
        text = f"{os.fspath(folder)}: whose home this cache folder is to lie in is not known."
        raise CacheError(f"{text} Give its whole path as cache=… or in TORCHVECTORS_HOME.") from error


def _user_folder() -> Path:
    try:
        folder = platformdirs.user_cache_path("torchvectors", appauthor=False)
    except RuntimeError:
        return _NOWHERE
    return folder if folder.is_absolute() else _NOWHERE  # older ones leave "~" as it is


def writable(folder: Path) -> Path:
    """Create ``folder`` if need be and return it.

    Raises:
        CacheError: It cannot be created, or no file can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, ValueError) as error:  # ValueError: a NUL in its name
        cure = "Give a folder you can write to as cache=…, or in the environment variable TORCHVECTORS_HOME."
        why = getattr(error, "strerror", None) or error
        text = f"{folder}: this cache folder cannot be written ({why}). {cure}"
        raise CacheError(text) from error
    return folder
