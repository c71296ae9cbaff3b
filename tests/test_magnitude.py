"""Magnitude files: one that pymagnitude's own converter made, and ones made by its schema; and hostile databases."""

from __future__ import annotations

import contextlib
import gzip
import sqlite3
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from torchvectors.errors import ParseError
from torchvectors.formats import magnitude
from torchvectors.formats.magnitude import is_sqlite, read_magnitude

DATA = Path(__file__).parent / "data"

# What `Magnitude("six.magnitude", normalized=False).query(key)` of pymagnitude 0.1.143 gives.
SIX = {
    "the": [0.4180000126361847, 0.24967998266220093, -0.41242003440856934, 0.1216999739408493, 0.0009999778121709824],
    "cat": [-1.249999761581421, 3.499999761581421, 0.0, 7.000000476837158, 2.0],
    "naïve": [1.0000001192092896, 1.9999996423721313, 2.999999761581421, 4.0, 5.0],
    "猫": [0.5000000596046448, 0.5000000596046448, 0.5000000596046448, 0.5000000596046448, 0.2499999701976776],
    "The": [9.000000953674316, 7.999999523162842, 7.0, 6.000000476837158, 4.999999046325684],
    "zero": [0.0, 0.0, 0.0, 0.0, 0.0],
}  # fmt: skip


def read(path: Path, max_vectors: int | None = None) -> tuple[list[str], NDArray[np.float32]]:
    blocks = list(read_magnitude(path, name="f.magnitude", max_vectors=max_vectors))
    tokens = [token.decode() for block in blocks for token in block.tokens()]
    return tokens, np.concatenate([block.rows for block in blocks])


def make(path: Path, *statements: str, rows: str = "", dim: int = 2, length: bool = True) -> Path:
    """Write a database as pymagnitude's converter lays it out."""
    dims = ", ".join(f"dim_{number} INTEGER" for number in range(dim))
    database = sqlite3.connect(path)
    database.execute(f"CREATE TABLE magnitude (key TEXT COLLATE NOCASE, {dims}{', magnitude REAL' * length})")
    database.execute("CREATE TABLE magnitude_format (key TEXT COLLATE NOCASE, value INTEGER)")
    if rows:
        database.execute(f"INSERT INTO magnitude VALUES {rows}")
    for statement in statements:
        database.execute(statement)
    database.commit()
    database.close()
    return path


def test_the_converters_own_file_gives_what_pymagnitude_gives(tmp_path: Path) -> None:
    path = tmp_path / "six.magnitude"
    path.write_bytes(gzip.decompress((DATA / "six.magnitude.gz").read_bytes()))
    assert is_sqlite(path.read_bytes()[:64])
    before = sorted(tmp_path.iterdir()), path.read_bytes()
    tokens, rows = read(path)
    assert tokens == list(SIX)
    assert rows.tolist() == list(SIX.values())
    assert read(path, max_vectors=2)[0] == ["the", "cat"]
    assert (sorted(tmp_path.iterdir()), path.read_bytes()) == before  # no journal beside it


def test_the_precision_and_the_lengths_are_what_the_file_says(tmp_path: Path) -> None:
    said = "INSERT INTO magnitude_format VALUES ('precision', 2), ('dim', 2), ('size', 2)"
    path = make(tmp_path / "a b%20?#.magnitude", said, rows="('x', 60, 80, 5.0), ('y', 100, 0, 0.5)")
    assert read(path)[1].tolist() == [[3, 4], [0.5, 0]]
    bare = make(tmp_path / "bare", said, rows="('x', 60, 80), ('y', 100, 0)", length=False)
    np.testing.assert_array_equal(read(bare)[1], np.array([[0.6, 0.8], [1, 0]], np.float32))


def test_a_key_that_is_not_utf8_leaves_no_row(tmp_path: Path) -> None:
    rows = "('x', 60, 80, 1), (CAST(x'ff41' AS TEXT), 1, 1, 1), ('y', 100, 0, 1)"
    path = make(tmp_path / "f", rows=rows)
    assert read(path)[0] == ["x", "y"]


def test_rows_are_read_across_blocks(tmp_path: Path) -> None:
    path = make(tmp_path / "f", dim=300)
    database = sqlite3.connect(path)
    marks = ", ".join("?" * 302)
    many = ((f"t{i}", *[i] * 300, 1.0) for i in range(1000))
    database.executemany(f"INSERT INTO magnitude VALUES ({marks})", many)
    database.commit()
    database.close()
    tokens, rows = read(path)
    assert tokens == [f"t{i}" for i in range(1000)]
    assert (rows[:, 299] == np.float32(np.arange(1000)) * np.float32(1e-7)).all()


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"


@pytest.mark.parametrize(
    ("statements", "message"),
    [
        # A view in the place of the table: one that never gives a row, and one that never stops giving them.
        (["DROP TABLE magnitude", f"CREATE VIEW magnitude AS {ENDLESS} SELECT 'k' key, i dim_0 FROM n WHERE i < 0"],
         "has no table `magnitude`"),
        (["DROP TABLE magnitude", f"CREATE VIEW magnitude AS {ENDLESS} SELECT 'k' key, i dim_0 FROM n"],
         "has no table `magnitude`"),
        (["DROP TABLE magnitude_format", f"CREATE VIEW magnitude_format AS {ENDLESS} SELECT i key, i value FROM n"],
         "not authorized|prohibited"),
        (["DROP TABLE magnitude", "CREATE VIRTUAL TABLE magnitude USING fts3(key, dim_0, dim_1)"],
         "vtable constructor failed"),
        (["ALTER TABLE magnitude ADD COLUMN dim_2 AS (length(hex(zeroblob(900000000))))"], "are computed"),
        (["DROP TABLE magnitude", "CREATE TABLE magnitude (key TEXT PRIMARY KEY, dim_0 INTEGER) WITHOUT ROWID"],
         "no such column: rowid"),
    ],
)  # fmt: skip
def test_a_schema_that_would_run_something_is_refused_soon(
    tmp_path: Path, statements: list[str], message: str
) -> None:
    path = make(tmp_path / "f", *statements, rows="('x', 60, 80, 1.0)")
    start = time.perf_counter()
    with pytest.raises(ParseError, match=rf"^f\.magnitude: .*({message})"):
        read(path)
    assert time.perf_counter() - start < 10


def test_nothing_is_written_beside_a_file_that_is_being_read(tmp_path: Path) -> None:
    path = make(tmp_path / "f", "PRAGMA journal_mode = WAL", rows="('x', 60, 80, 1.0)")
    assert [entry.name for entry in tmp_path.iterdir()] == ["f"]
    blocks = read_magnitude(path, name="f", max_vectors=None)
    next(blocks)
    assert [entry.name for entry in tmp_path.iterdir()] == ["f"]
    assert list(blocks) == []


@pytest.mark.parametrize(
    ("statement", "rows", "message"),
    [
        ("INSERT INTO magnitude_format VALUES ('size', 3)", "('x', 1, 2, 1)", "has 1 keys, and says that it has 3"),
        ("INSERT INTO magnitude_format VALUES ('dim', 3)", "('x', 1, 2, 1)", "dim 2, and it says that they have 3"),
        ("INSERT INTO magnitude_format VALUES ('precision', 400)", "('x', 1, 2, 1)", "400 decimals"),
        ("INSERT INTO magnitude_format VALUES ('size', 'many')", "('x', 1, 2, 1)", "b'many' keys"),
        ("SELECT 1", "('x', 1, NULL, 1)", "one of the rows 1 to 1 has a key that is no text, or something"),
        ("SELECT 1", "('x', 1, 'abc', 1)", "no number"),
        ("SELECT 1", "(NULL, 1, 1, 1)", "no text"),
        ("SELECT 1", "", "there is none"),
        ("DROP TABLE magnitude", "", "has no table `magnitude`"),
        ("DROP TABLE magnitude_format", "('x', 1, 2, 1)", "no such table: magnitude_format"),
        ("ALTER TABLE magnitude RENAME COLUMN dim_1 TO dim_2", "('x', 1, 2, 1)", "lacks the columns"),
    ],
)  # fmt: skip
def test_a_file_that_lies_is_refused(tmp_path: Path, statement: str, rows: str, message: str) -> None:
    with pytest.raises(ParseError, match=message):
        read(make(tmp_path / "f", statement, rows=rows))


def test_a_file_cut_or_damaged_anywhere_is_an_error_or_whole(tmp_path: Path) -> None:
    whole = gzip.decompress((DATA / "six.magnitude.gz").read_bytes())
    path = tmp_path / "f"
    for end in (0, 16, 99, 100, 4095, 4096, 8192, 16384):
        path.write_bytes(whole[:end])
        with pytest.raises(ParseError, match=r"^f\.magnitude: "):
            read(path)
    rng = np.random.default_rng(3)
    for _ in range(60):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(whole), 40):
            damaged[place] = rng.integers(0, 256)
        path.write_bytes(damaged)
        with contextlib.suppress(ParseError):
            read(path)


def test_sqlite_is_stopped_where_no_row_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(tmp_path / "f", rows="('x', 1, 2, 1)")
    assert read(path)[0] == ["x"]
    monkeypatch.setattr(magnitude, "_STEP", 1)
    monkeypatch.setattr(magnitude, "_MOST_STEPS", 3)
    with pytest.raises(ParseError, match="interrupted"):
        read(path)


def test_a_file_that_is_not_there_is_no_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []
