r"""Rows of text → blocks: GloVe ``.txt``, and fastText ``.vec`` or word2vec text with their header line.

A row is ``token number … number\n``: fields are parted by the byte 0x20 alone and rows by 0x0A alone, for tokens
may hold any other white space (glove.840B has no-break spaces, glove.twitter.27B a lone U+0085). White space at
a row's end does not count (fastText ends each row with a space, other programs with a carriage return).
"""

from __future__ import annotations

import logging
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from torchvectors.errors import ParseError, warn
from torchvectors.formats.block import Block, keep_heap
from torchvectors.formats.decimals import BEFORE, padded, parse_decimals
from torchvectors.formats.numbers import parse_numbers
from torchvectors.formats.utf8 import decodable, is_utf8
from torchvectors.threads import in_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from torchvectors.formats.stream import ByteStream

__all__ = ["first_dim", "parse_lines", "read_text", "whole_lines", "without_header"]

logger = logging.getLogger(__name__)

SPACE, NEWLINE, RETURN = 0x20, 0x0A, 0x0D
BLOCK = 1 << 20  # bytes read at a time; with more blocks, threads wait more often for Python's lock
_DIGITS = 18  # of a number in a header; more is no count of anything
LONGEST_ROW = 16 << 20  # bytes; some 500,000 numbers, so a file without newlines ends in an error soon


def read_text(stream: ByteStream, *, name: str, max_vectors: int | None = None) -> Iterator[Block]:
    """Read tokens and rows.

    Args:
        stream: The file's bytes.
        name: What errors call the file.
        max_vectors: Stop after so many tokens; None or 0 means all of them.

    Yields:
        Blocks, all of one dim; none of them empty. A token that is not UTF-8 is left out, with its row, and a
        blank line is none, so the number of tokens is the number of rows. Duplicates are kept.

    Raises:
        ParseError: A row has another number of fields than the first one, or a field that is no number, or
            there is no row at all; ``name``, line and token are named.

    Warns:
        UserWarning: A header promises more rows than there are: the file may be cut between two rows.

    Source: the rules of torchtext 0.18 ``Vectors.cache``; its header rule (a row with one number) is applied to
    the first line only, so that files of dim 1 can be read. As there, the rows are believed and not the header.
    """
    keep_heap()
    runs = whole_lines(stream, name)
    dim, promised, first = _first_run(runs, name)
    parse = partial(_parsed, dim=dim, name=name)
    # Who wants the first tokens only is to have read no more than those take.
    rows = map(parse, chain(first, runs)) if max_vectors else in_order(parse, chain(first, runs))
    found = skipped = 0
    for whole in rows:
        block = decodable(whole)
        skipped += len(whole) - len(block)
        if max_vectors and found + len(block) > max_vectors:
            block = block.head(max_vectors - found)
        found += len(block)
        if len(block):
            yield block
        if max_vectors and found >= max_vectors:
            break
    else:
        if 0 < found + skipped < promised:
            said = f"{name}: its first line promises {promised:,} rows, and there are {found + skipped:,}."
            warn(f"{said} It may be cut: get the file again; or mend its first line.")
    if skipped:
        logger.info("%s: left out %d tokens that are not UTF-8, as torchtext did", name, skipped)
    if not found:
        raise ParseError(
            f"{name}: there is no row of a token and numbers in this file; it is empty or cut short."
        )


def _first_run(runs: Iterable[tuple[int, bytes]], name: str) -> tuple[int, int, list[tuple[int, bytes]]]:
    """Return the dim, how many rows a header promises (0 without one), and the run of the first row, without it."""
    promised = 0
    for line, lines in runs:
        text = without_header(lines) if line == 1 else lines
        if text is not lines:
            promised = int(lines.split(b" ", 1)[0])
        first = line + (text is not lines)
        if dim := first_dim(text, name, first):
            return dim, promised, [(first, text)]
    return 0, promised, []


def _parsed(run: tuple[int, bytes], *, dim: int, name: str) -> Block:
    line, text = run
    block = parse_lines(text, dim)
    return _parse_slowly(text, dim, name, line) if block is None else block


def whole_lines(stream: ByteStream, name: str) -> Iterator[tuple[int, bytes]]:
    """Yield runs of whole lines, and the number of the first line of each; the last may lack its newline."""
    line, rest = 1, b""
    while chunk := stream.read(BLOCK):
        if line == 1 and b"\0" in chunk:
            raise ParseError(f"{name}: this is a binary file, not rows of text.")
        cut = chunk.rfind(b"\n") + 1
        if not cut:
            rest += chunk
            if len(rest) > LONGEST_ROW:
                text = f"{name}:{line}: there is no end of line within {LONGEST_ROW} bytes: this is no vector file."
                raise ParseError(text)
            continue
        # A header must come together with the row after it, by which it is known.
        if line == 1 and (rest + chunk[:cut]).count(b"\n") == 1:
            rest += chunk
            continue
        lines = rest + chunk[:cut]
        yield line, lines
        rest = chunk[cut:]
        line += int(
            np.count_nonzero(np.frombuffer(lines, np.uint8) == NEWLINE)
        )  # ten times as fast as bytes.count
    if rest:
        yield line, rest


def without_header(lines: bytes) -> bytes:
    """Cut off a first line ``N D``, if it is one: two integers, and D numbers in the row below."""
    first, _, below = lines.partition(b"\n")
    fields = first.rstrip().split(b" ")
    if len(fields) != 2 or not all(field.isdigit() and len(field) <= _DIGITS for field in fields):
        return lines
    row = below.partition(b"\n")[0].rstrip().split(b" ")
    # Two integers are a row too, where rows have one number each; D tells, unless it is 1 as well.
    is_row = len(row) == 2 and int(fields[1]) != 1
    return lines if is_row else below


def first_dim(text: bytes, name: str, line: int) -> int | None:
    """Return the dim of the first row in some whole lines, of which ``line`` is the first; None if all are blank."""
    for number, row in enumerate(text.split(b"\n"), line):
        if not (row := row.rstrip()):
            continue
        dim = row.count(b" ")
        if not dim:
            hint = "its fields are parted by tabs, not spaces" if b"\t" in row else "there is no number in it"
            raise ParseError(f"{name}:{number}: this row cannot be read: {hint}: {_shown(row)}")
        return dim
    return None


def parse_lines(text: bytes, dim: int) -> Block | None:
    """Parse whole lines with array operations; None where any line is out of the ordinary."""
    raw = padded(text if text.endswith(b"\n") else text.rstrip() + b"\n")
    newlines = raw == NEWLINE
    count = int(np.count_nonzero(newlines))
    ends = np.flatnonzero(newlines | (raw == SPACE))  # of fields
    width, more = divmod(len(ends), count)
    if more or width not in (dim + 1, dim + 2):
        return None
    table = ends.reshape(count, width)
    row_ends = table[:, -1]
    # There are as many newlines as rows: where one ends each row, all other ends are spaces.
    if (raw.take(row_ends) != NEWLINE).any():
        return None
    tails = row_ends - (raw.take(row_ends - 1) == RETURN)
    if width == dim + 2 and (tails - table[:, dim] != 1).any():  # not a space at each row's end
        return None
    number_starts, number_ends = table[:, :dim] + 1, table[:, 1 : dim + 1].copy()
    if width == dim + 1:
        number_ends[:, -1] = tails
    numbers, odd = parse_decimals(raw, number_starts.reshape(-1), number_ends.reshape(-1))
    if len(odd):
        if len(odd) > count:  # more than one a row
            odd, found = np.arange(count * dim), _all_numbers(text, count * dim)
        else:
            fields = zip(number_starts.flat[odd].tolist(), number_ends.flat[odd].tolist(), strict=True)
            found = _some_numbers(raw, fields)
        if found is None:
            return None
        numbers[odd] = found
    starts = np.append(BEFORE, row_ends[:-1] + 1)
    return Block.at(raw, starts, table[:, 0], numbers.reshape(count, dim))


def _some_numbers(raw: NDArray[np.uint8], fields: Iterable[tuple[int, int]]) -> NDArray[np.float32] | None:
    """Parse the few numbers of a block that are written otherwise."""
    try:
        numbers = [float(raw[start:end].tobytes()) for start, end in fields]
    except ValueError:
        return None
    with np.errstate(over="ignore"):  # 1e300 is inf as a float32, as in torchtext
        return np.array(numbers, np.float64).astype(np.float32)


def _all_numbers(text: bytes, count: int) -> NDArray[np.float32] | None:
    """Parse the numbers of a block that are all written otherwise."""
    rows = [row.partition(b" ")[2].rstrip() for row in text.rstrip().split(b"\n")]
    return parse_numbers(b",".join(rows).replace(b" ", b","), count)


def _parse_slowly(text: bytes, dim: int, name: str, first_line: int) -> Block:
    """Parse line by line, as torchtext did: for odd numbers, blank lines, and errors with their place."""
    tokens: list[bytes] = []
    rows: list[list[float]] = []
    for line, row in enumerate(text.split(b"\n"), first_line):
        if not row.rstrip():
            continue
        token, *fields = row.rstrip().split(b" ")
        if len(fields) != dim:
            raise ParseError(_wrong_width(name, line, token, len(fields), dim))
        tokens.append(token)
        rows.append([_number(field, name, line, token) for field in fields])
    matrix = np.array(rows, np.float64).reshape(-1, dim)
    with np.errstate(over="ignore"):
        return Block.of(tokens, matrix.astype(np.float32))


def _number(field: bytes, name: str, line: int, token: bytes) -> float:
    try:
        return float(field)
    except ValueError:
        said = (
            f"{name}:{line}: could not convert string to float: {_shown(field)}, of token {_shown(token)}. "
        )
        cure = "A token with a space in it, or two spaces in a row, look like this; or the file is damaged."
        raise ParseError(said + cure) from None


def _wrong_width(name: str, line: int, token: bytes, found: int, dim: int) -> str:
    # These words, because programs written for torchtext match them.
    said = (
        f"{name}:{line}: the vector for token {_shown(token)} has {found} dimensions, "
        f"but previously read vectors have {dim} dimensions. All vectors must have the same number of dimensions. "
    )
    fewer = "The file is cut off here, or this row is damaged: get the file again, or mend the row."
    more = "The file is damaged, or this token has a space in it."
    return said + (fewer if found < dim else more)


def _shown(field: bytes) -> str:
    text = repr(field.decode()) if is_utf8(field) else repr(field)
    return text if len(text) <= 60 else f"{text[:56]}…'"
