"""The bytes of a program → its tree and its lines; replacements at places of the tree → the new bytes."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from bisect import bisect_right
from dataclasses import dataclass
from typing import NamedTuple, Protocol

__all__ = ["Chunk", "Edit", "Fault", "Place", "Program", "Unreadable", "parse", "read_script"]

_LINE_END = re.compile(r"\r\n|\r|\n")  # what Python's parser takes for one, and nothing else


class Unreadable(Exception):  # noqa: N818 - it ends the work on one file, and becomes a line of the report
    """A program that cannot be read: why, and on which of its lines."""

    def __init__(self, reason: str, line: int = 1) -> None:
        super().__init__(reason)
        self.line = line


class Place(NamedTuple):
    """Where a line is, as a person counts: from 1, in a notebook within its cell."""

    cell: int | None
    line: int

    def __str__(self) -> str:
        return f"line {self.line}" if self.cell is None else f"cell {self.cell}, line {self.line}"


class Edit(NamedTuple):
    """A replacement within the text of one chunk."""

    chunk: int
    start: int
    end: int
    new: str


class Fault(NamedTuple):
    """A part of a program that cannot be read, or a line in it that is not Python."""

    place: Place
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A piece of a program that is parsed by itself: a script, or a notebook's cell."""

    text: str
    cell: int | None
    first: int  # the number of its first line in the whole program, from 1
    starts: tuple[int, ...]  # where in the text each of its lines begins

    @staticmethod
    def of(text: str, cell: int | None = None, first: int = 1) -> Chunk:
        """Return the chunk of a text."""
        starts = (0, *(found.end() for found in _LINE_END.finditer(text)))
        return Chunk(text=text, cell=cell, first=first, starts=starts)


class Program(Protocol):
    """A program that was read."""

    chunks: list[Chunk]
    tree: ast.Module  # of all chunks; its line numbers count through
    faults: list[Fault]  # what of it could not be read
    foreign: list[Fault]  # lines that are IPython's, not Python's

    def edited(self, edits: list[Edit]) -> bytes:
        """Return the bytes of this program with some replacements, and every other byte as it was."""


def parse(text: str) -> ast.Module:
    """Parse a piece of a program, of which `await` may be a part as in a notebook.

    Raises:
        SyntaxError: It is not Python 3.
    """
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in its strings: its author's concern
            tree: ast.Module = compile(text, "<program>", "exec", flags, dont_inherit=True)
    except ValueError as error:  # a NUL, or a lone surrogate
        raise SyntaxError(str(error)) from error
    except (RecursionError, MemoryError) as error:
        raise SyntaxError("it is nested too deeply") from error
    return tree


def place_of(chunks: list[Chunk], line: int) -> Place:
    """Return where the line of a tree's node is."""
    chunk = chunks[bisect_right([chunk.first for chunk in chunks], line) - 1]
    return Place(chunk.cell, line - chunk.first + 1)


def locate(chunks: list[Chunk], line: int, column: int) -> tuple[int, int]:
    """Return the chunk, and the place in its text, of a node: ``column`` counts bytes of UTF-8, as `ast` does."""
    number = bisect_right([chunk.first for chunk in chunks], line) - 1
    chunk = chunks[number]
    start = chunk.starts[line - chunk.first]
    before = chunk.text[start : start + column].encode("utf-8", "surrogatepass")[:column]
    return number, start + len(before.decode("utf-8", "ignore"))


@dataclass(slots=True, kw_only=True)
class _Script:
    chunks: list[Chunk]
    tree: ast.Module
    faults: list[Fault]
    foreign: list[Fault]
    encoding: str

    def edited(self, edits: list[Edit]) -> bytes:
        return splice(self.chunks[0].text, [(edit.start, edit.end, edit.new) for edit in edits]).encode(
            self.encoding
        )


def splice(text: str, edits: list[tuple[int, int, str]]) -> str:
    """Return a text with some of its spans replaced."""
    parts, end = [], 0
    for start, stop, new in sorted(edits):
        parts += [text[end:start], new]
        end = stop
    return "".join([*parts, text[end:]])


def read_script(raw: bytes) -> Program:
    """Read a Python file.

    Raises:
        Unreadable: It is not Python 3, or its encoding cannot be read, or not be written back.
    """
    try:
        # It knows one line end alone, and looks at the first two lines.
        head = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        encoding, _ = tokenize.detect_encoding(io.BytesIO(head).readline)
        text = raw.decode(encoding)
        same = text.encode(encoding) == raw
    except (SyntaxError, UnicodeError, LookupError) as error:
        raise Unreadable(f"its encoding cannot be read ({error})") from error
    if not same:  # ISO-2022, for one, can write a text in several ways
        raise Unreadable(f"its encoding, {encoding}, cannot be written back byte for byte")
    try:
        tree = parse(text)
    except SyntaxError as error:
        raise Unreadable(f"Python 3 cannot read it ({error.msg})", error.lineno or 1) from error
    return _Script(chunks=[Chunk.of(text)], tree=tree, faults=[], foreign=[], encoding=encoding)
