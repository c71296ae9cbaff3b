"""A target and a number of runs → what was found: the engines, and the verdict on one input.

Three engines give inputs: atheris, which follows the coverage of our code; hypothesis, which finds the smallest input
of its kind; and a mutator of our own for where neither is wanted.
"""

from __future__ import annotations

import hashlib
import random
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .mutation import mutated
from .targets import Target

__all__ = ["Campaign", "at_random", "found_before", "guarded", "verdict"]

SLOW = 2.0  # seconds of this thread's own time for an input of some kilobytes
FOUND = Path(__file__).parents[1] / "data" / "fuzz"  # inputs that have once found something, by their target


@contextmanager
def guarded(gigabytes: float = 2) -> Iterator[None]:
    """Bound the memory, so that what asks for too much gets a MemoryError, and let warnings be errors.

    Where the system cannot bound it, it is not bounded.
    """
    try:
        import resource
    except ImportError:  # Windows
        resource = None  # type: ignore[assignment]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*its first line promises", category=UserWarning)
        if resource is None:
            yield
            return
        before = resource.getrlimit(resource.RLIMIT_AS)
        now = (
            int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            if _HAS_PROC
            else 1 << 34
        )
        resource.setrlimit(resource.RLIMIT_AS, (now + int(gigabytes * (1 << 30)), before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_AS, before)


_HAS_PROC = Path("/proc/self/statm").exists()


def verdict(target: Target, data: bytes) -> BaseException | None:
    """Run one input; return what it raised, or None where it gave a result."""
    start = time.thread_time()
    try:
        target.run(data)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is what we look for
        return error
    if (spent := time.thread_time() - start) > SLOW:
        return TimeoutError(f"it took {spent:.1f} seconds")
    return None


def found_before(name: str) -> list[bytes]:
    """Return the inputs that have once found something in a target."""
    return [path.read_bytes() for path in sorted((FOUND / name).glob("*"))]


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    at = [f"{Path(one.filename).name}:{one.lineno}" for one in frames if "/fuzz/" not in one.filename][-3:]
    return f"{type(error).__name__} {' '.join(at)}"


@dataclass(kw_only=True)
class Campaign:
    """Runs of one target: how many, what was found, what was the slowest."""

    target: Target
    runs: int = 0
    results: int = 0  # runs that gave a result, not an error of ours
    slowest: float = 0.0  # seconds
    found: dict[str, tuple[BaseException, bytes]] = field(default_factory=dict)  # by place: the first of each
    keep: Path | None = None  # where to write what was found

    def one(self, data: bytes) -> bool:
        """Run an input; say whether it found something."""
        start = time.thread_time()
        error = verdict(self.target, data)
        self.slowest = max(self.slowest, time.thread_time() - start)
        self.runs += 1
        self.results += error is None
        if error is None or isinstance(error, self.target.expected):
            return False
        place = _place(error)
        if place not in self.found or len(data) < len(self.found[place][1]):
            new = place not in self.found
            self.found[place] = error, data
            if self.keep is not None:
                self.keep.mkdir(parents=True, exist_ok=True)
                name = hashlib.sha256(place.encode()).hexdigest()[:12]
                (self.keep / name).write_bytes(data)
                if new:
                    report = "".join(traceback.format_exception(error))
                    (self.keep / f"{name}.txt").write_text(f"{place}\n{report[-6000:]}")
        error.__traceback__ = None
        return True


def at_random(campaign: Campaign, runs: int, seed: int) -> None:
    """Give inputs that our own mutator makes of the seeds; what gave a result is built upon."""
    target, chance = campaign.target, random.Random(seed)
    pool = list(target.seeds())
    for _ in range(runs):
        data = pool[chance.randrange(len(pool))]
        changed = mutated(data, chance.randrange, words=target.words, others=pool)[: target.longest]
        campaign.one(changed)


def by_hypothesis(campaign: Campaign, runs: int, seed: int) -> None:
    """Give inputs whose changes hypothesis draws, so that it can find the smallest one of its kind."""
    import hypothesis
    from hypothesis import strategies as st

    target = campaign.target
    pool = list(target.seeds())

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=runs, database=None, deadline=None, suppress_health_check=list(hypothesis.HealthCheck)
    )
    @hypothesis.given(st.data())
    def tried(data: st.DataObject) -> None:
        draw = lambda n: data.draw(st.integers(0, n - 1)) if n > 1 else 0  # noqa: E731
        begun = pool[draw(len(pool))]
        campaign.one(mutated(begun, draw, words=target.words, others=pool)[: target.longest])

    tried()
