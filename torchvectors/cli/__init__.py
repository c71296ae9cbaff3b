"""The command ``torchvectors``: what a person types → what the rooms below do. One module for each command."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from typing import TYPE_CHECKING

from torchvectors.cli import cached, convert, demo, doctor, download, info, listing, migrate, verify
from torchvectors.errors import TorchVectorsError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: The words after ``torchvectors``; None: those of this process.

    Returns:
        The exit code: 0, or 1 where something could not be done, which standard error then tells in a line.
    """
    given = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO if given.verbose else logging.WARNING, format="%(message)s")
    try:
        code: int = given.run(given)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has seen enough: ``torchvectors list | head``
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (TorchVectorsError, ValueError) as error:
        print(f"torchvectors: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("torchvectors: stopped. What was downloaded so far is kept.", file=sys.stderr)
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    from torchvectors.version import __version__

    parser = argparse.ArgumentParser(prog="torchvectors", description="Pretrained word vectors for PyTorch.")
    parser.add_argument("--version", action="version", version=f"torchvectors {__version__}")
    parser.add_argument("--verbose", "-v", action="store_true", help="tell what is downloaded and converted")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in (demo, listing, info, download, cached, verify, convert, doctor, migrate):
        command.add(commands)
    return parser
