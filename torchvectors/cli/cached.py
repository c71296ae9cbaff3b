"""``torchvectors cache``: what the cache holds, how big it is and when it was last used; and what of it is to go."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import TYPE_CHECKING

from torchvectors.cache import DATASETS, KEPT, folders
from torchvectors.cli.tables import day, size, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torchvectors.cache import Folders
    from torchvectors.inventory import Held, Outcome, Removal

__all__ = ["add", "facts_of"]

_UNUSED = 180  # days
_HEADS = ("KIND", "NAME", "SIZE", "LAST USED", "WHAT IT IS FOR")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    cache = commands.add_parser(
        "cache",
        help="show what the cache holds; remove some of it",
        description="Show what the cache folders hold, how big it is, when it was last used as far as the file system "
        "knows, and what it is for. Needs no network, and changes nothing.",
    )
    cache.add_argument("--cache", metavar="FOLDER", help="this folder, instead of the usual ones")
    cache.add_argument("--json", action="store_true", help="as JSON, for programs")
    cache.set_defaults(run=_show)
    more = cache.add_subparsers(metavar="remove | prune")
    remove = more.add_parser(
        "remove",
        help="remove what some names stand for",
        description="Remove the stores of these vectors, with their cuts, and the downloads that they were made of. "
        "Your own files stay, and so do downloads that other stores here were made of. A file's name means that file.",
    )
    remove.add_argument("names", nargs="+", metavar="NAME", help="of vectors, or of a file in the cache")
    remove.set_defaults(run=_remove)
    prune = more.add_parser(
        "prune",
        help="remove what nobody can want any more",
        description="Remove what killed processes and broken downloads left behind more than a day ago, and what the "
        "processes of graphs that are gone have met at. What somebody is making or reading stays whole.",
    )
    prune.add_argument(
        "--archives",
        action="store_true",
        help="also downloads whose store is here, once that has proved whole",
    )
    prune.add_argument("--bad", action="store_true", help="also files that were set aside")
    for option, what in (
        (
            "--vocabularies",
            "also fitted vocabularies not used for so long; a pickle that names one cannot be read then",
        ),
        ("--fits", "also fits that are kept for later runs, not used for so long: they are counted again"),
    ):
        prune.add_argument(
            option,
            nargs="?",
            type=_days,
            const=_UNUSED,
            metavar="DAYS",
            help=f"{what} (DAYS is {_UNUSED}, if left out)",
        )
    prune.set_defaults(run=_prune)
    for parser in (remove, prune):
        parser.add_argument("--dry-run", action="store_true", help="remove nothing, but tell what would go")
        # Left out here, they are as they were given before the word.
        parser.add_argument("--cache", metavar="FOLDER", default=argparse.SUPPRESS, help="this folder")
        parser.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help="as JSON, for programs"
        )


def _days(text: str) -> float:
    days = float(text)
    if not 0 <= days < float("inf"):
        raise ValueError
    return days


def _show(given: argparse.Namespace) -> int:
    from torchvectors.inventory import look

    places = folders(given.cache)
    found = look(places)
    if given.json:
        print(json.dumps(_record(places, found), indent=1))
        return 0
    for folder in dict.fromkeys(places.search):
        inside = [held for held in found if held.path.is_relative_to(folder)]
        only = "" if folder == places.write else ", which is only searched"
        print(f"{folder}{only}: {size(sum(held.nbytes for held in inside))} in {_files(inside)}")
        if inside:
            print(table(_HEADS, [_row(held) for held in inside], right={2}))
    return 0


def _files(found: Sequence[Held]) -> str:
    number = sum(len(held.files) for held in found)
    return f"{number} file{'' if number == 1 else 's'}"


def _row(held: Held) -> list[str]:
    name = held.path.name if held.kind not in ("vocabulary", "fit") else held.path.stem
    return [held.kind, name, size(held.nbytes), day(held.used), _purpose(held)]


def _purpose(held: Held) -> str:
    """Say who needs a thing."""
    match held.kind:
        case "store":
            of = f", made of {', '.join(path.name for path in held.made_of)}" if held.made_of else ""
            return f"{', '.join(held.names) or 'a store that cannot be read'}{of}"
        case "download" if held.gives:
            return f"converted: {', '.join(path.name for path in held.gives)}"
        case "download" | "own" if not held.gives and held.path.parent.parent.name == DATASETS:
            return f"the data set {held.path.parent.name}"
        case "download":
            return "a download"
        case "own" if held.gives:
            return f"your own; converted: {', '.join(path.name for path in held.gives)}"
        case "own":
            return "your own"
        case "receipt":
            return "holds the next download to the digest of the first"
        case "part":
            return "a download that was broken off: the next call continues it"
        case "temporary":
            return "somebody is writing it, or was killed"
        case "bad":
            return "set aside: it is not used"
        case "vocabulary":
            return "a pickled graph, or the state of one, may name it"
        case _ if held.path.name.startswith(KEPT):
            return "fitted, and kept for later runs over the same corpus"
        case _:
            return "what the processes of a graph have met at"


def facts_of(held: Held) -> dict[str, object]:
    """Return what JSON tells of a thing."""
    return {
        "path": str(held.path),
        "kind": held.kind,
        "names": list(held.names),
        "bytes": held.nbytes,
        "modified": held.modified,
        "used": held.used,
        "mine": held.mine,
        "beside": [str(path) for path in held.beside],
        "made_of": [str(path) for path in held.made_of],
        "needed_by": [str(path) for path in held.gives],
    }


def _record(places: Folders, found: Iterable[Held]) -> dict[str, object]:
    return {
        "folders": [str(folder) for folder in places.search],
        "write": str(places.write),
        "holds": [facts_of(held) for held in found],
    }


def _remove(given: argparse.Namespace) -> int:
    from torchvectors.inventory import look, to_remove

    found = look(folders(given.cache))
    removals = {one.held.path: one for name in given.names for one in to_remove(found, name)}
    # Of two names one may let go what the other keeps.
    removals |= {one.held.path: one for name in given.names for one in to_remove(found, name) if not one.but}
    outcomes = _act(given, list(removals.values()))
    undone = any(one.state in ("busy", "failed") for one in outcomes)
    return 0 if any(one.gone for one in outcomes) and not undone else 1


def _prune(given: argparse.Namespace) -> int:
    from torchvectors.inventory import DAY, Wish, look, to_prune

    wish = Wish(
        archives=given.archives,
        bad=given.bad,
        vocabularies=None if given.vocabularies is None else given.vocabularies * DAY,
        fits=None if given.fits is None else given.fits * DAY,
    )
    outcomes = _act(given, to_prune(look(folders(given.cache)), wish, time.time()))
    return 1 if any(one.state == "failed" for one in outcomes) else 0


def _act(given: argparse.Namespace, removals: Sequence[Removal]) -> list[Outcome]:
    """Remove and tell: what goes on standard output, what stays on standard error."""
    from torchvectors.inventory import remove
    from torchvectors.progress import bar

    outcomes = []
    for one in remove(removals, dry=given.dry_run, bars=bar):
        outcomes.append(one)
        if given.json:
            continue
        if one.gone:
            does = "would remove" if given.dry_run else "removed"
            print(f"{does} {one.held.path} ({size(one.nbytes)}): {one.why}")
        else:
            print(f"torchvectors: {one.held.path} stays: {one.why}", file=sys.stderr)
    if given.json:
        told = [
            {"path": str(one.held.path), "state": one.state, "why": one.why, "bytes": one.nbytes}
            for one in outcomes
        ]
        print(json.dumps({"dry_run": given.dry_run, "outcomes": told}, indent=1))
    else:
        verb = "would be freed" if given.dry_run else "freed"
        print(f"{size(sum(one.nbytes for one in outcomes))} {verb}")
    return outcomes
