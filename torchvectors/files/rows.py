"""Files, in archives or not → the rows of all their texts: as many passes as are wanted, each from any place on."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

from torchvectors.errors import GraphError
from torchvectors.files.identity import at_a_glance, digest_of
from torchvectors.files.listing import absolute, listed
from torchvectors.files.passing import START, How, Pass
from torchvectors.reading import BadRows, WholeTexts

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from torchvectors.files.listing import Origin

__all__ = ["FileRows"]

logger = logging.getLogger(__name__)


class FileRows:
    """The rows of files.

    It has neither a length nor a ``__contains__`` and so is no collection: torch pickles a graph's collections each
    time it looks for its pipes, and the files may be fifty thousand. A pickle holds what was named, and not the files
    that were found under it: they are looked for anew where it arrives, and must be the same.

    Args:
        files: A path, a glob, or a list of these. None: they come at each pass, from elsewhere.
        how: How they are read.

    Raises:
        NotFoundError: A path is not there, or no file matches a glob.
        GraphError: A file is named twice, or is a folder where none may be.
    """

    def __init__(self, files: Origin | None, how: How) -> None:
        self.how = how
        self._found: tuple[Path, ...] | None = () if files is None else self._listed(files)
        named: Iterable[str | PathLike[str]] = [files] if isinstance(files, (str, PathLike)) else files or ()
        self._named = [absolute(one) for one in named]
        self._glance = at_a_glance(self._found)
        self._told = False
        self._last: Pass | None = None

    def _listed(self, files: Origin) -> tuple[Path, ...]:
        folders = isinstance(self.how.kind, WholeTexts)
        found = listed(files, self.how.stage, folders=folders)
        if (
            folders
            and self.how.members is None
            and isinstance(files, (str, PathLike))
            and absolute(files) == str(found[0])
        ):
            text = f"{self.how.stage}: {str(files)!r} is one file. Name the folder that has a folder for each label, or"
            raise GraphError(
                f"{text} say which members= of an archive; ReadCSV, ReadTSV and ReadJSONL read tables."
            )
        return found

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files, in their order.

        Raises:
            GraphError: They are not those that were there when this was pickled.
        """
        if self._found is None:
            found = self._listed(self._named)
            if at_a_glance(found) != self._glance:
                text = (
                    f"{self.how.stage}: the files named by {self._named!r:.200} are not those that were there"
                )
                raise GraphError(f"{text} when this graph was built. Build it anew.")
            self._found = found
        return self._found

    @property
    def skipped(self) -> int:
        """How many bad rows were left out in this process' last pass, or so far in the one that is under way."""
        return 0 if self._last is None else self._last.bad.count

    @property
    def fingerprint(self) -> str:
        """What tells these rows from others: how the files are read, and all their bytes, which are read for it."""
        digest = digest_of(self.paths, folders=isinstance(self.how.kind, WholeTexts))
        return f"torchvectors.files: {self.how}: {digest}"

    def begin(
        self,
        place: Mapping[str, Any] | None = None,
        *,
        paths: Iterable[Path] | None = None,
        tell: bool = True,
    ) -> Pass:
        """Begin a pass, at a place that `Pass.place` has given.

        Args:
            place: Where; None: at the beginning.
            paths: The files of this pass. None: those that were named.
            tell: Whether the log is told what is left out; it is told once.

        Raises:
            GraphError: It is no place in these files.
        """
        start = START if place is None else self.check(place)
        self._last = Pass(
            self.how,
            self.paths if paths is None else paths,
            start,
            self._glance,
            self._tell if tell else None,
        )
        return self._last

    @property
    def beginning(self) -> dict[str, Any]:
        """The place of the first row."""
        return {**START, "files": self._glance}

    def check(self, place: Mapping[str, Any]) -> dict[str, int]:
        """Return a place, if it is one in these files.

        Raises:
            GraphError: It is none.
        """
        stage = self.how.stage
        if not isinstance(place, Mapping) or place.get("files") != self._glance:
            text = f"{stage}: this state was taken with other files, of other names, sizes or number."
            raise GraphError(f"{text} Resume with the files as they were.")
        start = {key: place.get(key) for key in START}
        if wrong := [key for key, value in start.items() if type(value) is not int or value < 0]:
            text = f"{stage}: {wrong[0]!r} in this state is {start[wrong[0]]!r:.100}, which is no place in a file."
            raise GraphError(f"{text} Load one that an equal graph has given, as it was.")
        return start  # type: ignore[return-value]  # all are int

    def _tell(self, bad: BadRows) -> None:
        if not self._told:
            self._told = True
            told = f"{bad.count:,} {'rows' if bad.count > 1 else 'row'}"
            logger.warning(
                "%s: %s could not be read and left out. The first: %s", self.how.stage, told, bad.first
            )

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_found": None, "_last": None}
