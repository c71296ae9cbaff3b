"""The URLs of a file, and what it must be → the file under its final name, with its receipt."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from torchvectors.cache import publish, writable
from torchvectors.download.addresses import is_mirror, offline, shown, unsaid
from torchvectors.download.answers import Do, Verdict
from torchvectors.download.disk import on_disk
from torchvectors.download.goal import Goal, goal_of
from torchvectors.download.members import MemberSource
from torchvectors.download.receipts import Receipt, beside, receipt_of, write_receipt
from torchvectors.download.transfer import transfer
from torchvectors.download.transport import Policy, open_session
from torchvectors.errors import DigestError, DownloadError, NotFoundError, OfflineError
from torchvectors.progress import quiet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from requests import Response, Session

    from torchvectors.catalog import Digest, Member
    from torchvectors.download.part import Part
    from torchvectors.download.promise import Promise
    from torchvectors.progress import Progress

__all__ = ["fetch", "fetch_member"]

logger = logging.getLogger(__name__)

_WORTH_IT = 1 << 20  # bytes that make an attempt count as progress


def fetch(
    urls: Sequence[str],
    destination: Path,
    *,
    digests: Iterable[Digest] = (),
    nbytes: int | None = None,
    strict: bool = True,
    progress: Progress = quiet,
    policy: Policy | None = None,
) -> Receipt:
    """Download a file, verify it, and give it its final name; a file that is there already is replaced.

    What came of it before (``DESTINATION.part``, from an earlier call or an interrupted one) is continued
    where the server can do that, and fetched again where it cannot.

    Args:
        urls: Where the file may be, the preferred place first; `mirrored` puts the user's mirrors before them.
        destination: The file's final name. The caller holds `cache.lock` on it.
        digests: Published digests: the file must have one of those of the strongest algorithm listed. If there
            are none, the digest of the first download is recorded in the receipt, and any later download from
            the same URLs must have it.
        nbytes: The published size.
        strict: False if the digests are hearsay (`catalog.Archive`): when no URL gives them, what the first
            one gave is kept, unverified, and a warning is logged.
        progress: Called with bytes so far, those of earlier calls included, and bytes in all.
        policy: How patient to be; None: as ``TORCHVECTORS_TIMEOUT`` says, or as usual.

    Returns:
        The receipt, which also lies beside the file (`receipt_of`).

    Raises:
        OfflineError: ``TORCHVECTORS_OFFLINE`` is set. No socket was opened.
        DigestError: All that the URLs gave were bytes other than the promised ones.
        DownloadError: No URL gave the file; the text names each, and what was wrong with it.
        NotFoundError: There are no URLs.
        CacheError: The disk cannot be written; what came so far is kept.
    """
    whole = goal_of(destination, urls, digests, nbytes, strict=strict, progress=progress)
    return _fetch(urls, whole, None, None, policy)[1]


def fetch_member(
    urls: Sequence[str],
    archive: Path,
    destination: Path,
    member: Member,
    *,
    digests: Iterable[Digest] = (),
    nbytes: int | None = None,
    strict: bool = True,
    progress: Progress = quiet,
    archive_progress: Progress = quiet,
    policy: Policy | None = None,
) -> tuple[Path, Receipt]:
    """Download one member of a zip, as a zip of that one member; or the whole archive, where that cannot be.

    It can where a server gives ranges of bytes, and the archive's directory is what it should be. The member is
    held to its own digest, and `catalog.Member` tells how far to trust that. An answer to the first request that
    is the whole archive is not thrown away.

    Args:
        urls: Where the archive may be, as for `fetch`.
        archive: The archive's final name. The caller holds `cache.lock` on it, which covers both files.
        destination: The member's final name.
        member: What is known of it; a digest at least, for the archive's says nothing of it.
        digests: Of the archive, as for `fetch`; nbytes and strict likewise.
        nbytes: Of the archive.
        strict: Of the archive.
        progress: Of the member.
        archive_progress: Of the archive.
        policy: How patient to be; None: as ``TORCHVECTORS_TIMEOUT`` says, or as usual.

    Returns:
        ``destination`` or ``archive``, whichever came, and its receipt.

    Raises:
        As `fetch`. ValueError: No digest of the member is known.
    """
    if not member.digests:
        raise ValueError(f"{member.name}: without a digest of its own it must come in its archive.")
    whole = goal_of(archive, urls, digests, nbytes, strict=strict, progress=archive_progress)
    alone = goal_of(destination, (), member.digests, None, strict=member.strict, progress=progress)
    return _fetch(urls, whole, alone, member, policy)


def _fetch(
    urls: Sequence[str], whole: Goal, alone: Goal | None, member: Member | None, policy: Policy | None
) -> tuple[Path, Receipt]:
    if not urls:
        raise NotFoundError(f"{whole.destination}: no URL of this file is known. Put it there yourself.")
    if offline():
        raise _offline(whole.destination, urls)
    policy = policy or Policy.of_environment()
    writable(whole.destination.parent)
    try:
        for goal in filter(None, (whole, alone)):
            goal.part.take_up()
        return _from_urls(urls, whole, alone, member, policy)
    finally:
        for goal in filter(None, (whole, alone)):
            goal.part.leave()


def _from_urls(
    urls: Sequence[str], whole: Goal, alone: Goal | None, member: Member | None, policy: Policy
) -> tuple[Path, Receipt]:
    doubted: tuple[Goal, Receipt] | None = None
    failures: list[tuple[str, Verdict]] = []
    with open_session(policy) as session:
        for url in (left := list(dict.fromkeys(urls))):
            # Where one host was out of reach, the others will hardly be in reach a second later.
            lost = any(verdict.unreachable for _, verdict in failures)
            patience = _Patience(policy, lost=lost, last=url == left[-1])
            goal, verdict = _from_url(session, url, whole, alone, member, patience)
            part, promise = goal.part, goal.promise
            if verdict.do is Do.KEEP:
                receipt = _receipt(part, verified=promise.published)
                if alone and goal is whole:
                    alone.part.clean()  # the member will be read from here
                return goal.destination, _keep(part, goal.destination, part.path, receipt)
            logger.info("%s: gave up %s: %s", goal.destination, shown(url), verdict.reason)
            failures.append((shown(url), verdict))
            # A mirror has no word against the publisher's.
            hearsay = not promise.strict and not is_mirror(url)
            if verdict.do is Do.WRONG and hearsay and not verdict.damaged and doubted is None:
                doubted = goal, _receipt(part, verified=False)
                part.set_aside()
            elif verdict.do is Do.WRONG:
                part.drop()
    if doubted is None:
        for goal in filter(None, (whole, alone)):
            if not goal.kept:  # nobody could continue it
                goal.part.drop()
        raise _none_worked(
            whole.destination, whole.promise, failures, (alone.kept if alone else 0) or whole.kept
        )
    goal, receipt = doubted
    text = "%s: no URL gives the listed digest, %s. Kept what %s gives, with the digest %s."
    listed = " or ".join(map(str, goal.promise.digests))
    logger.warning(text, goal.destination, listed, receipt.url, receipt.digest)
    return goal.destination, _keep(goal.part, goal.destination, goal.part.aside, receipt)


def _from_url(
    session: Session, url: str, whole: Goal, alone: Goal | None, member: Member | None, patience: _Patience
) -> tuple[Goal, Verdict]:
    """Ask one URL for the member, or else for the whole archive: which of them it gave, or what failed last."""
    answer: Response | None = None
    if alone is not None and member is not None:
        source = MemberSource(session, url, member, alone, whole, patience.policy)
        verdict = _persist(url, source.attempt, alone, patience)
        if verdict.do is not Do.WHOLE:
            return alone, verdict
        answer = source.answer
        text = "%s: %s gives the whole archive only: %s"
        logger.info(text, alone.destination, shown(url), verdict.reason)

    def attempt() -> Verdict:
        nonlocal answer
        part, promise = whole.part, whole.promise
        from_here = part.origin is not None and part.origin.url == shown(url)
        told = from_here or part.held(shown(url)) is not None
        if answer is None and told and part.size == promise.length(part.total):
            return promise.verify(part.digest)  # an earlier call got all of it, and was stopped after that
        begun, answer = answer, None
        return transfer(session, url, part, promise, whole.progress, patience.policy, begun)

    return whole, _persist(url, attempt, whole, patience)


def _persist(url: str, attempt: Callable[[], Verdict], goal: Goal, patience: _Patience) -> Verdict:
    """Attempt until it works or is given up: KEEP, WHOLE, or WRONG with the part, or what failed last."""
    part, policy = goal.part, patience.policy
    attempts = wrong = furthest = 0
    before, part.afresh = part.size, False
    while True:
        verdict = attempt()
        verdict = replace(verdict, reason=unsaid(verdict.reason, url))
        if verdict.do is Do.AFRESH:  # cannot come twice in a row: only what was begun is ever continued
            logger.info("%s: %s; starting over", part.path, verdict.reason)
            part.afresh = True
        elif verdict.do is Do.WRONG:
            wrong += 1
            # A file put together from several answers may be wrong where one in one piece is right; but
            # hearsay is not worth fetching the same gigabytes twice.
            if wrong == 2 or not (goal.promise.strict or part.resumed or verdict.damaged):
                return verdict
            logger.info("%s: %s; fetching it once more from the start", part.path, verdict.reason)
            part.drop()
        elif verdict.do is Do.RETRY:
            if part.size >= furthest + _WORTH_IT:  # a large file on a bad line needs many attempts
                attempts, furthest = 0, part.size
            attempts += 1
            if attempts >= patience.attempts(verdict, moved=part.size != before):
                return verdict
            pause = policy.pause(attempts, verdict.wait)
            logger.info("%s: %s; trying again in %g s", part.path, verdict.reason, pause)
            time.sleep(pause)
        else:
            return verdict


@dataclass(frozen=True, slots=True)
class _Patience:
    """How often one of several URLs is asked."""

    policy: Policy
    lost: bool  # a URL before it was out of reach
    last: bool

    def attempts(self, verdict: Verdict, *, moved: bool) -> int:
        """Return how many attempts may fail like that; ``moved`` says whether this URL has given something."""
        if verdict.wait > self.policy.longest_wait and not self.last:
            return 1  # the next one may be ready now
        if verdict.unreachable and not moved:
            return min(self.policy.attempts, 1 if self.lost else 2)
        return self.policy.attempts


def _receipt(part: Part, *, verified: bool) -> Receipt:
    url, etag = (part.origin.url, part.origin.etag) if part.origin else ("", None)
    return Receipt(url=url, nbytes=part.size, sha256=part.digest("sha256"), verified=verified, etag=etag)


def _keep(part: Part, destination: Path, bytes_at: Path, receipt: Receipt) -> Receipt:
    """Give the file its final name, and say what it is."""
    with on_disk(destination):
        bytes_at = part.claim(bytes_at, receipt.nbytes)
        # In this order a crash leaves the old file with its receipt, or no file and perhaps a receipt, or the
        # new file with its receipt: never a file with another one's receipt, nor one of ours without.
        before = receipt_of(destination)
        if before is None or before.digest != receipt.digest:
            destination.unlink(missing_ok=True)
        write_receipt(destination, receipt)
        publish(bytes_at, destination)
    part.clean()
    if receipt.verified:
        logger.info("%s: %d bytes, with the published digest", destination, receipt.nbytes)
    else:
        text = "%s: %d bytes. No published digest vouches for them: %s is recorded in %s and held from now on"
        logger.info(text, destination, receipt.nbytes, receipt.digest, beside(destination))
    return receipt


def _offline(destination: Path, urls: Sequence[str]) -> OfflineError:
    return OfflineError(
        f"{destination}: this file is not there, and TORCHVECTORS_OFFLINE forbids to download it from "
        f"{' or '.join(map(shown, urls))}. Run the same program once without TORCHVECTORS_OFFLINE, or put the "
        "file there yourself."
    )


def _none_worked(
    destination: Path, promise: Promise, failures: Sequence[tuple[str, Verdict]], kept: int
) -> DownloadError | DigestError:
    listed = "".join(f"\n  {url}: {verdict.reason}" for url, verdict in failures)
    itself = f"or put the right file at {destination} yourself."
    if not all(verdict.wrong for _, verdict in failures):
        stays = f" The {kept:,} bytes that came are kept, and the next call continues them." if kept else ""
        return DownloadError(
            f"{destination}: it could not be downloaded.{listed}\n"
            f"Check the network and its proxy (HTTPS_PROXY), name a mirror in TORCHVECTORS_MIRROR, {itself}{stays}"
        )
    if promise.digests and not promise.published:
        cure = f"If its publisher has replaced the file, delete {beside(destination)} to accept the new one,"
    else:
        cure = "Its publisher has replaced the file, or something on the way changes it: name a mirror in "
        cure += "TORCHVECTORS_MIRROR,"
    return DigestError(f"{destination}: what was downloaded is not this file.{listed}\n{cure} {itself}")
