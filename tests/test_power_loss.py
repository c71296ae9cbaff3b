"""What a power cut leaves: all that is written is recorded, and the disk is put back as it may be at each moment.

The model is that of the journalling file systems (ext4, XFS, btrfs, APFS, NTFS): names change in order, so that after
a cut some first part of the changes has happened, at least those before the folder was last written through; of a
file's bytes those are there that were written through, and the others are there, or are zeros, or are lost.
"""

from __future__ import annotations

import json
import os
import pickle
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import test_kills
from corpora import TEXTS
from servers import Server, file
from test_acquire import holds, sha256
from test_kills import expect_nothing_wrong
from torch.utils.data.datapipes.iter import IterableWrapper

from torchvectors.acquire import acquire
from torchvectors.download import Policy, fetch
from torchvectors.errors import DownloadError

pytestmark = [
    pytest.mark.filterwarnings("ignore:'set_vital' is deprecated:UserWarning"),
    pytest.mark.skipif(os.name != "posix", reason="folders are written through on POSIX alone"),
]
SLOW = pytest.mark.slow
SMALL = 4096  # bytes; a file of one page comes whole or not at all
BODY, ROWS = test_kills.BODY, test_kills.ROWS


@dataclass(frozen=True, kw_only=True)
class Moment:
    """What the folder looks like after one event: its names, and which bytes are on the disk for good."""

    names: dict[str, int]  # path → inode
    contents: dict[int, bytes]  # inode → what was written to it
    safe: dict[int, bytes]  # inode → what was written through
    sure: int  # the number of the moment whose names are on the disk for good


@dataclass(kw_only=True)
class Recorder:
    """Watches a folder while this process writes to it."""

    folder: Path
    moments: list[Moment] = field(default_factory=list)
    safe: dict[int, bytes] = field(default_factory=dict)
    sure: int = 0
    _busy: bool = False

    def note(self) -> None:
        """Write down how the folder is now."""
        names: dict[str, int] = {}
        contents: dict[int, bytes] = {}
        for path in self.folder.rglob("*"):
            if path.is_file() and ".locks" not in path.parts:
                inode = path.stat().st_ino
                names[str(path.relative_to(self.folder))] = inode
                contents[inode] = path.read_bytes()
        moment = Moment(names=names, contents=contents, safe=dict(self.safe), sure=self.sure)
        if not self.moments or moment != self.moments[-1]:
            self.moments.append(moment)

    def audited(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Note how things are before a name changes."""
        if event in ("os.rename", "os.remove", "open") and not self._busy:
            self._busy = True
            try:
                self.note()
            finally:
                self._busy = False

    def written_through(self, descriptor: int) -> None:
        """Note that a file, or the names in a folder, are on the disk for good."""
        self._busy = True
        try:
            self.note()
            state = os.fstat(descriptor)
            found = {inode: data for moment in self.moments[-1:] for inode, data in moment.contents.items()}
            if state.st_ino in found:
                self.safe[state.st_ino] = found[state.st_ino]
            else:
                self.sure = len(self.moments) - 1
            self.note()
        finally:
            self._busy = False


active: list[Recorder] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if active:
        active[-1].audited(event, arguments)


sys.addaudithook(_audit)


@contextmanager
def recorded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    found, fsync = Recorder(folder=folder), os.fsync

    def through(descriptor: Any) -> None:
        fsync(descriptor)
        number = descriptor if isinstance(descriptor, int) else descriptor.fileno()
        found.written_through(number)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", through)
        active.append(found)
        try:
            yield found
        finally:
            active.pop()
    found.note()


def crashes(found: Recorder) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Yield each way in which a power cut may leave the folder: what it is, and the files."""
    seen: set[frozenset[tuple[str, bytes]]] = set()
    for number, last in enumerate(found.moments):
        for names_of in range(last.sure, number + 1):
            names = found.moments[names_of].names
            for fate in ("lost", "zeros", "half", "kept", "large zeros", "large half"):
                files = {path: _fate(fate, inode, last) for path, inode in names.items()}
                key = frozenset(files.items())
                if key not in seen:
                    seen.add(key)
                    yield (
                        f"moment {number}, names of {names_of}, what was not written through is {fate}",
                        files,
                    )


def _fate(fate: str, inode: int, moment: Moment) -> bytes:
    safe, now = moment.safe.get(inode, b""), moment.contents.get(inode, b"")
    rest = now[len(safe) :] if now.startswith(safe) else b""
    if fate.startswith("large"):
        fate = fate.removeprefix("large ") if len(now) > SMALL else "kept"
    return {
        "lost": safe,
        "zeros": safe + bytes(len(rest)),
        "half": safe + rest[: len(rest) // 2],
        "kept": now or safe,
    }[fate]


def restore(files: dict[str, bytes], folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server() as running:
        yield running


def itos() -> list[str]:
    return list(IterableWrapper(TEXTS).tokenize().build_vocab().vocab.get_itos())


@pytest.mark.parametrize(
    ("digest", "step"), [(True, 20), pytest.param(True, 1, marks=SLOW), pytest.param(False, 1, marks=SLOW)]
)
def test_a_power_cut_at_any_moment_of_a_download_and_conversion_leaves_nothing_wrong(
    digest: bool, step: int, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, cache = server.on("/v.zip", file(BODY)), tmp_path / "cache"
    checksum = sha256(BODY) if digest else None
    with recorded(cache, monkeypatch) as found:
        acquire("v.txt", url=url, checksum=checksum, cache=cache)
    cuts = list(crashes(found))
    assert len(cuts) > 20
    expected = itos()
    for number, (how, files) in enumerate(cuts):
        folder = restore(files, tmp_path / "after")
        expect_nothing_wrong(folder, expected)
        if number % step == 0:
            assert holds(acquire("v.txt", url=url, checksum=checksum, cache=folder), ROWS), how
            expect_nothing_wrong(folder, expected)


def test_a_power_cut_at_any_moment_of_a_fit_leaves_nothing_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fit() -> list[str]:
        graph = IterableWrapper(TEXTS).tokenize().build_vocab(record_rows=True, fingerprint="known")
        pickle.dumps(graph)
        assert len(list(graph)) == len(TEXTS)
        return list(graph.vocab.get_itos())

    home = tmp_path / "home"
    monkeypatch.setenv("TORCHVECTORS_HOME", str(home))
    with recorded(home, monkeypatch) as found:
        expected = fit()
    cuts = list(crashes(found))
    assert len(cuts) > 10
    for how, files in cuts:
        folder = restore(files, tmp_path / "after")
        monkeypatch.setenv("TORCHVECTORS_HOME", str(folder))
        expect_nothing_wrong(folder, expected)
        assert fit() == expected, how


def test_a_file_that_is_not_written_through_would_be_found(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model is no use if it finds nothing: without `os.fsync` it must."""
    url, cache = server.on("/v.zip", file(BODY)), tmp_path / "cache"
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        found = Recorder(folder=cache)
        active.append(found)
        try:
            acquire("v.txt", url=url, cache=cache)
        finally:
            active.pop()
        found.note()
    cuts = [restore(files, tmp_path / f"after {n}") for n, (_, files) in enumerate(crashes(found))]
    assert any(map(_is_wrong, cuts))


def _is_wrong(folder: Path) -> bool:
    try:
        expect_nothing_wrong(folder, [])
    except (AssertionError, ValueError):
        return True
    return False


def test_zeros_that_a_power_cut_has_left_in_a_part_are_fetched_again(server: Server, tmp_path: Path) -> None:
    body = b"x" * 300_000  # no check sum in it tells, and no digest is known
    url = server.on("/a", file(body, cut=200_000), file(body))
    with pytest.raises(DownloadError):
        fetch([url], tmp_path / "a", policy=Policy(attempts=1))
    part, note = tmp_path / "a.part", tmp_path / "a.part.json"
    said = json.loads(note.read_text("utf-8"))
    assert (
        said["safe"] == part.stat().st_size > 150_000
    )  # what came before the line broke was written through
    note.write_text(json.dumps(said | {"safe": 50_000}), "utf-8")
    part.write_bytes(body[:100_000] + bytes(60_000))
    fetch([url], tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == body
    assert server.log[-1].headers["Range"] == f"bytes={100_000 // 512 * 512}-"


def test_zeros_that_were_written_through_are_kept(server: Server, tmp_path: Path) -> None:
    body = bytes(300_000)
    url = server.on("/a", file(body, cut=200_000), file(body))
    with pytest.raises(DownloadError):
        fetch([url], tmp_path / "a", policy=Policy(attempts=1))
    size = (tmp_path / "a.part").stat().st_size
    fetch([url], tmp_path / "a")
    assert server.log[-1].headers["Range"] == f"bytes={size}-"
