"""A file on the disk → one member's bytes: real archives of every kind, whole, damaged and hostile."""

from __future__ import annotations

import gzip
import io
import lzma
import random
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from torchvectors.archive import each_member, open_member
from torchvectors.errors import ArchiveError, MemberError

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXT = b"".join(b"token%d %d.5 -0.%d\n" % (i, i, i) for i in range(300))
ALONE = {"v.txt": TEXT}
FILED = {"about/README": b"hello", "data/v.txt": TEXT}

SEVERAL = ["stored.zip", "deflated.zip", "v.tar", "v.tar.gz", "v.tgz", "v.tar.xz"]
SINGLE = ["v.txt.gz", "v.txt.xz", "v.txt"]
CHECKED = [name for name in SEVERAL + SINGLE if name not in ("v.tar", "v.txt")]  # these have check sums

MAGIC = [b"PK\x03\x04", b"PK\x05\x06", b"\x1f\x8b", b"\xfd7zXZ\0"]

REUSED = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def packed(name: str, members: Mapping[str, bytes]) -> bytes:
    """Return an archive of the kind that its name says, with these members; of a single file, the first one."""
    if name.endswith(".zip"):
        method = zipfile.ZIP_STORED if name.startswith("stored") else zipfile.ZIP_DEFLATED
        return zipped(members, method)
    body = tarred(members) if name.endswith("tgz") or ".tar" in name else next(iter(members.values()))
    if name.endswith(("gz", "tgz")):
        return gzip.compress(body)
    return lzma.compress(body) if name.endswith("xz") else body


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return buffer.getvalue()


def tarred(members: Mapping[str, bytes], *others: tarfile.TarInfo) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for other in others:
            archive.addfile(other)
        for name, body in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return buffer.getvalue()


def unpacked(path: Path, member: str | None = None, n: int = 1 << 12, nbytes: int | None = None) -> bytes:
    with open_member(path, member, nbytes=nbytes) as stream:
        return b"".join(iter(lambda: stream.read(n), b""))


def written(folder: Path, name: str, body: bytes) -> Path:
    path = folder / name
    path.write_bytes(body)
    return path


# What comes out


@pytest.mark.parametrize("name", SEVERAL)
@pytest.mark.parametrize("member", ["data/v.txt", "v.txt"], ids=["its path", "its name"])
def test_a_member_is_read_by_its_path_or_its_name(tmp_path: Path, name: str, member: str) -> None:
    path = written(tmp_path, name, packed(name, FILED))
    with open_member(path, member) as stream:
        assert (stream.name, stream.total) == ("data/v.txt", len(TEXT))
        assert stream.read(10) + stream.read(1 << 20) == TEXT
        assert stream.read(1) == b""
        assert stream.done == len(TEXT)


@pytest.mark.parametrize("name", SEVERAL + SINGLE)
def test_a_member_that_is_alone_needs_no_name(tmp_path: Path, name: str) -> None:
    assert unpacked(written(tmp_path, name, packed(name, ALONE))) == TEXT


@pytest.mark.parametrize(
    ("name", "called"), [("v.txt.gz", "v.txt"), ("v.txt.xz", "v.txt"), ("v.txt", "v.txt")]
)
def test_a_single_file_goes_by_its_own_name(tmp_path: Path, name: str, called: str) -> None:
    with open_member(written(tmp_path, name, packed(name, ALONE)), "another.txt") as stream:
        assert stream.name == called
        assert stream.total == (len(TEXT) if name == called else None)


@pytest.mark.parametrize("name", SEVERAL + SINGLE)
def test_the_content_tells_the_kind(tmp_path: Path, name: str) -> None:
    assert unpacked(written(tmp_path, "download", packed(name, FILED)), "v.txt") == (
        FILED["about/README"] if name in SINGLE else TEXT
    )


@pytest.mark.parametrize("start", [b"PK 1 2\n", b"PK\x07\x08 1 2\n", b"ustar 0 1\n"])
def test_a_text_whose_first_token_looks_like_an_archive_is_a_text(tmp_path: Path, start: bytes) -> None:
    assert unpacked(written(tmp_path, "v.txt", start + TEXT)) == start + TEXT


@REUSED
@given(body=st.binary(max_size=2000), n=st.integers(1, 700), name=st.sampled_from(SEVERAL + SINGLE))
def test_every_content_comes_out_whole_in_pieces_of_every_size(
    tmp_path: Path, body: bytes, n: int, name: str
) -> None:
    archive = packed(
        f"{name}.gz" if name in SINGLE else name, {"v.txt": body}
    )  # bare bytes may look like anything
    assert unpacked(written(tmp_path, "v", archive), n=n) == body


def test_empty_and_missing_files(tmp_path: Path) -> None:
    assert unpacked(written(tmp_path, "v.txt", b"")) == b""
    with pytest.raises(FileNotFoundError):
        unpacked(tmp_path / "gone.zip")


# Which member


@pytest.mark.parametrize("name", SEVERAL)
def test_a_missing_member_is_an_error_that_lists_those_that_are_there(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name, packed(name, FILED))
    with pytest.raises(MemberError) as caught:
        unpacked(path, "w.txt")
    assert str(caught.value) == (
        f"{path}: there is no 'w.txt' in this archive. It holds: about/README, data/v.txt. Name one of these."
    )


def test_an_error_lists_no_more_than_twenty(tmp_path: Path) -> None:
    path = written(tmp_path, "v.zip", zipped({f"{i:02}.txt": b"" for i in range(50)}))
    with pytest.raises(MemberError, match=r"00\.txt, .*19\.txt and 30 more"):
        unpacked(path, "v.txt")


def test_without_a_name_several_members_are_too_many(tmp_path: Path) -> None:
    path = written(tmp_path, "v.zip", zipped(FILED))
    with pytest.raises(MemberError, match=r"there are 2 files to choose from.*data/v\.txt\. Unpack the one"):
        unpacked(path)


def test_of_two_members_of_one_name_the_path_decides(tmp_path: Path) -> None:
    path = written(
        tmp_path, "v.zip", zipped({"v.txt": b"top", "a/v.txt": b"a", "a/w.txt": b"1", "b/w.txt": b"2"})
    )
    assert unpacked(path, "v.txt") == b"top"
    assert unpacked(path, "b/w.txt") == b"2"
    with pytest.raises(MemberError, match="there are 2 files to choose from"):
        unpacked(path, "w.txt")


@pytest.mark.parametrize("name", ["v.zip", "v.tar"])
def test_an_archive_of_nothing_holds_nothing(tmp_path: Path, name: str) -> None:
    empty = zipped({"folder/": b""}) if name == "v.zip" else tarred({}, a_folder("folder"))
    for body in (empty, zipped({})):
        with pytest.raises(MemberError, match="It holds: nothing"):
            unpacked(written(tmp_path, name, body), "v.txt")


def a_folder(name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = tarfile.DIRTYPE
    return info


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_no_members(tmp_path: Path, kind: bytes) -> None:
    secret = written(tmp_path, "secret", b"nobody may read this")
    link = tarfile.TarInfo("v.txt")
    link.type, link.linkname = kind, str(secret)
    path = written(tmp_path, "v.tar", tarred({"w.txt": TEXT}, link))
    with pytest.raises(MemberError, match=r"It holds: w\.txt"):
        unpacked(path, "v.txt")
    assert unpacked(path) == TEXT


@pytest.mark.parametrize("name", SEVERAL)
@pytest.mark.parametrize("member", ["../v.txt", "/v.txt", "a/../../v.txt"])
def test_names_inside_are_never_used_as_paths(tmp_path: Path, name: str, member: str) -> None:
    inner = tmp_path / "deep" / "deeper"
    inner.mkdir(parents=True)
    path = written(inner, name, packed(name, {member: TEXT}))
    assert unpacked(path, "v.txt") == TEXT
    assert {found for found in tmp_path.rglob("*") if found.is_file()} == {path}


# What cannot be read


@pytest.mark.parametrize("name", ["v.zip", "v.tar.gz", "v.tgz", "v.txt.gz", "v.txt.xz", "V.ZIP"])
def test_a_web_page_in_place_of_an_archive_is_an_error(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name, b"<!DOCTYPE html><title>404</title>")
    with pytest.raises(
        ArchiveError, match=rf"{name}: this is no archive: it begins with b'<!DOCTYP'.*web page"
    ):
        unpacked(path, "v.txt")


def test_an_encrypted_member_is_an_error(tmp_path: Path) -> None:
    body = bytearray(zipped(ALONE))
    body[body.index(b"PK\x03\x04") + 6] |= 1  # flags, in the member's own header and in the directory
    body[body.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(ArchiveError, match=r"v\.txt is encrypted"):
        unpacked(written(tmp_path, "v.zip", bytes(body)))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_cannot_be_bounded_are_refused(tmp_path: Path, method: int) -> None:
    path = written(tmp_path, "v.zip", zipped(ALONE, method))
    with pytest.raises(ArchiveError, match=rf"packed by method {method}, .* Unpack it yourself"):
        unpacked(path)


@pytest.mark.parametrize("name", CHECKED)
def test_an_archive_cut_anywhere_is_an_error(tmp_path: Path, name: str) -> None:
    body = packed(name, FILED if name in SEVERAL else ALONE)
    for place in (*range(40), *range(40, len(body) - 40, 37), *range(len(body) - 40, len(body))):
        with pytest.raises(ArchiveError, match=name):
            unpacked(written(tmp_path, name, body[:place]), "v.txt")


def test_a_tar_cut_within_its_member_is_an_error(tmp_path: Path) -> None:
    body = tarred(FILED)
    start = body.index(TEXT)
    for place in range(start, start + len(TEXT), 97):
        with pytest.raises(ArchiveError, match="cut short or damaged"):
            unpacked(written(tmp_path, "v.tar", body[:place]), "v.txt")


@settings(REUSED, max_examples=300)
@given(data=st.data(), name=st.sampled_from(CHECKED))
def test_every_damage_is_an_error_or_does_no_harm(tmp_path: Path, data: st.DataObject, name: str) -> None:
    body = bytearray(packed(name, FILED if name in SEVERAL else ALONE))
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = unpacked(written(tmp_path, name, bytes(body)), "v.txt")
    except ArchiveError as error:
        assert str(tmp_path / name) in str(error)  # noqa: PT017 - either way is right
    else:
        assert found == TEXT


@REUSED
@given(body=st.binary(max_size=600), head=st.sampled_from([*MAGIC, b""]))
def test_every_nonsense_is_an_error_of_ours_or_a_text(tmp_path: Path, body: bytes, head: bytes) -> None:
    path = written(tmp_path, "v", head + body)
    try:
        found = unpacked(path, "v.txt")
    except ArchiveError as error:
        assert str(path) in str(error)  # noqa: PT017 - either way is right
    else:
        assert found == head + body


def test_a_wrong_check_sum_is_an_error_even_where_nothing_else_is_wrong(tmp_path: Path) -> None:
    stored = bytearray(packed("stored.zip", FILED))
    stored[stored.index(b"token7 ")] ^= 1
    with pytest.raises(ArchiveError, match="CRC"):
        unpacked(written(tmp_path, "v.zip", bytes(stored)), "v.txt")
    for name in ("v.txt.gz", "v.tar.gz"):
        body = bytearray(packed(name, FILED))
        body[-8] ^= 1
        with pytest.raises(ArchiveError, match="CRC"):
            unpacked(written(tmp_path, name, bytes(body)), "v.txt")


# What unpacks to more than it should


BOMB = bytes(16 << 20)


@pytest.mark.parametrize("name", ["v.zip", "v.txt.gz", "v.txt.xz"])
def test_a_bomb_ends_in_an_error(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name, packed(name, {"v.txt": BOMB}))
    with pytest.raises(ArchiveError, match=r"unpacks to more than the [\d,]+ bytes it may have.*delete it"):
        unpacked(path)


def test_a_bomb_that_tells_its_size_is_not_unpacked_at_all(tmp_path: Path) -> None:
    path = written(tmp_path, "v", zipped({"v.txt": BOMB}))
    with pytest.raises(ArchiveError, match="unpacks to more"), open_member(path):
        pytest.fail("it was opened")


@pytest.mark.parametrize("name", ["v.tar.gz", "v.tar.xz"])
def test_a_bomb_beside_the_member_is_not_unpacked_either(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name, packed(name, {"v.txt": TEXT, "bomb": BOMB}))
    with pytest.raises(ArchiveError, match="unpacks to more"):
        unpacked(path, "v.txt")


def test_a_name_of_gigabytes_is_not_read(tmp_path: Path) -> None:
    long = tarfile.TarInfo("././@LongLink")
    long.type, long.size = tarfile.GNUTYPE_LONGNAME, 1 << 33
    header = long.tobuf(tarfile.GNU_FORMAT)
    for body in (header, gzip.compress(header + BOMB, 1)):
        with pytest.raises(ArchiveError, match="unpacks to more"):
            unpacked(written(tmp_path, "v", body), "v.txt")


def test_a_zip_that_lies_about_its_size_gives_no_more_than_it_said(tmp_path: Path) -> None:
    body = zipped({"v.txt": BOMB})
    told = len(BOMB).to_bytes(4, "little")
    path = written(tmp_path, "v", body.replace(told, (10).to_bytes(4, "little")))
    with pytest.raises(ArchiveError):
        unpacked(path)


@pytest.mark.parametrize("name", SEVERAL + SINGLE)
def test_a_known_size_is_a_bound(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, name, packed(name, ALONE))
    assert unpacked(path, nbytes=len(TEXT)) == TEXT
    with pytest.raises(ArchiveError, match=rf"unpacks to more than the {len(TEXT) - 1:,} bytes"):
        unpacked(path, nbytes=len(TEXT) - 1)


def test_what_shrinks_as_vectors_do_is_never_refused(tmp_path: Path) -> None:
    sparse = b"".join(b"word%d " % i + b" ".join([b"0.0"] * 300) + b"\n" for i in range(3000))
    assert unpacked(written(tmp_path, "v", gzip.compress(sparse))) == sparse


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tar.xz"])
def test_the_wanted_members_come_one_after_another_as_they_lie_there(tmp_path: Path, name: str) -> None:
    bodies = {
        f"d/{i}.txt": bytes([i]) * (512 * (i % 4) + i % 2) for i in range(20)
    }  # some end where a block does
    path = _archive_of(tmp_path / name, bodies)
    found = [
        (one.name, one.read(10_000) + one.read(1)) for one in each_member(path, lambda n: n != "d/3.txt")
    ]
    assert found == [(name, body) for name, body in bodies.items() if name != "d/3.txt"]
    assert [one.name for one in each_member(path, lambda n: n == "d/7.txt")] == [
        "d/7.txt"
    ]  # and none is read


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="needs Linux's count of the bytes read")
@pytest.mark.parametrize("name", ["a.tar.gz", "a.tar.xz"])
def test_what_is_packed_is_unpacked_once_for_all_members(tmp_path: Path, name: str) -> None:
    noise = random.Random(0).randbytes(1 << 21)
    path = _archive_of(tmp_path / name, {str(i): noise[i << 16 : (i + 1) << 16] for i in range(32)})

    def read() -> int:
        return int(Path("/proc/self/io").read_text("ascii").split()[1])

    before = read()
    assert sum(len(one.read(1 << 20)) for one in each_member(path, lambda n: True)) == len(noise)
    assert read() - before < 1.5 * path.stat().st_size


def test_a_packed_archive_that_is_cut_behind_its_last_member_is_an_error(tmp_path: Path) -> None:
    path = _archive_of(tmp_path / "a.tar.gz", {"a": b"1 2\n", "b": b"3 4\n"})
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ArchiveError, match=r"a\.tar\.gz: this archive is cut short"):
        for _ in each_member(path, lambda n: True):
            pass


def _archive_of(path: Path, bodies: Mapping[str, bytes]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
            for name, body in bodies.items():
                zipped.writestr(name, body)
        return path
    mode: Any = f"w:{path.suffix[1:]}" if path.suffix != ".tar" else "w"
    with tarfile.open(path, mode) as tar:
        for name, body in bodies.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
    return path


def test_a_tar_archive_without_its_magic_word_is_one(tmp_path: Path) -> None:
    block = bytearray(tarfile.TarInfo("a.txt").tobuf(tarfile.USTAR_FORMAT))
    block[124:136] = b"00000000004\0"
    block[257:265] = bytes(8)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    (tmp_path / "old").write_bytes(bytes(block) + b"1 2\n".ljust(512, b"\0") + bytes(1024))
    with open_member(tmp_path / "old") as stream:
        assert (stream.name, stream.read(100)) == ("a.txt", b"1 2\n")
