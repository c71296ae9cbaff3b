"""Tokens and rows → one mapped file, and back; and what becomes of files that are not as they should be."""

from __future__ import annotations

import errno
import gc
import json
import os
import pickle
import re
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from safetensors import safe_open
from xxhash import xxh3_64_intdigest, xxh3_128_hexdigest

import torchvectors
from torchvectors.errors import CacheError, ParseError, StoreError
from torchvectors.formats import Block
from torchvectors.store import Encoding, Store, open_store, write_store
from torchvectors.store.index import ranked, starts_of

Rows = NDArray[np.float32]
Arrays = dict[str, NDArray[Any]]
Header = dict[str, Any]

FORMAT_PAGE = Path(__file__).resolve().parents[1] / "docs" / "format.md"
DATA_START = 16_384
ENCODINGS: tuple[Encoding, ...] = get_args(Encoding)

# The example of docs/format.md.
TOKENS = ["cat", "naïve", "cat"]
ROWS = np.array([[1, -2], [0.5, 0.25], [3, 0]], np.float32)


def write(
    path: Path,
    tokens: Sequence[str] = TOKENS,
    rows: Rows = ROWS,
    encoding: Encoding = "float32",
    cuts: Sequence[int] = (),
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Write a store in blocks that end at ``cuts``."""
    edges = [0, *cuts, len(tokens)]
    blocks = (
        Block.of([token.encode() for token in tokens[start:end]], rows[start:end])
        for start, end in pairwise(edges)
    )
    return write_store(path, blocks, encoding=encoding, metadata=metadata)


def arrays_of(
    tokens: Sequence[str], rows: Rows, nbuckets: int | None = None, hashes: Mapping[str, int] | None = None
) -> Arrays:
    """Return a store's arrays as docs/format.md has them: another program's, and free in what is left open."""
    encoded = [token.encode() for token in tokens]
    row_of = {token: row for row, token in enumerate(encoded)}
    hash_of = {token: (hashes or {}).get(token.decode(), xxh3_64_intdigest(token)) for token in row_of}
    index = sorted((hash_of[token], row) for token, row in row_of.items())
    nbuckets = nbuckets or 1 << (len(index).bit_length() - 1)
    bucket_of = [number * nbuckets >> 64 for number, _ in index]
    return {
        "token_offsets": np.cumsum([0, *map(len, encoded)], dtype=np.uint64),
        "index_hashes": np.array([number for number, _ in index], np.uint64),
        "vectors": rows,
        "index_rows": np.array([row for _, row in index], np.uint32),
        "index_starts": np.searchsorted(bucket_of, range(nbuckets + 1)).astype(np.uint32),
        "token_bytes": np.frombuffer(b"".join(encoded), np.uint8),
    }


DTYPES = {"float32": "F32", "float16": "F16", "int8": "I8", "uint8": "U8", "uint32": "U32", "uint64": "U64"}


def by_hand(path: Path, arrays: Arrays, pad_to: int = 8, **metadata: str) -> Path:
    """Write arrays to a file, in this order, whether they make a store or not; the header is in another."""
    header: Header = {}
    data = b""
    for name, array in arrays.items():
        start = len(data)
        data += array.tobytes()
        shape = list(array.shape)
        header[name] = {"dtype": DTYPES[array.dtype.name], "shape": shape, "data_offsets": [start, len(data)]}
    own = {"format": "torchvectors", "version": "1", "encoding": "float32"}
    header["__metadata__"] = own | {"checksum": f"xxh3_128:{xxh3_128_hexdigest(data)}"} | metadata
    path.write_bytes(assembled(json.dumps(header, sort_keys=True).encode(), data, pad_to))
    return path


@contextmanager
def a_folder() -> Iterator[Path]:
    """One for each example that hypothesis tries; pytest's ``tmp_path`` is one for all of them."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def assembled(header: bytes, data: bytes, pad_to: int = 1) -> bytes:
    header += b" " * (-(8 + len(header)) % pad_to)
    return len(header).to_bytes(8, "little") + header + data


def parts_of(path: Path) -> tuple[Header, bytes]:
    """Take a store apart: header and data."""
    whole = path.read_bytes()
    end = 8 + int.from_bytes(whole[:8], "little")
    return json.loads(whole[8:end]), whole[end:]


def use(path: Path) -> None:
    """Do with a store all that can be done."""
    store = open_store(path)
    tokens = list(store.tokens())
    for token in [*tokens, "", "missing", "\0"]:
        store.index.find(token)
    found = store.index.find_all([*tokens, "", "missing", "\0"])
    store.rows(found[found >= 0])
    store.all_rows()
    pickle.loads(pickle.dumps(store))


def assert_refused(path: Path, action: Callable[[Path], object] = use) -> None:
    """See that ``action`` ends in a StoreError of some lines that names the file."""
    with pytest.raises(StoreError) as caught:
        action(path)
    text = str(caught.value)
    assert str(path) in text
    assert len(text) < 1_000 + len(str(path))


# ---------------------------------------------------------------------------------------------------------------------
# The bytes
# ---------------------------------------------------------------------------------------------------------------------


def blocks_of(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", FORMAT_PAGE.read_text(), re.MULTILINE | re.DOTALL)


def program(name: str) -> Callable[..., Any]:
    """Return the function of this name from the programs of docs/format.md."""
    (source,) = (block for block in blocks_of("python") if f"def {name}(" in block)
    space: dict[str, Any] = {}
    exec(compile(source, str(FORMAT_PAGE), "exec"), space)
    function = space[name]
    assert callable(function)
    return function  # type: ignore[no-any-return]  # exec knows no types


def test_every_byte_is_as_documented(tmp_path: Path) -> None:
    whole = write(tmp_path / "s", metadata={"licence": "CC0-1.0"}).read_bytes()
    dump: dict[int, int] = {}
    for line in "".join(blocks_of("hex")).splitlines():
        place, *numbers = line.split()
        dump |= {int(place, 16) + i: int(number, 16) for i, number in enumerate(numbers)}
    assert sorted(dump) == [*range(8), *range(DATA_START, len(whole))]
    assert {place: whole[place] for place in dump} == dump

    header = whole[8:DATA_START].decode()
    (shown,) = blocks_of("json")
    assert header.rstrip(" ") == re.sub(r"\n +", " ", shown.strip())
    page = FORMAT_PAGE.read_text()
    assert f"The file has {len(whole):,} bytes" in page
    assert f"{len(header) - len(header.rstrip()):,} spaces" in page
    assert f"the empty token is `{xxh3_64_intdigest(b''):016x}`" in page


@pytest.mark.parametrize(
    ("encoding", "vectors", "scales", "checksum"),
    [
        ("float16", "003c 00c0 0038 0034 0042 0000", "", "7e4b1255c9219a800527a874bfbb43b8"),
        ("int8", "4081 7f40 7f00", "0402813c 0402813b 0683c13c", "2c6c493d493ae5f75376107ba221b3ce"),
    ],
)
def test_smaller_encodings_have_these_bytes(
    tmp_path: Path, encoding: Encoding, vectors: str, scales: str, checksum: str
) -> None:
    header, data = parts_of(write(tmp_path / "s", encoding=encoding))
    start, end = header["vectors"]["data_offsets"]
    assert data[start:end] == bytes.fromhex(vectors)
    if scales:
        assert header["scales"]["shape"] == [3]
        start, end = header["scales"]["data_offsets"]
        assert data[start:end] == bytes.fromhex(scales)
    assert header["__metadata__"]["checksum"] == f"xxh3_128:{checksum}"


TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\0 \n\x7f\x80é漢😀\U0010ffff"))
LONG = st.builds(lambda token, n: token * n, TEXT, st.integers(1, 20_000))
# Any of float32's 2 ** 32 values: -0, subnormal numbers, infinities and every NaN among them.
BITS = st.integers(0, 2**32 - 1) | st.sampled_from([0, 1, 0x80000000, 0x7F800000, 0xFF800000, 0x7FC00001])
ANY_FLOATS = BITS.map(lambda bits: np.array(bits, np.uint32).view(np.float32)[()])
FLOATS: dict[Encoding, st.SearchStrategy[Any]] = {
    "float32": ANY_FLOATS,
    "float16": st.floats(-65504, 65504, width=32) | st.sampled_from([np.inf, -np.inf, np.nan]),
    "int8": ANY_FLOATS.filter(np.isfinite),
}


@st.composite
def tables(draw: st.DrawFn, encoding: Encoding) -> tuple[list[str], Rows]:
    some = draw(st.lists(TEXT, min_size=1, max_size=8)) + draw(st.lists(LONG, max_size=1))
    tokens = draw(st.lists(st.sampled_from(some), min_size=1, max_size=20))
    shape = (len(tokens), draw(st.integers(1, 5)))
    return tokens, draw(hnp.arrays(np.float32, shape, elements=FLOATS[encoding]))


def assert_holds(store: Store, tokens: Sequence[str], rows: Rows) -> None:
    """Compare a store with a list and a dict: the numbers bit for bit."""
    row_of = {token: row for row, token in enumerate(tokens)}
    absent = [token + "x" for token in row_of] + [token[:-1] for token in row_of]
    sought = [*tokens, *absent]
    expected = [row_of.get(token) for token in sought]
    assert len(store) == len(tokens)
    assert store.dim == rows.shape[1]
    assert len(store.index) == len(row_of)
    assert list(store.tokens()) == list(tokens)
    assert [store.index.find(token) for token in sought] == expected
    assert store.index.find_all(sought).tolist() == [-1 if row is None else row for row in expected]
    picked = np.array([*row_of.values(), 0, 0])
    for found, right in [(store.rows(picked), rows[picked]), (store.all_rows(), rows)]:
        assert (found.dtype.name, found.shape) == ("float32", right.shape)
        assert found.tobytes() == np.ascontiguousarray(right).tobytes()
        assert found.flags.writeable


@pytest.mark.parametrize("encoding", ENCODINGS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_every_table_comes_back_however_it_was_cut(encoding: Encoding, data: st.DataObject) -> None:
    tokens, rows = data.draw(tables(encoding))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(tokens)), max_size=4)))
    if encoding == "int8":
        assume((np.abs(rows) < np.finfo(np.float32).max).all())
    with a_folder() as folder:
        path = write(folder / "whole", tokens, rows, encoding)
        assert write(folder / "cut", tokens, rows, encoding, cuts).read_bytes() == path.read_bytes()
        store = open_store(path)
        assert_comes_back(store, tokens, rows, encoding)
        store.verify()


def assert_comes_back(store: Store, tokens: Sequence[str], rows: Rows, encoding: Encoding) -> None:
    assert store.encoding == encoding
    if encoding == "float16":
        rows = rows.astype(np.float16).astype(np.float32)
    elif encoding == "int8":
        largest = np.abs(rows.astype(np.float64)).max(axis=1, keepdims=True)
        decoded = store.all_rows()
        away = np.abs(decoded - rows.astype(np.float64))
        assert (away <= largest / 254 * (1 + 1e-5) + np.finfo(np.float32).tiny).all()
        rows = decoded
    assert_holds(store, tokens, rows)


def test_numbers_too_small_for_a_good_scale_keep_their_sign(tmp_path: Path) -> None:
    rows = np.array([[190, -190, 0], [3, -63, 64]], np.float32) * np.float32(2**-149)
    store = open_store(write(tmp_path / "s", ["a", "b"], rows, "int8"))
    assert store.all_rows()[0].tolist() == [127 * 2**-149, -127 * 2**-149, 0]
    assert np.abs(store.all_rows() - rows).max() <= 64 * 2**-149


@given(table=tables("float32"))
@settings(max_examples=30, deadline=None)
def test_every_store_is_read_by_the_documented_program(table: tuple[list[str], Rows]) -> None:
    tokens, rows = table
    row_of, read, absent = {token: row for row, token in enumerate(tokens)}, program("read"), tokens[0] + "x"
    with a_folder() as folder:
        path = write(folder / "s", tokens, rows)
        for token, row in row_of.items():
            assert read(path, token).tobytes() == rows[row].tobytes()
        assert absent in row_of or read(path, absent) is None


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_is_read_by_the_documented_program(tmp_path: Path, encoding: Encoding) -> None:
    path, read = write(tmp_path / "s", encoding=encoding), program("read")
    expected = open_store(path).all_rows()
    assert read(path, "cat").tolist() == expected[2].tolist()
    assert read(path, "naïve").tolist() == expected[1].tolist()
    assert read(path, "naive") is None


@given(table=tables("float32"))
@settings(max_examples=30, deadline=None)
def test_every_store_of_the_documented_program_is_read(table: tuple[list[str], Rows]) -> None:
    tokens, rows = table
    with a_folder() as folder:
        path = folder / "s"
        program("write")(path, tokens, rows, {"licence": "CC0-1.0"})
        store = open_store(path)
        assert_holds(store, tokens, rows)
        store.verify()
    assert store.metadata["licence"] == "CC0-1.0"


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_safetensors_reads_a_store(tmp_path: Path, encoding: Encoding) -> None:
    with safe_open(write(tmp_path / "s", encoding=encoding), framework="numpy") as file:
        names = {"vectors", "token_bytes", "token_offsets", "index_hashes", "index_rows", "index_starts"}
        assert set(file.keys()) == names | ({"scales"} if encoding == "int8" else set())
        assert file.metadata()["tokens"] == "3"
        assert file.get_tensor("vectors").shape == (3, 2)


# ---------------------------------------------------------------------------------------------------------------------
# Looking up
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 100_000])
def test_stores_small_and_large_find_each_token(tmp_path: Path, n: int) -> None:
    tokens = [f"token {i}" for i in range(n)]
    rows = np.arange(n, dtype=np.float32)[:, None]
    store = open_store(write(tmp_path / "s", tokens, rows))
    assert store.index.find_all(tokens).tolist() == list(range(n))
    assert store.index.find_all([f"other {i}" for i in range(n)]).tolist() == [-1] * n
    for i in range(0, n, max(n // 1_000, 1)):
        assert store.index.find(f"token {i}") == i
        assert store.index.find(f"other {i}") is None
    assert list(store.tokens(n - 1)) == tokens[-1:]
    assert list(store.tokens(0, 1)) == tokens[:1]


def test_tokens_come_in_order_however_many_are_asked_for(tmp_path: Path) -> None:
    tokens = [f"token {i}" if i < 1_500 else f"tökén {i}" for i in range(3_000)]
    store = open_store(write(tmp_path / "s", tokens, np.zeros((3_000, 1), np.float32)))
    for start, stop in [(0, 3_000), (1, 2), (5, 14), (1_000, 1_030), (1_490, 2_999), (7, 7), (2_990, 4_000)]:
        assert list(store.tokens(start, stop)) == tokens[start:stop]


def test_tokens_before_a_damaged_one_still_come(tmp_path: Path) -> None:
    tokens = [f"token {i}" for i in range(3_000)]
    path = write(tmp_path / "s", tokens, np.zeros((3_000, 1), np.float32))
    path.write_bytes(path.read_bytes().replace(b"token 1500", b"token \xff500"))
    found = open_store(path).tokens()
    assert [next(found) for _ in range(1_500)] == tokens[:1_500]
    with pytest.raises(StoreError, match="the token of row 1500 is not UTF-8"):
        next(found)


def test_nothing_sought_is_nothing_found(tmp_path: Path) -> None:
    store = open_store(write(tmp_path / "s"))
    found = store.index.find_all([])
    assert (found.dtype.name, found.shape) == ("int64", (0,))
    assert store.rows(found).shape == (0, 2)


@given(st.text(st.characters(categories=["Cs"]) | st.sampled_from("cat😀"), min_size=1))
def test_every_lone_surrogate_is_absent(tmp_path_factory: pytest.TempPathFactory, token: str) -> None:
    tokens = ["", "c", "cat", "😀", "?", "�"]
    path = tmp_path_factory.getbasetemp() / "surrogates"
    store = open_store(path if path.exists() else write(path, tokens, np.zeros((6, 1), np.float32)))
    expected = tokens.index(token) if token in tokens else None
    assert store.index.find(token) == expected
    for n in (1, 100):  # few are found one by one, and many at once
        found = store.index.find_all([token, "cat"] * n).tolist()
        assert found == [-1 if expected is None else expected, 2] * n


def test_equal_hashes_are_told_apart_by_their_bytes(tmp_path: Path) -> None:
    number = xxh3_64_intdigest(b"cat")
    arrays = arrays_of(["dog", "cat", "emu"], np.zeros((3, 1), np.float32), 1, {"dog": number})
    arrays["index_hashes"][:] = number
    store = open_store(by_hand(tmp_path / "s", arrays))
    assert arrays["index_rows"].tolist().index(0) < arrays["index_rows"].tolist().index(1)
    assert store.index.find("cat") == 1
    assert store.index.find("dog") is None
    for n in (1, 100):
        assert store.index.find_all(["dog", "cat", "emu"] * n).tolist() == [-1, 1, -1] * n


def test_a_hash_without_equal_bytes_finds_nothing(tmp_path: Path) -> None:
    number = xxh3_64_intdigest(b"cat")
    arrays = arrays_of(["dog"], np.zeros((1, 1), np.float32), hashes={"dog": number})
    store = open_store(by_hand(tmp_path / "s", arrays))
    assert store.index.find("cat") is None
    for n in (1, 100):
        assert store.index.find_all(["cat"] * n).tolist() == [-1] * n


def test_equal_hashes_of_tokens_of_all_lengths_are_told_apart(tmp_path: Path) -> None:
    tokens = ["", "c", "d", "cat", "dog", "kat", "cats", "\U0001f600"]
    arrays = arrays_of(tokens, np.zeros((8, 1), np.float32), 1, dict.fromkeys(tokens, 7))
    store = open_store(by_hand(tmp_path / "s", arrays))
    sought = [*tokens, "bat", "e", "dogs"] * 20
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("torchvectors.store.index.xxh3_64_intdigest", lambda token: 7)
        expected = [-1 if token not in tokens else tokens.index(token) for token in sought]
        assert store.index.find_all(sought).tolist() == expected
        assert [store.index.find(token) for token in tokens] == list(range(8))


@given(st.lists(st.text(max_size=5), min_size=25, max_size=200), st.data())
def test_many_are_found_as_one_is(
    tmp_path_factory: pytest.TempPathFactory, tokens: list[str], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("many") / "s"
    tokens = [token for token in tokens if not any("\ud800" <= c <= "\udfff" for c in token)]
    store = open_store(write(path, tokens or ["a"], np.zeros((len(tokens) or 1, 1), np.float32)))
    sought = data.draw(st.lists(st.sampled_from(tokens or ["a"]) | st.text(max_size=5), min_size=25))
    found = [store.index.find(token) for token in sought]
    assert store.index.find_all(sought).tolist() == [-1 if row is None else row for row in found]


def test_more_tokens_than_are_looked_up_at_a_time_are_found(tmp_path: Path) -> None:
    store = open_store(write(tmp_path / "s", ["a", "b"], np.zeros((2, 1), np.float32)))
    sought = ["b", "nowhere", "a"] * 20_000
    assert store.index.find_all(sought).tolist() == [1, -1, 0] * 20_000


def test_the_writer_keeps_different_tokens_of_equal_hashes_and_the_last_of_equal_tokens() -> None:
    tokens = [b"a", b"b", b"a", b"c", b"b"]
    text, offsets = np.frombuffer(b"".join(tokens), np.uint8), np.arange(6, dtype=np.uint64)
    hashes = np.array([7, 7, 7, 9, 7], np.uint64)  # those of a and b are the same
    ((rising, rows),) = ranked(hashes, text, offsets)
    assert rising.tolist() == [7, 7, 9]
    assert rows.tolist() == [2, 4, 3]


@pytest.mark.parametrize("n", [1, 2, 3, 255, 256, 5_000])
def test_the_index_is_that_of_hashes_sorted_at_once_however_it_is_divided(
    n: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes = np.random.default_rng(n).integers(0, 1 << 64, n, np.uint64)
    hashes[-1] = np.uint64((1 << 64) - 1)
    rising = np.sort(hashes)
    bits = n.bit_length() - 1
    buckets = [bucket << (64 - bits) for bucket in range(1 << bits)]
    starts = [*np.searchsorted(rising, np.array(buckets, np.uint64)).tolist(), n]
    nothing, offsets = np.empty(0, np.uint8), np.zeros(n + 1, np.uint64)
    for most in (1 << 20, 300, 7):
        monkeypatch.setattr("torchvectors.store.index._RANGE", most)
        monkeypatch.setattr("torchvectors.store.columns._PIECE", max(most // 2, 1))
        found = list(ranked(hashes, nothing, offsets))
        assert (np.concatenate([some for some, _ in found]) == rising).all()
        assert (hashes[np.concatenate([rows for _, rows in found])] == rising).all()
        assert np.concatenate(list(starts_of(rising))).tolist() == starts


@pytest.mark.parametrize("encoding", ["float32", "int8"])
def test_what_does_not_stay_in_memory_gives_the_same_bytes(
    encoding: Encoding, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = [f"token {i % 3_900}".encode() for i in range(4_000)]
    rows = np.arange(8_000, dtype=np.float32).reshape(4_000, 2)
    blocks = [Block.of(tokens[i : i + 70], rows[i : i + 70]) for i in range(0, 4_000, 70)]
    whole = write_store(tmp_path / "whole", blocks, encoding=encoding).read_bytes()
    monkeypatch.setattr("torchvectors.store.columns.IN_MEMORY", 3_000)
    monkeypatch.setattr("torchvectors.store.columns._PIECE", 100)
    monkeypatch.setattr("torchvectors.store.index._RANGE", 500)
    assert write_store(tmp_path / "parts", blocks, encoding=encoding).read_bytes() == whole
    assert sorted(path.name for path in tmp_path.iterdir()) == ["parts", "whole"]
    assert open_store(tmp_path / "parts").index.find("token 5") == 3_905


@pytest.mark.parametrize("nbuckets", [1, 2, 65_536])
def test_any_number_of_buckets_will_do(tmp_path: Path, nbuckets: int) -> None:
    tokens = [f"token {i}" for i in range(2_000)]  # all of them in one bucket, or most buckets empty
    rows = np.arange(2_000, dtype=np.float32)[:, None]
    store = open_store(by_hand(tmp_path / "s", arrays_of(tokens, rows, nbuckets)))
    absent = [f"other {i}" for i in range(20)]
    assert store.index.find_all([*tokens, *absent]).tolist() == [*range(2_000), *[-1] * 20]
    assert [store.index.find(token) for token in tokens[::50]] == [*range(0, 2_000, 50)]
    assert [store.index.find(token) for token in absent] == [None] * 20


def test_arrays_may_come_in_any_order_and_with_others(tmp_path: Path) -> None:
    arrays = arrays_of(["", ""], np.array([[1.0], [2.0]], np.float32))
    assert arrays["token_bytes"].size == 0
    counts = np.array([[3, 4]], np.uint8)
    order = ["index_hashes", "token_offsets", "token_bytes", "index_rows", "vectors", "index_starts"]
    whole = {name: arrays[name] for name in order} | {"mytool.counts": counts, "scales": ROWS}
    store = open_store(by_hand(tmp_path / "s", whole, source="by hand"))
    assert_holds(store, ["", ""], arrays["vectors"])
    assert store.metadata["source"] == "by hand"


# ---------------------------------------------------------------------------------------------------------------------
# Reading only
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_writing_to_all_rows_reaches_neither_the_file_nor_others(tmp_path: Path, encoding: Encoding) -> None:
    path = write(tmp_path / "s", encoding=encoding)
    before = path.read_bytes()
    store, other = open_store(path), open_store(path)
    expected = other.all_rows().tolist()
    mine, second = store.all_rows(), store.all_rows()
    mine[:] = 99
    assert store.all_rows().tolist() == second.tolist() == other.all_rows().tolist() == expected
    assert store.rows(np.arange(3)).tolist() == expected
    assert path.read_bytes() == before
    store.verify()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_looked_up_rows_are_copies(tmp_path: Path, encoding: Encoding) -> None:
    store = open_store(write(tmp_path / "s", encoding=encoding))
    rows = store.rows(np.array([1, 1]))
    expected = rows[1].tolist()
    rows[0] = 99
    assert rows[1].tolist() == store.rows(np.array([1]))[0].tolist() == expected


def test_the_stored_rows_cannot_be_written_to(tmp_path: Path) -> None:
    store = open_store(write(tmp_path / "s"))
    with pytest.raises(ValueError, match="read-only"):
        store.vectors[0] = 99
    with pytest.raises(ValueError, match="WRITEABLE"):
        store.vectors.flags.writeable = True


def test_views_outlive_their_store_and_its_file(tmp_path: Path) -> None:
    path = write(tmp_path / "s")
    store = open_store(path)
    index, stored, private = store.index, store.vectors, store.all_rows()
    del store
    path.unlink()
    gc.collect()
    assert index.find("cat") == 2
    assert stored.tolist() == private.tolist() == ROWS.tolist()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counts open files where Linux lists them")
def test_a_store_that_is_gone_holds_no_file_open(tmp_path: Path) -> None:
    path = write(tmp_path / "s")
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        use(path)
    gc.collect()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="measures memory where Linux tells it")
def test_opening_reads_neither_tokens_nor_rows(tmp_path: Path) -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    n = 100_000
    path = write(tmp_path / "s", [f"token {i}" for i in range(n)], np.ones((n, 150), np.float32))
    assert path.stat().st_size > 60_000_000
    gc.collect()
    before = resident()
    store = open_store(path)
    assert store.index.find("token 7") == 7
    private = store.all_rows()
    assert private[7, 7] == 1
    assert resident() - before < 5_000_000


def test_a_store_pickles_small_and_opens_again(tmp_path: Path) -> None:
    tokens = [f"token {i}" for i in range(1_000)]
    store = open_store(write(tmp_path / "s", tokens, np.ones((1_000, 9), np.float32)))
    pickled = pickle.dumps(store)
    assert len(pickled) < 1_000
    again = pickle.loads(pickled)
    assert again.path == store.path
    assert_holds(again, tokens, np.ones((1_000, 9), np.float32))


def test_a_store_opens_again_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "s")
    monkeypatch.chdir(tmp_path)
    store = open_store(Path("s"))
    monkeypatch.chdir("/")
    assert pickle.loads(pickle.dumps(store)).index.find("cat") == 2
    assert store.all_rows().tolist() == ROWS.tolist()
    store.verify()


def test_a_store_that_was_replaced_is_told_from_the_one_that_was_open(tmp_path: Path) -> None:
    path = write(tmp_path / "s")
    store = open_store(path)
    pickled = pickle.dumps(store)
    write(path, ["one", "two", "three", "four"], np.zeros((4, 3), np.float32))
    for action in (lambda _: pickle.loads(pickled), lambda _: store.all_rows(), lambda _: store.verify()):
        assert_refused(path, action)
    assert store.index.find("cat") == 2  # what is mapped stays as it was
    assert store.rows(np.array([2])).tolist() == [[3, 0]]
    write(path)
    assert pickle.loads(pickled).checksum == store.checksum


def test_a_store_of_other_content_than_expected_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "s")
    checksum = open_store(path).checksum
    assert open_store(path, checksum).checksum == checksum
    assert_refused(path, lambda path: open_store(path, "xxh3_128:0"))


def test_a_store_that_is_not_there_is_a_plain_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing"):
        open_store(tmp_path / "nothing")


# ---------------------------------------------------------------------------------------------------------------------
# Files that are not as they should be
# ---------------------------------------------------------------------------------------------------------------------

SOME = b'{"__metadata__": {}}'
FILES: dict[str, bytes] = {
    "empty": b"",
    "seven bytes": bytes(7),
    "nothing but zeros": bytes(100_000),
    "a header of no length": assembled(b"", b""),
    "a header of one byte": assembled(b"{", b""),
    "a header longer than the file": (1_000).to_bytes(8, "little") + SOME,
    "a header of the largest length": b"\xff" * 8 + SOME,
    "a header of a negative length": (-1).to_bytes(8, "little", signed=True) + SOME,
    "a header of 100 megabytes": (100_000_000).to_bytes(8, "little") + SOME,
    "a header of more than a megabyte": assembled(SOME.ljust((1 << 20) + 1), b""),
    "a header that is no JSON": assembled(b"{'a': 1}", b""),
    "a header that is cut": assembled(SOME[:-1], b""),
    "a header that is not UTF-8": assembled(b'{"\xff": 1}', b""),
    "a header in UTF-16": assembled(SOME.decode().encode("utf-16"), b""),
    "a header with a mark in front": assembled(b"\xef\xbb\xbf" + SOME, b""),
    "a header that is a list": assembled(b"[" + SOME + b"]", b""),
    "a header that is a string": assembled(b'"__metadata__"', b""),
    "a header that is a number": assembled(b"12345", b""),
    "a header that is nothing": assembled(b"null", b""),
    "a header that says nothing": assembled(b"{}", b""),
    "a header without arrays": assembled(SOME, b""),
    "a deep header of lists": assembled(b"[" * 500_000, b""),
    "a deep header of objects": assembled(b'{"a":' * 200_000, b""),
    "deep metadata": assembled(b'{"__metadata__": {"a":' + b"[" * 900 + b"]" * 900 + b"}}", b""),
    "a number of many digits": assembled(b'{"__metadata__": {}, "a": %s}' % (b"9" * 900_000), b""),
    "a name of a megabyte": assembled(b'{"__metadata__": {}, "%s": 1}' % (b"a" * 1_000_000), b""),
    "a version of a megabyte": assembled(
        b'{"__metadata__": {"format": "torchvectors", "version": "%s"}}' % (b"9" * 1_000_000), b""
    ),
    "a web page": b"<!DOCTYPE html>\n<html><head><title>404</title></head></html>\n",
    "a pickle": pickle.dumps({"__metadata__": {}}),
    "a zip": b"PK\x03\x04" + bytes(100),
    "rows of text": b"the 0.1 0.2\ncat 0.3 0.4\n" * 100,
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_store_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "s.safetensors"
    path.write_bytes(FILES[name])
    assert_refused(path, open_store)


def changed(place: str, value: object) -> Callable[[Header], None]:
    """Return what sets one value of a header, at a place such as ``vectors.shape``."""

    def change(header: Header) -> None:
        *above, last = place.split(".")
        for name in above:
            header = header[name]
        header[last] = value

    return change


def without(place: str) -> Callable[[Header], None]:
    def change(header: Header) -> None:
        *above, last = place.split(".")
        for name in above:
            header = header[name]
        del header[last]

    return change


ARRAYS = ["vectors", "token_bytes", "token_offsets", "index_hashes", "index_rows", "index_starts"]
BAD_DTYPES: list[object] = ["F64", "f32", "BF16", "I8", "U32", "F16", "O", 7, None, [], {}]
BAD_SHAPES: list[object] = [
    *(None, "32", 6, {}, [], [6], [2, 3], [6, 1], [1, 6], [3, 2, 1], [3, [2]], [3.0, 2.0], ["3", "2"]),
    *(
        [-3, -2],
        [True, 6],
        [0, 2],
        [3, 0],
        [2**32, 2**32],
        [2**63, 2],
        [2**64 + 3, 2],
        [0, 2**70],
        [2**70, 0],
    ),
    *([2**40, 2**40, 0], [10**4000] * 100, [3, 2] + [1] * 40, [9] * 100_000, [np.inf, 2], [np.nan, 2]),
]
BAD_OFFSETS: list[object] = [
    *(
        None,
        24,
        "24",
        [],
        [24],
        [0, 24, 48],
        ["0", "24"],
        [0.0, 24.0],
        [False, 24],
        [0, None],
        [24, 0],
        [0, 20],
    ),
    *([0, 28], [4, 28], [-24, 0], [0, 2**64], [2**64, 2**64 + 24], [0, np.inf]),
]
BAD_ARRAYS: list[object] = [None, [], "a", 1, {}]
BAD_METADATA: list[object] = [None, [], "a", 1, ["format"]]
HEADERS: dict[str, Callable[[Header], None]] = {
    **{f"no {name}": without(name) for name in [*ARRAYS, "__metadata__"]},
    **{f"no {key}": without(f"__metadata__.{key}") for key in ("format", "version", "encoding", "checksum")},
    **{f"no {key}": without(f"vectors.{key}") for key in ("dtype", "shape", "data_offsets")},
    **{
        f"version {version!r}": changed("__metadata__.version", version)
        for version in ("0", "2", "1.0", 1, "")
    },
    **{f"format {kind!r}": changed("__metadata__.format", kind) for kind in ("pt", "Torchvectors", None)},
    **{f"encoding {e!r}": changed("__metadata__.encoding", e) for e in ("float64", "int8", "float16", 32)},
    **{f"metadata {value!r}": changed("__metadata__", value) for value in BAD_METADATA},
    "metadata of numbers": changed("__metadata__.licence", 1),
    "metadata of lists": changed("__metadata__.licence", ["CC0"]),
    **{f"an array {value!r}": changed("vectors", value) for value in BAD_ARRAYS},
    **{f"dtype {dtype!r}": changed("vectors.dtype", dtype) for dtype in BAD_DTYPES},
    **{f"shape {str(shape)[:50]}": changed("vectors.shape", shape) for shape in BAD_SHAPES},
    **{f"offsets {offsets!r}": changed("vectors.data_offsets", offsets) for offsets in BAD_OFFSETS},
    "two arrays in one place": changed("token_bytes.data_offsets", [0, 40]),
    "an array over the end": changed(
        "index_starts", {"dtype": "U32", "shape": [4], "data_offsets": [120, 136]}
    ),
    "a last array that is too short": changed(
        "index_starts", {"dtype": "U32", "shape": [2], "data_offsets": [120, 128]}
    ),
    "another array without a place": changed(
        "more", {"dtype": "U8", "shape": [1], "data_offsets": [132, 133]}
    ),
    "another array of an unknown dtype": changed(
        "more", {"dtype": "F64", "shape": [0], "data_offsets": [132, 132]}
    ),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_makes_no_sense_is_refused(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "s")
    header, data = parts_of(path)
    HEADERS[name](header)
    path.write_bytes(assembled(json.dumps(header).encode(), data, 8))
    assert_refused(path, open_store)


def test_an_untouched_header_is_not_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "s")
    header, data = parts_of(path)
    path.write_bytes(assembled(json.dumps(header).encode(), data, 8))
    assert_holds(open_store(path), TOKENS, ROWS)


WORDS = ["", "cat", "emu", "naïve", "cat", "zebu"]
WORD_ROWS = np.arange(12, dtype=np.float32).reshape(6, 2)


def put(name: str, place: int, value: int) -> Callable[[Arrays], None]:
    def change(arrays: Arrays) -> None:
        arrays[name][place] = value

    return change


def instead(name: str, array: NDArray[Any]) -> Callable[[Arrays], None]:
    def change(arrays: Arrays) -> None:
        arrays[name] = array

    return change


def cut(name: str, end: int | None) -> Callable[[Arrays], None]:
    def change(arrays: Arrays) -> None:
        array = arrays[name]
        arrays[name] = array[:end] if end is not None else np.append(array, array[-1:], axis=0)

    return change


# What opening sees.
SHAPES: dict[str, Callable[[Arrays], None]] = {
    "no rows": instead("vectors", np.empty((0, 2), np.float32)),
    "no numbers": instead("vectors", np.empty((6, 0), np.float32)),
    "rows in one line": instead("vectors", np.empty(12, np.float32)),
    "rows of float16": instead("vectors", np.empty((6, 2), np.float16)),
    "fewer rows than tokens": cut("vectors", -1),
    "more rows than tokens": cut("vectors", None),
    "offsets of 32 bits": instead("token_offsets", np.zeros(7, np.uint32)),
    "text in two lines": instead("token_bytes", np.zeros((9, 2), np.uint8)),
    "one hash too few": cut("index_hashes", -1),
    "one hash too many": cut("index_hashes", None),
    "one row too few": cut("index_rows", -1),
    "no index": lambda arrays: arrays.update(
        index_hashes=np.empty(0, np.uint64),
        index_rows=np.empty(0, np.uint32),
        index_starts=np.zeros(2, np.uint32),
    ),
    "more tokens than rows": lambda arrays: arrays.update(
        index_hashes=np.arange(7, dtype=np.uint64),
        index_rows=np.zeros(7, np.uint32),
        index_starts=np.array([0, 7], np.uint32),
    ),
    "no starts": instead("index_starts", np.empty(0, np.uint32)),
    "one start": instead("index_starts", np.array([5], np.uint32)),
    "three buckets": instead("index_starts", np.array([0, 2, 4, 5], np.uint32)),
    "starts of 64 bits": instead("index_starts", np.array([0, 5], np.uint64)),
    "starts in two lines": instead("index_starts", np.array([[0], [5]], np.uint32)),
    "a first start that is not 0": put("index_starts", 0, 1),
    "a last start before the end": put("index_starts", -1, 4),
    "a last start past the end": put("index_starts", -1, 6),
    "a first offset that is not 0": put("token_offsets", 0, 1),
    "a last offset past the end": put("token_offsets", -1, 1_000),
    "a last offset of 64 bits": put("token_offsets", -1, 2**64 - 1),
}
# What shows when a look-up meets it.
CONTENTS: dict[str, tuple[Callable[[Arrays], None], str]] = {
    "starts that fall": (instead("index_starts", np.array([0, 3, 2, 4, 5], np.uint32)), "index"),
    "starts past the end": (instead("index_starts", np.array([0, 9, 9, 9, 5], np.uint32)), "index"),
    "starts far past the end": (
        instead("index_starts", np.array([0] + [2**32 - 1] * 3 + [5], np.uint32)),
        "index",
    ),
    "rows past the end": (instead("index_rows", np.full(5, 6, np.uint32)), "index"),
    "rows far past the end": (instead("index_rows", np.full(5, 2**32 - 1, np.uint32)), "index"),
    "offsets that fall": (instead("token_offsets", np.array([0, 9, 0, 9, 0, 9, 0], np.uint64)), "tokens"),
    "offsets past the end": (instead("token_offsets", np.array([0, *[99] * 5, 5], np.uint64)), "tokens"),
    "offsets far past the end": (
        instead("token_offsets", np.array([0, *[2**64 - 1] * 5, 5], np.uint64)),
        "tokens",
    ),
    "a token that is not UTF-8": (put("token_bytes", 1, 0xFF), "tokens"),
    "a character cut in two": (put("token_offsets", 3, 9), "tokens"),
}


def altered(path: Path, change: Callable[[Arrays], None]) -> Path:
    arrays = arrays_of(WORDS, WORD_ROWS, 4)
    arrays = {name: array.copy() for name, array in arrays.items()}
    arrays["token_bytes"] = np.append(arrays["token_bytes"], np.zeros(1, np.uint8))
    change(arrays)
    return by_hand(path, arrays)


@pytest.mark.parametrize("name", SHAPES)
def test_arrays_that_do_not_fit_together_are_refused(tmp_path: Path, name: str) -> None:
    assert_refused(altered(tmp_path / "s", SHAPES[name]), open_store)


@pytest.mark.parametrize("name", CONTENTS)
def test_contents_that_contradict_each_other_are_refused_where_they_are_met(
    tmp_path: Path, name: str
) -> None:
    change, met_by = CONTENTS[name]
    path = altered(tmp_path / "s", change)
    sought = [*WORDS, *map(str, range(100))]  # enough to come by every bucket
    if met_by == "tokens":
        assert_refused(path, lambda path: list(open_store(path).tokens()))
    else:
        assert_refused(path, lambda path: [open_store(path).index.find(token) for token in sought])
        assert_refused(path, lambda path: open_store(path).index.find_all(sought))


def test_unaltered_arrays_are_not_refused(tmp_path: Path) -> None:
    assert_holds(open_store(altered(tmp_path / "s", lambda arrays: None)), WORDS, WORD_ROWS)


@pytest.mark.parametrize("name", ["vectors", "token_offsets", "index_hashes", "index_rows", "index_starts"])
def test_an_array_that_is_not_aligned_is_refused(tmp_path: Path, name: str) -> None:
    arrays = arrays_of(WORDS, WORD_ROWS)
    rest = {other: array for other, array in arrays.items() if other not in (name, "token_bytes")}
    ragged = {"more": np.zeros(1, np.uint8), name: arrays[name], "filler": np.zeros(7, np.uint8)}
    path = by_hand(tmp_path / "s", rest | ragged | {"token_bytes": arrays["token_bytes"]})
    assert_refused(path, open_store)


def test_an_int8_store_needs_its_scales(tmp_path: Path) -> None:
    arrays = arrays_of(WORDS, WORD_ROWS) | {"vectors": np.ones((6, 2), np.int8)}
    path = tmp_path / "s"
    assert_refused(by_hand(path, arrays, encoding="int8"), open_store)
    for wrong in (np.ones(5, np.float32), np.ones((6, 1), np.float32), np.ones(6, np.float16)):
        assert_refused(by_hand(path, arrays | {"scales": wrong}, encoding="int8"), open_store)
    arrays = {"scales": np.zeros(6, np.float32)} | arrays
    scales = np.array([0, 1, -1, np.inf, np.nan, 3e38], np.float32)  # nonsense, but a store's own business
    store = open_store(by_hand(path, arrays | {"scales": scales}, encoding="int8"))
    assert store.all_rows()[:3].tolist() == [[0, 0], [1, 1], [-1, -1]]


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    whole = write(tmp_path / "s").read_bytes()
    path = tmp_path / "cut"
    for length in [*range(0, len(whole), 1_000), *range(DATA_START - 8, len(whole))]:
        path.write_bytes(whole[:length])
        assert_refused(path, open_store)
    path.write_bytes(whole + b"\0")
    assert_refused(path, open_store)


def test_a_flipped_bit_in_any_byte_is_found_by_verify(tmp_path: Path) -> None:
    path = write(tmp_path / "s")
    whole = path.read_bytes()
    for bit in range(DATA_START * 8, len(whole) * 8, 7):  # one in each byte, or two
        broken = bytearray(whole)
        broken[bit // 8] ^= 1 << bit % 8
        path.write_bytes(broken)
        assert_refused(path, lambda path: open_store(path).verify())


def test_a_bit_flipped_under_an_open_store_is_found_by_verify(tmp_path: Path) -> None:
    path = write(tmp_path / "s")
    store = open_store(path)
    store.verify()
    with path.open("rb+") as file:
        file.seek(DATA_START + 5)
        file.write(b"\x01")
    assert_refused(path, lambda _: store.verify())


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_every_damaged_file_is_read_or_refused(data: st.DataObject) -> None:
    arrays = arrays_of(WORDS, WORD_ROWS)
    with a_folder() as folder:
        path = by_hand(folder / "s", arrays)
        whole = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 3))):
            place = data.draw(st.integers(0, len(whole) - 1))
            whole[place] = data.draw(st.integers(0, 255) | st.sampled_from(b'0123456789[]{}",:-.eE'))
        path.write_bytes(whole)
        with suppress(StoreError):
            use(path)


# ---------------------------------------------------------------------------------------------------------------------
# Writing
# ---------------------------------------------------------------------------------------------------------------------


def test_what_was_there_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "s"
    assert write(path, ["old"], np.zeros((1, 1), np.float32)) == path
    write(path)
    assert_holds(open_store(path), TOKENS, ROWS)
    assert list(path.parent.iterdir()) == [path]


def test_metadata_are_kept_and_may_be_learnt_on_the_way(tmp_path: Path) -> None:
    metadata = {
        "source": "https://例.example/ä b\n\0",
        "": "empty",
        "dim": "wrong",
        "version": "9",
        "format": "pt",
    }

    def blocks() -> Iterator[Block]:
        yield Block.of([b"cat"], np.ones((1, 3), np.float32))
        metadata["verified"] = "True"

    store = open_store(write_store(tmp_path / "s", blocks(), metadata=metadata))
    own = {"format": "torchvectors", "version": "1", "encoding": "float32", "dim": "3", "tokens": "1"}
    checksums = {key: store.metadata[key] for key in ("checksum", "header_checksum")}
    assert store.metadata == metadata | own | checksums
    assert store.checksum.startswith("xxh3_128:")


def test_a_path_that_is_not_utf8_does_not_spoil_the_metadata(tmp_path: Path) -> None:
    path = write(tmp_path / "s", metadata={"source": os.fsdecode(b"/data/caf\xe9.txt")})
    assert open_store(path).metadata["source"] == "/data/caf?.txt"
    with safe_open(path, framework="numpy") as file:
        assert file.metadata()["source"] == "/data/caf?.txt"


def test_metadata_of_some_pages_fit_and_more_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "s", metadata={"note": "x" * 15_000})
    assert len(open_store(path).metadata["note"]) == 15_000
    with pytest.raises(StoreError, match=r"t: .*there is room for 16376"):
        write(tmp_path / "t", metadata={"note": "é" * 8_000})
    number: Any = 7
    with pytest.raises(StoreError, match=r"t: .*strings"):
        write(tmp_path / "t", metadata={"note": number})
    assert list(tmp_path.iterdir()) == [path]


def test_empty_blocks_do_not_count(tmp_path: Path) -> None:
    nothing = Block.of([], np.empty((0, 2), np.float32))
    some = Block.of([token.encode() for token in TOKENS], ROWS)
    for encoding in ENCODINGS:
        expected = write(tmp_path / "s", encoding=encoding).read_bytes()
        path = write_store(tmp_path / "t", [nothing, some, nothing], encoding=encoding)
        assert path.read_bytes() == expected


@pytest.mark.parametrize("kind", ["float64", ">f4", "fortran", "strided"])
def test_rows_however_they_lie_in_memory_are_written_as_they_are(tmp_path: Path, kind: str) -> None:
    whole = np.repeat(np.repeat(ROWS, 2, axis=0), 2, axis=1)
    rows: Any = {
        "float64": ROWS.astype(np.float64),
        ">f4": ROWS.astype(">f4"),
        "fortran": np.asfortranarray(ROWS),
        "strided": whole[::2, ::2],
    }[kind]
    assert write(tmp_path / "t", rows=rows).read_bytes() == write(tmp_path / "s").read_bytes()


def block(tokens: list[bytes], dim: int, fill: float = 0) -> Block:
    return Block.of(tokens, np.full((len(tokens), dim), fill, np.float32))


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    ("blocks", "said"),
    [
        ([], "0 rows of dim 0"),
        ([block([], 5)], "0 rows of dim 5"),
        ([block([b"cat"], 0)], "1 rows of dim 0"),
        ([block([b"cat"], 2), block([b"dog"], 3)], "row 1 has dim 3, and those before it 2"),
        ([block([b"cat"], 0), block([b"dog"], 3)], "row 1 has dim 3, and those before it 0"),
        ([block([b"cat"], 2), block([b"a", b"\xff"], 2)], r"row 2 is not UTF-8: b'\\xff'"),
        ([block([b"\xc3", b"\xa4"], 2)], r"row 0 is not UTF-8: b'\\xc3'"),
        ([block([b"\xed\xa0\x80"], 2)], "row 0 is not UTF-8"),
    ],
)
def test_what_makes_no_store_is_refused(
    tmp_path: Path, encoding: Encoding, blocks: list[Block], said: str
) -> None:
    with pytest.raises(StoreError, match=rf"/s: this store cannot be written: .*{said}"):
        write_store(tmp_path / "s", blocks, encoding=encoding)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("encoding", "number", "said"),
    [
        ("float16", 65_520, "row 2 holds a number that float16 cannot"),
        ("float16", -1e30, "row 2 holds a number that float16 cannot"),
        ("int8", np.nan, "row 2 holds a number that int8 cannot"),
        ("int8", np.inf, "row 2 holds a number that int8 cannot"),
        ("int8", -np.inf, "row 2 holds a number that int8 cannot"),
        ("int8", np.finfo(np.float32).max, "row 2 holds a number that int8 cannot"),
    ],
)
def test_a_number_that_an_encoding_cannot_hold_is_refused_with_its_row(
    tmp_path: Path, encoding: Encoding, number: float, said: str
) -> None:
    rows = ROWS.copy()
    rows[2, 1] = number
    with pytest.raises(StoreError, match=f"{said}; float32 can"):
        write(tmp_path / "s", rows=rows, encoding=encoding, cuts=[1])
    assert list(tmp_path.iterdir()) == []
    assert open_store(write(tmp_path / "s", rows=rows)).all_rows()[2, 1].tobytes() == rows[2, 1].tobytes()


def test_an_encoding_that_is_none_is_refused(tmp_path: Path) -> None:
    unknown: Any = "float64"
    with pytest.raises(StoreError, match="'float64' is no encoding; there are float32, float16, int8"):
        write(tmp_path / "s", encoding=unknown)


@pytest.mark.parametrize(
    "error", [ParseError("glove.txt:2: bad"), KeyboardInterrupt(), OSError(errno.EIO, "")]
)
def test_a_failure_of_the_source_leaves_the_old_store_and_nothing_else(
    tmp_path: Path, error: BaseException
) -> None:
    path = write(tmp_path / "s")
    before = path.read_bytes()

    def blocks() -> Iterator[Block]:
        yield block([b"cat"], 100_000)
        raise error

    with pytest.raises(type(error)) as caught:
        write_store(path, blocks())
    assert caught.value is error
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_written_is_a_cache_error(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    with pytest.raises(CacheError, match=r"taken: this cache folder cannot be written"):
        write(tmp_path / "taken" / "s")


@contextmanager
def files_of_at_most(nbytes: int) -> Iterator[None]:
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # so that writing more is an error, and no signal
    resource.setrlimit(resource.RLIMIT_FSIZE, (nbytes, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))
        signal.signal(signal.SIGXFSZ, handler)


def test_a_file_that_may_not_grow_leaves_nothing_behind(tmp_path: Path) -> None:
    path = write(tmp_path / "s")
    before = path.read_bytes()
    said = r"/s: it could not be written \(File too large\)"
    with pytest.raises(CacheError, match=said) as caught, files_of_at_most(1_000_000):
        write_store(path, [block([b"cat"], 1_000)] * 1_000)
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.EFBIG
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


# The package without its doors: they import torch, which takes seconds and which the store does without.
ROOMS = f"""
import sys, types
sys.modules["torchvectors"] = types.ModuleType("torchvectors")
sys.modules["torchvectors"].__path__ = {torchvectors.__path__!r}
"""
FILL = """
import sys
from pathlib import Path
import numpy as np
from torchvectors.errors import CacheError
from torchvectors.formats import Block
from torchvectors.store import write_store
block = Block.of([b"cat"], np.ones((1, 1000), np.float32))
path = Path(sys.argv[1]) / "s"
try:
    write_store(path, [block] * 1000)
except CacheError as error:
    print(error, list(path.parent.iterdir()))
"""


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    # A namespace of its own lets an ordinary user mount a small disk, which is gone with the process.
    script = 'mount -t tmpfs -o size=1m none "$1" && shift && exec "$@"'
    alone = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", str(tmp_path)]
    try:
        subprocess.run([*alone, "true"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a small disk cannot be mounted here: {error}")
    command = [*alone, sys.executable, "-c", ROOMS + FILL, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.startswith(f"{tmp_path}/s: it could not be written (No space left on device)"), done
    assert done.stdout.endswith(" []\n")


WRITER = """
import sys
from pathlib import Path
import numpy as np
from torchvectors.formats import Block
from torchvectors.store import write_store
block = Block.of([b"%d" % i for i in range(1000)], np.full((1000, 10), 2, np.float32))
print("ready", flush=True)
for _ in range(10):
    write_store(Path(sys.argv[1]), [block])
"""


def test_two_processes_may_write_one_store_while_it_is_read(tmp_path: Path) -> None:
    path, tokens = tmp_path / "s", [str(i) for i in range(1_000)]
    command = [sys.executable, "-c", ROOMS + WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        seen = set()
        while other.poll() is None:
            write(path, tokens, np.full((1_000, 10), 1, np.float32))
            store = open_store(path)
            assert store.index.find("999") == 999
            seen.add(np.unique(store.rows(np.arange(1_000))).item())  # one number only: never a mixture
        assert other.returncode == 0
    assert seen <= {1, 2}
    open_store(path).verify()
    assert list(tmp_path.iterdir()) == [path]
