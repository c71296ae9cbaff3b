"""Programs written for torchtext → what each of their lines needs, and the programs with the one word changed.

It knows torchtext by the tables of `torchvectors.migrate.names`, reads programs with the standard library's `ast`, and
replaces characters in their text: comments, strings and forms stay byte for byte.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["run"]


def run(paths: Sequence[Path], *, write: bool = False, out: Callable[[str], None] = print) -> int:
    """Tell which names of torchtext programs use, and change the word in those that are covered.

    Args:
        paths: Programs, ``.py`` and ``.ipynb``; folders, which are gone through for programs; and files that
            hold a vocabulary which torchtext saved.
        write: Change the programs, each in one step; False only tells.
        out: Gets each line of the report.

    Returns:
        The exit code of the command: 0 if all is covered, 1 if something needs a hand, 2 if a path is neither a
        folder nor a program, of which standard error then tells; nothing was done.
    """
    from torchvectors.migrate.files import KNOWN, examine, programs_in
    from torchvectors.migrate.report import Report

    for path in paths:
        if not path.is_dir() and (path.suffix not in KNOWN or not path.is_file()):
            kinds = f"this is neither a folder nor one of {', '.join(KNOWN)}"
            fault = kinds if path.exists() else "there is no such file or folder"
            sys.stderr.write(f"torchvectors migrate: {path}: {fault}\n")
            return 2

    report = Report(out, write=write)

    def see_to(path: Path) -> None:
        findings, rewrite = examine(path)
        report.tell(path, findings)
        if rewrite is not None:
            if write:
                rewrite()
            report.change()

    for path in programs_in(paths, report.fail):
        with report.failing():
            see_to(path)
    return report.end()
