"""``torchvectors info``: a name → all that the catalog knows of it, and what is here."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from torchvectors import catalog
from torchvectors.catalog import strongest
from torchvectors.cli import datasets
from torchvectors.cli.listing import facts_of, readable

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from torchvectors.acquire.present import Present
    from torchvectors.catalog import Archive, Entry, Member

__all__ = ["add"]


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    info = commands.add_parser(
        "info",
        help="tell all that is known of some vectors, or of a data set",
        description="Tell what the catalog knows of some vectors, or of a data set: sizes, digests and how far they "
        "are to be trusted, addresses, licence, notes; and what of them is on this machine. Needs no network, and "
        "writes nothing.",
    )
    info.add_argument("name", metavar="NAME", help='a catalog name, such as "glove.6B.50d" or "IMDB"')
    info.add_argument("--json", action="store_true", help="as a JSON object, for programs")
    info.add_argument("--cache", metavar="FOLDER", help="look here for what is on this machine already")
    info.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> int:
    from torchvectors.acquire.present import present

    if datasets.is_dataset(given.name):
        datasets.show(given.name, given.cache, as_json=given.json)
        return 0
    entry = catalog.find(given.name)
    here = present(entry, given.cache)
    if given.json:
        print(json.dumps(_record(entry, here), indent=1, ensure_ascii=False))
        return 0
    lines = [(head, body) for head, body in _lines(entry, here) if body]
    width = max(len(head) for head, _ in lines)
    sys.stdout.writelines(f"{head:<{width}}  {body}\n" for head, body in lines)
    return 0


def _lines(entry: Entry, here: Present) -> Iterator[tuple[str, str]]:
    archive, member, facts = entry.archive, entry.member, facts_of(entry)
    yield "name", entry.name
    yield "", ", ".join(f"also {alias}" for alias, name in catalog.aliases.items() if name == entry.name)
    yield "open", " or ".join(_calls(entry))
    yield "family", archive.family
    named, code = facts["language_name"], archive.language
    yield "language", f"{named} ({code})" if named else code or ""
    yield "dim", str(member.dim)
    yield "tokens", f"{member.ntokens:,}" if member.ntokens else "not known before it is there"
    yield "words", "any: a model with subwords" if entry.subwords else ""
    yield "licence", archive.licence or "none is stated for the vectors"
    yield "archive", _file(archive.filename, archive)
    yield from _promise(archive)
    if archive.kind != "plain":
        yield "file in it", _file(member.name, member)
        yield from _promise(member)
        yield "download", "this file alone, where the server gives ranges of bytes" if entry.alone else ""
        others = [one.name for one in archive.members if one != member]
        yield "beside it", ", ".join([*others, *archive.also])
    yield from (("address", url) for url in archive.urls)
    yield from (("dead address", url) for url in archive.dead_urls)
    yield from (("note", note) for note in (*archive.notes, *member.notes))
    yield "here", here.most or "nothing"
    for what, path in (("store", here.store), ("file", here.text), ("archive", here.archive)):
        yield f"  {what}", str(path or "")


def _calls(entry: Entry) -> Iterator[str]:
    """Yield the expressions that open an entry."""
    archive = entry.archive
    if archive.family in ("glove", "glove-2024"):
        yield f'GloVe("{entry.name.removeprefix("glove.").rpartition(".")[0]}", {entry.member.dim})'
    elif archive.family in _SOURCES:
        subwords = ", subwords=True" if entry.subwords else ""
        yield f'FastText("{archive.language}"{_SOURCES[archive.family]}{subwords})'
    elif archive.family == "word2vec":
        yield 'Word2Vec("GoogleNews")'
    elif archive.family == "charngram":
        yield "CharNGram()"
    yield f'Vectors("{entry.name}")'


_SOURCES = {
    "fasttext-aligned": ', source="aligned"',
    "fasttext-crawl": ', source="crawl"',
    "fasttext-crawl-bin": ', source="crawl"',
    "fasttext-wiki": "",
    "fasttext-wiki-bin": "",
    "muse": ', source="muse"',
}


def _file(name: str, one: Archive | Member) -> str:
    return f"{name}, {one.nbytes:,} bytes ({readable(one.nbytes)})" if one.nbytes else name


def _promise(one: Archive | Member) -> Iterator[tuple[str, str]]:
    """Yield each digest with how far it is to be trusted."""
    deciding = strongest(one.digests)
    for digest in one.digests:
        sources = f"{digest.sources} sources agree" if digest.sources > 1 else "one source"
        if digest not in deciding:
            trust = "not used: a stronger one is known"
        elif one.strict:
            trust = "binding: another file is refused"
        else:
            trust = "hearsay: of another file you are warned"
        yield "  digest", f"{digest} ({sources}; {trust})"
    if not one.digests:
        yield "  digest", "none is published"


def _record(entry: Entry, here: Present) -> dict[str, object]:
    archive, member = entry.archive, entry.member

    def promise(one: Archive | Member) -> dict[str, object]:
        digests = {str(digest): digest.sources for digest in one.digests}
        return {"bytes": one.nbytes, "digests": digests, "strict": one.strict}

    return facts_of(entry) | {
        "archive": {"name": archive.filename, "kind": archive.kind, **promise(archive)},
        "member": {"name": member.name, **promise(member)},
        "urls": list(archive.urls),
        "dead_urls": list(archive.dead_urls),
        "notes": [*archive.notes, *member.notes],
        "here": {
            what: str(path) if path else None
            for what, path in (("store", here.store), ("file", here.text), ("archive", here.archive))
        },
    }
