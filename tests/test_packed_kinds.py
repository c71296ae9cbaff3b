"""Stores and what torch saved, read as any other format is: packed, by a URL, by content whatever the name says."""

from __future__ import annotations

import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from servers import Server, file
from test_legacy import kept

from torchvectors import Vectors
from torchvectors.doctor import examine
from torchvectors.errors import ParseError

MODEL = Path(__file__).parent / "data" / "models" / "apt.skipgram.16.bin.gz"
TEXT = "".join(f"w{row} {row}.5 -{row} 0.25\n" for row in range(9)).encode()


def zipped(body: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("inside", body)
    return made.getvalue()


def tarred(body: bytes) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        info = tarfile.TarInfo("inside")
        info.size = len(body)
        archive.addfile(info, io.BytesIO(body))
    return made.getvalue()


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "xz": lzma.compress,
    "zip": zipped,
    "tar.gz": tarred,
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with n-grams, all at length 1."""
    folder = tmp_path_factory.mktemp("store")
    return Vectors(MODEL, cache=folder, max_vectors=50, normalized=True).save(folder / "x.safetensors")


def torchs(folder: Path, *, new: bool) -> Path:
    torch.save(kept(TEXT), folder / "x.pt", _use_new_zipfile_serialization=new)
    return folder / "x.pt"


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_packed_store_is_read_with_its_n_grams(packing: str, store: Path, tmp_path: Path) -> None:
    whole = Vectors(store, cache=tmp_path)
    packed = tmp_path / f"x.safetensors.{packing}"
    packed.write_bytes(PACKINGS[packing](store.read_bytes()))
    found = Vectors(packed, cache=tmp_path)
    assert list(found.itos) == list(whole.itos)
    assert torch.equal(found.vectors, whole.vectors)
    unknown = ["no-such-word", "neither"]
    assert torch.equal(found.get_vecs_by_tokens(unknown), whole.get_vecs_by_tokens(unknown))
    tokens = list(whole.itos)[3:6]
    some = Vectors(packed, cache=tmp_path / "fresh", tokens=tokens, max_vectors=5, dtype=torch.float16)
    assert list(some.itos) == tokens[:2]
    assert torch.equal(some.vectors, whole.vectors[3:5].half())
    (report,) = examine(packed)
    assert (report.format, report.tokens, report.refused) == ("torchvectors store", 50, False)


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("new", [True, False])
def test_what_torch_saved_is_read_packed(packing: str, new: bool, tmp_path: Path) -> None:
    plain = torchs(tmp_path, new=new)
    packed = tmp_path / f"x.pt.{packing}"
    packed.write_bytes(PACKINGS[packing](plain.read_bytes()))
    found = Vectors(packed, cache=tmp_path)
    assert torch.equal(found.vectors, kept(TEXT)[2])
    some = Vectors(packed, cache=tmp_path / "fresh", tokens=["w1", "w8"], max_vectors=5)
    assert list(some.itos) == ["w1"]
    (report,) = examine(packed)
    assert (report.format, report.tokens, report.refused) == ("torch.save", 9, False)


def test_a_store_is_known_by_its_content(store: Path, tmp_path: Path) -> None:
    named = tmp_path / "vectors.bin"
    named.write_bytes(store.read_bytes())
    found = Vectors(named, cache=tmp_path / "cache")
    assert torch.equal(found.vectors, Vectors(store, cache=tmp_path).vectors)
    assert not (tmp_path / "cache").exists()  # it is used where it lies


@pytest.mark.parametrize("name", ["x.safetensors", "x.pt"])
def test_a_url_may_lead_to_either(
    name: str, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("TORCHVECTORS_OFFLINE", raising=False)
    path = store if name == "x.safetensors" else torchs(tmp_path, new=True)
    with Server() as server:
        server.on(f"/{name}", file(path.read_bytes()))
        found = Vectors(name, url=server.url(f"/{name}"), cache=tmp_path / "cache")
    assert torch.equal(found.vectors, Vectors(path, cache=tmp_path).vectors)


def test_what_cannot_be_read_is_named_as_it_was_given(store: Path, tmp_path: Path) -> None:
    cut = store.read_bytes()[:-100]
    for name, body in {"cut": cut, "archive in an archive": zipped(b"a 1 2\n"), "pickle": b"PK\3\4"}.items():
        packed = tmp_path / f"{name}.gz"
        packed.write_bytes(gzip.compress(body))
        with pytest.raises(ParseError) as caught:
            Vectors(packed, cache=tmp_path / "cache")
        (report,) = examine(packed)
        assert report.refused
        for said in (str(caught.value), report.findings[0].detail):
            assert name in said
            assert "/unpacked" not in said
            assert ".tmp" not in said
