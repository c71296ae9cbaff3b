"""A caller's wish → the folders to search and the one to write; locks; files that appear whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import re
import secrets
import shutil
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from torchvectors.errors import CacheError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "DATASETS",
    "FITS",
    "FORGOTTEN_AFTER",
    "KEPT",
    "LEFT_AFTER",
    "VOCABULARIES",
    "Folders",
    "folders",
    "forget",
    "is_full",
    "lock",
    "lock_of",
    "lock_of_temporary",
    "locks_hold",
    "publish",
    "replacing",
    "room_in",
    "scratch",
    "set_aside",
    "sweep",
    "taken",
    "writable",
]

logger = logging.getLogger(__name__)

# A path or several: what a caller may give as ``cache=``.
PathLike = str | os.PathLike[str]

FITS, VOCABULARIES, DATASETS = "fits", "vocabularies", "datasets"  # folders in a cache folder
#: How the names of those fits begin that are kept for later runs; all others belong to a graph that is alive.
KEPT = "kept-"
# A graph removes its fit when it goes. A process that is killed cannot; what nobody has read for so long is
# nobody's. Too short a time would cost a second count, and no wrong vocabulary.
FORGOTTEN_AFTER = 7 * 24 * 3600  # seconds
# What somebody is writing is younger; and who waits for a server for so long has given up.
LEFT_AFTER = 24 * 3600  # seconds

_TEMPORARY = re.compile(r"\.(.+\.[0-9a-f]{12})\.[0-9a-f]{8}\.tmp")  # as `scratch` names them
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_CANNOT_WRITE = _FULL | {
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EISDIR,  # a folder has the name
    errno.ENOTDIR,  # a file has the folder's
    errno.ELOOP,
}
# For users without a home, as those of a container whose number has no name: below a file no folder can be made.
_NOWHERE = Path(os.devnull, "no home folder is known")
_ELSEWHERE = "give another folder as cache=… or in the environment variable TORCHVECTORS_HOME."


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


@contextmanager
def lock(target: Path) -> Iterator[None]:
    """Hold the right to make ``target``: among threads, processes and, where the file system locks, machines.

    The lock is the operating system's, so that it is free as soon as its holder is gone, however it went. What a
    holder that was killed has left of its `scratch` files is removed by the next.

    Raises:
        CacheError: The folder of ``target`` cannot be written.
    """
    from filelock import FileLock, Timeout

    places = writable(writable(target.parent) / ".locks")
    held = FileLock(places / _lock_name(target))
    try:
        try:
            held.acquire(timeout=0)
        except Timeout:
            logger.info("%s: waiting for another process or thread that is making it", target)
            held.acquire()
    except (OSError, NotImplementedError) as error:
        # Another user's lock file, or a file system that cannot lock.
        text = f"{target}: its lock in {places} cannot be had ({error}). Give a folder of your own as cache=…"
        raise CacheError(text) from error
    try:
        _sweep(target)
        yield
    finally:
        held.release()


def _sweep(target: Path) -> None:
    """Remove what killed processes have left that were making ``target``; the caller holds its lock."""
    sweep(target.parent)
    left = [path for path in target.parent.glob(".*.tmp") if _target_label(path) == _label(target.name)]
    if left and locks_hold(target.parent):  # or it may be of somebody who is alive
        for path in left:
            logger.info("%s: removed; a process that was killed had left it", path)
            with suppress(OSError):
                path.unlink()


def sweep(folder: Path, *, all_locked: bool = False) -> None:
    """Remove the `scratch` files in a folder that processes have left which were killed.

    Args:
        folder: Where they are. Those are left alone that are younger than a day, for who writes them may hold no lock.
        all_locked: Every process takes the lock of what it makes there: then a lock that is free is enough.
    """
    left = [path for path in folder.glob(".*.tmp") if _TEMPORARY.fullmatch(path.name)]
    at_once = bool(left) and all_locked and locks_hold(folder)
    for path in left:
        place = lock_of_temporary(path)
        with suppress(OSError):
            if (at_once and place is not None) or time.time() - path.stat().st_mtime > LEFT_AFTER:
                with taken(place) as free:
                    if free:
                        path.unlink()


def locks_hold(folder: Path) -> bool:
    """Say whether a lock in this folder keeps others out: on some network file systems it is granted to everybody.

    A lock that holds among the processes of a machine, and not between machines, is not told from a good one.

    Raises:
        CacheError: The folder cannot be written.
    """
    from filelock import FileLock, Timeout

    places = writable(folder) / ".locks"
    probe = (places if places.is_dir() else folder) / f".probe.{secrets.token_hex(4)}"
    first, second = FileLock(probe), FileLock(probe)
    try:
        with first.acquire(timeout=0):
            try:
                second.acquire(timeout=0)
            except Timeout:
                return True
            second.release()
            return False
    except (OSError, NotImplementedError):
        return False
    finally:
        with suppress(OSError):
            probe.unlink()


@contextmanager
def taken(places: Path | None) -> Iterator[bool]:
    """Hold a lock that nobody else holds, and yield True; or yield False, at once, where somebody does.

    Args:
        places: The lock's file, from `lock_of` or `lock_of_temporary`; None for what has no lock.

    Raises:
        CacheError: The lock cannot be had, for the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    if places is None:
        yield True
        return
    held = FileLock(writable(places.parent) / places.name)
    try:
        held.acquire(timeout=0)
    except Timeout:
        yield False
        return
    except (OSError, NotImplementedError) as error:
        raise CacheError(
            f"{places}: this lock cannot be had ({error}). Let its owner clean this folder."
        ) from error
    try:
        yield True
    finally:
        held.release()


def lock_of(target: Path) -> Path:
    """Return the file that `lock` locks."""
    return target.parent / ".locks" / _lock_name(target)


def lock_of_temporary(path: Path) -> Path | None:
    """Return the lock of what `scratch` has made this path for, if it has; None where there is no such lock."""
    label = _target_label(path)
    found = path.parent / ".locks" / f"{label}.lock" if label else None
    return found if found and found.is_file() else None


def _target_label(temporary: Path) -> str | None:
    named = _TEMPORARY.fullmatch(temporary.name)
    return named[1] if named else None


def forget(target: Path) -> None:
    """Remove a file that nobody can want again, and its lock. What is not there, or cannot be removed, is no error.

    Only for a name that will not be used again: who waits for the lock would hold one that others cannot see.
    """
    for path in (target, lock_of(target)):
        with suppress(OSError):
            path.unlink()


def _lock_name(target: Path) -> str:
    return f"{_label(target.name)}.lock"


def _label(name: str) -> str:
    """Return a short and legal name that is this file's alone, and that a person still knows it by."""
    readable = re.sub(r"[^\w.-]", "_", name, flags=re.ASCII)[:80]
    return f"{readable}.{hashlib.sha256(os.fsencode(name)).hexdigest()[:12]}"


def publish(temporary: Path, final: Path) -> None:
    """Give a finished file its final name: written through to the disk first, then renamed in one step.

    After a crash or a power cut there is the old file, or the new one, or none; never half of one.
    """
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    temporary.replace(final)
    if os.name == "posix":
        # The rename itself is safe once the folder is on the disk, too; not every file system can do that.
        with suppress(OSError):
            folder = os.open(final.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


@contextmanager
def replacing(final: Path, *, made_with: Path | None = None) -> Iterator[Path]:
    """Yield a new temporary path beside ``final``; `publish` it when the block ends well, remove it when not.

    Args:
        final: The file's name.
        made_with: The file whose lock the caller holds, where that is not ``final``'s.

    Raises:
        CacheError: The folder cannot be written, the disk is full, or a folder has the file's name.
    """
    with scratch(final, made_with=made_with) as temporary:
        yield temporary
        publish(temporary, final)


@contextmanager
def scratch(final: Path, *, made_with: Path | None = None) -> Iterator[Path]:
    """Yield a new temporary path beside ``final``, for what is needed to make it; it is removed in the end.

    Args:
        final: The name of what is made.
        made_with: As for `replacing`.

    Raises:
        CacheError: The folder cannot be written, the disk is full, or a folder has the file's name.
    """
    label = _label((made_with or final).name)
    temporary = writable(final.parent) / f".{label}.{secrets.token_hex(4)}.tmp"
    try:
        yield temporary
    except OSError as error:
        # The block may read other files while it writes this one, and fail at them.
        where = error.filename and str(error.filename)
        if error.errno == errno.ENOENT and where == str(temporary):
            raise CacheError(_removed(final)) from error
        if error.errno not in _CANNOT_WRITE or where not in (None, str(temporary), str(final)):
            raise
        raise CacheError(_unwritten(final, temporary, error)) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def _removed(final: Path) -> str:
    text = f"{final}: what was written of it was removed meanwhile, by somebody who has cleaned this folder; or by"
    return f"{text} another process, if the locks in it do not hold. Begin again; or {_ELSEWHERE}"


def _unwritten(final: Path, temporary: Path, error: OSError) -> str:
    """Say what kept a file from being written; of a full disk, how much there was and is."""
    text = f"{final}: it could not be written ({error.strerror})."
    if not is_full(error):
        return f"{text} Nothing was left behind. Move what is in the way; or {_ELSEWHERE}"
    with suppress(OSError):
        text += f" {temporary.stat().st_size:,} bytes of it were written."
    return f"{text}{room_in(final.parent)} Nothing was left behind. Make room; or {_ELSEWHERE}"


def is_full(error: OSError) -> bool:
    """Say whether an error is that of a disk, a quota or a file that takes no more."""
    return error.errno in _FULL


def room_in(folder: Path) -> str:
    """Return a sentence on how much room a folder has; none where the system does not tell."""
    try:
        return f" {folder} has {shutil.disk_usage(folder).free:,} bytes free, less any quota."
    except OSError:
        return ""


def set_aside(path: Path) -> Path:
    """Rename a file that must not be used to ``NAME.bad`` (``NAME.bad.2``, …) and return where it is now."""
    aside, n = path.with_name(f"{path.name}.bad"), 1
    while aside.exists():
        n += 1
        aside = path.with_name(f"{path.name}.bad.{n}")
    path.replace(aside)
    return aside
