"""Published facts in, the package's data files out: ``python -m torchvectors.catalog.make FACTS.json [--check]``.

The facts are one JSON file: for each archive its id, family, format, URLs, mirrors and dead URLs, bytes, checksums
with the number of independent sources that agree, and the members. Whatever is decided on the way is decided here.
"""

from __future__ import annotations

import argparse
import difflib
import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict
from urllib.parse import parse_qs, urlsplit

from torchvectors.catalog.lookup import FAMILIES, family_of
from torchvectors.catalog.records import Archive, Digest, Kind, Member, strongest, strongest_first
from torchvectors.catalog.stored import dumps, entries_of, loads

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["archives_of", "data_files", "main"]

DATA = Path(__file__).with_name("data")

# What a fact's "format" is here. Others (HDF5, bare supervised models) hold no word vectors that are read here.
_KINDS: dict[str, Kind] = {
    "zip": "zip",
    "zip (Google Drive)": "zip",
    "gz": "gz",
    "tar.gz": "tar.gz",
    "plain (.vec text)": "plain",
}
# What an address of each kind ends with; one that ends otherwise gives a page, or the same vectors as another file.
_ENDINGS: dict[Kind, tuple[str, ...]] = {
    "zip": (".zip",),
    "gz": (".gz",),
    "tar.gz": (".tar.gz", ".tgz"),
    "plain": (".vec", ".txt"),
}
# Google Drive's addresses end with no name; with "confirm" it sends a large file in place of a page that asks.
_DRIVE = "drive.google.com"

# Binary members that no reader here understands (LexVec's own format). fastText's and word2vec's are read.
_UNREADABLE = {"lexvec": (".bin", ".ftz")}
# Members that are left out because the same text is an archive of its own, under the name without ".bin".
_ELSEWHERE = {"fasttext-wiki-bin": (".vec",)}

# The digests of all four GloVe archives come from several sources that agree, so nobody replaced them in between:
# a member's digest can then not be stale, even where it comes from one source.
_STRICT = {"glove"}

# Where a host is listed here, its copies come in this order: Stanford's certificate expired in 2024, its servers
# are often away, and its own maintainers send people to Hugging Face.
_HOSTS = ("huggingface.co", "nlp.stanford.edu", "downloads.cs.stanford.edu")
# Given with http in some facts and with https in others; it is the same bucket.
_HTTPS_TOO = {"conceptnet.s3.amazonaws.com"}

_SPDX = re.compile(r"[A-Za-z0-9.-]+")

# Digests that were published, and are known not to be those of the file they were published for.
_WRONG = {
    ("wiki.en", "sha256:f4d87723baad28804f89c0ecf74fd0f52ac2ae194c270cb4c89b0a84f0bcf53b"),
    ("crawl-300d-2M.vec", "sha1:9b556504d099a6c01f3dd76b88775d02cb2f1946"),
}

# What stands for a licence in some facts, and its SPDX identifier.
_LICENCES = {
    "http://opendatacommons.org/licenses/pddl/": "PDDL-1.0",
    "https://creativecommons.org/licenses/by-sa/3.0/": "CC-BY-SA-3.0",
    "https://creativecommons.org/licenses/by/4.0/deed.en": "CC-BY-4.0",
}

# What somebody who holds one of these files in their hands may need to know; by family, archive or member.
_NOTES = {
    "glove.6B.50d.txt": ("A copy of 171350078 bytes circulates that lacks the last newline.",),
    "glove.6B.100d.txt": ("A copy of 347117594 bytes circulates that ends with an added <unk>.",),
    "glove.840B.300d.txt": ("One token, a run of U+FFFD, has two rows. Some tokens hold U+00A0.",),
    "glove.twitter.27B": ("One source counts 1193513 tokens, three count 1193514.",),
    "glove.twitter.27B.100d.txt": ("A modified copy with another md5 circulates.",),
    "glove.twitter.27B.200d.txt": ("A modified copy with another md5 circulates.",),
    "glove-2024": ("The last row is <unk>.",),
    "wiki-news-300d-1M-subword.bin": ("Some of its words are not UTF-8 (gensim#2378).",),
    "word2vec": ("No newline after each vector; some words are cut in the middle of a character.",),
    "paragram": (
        "Its tokens are not UTF-8: public programs read them as latin-1.",
        "One source calls it PDDL-1.0, in the words of its entry for GloVe.",
    ),
    "gensim-data": ("A conversion by gensim's developers: other bytes than the publisher's.",),
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
    """Return this family's archives that hold vectors which can be read, in the order of the facts."""
    ours = (fact for fact in facts if fact["family"] == family and fact["format"] in _KINDS)
    return tuple(_archive(fact) for fact in ours if any(_is_entry(family, one) for one in _inside(fact)))


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
    live = [_safest(url) for url in alive if url not in dead]
    urls = _in_order_of_preference(url for url in live if _gives(url, kind))
    digests = _digests(fact["id"], fact.get("checksums", []))
    strict = _is_strict(family, digests)
    members = [_member(family, member) for member in _inside(fact) if _is_entry(family, member)]
    name = _name(fact["id"], members[0].name)
    language, language_name = _language(fact, name)
    if kind == "plain":
        members = [replace(members[0], nbytes=fact.get("bytes"), digests=digests, strict=strict)]
    notes = [f"Published without TLS: {url}" for url in urls if urlsplit(url).scheme == "http"]
    notes += [f"The same vectors as another file, or a page: {url}" for url in live if not _gives(url, kind)]
    licence = _LICENCES.get(fact.get("licence", ""), fact.get("licence"))
    if licence and not _SPDX.fullmatch(licence):  # a sentence that says that there is none, or an address
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
        also=tuple(member["name"] for member in _inside(fact) if not _is_entry(family, member)),
        file=f"{name}.{kind}" if urls and urlsplit(urls[0]).hostname == _DRIVE else None,
        licence=licence,
        language=language,
        language_name=language_name,
        # Where the member bears the archive's name, its notes are said once.
        notes=(*_NOTES.get(family, ()), *(() if name == members[0].name else _NOTES.get(name, ())), *notes),
    )


def _member(family: str, fact: _MemberFact) -> Member:
    digests = _digests(fact["name"], fact.get("checksums", []))
    return Member(
        name=fact["name"],
        dim=fact.get("dim"),
        ntokens=fact.get("tokens"),
        nbytes=fact.get("bytes"),
        digests=digests,
        strict=_is_strict(family, digests),
        notes=_NOTES.get(fact["name"], ()),
    )


# English, though the facts do not say so: their publishers do.
_ENGLISH: tuple[str, ...] = ("glove.6B", "glove.42B", "glove.840B", "glove.2024.", "GoogleNews-", "paragram_")
_ENGLISH += ("lexvec.", "wiki-news-", "crawl-", "numberbatch-en-")


def _inside(fact: _ArchiveFact) -> list[_MemberFact]:
    return fact.get("members", [])


def _is_entry(family: str, member: _MemberFact) -> bool:
    return not member["name"].endswith((*_UNREADABLE.get(family, ()), *_ELSEWHERE.get(family, ())))


def _name(fact_id: str, member: str) -> str:
    """Return an archive's name; of several members each has its own."""
    if fact_id.endswith(".zip"):
        return member
    # A name says what is inside, not how it is written: an id that is the member's file name loses its extension,
    # but for ".bin", by which a model with subwords is told from its text. Not every ".vec" is an extension:
    # "wiki.vec" is the Venetian Wikipedia.
    stem = fact_id.rpartition(".")[0]
    return stem if stem and fact_id == member and not member.endswith(".bin") else fact_id


def _language(fact: _ArchiveFact, name: str) -> tuple[str | None, str | None]:
    """Return its code and its name: the wiki families' facts give the name, and the code is in the archive's."""
    language = fact.get("language")
    if language and fact["family"].startswith("fasttext-wiki"):
        # The page that lists them joins with "_" what Wikipedia joins with "-": "Franco_Provençal".
        return name.removeprefix("wiki.").removesuffix(".bin"), language.replace("_", "-")
    return language or ("en" if name.startswith(_ENGLISH) else None), None


def _gives(url: str, kind: Kind) -> bool:
    return urlsplit(url).hostname == _DRIVE or urlsplit(url).path.endswith(_ENDINGS[kind])


def _safest(url: str) -> str:
    if urlsplit(url).hostname == _DRIVE:
        (file,) = parse_qs(urlsplit(url).query)["id"]
        return f"https://{_DRIVE}/uc?export=download&confirm=t&id={file}"
    return url.replace("http://", "https://", 1) if urlsplit(url).hostname in _HTTPS_TOO else url


def _in_order_of_preference(urls: Iterable[str]) -> tuple[str, ...]:
    def rank(url: str) -> tuple[bool, int]:
        host = urlsplit(url).hostname
        return urlsplit(url).scheme == "http", _HOSTS.index(host) if host in _HOSTS else len(_HOSTS)

    return tuple(sorted(dict.fromkeys(urls), key=rank))


def _digests(file: str, checksums: Iterable[_Checksum]) -> tuple[Digest, ...]:
    """Return the digests that can be defended, strongest first.

    Left out: an empty file's, which stood in real lists, and those in ``_WRONG`` for this file. Different values of
    one algorithm that are not in ``_WRONG`` all stay, and a file may have any of them.
    """
    stated = (Digest(algorithm=one["algo"], value=one["value"], sources=one["sources"]) for one in checksums)
    return strongest_first(one for one in stated if (file, str(one)) not in _WRONG and not one.of_nothing)


def _is_strict(family: str, digests: tuple[Digest, ...]) -> bool:
    """Say whether a mismatch proves the file wrong: two sources agree, or the family is known never to change."""
    return any(digest.sources > 1 or family in _STRICT for digest in strongest(digests))


if __name__ == "__main__":
    sys.exit(main())
