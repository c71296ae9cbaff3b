"""The bytes of a notebook → its code cells as one program; replacements → the bytes, the rest of them as it was."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from json import scanner
from json.decoder import scanstring  # type: ignore[attr-defined] # JSONDecoder takes a parse_string of this form
from typing import Any

from torchvectors.migrate.programs import Chunk, Edit, Fault, Place, Program, Unreadable, parse, splice

__all__ = ["read_notebook"]

# A cell that begins with one of these is not Python, or not to be run here.
_OTHER_LANGUAGE = re.compile(
    r"%%(?!capture\b|memit\b|mprun\b|prun\b|px\b|python3?\b|time\b|timeit\b|wandb\b)|!!",
)
_MAGIC = re.compile(
    r"""[ \t]*(?:
        [%!?]                          # %pip install …, !ls, ?GloVe
      | [\w., \t()]+=[ \t]*[%!](?!=)   # files = !ls
      | .*\?[ \t]*(?:\r\n|\r|\n|$)     # GloVe?
      | (?:pip|conda|mamba|uv)[ \t]   # pip install …, which IPython takes without its sign, too
    )""",
    re.VERBOSE,
)
# What one character of a string is in JSON.
_CHARACTER = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\]", re.DOTALL
)


class _String(str):
    """A string of a JSON text that knows where there it stands, between its quotation marks."""

    __slots__ = ("end", "start")
    start: int
    end: int


def _load(text: str) -> Any:
    """Return what a JSON text holds; its strings, other than the keys of objects, know their places.

    Raises:
        ValueError, RecursionError: It is not JSON.
    """

    def scan(whole: str, start: int, strict: bool = True) -> tuple[_String, int]:
        value, end = scanstring(whole, start, strict)
        string = _String(value)
        string.start, string.end = start, end - 1
        return string, end

    decoder: Any = json.JSONDecoder()
    decoder.parse_string = scan
    decoder.scan_once = scanner.py_make_scanner(decoder)  # type: ignore[attr-defined] # the C one asks no decoder
    return decoder.decode(text)


@dataclass(slots=True, kw_only=True)
class _Notebook:
    chunks: list[Chunk]
    tree: ast.Module
    faults: list[Fault]
    foreign: list[Fault]
    text: str
    encoding: str
    strings: list[list[_String]]  # of each chunk, the strings that its text is made of

    def edited(self, edits: list[Edit]) -> bytes:
        spans = [span for edit in edits for span in self._spans(edit)]
        return splice(self.text, spans).encode(self.encoding)

    def _spans(self, edit: Edit) -> list[tuple[int, int, str]]:
        """Return a replacement in a cell as replacements in the JSON text, one for each string that it touches."""
        spans, offset, new = [], 0, edit.new
        for string in self.strings[edit.chunk]:
            start, end = max(edit.start - offset, 0), min(edit.end - offset, len(string))
            if start < end:
                # The text of a string may be shorter than its JSON, by its escapes.
                raw = self.text[string.start : string.end]
                places = [*(found.start() for found in _CHARACTER.finditer(raw)), len(raw)]
                spans.append((string.start + places[start], string.start + places[end], new))
                new = ""
            offset += len(string)
        return spans


def read_notebook(raw: bytes) -> Program:
    """Read a Jupyter notebook.

    Raises:
        Unreadable: It is no notebook.
    """
    try:
        encoding = "utf-8-sig" if raw.startswith(b"\xef\xbb\xbf") else "utf-8"
        text = raw.decode(encoding)
        notebook = _load(text)
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"it is no notebook ({error})", getattr(error, "lineno", 1)) from error
    made = _Notebook(
        chunks=[], tree=ast.Module([], []), faults=[], foreign=[], text=text, encoding=encoding, strings=[]
    )
    if not _is_python(notebook):
        return made
    first = 1
    for number, strings in _code_cells(notebook):
        chunk = Chunk.of("".join(strings), number, first)
        made.chunks.append(chunk)
        made.strings.append(strings)
        _read_cell(chunk, made)
        first += len(chunk.starts)
    return made


def _is_python(notebook: Any) -> bool:
    metadata = notebook.get("metadata", {}) if isinstance(notebook, dict) else {}
    languages = (
        metadata.get(part, {}).get(name)
        for part, name in (("kernelspec", "language"), ("language_info", "name"))
    )
    return all(language is None or "python" in str(language).lower() for language in languages)


def _code_cells(notebook: Any) -> list[tuple[int, list[_String]]]:
    """Return the number of each code cell among all cells, from 1, and the strings that make its source."""
    if not isinstance(notebook, dict):
        return []
    sheets = notebook.get("worksheets", [notebook])  # which notebooks had before format 4
    cells = [cell for sheet in sheets for cell in sheet.get("cells", [])]
    found = []
    for number, cell in enumerate(cells, start=1):
        if cell.get("cell_type") == "code":
            source = cell.get("source", cell.get("input", []))
            strings = source if isinstance(source, list) else [source]
            found.append((number, [string for string in strings if isinstance(string, _String)]))
    return found


def _read_cell(chunk: Chunk, made: _Notebook) -> None:
    """Parse a cell, and add it to the notebook's tree."""
    ends = (*chunk.starts[1:], len(chunk.text))
    lines = [chunk.text[start:end] for start, end in zip(chunk.starts, ends, strict=True)]
    top = next((i for i, line in enumerate(lines) if line.strip()), 0)
    if _OTHER_LANGUAGE.match(lines[top]):
        made.foreign += [Fault(Place(chunk.cell, i + 1), line) for i, line in enumerate(lines)]
        return
    if lines[top].startswith("%%"):
        _blank(chunk, lines, top, made)
    while True:
        try:
            tree = parse("".join(lines))
            break
        except SyntaxError as error:
            # One at a time, where Python stumbles: a line of a longer expression may begin with "%", too.
            at = (error.lineno or 1) - 1
            if at >= len(lines) or not _MAGIC.match(lines[at]):
                text = f"Python 3 cannot read it ({error.msg})"
                made.faults.append(Fault(Place(chunk.cell, at + 1), text))
                return
            _blank(chunk, lines, at, made)
    made.tree.body += ast.increment_lineno(tree, chunk.first - 1).body


def _blank(chunk: Chunk, lines: list[str], at: int, made: _Notebook) -> None:
    """Put a statement that does nothing in the place of IPython's line, and of those that continue it."""
    going_on, indent = True, lines[at][: len(lines[at]) - len(lines[at].lstrip(" \t"))]
    while going_on and at < len(lines):
        made.foreign.append(Fault(Place(chunk.cell, at + 1), lines[at]))
        going_on = lines[at].rstrip("\r\n").endswith("\\")
        lines[at] = f"{indent}pass\n"
        at += 1
