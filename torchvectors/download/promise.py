"""What a file must be → whether the bytes that came, or a whole file, can be it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torchvectors.catalog import strongest
from torchvectors.download.addresses import shown
from torchvectors.download.answers import Do, Verdict
from torchvectors.download.disguise import objection
from torchvectors.download.receipts import receipt_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from torchvectors.catalog import Digest

__all__ = ["Promise", "promise_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What is known of a file before it comes."""

    name: str  # the file's name
    nbytes: int | None  # its published size
    digests: tuple[Digest, ...]  # of one algorithm; one of them must be the file's; empty if none is known
    published: bool  # the digests are; if not, they are that of the first download
    strict: bool  # a file with another digest is wrong; if not, it is doubtful

    def length(self, total: int | None) -> int | None:
        """Return how many bytes are to come, when the server speaks of ``total``."""
        return total if self.nbytes is None else self.nbytes

    def flaw(self, head: bytes, size: int, total: int | None, encoding: str = "") -> Verdict | None:
        """Say why a body cannot be the file, as early as it shows; None if it still can.

        Args:
            head: The first bytes of the file.
            size: The bytes of it that came so far.
            total: The bytes of it that the server promises.
            encoding: The answer's Content-Encoding.
        """
        if reason := objection(head, encoding=encoding, name=self.name):
            return Verdict(do=Do.REFUSE, reason=reason)
        length = self.length(total)
        if total is not None and total != length:
            reason = f"its file has {total:,} bytes, and {length:,} are promised"
        elif length is not None and size > length:
            reason = f"it gave more than the {length:,} bytes promised"
        return Verdict(do=Do.REFUSE, reason=reason, wrong=True) if reason else None

    def verify(self, digest: Callable[[str], str]) -> Verdict:
        """Decide on a whole file by its digest, which ``digest`` gives for an algorithm."""
        if not self.digests:
            return Verdict(do=Do.KEEP)
        algorithm, wanted = self.digests[0].algorithm, [one.value for one in self.digests]
        found = digest(algorithm)
        if found in wanted:
            return Verdict(do=Do.KEEP)
        says = "was expected" if self.published else "was that of the first download"
        reason = f"its {algorithm} is {found}, and {' or '.join(wanted)} {says}"
        return Verdict(do=Do.WRONG, reason=reason, wrong=True)


def promise_of(
    destination: Path, urls: Sequence[str], digests: Iterable[Digest], nbytes: int | None, *, strict: bool
) -> Promise:
    """Gather what is known: the published facts, or else the receipt of an earlier download from these URLs."""
    known, before = strongest(digests), receipt_of(destination)
    published = bool(known)
    if not known and before is not None and before.url in map(shown, urls):
        known, strict = (before.digest,), True
    return Promise(name=destination.name, nbytes=nbytes, digests=known, published=published, strict=strict)
