"""What a cache folder holds, what of it may go, and whether it is still as it was made."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from servers import Server, file

from torchvectors import Vectors
from torchvectors.acquire import acquire
from torchvectors.acquire.own import opened
from torchvectors.cache import FITS, FORGOTTEN_AFTER, KEPT, VOCABULARIES, folders, lock, scratch
from torchvectors.cli import main
from torchvectors.download import Receipt
from torchvectors.download.receipts import beside, write_receipt
from torchvectors.errors import DownloadError, NotFoundError
from torchvectors.fitting.fitted import Fitted, arrived, recalled, written
from torchvectors.formats import Block
from torchvectors.inventory import DAY, Held, Kind, Wish, look, to_prune, to_remove
from torchvectors.inventory.names import maker_of, store_name_of
from torchvectors.progress import Progress, quiet
from torchvectors.store import metadata_of, open_store, write_store
from torchvectors.vocabulary import Vocab

ROWS = b"the 0.5 1.5\ncat -0.25 2\n"
PATIENCE = 60  # seconds until a test that waits in vain gives up
OLD = 3 * DAY


def zipped(**members: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.txt", data)
    return content.getvalue()


def age(*paths: Path, seconds: float = OLD) -> None:
    for path in paths:
        os.utime(path, (time.time() - seconds,) * 2)


def flip(path: Path, place: int = -1) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def kinds(home: Path) -> dict[str, str]:
    return {held.path.relative_to(home).as_posix(): held.kind for held in look(folders(home))}


def files(home: Path) -> set[str]:
    return {path.name for path in home.rglob("*") if path.is_file() and ".locks" not in path.parts}


def fetched(path: Path, url: str, content: bytes) -> Path:
    """A file as `download.fetch` leaves it."""
    path.write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    write_receipt(path, Receipt(url=url, nbytes=len(content), sha256=sha256, verified=False))
    return path


def store(path: Path, **metadata: str) -> Path:
    block = Block.of([b"the", b"cat"], np.array([[0.5, 1.5], [-0.25, 2]], np.float32))
    return write_store(path, [block], metadata=metadata)


@pytest.fixture
def home(own_cache: Path) -> Path:
    return own_cache


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


def test_every_kind_is_known_and_every_byte_counted(home: Path, server: Server) -> None:
    Vectors("mine.txt", url=server.on("/some.zip", file(zipped(mine=ROWS))))
    (home / "own.txt").write_bytes(ROWS)
    Vectors("own.txt", max_vectors=1)
    Vectors("own.txt").save(home / "saved.safetensors")
    (home / "model.safetensors").write_bytes(b"no store")
    for name in (
        "a.zip.part",
        "a.zip.part.json",
        "a.zip.doubted",
        "b.zip.bad",
        "b.zip.bad.2",
        "c.zip.receipt.json",
    ):
        (home / name).write_bytes(b"{}")
    (home / ".s.safetensors.0123456789ab.01234567.tmp").write_bytes(b"half")
    assert written(Fitted(vocab=Vocab(["a"]), counts={"a": 1}, running=1, rows=1))
    fits = home / FITS
    fits.mkdir()
    for name in ("0a.safetensors", "0a.rows.safetensors", "kept-1b.rows.safetensors"):
        (fits / name).write_bytes(b"fit")
    (home / "a folder").mkdir()
    (home / "a folder" / "theirs").touch()
    found = look(folders())
    by_kind: dict[str, set[str]] = {}
    for held in found:
        by_kind.setdefault(held.kind, set()).add(held.path.name)
    (some,) = by_kind.pop("download")
    assert some.startswith("some-")
    made = by_kind.pop("store")
    assert sorted(name[:3] for name in made) == ["min", "own", "own"]
    assert len(by_kind.pop("vocabulary")) == 1
    assert by_kind == {
        "own": {"own.txt", "saved.safetensors", "model.safetensors"},
        "part": {"a.zip.part"},
        "bad": {"b.zip.bad", "b.zip.bad.2"},
        "receipt": {"c.zip.receipt.json"},
        "temporary": {".s.safetensors.0123456789ab.01234567.tmp"},
        "fit": {"0a.safetensors", "kept-1b.rows.safetensors"},
    }
    paths = [path for path in home.rglob("*") if path.is_file() and ".locks" not in path.parts]
    listed = sorted(path for held in found for path in held.files)
    assert listed == sorted(path for path in paths if path.name != "theirs")
    assert sum(held.nbytes for held in found) == sum(path.stat().st_size for path in listed)


def test_a_folder_that_is_not_there_holds_nothing_and_is_not_made(tmp_path: Path) -> None:
    assert look(folders(tmp_path / "missing")) == ()
    assert main(["cache", "--cache", str(tmp_path / "missing")]) == 0
    assert main(["verify", "--cache", str(tmp_path / "missing")]) == 0
    assert not (tmp_path / "missing").exists()


@pytest.mark.skipif(not hasattr(os, "O_NOATIME"), reason="the system cannot read without noting it")
def test_to_list_a_store_is_not_to_use_it(home: Path) -> None:
    path = store(home / "glove.6B.50d.safetensors", name="glove.6B.50d")
    age(path)
    before = path.stat().st_atime_ns
    (held,) = look(folders())
    assert path.stat().st_atime_ns == before
    assert held.used == pytest.approx(time.time() - OLD, abs=PATIENCE)
    os.utime(path, (time.time() - DAY, held.modified))  # as reading does
    assert look(folders())[0].used == pytest.approx(time.time() - DAY, abs=PATIENCE)


def test_an_archive_is_told_from_its_members_alone(home: Path) -> None:
    url = "https://nlp.stanford.edu/data/glove.6B.zip"
    whole = fetched(home / "glove.6B.zip", url, b"whole")
    alone = fetched(home / "glove.6B.50d.txt.zip", url, b"alone")
    small = store(home / "glove.6B.50d.safetensors", name="glove.6B.50d", source=url)
    large = store(home / "glove.6B.300d.safetensors", name="glove.6B.300d", source=url)
    gives = {held.path: set(held.gives) for held in look(folders()) if held.kind == "download"}
    assert gives == {whole: {small, large}, alone: {small}}
    assert maker_of(alone) == maker_of(whole) == whole


def test_two_files_of_one_address_are_told_apart_by_their_digests(home: Path) -> None:
    # Their addresses had a secret each, which is not written down.
    url = "https://example.org/some.zip"
    first, second = (fetched(home / f"some-{n}.zip", url, n.encode()) for n in ("0123456789", "abcdef0123"))
    digest = f"sha256:{hashlib.sha256(b'0123456789').hexdigest()}"
    made = store(home / "mine.txt-0123456789.safetensors", name="mine.txt", source=url, source_digest=digest)
    gives = {held.path: held.gives for held in look(folders()) if held.kind == "download"}
    assert gives == {first: (made,), second: ()}


@pytest.mark.parametrize(
    ("name", "stem", "whole"),
    [
        ("glove.6B.50d.safetensors", "glove.6B.50d", True),
        ("glove.6B.50d.top10.unit.float16.safetensors", "glove.6B.50d", False),
        ("mine.txt-0123456789.tokens-0123456789abcdef.safetensors", "mine.txt-0123456789", False),
        ("mine.safetensors", None, False),
        ("glove.6B.50d.mine.safetensors", None, False),
    ],
)
def test_a_name_tells_a_store_that_was_made_here(name: str, stem: str | None, whole: bool) -> None:
    found = store_name_of(Path(name))
    assert (None, False) if found is None else (found.stem, found.whole) == (stem, whole)
    assert (found is None) == (stem is None)


def test_metadata_of_anything_is_metadata_or_an_error_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    for content in (b"", b"\xff" * 16, b"\2\0\0\0\0\0\0\0[]", b"\4\0\0\0\0\0\0\0null", b"\2\0\0\0\0\0\0\0{}"):
        path.write_bytes(content)
        if content.endswith(b"{}"):
            assert metadata_of(path) == {}
        else:
            with pytest.raises(ValueError, match=r"x\.safetensors: its header cannot be read"):
                metadata_of(path)


def test_the_page_on_the_cache_tells_of_every_kind() -> None:
    page = (Path(__file__).resolve().parents[1] / "docs" / "cache.md").read_text("utf-8")
    assert [kind for kind in get_args(Kind) if f" | {kind} | " not in page] == []


# What may go.


@pytest.mark.parametrize("old", [True, False])
def test_what_was_left_behind_goes_after_a_day(home: Path, old: bool) -> None:
    names = (".x.safetensors.0123456789ab.01234567.tmp", "a.zip.part", "a.zip.part.json", "a.zip.doubted")
    for name in names:
        (home / name).touch()
        age(home / name, seconds=DAY + 60 if old else DAY - 60)
    assert main(["cache", "prune", "--dry-run"]) == 0
    assert files(home) == set(names)
    assert main(["cache", "prune"]) == 0
    assert files(home) == (set() if old else set(names))


def test_what_is_locked_does_not_go(home: Path) -> None:
    target = home / "x.safetensors"
    with lock(target), scratch(target) as temporary:
        temporary.touch()
        (home / "a.zip.part").touch()
        age(temporary, home / "a.zip.part")
        with lock(home / "a.zip"):
            assert main(["cache", "prune"]) == 0
        assert files(home) == {temporary.name, "a.zip.part"}
        assert main(["cache", "prune"]) == 0
        assert files(home) == {temporary.name}


HELD = st.builds(
    Held,
    path=st.sampled_from(["x", "kept-x", "kept-x.rows.safetensors"]).map(Path),
    kind=st.sampled_from(
        ["store", "download", "own", "receipt", "part", "temporary", "bad", "vocabulary", "fit"]
    ),
    nbytes=st.integers(0, 9),
    modified=st.floats(0, 1e9),
    used=st.floats(0, 1e9),
    mine=st.booleans(),
)
WISHES = st.builds(
    Wish,
    archives=st.booleans(),
    bad=st.booleans(),
    vocabularies=st.none() | st.floats(0, 1e9),
    fits=st.none() | st.floats(0, 1e9),
)


@given(found=st.lists(HELD, max_size=5), wish=WISHES)
def test_every_wish_leaves_stores_and_what_is_the_users_own_and_what_is_not_ours(
    found: list[Held], wish: Wish
) -> None:
    now = 1e9
    for removal in to_prune(found, wish, now):
        held = removal.held
        assert held.mine
        assert held.kind not in ("store", "own", "receipt", "download")  # nothing was made of these downloads
        assert held.kind in ("bad", "vocabulary", "fit") or now - held.modified > DAY
        assert held.kind != "bad" or wish.bad
        assert held.kind != "vocabulary" or wish.vocabularies is not None


def test_a_download_goes_on_request_once_its_store_has_proved_whole(
    home: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    url = server.on("/some.zip", file(zipped(mine=ROWS)))
    made = acquire("mine.txt", url=url).path
    (some,) = (path for path, kind in kinds(home).items() if kind == "download")
    assert main(["cache", "prune"]) == 0
    assert some in files(home)
    content = made.read_bytes()
    flip(made)
    assert main(["cache", "prune", "--archives"]) == 1
    assert "is not whole" in capsys.readouterr().err
    assert some in files(home)
    made.write_bytes(content)
    assert main(["cache", "prune", "--archives"]) == 0
    assert some not in files(home)
    asked = len(server.log)
    assert Vectors("mine.txt", url=url)["cat"].tolist() == [-0.25, 2]
    assert len(server.log) == asked
    # Nobody has published a digest of it: the receipt that stays holds the next download to that of the first.
    made.unlink()
    server.on("/some.zip", file(zipped(mine=b"the 1 1\n")))
    with pytest.raises((DownloadError, ValueError), match="was that of the first download"):
        Vectors("mine.txt", url=url)


def test_a_download_of_which_a_cut_alone_was_made_stays(home: Path, server: Server) -> None:
    url = server.on("/some.zip", file(zipped(mine=ROWS)))
    Vectors("mine.txt", url=url, max_vectors=1)
    before = files(home)
    assert main(["cache", "prune", "--archives"]) == 0
    assert files(home) == before


def test_vocabularies_go_on_request_when_nobody_has_wanted_them(home: Path) -> None:
    fitted = Fitted(vocab=Vocab(["a"]), counts={"a": 1}, running=1, rows=1)
    place = written(fitted)
    assert place
    state = {"fingerprint": fitted.vocab.fingerprint, "file": str(place)}
    for wanted in (lambda: recalled(state), lambda: arrived(place), lambda: written(fitted)):
        age(place, seconds=200 * DAY)
        assert main(["cache", "prune", "--vocabularies", "201"]) == 0
        assert wanted()
        assert time.time() - place.stat().st_mtime < PATIENCE  # also where the file system notes no reading
        assert main(["cache", "prune", "--vocabularies"]) == 0
        assert place.is_file()
    age(place, seconds=200 * DAY)
    assert main(["cache", "prune"]) == 0
    assert place.is_file()
    assert main(["cache", "prune", "--vocabularies"]) == 0
    assert not place.exists()


def test_fits_of_graphs_that_are_gone_go_and_kept_ones_on_request(home: Path) -> None:
    (home / FITS).mkdir()
    gone, young, kept, rows = (
        home / FITS / f"{name}.safetensors" for name in ("0a", "0b", f"{KEPT}1", f"{KEPT}2.rows")
    )
    taken_along = home / FITS / "0a.rows.safetensors"
    for path in (gone, young, kept, rows, taken_along):
        with lock(path):
            path.touch()
    age(gone, taken_along, seconds=FORGOTTEN_AFTER + 60)
    age(young, seconds=FORGOTTEN_AFTER - 60)
    age(kept, seconds=400 * DAY)
    age(rows)
    with lock(gone):
        assert main(["cache", "prune"]) == 0
    assert files(home) == {gone.name, taken_along.name, young.name, kept.name}
    assert main(["cache", "prune"]) == 0
    assert files(home) == {young.name, kept.name}
    assert main(["cache", "prune", "--fits", "399"]) == 0
    assert files(home) == {young.name}


def test_what_lies_in_a_folder_that_is_only_searched_stays(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    bad = store(shared / "glove.6B.50d.safetensors", name="glove.6B.50d")
    flip(bad)
    left = shared / "a.zip.part"
    left.touch()
    age(left)
    monkeypatch.setenv("TORCHVECTORS_HOME", os.pathsep.join([str(shared), str(home)]))
    before = files(shared)
    assert main(["cache", "prune"]) == 0
    assert main(["cache", "remove", "glove.6B.50d"]) == 1
    assert main(["verify"]) == 1
    assert files(shared) == before


# What is named.


def test_remove_takes_the_cuts_along_and_leaves_what_is_the_users(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "own.txt").write_bytes(ROWS)
    Vectors("own.txt")
    Vectors("own.txt", max_vectors=1)
    assert main(["cache", "remove", "own.txt"]) == 0
    assert files(home) == {"own.txt"}
    assert "you put it there yourself" in capsys.readouterr().err
    assert main(["cache", "remove", "own.txt"]) == 1
    assert main(["cache", "remove", "another"]) == 1
    assert "It holds no store." in capsys.readouterr().err


def test_remove_leaves_an_archive_that_something_else_was_made_of(home: Path) -> None:
    url = "https://nlp.stanford.edu/data/glove.6B.zip"
    fetched(home / "glove.6B.zip", url, b"whole")
    fetched(home / "glove.6B.50d.txt.zip", url, b"alone")
    store(home / "glove.6B.50d.safetensors", name="glove.6B.50d", source=url)
    store(home / "glove.6B.300d.safetensors", name="glove.6B.300d", source=url)
    assert main(["cache", "remove", "glove.6B.50d"]) == 0
    assert files(home) == {"glove.6B.zip", "glove.6B.zip.receipt.json", "glove.6B.300d.safetensors"}
    assert main(["cache", "remove", "glove.6B.zip"]) == 0
    assert files(home) == {"glove.6B.300d.safetensors"}


def test_nothing_of_a_name_is_an_error_that_tells_what_is_there(home: Path) -> None:
    store(home / "glove.6B.50d.safetensors", name="glove.6B.50d")
    with pytest.raises(NotFoundError, match=r"holds the stores of glove\.6B\.50d\."):
        to_remove(look(folders()), "glove.6B.100d")


def test_who_reads_a_store_keeps_it(home: Path) -> None:
    (home / "own.txt").write_bytes(ROWS)
    reader, late = Vectors("own.txt"), Vectors("own.txt")
    assert reader["cat"].tolist() == [-0.25, 2]
    assert main(["cache", "remove", "own.txt"]) == 0
    assert reader["the"].tolist() == [0.5, 1.5]
    assert late.vectors.tolist() == [[0.5, 1.5], [-0.25, 2]]
    late.vectors[0] = 7
    assert late["the"].tolist() == [7, 7]
    assert reader["the"].tolist() == [0.5, 1.5]


def test_a_store_that_goes_while_it_is_looked_for_is_passed_over(home: Path) -> None:
    there = store(home / "s.safetensors")
    assert [one.path for one in opened([home / "gone.safetensors", there])] == [there]


def test_an_archive_that_its_owner_cleans_away_is_fetched(home: Path, tmp_path: Path, server: Server) -> None:
    url, shared = server.on("/some.zip", file(zipped(mine=ROWS))), tmp_path / "shared"
    acquire("mine.txt", url=url, cache=shared).path.unlink()
    (some,) = shared.glob("some-*.zip")

    @contextmanager
    def bars(title: str, /) -> Iterator[Progress]:
        yield quiet
        if title == f"checking {some.name}":
            some.unlink()

    made = acquire("mine.txt", url=url, cache=[shared, home], bars=bars)
    assert made.path.parent == home
    assert not some.exists()
    assert len(made) == 2


# Two processes.

CONVERTS = """
import sys
from contextlib import contextmanager
from torchvectors.acquire import acquire

@contextmanager
def bars(title):
    def stop(done, total):
        if not title.startswith("checking"):
            print("here", flush=True)
            sys.stdin.readline()
    yield stop

store = acquire(sys.argv[1], url=sys.argv[2], bars=bars)
print(store.rows(store.index.find_all(["cat"])).tolist(), flush=True)
"""


@contextmanager
def another(program: str, *words: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", program, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_pruning_and_removing_leave_a_running_conversion_alone(home: Path, server: Server) -> None:
    url = server.on("/some.zip", file(zipped(mine=ROWS, other=ROWS)))
    Vectors("other.txt", url=url)
    (some,) = home.glob("some-*.zip")
    with another(CONVERTS, "mine.txt", url) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "here\n"
        for temporary in home.glob(".*.tmp"):
            age(temporary)
        before = files(home)
        assert any(name.endswith(".tmp") for name in before)
        assert main(["cache", "prune", "--archives"]) == 0
        assert main(["cache", "remove", some.name]) == 1
        assert files(home) == before
        said, _ = process.communicate("\n" * 100, timeout=PATIENCE)
        assert said.endswith("[[-0.25, 2.0]]\n")
        assert process.returncode == 0
    assert main(["cache", "prune", "--archives"]) == 0
    assert not some.exists()


DOWNLOADS = "import sys, torchvectors; torchvectors.Vectors('mine.txt', url=sys.argv[1])"


def test_pruning_leaves_a_running_download_alone_and_takes_what_a_killed_one_left(
    home: Path, server: Server
) -> None:
    body = zipped(mine=ROWS * 40_000)
    url = server.on("/some.zip", file(body, cut=len(body) // 2, then="stall"))
    with another(DOWNLOADS, url) as process:
        wait_for(lambda: any(path.stat().st_size for path in home.glob("*.part")))
        (part,) = home.glob("*.part")
        age(part, *home.glob("*.part.json"))
        before = files(home)
        assert main(["cache", "prune"]) == 0
        assert files(home) == before
        process.kill()
        process.wait(PATIENCE)
        age(part, *home.glob("*.part.json"))  # it may have written on meanwhile
        assert main(["cache", "prune"]) == 0
        assert files(home) == set()


READS = """
import sys, torchvectors
vectors = torchvectors.Vectors(sys.argv[1])
print("here", flush=True)
sys.stdin.readline()
print(vectors["cat"].tolist(), vectors.vectors.sum().item(), flush=True)
"""


def test_another_process_that_reads_keeps_what_is_removed(home: Path) -> None:
    (home / "own.txt").write_bytes(ROWS)
    with another(READS, "own.txt") as process:
        assert process.stdout
        assert process.stdout.readline() == "here\n"
        assert main(["cache", "remove", "own.txt"]) == 0
        assert files(home) == {"own.txt"}
        said, _ = process.communicate("\n", timeout=PATIENCE)
    assert said == "[-0.25, 2.0] 3.75\n"


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.01)


# Whether it is as it was made.


def test_a_flipped_bit_in_a_store_is_found_and_the_store_made_anew(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "own.txt").write_bytes(ROWS)
    path = acquire("own.txt").path
    assert main(["verify"]) == 0
    assert main(["verify", "own.txt"]) == 0
    flip(path, 16384)
    damaged = path.read_bytes()
    capsys.readouterr()
    assert main(["verify", "own.txt"]) == 1
    said = capsys.readouterr().err
    assert f"It is now {path.name}.bad." in said
    assert f"It is made anew from {home / 'own.txt'}" in said
    assert not path.exists()
    assert path.with_name(f"{path.name}.bad").read_bytes() == damaged
    assert Vectors("own.txt")["the"].tolist() == [0.5, 1.5]
    assert main(["verify"]) == 0
    assert main(["cache", "prune", "--bad"]) == 0
    assert files(home) == {"own.txt", path.name}


def test_a_store_whose_header_is_damaged_is_found(home: Path) -> None:
    path = store(home / "glove.6B.50d.safetensors", name="glove.6B.50d")
    flip(path, 9)
    assert kinds(home) == {path.name: "store"}
    assert main(["verify", "glove.6B.50d"]) == 1
    assert files(home) == {f"{path.name}.bad"}


@pytest.mark.parametrize("how", ["flipped", "short", "empty"])
def test_a_download_that_is_not_what_was_fetched_is_set_aside(home: Path, server: Server, how: str) -> None:
    url = server.on("/some.zip", file(zipped(mine=ROWS)))
    acquire("mine.txt", url=url).path.unlink()
    (some,) = home.glob("some-*.zip")
    content = some.read_bytes()
    damaged = {"flipped": bytes([content[0] ^ 1]) + content[1:], "short": content[:-1], "empty": b""}[how]
    some.write_bytes(damaged)
    assert main(["verify"]) == 1
    assert not some.exists()
    assert some.with_name(f"{some.name}.bad").read_bytes() == damaged
    assert Vectors("mine.txt", url=url)["cat"].tolist() == [-0.25, 2]
    assert some.read_bytes() == content
    assert main(["verify"]) == 0


def test_a_download_of_a_name_is_held_to_the_published_digest(home: Path) -> None:
    fetched(home / "glove.6B.zip", "https://nlp.stanford.edu/data/glove.6B.zip", b"another file")
    assert main(["verify"]) == 1
    assert files(home) == {"glove.6B.zip.bad", "glove.6B.zip.receipt.json"}


def test_a_vocabulary_that_has_changed_is_set_aside(home: Path) -> None:
    place = written(Fitted(vocab=Vocab(["a"]), counts={"a": 1}, running=1, rows=1))
    assert place
    assert main(["verify", f"{VOCABULARIES}/{place.name}"]) == 0
    flip(place)
    assert main(["verify"]) == 1
    assert files(home) == {f"{place.name}.bad"}


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("own.zip", "wrong"),
        ("glove.6B.zip", "wrong"),
        ("saved.safetensors", "wrong"),
        ("model.safetensors", "unchecked"),
        ("own.txt", "unchecked"),
    ],
)
def test_the_users_own_file_is_told_and_left(
    home: Path, name: str, state: str, capsys: pytest.CaptureFixture[str]
) -> None:
    content = store(home / name).read_bytes() if name.startswith("saved") else zipped(mine=ROWS)
    (home / name).write_bytes(content)
    if name in ("own.zip", "saved.safetensors"):
        assert main(["verify"]) == 0
        flip(home / name, content.index(b"the 0.5") if name == "own.zip" else -1)
    if name == "own.txt":
        (home / name).write_bytes(ROWS)
    if name == "model.safetensors":
        header = b'{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
        (home / name).write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    capsys.readouterr()
    assert main(["verify", "--json"]) == (1 if state == "wrong" else 0)
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["kind"], found["state"], found["aside"]) == ("own", state, None)
    assert files(home) == {name}


def test_a_store_of_another_version_is_not_taken_for_a_damaged_one(home: Path) -> None:
    path = store(home / "glove.6B.50d.safetensors", name="glove.6B.50d")
    whole = path.read_bytes()
    # A newer one's header would have a checksum of its own; one without is not held to any.
    newer = whole.replace(b'"version": "1"', b'"version": "2"', 1).replace(
        b'"header_checksum"', b'"other__checksum"', 1
    )
    path.write_bytes(newer)
    assert main(["verify"]) == 0
    assert files(home) == {path.name}
    path.write_bytes(whole.replace(b'"version": "1"', b'"version": "3"', 1))  # by one bit
    assert main(["verify"]) == 1
    assert files(home) == {f"{path.name}.bad"}


def test_verify_shows_how_far_it_is(home: Path) -> None:
    path, seen = store(home / "s.safetensors"), []
    open_store(path).verify(lambda done, total: seen.append((done, total)))
    assert seen[-1] == (path.stat().st_size,) * 2


# For programs.


def test_json_tells_what_the_table_tells(
    home: Path, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    made = acquire("mine.txt", url=server.on("/some.zip", file(zipped(mine=ROWS)))).path
    (some,) = home.glob("some-*.zip")
    assert main(["cache", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["write"] == str(home)
    by_kind = {one["kind"]: one for one in told["holds"]}
    assert by_kind["download"]["needed_by"] == [str(made)]
    assert by_kind["download"]["beside"] == [str(beside(some))]
    assert by_kind["store"]["made_of"] == [str(some)]
    assert main(["cache"]) == 0
    table = capsys.readouterr().out
    assert f"{home}: " in table.splitlines()[0]
    assert made.name in table
    assert some.name in table
    before = files(home)
    for words in (["cache", "--json", "prune"], ["cache", "prune", "--json"]):
        assert main([*words, "--archives", "--dry-run"]) == 0
        told = json.loads(capsys.readouterr().out)
        (one,) = told["outcomes"]
        assert (told["dry_run"], one["path"], one["state"]) == (True, str(some), "gone")
        assert one["bytes"] == some.stat().st_size
    assert files(home) == before


def test_a_folder_given_before_the_word_counts(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    left = tmp_path / "a.zip.part"
    left.touch()
    age(left)
    assert main(["cache", "--cache", str(tmp_path), "prune", "--dry-run"]) == 0
    assert str(left) in capsys.readouterr().out
    assert main(["cache", "prune", "--cache", str(tmp_path)]) == 0
    assert not left.exists()


# Many readers, and several who clean.


KEEPS_READING = """
import sys, torch, torchvectors
vectors = torchvectors.Vectors(sys.argv[1])
expected = torch.tensor([[0.5, 1.5], [-0.25, 2]])
print("here", flush=True)
for line in sys.stdin:
    assert vectors.get_vecs_by_tokens(["the", "cat"]).equal(expected)
    assert torchvectors.Vectors(sys.argv[1]).get_vecs_by_tokens(["the", "cat"]).equal(expected)
    print("right", flush=True)
"""
CLEANS = """
import sys
from torchvectors.cli import main
print("here", flush=True)
for line in sys.stdin:
    print(main(["cache", *line.split()]), file=sys.stderr, flush=True)
    print("done", flush=True)
"""


@pytest.mark.slow
def test_two_who_clean_at_once_hurt_neither_each_other_nor_who_reads(home: Path) -> None:
    (home / "own.txt").write_bytes(ROWS)
    Vectors("own.txt")
    commands = ("prune --archives --bad --fits 0 --vocabularies 0", "remove own.txt")
    with another(KEEPS_READING, "own.txt") as reader, another(CLEANS) as one, another(CLEANS) as other:
        for process in (reader, one, other):
            assert process.stdin
            assert process.stdout
            assert process.stdout.readline() == "here\n"
        for number in range(2):
            for left in range(5):
                fetched(home / f"left-{left}.zip", "http://x/y", b"z").with_suffix(".zip.bad").touch()
                (home / f"v{left}.part").touch()
                age(home / f"v{left}.part")
            for process in (one, other, reader):
                assert process.stdin
                process.stdin.write(f"{commands[number % 2]}\n")
                process.stdin.flush()
            for process in (one, other):
                assert process.stdout
                while process.stdout.readline() != "done\n":
                    assert process.poll() is None
            assert reader.stdout
            assert reader.stdout.readline() == "right\n"
            assert number % 2 or not list(home.glob("*.part"))
    assert (home / "own.txt").read_bytes() == ROWS
