"""Paths, and how to read them → one pass over the rows of all texts that are there, in archives or not."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from torchvectors.archive import contents_of, each_member, open_member
from torchvectors.errors import GraphError, MemberError, NotFoundError, ParseError, TorchVectorsError
from torchvectors.reading import (
    LARGEST_ROW,
    BadRows,
    Kind,
    Lines,
    Place,
    Policy,
    WholeTexts,
    check_policy,
    expect_encoding,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from torchvectors.archive import MemberStream
    from torchvectors.files.listing import Wanted

__all__ = ["START", "How", "Pass"]

_RULES = 1  # raised where equal files and settings come to give other rows
START: dict[str, int] = {"file": 0, "member": 0, "row": 0, "byte": 0, "line": 0}


@dataclass(frozen=True, slots=True)
class How:
    """How files are read.

    Raises:
        GraphError: There is no such encoding or policy, or a row may have no bytes.
    """

    stage: str  # who reads them, for errors
    kind: Kind
    encoding: str = "utf-8"
    bad_rows: Policy = "error"
    members: Wanted | None = None
    largest: int = LARGEST_ROW  # bytes of a row

    def __post_init__(self) -> None:
        try:
            expect_encoding(self.encoding)
            check_policy(self.bad_rows)
        except GraphError as error:
            raise GraphError(f"{self.stage}: {error}") from error
        if isinstance(self.largest, bool) or not isinstance(self.largest, int) or self.largest < 1:
            raise GraphError(
                f"{self.stage}: max_row_bytes={self.largest!r} must be a whole number, 1 or more."
            )

    def __str__(self) -> str:
        """Say it, for a checksum and for a graph's description."""
        said = f"{self.kind}, {self.encoding!r}, bad rows: {self.bad_rows}, {self.members}, {self.largest}"
        return f"rules {_RULES}, {said}"


class Pass:
    """One pass over the rows of files.

    Args:
        how: How they are read.
        paths: The files; more may come while it is under way.
        start: Where to begin.
        glance: What a place says of the files.
        tell: Is told of the rows that were left out, at the end.
    """

    def __init__(
        self,
        how: How,
        paths: Iterable[Path],
        start: Mapping[str, int] = START,
        glance: str = "",
        tell: Callable[[BadRows], None] | None = None,
    ) -> None:
        self.bad = BadRows(how.bad_rows, quiet=tell is None)
        self._how, self._paths, self._start, self._glance, self._tell = how, paths, start, glance, tell
        self._file = self._member = self._row = 0
        self._lines: Lines | None = None
        self._rows = self._all()

    def __iter__(self) -> Iterator[Any]:
        return self._rows

    def place(self) -> dict[str, Any]:
        """Return where the next row is: enough to go there without reading what comes before in a plain file."""
        at = dict(self._start)
        if self._lines is not None:
            place = self._lines.place
            at = {"file": self._file, "member": self._member, "row": self._row, "byte": place.byte}
            at["line"] = place.line
        return {**at, "files": self._glance}

    def _all(self) -> Iterator[Any]:
        start, given, where = self._start, False, ""
        self.bad.doubt = self._how.kind.settings if start is START else ""
        for file, path in enumerate(self._paths):
            if file < start["file"]:
                continue
            for member, (lines, name) in enumerate(self._texts(path)):
                at = (file, member)
                if at < (start["file"], start["member"]):
                    continue
                begin = None
                self._file, self._member, self._row = file, member, 0
                if at == (start["file"], start["member"]) and start["row"]:
                    begin, self._row = Place(byte=start["byte"], line=start["line"]), start["row"]
                before, where = self.bad.count, lines.where
                for row in self._how.kind.rows(lines, self.bad, begin, name):
                    self._lines, given = lines, True
                    self._row += 1
                    self.bad.doubt = ""
                    yield row
                if self._row == 0 and not isinstance(self._how.kind, WholeTexts):
                    self._expect_some(before, lines.where)
        if not given and start is START:
            self._expect_some(0, "what was named")
            if where:
                self.bad.remark(f"{self._how.stage}: not one row is in what was named; the last was {where}.")
        if self.bad.count and self._tell is not None:
            self._tell(self.bad)

    def _expect_some(self, before: int, where: str) -> None:
        """See that not all rows were bad: then it is not the rows that must be mended, but how they are read."""
        if self.bad.last is not None and self.bad.count > before:
            text = f"{where}: none of {self.bad.count - before:,} rows can be read, the last because of this:"
            raise ParseError(
                f"{text} {self.bad.last} Look at how it is to be read: its columns, labels, encoding."
            )

    def _texts(self, path: Path) -> Iterator[tuple[Lines, str]]:
        """Yield what a file holds, and the path by which the folder of that is known."""
        wanted = self._how.members
        try:
            if wanted is None:
                with self._only(path) as stream:
                    yield from self._opened(path, stream)
                return
            missing: Sequence[str] = wanted.patterns
            for stream in each_member(path, wanted):
                if _is_single(stream):
                    text = f"{path}: this is no archive of several files, and members={wanted.patterns!r} names some"
                    raise MemberError(f"{text}. Leave members= out.")
                missing = wanted.missing(stream.name, missing)
                yield from self._opened(path, stream)
        except FileNotFoundError as error:
            if isinstance(error, TorchVectorsError):
                raise
            raise NotFoundError(f"{self._how.stage}: {path} has gone since it was named.") from error
        except PermissionError as error:
            raise NotFoundError(f"{self._how.stage}: {path} may not be read ({error.strerror}).") from error
        if missing:
            raise _nothing_named(path, missing[0])

    @contextmanager
    def _only(self, path: Path) -> Iterator[MemberStream]:
        with ExitStack() as stack:
            try:
                stream = stack.enter_context(open_member(path))
            except MemberError as error:
                raise self._unsaid(path) from error
            yield stream

    def _unsaid(self, path: Path) -> MemberError:
        names = contents_of(path).members
        folders = isinstance(self._how.kind, WholeTexts)  # whose names are the labels
        text = f"{path}: there are {len(names)} files to choose from in this archive. {_held(names)}"
        paths = [
            one for one in map(PurePosixPath, names) if not any(part.startswith(".") for part in one.parts)
        ]
        if not (paths := [one for one in paths if not folders or len(one.parts) > 1]):
            return MemberError(
                f"{text} None of them {'lies in a folder of its own' if folders else 'can be meant'}."
            )
        ((suffix, _),) = Counter(one.suffix for one in paths).most_common(1)
        meant = f"*{suffix}" if suffix else "*" if folders else str(paths[0])
        return MemberError(f"{text} Say which are meant: members={'*/' * folders + meant!r}, for one.")

    def _opened(self, path: Path, stream: MemberStream) -> Iterator[tuple[Lines, str]]:
        how = self._how
        single = _is_single(stream)
        where, name = (str(path), path.as_posix()) if single else (f"{path}/{stream.name}", stream.name)
        if not stream.plain:
            yield Lines(stream, where, encoding=how.encoding, largest=how.largest), name
            return
        with path.open("rb") as file:  # which can be gone on in, where a stream can only be read through
            yield Lines(file, where, encoding=how.encoding, largest=how.largest), name


def _is_single(stream: MemberStream) -> bool:
    """Say whether a file has no members: it is plain, or was packed alone."""
    return stream.plain or stream.total is None


def _nothing_named(path: Path, pattern: str) -> MemberError:
    text = (
        f"{path}: there is nothing in this archive that {pattern!r} names. {_held(contents_of(path).members)}"
    )
    return MemberError(f"{text} Name one of these, or a glob for several.")


def _held(names: Sequence[str]) -> str:
    shown = ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
    return f"It holds: {shown or 'nothing'}."
