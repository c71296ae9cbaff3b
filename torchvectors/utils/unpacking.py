"""An archive → its files in a folder: each whole or not at all, and none of them outside."""

from __future__ import annotations

import errno
import gzip
import logging
import os
import secrets
import stat
import struct
import tarfile
import zipfile
import zlib
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path, PureWindowsPath
from typing import TYPE_CHECKING, Any

from torchvectors.archive import LARGEST_RATIO, SLACK, Bounded, MemberStream, refuse_many, tar_members
from torchvectors.cache import replacing
from torchvectors.errors import ArchiveError, TorchVectorsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from torchvectors.archive import Readable

__all__ = ["extract_archive"]

logger = logging.getLogger(__name__)

PathLike = str | os.PathLike[str]
_CHUNK = 1 << 18  # bytes

# What the standard library raises of an archive that is damaged, or whose directory makes no sense.
_DAMAGED = (tarfile.TarError, zipfile.BadZipFile, zlib.error, struct.error, EOFError)
_SENSELESS = (ValueError, IndexError, OverflowError, MemoryError, RuntimeError)


def extract_archive(
    from_path: PathLike, to_path: PathLike | None = None, overwrite: bool = False
) -> list[str]:
    """Unpack an archive and return the paths of its files, also of those that were there already.

    All names and sizes are looked at before the first file is written. Modes, owners and times are the system's
    own, not the archive's.

    Args:
        from_path: A ``.tar.gz``, ``.tgz`` or ``.zip``; or a ``.gz``, which is one file and always unpacked
            beside itself, over what is there.
        to_path: The folder to unpack to; it is created. None: that of the archive.
        overwrite: Write files anew that are there.

    Raises:
        NotImplementedError: The name ends in none of these.
        ArchiveError: The archive is damaged or encrypted; it holds a link, a device, or a name that leads
            elsewhere; or it would unpack to more than 200 times its size.
        FileNotFoundError: There is no such archive.

    Source: torchtext 0.18 ``torchtext.utils.extract_archive``, which wrote wherever a name led.
    """
    source = os.fspath(from_path)
    folder = os.path.dirname(source) if to_path is None else os.fspath(to_path)  # noqa: PTH120 - "" stays ""
    if source.endswith((".tar.gz", ".tgz")):
        return _from_tar(Path(source), folder, overwrite)
    if source.endswith(".zip"):
        return _from_zip(Path(source), folder, overwrite)
    if source.endswith(".gz"):
        return _from_gz(Path(source), source.removesuffix(".gz"))
    kinds = "We currently only support tar.gz, .tgz, .gz and zip archives"
    raise NotImplementedError(f"{kinds}, and the name of {source} ends in none of these.")


def _from_tar(path: Path, folder: str, overwrite: bool) -> list[str]:
    logger.info("Opening tar file %s.", path)
    total = 0
    with _open_tar(path) as (members, stream):
        for info, _ in members:
            _refuse_astray(path, info.name, is_plain=info.isreg() or info.isdir())
            total += info.size
            _refuse_too_much(path, total)
        while stream.read(_CHUNK):  # up to its end, where gzip's check sum is
            pass
    files = []
    with _open_tar(path) as (members, _):
        for info, tar in members:
            place = os.path.join(folder, info.name)  # noqa: PTH118 - torchtext's own text, "./" and all
            if info.isdir():
                Path(place).mkdir(parents=True, exist_ok=True)
                continue
            files.append(place)
            if _is_wanted(place, overwrite) and (member := tar.extractfile(info)):
                _write(
                    MemberStream(member, path=path, name=info.name, total=info.size, limit=info.size), place
                )
    logger.info("Finished extracting tar file %s.", path)
    return files


@contextmanager
def _open_tar(path: Path) -> Iterator[tuple[Iterator[tuple[tarfile.TarInfo, tarfile.TarFile]], Bounded]]:
    """Open a tar archive, packed with gzip or not at all, to be read once from its beginning to its end."""
    with ExitStack() as stack:
        stack.enter_context(_refusing_damage(path))
        file = stack.enter_context(path.open("rb"))
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        plain: Any = stack.enter_context(gzip.GzipFile(fileobj=file)) if packed else file
        bounded = Bounded(plain, path=path, limit=_most(path))
        yield tar_members(path, bounded, stack), bounded


def _from_zip(path: Path, folder: str, overwrite: bool) -> list[str]:
    logger.info("Opening zip file %s.", path)
    files = []
    with _refusing_damage(path), zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        refuse_many(path, len(infos))
        for info in infos:
            mode = stat.S_IFMT(info.external_attr >> 16)
            _refuse_astray(path, info.filename, is_plain=mode in (0, stat.S_IFREG, stat.S_IFDIR))
            if info.flag_bits & 0x1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                what = "is encrypted, or packed by a method other than 0 and 8"
                raise ArchiveError(f"{path}: {info.filename} {what}: unpack it yourself.")
        _refuse_too_much(path, sum(info.file_size for info in infos))
        for info in infos:
            place = os.path.join(folder, info.filename)  # noqa: PTH118 - torchtext's own text
            if info.is_dir():
                Path(place).mkdir(parents=True, exist_ok=True)
                continue
            files.append(place)
            if _is_wanted(place, overwrite):
                size = info.file_size
                with archive.open(info) as member:
                    _write(MemberStream(member, path=path, name=info.filename, total=size, limit=size), place)
    logger.info("Finished extracting zip file %s.", path)
    return files


def _from_gz(path: Path, place: str) -> list[str]:
    logger.info("Opening gz file %s.", path)
    with path.open("rb") as file, gzip.GzipFile(fileobj=file) as plain, replacing(Path(place)) as temporary:
        stream = MemberStream(plain, path=path, name=path.stem, total=None, limit=_most(path))
        with temporary.open("wb") as unpacked:
            _copy(stream, unpacked)
        if not path.stat().st_size:  # gzip takes it for the end of a file
            raise ArchiveError(f"{path}: this archive is empty. Delete it and get it again.")
    logger.info("Finished extracting gz file %s.", path)
    return [place]


def _is_wanted(place: str, overwrite: bool) -> bool:
    if not Path(place).exists():
        return True
    logger.info("%s already extracted.", place)
    return overwrite


def _write(stream: Readable, place: str) -> None:
    """Write one file under a passing name, and rename it when it is whole."""
    final = Path(place)
    final.parent.mkdir(parents=True, exist_ok=True)
    # Not `replacing`: it waits for the disk, and archives of a hundred thousand files are common.
    temporary = final.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            _copy(stream, file)
        temporary.replace(final)
    finally:
        with suppress(OSError):
            temporary.unlink()


def _copy(stream: Readable, file: BinaryIO) -> None:
    while chunk := stream.read(_CHUNK):
        file.write(chunk)


@contextmanager
def _refusing_damage(path: Path) -> Iterator[None]:
    try:
        yield
    except TorchVectorsError:
        raise
    except gzip.BadGzipFile as error:  # an OSError without a number
        raise _damaged(path, error) from error
    except (*_DAMAGED, *_SENSELESS, OSError) as error:
        # An OSError may be of the file that is written; but only a place before the start of one that is read is
        # no valid argument.
        if isinstance(error, OSError) and (error.errno != errno.EINVAL or error.filename):
            raise
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> ArchiveError:
    said = str(error) or type(error).__name__
    return ArchiveError(f"{path}: this archive is cut short or damaged ({said}). Delete it and get it again.")


def _refuse_astray(path: Path, name: str, *, is_plain: bool) -> None:
    # As Windows reads it, on every system: there "C:x" and "..\\x" lead elsewhere, and "/x", too.
    parts = PureWindowsPath(name)
    if not is_plain:
        flaw = "is a link or a device, and only files and folders are unpacked here"
    elif parts.root or parts.drive or ".." in parts.parts:
        flaw = "would be written outside the folder"
    elif not name or "\0" in name:
        flaw = "is no name of a file"
    else:
        return
    cure = "Nothing was unpacked. Look at where the archive comes from, or unpack it yourself."
    raise ArchiveError(f"{path}: {name!r} {flaw}. {cure}")


def _most(path: Path) -> int:
    return path.stat().st_size * LARGEST_RATIO + SLACK


def _refuse_too_much(path: Path, total: int) -> None:
    if total > _most(path):
        text = f"{path}: it would unpack to more than the {_most(path):,} bytes it may. Nothing was unpacked."
        raise ArchiveError(f"{text} The file is not what it should be: delete it.")
