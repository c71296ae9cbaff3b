"""finalfusion files, as the `finalfusion` package writes them."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from torchvectors.errors import ParseError
from torchvectors.formats.finalfusion import is_finalfusion, read_finalfusion

finalfusion = pytest.importorskip("finalfusion")
from finalfusion.metadata import Metadata  # noqa: E402
from finalfusion.norms import Norms  # noqa: E402
from finalfusion.storage import NdArray, QuantizedArray  # noqa: E402
from finalfusion.storage.quantized import PQ  # noqa: E402
from finalfusion.subword import ExplicitIndexer, FastTextIndexer, FinalfusionHashIndexer  # noqa: E402
from finalfusion.vocab import ExplicitVocab, FastTextVocab, FinalfusionBucketVocab, SimpleVocab  # noqa: E402

WORDS = ["the", "naïve", "猫", "a\N{NO-BREAK SPACE}b", "two words", "", "🙂"]
DIM = 6
RNG = np.random.default_rng(7)


def rows_of(n: int) -> NDArray[np.float32]:
    rows = RNG.normal(size=(n, DIM))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.astype(np.float32)


def vocabs() -> dict[str, Any]:
    ngrams = ["<th", "the", "he>"]
    explicit = ExplicitIndexer(ngrams, 3, 3, {ngram: i for i, ngram in enumerate(ngrams)})
    return {
        "simple": SimpleVocab(WORDS),
        "buckets": FinalfusionBucketVocab(WORDS, FinalfusionHashIndexer(4, 3, 6)),
        "fasttext": FastTextVocab(WORDS, FastTextIndexer(20, 3, 6)),
        "explicit": ExplicitVocab(WORDS, explicit),
    }


def read(path: Path, max_vectors: int | None = None) -> tuple[list[str], NDArray[np.float32]]:
    blocks = list(read_finalfusion(path, name="f.fifu", max_vectors=max_vectors))
    tokens = [token.decode() for block in blocks for token in block.tokens()]
    return tokens, np.concatenate([block.rows for block in blocks])


def quantized(n: int, *, projection: bool, norms: bool) -> Any:
    centroids = RNG.normal(size=(3, 16, DIM // 3)).astype(np.float32)
    turn = np.linalg.qr(RNG.normal(size=(DIM, DIM)))[0].astype(np.float32) if projection else None
    lengths = RNG.uniform(1, 5, n).astype(np.float32) if norms else None
    codes = RNG.integers(0, 16, (n, 3)).astype(np.uint8)
    return QuantizedArray(PQ(centroids, turn), codes, lengths)


@pytest.mark.parametrize("kind", ["simple", "buckets", "fasttext", "explicit"])
@pytest.mark.parametrize("metadata", ["", "a", "ab", "abc", "abcd"])  # each shifts the arrays by a byte
@pytest.mark.parametrize("with_norms", [False, True])
def test_words_and_rows_are_those_that_finalfusion_has(
    tmp_path: Path, kind: str, metadata: str, with_norms: bool
) -> None:
    vocab = vocabs()[kind]
    rows = rows_of(vocab.upper_bound)
    norms = RNG.uniform(0.5, 9, len(WORDS)).astype(np.float32)
    path = tmp_path / "f.fifu"
    embeddings = finalfusion.Embeddings(
        NdArray(rows),
        vocab,
        Norms(norms) if with_norms else None,
        Metadata({"note": metadata}) if metadata else None,
    )
    embeddings.write(str(path))
    assert is_finalfusion(path.read_bytes()[:100])
    tokens, found = read(path)
    theirs = finalfusion.load_finalfusion(str(path))
    assert tokens == WORDS == theirs.vocab.words
    expected = [
        np.multiply(*theirs.embedding_with_norm(word)) if with_norms else theirs[word] for word in WORDS
    ]
    assert (found == np.stack(expected)).all()
    assert read(path, max_vectors=3)[0] == WORDS[:3]


@pytest.mark.parametrize("projection", [False, True])
@pytest.mark.parametrize("norms", [False, True])
def test_quantised_rows_are_decoded(tmp_path: Path, projection: bool, norms: bool) -> None:
    array = quantized(len(WORDS), projection=projection, norms=norms)
    path = tmp_path / "f.fifu"
    finalfusion.Embeddings(array, SimpleVocab(WORDS)).write(str(path))
    theirs = finalfusion.load_finalfusion(str(path))
    tokens, found = read(path)
    assert tokens == WORDS
    decoded = theirs.storage[list(range(len(WORDS)))]
    np.testing.assert_allclose(found, decoded, rtol=2e-6, atol=1e-6)


def test_a_file_cut_anywhere_is_an_error_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "f.fifu"
    norms = Norms(np.ones(len(WORDS), np.float32))
    finalfusion.Embeddings(NdArray(rows_of(len(WORDS))), SimpleVocab(WORDS), norms).write(str(path))
    whole = path.read_bytes()
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        with pytest.raises(ParseError, match=r"^f\.fifu: .*"):
            read(path)


def simple(words: bytes, count: int, rows: int, dim: int, numbers: bytes) -> bytes:
    """Write a file by hand, so that it may lie."""
    vocab = struct.pack("<Q", count) + words
    head = b"FiFu" + struct.pack("<IIII", 0, 2, 1, 2) + struct.pack("<IQ", 1, len(vocab)) + vocab
    place = len(head) + 12 + 16
    pad = 4 - place % 4
    array = struct.pack("<QII", rows, dim, 10) + b"\0" * pad + numbers
    return head + struct.pack("<IQ", 2, len(array)) + array


WORD = struct.pack("<I", 1) + b"a"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "nothing in this file"),
        (b"FiFu\1\0\0\0\0\0\0\0", "version 1"),
        (b"FiFu" + struct.pack("<II", 0, 1 << 30), "1,073,741,824 chunks"),
        (b"FiFu" + struct.pack("<IIIIQ", 0, 1, 1, 1, 1 << 62), "the file ends"),
        (b"FiFu" + struct.pack("<II", 0, 0), "no words"),
        (simple(WORD, 1 << 60, 1, 1, b"\0" * 4), "words cannot be in the 5 bytes"),
        (simple(struct.pack("<I", 1 << 31), 1, 1, 1, b"\0" * 4), "word 1 of 1 goes on behind the end"),
        (simple(WORD, 1, 1 << 60, 1 << 20, b"\0" * 4), "rows of dim 1048576 take"),
        (simple(WORD, 1, 1, 1 << 31, b"\0" * 4), "cannot be"),
        (simple(WORD, 1, 0, 1, b""), "0 rows of dim 1 cannot be"),
        (simple(WORD * 2, 2, 1, 1, b"\0" * 4), "2 words and only 1 rows"),
        (simple(struct.pack("<I", 1) + b"\xff", 1, 1, 1, b"\0" * 4), "none of its tokens is UTF-8"),
        (simple(WORD, 1, 1, 1, b"\0" * 4)[:33], "no rows|the file ends"),
        (b"FiFu" + struct.pack("<IIIIQ", 0, 1, 9, 9, 0), "floret"),
    ],
)
def test_what_lies_is_refused_before_anything_is_allocated(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "f.fifu"
    path.write_bytes(data)
    with pytest.raises(ParseError, match=rf"f\.fifu: .*({message})"):
        read(path)


def test_a_file_by_hand_is_read(tmp_path: Path) -> None:
    path = tmp_path / "f.fifu"
    path.write_bytes(simple(WORD, 1, 1, 1, np.float32(2.5).tobytes()))
    assert read(path)[1].tolist() == [[2.5]]


def test_a_code_without_its_centroid_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f.fifu"
    array = quantized(len(WORDS), projection=False, norms=False)
    array._quantized_embeddings[3, 1] = 16
    finalfusion.Embeddings(array, SimpleVocab(WORDS)).write(str(path))
    with pytest.raises(ParseError, match="names a centroid that is not there"):
        read(path)
