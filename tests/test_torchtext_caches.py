"""Folders that torchtext left behind: ``.vector_cache`` with texts, archives and ``.pt`` files in it."""

from __future__ import annotations

import pickle
import subprocess
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from servers import Server, file
from test_acquire import no_socket
from test_legacy import kept

from torchvectors.errors import DigestError, NotFoundError, OfflineError
from torchvectors.pretrained import CharNGram, FastText, GloVe
from torchvectors.store import open_store
from torchvectors.vectors import Vectors

CACHE = Path(".vector_cache")


@pytest.fixture(autouse=True)
def _a_project_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TORCHVECTORS_HOME", "TORCHVECTORS_MIRROR", "TORCHVECTORS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    project = tmp_path / "project"
    (project / CACHE).mkdir(parents=True)
    monkeypatch.chdir(project)


def text(start: float, n: int = 12, dim: int = 3) -> bytes:
    """Return n rows of text, other ones for each ``start``."""
    rows = (" ".join(str(start + row + place / 8) for place in range(dim)) for row in range(n))
    return "".join(f"w{row} {numbers}\n" for row, numbers in enumerate(rows)).encode()


def keep(body: bytes, name: str = "x.txt.pt", folder: Path = CACHE, max_vectors: int | None = None) -> Path:
    """Write what torchtext kept of a text."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(kept(body, max_vectors), folder / name)
    return folder / name


def first(vectors: Vectors) -> float:
    """Return the number that tells which text these are of."""
    return float(vectors["w0"][0])


def zipped(body: bytes, name: str, path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, body)


@contextmanager
def in_silence() -> Iterator[None]:
    """Let there be no warning and no connection."""
    with warnings.catch_warnings(), no_socket():
        warnings.simplefilter("error")
        yield


def stores(folder: Path = CACHE) -> list[str]:
    return sorted(path.name for path in folder.glob("*.safetensors"))


# What is used


def test_the_text_is_used_where_it_is() -> None:
    (CACHE / "x.txt").write_bytes(text(1))
    keep(text(2))
    with in_silence():
        assert first(Vectors("x.txt")) == 1


def test_a_stale_file_beside_a_changed_text_does_not_win() -> None:
    (CACHE / "x.txt").write_bytes(text(1))
    keep(text(1))
    assert first(Vectors("x.txt")) == 1
    (CACHE / "x.txt").write_bytes(text(3, n=13))
    with in_silence():
        assert first(Vectors("x.txt")) == 3
        assert len(Vectors("x.txt")) == 13


def test_what_torchtext_kept_is_used_where_nothing_else_is() -> None:
    keep(text(2))
    with in_silence():
        vectors = Vectors("x.txt")
    itos, stoi, matrix, dim = kept(text(2))
    assert vectors.itos == itos
    assert vectors.stoi == stoi
    assert torch.equal(vectors.vectors, matrix)
    assert vectors.dim == dim


@pytest.mark.parametrize(
    ("name", "dim", "load"),
    [
        ("glove.6B.100d.txt", 100, lambda: GloVe("6B", 100)),
        ("glove.840B.300d.txt", 300, GloVe),
        ("wiki.en.vec", 300, FastText),
        ("wiki.de.vec", 300, lambda: FastText("de")),
        ("charNgram.txt", 100, CharNGram),
    ],
)
def test_each_family_is_found_under_torchtexts_name_instead_of_downloaded(
    name: str, dim: int, load: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(text(2, dim=dim), f"{name}.pt")
    with in_silence():
        vectors = load()
    assert (len(vectors), vectors.dim) == (12, dim)
    assert vectors.stoi["w7"] == 7
    monkeypatch.setenv("TORCHVECTORS_OFFLINE", "1")
    (CACHE / f"{name}.pt").unlink()
    assert len(load()) == 12  # its store is enough


def test_it_is_read_once() -> None:
    path = keep(text(2))
    Vectors("x.txt")
    (made,) = stores()
    before = (CACHE / made).stat().st_ino
    assert first(Vectors("x.txt")) == 2
    assert (CACHE / made).stat().st_ino == before
    path.write_bytes(b"damaged")  # which is seen, since it has changed
    with pytest.warns(UserWarning, match="passed over"), pytest.raises(NotFoundError):
        Vectors("x.txt")


def test_it_is_read_again_when_it_has_changed() -> None:
    keep(text(2))
    assert first(Vectors("x.txt")) == 2
    keep(text(3, n=13))
    with in_silence():
        assert first(Vectors("x.txt")) == 3
    assert len(stores()) == 1


def test_phantom_rows_are_left_out() -> None:
    body = b"\xff 9 9 9\n" + text(2)
    assert len(kept(body)[2]) == 13
    keep(body)
    assert len(Vectors("x.txt")) == 12


def test_a_text_that_is_gone_leaves_its_store_usable() -> None:
    (CACHE / "glove.6B.100d.txt").write_bytes(text(1, dim=100))
    with pytest.warns(UserWarning, match="not the published file"):
        GloVe("6B", 100)
    keep(text(2, dim=100), "glove.6B.100d.txt.pt")
    (CACHE / "glove.6B.100d.txt").unlink()
    with in_silence():
        assert first(GloVe("6B", 100)) == 1


def test_an_archive_alone_is_used_and_the_store_made_of_it_stays_first() -> None:
    zipped(text(1, dim=100), "glove.6B.100d.txt", CACHE / "glove.6B.zip")
    with pytest.warns(UserWarning, match="not the published file"), no_socket():
        assert first(GloVe("6B", 100)) == 1
    keep(text(2, dim=100), "glove.6B.100d.txt.pt")
    with in_silence():
        assert first(GloVe("6B", 100)) == 1


def test_a_file_that_torchtext_kept_comes_before_an_archive_that_would_have_to_be_read() -> None:
    zipped(text(1, dim=100), "glove.6B.100d.txt", CACHE / "glove.6B.zip")
    keep(text(2, dim=100), "glove.6B.100d.txt.pt")
    with in_silence():
        assert first(GloVe("6B", 100)) == 2


# max_vectors


def test_the_first_rows_alone_are_used_for_as_many() -> None:
    keep(text(2), "x.txt_10.pt", max_vectors=10)
    with in_silence():
        assert len(Vectors("x.txt", max_vectors=10)) == 10
    for other in (None, 9):
        with pytest.raises(NotFoundError, match="no vectors found at"):
            Vectors("x.txt", max_vectors=other)


def test_of_all_rows_the_first_are_used() -> None:
    keep(text(2))
    keep(text(5), "x.txt_4.pt", max_vectors=4)
    with in_silence():
        assert [len(Vectors("x.txt", max_vectors=n)) for n in (None, 1, 5, 100)] == [12, 1, 5, 12]
        assert first(Vectors("x.txt", max_vectors=5)) == 2
        assert first(Vectors("x.txt", max_vectors=4)) == 5  # torchtext would have taken this one
    assert sorted(len(open_store(CACHE / name)) for name in stores()) == [1, 4, 5, 12, 12]


def test_the_first_rows_end_where_they_should_across_blocks() -> None:
    keep(text(2, n=40_000, dim=2))
    assert list(Vectors("x.txt", max_vectors=20_000).itos) == [f"w{row}" for row in range(20_000)]


# What is passed over


def damaged(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def a_dict(path: Path) -> None:
    torch.save({"a": torch.ones(2)}, path)


class Thing:
    def __reduce__(self) -> tuple[object, ...]:
        return subprocess.check_call, (["touch", "run"],)


def a_class(path: Path) -> None:
    torch.save((["w0"], {"w0": 0}, torch.ones(1, 3), Thing()), path)


def of_another_dim(path: Path) -> None:
    keep(text(2, dim=4), path.name)


WRONG = [damaged, empty, a_dict, a_class]


@pytest.mark.parametrize("spoil", WRONG)
def test_what_cannot_be_used_gives_way_to_a_download_with_one_warning(spoil: Any) -> None:
    path = keep(text(2))
    spoil(path)
    with Server() as server:
        url = server.on("/x.txt", file(text(1)))
        with pytest.warns(UserWarning, match="passed over") as seen:
            assert first(Vectors("x.txt", url=url)) == 1
        assert len(server.log) == 1
    (warning,) = seen
    assert str(warning.message).startswith(f"{path}: this is not what torchtext kept of a set of vectors: ")
    assert str(warning.message).endswith("For now it is passed over.")
    assert warning.filename == __file__
    assert not Path("run").exists()
    with in_silence():
        assert first(Vectors("x.txt", url=url)) == 1


@pytest.mark.parametrize("spoil", [*WRONG, of_another_dim])
def test_what_cannot_be_used_gives_way_to_an_archive(spoil: Any) -> None:
    spoil(keep(text(2, dim=100), "glove.6B.100d.txt.pt"))
    zipped(text(1, dim=100), "glove.6B.100d.txt", CACHE / "glove.6B.zip")
    with warnings.catch_warnings(record=True) as seen, no_socket():
        warnings.simplefilter("always")  # one is on the archive, which is not the published one
        assert first(GloVe("6B", 100)) == 1
    assert sum("passed over" in str(warning.message) for warning in seen) == 1
    assert not Path("run").exists()


@pytest.mark.parametrize("spoil", WRONG)
def test_beside_its_text_nobody_looks_at_it(spoil: Any) -> None:
    spoil(keep(text(2)))
    (CACHE / "x.txt").write_bytes(text(1))
    with in_silence():
        assert first(Vectors("x.txt")) == 1


def test_a_wrong_one_does_not_hide_a_right_one(tmp_path: Path) -> None:
    damaged(keep(text(2), folder=tmp_path / "shared"))
    keep(text(3))
    with pytest.warns(UserWarning, match="passed over"):
        assert first(Vectors("x.txt", cache=[tmp_path / "shared", CACHE])) == 3


def test_a_wrong_one_alone_leaves_nothing() -> None:
    path = keep(text(2))
    damaged(path)
    with (
        pytest.warns(UserWarning, match="passed over"),
        pytest.raises(NotFoundError, match="no vectors found"),
    ):
        Vectors("x.txt")
    assert [one.name for one in CACHE.iterdir() if not one.name.startswith(".")] == [path.name]


def test_a_digest_that_is_asked_for_is_held_to() -> None:
    keep(text(2))
    with Server() as server:
        url = server.on("/x.txt", file(text(1)))
        with pytest.raises(DigestError):
            Vectors("x.txt", url=url, checksum="sha256:" + "0" * 64)
        assert server.log


def test_offline_what_is_wrong_is_told_with_the_command_that_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    damaged(keep(text(2, dim=100), "glove.6B.100d.txt.pt"))
    monkeypatch.setenv("TORCHVECTORS_OFFLINE", "1")
    with (
        pytest.warns(UserWarning, match="passed over"),
        pytest.raises(OfflineError, match=r"torchvectors download glove\.6B\.100d"),
    ):
        GloVe("6B", 100)


# Names and folders


def test_equal_names_in_two_folders_do_not_mix() -> None:
    for start, folder in ((1, "a"), (2, "b")):
        Path(folder).mkdir()
        Path(folder, "x.txt").write_bytes(text(start))
    keep(text(1))  # torchtext called both by their last name
    with in_silence():
        assert first(Vectors("b/x.txt")) == 2
        assert first(Vectors("a/x.txt")) == 1
        assert first(Vectors("b/x.txt")) == 2
    Path("b/x.txt").unlink()
    with in_silence():
        assert first(Vectors("b/x.txt")) == 2  # its own store
    for store in stores():
        (CACHE / store).unlink()
    with in_silence(), pytest.raises(NotFoundError):
        Vectors("b/x.txt")  # and not the other's file
    assert first(Vectors("x.txt")) == 1


def test_a_shared_folder_is_read_and_left_alone(tmp_path: Path) -> None:
    shared, own = tmp_path / "shared", tmp_path / "own"
    path = keep(text(2), folder=shared)
    with in_silence():
        assert first(Vectors("x.txt", cache=[shared, own])) == 2
    assert list(shared.iterdir()) == [path]
    assert len(stores(own)) == 1


def test_the_folder_may_be_named() -> None:
    keep(text(2), folder=Path("elsewhere"))
    with in_silence():
        assert first(Vectors("x.txt", cache="elsewhere")) == 2


def test_vectors_in_a_pickle_find_what_torchtext_kept_on_another_machine() -> None:
    keep(text(2))
    sent = pickle.dumps(Vectors("x.txt"))
    for store in stores():
        (CACHE / store).unlink()
    with in_silence():
        assert first(pickle.loads(sent)) == 2


# Saving


@pytest.mark.parametrize(("encoding", "error"), [("float32", 0), ("float16", 1e-2), ("int8", 5e-2)])
def test_what_is_saved_is_read_back_as_near_as_its_encoding_allows(
    encoding: Literal["float32", "float16", "int8"], error: float
) -> None:
    keep(text(2))
    vectors = Vectors("x.txt")
    vectors.vectors[3] = torch.tensor([-0.5, 7.25, 1e-3])
    path = vectors.save("saved.safetensors", encoding=encoding)
    again = Vectors(path)
    assert again.itos == vectors.itos
    assert again.stoi == vectors.stoi
    assert torch.allclose(again.vectors, vectors.vectors, rtol=0, atol=error)
    assert open_store(path).encoding == encoding
