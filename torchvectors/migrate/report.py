"""What was found in each program → the lines of the report, and the exit code."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from torchvectors.migrate.findings import Finding

__all__ = ["Report"]


class Report:
    """The report so far.

    Args:
        out: Gets each line.
        write: Whether programs are changed, or only told of.
    """

    def __init__(self, out: Callable[[str], None], *, write: bool) -> None:
        self._out = out
        self._write = write
        self._programs = self._covered = self._left = self._by_hand = self._changing = 0
        self._differing: dict[str, str] = {}

    def tell(self, path: Path, findings: Sequence[Finding]) -> None:
        """Tell of one program; of one that has nothing to tell, nothing."""
        self._programs += bool(findings)
        for line in [str(path), *map(str, findings)] if findings else []:
            self._out(line)
        self._covered += sum(finding.covered for finding in findings)
        self._left += sum(finding.left for finding in findings)
        self._by_hand += sum(not finding.covered for finding in findings)
        self._differing |= {finding.what: finding.differs for finding in findings if finding.differs}

    def change(self) -> None:
        """Count a program of which words change."""
        self._changing += 1

    def fail(self, error: OSError) -> None:
        """Tell of a file or a folder that cannot be read or written."""
        self._by_hand += 1
        self._out(f"{error.filename or 'a file'}")
        self._out(f"  by hand: {error.strerror or error}")

    @contextmanager
    def failing(self) -> Iterator[None]:
        """Let an error end the work on one program, not on all."""
        try:
            yield
        except OSError as error:
            self.fail(error)

    def end(self) -> int:
        """Tell how names differ, once each, and the figures; return the exit code."""
        if self._differing:
            self._out("\nHow covered names differ:")
        for what, how in sorted(self._differing.items()):
            self._out(f"  {what}: {how}")
        if not self._programs and not self._by_hand:
            self._out("Nothing here uses torchtext.")
            return 0
        left = f" ({self._left} of them left as they are)" if self._left else ""
        hand = f"{self._by_hand} to be seen to by hand" if self._by_hand else "nothing to be done by hand"
        self._out(f"\n{_number(self._programs, 'file')}: {self._covered} covered{left}, {hand}.")
        if self._changing:
            changed = _number(self._changing, "file")
            self._out(f"Changed: {changed}." if self._write else f"With --write, {changed} would change.")
        return 1 if self._by_hand or self._left else 0


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
