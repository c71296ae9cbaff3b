"""A stream of bytes → its lines as text, each with its place, and what is wrong with it."""

from __future__ import annotations

import codecs
import io
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from torchvectors.errors import GraphError, ParseError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LARGEST_ROW", "Lines", "Place", "Readable", "TooLongError", "buffered", "expect_encoding"]

LARGEST_ROW = 1 << 24  # bytes; what is longer is a quote that nobody closed, or no text

_CHUNK = 1 << 18  # bytes
_BOM = codecs.BOM_UTF8
_BOMS_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # those of UTF-32 begin with, or hold, one of these
_SHOWN = 120  # characters of a row in an error's text


class TooLongError(ParseError):
    """A row has more bytes than a row may have; who reads rows catches it, and goes on or says so."""


class Readable(Protocol):
    """What bytes are read from."""

    def read(self, n: int, /) -> bytes:
        """Return up to ``n`` bytes, and none at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place between two rows of a text."""

    byte: int = 0  # of the text as it comes out of its archive; of UTF-16 and UTF-32, as it would be in UTF-8
    line: int = 0  # lines before it


class Lines:
    """The lines of a text, with their ends, read one at a time.

    A line ends with LF, and a CR before it is part of its end; a lone CR, U+0085 and U+2028 end none. A byte-order
    mark at the beginning is left out. Bytes that the encoding has not, and NULs, are a `fault` of the row that is
    being read: the line comes all the same, with U+FFFD in their place, so that it is known where the row ends.

    Args:
        stream: Where the bytes come from.
        where: What the text is called in an error: the path of its file, and its name in an archive.
        encoding: Of the text.
        largest: Bytes that one row may have.

    Raises:
        GraphError: There is no such encoding.
    """

    def __init__(
        self, stream: Readable, where: str, *, encoding: str = "utf-8", largest: int = LARGEST_ROW
    ) -> None:
        self.where, self.largest = where, largest
        self.byte = self.line = 0  # read so far
        self.first = 1  # the line that the row being read begins in, from 1
        self.fault = ""  # what is wrong with the text of this row
        self._encoding = _utf8_name(encoding)
        if not _has_ascii(self._encoding):
            stream, self._encoding = _Recoded(stream, where, encoding), "utf-8"
        self._file = stream if isinstance(stream, io.BufferedIOBase) else buffered(stream)
        self._held: list[bytes] = []  # the lines of this row
        self._room = largest  # bytes that this row may still have
        self._ahead: deque[bytes] = deque()  # lines that were given back
        self._head = b""  # the beginning of the next line, where it was too long

    @property
    def place(self) -> Place:
        """Where the next row begins."""
        return Place(byte=self.byte, line=self.line)

    def begin_row(self) -> None:
        """Begin a row: its first line is the next one."""
        self._held.clear()
        self._room, self.first, self.fault = self.largest, self.line + 1, ""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        """Return the next line.

        Raises:
            TooLongError: The row has more bytes than a row may have.
            ParseError: The text is UTF-16, and was not said to be; or is not in the encoding that was said, where that
                is UTF-16, UTF-32 or the like, and no line can be left out.
        """
        again = bool(self._ahead)
        raw = self._ahead.popleft() if again else self._read()
        if not raw:
            raise StopIteration
        if len(raw) > self._room:
            if again:
                self._ahead.appendleft(raw)
            else:
                self._head = raw
            text = f"this row has more than {self.largest:,} bytes"
            begun = self._begun(b"".join(self._held) + raw)
            raise TooLongError(
                f"{self.where}:{self.first}: {text}: {begun}. A quote may never be closed in it."
            )
        self._held.append(raw)
        self._room -= len(raw)
        if self.byte == 0:
            self.byte, raw = self._without_mark(raw)
        self.byte += len(raw)
        self.line += 1
        try:
            text = raw.decode(self._encoding)
        except UnicodeDecodeError as error:
            self._found(_undecodable(raw, error, self._encoding))
            text = raw.decode(self._encoding, "replace")
        if "\0" in text:
            self._found("it holds a NUL, so it is no text, or is UTF-16")
            text = text.replace("\0", "\ufffd")
        return text

    def _read(self) -> bytes:
        if not self._head:
            return self._file.readline(self._room + 1)
        head, self._head = self._head, b""
        if head.endswith(b"\n"):
            return head
        return head + self._file.readline(max(self._room + 1 - len(head), 0))

    def _found(self, fault: str) -> None:
        place = f"in line {self.line}, " if self.line > self.first else ""
        self.fault = self.fault or f"{place}{fault}"  # the first one is said

    def _without_mark(self, raw: bytes) -> tuple[int, bytes]:
        """Return how many bytes a byte-order mark has, and the first line without it."""
        if raw.startswith(_BOMS_16):
            text = f"{self.where}: this text begins with {raw[:4]!r}, as UTF-16 does, and is read as"
            raise ParseError(f"{text} {self._encoding}. Say so: encoding='utf-16'.")
        if self._encoding == "utf-8" and raw.startswith(_BOM):
            return len(_BOM), raw[len(_BOM) :]
        return 0, raw

    def give_back(self, keep: int = 0) -> None:
        """Give the lines of this row back, to be read again, but for the first ``keep``; a new row begins."""
        back = self._held[keep:]
        self._ahead.extendleft(reversed(back))
        self.byte -= sum(map(len, back))
        self.line -= len(back)
        self.begin_row()

    def leave_line(self) -> None:
        """Go on behind the first line of a row that could not be read; it may be a line that was too long."""
        if self._held:
            self.give_back(keep=1)
            return
        length, ended = len(self._head), self._head.endswith(b"\n")
        self._head = b""
        while not ended and (more := self._file.readline(_CHUNK)):
            length, ended = length + len(more), more.endswith(b"\n")
        self.byte += length
        self.line += 1
        self.begin_row()

    def go_to(self, place: Place) -> None:
        """Go to a place further on, without a look at what comes before.

        Raises:
            ParseError: The text ends before.
        """
        while self._ahead and self.byte < place.byte:  # these have been read from the stream already
            self.byte += len(self._ahead.popleft())
        left = place.byte - self.byte
        if left and self._head:
            left, self._head = left - len(self._head), b""
        if left > 0 and isinstance(self._file, (io.BufferedReader, io.BytesIO)) and self._file.seekable():
            target = self._file.tell() + left
            left = max(target - self._file.seek(0, io.SEEK_END), 0)
            self._file.seek(target)
        while left > 0 and (skipped := len(self._file.read(min(left, _CHUNK)))):
            left -= skipped
        if left:
            text = f"{self.where}: this text has no byte {place.byte:,}, behind which a state was taken"
            raise ParseError(f"{text}. Resume with the files as they were.")
        self.byte, self.line = place.byte, place.line

    def error(self, text: str) -> ParseError:
        """Return the error for the row that is being read."""
        return ParseError(f"{self.where}:{self.first}: {text}.")

    def shown(self) -> str:
        """Return the beginning of the row that is being read, for an error's text."""
        return self._begun(b"".join(self._held))

    def _begun(self, raw: bytes) -> str:
        shown = repr(raw[: 4 * _SHOWN].decode(self._encoding, "replace").rstrip("\r\n"))
        return shown if len(shown) <= _SHOWN and len(raw) <= 4 * _SHOWN else f"{shown[: _SHOWN - 1]}…"


def expect_encoding(encoding: str) -> str:
    """Return an encoding that there is.

    Raises:
        GraphError: There is none of this name, or it is none of text.
    """
    try:
        "a\n".encode(encoding)
    except (LookupError, TypeError) as error:
        cure = "Name one of Python's, such as 'utf-8', 'cp1252', 'latin-1' or 'utf-16'."
        raise GraphError(f"there is no encoding {encoding!r:.100} of text. {cure}") from error
    return encoding


def _utf8_name(encoding: str) -> str:
    """Return an encoding's own name; "utf-8" also where the caller says that a byte-order mark comes first."""
    name = codecs.lookup(expect_encoding(encoding)).name
    return "utf-8" if name == "utf-8-sig" else name


def _has_ascii(encoding: str) -> bool:
    """Say whether the byte 0x0A ends lines, and nothing else holds it."""
    return "\n\r\0,".encode(encoding) == b"\n\r\0,"


def _undecodable(raw: bytes, error: UnicodeDecodeError, encoding: str) -> str:
    what = f"byte 0x{raw[error.start]:02X}, the line's byte {error.start}, is not {encoding} ({error.reason})"
    return f"{what}; the encoding may be another: encoding='cp1252', for one"


def buffered(stream: Readable) -> io.BufferedReader:
    """Return a stream as the standard library's text and lines are read from."""
    return io.BufferedReader(_Raw(stream), _CHUNK)


class _Raw(io.RawIOBase):
    """A stream that has no more than ``read``, for the standard library's buffer."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # what io gives it
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class _Recoded:
    """A text in an encoding whose lines do not end with the byte 0x0A → the same in UTF-8."""

    def __init__(self, stream: Readable, where: str, encoding: str) -> None:
        self._stream, self._where, self._encoding = stream, where, encoding
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._ready = b""
        self._line, self._ended = 1, False

    def read(self, n: int) -> bytes:
        while not self._ready and not self._ended:
            data = self._stream.read(_CHUNK)
            self._ended = not data
            try:
                text = self._decoder.decode(data, final=self._ended)
            except UnicodeError as error:
                raise self._error(error) from error
            self._line += text.count("\n")
            self._ready = text.encode("utf-8")
        given, self._ready = self._ready[:n], self._ready[n:]
        return given

    def _error(self, error: UnicodeError) -> ParseError:
        text = f"{self._where}: at line {self._line} or soon after, this is not {self._encoding} ({error})"
        return ParseError(f"{text}. Say which encoding it is.")
