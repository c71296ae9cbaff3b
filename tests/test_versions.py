"""Files that older and newer versions have left in a cache: made anew or refused, and never misread."""

from __future__ import annotations

import json
import logging
import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save
from servers import Server, file
from test_acquire import holds, sha256, text
from test_archive import zipped
from torch.utils.data.datapipes.iter import IterableWrapper

from torchvectors import Vectors
from torchvectors.acquire import acquire
from torchvectors.cli import main
from torchvectors.download import receipt_of
from torchvectors.download.receipts import beside
from torchvectors.errors import GraphError, StoreError
from torchvectors.fitting.fitted import _SEAL, _sealed, unpack
from torchvectors.stages.recording import Recording
from torchvectors.store import OldStoreError, open_store
from torchvectors.store.layout import DATA_START, HEADER_CHECKSUM, _checksum_of

pytestmark = pytest.mark.filterwarnings("ignore:'set_vital' is deprecated:UserWarning")

ROWS = text(1, n=20)
BODY = zipped({"v.txt": ROWS})


def as_version(path: Path, version: str) -> Path:
    """Write a version over that of a store, as a package of that version would have said it."""
    content = path.read_bytes()
    header = json.loads(content[8:DATA_START])
    header["__metadata__"]["version"] = version
    header["__metadata__"][HEADER_CHECKSUM] = _checksum_of(header)
    said = json.dumps(header, ensure_ascii=False).encode().ljust(DATA_START - 8)
    path.write_bytes(content[:8] + said + content[DATA_START:])
    return path


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server() as running:
        yield running


# Stores.


def test_an_old_store_is_made_anew_of_what_it_was_made_of(server: Server, own_cache: Path) -> None:
    url = server.on("/v.zip", file(BODY))
    path = as_version(acquire("v.txt", url=url).path, "0")
    with pytest.raises(OldStoreError, match=r"version 0, which an older torchvectors has made.*delete it"):
        open_store(path)
    again = acquire("v.txt", url=url)
    assert again.path == path
    assert holds(again, ROWS)
    assert len(server.log) == 1
    assert open_store(path).metadata["version"] == "1"


def test_an_old_store_of_a_text_is_made_anew_and_refused_where_the_text_is_gone(own_cache: Path) -> None:
    (own_cache / "v.txt").write_bytes(ROWS)
    path = as_version(acquire("v.txt").path, "0")
    assert holds(acquire("v.txt"), ROWS)
    as_version(path, "0")
    (own_cache / "v.txt").unlink()
    with pytest.raises(OldStoreError, match="version 0, which an older torchvectors has made"):
        acquire("v.txt")
    assert path.is_file()


def test_an_old_store_in_a_shared_folder_stays_and_ones_own_takes_its_place(
    server: Server, own_cache: Path, tmp_path: Path
) -> None:
    url, shared = server.on("/v.zip", file(BODY)), tmp_path / "shared"
    path = as_version(acquire("v.txt", url=url, cache=shared).path, "0")
    before = path.read_bytes()
    assert acquire("v.txt", url=url, cache=[shared, own_cache]).path.parent == own_cache
    assert path.read_bytes() == before


@pytest.mark.parametrize("version", ["2", "10", "9999"])
def test_a_newer_store_is_refused_and_stays(server: Server, own_cache: Path, version: str) -> None:
    url = server.on("/v.zip", file(BODY))
    path = as_version(acquire("v.txt", url=url).path, version)
    before = path.read_bytes()
    words = rf"version {version}, which a newer torchvectors has made.*Install a newer torchvectors"
    with pytest.raises(StoreError, match=words) as caught:
        acquire("v.txt", url=url)
    assert not isinstance(caught.value, OldStoreError)
    with pytest.raises(StoreError, match=words):
        Vectors(path)
    assert path.read_bytes() == before
    assert main(["cache"]) == main(["verify"]) == 0  # it is listed, and left alone
    assert path.read_bytes() == before


@pytest.mark.parametrize("version", ["-1", "1.0", "01", " 1", "one", "", "99999999999999999999"])
def test_what_is_no_version_is_no_store(own_cache: Path, version: str) -> None:
    (own_cache / "v.txt").write_bytes(ROWS)
    path = as_version(acquire("v.txt").path, version)
    with pytest.raises(StoreError, match="no usable store") as caught:
        open_store(path)
    assert not isinstance(caught.value, OldStoreError)


# Downloads.


def changed(path: Path, **fields: object) -> None:
    said = json.loads(path.read_text("utf-8")) | fields
    path.write_text(json.dumps({name: value for name, value in said.items() if value is not None}), "utf-8")


@pytest.mark.parametrize("fields", [{"etag": None}, {"fetched_by": "torchvectors 9", "chunks": [1, 2]}])
def test_receipts_that_say_less_or_more_are_read(
    server: Server, own_cache: Path, fields: dict[str, object]
) -> None:
    url = server.on("/v.zip", file(BODY))
    acquire("v.txt", url=url).path.unlink()
    (archive,) = own_cache.glob("*.zip")
    changed(beside(archive), **fields)
    assert receipt_of(archive) is not None
    assert holds(acquire("v.txt", url=url), ROWS)
    assert len(server.log) == 1


@pytest.mark.parametrize("digest", [True, False])
def test_a_download_whose_receipt_cannot_be_read_is_not_taken_for_the_users_own(
    server: Server, own_cache: Path, digest: bool, caplog: pytest.LogCaptureFixture
) -> None:
    url, checksum = server.on("/v.zip", file(BODY)), sha256(BODY) if digest else None
    acquire("v.txt", url=url, checksum=checksum).path.unlink()
    (archive,) = own_cache.glob("*.zip")
    changed(beside(archive), sha256=["a", "list"])
    with caplog.at_level(logging.WARNING):
        assert holds(acquire("v.txt", url=url, checksum=checksum), ROWS)
    # With its published digest it is right whatever the receipt says; else nothing vouches for it.
    assert len(server.log) == (1 if digest else 2)
    assert bool(list(own_cache.glob("*.zip.bad"))) is not digest
    assert ("its receipt cannot be read" in caplog.text) is not digest


def test_a_part_whose_note_says_what_is_not_known_here_is_fetched_afresh(
    server: Server, own_cache: Path
) -> None:
    url = server.on("/v.zip", file(BODY, cut=len(BODY) // 2), file(BODY))
    store = acquire("v.txt", url=url)
    (archive,) = own_cache.glob("*.zip")
    store.path.unlink()
    archive.unlink()
    Path(f"{archive}.part").write_bytes(b"something else")
    Path(f"{archive}.part.json").write_text(json.dumps({"url": url, "etag": '"1"', "lanes": 4}), "utf-8")
    assert holds(acquire("v.txt", url=url), ROWS)
    assert "Range" not in server.log[-1].headers


# Vocabularies and recorded rows.


def graph(**how: object) -> object:
    return IterableWrapper(["a b", "c"]).tokenize().build_vocab(**how)


def with_version(content: bytes, version: int | None) -> bytes:
    """Return a packed vocabulary as another version would have left it, sealed."""
    parts = {name: array for name, array in load(content).items() if name not in ("version", _SEAL)}
    if version is not None:
        parts["version"] = np.array([version], np.int64)
    sealed: bytes = save({**parts, _SEAL: _sealed(parts)})
    return sealed


def test_a_fit_of_an_older_version_is_read_and_that_of_a_newer_one_counted_anew(own_cache: Path) -> None:
    expected = graph(fingerprint="x").vocab.get_itos()  # type: ignore[attr-defined]
    (path,) = (own_cache / "fits").glob("kept-*.safetensors")
    content = path.read_bytes()
    assert unpack(with_version(content, None)).vocab.get_itos() == expected  # the first ones say none
    newer = with_version(content, 2)
    with pytest.raises(ValueError, match=r"version \[2\], and this torchvectors reads version 1"):
        unpack(newer)
    path.write_bytes(newer)
    assert graph(fingerprint="x").vocab.get_itos() == expected  # type: ignore[attr-defined]
    assert path.read_bytes() == content


def test_a_pickle_that_names_a_newer_vocabulary_says_so(own_cache: Path) -> None:
    from xxhash import xxh3_128_hexdigest

    pickled = pickle.dumps(graph())
    (path,) = (own_cache / "vocabularies").glob("*.safetensors")
    newer = with_version(path.read_bytes(), 2)
    other = path.with_name(f"{xxh3_128_hexdigest(newer)}.safetensors")
    other.write_bytes(newer)
    with pytest.raises(GraphError, match=r"version \[2\], and this torchvectors reads version 1"):
        pickle.loads(pickled.replace(path.name.encode(), other.name.encode()))


@pytest.mark.parametrize("version", ["0", "2"])
def test_recorded_rows_of_another_version_are_recorded_anew(own_cache: Path, version: str) -> None:
    rows = list(graph(fingerprint="x", record_rows=True))  # type: ignore[call-overload]
    (path,) = (own_cache / "fits").glob("kept-*.rows.safetensors")
    content = path.read_bytes()
    assert content.count(b'"version": "1"') == 1
    path.write_bytes(content.replace(b'"version": "1"', b'"version": "%s"' % version.encode()))
    with pytest.raises(ValueError, match="no recorded rows"):
        Recording(path)
    assert list(graph(fingerprint="x", record_rows=True)) == rows  # type: ignore[call-overload]
    assert len(Recording(path)) == len(rows)
