"""fastText's own models → words, vectors and n-grams, as the official library has them; and damaged ones."""

from __future__ import annotations

import gzip
import io
import json
import logging
import shutil
import subprocess
import tarfile
import tracemalloc
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fasttext_files import Model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from torchvectors.acquire import acquire
from torchvectors.errors import ArchiveError, ParseError
from torchvectors.formats import FastTextModel, Ngrams, PlainRows, add_rows, format_of, read_fasttext, sum_of
from torchvectors.store import open_store

MODELS = Path(__file__).parent / "data" / "models"
SKIPGRAM = MODELS / "apt.skipgram.16.bin.gz"
TRUTH = np.load(MODELS / "truth.npz")
OOV: list[str] = TRUTH["oov"].tolist()

Rows = NDArray[np.float32]

# What makes n-grams go wrong: lengths at the edges, every length of UTF-8, joiners, marks, white space, zero bytes.
ODD = [
    "",
    "a",
    "ab",
    "é",
    "e\u0301",
    "漢字",
    "👨\u200d👩\u200d👧",
    "\U00020bb7",
    "a\xa0b",
    "\0",
    "a b",
    "<",
    ">",
    "<>",
]
ODD += ["</s>", "__label__x", "\x7f\x80", "x" * 300, "é漢😀" * 40, "\n", "İ", "\ufeffx"]


def load(path: Path, max_vectors: int | None = None) -> tuple[FastTextModel, list[bytes], Rows]:
    model = read_fasttext(path, name="m.bin", max_vectors=max_vectors)
    blocks = list(model)
    assert all(len(block) for block in blocks)
    words = [word for block in blocks for word in block.tokens()]
    return model, words, np.concatenate([block.rows for block in blocks])


def composed(ngrams: Ngrams | None, words: list[str], dim: int) -> Rows:
    """Return what the n-grams alone give."""
    sums = np.zeros((len(words), dim), np.float32)
    if ngrams is None:
        return sums
    rows, counts = ngrams.rows_of([word.encode() for word in words])
    with np.errstate(
        over="ignore", invalid="ignore"
    ):  # as all do who call it: a damaged row may hold any number
        add_rows(sums, ngrams.rows.take, rows, counts)
    means: Rows = sums * (1 / np.maximum(counts, 1)).astype(np.float32)[:, None]
    return means


@pytest.fixture(scope="module")
def skipgram(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "apt.skipgram.16.bin"
    path.write_bytes(gzip.decompress(SKIPGRAM.read_bytes()))
    return path


# ---------------------------------------------------------------------------------------------------------------------
# The committed models, and what the official library said of them
# ---------------------------------------------------------------------------------------------------------------------


def test_words_and_others_have_the_official_vectors(skipgram: Path) -> None:
    model, words, rows = load(skipgram)
    assert format_of(skipgram.read_bytes()[:100]).name == "fastText model"
    assert (len(words), rows.shape, words[0], model.kind) == (
        2911,
        (2911, 16),
        b"</s>",
        "skipgram, version 12",
    )
    row_of = {word.decode(): row for row, word in enumerate(words)}
    places = [row_of[word] for word in TRUTH["in_vocab"].tolist()]
    assert rows[places].tobytes() == TRUTH["apt_skipgram_16_in_vocab"].tobytes()
    assert composed(model.ngrams, OOV, 16).tobytes() == TRUTH["apt_skipgram_16_oov"].tobytes()
    assert composed(model.ngrams, ["", "</s>"], 16).tobytes() == bytes(2 * 16 * 4)
    assert not TRUTH["apt_skipgram_16_empty"].any()


@pytest.mark.parametrize(
    ("name", "kind", "count"),
    [
        ("apt.cbow.nosub.8.bin", "cbow", 934),
        ("gloss10.sup.qnorm.ftz", "supervised", 2505),
        ("gloss10.sup.cutoff1500.ftz", "supervised", 66),
    ],
)
def test_quantised_pruned_and_plain_models_have_the_official_vectors(
    name: str, kind: str, count: int
) -> None:
    model, words, rows = load(MODELS / name)
    assert (len(words), model.kind) == (count, f"{kind}, version 12")
    assert not any(word.startswith(b"__label__") for word in words)
    row_of = {word.decode(): row for row, word in enumerate(words)}
    found = composed(model.ngrams, OOV, 8)
    for i, word in enumerate(OOV):
        if word in row_of:
            found[i] = rows[row_of[word]]
    assert found.tobytes() == TRUTH[f"{name}/vec"].tobytes()


def test_ngrams_have_the_official_numbers(skipgram: Path) -> None:
    model, words, _ = load(skipgram)
    assert model.ngrams is not None
    expected: dict[str, list[int]] = json.loads((MODELS / "subword_ids.json").read_text("utf-8"))
    new = [word for word in expected if word.encode() not in words]
    assert len(new) > 190
    rows, counts = model.ngrams.rows_of([word.encode() for word in new])
    parts = np.split(rows, counts.cumsum()[:-1])
    assert {word: (part + 2911).tolist() for word, part in zip(new, parts, strict=True)} == {
        word: expected[word] for word in new
    }


# ---------------------------------------------------------------------------------------------------------------------
# N-grams, by another program that takes one at a time
# ---------------------------------------------------------------------------------------------------------------------


def ngrams_of(word: str, minn: int, maxn: int) -> list[bytes]:
    if word == "</s>":
        return []
    whole = f"<{word}>"
    spans = (
        (i, n) for i in range(len(whole)) for n in range(1, maxn + 1) if i + n <= len(whole) and n >= minn
    )
    return [whole[i : i + n].encode() for i, n in spans if not (n == 1 and i in (0, len(whole) - 1))]


def bucket_of(ngram: bytes, buckets: int) -> int:
    number = 2166136261
    for byte in ngram:
        number = ((number ^ (byte | 0xFFFFFF00 if byte > 127 else byte)) * 16777619) & 0xFFFFFFFF
    return number % buckets


WORDS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("ab<>é漢😀\u200d\0 "), max_size=12)


@given(
    words=st.lists(WORDS | st.sampled_from(ODD), max_size=8),
    minn=st.integers(0, 5),
    more=st.integers(0, 5),
    buckets=st.integers(1, 2**31 - 1) | st.integers(1, 9),
    pruned=st.none() | st.integers(0, 255),
)
def test_every_word_has_its_ngrams_in_the_library_s_order(
    words: list[str], minn: int, more: int, buckets: int, pruned: int | None
) -> None:
    maxn = max(minn + more, 1)
    expected = [[bucket_of(ngram, buckets) for ngram in ngrams_of(word, minn, maxn)] for word in words]
    kept = None
    if pruned is not None:  # some of those that there are, and others
        some = {bucket for part in expected for bucket in part if bucket % 8 & pruned}
        kept = np.array(sorted(some | {0, buckets - 1}), np.uint32)
        place = {bucket: row for row, bucket in enumerate(kept.tolist())}
        expected = [[place[bucket] for bucket in part if bucket in place] for part in expected]

    class Nothing(PlainRows):
        def __len__(self) -> int:
            return buckets if kept is None else len(kept)

    rows = Nothing(array=np.empty((0, 1), np.float32))
    ngrams = Ngrams(minn=minn, maxn=maxn, buckets=buckets, rows=rows, kept=kept)
    for times in (1, 30):  # few words are gone through one by one, and many at once
        found, counts = ngrams.rows_of([word.encode() for word in words] * times)
        assert counts.tolist() == [len(part) for part in expected] * times
        assert found.tolist() == [bucket for part in expected for bucket in part] * times
    assert [ngrams.rows_of_one(word.encode()).tolist() for word in words] == expected


@pytest.mark.parametrize("word", [b"\x80", b"a\x80\x80\x80\x80\x80\x80b", b"\xff\xfe", b"\xc3"])
def test_words_that_are_no_text_have_the_same_ngrams_alone_and_among_others(word: bytes) -> None:
    ngrams = Ngrams(minn=1, maxn=4, buckets=7, rows=PlainRows(array=np.empty((7, 1), np.float32)))
    one = ngrams.rows_of_one(word).tolist()
    found, counts = ngrams.rows_of([word, "é".encode()] * 50)
    assert counts[0] == len(one)
    assert found[: len(one)].tolist() == one


@given(data=st.data(), dim=st.integers(1, 5) | st.just(300), times=st.sampled_from([1, 30]))
def test_every_sum_is_added_up_one_after_another(data: st.DataObject, dim: int, times: int) -> None:
    matrix = np.random.default_rng(data.draw(st.integers(0, 9))).standard_normal((7, dim)).astype(np.float32)
    chosen = data.draw(st.lists(st.lists(st.integers(0, 6), max_size=20), max_size=6)) * times
    sums = np.ones((len(chosen), dim), np.float32)
    expected = sums.copy()
    for i, rows in enumerate(chosen):
        for row in rows:
            expected[i] += matrix[row]
    flat = np.array([row for rows in chosen for row in rows], np.int64)
    add_rows(sums, PlainRows(array=matrix).take, flat, np.array([len(rows) for rows in chosen], np.int64))
    assert sums.tobytes() == expected.tobytes()
    for rows in chosen[:6]:
        alone = np.zeros(dim, np.float32)
        for row in rows:
            alone += matrix[row]
        assert sum_of(matrix[rows]).tobytes() == alone.tobytes()


# ---------------------------------------------------------------------------------------------------------------------
# Models of every kind, made by hand: the vectors by the rule, one word at a time, and by the official library
# ---------------------------------------------------------------------------------------------------------------------

KINDS = {
    "skipgram": Model(minn=2, maxn=4),
    "one character": Model(minn=1, maxn=1),
    "minn 0": Model(minn=0, maxn=2),
    "no n-grams": Model(minn=0, maxn=0, buckets=0),
    "no n-grams, but buckets": Model(minn=0, maxn=0, buckets=7),
    "minn above maxn": Model(minn=4, maxn=3),
    "one bucket": Model(buckets=1),
    "dim 1": Model(dim=1),
    "dim 7": Model(dim=7, buckets=50),
    "cbow": Model(model=1),
    "supervised": Model(model=3, labels=(b"__label__a", b"__label__b")),
    "version 11": Model(version=11),
    "supervised, version 11": Model(version=11, model=3, labels=(b"__label__a",)),
    "quantised": Model(quantized=True, dim=5),
    "quantised, dim 1": Model(quantized=True, dim=1),
    "pruned": Model(quantized=True, pruned=((0, 2), (3, 0), (4, 1))),
    "pruned, odd entries": Model(quantized=True, pruned=((3, 0), (3, 2), (-1, 1), (99, 1))),
    "pruned of all n-grams": Model(quantized=True, pruned=()),
    "duplicates": Model(words=(b"cat", b"dog", b"cat")),
    "an empty word": Model(words=(b"", b"cat")),
    "without </s>": Model(words=(b"cat",)),
    "one word, 300 bytes": Model(words=(b"x" * 300,)),
}


def by_the_rule(model: Model, word: str) -> Rows:
    """Return what fastText's ``getWordVector`` does, step by step."""
    matrix, total, count = model.matrix(), np.zeros(model.dim, np.float32), 0
    maxn = 0 if model.version != 12 and model.model == 3 else model.maxn
    encoded = word.encode()
    rows = (
        [max(i for i, known in enumerate(model.words) if known == encoded)] if encoded in model.words else []
    )
    for ngram in ngrams_of(word, model.minn, maxn) if model.buckets else []:
        bucket = bucket_of(ngram, model.buckets)
        if model.pruned is not None:
            found = [row for key, row in model.pruned if key == bucket]
            rows += [len(model.words) + found[-1]] if found else []
        else:
            rows.append(len(model.words) + bucket)
    for row in rows:
        total += matrix[row]
        count += 1
    return total * np.float32(1 / count) if count else total


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_model_has_the_vectors_of_the_rule(name: str, tmp_path: Path) -> None:
    made = KINDS[name]
    path = tmp_path / "m.bin"
    path.write_bytes(made.bytes())
    model, words, rows = load(path)
    assert words == list(made.words)
    assert format_of(path.read_bytes()[:16_384]).name == "fastText model"
    row_of = {word.decode(): row for row, word in enumerate(words)}
    for word, row in row_of.items():
        assert rows[row].tobytes() == by_the_rule(made, word).tobytes()
    others = [word for word in [*ODD, "catnip"] if word not in row_of]
    expected = np.stack([by_the_rule(made, word) for word in others])
    assert composed(model.ngrams, others, made.dim).tobytes() == expected.tobytes()


def official() -> Any:
    fasttext = pytest.importorskip("fasttext")
    fasttext.FastText.eprint = lambda *args, **kwargs: None
    return fasttext


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_model_has_the_vectors_of_the_official_library(name: str, tmp_path: Path) -> None:
    path = tmp_path / "m.bin"
    path.write_bytes(KINDS[name].bytes())
    theirs = official().load_model(str(path))
    model, words, rows = load(path)
    known = {word.decode(): row for row, word in enumerate(words)}
    for word, row in known.items():
        assert rows[row].tobytes() == theirs.get_word_vector(word).tobytes()
    others = [word for word in [*ODD, "catnip"] if word not in known]
    expected = np.stack([theirs.get_word_vector(word) for word in others])
    assert composed(model.ngrams, others, rows.shape[1]).tobytes() == expected.tobytes()


@pytest.mark.parametrize("model", [Model(version=None), Model(version=None, model=1, minn=3, maxn=6, dim=4)])
def test_the_oldest_form_has_gensim_s_vectors(model: Model, tmp_path: Path) -> None:
    path = tmp_path / "m.bin"
    path.write_bytes(model.bytes())
    mine, words, rows = load(path)
    assert mine.kind.endswith("the oldest form")
    gensim = pytest.importorskip("gensim.models.fasttext")
    theirs = gensim.load_facebook_vectors(str(path))
    for word, row in zip(words[1:], rows[1:], strict=True):  # gensim gives </s> n-grams, and the library none
        np.testing.assert_allclose(row, theirs[word.decode()], atol=1e-6, err_msg=repr(word))


def test_the_oldest_supervised_models_have_no_ngrams(tmp_path: Path) -> None:
    path = tmp_path / "m.bin"
    path.write_bytes(Model(version=None, model=3, labels=(b"__label__a",)).bytes())
    assert load(path)[0].ngrams is None


def test_old_models_in_gensim_s_own_test_data_have_its_vectors() -> None:
    gensim = pytest.importorskip("gensim.models.fasttext")
    folder = Path(gensim.__file__).parents[1] / "test" / "test_data"
    compared = 0
    for name in [
        "lee_fasttext.bin",
        "lee_fasttext_new.bin",
        "non_ascii_fasttext.bin",
        "crime-and-punishment.bin",
    ]:
        if not (folder / name).is_file():
            continue
        model, words, rows = load(folder / name)
        theirs = gensim.load_facebook_vectors(str(folder / name))
        for word, row in zip(words, rows, strict=True):
            # gensim gives the end of a line n-grams, which the library does not.
            if word != b"</s>":
                np.testing.assert_allclose(row, theirs[word.decode()], atol=1e-6)
        new = [word for word in OOV if word.encode() not in words]
        np.testing.assert_allclose(
            composed(model.ngrams, new, rows.shape[1]), [theirs[word] for word in new], atol=1e-6
        )
        compared += 1
    assert compared


TRAININGS = {
    "skipgram": "skipgram -minn 3 -maxn 6 -bucket 500",
    "skipgram, single characters": "skipgram -minn 1 -maxn 2 -bucket 50",
    "cbow": "cbow -minn 2 -maxn 2 -bucket 10",
    "cbow, no n-grams": "cbow -minn 0 -maxn 0",
    "supervised": "supervised -minn 2 -maxn 4 -bucket 300 -wordNgrams 2",
    "supervised, n-grams of words alone": "supervised -wordNgrams 2 -bucket 300",
    "quantised": "supervised -minn 2 -maxn 4 -bucket 300; quantize -qnorm",
    "pruned": "supervised -minn 2 -maxn 4 -bucket 300; quantize -cutoff 400 -retrain -dsub 4",
}


def corpus(path: Path) -> Path:
    """Write a text of real and odd words, labelled."""
    odd = [word for word in ODD if word.split() == [word] and "\0" not in word and word != "</s>"]
    random = np.random.default_rng(0)
    words = [*OOV, *odd, *(word for word in TRUTH["in_vocab"].tolist() if word != "</s>")]
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for i in range(400):
            file.write(f"__label__{i % 3} {' '.join(random.choice(words, 12))}\n")
    return path


@pytest.mark.parametrize("name", TRAININGS)
def test_models_that_the_official_library_trains_have_its_vectors(name: str, tmp_path: Path) -> None:
    fasttext = official()
    # Trained by the command: within Python it fails with NaN in the builds that work with today's numpy.
    if (command := shutil.which("fasttext")) is None:
        pytest.skip("the command fasttext is not installed")
    text, path = corpus(tmp_path / "text.txt"), tmp_path / "m.bin"
    usual = f"-input {text} -output {tmp_path / 'm'} -dim 6 -epoch 2 -minCount 1 -thread 1 -verbose 0"
    for step in TRAININGS[name].split("; "):
        subprocess.run([command, *step.split(), *usual.split()], check=True, capture_output=True)
        path = tmp_path / ("m.ftz" if step.startswith("quantize") else "m.bin")
    theirs = fasttext.load_model(str(path))
    model, words, rows = load(path)
    assert [word.decode() for word in words] == theirs.words
    expected = np.stack([theirs.get_word_vector(word) for word in theirs.words])
    assert np.isfinite(rows).all()
    assert rows.tobytes() == expected.tobytes()
    known = set(theirs.words)
    others = [word for word in [*ODD, *(f"un{word}ish" for word in OOV)] if word not in known]
    # To the n-grams of a label the library adds a row that is another n-gram's: labels are no words.
    others.remove("__label__x")
    expected = np.stack([theirs.get_word_vector(word) for word in others])
    assert composed(model.ngrams, others, 6).tobytes() == expected.tobytes()


# ---------------------------------------------------------------------------------------------------------------------
# From files of every sort to a store
# ---------------------------------------------------------------------------------------------------------------------


def packed(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    if name.endswith(".zip"):
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("m.bin", data)
    elif name.endswith(".tar.gz"):
        with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
            info = tarfile.TarInfo("m.bin")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    else:
        return gzip.compress(data) if name.endswith(".gz") else data
    return buffer.getvalue()


@pytest.mark.parametrize("name", ["m.bin", "m.bin.gz", "m.zip", "m.tar.gz", "vectors.txt"])
def test_a_model_in_any_archive_becomes_one_store(name: str, tmp_path: Path, own_cache: Path) -> None:
    model = Model(minn=2, maxn=4)
    path = tmp_path / name
    path.write_bytes(packed(name, model.bytes()))
    store = acquire(path)
    assert store.ngrams is not None
    assert (store.ngrams.minn, store.ngrams.maxn, store.ngrams.buckets) == (2, 4, 5)
    assert store.metadata["source_format"] == "fastText model"
    assert store.ngrams.rows.take(np.arange(5)).tobytes() == model.matrix()[3:].tobytes()
    assert [by_the_rule(model, word).tobytes() for word in store.tokens()] == [
        row.tobytes() for row in store.all_rows()
    ]
    store.verify()
    files = [file.name for file in own_cache.iterdir() if file.is_file()]
    assert files == [store.path.name]  # what was unpacked has gone


def test_a_pruned_model_becomes_a_store_that_says_so(tmp_path: Path) -> None:
    model = Model(quantized=True, pruned=((4, 2), (0, 0), (3, 1)), buckets=6)
    path = tmp_path / "m.ftz"
    path.write_bytes(model.bytes())
    store = open_store(acquire(path).path)
    assert store.ngrams is not None
    assert store.ngrams.kept is not None
    assert store.ngrams.kept.tolist() == [0, 3, 4]
    assert store.ngrams.rows.take(np.arange(3)).tobytes() == model.matrix()[[3, 4, 5]].tobytes()


def test_max_vectors_takes_the_first_words_and_all_ngrams(tmp_path: Path) -> None:
    path = tmp_path / "m.bin"
    path.write_bytes(Model().bytes())
    store = acquire(path, max_vectors=2)
    assert list(store.tokens()) == ["</s>", "cat"]
    assert store.ngrams is not None
    assert len(store.ngrams.rows) == 5


def test_words_that_are_not_utf8_are_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = Model(words=(b"\xff\xfe", b"cat", b"caf\xc3", b"dog"))
    path = tmp_path / "m.bin"
    path.write_bytes(model.bytes())
    with caplog.at_level(logging.INFO):
        _, words, rows = load(path)
    assert words == [b"cat", b"dog"]
    assert rows.tobytes() == b"".join(by_the_rule(model, word).tobytes() for word in ["cat", "dog"])
    assert caplog.messages == ["m.bin: left out 2 tokens that are not UTF-8, as torchtext did"]
    path.write_bytes(Model(words=(b"\xff",)).bytes())
    with pytest.raises(ParseError, match=r"^m\.bin: none of its tokens is UTF-8"):
        load(path)


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    rows = np.zeros((3 + 60_000, 100), np.float32)
    path = tmp_path / "m.bin"
    path.write_bytes(Model(dim=100, buckets=60_000, rows=rows).bytes())
    tracemalloc.start()
    try:
        store = acquire(path)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20  # of 24 MB
    finally:
        tracemalloc.stop()
    assert store.ngrams is not None
    assert len(store.ngrams.rows) == 60_000


# ---------------------------------------------------------------------------------------------------------------------
# Bad input
# ---------------------------------------------------------------------------------------------------------------------

WHOLE = {
    "plain": Model(labels=(b"__label__a",)),
    "oldest": Model(version=None),
    "quantised": Model(quantized=True, dim=3),
    "pruned": Model(quantized=True, pruned=((0, 2), (3, 0), (4, 1))),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_model_cut_anywhere_is_an_error_with_its_place(name: str, tmp_path: Path) -> None:
    whole, path = WHOLE[name].bytes(), tmp_path / "m.bin"
    step = max(len(whole) // 200, 1)
    places = sorted(
        {*range(0, len(whole), step), *range(min(300, len(whole))), *range(len(whole) - 100, len(whole))}
    )
    for length in places:
        path.write_bytes(whole[:length])
        with pytest.raises(ParseError, match=r"^m\.bin: .*get it again\.$"):
            load(path)
    path.write_bytes(whole + b"\0")
    with pytest.raises(ParseError, match="1 bytes follow behind the end"):
        load(path)


LIES: dict[str, tuple[dict[str, Any], dict[str, int], str]] = {
    "version 13": ({}, {"version": 13}, "fastText model of version 13, and 11 and 12 are read here"),
    "dim 0": ({}, {"dim": 0}, "this speaks of dim 0"),
    "dim absurd": ({}, {"dim": 2**31 - 1}, "dim 2,147,483,647"),
    "dim other": ({}, {"dim": 3}, "rows of dim 2, for 3 words of dim 3"),
    "model": ({}, {"model": 9}, "model 9"),
    "buckets too many": ({}, {"buckets": 2**31 - 1}, "2,147,483,647 buckets, and has 5 rows"),
    "buckets negative": ({}, {"buckets": -5}, "-5 buckets"),
    "buckets too few": ({}, {"buckets": 4}, "4 buckets, and has 5 rows"),
    "maxn": ({}, {"maxn": 2**31 - 1}, "to 2147483647 characters"),
    "minn": ({}, {"minn": -1}, "n-grams of -1 to 3 characters"),
    "maxn negative": ({}, {"maxn": -1}, "n-grams of 2 to -1 characters"),
    "size": ({}, {"size": 4}, "the dictionary has 4 entries: 3 words and 0 labels"),
    "size absurd": ({}, {"size": 2**31 - 1, "nwords": 2**31 - 1}, "within the 2,147,483,647 words"),
    "nwords none": ({}, {"size": 0, "nwords": 0}, "0 entries"),
    "nlabels negative": ({}, {"nlabels": -1, "size": 2}, "-1 labels"),
    "types": ({}, {"type": 1}, "not 3 words and then 0 labels"),
    "types of labels": ({"labels": (b"x",)}, {"type": 0}, "not 3 words and then 1 labels"),
    "pruned absurd": ({"quantized": True, "pruned": ((0, 0),)}, {"pruned": 2**62}, "the list of n-grams"),
    "pruned negative": ({}, {"pruned": -2}, "the dictionary has"),
    "pruned, not quantised": ({}, {"pruned": 0}, "only a quantised model can be pruned"),
    "pruned out of range": ({"quantized": True, "pruned": ((0, 1),)}, {}, "leads out of their 1 rows"),
    "pruned below 0": ({"quantized": True, "pruned": ((0, -1),)}, {}, "leads out of their 1 rows"),
    "flag": ({}, {"quantized": 2}, "the input matrix is 2, and only 0 and 1 can be"),
    "m": ({}, {"m": 2**62}, "within the input matrix"),
    "m negative": ({}, {"m": -1}, "-1 rows"),
    "m too few": ({"rows": np.zeros((2, 2), np.float32)}, {}, "has 2 rows of dim 2, for 3 words"),
    "n absurd": ({}, {"n": 2**62}, "rows of dim 4,611,686,018,427,387,904"),
    "output": ({}, {"output m": 3}, "within the output matrix"),
    "output flag": ({}, {"output quantized": 5}, "the output matrix is 5"),
    "codes": ({"quantized": True}, {"codesize": 2**31 - 1}, "in 2,147,483,647 codes"),
    "codes few": ({"quantized": True}, {"codesize": 0}, "the quantiser of the input matrix says"),
    "quantised m": ({"quantized": True}, {"m": 2**40}, "rows of dim 2 in"),
    "norms": ({"quantized": True}, {"qnorm": 1}, "the quantiser of the input matrix says"),
    "pq dim": ({"quantized": True}, {"pq dim": 3}, "for dim 3, where the dim is 2"),
    "nsubq": ({"quantized": True}, {"nsubq": 2**31 - 1}, "2147483647 runs"),
    "dsub 0": ({"quantized": True}, {"dsub": 0}, "runs of 0 numbers"),
    "lastdsub": ({"quantized": True, "dim": 3}, {"lastdsub": 2}, "and 2 in the last"),
}


@pytest.mark.parametrize("name", LIES)
def test_a_number_that_lies_is_an_error_and_costs_no_memory(name: str, tmp_path: Path) -> None:
    options, lies, said = LIES[name]
    path = tmp_path / "m.bin"
    path.write_bytes(Model(**options, lies=lies).bytes())
    tracemalloc.start()
    try:
        with pytest.raises(ParseError, match=rf"^m\.bin: .*{said}.*get it again\.$"):
            load(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_a_few_codes_do_not_become_gigabytes(tmp_path: Path) -> None:
    made = Model(quantized=True, dim=2)
    parts = made.parts()
    count, dim = 3_000_000, 4096  # a byte for each row
    quantizer = np.array([dim, 1, dim, dim], "<i4").tobytes() + bytes(4 * 256 * dim)
    parts["arguments"] = np.array([dim, *np.frombuffer(parts["arguments"], "<i4")[1:]], "<i4").tobytes()
    header = b"\0" + np.array([count, dim], "<i8").tobytes() + np.array([count], "<i4").tobytes()
    parts["input"] = header + bytes(count) + quantizer
    path = tmp_path / "m.ftz"
    path.write_bytes(b"".join(parts.values()))
    with pytest.raises(ParseError, match="would unpack to 3,000,000 rows of dim 4,096"):
        load(path)


def test_a_word_without_an_end_is_an_error_soon(tmp_path: Path) -> None:
    parts = Model().parts()
    parts["words"] = b"x" * 3_000_000
    path = tmp_path / "m.bin"
    path.write_bytes(b"".join(parts.values()))
    with pytest.raises(ParseError, match="word 0 of the dictionary has no end within 65,536 bytes"):
        load(path)


def test_an_archive_of_a_model_cut_anywhere_is_an_error_and_leaves_nothing(
    tmp_path: Path, own_cache: Path
) -> None:
    path, whole = tmp_path / "m.bin.gz", packed("m.bin.gz", Model(dim=30, buckets=50).bytes())
    for length in range(0, len(whole), 997):
        path.write_bytes(whole[:length])
        with pytest.raises((ArchiveError, ParseError), match=r"m\.bin"):
            acquire(path)
    assert not [file for file in own_cache.iterdir() if file.is_file()]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(WHOLE)), data=st.data())
def test_every_damaged_model_is_read_or_refused(name: str, data: st.DataObject, tmp_path: Path) -> None:
    parts = WHOLE[name].parts()
    # The centroids are most of a quantised file, and any number is one.
    telling = len(b"".join(parts.values())) if not WHOLE[name].quantized else 400
    broken, path = bytearray(b"".join(parts.values())), tmp_path / "m.bin"
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, telling - 1))
        broken[place] = data.draw(st.integers(0, 255))
    path.write_bytes(broken)
    tracemalloc.start()
    try:
        with suppress(ParseError):
            model, words, rows = load(path)
            assert len(words) == len(rows)
            composed(model.ngrams, ["cat", "catnip", "", "漢字"], rows.shape[1])
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
