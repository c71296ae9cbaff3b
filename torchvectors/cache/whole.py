"""A file that is being made → the file under its final name: whole, or not there at all."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from torchvectors.cache.folders import writable
from torchvectors.cache.names import temporary_of
from torchvectors.errors import CacheError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["is_full", "publish", "replacing", "room_in", "scratch", "set_aside"]

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_CANNOT_WRITE = _FULL | {
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EISDIR,  # a folder has the name
    errno.ENOTDIR,  # a file has the folder's
    errno.ELOOP,
}
_ELSEWHERE = "give another folder as cache=… or in the environment variable TORCHVECTORS_HOME."


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
    writable(final.parent)
    temporary = temporary_of(final, made_with or final)
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
