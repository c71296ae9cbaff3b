"""One file that may come: where it goes, what it must be, and how much of it is here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torchvectors.download.part import Part
from torchvectors.download.promise import Promise, promise_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from torchvectors.catalog import Digest
    from torchvectors.progress import Progress

__all__ = ["Goal", "goal_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A file that is fetched; beside it, its archive may be another goal of the same call."""

    destination: Path
    promise: Promise
    part: Part
    progress: Progress

    @property
    def kept(self) -> int:
        """How many bytes the next call can continue."""
        return self.part.size if self.part.stays else 0


def goal_of(
    destination: Path,
    urls: Sequence[str],
    digests: Iterable[Digest],
    nbytes: int | None,
    *,
    strict: bool,
    progress: Progress,
) -> Goal:
    """Gather what is known of a file, and prepare its part."""
    promise = promise_of(destination, urls, digests, nbytes, strict=strict)
    algorithms = {"sha256", *(one.algorithm for one in promise.digests)}
    part = Part(destination, algorithms, sure=promise.strict and bool(promise.digests))
    return Goal(destination=destination, promise=promise, part=part, progress=progress)
