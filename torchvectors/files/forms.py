"""What `ReadCSV` and its kin take, in both of their forms: `datapipes` and `nodes` say only how rows are given on.

They have the names of those, which Python says where an argument is none of theirs.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from torchvectors.errors import GraphError
from torchvectors.files.listing import wanted_in
from torchvectors.files.passing import How
from torchvectors.reading import (
    LARGEST_ROW,
    Delimited,
    Dialect,
    JsonLines,
    Kind,
    PlainLines,
    Shape,
    WholeTexts,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torchvectors.reading import Labels, Names, Policy

__all__ = ["ReadCSV", "ReadFolders", "ReadJSONL", "ReadLines", "ReadTSV"]


class _Reads:
    """What reads files, whatever is in them."""

    if TYPE_CHECKING:  # the pipe and the node have it

        def _take(self, files: Any, how: How) -> None:
            """Take what is to be read, and how."""


class ReadCSV(_Reads):
    """What `ReadCSV` takes."""

    def __init__(
        self,
        files: Any,
        columns: Names = None,
        *,
        header: bool | Sequence[str] = True,
        labels: Labels = None,
        label: str | int | None = None,
        delimiter: str = ",",
        quotechar: str | None = '"',
        escapechar: str | None = None,
        strict: bool = True,
        members: str | Sequence[str] | None = None,
        encoding: str = "utf-8",
        bad_rows: Policy = "error",
        max_row_bytes: int = LARGEST_ROW,
    ) -> None:
        with _named("read_csv"):
            shape = Shape(columns=columns, labels=labels, label=label)
            dialect = Dialect(delimiter=delimiter, quotechar=quotechar, escapechar=escapechar, strict=strict)
            kind = Delimited(dialect=dialect, header=header, shape=shape)
        self._take(files, _how("read_csv", kind, members, encoding, bad_rows, max_row_bytes))


class ReadTSV(_Reads):
    """What `ReadTSV` takes."""

    def __init__(
        self,
        files: Any,
        columns: Names = None,
        *,
        header: bool | Sequence[str] = True,
        labels: Labels = None,
        label: str | int | None = None,
        quotechar: str | None = None,
        escapechar: str | None = None,
        strict: bool = True,
        members: str | Sequence[str] | None = None,
        encoding: str = "utf-8",
        bad_rows: Policy = "error",
        max_row_bytes: int = LARGEST_ROW,
    ) -> None:
        with _named("read_tsv"):
            shape = Shape(columns=columns, labels=labels, label=label)
            dialect = Dialect(delimiter="\t", quotechar=quotechar, escapechar=escapechar, strict=strict)
            kind = Delimited(dialect=dialect, header=header, shape=shape)
        self._take(files, _how("read_tsv", kind, members, encoding, bad_rows, max_row_bytes))


class ReadJSONL(_Reads):
    """What `ReadJSONL` takes."""

    def __init__(
        self,
        files: Any,
        columns: Names = None,
        *,
        labels: Labels = None,
        label: str | int | None = None,
        members: str | Sequence[str] | None = None,
        encoding: str = "utf-8",
        bad_rows: Policy = "error",
        max_row_bytes: int = LARGEST_ROW,
    ) -> None:
        with _named("read_jsonl"):
            kind = JsonLines(shape=Shape(columns=columns, labels=labels, label=label))
        self._take(files, _how("read_jsonl", kind, members, encoding, bad_rows, max_row_bytes))


class ReadLines(_Reads):
    """What `ReadLines` takes."""

    def __init__(
        self,
        files: Any,
        *,
        skip_blank: bool = False,
        members: str | Sequence[str] | None = None,
        encoding: str = "utf-8",
        bad_rows: Policy = "error",
        max_row_bytes: int = LARGEST_ROW,
    ) -> None:
        kind = PlainLines(skip_blank=skip_blank)
        self._take(files, _how("read_lines", kind, members, encoding, bad_rows, max_row_bytes))


class ReadFolders(_Reads):
    """What `ReadFolders` takes."""

    def __init__(
        self,
        files: Any,
        *,
        labels: Labels = None,
        members: str | Sequence[str] | None = None,
        encoding: str = "utf-8",
        bad_rows: Policy = "error",
        max_row_bytes: int = LARGEST_ROW,
    ) -> None:
        with _named("read_folders"):
            kind = WholeTexts(shape=Shape(labels=labels))
        self._take(files, _how("read_folders", kind, members, encoding, bad_rows, max_row_bytes))


def _how(
    stage: str, kind: Kind, members: str | Sequence[str] | None, encoding: str, policy: Policy, largest: int
) -> How:
    return How(
        stage=stage,
        kind=kind,
        encoding=encoding,
        bad_rows=policy,
        members=wanted_in(members, stage),
        largest=largest,
    )


@contextmanager
def _named(stage: str) -> Iterator[None]:
    """Say in an error who was given what is wrong."""
    try:
        yield
    except GraphError as error:
        raise GraphError(f"{stage}: {error}") from error
