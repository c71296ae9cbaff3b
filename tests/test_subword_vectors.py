"""Vectors of a fastText model: any word has one, by itself, in a batch, aligned, pickled and saved."""

from __future__ import annotations

import gzip
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from fasttext_files import Model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from torchvectors import Vectors, align
from torchvectors.errors import NotFoundError, StoreError
from torchvectors.store import open_store
from torchvectors.vectors import Normal, subwords

MODELS = Path(__file__).parent / "data" / "models"
TRUTH = np.load(MODELS / "truth.npz")
OOV: list[str] = TRUTH["oov"].tolist()
ZEROS = torch.zeros(16)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    (folder / "apt.bin").write_bytes(gzip.decompress((MODELS / "apt.skipgram.16.bin.gz").read_bytes()))
    return folder / "apt.bin"


@pytest.fixture(scope="module")
def vectors(path: Path) -> Vectors:
    return Vectors(path, cache=path.parent)


def test_any_word_has_the_official_vector(vectors: Vectors) -> None:
    together = vectors.get_vecs_by_tokens(OOV)
    assert together.numpy().tobytes() == TRUTH["apt_skipgram_16_oov"].tobytes()
    known = vectors.get_vecs_by_tokens(TRUTH["in_vocab"].tolist())
    assert known.numpy().tobytes() == TRUTH["apt_skipgram_16_in_vocab"].tobytes()
    assert torch.equal(vectors[""], ZEROS)
    assert torch.equal(vectors["</s>"], vectors.vectors[0])
    assert vectors.unk_init == "subword"


def test_containers_speak_of_the_dictionary_alone(vectors: Vectors) -> None:
    assert len(vectors) == len(vectors.itos) == len(vectors.stoi) == len(vectors.vectors) == 2911
    assert "the" in vectors
    assert not any(word in vectors or word in vectors.stoi for word in OOV if word not in list(vectors.itos))
    with pytest.raises(KeyError):
        vectors.stoi["no such word"]
    assert repr(vectors) == "<Vectors: 2,911 tokens of dim 16>"


TOKENS = st.sampled_from(["the", "", "</s>", "\ud800", "a\xa0b", "é", "e\u0301", "\0"]) | st.text(
    st.characters() | st.sampled_from("ab漢😀\u200d"), max_size=9
)


@given(tokens=st.lists(TOKENS, max_size=30))
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_token_has_the_same_row_alone_and_in_a_batch(vectors: Vectors, tokens: list[str]) -> None:
    batch = vectors.get_vecs_by_tokens(tokens)
    assert batch.shape == (len(tokens), 16)
    for token, row in zip(tokens, batch, strict=True):
        assert vectors[token].numpy().tobytes() == row.numpy().tobytes()
        assert vectors.get_vecs_by_tokens(token).numpy().tobytes() == row.numpy().tobytes()
    made, rows = vectors.compose(tokens)
    assert rows[torch.from_numpy(~made)].count_nonzero() == 0


@pytest.mark.parametrize("dim", [1, 2, 7, 16, 100, 300])
def test_large_batches_have_the_same_rows_as_small_ones(
    dim: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Model(dim=dim, buckets=200, minn=1, maxn=5)
    (tmp_path / "m.bin").write_bytes(model.bytes())
    vectors = Vectors(tmp_path / "m.bin")
    tokens = [f"{word}{i}" for i in range(20) for word in OOV]
    expected = vectors.get_vecs_by_tokens(tokens)
    monkeypatch.setattr(subwords, "_MANY", 0)
    monkeypatch.setattr(subwords, "_CHUNK", 1_700)
    assert torch.equal(vectors.get_vecs_by_tokens(tokens), expected)
    assert torch.equal(vectors[tokens[-1]], expected[-1])


@pytest.mark.parametrize("how", ["zeros", "mean", Normal(), torch.Tensor.zero_])
def test_an_unk_init_that_is_given_takes_the_place_of_ngrams(path: Path, how: object) -> None:
    given = Vectors(path, cache=path.parent, unk_init=how)  # type: ignore[arg-type]  # mypy sees but an object
    plain = Vectors.from_tensor(list(given.itos), given.vectors, unk_init=how)  # type: ignore[arg-type]
    assert torch.equal(given.get_vecs_by_tokens(OOV), plain.get_vecs_by_tokens(OOV))
    assert torch.equal(given["nosuchword"], plain["nosuchword"])
    made, rows = given.compose(OOV)  # it can be asked all the same
    assert made.any()
    assert rows.numpy().tobytes() == TRUTH["apt_skipgram_16_oov"].tobytes()
    assert given.can_compose
    assert not given.composes


def test_ngrams_can_be_asked_for_by_name_where_there_are_any(
    path: Path, vectors: Vectors, tmp_path: Path
) -> None:
    named = Vectors(path, cache=path.parent, unk_init="subword")
    assert torch.equal(named.get_vecs_by_tokens(OOV), vectors.get_vecs_by_tokens(OOV))
    (tmp_path / "v.txt").write_text("a 1 2\n", encoding="utf-8")
    with pytest.raises(
        ValueError, match=r'unk_init="subword": these vectors have no n-grams\. A fastText model'
    ):
        Vectors(tmp_path / "v.txt", unk_init="subword")
    with pytest.raises(ValueError, match="have no n-grams"):
        Vectors.from_tensor(["a"], torch.zeros(1, 2), unk_init="subword")


def test_a_model_without_ngrams_gives_zeros() -> None:
    vectors = Vectors(MODELS / "apt.cbow.nosub.8.bin")
    assert vectors.unk_init is torch.Tensor.zero_
    found = vectors.get_vecs_by_tokens(OOV)
    assert found.numpy().tobytes() == TRUTH["apt.cbow.nosub.8.bin/vec"].tobytes()
    assert not vectors.can_compose


@pytest.mark.parametrize("name", ["gloss10.sup.qnorm.ftz", "gloss10.sup.cutoff1500.ftz"])
def test_quantised_and_pruned_models_have_the_official_vectors(name: str) -> None:
    vectors = Vectors(MODELS / name)
    assert vectors.get_vecs_by_tokens(OOV).numpy().tobytes() == TRUTH[f"{name}/vec"].tobytes()


def test_the_lower_case_is_tried_before_ngrams_and_makes_them(vectors: Vectors) -> None:
    assert "THE" not in vectors
    found = vectors.get_vecs_by_tokens(["THE", "NOSUCHWORD", "the"], lower_case_backup=True)
    assert torch.equal(found, vectors.get_vecs_by_tokens(["the", "nosuchword", "the"]))
    assert not torch.equal(vectors["THE"], vectors["the"])


def test_what_is_no_string_is_unknown(vectors: Vectors) -> None:
    assert torch.equal(vectors[0], ZEROS)  # type: ignore[index]  # as torchtext, which did not look


def test_a_pickle_finds_its_ngrams_again(path: Path, vectors: Vectors) -> None:
    data = pickle.dumps(vectors)
    assert len(data) < 1_000
    assert torch.equal(pickle.loads(data).get_vecs_by_tokens(OOV), vectors.get_vecs_by_tokens(OOV))
    changed = Vectors(path, cache=path.parent)
    changed.vectors[0, 0] += 1
    again = pickle.loads(pickle.dumps(changed))
    assert torch.equal(again.vectors, changed.vectors)
    assert torch.equal(again.get_vecs_by_tokens(OOV), vectors.get_vecs_by_tokens(OOV))
    assert changed.fingerprint != vectors.fingerprint
    plain = Vectors.from_tensor(list(changed.itos), changed.vectors)
    assert plain.fingerprint != changed.fingerprint


@pytest.mark.parametrize("encoding", ["float32", "float16", "int8"])
def test_ngrams_are_saved_with_the_rows(vectors: Vectors, tmp_path: Path, encoding: str) -> None:
    saved = vectors.save(tmp_path / "v.safetensors", encoding=encoding)  # type: ignore[arg-type]  # a Literal
    again = Vectors(saved)
    new = [word for word in OOV if word not in again]
    assert torch.equal(again.get_vecs_by_tokens(new), vectors.get_vecs_by_tokens(new))
    open_store(saved).verify()
    plain = Vectors.from_tensor(["the"], again.vectors[:1])
    assert Vectors(plain.save(tmp_path / "w.safetensors")).unk_init is torch.Tensor.zero_


def test_fewer_words_have_all_ngrams(path: Path, vectors: Vectors) -> None:
    few = Vectors(path, cache=path.parent, max_vectors=5)
    store = vectors.save(path.parent / "all.safetensors")
    for some in (few, Vectors(store, max_vectors=5)):
        assert list(some.itos) == list(vectors.itos[:5])
        new = [word for word in OOV if word not in vectors]
        assert torch.equal(some.get_vecs_by_tokens(new), vectors.get_vecs_by_tokens(new))
        made, expected = vectors.compose(["with"])
        assert made.all()
        assert torch.equal(some["with"], expected[0])  # of a word that was left out they are all there is
        assert torch.equal(pickle.loads(pickle.dumps(some))["with"], expected[0])


def test_rows_of_ones_own_leave_the_ngrams(path: Path, vectors: Vectors) -> None:
    own = Vectors(path, cache=path.parent)
    own.vectors = torch.zeros(len(own), own.dim, dtype=torch.float64)
    found = own.get_vecs_by_tokens(["the", *OOV])
    assert found.dtype == torch.float64
    assert not found[0].any()
    new = [i for i, word in enumerate(OOV, 1) if word not in own]
    assert torch.equal(found[new].float(), vectors.get_vecs_by_tokens(OOV)[[i - 1 for i in new]])


def test_an_aligned_matrix_has_them_and_counts_them(path: Path, vectors: Vectors) -> None:
    itos = ["<pad>", "the", "THE", "nosuchword", "", "漢字"]
    made = align(itos, vectors, lower_case_backup=True, pad_token="<pad>")
    assert [made.coverage.how(token) for token in itos][1:5] == ["exact", "lower case", "n-grams", "missing"]
    looked_up = vectors.get_vecs_by_tokens(itos, lower_case_backup=True)
    for i, token in enumerate(itos):
        expected = ZEROS if made.coverage.how(token) == "padding" else looked_up[i]
        assert torch.equal(made.matrix[i], expected), token
    noise = align(itos, vectors, unk_init=Normal())
    assert torch.equal(noise.matrix[3], vectors["nosuchword"])
    assert torch.equal(noise.matrix[4], Normal().rows([""], 16)[0])
    without = align(itos, Vectors(path, cache=path.parent, unk_init="zeros"))
    assert without.coverage.how("nosuchword") == "missing"


def test_a_store_whose_list_of_ngrams_is_damaged_is_an_error(tmp_path: Path) -> None:
    model = Model(quantized=True, pruned=((0, 2), (3, 0), (4, 1)))
    (tmp_path / "m.ftz").write_bytes(model.bytes())
    store = Vectors(tmp_path / "m.ftz").save(tmp_path / "m.safetensors")
    data = bytearray(store.read_bytes())
    assert np.frombuffer(data[-12:], np.uint32).tolist() == [0, 3, 4]
    data[-12] = 4
    store.write_bytes(data)
    damaged = Vectors(store)
    for look_up in (damaged.__getitem__, damaged.get_vecs_by_tokens):
        with pytest.raises(
            StoreError, match=r"m\.safetensors: the numbers of this store's n-grams do not rise"
        ):
            look_up("nosuchword")


def test_a_subclass_may_compose_in_its_own_way() -> None:
    class Lengths(Vectors):
        def compose(self, tokens: object) -> tuple[NDArray[np.bool_], torch.Tensor]:
            assert isinstance(tokens, list)
            lengths = torch.tensor([[float(len(token))] * self.dim for token in tokens])
            return np.array([bool(token) for token in tokens], np.bool_), lengths.view(-1, self.dim)

    vectors = Lengths.from_tensor(["a"], torch.full((1, 2), 9.0), unk_init=lambda row: row - 1)
    assert vectors.get_vecs_by_tokens(["a", "bcd", ""]).tolist() == [[9, 9], [3, 3], [-1, -1]]
    assert vectors["bcd"].tolist() == [3, 3]
    assert align(["bcd", ""], vectors).matrix.tolist() == [[3, 3], [-1, -1]]
    assert align(["bcd", ""], vectors).coverage.how("bcd") == "n-grams"


@pytest.mark.parametrize("how", ["written to", "the first rows of a store"])
def test_n_grams_are_found_again_where_a_pickle_arrives_though_rows_travel_with_it(
    how: str, vectors: Vectors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    store = vectors.save(here / "apt.safetensors")
    monkeypatch.setenv("TORCHVECTORS_HOME", str(there))
    mine = Vectors(store, max_vectors=5 if how == "the first rows of a store" else None)
    mine.vectors[0] = 7
    pickled = pickle.dumps(mine)
    assert torch.equal(pickle.loads(pickled)["no such word"], vectors["no such word"])
    here.rename(there)
    other = pickle.loads(pickled)
    assert torch.equal(other["no such word"], vectors["no such word"])
    assert torch.equal(other.vectors, mine.vectors)
    (there / "apt.safetensors").unlink()
    with pytest.raises(NotFoundError, match="cannot be had here"):
        pickle.loads(pickled)


def test_padding_is_not_made_of_its_letters(vectors: Vectors) -> None:
    for made in (
        align(["<pad>", "qqzx", "the"], vectors),
        align(["<pad>", "qqzx", "the"], vectors, unk_init="subword", lower_case_backup=True),
        align(["<pad>", "qqzx", "the"], vectors, steps=["exact", ("lower case", "n-grams")]),
    ):
        assert made.coverage.how("<pad>") == "padding"
        assert not made.matrix[0].any()
        assert torch.equal(made.matrix[1], vectors["qqzx"])
    assert align(["<pad>"], vectors, pad_token=None).matrix.any()
    assert align(["the"], vectors, pad_token="the").matrix.any()  # it has a row
