"""Lines → rows of fields that something delimits: CSV, TSV and their kin, as the standard library reads them."""

from __future__ import annotations

import csv
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torchvectors.errors import GraphError
from torchvectors.reading.lines import LARGEST_ROW, TooLongError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torchvectors.reading.bad import BadRows
    from torchvectors.reading.lines import Lines

__all__ = ["Dialect", "field_rows", "long_fields"]

_LIMIT = threading.Lock()  # the length of the longest field is one number for the whole process


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How the fields of a row are told apart.

    Raises:
        GraphError: Something of it is no single character, or stands for two things.
    """

    delimiter: str = ","
    quotechar: str | None = '"'  # None: a quote is a character like any other, and a row is a line
    escapechar: str | None = None
    strict: bool = (
        True  # whether a quote where none may be makes a bad row; the standard library guesses otherwise
    )

    def __post_init__(self) -> None:
        try:
            list(csv.reader([], **self.arguments()))
        except (TypeError, ValueError, csv.Error) as error:
            raise GraphError(f"these cannot tell fields apart: {self} ({error}).") from error
        special = [one for one in (self.delimiter, self.quotechar, self.escapechar) if one is not None]
        if len(set(special)) < len(special) or set(special) & {"\n", "\r", "\0"}:
            raise GraphError(
                f"delimiter, quotechar and escapechar must be three characters of a line: {self}."
            )

    def arguments(self) -> dict[str, Any]:
        """Return what the standard library calls them."""
        quoting = csv.QUOTE_NONE if self.quotechar is None else csv.QUOTE_MINIMAL
        return {
            "delimiter": self.delimiter,
            "quotechar": self.quotechar,
            "escapechar": self.escapechar,
            "strict": self.strict,
            "quoting": quoting,
        }


def field_rows(lines: Lines, dialect: Dialect, bad: BadRows) -> Iterator[list[str]]:
    """Yield the fields of each row, blank lines left out; rows may have any number of fields.

    A quoted field may hold delimiters, ends of lines, and quotes, each of them twice. Behind a row that cannot be
    parsed, reading goes on at its second line: a quote that is never closed costs one row and not the rest.

    Raises:
        ParseError: A row cannot be parsed, is too long, or holds a NUL or bytes that the encoding has not; unless bad
            rows are skipped.
    """
    reader = csv.reader(lines, **dialect.arguments())
    while True:
        lines.begin_row()
        try:
            try:
                fields = next(reader)
            except csv.Error as error:
                if "field limit" not in str(error):
                    raise
                fields = _long_row(lines, dialect)
        except StopIteration:
            return
        except TooLongError as error:
            bad.met(error)
            lines.leave_line()
            continue
        except csv.Error as error:
            said = f"this row cannot be parsed ({_said(error)}): {lines.shown()}"
            bad.met(lines.error(said), error)
            lines.leave_line()
            continue
        if lines.fault:
            bad.met(lines.error(f"{lines.fault}. The row: {lines.shown()}"))
        elif fields:
            yield fields


def _said(error: csv.Error) -> str:
    """Return what the standard library says of a row, without its advice on how to open files."""
    if "new-line character" in str(error):
        return "a CR within a line: of a file whose lines end with a lone CR, make ends of lines of these"
    return str(error)


def _long_row(lines: Lines, dialect: Dialect) -> list[str]:
    """Read again a row that has a field longer than the standard library takes by itself."""
    lines.give_back()
    with long_fields(lines.largest):
        return next(csv.reader(lines, **dialect.arguments()))


@contextmanager
def long_fields(largest: int = LARGEST_ROW) -> Iterator[None]:
    """Let the standard library take fields of so many characters."""
    with _LIMIT:
        before = csv.field_size_limit(largest)
        try:
            yield
        finally:
            csv.field_size_limit(before)
