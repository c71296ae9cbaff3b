"""What a text holds: delimited fields, JSON lines, a text a line, or one text → its rows, from any place on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import PurePosixPath
from typing import Any, ClassVar

from torchvectors.errors import GraphError, ParseError
from torchvectors.reading.bad import BadRows
from torchvectors.reading.fields import Dialect, field_rows
from torchvectors.reading.hints import header_is_a_row, is_json_array, parted
from torchvectors.reading.lines import Lines, Place, TooLongError
from torchvectors.reading.shapes import MisfitError, Shape
from torchvectors.reading.texts import json_values, line_texts

__all__ = ["Delimited", "JsonLines", "Kind", "PlainLines", "WholeTexts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delimited:
    """Rows of fields, as many in each as in the header; or, where there is none, as in the first row."""

    dialect: Dialect = field(default_factory=Dialect)
    header: bool | Sequence[str] = (
        True  # whether the first row names the columns; or the names, where it does not
    )
    shape: Shape = field(default_factory=Shape)
    settings: ClassVar[str] = "delimiter=, quotechar=, header=, labels= or encoding="

    def __post_init__(self) -> None:
        if isinstance(self.header, bool):
            return
        names = self.header
        if (
            isinstance(names, str)
            or not isinstance(names, Sequence)
            or not all(isinstance(n, str) for n in names)
        ):
            text = f"header={names!r:.100} is neither True, False nor a list of names."
            raise GraphError(f"{text} True: the first row names the columns. False: they have no names.")
        object.__setattr__(self, "header", tuple(names))

    def rows(self, lines: Lines, bad: BadRows, start: Place | None, name: str) -> Iterator[Any]:  # noqa: ARG002 - as others
        """Yield the rows of a text, from a place on."""
        names = None if isinstance(self.header, bool) else self.header
        if self.header is True:
            # A header that cannot be read is no bad row: nothing behind it could be understood.
            names = next(field_rows(lines, self.dialect, BadRows("error", _HEADER)), None)
            if names is None:
                return
        begun = lines.place
        rows = field_rows(lines, self.dialect, bad)
        first: list[list[str]] = []
        if names is None:
            first = list(islice(rows, 1))
            if not first:
                return
        begins = first[0] if names is None else names
        width = len(begins)
        hint = parted(begins, header=names is not None)
        try:
            make = self.shape.of_fields(names, width)
        except MisfitError as error:
            raise ParseError(f"{lines.where}:{lines.first}: {error}.{hint and f' {hint}.'}") from error
        self._look_at(names, hint, lines, bad)
        if start is not None and start.byte > begun.byte:
            first = []
            lines.go_to(
                start
            )  # never before the first row: a state behind no rows is a start at the beginning
        yield from _made(lines, first, bad, make, width)
        yield from _made(lines, rows, bad, make, width)

    def _look_at(self, names: Sequence[str] | None, hint: str, lines: Lines, bad: BadRows) -> None:
        """See whether the first row has the look of what it is taken for."""
        where = f"{lines.where}:{lines.first}"
        if hint and self.shape.columns is None and not isinstance(self.header, tuple):
            if names is not None:
                text = f"{where}: the header has but one name, {names[0]!r:.100}. {hint}."
                raise ParseError(f"{text} If it is one name all the same, say so: columns=[0].")
            bad.remark(f"{where}: the first row has but one field: {lines.shown()}. {hint}.")
        if self.header is True and (value := header_is_a_row(names or (), self.shape)):
            text = f"{where}: the first row is taken for the names of the columns, and one of them is {value!r:.80}."
            bad.remark(f"{text} If it is a row like the others, it is lost: say header=False.")


_HEADER = "It is the header, which names the columns: mend it, or say header=False."


def _made(lines: Lines, rows: Any, bad: BadRows, make: Any, width: int) -> Iterator[Any]:
    for fields in rows:
        if len(fields) != width:
            found = f"{len(fields)} field{'' if len(fields) == 1 else 's'}"
            said = f"this row has {found}, and {width} were to be expected: {lines.shown()}"
            bad.met(lines.error(said))
            continue
        try:
            row = make(fields)
        except MisfitError as error:
            bad.met(lines.error(f"{error}. The row: {lines.shown()}"))
            continue
        yield row


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonLines:
    """A value a line, as JSON has it."""

    shape: Shape = field(default_factory=Shape)
    settings: ClassVar[str] = "columns=, labels= or encoding=; ReadCSV and ReadTSV read tables"

    def rows(self, lines: Lines, bad: BadRows, start: Place | None, name: str) -> Iterator[Any]:  # noqa: ARG002 - as others
        """Yield the rows of a text, from a place on."""
        make = self.shape.of_values()
        lines.go_to(start or lines.place)
        count, value = 0, None
        for value in json_values(lines, bad):
            count += 1
            try:
                row = make(value)
            except MisfitError as error:
                bad.met(lines.error(f"{error}. The row: {lines.shown()}"))
                continue
            yield row
        if count == 1 and start is None and self.shape.columns is None and is_json_array(value):
            text = f"{lines.where}: this is one JSON array, not JSON lines: all of it came as one row."
            raise ParseError(f"{text} Write its objects a line each, as `jq -c '.[]'` does.")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainLines:
    """A text a line."""

    settings: ClassVar[str] = "encoding="
    skip_blank: bool = False  # whether lines with nothing but white space are left out

    def rows(self, lines: Lines, bad: BadRows, start: Place | None, name: str) -> Iterator[str]:  # noqa: ARG002 - as others
        """Yield the rows of a text, from a place on."""
        lines.go_to(start or lines.place)
        texts = line_texts(lines, bad)
        return (text for text in texts if text and not text.isspace()) if self.skip_blank else texts


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeTexts:
    """One text, whose label is the name of the folder that it lies in."""

    shape: Shape = field(default_factory=Shape)
    settings: ClassVar[str] = "labels= or encoding="

    def rows(self, lines: Lines, bad: BadRows, start: Place | None, name: str) -> Iterator[tuple[Any, str]]:
        """Yield the only row of a text; none from any place but its beginning."""
        if start is not None:
            return
        lines.begin_row()
        try:
            text = "".join(lines)
        except TooLongError as error:
            bad.met(error)
            return
        if lines.fault:
            bad.met(ParseError(f"{lines.where}: {lines.fault}. The text: {lines.shown()}."))
            return
        try:
            yield self.shape.labelled(PurePosixPath(name).parent.name, text)
        except MisfitError as error:
            bad.met(ParseError(f"{lines.where}: {error}."))


Kind = Delimited | JsonLines | PlainLines | WholeTexts
