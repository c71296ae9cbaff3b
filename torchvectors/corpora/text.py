"""A member's bytes → its lines of text, with their numbers, as Python's ``open()`` reads them in text mode."""

from __future__ import annotations

import io
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from torchvectors.archive import contents_of, each_member
from torchvectors.errors import MemberError, ParseError
from torchvectors.reading import buffered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from torchvectors.archive import MemberStream

__all__ = ["Text", "byte_lines", "ends_with", "missing_member", "opened", "text_of"]


class Text:
    r"""The lines of a text in UTF-8, each with its newline, read once.

    A line ends with LF, CR, or both, and each of them is read as "\n": so torchtext's files were opened. Nothing else
    ends one.

    Args:
        stream: The bytes.
        where: What to call them in an error.
    """

    def __init__(self, stream: MemberStream, where: str) -> None:
        self.where, self.line = where, 0  # lines read so far
        self._file = io.TextIOWrapper(buffered(stream), "utf-8", newline=None)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        """Return the next line.

        Raises:
            ParseError: Bytes that are not UTF-8 come next, or soon after.
        """
        try:
            line = next(self._file)
        except UnicodeDecodeError as error:
            self.line += 1 + error.object[: error.start].count(b"\n")
            said = f"byte 0x{error.object[error.start]:02X} is not UTF-8 ({error.reason})"
            raise self.error(said, self.line) from error
        self.line += 1
        return line

    def error(self, text: str, line: int) -> ParseError:
        """Return the error for a row that begins in this line."""
        cure = "The file is not what it should be: delete it to get it anew"
        return ParseError(f"{self.where}:{line}: {text}. {cure}.")


def byte_lines(stream: MemberStream) -> Iterator[bytes]:
    """Yield the lines of a text as bytes, each with its LF, which alone ends one."""
    yield from buffered(stream)


def ends_with(end: str) -> Callable[[str], bool]:
    """Return what says of a member's path whether it ends so, at the beginning of a name or behind a point in it.

    What a Mac adds to an archive beside each file, "._" before its name, is never meant.
    """

    def wanted(name: str) -> bool:
        folder, _, last = name.rpartition("/")
        if not name.endswith(end) or last.startswith("._") or "__MACOSX" in folder.split("/"):
            return False
        return len(name) == len(end) or name[-len(end) - 1] in "/."

    return wanted


@contextmanager
def opened(path: Path, wanted: Callable[[str], bool], what: str) -> Iterator[MemberStream]:
    """Open the first member that is wanted; of a file that is no archive, itself.

    Args:
        path: The archive.
        wanted: Says of a member's path whether it is.
        what: What to call it where there is none.

    Raises:
        MemberError: There is none.
        ArchiveError: The archive is damaged.
    """
    with closing(each_member(path, wanted)) as members:
        for stream in members:
            yield stream
            return
    raise missing_member(path, what)


def missing_member(path: Path, what: str) -> MemberError:
    """Return the error for an archive that lacks what is read of it."""
    held = contents_of(path).members
    shown = ", ".join(held[:20]) + (f" and {len(held) - 20:,} more" if len(held) > 20 else "")
    text = f"{path}: there is no {what!r} in this archive. It holds: {shown or 'nothing'}."
    return MemberError(f"{text} Delete it to get it anew.")


@contextmanager
def text_of(path: Path, end: str | None = None) -> Iterator[Text]:
    """Open the text of a file, or of the member of an archive whose path ends so."""
    wanted = (lambda _: True) if end is None else ends_with(end)
    with opened(path, wanted, end or path.name) as stream:
        inside = stream.name not in (path.name, path.stem)
        yield Text(stream, f"{path}: {stream.name}" if inside else str(path))
