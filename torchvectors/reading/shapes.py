"""The fields of a row, or what JSON has made of it → the row as a graph takes it: a text, a tuple or a dict."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from torchvectors.errors import GraphError
from torchvectors.reading.hints import near

__all__ = ["Labels", "MisfitError", "Names", "Shape", "label_map"]

Names = str | int | Sequence[str | int] | Mapping[str, str | int] | None  # what ``columns=`` may be
Labels = Mapping[Any, Any] | Sequence[Hashable] | None  # what ``labels=`` may be
Make = Callable[[Any], Any]


class MisfitError(Exception):
    """A row lacks a column, or has a label that is none; who reads rows catches it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Which columns of a row are kept, and in what.

    Raises:
        GraphError: The columns are none; or there are ``labels``, and no column for them.
    """

    # None: all of them, in a dict by their names, or in a tuple where they have none. One: a row is that field.
    # Several: a tuple, in this order. A mapping: a dict, new name → column.
    columns: Names = None
    labels: Labels = (
        None  # what stands for a label, by the label; or the labels in their order, from 0. None: as given
    )
    label: str | int | None = (
        None  # where the label is in the row that comes out; None: at 0 of a tuple, or "label"
    )

    def __post_init__(self) -> None:
        columns = self.columns
        if isinstance(columns, Sequence) and not isinstance(columns, str):
            columns = tuple(columns)
            object.__setattr__(self, "columns", columns)  # a copy, for the caller's list may change
        elif isinstance(columns, Mapping):
            object.__setattr__(self, "columns", dict(columns))
        every: Sequence[Any] = ()
        if isinstance(columns, Mapping):
            every = list(columns.values())
        elif columns is not None:
            every = columns if isinstance(columns, tuple) else (columns,)
        for one in every:
            if isinstance(one, bool) or not isinstance(one, (str, int)) or (isinstance(one, int) and one < 0):
                text = (
                    f"columns={self.columns!r} names {one!r}, which is neither a name nor a position from 0."
                )
                raise GraphError(f"{text} Give names, or positions.")
        if columns is not None and not every:
            raise GraphError(f"columns={self.columns!r} names no column. Leave it out for all of them.")
        object.__setattr__(self, "labels", label_map(self.labels))
        if self.labels is not None and isinstance(columns, (str, int)):
            text = f"labels= was given, and a row is nothing but its column {columns!r}"
            raise GraphError(f"{text}. Name two columns: columns=('label', 'text').")

    def of_fields(self, names: Sequence[str] | None, width: int) -> Make:
        """Return the function that makes a row of a list of ``width`` fields, which may have names.

        Raises:
            MisfitError: There is no such column. The function itself raises it for a label that is none.
        """
        columns = self.columns
        make: Make
        if columns is None:
            if names is None:
                return self._labelled(tuple)
            keys = _unique(names)
            return self._labelled(lambda fields: dict(zip(keys, fields, strict=True)))
        if isinstance(columns, (str, int)):
            return itemgetter(_place(columns, names, width))
        if isinstance(columns, Mapping):
            new, place_of = tuple(columns), [_place(one, names, width) for one in columns.values()]
            make = _fields_at(place_of)
            return self._labelled(lambda fields: dict(zip(new, make(fields), strict=True)))
        return self._labelled(_fields_at([_place(one, names, width) for one in columns]))

    def of_values(self) -> Make:
        """Return the function that makes a row of what JSON has: an object, an array, or a text.

        It raises a `MisfitError` where a column is missing, and for a label that is none.
        """
        columns = self.columns
        if columns is None:
            return self._labelled(_as_row)
        if isinstance(columns, (str, int)):
            return lambda value: _member(value, columns)
        if isinstance(columns, Mapping):
            return self._labelled(lambda value: {new: _member(value, one) for new, one in columns.items()})
        return self._labelled(lambda value: tuple([_member(value, one) for one in columns]))

    def labelled(self, label: str, text: str) -> tuple[Any, str]:
        """Return the row of a text whose label is known otherwise.

        Raises:
            MisfitError: The label is none.
        """
        return label if self.labels is None else _label(self.labels, label), text

    def _labelled(self, make: Make) -> Make:
        labels, at = self.labels, self.label
        if labels is None:
            return make

        def made(value: Any) -> Any:
            row = make(value)
            if isinstance(row, dict):
                key = "label" if at is None else at
                if key not in row:
                    raise MisfitError(
                        f"the row has no column {key!r} for labels=; it has {', '.join(map(repr, row))}"
                    )
                row[key] = _label(labels, row[key])
                return row
            place = 0 if at is None else at
            if not (isinstance(row, tuple) and isinstance(place, int) and place < len(row)):
                raise MisfitError(f"the row has no column {place!r} for labels=; it is {row!r:.80}")
            return (*row[:place], _label(labels, row[place]), *row[place + 1 :])

        return made


def label_map(labels: Labels) -> Labels:
    """Return what stands for each label: a sequence's labels are counted from 0.

    Raises:
        GraphError: It is neither a mapping nor a sequence of labels, or has one of them twice.
    """
    if labels is None or isinstance(labels, Mapping):
        return None if labels is None else dict(labels)
    if isinstance(labels, (str, bytes)) or not isinstance(labels, Sequence):
        text = f"labels={labels!r:.80} is neither a dict nor a list of labels."
        raise GraphError(f"{text} Give {{'neg': 0, 'pos': 1}}, or ['neg', 'pos'].")
    numbered = {label: number for number, label in enumerate(labels)}
    if len(numbered) < len(labels):
        raise GraphError(f"labels={labels!r:.80} has a label twice. Give each once.")
    return numbered


def _label(labels: Any, label: Any) -> Any:
    try:
        return labels[label]
    except (KeyError, TypeError):
        known = ", ".join(map(repr, list(labels)[:10])) + (" …" if len(labels) > 10 else "")
        raise MisfitError(f"the label {label!r:.80} is none of {known}") from None


def _place(column: str | int, names: Sequence[str] | None, width: int) -> int:
    if isinstance(column, int):
        if column >= width:
            raise MisfitError(f"there is no column {column}: the rows have {width} fields, counted from 0")
        return column
    if names is None:
        text = f"there is no column {column!r}: the columns have no names, so give its position"
        raise MisfitError(f"{text}; or say header=True, or the names themselves: header=[…]")
    found = [place for place, name in enumerate(names) if name == column]
    if len(found) != 1:
        said = (
            f"there is no column {column!r}"
            if not found
            else f"{len(found)} columns have the name {column!r}"
        )
        text = f"{said}; there are {', '.join(map(repr, names))}."
        if not found and (other := near(column, names)):
            raise MisfitError(f"{text} White space and case count: {other!r} may be meant")
        raise MisfitError(f"{text} A position names one, too")
    return found[0]


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    if twice := [name for place, name in enumerate(names) if name in names[:place]]:
        raise MisfitError(
            f"two columns have the name {twice[0]!r}, and a dict can hold one; choose with columns=…"
        )
    return tuple(names)


def _fields_at(places: list[int]) -> Make:
    if len(places) == 1:
        (place,) = places
        return lambda fields: (fields[place],)
    return itemgetter(*places)


def _as_row(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)  # a list would be taken for tokens
    if isinstance(value, (dict, str)):
        return value
    raise MisfitError("it is no object, array or text")


def _member(value: Any, column: Any) -> Any:
    if isinstance(value, dict if isinstance(column, str) else list):
        with suppress(LookupError):
            return value[column]
    has = f"it has {', '.join(map(repr, value))}" if isinstance(value, dict) else "it is no object"
    if isinstance(column, int):
        has = f"it has {len(value)}" if isinstance(value, list) else "it is no array"
    raise MisfitError(f"there is no column {column!r}; {has:.200}")
