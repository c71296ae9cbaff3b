"""An archive ↔ its record in the package's data: one line of JSON, which leaves out what is not known."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypedDict

from torchvectors.catalog.records import Archive, Digest, Entry, Kind, Member

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["ArchiveRecord", "archive_of", "dumps", "entries_of", "index", "loads"]


class _Promise(TypedDict, total=False):
    nbytes: int
    digests: dict[str, int]  # "algorithm:value" → how many sources agree
    strict: bool


class _MemberRecord(_Promise, total=False):
    name: str
    dim: int
    ntokens: int
    notes: list[str]


class ArchiveRecord(_Promise, total=False):
    """One line of a data file; its family is the file's name."""

    name: str
    kind: Kind
    urls: list[str]
    dead_urls: list[str]
    members: list[_MemberRecord]
    also: list[str]
    file: str
    licence: str
    language: str
    language_name: str
    notes: list[str]


def dumps(archives: Iterable[Archive]) -> str:
    """Write a family's archives as a JSON list, one record per line, so that a diff shows which one changed."""
    lines = [json.dumps(_record(archive), ensure_ascii=False, separators=(",", ":")) for archive in archives]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def loads(text: str, family: str) -> tuple[Archive, ...]:
    """Read what `dumps` wrote for this family."""
    return tuple(archive_of(record, family) for record in _records(text))


def index(text: str) -> dict[str, ArchiveRecord]:
    """Return the records by the names of their entries: a tenth of the work of building them all."""
    return {
        name: record
        for record in _records(text)
        for name in _entry_names(record["name"], [member["name"] for member in record["members"]])
    }


def archive_of(record: ArchiveRecord, family: str) -> Archive:
    """Build what a record says."""
    nbytes, digests, strict = _promised(record)
    members = tuple(
        _member(member, *((nbytes, digests, strict) if record["kind"] == "plain" else _promised(member)))
        for member in record["members"]
    )
    return Archive(
        name=record["name"],
        family=family,
        kind=record["kind"],
        urls=tuple(record.get("urls", ())),
        dead_urls=tuple(record.get("dead_urls", ())),
        nbytes=nbytes,
        digests=digests,
        strict=strict,
        members=members,
        also=tuple(record.get("also", ())),
        file=record.get("file"),
        licence=record.get("licence"),
        language=record.get("language"),
        language_name=record.get("language_name"),
        notes=tuple(record.get("notes", ())),
    )


def entries_of(archive: Archive) -> tuple[Entry, ...]:
    """Name what is inside: a single member goes by its archive's name, several by their own.

    A member's own name is its file name up to the last dot: "glove.6B.50d.txt" is "glove.6B.50d". A model with
    subwords keeps its ".bin", by which it is told from its text.
    """
    names = _entry_names(archive.name, [member.name for member in archive.members])
    named = zip(names, archive.members, strict=True)
    return tuple(Entry(name=name, archive=archive, member=member) for name, member in named)


def _entry_names(archive: str, members: Sequence[str]) -> list[str]:
    if len(members) == 1:
        return [archive]
    return [member if member.endswith(".bin") else member.rpartition(".")[0] for member in members]


def _records(text: str) -> list[ArchiveRecord]:
    records: list[ArchiveRecord] = json.loads(text)
    return records


def _record(archive: Archive) -> dict[str, object]:
    return _known(
        name=archive.name,
        kind=archive.kind,
        language=archive.language,
        language_name=archive.language_name,
        licence=archive.licence,
        urls=archive.urls,
        dead_urls=archive.dead_urls,
        file=archive.file,
        **_promise(archive),
        members=[
            _known(
                name=member.name,
                dim=member.dim,
                ntokens=member.ntokens,
                # A plain file is its own member: what is promised of it stands once.
                **({} if archive.kind == "plain" else _promise(member)),
                notes=member.notes,
            )
            for member in archive.members
        ],
        also=archive.also,
        notes=archive.notes,
    )


def _promise(one: Archive | Member) -> dict[str, object]:
    digests = {str(digest): digest.sources for digest in one.digests}
    return {"nbytes": one.nbytes, "digests": digests, "strict": one.strict}


def _known(**fields: object) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value}


def _member(record: _MemberRecord, nbytes: int | None, digests: tuple[Digest, ...], strict: bool) -> Member:
    return Member(
        name=record["name"],
        dim=record.get("dim"),
        ntokens=record.get("ntokens"),
        nbytes=nbytes,
        digests=digests,
        strict=strict,
        notes=tuple(record.get("notes", ())),
    )


def _promised(record: _Promise) -> tuple[int | None, tuple[Digest, ...], bool]:
    stated = ((*one.partition(":"), sources) for one, sources in record.get("digests", {}).items())
    digests = tuple(
        Digest(algorithm=name, value=value, sources=sources) for name, _, value, sources in stated
    )
    return record.get("nbytes"), digests, record.get("strict", False)
