"""Disks that are full, read only or not what they seem: each a real one, in a namespace of a child process."""

from __future__ import annotations

import ctypes
import errno
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from servers import Server, file
from test_acquire import holds, sha256, text
from test_archive import zipped
from torch.utils.data.datapipes.iter import IterableWrapper

from torchvectors.acquire import acquire
from torchvectors.errors import CacheError, GraphError, TorchVectorsError
from torchvectors.fitting.fitted import written

resource = pytest.importorskip("resource", reason="of POSIX alone")

pytestmark = [
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:'set_vital' is deprecated:UserWarning"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux's namespaces"),
]

NEW_MOUNTS, NEW_USER = 0x00020000, 0x10000000
READ_ONLY, REMOUNT, BIND, PRIVATE = 1, 32, 4096, (1 << 18) | (1 << 14)
ROWS = text(1, n=4_000, dim=12)
BODY = zipped({"v.txt": ROWS})


def call(function: str, *arguments: Any) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, function)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{function}: {os.strerror(number)}")


def mount(source: bytes, target: Path, kind: bytes | None, flags: int, options: bytes | None) -> None:
    call("mount", source, os.fsencode(target), kind, ctypes.c_ulong(flags), options)


def tmpfs(folder: Path, size: int) -> None:
    folder.mkdir(exist_ok=True)
    mount(b"none", folder, b"tmpfs", 0, b"size=%d" % size)


def read_only(folder: Path) -> None:
    mount(os.fsencode(folder), folder, None, BIND, None)
    mount(b"none", folder, None, BIND | REMOUNT | READ_ONLY, None)


def own_namespace() -> None:
    """Let this process mount what no other one sees."""
    user, group = os.geteuid(), os.getegid()
    call("unshare", ctypes.c_int(NEW_USER | NEW_MOUNTS))
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    mount(b"none", Path("/"), None, PRIVATE, None)


def apart(work: Callable[..., Any], *arguments: Any, limit: int | None = None) -> Any:
    """Run something in a forked process with a namespace of its own, and return what it returns."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)

    def run() -> None:
        try:
            own_namespace()
        except OSError as error:
            return theirs.send(("not allowed", str(error)))
        try:
            if limit is not None:
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            theirs.send(("returned", work(*arguments)))
        except BaseException:  # noqa: BLE001 - told where somebody reads it
            theirs.send(("failed", traceback.format_exc()))

    process = context.Process(target=run)
    process.start()
    theirs.close()
    kind, value = ours.recv()
    process.join(60)
    if kind == "not allowed":
        pytest.skip(f"this system gives no namespaces: {value}")
    assert kind == "returned", value
    return value


def said(work: Callable[[], object]) -> str:
    """Return what an error of ours says."""
    try:
        work()
    except TorchVectorsError as error:
        return f"{type(error).__name__}: {error}"
    raise AssertionError("it went well")


def names(folder: Path) -> set[str]:
    """Return all files below a folder by the ends of their names, but for empty locks."""
    files = (path for path in folder.rglob("*") if path.is_file() and ".locks" not in path.parts)
    return {path.name for path in files}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server() as running:
        yield running


# Full.


def vectors_from(url: str, cache: Path) -> Any:
    return acquire("v.txt", url=url, checksum=sha256(BODY), cache=cache)


def download_to_a_full_disk(url: str, cache: Path) -> tuple[str, set[str], set[str]]:
    tmpfs(cache, len(BODY) // 2)
    text = said(lambda: vectors_from(url, cache))
    left = names(cache)
    mount(b"none", cache, None, REMOUNT, b"size=%d" % (20 * len(BODY)))  # somebody has made room
    assert holds(vectors_from(url, cache), ROWS)
    return text, left, names(cache)


def test_a_download_to_a_full_disk_says_what_it_needs_and_goes_on_when_there_is_room(
    server: Server, tmp_path: Path
) -> None:
    url = server.on("/v.zip", file(BODY))
    text, left, after = apart(download_to_a_full_disk, url, tmp_path / "disk")
    assert text.startswith("CacheError: ")
    assert "No space left on device" in text
    assert f"It needs {len(BODY):,} bytes, and " in text
    assert f"{tmp_path / 'disk'} has 0 bytes free" in text
    assert {name.split(".zip")[1] for name in left} == {".part", ".part.json"}
    assert len(after) == 3
    assert "Range" in server.log[-1].headers
    assert server.sent < 2 * len(BODY)


def convert_on_a_full_disk(url: str, cache: Path) -> tuple[str, set[str], set[str]]:
    tmpfs(cache, len(BODY) + 65536)
    text = said(lambda: vectors_from(url, cache))
    left = names(cache)
    mount(b"none", cache, None, REMOUNT, b"size=%d" % (20 * len(BODY)))
    assert holds(vectors_from(url, cache), ROWS)
    return text, left, names(cache)


def test_a_conversion_on_a_full_disk_says_what_it_needs_and_leaves_the_download(
    server: Server, tmp_path: Path
) -> None:
    url = server.on("/v.zip", file(BODY))
    text, left, after = apart(convert_on_a_full_disk, url, tmp_path / "disk")
    assert "No space left on device" in text
    assert "bytes of it were written" in text
    assert f"{tmp_path / 'disk'} has" in text
    assert "It needs about" in text
    assert len(left) == 2  # the archive and its receipt
    assert len(after) == 3
    assert len(server.log) == 1


def graph_over(n: int, **how: Any) -> Any:
    return IterableWrapper([f"token{i} other{i}" for i in range(n)]).tokenize().build_vocab(**how)


def fit_on_a_full_disk(home: Path) -> tuple[int, str, int, set[str], str]:
    tmpfs(home, 65536)
    os.environ["TORCHVECTORS_HOME"] = str(home)
    counted = len(graph_over(20_000).vocab)  # it counts for itself
    recorded = said(lambda: graph_over(20_000, record_rows=True).vocab)
    bounded = said(lambda: graph_over(20_000, max_distinct=1_000).vocab)
    small = len(graph_over(10, record_rows=True).vocab)
    return counted, recorded, small, names(home), bounded


def test_a_fit_on_a_full_disk_counts_or_says_what_it_needs(tmp_path: Path) -> None:
    counted, recorded, small, left, bounded = apart(fit_on_a_full_disk, tmp_path / "disk")
    assert (counted, small) == (40_002, 22)
    for one in (recorded, bounded):
        assert one.startswith("CacheError: ")
        assert "No space left on device" in one
        assert f"{tmp_path / 'disk' / 'fits'} has" in one
    assert left == set()


def count_in_processes_on_a_full_disk(home: Path) -> tuple[int, str]:
    tmpfs(home, 65536)
    os.environ["TORCHVECTORS_HOME"] = str(home)
    return (
        len(graph_over(20_000, num_workers=2).vocab),
        said(lambda: graph_over(20_000, num_workers=2, max_distinct=1_000).vocab),
    )


def test_several_processes_that_count_on_a_full_disk_count_or_say_so(tmp_path: Path) -> None:
    counted, text = apart(count_in_processes_on_a_full_disk, tmp_path / "disk")
    assert counted == 40_002
    assert "No space left on device" in text
    assert f"{tmp_path / 'disk' / 'fits'} has" in text


def fork_and_fit_on_a_full_disk(home: Path) -> list[str]:
    tmpfs(home, 65536)
    os.environ["TORCHVECTORS_HOME"] = str(home)
    graph = graph_over(20_000)
    context = multiprocessing.get_context("fork")
    answers = context.Queue()

    def read() -> None:
        try:
            answers.put(f"{len(graph.vocab)} tokens")
        except GraphError as error:
            answers.put(str(error))

    processes = [context.Process(target=read) for _ in range(4)]
    for process in processes:
        process.start()
    found = [answers.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    return found


def test_processes_that_share_a_graph_each_count_where_the_result_finds_no_room(tmp_path: Path) -> None:
    assert apart(fork_and_fit_on_a_full_disk, tmp_path / "disk") == ["40002 tokens"] * 4


def pickle_on_a_full_disk(home: Path) -> bool:
    tmpfs(home, 8192)
    os.environ["TORCHVECTORS_HOME"] = str(home)
    graph = graph_over(20_000)
    return written(graph.goes_by._needed()) is None and names(home) == set()


def test_a_vocabulary_that_finds_no_room_leaves_nothing_and_travels_in_the_pickle(tmp_path: Path) -> None:
    assert apart(pickle_on_a_full_disk, tmp_path / "disk")


def limited(url: str, cache: Path) -> tuple[str, set[str]]:
    return said(lambda: vectors_from(url, cache)), names(cache)


@pytest.mark.parametrize("limit", [len(BODY) // 2, len(BODY) + 4096])
def test_a_file_that_may_grow_no_more_is_as_a_full_disk(server: Server, tmp_path: Path, limit: int) -> None:
    url = server.on("/v.zip", file(BODY))
    text, left = apart(limited, url, tmp_path / "cache", limit=limit)
    assert text.startswith("CacheError: ")
    assert "File too large" in text
    assert len(left) == 2
    assert not [name for name in left if name.endswith(".safetensors")]
    assert holds(vectors_from(url, tmp_path / "cache"), ROWS)


# Read only.


def use_a_shared_cache(url: str, shared: Path, own: Path) -> tuple[str, str, set[str]]:
    store = vectors_from(url, shared)
    read_only(shared)
    before = names(shared)
    os.environ["TORCHVECTORS_HOME"] = os.pathsep.join(map(str, (shared, own)))
    how: dict[str, Any] = {"url": url, "checksum": sha256(BODY)}
    assert acquire("v.txt", **how).path == store.path  # no lock is asked for
    cut = acquire("v.txt", **how, max_vectors=10).path  # made of it, in the other
    assert cut.parent == own
    assert len(graph_over(5).vocab) == 12
    alone = said(lambda: acquire("v.txt", **how, max_vectors=20, cache=shared))
    os.environ["TORCHVECTORS_HOME"] = str(shared)
    assert acquire("v.txt", **how).path == store.path
    assert len(graph_over(5).vocab) == 12
    recorded = said(lambda: graph_over(5, record_rows=True).vocab)
    assert names(shared) == before
    return alone, recorded, names(own)


def test_a_read_only_cache_is_read_and_one_beside_it_is_written(server: Server, tmp_path: Path) -> None:
    url = server.on("/v.zip", file(BODY))
    alone, recorded, own = apart(use_a_shared_cache, url, tmp_path / "shared", tmp_path / "own")
    assert [name for name in own if name.endswith(".top10.safetensors")]
    for one in (alone, recorded):
        assert one.startswith("CacheError: ")
        assert "Read-only file system" in one
        assert "TORCHVECTORS_HOME" in one
    assert len(server.log) == 1


def without_a_home(url: str, folder: Path) -> str:
    for name in ("HOME", "XDG_CACHE_HOME", "TORCHVECTORS_HOME"):
        os.environ.pop(name, None)
    folder.mkdir()
    os.chdir(folder)
    own = Path("~").expanduser()
    tmpfs(own, 65536)
    mount(b"none", own, None, REMOUNT | READ_ONLY, None)
    return said(lambda: acquire("v.txt", url=url))


def test_a_home_that_cannot_be_written_is_named_with_the_cure(server: Server, tmp_path: Path) -> None:
    text = apart(without_a_home, server.on("/v.zip", file(BODY)), tmp_path / "elsewhere")
    assert "this cache folder cannot be written (Read-only file system)" in text
    assert "TORCHVECTORS_HOME" in text
    assert server.log == []


def test_a_home_that_is_nowhere_is_named_with_the_cure(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/proc/no/such")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("TORCHVECTORS_HOME")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CacheError, match=r"/proc/no/such.*cannot be written.*TORCHVECTORS_HOME"):
        acquire("v.txt", url=server.on("/v.zip", file(BODY)))


# Odd names, and things that are not what they seem.


@pytest.mark.parametrize("name", ["two words Wörter 漢字 😀", "a" * 200, "-%2F&?#'\"$(x)\udcff"])
def test_a_cache_folder_may_be_called_anything(server: Server, tmp_path: Path, name: str) -> None:
    cache = tmp_path / name
    url = server.on("/v.zip", file(BODY))
    assert holds(vectors_from(url, cache), ROWS)
    assert holds(vectors_from(url, cache), ROWS)
    assert len(server.log) == 1


def test_a_path_that_is_too_long_is_an_error(server: Server, tmp_path: Path) -> None:
    with pytest.raises(CacheError, match="File name too long"):
        vectors_from(server.on("/v.zip", file(BODY)), tmp_path / ("x" * 300))


SWAPS: dict[str, Callable[[Path], None]] = {
    "folder": Path.mkdir,
    "link to nowhere": lambda path: path.symlink_to("nowhere"),
    "loop": lambda path: path.symlink_to(path.name),
    "link to a folder": lambda path: path.symlink_to(path.parent),
}
SAMPLE = {("store", "folder"), ("archive", "loop"), ("part", "link to nowhere"), ("note", "folder")}


# Each pair is tried; of those that differ in nothing but the file's name, a sample by default.
SWAPPED = [
    pytest.param(what, swap, marks=[] if (what, swap) in SAMPLE else [pytest.mark.slow])
    for what in ("store", "archive", "receipt", "part", "note")
    for swap in SWAPS
]


@pytest.mark.parametrize(("what", "swap"), SWAPPED)
def test_what_lies_in_the_place_of_a_file_is_an_error_or_replaced(
    server: Server, tmp_path: Path, what: str, swap: str
) -> None:
    url, cache = server.on("/v.zip", file(BODY)), tmp_path / "cache"
    store = vectors_from(url, cache).path
    (archive,) = cache.glob("*.zip")
    ends = {"archive": "", "receipt": ".receipt.json", "part": ".part", "note": ".part.json"}
    path = store if what == "store" else Path(f"{archive}{ends[what]}")
    store.unlink()
    for one in (archive, Path(f"{archive}.receipt.json")):
        if what != "store":
            one.unlink()
    SWAPS[swap](path)
    outside = names(tmp_path) - names(cache)
    try:
        assert holds(vectors_from(url, cache), ROWS)
    except CacheError as error:
        assert str(path) in str(error)  # noqa: PT017
        assert swap != "link to nowhere"
        assert not store.is_file()
    assert names(tmp_path) - names(cache) == outside
    assert not [name for name in names(cache) if name.endswith(".tmp")]


def test_a_link_to_a_file_elsewhere_is_replaced_and_the_file_stays(server: Server, tmp_path: Path) -> None:
    url, cache, elsewhere = server.on("/v.zip", file(BODY)), tmp_path / "cache", tmp_path / "mine"
    store = vectors_from(url, cache).path
    (archive,) = cache.glob("*.zip")
    store.unlink()
    archive.unlink()
    elsewhere.write_bytes(b"something else")
    for path in (archive, Path(f"{archive}.part")):
        path.symlink_to(elsewhere)
        assert holds(vectors_from(url, cache), ROWS)
        assert elsewhere.read_bytes() == b"something else"
        store.unlink()
        archive.unlink()


def test_a_folder_that_is_a_link_is_followed(server: Server, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert holds(vectors_from(server.on("/v.zip", file(BODY)), tmp_path / "link"), ROWS)
    assert len(names(tmp_path / "real")) == 3


@pytest.mark.parametrize("swap", ["link to nowhere", "loop", "file"])
def test_a_cache_folder_that_is_none_is_named(server: Server, tmp_path: Path, swap: str) -> None:
    folder = tmp_path / "cache"
    (SWAPS | {"file": Path.touch})[swap](folder)
    with pytest.raises(CacheError, match=r"cache: this cache folder cannot be written"):
        vectors_from(server.on("/v.zip", file(BODY)), folder)
    assert not (tmp_path / "nowhere").exists()


def test_a_quota_is_told_as_one(tmp_path: Path) -> None:
    from torchvectors.cache import replacing

    def over() -> None:
        with replacing(tmp_path / "file") as temporary:
            temporary.write_bytes(b"half")
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    text = said(over)
    assert "Disk quota exceeded" in text
    assert "4 bytes of it were written" in text
    assert "less any quota" in text
    assert names(tmp_path) == set()
