"""``torchvectors doctor``: what a vector file is, and what is odd about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

__all__ = ["add"]


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    doctor = commands.add_parser(
        "doctor",
        help="tell what a vector file is, and what is odd about it",
        description="Tell of each file what it is, and what is odd about it; for each oddity what this package does "
        "with it, and the fix. Archives are looked into. Exit code 0: nothing is odd; 1: something is, and all can "
        "be read; 2: a file cannot be read as it is.",
    )
    doctor.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="a file, an archive, a store, or a model's folder"
    )
    doctor.add_argument("--json", action="store_true", help="as a JSON list, for programs")
    doctor.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> int:
    from torchvectors import doctor
    from torchvectors.progress import bar

    return doctor.run(given.files, as_json=given.json, bars=bar)
