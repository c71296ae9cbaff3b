"""What is known about one published file: where it lies, what it must be, what is inside."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ALGORITHMS", "Archive", "Digest", "Entry", "Kind", "Member", "strongest", "strongest_first"]

Kind = Literal["zip", "gz", "tar.gz", "plain"]

# Hex characters of each algorithm's digest, strongest first: all that Python guarantees and that have one length.
ALGORITHMS = {
    "sha512": 128,
    "sha3_512": 128,
    "blake2b": 128,
    "sha384": 96,
    "sha3_384": 96,
    "sha256": 64,
    "sha3_256": 64,
    "blake2s": 64,
    "sha224": 56,
    "sha3_224": 56,
    "sha1": 40,
    "md5": 32,
}
_RANK = {algorithm: rank for rank, algorithm in enumerate(ALGORITHMS)}
_HEX = re.compile("[0-9a-f]*")
# Scheme, host, folders, and what the file is called there.
_URL = re.compile(r"https?://[^/?#\s]+/(?:[^?#\s]*/)?([^/?#\s]+)(?:\?[^#\s]*)?")
_BARE = {64: "sha256", 40: "sha1", 32: "md5"}
_OF_NOTHING = {name: hashlib.new(name, usedforsecurity=False).hexdigest() for name in ALGORITHMS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """A digest that somebody published for a file. Equal if algorithm and value are; sources do not count."""

    algorithm: str  # a key of `ALGORITHMS`
    value: str  # lower-case hex
    sources: int = field(default=1, compare=False)  # independent publications that agree

    def __post_init__(self) -> None:
        if self.algorithm not in ALGORITHMS:
            known = ", ".join(ALGORITHMS)
            raise ValueError(
                f"{self}: {self.algorithm!r} is no digest algorithm known here: give one of {known}."
            )
        length = ALGORITHMS[self.algorithm]
        if len(self.value) != length or not _HEX.fullmatch(self.value):
            needed = f"{self.algorithm} gives {length} lower-case hexadecimal characters"
            raise ValueError(f"{self}: {needed}, not these {len(self.value)}: copy the whole digest again.")
        if self.sources < 1:
            raise ValueError(f"{self}: {self.sources} sources: leave out a digest that nobody published.")

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.value}"

    @property
    def of_nothing(self) -> bool:
        """Whether it is an empty file's: real lists hold such, from a download that failed and was hashed."""
        return self.value == _OF_NOTHING[self.algorithm]

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Read ``"sha256:ab12…"``, or 64, 40 or 32 bare characters as sha256, sha1 or md5; case is free.

        Raises:
            ValueError: The algorithm is unknown, or the value is not hexadecimal of its length.
        """
        algorithm, colon, value = text.strip().lower().rpartition(":")
        if not colon:
            if len(value) not in _BARE:
                lengths = ", ".join(f"{length} ({name})" for length, name in _BARE.items())
                cure = 'Write "algorithm:value", such as "sha256:ab12…".'
                raise ValueError(
                    f"{text!r}: a bare digest has {lengths} characters, not {len(value)}. {cure}"
                )
            algorithm = _BARE[len(value)]
        return cls(algorithm=algorithm, value=value)


def strongest_first(digests: Iterable[Digest]) -> tuple[Digest, ...]:
    """Return the digests in the order in which they are listed: by algorithm, otherwise as they came."""
    return tuple(sorted(digests, key=lambda digest: _RANK[digest.algorithm]))


def strongest(digests: Iterable[Digest]) -> tuple[Digest, ...]:
    """Return those of the strongest algorithm listed, which alone decide; empty if none is listed.

    A file is right if its digest by that algorithm equals one of them. Several stand where publishers
    disagree and either may be right.
    """
    ordered = strongest_first(digests)
    return tuple(digest for digest in ordered if digest.algorithm == ordered[0].algorithm)


def _refuse_impossible(where: str, nbytes: int | None, digests: tuple[Digest, ...], *, strict: bool) -> None:
    if nbytes is not None and nbytes <= 0:
        raise ValueError(f"{where}: {nbytes} bytes: give None where the size is not known.")
    for digest in digests:
        if digest.of_nothing:
            raise ValueError(f"{where}: {digest} is the digest of an empty file: leave it out.")
    if digests != strongest_first(digests) or len(set(digests)) < len(digests):
        raise ValueError(f"{where}: list each digest once, the strongest algorithm first.")
    if strict and not digests:
        raise ValueError(f"{where}: strict needs a digest to be strict about.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file of vectors inside an archive; of a plain file, that file itself.

    ``digests`` and ``strict`` mean what they mean in `Archive`, for the unpacked bytes.
    """

    name: str  # path inside the archive, such as "glove.6B.50d.txt"
    dim: int | None  # numbers per token
    ntokens: int | None = None  # rows, where a source says how many
    nbytes: int | None = None  # unpacked
    digests: tuple[Digest, ...] = ()  # of the unpacked bytes, strongest first
    strict: bool = False
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a member needs its name")
        for what, count in (("dim", self.dim), ("ntokens", self.ntokens)):
            if count is not None and count <= 0:
                raise ValueError(f"{self.name}: {what} {count}: give None where it is not known.")
        _refuse_impossible(self.name, self.nbytes, self.digests, strict=self.strict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """One downloadable file, and the promise it is checked against.

    A digest is a fact with a source, or it is absent. Only the strongest algorithm listed decides
    (`strongest`). ``strict`` says what it means when a file of the right or unknown size has another digest:

    * True: the digest is well attested, so the file is wrong. Refuse it.
    * False: the digest rests on one source, which may be mistaken or older than the file. A wrong file must
      not pass in silence, nor a right one be refused for hearsay: ask the other URLs, and when none gives the
      listed digest, keep what the first one gave and warn, naming the listed digest and the one found.
    """

    name: str  # of the archive in this catalog, such as "glove.6B"
    family: str  # such as "fasttext-wiki"; also the name of its data file
    kind: Kind
    urls: tuple[str, ...]  # all believed alive, the preferred one first; empty if none is
    dead_urls: tuple[str, ...] = ()  # where it was; given only if no URL is alive, so that an error can tell
    nbytes: int | None = None  # packed, as it is downloaded
    digests: tuple[Digest, ...] = ()  # of the packed bytes, strongest first
    strict: bool = False
    members: tuple[Member, ...]
    also: tuple[
        str, ...
    ] = ()  # other files in it, which are no vectors, or stand in the catalog by themselves
    file: str | None = None  # what it is called, where its URLs do not end with a name
    licence: str | None = None  # an SPDX identifier, where the publisher states a licence for the vectors
    language: str | None = None  # the publisher's own code, such as "en" or "zh_min_nan"
    language_name: str | None = None  # in English, where the publisher gives one
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(
                f"{self.name}: {self.kind!r} is no kind of archive: {', '.join(get_args(Kind))}."
            )
        if not self.urls and not self.dead_urls:
            raise ValueError(f"{self.name}: an archive needs a URL, alive or dead.")
        for url in self.urls + self.dead_urls:
            if _base_name(url) in ("", ".", ".."):
                raise ValueError(f"{self.name}: {url!r} is not the https or http address of a file.")
        if self.file is not None and (self.file in ("", ".", "..") or "/" in self.file):
            raise ValueError(f"{self.name}: {self.file!r} is not the name of a file.")
        _refuse_impossible(self.name, self.nbytes, self.digests, strict=self.strict)
        if self.kind == "plain":
            itself = [(one.name, one.nbytes, one.digests, one.strict) for one in self.members]
            if itself != [(self.filename, self.nbytes, self.digests, self.strict)]:
                raise ValueError(f"{self.name}: the one member of a plain file is that file itself.")
        elif self.kind == "gz" and len(self.members) > 1:
            raise ValueError(f"{self.name}: a gz file holds one file, not {len(self.members)}.")

    @property
    def filename(self) -> str:
        """What its publisher calls it: the last part of its first URL, dead or alive, unless another is given."""
        return self.file or _base_name((self.urls + self.dead_urls)[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What one name in the catalog stands for: a file of vectors, and the archive it comes in."""

    name: str
    archive: Archive
    member: Member

    def __post_init__(self) -> None:
        if self.member not in self.archive.members:
            raise ValueError(f"{self.name}: {self.archive.name} has no member {self.member.name}.")

    @property
    def alone(self) -> bool:
        """Whether the member may be fetched without the rest of its archive.

        Only what has a digest of its own may: the archive's says nothing of it, and the check sum in a zip comes
        from whoever sends the zip. An archive that holds nothing else is fetched whole.
        """
        several = len(self.archive.members) + len(self.archive.also) > 1
        return self.archive.kind == "zip" and several and bool(self.member.digests)

    @property
    def subwords(self) -> bool:
        """Whether it is a fastText model, which has a vector for any word."""
        return self.archive.family.startswith("fasttext") and self.member.name.endswith(".bin")


def _base_name(url: str) -> str:
    match = _URL.fullmatch(url)
    # Cut once more after unquoting, so that "%2F" cannot smuggle a folder into a file name.
    return unquote(match[1]).rpartition("/")[2] if match else ""
