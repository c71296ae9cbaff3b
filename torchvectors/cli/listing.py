"""``torchvectors list``: words → the catalog's entries that they fit, as a table or as JSON."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from torchvectors import catalog
from torchvectors.catalog.nearest import nearest
from torchvectors.cli import datasets
from torchvectors.cli.tables import table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from torchvectors.catalog import Entry

__all__ = ["add", "facts_of", "fitting", "readable"]

_HEADS = ("NAME", "LANGUAGE", "DIM", "TOKENS", "ARCHIVE", "LICENCE", "HERE")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    listing = commands.add_parser(
        "list",
        help="show the vectors and data sets that can be had by name",
        description="Show the catalog's vectors that fit all the words; without words, all. The word datasets shows "
        "data sets, and so do words that fit no vectors. Needs no network, and writes nothing.",
    )
    listing.add_argument(
        "words",
        nargs="*",
        metavar="WORD",
        help='a language ("de", "German"), a family ("glove", "fasttext"), a dim ("300"), "subwords", "here", '
        '"datasets", or a piece of a name',
    )
    listing.add_argument("--json", action="store_true", help="as a JSON list, for programs")
    listing.add_argument("--cache", metavar="FOLDER", help="look here for what is on this machine already")
    listing.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> int:
    from torchvectors.acquire.present import present

    if datasets.wants_datasets(given.words) and datasets.show_list(
        given.words, given.cache, as_json=given.json
    ):
        return 0
    entries = [catalog.find(name) for name in catalog.names()]
    here = {entry.name: present(entry, given.cache).most for entry in entries}
    fit = [entry for entry in entries if fitting(entry, given.words, here=here[entry.name])]
    if not fit and datasets.show_list(given.words, given.cache, as_json=given.json):
        return 0
    if given.json:
        print(json.dumps([facts_of(entry) | {"here": here[entry.name]} for entry in fit], indent=1))
    elif fit:
        print(table(_HEADS, [_row(entry, here[entry.name]) for entry in fit], right={2, 3, 4}))
    if not fit:
        said = f"nothing in the catalog fits {' '.join(given.words)!r}."
        print(f"torchvectors: {' '.join([said, *_hints(given.words)])}", file=sys.stderr)
    return 0 if fit else 1


def _hints(words: Sequence[str]) -> Iterator[str]:
    """Yield what somebody may have meant by each word."""
    known = (datasets.WORD, "here", "subwords", *catalog.families(), *catalog.language_names().values())
    for word in words:
        if word not in known:
            near = [*map(repr, nearest(word, known, cutoff=0.75)), *catalog.near_names(word)]
            if near:
                yield f"For {word!r}, did you mean {' or '.join(dict.fromkeys(near))}?"


def fitting(entry: Entry, words: Sequence[str], *, here: str = "") -> bool:
    """Say whether an entry fits all of the words.

    Args:
        entry: Of the catalog.
        words: Each is a language's code or English name, a family, a dim, "subwords", "here", or else a piece of
            the name; in this order, so that "no" is Norwegian and not a piece of "GoogleNews".
        here: What is on this machine of it.
    """
    return all(_fits(entry, word.lower(), here) for word in words)


def _fits(entry: Entry, word: str, here: str) -> bool:
    names = {code.lower(): name.lower() for code, name in catalog.language_names().items()}
    code = (entry.archive.language or "").lower()
    if word in names or word in names.values():
        return word in (code, names.get(code))
    if word in ("here", "subwords"):
        return bool(here) if word == "here" else entry.subwords
    if word in catalog.families() or word in _PUBLISHERS:
        return entry.archive.family == word or entry.archive.family.startswith(f"{word}-")
    if word.removesuffix("d") in {"25", "50", "100", "200", "300"}:
        return entry.member.dim == int(word.removesuffix("d"))
    return word in entry.name.lower()


_PUBLISHERS = {"fasttext"}  # several families each


def facts_of(entry: Entry) -> dict[str, str | int | bool | None]:
    """Return what a list tells of an entry."""
    archive, member = entry.archive, entry.member
    return {
        "name": entry.name,
        "family": archive.family,
        "language": archive.language,
        "language_name": catalog.language_names().get(archive.language or ""),
        "dim": member.dim,
        "tokens": member.ntokens,
        "subwords": entry.subwords,
        "bytes": archive.nbytes,
        "alone": entry.alone,
        "licence": archive.licence,
    }


def readable(nbytes: int | None) -> str:
    """Return a size as people say it: "862 MB"; "" where it is not known."""
    if nbytes is None:
        return ""
    return f"{nbytes / 1e9:.1f} GB" if nbytes >= 999_500_000 else f"{nbytes / 1e6:.0f} MB"


def _row(entry: Entry, here: str) -> list[str]:
    facts = facts_of(entry)
    language = facts["language_name"] or facts["language"] or ""
    tokens = f"{entry.member.ntokens:,}" if entry.member.ntokens else ""
    size = readable(entry.archive.nbytes)
    return [
        entry.name,
        str(language),
        str(entry.member.dim),
        tokens,
        size,
        entry.archive.licence or "?",
        here,
    ]
