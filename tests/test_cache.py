"""Where things lie, who may make them, and how they appear."""

from __future__ import annotations

import errno
import logging
import os
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import torchvectors
from torchvectors.cache import (
    Folders,
    folders,
    lock,
    locks_hold,
    publish,
    replacing,
    scratch,
    set_aside,
    writable,
)
from torchvectors.download.receipts import beside
from torchvectors.errors import CacheError

PATIENCE = 30  # seconds until a test that waits in vain gives up


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, and a user with an empty home."""
    monkeypatch.delenv("TORCHVECTORS_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    current = tmp_path / "current"
    current.mkdir()
    monkeypatch.chdir(current)
    return tmp_path


def test_the_users_cache_folder_comes_last(nowhere: Path) -> None:
    assert folders().search == (nowhere / "user" / "torchvectors",)


@pytest.mark.skipif(os.name != "posix", reason="elsewhere the system itself says where a user's things go")
def test_a_user_who_has_no_home_is_told_to_name_a_folder(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pwd

    def nobody(number: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {number}")

    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name)
    monkeypatch.setattr(pwd, "getpwuid", nobody)  # as in a container whose user is a number only
    assert not folders().find("v.txt")
    with pytest.raises(CacheError, match=r"no home folder is known.*cannot be written.*TORCHVECTORS_HOME"):
        writable(folders().write)
    assert list(Path().iterdir()) == []  # no folder is called "~"


def test_a_folder_in_the_home_of_nobody_is_an_error() -> None:
    with pytest.raises(CacheError, match=r"^~no such user/x: whose home .* Give its whole path"):
        folders("~no such user/x")


@pytest.mark.parametrize("name", ["nul\0", "half a \ud800 pair"])
def test_a_folder_whose_name_no_folder_can_have_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(CacheError, match=r"this cache folder cannot be written.*cache=…"):
        writable(tmp_path / name)


def test_torchtexts_folder_is_taken_where_it_is_there(nowhere: Path) -> None:
    Path(".vector_cache").mkdir()
    assert folders().search == (Path(".vector_cache"),)


def test_a_file_named_as_torchtexts_folder_is_none(nowhere: Path) -> None:
    Path(".vector_cache").touch()
    assert folders().search == (nowhere / "user" / "torchvectors",)


def test_the_environment_comes_before_torchtexts_folder(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(".vector_cache").mkdir()
    monkeypatch.setenv("TORCHVECTORS_HOME", "/shared/vectors")
    assert folders().search == (Path("/shared/vectors"),)


def test_the_environment_may_name_several_folders(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = ["", "/shared/vectors", "~/own", ""]
    monkeypatch.setenv("TORCHVECTORS_HOME", os.pathsep.join(named))
    found = folders()
    assert found.search == (Path("/shared/vectors"), nowhere / "home" / "own")
    assert found.write == nowhere / "home" / "own"


def test_an_empty_environment_variable_names_nothing(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHVECTORS_HOME", os.pathsep)
    assert folders().search == (nowhere / "user" / "torchvectors",)


@pytest.mark.parametrize("as_given", [str, Path])
def test_what_the_caller_names_comes_first(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch, as_given: type[str | Path]
) -> None:
    Path(".vector_cache").mkdir()
    monkeypatch.setenv("TORCHVECTORS_HOME", "/shared/vectors")
    assert folders(as_given("~/mine")).search == (nowhere / "home" / "mine",)
    several = folders([as_given("/read/only"), as_given("mine")])
    assert several.search == (Path("/read/only"), Path("mine"))
    assert several.write == Path("mine")


def test_no_folder_at_all_is_as_none_named(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHVECTORS_HOME", "/shared/vectors")
    assert folders([]) == folders(None) == folders(())


def test_saying_where_to_look_creates_nothing(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted(nowhere.rglob("*"))
    folders()
    folders(nowhere / "a")
    monkeypatch.setenv("TORCHVECTORS_HOME", str(nowhere / "b"))
    folders().find("x")
    assert sorted(nowhere.rglob("*")) == before


def test_the_first_folder_that_has_a_file_gives_it(tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    for folder in (first, second, third):
        folder.mkdir()
    (first / "x").mkdir()  # not a file
    (second / "x").touch()
    (third / "x").touch()
    (third / "y").touch()
    places = Folders(search=(tmp_path / "missing", first, second, third))
    assert places.find("x") == second / "x"
    assert places.find("y") == third / "y"
    assert places.find("z") is None


def test_a_folder_is_created_with_its_parents(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b" / "c"
    assert writable(folder) == folder
    assert writable(folder) == folder
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("below", [".", "deeper/still"])
def test_a_folder_that_is_a_file_cannot_be_written(tmp_path: Path, below: str) -> None:
    (tmp_path / "taken").touch()
    folder = tmp_path / "taken" / below
    with pytest.raises(CacheError, match=r"taken.*cache=.*TORCHVECTORS_HOME") as caught:
        writable(folder)
    assert isinstance(caught.value.__cause__, OSError)
    with pytest.raises(CacheError, match="taken"), lock(folder / "x"):
        pass
    with pytest.raises(CacheError, match="taken"), replacing(folder / "x"):
        pass


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder that nobody can write to."""
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    tmp_path.chmod(0o500)
    yield tmp_path
    tmp_path.chmod(0o700)


def test_a_folder_that_is_read_only_cannot_be_written(read_only: Path) -> None:
    for folder in (read_only, read_only / "below"):
        with pytest.raises(CacheError, match="Permission denied"):
            writable(folder)


@contextmanager
def waiting(caplog: pytest.LogCaptureFixture) -> Iterator[threading.Event]:
    """Give an event that is set when somebody says that it waits for a lock."""
    event = threading.Event()

    class Watch(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "waiting" in record.getMessage():
                event.set()

    logger, watch = logging.getLogger("torchvectors.cache"), Watch()
    logger.addHandler(watch)
    try:
        with caplog.at_level(logging.INFO, logger.name):
            yield event
    finally:
        logger.removeHandler(watch)


def test_a_lock_keeps_other_threads_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    target, order = tmp_path / "store", []

    def second() -> None:
        with lock(target):
            order.append("second")

    thread = threading.Thread(target=second)
    with waiting(caplog) as waits:
        with lock(target):
            thread.start()
            assert waits.wait(PATIENCE)
            order.append("first")
        thread.join(PATIENCE)
    assert order == ["first", "second"]
    assert str(target) in caplog.text


def test_locks_of_different_targets_do_not_meet(tmp_path: Path) -> None:
    with lock(tmp_path / "a"), lock(tmp_path / "b"), lock(tmp_path / "sub" / "a"):
        pass


def test_a_lock_is_free_after_an_error(tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), lock(tmp_path / "store"):
            raise ZeroDivisionError


# The package without its doors: they import torch, which takes seconds and which the cache does without.
HOLDER = f"""
import sys, types
sys.modules["torchvectors"] = types.ModuleType("torchvectors")
sys.modules["torchvectors"].__path__ = {torchvectors.__path__!r}
from pathlib import Path
from torchvectors.cache import lock
for line in sys.stdin:
    with lock(Path(sys.argv[1])):
        print("held", flush=True)
        sys.stdin.readline()
        Path(sys.argv[1]).touch()
"""


def test_a_lock_keeps_other_processes_out_until_its_holder_is_gone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    target = tmp_path / "store"
    seen: list[bool] = []

    def second() -> None:
        with lock(target):
            seen.append(target.exists())
            target.unlink(missing_ok=True)

    command = [sys.executable, "-u", "-c", HOLDER, str(target)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        for end in ("release", "SIGKILL"):
            holder.stdin.write("take it\n")
            holder.stdin.flush()
            assert holder.stdout.readline() == "held\n"
            thread = threading.Thread(target=second)
            with waiting(caplog) as waits:
                thread.start()
                assert waits.wait(PATIENCE)
                if end == "SIGKILL":
                    holder.kill()
                else:
                    holder.stdin.write("give it back\n")
                    holder.stdin.flush()
                thread.join(PATIENCE)
    assert seen == [True, False]  # after the holder's work, and without it


def test_a_lock_that_cannot_be_had_says_so(tmp_path: Path) -> None:
    with lock(tmp_path / "store"):
        pass
    (held,) = (tmp_path / ".locks").iterdir()
    held.unlink()
    held.mkdir()  # stands for a lock file of another user's
    with (
        pytest.raises(CacheError, match=r"store: its lock in .*\.locks cannot be had"),
        lock(tmp_path / "store"),
    ):
        pass


def is_file_name(name: str) -> bool:
    try:
        return len(os.fsencode(name)) <= 255
    except UnicodeEncodeError:  # of the lone surrogates only those that stand for a byte
        return False


@settings(max_examples=50)
@given(st.text(st.characters(exclude_characters="/\0") | st.sampled_from("漢😀\udc80.~ -\n%é"), min_size=1))
@example("漢" * 85)
@example("😀" * 63)
@example("\udc80" * 255)
@example("x" * 255)
@example("con.\n%2F")
def test_every_file_name_can_be_locked_and_written(name: str) -> None:
    if name in (".", "..", ".locks") or not is_file_name(name):
        return
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / name
        with lock(target), replacing(target) as temporary:
            temporary.write_bytes(b"whole")
        assert target.read_bytes() == b"whole"
        (held,) = (target.parent / ".locks").iterdir()
        assert held.name.isascii()
        assert len(held.name) < 120
        assert sorted(path.name for path in target.parent.iterdir()) == sorted([".locks", name])


def test_names_that_look_alike_have_locks_of_their_own(tmp_path: Path) -> None:
    with lock(tmp_path / "a b"), lock(tmp_path / "a_b"), lock(tmp_path / "a?b"), lock(tmp_path / "A b"):
        assert len(list((tmp_path / ".locks").iterdir())) == 4


def test_a_new_file_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    final = tmp_path / "deep" / "file"
    with replacing(final) as temporary:
        assert temporary.parent == final.parent
        assert not temporary.exists()
        temporary.write_bytes(b"one")
        assert not final.exists()
    assert final.read_bytes() == b"one"
    with replacing(final) as temporary:
        temporary.write_bytes(b"two")
        assert final.read_bytes() == b"one"
    assert final.read_bytes() == b"two"
    assert list(final.parent.iterdir()) == [final]


def write_half(final: Path, error: BaseException) -> None:
    with replacing(final) as temporary:
        temporary.write_bytes(b"half")
        raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, MemoryError])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    final = tmp_path / "file"
    final.write_bytes(b"old")
    with pytest.raises(error):
        write_half(final, error())
    assert final.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [final]


def test_a_block_that_writes_nothing_replaces_nothing(tmp_path: Path) -> None:
    final = tmp_path / "file"
    final.write_bytes(b"old")
    with pytest.raises(CacheError, match="what was written of it was removed meanwhile"), replacing(final):
        pass
    assert final.read_bytes() == b"old"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EFBIG])
def test_a_disk_that_takes_no_more_is_a_cache_error(tmp_path: Path, number: int) -> None:
    final = tmp_path / "file"
    with pytest.raises(CacheError, match=r"file: it could not be written \(.*\)") as caught:
        write_half(final, OSError(number, os.strerror(number)))
    assert isinstance(caught.value.__cause__, OSError)
    assert list(tmp_path.iterdir()) == []


def test_an_error_at_another_file_is_passed_on_as_it_is(tmp_path: Path) -> None:
    error = PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(tmp_path / "source"))
    with pytest.raises(PermissionError, match="source"):
        write_half(tmp_path / "file", error)
    assert list(tmp_path.iterdir()) == []


def test_an_error_that_is_not_the_disks_is_passed_on_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(ConnectionResetError):
        write_half(tmp_path / "file", ConnectionResetError(errno.ECONNRESET, "reset"))


def test_a_folder_in_the_place_of_the_file_stays(tmp_path: Path) -> None:
    final = tmp_path / "file"
    final.mkdir()
    with pytest.raises(CacheError, match="Is a directory"), replacing(final) as temporary:
        temporary.write_bytes(b"whole")
    assert list(tmp_path.iterdir()) == [final]


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_files_and_folders_get_the_modes_that_the_user_asks_for(tmp_path: Path, mask: int) -> None:
    final = tmp_path / "folder" / "file"
    with umask(mask), lock(final), replacing(final) as temporary:
        temporary.write_bytes(b"")
    assert stat.S_IMODE(final.stat().st_mode) == 0o666 & ~mask
    assert stat.S_IMODE(final.parent.stat().st_mode) == 0o777 & ~mask
    assert stat.S_IMODE((final.parent / ".locks").stat().st_mode) == 0o777 & ~mask


def test_a_published_file_has_its_final_name_only(tmp_path: Path) -> None:
    temporary, final = tmp_path / "file.part", tmp_path / "file"
    for content in (b"one", b"two"):
        temporary.write_bytes(content)
        publish(temporary, final)
        assert final.read_bytes() == content
        assert list(tmp_path.iterdir()) == [final]


def test_files_set_aside_are_numbered(tmp_path: Path) -> None:
    path = tmp_path / "glove.zip"
    for content in (b"1", b"2", b"3"):
        path.write_bytes(content)
        aside = set_aside(path)
        assert aside.read_bytes() == content
        assert not path.exists()
    names = ["glove.zip.bad", "glove.zip.bad.2", "glove.zip.bad.3"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    (tmp_path / "glove.zip.bad.2").unlink()
    path.touch()
    assert set_aside(path).name == "glove.zip.bad.2"


def test_what_a_killed_process_has_left_goes_when_the_next_one_takes_the_lock(tmp_path: Path) -> None:
    target, other = tmp_path / "store", tmp_path / "other"
    left: list[Path] = []
    for final in (target, other):
        with scratch(final) as temporary:
            left.append(temporary)
    receipt = beside(target)
    with scratch(receipt, made_with=target) as temporary:
        left.append(temporary)
    for path in left:
        path.touch()  # as if nobody had been there to remove it
    with lock(target):
        assert [path.exists() for path in left] == [
            False,
            True,
            False,
        ]  # the other may be of somebody who is alive
    os.utime(left[1], (0, 0))
    with lock(other), lock(target):
        assert not left[1].exists()


def test_where_locks_do_not_hold_nothing_is_swept_within_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")
    assert locks_hold(tmp_path)
    with scratch(tmp_path / "store") as temporary:
        temporary.touch()
        with monkeypatch.context() as patch:
            patch.setattr(fcntl, "flock", lambda *_: None)
            assert not locks_hold(tmp_path)
            with lock(tmp_path / "store"):
                assert temporary.exists()
    assert {path.name for path in tmp_path.iterdir()} == {".locks"}
