"""Other programs' files, given to `Vectors` by path: known by their content, whatever their name."""

from __future__ import annotations

import gzip
import json
import pickle
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from torchvectors import Vectors
from torchvectors.errors import ParseError, StoreError
from torchvectors.formats import HEAD, format_of

DATA = Path(__file__).parent / "data"
TOKENS = ["the", "naïve", "猫"]
ROWS = np.arange(9, dtype=np.float32).reshape(3, 3) / 8


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHVECTORS_HOME", str(tmp_path / "cache"))


def finalfusion(path: Path) -> None:
    package = pytest.importorskip("finalfusion")
    from finalfusion.storage import NdArray
    from finalfusion.vocab import SimpleVocab

    package.Embeddings(NdArray(ROWS), SimpleVocab(TOKENS)).write(str(path))


def gensim(path: Path) -> None:
    models = pytest.importorskip("gensim").models
    vectors = models.KeyedVectors(vector_size=3)
    vectors.add_vectors(TOKENS, ROWS)
    vectors.save(str(path), separately=["vectors"])


def torchtext(path: Path) -> None:
    stoi = {token: row for row, token in enumerate(TOKENS)}
    torch.save((TOKENS, stoi, torch.from_numpy(ROWS), 3), path)


def torchtext_before_1_6(path: Path) -> None:
    stoi = {token: row for row, token in enumerate(TOKENS)}
    torch.save((TOKENS, stoi, torch.from_numpy(ROWS), 3), path, _use_new_zipfile_serialization=False)


def static(folder: Path) -> None:
    folder.mkdir()
    save_file({"embeddings": ROWS}, folder / "model.safetensors")
    vocab = {token: row for row, token in enumerate(TOKENS)}
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"vocab": vocab}}), encoding="utf-8")


@pytest.mark.parametrize("write", [finalfusion, gensim, torchtext, torchtext_before_1_6, static])
def test_a_path_is_enough(tmp_path: Path, write: Any) -> None:
    path = tmp_path / "mine.data"
    write(path)
    vectors = Vectors(path)
    assert list(vectors.itos) == TOKENS
    assert (vectors.vectors.numpy() == ROWS).all()
    assert list(Vectors(path, max_vectors=2).itos) == TOKENS[:2]


@pytest.mark.parametrize("write", [finalfusion, gensim, static])
def test_every_changed_byte_gives_an_error_or_rows(tmp_path: Path, write: Any) -> None:
    path = tmp_path / "mine"
    write(path)
    files = [file for file in (path, *tmp_path.glob("mine*.npy"), *path.glob("*")) if file.is_file()]
    path = path if path.is_file() else path / "model.safetensors"
    read = format_of(path.read_bytes()[:HEAD]).read_file
    assert read is not None
    rng = np.random.default_rng(17)
    outcomes = set()
    for file in files:
        whole = file.read_bytes()
        for _ in range(300):
            damaged = bytearray(whole)
            for place in rng.integers(0, len(whole), rng.choice([1, 1, 4])):
                damaged[place] = rng.choice([0, 1, 127, 128, 255])
            file.write_bytes(damaged)
            try:
                outcomes.add(bool(list(read(path, name="mine", max_vectors=None))))
            except ParseError as error:
                outcomes.add(str(error).startswith(("mine", str(tmp_path))))
        file.write_bytes(whole)
    assert outcomes == {True}


def test_a_part_that_changes_makes_another_store(tmp_path: Path) -> None:
    path = tmp_path / "mine.kv"
    gensim(path)
    assert Vectors(path)["the"].tolist() == ROWS[0].tolist()
    np.save(tmp_path / "mine.kv.vectors.npy", np.concatenate([ROWS, ROWS]) + 1)
    assert Vectors(path)["the"].tolist() == (ROWS[0] + 1).tolist()
    static(tmp_path / "model")
    assert list(Vectors(tmp_path / "model").itos) == TOKENS
    other = {token.upper(): row for row, token in enumerate(TOKENS)}
    (tmp_path / "model" / "tokenizer.json").write_text(json.dumps({"model": {"vocab": other}, "more": 1}))
    assert list(Vectors(tmp_path / "model").itos) == [token.upper() for token in TOKENS]


def test_magnitude_plain_and_packed(tmp_path: Path) -> None:
    packed = shutil.copy(DATA / "six.magnitude.gz", tmp_path)
    plain = tmp_path / "six.magnitude"
    plain.write_bytes(gzip.decompress(Path(packed).read_bytes()))
    for path in (plain, packed):
        vectors = Vectors(path)
        assert list(vectors.itos) == ["the", "cat", "naïve", "猫", "The", "zero"]
        assert vectors["naïve"].tolist() == pytest.approx([1, 2, 3, 4, 5], rel=1e-6)
    left = {entry.name for entry in (tmp_path / "cache").rglob("*") if entry.is_file()}
    assert not [name for name in left if name.endswith(".tmp")]


def test_a_model_is_known_by_its_matrix_too_and_a_store_stays_a_store(tmp_path: Path) -> None:
    static(tmp_path / "model")
    vectors = Vectors(tmp_path / "model" / "model.safetensors")
    assert list(vectors.itos) == TOKENS
    saved = vectors.save(tmp_path / "mine.safetensors")
    assert list(Vectors(saved).itos) == TOKENS
    save_file({"other": ROWS}, tmp_path / "other.safetensors")
    with pytest.raises(StoreError, match=r"other\.safetensors"):
        Vectors(tmp_path / "other.safetensors")


def test_what_torch_saved_of_anything_else_is_refused(tmp_path: Path) -> None:
    torch.save({"weight": torch.ones(2)}, tmp_path / "model.pt")
    with pytest.raises(ParseError, match=r"model\.pt: .*not what torchtext kept"):
        Vectors(tmp_path / "model.pt")
    assert (tmp_path / "model.pt").exists()
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.txt", "the 1 2\n")
    assert Vectors(tmp_path / "a.zip")["the"].tolist() == [1, 2]


def test_any_other_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"the": [1.0, 2.0]}))
    with pytest.raises(ParseError, match=r"a\.pkl: no vectors can be read from this pickle"):
        Vectors(tmp_path / "a.pkl")


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"FiFu\0\0\0\0\2\0\0\0", "finalfusion"),
        (b"FiFu 0.1 0.2\n", "text"),  # a word is no magic number
        (b"SQLite format 3\0\x10\0", "Magnitude"),
        (b"SQLite 0.1 0.2\n", "text"),
        (b"\x80\x04\x95", "gensim model"),
        (b"\xe2\x80\x93 0.1 0.2\n", "text"),
        (b'\x50\0\0\0\0\0\0\0{"embeddings":{', "static embedding model"),
        (b'\x50\0\0\0\0\0\0\0{"vectors":{', "text"),
        (b'{"embeddings": 0.1\n', "text"),
    ],
)
def test_a_format_is_known_by_its_first_bytes(head: bytes, name: str) -> None:
    assert format_of(head[:HEAD]).name == name
