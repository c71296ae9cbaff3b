"""Rows of whatever kind a user has them in → as many passes over them as are wanted, none of which copies."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Iterator, Mapping
from inspect import getattr_static
from itertools import islice
from typing import Any

from torchvectors.errors import GraphError

__all__ = ["Again", "declared"]


class Again:
    """Rows that can be read again, and from any place on.

    It has no ``__contains__`` and so is no collection: torch pickles a graph's collections each time it looks for
    its pipes, and the rows may be a list of millions.

    Args:
        rows: Anything whose ``__iter__`` starts anew each time; or, as torch's map-style data sets are, anything
            with ``__getitem__`` and ``__len__``, read from 0 up to its length.
        fingerprint: What tells these rows from others; None: what a Hugging Face ``Dataset`` has, or nothing.

    Raises:
        GraphError: They can be read only once, or are no rows.
    """

    def __init__(self, rows: Any, fingerprint: str | None = None) -> None:
        if (text := _why_not(rows)) is not None:
            raise GraphError(f"rows: {text}")
        self._rows, self._fingerprint = rows, fingerprint

    @property
    def fingerprint(self) -> str | None:
        """What tells these rows from others, if anything is known that does.

        Of a Hugging Face ``Dataset`` it is the one that it keeps itself, which follows from its files and from all
        that was done to them, and is the same in the next run.
        """
        return declared(self._rows) if self._fingerprint is None else self._fingerprint

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Any]:
        return self.since(0)

    def functions(self) -> dict[str, object]:
        """Return the functions that the rows' data set holds, such as a transform, by their names."""
        held = getattr(self._rows, "__dict__", {})
        return {name: value for name, value in held.items() if callable(value)}

    def since(self, start: int) -> Iterator[Any]:
        """Begin a pass, ``start`` rows behind the beginning.

        Raises:
            GraphError: There are fewer rows.
        """
        if not hasattr(self._rows, "__iter__"):
            # By its length: without an __iter__, Python would go on until an IndexError, which not every data set
            # raises.
            _expect_rows(start, min(start, len(self._rows)))
            return map(self._rows.__getitem__, range(start, len(self._rows)))
        if start and _is_one(self._rows, _MAPPED):  # to read up to there may take seconds
            _expect_rows(start, min(start, len(self._rows)))
            end = len(self._rows)
            return iter(self._rows.select(range(start, end)) if start < end else ())
        rows = _whole(self._rows) if _is_one(self._rows, _STREAMED) else iter(self._rows)
        _expect_rows(start, sum(1 for _ in islice(rows, start)))
        return rows


def declared(rows: object) -> str | None:
    """Return what rows say tells them from others: their ``fingerprint``, or a Hugging Face ``Dataset``'s own.

    Only what they have themselves: a wrapper that hands on all names of what it wraps may well change its rows.
    """
    for name in ("fingerprint", "_fingerprint"):
        found = getattr_static(rows, name, None)
        if isinstance(found, property):
            found = getattr(rows, name)
        if isinstance(found, str) and found:
            return found
    return None


def _expect_rows(start: int, there: int) -> None:
    if there < start:
        text = f"rows: this state was taken behind {start} rows, and there are {there} now."
        raise GraphError(f"{text} Resume with the rows as they were.")


def _is_one(rows: object, of: tuple[str, str]) -> bool:
    """Say whether these are of a class of Hugging Face's, which cannot be asked without importing it."""
    return any((kind.__module__, kind.__name__) == of for kind in type(rows).__mro__)


_MAPPED = ("datasets.arrow_dataset", "Dataset")
_STREAMED = ("datasets.iterable_dataset", "IterableDataset")


def _whole(rows: Any) -> Iterator[Any]:
    """Give all rows, in a DataLoader's worker, too.

    There its ``__iter__`` gives a part of its files, of which a ``sharding_filter`` would take a part again: most
    rows would be lost. Its ``iter`` does not ask where it is.
    """
    for batch in rows.iter(batch_size=1):
        yield {column: values[0] for column, values in batch.items()}


def _why_not(rows: object) -> str | None:
    """Say why these are no rows to be read again, if they are not."""
    shown, kind = reprlib.repr(rows), type(rows).__name__
    if isinstance(rows, Iterator):
        text = f"{shown} (of type {kind}) can be read only once: a generator, an open file, a map() or zip()."
        cure = "Give a list; or an object whose __iter__ begins anew, such as a class with a generator for its __iter__"
        return f"{text} {cure}."
    if isinstance(rows, (str, bytes)):
        return f"{shown} is one {kind}. Give a list of rows."
    if isinstance(rows, Mapping):
        names = ", ".join(map(repr, islice(rows, 5)))
        return f"this is a {kind} of {names}, and its values may be rows. Name one: rows[…]."
    if isinstance(rows, Iterable) or (hasattr(rows, "__getitem__") and hasattr(rows, "__len__")):
        return None
    cure = "Give it an __iter__, or a __getitem__ and a __len__ as torch's map-style data sets have them."
    return f"{shown} (of type {kind}) cannot be iterated over. {cure}"
