"""One member of a zip on a server: only its bytes come, and whatever is odd ends in the whole archive or an error."""

from __future__ import annotations

import hashlib
import io
import logging
import re
import struct
import threading
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from servers import Reply, Seen, Server, file

from torchvectors import catalog
from torchvectors.acquire import acquire
from torchvectors.acquire.wanted import of_entry
from torchvectors.archive import open_member
from torchvectors.catalog import Archive, Digest, Entry, Member
from torchvectors.download import Policy, fetch_member, receipt_of
from torchvectors.download.directory import TAIL, Odd, Place, Window, place_of, seal
from torchvectors.errors import DigestError, DownloadError, OfflineError, TorchVectorsError

if TYPE_CHECKING:
    from collections.abc import Iterator

HASTY = Policy(attempts=2, backoff=0, read_timeout=5)
ONCE = Policy(attempts=1, backoff=0, read_timeout=5)
OVERHEAD = 2_000  # bytes of headers and slack around a member


def text(seed: int, n: int, dim: int) -> bytes:
    numbers = np.random.default_rng(seed).integers(100_000, 1_000_000, (n, dim))
    return b"".join(
        b"t%05d " % i + b" ".join(b"-0.%d" % x for x in row) + b"\n" for i, row in enumerate(numbers)
    )


FEW, SOME, MANY = text(1, 4_000, 3), text(2, 4_000, 6), text(3, 4_000, 12)
BODIES = {"few.txt": FEW, "some.txt": SOME, "many.txt": MANY}


def zipped(
    bodies: dict[str, bytes] = BODIES,
    method: int = zipfile.ZIP_DEFLATED,
    comment: bytes = b"",
    prefix: bytes = b"",
    *,
    zip64: bool = False,
) -> bytes:
    buffer = io.BytesIO()
    buffer.write(prefix)
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.comment = comment
        for name, body in bodies.items():
            with archive.open(name, "w", force_zip64=zip64) as stream:
                stream.write(body)
    return buffer.getvalue()


class _Pipe(io.BytesIO):
    """Cannot be rewound, so that zipfile writes sizes and check sums behind the members."""

    def seekable(self) -> bool:
        return False

    def seek(self, offset: int, whence: int = 0, /) -> int:
        raise OSError

    def tell(self) -> int:
        raise OSError


def streamed() -> bytes:
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in BODIES.items():
            archive.writestr(name, body)
    return pipe.getvalue()


def with_zip64_ends() -> bytes:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
        data = zipped()
    assert b"PK\x06\x06" in data[-TAIL:]
    return data


ARCHIVE = zipped()


def digest(body: bytes) -> Digest:
    return Digest.parse(hashlib.sha256(body).hexdigest())


def member(body: bytes = FEW, *, name: str = "few.txt", strict: bool = True, sized: bool = True) -> Member:
    nbytes = len(body) if sized else None
    return Member(name=name, dim=3, nbytes=nbytes, digests=(digest(body),), strict=strict)


def packed(archive: bytes, name: str) -> int:
    return zipfile.ZipFile(io.BytesIO(archive)).getinfo(name).compress_size


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("TORCHVECTORS_MIRROR", "TORCHVECTORS_OFFLINE", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("TORCHVECTORS_HOME", str(tmp_path / "home"))


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


def get(
    urls: list[str] | str,
    folder: Path,
    wanted: Member | None = None,
    *,
    archive: bytes | None = ARCHIVE,
    strict: bool = True,
    policy: Policy = HASTY,
) -> Path:
    """Fetch a member, or the archive, and return which; None if nothing is published of the archive."""
    return fetch_member(
        [urls] if isinstance(urls, str) else urls,
        folder / "v.zip",
        folder / "few.txt.zip",
        wanted or member(),
        digests=() if archive is None else (digest(archive),),
        nbytes=None if archive is None else len(archive),
        strict=strict and archive is not None,
        policy=policy,
    )[0]


def content(path: Path, name: str = "few.txt") -> bytes:
    with open_member(path, name) as stream:
        return b"".join(iter(lambda: stream.read(1 << 16), b""))


def alone(path: Path) -> bool:
    """Say whether a file is a zip of one member, which any program can read."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return archive.namelist() == ["few.txt"]


def beside(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# The member alone


@pytest.mark.parametrize(
    "archive",
    [
        pytest.param(ARCHIVE, id="deflated"),
        pytest.param(zipped(method=zipfile.ZIP_STORED), id="stored"),
        pytest.param(zipped(comment=b"with a comment"), id="comment"),
        pytest.param(zipped(zip64=True), id="zip64 members"),
        pytest.param(with_zip64_ends(), id="zip64 ends"),
        pytest.param(streamed(), id="sizes behind the members"),
        pytest.param(zipped(prefix=b"#!/bin/sh\n" * 50), id="something before it"),
        pytest.param(zipped(dict(reversed(BODIES.items()))), id="last of the members"),
        pytest.param(zipped({**BODIES, "folder/": b""}), id="a folder"),
    ],
)
@pytest.mark.parametrize("known", [True, False])
def test_only_the_members_bytes_come(server: Server, tmp_path: Path, archive: bytes, known: bool) -> None:
    url = server.on("/v.zip", file(archive))
    path = get(url, tmp_path, member(sized=known), archive=archive if known else None)
    assert path == tmp_path / "few.txt.zip"
    assert content(path) == FEW
    assert alone(path)
    assert len(server.log) == 2
    assert server.sent <= TAIL + packed(archive, "few.txt") + OVERHEAD < len(archive) / 2
    receipt = receipt_of(path)
    assert receipt is not None
    assert (receipt.url, receipt.verified, receipt.nbytes) == (url, True, path.stat().st_size)
    assert receipt.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert beside(tmp_path) == {"few.txt.zip", "few.txt.zip.receipt.json"}


def test_the_longest_comment_and_a_long_directory_take_one_request_more(
    server: Server, tmp_path: Path
) -> None:
    others = {f"{'folder/' * 10}{i}": b"" for i in range(500)}
    archive = zipped({**BODIES, **others}, comment=b"x" * 0xFFFF)
    path = get(server.on("/v.zip", file(archive)), tmp_path, archive=archive)
    assert content(path) == FEW
    assert [seen.status for seen in server.log] == [206, 206, 206]
    directory = 500 * (46 + 74)
    assert server.sent < TAIL + directory + packed(archive, "few.txt") + 2 * OVERHEAD


def test_a_member_in_a_folder_is_found_by_the_last_part_of_its_path(server: Server, tmp_path: Path) -> None:
    archive = zipped({"a/few.txt": FEW, "some.txt": SOME})
    path = get(server.on("/v.zip", file(archive)), tmp_path, archive=archive)
    assert path.name == "few.txt.zip"
    assert content(path) == FEW


def test_a_member_needs_a_digest_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="without a digest"):
        get("http://127.0.0.1:9/v.zip", tmp_path, Member(name="few.txt", dim=3))


# The whole archive instead


def whole(server: Server, folder: Path, archive: bytes = ARCHIVE, wanted: Member | None = None) -> None:
    path = get(server.url("/v.zip"), folder, wanted, archive=archive)
    assert path == folder / "v.zip"
    assert path.read_bytes() == archive
    assert beside(folder) == {"v.zip", "v.zip.receipt.json"}


def test_a_server_without_ranges_is_asked_once(server: Server, tmp_path: Path) -> None:
    server.on("/v.zip", file(ARCHIVE, ranges=False))
    whole(server, tmp_path)
    assert [seen.sent for seen in server.log] == [len(ARCHIVE)]


def test_an_answer_that_is_the_archive_and_breaks_off_is_continued(server: Server, tmp_path: Path) -> None:
    half = len(ARCHIVE) // 2
    server.on("/v.zip", file(ARCHIVE, ranges=False, cut=half), file(ARCHIVE))
    whole(server, tmp_path)
    assert [seen.sent for seen in server.log] == [half, len(ARCHIVE) - half]


def test_an_archive_of_one_member_is_fetched_whole(server: Server, tmp_path: Path) -> None:
    archive = zipped({"few.txt": FEW * 3}, zipfile.ZIP_STORED)
    server.on("/v.zip", file(archive))
    path = get(server.url("/v.zip"), tmp_path, member(FEW * 3), archive=archive)
    assert path.read_bytes() == archive or content(path) == FEW * 3


def test_what_is_left_of_an_archive_is_continued_where_that_is_less(server: Server, tmp_path: Path) -> None:
    missing = 10_000
    server.on("/v.zip", file(ARCHIVE, ranges=False, cut=len(ARCHIVE) - missing), file(ARCHIVE))
    with pytest.raises(DownloadError):
        get(server.url("/v.zip"), tmp_path, policy=ONCE)
    server.log.clear()
    whole(server, tmp_path)
    assert server.sent == TAIL + missing


@pytest.mark.parametrize(
    "span", ["bytes 0-99/1000", "bytes 5-2/1", "", "bytes */10", "items 1-2/3", f"bytes 0-9/{len(ARCHIVE)}"]
)
def test_a_wrong_range_is_not_believed(server: Server, tmp_path: Path, span: str) -> None:
    wrong = Reply(status=206, body=b"x" * 100, headers={"Content-Range": span, "ETag": '"1"'})
    server.on("/v.zip", wrong, file(ARCHIVE))
    whole(server, tmp_path)


def test_a_wrong_range_of_the_member_is_not_believed(server: Server, tmp_path: Path) -> None:
    wrong = Reply(status=206, body=FEW, headers={"Content-Range": f"bytes 7-{len(FEW) + 6}/{len(ARCHIVE)}"})
    server.on("/v.zip", file(ARCHIVE), wrong, file(ARCHIVE))
    whole(server, tmp_path)


def test_more_than_a_range_is_not_believed(server: Server, tmp_path: Path) -> None:
    def generous(seen: Seen) -> Reply:
        reply = file(ARCHIVE)(seen)
        return (
            replace(reply, body=reply.body + b"more")
            if seen.headers["Range"].startswith("bytes=0-")
            else reply
        )

    server.on("/v.zip", file(ARCHIVE), generous, file(ARCHIVE))
    whole(server, tmp_path)


def test_a_range_packed_on_the_way_is_not_believed(server: Server, tmp_path: Path) -> None:
    server.on("/v.zip", file(ARCHIVE, headers={"Content-Encoding": "br"}), file(ARCHIVE))
    whole(server, tmp_path)


def test_a_directory_without_the_member_leaves_it_to_the_reader(server: Server, tmp_path: Path) -> None:
    archive = zipped({"other.txt": FEW, "some.txt": SOME})
    server.on("/v.zip", file(archive))
    whole(server, tmp_path, archive)


# Directories that lie

CENTRAL = struct.Struct("<4s4B4H3L5H2L")


def forged(changes: dict[str, int], name: str = "few.txt") -> bytes:
    """Return the archive with changed fields in the directory's entry of a member."""
    fields = ["magic", "made", "system", "needs", "reserved", "flags", "method", "time", "date", "crc"]
    fields += ["packed", "size", "named", "extra", "comment", "disk", "inner", "outer", "start"]
    data, at = bytearray(ARCHIVE), 0
    while True:
        at = data.index(b"PK\x01\x02", at + 1)
        if data[at + 46 : at + 46 + len(name)] == name.encode():
            break
    *left, inner, outer, start = CENTRAL.unpack_from(data, at)
    values = dict(zip(fields, [*left, inner, outer, start], strict=True))
    CENTRAL.pack_into(data, at, *{**values, **changes}.values())
    return bytes(data)


START_OF_SOME = zipfile.ZipFile(io.BytesIO(ARCHIVE)).getinfo("some.txt").header_offset


@pytest.mark.parametrize(
    "changes",
    [
        {"flags": 1},
        {"flags": 0x40},
        {"method": 12},
        {"method": 0},
        {"start": START_OF_SOME},
        {"start": START_OF_SOME - 10},
        {"start": 0x7FFFFFFF},
        {"packed": 10},
        {"packed": 0},
        {"packed": 0x7FFFFFFF},
        {"packed": len(FEW) // 4},
        {"size": 0},
        {"size": len(FEW) - 1},
        {"size": 0x7FFFFFFF},
        {"crc": 0},
        {"named": 5},
    ],
    ids=str,
)
def test_a_directory_that_lies_never_gives_wrong_data(
    server: Server, tmp_path: Path, changes: dict[str, int]
) -> None:
    archive = forged(changes)
    assert archive != ARCHIVE
    server.on("/v.zip", file(archive))
    try:
        path = get(server.url("/v.zip"), tmp_path, member(sized=False), archive=archive)
    except TorchVectorsError:
        assert not {name for name in beside(tmp_path) if name.endswith(".zip")}
    else:
        assert path.read_bytes() == archive


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"flags": 1}, "is encrypted"),
        ({"flags": 0x40}, "is encrypted"),
        ({"method": 12}, "packed by method 12"),
        ({"method": 0}, "cannot have"),
        ({"start": START_OF_SOME}, "overlaps its neighbours"),
        ({"start": 0x7FFFFFFF}, "overlaps its neighbours"),
        ({"packed": packed(ARCHIVE, "few.txt") + 100}, "overlaps its neighbours"),
        ({"size": 0x7FFFFFFF}, "cannot have"),
        ({"size": 0}, "cannot have"),
        ({"named": 5}, "cannot be read"),
    ],
    ids=str,
)
def test_a_directory_that_lies_is_told_by_itself(changes: dict[str, int], said: str) -> None:
    with pytest.raises(Odd, match=said):
        place_of(Window(forged(changes), len(ARCHIVE)), "few.txt", None)


def test_a_neighbour_that_reaches_into_the_member_is_an_overlap() -> None:
    window = Window(forged({"packed": packed(ARCHIVE, "some.txt") + 100}, "some.txt"), len(ARCHIVE))
    with pytest.raises(Odd, match="overlaps"):
        place_of(window, "many.txt", None)


def test_a_promised_size_is_held_to() -> None:
    with pytest.raises(Odd, match=rf"has {len(FEW):,} bytes, and {len(FEW) + 1:,} are promised"):
        place_of(Window(ARCHIVE, len(ARCHIVE)), "few.txt", len(FEW) + 1)


@pytest.mark.parametrize("place", [0, 8, 26, 30])  # magic number, method, length of the name, name
def test_a_member_whose_own_header_is_another_is_not_sealed(tmp_path: Path, place: int) -> None:
    found = place_of(Window(ARCHIVE, len(ARCHIVE)), "few.txt", None)
    data = bytearray(ARCHIVE[found.start : found.stop])
    data[place] ^= 1
    (tmp_path / "part").write_bytes(data)
    with pytest.raises(Odd, match="another header"):
        seal(tmp_path / "part", found)


def test_a_member_of_more_than_four_gigabytes_is_sealed_too(tmp_path: Path) -> None:
    body, path = 5 << 30, tmp_path / "part"
    header = b"PK\x03\x04" + bytes(22) + struct.pack("<HH", 5, 0) + b"large"
    with path.open("wb") as sparse:
        sparse.write(header)
        sparse.truncate(len(header) + body + 24)
    info = zipfile.ZipInfo("large")
    info.compress_size = info.file_size = body
    info.CRC = 0
    seal(path, Place(info=info, start=7 << 30, stop=(7 << 30) + len(header) + body + 24))
    with zipfile.ZipFile(path) as archive, archive.open("large") as stream:
        (found,) = archive.infolist()
        assert (found.file_size, found.header_offset, stream.read(3)) == (body, 0, bytes(3))


def test_two_members_of_one_name_are_left_to_the_reader(server: Server, tmp_path: Path) -> None:
    archive = zipped({"a/few.txt": FEW, "b/few.txt": SOME})
    server.on("/v.zip", file(archive))
    whole(server, tmp_path, archive)


SMALL = zipped({"a.txt": FEW[:3000], "few.txt": FEW[:9000], "z.txt": SOME[:30_000]}, comment=b"a comment")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    places=st.lists(st.integers(1, 420), min_size=1, max_size=6),
    values=st.lists(st.integers(0, 255), min_size=6, max_size=6),
)
@example(places=[110], values=[36] * 6)  # the member's size, to one that is too large
def test_every_spoilt_directory_ends_in_the_archive_the_member_or_an_error(
    server: Server, tmp_path_factory: pytest.TempPathFactory, places: list[int], values: list[int]
) -> None:
    data = bytearray(SMALL)
    for place, value in zip(places, values, strict=False):
        data[-place] = value
    archive, folder = bytes(data), tmp_path_factory.mktemp("spoilt")
    url = server.on("/v.zip", file(archive))
    try:
        path = get(url, folder, member(FEW[:9000], sized=False), archive=archive)
    except TorchVectorsError:
        assert not {name for name in beside(folder) if name.endswith(".zip")}
    else:
        assert path.read_bytes() == archive or content(path) == FEW[:9000]


# Digests


def test_another_member_than_promised_is_an_error_after_a_second_look(server: Server, tmp_path: Path) -> None:
    server.on("/v.zip", file(ARCHIVE))
    with pytest.raises(DigestError, match=r"its sha256 is .* was expected"):
        get(server.url("/v.zip"), tmp_path, member(FEW[:-1] + b"!", sized=False))
    assert beside(tmp_path) == set()
    assert server.sent < TAIL + 2 * (packed(ARCHIVE, "few.txt") + OVERHEAD)


def test_hearsay_of_a_member_is_looked_for_everywhere_and_then_only_warned_of(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    urls = [server.on(f"/{i}/v.zip", file(ARCHIVE)) for i in (1, 2)]
    wanted = member(SOME, strict=False, sized=False)
    path = get(urls, tmp_path, wanted, archive=None)
    assert content(path) == FEW
    receipt = receipt_of(path)
    assert receipt is not None
    assert (receipt.verified, receipt.url) == (False, urls[0])
    assert "no URL gives the listed digest" in caplog.text
    assert server.requests("/2/v.zip")
    assert beside(tmp_path) == {"few.txt.zip", "few.txt.zip.receipt.json"}


def test_hearsay_does_not_vouch_for_a_damaged_member(server: Server, tmp_path: Path) -> None:
    data = bytearray(ARCHIVE)
    data[200] ^= 0xFF  # in the packed bytes
    server.on("/v.zip", file(bytes(data)))
    with pytest.raises(DigestError, match="damaged"):
        get(server.url("/v.zip"), tmp_path, member(strict=False), archive=None)
    assert beside(tmp_path) == set()


def test_a_member_damaged_once_on_the_way_is_fetched_once_more(server: Server, tmp_path: Path) -> None:
    data = bytearray(ARCHIVE)
    data[200] ^= 0xFF
    server.on("/v.zip", file(ARCHIVE), file(bytes(data)), file(ARCHIVE))
    assert content(get(server.url("/v.zip"), tmp_path)) == FEW
    assert len(server.log) == 3


# Broken lines and changed files


def test_a_broken_line_is_continued_where_it_broke(server: Server, tmp_path: Path) -> None:
    server.on("/v.zip", file(ARCHIVE), file(ARCHIVE, cut=9_000), file(ARCHIVE))
    assert content(get(server.url("/v.zip"), tmp_path)) == FEW
    _, first, second = server.log
    assert first.sent == 9_000
    assert second.headers["Range"].startswith("bytes=9000-")
    assert second.headers["If-Range"] == '"1"'


def test_a_cut_directory_is_asked_for_again(server: Server, tmp_path: Path) -> None:
    server.on("/v.zip", file(ARCHIVE, cut=100), file(ARCHIVE))
    assert content(get(server.url("/v.zip"), tmp_path)) == FEW


def test_the_next_call_continues_what_one_has_begun(server: Server, tmp_path: Path) -> None:
    server.on("/v.zip", file(ARCHIVE), file(ARCHIVE, cut=9_000), file(ARCHIVE))
    with pytest.raises(
        DownloadError, match=r"9,000 bytes came, then .*\n.*The 9,000 bytes that came are kept"
    ):
        get(server.url("/v.zip"), tmp_path, policy=ONCE)
    assert beside(tmp_path) == {"few.txt.zip.part", "few.txt.zip.part.json"}
    server.log.clear()
    assert content(get(server.url("/v.zip"), tmp_path)) == FEW
    assert server.log[1].headers["Range"].startswith("bytes=9000-")
    assert beside(tmp_path) == {"few.txt.zip", "few.txt.zip.receipt.json"}


def test_an_odd_directory_costs_none_of_the_bytes_that_are_here(server: Server, tmp_path: Path) -> None:
    server.on("/v.zip", file(ARCHIVE), file(ARCHIVE, cut=9_000), file(ARCHIVE))
    with pytest.raises(DownloadError):
        get(server.url("/v.zip"), tmp_path, policy=ONCE)
    server.on("/v.zip", file(bytes(len(ARCHIVE))), Reply(status=404))
    with pytest.raises(DownloadError, match="The 9,000 bytes that came are kept"):
        get(server.url("/v.zip"), tmp_path, policy=ONCE)
    server.log.clear()
    server.on("/v.zip", file(ARCHIVE))
    assert content(get(server.url("/v.zip"), tmp_path)) == FEW
    assert server.log[1].headers["Range"].startswith("bytes=9000-")


def test_a_member_is_continued_at_the_next_url(server: Server, tmp_path: Path) -> None:
    first = server.on("/a/v.zip", file(ARCHIVE), file(ARCHIVE, cut=9_000), Reply(status=503))
    path = get([first, server.on("/b/v.zip", file(ARCHIVE, etag='"theirs"'))], tmp_path)
    assert content(path) == FEW
    _, member_request = server.requests("/b/v.zip")
    assert member_request.headers["Range"].startswith("bytes=9000-")
    assert member_request.headers["If-Range"] == '"theirs"'
    receipt = receipt_of(path)
    assert receipt is not None
    assert receipt.url == server.url("/b/v.zip")


def test_a_check_that_was_interrupted_is_done_again_and_nothing_is_fetched_twice(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(path: Path, place: Place) -> None:
        seal(path, place)
        raise KeyboardInterrupt

    url = server.on("/v.zip", file(ARCHIVE))
    with monkeypatch.context() as patch:
        patch.setattr("torchvectors.download.members.seal", interrupted)
        with pytest.raises(KeyboardInterrupt):
            get(url, tmp_path)
    server.log.clear()
    path = get(url, tmp_path)
    assert content(path) == FEW
    assert alone(path)
    assert [seen.sent for seen in server.log] == [TAIL]  # the directory


@pytest.mark.parametrize("validated", [True, False])
def test_a_file_that_changed_between_two_calls_is_begun_anew(
    server: Server, tmp_path: Path, validated: bool
) -> None:
    etag = ('"1"', '"2"') if validated else (None, None)
    new = zipped({"new.txt": b"new", **BODIES})
    old, cut = file(ARCHIVE, etag=etag[0]), file(ARCHIVE, etag=etag[0], cut=9_000)
    server.on("/v.zip", old, cut, file(new, etag=etag[1]))
    with pytest.raises(DownloadError):
        get(server.url("/v.zip"), tmp_path, archive=None, policy=ONCE)
    path = get(server.url("/v.zip"), tmp_path, archive=None)
    assert path.name == "few.txt.zip"
    assert content(path) == FEW
    # It goes on after the 9000 bytes only if they are known to be of this file, which they are not.
    assert not [seen for seen in server.log[2:] if re.match("bytes=90[0-9][0-9]-", seen.headers["Range"])]


def test_a_file_that_changed_since_its_directory_came_is_asked_anew(server: Server, tmp_path: Path) -> None:
    new = zipped({"new.txt": b"new", **BODIES})
    server.on("/v.zip", file(ARCHIVE), file(new, etag='"2"'))
    path = get(server.url("/v.zip"), tmp_path, archive=None)
    assert path.name == "few.txt.zip"
    assert content(path) == FEW
    assert [seen.status for seen in server.log] == [206, 200, 206, 206]


def test_a_file_that_always_changes_comes_whole(server: Server, tmp_path: Path) -> None:
    def restless(seen: Seen) -> Reply:
        return file(ARCHIVE, etag=f'"{len(server.log)}"')(seen)

    server.on("/v.zip", restless)
    whole(server, tmp_path)
    assert len(server.log) == 4  # directory, member, and both again: the last answer is the archive


def test_a_server_that_ignores_conditions_and_always_changes_comes_whole(
    server: Server, tmp_path: Path
) -> None:
    def careless(seen: Seen) -> Reply:
        del seen.headers["If-Range"]
        return file(ARCHIVE, etag=f'"{len(server.log)}"')(seen)

    server.on("/v.zip", careless)
    whole(server, tmp_path)


def test_the_next_url_is_asked_for_the_member_too(server: Server, tmp_path: Path) -> None:
    page = Reply(body=b"<!DOCTYPE html><title>Log in</title>")
    urls = [server.on("/404/v.zip", Reply(status=404)), server.on("/page/v.zip", page)]
    urls += [server.on("/other/v.zip", file(ARCHIVE[:-1]))]  # of another size
    path = get([*urls, server.on("/v.zip", file(ARCHIVE))], tmp_path)
    assert path.name == "few.txt.zip"
    assert content(path) == FEW
    assert server.sent < len(ARCHIVE)


def test_every_url_and_its_failure_is_named(server: Server, tmp_path: Path) -> None:
    urls = [server.on("/1/v.zip", Reply(status=404)), server.on("/2/v.zip", Reply(status=503))]
    with pytest.raises(DownloadError, match=r"(?s)/1/v\.zip: it answered 404.*/2/v\.zip: it answered 503"):
        get(urls, tmp_path)
    assert len(server.log) == 3  # a 503 is asked again


def test_credentials_are_used_and_never_shown(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "torchvectors")
    server.on("/v.zip", file(ARCHIVE))
    path = get(server.url("/v.zip?key=s3cret", user="me:p4ssword"), tmp_path)
    assert path.name == "few.txt.zip"
    assert all(seen.headers["Authorization"] for seen in server.log)
    kept = b"".join(one.read_bytes() for one in tmp_path.glob("*.json"))
    for secret in ("s3cret", "p4ssword"):
        assert secret not in caplog.text
        assert secret.encode() not in kept


# From the catalog to the store


def entry_of(url: str, name: str = "few.txt", archive: bytes = ARCHIVE) -> Entry:
    members = tuple(
        Member(name=one, dim=dim, nbytes=len(BODIES[one]), digests=(digest(BODIES[one]),), strict=True)
        for one, dim in (("few.txt", 3), ("some.txt", 6), ("many.txt", 12))
    )
    whole = Archive(
        name="v",
        family="tests",
        kind="zip",
        urls=(url,),
        nbytes=len(archive),
        digests=(digest(archive),),
        strict=True,
        members=members,
        licence="PDDL-1.0",
    )
    (wanted,) = (one for one in members if one.name == name)
    return Entry(name=name.removesuffix(".txt"), archive=whole, member=wanted)


def opened(url: str, cache: Path, name: str = "few.txt") -> tuple[int, int]:
    entry = entry_of(url, name)
    store = acquire(entry.name, entry=entry, cache=cache)
    assert store.metadata["verified"] == "True"
    assert store.metadata["source"] == url
    return len(store), store.dim


def test_a_second_dim_moves_its_own_bytes_only(server: Server, tmp_path: Path) -> None:
    url = server.on("/v.zip", file(ARCHIVE))
    assert opened(url, tmp_path) == (4_000, 3)
    assert server.sent < TAIL + packed(ARCHIVE, "few.txt") + OVERHEAD
    assert opened(url, tmp_path, "some.txt") == (4_000, 6)
    both = packed(ARCHIVE, "few.txt") + packed(ARCHIVE, "some.txt")
    assert server.sent < 2 * (TAIL + OVERHEAD) + both < len(ARCHIVE) + 2 * TAIL
    assert not (tmp_path / "v.zip").exists()
    server.log.clear()
    assert opened(url, tmp_path) == (4_000, 3)
    assert server.log == []


def test_an_archive_that_is_there_is_used(server: Server, tmp_path: Path) -> None:
    (tmp_path / "v.zip").write_bytes(ARCHIVE)
    entry = entry_of(server.url("/v.zip"))
    assert acquire("few", entry=entry, cache=tmp_path).dim == 3
    assert server.log == []


def test_a_member_that_is_there_is_used_and_one_that_changed_is_fetched_anew(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    url = server.on("/v.zip", file(ARCHIVE))
    opened(url, tmp_path)
    (tmp_path / "few.safetensors").unlink()
    server.log.clear()
    opened(url, tmp_path)
    assert server.log == []
    (tmp_path / "few.safetensors").unlink()
    data = bytearray((tmp_path / "few.txt.zip").read_bytes())
    data[300] ^= 0xFF
    (tmp_path / "few.txt.zip").write_bytes(data)
    opened(url, tmp_path)
    assert len(server.log) == 2
    assert "it has changed since it was fetched" in caplog.text


def test_a_member_of_ones_own_is_used_and_held_to_its_digest(server: Server, tmp_path: Path) -> None:
    (tmp_path / "few.txt.zip").write_bytes(zipped({"few.txt": FEW}))
    store = acquire("few", entry=entry_of(server.url("/v.zip")), cache=tmp_path)
    assert store.metadata["verified"] == "True"
    assert server.log == []


def test_offline_the_command_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCHVECTORS_OFFLINE", "1")
    with pytest.raises(OfflineError, match=r"v\.zip.*torchvectors download few"):
        acquire("few", entry=entry_of("http://127.0.0.1:9/v.zip"))


def test_threads_that_want_the_same_member_at_once_fetch_it_once(server: Server, tmp_path: Path) -> None:
    url = server.on("/v.zip", file(ARCHIVE))
    names = ["few.txt", "few.txt", "few.txt", "some.txt", "some.txt"]
    found: list[tuple[int, int]] = []

    def work(name: str) -> None:
        found.append(opened(url, tmp_path, name))

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [(4_000, 3)] * 3 + [(4_000, 6)] * 2
    assert len(server.log) == 4


@pytest.mark.parametrize(
    ("name", "file_name"),
    [
        ("glove.6B.50d", "glove.6B.50d.txt.zip"),
        ("glove.twitter.27B.200d", "glove.twitter.27B.200d.txt.zip"),
        ("wiki.de.bin", "wiki.de.bin.zip"),
        ("crawl-300d-2M-subword.bin", "crawl-300d-2M-subword.bin.zip"),
        ("crawl-300d-2M-subword", None),  # no digest of it is known
        ("glove.840B.300d", None),  # nothing else is in its archive
        ("wiki.de", None),  # no zip
        ("cc.de.300.bin", None),
    ],
)
def test_what_comes_alone_is_decided_by_what_is_known(name: str, file_name: str | None) -> None:
    assert of_entry(catalog.find(name)).own_member == file_name


REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "glove.6B.50d.zip"


@pytest.mark.slow
@pytest.mark.skipif(not REAL.is_file(), reason="needs ../shared/data/glove.6B.50d.zip")
def test_the_official_member_comes_alone_from_an_archive_of_several(server: Server, tmp_path: Path) -> None:
    bigger = tmp_path / "glove.6B.zip"
    bigger.write_bytes(REAL.read_bytes())
    with zipfile.ZipFile(bigger, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr("glove.6B.100d.txt", np.random.default_rng(0).bytes(100_000_000))
    body, known = bigger.read_bytes(), catalog.find("glove.6B.50d")
    url = server.on("/glove.6B.zip", file(body))
    whole = replace(known.archive, urls=(url,), nbytes=len(body), digests=(digest(body),))
    store = acquire(
        known.name, entry=Entry(name=known.name, archive=whole, member=known.member), cache=tmp_path / "cache"
    )
    assert (len(store), store.dim, store.metadata["verified"]) == (400_000, 50, "True")
    assert server.sent < TAIL + REAL.stat().st_size
