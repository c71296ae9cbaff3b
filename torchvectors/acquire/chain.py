"""The whole chain, under one lock: find the store; or find the file; or fetch it; and convert it."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from torchvectors import catalog
from torchvectors.acquire.convert import Origin, convert
from torchvectors.acquire.wanted import Wanted, of_entry, of_file, of_url
from torchvectors.cache import folders, lock, set_aside
from torchvectors.download import digest_of, fetch, matches, receipt_of, shown
from torchvectors.errors import (
    ArchiveError,
    DigestError,
    MemberError,
    NotFoundError,
    OfflineError,
    ParseError,
    UnknownNameError,
)
from torchvectors.progress import no_bar
from torchvectors.store import Store, open_store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torchvectors.cache import Folders, PathLike
    from torchvectors.catalog import Entry
    from torchvectors.progress import Bars

__all__ = ["acquire"]

logger = logging.getLogger(__name__)


def acquire(
    name: PathLike,
    *,
    cache: PathLike | Sequence[PathLike] | None = None,
    url: str | None = None,
    checksum: str | None = None,
    max_vectors: int | None = None,
    entry: Entry | None = None,
    bars: Bars = no_bar,
) -> Store:
    """Open the store of some vectors; make it first, if need be, from what is on the disk or on the web.

    A file of the user's own comes first: at the path ``name``, or of that name in a cache folder. Then the store
    made before; then an archive in a cache folder; then the URLs.

    Args:
        name: A path, the name of a file in a cache folder or in the archive at ``url``, or a catalog name.
        cache: Folders, as in `cache.folders`.
        url: Where the file, or an archive with it, can be had.
        checksum: ``"sha256:…"`` of the file at ``url``.
        max_vectors: Only the first so many; None or 0 means all.
        entry: The catalog entry that ``name`` stands for, where the caller knows.
        bars: How to show what takes long.

    Raises:
        NotFoundError: There is no such file, and no URL. No folder was made and no socket opened.
        DownloadError, DigestError: `fetch` says when.
        ArchiveError, ParseError: `convert` says when.
        CacheError: The folder to write to cannot be written.
        StoreError: A store is damaged.
        ValueError: ``checksum`` is no digest, or ``max_vectors`` is negative.
    """
    if max_vectors is not None and max_vectors < 0:
        raise ValueError(f"max_vectors={max_vectors}: give a number from 1 up, or None for all.")
    places = folders(cache)
    name = os.fspath(name)
    own = None if entry else _own_file(name, places)
    if entry is None and own is None and url is None:
        try:
            entry = catalog.find(name)
        except UnknownNameError as error:
            return _store_of_a_file_that_is_gone(name, places, max_vectors, error)
    if entry is not None:
        own = places.find(entry.member.name)
    if own is not None:
        return _from_file(own, places, entry, max_vectors, bars)
    wanted = of_entry(entry, max_vectors) if entry else of_url(name, url or "", checksum, max_vectors)
    return _from_archive(wanted, places, max_vectors, bars)


def _own_file(name: str, places: Folders) -> Path | None:
    path = Path(name)
    return path if path.is_file() else places.find(name)


def _store_of_a_file_that_is_gone(
    name: str, places: Folders, max_vectors: int | None, unknown: UnknownNameError
) -> Store:
    for path in (Path(name), *(folder / name for folder in places.search)):
        found = places.find(of_file(path, places.search, max_vectors))
        if found is not None:
            return open_store(found)
    cure = "Give the path of a file, a url=, or a name of the catalog."
    raise NotFoundError(f"no vectors found at {places.write / name}. {cure} {unknown}") from None


def _from_file(
    path: Path, places: Folders, entry: Entry | None, max_vectors: int | None, bars: Bars
) -> Store:
    """Open the store of a file of the user's own, made anew if the file has changed since."""
    if path.suffix == ".safetensors" and not max_vectors:
        return open_store(path)
    state = path.stat()
    metadata = {
        "name": entry.name if entry else path.name,
        "source": str(path.absolute()),
        "source_state": f"{state.st_size} bytes, modified {state.st_mtime_ns} ns",
        **({"licence": entry.archive.licence} if entry and entry.archive.licence else {}),
    }

    def made() -> Store | None:
        found = places.find(of_file(path, places.search, max_vectors))
        store = open_store(found) if found else None
        fresh = store is not None and store.metadata.get("source_state") == metadata["source_state"]
        return store if fresh else None

    target = places.write / of_file(path, places.search, max_vectors)
    if (store := made()) is not None:
        return store
    with lock(target):
        if (store := made()) is not None:
            return store
        origin = Origin(path=path, member=entry.member if entry else None, metadata=metadata)
        return convert(origin, target, max_vectors=max_vectors, bars=bars)


def _from_archive(wanted: Wanted, places: Folders, max_vectors: int | None, bars: Bars) -> Store:
    if (found := places.find(wanted.store)) is not None:
        return open_store(found)
    target = places.write / wanted.store
    with lock(target):
        if (found := places.find(wanted.store)) is not None:
            return open_store(found)
        origin = _on_disk(wanted, places, bars) or _download(wanted, places, bars)
        try:
            return convert(origin, target, max_vectors=max_vectors, bars=bars)
        except (ArchiveError, DigestError, ParseError) as error:
            # What we fetched and nobody vouches for must not be found again by the next call.
            if not origin.fetched or origin.verified or isinstance(error, MemberError):
                raise
            aside = _put_aside(origin.path, places)
            raise type(error)(f"{error} {aside}; the next call fetches it afresh.") from error


def _on_disk(wanted: Wanted, places: Folders, bars: Bars) -> Origin | None:
    """Return the archive, if it is in one of the folders and not known to be wrong."""
    for name in dict.fromkeys((wanted.user_archive, wanted.own_archive)):
        path = places.find(name)
        if path is None:
            continue
        receipt = receipt_of(path)
        if receipt is None:
            return _users(path, wanted, bars)
        if name != wanted.own_archive:
            continue  # fetched for another URL that ends alike
        digests = wanted.digests if wanted.digests and wanted.strict else (receipt.digest,)
        with bars(f"checking {path.name}") as progress:
            right = matches(path, digests=digests, nbytes=receipt.nbytes, progress=progress)
        if right:
            return _origin(path, wanted, receipt.url, fetched=True, verified=receipt.verified)
        logger.warning("%s: it has changed since it was fetched. %s.", path, _put_aside(path, places))
    return None


def _put_aside(path: Path, places: Folders) -> str:
    if path.parent != places.write:  # a folder that others share is not ours to tidy
        return "It stays where it is"
    return f"It was renamed to {set_aside(path).name}"


def _users(path: Path, wanted: Wanted, bars: Bars) -> Origin:
    """Take an archive that the user put there: it may be another than the published one, and says so later."""
    verified = False
    if wanted.digests:
        with bars(f"checking {path.name}") as progress:
            verified = matches(path, digests=wanted.digests, progress=progress)
        if wanted.asked and not verified:
            found = digest_of(path, wanted.digests[0].algorithm)
            text = f"{path}: this file has the digest {wanted.digests[0].algorithm}:{found}, not {wanted.digests[0]}."
            raise DigestError(f"{text} Delete it to download {', '.join(map(shown, wanted.urls))}.")
    return _origin(path, wanted, str(path.absolute()), fetched=False, verified=verified)


def _download(wanted: Wanted, places: Folders, bars: Bars) -> Origin:
    path = places.write / wanted.own_archive
    if not wanted.urls:
        was = ", ".join(wanted.dead_urls)
        text = f"{wanted.name}: no address gives {wanted.own_archive} any more (it was at {was})."
        raise NotFoundError(f"{text} If you have the file, put it at {path}.")
    with lock(path):  # another dim of the same archive may be on its way
        found = _on_disk(wanted, places, bars)
        if found is not None:
            return found
        try:
            with bars(path.name) as progress:
                receipt = fetch(
                    wanted.urls,
                    path,
                    digests=wanted.digests,
                    nbytes=wanted.nbytes,
                    strict=wanted.strict,
                    progress=progress,
                )
        except OfflineError as error:
            raise OfflineError(
                f"{error} The command that fetches it: torchvectors download {wanted.name}"
            ) from None
    return _origin(path, wanted, receipt.url, fetched=True, verified=receipt.verified)


def _origin(path: Path, wanted: Wanted, source: str, *, fetched: bool, verified: bool) -> Origin:
    metadata = {"name": wanted.name, "source": source}
    if verified:
        metadata["source_digest"] = str(wanted.digests[0])
    if wanted.licence:
        metadata["licence"] = wanted.licence
    return Origin(path=path, member=wanted.member, fetched=fetched, verified=verified, metadata=metadata)
