"""What ``list``, ``info`` and ``download`` do with the name of a data set."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from torchvectors.catalog.datasets import dataset, dataset_names
from torchvectors.cli.tables import table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from torchvectors.catalog.datasets import DataSet

__all__ = ["WORD", "fetch", "is_dataset", "show", "show_list", "wants_datasets"]

WORD = "datasets"  # that asks for data sets alone
_HEADS = ("NAME", "ROWS", "SIZE", "LICENCE", "A ROW", "HERE")


def is_dataset(name: str) -> bool:
    """Say whether this names a data set, or would if case did not count; "CC100:de" does, too."""
    return name.partition(":")[0].casefold() in map(str.casefold, dataset_names())


def show_list(words: Sequence[str], cache: str | None, *, as_json: bool) -> int:
    """Print the data sets that fit all words, if any do; return how many."""
    fit = [
        one for one in map(dataset, dataset_names()) if all(_fits(one, word.lower(), cache) for word in words)
    ]
    if as_json and fit:
        print(json.dumps([_facts(one, cache) for one in fit], indent=1, ensure_ascii=False))
    elif fit:
        print(table(_HEADS, [_row(one, cache) for one in fit], right={2}))
    return len(fit)


def wants_datasets(words: Sequence[str]) -> bool:
    """Say whether a list of data sets is asked for."""
    return WORD in words


def _fits(data: DataSet, word: str, cache: str | None) -> bool:
    if word in (WORD, "here"):
        return word == WORD or bool(_here(data, cache))
    return word in data.name.lower()


def _row(data: DataSet, cache: str | None) -> list[str]:
    rows = ", ".join(f"{split} {count:,}" for split, count in _counts(data).items())
    return [data.name, rows, _sized(data), data.licence or "?", data.row, _here(data, cache)]


def _counts(data: DataSet) -> dict[str, int]:
    """Return the rows of each split; of a set with many pairs of languages, those of the usual one."""
    counts = {
        split: data.counted(split, data.talks.get(split, "train"), ("de", "en")) for split in data.lines
    }
    return {split: count for split, count in counts.items() if count is not None}


def _sized(data: DataSet) -> str:
    """Return about how big its downloads are: "84 MB"; "" where nobody has said."""
    return f"{data.megabytes:g} MB" if data.megabytes else ""


def _paths(data: DataSet, cache: str | None) -> Iterator[Path | None]:
    from torchvectors.acquire.datafiles import found, places_of

    places = places_of(data.name, cache)
    if data.languages:
        yield from filter(None, (found(data.files[0], places, code) for code in data.languages))
        return
    for file in data.files:
        yield found(file, places)


def _here(data: DataSet, cache: str | None) -> str:
    paths = list(_paths(data, cache))
    there = sum(path is not None for path in paths)
    return "" if not there else "all" if there == len(paths) else f"{there} of {len(paths)} files"


def _facts(data: DataSet, cache: str | None) -> dict[str, object]:
    return {
        "name": data.name,
        "kind": "data set",
        "row": data.row,
        "rows": data.lines,
        "megabytes": data.megabytes,
        "licence": data.licence,
        "home": data.home,
        "state": data.state,
        "gone": data.gone or None,
        "notes": list(data.notes),
        "files": [
            {
                "name": file.name,
                "digests": [str(digest) for digest in file.digests],
                "urls": list(file.urls),
                "dead_urls": list(file.dead_urls),
            }
            for file in data.files
        ],
        "here": [str(path) for path in _paths(data, cache) if path],
    }


def show(name: str, cache: str | None, *, as_json: bool) -> None:
    """Print all that is known of a data set."""
    data = dataset(name.partition(":")[0])
    if as_json:
        print(json.dumps(_facts(data, cache), indent=1, ensure_ascii=False))
        return
    lines = [(head, body) for head, body in _lines(data, cache) if body]
    width = max(len(head) for head, _ in lines)
    sys.stdout.writelines(f"{head:<{width}}  {body}\n" for head, body in lines)


def _lines(data: DataSet, cache: str | None) -> Iterator[tuple[str, str]]:
    from torchvectors.acquire.datafiles import places_of

    yield "name", f"{data.name}, a data set"
    yield "open", f"torchvectors.datasets.{data.name}{data.signature}"
    yield (
        "files",
        f"in {places_of(data.name, cache).write}, or in datasets/{data.name} of root= where that is given",
    )
    yield "a row", data.row
    yield from (("rows", f"{split}: {count:,}") for split, count in _counts(data).items())
    yield "pairs", ", ".join(sorted(data.pairs))
    yield "languages", ", ".join(data.languages)
    yield "size", _sized(data) and f"about {_sized(data)}"
    yield "licence", data.licence or "none is stated for the rows"
    yield "home", data.home or ""
    yield "state", data.state
    yield "gone", data.gone
    for file in data.files:
        yield "file", file.name
        yield from (("  digest", str(digest)) for digest in file.digests)
        yield "  digest", "" if file.digests else "none is published"
        yield from (("  address", url) for url in file.urls)
        yield from (("  dead address", url) for url in file.dead_urls)
        yield "  by hand", file.page or ""
    yield from (("note", note) for note in data.notes)
    yield from (("here", str(path)) for path in _paths(data, cache) if path)


def fetch(name: str, cache: str | None) -> None:
    """Download the files of a data set, or verify those that are here.

    Raises:
        UnknownNameError: It has a file for each language, and none is named.
        NotFoundError, DownloadError, DigestError: A file cannot be had.
    """
    from torchvectors.acquire.datafiles import data_file, places_of
    from torchvectors.errors import UnknownNameError
    from torchvectors.progress import bar

    base, _, code = name.partition(":")
    data = dataset(base)
    if data.languages and code not in data.languages:
        known = ", ".join(data.languages)
        raise UnknownNameError(f"{name}: say which language, such as {base}:de. There are {known}.")
    if code and not data.languages:
        raise UnknownNameError(f"{name}: {base} has no parts to choose from: leave out {code!r}.")
    places = places_of(base, cache)
    for file in data.files:
        path = data_file(data, file, places, chosen=code, bars=bar)
        print(f"{name}: {path}")
