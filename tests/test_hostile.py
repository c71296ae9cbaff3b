"""Files made to harm: each ends in an error of ours, soon, in little memory, with nothing run and nothing left behind.

What every reader refuses of its own format is in that format's tests; here is what fills memory, disks or hours. Such
a file is opened in a process of its own, whose memory is bounded by the system: 10 GB of zeros must not fit.
"""

from __future__ import annotations

import gzip
import io
import json
import lzma
import pickle
import sqlite3
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fasttext_files import Model
from fuzz import seeds
from safetensors.numpy import save

from torchvectors.acquire import acquire
from torchvectors.archive import contents_of, open_member
from torchvectors.download import receipt_of
from torchvectors.download.receipts import beside
from torchvectors.errors import ArchiveError, GraphError, ParseError, StoreError, TorchVectorsError, shown
from torchvectors.formats.finalfusion import read_finalfusion
from torchvectors.formats.gensim import read_gensim
from torchvectors.formats.magnitude import read_magnitude
from torchvectors.formats.static import read_static
from torchvectors.formats.text import read_text
from torchvectors.legacy import read_vectors, read_vocab
from torchvectors.store import open_store
from torchvectors.utils import extract_archive

MEGABYTE = 1 << 20

# What a process does with a file, by what it is called here.
_CHILD = """
import resource, sys, time
from pathlib import Path
from torchvectors.archive import contents_of, open_member
from torchvectors.errors import TorchVectorsError
from torchvectors.formats import read_text
from torchvectors.formats.fasttext import read_fasttext
from torchvectors.formats.finalfusion import read_finalfusion
from torchvectors.formats.gensim import read_gensim
from torchvectors.formats.magnitude import read_magnitude
from torchvectors.formats.static import read_static
{more}

def member(path):
    with open_member(path) as stream:
        while stream.read(1 << 20):
            pass

def every(read):
    def use(path):
        for _ in read(path, name=path.name):
            pass
    return use

uses = {{
    "member": member, "contents": contents_of, "fasttext": every(read_fasttext), "static": every(read_static),
    "finalfusion": every(read_finalfusion), "gensim": every(read_gensim), "magnitude": every(read_magnitude),
    {uses}
}}
use, path, megabytes = uses[sys.argv[1]], Path(sys.argv[2]), int(sys.argv[3])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + (megabytes << 20) + (256 << 20),) * 2)
begun = time.process_time()
try:
    use(path)
    print("a result")
except TorchVectorsError as error:
    print(type(error).__name__, str(error)[:500])
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
print(f"{{grown:.0f}} MB, {{time.process_time() - begun:.1f}} s", file=sys.stderr)
assert grown < megabytes, f"it took {{grown:.0f}} MB"
"""
_WITH_TORCH = {
    "more": "from torchvectors.legacy import read_vectors\nfrom torchvectors.utils import extract_archive",
    "uses": '"kept": lambda path: list(read_vectors(path)), '
    '"extract": lambda path: extract_archive(path, path.parent / "to"),',
}

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="memory is bounded where /proc tells it"
)


def said(use: str, path: Path, *, megabytes: int = 200, seconds: int = 120) -> str:
    """Use a file in a process of its own, which may take so much memory and time; return the error that it ends in."""
    torch = use in ("kept", "extract")
    code = _CHILD.format(**(_WITH_TORCH if torch else {"more": "", "uses": ""}))
    command = [sys.executable, "-c", code, use, str(path), str(megabytes)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


# Archives


def repeated_gz(path: Path, piece: bytes, times: int, *, head: bytes = b"", tail: bytes = b"") -> Path:
    """Write a gzip file of ``piece`` so many times, with the work of one: its packed form is repeated, too."""
    pack = zlib.compressobj(9, zlib.DEFLATED, -15)
    begin = pack.compress(head) + pack.flush(zlib.Z_FULL_FLUSH)
    middle = pack.compress(piece) + pack.flush(zlib.Z_FULL_FLUSH)
    end = pack.compress(tail) + pack.flush(zlib.Z_FINISH)
    with path.open("wb") as file:
        file.write(b"\x1f\x8b\x08" + bytes(7) + begin)
        for _ in range(times):
            file.write(middle)
        file.write(end + bytes(8))  # nobody gets so far as to compare the check sum
    return path


@pytest.mark.slow
@needs_proc
@pytest.mark.parametrize("use", ["member", "contents"])
def test_ten_gigabytes_of_zeros_in_ten_megabytes_end_soon_and_take_no_memory(
    tmp_path: Path, use: str
) -> None:
    path = repeated_gz(tmp_path / "v.txt.gz", bytes(64 * MEGABYTE), 160)
    assert path.stat().st_size < 11 * MEGABYTE
    told = said(use, path, megabytes=64)
    # What is in it is not looked at to name it.
    assert (
        ("ArchiveError" in told and "unpacks to more than" in told) if use == "member" else "a result" in told
    )


@pytest.mark.slow
@needs_proc
def test_ten_gigabytes_in_a_zip_are_refused_by_what_it_says_or_when_they_come(tmp_path: Path) -> None:
    raw = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = raw.compress(bytes(64 * MEGABYTE)) + raw.flush(zlib.Z_FULL_FLUSH)
    body = packed * 160 + raw.flush(zlib.Z_FINISH)
    for size in (160 * 64 * MEGABYTE, 1000):  # the truth, and a lie
        name, wide = b"v.txt", struct.pack("<HHQQ", 1, 16, size, len(body))
        local = (
            struct.pack("<4s5H3L2H", b"PK\3\4", 45, 0, 8, 0, 0, 0, 0xFFFFFFFF, 0xFFFFFFFF, 5, 20)
            + name
            + wide
        )
        entry = struct.pack(
            "<4s6H3L5H2L", b"PK\1\2", 45, 45, 0, 8, 0, 0, 0, 0xFFFFFFFF, 0xFFFFFFFF, 5, 20, 0, 0, 0, 0, 0
        )
        central = entry + name + wide
        end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(central), len(local) + len(body), 0)
        path = tmp_path / "v.zip"
        path.write_bytes(local + body + central + end)
        assert "ArchiveError" in said("member", path, megabytes=64)


def header(name: str, *, size: int = 0, kind: bytes = tarfile.REGTYPE) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.slow
@needs_proc
@pytest.mark.parametrize("use", ["member", "contents", "extract"])
def test_millions_of_members_are_not_kept(tmp_path: Path, use: str) -> None:
    path = repeated_gz(
        tmp_path / "v.tar.gz", header("a") * 4096, 300
    )  # 1.2 million, in a few hundred kilobytes
    assert path.stat().st_size < 3 * MEGABYTE
    assert "ArchiveError" in said(use, path, megabytes=300)


@pytest.mark.slow
@needs_proc
@pytest.mark.parametrize("use", ["member", "extract"])
@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_header_of_a_gigabyte_is_not_read(tmp_path: Path, use: str, kind: bytes) -> None:
    head = header("x", size=1 << 30, kind=kind)
    # Other bytes let it unpack to so much.
    path = repeated_gz(
        tmp_path / "v.tar.gz", bytes(MEGABYTE), 1024, head=head + np.random.default_rng(0).bytes(6 * MEGABYTE)
    )
    told = said(use, path, megabytes=150)
    assert "ArchiveError" in told
    assert "a header of more than" in told


def negative(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    """Return a tar header that gives a negative size, as base 256 can."""
    raw = bytearray(header(name, kind=kind))
    raw[124:136] = (size % (1 << 96)).to_bytes(12, "big")
    raw[148:156] = b"        "
    raw[148:156] = b"%06o\0 " % sum(raw)
    return bytes(raw)


@pytest.mark.parametrize(
    "kind", [tarfile.REGTYPE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_SPARSE]
)
@pytest.mark.parametrize("size", [-1, -512, -513, -(1 << 40)])
@pytest.mark.parametrize("packed", [False, True])
def test_a_size_below_zero_leads_nowhere(tmp_path: Path, kind: bytes, size: int, packed: bool) -> None:
    body = header("a") + negative("b", size, kind) + header("c") + bytes(1024)
    path = tmp_path / "v.tar.gz"
    path.write_bytes(gzip.compress(body) if packed else body)
    # One block less than nothing is nothing, and does no harm where no file is of that size.
    harmless = size == -1 and kind != tarfile.REGTYPE
    if packed:
        with suppress(ArchiveError) if harmless else pytest.raises(ArchiveError):
            extract_archive(path, tmp_path / "to")
    path = path.rename(tmp_path / "v.tar")
    with suppress(ArchiveError) if harmless else pytest.raises(ArchiveError):
        contents_of(path)


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return buffer.getvalue()


def test_members_that_lie_over_each_other_are_refused(tmp_path: Path) -> None:
    """As in D. Fifield, "A better zip bomb" (2019): one kernel, told of by many entries of the directory."""
    path = tmp_path / "v.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", bytes(100_000))
        first = archive.filelist[0]
        for number in range(50):
            twin = zipfile.ZipInfo(f"a{number}")
            twin.compress_type, twin.CRC = first.compress_type, first.CRC
            twin.compress_size, twin.file_size, twin.header_offset = first.compress_size, first.file_size, 0
            archive.filelist.append(twin)
    with pytest.raises(ArchiveError, match="overlaps its neighbour"):
        contents_of(path)
    with pytest.raises(ArchiveError, match="overlaps its neighbour"), open_member(path, "a") as stream:
        stream.read(1)
    with pytest.raises(ArchiveError):
        extract_archive(path, tmp_path / "to")
    assert not list((tmp_path / "to").glob("*"))


@pytest.mark.parametrize("junk", [b"#!/bin/sh\n", b"PK", bytes(100)])
def test_what_stands_before_a_zip_makes_it_none(tmp_path: Path, junk: bytes) -> None:
    path = tmp_path / "v.zip"
    path.write_bytes(junk + zipped({"v.txt": b"a 1\n"}))
    with pytest.raises(ArchiveError, match="no archive"):
        contents_of(path)


def test_of_two_end_records_the_last_counts_as_everywhere(tmp_path: Path) -> None:
    inner, path = zipped({"inner.txt": b"b 2\n"}), tmp_path / "v.zip"
    outer = bytearray(zipped({"outer.txt": b"a 1\n"}))
    outer[-2:] = len(inner).to_bytes(2, "little")  # the whole second zip is the comment of the first
    path.write_bytes(bytes(outer) + inner)
    # Python, and Info-ZIP, look from the end: the file is the second zip, with junk before it, or none at all.
    with zipfile.ZipFile(path) as archive:
        assert contents_of(path).members == tuple(archive.namelist())


def test_a_zip_in_a_zip_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "v.zip"
    path.write_bytes(zipped({"inner.zip": zipped({"v.txt": b"a 1\n"})}))
    with pytest.raises(TorchVectorsError):
        acquire(path)


@pytest.mark.parametrize("tail", [b"", b"\0" * 100])
def test_gzip_of_several_members_is_read_whole(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "v.txt.gz"
    path.write_bytes(gzip.compress(b"a 1\n") + gzip.compress(b"b 2\n") + tail)
    assert [*acquire(path).tokens()] == ["a", "b"]


@pytest.mark.parametrize("kind", ["gz", "xz"])
def test_junk_behind_what_was_packed_is_an_error(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"v.txt.{kind}"
    path.write_bytes((gzip if kind == "gz" else lzma).compress(b"a 1\n") + b"junk")
    with pytest.raises(ArchiveError):
        acquire(path)


def test_xz_of_several_streams_and_padding_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "v.txt.xz"
    path.write_bytes(lzma.compress(b"a 1\n") + bytes(4) + lzma.compress(b"b 2\n") + bytes(8))
    assert [*acquire(path).tokens()] == ["a", "b"]
    whole = lzma.compress(b"a 1\n")
    for end in range(6, len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(ArchiveError):
            acquire(path)


@pytest.mark.slow
@needs_proc
def test_an_xz_that_asks_for_a_gigabyte_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "v.txt.xz"
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 20}]
    whole = bytearray(lzma.compress(b"a 1\n" * 10, filters=filters))
    place = whole.index(b"\x21\x01") + 2  # LZMA2, and one byte that says how large its dictionary is
    whole[place] = 37  # 1.5 GB
    length = 4 * (whole[12] + 1)
    whole[12 + length - 4 : 12 + length] = zlib.crc32(whole[12 : 12 + length - 4]).to_bytes(4, "little")
    path.write_bytes(whole)
    assert "Memory usage limit" in said("member", path, megabytes=64)


@pytest.mark.parametrize(
    "kind", ["SYMTYPE", "LNKTYPE", "CHRTYPE", "BLKTYPE", "FIFOTYPE", "CONTTYPE", "DIRTYPE"]
)
def test_what_is_no_plain_file_is_never_a_member(tmp_path: Path, kind: str) -> None:
    path, secret = tmp_path / "v.tar", tmp_path / "secret"
    secret.write_bytes(b"a 1\n")
    info = tarfile.TarInfo("v.txt")
    info.type, info.linkname = getattr(tarfile, kind), str(secret)
    with tarfile.open(path, "w") as archive:
        archive.addfile(info)
    if kind == "CONTTYPE":  # a plain file, by another name of old
        assert contents_of(path).members == ("v.txt",)
        return
    with pytest.raises(ArchiveError, match=r"there (is no|are 0)"), open_member(path, "v.txt"):
        pass


# Kept files, pickles, states

CANARY = "torchvectors-canary"


class _Runs:
    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._path,)


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
@pytest.mark.parametrize("name", ["v.pt", "v.txt.pt", "v.kv", "v.pth", "v.bin", "v.txt", "v.model"])
def test_a_pickle_in_any_place_is_not_run(tmp_path: Path, name: str, protocol: int) -> None:
    canary, path = tmp_path / CANARY, tmp_path / name
    pickle.loads(pickle.dumps(_Runs(canary), protocol))
    canary.unlink()  # it would have worked
    path.write_bytes(pickle.dumps(_Runs(canary), protocol))
    uses: list[Callable[[], object]] = [
        lambda: acquire(path, prepared=read_vectors),
        lambda: list(read_vectors(path)),
    ]
    uses += [lambda: read_vocab(path), lambda: list(read_gensim(path, name="v"))]
    for use in uses:
        with pytest.raises(TorchVectorsError):
            use()
    assert not canary.exists()


@needs_proc
@pytest.mark.parametrize("as_zip", [True, False])
def test_tuples_nested_a_million_deep_do_not_end_the_process(tmp_path: Path, as_zip: bool) -> None:
    path = tmp_path / "v.pt"
    deep = b"\x80\x02})" + b"\x85" * 1_000_000 + b"K\x01s."  # a dict with such a key
    if as_zip:
        path.write_bytes(
            zipped({"v/data.pkl": deep, "v/byteorder": b"little", "v/version": b"3\n"}, zipfile.ZIP_STORED)
        )
    else:
        magic = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + pickle.dumps({}, 2)
        path.write_bytes(magic + deep + pickle.dumps([], 2))
    assert "it nests deeper" in said("kept", path, megabytes=300)


@pytest.mark.parametrize(
    "text", [b"[" * 100_000, b'{"url":' * 100_000, b"1" * 100_000, b"\xff\xfe", b"[]", b"null"]
)
def test_a_receipt_of_anything_is_none(tmp_path: Path, text: bytes) -> None:
    beside(tmp_path / "v.zip").write_bytes(text)
    assert receipt_of(tmp_path / "v.zip") is None


def test_what_python_cannot_show_is_told_by_its_type() -> None:
    deep: list[Any] = []
    for _ in range(10_000):
        deep = [deep]
    assert shown(deep) == "a list that cannot be shown"
    assert shown(10**5000) == "a int that cannot be shown"
    assert shown("x" * 1000) == f"'{'x' * 99}…"


# Vectors


def test_a_header_of_five_thousand_digits_is_no_header() -> None:
    for body in (b"9" * 5000 + b" 2\na 1 2\n", b"2 " + b"9" * 5000 + b"\na 1 2\n"):
        with pytest.raises(ParseError):
            list(read_text(io.BytesIO(body), name="v.txt"))


@pytest.mark.slow
@needs_proc
def test_a_word_of_many_ngrams_takes_no_more_memory_than_a_block(tmp_path: Path) -> None:
    # A single word of 60,000 characters has 7 million n-grams; a row of each would be 28 GB.
    model = Model(words=(b"</s>", b"a" * 3_000), dim=1000, buckets=1, minn=1, maxn=128)
    (tmp_path / "one.bin").write_bytes(model.bytes())
    assert "a result" in said("fasttext", tmp_path / "one.bin", megabytes=250)
    words = tuple(b"%04d" % number + b"a" * 2_000 for number in range(60))
    many = Model(words=words, dim=2, buckets=1, minn=1, maxn=128)
    (tmp_path / "many.bin").write_bytes(many.bytes())
    assert "a result" in said("fasttext", tmp_path / "many.bin", megabytes=400)


def test_codes_of_one_byte_do_not_become_rows_of_megabytes(tmp_path: Path) -> None:
    dim, n = 1 << 16, 100_000  # 25 GB
    words = struct.pack("<Q", n) + bytes(4 * n)
    head = struct.pack("<IIIIIQII", 0, 0, 1, dim, 1, n, 1, 10)
    body = struct.pack("<4sIIII", b"FiFu", 0, 2, 1, 4) + struct.pack("<IQ", 1, len(words)) + words
    zeros = bytes(4 - (len(body) + 12 + len(head)) % 4)
    content = head + zeros + bytes(4 * dim) + bytes(n)
    path = tmp_path / "v.fifu"
    path.write_bytes(body + struct.pack("<IQ", 4, len(content)) + content)
    with pytest.raises(ParseError, match="would unpack to 100,000 rows of dim 65,536"):
        read_finalfusion(path, name="v.fifu")


def test_a_row_that_all_tokens_share_does_not_become_gigabytes(tmp_path: Path) -> None:
    dim, n = 1 << 16, 100_000
    arrays = {"embeddings": np.zeros((1, dim), np.float32), "mapping": np.zeros(n, np.int32)}
    (tmp_path / "model.safetensors").write_bytes(save(arrays))
    vocab = {"model": {"vocab": {f"{number}": number for number in range(n)}}}
    (tmp_path / "tokenizer.json").write_text(json.dumps(vocab))
    with pytest.raises(ParseError, match="would unpack to 100,000 rows of dim 65,536"):
        list(read_static(tmp_path / "model.safetensors", name="m"))


@pytest.mark.parametrize(
    "shape",
    [(10**4000,) * 50, (10**5000, 1), (2, 2, 1), (-2, -2), (True, 4)],
    ids=["many", "long", "3", "-", "bool"],
)
def test_a_shape_of_endless_numbers_is_not_multiplied(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = tmp_path / "v.kv"
    with seeds.classes("gensim.models.keyedvectors.KeyedVectors", "torchvectors_none._reconstruct") as (
        keyed,
        rows,
    ):
        laid_out = 1, shape, np.dtype("<f4"), False, bytes(16)
        setattr(rows, "__reduce__", lambda _self: (rows, (), laid_out))  # noqa: B010 - as mypy wants it
        made: Any = keyed()
        made.index_to_key, made.vectors = ["a"], rows()
        path.write_bytes(pickle.dumps(made, 4))
    with pytest.raises(ParseError, match="of the shape"):
        list(read_gensim(path, name="v.kv"))


def test_rows_that_share_their_pages_are_not_more_than_the_file(tmp_path: Path) -> None:
    path, size = tmp_path / "v.magnitude", 512
    database = sqlite3.connect(path)
    database.execute(f"PRAGMA page_size = {size}")
    database.execute("CREATE TABLE magnitude (key TEXT, dim_0 INTEGER, magnitude REAL)")
    database.execute("CREATE TABLE magnitude_format (key TEXT, value INTEGER)")
    for _ in range(3):
        database.execute("INSERT INTO magnitude VALUES (?, 1, 1.0)", ("k" * 300_000,))
    database.commit()
    (root,) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'magnitude'").fetchone()
    database.close()
    assert len(list(read_magnitude(path, name="v"))) == 2  # long keys come in blocks of fewer rows
    whole = bytearray(path.read_bytes())
    page = memoryview(whole)[(root - 1) * size : root * size]
    assert page[0] == 5  # the root names the pages below it
    first = int.from_bytes(page[12:14], "big")
    leaf = bytes(page[first : first + 4])
    cells = 60  # all of which are the first leaf now
    page[3:5] = cells.to_bytes(2, "big")
    for number in range(cells):
        at = size - 5 * (number + 1)
        page[12 + 2 * number : 14 + 2 * number] = at.to_bytes(2, "big")
        page[at : at + 5] = leaf + bytes([number + 1])
    page[5:7] = (size - 5 * cells).to_bytes(2, "big")
    page.release()
    path.write_bytes(whole)
    with pytest.raises(ParseError, match="more rows than there is room for"):
        list(read_magnitude(path, name="v"))


# Stores

FLAWS: dict[str, bytes] = {
    "a header of no end": (1 << 62).to_bytes(8, "little") + b"{}",
    "a header of gigabytes": (1 << 32).to_bytes(8, "little") + b"{}" + bytes(100),
    "a header that nests": (60_000).to_bytes(8, "little") + b'{"a":' + b"[" * 59_995 + bytes(8),
    "a number of five thousand digits": b"",
    "a NaN for a size": b"",
    "nothing": b"",
    "a length alone": (8).to_bytes(8, "little"),
}


def with_header(entry: str) -> bytes:
    text = (
        '{"__metadata__": {"format": "torchvectors", "version": "1", "encoding": "float32", "checksum": ""}, '
    )
    body = (text + f'"vectors": {{"dtype": "F32", "shape": {entry}, "data_offsets": [0, 0]}}}}').encode()
    return len(body).to_bytes(8, "little") + body


FLAWS |= {f"a shape of {entry[:20]}": with_header(entry) for entry in (
    "[NaN, 2]", "[Infinity, 2]", f"[{'9' * 5000}, 0]", "[9223372036854775808, 0]", "[18446744073709551616, 0]",
    "[-1, 0]", "[true, 0]", "[1.0, 0]", "[1e3, 0]", f"{'[' * 5000}{']' * 5000}", "null", '["1", 0]',
    f"[{'0,' * 100_000}0]",
)}  # fmt: skip


@pytest.mark.parametrize("flaw", FLAWS)
def test_a_store_whose_header_lies_is_refused(tmp_path: Path, flaw: str) -> None:
    path = tmp_path / "s.safetensors"
    path.write_bytes(FLAWS[flaw])
    with pytest.raises(StoreError, match=r"s\.safetensors") as caught:
        open_store(path)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("which", [0, 2], ids=["float32", "int8 with n-grams"])
def test_a_store_cut_anywhere_is_refused(tmp_path: Path, which: int) -> None:
    path, whole = tmp_path / "s.safetensors", seeds.store()[which]
    path.write_bytes(whole)
    open_store(path).verify()
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(StoreError):
            open_store(path)


# States


def test_states_that_cannot_be_shown_or_compared_are_refused() -> None:
    import torch

    from torchvectors import Vocab
    from torchvectors.stages.states import stated

    deep: list[Any] = []
    for _ in range(10_000):
        deep = [deep]
    for value in (deep, 10**5000, torch.zeros(3), object()):
        with pytest.raises(GraphError):
            stated(value, "rows", int, "rows")
        with pytest.raises(GraphError):
            stated({"rows": value}, "rows", str, "rows")
        for key in ("format", "version", "tokens"):
            with pytest.raises(TorchVectorsError):
                Vocab.from_state(Vocab(["a"]).state() | {key: value})
        with pytest.raises(TorchVectorsError):
            Vocab.__new__(Vocab).__setstate__(value)  # type: ignore[arg-type]  # that is the point
