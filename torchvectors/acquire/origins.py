"""What is wanted → the archive that has it, from a folder or from the web, and how far to trust it."""

from __future__ import annotations

import logging
import shlex
from contextlib import suppress
from typing import TYPE_CHECKING

from torchvectors.acquire.convert import Origin, differs
from torchvectors.cache import folders, lock, set_aside
from torchvectors.catalog import Digest, strongest
from torchvectors.download import digest_of, matches, receipt_of, shown
from torchvectors.download.receipts import beside
from torchvectors.errors import DigestError, NotFoundError, OfflineError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from torchvectors.acquire.wanted import Wanted
    from torchvectors.cache import Folders
    from torchvectors.download import Receipt
    from torchvectors.progress import Bars

__all__ = ["archive_of", "files_of", "give_up", "hold", "is_file", "source_of", "wrong_file"]

logger = logging.getLogger(__name__)


def files_of(name: str, places: Folders) -> Iterator[Path]:
    """Yield the files of this name, one from each folder that has one."""
    return filter(is_file, (folder / name for folder in places.search))


def is_file(path: Path) -> bool:
    """Say whether there is such a file; where the system cannot tell (a name too long, or no name), there is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def archive_of(wanted: Wanted, places: Folders, bars: Bars) -> Origin:
    """Find the archive, or the member alone, in the folders, or fetch one of them.

    Raises:
        NotFoundError: It is not there, and no URL gives it any more.
        DigestError: The user's own archive has not the digest that the caller asked for.
        DownloadError, DigestError: `fetch` says when.
    """
    from torchvectors.download import clear_part

    with lock(places.write / wanted.own_archive):  # another dim of the same archive may be on its way
        origin = _on_disk(wanted, places, bars)
        if origin is None:
            return _download(wanted, places, bars)
        if origin.fetched and origin.path.parent == places.write:
            clear_part(origin.path)  # of whoever was killed when it had just come
        return origin


def give_up(path: Path, wanted: Wanted, places: Folders) -> str:
    """Put away what we fetched and cannot read, and say so; nothing holds the next one to its digest."""
    if path.parent != places.write:
        return (
            "It lies in a folder that is only searched: delete it there, or leave that folder out of cache=."
        )
    aside = None
    with (
        lock(places.write / wanted.own_archive),
        suppress(FileNotFoundError),
    ):  # another process may have found the same, and been faster
        aside = set_aside(path)
        beside(path).unlink(missing_ok=True)
    return f"It has been renamed{f' to {aside.name}' if aside else ''}, and the next call fetches it afresh."


def source_of(path: Path, beside: Sequence[Path] = ()) -> dict[str, str]:
    """Return what a store's metadata say of the file that it was made of, by which a change of it is seen.

    Args:
        path: The file.
        beside: Other files that are parts of it.
    """
    parts = {f"source_state_of_{part.name}": _state_of(part) for part in beside}
    return {"source": str(path.absolute()), "source_state": _state_of(path), **parts}


def _state_of(path: Path) -> str:
    state = path.stat()
    return f"{state.st_size} bytes, modified {state.st_mtime_ns} ns"


def hold(path: Path, listed: tuple[Digest, ...], bars: Bars, cure: str = "Delete it to get it anew.") -> None:
    """Refuse a file that has none of these digests, which are of one algorithm, if there are any.

    Raises:
        DigestError: It has another one.
    """
    found = _digest(path, listed, bars)
    if found is not None and found not in listed:
        text = f"{path}: this file has the digest {found}, not {' or '.join(map(str, listed))}."
        raise DigestError(f"{text} {cure}")


def wrong_file(urls: Sequence[str]) -> str:
    """Say what to do about a file that has not the digest that it must have."""
    return f"Delete it to download {', '.join(map(shown, urls))}." if urls else "Put the right one there."


def _on_disk(wanted: Wanted, places: Folders, bars: Bars) -> Origin | None:
    """Return the archive, if it is in one of the folders and not known to be wrong."""
    for name in dict.fromkeys((wanted.user_archive, wanted.own_archive)):
        for path in files_of(name, places):
            receipt = receipt_of(path)
            if receipt is None and not beside(path).is_file():
                return _users(path, wanted, bars)
            if receipt is None:
                if _has_published(path, wanted, places, bars):
                    return _origin(path, wanted, str(path.absolute()), None, fetched=True, verified=True)
                continue
            if name == wanted.own_archive and _is_right(path, receipt, wanted, places, bars):
                verified = receipt.verified or bool(wanted.strict and wanted.digests)
                return _origin(path, wanted, receipt.url, receipt.digest, fetched=True, verified=verified)
    for path in files_of(wanted.own_member, places) if wanted.own_member else ():
        receipt = receipt_of(path)
        if receipt is None:  # the user's own, or as good: the text in it will be held to its digest
            return _origin(path, wanted, str(path.absolute()), None, fetched=False, verified=False)
        if _is_same(path, receipt, places, bars):
            return _origin(path, wanted, receipt.url, None, fetched=True, verified=receipt.verified)
    return None


def _is_right(path: Path, receipt: Receipt, wanted: Wanted, places: Folders, bars: Bars) -> bool:
    """Say whether a file is as we fetched it, and the one that is wanted; put it aside if it has changed."""
    if not _is_same(path, receipt, places, bars):
        return False
    if not (wanted.strict and wanted.digests) or receipt.digest in strongest(wanted.digests):
        return True
    if matches(path, digests=wanted.digests):
        return True
    text = "%s: it is as it was fetched, but has not the digest %s: it is fetched again"
    logger.info(text, path, " or ".join(map(str, strongest(wanted.digests))))
    return False


def _is_same(path: Path, receipt: Receipt, places: Folders, bars: Bars) -> bool:
    """Say whether a file is as we fetched it; put it aside if it has changed."""
    with bars(f"checking {path.name}") as progress:
        same = matches(path, digests=(receipt.digest,), nbytes=receipt.nbytes, progress=progress)
    if not same:
        _put_away(path, "it has changed since it was fetched", places)
    return same


def _has_published(path: Path, wanted: Wanted, places: Folders, bars: Bars) -> bool:
    """Say whether a file whose receipt cannot be read is the published one all the same; put it aside if not."""
    with bars(f"checking {path.name}") as progress:
        same = bool(wanted.digests) and matches(path, digests=wanted.digests, progress=progress)
    if not same:
        _put_away(path, "it was fetched, and its receipt cannot be read", places)
    return same


def _put_away(path: Path, why: str, places: Folders) -> None:
    stays = path.parent != places.write  # a folder that others share is not ours to tidy
    now = "It stays where it is" if stays else f"It was renamed to {set_aside(path).name}"
    cure = f"If you put it there yourself, delete {beside(path).name} and put it there again"
    logger.warning("%s: %s. %s, and is not used. %s.", path, why, now, cure)


def _users(path: Path, wanted: Wanted, bars: Bars) -> Origin:
    """Take an archive that the user put there: it may be another than the published one, and says so later."""
    listed, nbytes = strongest(wanted.digests), path.stat().st_size
    if wanted.asked:
        hold(path, listed, bars, wrong_file(wanted.urls))
    found = listed[0] if wanted.asked else _digest(path, listed, bars)
    verified = found in listed
    doubt = ""
    if not verified and (listed or wanted.nbytes not in (None, nbytes)):
        doubt = differs(str(path), found, nbytes, listed, wanted.nbytes)
    source = str(path.absolute())
    return _origin(path, wanted, source, found, fetched=False, verified=verified, doubt=doubt)


def _digest(path: Path, listed: tuple[Digest, ...], bars: Bars) -> Digest | None:
    """Return the file's digest by the algorithm that is listed; None if none is."""
    if not listed:
        return None
    algorithm = listed[0].algorithm
    with bars(f"checking {path.name}") as progress:
        return Digest(algorithm=algorithm, value=digest_of(path, algorithm, progress))


def _download(wanted: Wanted, places: Folders, bars: Bars) -> Origin:
    """Fetch the archive, or the member alone; the caller holds the archive's lock, which covers both."""
    from torchvectors.download import fetch, fetch_member

    path = places.write / wanted.own_archive
    if not wanted.urls:
        was = ", ".join(wanted.dead_urls)
        text = f"{wanted.name}: no address gives {wanted.own_archive} any more (it was at {was})."
        raise NotFoundError(f"{text} If you have the file, put it at {path}.")
    try:
        with bars(path.name) as progress, bars(wanted.own_member or "") as member_progress:
            if wanted.own_member:
                got, receipt = fetch_member(
                    wanted.urls,
                    path,
                    places.write / wanted.own_member,
                    wanted.member,
                    digests=wanted.digests,
                    nbytes=wanted.nbytes,
                    strict=wanted.strict,
                    progress=member_progress,
                    archive_progress=progress,
                )
            else:
                got = path
                receipt = fetch(
                    wanted.urls,
                    path,
                    digests=wanted.digests,
                    nbytes=wanted.nbytes,
                    strict=wanted.strict,
                    progress=progress,
                )
    except OfflineError as error:
        home = path.parent.parents[1] if wanted.below else path.parent
        elsewhere = "" if home == folders().write else f" --cache {shlex.quote(str(home))}"
        raise OfflineError(f"{error} The command that fetches it: {wanted.command}{elsewhere}") from None
    # What we made of a member has a digest that nobody else knows.
    digest = receipt.digest if got == path else None
    return _origin(got, wanted, receipt.url, digest, fetched=True, verified=receipt.verified)


def _origin(
    path: Path,
    wanted: Wanted,
    source: str,
    digest: Digest | None,
    *,
    fetched: bool,
    verified: bool,
    doubt: str = "",
) -> Origin:
    metadata = (
        {"name": wanted.name, "source": source} if fetched else {"name": wanted.name, **source_of(path)}
    )
    if digest is not None:
        metadata["source_digest"] = str(digest)
    if wanted.licence:
        metadata["licence"] = wanted.licence
    return Origin(
        path=path,
        member=wanted.member,
        fetched=fetched,
        verified=verified,
        doubt=doubt,
        metadata=metadata,
    )
