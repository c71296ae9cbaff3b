"""torchtext's ``utils``: downloads that are whole and verified, archives that stay where they are unpacked."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import inspect
import io
import logging
import os
import tarfile
import threading
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servers import Reply, Server, file
from tqdm import tqdm

from torchvectors import utils
from torchvectors.catalog.drive import addresses
from torchvectors.download.receipts import Receipt, write_receipt
from torchvectors.errors import (
    ArchiveError,
    CacheError,
    DigestError,
    DownloadError,
    NotFoundError,
    OfflineError,
)
from torchvectors.utils import (
    download_from_url,
    extract_archive,
    get_asset_local_path,
    get_lock_dir,
    reporthook,
    validate_file,
)

BODY = b"the body of a file\n" * 1000
SHA256 = hashlib.sha256(BODY).hexdigest()
MD5 = hashlib.md5(BODY).hexdigest()


@pytest.fixture(autouse=True)
def _a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TORCHVECTORS_MIRROR", "TORCHVECTORS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("TORCHVECTORS_HOME", str(tmp_path / "home"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def visible(folder: Path) -> set[str]:
    """Return the files below a folder but for those whose names, or whose folders' names, begin with a dot."""
    below = (path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir())
    return {str(path) for path in below if not any(part.startswith(".") for part in path.parts)}


def test_the_signatures_are_torchtexts() -> None:
    expected = {
        "download_from_url": "url, path=None, root='.data', overwrite=False, hash_value=None, hash_type='sha256'",
        "extract_archive": "from_path, to_path=None, overwrite=False",
        "get_asset_local_path": "asset_path, overwrite=False",
        "get_lock_dir": "",
        "reporthook": "t",
        "validate_file": "file_obj, hash_value, hash_type='sha256'",
    }
    assert utils.__all__ == sorted(expected)
    for name, words in expected.items():
        signature = inspect.signature(getattr(utils, name))
        bare = [one.replace(annotation=one.empty) for one in signature.parameters.values()]
        assert str(signature.replace(parameters=bare, return_annotation=signature.empty)) == f"({words})"


# Downloads


def test_a_file_comes_under_the_last_part_of_its_url() -> None:
    with Server() as server:
        path = download_from_url(server.on("/data/file.txt", file(BODY)))
    assert path == str(Path.cwd() / ".data" / "file.txt")
    assert Path(path).read_bytes() == BODY
    assert {one.name for one in Path(".data").iterdir()} == {"file.txt", ".locks"}


@pytest.mark.parametrize("given_as", [str, Path])
def test_a_file_comes_where_it_is_wanted(given_as: Callable[[str], Any]) -> None:
    with Server() as server:
        url = server.on("/file.txt", file(BODY))
        assert download_from_url(url, given_as("a/b.txt")) == str(Path.cwd() / "a" / "b.txt")
        assert download_from_url(url, None, given_as("root")) == str(Path.cwd() / "root" / "file.txt")
    assert visible(Path.cwd()) == {"a/b.txt", "root/file.txt"}


def test_a_file_that_is_there_is_taken_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    Path("b.txt").write_bytes(b"my own")
    with Server() as server, caplog.at_level(logging.INFO):
        url = server.on("/file.txt", file(BODY))
        path = download_from_url(url, "b.txt")
        assert not server.log
        assert f"File {path} already exists." in caplog.messages
        assert Path(path).read_bytes() == b"my own"
        assert download_from_url(url, "b.txt", overwrite=True) == path
        assert f"File {path} downloaded." in caplog.messages
    assert Path(path).read_bytes() == BODY


def test_what_is_there_can_be_overwritten_by_what_its_publisher_has_changed() -> None:
    with Server() as server:
        url = server.on("/file.txt", file(BODY, etag='"1"'), file(b"newer", etag='"2"'))
        download_from_url(url, "b.txt")
        download_from_url(url, "b.txt", overwrite=True)
    assert Path("b.txt").read_bytes() == b"newer"


def test_what_an_interrupted_download_left_does_not_bind_the_next() -> None:
    receipt = Receipt(url="x", nbytes=5, sha256=hashlib.sha256(b"older").hexdigest(), verified=False)
    with Server() as server:
        url = server.on("/file.txt", file(BODY))
        write_receipt(Path("b.txt"), replace(receipt, url=url))
        download_from_url(url, "b.txt")
    assert Path("b.txt").read_bytes() == BODY


@pytest.mark.parametrize(("kind", "value"), [("sha256", SHA256), ("md5", MD5), ("sha256", SHA256.upper())])
def test_the_right_digest_is_accepted_of_both_old_and_new(
    kind: str, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    with Server() as server, caplog.at_level(logging.INFO):
        url = server.on("/file.txt", file(BODY))
        for _ in range(2):
            path = download_from_url(url, hash_value=value, hash_type=kind)
        assert len(server.log) == 1
    assert f"Validating hash {value.lower()} matches hash of {path}" in caplog.messages


def test_a_wrong_digest_is_refused_and_the_file_never_there() -> None:
    with Server() as server:
        url = server.on("/file.txt", file(BODY))
        with pytest.raises(DigestError, match=r"The hash of .*file\.txt does not match"):
            download_from_url(url, hash_value="0" * 64)
        assert not Path(".data/file.txt").exists()
        assert download_from_url(url, hash_value=SHA256)


def test_a_file_that_is_there_with_a_wrong_digest_is_refused_and_kept() -> None:
    Path("b.txt").write_bytes(b"my own")
    words = r"The hash of .*b\.txt does not match\. Delete the file manually and retry\."
    with pytest.raises(RuntimeError, match=words):
        download_from_url("http://127.0.0.1:9/file.txt", "b.txt", hash_value=SHA256)
    assert Path("b.txt").read_bytes() == b"my own"


def test_what_is_no_digest_is_refused_before_anything_is_asked() -> None:
    with Server() as server:
        url = server.on("/file.txt", file(BODY))
        with pytest.raises(ValueError, match="hash_type='sha1': give 'sha256' or 'md5'"):
            download_from_url(url, hash_value="0" * 40, hash_type="sha1")
        with pytest.raises(RuntimeError, match="does not match, nor would any file's"):
            download_from_url(url, hash_value="abc")
        assert not server.log


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(status=404), "it answered 404 Not Found"),
        (Reply(status=403, body=b"no"), "it answered 403 Forbidden"),
        (Reply(body=b"<!doctype html><title>Sign in</title>"), r"it gave an HTML page \('Sign in'\)"),
        (Reply(body=b""), "an empty body"),
    ],
)
def test_what_is_no_file_is_an_error_and_no_file(reply: Reply, reason: str) -> None:
    with Server() as server, pytest.raises(DownloadError, match=reason):
        download_from_url(server.on("/file.txt", reply))
    assert visible(Path.cwd()) == set()
    assert not Path(".data/file.txt").exists()


def test_a_broken_transfer_goes_on_where_it_was() -> None:
    with Server() as server:
        url = server.on("/file.txt", file(BODY, cut=7000), file(BODY))
        path = download_from_url(url)
        assert [seen.sent for seen in server.log] == [7000, len(BODY) - 7000]
    assert Path(path).read_bytes() == BODY


def test_a_folder_in_the_place_of_its_receipt_is_an_error_and_stays(tmp_path: Path) -> None:
    (tmp_path / "a.receipt.json").mkdir()
    with (
        Server() as server,
        pytest.raises(CacheError, match=r"a\.receipt\.json: .*Move away what is in the way"),
    ):
        download_from_url(server.on("/a", file(BODY)), path=tmp_path / "a")
    assert server.log == []
    assert visible(tmp_path) == set()
    assert (tmp_path / "a.receipt.json").is_dir()


def test_threads_that_want_one_file_at_once_download_it_once() -> None:
    with Server() as server:
        url = server.on("/file.txt", file(BODY))
        got: list[str] = []
        threads = [threading.Thread(target=lambda: got.append(download_from_url(url))) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(server.log) == 1
    assert got == [str(Path.cwd() / ".data" / "file.txt")] * 6


@pytest.mark.parametrize("url", ["http://host/", "http://host/a/..", "http://host/."])
def test_a_url_without_a_file_name_needs_a_path(url: str) -> None:
    with pytest.raises(ValueError, match=r"does not end in the name of a file: give path=\."):
        download_from_url(url)


def test_a_query_stays_in_the_name_as_torchtext_had_it() -> None:
    with Server() as server:
        url = server.on("/file.txt", file(BODY)) + "?dl=1"
        assert download_from_url(url) == str(Path.cwd() / ".data" / "file.txt?dl=1")


def test_a_folder_that_cannot_be_made_is_an_os_error_in_torchtexts_words() -> None:
    Path("file").write_bytes(b"")
    with pytest.raises(CacheError, match=r"Can't create the download directory .*file"):
        download_from_url("http://127.0.0.1:9/x", "file/x")
    assert issubclass(CacheError, OSError)


def test_offline_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHVECTORS_OFFLINE", "1")
    with Server() as server:
        with pytest.raises(OfflineError, match=r"file\.txt"):
            download_from_url(server.on("/file.txt", file(BODY)))
        assert not server.log


@pytest.mark.parametrize(
    ("url", "second"),
    [
        (
            "https://drive.google.com/uc?export=download&id=0B-x_1",
            "https://drive.usercontent.google.com/download?id=0B-x_1&export=download&confirm=t",
        ),
        ("https://drive.google.com/file/d/0B/view", None),
        ("https://example.org/?u=drive.google.com&id=1", None),
    ],
)
def test_a_file_on_google_drive_has_two_addresses(url: str, second: str | None) -> None:
    assert addresses(url) == [url] + ([second] if second else [])


def test_an_asset_is_found_or_fetched_once() -> None:
    Path("mine.txt").write_bytes(b"mine")
    assert get_asset_local_path("mine.txt") == "mine.txt"
    with Server() as server:
        urls = [server.on(f"/{folder}/v.txt", file(folder.encode())) for folder in "ab"]
        paths = [get_asset_local_path(url) for url in urls * 2]
        assert len(server.log) == 2
        assert [Path(path).read_bytes() for path in paths] == [b"a", b"b"] * 2
        assert get_asset_local_path(urls[0], overwrite=True) == paths[0]
        assert len(server.log) == 3
    with pytest.raises(NotFoundError, match="there is no such file"):
        get_asset_local_path("theirs.txt")


def test_the_lock_folder_is_there() -> None:
    assert Path(get_lock_dir()).is_dir()


@given(body=st.binary(max_size=100), other=st.binary(max_size=100), kind=st.sampled_from(["sha256", "md5"]))
def test_every_file_is_valid_by_its_own_digest_alone(body: bytes, other: bytes, kind: str) -> None:
    digest = hashlib.new(kind, other).hexdigest()
    assert validate_file(io.BytesIO(body), digest, kind) is (body == other)


def test_other_kinds_of_digest_are_a_value_error() -> None:
    with pytest.raises(ValueError, match="hash_type='sha1'"):
        validate_file(io.BytesIO(BODY), "0" * 40, "sha1")


def test_the_hook_moves_a_bar() -> None:
    with tqdm(file=io.StringIO()) as bar:
        report = reporthook(bar)
        report(1, 10, 100)
        report(4, 10)
        assert (bar.n, bar.total) == (40, 100)
        report()
        assert bar.n == 37  # three blocks back, of one byte: as torchtext counted


# Archives

FILES = {"a.txt": b"one", "sub/b.txt": b"two" * 1000, "sub/deeper/c": b""}


def tarred(
    path: Path, files: Mapping[str, bytes] = FILES, *infos: tarfile.TarInfo, mode: str = "w:gz"
) -> Path:
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]  # mypy wants to see the mode written out
        for name, body in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
        for info in infos:
            tar.addfile(info)
    return path


def zipped(path: Path, files: Mapping[str, bytes] = FILES, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return path


KINDS: dict[str, Callable[..., Path]] = {"f.tar.gz": tarred, "f.tgz": tarred, "f.zip": zipped}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("to", [None, "to", "to/", Path("to")])
def test_an_archive_gives_its_files_and_their_paths(name: str, to: str | Path | None) -> None:
    archive = KINDS[name](Path(name))
    paths = extract_archive(name, to)
    assert paths == [os.path.join(to or "", one) for one in FILES]  # noqa: PTH118 - as torchtext wrote them
    assert {one: Path(to or "", one).read_bytes() for one in FILES} == FILES
    assert visible(Path.cwd()) == {str(archive), *(str(Path(to or "", one)) for one in FILES)}
    assert not list(Path.cwd().rglob(".*"))


def test_the_archives_own_folder_is_the_default(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "f.zip")
    assert extract_archive(str(archive)) == [str(tmp_path / one) for one in FILES]


@pytest.mark.parametrize("name", KINDS)
def test_what_is_there_is_kept_unless_it_is_to_be_overwritten(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    KINDS[name](Path(name))
    Path("a.txt").write_bytes(b"mine")
    with caplog.at_level(logging.INFO, "torchvectors.utils"):
        assert extract_archive(name) == list(FILES)
    assert Path("a.txt").read_bytes() == b"mine"
    what = "zip" if name == "f.zip" else "tar"
    assert caplog.messages == [
        f"Opening {what} file {name}.",
        "a.txt already extracted.",
        f"Finished extracting {what} file {name}.",
    ]
    assert extract_archive(name, overwrite=True) == list(FILES)
    assert Path("a.txt").read_bytes() == FILES["a.txt"]


def test_folders_are_made_and_not_listed() -> None:
    empty = tarfile.TarInfo("empty")
    empty.type = tarfile.DIRTYPE
    here = tarfile.TarInfo("./")
    here.type = tarfile.DIRTYPE
    tarred(Path("f.tgz"), {"./a": b"1"}, here, empty)
    assert extract_archive("f.tgz", "to") == ["to/./a"]
    assert Path("to/empty").is_dir()
    zipped(Path("f.zip"), {"d/": b"", "d/a": b"1"})
    assert extract_archive("f.zip", "to") == ["to/d/a"]


def test_a_tar_that_is_not_packed_at_all_is_read() -> None:
    tarred(Path("f.tar.gz"), mode="w")
    assert extract_archive("f.tar.gz") == list(FILES)


def test_a_single_packed_file_is_unpacked_beside_itself_whatever_is_there(tmp_path: Path) -> None:
    Path("v.vec").write_bytes(b"old")
    Path("v.vec.gz").write_bytes(gzip.compress(BODY))
    assert extract_archive("v.vec.gz", str(tmp_path)) == ["v.vec"]
    assert Path("v.vec").read_bytes() == BODY
    assert visible(Path.cwd()) == {"v.vec", "v.vec.gz"}


@pytest.mark.parametrize("name", ["f.rar", "f.tar", "f", "f.tar.bz2"])
def test_other_kinds_are_not_implemented(name: str) -> None:
    Path(name).write_bytes(b"")
    with pytest.raises(NotImplementedError, match=r"We currently only support tar\.gz, \.tgz, \.gz and zip"):
        extract_archive(name)


@pytest.mark.parametrize("name", ["f.tar.gz", "f.tgz", "f.zip", "f.gz"])
def test_a_missing_archive_is_not_found(name: str) -> None:
    with pytest.raises(FileNotFoundError):
        extract_archive(name)


NAMES = st.lists(
    st.text(
        st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\:"), min_size=1, max_size=20
    ).filter(lambda name: name not in (".", "..")),
    min_size=1,
    max_size=3,
).map("/".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    names=st.lists(NAMES, unique=True, max_size=6),
    body=st.binary(max_size=50),
    kind=st.sampled_from(list(KINDS)),
)
def test_every_harmless_archive_is_unpacked(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], body: bytes, kind: str
) -> None:
    # No file can be another's folder.
    names = [name for name in names if not any(other.startswith(f"{name}/") for other in names)]
    folder = tmp_path_factory.mktemp("every")
    archive = KINDS[kind](folder / kind, dict.fromkeys(names, body))
    paths = extract_archive(archive, folder / "to")
    assert paths == [f"{folder / 'to'}/{name}" for name in names]
    assert all(Path(path).read_bytes() == body for path in paths)


ASTRAY = [
    "../x",
    "a/../../x",
    "/tmp/torchvectors-astray",
    "..",
    "a/..",
    "/",
    "//x",
    "sub/../x",
    "C:\\x",
    "C:x",
    "..\\x",
    "\\\\server\\share\\x",
    "\\x",
]


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("astray", ASTRAY)
def test_no_name_leads_elsewhere(name: str, astray: str, tmp_path: Path) -> None:
    KINDS[name](Path(name), {"before": b"1", astray: b"2", "after": b"3"})
    outside = visible(tmp_path)
    with pytest.raises(ArchiveError, match=r"would be written outside the folder\. Nothing was unpacked"):
        extract_archive(name, "to")
    assert visible(tmp_path) == outside
    assert not Path("to").exists()
    assert not Path("/tmp/torchvectors-astray").exists()


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
)
@pytest.mark.parametrize("target", ["/etc/passwd", "a.txt", "../x"])
def test_links_and_devices_are_refused(kind: bytes, target: str) -> None:
    link = tarfile.TarInfo("link")
    link.type, link.linkname = kind, target
    tarred(Path("f.tgz"), FILES, link)
    with pytest.raises(ArchiveError, match=r"'link' is a link or a device.* Nothing was unpacked"):
        extract_archive("f.tgz", "to")
    assert not Path("to").exists()


def test_a_link_in_a_zip_is_refused() -> None:
    info = zipfile.ZipInfo("link")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile("f.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(ArchiveError, match="'link' is a link"):
        extract_archive("f.zip", "to")
    assert not Path("to").exists()


@pytest.mark.parametrize("name", [*KINDS, "f.gz"])
def test_a_bomb_is_refused(name: str) -> None:
    body = bytes(30 << 20)
    if name == "f.gz":
        Path(name).write_bytes(gzip.compress(body))
    else:
        KINDS[name](Path(name), {"zeros": body})
    with pytest.raises(ArchiveError, match=r"than the [\d,]+ bytes it may"):
        extract_archive(name, "to")
    assert visible(Path.cwd()) == {name}


def test_a_tar_that_claims_a_thousand_million_bytes_is_refused() -> None:
    info = tarfile.TarInfo("large")
    info.size = 10**9
    Path("f.tgz").write_bytes(gzip.compress(info.tobuf() + bytes(10240)))
    with pytest.raises(ArchiveError):
        extract_archive("f.tgz", "to")
    assert not Path("to").exists()


def test_a_tar_whose_file_is_one_large_hole_is_refused() -> None:
    info = tarfile.TarInfo("hole")
    info.type = tarfile.GNUTYPE_SPARSE
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[483:495] = b"%011o\0" % (8 << 30)  # its size, of which nothing is in the archive
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    Path("f.tgz").write_bytes(gzip.compress(bytes(header) + bytes(10240)))
    with pytest.raises(
        ArchiveError, match=r"unpack to more than the [\d,]+ bytes it may\. Nothing was unpacked"
    ):
        extract_archive("f.tgz", "to")
    assert not Path("to").exists()


def test_encrypted_and_rarely_packed_files_are_refused() -> None:
    zipped(Path("f.zip"), {"a": BODY}, zipfile.ZIP_BZIP2)
    with pytest.raises(ArchiveError, match="a is encrypted, or packed by a method other"):
        extract_archive("f.zip")
    body = bytearray(zipped(Path("f.zip"), {"a": BODY}).read_bytes())
    for header, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        body[body.index(header) + place] |= 1
    Path("f.zip").write_bytes(body)
    with pytest.raises(ArchiveError, match="a is encrypted"):
        extract_archive("f.zip")
    assert visible(Path.cwd()) == {"f.zip"}


@pytest.mark.parametrize("name", [*KINDS, "f.gz"])
@pytest.mark.parametrize(
    "body", [b"", b"<!doctype html>", b"\x1f\x8b", b"PK\x03\x04", b"\xff" * 2000, bz2.compress(BODY)]
)
def test_what_is_no_archive_is_refused(name: str, body: bytes) -> None:
    Path(name).write_bytes(body)
    with pytest.raises(ArchiveError, match=rf"{name}: "):
        extract_archive(name, "to")
    assert visible(Path.cwd()) == {name}


def archived(kind: str, path: Path) -> bytes:
    if kind == "f.gz":
        path.write_bytes(gzip.compress(BODY))
    else:
        KINDS[kind](path)
    return path.read_bytes()


EVERY = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)


@EVERY
@given(data=st.data(), kind=st.sampled_from([*KINDS, "f.gz"]))
def test_every_cut_archive_is_refused_and_nothing_of_it_unpacked(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, kind: str
) -> None:
    path = tmp_path_factory.mktemp("cut") / kind
    whole = archived(kind, path)
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(ArchiveError, match=kind):
        extract_archive(path)
    assert visible(path.parent) == {kind}


@EVERY
@given(data=st.data(), kind=st.sampled_from([*KINDS, "f.gz"]))
def test_every_changed_byte_leaves_whole_files_or_none(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, kind: str
) -> None:
    path = tmp_path_factory.mktemp("changed") / kind
    whole = bytearray(archived(kind, path))
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(whole)
    try:
        extract_archive(path)
    except ArchiveError as error:
        assert str(path) in str(error)  # noqa: PT017 - either is right
    bodies = {(path.parent / name).read_bytes() for name in visible(path.parent) - {kind}}
    assert bodies <= {BODY, *FILES.values()}
    assert not list(path.parent.rglob("*.tmp"))


def test_a_file_where_a_folder_should_be_is_the_systems_own_error() -> None:
    Path("sub").write_bytes(b"mine")
    zipped(Path("f.zip"))
    with pytest.raises(OSError, match="sub"):
        extract_archive("f.zip")
    assert Path("sub").read_bytes() == b"mine"
