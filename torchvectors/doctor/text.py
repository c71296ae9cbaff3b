"""Rows of text → what is odd about them, to the end, where `read_text` would stop at the first that is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from torchvectors.doctor.tally import Tally, shown
from torchvectors.errors import ParseError
from torchvectors.formats import Block
from torchvectors.formats.text import first_dim, parse_lines, whole_lines, without_header

if TYPE_CHECKING:
    from torchvectors.formats import ByteStream

__all__ = ["scan_text"]

_BOM = b"\xef\xbb\xbf"


def scan_text(stream: ByteStream, *, name: str) -> tuple[Tally, tuple[int, int] | None]:
    """Look at every row of a text.

    Returns:
        What was found; and the rows and the dim that the first line promises, if it is a header.
    """
    tally = Tally("line")
    header: tuple[int, int] | None = None
    try:
        for first, lines in whole_lines(stream, name):
            text, line = lines, first
            if first == 1:
                if lines.startswith(_BOM):
                    tally.note("bom")  # a header behind it is none to the reader, which shows in what follows
                text = without_header(lines)
                if text is not lines:
                    rows, dim = lines.partition(b"\n")[0].split()
                    header, line = (int(rows), int(dim)), 2
            if count := text.count(b"\r\n"):
                tally.note("crlf", line + text[: text.index(b"\r\n")].count(b"\n"), count=count)
            if tally.dim is None:
                tally.dim = first_dim(text, name, line)
            if tally.dim is not None:
                _look_at(text, tally.dim, line, tally)
    except ParseError as error:
        said = str(error)
        # Where not one row could be read, there is nothing that damage could have come to.
        tally.note("tabs" if "tabs" in said else "damaged" if tally.met else "no-vectors", detail=said)
        return tally, header
    if tally.dim is None:
        tally.note("damaged", detail=f"{name}: there is no row of a token and numbers in it.")
    elif header is not None:
        _compare(header, tally)
    return tally, header


def _look_at(text: bytes, dim: int, line: int, tally: Tally) -> None:
    """Look at whole lines; the file's last one may lack its newline."""
    lines = text.split(b"\n")
    unended = line + len(lines) - 1 if lines[-1] else None
    block = parse_lines(text, dim)
    if block is not None:
        tally.add(block, range(line, line + len(block)))
        if unended:
            tally.note("no-newline", unended)
        return
    tokens: list[bytes] = []
    rows: list[list[float]] = []
    places: list[int] = []
    for number, row in enumerate(lines if unended else lines[:-1], line):
        token, *fields = row.rstrip().split(b" ")
        numbers = _numbers(fields) if len(fields) == dim else None
        if not row.rstrip():
            tally.note("blank-lines", number)
        elif numbers is not None:
            tokens.append(token)
            rows.append(numbers)
            places.append(number)
            if number == unended:
                tally.note("no-newline", number)
        elif number == unended and len(fields) <= dim:
            tally.note("cut-row", number, f"{shown(token)}, with {len(fields):,} numbers of {dim:,}")
        elif len(fields) != dim:
            tally.note("wrong-width", number, f"{shown(token)}, with {len(fields):,} numbers, not {dim:,}")
        else:
            tally.note("no-number", number, shown(token))
    if tokens:
        with np.errstate(over="ignore"):
            tally.add(Block.of(tokens, np.array(rows, np.float64).astype(np.float32)), places)


def _numbers(fields: list[bytes]) -> list[float] | None:
    try:
        return [float(field) for field in fields]
    except ValueError:
        return None


def _compare(header: tuple[int, int], tally: Tally) -> None:
    rows, dim = header
    if dim != tally.dim:
        tally.note("header-dim", 1, detail=f"it says {dim:,}, and they have {tally.dim:,}")
    if rows != tally.met:
        tally.note("header-count", 1, detail=f"it says {rows:,}, and there are {tally.met:,}")
