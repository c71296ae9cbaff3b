"""What a person types → rows measured, one table printed, and written as JSON and into a document."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import table
from interpreters import ALTERNATIVES, compiled
from materials import Materials
from records import Record, Result, measure, without_targets
from rows import GROUPS, LARGE, SMALL

__all__ = ["main"]


Group = Callable[[Materials], Iterator[Record]]


def main(arguments: Sequence[str] | None = None, groups: Mapping[str, Group] = GROUPS) -> int:
    """Measure, print, write.

    Returns:
        1 where a side failed or gave another answer; 0 where all is sound, also where a target is missed.
    """
    asked = _parser(groups).parse_args(arguments)
    for name, one in ALTERNATIVES.items():
        if python := getattr(asked, name):
            os.environ[one.variable] = str(python)
    if asked.docs and not asked.json:
        raise SystemExit("--docs needs --json, of which the tables are made.")
    with ExitStack() as stack:
        if asked.folder is None:
            asked.folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        asked.folder.mkdir(parents=True, exist_ok=True)
        compiled()
        made = Materials(asked.folder.resolve(), SMALL if asked.small else LARGE)
        chosen = [groups[name] for name in asked.rows]
        results = list(_measured(chosen, made, asked.pairs, asked.json, judged=not asked.small))
    print(table.table([dataclasses.asdict(result) for result in results]))
    if asked.small:
        print(
            "\n--small: no verdict. The targets are for the full sizes; of tiny ones, what is fixed takes most."
        )
    if asked.docs:
        table.put(asked.docs, table.load(asked.json))
    return 0 if all(result.is_sound for result in results) else 1


def _measured(
    groups: Sequence[Group], made: Materials, pairs: int, path: Path | None, *, judged: bool
) -> Iterator[Result]:
    for group in groups:
        for record in group(made):
            result = measure(record if judged else without_targets(record), pairs)
            print(f"{record.what}: {result.state}", file=sys.stderr, flush=True)
            if path:  # at once: the next one may take minutes, and fail
                table.save(path, [result], {"day": table.today(), "pairs": pairs})
            yield result


def _parser(groups: Mapping[str, Group]) -> argparse.ArgumentParser:
    def names(text: str) -> list[str]:
        found = [name for name in text.split(",") if name]
        if unknown := [name for name in found if name not in groups]:
            raise argparse.ArgumentTypeError(
                f"no row is called {unknown[0]!r}; there are {', '.join(groups)}"
            )
        return found

    parser = argparse.ArgumentParser(prog="python tests/benchmarks", description=__doc__)
    parser.add_argument("--rows", type=names, default=list(groups), metavar=",".join(groups))
    parser.add_argument("--pairs", type=int, default=3, help="how often each side runs, in turn")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write them; rows that it has already are replaced"
    )
    parser.add_argument(
        "--docs", type=Path, metavar="FILE", help="put the tables of --json into this document"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        help="where the files lie that are measured, some 15 GB: kept for the "
        "next time; a temporary one if not given",
    )
    parser.add_argument("--small", action="store_true", help="tiny sizes: whether all runs, not how fast")
    for name, one in ALTERNATIVES.items():
        parser.add_argument(
            f"--{name}",
            type=Path,
            metavar="PYTHON",
            help=f"a Python with {one.module} ({one.install}), also by {one.variable}; this one if not given",
        )
    return parser
