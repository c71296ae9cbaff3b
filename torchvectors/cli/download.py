"""``torchvectors download``: names → stores, or the files of data sets, in the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torchvectors.cli import datasets

if TYPE_CHECKING:
    import argparse

__all__ = ["add"]


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    download = commands.add_parser(
        "download",
        help="fetch vectors or data sets into the cache, so that a program finds them there, also offline",
        description="Download, verify and convert vectors, or download and verify data sets, as a program that names "
        "them would at its first use.",
    )
    download.add_argument(
        "names",
        nargs="+",
        metavar="NAME",
        help='a catalog name, such as "glove.6B.50d", "IMDB" or "CC100:de"',
    )
    download.add_argument(
        "--cache", metavar="FOLDER", help="where to put them, instead of the usual cache folder"
    )
    download.add_argument(
        "--url", help="where the file, or an archive with it, can be had, for names not in the catalog"
    )
    download.add_argument("--checksum", metavar="DIGEST", help='of the file at that URL, such as "sha256:…"')
    download.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> int:
    from torchvectors.acquire import acquire
    from torchvectors.errors import UnknownNameError
    from torchvectors.progress import bar

    for name in given.names:
        if name == "sample":
            print('sample: it comes with the package, GloVe("sample") opens it.')
            continue
        if datasets.is_dataset(name):
            if given.url or given.checksum:
                text = f"{name} is a data set, whose addresses and digests are known"
                raise UnknownNameError(f"{text}: leave out --url and --checksum.")
            datasets.fetch(name, given.cache)
            continue
        store = acquire(name, cache=given.cache, url=given.url, checksum=given.checksum, bars=bar)
        print(f"{name}: {len(store):,} tokens of dim {store.dim}, in {store.path}")
    return 0
