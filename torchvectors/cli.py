"""The command ``torchvectors``: what a person types → what the rooms below do."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

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
    demo.set_defaults(run=_demo)

    download = commands.add_parser(
        "download",
        help="fetch vectors into the cache, so that a program finds them there, also offline",
        description="Download, verify and convert vectors, as a program that names them would at its first use.",
    )
    download.add_argument(
        "names", nargs="+", metavar="NAME", help='a catalog name, such as "glove.6B.50d" or "wiki.en"'
    )
    download.add_argument(
        "--cache", metavar="FOLDER", help="where to put them, instead of the usual cache folder"
    )
    download.add_argument(
        "--url", help="where the file, or an archive with it, can be had, for names not in the catalog"
    )
    download.add_argument("--checksum", metavar="DIGEST", help='of the file at that URL, such as "sha256:…"')
    download.set_defaults(run=_download)

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
    migrate.set_defaults(run=_migrate)
    return parser


def _demo(given: argparse.Namespace) -> int:
    from torchvectors import demo

    return demo.run(vectors=given.vectors, quick=given.quick, png=given.png)


def _migrate(given: argparse.Namespace) -> int:
    from torchvectors import migrate

    return migrate.run(given.paths, write=given.write)


def _download(given: argparse.Namespace) -> int:
    from torchvectors.acquire import acquire
    from torchvectors.progress import bar

    for name in given.names:
        if name == "sample":
            print('sample: it comes with the package, GloVe("sample") opens it.')
            continue
        store = acquire(name, cache=given.cache, url=given.url, checksum=given.checksum, bars=bar)
        print(f"{name}: {len(store):,} tokens of dim {store.dim}, in {store.path}")
    return 0
