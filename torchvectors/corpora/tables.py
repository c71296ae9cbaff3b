"""Lines of fields → rows: what is told by a label and texts, in CSV or with tabs."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from torchvectors.reading import long_fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torchvectors.corpora.text import Text

__all__ = ["Table", "table_rows"]

Convert = Callable[[Sequence[str]], Any]  # fields → a row; None leaves it out


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """How a table is written, and what its rows are made of."""

    convert: Convert
    test: Convert | None = None  # of the split "test", where that lacks the labels
    delimiter: str = ","
    quoted: bool = True  # whether a quote at the beginning of a field is no part of it
    header: int = 0  # lines before the first row
    perhaps_header: bool = False  # whether a first row that cannot be one is left out

    def rows(self, text: Text, split: str) -> Iterator[Any]:
        """Yield the rows of a split.

        Raises:
            ParseError: A row cannot be read, or lacks a field.
        """
        convert = self.test if self.test and split == "test" else self.convert
        return table_rows(text, self, convert)


def table_rows(text: Text, table: Table, convert: Convert) -> Iterator[Any]:
    """Yield what ``convert`` makes of the fields of each row.

    Raises:
        ParseError: A row cannot be read, or lacks a field.
    """
    for _ in range(table.header):
        next(text, None)
    quoting: Any = csv.QUOTE_MINIMAL if table.quoted else csv.QUOTE_NONE
    held: list[str] = []  # the lines of the row that is being read
    lines = _kept(text, held)
    read = partial(csv.reader, delimiter=table.delimiter, quoting=quoting)
    reader = read(lines)
    while True:
        first = text.line + 1
        held.clear()
        try:
            try:
                fields = next(reader)
            except csv.Error as error:
                if "field limit" not in str(error):
                    raise
                with long_fields():
                    fields = next(read(chain(tuple(held), lines)))
        except StopIteration:
            return
        except csv.Error as error:
            raise text.error(f"this row cannot be parsed ({error})", first) from error
        try:
            row = convert(fields)
        except (LookupError, ValueError) as error:
            if first == 1 and table.perhaps_header:
                continue
            shown = repr(fields)
            shown = shown if len(shown) <= 120 else f"{shown[:117]}…"
            raise text.error(
                f"this row has not the fields that it should have: {shown} ({error})", first
            ) from error
        if row is not None:
            yield row


def _kept(lines: Iterable[str], held: list[str]) -> Iterator[str]:
    for line in lines:
        held.append(line)
        yield line
