"""Static embedding models, as `model2vec` saves them."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from torchvectors.errors import ParseError
from torchvectors.formats.static import is_static, read_static, weights_of

WORDPIECES = {"[UNK]": 0, "[PAD]": 1, "the": 2, "naïve": 3, "##s": 4, "猫": 5}
DIM = 4
RNG = np.random.default_rng(11)


def read(path: Path, max_vectors: int | None = None) -> tuple[list[str], NDArray[np.float32]]:
    blocks = list(read_static(path, name="model", max_vectors=max_vectors))
    assert all(len(block) for block in blocks)
    tokens = [token.decode() for block in blocks for token in block.tokens()]
    return tokens, np.concatenate([block.rows for block in blocks])


def by_hand(folder: Path, arrays: dict[str, Any], tokenizer: object = None) -> Path:
    folder.mkdir(exist_ok=True)
    save_file(arrays, folder / "model.safetensors")
    told = {"model": {"type": "WordPiece", "vocab": WORDPIECES}} if tokenizer is None else tokenizer
    (folder / "tokenizer.json").write_text(json.dumps(told), encoding="utf-8")
    return folder / "model.safetensors"


def rows_of(n: int, dtype: type = np.float32) -> NDArray[Any]:
    return (RNG.normal(size=(n, DIM)) * 20).astype(dtype)


def tokenizer_of(kind: str) -> Any:
    tokenizers = pytest.importorskip("tokenizers")
    models = tokenizers.models
    if kind == "wordpiece":
        made = tokenizers.Tokenizer(models.WordPiece(WORDPIECES, unk_token="[UNK]"))
    elif kind == "wordlevel":
        made = tokenizers.Tokenizer(models.WordLevel(WORDPIECES, unk_token="[UNK]"))
    elif kind == "unigram":
        made = tokenizers.Tokenizer(models.Unigram([(token, -1.0) for token in WORDPIECES], 0, False))
    else:
        pieces = {"<unk>": 0, "t": 1, "h": 2, "th": 3, "Ġ": 4}
        made = tokenizers.Tokenizer(models.BPE(pieces, [("t", "h")], unk_token="<unk>"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.add_tokens(["added one"])
    return made


@pytest.mark.parametrize("kind", ["wordpiece", "wordlevel", "unigram", "bpe"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8])
def test_tokens_and_rows_are_those_that_model2vec_has(tmp_path: Path, kind: str, dtype: type) -> None:
    model2vec = pytest.importorskip("model2vec")
    tokenizer = tokenizer_of(kind)
    n = tokenizer.get_vocab_size()
    model2vec.StaticModel(rows_of(n, dtype), tokenizer).save_pretrained(tmp_path)
    path = weights_of(tmp_path)
    assert path == tmp_path / "model.safetensors"
    assert is_static(path.read_bytes()[:1000])
    tokens, rows = read(path)
    theirs = model2vec.StaticModel.from_pretrained(tmp_path)
    assert tokens == list(theirs.tokens)
    assert (rows == theirs.embedding.astype(np.float32)).all()
    assert read(path, max_vectors=2)[0] == tokens[:2]


def test_a_mapping_and_weights_give_what_model2vec_computes_of_a_token(tmp_path: Path) -> None:
    model2vec = pytest.importorskip("model2vec")
    tokenizer = tokenizer_of("wordlevel")
    n = tokenizer.get_vocab_size()
    mapping = RNG.integers(0, 3, n).astype(np.int32)
    weights = RNG.uniform(0.1, 2, n).astype(np.float32)
    model = model2vec.StaticModel(rows_of(3), tokenizer, weights=weights, token_mapping=mapping)
    model.save_pretrained(tmp_path)
    tokens, rows = read(tmp_path / "model.safetensors")
    assert tokens == list(model.tokens)
    for token in ("the", "naïve", "猫", "added one"):
        np.testing.assert_array_equal(rows[tokens.index(token)], model.encode_as_sequence(token)[0])


def test_the_layout_of_sentence_transformers(tmp_path: Path) -> None:
    rows = rows_of(6)
    path = by_hand(tmp_path / "0_StaticEmbedding", {"embedding.weight": rows})
    assert weights_of(tmp_path) == path
    tokens, found = read(path)
    assert tokens == list(WORDPIECES)
    assert (found == rows).all()


def test_numbers_that_are_left_out_leave_rows_without_a_token(tmp_path: Path) -> None:
    rows = rows_of(9)
    vocab = {"b": 7, "a": 2, "\ud800": 3}
    tokens, found = read(by_hand(tmp_path, {"embeddings": rows}, {"model": {"vocab": vocab}}))
    assert tokens == ["a", "b"]
    assert (found == rows[[2, 7]]).all()


def test_rows_are_read_across_blocks(tmp_path: Path) -> None:
    rows = np.arange(3000 * 300, dtype=np.float32).reshape(3000, 300)
    vocab = {f"t{i}": i for i in range(3000)}
    tokens, found = read(by_hand(tmp_path, {"embeddings": rows}, {"model": {"vocab": vocab}}))
    assert tokens == list(vocab)
    assert (found == rows).all()


BFLOAT = b'{"embeddings":{"dtype":"BF16","shape":[6,1],"data_offsets":[0,12]}}'


@pytest.mark.parametrize(
    ("arrays", "tokenizer", "message"),
    [
        ({"other": np.ones((6, 2))}, None, "no static embedding model: it holds other"),
        ({"embeddings": np.ones((5, 2))}, None, "a token has row 5, and there are 5 rows"),
        ({"embeddings": np.ones(6)}, None, r"shape \(6,\)"),
        ({"embeddings": np.ones((6, 0))}, None, r"shape \(6, 0\)"),
        ({"embeddings": np.ones((6, 2), np.int64)}, None, "type I64"),
        ({"embeddings": np.ones((6, 2)), "weights": np.ones(5)}, None, "'weights' is for 5 tokens"),
        ({"embeddings": np.ones((6, 2)), "mapping": np.full(6, -1)}, None, "a token has row -1"),
        ({"embeddings": np.ones((6, 2)), "mapping": np.ones(6)}, None, "'mapping' is of type F64"),
        ({"embeddings": np.ones((6, 2))}, {"model": {"type": "none"}}, "no vocabulary"),
        ({"embeddings": np.ones((6, 2))}, {"model": {"vocab": {"a": -1}}}, "no vocabulary"),
        ({"embeddings": np.ones((6, 2))}, {"model": {"vocab": {"a": True}}}, "no vocabulary"),
        ({"embeddings": np.ones((6, 2))}, {"model": {"vocab": [["a", 1], 3]}}, "no vocabulary"),
        ({"embeddings": np.ones((6, 2))}, [], "no vocabulary"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    tmp_path: Path, arrays: dict[str, Any], tokenizer: object, message: str
) -> None:
    with pytest.raises(ParseError, match=message):
        read(by_hand(tmp_path, arrays, tokenizer))


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff" * 100, struct.pack("<Q", 1 << 60) + b"{}"])
def test_a_damaged_matrix_is_refused(tmp_path: Path, data: bytes) -> None:
    path = by_hand(tmp_path, {"embeddings": np.ones((6, 2))})
    whole = path.read_bytes()
    for damaged in (data, whole[:-1], whole[:20]):
        path.write_bytes(damaged)
        with pytest.raises(ParseError, match="model: this is no safetensors file"):
            read(path)


def test_numbers_of_a_type_without_an_array_are_refused_with_the_cure(tmp_path: Path) -> None:
    path = by_hand(tmp_path, {"embeddings": np.ones((6, 2))})
    path.write_bytes(struct.pack("<Q", len(BFLOAT)) + BFLOAT + bytes(12))
    with pytest.raises(ParseError, match=r"type BF16, .* such as float32"):
        read(path)


def test_a_tokenizer_that_is_missing_or_damaged_is_named(tmp_path: Path) -> None:
    path = by_hand(tmp_path, {"embeddings": np.ones((6, 2))})
    (tmp_path / "tokenizer.json").write_bytes(b'{"model": ' * 100_000)
    with pytest.raises(ParseError, match=r"tokenizer\.json: this is no JSON"):
        read(path)
    (tmp_path / "tokenizer.json").unlink()
    assert weights_of(tmp_path) is None
    with pytest.raises(ParseError, match=r"model: .* tokenizer\.json, which says whose .* beside it"):
        read(path)


def test_tokens_of_which_none_is_text_are_refused(tmp_path: Path) -> None:
    tokenizer = {"model": {"type": "WordLevel", "vocab": {"\ud800": 0}}}
    path = by_hand(tmp_path / "model", {"embeddings": rows_of(1)}, tokenizer)
    with pytest.raises(ParseError, match="none of its tokens is UTF-8"):
        read(path)
