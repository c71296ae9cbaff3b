"""Files of the user's own, plain or in archives → the nodes that a graph begins with: see `datapipes.reading`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.utils.data import IterDataPipe
from torchdata.nodes import BaseNode

from torchvectors.errors import GraphError
from torchvectors.files import FileRows, How, forms
from torchvectors.nodes.graph import Node
from torchvectors.stages import stated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torchvectors.files.passing import Pass

__all__ = ["ReadCSV", "ReadFolders", "ReadJSONL", "ReadLines", "ReadTSV"]

_PLACE = "place"


class _Reading(Node):
    """A node that reads files. Its state is a place in one of them, which is gone to without reading what is before.

    What is packed must be unpacked up to there, but is not parsed.
    """

    _rows: FileRows

    def _take(self, files: Any, how: How) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torchdata does not annotate it
        if isinstance(files, (BaseNode, IterDataPipe)):
            text = f"{how.stage}: {files!r:.100} is a graph, and a node begins with paths, globs, or a list of these."
            raise GraphError(f"{text} torchvectors.datapipes has a form for pipes of paths.")
        self._rows = FileRows(files, how)
        self._start: dict[str, Any] | None = None
        self._pass: Pass | None = None  # begun where the first row is asked for
        self._left: Iterator[Any] = iter(())

    @property
    def skipped(self) -> int:
        """How many bad rows were left out in the last pass, or so far in the one that is under way."""
        return self._rows.skipped

    @property
    def fingerprint(self) -> str | None:
        """What tells these rows from others, whatever the files are called; of a subclass' rows, nothing is."""
        return self._rows.fingerprint if type(self).__module__ == __name__ else None

    def reset(self, initial_state: dict[str, Any] | None = None) -> None:
        """Go to the beginning, or to a state.

        Raises:
            GraphError: It is no state of this node, or was taken with other files.
        """
        super().reset(initial_state)
        self._start = None
        if initial_state is not None:
            self._start = stated(initial_state, _PLACE, dict, self._rows.how.stage)
            self._rows.check(self._start)
        self._pass = None

    def next(self) -> Any:
        """Return the next row."""
        if self._pass is None:
            self._pass = self._rows.begin(self._start)
            self._left = iter(self._pass)
        return next(self._left)

    def get_state(self) -> dict[str, Any]:
        """Return where the next row is."""
        if self._pass is not None:
            return {_PLACE: self._pass.place()}
        return {_PLACE: self._rows.beginning if self._start is None else dict(self._start)}

    def __getstate__(self) -> dict[str, Any]:
        # A pass that was begun cannot be pickled; where it is can.
        start = self._start if self._pass is None else self._pass.place()
        return {**vars(self), "_pass": None, "_left": None, "_start": start}

    def settings_said(self) -> str:
        """Say how it is set."""
        return str(self._rows.how)


class ReadCSV(forms.ReadCSV, _Reading):
    """Read the rows of CSV files: see `torchvectors.datapipes.ReadCSV`."""


class ReadTSV(forms.ReadTSV, _Reading):
    """Read the rows of files whose fields are delimited by tabs: see `torchvectors.datapipes.ReadTSV`."""


class ReadJSONL(forms.ReadJSONL, _Reading):
    """Read a row a line, in JSON: see `torchvectors.datapipes.ReadJSONL`."""


class ReadLines(forms.ReadLines, _Reading):
    """Read a text a line: see `torchvectors.datapipes.ReadLines`."""


class ReadFolders(forms.ReadFolders, _Reading):
    """Read a text a file, whose label is its folder's name: see `torchvectors.datapipes.ReadFolders`."""
