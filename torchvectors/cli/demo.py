"""``torchvectors demo``: three classifiers trained and compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

__all__ = ["add"]


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    demo = commands.add_parser(
        "demo",
        help="train a classifier with random, frozen and tuned vectors, and compare them",
        description="Train the same text classifier three times from one graph: with random weights, with "
        "pretrained vectors frozen, and with pretrained vectors tuned. Needs no network.",
    )
    demo.add_argument("--quick", action="store_true", help="one seed and few epochs: some seconds")
    demo.add_argument(
        "--vectors", default="sample", metavar="NAME", help='a catalog name, or "sample" (the default)'
    )
    demo.add_argument(
        "--png", type=Path, default=Path("torchvectors_demo.png"), help="where to write the curves"
    )
    demo.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> int:
    from torchvectors import demo

    return demo.run(vectors=given.vectors, quick=given.quick, png=given.png)
