"""Files of the user's own, plain or in archives → the pipes that a graph begins with."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from torch.utils.data import IterDataPipe, get_worker_info

from torchvectors.datapipes.graph import Pipe, Stage, form, rows_of
from torchvectors.errors import GraphError
from torchvectors.files import FileRows, How, forms, listed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["ReadCSV", "ReadFolders", "ReadJSONL", "ReadLines", "ReadTSV"]


class _Reading(Stage):
    """A pipe that reads files."""

    source_datapipe: Pipe | None  # type: ignore[assignment]  # the paths, where a pipe gives them
    _rows: FileRows

    def _take(self, files: Any, how: How) -> None:
        self.source_datapipe = files if isinstance(files, IterDataPipe) else None
        self._rows = FileRows(None if self.source_datapipe is not None else files, how)

    @property
    def skipped(self) -> int:
        """How many bad rows were left out in this process' last pass, or so far in the one that is under way."""
        return self._rows.skipped

    @property
    def fingerprint(self) -> str | None:
        """What tells these rows from others, whatever the files are called: they are read for it, each time.

        None where a pipe gives the paths, and of a subclass, whose rows may be others.
        """
        known = self.source_datapipe is None and type(self).__module__ == __name__
        return self._rows.fingerprint if known else None

    def unwrapped(self) -> Iterator[Any]:
        """Give the rows, of one file after the other."""
        info = get_worker_info()
        tell = info is None or info.id == 0  # each worker reads all rows, and would say the same
        paths = None if self.source_datapipe is None else self._paths(self.source_datapipe)
        return iter(self._rows.begin(paths=paths, tell=tell))

    def _paths(self, source: Pipe) -> Iterator[Path]:
        stage = self._rows.how.stage
        for one in rows_of(source):
            if not isinstance(one, (str, os.PathLike)):
                text = f"{stage}: the pipe before it must give paths, and this is {one!r:.100}."
                raise GraphError(
                    f"{text} Files that are open already cannot be read: leave .open_files() out."
                )
            yield from listed(one, stage)

    def __len__(self) -> int:
        raise TypeError(
            f"{type(self).__name__} instance doesn't have valid length"
        )  # the words torch looks for

    def __dir__(self) -> list[str]:
        # When a pipe raises, torch reads all that dir() names, for the error's text: no file must be read for that.
        return [name for name in super().__dir__() if name != "fingerprint"]

    def settings_said(self) -> str:
        """Say how it is set."""
        return str(self._rows.how)

    def keeps_fingerprint(self) -> bool:
        """Say that nothing is known of files whose paths another pipe gives."""
        return False


@form("read_csv")
class ReadCSV(forms.ReadCSV, _Reading):
    """Read the rows of CSV files (functional form ``.read_csv()`` of a pipe of paths).

    They are read as the standard library's ``csv`` reads them, one row at a time, also out of archives: nothing is
    unpacked to the disk. A quoted field may hold delimiters, ends of lines and, each of them twice, quotes. Blank
    lines are no rows. Each process reads all rows; ``.sharding_filter()`` or ``.shard_rows()`` deal them out.

    A vocabulary that is fitted to them is kept for later runs under a checksum of all bytes of the files and of what
    was said here: files that have changed are counted anew, files that were moved or copied are not.

    Args:
        files: A path, a glob (``"data/**/*.csv"``), or a list of these: the rows come in the order in which files are
            named, those of a glob in the order of their names. What is packed (zip, tar, gzip, xz) is known by its
            content. Or a pipe of paths.
        columns: Names, or positions from 0. None: all columns, as a dict by their names, or as a tuple where they
            have none. One: each row is its text. A list: a tuple in this order, such as ``("label", "text")``. A
            dict: a dict, new name → column.
        header: Whether the first row of each file names the columns; or their names, where no row does. Columns that
            are asked for by position have names in the first row all the same, unless this is False.
        labels: What a label becomes: a dict, label → what stands for it; or a list of the labels, which are counted
            from 0. A label that is not there makes a bad row. None: labels stay as they are, a ``str``.
        label: Where the label is in the row that comes out. None: at 0 of a tuple, or "label" of a dict.
        delimiter: What stands between fields.
        quotechar: What stands around fields that hold a delimiter or an end of a line; None: nothing does.
        escapechar: What makes the character behind it one like any other; None: nothing does.
        strict: Whether a row in which a quote stands where none may is a bad one; otherwise it is guessed at.
        members: Of archives: a name or a glob, or several, compared part by part from the right: ``"*.csv"``,
            ``"train/*.csv"``; the members come in the archive's own order. None: the only one that an archive has.
        encoding: Of the text. A byte-order mark is left out.
        bad_rows: What becomes of a row that cannot be parsed, has another number of fields than the header (or the
            first row), a NUL, bytes that are not in the encoding, or a label that is none. "error": a `ParseError`
            with file and line, and the row. "skip": it is left out and counted (`skipped`), and the log told once.
        max_row_bytes: The longest row; a longer one is a bad one.

    Attributes:
        skipped: How many bad rows were left out in this process' last pass, or so far in the one that is under way.

    Yields:
        Rows, as ``columns`` says; of each field its text, and of the label what ``labels`` has for it.

    Raises:
        NotFoundError: There is no such file, or no file matches a glob.
        GraphError: A file is named twice or is a folder; or an argument is none of what is said here.
        ParseError: A row is bad; or not one row of a file could be read; or a column is not there; or the header has
            one name, in which another delimiter stands, and no columns are named.
        MemberError, ArchiveError: An archive has no such member, or several and none is named, or is damaged.

    Warns:
        UserWarning: Not one row was there; or what is taken for the header holds a number or a label; or the first
            row has one field that another delimiter seems to part.
    """


@form("read_tsv")
class ReadTSV(forms.ReadTSV, _Reading):
    """Read the rows of files whose fields are delimited by tabs (functional form ``.read_tsv()`` of a pipe of paths).

    As `ReadCSV`, but for the delimiter, and quotes: ``quotechar=None`` takes them for characters like any other, as
    most such files do.
    """


@form("read_jsonl")
class ReadJSONL(forms.ReadJSONL, _Reading):
    """Read a row a line, in JSON (functional form ``.read_jsonl()`` of a pipe of paths).

    As `ReadCSV`, but that each line is an object, whose keys are the columns, or an array, which becomes a tuple, or
    a text. Blank lines are no rows. A line that is no JSON, or lacks a column that ``columns`` names, is a bad row;
    a file that is one array of objects is a `ParseError`.
    """


@form("read_lines")
class ReadLines(forms.ReadLines, _Reading):
    """Read a text a line (functional form ``.read_lines()`` of a pipe of paths).

    As `ReadCSV`, but that each line is a row, a ``str`` without its end. Lines end with LF, or CR and LF, and with
    nothing else; an empty line is an empty text, unless ``skip_blank=True`` leaves out all that are white space.
    """


@form("read_folders")
class ReadFolders(forms.ReadFolders, _Reading):
    """Read a text a file; its label is the name of the folder that it lies in (``.read_folders()``).

    As `ReadCSV`, but that a row is ``(label, text)``, all that the file holds. A folder that is named stands for the
    files in its folders: ``ReadFolders("reviews")`` for ``reviews/*/*``; one file alone is a `GraphError`. Of archives
    name the members: ``members="train/[np]*/*.txt"``. A packed tar archive is unpacked once for all of them.
    """
