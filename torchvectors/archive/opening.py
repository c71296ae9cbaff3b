"""A file on the disk → one member of it as a stream of bytes: zip, tar, gzip, xz or plain. Nothing is unpacked.

An archive may come from anywhere. What is read of it, and held in memory, is bounded whatever it says: by its own size
and by the numbers below.
"""

from __future__ import annotations

import copy
import gzip
import lzma
import os
import tarfile
import zipfile
import zlib
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, BinaryIO, cast

from torchvectors.archive.bounds import (
    CHUNK,
    MADE_TO_HARM,
    Bounded,
    Readable,
    Seekable,
    Unxz,
    damaged,
    most_of,
    refuse_many,
    too_much,
)
from torchvectors.archive.choice import Choice
from torchvectors.errors import ArchiveError
from torchvectors.inflate import Inflated

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

__all__ = ["Contents", "MemberStream", "contents_of", "each_member", "open_member", "tar_members"]

_LOCAL_HEADER = 30  # bytes before a zip's member, and before its name
_PROMISES = (".zip", ".gz", ".tgz", ".xz")
_ZIPS = (b"PK\x03\x04", b"PK\x05\x06")  # with members, and without; "PK" alone may be a token

_DAMAGED = (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, lzma.LZMAError, zlib.error, EOFError)
# What zipfile and tarfile raise, too, when a directory or a header makes no sense: places before the start of the
# file, empty names, names that are not UTF-8, versions to come.
_SENSELESS = (OSError, ValueError, IndexError, OverflowError, MemoryError, RuntimeError)


class MemberStream:
    """The unpacked bytes of one member, no more of them than promised."""

    def __init__(
        self, stream: Readable, *, path: Path, name: str, total: int | None, limit: int, plain: bool = False
    ) -> None:
        self.name = name  # of the member
        self.total = total  # bytes, where the archive tells
        self.plain = plain  # whether the file is its own only member, and can be read as it lies there
        self.done = 0  # bytes given out
        self._stream, self._path, self._limit = stream, path, limit

    def read(self, n: int, /) -> bytes:
        """Return up to ``n`` bytes, and none at the end, where the archive's own check sum has been compared.

        Raises:
            ArchiveError: The archive is cut or damaged here, or unpacks to more than it may.
        """
        try:
            data = self._stream.read(n)
        except _DAMAGED as error:
            raise damaged(self._path, error) from error
        self.done += len(data)
        if self.done > self._limit:
            raise too_much(self._path, self.name, self._limit)
        return data


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What an archive holds."""

    packing: str  # "zip", "tar", "gzip", "xz", "gzip, tar" or "xz, tar"; empty where the file is its own only member
    members: tuple[str, ...]  # the names of its files, each of which `open_member` takes


def contents_of(path: Path) -> Contents:
    """Return what an archive holds, without unpacking it; of a packed tar archive every byte is read.

    Raises:
        ArchiveError: It is damaged.
        FileNotFoundError: There is no such file.
    """
    with ExitStack() as stack:
        file = stack.enter_context(path.open("rb"))
        try:
            zipped = file.read(8).startswith(_ZIPS)
            file.seek(0)
            if zipped:
                infos = _listed(path, stack.enter_context(zipfile.ZipFile(file)))
                return Contents(packing="zip", members=tuple(info.filename for info in infos))
            stream, packing, is_tar = _unpacked(path, file, stack)
            if is_tar:
                found = tar_members(path, _bounded(path, stream, file), stack)
                members = tuple(info.name for info, _ in found if info.isreg())
                return Contents(packing=", ".join(filter(None, (packing, "tar"))), members=members)
            return Contents(packing=packing, members=(path.stem if packing else path.name,))
        except (*_DAMAGED, *_SENSELESS) as error:
            if isinstance(error, ArchiveError):
                raise
            raise damaged(path, error) from error


@contextmanager
def open_member(
    path: Path, member: str | None = None, *, nbytes: int | None = None
) -> Iterator[MemberStream]:
    """Open one member for reading.

    What kind of archive it is, the content tells; a file that is none is its own only member.

    Args:
        path: The archive.
        member: Its path inside the archive, or the last part of that path where only one member has it. None
            stands for the only file there is. Of a plain, gzip or xz file it need not be given.
        nbytes: How many bytes it is known to have, at most. Otherwise an archive may unpack to 200 times its
            own size.

    Raises:
        ArchiveError: The archive is damaged or encrypted.
        MemberError: It has no such member; the text lists those it has.
        FileNotFoundError: There is no such file.
    """
    with ExitStack() as stack:
        file = stack.enter_context(path.open("rb"))
        packed = os.fstat(file.fileno()).st_size
        try:
            stream, name, total = _find_member(path, file, member, stack)
        except ArchiveError:
            raise
        except (*_DAMAGED, *_SENSELESS) as error:
            raise damaged(path, error) from error
        limit = nbytes if nbytes is not None else most_of(packed)
        if total is not None and total > limit:
            raise too_much(path, name, limit)
        plain = stream is file
        yield MemberStream(stream, path=path, name=name, total=total, limit=limit, plain=plain)


def each_member(path: Path, wanted: Callable[[str], bool]) -> Generator[MemberStream, None, None]:
    """Yield the files of an archive that are wanted, in its own order: read each one before the next.

    What is packed is unpacked once for all of them, where `open_member` would begin anew for each; and no list is kept
    of what a tar archive holds.

    Args:
        path: The archive. A file that is none, or that gzip or xz packed, is its own only member.
        wanted: Whether a member is, by its path inside the archive; an only member is not asked about.

    Raises:
        ArchiveError: The archive is damaged, or what is wanted of it encrypted, or a member unpacks to more than 200
            times the archive's own size.
        FileNotFoundError: There is no such file.
    """
    with ExitStack() as stack:
        file = stack.enter_context(path.open("rb"))
        limit = most_of(os.fstat(file.fileno()).st_size)
        try:
            for stream, name, total in _in_order(path, file, wanted, stack):
                plain = stream is file
                if total is not None and total > limit and not plain:
                    raise too_much(path, name, limit)
                yield MemberStream(stream, path=path, name=name, total=total, limit=limit, plain=plain)
        except (*_DAMAGED, *_SENSELESS) as error:
            if isinstance(error, ArchiveError):
                raise
            raise damaged(path, error) from error


def _in_order(
    path: Path, file: BinaryIO, wanted: Callable[[str], bool], stack: ExitStack
) -> Iterator[tuple[Readable, str, int | None]]:
    """Yield the bytes of each wanted member, its name, and its size where the archive tells."""
    zipped = file.read(8).startswith(_ZIPS)
    file.seek(0)
    if zipped:
        archive = stack.enter_context(zipfile.ZipFile(file))
        for one in _listed(path, archive):
            if wanted(one.filename):
                with ExitStack() as own:
                    yield _opened(path, archive, one, own), one.filename, one.file_size
        return
    stream, _, is_tar = _unpacked(path, file, stack)
    if is_tar:
        bounded = _bounded(path, stream, file)
        for info, tar in tar_members(path, bounded, stack):
            if info.isreg() and wanted(info.name):
                with _extracted(path, tar, info) as member:
                    yield member, info.name, info.size
        _to_its_end(bounded, packed=stream is not file)
    elif stream is file:
        yield file, path.name, os.fstat(file.fileno()).st_size
    else:
        yield stream, path.stem, None


def _to_its_end(stream: Readable, *, packed: bool) -> None:
    """Read on: gzip and xz compare their check sums at their end, which nobody reaches who reads members."""
    while packed and stream.read(CHUNK):
        pass


def _find_member(
    path: Path, file: BinaryIO, member: str | None, stack: ExitStack
) -> tuple[Readable, str, int | None]:
    """Return the member's bytes, its name, and its size where the archive tells."""
    head = file.read(8)
    file.seek(0)
    if head.startswith(_ZIPS):
        return _in_zip(path, stack.enter_context(zipfile.ZipFile(file)), member, stack)
    stream, _, is_tar = _unpacked(path, file, stack)
    if is_tar:
        bounded = _bounded(path, stream, file)
        found = _in_tar(path, bounded, member, stack)
        _to_its_end(bounded, packed=stream is not file)
        return found
    if stream is file:
        return file, path.name, os.fstat(file.fileno()).st_size
    return stream, path.stem, None


def _unpacked(path: Path, file: BinaryIO, stack: ExitStack) -> tuple[Seekable, str, bool]:
    """Return what gzip or xz packed, how it was packed, and whether that is a tar archive."""
    head = file.read(8)
    file.seek(0)
    stream: Seekable = file
    packing = ""
    if head.startswith(b"\x1f\x8b"):
        stream, packing = stack.enter_context(gzip.GzipFile(fileobj=file)), "gzip"
    elif head.startswith(b"\xfd7zXZ\0"):
        stream, packing = Unxz(file), "xz"
    elif path.name.lower().endswith(_PROMISES):
        text = f"{path}: this is no archive: it begins with {head!r}."
        raise ArchiveError(f"{text} It may be a web page that was saved in its place: delete it.")
    is_tar = _begins_tar(stream.read(tarfile.BLOCKSIZE))
    stream.seek(0)
    return stream, packing, is_tar


def _begins_tar(block: bytes) -> bool:
    """Say whether a tar archive begins with these bytes: one of before 1988 has no magic word, but a check sum."""
    if block[257:262] == b"ustar":
        return True
    try:
        return bool(tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape").name)
    except (tarfile.TarError, ValueError):
        return False


def _bounded(path: Path, stream: Seekable, file: BinaryIO) -> Bounded:
    return Bounded(stream, path=path, limit=most_of(os.fstat(file.fileno()).st_size))


def _listed(path: Path, archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return a zip's files, having seen that no two of them lie over each other: so a few bytes become many files."""
    infos, reached = archive.infolist(), 0
    for info in sorted(infos, key=lambda one: one.header_offset):
        if info.header_offset < reached:
            raise ArchiveError(f"{path}: {info.filename:.200} overlaps its neighbour: {MADE_TO_HARM}")
        reached = info.header_offset + _LOCAL_HEADER + info.compress_size
    refuse_many(path, len(infos))
    return [info for info in infos if not info.is_dir()]


def _in_zip(
    path: Path, archive: zipfile.ZipFile, member: str | None, stack: ExitStack
) -> tuple[Readable, str, int]:
    choice = Choice[zipfile.ZipInfo](path, member)
    for one in _listed(path, archive):
        choice.offer(one.filename, one)
    info = choice.made()
    return _opened(path, archive, info, stack), info.filename, info.file_size


def _opened(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo, stack: ExitStack) -> Readable:
    if info.flag_bits & 0x1:
        raise ArchiveError(f"{path}: {info.filename} is encrypted: unpack it yourself.")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # Of the other methods zipfile unpacks all that it has read at once: a few bytes may become gigabytes.
        text = f"{path}: {info.filename} is packed by method {info.compress_type}, and only 0 and 8 are read here."
        raise ArchiveError(f"{text} Unpack it yourself.")
    if info.compress_type == zipfile.ZIP_STORED:
        return stack.enter_context(archive.open(info))
    packed = copy.copy(info)
    # zipfile finds the packed bytes and gives them as they are; to check them is not its work.
    packed.compress_type, packed.file_size, packed.CRC = zipfile.ZIP_STORED, info.compress_size, None  # type: ignore[assignment]
    stream = stack.enter_context(archive.open(packed))
    return Inflated(stream, nbytes=info.file_size, crc=info.CRC)


def tar_members(
    path: Path, bounded: Bounded, stack: ExitStack
) -> Iterator[tuple[tarfile.TarInfo, tarfile.TarFile]]:
    """Yield what is in a tar, one after another, each with the archive, which ``stack`` closes. None of it is kept."""
    bounded.headers(more=True)
    archive = tarfile.open(fileobj=cast("BinaryIO", bounded), mode="r:")  # noqa: SIM115 - the stack closes it
    stack.callback(archive.close)
    count = names = 0
    while (info := archive.next()) is not None:
        # What tarfile keeps of all members would be more than all that is read of them.
        archive.members.clear()  # type: ignore[attr-defined]  # typeshed has no such attribute
        count, names = count + 1, names + len(info.name)
        refuse_many(path, count + names // 200)
        if info.size < 0:
            raise tarfile.ReadError(f"a size of {info.size}")
        bounded.headers(more=False)
        yield info, archive
        bounded.headers(more=True)
    bounded.headers(more=False)


def _in_tar(path: Path, bounded: Bounded, member: str | None, stack: ExitStack) -> tuple[Readable, str, int]:
    choice = Choice[tuple[tarfile.TarInfo, tarfile.TarFile]](path, member)
    for one in tar_members(path, bounded, stack):
        # A link or a device is no member: only what is a plain file can be read.
        if one[0].isreg():
            choice.offer(one[0].name, one)
    info, archive = choice.made()
    return stack.enter_context(_extracted(path, archive, info)), info.name, info.size


def _extracted(path: Path, archive: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    stream = archive.extractfile(info)
    if stream is None:  # cannot be, of a regular file
        raise ArchiveError(f"{path}: {info.name} cannot be read.")
    return stream
