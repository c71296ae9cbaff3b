"""Processes that are killed at any moment of a download, a conversion or a fit, and those who come after them."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from corpora import TEXTS
from servers import Server, file
from test_acquire import holds, sha256, text
from test_archive import zipped
from torch.utils.data.datapipes.iter import IterableWrapper

import torchvectors
from torchvectors.acquire import acquire
from torchvectors.download import receipt_of
from torchvectors.fitting.fitted import unpack
from torchvectors.stages.recording import Recording
from torchvectors.store import open_store

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="its processes are forked"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:'set_vital' is deprecated:UserWarning"),
]

ROWS = text(1, n=4_000, dim=12)
BODY = zipped({"v.txt": ROWS})
HOME = Path(torchvectors.__file__).parent
# Which rooms a phase is at work in.
PHASES: dict[str, tuple[str, ...]] = {
    "download": ("download", "cache"),
    "conversion": ("acquire", "archive", "store", "formats", "cache"),
    "fit": ("fitting", "stages", "counting", "vocabulary", "cache"),
}


def download_and_convert(url: str) -> None:
    assert holds(acquire("v.txt", url=url), ROWS)


def convert(url: str) -> None:
    """Convert, where the download is there already."""
    download_and_convert(url)


def fit(url: str) -> None:
    for fingerprint in ("known", None):
        source = IterableWrapper(TEXTS).tokenize()
        graph = source.build_vocab(record_rows=True, fingerprint=fingerprint)
        assert len(list(graph)) == len(TEXTS)
        pickle.dumps(graph)


WORK: dict[str, Callable[[str], None]] = {"download": download_and_convert, "conversion": convert, "fit": fit}


def run(phase: str, url: str, cache: Path, kill_at: int, ends: Any) -> None:
    """Do the work in this process; kill it before it has run so many lines of the phase's rooms."""
    os.environ["TORCHVECTORS_HOME"] = str(cache)
    rooms = tuple(str((HOME / room).resolve(strict=True)) for room in PHASES[phase])
    lines = 0

    def in_line(frame: Any, event: str, argument: object) -> Any:
        nonlocal lines
        if event == "line":
            lines += 1
            if lines == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
        return in_line

    def in_call(frame: Any, event: str, argument: object) -> Any:
        return in_line if frame.f_code.co_filename.startswith(rooms) else None

    if kill_at:
        sys.settrace(in_call)
    WORK[phase](url)
    sys.settrace(None)
    ends.send(lines)


def start(phase: str, url: str, cache: Path, kill_at: int) -> tuple[Any, Any]:
    ours, theirs = multiprocessing.get_context("fork").Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(
        target=run, args=(phase, url, cache, kill_at, theirs)
    )
    process.start()
    theirs.close()
    return process, ours


def finish(phase: str, url: str, cache: Path, kill_at: int = 0) -> int | None:
    """Run to the end; return how many lines that were, or None if it was killed."""
    process, ours = start(phase, url, cache, kill_at)
    process.join(60)
    assert process.exitcode in (0, -signal.SIGKILL), f"{phase}: exit code {process.exitcode}"
    return int(ours.recv()) if process.exitcode == 0 else None


def expect_nothing_wrong(cache: Path, itos: list[str]) -> None:
    """See that each file under a final name is whole, and what it should be; and that there are no others."""
    for path in cache.rglob("*"):
        name = path.name
        if path.is_dir() or ".locks" in path.parts or name.endswith((".tmp", ".part", ".part.json")):
            continue
        if name.endswith(".rows.safetensors"):
            recording = Recording(path)
            assert len(recording) == len(TEXTS)
            assert [" ".join(tokens) for tokens in recording.rows((None,))] == TEXTS
        elif path.parent.name in ("fits", "vocabularies"):
            assert unpack(path.read_bytes()).vocab.get_itos() == itos
        elif path.suffix == ".safetensors":
            store = open_store(path)
            store.verify()
            assert holds(store, ROWS)
        elif path.suffix == ".zip":
            assert path.read_bytes() == BODY
            assert receipt_of(path) is not None
        else:
            assert name.endswith(".zip.receipt.json")
            receipt = receipt_of(path.with_name(name.removesuffix(".receipt.json")))
            assert receipt is not None
            assert str(receipt.digest) == sha256(BODY)


def left_behind(cache: Path) -> set[str]:
    """Return what was left of work that was begun."""
    left = (path for path in cache.rglob("*") if path.name.endswith((".tmp", ".part", ".part.json")))
    return {path.name for path in left if path.parent.name != "vocabularies"}


def prepare(phase: str, url: str, cache: Path) -> None:
    if phase == "conversion":
        store = acquire("v.txt", url=url, cache=cache)
        store.path.unlink()


def kill_at_random(kills: int, seed: int, server: Server, folder: Path) -> dict[str, int]:
    """Kill so many processes, at lines and at times that chance chooses, and see each time what they leave."""
    chance = random.Random(seed)
    url = server.on("/v.zip", file(BODY))
    itos = IterableWrapper(TEXTS).tokenize().build_vocab().vocab.get_itos()
    lines: dict[str, int] = {}
    seconds: dict[str, float] = {}
    for phase in PHASES:
        prepare(phase, url, folder / phase)
        before = time.monotonic()
        found = finish(phase, url, folder / phase, sys.maxsize)
        assert found is not None
        lines[phase], seconds[phase] = found, time.monotonic() - before
    done = dict.fromkeys(PHASES, 0)
    for number in range(10 * kills):
        phase = min(done, key=lambda one: done[one])
        cache = folder / f"cache {number}"
        prepare(phase, url, cache)
        for _ in range(chance.choice((1, 1, 2, 3))):
            if number % 2:
                killed = finish(phase, url, cache, chance.randrange(1, lines[phase])) is None
            else:
                process, _ = start(phase, url, cache, 0)
                process.join(chance.uniform(0, seconds[phase] / 2))
                process.kill()
                process.join()
                killed = process.exitcode == -signal.SIGKILL
            done[phase] += killed
            expect_nothing_wrong(cache, itos)
        assert finish(phase, url, cache) is not None
        expect_nothing_wrong(cache, itos)
        assert left_behind(cache) == set()
        if sum(done.values()) >= kills:
            break
    return done


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server() as running:
        yield running


def test_whoever_is_killed_leaves_nothing_wrong_and_the_next_one_finishes(
    server: Server, tmp_path: Path
) -> None:
    done = kill_at_random(6, 0, server, tmp_path)
    assert min(done.values()) > 0


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_hundred_who_are_killed_leave_nothing_wrong(server: Server, tmp_path: Path) -> None:
    done = kill_at_random(100, 1, server, tmp_path)
    assert sum(done.values()) >= 100
    assert min(done.values()) > 20
