"""A caller's words → what is wanted: which files may hold it, where it may be fetched, how its store is called.

Nothing here looks at the disk or the network; of the environment, the mirrors.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from torchvectors.acquire.cuts import WHOLE
from torchvectors.catalog import Member
from torchvectors.download import mirrored, shown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torchvectors.acquire.cuts import Cut
    from torchvectors.catalog import Digest, Entry
    from torchvectors.catalog.datasets import DataFile, DataSet

__all__ = ["Wanted", "member_name", "of_data", "of_entry", "of_url", "store_name"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One set of vectors that comes from an archive, and all that is known of it."""

    name: str  # what people call it
    command: str  # that fetches it, for a shell
    store: str  # file name of its store
    whole: str  # file name of the store of all of it, of which this may be a cut
    user_archive: str  # file name under which a user may have put the archive into a folder
    own_archive: str  # file name under which we put it there
    own_member: str | None  # file name under which we put its member alone; None: it cannot come alone
    urls: tuple[str, ...]
    digests: tuple[Digest, ...]  # of the archive
    nbytes: int | None  # of the archive
    strict: bool  # whether another digest is an error, or a warning
    asked: bool  # whether the caller gave the digest: then it binds the user's own file, too
    member: Member
    licence: str | None
    dead_urls: tuple[str, ...] = ()
    below: bool = False  # whether it lies in the cache folder's ``datasets/NAME``


def of_entry(entry: Entry, cut: Cut = WHOLE) -> Wanted:
    """Settle what a catalog entry asks for."""
    archive = entry.archive
    return Wanted(
        name=entry.name,
        command=f"torchvectors download {entry.name}",
        store=store_name(entry.name, cut),
        whole=store_name(entry.name, WHOLE),
        user_archive=archive.filename,
        own_archive=archive.filename,
        own_member=member_name(entry),
        # A mirror may still have what its publisher has not.
        urls=tuple(
            url
            for url in mirrored(archive.urls or archive.dead_urls, archive.filename)
            if url not in archive.dead_urls
        ),
        digests=archive.digests,
        nbytes=archive.nbytes,
        strict=archive.strict,
        asked=False,
        member=entry.member,
        licence=archive.licence,
        dead_urls=archive.dead_urls,
    )


def of_data(data: DataSet, file: DataFile, chosen: str = "") -> Wanted:
    """Settle what one file of a data set asks for; ``chosen`` stands in its name where that leaves a gap."""
    name, urls, dead = (
        file.name.replace("%s", chosen),
        tuple(url.replace("%s", chosen) for url in file.urls),
        file.dead_urls,
    )
    # Several sets have a "train.csv": at a mirror each has a folder.
    everywhere = mirrored(urls or dead, f"{data.name}/{name}")
    return Wanted(
        name=data.name,
        command=f"torchvectors download {data.name}{chosen and f':{chosen}'}",
        store="",
        whole="",
        user_archive=name,
        own_archive=name,
        own_member=None,
        urls=tuple(url for url in everywhere if url not in dead),
        digests=file.digests,
        nbytes=None,
        strict=True,
        asked=bool(file.digests),
        member=Member(name=name, dim=None),
        licence=data.licence,
        dead_urls=dead,
        below=True,
    )


def member_name(entry: Entry) -> str | None:
    """Return the file name under which we put an entry's member alone; None if it cannot come alone."""
    return f"{entry.member.name.rpartition('/')[2]}.zip" if entry.alone else None


def of_url(name: str, url: str, digest: Digest | None, cut: Cut) -> Wanted:
    """Settle what ``Vectors(name, url=…, checksum=…)`` asks for: the member ``name`` of the file at ``url``."""
    digests = () if digest is None else (digest,)
    words = [name, "--url", shown(url), *(f"--checksum={one}" for one in digests)]
    file = unquote(urlsplit(url).path).rpartition("/")[2].replace("\0", "") or "download"
    # Two URLs may end alike, and so may two names: the label keeps their files apart.
    label = _labelled(name, url, *map(str, digests))
    return Wanted(
        name=name,
        command=f"torchvectors download {shlex.join(words)}",
        store=store_name(label, cut),
        whole=store_name(label, WHOLE),
        user_archive=file,
        own_archive=_beside_its_like(file, url),
        own_member=None,  # nobody has published a digest of it
        urls=(url,),
        digests=digests,
        nbytes=None,
        strict=True,
        asked=bool(digests),
        member=Member(name=name, dim=None),
        licence=None,
    )


def store_name(name: str, cut: Cut) -> str:
    """Return the file name of a store."""
    return f"{name}{cut.suffix}.safetensors"


def of_file(path: Path, folders: Sequence[Path], cut: Cut) -> str:
    """Return the file name of the store of a file of the user's own.

    Of a file in a cache folder the name counts, so that the folder can be moved; of any other the whole path,
    so that two files of one name in two folders never share a store.
    """
    whole = path.absolute()
    inside = whole.parent in {folder.absolute() for folder in folders}
    return store_name(_labelled(whole.name, whole.name if inside else str(whole)), cut)


def _beside_its_like(file: str, url: str) -> str:
    """Return the name of a file from a URL, which no other URL's has, and which every file system takes."""
    stem, dot, suffix = re.sub(r'[\x00-\x1f<>:"\\|?*]', "_", file).partition(".")
    return f"{_short(stem)}-{_label(url)}{dot}{_short(suffix, last=True)}"


def _labelled(name: str, *parts: str) -> str:
    base = re.sub(r"[^\w.+-]", "_", name.rpartition("/")[2])
    return f"{_short(base)}-{_label(name, *parts)}"


def _short(name: str, *, last: bool = False) -> str:
    """Return the first hundred bytes of a name, or its last: file systems count bytes."""
    whole = name.encode(errors="replace")
    return (whole[-100:] if last else whole[:100]).decode(errors="ignore")


def _label(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:10]
