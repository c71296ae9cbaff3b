"""`Vectors` as torchtext's programs use it: reading, looking up, writing to it, sending it elsewhere."""

from __future__ import annotations

import copy
import gzip
import hashlib
import inspect
import io
import math
import os
import pickle
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from servers import Server, file
from torch.utils.data import DataLoader, Dataset

from torchvectors.align import align
from torchvectors.errors import (
    DigestError,
    DownloadError,
    NotFoundError,
    ParseError,
    StoreError,
    TokenTypeError,
)
from torchvectors.vectors import Normal, UnkInit, Vectors
from torchvectors.vectors.views import Itos, Stoi

ROOT = Path(__file__).resolve().parents[1]
TOP500 = Path(__file__).parent / "data" / "glove.6B.50d.top500.txt"
REAL = ROOT.parent / "shared" / "data" / "glove.6B.50d.zip"

CAT = "the 1 2 3\ncat -0.5 0.25 1e-3\nThe 7 8 9\n"


@pytest.fixture(autouse=True)
def _a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHVECTORS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def make(content: str | bytes = CAT, name: str = "v.txt", **options: Any) -> Vectors:
    """Write a file into the current folder and read it."""
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return Vectors(name, **options)


def floats(*numbers: float) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.float32)


def same(left: Vectors, right: Vectors) -> bool:
    """Say whether two hold the same, whatever they are made of."""
    lists = list(left.itos) == list(right.itos) and dict(left.stoi) == dict(right.stoi)
    return lists and left.dim == right.dim and torch.equal(left.vectors, right.vectors)


def stores() -> list[Path]:
    return sorted(Path("home").glob("*.safetensors"))


# The class that torchtext's programs know


def test_the_signatures_are_torchtexts() -> None:
    def names(of: object) -> str:
        parameters = inspect.signature(of).parameters.values()  # type: ignore[arg-type]  # whatever is callable
        return str(inspect.Signature([p.replace(annotation=inspect.Parameter.empty) for p in parameters]))

    theirs = "name, cache=None, url=None, unk_init=None, max_vectors=None"
    assert names(Vectors) == f"({theirs}, *, checksum=None, tokens=None, dtype=None, normalized=False)"
    assert names(Vectors.get_vecs_by_tokens) == "(self, tokens, lower_case_backup=False)"
    assert names(Vectors.cache) == "(self, name, cache, url=None, max_vectors=None)"
    assert names(Vectors.__getitem__) == names(Vectors.__contains__) == "(self, token)"


def test_the_attributes_are_torchtexts() -> None:
    vectors = make()
    assert vectors.itos == ["the", "cat", "The"]
    assert vectors.stoi == {"the": 0, "cat": 1, "The": 2}
    assert vectors.dim == 3
    assert vectors.vectors.dtype == torch.float32
    assert vectors.vectors.tolist() == [[1, 2, 3], [-0.5, 0.25, float(np.float32(1e-3))], [7, 8, 9]]
    assert vectors.unk_init is torch.Tensor.zero_
    assert len(vectors) == 3
    assert list(vectors) == ["the", "cat", "The"]  # torchtext never ended


# Reading: torchtext's table of edge cases, row by row


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("2 2\na 1 2\nb 3 4\n", {"a": [1, 2], "b": [3, 4]}, id="header"),
        pytest.param("a 1 2\nb 3 4", {"a": [1, 2], "b": [3, 4]}, id="no final newline"),
        pytest.param("a 1 2\r\nb 3 4\r\n", {"a": [1, 2], "b": [3, 4]}, id="carriage returns"),
        pytest.param("2 2 \na 1 2 \nb 3 4 \n", {"a": [1, 2], "b": [3, 4]}, id="fastText's trailing space"),
        pytest.param("\na 1 2\n\n\nb 3 4\n\n", {"a": [1, 2], "b": [3, 4]}, id="blank lines"),
        pytest.param("\ufeffa 1 2\n", {"\ufeffa": [1, 2]}, id="byte order mark"),
        pytest.param(" 0.5 2\na 3 4\n", {"": [0.5, 2], "a": [3, 4]}, id="empty token"),
        pytest.param(".\xa0.\xa0. 1 2\n\xa0 3 4\n", {".\xa0.\xa0.": [1, 2], "\xa0": [3, 4]}, id="no-break spaces"),
        pytest.param(
            "\x85 1 2\na\x0cb 3 4\n\u2028 5 6\n\u2009 7 8\n",
            {"\x85": [1, 2], "a\x0cb": [3, 4], "\u2028": [5, 6], "\u2009": [7, 8]},
            id="what str.split and str.splitlines would cut",
        ),
        pytest.param("a 1\nb 2\n", {"a": [1], "b": [2]}, id="dim 1"),
        pytest.param("2 1\na 1\nb 2\n", {"a": [1], "b": [2]}, id="dim 1 with a header"),
        pytest.param("a 1 2\n", {"a": [1, 2]}, id="dim 2, one row"),
        pytest.param("a 1_0 inf\nb -inf 1e300\n", {"a": [10, math.inf], "b": [-math.inf, math.inf]}, id="odd numbers"),
        pytest.param("nan 1 2\nnull 3 4\n\" 5 6\n'' 7 8\n", {"nan": [1, 2], "null": [3, 4], '"': [5, 6], "''": [7, 8]},
                     id="tokens that CSV readers corrupt"),
        pytest.param("7 1 2\n8 3 4\n", {"7": [1, 2], "8": [3, 4]}, id="tokens that look like numbers"),
    ],
)  # fmt: skip
def test_what_torchtext_reads_is_read(content: str, expected: dict[str, list[float]]) -> None:
    vectors = make(content)
    assert list(vectors.itos) == list(expected)
    assert vectors.vectors.tolist() == list(expected.values())
    for token, row in expected.items():
        assert vectors[token].tolist() == row


def test_nan_is_a_number() -> None:
    assert torch.equal(make("a nan 1\n")["a"].isnan(), torch.tensor([True, False]))


def test_of_a_duplicate_both_rows_stay_and_the_later_index_wins() -> None:
    vectors = make("a 1 2\nb 3 4\na 5 6\n")
    assert vectors.itos == ["a", "b", "a"]
    assert vectors.stoi == {"a": 2, "b": 1}
    assert len(vectors.stoi) == 2
    assert len(vectors) == len(vectors.vectors) == 3
    assert vectors["a"].tolist() == [5, 6]
    assert vectors.get_vecs_by_tokens(["a"]).tolist() == [[5, 6]]


def test_a_token_that_is_not_utf8_leaves_no_row() -> None:
    vectors = make(b"a 1 2\n\xff\xfe 3 4\nb 5 6\n")
    assert vectors.itos == ["a", "b"]
    assert len(vectors) == len(vectors.itos) == vectors.vectors.shape[0] == 2
    assert vectors["b"].tolist() == [5, 6]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param("", "no row", id="empty file"),
        pytest.param("3 2\n", "no row|no number", id="header alone"),
        pytest.param("x 2 3\na 1 2 3\n", r":2: .* has 3 dimensions, but previously", id="header of 3"),
        pytest.param("a 1 2\n. . 1 2\n", r":2: .* has 3 dimensions, but previously", id="space in a token"),
        pytest.param(". . 1 2\n", "could not convert string to float", id="space in the first token"),
        pytest.param("a 1 2\nb 3\n", r":2: .* has 1 dimensions, but previously", id="cut row"),
        pytest.param("a 1  2\n", "could not convert string to float", id="two spaces"),
        pytest.param("a\t1\t2\n", "tabs", id="tabs"),
        pytest.param("a 1 2\nb 3 x\n", r":2: could not convert string to float: 'x'", id="no number"),
    ],
)  # fmt: skip
def test_what_torchtext_refuses_is_refused_with_its_place(content: str, said: str) -> None:
    with pytest.raises(ParseError, match=said) as caught:
        make(content)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, RuntimeError)
    assert "v.txt" in str(caught.value)
    assert stores() == []


@pytest.mark.parametrize(("max_vectors", "n"), [(None, 3), (0, 3), (1, 1), (2, 2), (3, 3), (10, 3)])
def test_max_vectors_keeps_the_first_rows(max_vectors: int | None, n: int) -> None:
    vectors = make("3 2\na 1 2\na 3 4\nc 5 6\n", max_vectors=max_vectors)
    assert vectors.itos == ["a", "a", "c"][:n]
    assert vectors.vectors.tolist() == [[1, 2], [3, 4], [5, 6]][:n]
    assert vectors["a"].tolist() == ([1, 2] if n == 1 else [3, 4])


@pytest.mark.parametrize(("wrong", "kind"), [(-1, ValueError), (1.5, TypeError)])
def test_max_vectors_that_are_no_number_of_rows_are_refused(wrong: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        make(max_vectors=wrong)


def test_rows_of_one_file_with_and_without_a_limit_do_not_mix() -> None:
    assert len(make(max_vectors=1)) == 1
    assert len(make()) == 3
    assert len(make(max_vectors=2)) == 2


def test_a_missing_file_is_named_and_nothing_is_made() -> None:
    with pytest.raises(NotFoundError, match=r"no vectors found at .*home.nowhere\.txt") as caught:
        Vectors("nowhere.txt")
    assert isinstance(caught.value, RuntimeError)
    assert isinstance(caught.value, FileNotFoundError)
    assert list(Path().iterdir()) == []


def test_paths_may_be_path_objects(tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_text(CAT)
    assert len(Vectors(tmp_path / "v.txt", tmp_path / "cache")) == 3
    assert len(list((tmp_path / "cache").glob("*.safetensors"))) == 1


def test_the_second_time_the_store_is_opened_and_the_text_is_not_read() -> None:
    first = make()
    state = Path("v.txt").stat()
    Path("v.txt").write_bytes(b"x" * state.st_size)
    os.utime("v.txt", ns=(state.st_atime_ns, state.st_mtime_ns))
    assert same(Vectors("v.txt"), first)


def test_a_text_that_has_changed_is_read_again_and_one_that_is_gone_is_not_needed() -> None:
    make()
    assert make("dog 1 2\n").itos == ["dog"]
    Path("v.txt").unlink()
    assert Vectors("v.txt").itos == ["dog"]


def test_two_files_of_one_name_do_not_mix() -> None:
    for folder in ("a", "b"):
        Path(folder).mkdir()
        Path(folder, "v.txt").write_text(f"{folder} 1 2\n")
    assert [Vectors(f"{folder}/v.txt").itos[0] for folder in ("a", "b", "a")] == ["a", "b", "a"]


def test_a_compressed_text_is_read_as_it_is() -> None:
    Path("v.txt.gz").write_bytes(gzip.compress(CAT.encode()))
    assert Vectors("v.txt.gz").itos == ["the", "cat", "The"]


# From a URL


def packed(kind: str, name: str = "v.txt") -> bytes:
    buffer = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("other.txt", "other 0\n")
            archive.writestr(name, CAT)
    elif kind == "tar.gz":
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            info = tarfile.TarInfo(name)
            info.size = len(CAT)
            tar.addfile(info, io.BytesIO(CAT.encode()))
    else:
        buffer.write(CAT.encode())
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("path", "kind", "member"),
    [
        ("/v.txt", "plain", "v.txt"),
        ("/v.zip", "zip", "v.txt"),
        ("/v.zip", "zip", "some/folder/v.txt"),
        ("/v.tar.gz", "tar.gz", "v.txt"),
        ("/v.tgz", "tar.gz", "v.txt"),
        ("/download?file=v", "zip", "v.txt"),
    ],
)
def test_the_file_at_a_url_is_fetched_once(path: str, kind: str, member: str) -> None:
    body = packed(kind, member)
    checksum = f"sha256:{hashlib.sha256(body).hexdigest()}"
    with Server() as server:
        server.on(path.partition("?")[0], file(body))
        first = Vectors("v.txt", url=server.url(path), checksum=checksum)
        asked = len(server.log)
        again = Vectors("v.txt", url=server.url(path), checksum=checksum)
        assert len(server.log) == asked
    assert first.itos == again.itos == ["the", "cat", "The"]


def test_a_wrong_checksum_and_a_missing_page_are_errors_that_torchtexts_users_catch() -> None:
    with Server() as server:
        url = server.on("/v.txt", file(CAT.encode()))
        with pytest.raises(DigestError):
            Vectors("v.txt", url=url, checksum=f"sha256:{'0' * 64}")
        with pytest.raises(DownloadError) as caught:
            Vectors("v.txt", url=server.url("/absent.txt"))
    assert isinstance(caught.value, OSError)  # as urllib's errors are
    assert stores() == []


# Looking up


def test_a_known_token_gives_a_view_of_its_row() -> None:
    vectors = make()
    row = vectors["cat"]
    assert row.shape == (3,)
    row.zero_()
    assert vectors.vectors[1].tolist() == [0, 0, 0]
    assert vectors.vectors[1].data_ptr() == row.data_ptr()


@pytest.mark.parametrize("key", [0, None, 3.5, b"cat", ("cat",)])
def test_what_is_no_token_is_not_in_there_and_gets_what_unknown_tokens_get(key: Any) -> None:
    vectors = make(unk_init=lambda tensor: tensor + 5)
    assert key not in vectors
    assert vectors[key].tolist() == [5, 5, 5]


def test_what_has_no_hash_is_refused() -> None:
    vectors: Any = make()
    with pytest.raises(TypeError, match="unhashable"):
        vectors[["cat"]]


def test_membership_is_by_token() -> None:
    vectors = make()
    assert "cat" in vectors
    assert "Cat" not in vectors
    assert "\ud800" not in vectors


def test_unk_init_is_called_at_each_look_up_with_a_fresh_zero_tensor() -> None:
    given: list[list[float]] = []

    def fill(tensor: torch.Tensor) -> torch.Tensor:
        given.append(tensor.tolist())
        return tensor.fill_(len(given))

    vectors = make(unk_init=fill)
    assert vectors["dog"].tolist() == [1, 1, 1]
    assert vectors["dog"].tolist() == [2, 2, 2]
    assert vectors.get_vecs_by_tokens(["dog", "the", "pig"]).tolist() == [[3] * 3, [1, 2, 3], [4] * 3]
    assert given == [[0, 0, 0]] * 4


@pytest.mark.parametrize("how", ["zeros", "mean", Normal(std=0.4, seed=3), torch.Tensor.zero_])
def test_both_ways_of_looking_up_give_an_unknown_token_the_same(how: UnkInit) -> None:
    vectors = make(unk_init=how)
    together = vectors.get_vecs_by_tokens(["dog", "cat", "pig"])
    for token, row in zip(["dog", "cat", "pig"], together, strict=True):
        assert torch.equal(vectors[token], row)
        assert torch.equal(vectors.get_vecs_by_tokens(token), row)


def test_the_mean_is_that_of_all_rows_as_they_are_now() -> None:
    vectors = make("a 1 2\nb 3 4\na 5 9\n", unk_init="mean")
    assert vectors["dog"].tolist() == [3, 5]
    vectors["dog"].zero_()  # copies
    vectors.mean().zero_()
    assert vectors.mean().tolist() == [3, 5]
    vectors.vectors[0] = 10
    assert vectors["dog"].tolist() == [6, float(np.float32(23 / 3))]
    vectors.vectors = floats(1, 2).reshape(1, 2)
    assert vectors["dog"].tolist() == [1, 2]


class Counting(Vectors):
    """Counts how many rows are asked for."""

    asked = 0

    def gather(self, rows: Any, tokens: Any) -> torch.Tensor:
        self.asked += len(rows)
        return super().gather(rows, tokens)


@pytest.mark.parametrize("read", [False, True])
def test_the_mean_is_taken_once(read: bool) -> None:
    Path("v.txt").write_text(CAT)
    vectors = Counting("v.txt", unk_init="mean")
    for i in range(5):
        if read:
            assert vectors["the"][0] == 1
        assert vectors[f"unknown{i}"].shape == (3,)
    assert vectors.asked == 3


def test_tokens_may_come_in_any_iterable() -> None:
    vectors = make()
    expected = torch.stack([vectors["cat"], vectors["the"], torch.zeros(3)])
    words = ["cat", "the", "dog"]
    for tokens in (
        words,
        tuple(words),
        iter(words),
        (word for word in words),
        dict.fromkeys(words),
        np.array(words),
    ):
        assert torch.equal(vectors.get_vecs_by_tokens(tokens), expected)
    assert torch.equal(vectors.get_vecs_by_tokens("cat"), vectors["cat"])


@pytest.mark.parametrize("tokens", [[], (), iter([])])
def test_no_tokens_have_no_rows(tokens: Any) -> None:
    found = make().get_vecs_by_tokens(tokens)
    assert found.shape == (0, 3)
    assert found.dtype == torch.float32


@pytest.mark.parametrize("tokens", [["cat", 3], ["cat", None], [b"cat"], None, 3, [["cat"]], b"cat"])
def test_a_token_that_is_no_str_is_refused_before_anything_is_looked_up(tokens: Any) -> None:
    with pytest.raises(TokenTypeError, match="must be"):
        make().get_vecs_by_tokens(tokens)


def test_an_error_in_the_callers_generator_is_the_callers() -> None:
    def words() -> Iterator[str]:
        yield "cat"
        raise TypeError("mine")

    with pytest.raises(TypeError, match="mine"):
        make().get_vecs_by_tokens(words())


def test_lower_case_is_tried_second_and_for_each_token() -> None:
    vectors = make()
    found = vectors.get_vecs_by_tokens(["The", "THE", "CAT", "DOG"], lower_case_backup=True)
    assert found.tolist() == [vectors[token].tolist() for token in ("The", "the", "cat", "dog")]
    assert vectors.get_vecs_by_tokens("CAT", True).tolist() == vectors["cat"].tolist()
    assert vectors.get_vecs_by_tokens(["CAT"]).tolist() == [[0, 0, 0]]


def test_what_is_looked_up_together_is_a_copy() -> None:
    vectors = make()
    vectors.get_vecs_by_tokens(["cat"]).zero_()
    vectors.get_vecs_by_tokens("cat").zero_()
    assert vectors["cat"][0] == -0.5
    vectors.get_vecs_by_tokens(["cat"]).zero_()  # now that there is a tensor
    assert vectors["cat"][0] == -0.5


TOKENS = st.sampled_from(["a", "b", "c", "A", "C", "", "\xa0", "é", "never", "NEVER", "\ud800"])


@given(
    itos=st.lists(st.sampled_from(["a", "b", "c", "A", "", "\xa0", "é"]), max_size=6),
    tokens=st.lists(TOKENS, max_size=6),
    backup=st.booleans(),
)
def test_every_list_of_tokens_gives_what_one_look_up_after_the_other_gives(
    itos: list[str], tokens: list[str], backup: bool
) -> None:
    matrix = torch.arange(len(itos) * 2, dtype=torch.float32).reshape(-1, 2) + 1
    vectors = Vectors.from_tensor(itos, matrix, unk_init=Normal())
    rows = {token: matrix[i] for i, token in enumerate(itos)}
    found = vectors.get_vecs_by_tokens(tokens, lower_case_backup=backup)
    assert found.shape == (len(tokens), 2)
    for token, row in zip(tokens, found, strict=True):
        expected = rows.get(token, rows.get(token.lower()) if backup else None)
        assert torch.equal(row, vectors[token] if expected is None else expected)


# Subclasses


class Doubled(Vectors):
    """With a rule of its own, and a member of its own."""

    label = "doubled"

    def __getitem__(self, token: str) -> torch.Tensor:
        return super().__getitem__(token) * 2


def test_a_subclass_that_overrides_getitem_is_followed() -> None:
    Path("v.txt").write_text(CAT)
    doubled = Doubled("v.txt")
    assert doubled.get_vecs_by_tokens(["the", "dog"]).tolist() == [[2, 4, 6], [0, 0, 0]]
    assert doubled.get_vecs_by_tokens("the").tolist() == [2, 4, 6]
    assert doubled.get_vecs_by_tokens(["CAT"], lower_case_backup=True)[0, 0] == -1
    assert doubled.get_vecs_by_tokens([]).shape == (0, 3)
    assert doubled.has_rule
    assert not make().has_rule


class InMemory(Vectors):
    """A subclass that loads its own way, as torchtext allowed."""

    def cache(self, name: Any, cache: Any, url: str | None = None, max_vectors: int | None = None) -> None:
        self.itos = [str(name), "b"]
        self.stoi = {token: row for row, token in enumerate(self.itos)}
        self.vectors = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
        self.dim = 2


class Borrowed(Vectors):
    """A subclass that takes another's attributes."""

    def cache(self, name: Any, cache: Any, url: str | None = None, max_vectors: int | None = None) -> None:
        inner = Vectors(name, cache)
        self.itos, self.stoi, self.vectors, self.dim = inner.itos, inner.stoi, inner.vectors, inner.dim


def test_a_subclass_that_overrides_cache_is_followed() -> None:
    own = InMemory("a", unk_init=lambda tensor: tensor + 1)
    assert own["b"].tolist() == [3, 4]
    assert own.get_vecs_by_tokens(["a", "x"]).tolist() == [[1, 2], [1, 1]]
    assert len(own) == 2
    assert same(pickle.loads(pickle.dumps(InMemory("a"))), own)
    expected = make()
    borrowed = Borrowed("v.txt")
    assert borrowed.get_vecs_by_tokens(["cat", "dog"]).tolist() == [expected["cat"].tolist(), [0, 0, 0]]
    assert same(pickle.loads(pickle.dumps(borrowed)), expected)


def test_cache_may_be_called_again() -> None:
    vectors = make()
    vectors.vectors[0] = 9
    Path("w.txt").write_text("dog 1 2\n")
    vectors.cache("w.txt", None)
    assert (vectors.itos, vectors.stoi, vectors.dim, len(vectors)) == (["dog"], {"dog": 0}, 2, 1)
    assert vectors.vectors.tolist() == [[1, 2]]
    assert vectors.get_vecs_by_tokens(["dog"]).tolist() == [[1, 2]]


# Writing to it


def test_to_look_a_token_up_decodes_no_other(tmp_path: Path) -> None:
    tokens = ["cat", *(f"word{number}" for number in range(100))]
    path = Vectors.from_tensor(tokens, torch.arange(202.0).view(101, 2)).save(tmp_path / "s.safetensors")
    content = path.read_bytes()
    path.write_bytes(content.replace(b"word", b"\xff\xfe\xfd\xfc"))  # is UTF-8 no more
    vectors = Vectors(path)
    assert "cat" in vectors
    assert "dog" not in vectors
    assert vectors.stoi["cat"] == 0
    assert vectors.stoi.get("dog") is None
    assert vectors.stoi.get("dog", -1) == -1
    assert vectors.itos[0] == "cat"
    assert vectors["cat"].tolist() == [0, 1]
    assert vectors.get_vecs_by_tokens(["cat", "dog"]).tolist() == [[0, 1], [0, 0]]
    assert vectors.get_vecs_by_tokens(["cat", "dog"] * 100).tolist() == [[0, 1], [0, 0]] * 100
    assert align(["dog", "cat"], vectors).matrix.tolist() == [[0, 0], [0, 1]]
    with pytest.raises(StoreError, match="not UTF-8"):
        list(vectors.itos)


@pytest.mark.parametrize("kind", ["plain", "transposed", "parameter", "double", "learning", "inference"])
def test_rows_come_from_a_tensor_of_any_kind(kind: str) -> None:
    matrix = torch.arange(6.0).view(3, 2)
    match kind:
        case "transposed":
            matrix = matrix.T.contiguous().T
        case "parameter":
            matrix = torch.nn.Parameter(matrix, requires_grad=False)
        case "double":
            matrix = matrix.double()
        case "learning":
            matrix = matrix.requires_grad_()
        case "inference":
            with torch.inference_mode():
                matrix = matrix.clone()
    vectors = Vectors.from_tensor(["a", "b", "c"], matrix)
    found = vectors.get_vecs_by_tokens(["c", "a", "c"])
    assert found.tolist() == [[4, 5], [0, 1], [4, 5]]
    assert (found.dtype, found.requires_grad) == (matrix.dtype, kind == "learning")
    if kind != "learning":
        found.zero_()
    assert matrix.tolist() == [[0, 1], [2, 3], [4, 5]]


def test_every_look_up_follows_what_is_written() -> None:
    vectors = make()
    store = stores()[0]
    before = store.read_bytes()
    vectors.itos.extend(["<unk>"])
    vectors.stoi["<unk>"] = 3
    vectors.vectors = torch.cat([vectors.vectors, torch.full((1, 3), 4.0)])
    assert (len(vectors), list(vectors), "<unk>" in vectors) == (4, ["the", "cat", "The", "<unk>"], True)
    assert vectors["<unk>"].tolist() == [4, 4, 4]
    assert vectors.get_vecs_by_tokens(["<unk>", "cat"]).tolist() == [[4] * 3, vectors["cat"].tolist()]
    vectors.vectors[vectors.stoi["cat"]] = floats(1, 1, 1)
    assert vectors["cat"].tolist() == [1, 1, 1]
    assert vectors.get_vecs_by_tokens(["cat"]).tolist() == [[1, 1, 1]]
    vectors.stoi["puss"] = vectors.stoi["cat"]
    assert vectors.get_vecs_by_tokens("puss").tolist() == [1, 1, 1]
    del vectors.stoi["cat"]
    assert "cat" not in vectors
    assert vectors.get_vecs_by_tokens(["cat"]).tolist() == [[0, 0, 0]]
    vectors.stoi["last"] = -1
    assert vectors.get_vecs_by_tokens(["last"]).tolist() == [vectors["last"].tolist()] == [[4, 4, 4]]
    assert store.read_bytes() == before
    assert Vectors("v.txt")["cat"][0] == -0.5


def test_a_row_that_is_not_there_is_an_index_error() -> None:
    vectors = make()
    vectors.stoi["new"] = 3
    with pytest.raises(IndexError):
        vectors["new"]
    with pytest.raises(IndexError):
        vectors.get_vecs_by_tokens(["new"])


def test_another_objects_list_and_dict_may_be_put_in() -> None:
    one, other = make(), make("dog 1 2 3\npig 4 5 6\n", "w.txt")
    one.itos, one.stoi, one.vectors = other.itos, other.stoi, other.vectors
    assert one.get_vecs_by_tokens(["pig", "cat"]).tolist() == [[4, 5, 6], [0, 0, 0]]
    assert one.fingerprint != make().fingerprint
    assert same(pickle.loads(pickle.dumps(one)), other)


def test_the_tensor_can_be_trained_even_if_inference_mode_asked_for_it_first() -> None:
    vectors = make()
    with torch.inference_mode():
        assert vectors["cat"][0] == -0.5
    layer = torch.nn.Embedding.from_pretrained(vectors.vectors, freeze=False)
    layer(torch.tensor([1])).sum().backward()
    assert layer.weight.grad is not None


def test_dtype_and_device_are_the_users() -> None:
    vectors = make(unk_init=Normal())
    vectors.vectors = vectors.vectors.to(torch.float16)
    found = vectors.get_vecs_by_tokens(["cat", "dog"])
    assert found.dtype == torch.float16
    assert found[0].tolist() == vectors["cat"].tolist()
    buffer = io.BytesIO()
    torch.save(vectors.vectors, buffer)
    buffer.seek(0)
    assert torch.equal(torch.load(buffer), vectors.vectors)


def test_a_store_that_is_gone_or_replaced_stays_open() -> None:
    gone = make()
    stores()[0].unlink()
    assert gone["cat"][0] == -0.5
    assert gone.get_vecs_by_tokens(["the"]).tolist() == [[1, 2, 3]]
    replaced = make("dog 1 2\n", "w.txt")
    assert make("pig 3 4\n", "w.txt").itos == ["pig"]
    assert (replaced.itos, replaced.vectors.tolist()) == (["dog"], [[1, 2]])


# From memory, and as a store


def test_from_tensor_holds_what_it_is_given() -> None:
    matrix = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    vectors = Vectors.from_tensor(["a", "b", "a"], matrix)
    assert vectors.stoi == {"a": 2, "b": 1}
    assert vectors.vectors is matrix
    assert vectors.get_vecs_by_tokens(("a", "x")).tolist() == [[5, 6], [0, 0]]
    assert type(Doubled.from_tensor(["a"], matrix[:1])) is Doubled
    assert len(Vectors.from_tensor([], torch.zeros(0, 4))) == 0


@pytest.mark.parametrize(
    ("itos", "matrix"), [(["a"], torch.zeros(2, 3)), (["a"], torch.zeros(1)), ([], torch.zeros(1, 0))]
)
def test_from_tensor_refuses_what_does_not_fit(itos: list[str], matrix: torch.Tensor) -> None:
    with pytest.raises(ValueError, match=r"tokens need a matrix"):
        Vectors.from_tensor(itos, matrix)


def test_from_tensor_refuses_a_token_that_is_no_str() -> None:
    with pytest.raises(TokenTypeError):
        Vectors.from_tensor(["a", 1], torch.zeros(2, 3))  # type: ignore[list-item]  # the mistake


def test_what_is_saved_is_read_back() -> None:
    vectors = make("a 1 2\nb 3 4\na 5 6\n")
    vectors.vectors[1] = 9
    vectors.itos.append("<unk>")
    vectors.stoi["<unk>"] = 3
    vectors.vectors = torch.cat([vectors.vectors, floats(0.1, -0.0)[None]])
    path = vectors.save("saved.safetensors")
    assert path == Path("saved.safetensors")
    assert same(Vectors("saved.safetensors"), vectors)
    assert Vectors("saved.safetensors", max_vectors=2).itos == ["a", "b"]
    assert Vectors("saved.safetensors", max_vectors=2).stoi == {"a": 0, "b": 1}


def test_what_cannot_be_saved_says_why() -> None:
    vectors = make()
    with pytest.raises(ValueError, match=r"v\.txt: give a name that ends in \"\.safetensors\""):
        vectors.save("v.txt", format="store")
    vectors.stoi["puss"] = 1
    with pytest.raises(ValueError, match="stoi has other tokens or rows than itos"):
        vectors.save("v.safetensors")
    vectors.itos.append("puss")
    with pytest.raises(ValueError, match="4 tokens in itos and a tensor"):
        vectors.save("v.safetensors")
    assert not Path("v.safetensors").exists()


# Copies, pickles, workers, fingerprints


def written_by_list(vectors: Vectors) -> None:
    vectors.itos.append("new")


def written_by_dict(vectors: Vectors) -> None:
    vectors.stoi["new"] = 1


def written_in_place(vectors: Vectors) -> None:
    vectors.vectors[2, 2] = 77


def written_by_view(vectors: Vectors) -> None:
    vectors["The"].mul_(2)


def written_by_data(vectors: Vectors) -> None:
    vectors.vectors.data[1] = 5  # torch does not count this as a write


def written_by_numpy(vectors: Vectors) -> None:
    vectors.vectors.numpy()[1] = 5


def assigned(vectors: Vectors) -> None:
    vectors.vectors = vectors.vectors * 2


def assigned_dict(vectors: Vectors) -> None:
    vectors.stoi = {"cat": 0}


WRITES = [
    written_by_list,
    written_by_dict,
    written_in_place,
    written_by_view,
    written_by_data,
    written_by_numpy,
    assigned,
    assigned_dict,
]


@pytest.mark.parametrize("read", [False, True])
def test_an_untouched_one_pickles_small_and_opens_the_store_again(read: bool) -> None:
    vectors = make(unk_init=Normal(seed=4))
    if read:
        assert vectors["cat"][0] == -0.5
        assert vectors.mean().shape == (3,)
        assert list(vectors.itos)
    pickled = pickle.dumps(vectors)
    assert len(pickled) < 2_000
    again = pickle.loads(pickled)
    assert same(again, vectors)
    assert isinstance(again.itos, Itos)
    assert isinstance(again.stoi, Stoi)
    assert torch.equal(again["dog"], vectors["dog"])
    assert again.fingerprint == vectors.fingerprint


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
def test_every_write_is_in_the_copy(copied: Any, write: Any) -> None:
    vectors = make()
    write(vectors)
    again = copied(vectors)
    assert same(again, vectors)
    assert not same(again, Vectors("v.txt"))
    assert again.fingerprint == vectors.fingerprint != Vectors("v.txt").fingerprint


def test_an_assigned_tensor_travels_as_it_is() -> None:
    vectors = make()
    vectors.vectors = torch.nn.Parameter(vectors.vectors, requires_grad=False)
    assert type(pickle.loads(pickle.dumps(vectors)).vectors) is torch.nn.Parameter


def test_a_deep_copy_shares_nothing() -> None:
    for write in (None, written_in_place):
        vectors = make()
        if write:
            write(vectors)
        again = copy.deepcopy(vectors)
        again.vectors.zero_()
        again.itos.append("x")
        again.stoi["x"] = 0
        assert vectors["The"][0] == 7
        assert "x" not in vectors.itos
        assert "x" not in vectors


def test_what_a_subclass_added_is_in_the_copy() -> None:
    Path("v.txt").write_text(CAT)
    doubled = Doubled("v.txt")
    doubled.label = "mine"
    again = pickle.loads(pickle.dumps(doubled))
    assert (type(again), again.label) == (Doubled, "mine")
    assert torch.equal(again["cat"], doubled["cat"])


def test_a_pickle_whose_store_is_gone_makes_it_anew_from_its_name() -> None:
    pickled = pickle.dumps(make())
    stores()[0].unlink()
    again = pickle.loads(pickled)
    assert again.itos == ["the", "cat", "The"]
    assert len(stores()) == 1


def test_a_pickle_is_taken_to_another_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    with Server() as server:
        url = server.on("/v.zip", file(packed("zip")))
        pickled = pickle.dumps(Vectors("v.txt", url=url))
        monkeypatch.setenv("TORCHVECTORS_HOME", "another")
        Path("home").rename("away")
        assert pickle.loads(pickled).itos == ["the", "cat", "The"]
        assert [path.suffix for path in Path("another").glob("*.*") if path.is_file()]


def test_a_pickle_that_leads_nowhere_says_so() -> None:
    pickled = pickle.dumps(make())
    stores()[0].unlink()
    Path("v.txt").unlink()
    with pytest.raises(
        NotFoundError, match=r"pickled vectors 'v\.txt'.* cannot be had here: no vectors found at"
    ):
        pickle.loads(pickled)


def test_a_pickle_whose_file_holds_something_else_by_now_says_so() -> None:
    pickled = pickle.dumps(make())
    make("dog 1 2\n")
    with pytest.raises(StoreError, match=r"pickled vectors 'v\.txt'.*held xxh3_128:.*stands for xxh3_128:"):
        pickle.loads(pickled)


def test_fingerprints_are_equal_if_and_only_if_the_contents_are() -> None:
    assert make().fingerprint == make(name="w.txt").fingerprint
    seen = {make().fingerprint}
    for write in WRITES:
        vectors = make()
        write(vectors)
        seen.add(vectors.fingerprint)
    assert len(seen) == len(WRITES)  # .data and .numpy() write the same
    matrix = torch.arange(6.0)
    for itos, shaped in ((["a", "b"], matrix.reshape(2, 3)), (["a", "b", "c"], matrix.reshape(3, 2))):
        vectors = Vectors.from_tensor(itos, shaped)
        assert vectors.fingerprint == Vectors.from_tensor(itos, shaped.clone()).fingerprint
        assert vectors.fingerprint != Vectors.from_tensor(itos[::-1], shaped).fingerprint
        assert vectors.fingerprint != Vectors.from_tensor(itos, shaped.half()).fingerprint
        seen.add(vectors.fingerprint)
    assert len(seen) == len(WRITES) + 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # Alike, if all that is hashed were written end to end, without lengths, shapes or types.
        (
            Vectors.from_tensor(["a1 ", "b"], torch.zeros(2, 3)),
            Vectors.from_tensor(["a", "1 b"], torch.zeros(2, 3)),
        ),
        (
            Vectors.from_tensor(["a"], torch.zeros(1, 2)),
            Vectors.from_tensor(["a"], torch.zeros(1, 1).double()),
        ),
    ],
)
def test_fingerprints_tell_apart_what_would_be_written_alike(one: Vectors, other: Vectors) -> None:
    assert one.fingerprint != other.fingerprint


class Sentences(Dataset[torch.Tensor]):
    def __init__(self, vectors: Vectors) -> None:
        self.vectors, self.sentences = vectors, [["the", "cat"], ["dog", "The"]]

    def __len__(self) -> int:
        return len(self.sentences)

    def __getitem__(self, index: int) -> torch.Tensor:
        return self.vectors.get_vecs_by_tokens(self.sentences[index])


@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_the_workers_of_a_loader_look_up_as_the_main_process_does(context: str) -> None:
    vectors = make(unk_init=Normal())
    assert len(vectors.vectors) == 3
    data = Sentences(vectors)
    loader = DataLoader(data, batch_size=None, num_workers=1, multiprocessing_context=context)
    assert torch.equal(torch.stack(list(loader)), torch.stack([data[0], data[1]]))


def test_pickles_open_in_a_process_that_starts_afresh() -> None:
    untouched, written = make(unk_init="mean"), make(name="w.txt")
    written.stoi["puss"] = 1
    Path("pickles").write_bytes(pickle.dumps((untouched, written)))
    program = """
import pickle, sys
untouched, written = pickle.load(open("pickles", "rb"))
print(untouched["dog"].tolist(), written["puss"].tolist(), untouched.fingerprint, written.fingerprint)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    found = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, check=True, text=True
    ).stdout
    expected = (
        untouched["dog"].tolist(),
        written["puss"].tolist(),
        untouched.fingerprint,
        written.fingerprint,
    )
    assert found.split("\n")[0] == " ".join(map(str, expected))


# Real files


def as_torchtext_reads(line: bytes) -> tuple[str, list[float]]:
    token, *numbers = line.rstrip().split(b" ")
    return token.decode(), [float(number) for number in numbers]


def test_real_rows_are_torchtexts_bit_for_bit() -> None:
    vectors = Vectors(TOP500)
    rows = [as_torchtext_reads(line) for line in TOP500.read_bytes().splitlines()]
    assert list(vectors.itos) == [token for token, _ in rows]
    assert torch.equal(vectors.vectors, torch.tensor([numbers for _, numbers in rows]))


# gensim leaves the file open that it reads.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_real_rows_are_gensims_bit_for_bit() -> None:
    models = pytest.importorskip("gensim.models", reason="gensim is not installed")
    vectors = Vectors(TOP500)
    gensim = models.KeyedVectors.load_word2vec_format(str(TOP500), no_header=True)
    assert gensim.index_to_key == vectors.itos
    assert np.array_equal(gensim.vectors, vectors.vectors.numpy())
    assert all(np.array_equal(gensim[token], vectors[token]) for token in vectors)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Vectors:
    """The official 400,000 rows, from a loopback URL."""
    if not REAL.is_file():
        pytest.skip("the real archive is not beside the checkout")
    body = REAL.read_bytes()
    checksum = f"sha256:{hashlib.sha256(body).hexdigest()}"
    with Server() as server:
        url = server.on("/glove.6B.50d.zip", file(body))
        cache = tmp_path_factory.mktemp("real")
        vectors = Vectors("glove.6B.50d.txt", cache=cache, url=url, checksum=checksum)
        assert [(seen.method, seen.sent) for seen in server.log] == [("GET", len(body))]
    return vectors


def read_real(step: int) -> Iterator[tuple[int, str, list[float]]]:
    with zipfile.ZipFile(REAL) as archive, archive.open("glove.6B.50d.txt") as stream:
        for row, line in enumerate(stream):
            if row % step == 0:
                yield row, *as_torchtext_reads(line)


def assert_rows_equal(vectors: Vectors, step: int) -> None:
    rows, tokens, numbers = zip(*read_real(step), strict=True)
    assert vectors.vectors.shape == (400_000, 50)
    assert vectors.itos[::step] == list(tokens)
    expected = np.array(numbers).astype(np.float32)  # float() each, then float32
    assert np.array_equal(vectors.vectors[::step].numpy().view(np.uint32), expected.view(np.uint32))
    assert vectors.rows_of(tokens).tolist() == list(rows)


def test_the_numbers_of_the_real_file_are_torchtexts_bit_for_bit(real: Vectors) -> None:
    assert_rows_equal(real, 20)
    assert (real.itos[0], real.itos[-1], real.itos[201_534]) == ("the", "sandberger", "unk")
    assert len(real.stoi) == 400_000  # no duplicates
    assert len(pickle.dumps(real)) < 2_000


@pytest.mark.slow
def test_every_number_of_the_real_file_is_torchtexts_bit_for_bit(real: Vectors) -> None:
    assert_rows_equal(real, 1)


def test_one_unknown_token_has_the_dtype_of_the_batch() -> None:
    vectors = Vectors.from_tensor(["a"], torch.ones(1, 2, dtype=torch.float64))
    assert vectors["b"].dtype == vectors.get_vecs_by_tokens(["b"]).dtype == torch.float64
