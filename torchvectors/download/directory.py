"""The last bytes of a zip → where one of its members lies. Pure: what is missing is asked for by an exception.

A directory is only a claim. Whatever is odd about it (encryption, another compression, entries that overlap, sizes
that cannot be) ends in `Odd`, and the whole archive is fetched in its place; what it says of a member's bytes is
checked when they have come.
"""

from __future__ import annotations

import io
import zipfile
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["TAIL", "Odd", "Outside", "Place", "Window", "place_of", "seal"]

# Bytes that are read first: the longest comment, the end records before it, and a directory of some entries.
TAIL = 66 << 10
MOST = 4 << 20  # bytes of a directory; that of ten thousand members is smaller

_HEADER = 30  # bytes of a local header, before the name and the extra field, each of which has up to 65535
_DESCRIPTOR = 24  # bytes that may follow a member's
_LARGEST_RATIO, _SLACK = 200, 1 << 20  # as in `archive`: what unpacks to more is no vector file
_ENCRYPTED, _PATCH, _STRONG = 0x01, 0x20, 0x40  # bits of an entry's flags

# What zipfile raises when a directory makes no sense.
_SENSELESS = (zipfile.BadZipFile, OSError, ValueError, IndexError, OverflowError, RuntimeError, EOFError)


class Odd(Exception):  # noqa: N818  (never leaves this room)
    """A member cannot be fetched alone; the text says why."""


class Outside(Exception):  # noqa: N818  (never leaves this room)
    """Bytes from ``start`` on are needed."""

    def __init__(self, start: int) -> None:
        super().__init__(start)
        self.start = start


@dataclass(frozen=True, slots=True)
class Window:
    """The last bytes of a file of ``total`` bytes."""

    data: bytes
    total: int

    @property
    def start(self) -> int:
        """Where they begin."""
        return self.total - len(self.data)


class _File(io.RawIOBase):
    """A window, as a file that zipfile can read."""

    def __init__(self, window: Window) -> None:
        super().__init__()
        self._window, self._at = window, 0

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._window.total}[whence]
        if base + offset < 0:
            raise OSError(f"byte {base + offset} is before the start of the file")
        self._at = base + offset
        return self._at

    def read(self, size: int | None = -1, /) -> bytes:
        start, total = self._window.start, self._window.total
        stop = total if size is None or size < 0 else self._at + size
        if self._at < start and stop > self._at:
            raise Outside(self._at)
        data = self._window.data[self._at - start : stop - start]
        self._at += len(data)
        return data


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a member lies in its archive."""

    info: zipfile.ZipInfo
    start: int  # of its local header
    stop: int  # behind its last byte, and perhaps some more

    @property
    def length(self) -> int:
        """Bytes to fetch."""
        return self.stop - self.start


def place_of(window: Window, member: str, nbytes: int | None) -> Place:
    """Find a member in the directory at the end of a zip.

    Args:
        window: The end of the zip.
        member: The path of the member in it, or the last part of that path, where only one member has it.
        nbytes: Its unpacked size, where it is known.

    Raises:
        Outside: The directory begins before the window.
        Odd: The directory is none, or is not to be trusted, or lacks the member.
    """
    try:
        with zipfile.ZipFile(_File(window)) as archive:
            infos, end = archive.infolist(), archive.start_dir
    except _SENSELESS as error:
        raise Odd(f"its directory cannot be read ({error})") from None
    info = _named(infos, member)
    if flaw := _flaw(info, nbytes):
        raise Odd(f"{info.filename} {flaw}")
    start, others = info.header_offset, [one for one in infos if one is not info]
    boundary = min((one.header_offset for one in others if one.header_offset >= start), default=end)
    needed = start + _HEADER + len(info.orig_filename) + info.compress_size
    before = (one.header_offset + _HEADER + one.compress_size for one in others if one.header_offset < start)
    if not 0 <= start < needed <= min(boundary, end) or max(before, default=0) > start:
        raise Odd(f"{info.filename} overlaps its neighbours")
    return Place(info=info, start=start, stop=min(boundary, end, needed + 2 * 0xFFFF + _DESCRIPTOR))


def seal(path: Path, place: Place) -> None:
    """Make the bytes of a member, as they lie in its archive, a zip of that one member.

    Raises:
        Odd: The member's own header contradicts the directory.
        OSError: The file cannot be written.
    """
    info = copy(place.info)
    with path.open("r+b") as file:
        header = file.read(_HEADER)
        named, extra = int.from_bytes(header[26:28], "little"), int.from_bytes(header[28:30], "little")
        name, method = file.read(named), int.from_bytes(header[8:10], "little")
        end = _HEADER + named + extra + info.compress_size
        right = (b"PK\x03\x04", info.orig_filename.encode(), info.compress_type)
        if (header[:4], name, method) != right or end > place.length:
            raise Odd(f"{info.filename} begins with another header than its directory says")
        file.truncate(end)
        file.seek(end)
        info.header_offset, info.extra, info.comment = 0, b"", b""
        with zipfile.ZipFile(file, "w") as archive:  # writes at the place where the file is, and closes
            archive.filelist.append(info)


def _named(infos: Sequence[zipfile.ZipInfo], member: str) -> zipfile.ZipInfo:
    alike = [one for one in infos if one.filename == member]
    alike = alike or [one for one in infos if one.filename.rpartition("/")[2] == member]
    if len(alike) != 1:
        raise Odd(f"its directory names {member} {'several times' if alike else 'nowhere'}")
    return alike[0]


def _flaw(info: zipfile.ZipInfo, nbytes: int | None) -> str:
    """Say why a member must not be fetched alone; "" if it may."""
    if info.flag_bits & (_ENCRYPTED | _PATCH | _STRONG):
        return "is encrypted"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return f"is packed by method {info.compress_type}"
    if not info.orig_filename.isascii():
        return "has a name in an alphabet that zip files do not state reliably"
    stored = info.compress_type == zipfile.ZIP_STORED and info.file_size != info.compress_size
    most = info.compress_size * _LARGEST_RATIO + _SLACK if nbytes is None else nbytes
    if stored or not 0 < info.file_size <= most or info.compress_size <= 0:
        return f"cannot have {info.file_size:,} bytes in {info.compress_size:,}"
    if nbytes not in (None, info.file_size):
        return f"has {info.file_size:,} bytes, and {nbytes:,} are promised"
    return ""
