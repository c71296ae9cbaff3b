"""Two texts of one meaning → pairs of their lines: TED talks in archives within an archive, captions of pictures."""

from __future__ import annotations

import io
import tempfile
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from xml.parsers import expat

from torchvectors.corpora.text import Text, byte_lines, ends_with, opened
from torchvectors.errors import ArchiveError, ParseError, warn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torchvectors.archive import MemberStream
    from torchvectors.corpora.asked import Asked

__all__ = ["caption_rows", "talk_rows"]

_PREFIXES = {"train": "train", "valid": "val", "test": "test"}
# A line of a training text that holds one of these tells of the talk, and is no line of it.
_TAGS = (
    "url",
    "keywords",
    "talkid",
    "description",
    "reviewer",
    "translator",
    "title",
    "speaker",
    "doc",
    "/doc",
)
_CHUNK = 1 << 18  # bytes
_CURE = "The file is not what it should be: delete it to get it anew."


def caption_rows(path: Path, asked: Asked) -> Iterator[tuple[str, str]]:
    """Yield the captions of Multi30k in two languages, without their newlines."""

    def lines(language: str) -> Iterator[str]:
        end = f"{_PREFIXES[asked.split]}.{language}"
        with opened(path, ends_with(end), end) as stream:
            for line in Text(stream, f"{path}: {stream.name}"):
                yield line.rstrip("\n")

    source, target = asked.languages
    return _paired(path, lines(source), lines(target))


def talk_rows(path: Path, inner: str, asked: Asked, year: str) -> Iterator[tuple[str, str]]:
    """Yield the lines of IWSLT's talks in two languages, each with its newline.

    The archive within the archive is copied to a temporary file, for both languages lie in it, one behind the other.

    Args:
        path: The archive.
        inner: How the path of the archive in it ends, with {0} and {1} for the languages.
        asked: Which split, or set of talks, in which languages.
        year: The number in the names of its files.
    """
    source, target = asked.languages
    end = inner.format(source, target)
    if asked.split == "train":
        name, cleaned = f"train.tags.{source}-{target}.{{}}", _untagged
    else:
        name, cleaned = f"IWSLT{year}.TED.{asked.chosen}.{source}-{target}.{{}}.xml", _segments
    with _unpacked(path, end) as scratch:

        def lines(language: str) -> Iterator[str]:
            member = name.format(language)
            with opened(scratch, ends_with(member), member) as stream:
                for line in cleaned(stream, f"{path}: {end}: {member}"):
                    # torchtext wrote cleaned lines to a file and read that again: a CR in one ended it.
                    yield from io.StringIO(f"{line.strip()}\n", newline=None)

        try:
            yield from _paired(path, lines(source), lines(target))
        except ArchiveError as error:
            raise type(error)(str(error).replace(str(scratch), f"{path}: {end}")) from error


def _paired(path: Path, sources: Iterable[str], targets: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Pair lines, up to the end of the shorter text."""
    for source, target in zip_longest(sources, targets):
        if source is None or target is None:
            text = f"{path}: one of the two texts has more lines than the other"
            warn(f"{text}. Its last ones are left out, and pairs before them may not belong together.")
            return
        yield source, target


@contextmanager
def _unpacked(path: Path, end: str) -> Iterator[Path]:
    """Copy a member to a temporary file."""
    with tempfile.TemporaryDirectory(prefix="torchvectors-") as folder:
        scratch = Path(folder) / end.rpartition("/")[2]
        with opened(path, ends_with(end), end) as stream, scratch.open("wb") as file:
            while data := stream.read(_CHUNK):
                file.write(data)
        yield scratch


def _untagged(stream: MemberStream, where: str) -> Iterator[str]:
    """Yield the lines of a training text, without those that tell of the talks."""
    for number, line in enumerate(byte_lines(stream), start=1):
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ParseError(f"{where}:{number}: this is not UTF-8 ({error.reason}). {_CURE}") from error
        if not any(f"<{tag}" in text for tag in _TAGS):
            yield text


def _segments(stream: MemberStream, where: str) -> Iterator[str]:
    """Yield the segments of the documents in a set's first part, as they come; one without a text is an empty line.

    No entity is expanded but XML's own five, so that a small file stays one.
    """
    parts = _Parts()
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = parts.begin, parts.end
    parser.CharacterDataHandler, parser.EntityDeclHandler = parts.text, _refuse_entity
    ended = False
    while not ended:
        data = stream.read(_CHUNK)
        ended = not data
        try:
            parser.Parse(data, ended)
        except (expat.ExpatError, _EntityError) as error:
            said = f"{where}:{parser.CurrentLineNumber}: this is not the XML that it should be ({error})"
            raise ParseError(f"{said}. {_CURE}") from error
        yield from parts.found
        parts.found.clear()


class _EntityError(ValueError):
    """The text declares an entity of its own."""


def _refuse_entity(name: str, *_: object) -> NoReturn:
    raise _EntityError(f"it declares an entity, {name!r}")


class _Parts:
    """Where a parser is in the tree, and what it has found of: root, first part, "doc", "seg"."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._path: list[str] = []
        self._parts = 0  # of the root, so far
        self._held: list[str] | None = None  # the text of the segment that is open
        self._is_whole = False  # a child has begun in it, before which its text ends

    def begin(self, tag: str, _: dict[str, str]) -> None:
        self._parts += len(self._path) == 1
        self._path.append(tag)
        if self._parts == 1 and self._path[2:] == ["doc", "seg"]:
            self._held, self._is_whole = [], False
        else:
            self._is_whole = True

    def text(self, data: str) -> None:
        if self._held is not None and not self._is_whole:
            self._held.append(data)

    def end(self, _: str) -> None:
        if self._held is not None and len(self._path) == 4:
            self.found.append("".join(self._held))
            self._held = None
        self._path.pop()
