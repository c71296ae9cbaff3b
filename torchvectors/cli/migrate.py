"""``torchvectors migrate``: what programs for torchtext use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

__all__ = ["add"]


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    migrate = commands.add_parser(
        "migrate",
        help="tell which names of torchtext programs use, and change the word in those that are covered",
        description="Go through programs that were written for torchtext, and tell line by line which of its names "
        "they use, what of that is covered, and what needs a hand. Exit code 0: all is covered; 1: something needs "
        "a hand; 2: a path is no program.",
    )
    migrate.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="a file, .py or .ipynb, or a folder of them"
    )
    migrate.add_argument(
        "--write",
        action="store_true",
        help="change the word torchtext to torchvectors where that is all it takes",
    )
    migrate.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> int:
    from torchvectors import migrate

    return migrate.run(given.paths, write=given.write)
