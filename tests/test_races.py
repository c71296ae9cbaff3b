"""Many processes and threads that want the same at once, also where the file system's locks do not hold."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from servers import Server, file
from test_acquire import holds, sha256, text
from test_archive import zipped

import torchvectors
from torchvectors.acquire import acquire
from torchvectors.download import receipt_of
from torchvectors.download.receipts import beside
from torchvectors.store import open_store

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="its processes are forked")

# One process that has imported the package; for each job it forks another, whose threads begin all at once.
STABLE = """
import hashlib, json, os, signal, sys, threading
from contextlib import contextmanager
if sys.argv[1] == "lie":
    import fcntl
    fcntl.flock = lambda *_: None
if sys.argv[1] == "lie unseen":
    import fcntl, torchvectors.cache.locks, torchvectors.download.part
    fcntl.flock = lambda *_: None
    torchvectors.cache.locks.locks_hold = torchvectors.download.part.locks_hold = lambda _: True
from torchvectors.acquire import acquire

signal.signal(signal.SIGCHLD, signal.SIG_IGN)

def say(**what):
    os.write(1, json.dumps({"pid": os.getpid(), **what}).encode() + b"\\n")

def watch(event, arguments):
    # What is about to get its final name, at the moment when it gets it.
    if event == "os.rename" and os.fspath(arguments[1]).endswith((".zip", ".safetensors")):
        with open(arguments[0], "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        say(published=os.path.basename(arguments[1]), digest=digest)

sys.addaudithook(watch)

def work(job, stop, ready):
    titles = []

    @contextmanager
    def bars(title):
        titles.append(title)
        def report(done, total):
            if stop and title.startswith(stop) and done:
                say(at=title)
                signal.pause()
        yield report

    try:
        ready.wait()
        store = acquire(**job, bars=bars)
        store.verify()
        state = store.path.stat()
        say(inode=state.st_ino, mtime=state.st_mtime_ns, checksum=store.checksum, name=store.path.name, bars=titles)
    except BaseException as error:
        say(error=f"{type(error).__name__}: {error}")

say(at="start")
for line in sys.stdin:
    jobs = json.loads(line)
    wait, go = os.pipe()
    for job in jobs:
        if os.fork():
            continue
        os.close(go)
        n, stop = job.pop("threads", 1), job.pop("stop", None)
        ready = threading.Barrier(n)
        threads = [threading.Thread(target=work, args=(job, stop, ready)) for _ in range(n - 1)]
        for thread in threads:
            thread.start()
        os.read(wait, 1)
        work(job, stop, ready)
        for thread in threads:
            thread.join()
        os._exit(0)
    os.close(wait)
    os.close(go)  # all of them read on at once
"""


class Stable:
    """Processes that acquire something, all at once.

    Attributes:
        published: The names that files have got, each with the digest of what got it.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.published: list[tuple[str, str]] = []

    def start(self, *jobs: Mapping[str, object]) -> None:
        assert self._process.stdin is not None
        self.published.clear()
        self._process.stdin.write(json.dumps(jobs) + "\n")
        self._process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        """Wait for what one of them says next."""
        assert self._process.stdout is not None
        while "published" in (said := json.loads(self._process.stdout.readline())):
            self.published.append((said["published"], said["digest"]))
        return dict(said)


@contextmanager
def stable(locks: str) -> Iterator[Stable]:
    environment = os.environ | {
        "PYTHONPATH": str(Path(torchvectors.__file__).parents[1]),
        "NO_PROXY": "127.0.0.1",
    }
    with subprocess.Popen(
        [sys.executable, "-c", STABLE, locks],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        found = Stable(process)
        assert found.hear()["at"] == "start"
        yield found


@pytest.fixture(scope="module")
def honest() -> Iterator[Stable]:
    with stable("hold") as found:
        yield found


@pytest.fixture(scope="module")
def lying() -> Iterator[Stable]:
    """Processes whose locks are granted to everybody."""
    with stable("lie") as found:
        yield found


@pytest.fixture(scope="module")
def seemingly_honest() -> Iterator[Stable]:
    """The same, where nothing tells: as between machines that each lock for themselves."""
    with stable("lie unseen") as found:
        yield found


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server() as running:
        yield running


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


ROWS = text(1, n=6_000, dim=20)
OTHERS = text(2, n=3_000, dim=5)


def job_of(server: Server, cache: Path, body: bytes, name: str = "v", **more: object) -> dict[str, object]:
    url = server.on(f"/{name}.zip", file(body))
    return {"name": f"{name}.txt", "url": url, "cache": str(cache), "checksum": sha256(body), **more}


def finals(cache: Path) -> list[Path]:
    """Return what lies under a final name: all but what is hidden, a part, or set aside."""
    ends = (".part", ".part.json", ".doubted")
    names = (path for path in cache.iterdir() if path.is_file() and not path.name.startswith("."))
    return [path for path in names if not path.name.endswith(ends) and ".bad" not in path.suffixes]


def expect_right(cache: Path, body: bytes, rows: bytes) -> None:
    """See that each file under a final name is whole, and what it should be."""
    for path in finals(cache):
        if path.suffix == ".safetensors":
            store = open_store(path)
            store.verify()
            assert holds(store, rows)
        elif path.suffix == ".zip":
            assert path.read_bytes() == body
            assert beside(path).is_file()
        else:
            receipt = receipt_of(path.with_name(path.name.removesuffix(".receipt.json")))
            assert receipt is not None
            assert receipt.nbytes == len(body)


def expect_all_equal(published: list[tuple[str, str]], body: bytes) -> None:
    """See that whatever got a final name was right when it got it."""
    assert {f"sha256:{digest}" for name, digest in published if name.endswith(".zip")} <= {sha256(body)}
    assert len({digest for name, digest in published if name.endswith(".safetensors")}) <= 1


@pytest.mark.parametrize(
    ("processes", "threads"), [(16, 1), (1, 16), (4, 4), pytest.param(16, 16, marks=pytest.mark.slow)]
)
def test_all_who_want_the_same_get_it_by_one_download_and_one_conversion(
    processes: int, threads: int, server: Server, cache: Path, honest: Stable
) -> None:
    body = zipped({"v.txt": ROWS})
    honest.start(*[job_of(server, cache, body, threads=threads)] * processes)
    said = [honest.hear() for _ in range(processes * threads)]
    assert not [one for one in said if "error" in one]
    assert len({one["pid"] for one in said}) == processes
    assert len({(one["inode"], one["mtime"], one["checksum"]) for one in said}) == 1
    assert [seen.sent for seen in server.log] == [len(body)]
    assert len(honest.published) == 2  # the archive and the store
    # Whoever converts shows how far it is; the others show nothing.
    began = Counter(title for one in said for title in one["bars"])
    assert began[Path(said[0]["name"]).stem] == 1
    assert set(began.values()) == {1}
    expect_right(cache, body, ROWS)
    assert len(finals(cache)) == 3


def test_two_different_ones_do_not_wait_for_each_other(server: Server, cache: Path, honest: Stable) -> None:
    one, other = zipped({"v.txt": ROWS}), zipped({"w.txt": OTHERS})
    for stop in ("v-", "v.txt-"):  # in mid-download, and in mid-conversion
        honest.start(job_of(server, cache, one, stop=stop))
        held = honest.hear()
        assert held["at"].startswith("v")
        honest.start(job_of(server, cache, other, "w"))
        assert honest.hear()["name"].startswith("w.txt")  # while the first one still holds its locks
        os.kill(held["pid"], signal.SIGKILL)
        for path in cache.glob("w*"):
            path.unlink()
    assert holds(acquire(**job_of(server, cache, one)), ROWS)  # type: ignore[arg-type]


def test_the_locks_of_whoever_was_killed_are_free_and_its_remains_are_swept(
    server: Server, cache: Path, honest: Stable
) -> None:
    body = zipped({"v.txt": ROWS})
    job = job_of(server, cache, body)
    honest.start({**job, "stop": "v.txt-"})
    held = honest.hear()
    (temporary,) = cache.glob(".*.tmp")
    honest.start(*[job] * 15)
    os.kill(held["pid"], signal.SIGKILL)
    assert len({honest.hear()["inode"] for _ in range(15)}) == 1
    assert len(server.log) == 1
    assert not temporary.exists()
    assert not list(cache.glob(".*.tmp"))
    expect_right(cache, body, ROWS)


@pytest.mark.parametrize("digest", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_where_locks_are_granted_to_everybody_no_wrong_file_gets_a_final_name(
    digest: bool, server: Server, cache: Path, lying: Stable
) -> None:
    body = zipped({"v.txt": ROWS})
    job = job_of(server, cache, body)
    if not digest:
        del job["checksum"]
    lying.start(*[{**job, "threads": 2}] * 8)
    said = [lying.hear() for _ in range(16)]
    assert not [one for one in said if "error" in one]
    assert len({one["checksum"] for one in said}) == 1
    assert len(server.log) > 1  # they were not kept apart
    expect_all_equal(lying.published, body)
    expect_right(cache, body, ROWS)
    assert len(finals(cache)) == 3
    assert {path.name for path in cache.iterdir()} - {path.name for path in finals(cache)} == {".locks"}


@pytest.mark.slow
@pytest.mark.parametrize("n", [2, 4, 8, 16])
def test_where_nothing_tells_that_locks_do_not_hold_no_wrong_file_gets_a_final_name(
    n: int, server: Server, cache: Path, seemingly_honest: Stable
) -> None:
    body = zipped({"v.txt": ROWS})
    job = job_of(server, cache, body)
    seemingly_honest.start(*[job] * n)
    said = [seemingly_honest.hear() for _ in range(n)]
    expect_right(cache, body, ROWS)
    expect_all_equal(seemingly_honest.published, body)
    for one in said:  # some may have to give up
        assert "error" in one or holds(open_store(cache / one["name"]), ROWS)
    assert holds(acquire(**job), ROWS)  # type: ignore[arg-type]
