"""A data set's name → what is known of it: its files, what is inside them, how many rows each split has.

The records lie in ``datasets.json`` beside this module, which `catalog.make_datasets` makes from the published facts.
Nothing is read before the first name is asked for.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torchvectors.catalog.drive import page_of
from torchvectors.catalog.records import Digest, strongest_first
from torchvectors.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["DATA", "DataFile", "DataSet", "dataset", "dataset_names", "dumps", "loads", "pair"]

DATA = Path(__file__).with_name("datasets.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """One downloadable file of a data set, and the promise it is checked against.

    Its digests bind: torchtext refused a file that had another one, and so everybody who has these rows has that file.
    """

    key: str  # which of the set's files it is: a split or a source; "" where there is one for all
    name: str  # on the disk; "%s" stands for what the caller chooses
    urls: tuple[str, ...]  # all believed alive, the preferred one first; empty if none is
    dead_urls: tuple[str, ...] = ()  # where it was
    digests: tuple[Digest, ...] = ()  # strongest first

    def __post_init__(self) -> None:
        if not self.urls and not self.dead_urls:
            raise ValueError(f"{self.name}: a file needs a URL, alive or dead.")
        if self.name in ("", ".", "..") or "/" in self.name or "\\" in self.name:
            raise ValueError(f"{self.name!r} is not the name of a file.")
        if self.digests != strongest_first(self.digests):
            raise ValueError(f"{self.name}: list the digests with the strongest algorithm first.")

    @property
    def page(self) -> str | None:
        """Where a person may fetch it by hand, if it lies on Google Drive."""
        return next(filter(None, map(page_of, self.urls)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """One of torchtext's data sets."""

    name: str
    row: str  # what a row is, for people
    signature: str  # of its function, as torchtext had it
    splits: tuple[str, ...]  # in torchtext's order; empty where the function takes none
    files: tuple[DataFile, ...]
    members: Mapping[str, str]  # split → the end of its member's path in the archive
    lines: Mapping[
        str, Any
    ]  # split → rows, also by set and by pair of languages; empty where nobody has counted
    url: str | Mapping[str, str]  # torchtext's constants URL and MD5, as they were
    md5: str | Mapping[str, str] | None
    languages: tuple[str, ...] = ()  # that a caller may choose from
    talks: Mapping[str, str] = field(
        default_factory=dict
    )  # split → the set of talks that it is, unless another is chosen
    megabytes: float | None = None  # of all files, as they are downloaded: about
    licence: str | None = None  # an SPDX identifier, where its publisher states one
    home: str | None = None  # its publisher's page
    state: str  # of its hosts, as far as it is known
    gone: str = ""  # why it cannot be had any more, and what to use instead
    notes: tuple[str, ...] = ()  # what its rows are otherwise than torchtext's, and why

    def file(self, key: str) -> DataFile:
        """Return the file of this key, or the only one there is.

        Raises:
            KeyError: There is none.
        """
        found = next((one for one in self.files if one.key in (key, "")), None)
        if found is None:
            raise KeyError(f"{self.name}: there is no file {key!r}.")
        return found

    def counted(self, split: str, chosen: str = "", languages: tuple[str, ...] = ()) -> int | None:
        """Return how many rows a split has by the published counts; None where nobody has said."""
        found = self.lines.get(split)
        if isinstance(found, int) or found is None:
            return found
        by_pair = found.get(chosen, {})
        count: int | None = by_pair.get(pair(languages), by_pair.get(pair(languages[::-1])))
        return count

    @property
    def pairs(self) -> frozenset[str]:
        """The pairs of languages that it has, each written both ways."""
        sets = [one for one in self.lines.values() if not isinstance(one, int)]
        known = {name for one in sets for counts in one.values() for name in counts}
        return frozenset({*known, *(pair(name.split("-")[::-1]) for name in known)})


def pair(languages: tuple[str, ...] | list[str]) -> str:
    """Write a pair of languages as the records do: ``("de", "en")`` → "de-en"."""
    return "-".join(languages)


def dataset(name: str) -> DataSet:
    """Return what is known of a data set. Case counts.

    Raises:
        UnknownNameError: There is none of this name; the text gives the nearest ones.
    """
    known = _known(DATA)
    if name not in known:
        from torchvectors.catalog.nearest import nearest

        near = nearest(name, known, cutoff=0.4)
        hint = f"Did you mean {' or '.join(map(repr, near))}?" if near else f"There are {', '.join(known)}."
        raise UnknownNameError(f"{name!r}: there is no data set of this name. {hint}")
    return known[name]


def dataset_names() -> tuple[str, ...]:
    """Return the names of all data sets, in alphabetical order."""
    return tuple(sorted(_known(DATA)))


@cache
def _known(path: Path) -> dict[str, DataSet]:
    return {one.name: one for one in loads(path.read_text("utf-8"))}


def dumps(sets: list[DataSet]) -> str:
    """Write data sets as a JSON list, one record per line, so that a diff shows which one changed."""
    lines = (json.dumps(_record(one), ensure_ascii=False, separators=(",", ":")) for one in sets)
    return "[\n" + ",\n".join(lines) + "\n]\n"


def loads(text: str) -> Iterator[DataSet]:
    """Read what `dumps` wrote."""
    for record in json.loads(text):
        files = tuple(_file(one) for one in record.pop("files"))
        many: dict[str, Any] = {key: tuple(record.pop(key, ())) for key in ("splits", "languages", "notes")}
        usual: dict[str, Any] = {"members": {}, "lines": {}, "md5": None}
        yield DataSet(files=files, **many, **{**usual, **record})


def _file(record: dict[str, Any]) -> DataFile:
    stated = ((*one.partition(":"), sources) for one, sources in record.get("digests", {}).items())
    return DataFile(
        key=record.get("key", ""),
        name=record["name"],
        urls=tuple(record.get("urls", ())),
        dead_urls=tuple(record.get("dead_urls", ())),
        digests=tuple(
            Digest(algorithm=name, value=value, sources=sources) for name, _, value, sources in stated
        ),
    )


def _record(one: DataSet) -> dict[str, object]:
    fields = {name: getattr(one, name) for name in DataSet.__dataclass_fields__}
    fields["files"] = [
        _filled(
            key=file.key,
            name=file.name,
            urls=file.urls,
            dead_urls=file.dead_urls,
            digests={str(digest): digest.sources for digest in file.digests},
        )
        for file in one.files
    ]
    return _filled(**fields)


def _filled(**fields: object) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value}
