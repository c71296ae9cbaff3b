"""A stream → the same, of which no more is read than may be: what an archive says of itself is not believed."""

from __future__ import annotations

import lzma
import tarfile
from typing import TYPE_CHECKING, BinaryIO, Protocol

from torchvectors.errors import ArchiveError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "CHUNK",
    "LARGEST_RATIO",
    "MADE_TO_HARM",
    "MOST_MEMBERS",
    "SLACK",
    "Bounded",
    "Readable",
    "Seekable",
    "Unxz",
    "damaged",
    "most_of",
    "refuse_many",
    "too_much",
]

# Text with numbers shrinks to a third; zeros shrink to a thousandth. What grows more than this is no vector file.
LARGEST_RATIO = 200
SLACK = 1 << 20  # bytes that even the smallest archive may unpack to
MOST_MEMBERS = (
    450_000  # of an archive; the Daily Mail's stories are 219,506, whose names count for 70,000 more
)

CHUNK = 1 << 16  # bytes
_LONGEST_HEADER = 1 << 20  # bytes of a tar before one of its members: a name, times, a map of holes
_XZ_MEMORY = 256 << 20  # bytes; `xz -9` needs 65 MB, and a file can ask for gigabytes

MADE_TO_HARM = "it is made to fill a disk. Delete it."


class Readable(Protocol):
    """What a member's bytes are read from."""

    def read(self, n: int, /) -> bytes:
        """Return up to ``n`` bytes."""


class Seekable(Readable, Protocol):
    """What may turn out to be a tar archive."""

    def seek(self, offset: int, /) -> int:
        """Go to a place."""

    def tell(self) -> int:
        """Return the place."""


class Bounded:
    """A stream that is not read behind a limit, be it to skip a member or to take a name of gigabytes.

    While `headers` go by, tarfile jumps where they say, and believes lengths below zero. Before it reads a header, it
    reads the byte before that; what is packed would be unpacked anew from its beginning for it, so one byte is kept.
    """

    def __init__(self, stream: Seekable, *, path: Path, limit: int) -> None:
        self._stream, self._path, self._limit = stream, path, limit
        self._left: int | None = None  # bytes of headers before the next member; None: no headers are read
        self._last, self._back = (
            b"",
            False,
        )  # the byte before the stream's place; whether to give it once more

    def headers(self, *, more: bool) -> None:
        """Expect the headers of one more member, or none."""
        self._left = _LONGEST_HEADER if more else None

    def read(self, n: int, /) -> bytes:
        """Return up to ``n`` bytes."""
        if n < 0:
            raise tarfile.ReadError(f"a length of {n}")
        self._refuse_behind(self.tell() + n)
        if self._left is not None:
            self._left -= n
            if self._left < 0:
                raise tarfile.ReadError(f"a header of more than {_LONGEST_HEADER:,} bytes")
        again = self._last if self._back and n else b""
        data = again + self._stream.read(n - len(again))
        self._last, self._back = data[-1:] or self._last, self._back and not again
        return data

    def seek(self, offset: int, /) -> int:
        """Go to a place."""
        if offset < 0 or (self._left is not None and offset + 1 < self.tell()):
            raise tarfile.ReadError("a member that begins before its own header")
        self._refuse_behind(offset)
        place = self._stream.tell()
        self._back = offset == place - 1 and bool(self._last)
        if not self._back and offset != place:
            self._last = b""
            self._stream.seek(offset)
        return offset

    def tell(self) -> int:
        """Return the place."""
        return self._stream.tell() - self._back

    def _refuse_behind(self, place: int) -> None:
        if place > self._limit:
            raise too_much(self._path, self._path.name, self._limit)


class Unxz:
    """What xz packed, one stream or several, in bounded memory: `lzma.open` gives a file the memory it asks for."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._at = file, 0
        self._machine = _machine()

    def read(self, n: int, /) -> bytes:
        """Return ``n`` bytes, or what is left."""
        parts: list[bytes] = []
        left = n
        while left > 0:
            packed = b""
            if self._machine.eof:
                packed = self._machine.unused_data.lstrip(b"\0")  # zeros may follow a stream
                while not packed and (chunk := self._file.read(CHUNK)):
                    packed = chunk.lstrip(b"\0")
                if not packed:
                    break
                self._machine = _machine()
            elif self._machine.needs_input and not (packed := self._file.read(CHUNK)):
                raise EOFError("its last stream has no end")
            data = self._machine.decompress(packed, left)
            parts.append(data)
            left -= len(data)
        self._at += n - left
        return b"".join(parts)

    def seek(self, offset: int, /) -> int:
        """Go to a place: on, or back to the beginning and on from there."""
        if offset < self._at:
            self._file.seek(0)
            self._machine, self._at = _machine(), 0
        while self._at < offset and self.read(min(CHUNK, offset - self._at)):
            pass
        return self._at

    def tell(self) -> int:
        """Return the place."""
        return self._at


def _machine() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)


def most_of(packed: int) -> int:
    """Return how many bytes an archive of ``packed`` bytes may unpack to."""
    return packed * LARGEST_RATIO + SLACK


def too_much(path: Path, name: str, limit: int) -> ArchiveError:
    """Return the error for a member that unpacks to more than it may."""
    text = f"{path}: {name} unpacks to more than the {limit:,} bytes it may have."
    return ArchiveError(f"{text} The file is not what it should be: delete it.")


def damaged(path: Path, error: Exception) -> ArchiveError:
    """Return the error for what the standard library says of an archive."""
    said = str(error) or type(error).__name__
    return ArchiveError(f"{path}: this archive is cut short or damaged ({said}). Delete it and get it again.")


def refuse_many(path: Path, count: int) -> None:
    """Refuse an archive of more members than any that is meant to be read.

    Raises:
        ArchiveError: It is one.
    """
    if count > MOST_MEMBERS:
        raise ArchiveError(
            f"{path}: it has more than {MOST_MEMBERS:,} members, or names as long: {MADE_TO_HARM}"
        )
