"""Stores with n-grams: what is written and documented, and what becomes of those that are not as they should be."""

from __future__ import annotations

import pickle
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import test_store
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors import safe_open
from test_store import (
    DATA_START,
    ENCODINGS,
    ROWS,
    TOKENS,
    Arrays,
    a_folder,
    arrays_of,
    assert_holds,
    assert_refused,
    program,
    use,
    write,
)

from torchvectors.errors import StoreError
from torchvectors.formats import Block, Ngrams, PlainRows
from torchvectors.store import Encoding, Store, open_store, write_store
from torchvectors.vectors import Vectors

NUMBERS: NDArray[np.float32] = (np.arange(10).reshape(5, 2) / 7).astype(np.float32)
KEPT = np.array([0, 3, 7, 8, 99], np.uint32)


def ngrams_of(
    kept: NDArray[np.uint32] | None = None,
    rows: NDArray[np.float32] = NUMBERS,
    minn: int = 2,
    maxn: int = 4,
    buckets: int | None = None,
) -> Ngrams:
    buckets = (5 if kept is None else 100) if buckets is None else buckets
    return Ngrams(minn=minn, maxn=maxn, buckets=buckets, rows=PlainRows(array=rows), kept=kept)


def hand(path: Path, arrays: Arrays, metadata: dict[str, str]) -> Path:
    return test_store.by_hand(path, arrays, 8, **metadata)


def block() -> Block:
    return Block.of([token.encode() for token in TOKENS], ROWS)


@pytest.mark.parametrize("kept", [None, KEPT])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_ngrams_come_back_whatever_the_rows_are_stored_as(
    tmp_path: Path, encoding: Encoding, kept: NDArray[np.uint32] | None
) -> None:
    path = write_store(tmp_path / "s", [block()], encoding=encoding, ngrams=ngrams_of(kept))
    for store in (open_store(path), pickle.loads(pickle.dumps(open_store(path)))):
        assert list(store.tokens()) == TOKENS
        found = store.ngrams
        assert found is not None
        assert (found.minn, found.maxn, found.buckets) == (2, 4, 5 if kept is None else 100)
        assert found.rows.take(np.arange(5)).tobytes() == NUMBERS.tobytes()
        assert (found.kept is None) == (kept is None)
        assert kept is None or found.kept is None or found.kept.tolist() == kept.tolist()
        store.verify()
    with safe_open(path, framework="numpy") as file:
        assert file.get_tensor("ngram_vectors").tobytes() == NUMBERS.tobytes()
        assert file.metadata()["bucket"] == ("5" if kept is None else "100")
    with path.open("rb+") as other:  # the checksum covers them
        other.seek(-1, 2)
        other.write(b"\x55")
    assert_refused(path, lambda path: open_store(path).verify())


def test_large_tables_of_ngrams_are_written_block_by_block(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).standard_normal((200_000, 2)).astype(np.float32)
    path = write_store(tmp_path / "s", [block()], ngrams=ngrams_of(rows=rows, buckets=200_000))
    found = open_store(path).ngrams
    assert found is not None
    assert found.rows.take(np.arange(200_000)).tobytes() == rows.tobytes()


def test_a_store_without_ngrams_has_none_whatever_its_metadata_were(tmp_path: Path) -> None:
    said = {"ngrams": "fasttext", "minn": "1", "maxn": "2", "bucket": "7", "licence": "PDDL-1.0"}
    path = write(tmp_path / "s", metadata=said)
    assert open_store(path).ngrams is None
    assert path.read_bytes() == write(tmp_path / "t", metadata={"licence": "PDDL-1.0"}).read_bytes()


def test_ngrams_of_another_dim_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="its n-grams have dim 3, and its tokens 2"):
        write_store(tmp_path / "s", [block()], ngrams=ngrams_of(rows=np.zeros((5, 3), np.float32)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ((5, 4, 5), "n-grams of 5 to 4 characters"),
        ((2, 129, 5), "n-grams of 2 to 129 characters"),
        ((0, 0, 5), "n-grams of 0 to 0 characters"),
        ((2, 4, 0), "0 buckets"),
        ((2, 4, 1 << 31), "2147483648 buckets"),
        ((2, 4, 6), "6 buckets of n-grams have 5 rows"),
    ],
)
def test_numbers_that_make_no_ngrams_are_refused(numbers: tuple[int, int, int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ngrams_of(None, NUMBERS, *numbers)


@given(
    tokens=st.lists(st.text(max_size=8), min_size=1, max_size=5), pruned=st.booleans(), minn=st.integers(0, 3)
)
@settings(max_examples=40, deadline=None)
def test_every_token_is_composed_as_documented(tokens: list[str], pruned: bool, minn: int) -> None:
    kept = np.arange(0, 30, 2, dtype=np.uint32) if pruned else None
    rows = np.random.default_rng(minn).standard_normal((15 if pruned else 30, 2)).astype(np.float32)
    with a_folder() as folder:
        path = folder / "s.safetensors"
        write_store(path, [block()], ngrams=ngrams_of(kept, rows, minn=minn, buckets=30))
        vectors = Vectors(path)
        for token in tokens:
            if not any("\ud800" <= character <= "\udfff" for character in token) and token not in vectors:
                assert program("compose")(path, token).tobytes() == vectors[token].numpy().tobytes()


# ---------------------------------------------------------------------------------------------------------------------
# Attacks
# ---------------------------------------------------------------------------------------------------------------------

GOOD = {"ngrams": "fasttext", "minn": "2", "maxn": "4", "bucket": "5"}


def arrays(kept: NDArray[np.uint32] | None = None) -> Arrays:
    made = arrays_of(TOKENS, ROWS) | {"ngram_vectors": NUMBERS}
    return made if kept is None else made | {"ngram_buckets": kept}


def test_unaltered_ngrams_are_not_refused(tmp_path: Path) -> None:
    store = open_store(hand(tmp_path / "s", arrays(), GOOD))
    assert store.ngrams is not None
    assert_holds(store, TOKENS, ROWS)
    pruned = open_store(hand(tmp_path / "t", arrays(KEPT), GOOD | {"bucket": "100"}))
    assert pruned.ngrams is not None


def test_arrays_of_these_names_mean_nothing_without_the_rule(tmp_path: Path) -> None:
    odd: Arrays = {"ngram_vectors": np.zeros(3, np.float32), "ngram_buckets": np.zeros((2, 2), np.uint32)}
    assert open_store(hand(tmp_path / "s", arrays() | odd, {})).ngrams is None


@pytest.mark.parametrize(
    "metadata",
    [
        {"ngrams": "floret"},
        {"ngrams": ""},
        {"minn": ""},
        {"minn": "-1"},
        {"minn": "٣"},
        {"minn": "5"},
        {"minn": "2.0"},
        {"maxn": "0"},
        {"maxn": "129"},
        {"maxn": "9" * 5_000},
        {"bucket": "0"},
        {"bucket": "4"},
        {"bucket": "6"},
        {"bucket": "4294967296"},
        {"bucket": "9999999999"},
    ],
)
def test_metadata_that_lie_about_ngrams_are_refused(tmp_path: Path, metadata: dict[str, str]) -> None:
    assert_refused(hand(tmp_path / "s", arrays(), GOOD | metadata), open_store)


def test_metadata_that_lack_a_number_are_refused(tmp_path: Path) -> None:
    for name in ("minn", "maxn", "bucket"):
        lacking = {key: text for key, text in GOOD.items() if key != name}
        assert_refused(hand(tmp_path / "s", arrays(), lacking), open_store)


@pytest.mark.parametrize(
    "rows",
    [
        np.zeros((4, 2), np.float32),
        np.zeros((6, 2), np.float32),
        np.zeros((5, 3), np.float32),
        np.zeros((5, 2), np.float16),
        np.zeros(10, np.float32),
        np.zeros((5, 2, 1), np.float32),
        np.zeros((0, 2), np.float32),
        None,
    ],
)
def test_rows_that_do_not_fit_their_ngrams_are_refused(
    tmp_path: Path, rows: NDArray[np.float32] | None
) -> None:
    altered = arrays() | ({} if rows is None else {"ngram_vectors": rows})
    if rows is None:
        del altered["ngram_vectors"]
    assert_refused(hand(tmp_path / "s", altered, GOOD), open_store)


@pytest.mark.parametrize(
    "kept",
    [KEPT[:4], np.append(KEPT, KEPT[-1]), KEPT.astype(np.uint64), KEPT[:, None], np.empty(0, np.uint32)],
)
def test_a_list_of_ngrams_that_does_not_fit_is_refused(tmp_path: Path, kept: NDArray[np.uint32]) -> None:
    path = hand(tmp_path / "s", arrays(kept), GOOD | {"bucket": "100"})
    assert_refused(path, open_store)


@pytest.mark.parametrize(
    "kept", [[0, 3, 3, 8, 99], [99, 8, 7, 3, 0], [0, 3, 7, 8, 100], [0, 3, 7, 8, 2**32 - 1]]
)
def test_a_list_of_ngrams_that_leads_astray_is_refused_where_it_is_met(
    tmp_path: Path, kept: list[int]
) -> None:
    altered = arrays(np.array(kept, np.uint32))
    path = hand(tmp_path / "s.safetensors", altered, GOOD | {"bucket": "100"})
    vectors = Vectors(path)
    assert vectors["naïve"].tolist() == [0.5, 0.25]
    assert_refused(path, lambda _: vectors["nosuchword"])


def test_ngrams_that_are_not_aligned_are_refused(tmp_path: Path) -> None:
    ragged = arrays_of(TOKENS, ROWS) | {"my.more": np.zeros(1, np.uint8), "ngram_vectors": NUMBERS}
    assert_refused(hand(tmp_path / "s", ragged, GOOD), open_store)


def compose(path: Path) -> None:
    use(path)
    store: Store = open_store(path)
    if store.ngrams is not None:
        Vectors(path.rename(path.with_suffix(".safetensors"))).get_vecs_by_tokens(["nosuchword", "", "漢字"])


def test_a_store_with_ngrams_cut_anywhere_is_refused(tmp_path: Path) -> None:
    whole = write_store(tmp_path / "s", [block()], ngrams=ngrams_of(KEPT)).read_bytes()
    path = tmp_path / "cut"
    for length in [*range(0, len(whole), 1_000), *range(DATA_START - 8, len(whole))]:
        path.write_bytes(whole[:length])
        assert_refused(path, open_store)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), pruned=st.booleans())
def test_every_damaged_store_with_ngrams_is_read_or_refused(data: st.DataObject, pruned: bool) -> None:
    with a_folder() as folder:
        more: Arrays = {"ngram_buckets": KEPT} if pruned else {}
        path = hand(folder / "s", arrays() | more, GOOD | ({"bucket": "100"} if pruned else {}))
        whole = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 3))):
            place = data.draw(st.integers(0, len(whole) - 1))
            whole[place] = data.draw(st.integers(0, 255) | st.sampled_from(b'0123456789[]{}",:-.eE'))
        path.write_bytes(whole)
        with suppress(StoreError), np.errstate(all="ignore"):
            compose(path)
