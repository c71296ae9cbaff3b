"""A Magnitude file, ``.magnitude`` → blocks of its keys, each with the vector it had before it was normalised.

A file is an SQLite database. Its table ``magnitude`` has a row for each key: the key, ``dim_0`` to ``dim_D-1`` as
integers, 10 to the power of ``precision`` times the numbers of a vector of length 1, and that vector's own length,
``magnitude``. ``magnitude_format`` says the precision, the dim and how many keys there are. Tables for n-grams and
for approximate neighbours may follow; they are not looked at.

A database can hold code: views, triggers, virtual tables, computed columns. It is opened read-only and for good, only
the two tables are read, which must be plain ones, and SQLite asks here before it does anything else.

Source: pymagnitude 0.1.143 ``converter.py``, and ``Magnitude.query(normalized=False)`` of its ``__init__.py``.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np

from torchvectors.errors import ParseError
from torchvectors.formats.block import Block
from torchvectors.formats.utf8 import only_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["is_sqlite", "read_magnitude"]

MAGIC = b"SQLite format 3\0"
BLOCK = 512 * 1024  # bytes of rows asked for at a time
LARGEST_DIM = 1 << 15  # columns of a table, at most, whatever SQLite was built for
PRECISION, LARGEST_PRECISION = 7, 30  # decimal digits
_STEP = 1 << 16  # instructions of SQLite's machine between two looks at what it has done
_MOST_STEPS = 1 << 10  # between two blocks: a table's rows need a hundredth of it
_CURE = "The file is damaged: get it again."

_TABLES = {"magnitude", "magnitude_format", "sqlite_master", "sqlite_schema"}


def is_sqlite(head: bytes) -> bool:
    """Say whether a file that begins like this is an SQLite database, of which Magnitude's are one kind."""
    return head.startswith(MAGIC)


def read_magnitude(path: Path, *, name: str, max_vectors: int | None = None) -> Iterator[Block]:
    """Read keys and rows, in the order in which they were written.

    Args:
        path: The file. It must not be written to meanwhile.
        name: What errors call it.
        max_vectors: Stop after so many keys; None or 0 means all of them.

    Yields:
        Blocks, all of one dim; none of them empty. Rows are float32: the integers, times the length, by 10 to the
        power of the precision. A file of a converter that kept no lengths gives rows of length 1.

    Raises:
        ParseError: It is no database, or none of Magnitude's; it is damaged, or has fewer or more rows than it says;
            or a row is not of numbers.
    """
    return only_text(_blocks(path, name), name=name, max_vectors=max_vectors)


class _Database:
    """An SQLite file, opened read-only, of which nothing but two plain tables can be read, and not for ever."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
        self._connection.text_factory = bytes
        self._connection.execute("PRAGMA trusted_schema = OFF")
        self._connection.set_authorizer(_allow)
        self._connection.set_progress_handler(self._stepped, _STEP)
        self._steps = 0

    def close(self) -> None:
        self._connection.close()

    def rows(self, query: str, size: int) -> Iterator[list[tuple[object, ...]]]:
        """Yield lists of ``size`` rows, or of fewer where they are long, each to be had within a bounded time."""
        part: list[tuple[object, ...]] = []
        nbytes = 0
        for row in self._connection.execute(query):
            part.append(row)
            # Pages that several rows lead to can make of a small file any number of long ones.
            nbytes += sum(len(value) for value in row if type(value) is bytes)
            if len(part) == size or nbytes > BLOCK:
                self._steps = nbytes = 0
                yield part
                part = []
        if part:
            yield part

    def _stepped(self) -> bool:
        self._steps += 1
        return self._steps > _MOST_STEPS  # then SQLite gives up, and says that it was interrupted


def _allow(
    action: int, table: str | None, _column: str | None, _database: str | None, view: str | None
) -> int:
    """Say whether SQLite may do something that a query, or the file's own schema, asks for."""
    asked = action == sqlite3.SQLITE_SELECT or (action == sqlite3.SQLITE_READ and table in _TABLES)
    asked = asked or (action == sqlite3.SQLITE_PRAGMA and table == "table_xinfo")
    return sqlite3.SQLITE_OK if asked and view is None else sqlite3.SQLITE_DENY


def _blocks(path: Path, name: str) -> Iterator[Block]:
    with path.open("rb"):
        pass  # what is missing or not ours to read is no damaged file
    try:
        with closing(_Database(path)) as database:
            yield from _blocks_of(database, path.stat().st_size, name)
    # The last where SQLite repeats a damaged schema; the first where a damaged page speaks of gigabytes.
    except (MemoryError, sqlite3.Error, UnicodeDecodeError) as error:
        text = f"SQLite says {str(error)!r}. It is no Magnitude file, or a damaged one: get it again"
        raise ParseError(f"{name}: the table `magnitude` of this file cannot be read: {text}.") from error


def _blocks_of(database: _Database, nbytes: int, name: str) -> Iterator[Block]:
    dim, has_length = _columns(database, name)
    size, precision = _said(database, dim, name)
    columns = ["key", *(f"dim_{number}" for number in range(dim)), *(["magnitude"] if has_length else [])]
    query = f"SELECT {', '.join(columns)} FROM magnitude ORDER BY rowid"  # noqa: S608 - of our own words
    done = text = 0
    for rows in database.rows(query, max(BLOCK // (4 * dim), 1)):
        done += len(rows)
        text += sum(len(row[0]) for row in rows if isinstance(row[0], bytes))
        # A row takes a byte for each of its columns, at least; pages that lead to one another can give more.
        if done > nbytes // len(columns) or text > nbytes:
            raise ParseError(
                f"{name}: it gives more rows than there is room for in {nbytes:,} bytes. {_CURE}"
            )
        yield _block(
            rows, dim, 10.0**precision, f"{name}: one of the rows {done - len(rows) + 1:,} to {done:,}"
        )
    if size not in (None, done):
        raise ParseError(f"{name}: it has {done:,} keys, and says that it has {size:,}. {_CURE}")


def _columns(database: _Database, name: str) -> tuple[int, bool]:
    """Return the dim, and whether the vectors' lengths are there."""
    kinds = [
        row[0]
        for part in database.rows("SELECT type FROM sqlite_master WHERE name = 'magnitude'", 2)
        for row in part
    ]
    info = [row for part in database.rows("PRAGMA table_xinfo(magnitude)", 100) for row in part]
    if b"table" not in kinds or not info:
        raise ParseError(f"{name}: this SQLite file has no table `magnitude`: it is none of Magnitude's.")
    # One that is hidden, or computed, is an expression that SQLite would run.
    if any(hidden for *_, hidden in info):
        raise ParseError(
            f"{name}: its table `magnitude` has columns that are computed: it is none of Magnitude's."
        )
    names = {column.decode(errors="replace") for _, column, *_ in info if isinstance(column, bytes)}
    dim = sum(one.startswith("dim_") for one in names)
    missing = {"key", *(f"dim_{number}" for number in range(dim))} - names
    if missing or not 0 < dim <= LARGEST_DIM:
        raise ParseError(
            f"{name}: its table `magnitude` lacks the columns key, dim_0, dim_1, …: it has {sorted(names)[:5]}."
        )
    return dim, "magnitude" in names


def _said(database: _Database, dim: int, name: str) -> tuple[int | None, int]:
    """Return how many keys it says that it has, and the precision of its numbers."""
    said: dict[object, object] = {}
    query = "SELECT key, value FROM magnitude_format WHERE key IN ('size', 'dim', 'precision', 'elmo')"
    for part in database.rows(query, 100):
        said.update((row[0], row[1]) for row in part)
        if len(said) > 100:
            break
    found, size, precision = said.get(b"dim", dim), said.get(b"size"), said.get(b"precision", PRECISION)
    if found != dim:
        raise ParseError(
            f"{name}: its rows have dim {dim}, and it says that they have {found!r:.40}. {_CURE}"
        )
    if not (isinstance(precision, int) and 0 <= precision <= LARGEST_PRECISION):
        raise ParseError(f"{name}: its numbers cannot have {precision!r:.40} decimals. {_CURE}")
    if not (size is None or isinstance(size, int)):
        raise ParseError(f"{name}: it says that it has {size!r:.40} keys. {_CURE}")
    return size, precision


def _block(rows: list[tuple[object, ...]], dim: int, unit: float, place: str) -> Block:
    keys = [row[0] for row in rows]
    tokens = [key for key in keys if isinstance(key, bytes)]
    numbers = [row[1:] for row in rows]
    if len(tokens) < len(keys) or not all(isinstance(one, (int, float)) for row in numbers for one in row):
        raise ParseError(f"{place} has a key that is no text, or something that is no number. {_CURE}")
    table = np.array(numbers, np.float64)
    # In float32, as pymagnitude multiplies and divides them. A damaged row may hold any number.
    with np.errstate(over="ignore", invalid="ignore"):
        vectors = table[:, :dim].astype(np.float32)
        if table.shape[1] == dim:
            return Block.of(tokens, vectors / np.float32(unit))
        return Block.of(tokens, vectors * (table[:, dim:] / unit).astype(np.float32))
