"""What gensim saves: read without running a pickle, and equal to what gensim loads."""

from __future__ import annotations

import os
import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from torchvectors.errors import ParseError
from torchvectors.formats.gensim import is_pickle, read_gensim

gensim = pytest.importorskip("gensim")
from gensim.models import FastText, KeyedVectors, Word2Vec  # noqa: E402

WORDS = ["the", "naïve", "猫", "a\N{NO-BREAK SPACE}b", "two words", "🙂"]
OLD = Path(gensim.__file__).parent / "test" / "test_data"
RNG = np.random.default_rng(5)


def read(path: Path, max_vectors: int | None = None) -> tuple[list[str], NDArray[np.float32]]:
    blocks = list(read_gensim(path, name="f.kv", max_vectors=max_vectors))
    assert all(len(block) for block in blocks)
    tokens = [token.decode() for block in blocks for token in block.tokens()]
    return tokens, np.concatenate([block.rows for block in blocks])


def keyed(keys: list[Any], dtype: type = np.float32, dim: int = 7) -> Any:
    vectors = KeyedVectors(vector_size=dim, dtype=dtype)
    vectors.add_vectors(keys, RNG.normal(size=(len(keys), dim)).astype(dtype))
    return vectors


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("apart", [[], ["vectors"]])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_keyed_vectors_are_read_as_gensim_loads_them(
    tmp_path: Path, protocol: int, apart: list[str], dtype: type
) -> None:
    path = tmp_path / "f.kv"
    keyed(WORDS, dtype).save(str(path), separately=apart, pickle_protocol=protocol)
    assert (tmp_path / "f.kv.vectors.npy").exists() == bool(apart)
    theirs = KeyedVectors.load(str(path))
    assert is_pickle(path.read_bytes()[:100])
    tokens, rows = read(path)
    assert tokens == theirs.index_to_key == WORDS
    assert (rows == theirs.vectors.astype(np.float32)).all()
    assert read(path, max_vectors=2)[0] == WORDS[:2]


@pytest.mark.parametrize("apart", [[], ["vectors"]])
def test_a_models_words_are_those_of_its_wv(tmp_path: Path, apart: list[str]) -> None:
    path = tmp_path / "f.model"
    model = Word2Vec(
        [["a", "b", "c"], ["b", "c", "é"]], vector_size=5, min_count=1, workers=1, seed=1, epochs=1
    )
    model.save(str(path), separately=apart)
    tokens, rows = read(path)
    assert tokens == model.wv.index_to_key
    assert (rows == model.wv.vectors).all()


def test_an_array_in_columns_order(tmp_path: Path) -> None:
    path = tmp_path / "f.kv"
    for protocol in (2, 4, 5):
        for apart in ([], ["vectors"]):
            vectors = keyed(WORDS)
            vectors.vectors = np.asfortranarray(vectors.vectors)
            vectors.save(str(path), separately=apart, pickle_protocol=protocol)
            assert (read(path)[1] == vectors.vectors).all()


# These lie in gensim's own wheel, made by the versions in their names; what gensim 4 can no longer load, its
# unpickler still can.
VERSIONS = sorted(OLD.glob("old_w2v_models/w2v_*.mdl"))
OTHERS = ["model-from-gensim-3.8.0.w2v", "word2vec_3.3", "word2vec_pre_kv_py2", "word2vec_pre_kv_py3",
          "word2vec_pre_kv_sep_py2", "word2vec_pre_kv_sep_py3", "word2vec_old_sep"]  # fmt: skip


@pytest.mark.skipif(not VERSIONS, reason="this gensim came without its tests' files")
@pytest.mark.parametrize("name", [*(f"old_w2v_models/{path.name}" for path in VERSIONS), *OTHERS])
def test_models_of_gensim_0_12_to_3_8_are_read(name: str) -> None:
    path = OLD / name
    tokens, rows = read(path)
    model = gensim.utils.unpickle(str(path))
    keyed = getattr(model, "wv", model)
    words = vars(keyed).get("index_to_key") or vars(keyed)["index2word"]
    assert tokens == [word if isinstance(word, str) else word.decode() for word in words]
    inside = vars(keyed).get("vectors", vars(keyed).get("syn0"))
    if inside is None:
        middle = ".wv" if keyed is not model else ""
        inside = np.load(f"{path}{middle}.syn0.npy")
    assert (rows == inside).all()


def test_an_array_that_is_not_beside_it_is_named(tmp_path: Path) -> None:
    path = tmp_path / "f.kv"
    keyed(WORDS).save(str(path), separately=["vectors"])
    beside = tmp_path / "f.kv.vectors.npy"
    whole = beside.read_bytes()
    for damaged in (b"", whole[:-1], whole[:30], pickle.dumps([1, 2]), b"PK\3\4", b"\x93NUMPY" * 9):
        beside.write_bytes(damaged)
        with pytest.raises(ParseError, match=r"f\.kv\.vectors\.npy is no array"):
            read(path)
    np.save(beside, np.array([[1, "a"]], object))
    with pytest.raises(ParseError, match=r"f\.kv\.vectors\.npy is no array"):
        read(path)
    np.save(beside, np.ones((len(WORDS) - 1, 7), np.float32))
    with pytest.raises(ParseError, match=r"6 words, and rows of the shape \(5, 7\)"):
        read(path)
    beside.unlink()
    with pytest.raises(ParseError, match=r"f\.kv\.vectors\.npy is not there: put it beside the file"):
        read(path)


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch exploded",)


def test_nothing_in_a_pickle_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "f.kv"
    vectors = keyed(WORDS)
    vectors.bomb = Bomb()
    vectors.save(str(path))
    assert read(path)[0] == WORDS
    vectors.index_to_key = Bomb()
    path.write_bytes(pickle.dumps(vectors))
    with pytest.raises(ParseError, match="no list of words"):
        read(path)
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ParseError, match=r"it holds what posix\.system makes, .* A pickle is not run here"):
        read(path)
    assert not (tmp_path / "exploded").exists()


def test_what_has_no_words_with_vectors_is_refused_with_the_cure(tmp_path: Path) -> None:
    path = tmp_path / "f"
    model = FastText([["a", "b"]], vector_size=5, min_count=1, workers=1, epochs=1, bucket=10)
    for one in (model, model.wv):
        one.save(str(path))
        with pytest.raises(ParseError, match=r"save_facebook_model writes it.*save_word2vec_format"):
            read(path)
    keyed([1, 2, 3]).save(str(path))
    with pytest.raises(ParseError, match="a key in it that is no text but int"):
        read(path)
    path.write_bytes(pickle.dumps({"a": [1, 2]}))
    with pytest.raises(ParseError, match="no such object, and not gensim's"):
        read(path)
    KeyedVectors(vector_size=3).save(str(path))
    with pytest.raises(ParseError, match="it has 0 words"):
        read(path)


def test_a_file_cut_anywhere_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "f.kv"
    keyed(WORDS[:2], dim=2).save(str(path))
    whole = path.read_bytes()
    for end in range(0, len(whole), 5):
        path.write_bytes(whole[:end])
        with pytest.raises(ParseError, match=r"^f\.kv: "):
            read(path)


def test_a_length_that_lies_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "f.kv"
    tracemalloc.start()
    for opcode, nbytes in ((b"B", 4), (b"\x8e", 8), (b"X", 4), (b"\x8d", 8)):
        path.write_bytes(b"\x80\x04" + opcode + (b"\xff" * (nbytes - 1) + b"\x1f") + b"abc.")
        with pytest.raises(ParseError, match=r"f\.kv: .* a damaged one"):
            read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


def test_an_array_that_lies_of_its_shape_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f.kv"
    keyed(["a", "b"], dim=3).save(str(path))
    whole = path.read_bytes()
    shape = b"K\x02K\x03\x86"
    assert whole.count(shape) == 1
    for other in (
        b"K\x03K\x03\x86",
        b"J\xff\xff\xff\xffJ\xfa\xff\xff\xff\x86",
        b"NK\x03\x86",
        b"K\x02K\x00\x86",
    ):
        data = whole.replace(shape, other)
        at = data.index(b"\x95")  # the frame's length must fit again
        length = int.from_bytes(data[at + 1 : at + 9], "little") + len(other) - len(shape)
        path.write_bytes(data[: at + 1] + length.to_bytes(8, "little") + data[at + 9 :])
        with pytest.raises(ParseError, match=r"f\.kv: .*shape"):
            read(path)
