"""A name, a path or a URL → an open store, with real archives, a real server and real processes."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import warnings
import zipfile
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servers import Reply, Seen, Server, file
from test_archive import packed, zipped

import torchvectors
from torchvectors.acquire import acquire
from torchvectors.catalog import Archive, Digest, Entry, Member
from torchvectors.download import receipt_of
from torchvectors.errors import (
    ArchiveError,
    CacheError,
    DigestError,
    DownloadError,
    MemberError,
    NotFoundError,
    OfflineError,
    ParseError,
    StoreError,
    UnknownDimError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from torchvectors.catalog import Kind
    from torchvectors.progress import Progress
    from torchvectors.store import Store

REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "glove.6B.50d.zip"

SETTINGS = ("TORCHVECTORS_HOME", "TORCHVECTORS_MIRROR", "TORCHVECTORS_OFFLINE", "HTTP_PROXY", "http_proxy")


@pytest.fixture(autouse=True)
def _a_machine_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setenv("TORCHVECTORS_HOME", str(tmp_path / "home"))


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def text(seed: int, n: int = 20, dim: int = 3) -> bytes:
    """Return n rows of text, others for each seed, and of a size that depends on n and dim alone."""
    numbers = np.random.default_rng(seed).integers(100_000, 1_000_000, (n, dim))
    return b"".join(
        b"t%05d " % i + b" ".join(b"-0.%d" % x for x in row) + b"\n" for i, row in enumerate(numbers)
    )


def parsed(body: bytes) -> tuple[list[str], np.ndarray[Any, np.dtype[np.float32]]]:
    """Read rows of text as torchtext does: ``float()``, then float32."""
    rows = [line.rstrip().split(b" ") for line in body.splitlines()]
    numbers = [[float(field) for field in fields] for _, *fields in rows]
    return [token.decode() for token, *_ in rows], np.array(numbers, np.float64).astype(np.float32)


def holds(store: Store, body: bytes) -> bool:
    """Say whether a store holds these rows of text, bit for bit."""
    tokens, rows = parsed(body)
    found = store.rows(np.arange(len(store)))
    return list(store.tokens()) == tokens and found.shape == rows.shape and found.tobytes() == rows.tobytes()


def sha256(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def put(path: Path, body: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    return path


def visible(folder: Path) -> set[str]:
    """Return what lies in a folder under names that do not begin with a dot."""
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}


def stores(folder: Path) -> set[str]:
    return {name for name in visible(folder) if name.endswith(".safetensors")}


def listing(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Return everything in a folder with its inode, size and time of change."""
    states = {path: path.stat() for path in [folder, *folder.rglob("*")]}
    return {str(path): (one.st_ino, one.st_size, one.st_ctime_ns) for path, one in states.items()}


opened: list[str] = []
watched = threading.local()


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if event.startswith("socket.") and getattr(watched, "on", False):
        opened.append(event)


sys.addaudithook(_watch)


@contextmanager
def no_socket() -> Iterator[None]:
    """See to it that this thread opens no socket."""
    opened.clear()
    watched.on = True
    try:
        yield
    finally:
        watched.on = False
    assert opened == []


# The real file


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Callable[[], Store], Server]]:
    """Fetch the official file over HTTP, once: its store, the call that opened it, and the server."""
    if not REAL.is_file():
        pytest.skip("needs ../shared/data/glove.6B.50d.zip")
    body = REAL.read_bytes()
    with Server() as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("NO_PROXY", "127.0.0.1")
        patch.delenv("TORCHVECTORS_OFFLINE", raising=False)
        call = partial(
            acquire,
            "glove.6B.50d.txt",
            url=server.on("/some/where/glove.6B.50d.zip", file(body)),
            checksum=sha256(body),
            cache=tmp_path_factory.mktemp("official"),
        )
        yield call(), call, server


def compare_with_the_official_file(store: Store, step: int) -> int:
    """Compare every so many rows with what ``float()`` makes of them; return how many."""
    compared = 0
    tokens = store.tokens()
    with zipfile.ZipFile(REAL) as archive, archive.open("glove.6B.50d.txt") as lines:
        rows: list[list[float]] = []
        for row, line in enumerate(lines):
            token, _, numbers = line.rstrip().partition(b" ")
            assert next(tokens).encode() == token
            if row % step == 0:
                rows.append([float(number) for number in numbers.split(b" ")])
            if len(rows) == 10_000 or row == len(store) - 1:
                expected = np.array(rows, np.float64).astype(np.float32)
                places = np.arange(compared, compared + len(rows)) * step
                assert store.rows(places).tobytes() == expected.tobytes()
                compared += len(rows)
                rows.clear()
    assert row + 1 == len(store)
    return compared


def test_the_official_file_comes_over_http_and_is_right(
    official: tuple[Store, Callable[[], Store], Server],
) -> None:
    store, _, server = official
    assert (len(store), store.dim) == (400_000, 50)
    assert compare_with_the_official_file(store, 20) == 20_000
    assert store.metadata["source"] == server.url("/some/where/glove.6B.50d.zip")
    assert store.metadata["source_digest"] == sha256(REAL.read_bytes())
    assert store.metadata["verified"] == "True"
    store.verify()


def test_every_number_of_the_official_file_is_torchtexts_bit_for_bit(
    official: tuple[Store, Callable[[], Store], Server],
) -> None:
    assert compare_with_the_official_file(official[0], 1) == 400_000


def test_the_second_use_asks_nobody_and_makes_nothing(
    official: tuple[Store, Callable[[], Store], Server],
) -> None:
    store, call, server = official
    before = listing(store.path.parent)
    with no_socket():
        again = call()
    assert again.path == store.path
    assert listing(store.path.parent) == before
    assert len(server.log) == 1


@pytest.mark.slow
def test_the_official_text_in_another_zip_is_the_official_file(cache: Path) -> None:
    if not REAL.is_file():
        pytest.skip("needs ../shared/data/glove.6B.50d.zip")
    cache.mkdir()
    (cache / "glove.6B.zip").symlink_to(REAL)
    with no_socket():
        store = acquire("glove.6B.50d", cache=cache)  # a warning would be an error here
    assert store.metadata["verified"] == "True"
    assert len(store) == 400_000


def test_a_users_archive_that_was_replaced_is_read_anew(cache: Path) -> None:
    cache.mkdir()
    (cache / "v.zip").write_bytes(packed("v.zip", {"v.txt": b"a 1 2\n"}))
    url = "http://127.0.0.1:9/v.zip"
    with no_socket():
        assert len(acquire("v.txt", url=url, cache=cache)) == 1
        (cache / "v.zip").write_bytes(packed("v.zip", {"v.txt": b"a 1 2\nb 3 4\n"}))
        assert len(acquire("v.txt", url=url, cache=cache)) == 2
        (cache / "v.zip").unlink()
        assert len(acquire("v.txt", url=url, cache=cache)) == 2


@pytest.mark.parametrize("max_vectors", [None, 5, 5_000])
def test_a_cut_text_is_found_out_wherever_its_end_is_read(cache: Path, max_vectors: int | None) -> None:
    whole = b"".join(b"w%d 0.125 0.25 0.5\n" % i for i in range(100))
    entry = tiny(None, whole)
    put(cache / "tiny.3d.txt", whole[:-2])
    if max_vectors == 5:  # the end is not read, so nothing is known of it
        assert len(acquire("tiny.3d", cache=cache, entry=entry, max_vectors=max_vectors)) == 5
        return
    with pytest.raises(ParseError, match="ends in the middle of a row"):
        acquire("tiny.3d", cache=cache, entry=entry, max_vectors=max_vectors)


def test_a_wrong_file_on_a_mirror_is_never_kept_for_hearsays_sake(
    server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right, wrong = zipped({"tiny.3d.txt": text(1)}), zipped({"tiny.3d.txt": text(2)})
    entry = tiny(right, None, server.on("/gone/tiny.zip", Reply(status=404)), strict=False, sized=False)
    server.on("/mirror/tiny.zip", file(wrong))
    monkeypatch.setenv("TORCHVECTORS_MIRROR", server.url("/mirror"))
    with pytest.raises(DownloadError, match="404"):
        acquire("tiny.3d", cache=cache, entry=entry)
    assert not (cache / "tiny.zip").exists()


# Small files in every kind of archive

CONTAINERS = [
    "stored.zip",
    "v.zip",
    "v.tar",
    "v.tar.gz",
    "v.tgz",
    "v.tar.xz",
    "v.txt.gz",
    "v.txt.xz",
    "v.txt",
]


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("promised", [True, False], ids=["with its digest", "without"])
def test_every_kind_of_archive_is_fetched_and_read(
    server: Server, cache: Path, container: str, promised: bool
) -> None:
    body = packed(container, {"sub/folder/v.txt": text(1), "README": b"read me"})
    url = server.on(f"/{container}", file(body))
    store = acquire("v.txt", url=url, checksum=sha256(body) if promised else None, cache=cache)
    assert holds(store, text(1))
    assert store.metadata["verified"] == str(promised)
    assert store.metadata["source_digest"] == sha256(body)
    assert store.path.parent == cache
    with no_socket():
        assert (
            acquire("v.txt", url=url, checksum=sha256(body) if promised else None, cache=cache).path
            == store.path
        )


@pytest.mark.parametrize("container", CONTAINERS)
def test_every_kind_of_archive_of_ones_own_is_read(tmp_path: Path, cache: Path, container: str) -> None:
    path = put(tmp_path / container, packed(container, {"sub/v.txt": text(1)}))
    with no_socket():
        assert holds(acquire(path, cache=cache), text(1))
    assert visible(tmp_path) >= {container}
    assert stores(cache)


def test_a_missing_member_is_named_with_those_there_are_and_the_archive_is_kept(
    server: Server, cache: Path
) -> None:
    url = server.on("/v.zip", file(zipped({"a/v.txt": text(1), "w.txt": text(2)})))
    with pytest.raises(
        MemberError, match=r"there is no 'x\.txt' in this archive\. It holds: a/v\.txt, w\.txt\."
    ):
        acquire("x.txt", url=url, cache=cache)
    assert holds(acquire("w.txt", url=url, cache=cache), text(2))
    assert holds(acquire("a/v.txt", url=url, cache=cache), text(1))
    assert len(server.log) == 1


def test_an_archive_of_several_files_cannot_be_opened_as_one(tmp_path: Path, cache: Path) -> None:
    path = put(tmp_path / "v.zip", zipped({"v.txt": text(1), "w.txt": text(2)}))
    with pytest.raises(
        MemberError, match=r"2 files to choose from.*v\.txt, w\.txt\. Unpack the one you want"
    ):
        acquire(path, cache=cache)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.data(), container=st.sampled_from([one for one in CONTAINERS if one not in ("v.tar", "v.txt")])
)
def test_every_cut_of_an_archive_is_an_error_and_makes_no_store(
    cache: Path, data: st.DataObject, container: str
) -> None:
    body = packed(container, {"v.txt": text(1)})
    cut = data.draw(st.integers(0, len(body) - 1), label="cut")
    path = put(cache / container, body[:cut])
    with pytest.raises(ArchiveError, match=container):
        acquire(path, cache=cache)
    assert stores(cache) == set()
    assert not [one for one in cache.iterdir() if one.name.endswith(".tmp")]


@pytest.mark.parametrize(
    ("body", "error", "says"),
    [
        (b"", ParseError, r"v\.txt: there is no row"),
        (b"a 1 2\nb 1\n", ParseError, r"v\.txt:2: .*has 1 dimensions"),
        (b"a 1 2\nb 1 x\n", ParseError, r"v\.txt:2: could not convert string to float: 'x'"),
        (b"<!DOCTYPE html>\n<html>", ParseError, r"v\.txt:1: "),
        (b"\x80\0\0\0", ParseError, "binary file"),
    ],
)
def test_what_is_no_vector_file_is_an_error_and_makes_no_store(
    cache: Path, body: bytes, error: type[Exception], says: str
) -> None:
    put(cache / "v.txt", body)
    with pytest.raises(error, match=says):
        acquire("v.txt", cache=cache)
    assert visible(cache) == {"v.txt"}


def test_a_page_saved_as_an_archive_is_an_error(cache: Path) -> None:
    path = put(cache / "v.zip", b"<!DOCTYPE html><title>Log in</title>")
    with pytest.raises(ArchiveError, match=r"v\.zip: this is no archive.*web page"):
        acquire("v.txt", url="http://127.0.0.1:1/v.zip", cache=cache)
    assert path.exists()


def test_a_page_served_as_an_archive_is_never_kept(server: Server, cache: Path) -> None:
    url = server.on(
        "/v.zip", Reply(body=b"<!DOCTYPE html><title>Log in</title>"), file(zipped({"v.txt": text(1)}))
    )
    with pytest.raises(DownloadError, match=r"an HTML page \('Log in'\)"):
        acquire("v.txt", url=url, cache=cache)
    assert visible(cache) == set()
    assert holds(acquire("v.txt", url=url, cache=cache), text(1))


# Where it is looked for, and in what order


def test_the_nearest_source_wins(server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served, url = text(0), server.on("/v.zip", file(zipped({"v.txt": text(0)})))
    call = partial(acquire, "v.txt", url=url, cache=cache)

    def forget() -> None:
        for name in stores(cache):
            (cache / name).unlink()

    assert holds(call(), served)
    forget()
    assert holds(call(), served)  # from the archive that was fetched
    assert len(server.log) == 1
    forget()
    put(cache / "v.zip", zipped({"v.txt": text(1)}))
    assert holds(call(), text(1))  # the user's own archive
    put(cache / "v.zip", zipped({"v.txt": text(2)}))
    assert holds(call(), text(2))  # read anew, since it was replaced
    (cache / "v.zip").unlink()
    assert holds(call(), text(2))  # the store
    put(cache / "v.txt", text(3))
    assert holds(call(), text(3))  # the user's own file in the cache folder
    put(Path("v.txt"), text(4))
    assert holds(call(), text(4))  # and at the path
    assert len(server.log) == 1


@pytest.mark.parametrize("what", ["v.txt", "v.zip"])
def test_what_lies_in_a_shared_folder_is_used_and_the_folder_left_alone(
    tmp_path: Path, server: Server, what: str
) -> None:
    shared, mine = tmp_path / "shared", tmp_path / "mine"
    put(shared / what, packed(what, {"v.txt": text(1)}))
    before = listing(shared)
    url = server.on("/v.zip", file(b"nobody asks for this"))
    store = acquire("v.txt", url=url, cache=[shared, mine])
    assert holds(store, text(1))
    assert store.path.parent == mine
    assert acquire("v.txt", url=url, cache=[shared, mine]).path == store.path
    assert listing(shared) == before
    assert server.log == []


def test_stores_and_archives_that_were_made_in_a_shared_folder_are_used(
    tmp_path: Path, server: Server
) -> None:
    shared, mine = tmp_path / "shared", tmp_path / "mine"
    url = server.on("/v.zip", file(zipped({"v.txt": text(1), "w.txt": text(2)})))
    made = acquire("v.txt", url=url, cache=shared)
    before = listing(shared)
    with no_socket():
        assert acquire("v.txt", url=url, cache=[shared, mine]).path == made.path
        assert not mine.exists()
        assert acquire("w.txt", url=url, cache=[shared, mine]).path.parent == mine
    assert listing(shared) == before


def test_what_is_nowhere_goes_into_the_last_folder(tmp_path: Path, server: Server) -> None:
    shared, mine = tmp_path / "shared", tmp_path / "mine"
    shared.mkdir()
    before = listing(shared)
    store = acquire("v.txt", url=server.on("/v.zip", file(zipped({"v.txt": text(1)}))), cache=[shared, mine])
    assert store.path.parent == mine
    assert listing(shared) == before


# What the user has, and what is published


def tiny(
    archive: bytes | None,
    body: bytes | None,
    *urls: str,
    kind: Kind = "zip",
    strict: bool = True,
    dead: bool = False,
    sized: bool = True,
) -> Entry:
    """Return a catalog entry for one member ``tiny.3d.txt``; None is what nobody published."""

    def digests(known: bytes | None) -> tuple[Digest, ...]:
        return () if known is None else (Digest.parse(sha256(known)),)

    member = Member(
        name="tiny.3d.txt",
        dim=3,
        nbytes=len(body) if body is not None and sized else None,
        digests=digests(body),
        strict=strict and body is not None,
    )
    addresses = urls or ("https://nobody.invalid/tiny.zip",)
    whole = Archive(
        name="tiny",
        family="tests",
        kind=kind,
        urls=() if dead else addresses,
        dead_urls=addresses if dead else (),
        nbytes=len(archive) if archive is not None and sized else None,
        digests=digests(archive),
        strict=strict and archive is not None,
        members=(member,),
        licence="PDDL-1.0",
    )
    return Entry(name="tiny.3d", archive=whole, member=member)


TEXT, OTHER = text(1), text(2)
ARCHIVE = zipped({"tiny.3d.txt": TEXT})


def one_warning(call: Callable[[], Store]) -> tuple[Store, str]:
    """Return what a call gives, and the text of the one warning that it gives at its caller's line."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        store = call()
    (warning,) = caught
    assert warning.category is UserWarning
    assert warning.filename == __file__
    return store, str(warning.message)


def test_a_published_archive_of_ones_own_is_used_in_silence(cache: Path) -> None:
    put(cache / "tiny.zip", ARCHIVE)
    with no_socket():
        store = acquire("tiny.3d", entry=tiny(ARCHIVE, TEXT), cache=cache)
    assert holds(store, TEXT)
    assert store.path == cache / "tiny.3d.safetensors"
    assert store.metadata["verified"] == "True"
    assert store.metadata["source_digest"] == sha256(ARCHIVE)
    assert store.metadata["licence"] == "PDDL-1.0"


def test_a_published_text_of_ones_own_is_used_in_silence(cache: Path) -> None:
    put(cache / "tiny.3d.txt", TEXT)
    store = acquire("tiny.3d", entry=tiny(ARCHIVE, TEXT), cache=cache)
    assert holds(store, TEXT)
    assert store.metadata["verified"] == "True"


def test_the_published_text_in_an_archive_of_ones_own_is_used_in_silence(cache: Path) -> None:
    put(cache / "tiny.zip", zipped({"mine/tiny.3d.txt": TEXT, "notes": b""}))
    store = acquire("tiny.3d", entry=tiny(ARCHIVE, TEXT), cache=cache)
    assert holds(store, TEXT)
    assert store.metadata["verified"] == "True"


@pytest.mark.parametrize("what", ["tiny.zip", "tiny.3d.txt"])
@pytest.mark.parametrize("strict", [True, False])
def test_another_file_of_ones_own_is_used_with_one_warning_that_names_both_and_the_cure(
    cache: Path, what: str, strict: bool
) -> None:
    path = put(cache / what, packed(what, {"tiny.3d.txt": OTHER}))
    call = partial(acquire, "tiny.3d", entry=tiny(ARCHIVE, TEXT, strict=strict), cache=cache)
    store, said = one_warning(call)
    assert holds(store, OTHER)
    assert store.metadata["verified"] == "False"
    assert str(path) in said
    assert f"{sha256(OTHER)} ({len(OTHER):,} bytes)" in said
    assert f"{sha256(TEXT)} ({len(TEXT):,} bytes)" in said
    assert f"delete this file and {store.path}" in said
    assert call().path == store.path  # a second warning would be an error here

    path.unlink()  # the cure works
    store.path.unlink()
    put(cache / "tiny.zip", ARCHIVE)
    assert holds(call(), TEXT)


def test_another_file_of_another_dim_is_told_so(cache: Path) -> None:
    put(cache / "tiny.3d.txt", text(4, dim=4))
    store, said = one_warning(lambda: acquire("tiny.3d", entry=tiny(ARCHIVE, TEXT), cache=cache))
    assert store.dim == 4
    assert "Its rows have 4 numbers, and those of the published one 3." in said


def test_another_archive_is_told_by_its_own_digest_where_its_text_has_none(cache: Path) -> None:
    path, other = cache / "tiny.zip", zipped({"tiny.3d.txt": OTHER})
    put(path, other)
    store, said = one_warning(lambda: acquire("tiny.3d", entry=tiny(ARCHIVE, None), cache=cache))
    assert holds(store, OTHER)
    assert f"{path} is not the published file: it has {sha256(other)}" in said
    assert sha256(ARCHIVE) in said


@pytest.mark.parametrize("what", ["tiny.zip", "tiny.3d.txt"])
def test_another_size_is_told_where_no_digest_is_known(cache: Path, what: str) -> None:
    mine, longer = packed(what, {"tiny.3d.txt": OTHER}), text(3, n=21)
    published = tiny(zipped({"tiny.3d.txt": longer}), longer if what == "tiny.3d.txt" else None)
    member = replace(published.member, digests=(), strict=False)
    archive = replace(published.archive, digests=(), strict=False, members=(member,))
    put(cache / what, mine)
    call = partial(
        acquire, "tiny.3d", entry=Entry(name="tiny.3d", archive=archive, member=member), cache=cache
    )
    store, said = one_warning(call)
    assert holds(store, OTHER)
    published_size = archive.nbytes if what == "tiny.zip" else member.nbytes
    assert f"it has {len(mine):,} bytes, and the published one {published_size:,} bytes." in said


def test_what_nobody_described_is_used_in_silence(cache: Path) -> None:
    put(cache / "tiny.zip", zipped({"tiny.3d.txt": OTHER}))
    store = acquire("tiny.3d", entry=tiny(None, None), cache=cache)
    assert store.metadata["verified"] == "False"


def test_a_copy_without_its_last_newline_is_another_file_and_not_a_cut_one(cache: Path) -> None:
    put(cache / "tiny.3d.txt", TEXT[:-1])
    store, said = one_warning(lambda: acquire("tiny.3d", entry=tiny(ARCHIVE, TEXT), cache=cache))
    assert holds(store, TEXT)
    assert "is not the published file" in said


@pytest.mark.parametrize("body", [TEXT, OTHER], ids=["published", "another"])
def test_of_a_part_of_a_file_nothing_is_said(server: Server, cache: Path, body: bytes) -> None:
    entry = tiny(None, TEXT, server.on("/tiny.zip", file(zipped({"tiny.3d.txt": body}))))
    store = acquire("tiny.3d", entry=entry, cache=cache, max_vectors=5)
    assert holds(store, b"".join(body.splitlines(keepends=True)[:5]))
    assert store.metadata["verified"] == str(body is TEXT)  # so small a file is read whole, and digested


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, len(TEXT) - 2))
def test_every_cut_of_a_text_of_ones_own_is_an_error_or_told(cache: Path, cut: int) -> None:
    put(cache / "tiny.3d.txt", TEXT[:cut])
    call = partial(acquire, "tiny.3d", entry=tiny(ARCHIVE, TEXT), cache=cache)
    if TEXT[:cut].endswith(b"\n"):  # whole rows: perhaps somebody wanted these alone
        store, _ = one_warning(call)
        assert holds(store, TEXT[:cut])
        store.path.unlink()
    else:
        with pytest.raises(ParseError, match=r"tiny\.3d\.txt"):
            call()
        assert stores(cache) == set()


@pytest.mark.parametrize("place", [30, 80, -30])
def test_a_cut_archive_of_ones_own_is_an_error_and_stays(cache: Path, place: int) -> None:
    path = put(cache / "tiny.zip", ARCHIVE[:place])
    with pytest.raises(ArchiveError, match=r"tiny\.zip: this archive is cut short or damaged.*Delete it"):
        acquire("tiny.3d", entry=tiny(ARCHIVE, TEXT), cache=cache)
    assert path.read_bytes() == ARCHIVE[:place]
    assert stores(cache) == set()


def test_an_archive_of_ones_own_that_fails_its_check_sum_is_an_error(cache: Path) -> None:
    body = bytearray(packed("stored.zip", {"tiny.3d.txt": TEXT}))
    body[body.index(b"t00007 ") + 2] ^= 1
    put(cache / "tiny.zip", bytes(body))
    with pytest.raises(ArchiveError, match="CRC"):
        acquire("tiny.3d", entry=tiny(ARCHIVE, TEXT), cache=cache)
    assert stores(cache) == set()


# What we fetched, and what became of it


def spoil(path: Path, place: int = -30) -> None:
    body = bytearray(path.read_bytes())
    body[place] ^= 1
    path.write_bytes(body)


@pytest.mark.parametrize("promised", [True, False])
def test_what_we_fetched_and_has_changed_is_put_aside_and_fetched_afresh(
    server: Server, cache: Path, caplog: pytest.LogCaptureFixture, promised: bool
) -> None:
    body = zipped({"v.txt": text(1), "w.txt": text(2)})
    url = server.on("/v.zip", file(body))
    call = partial(acquire, url=url, checksum=sha256(body) if promised else None, cache=cache)
    call("v.txt")
    (archive,) = cache.glob("*.zip")
    spoil(archive)
    assert holds(call("w.txt"), text(2))
    assert (
        f"{archive}: it has changed since it was fetched. It was renamed to {archive.name}.bad" in caplog.text
    )
    assert archive.read_bytes() == body
    assert archive.with_name(f"{archive.name}.bad").exists()
    assert len(server.log) == 2


def test_what_was_recorded_of_a_first_download_holds_for_the_next(server: Server, cache: Path) -> None:
    url = server.on("/v.zip", file(zipped({"v.txt": text(1), "w.txt": text(2)})))
    acquire("v.txt", url=url, cache=cache)
    (archive,) = cache.glob("*.zip")
    spoil(archive)
    server.on("/v.zip", file(zipped({"v.txt": text(3), "w.txt": text(4)})))
    with pytest.raises(DigestError, match=r"was that of the first download(?s:.*)delete .*receipt\.json"):
        acquire("w.txt", url=url, cache=cache)
    assert not archive.exists()


def test_what_has_changed_in_a_shared_folder_stays_there_and_is_not_used(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shared, mine = tmp_path / "shared", tmp_path / "mine"
    members = {"v.txt": text(1), "w.txt": text(2), "x.txt": text(3)}
    url = server.on("/v.zip", file(zipped(members)))
    acquire("v.txt", url=url, cache=shared)
    (archive,) = shared.glob("*.zip")
    spoil(archive)
    before = listing(shared)
    assert holds(acquire("w.txt", url=url, cache=[shared, mine]), text(2))
    assert "It stays where it is" in caplog.text
    assert holds(acquire("x.txt", url=url, cache=[shared, mine]), text(3))  # from one's own folder
    assert len(server.log) == 2
    assert listing(shared) == before


def test_a_damaged_download_that_nobody_vouches_for_is_put_aside_and_the_next_call_mends_it(
    server: Server, cache: Path
) -> None:
    body = zipped({"v.txt": text(1)})
    cut = file(
        body[:-40], length=None, etag=None
    )  # ends with the connection, so nothing tells that it is cut
    url = server.on("/v.zip", cut, file(body))
    with pytest.raises(
        ArchiveError, match=r"cut short or damaged.*renamed to .*\.zip\.bad, and the next call"
    ):
        acquire("v.txt", url=url, cache=cache)
    assert {Path(name).suffix for name in visible(cache)} == {".bad"}
    assert holds(acquire("v.txt", url=url, cache=cache), text(1))


def test_an_unreadable_text_that_nobody_vouches_for_is_put_aside(server: Server, cache: Path) -> None:
    url = server.on("/v.txt", file(text(1) + b"cut 0.1\n"), file(text(1)))
    with pytest.raises(ParseError, match=r":21: .*\.txt\.bad"):
        acquire("v.txt", url=url, cache=cache)
    assert holds(acquire("v.txt", url=url, cache=cache), text(1))


def test_an_unreadable_text_with_its_published_digest_stays(server: Server, cache: Path) -> None:
    body = text(1) + b"odd 0.1\n"
    url = server.on("/v.txt", file(body))
    for _ in range(2):
        with pytest.raises(ParseError, match=":21: "):
            acquire("v.txt", url=url, checksum=sha256(body), cache=cache)
    (kept,) = cache.glob("*.txt")
    assert kept.read_bytes() == body
    assert len(server.log) == 1


def test_a_damaged_download_in_a_shared_folder_is_named_with_what_to_do(
    server: Server, tmp_path: Path
) -> None:
    shared, mine = tmp_path / "shared", tmp_path / "mine"
    url = server.on("/v.zip", file(zipped({"v.txt": text(1), "w.txt": b"odd\n"})))
    acquire("v.txt", url=url, cache=shared)
    before = listing(shared)
    with pytest.raises(ParseError, match="delete it there, or leave that folder out"):
        acquire("w.txt", url=url, cache=[shared, mine])
    assert listing(shared) == before


def test_a_plain_file_that_we_fetched_is_not_taken_for_the_users_own(
    server: Server, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    entry = tiny(TEXT, TEXT, server.on("/tiny.3d.txt", file(TEXT)), kind="plain")
    store = acquire("tiny.3d", entry=entry, cache=cache)
    assert visible(cache) == {"tiny.3d.txt", "tiny.3d.txt.receipt.json", "tiny.3d.safetensors"}
    with no_socket():
        assert acquire("tiny.3d", entry=entry, cache=cache).path == store.path
    store.path.unlink()
    spoil(cache / "tiny.3d.txt")
    assert holds(acquire("tiny.3d", entry=entry, cache=cache), TEXT)
    assert "it has changed since it was fetched" in caplog.text
    assert len(server.log) == 2


def test_a_fetched_file_that_is_asked_for_by_its_own_name_is_held_to_its_receipt(
    server: Server, cache: Path
) -> None:
    entry = tiny(TEXT, TEXT, server.on("/tiny.3d.txt", file(TEXT)), kind="plain")
    acquire("tiny.3d", entry=entry, cache=cache)
    assert holds(acquire("tiny.3d.txt", cache=cache), TEXT)
    spoil(cache / "tiny.3d.txt")
    with pytest.raises(DigestError, match=rf"tiny\.3d\.txt: this file has the digest .*, not {sha256(TEXT)}"):
        acquire("tiny.3d.txt", cache=cache)


def test_a_strict_digest_is_held_to(server: Server, cache: Path) -> None:
    entry = tiny(ARCHIVE, TEXT, server.on("/tiny.zip", file(zipped({"tiny.3d.txt": OTHER}))))
    with pytest.raises(DigestError, match="what was downloaded is not this file"):
        acquire("tiny.3d", entry=entry, cache=cache)
    assert visible(cache) == set()


def test_a_strict_digest_of_the_text_is_held_to_where_the_archive_has_none(
    server: Server, cache: Path
) -> None:
    entry = tiny(None, TEXT, server.on("/tiny.zip", file(zipped({"tiny.3d.txt": OTHER})), file(ARCHIVE)))
    with pytest.raises(DigestError, match=rf"it has {sha256(OTHER)} .*renamed to tiny\.zip\.bad"):
        acquire("tiny.3d", entry=entry, cache=cache)
    assert visible(cache) == {"tiny.zip.bad"}
    assert holds(acquire("tiny.3d", entry=entry, cache=cache), TEXT)


def test_hearsay_is_told_and_the_file_used(
    server: Server, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = zipped({"tiny.3d.txt": OTHER})
    entry = tiny(ARCHIVE, TEXT, server.on("/tiny.zip", file(found)), strict=False, sized=False)
    store = acquire("tiny.3d", entry=entry, cache=cache)
    assert holds(store, OTHER)
    assert store.metadata["verified"] == "False"
    for digest in (sha256(ARCHIVE), sha256(found), sha256(TEXT), sha256(OTHER)):
        assert digest in caplog.text
    caplog.clear()
    acquire("tiny.3d", entry=entry, cache=cache)
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert len(server.log) == 1


def test_a_wrong_size_is_refused_even_where_the_digest_is_hearsay(server: Server, cache: Path) -> None:
    entry = tiny(ARCHIVE, TEXT, server.on("/tiny.zip", file(ARCHIVE + b"!")), strict=False)
    with pytest.raises(DigestError, match=rf"{len(ARCHIVE) + 1} bytes, and {len(ARCHIVE)} are promised"):
        acquire("tiny.3d", entry=entry, cache=cache)


# Digests of the caller's


def test_an_archive_of_ones_own_is_held_to_the_digest_asked_for(server: Server, cache: Path) -> None:
    mine, theirs = zipped({"v.txt": text(1)}), zipped({"v.txt": text(2)})
    path = put(cache / "v.zip", mine)
    url = server.on("/v.zip", file(theirs))
    with pytest.raises(DigestError) as caught:
        acquire("v.txt", url=url, checksum=sha256(theirs), cache=cache)
    for part in (str(path), sha256(mine), sha256(theirs), f"Delete it to download {url}"):
        assert part in str(caught.value)
    assert path.read_bytes() == mine
    assert server.log == []
    assert holds(acquire("v.txt", url=url, checksum=sha256(mine), cache=cache), text(1))


def test_a_file_of_ones_own_is_held_to_the_digest_asked_for(server: Server, cache: Path) -> None:
    path, url = put(cache / "v.txt", text(1)), server.on("/v.txt", file(text(2)))
    assert holds(acquire("v.txt", url=url, cache=cache), text(1))
    for _ in range(2):  # the store of the call before must not hide it
        with pytest.raises(DigestError, match=rf"{path}: this file has the digest {sha256(text(1))}"):
            acquire("v.txt", url=url, checksum=sha256(text(2)), cache=cache)
    assert holds(acquire("v.txt", url=url, checksum=sha256(text(1)), cache=cache), text(1))
    with no_socket():
        assert holds(acquire("v.txt", url=url, checksum=sha256(text(1)), cache=cache), text(1))


def test_a_digest_that_comes_later_is_held_to_and_one_that_goes_does_no_harm(
    server: Server, cache: Path
) -> None:
    old, new = zipped({"v.txt": text(1)}), zipped({"v.txt": text(2)})
    url = server.on("/v.zip", file(old), file(new))
    assert holds(acquire("v.txt", url=url, cache=cache), text(1))
    assert holds(acquire("v.txt", url=url, checksum=sha256(old), cache=cache), text(1))
    assert len(server.log) == 1
    assert holds(acquire("v.txt", url=url, checksum=sha256(new), cache=cache), text(2))
    assert len(server.log) == 2
    assert not list(cache.glob("*.bad"))  # the former archive was no worse for being another
    for name in stores(cache):
        (cache / name).unlink()
    assert holds(acquire("v.txt", url=url, cache=cache), text(2))


def test_a_wrong_digest_of_the_callers_costs_nothing_that_was_there(server: Server, cache: Path) -> None:
    body = zipped({"v.txt": text(1)})
    url = server.on("/v.zip", file(body))
    acquire("v.txt", url=url, cache=cache)
    before = visible(cache)
    with pytest.raises(DigestError):
        acquire("v.txt", url=url, checksum=sha256(b"a slip of the pen"), cache=cache)
    assert visible(cache) == before


@pytest.mark.parametrize(
    ("checksum", "says"),
    [
        ("sha256:12", "copy the whole digest again"),
        ("crc:1", "give one of sha512"),
        ("", "64"),
        ("x" * 64, "hex"),
    ],
)
def test_what_is_no_digest_is_a_value_error_before_anything_is_done(
    server: Server, cache: Path, checksum: str, says: str
) -> None:
    put(cache / "v.txt", text(1))
    before = visible(cache)
    with pytest.raises(ValueError, match=says):
        acquire("v.txt", url=server.url("/v.zip"), checksum=checksum, cache=cache)
    assert visible(cache) == before
    assert server.log == []


def test_a_digest_of_nothing_is_a_value_error(cache: Path) -> None:
    put(cache / "v.txt", text(1))
    with pytest.raises(ValueError, match=r"the digest of the file at url=, and no url is given"):
        acquire("v.txt", checksum=sha256(text(1)), cache=cache)


def test_a_negative_number_of_vectors_is_a_value_error(cache: Path) -> None:
    with pytest.raises(ValueError, match="max_vectors=-1: give a number from 1 up, or None"):
        acquire("v.txt", max_vectors=-1, cache=cache)


# Dead addresses, mirrors, no network


def test_a_dead_address_says_where_to_put_the_file(cache: Path) -> None:
    entry = tiny(ARCHIVE, TEXT, "http://gone.invalid/files/tiny.zip", dead=True)
    with no_socket(), pytest.raises(NotFoundError) as caught:
        acquire("tiny.3d", entry=entry, cache=cache)
    assert "it was at http://gone.invalid/files/tiny.zip" in str(caught.value)
    assert f"put it at {cache / 'tiny.zip'}" in str(caught.value)
    put(cache / "tiny.zip", ARCHIVE)
    assert holds(acquire("tiny.3d", entry=entry, cache=cache), TEXT)


def test_mirrors_come_first_and_their_files_are_held_to_the_digest(
    server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.on("/bad/tiny.zip", file(zipped({"tiny.3d.txt": OTHER})))
    server.on("/good/tiny.zip", file(ARCHIVE))
    monkeypatch.setenv(
        "TORCHVECTORS_MIRROR", f"{server.url('/bad')} {server.url('/none/')} {server.url('/good')}"
    )
    entry = tiny(ARCHIVE, TEXT, server.on("/tiny.zip", file(ARCHIVE)), sized=False)
    store = acquire("tiny.3d", entry=entry, cache=cache)
    assert holds(store, TEXT)
    assert store.metadata["source"] == server.url("/good/tiny.zip")
    assert [seen.path for seen in server.log] == ["/bad/tiny.zip"] * 2 + ["/none/tiny.zip", "/good/tiny.zip"]


def test_a_mirror_may_have_what_its_publisher_has_not(
    server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.on("/m/tiny.zip", file(ARCHIVE))
    monkeypatch.setenv("TORCHVECTORS_MIRROR", server.url("/m"))
    entry = tiny(ARCHIVE, TEXT, server.on("/tiny.zip", file(ARCHIVE)), dead=True)
    assert holds(acquire("tiny.3d", entry=entry, cache=cache), TEXT)
    assert [seen.path for seen in server.log] == ["/m/tiny.zip"]


def test_offline_nothing_is_asked_and_the_command_is_named(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    entry = tiny(ARCHIVE, TEXT, server.on("/tiny.zip", file(ARCHIVE)))
    monkeypatch.setenv("TORCHVECTORS_OFFLINE", "1")
    with no_socket(), pytest.raises(OfflineError) as caught:
        acquire("tiny.3d", entry=entry)
    assert str(tmp_path / "home" / "tiny.zip") in str(caught.value)
    assert str(caught.value).endswith("The command that fetches it: torchvectors download tiny.3d")

    url = server.url("/my%20v.zip", user="anna:s3cret")
    with no_socket(), pytest.raises(OfflineError) as caught:
        acquire("my v.txt", url=url, checksum=sha256(b"v"), cache=tmp_path / "my cache")
    command = f"torchvectors download 'my v.txt' --url {server.url('/my%20v.zip')} --checksum={sha256(b'v')}"
    assert str(caught.value).endswith(f"{command} --cache '{tmp_path / 'my cache'}'")
    assert "s3cret" not in str(caught.value)
    assert server.log == []

    monkeypatch.setenv("TORCHVECTORS_OFFLINE", "0")
    acquire("tiny.3d", entry=entry)
    monkeypatch.setenv("TORCHVECTORS_OFFLINE", "1")
    assert holds(acquire("tiny.3d", entry=entry), TEXT)


# What is not there


def test_a_missing_file_makes_no_folder_and_opens_no_socket(cache: Path) -> None:
    with no_socket(), pytest.raises(NotFoundError) as caught:
        acquire("my vectors.txt", cache=cache)
    assert isinstance(caught.value, RuntimeError)
    assert isinstance(caught.value, FileNotFoundError)
    both = f"{Path.cwd() / 'my vectors.txt'}, nor at {cache / 'my vectors.txt'}"
    assert str(caught.value).startswith(f"no vectors found at {both}.")
    assert "Give the path of a file, a url=, or a name of the catalog" in str(caught.value)
    assert not cache.exists()


@pytest.mark.parametrize("name", ["", "x" * 300, "nul\0.txt", "/", ".", "no/such/folder/v.txt"])
def test_names_that_no_file_can_have_are_of_no_file(cache: Path, name: str) -> None:
    with no_socket(), pytest.raises(NotFoundError, match="no vectors found at"):
        acquire(name, cache=cache)
    assert not cache.exists()


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("glove.6B.50d.txt", "'glove.6B.50d'"),
        ("glove.6b.50d", "'glove.6B.50d'"),
        ("wiki.en.vec", "'wiki.en'"),
    ],
)
def test_a_name_that_the_catalog_nearly_knows_is_told_its_neighbours(
    cache: Path, name: str, near: str
) -> None:
    with no_socket(), pytest.raises(NotFoundError, match=f"Did you mean {near}"):
        acquire(name, cache=cache)
    assert not cache.exists()


def test_a_dim_that_there_is_not_is_told_those_there_are(cache: Path) -> None:
    with no_socket(), pytest.raises(UnknownDimError, match="50, 100, 200, 300"):
        acquire("glove.6B.51d", cache=cache)
    assert not cache.exists()


@pytest.mark.parametrize("url", [None, "/v.zip"])
def test_a_folder_that_cannot_be_written_is_named_with_the_cure(
    server: Server, tmp_path: Path, url: str | None
) -> None:
    mine = put(tmp_path / "v.txt", text(1)) if url is None else Path("v.txt")
    blocked = put(tmp_path / "cache", b"a file stands in the folder's place")
    address = None if url is None else server.on(url, file(zipped({"v.txt": text(1)})))
    for folder in (blocked, blocked / "deeper"):
        with pytest.raises(
            CacheError, match=rf"{folder}: this cache folder cannot be written.*cache=…"
        ) as caught:
            acquire(mine, url=address, cache=folder)
        assert isinstance(caught.value, OSError)
    assert server.log == []


# Whose store is whose


def test_a_text_that_has_changed_is_read_anew(cache: Path) -> None:
    path = put(cache / "v.txt", text(1))
    first = acquire("v.txt", cache=cache)
    put(path, text(2))
    os.utime(path, ns=(1, 10**9))  # as large as before, and older than its store
    assert holds(acquire("v.txt", cache=cache), text(2))
    assert holds(first, text(1))  # whoever has it open keeps it
    put(path, text(3, n=21))
    assert holds(acquire("v.txt", cache=cache), text(3, n=21))
    assert len(stores(cache)) == 1


@pytest.mark.parametrize("place", ["cache", "elsewhere"])
def test_a_store_outlives_its_text(tmp_path: Path, cache: Path, place: str) -> None:
    path = put(tmp_path / place / "v.txt", text(1))
    names: list[str | Path] = ["v.txt", path]
    made = [acquire(name, cache=cache).path for name in names]
    path.unlink()
    with no_socket():
        assert [acquire(name, cache=cache).path for name in names] == made
        with pytest.raises(NotFoundError):
            acquire("w.txt", cache=cache)


def test_a_cache_folder_can_be_moved(tmp_path: Path, cache: Path) -> None:
    put(cache / "v.txt", text(1))
    made = acquire("v.txt", cache=cache).path
    moved = cache.rename(tmp_path / "moved")
    with no_socket():
        assert acquire("v.txt", cache=moved).path == moved / made.name
    assert len(stores(moved)) == 1


def test_files_of_one_name_in_two_folders_are_two(tmp_path: Path, cache: Path) -> None:
    paths = [put(tmp_path / folder / "v.txt", text(seed)) for seed, folder in enumerate("ab")]
    for path in paths:
        os.utime(path, ns=(10**18, 10**18))
    made = [acquire(path, cache=cache).path for path in paths]
    for gone in (False, True):
        for seed, path in enumerate(paths):
            if gone:
                path.unlink()
            store = acquire(path, cache=cache)
            assert holds(store, text(seed))
            assert store.path == made[seed]


def test_files_of_one_name_in_two_cache_folders_are_two(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    paths = [put(folder / "v.txt", text(seed)) for seed, folder in enumerate(folders)]
    for path in paths:
        os.utime(path, ns=(10**18, 10**18))
    for seed in (0, 1, 0):
        assert holds(acquire(paths[seed], cache=folders), text(seed))


def test_a_stale_store_in_a_shared_folder_does_not_hide_ones_own(tmp_path: Path) -> None:
    shared, mine = tmp_path / "shared", tmp_path / "mine"
    path = put(shared / "v.txt", text(1))
    acquire("v.txt", cache=shared)
    put(path, text(2, n=21))
    store = acquire("v.txt", cache=[shared, mine])
    before = listing(mine)
    assert holds(acquire("v.txt", cache=[shared, mine]), text(2, n=21))
    assert listing(mine) == before
    assert store.path.parent == mine


@pytest.mark.parametrize("name", ["v.zip", "v.txt"])
def test_files_of_one_name_at_two_addresses_are_two(server: Server, cache: Path, name: str) -> None:
    urls = [server.on(f"/{seed}/{name}", file(packed(name, {"v.txt": text(seed)}))) for seed in range(2)]
    for _ in range(2):
        for seed, url in enumerate(urls):
            assert holds(acquire("v.txt", url=url, cache=cache), text(seed))
    assert len(server.log) == 2


def test_what_was_fetched_for_the_catalog_is_not_taken_for_another_address(
    server: Server, cache: Path
) -> None:
    entry = tiny(ARCHIVE, TEXT, server.on("/tiny.zip", file(ARCHIVE)))
    acquire("tiny.3d", entry=entry, cache=cache)
    url = server.on("/mine/tiny.zip", file(zipped({"tiny.3d.txt": OTHER})))
    assert holds(acquire("tiny.3d.txt", url=url, cache=cache), OTHER)
    assert holds(acquire("tiny.3d", entry=entry, cache=cache), TEXT)


def test_a_query_makes_another_address(server: Server, cache: Path) -> None:
    def by_query(seen: Seen) -> Reply:
        return file(text(int(seen.path[-1])))(seen)

    url = server.on("/download", by_query)
    for seed in (1, 2, 1):
        assert holds(acquire("v.txt", url=f"{url}?id={seed}", cache=cache), text(seed))
    assert len(server.log) == 2


def test_so_many_vectors_have_a_store_of_their_own(server: Server, cache: Path) -> None:
    url = server.on("/v.zip", file(zipped({"v.txt": text(1)})))
    put(cache / "mine.txt", text(2))
    calls: list[Callable[..., Store]] = [
        partial(acquire, "v.txt", url=url, cache=cache),
        partial(acquire, "mine.txt", cache=cache),
    ]
    for seed, call in enumerate(calls, 1):
        body = text(seed).splitlines(keepends=True)
        found = {n: call(max_vectors=n) for n in (7, None, 3, 0, 99)}
        for n, store in found.items():
            assert holds(store, b"".join(body[: n or None]))
        assert found[0].path == found[None].path
        assert len({store.path for store in found.values()}) == 4
        assert call(max_vectors=7).path == found[7].path
    assert len(server.log) == 1


NAMES = [
    "my vectors.txt",
    "wörter 词.vec",
    "a'b\"c;d.txt",
    "%41&?.txt",
    "sub/deep er/v.txt",
    f"{'词' * 70}.txt",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_may_be_what_people_call_things(server: Server, tmp_path: Path, cache: Path, name: str) -> None:
    path = put(tmp_path / "elsewhere" / name, text(1))
    assert holds(acquire(path, cache=cache), text(1))
    assert holds(acquire(name, cache=cache), text(1))
    path.unlink()
    put(cache / name, text(2))
    assert holds(acquire(name, cache=cache), text(2))
    (cache / name).unlink()

    from urllib.parse import quote

    body = zipped({name: text(3)})
    zip_name = f"{Path(name).stem}.zip"
    address = server.on(f"/{quote(zip_name)}", file(body))
    assert holds(acquire(name, url=address, cache=[cache, tmp_path / "fetched"]), text(3))
    assert len(server.log) == 1
    inside = [one for one in (tmp_path / "fetched").iterdir() if one.is_dir() and one.name != ".locks"]
    assert inside == []  # no folder is made of a name


@pytest.mark.parametrize(
    "last",
    ["nul%00.zip", f"{'x' * 250}.zip", f"v.{'y' * 250}", "%5C..%5Cv%3A.zip", "a%2Fb%0A.zip", "%FF.", ""],
)
def test_a_url_may_end_in_what_no_file_can_be_called(server: Server, cache: Path, last: str) -> None:
    acquire("v.txt", url=server.on(f"/{last}", file(zipped({"v.txt": text(1)}))), cache=cache)
    names = {path.name for path in cache.iterdir()}
    assert len(names) == 4  # the archive, its receipt, the store and the locks
    for name in names:
        assert not set(name) & set('<>:"/\\|?*\n\0')  # none of which Windows takes
        assert len(name) < 230  # there is room for what else a download needs beside it


@pytest.mark.parametrize("name", ["half a \ud800 pair.txt", "nul\0.txt"])
def test_a_name_that_is_no_text_is_that_of_no_member(server: Server, cache: Path, name: str) -> None:
    url = server.on("/v.zip", file(zipped({"v.txt": text(1)})))
    with pytest.raises(MemberError, match=r"It holds: v\.txt\. Name one of these\."):
        acquire(name, url=url, cache=cache)
    with pytest.raises(NotFoundError, match="no vectors found"):
        acquire(name, cache=cache)


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("v-", r"\.zip\.part: it was removed while it came here"),
        ("v.txt-", "what was written of it was removed"),
    ],
)
def test_a_folder_that_is_cleaned_while_something_is_made_in_it_is_an_error(
    server: Server, cache: Path, title: str, said: str
) -> None:
    body = zipped({"v.txt": text(1, n=6_000, dim=20)})
    url = server.on("/v.zip", file(body))

    @contextmanager
    def bars(what: str) -> Iterator[Progress]:
        def clean(done: int, total: int | None) -> None:
            for path in filter(Path.is_file, cache.iterdir()):
                if what.startswith(title):
                    path.unlink()

        yield clean

    with pytest.raises(CacheError, match=f"{said}.*Begin again") as caught:
        acquire("v.txt", url=url, cache=cache, bars=bars)
    assert "It needs" not in str(caught.value)
    assert [path.name for path in cache.iterdir()] == [".locks"]
    assert holds(acquire("v.txt", url=url, cache=cache), text(1, n=6_000, dim=20))


def test_a_store_of_ones_own_is_opened_as_it_is(cache: Path, tmp_path: Path) -> None:
    put(cache / "v.txt", text(1))
    made = acquire("v.txt", cache=cache).path
    mine = put(tmp_path / "mine.safetensors", made.read_bytes())
    assert acquire(mine, cache=cache).path == mine
    put(mine, b"no store")
    with pytest.raises(StoreError, match=r"mine\.safetensors"):
        acquire(mine, cache=cache)


# Many at once, and those that die at it


ZYGOTE = """
import json, os, signal, sys
from contextlib import contextmanager
from pathlib import Path
from torchvectors.acquire import acquire

signal.signal(signal.SIGCHLD, signal.SIG_IGN)

def say(**what):
    os.write(1, json.dumps({"pid": os.getpid(), **what}).encode() + b"\\n")

@contextmanager
def bars(title):
    def report(done, total):
        if stop and title.startswith(stop) == begins and done:
            say(at=title)
            signal.pause()
    yield report

say(at="start")
for line in sys.stdin:
    jobs = json.loads(line)
    wait, go = os.pipe()
    for job in jobs:
        if os.fork():
            continue
        os.close(go)
        os.read(wait, 1)
        stop, begins = job.pop("stop", None), job.pop("begins", True)
        try:
            store = acquire(**job, bars=bars)
            state = store.path.stat()
            say(inode=state.st_ino, mtime=state.st_mtime_ns, checksum=store.checksum, path=str(store.path))
        except BaseException as error:
            say(error=repr(error))
        os._exit(0)
    os.close(wait)
    os.close(go)  # all of them read on at once
"""


class Herd:
    """Processes that each acquire something, all at once: forked from one that has imported the package."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def start(self, *jobs: Mapping[str, object]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(jobs) + "\n")
        self._process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        """Wait for what one of them says next."""
        assert self._process.stdout is not None
        said: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert "error" not in said, said
        return said


@pytest.fixture(scope="module")
def herd() -> Iterator[Herd]:
    environment = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    environment |= {"PYTHONPATH": str(Path(torchvectors.__file__).parents[1]), "NO_PROXY": "127.0.0.1"}
    with subprocess.Popen(
        [sys.executable, "-c", ZYGOTE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        herd = Herd(process)
        herd.hear()
        yield herd


MANY = text(1, n=10_000, dim=10)
FEW = text(2, n=10_000, dim=5)


def test_processes_that_want_the_same_at_once_make_it_once(server: Server, cache: Path, herd: Herd) -> None:
    body = zipped({"v.txt": MANY})
    job = {
        "name": "v.txt",
        "url": server.on("/v.zip", file(body)),
        "cache": str(cache),
        "checksum": sha256(body),
    }
    herd.start(*[job] * 8)
    said = [herd.hear() for _ in range(8)]
    assert len({one.pop("pid") for one in said}) == 8
    assert said == [said[0]] * 8  # one inode, one time: it was made once
    assert len(server.log) == 1
    assert holds(acquire(**job), MANY)  # type: ignore[arg-type]  # as named there
    assert len(visible(cache)) == 3  # archive, receipt and store


def test_processes_that_want_the_same_text_at_once_read_it_once(cache: Path, herd: Herd) -> None:
    put(cache / "v.txt", MANY)
    herd.start(*[{"name": "v.txt", "cache": str(cache)}] * 8)
    assert len({(one["inode"], one["mtime"]) for one in (herd.hear() for _ in range(8))}) == 1


def test_two_dims_of_one_archive_at_once_are_one_download(server: Server, cache: Path, herd: Herd) -> None:
    url = server.on("/v.zip", file(zipped({"many.txt": MANY, "few.txt": FEW})))
    herd.start(*[{"name": name, "url": url, "cache": str(cache)} for name in ("many.txt", "few.txt")] * 3)
    said = [herd.hear() for _ in range(6)]
    assert len({one["checksum"] for one in said}) == len({one["inode"] for one in said}) == 2
    assert len(server.log) == 1
    assert holds(acquire("few.txt", url=url, cache=cache), FEW)


def test_threads_that_want_the_same_at_once_make_it_once(server: Server, cache: Path) -> None:
    url = server.on("/v.zip", file(zipped({"v.txt": FEW})))
    found: list[int] = []

    def work() -> None:
        found.append(acquire("v.txt", url=url, cache=cache).path.stat().st_ino)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [found[0]] * 4
    assert len(server.log) == 1


def test_a_process_killed_in_mid_download_leaves_nothing_under_a_final_name(
    server: Server, cache: Path, herd: Herd
) -> None:
    body = zipped({"v.txt": MANY})
    url = server.on("/v.zip", file(body))
    herd.start({"name": "v.txt", "url": url, "cache": str(cache), "stop": "v-"})
    said = herd.hear()
    assert said["at"].endswith(".zip")
    os.kill(said["pid"], signal.SIGKILL)
    assert {"".join(Path(name).suffixes[1:]) for name in visible(cache)} == {".part", ".part.json"}
    assert holds(acquire("v.txt", url=url, cache=cache), MANY)
    assert "Range" in server.log[1].headers
    assert not list(cache.glob("*.part*"))


def test_a_process_killed_in_mid_conversion_leaves_nothing_under_a_final_name(
    server: Server, cache: Path, herd: Herd
) -> None:
    url = server.on("/v.zip", file(zipped({"v.txt": MANY})))
    herd.start({"name": "v.txt", "url": url, "cache": str(cache), "stop": "v.txt"})
    said = herd.hear()
    assert list(cache.glob(".*.tmp"))
    os.kill(said["pid"], signal.SIGKILL)
    assert stores(cache) == set()
    assert holds(acquire("v.txt", url=url, cache=cache), MANY)
    assert len(server.log) == 1


def test_work_goes_on_when_the_one_that_all_wait_for_is_killed(
    server: Server, cache: Path, herd: Herd
) -> None:
    body = zipped({"v.txt": FEW})
    job = {"name": "v.txt", "url": server.on("/v.zip", file(body)), "cache": str(cache)}
    herd.start({**job, "stop": "v.txt"})
    first = herd.hear()
    herd.start(*[job] * 3)
    os.kill(first["pid"], signal.SIGKILL)
    assert len({herd.hear()["inode"] for _ in range(3)}) == 1
    assert len(server.log) == 1


# What it tells while it works


def test_each_piece_of_work_has_its_bar(server: Server, cache: Path) -> None:
    seen: list[tuple[str, int, int | None]] = []

    @contextmanager
    def bars(title: str) -> Iterator[Progress]:
        yield lambda done, total: seen.append((title, done, total))

    body = zipped({"v.txt": FEW, "w.txt": MANY})
    url = server.on("/v.zip", file(body))
    store = acquire("v.txt", url=url, cache=cache, bars=bars)
    (archive,) = cache.glob("*.zip")
    last = {title: (done, total) for title, done, total in seen}
    assert list(last) == [archive.name, store.path.stem]
    assert list(last.values()) == [(len(body), len(body)), (len(FEW), len(FEW))]
    seen.clear()
    other = acquire("w.txt", url=url, cache=cache, bars=bars)
    assert list(dict.fromkeys(title for title, *_ in seen)) == [f"checking {archive.name}", other.path.stem]
    assert receipt_of(archive) is not None
    seen.clear()
    acquire("v.txt", url=url, cache=cache, bars=bars)
    assert seen == []
