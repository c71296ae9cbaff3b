"""The sample that comes with the package: what it holds, and that it can be made again."""

from __future__ import annotations

import pickle
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch

from torchvectors.errors import DigestError
from torchvectors.pretrained import GloVe
from torchvectors.sample.make import NTOKENS, make
from torchvectors.store import open_store

TOP500 = Path(__file__).parent / "data" / "glove.6B.50d.top500.txt"
REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "glove.6B.50d.zip"
SAMPLE = Path(str(files("torchvectors.sample"))) / "glove.6B.50d.sample.safetensors"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    monkeypatch.setenv("TORCHVECTORS_HOME", str(home))
    monkeypatch.setenv("TORCHVECTORS_OFFLINE", "1")
    monkeypatch.chdir(tmp_path)
    return home


def official() -> tuple[list[str], torch.Tensor]:
    lines = [line.split(" ") for line in TOP500.read_text("utf-8").splitlines()]
    return [token for token, *_ in lines], torch.tensor([[float(x) for x in line[1:]] for line in lines])


def test_it_opens_without_network_or_cache_and_has_one_dim(home: Path) -> None:
    for sample in (GloVe("sample"), GloVe("sample", 50), GloVe("sample", dim="50"), GloVe("sample", 300)):
        assert (len(sample), sample.dim, sample.vectors.shape) == (30_000, 50, (30_000, 50))
        assert len(sample.itos) == len(sample.stoi) == NTOKENS
    assert not home.exists()


def test_its_rows_are_the_official_ones_within_the_rounding_to_int8() -> None:
    sample = GloVe("sample")
    tokens, rows = official()
    assert sample.itos[:500] == tokens
    found = sample.get_vecs_by_tokens(tokens)
    assert torch.equal(found, sample.vectors[:500])
    step = rows.abs().amax(1, keepdim=True) / 127
    assert ((found - rows).abs() <= step * 0.5001).all()
    assert torch.nn.functional.cosine_similarity(found, rows).min() >= 0.9999


def test_it_behaves_as_any_other_vectors_do() -> None:
    sample, before = GloVe("sample"), SAMPLE.read_bytes()
    row = sample["cat"]
    assert row.data_ptr() == sample.vectors[sample.stoi["cat"]].data_ptr()  # a view
    row.zero_()
    assert sample.get_vecs_by_tokens(["cat"]).abs().sum() == 0
    assert GloVe("sample")["cat"].abs().sum() > 0
    assert SAMPLE.read_bytes() == before
    untouched = GloVe("sample")
    assert len(pickle.dumps(untouched)) < 2_000
    assert torch.equal(pickle.loads(pickle.dumps(untouched))["cat"], untouched["cat"])
    assert pickle.loads(pickle.dumps(sample))["cat"].abs().sum() == 0


def test_its_first_rows_can_be_had_alone() -> None:
    few, whole = GloVe("sample", max_vectors=100), GloVe("sample")
    assert (few.itos, len(few)) == (whole.itos[:100], 100)
    assert torch.equal(few.vectors, whole.vectors[:100])
    assert "cat" not in few
    assert len(GloVe("sample", max_vectors=40_000)) == 30_000


def test_it_says_what_it_is_and_under_which_licence() -> None:
    store = open_store(SAMPLE)
    store.verify()
    assert store.metadata["licence"] == "PDDL-1.0"
    assert "glove.6B.50d.txt, the first 30000 rows" in store.metadata["source"]
    assert store.metadata["encoding"] == "int8"
    assert SAMPLE.stat().st_size < 3_000_000
    assert "Public Domain Dedication and License" in (SAMPLE.parent / "LICENSE-GloVe.txt").read_text()


@pytest.mark.skipif(not REAL.is_file(), reason="the real archive is not beside the checkout")
def test_it_is_made_again_byte_for_byte(tmp_path: Path) -> None:
    made = make(REAL, tmp_path / "again.safetensors")
    assert np.array_equal(np.fromfile(made, np.uint8), np.fromfile(SAMPLE, np.uint8))


def test_it_is_made_of_the_official_text_alone(tmp_path: Path) -> None:
    with pytest.raises(DigestError, match=r"is not the official glove\.6B\.50d\.txt"):
        make(TOP500, tmp_path / "other.safetensors")
    assert not (tmp_path / "other.safetensors").exists()
