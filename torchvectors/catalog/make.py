"""Published facts in, the package's data files out: ``python -m torchvectors.catalog.make FACTS.json [--check]``.

The facts are one JSON file: for each archive its id, family, format, URLs, mirrors and dead URLs, bytes, checksums
with the number of independent sources that agree, and the members. Whatever is decided on the way is decided here.
"""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict
from urllib.parse import urlsplit

from torchvectors.catalog.lookup import FAMILIES, family_of
from torchvectors.catalog.records import Archive, Digest, Kind, Member, strongest, strongest_first
from torchvectors.catalog.stored import dumps, entries_of, loads

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["archives_of", "data_files", "main"]

DATA = Path(__file__).with_name("data")

# What a fact's "format" is here. Others (binary, HDF5, Google Drive) wait for a reader of their own.
_KINDS: dict[str, Kind] = {"zip": "zip", "gz": "gz", "tar.gz": "tar.gz", "plain (.vec text)": "plain"}
# Binary members are left out for the same reason.
_BINARY = (".bin", ".ftz")

# The digests of all four GloVe archives come from several sources that agree, so nobody replaced them in between:
# a member's digest can then not be stale, even where it comes from one source.
_STRICT = {"glove"}

# Where a host is listed here, its copies come in this order: Stanford's certificate expired in 2024, its servers
# are often away, and its own maintainers send people to Hugging Face.
_HOSTS = ("huggingface.co", "nlp.stanford.edu", "downloads.cs.stanford.edu")
# Given with http in some facts and with https in others; it is the same bucket.
_HTTPS_TOO = {"conceptnet.s3.amazonaws.com"}

# Digests that were published, and are known not to be those of the file they were published for.
_WRONG = {
    "sha256:f4d87723baad28804f89c0ecf74fd0f52ac2ae194c270cb4c89b0a84f0bcf53b",
    "sha1:9b556504d099a6c01f3dd76b88775d02cb2f1946",
}

# What somebody who holds one of these files in their hands may need to know; by family, archive or member.
_NOTES = {
    "glove.6B.50d.txt": ("A copy of 171350078 bytes circulates that lacks the last newline.",),
    "glove.6B.100d.txt": ("A copy of 347117594 bytes circulates that ends with an added <unk>.",),
    "glove.840B.300d.txt": ("One token, a run of U+FFFD, has two rows. Some tokens hold U+00A0.",),
    "glove-2024": ("The last row is <unk>.",),
    "wiki.en": ("Also published: sha256:f4d87723…, left out here: it is the digest of wiki.en.zip.",),
    "wiki-news-300d-1M": ("A copy of 691507462 bytes with another digest circulates.",),
    "crawl-300d-2M.vec": (
        "Also published: sha1:9b556504…, left out here: the file is newer (facebookresearch/fastText#505).",
    ),
    "numberbatch-19.08": ("Tokens look like /c/en/word.",),
    "charngram.jmt": ("The host is gone (pytorch/text#2103); no other URL is known.",),
}


class _Checksum(TypedDict):
    algo: str
    value: str
    sources: int


class _MemberFact(TypedDict, total=False):
    name: str
    dim: int
    tokens: int
    bytes: int
    checksums: list[_Checksum]


class _ArchiveFact(TypedDict, total=False):
    id: str
    family: str
    format: str
    language: str
    licence: str
    urls: list[str]
    mirrors: list[str]
    dead: list[str]
    bytes: int
    checksums: list[_Checksum]
    members: list[_MemberFact]


def archives_of(family: str, facts: Iterable[_ArchiveFact]) -> tuple[Archive, ...]:
    """Return this family's archives that hold vectors as text, in the order of the facts."""
    ours = (fact for fact in facts if fact["family"] == family and fact["format"] in _KINDS)
    return tuple(_archive(fact) for fact in ours if any(map(_is_text, fact.get("members", []))))


def data_files(facts: Iterable[_ArchiveFact]) -> dict[str, str]:
    """Return what each data file must hold, by file name.

    Raises:
        ValueError: A fact is impossible, or one family's names do not fit its pattern in `lookup`.
    """
    facts = list(facts)
    files = {}
    for family in sorted(FAMILIES):
        archives = archives_of(family, facts)
        files[f"{family}.json"] = text = dumps(archives)
        if loads(text, family) != archives:
            raise ValueError(f"{family}: its records do not survive being written and read.")
        for entry in (entry for archive in archives for entry in entries_of(archive)):
            if family_of(entry.name) != family:
                raise ValueError(
                    f"{entry.name}: correct the pattern of {family!r} in lookup.FAMILIES to fit this."
                )
    return files


def main(argv: Sequence[str] | None = None) -> int:
    """Write the data files, or with ``--check`` compare them; return 1 where that finds a difference."""
    parser = argparse.ArgumentParser(prog="python -m torchvectors.catalog.make", description=__doc__)
    parser.add_argument("facts", type=Path, help="the published facts, one JSON file")
    parser.add_argument("--check", action="store_true", help="compare and write nothing")
    parser.add_argument(
        "--data", type=Path, default=DATA, help="the folder of data files (default: %(default)s)"
    )
    options = parser.parse_args(argv)
    wanted = data_files(json.loads(options.facts.read_text("utf-8"))["archives"])
    found = {path.name: path.read_text("utf-8") for path in sorted(options.data.glob("*.json"))}
    changed = [name for name in sorted(wanted | found) if wanted.get(name) != found.get(name)]
    for name in changed:
        old, new = (files.get(name, "").splitlines(keepends=True) for files in (found, wanted))
        sys.stdout.writelines(difflib.unified_diff(old, new, f"{name} (is)", f"{name} (should be)", n=0))
        if not options.check:
            _put(options.data / name, wanted.get(name))
    return 1 if options.check and changed else 0


def _put(path: Path, text: str | None) -> None:
    if text is None:
        path.unlink()
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())


def _archive(fact: _ArchiveFact) -> Archive:
    family, kind = fact["family"], _KINDS[fact["format"]]
    alive, dead = fact.get("urls", []) + fact.get("mirrors", []), fact.get("dead", [])
    urls = _in_order_of_preference(_safest(url) for url in alive if url not in dead)
    digests = _digests(fact.get("checksums", []))
    strict = _is_strict(family, digests)
    inside = fact.get("members", [])
    members = [_member(family, member) for member in inside if _is_text(member)]
    # A name says what is inside, not how it is written: an id that is the member's file name loses its extension.
    # Not every ".vec" is one: "wiki.vec" is the Venetian Wikipedia.
    name = fact["id"].rpartition(".")[0] if fact["id"] == members[0].name else fact["id"]
    language, language_name = _language(fact)
    if kind == "plain":
        members = [replace(members[0], nbytes=fact.get("bytes"), digests=digests, strict=strict)]
    notes = [f"Also holds {member['name']}." for member in inside if not _is_text(member)]
    notes += [f"Published without TLS: {url}" for url in urls if urlsplit(url).scheme == "http"]
    licence = fact.get("licence")
    if licence and " " in licence:  # a sentence that says that there is none, not an identifier
        licence, notes = None, [*notes, "No licence is stated for the vectors."]
    return Archive(
        name=name,
        family=family,
        kind=kind,
        urls=urls,
        dead_urls=() if urls else tuple(dead),
        nbytes=fact.get("bytes"),
        digests=digests,
        strict=strict,
        members=tuple(members),
        licence=licence,
        language=language,
        language_name=language_name,
        notes=(*_NOTES.get(family, ()), *_NOTES.get(name, ()), *notes),
    )


def _member(family: str, fact: _MemberFact) -> Member:
    digests = _digests(fact.get("checksums", []))
    return Member(
        name=fact["name"],
        dim=fact.get("dim"),
        ntokens=fact.get("tokens"),
        nbytes=fact.get("bytes"),
        digests=digests,
        strict=_is_strict(family, digests),
        notes=_NOTES.get(fact["name"], ()),
    )


def _is_text(member: _MemberFact) -> bool:
    return not member["name"].endswith(_BINARY)


def _language(fact: _ArchiveFact) -> tuple[str | None, str | None]:
    """Return its code and its name: the wiki family's facts give the name, and the code is in the id."""
    language = fact.get("language")
    if language and fact["family"] == "fasttext-wiki":
        # The page that lists them joins with "_" what Wikipedia joins with "-": "Franco_Provençal".
        return fact["id"].removeprefix("wiki."), language.replace("_", "-")
    return language, None


def _safest(url: str) -> str:
    return url.replace("http://", "https://", 1) if urlsplit(url).hostname in _HTTPS_TOO else url


def _in_order_of_preference(urls: Iterable[str]) -> tuple[str, ...]:
    def rank(url: str) -> tuple[bool, int]:
        host = urlsplit(url).hostname
        return urlsplit(url).scheme == "http", _HOSTS.index(host) if host in _HOSTS else len(_HOSTS)

    return tuple(sorted(dict.fromkeys(urls), key=rank))


def _digests(checksums: Iterable[_Checksum]) -> tuple[Digest, ...]:
    """Return the digests that can be defended, strongest first.

    Left out: an empty file's, which stood in real lists, and those in ``_WRONG``. Different values of one algorithm
    that are not in ``_WRONG`` all stay, and a file may have any of them.
    """
    stated = (Digest(algorithm=one["algo"], value=one["value"], sources=one["sources"]) for one in checksums)
    return strongest_first(one for one in stated if str(one) not in _WRONG and not one.of_nothing)


def _is_strict(family: str, digests: tuple[Digest, ...]) -> bool:
    """Say whether a mismatch proves the file wrong: two sources agree, or the family is known never to change."""
    return any(digest.sources > 1 or family in _STRICT for digest in strongest(digests))


if __name__ == "__main__":
    sys.exit(main())
