"""One flipped bit: in an archive, in a member, in each part of a store. It is found, named, and never used again."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import lzma
import zipfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from fuzz import seeds
from hypothesis import given, settings
from hypothesis import strategies as st
from servers import Server, file

from torchvectors.acquire import acquire
from torchvectors.cli import main
from torchvectors.errors import ArchiveError, DigestError, ParseError, StoreError
from torchvectors.formats import Block, Ngrams, PlainRows
from torchvectors.store import open_store, write_store

NAME = b"header_checksum"
TEXT = b"".join(b"token%d %d.25 -0.5\n" % (number, number) for number in range(200))


def flipped(data: bytes, bit: int) -> bytes:
    """Return bytes with one bit turned over."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def zipped(body: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("v.txt", body)
    return buffer.getvalue()


def full_store(path: Path) -> Path:
    """Write a store that has every part that a store can have."""
    rows = np.random.default_rng(1).standard_normal((30, 5)).astype(np.float32)
    ngrams = Ngrams(
        minn=2,
        maxn=3,
        buckets=9,
        rows=PlainRows(array=rows[:4].copy()),
        kept=np.array([0, 3, 5, 8], np.uint32),
    )
    block = Block.of([b"token%d" % number for number in range(30)], rows)
    return write_store(path, [block], encoding="int8", metadata={"name": "x", "source": "y"}, ngrams=ngrams)


PARTS = [
    "length", "header", "blanks", "vectors", "token_bytes", "token_offsets", "index_hashes", "index_rows",
    "index_starts", "scales", "ngram_vectors", "ngram_buckets",
]  # fmt: skip


def places(whole: bytes) -> dict[str, tuple[int, int]]:
    """Return where each part of a store lies."""
    start = 8 + int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8:start])
    end = 8 + len(whole[8:start].rstrip())
    found = {"length": (0, 8), "header": (8, end), "blanks": (end, start)}
    for name, entry in header.items():
        if name != "__metadata__":
            first, last = entry["data_offsets"]
            found[name] = start + first, start + last
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return full_store(tmp_path_factory.mktemp("whole") / "s").read_bytes()


@pytest.mark.parametrize("part", PARTS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_flipped_bit_in_any_part_of_a_store_is_found(
    tmp_path_factory: pytest.TempPathFactory, whole: bytes, part: str, data: st.DataObject
) -> None:
    start, end = places(whole)[part]
    path = tmp_path_factory.mktemp("flipped") / "s"
    bit = data.draw(st.integers(8 * start, 8 * end - 1).filter(lambda bit: not is_in_its_name(whole, bit)))
    path.write_bytes(flipped(whole, bit))
    with pytest.raises(StoreError, match=str(path)):
        open_store(path).verify()


def is_in_its_name(whole: bytes, bit: int) -> bool:
    """Say whether a bit is in the name of the header's own checksum: then nothing is wrong but this name."""
    start = whole.index(NAME)
    return start <= bit // 8 < start + len(NAME)


def test_a_flipped_bit_in_the_checksums_name_changes_nothing_else(tmp_path: Path, whole: bytes) -> None:
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_bytes(whole)
    before = open_store(right)
    for bit in range(8 * len(NAME)):
        wrong.unlink(missing_ok=True)
        wrong.write_bytes(flipped(whole, 8 * whole.index(NAME) + bit))
        try:
            store = open_store(wrong)
        except StoreError:
            continue
        store.verify()
        assert dict(store.metadata) | dict(before.metadata) == dict(store.metadata) | {
            NAME.decode(): before.metadata[NAME.decode()]
        }


@pytest.mark.slow
def test_every_bit_of_a_store_counts(tmp_path: Path) -> None:
    path = tmp_path / "s"
    for whole in seeds.store():  # short ones, without blanks
        for bit in (bit for bit in range(8 * len(whole)) if not is_in_its_name(whole, bit)):
            path.write_bytes(flipped(whole, bit))
            with pytest.raises(StoreError):
                open_store(path).verify()


def test_the_parts_are_all_that_there_are(whole: bytes) -> None:
    found = places(whole)
    assert sorted(found) == sorted(PARTS)
    covered = sorted(found.values())
    assert covered[0][0] == 0
    assert covered[-1][1] == len(whole)
    assert all(end == start for (_, end), (start, _) in pairwise(covered))


@pytest.mark.parametrize("part", PARTS)
def test_verify_sets_the_store_aside_names_it_and_makes_it_anew(
    tmp_path: Path, own_cache: Path, part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "v.txt"
    source.write_bytes(TEXT)
    made = acquire(source).path
    right = made.read_bytes()
    made.unlink()
    full_store(made)
    start, end = places(made.read_bytes())[part]
    wrong = flipped(made.read_bytes(), 8 * ((start + end) // 2) + 1)
    made.unlink()
    made.write_bytes(wrong)
    assert main(["verify"]) == 1
    said = capsys.readouterr()
    assert f"{made.name}.bad" in said.err
    assert made.with_name(f"{made.name}.bad").read_bytes() == wrong  # nothing is deleted
    again = acquire(source)
    assert again.path.read_bytes() == right
    assert main(["verify"]) == 0


@settings(max_examples=60, deadline=None)
@given(data=st.data(), kind=st.sampled_from(["zip", "gz", "xz"]))
def test_a_flipped_bit_in_an_archive_gives_the_right_rows_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, kind: str
) -> None:
    packed: dict[str, Callable[[bytes], bytes]] = {"zip": zipped, "gz": gzip.compress, "xz": lzma.compress}
    body = packed[kind](TEXT)
    folder = tmp_path_factory.mktemp("flipped")
    path = folder / f"v.txt.{kind}"
    path.write_bytes(flipped(body, data.draw(st.integers(0, 8 * len(body) - 1))))
    try:
        store = acquire(path, cache=folder / "cache")
    except (ArchiveError, ParseError):
        assert not list((folder / "cache").glob("*.safetensors"))
        assert path.exists()
    else:  # a time, a name, or a comment has changed
        assert b"".join(b"%b\n" % token.encode() for token in store.tokens()) == b"".join(
            b"token%d\n" % number for number in range(200)
        )
        assert store.all_rows()[:, 0].tolist() == [number + 0.25 for number in range(200)]


@settings(max_examples=25, deadline=None)
@given(bit=st.integers(0, 8 * len(zipped(TEXT)) - 1))
def test_a_flipped_bit_on_the_wire_never_becomes_vectors(
    tmp_path_factory: pytest.TempPathFactory, bit: int
) -> None:
    body = zipped(TEXT)
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    folder = tmp_path_factory.mktemp("wire")
    with Server() as server:
        url = server.on("/v.zip", *[file(flipped(body, bit))] * 4, file(body))
        with pytest.raises(DigestError, match=r"v\.zip"):
            acquire("v.txt", cache=folder, url=url, checksum=digest)
        assert not [path for path in folder.rglob("*") if path.suffix in (".zip", ".safetensors")]


def test_a_download_that_rots_in_the_cache_is_named_and_fetched_again(
    own_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = zipped(TEXT)
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    with Server() as server:
        url = server.on("/v.zip", file(body))
        store = acquire("v.txt", url=url, checksum=digest)
        rows = store.all_rows().copy()
        (archive,) = own_cache.rglob("*.zip")
        rotten = flipped(body, 8 * len(body) // 2)
        archive.write_bytes(rotten)
        assert main(["verify"]) == 1
        assert f"{archive.name}.bad" in capsys.readouterr().err
        assert archive.with_name(f"{archive.name}.bad").read_bytes() == rotten
        store.path.unlink()
        assert (acquire("v.txt", url=url, checksum=digest).all_rows() == rows).all()
        assert archive.read_bytes() == body
