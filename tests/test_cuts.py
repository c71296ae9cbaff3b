"""Less at load: some rows, some tokens, float16, length 1; each cut from the whole, or made of the source at once."""

from __future__ import annotations

import itertools
import os
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from servers import Reply, Server, file

from torchvectors import GloVe, Vectors, align
from torchvectors.errors import NotFoundError, StoreError, TokenTypeError, UnknownTokenError

MODELS = Path(__file__).parent / "data" / "models"
TEXT = "the 3 4 0\ncat 0 0 0\nThe 1 2 2\nthe 0.5 0.25 0.1\ndog 1e-3 -2 6.1035e-05\ncat -7 0.1 0.3\n"
TOKENS = ["the", "cat", "missing"]
CHOICES: list[dict[str, Any]] = [
    {
        name: value
        for name, value in zip(("max_vectors", "tokens", "dtype", "normalized"), values, strict=True)
        if value
    }
    for values in itertools.product((None, 4), (None, TOKENS), (None, torch.float16), (False, True))
]


@pytest.fixture(autouse=True)
def _a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHVECTORS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


def by_hand(
    itos: list[str],
    matrix: torch.Tensor,
    max_vectors: int | None = None,
    tokens: list[str] | None = None,
    dtype: torch.dtype | None = None,
    normalized: bool = False,
) -> tuple[list[str], torch.Tensor]:
    itos, rows = itos[:max_vectors], matrix[:max_vectors].double()
    if tokens is not None:
        kept = [row for row, token in enumerate(itos) if token in tokens]
        itos, rows = [itos[row] for row in kept], rows[kept]
    if normalized:
        lengths = rows.square().sum(1, keepdim=True).sqrt()
        rows = rows / torch.where(lengths > 0, lengths, 1)
    return itos, rows.float().to(dtype or torch.float32)


def holds(vectors: Vectors, expected: tuple[list[str], torch.Tensor]) -> bool:
    itos, matrix = expected
    asked = [*dict.fromkeys(itos), "nowhere"]
    last = {token: row for row, token in enumerate(itos)}
    looked_up = torch.stack(
        [*(matrix[last[t]] for t in asked[:-1]), torch.zeros(matrix.shape[1], dtype=matrix.dtype)]
    )
    return (
        list(vectors.itos) == itos
        and vectors.vectors.dtype == vectors["the"].dtype == vectors["nowhere"].dtype == matrix.dtype
        and torch.equal(vectors.vectors, matrix)
        and torch.equal(vectors.get_vecs_by_tokens(asked), looked_up)
        and dict(vectors.stoi.items()) == last
    )


def path_of(vectors: Vectors) -> Path:
    store = vectors._mapped
    return store.path  # type: ignore[union-attr]  # a store it is


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_every_choice_is_what_one_gets_by_hand_whichever_way_it_comes(choice: dict[str, Any]) -> None:
    Path("direct.txt").write_text(TEXT)
    direct = Vectors("direct.txt", **choice)
    assert len(list(Path("home").glob("*.safetensors"))) == 1  # in one pass, and nothing beside it
    Path("v.txt").write_text(TEXT)
    whole = Vectors("v.txt")
    expected = by_hand(list(whole.itos), whole.vectors, **choice)
    Path("v.txt").unlink()  # it can only come from the store now
    cut = Vectors("v.txt", **choice)
    for vectors in (direct, cut):
        assert holds(vectors, expected)
    assert direct.fingerprint == cut.fingerprint
    assert (path_of(cut) == path_of(whole)) == (not choice)
    assert path_of(Vectors("v.txt", **choice)) == path_of(cut)
    whole.save("own.safetensors")
    assert holds(Vectors("own.safetensors", **choice), expected)


FLOATS = st.floats(-1000, 1000, width=16)


@given(
    rows=st.lists(st.tuples(st.sampled_from("abcdé"), FLOATS, FLOATS), min_size=1, max_size=12),
    tokens=st.sets(st.sampled_from("abcdéx"), min_size=1),
    max_vectors=st.none() | st.integers(1, 14),
    normalized=st.booleans(),
    half=st.booleans(),
)
@settings(max_examples=40)
def test_every_set_of_tokens_is_kept_in_the_files_order(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, float, float]],
    tokens: set[str],
    max_vectors: int | None,
    normalized: bool,
    half: bool,
) -> None:
    folder = tmp_path_factory.mktemp("v")
    options = {
        "max_vectors": max_vectors,
        "dtype": torch.float16 if half else None,
        "normalized": normalized,
        "tokens": list(tokens),
    }
    matrix = torch.tensor([numbers for _, *numbers in rows])
    expected = by_hand([token for token, *_ in rows], matrix, **options)  # type: ignore[arg-type]
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text("".join(f"{t} {x!r} {y!r}\n" for t, x, y in rows))
    Vectors(folder / "b.txt", cache=folder)
    for name in ("a.txt", "b.txt"):
        if not expected[0]:
            with pytest.raises(UnknownTokenError, match="none of the"):
                Vectors(folder / name, cache=folder, **options)  # type: ignore[arg-type]
            continue
        cut = Vectors(folder / name, cache=folder, **options)  # type: ignore[arg-type]
        assert list(cut.itos) == expected[0]
        assert torch.equal(cut.vectors, expected[1])


def test_what_is_there_already_is_not_downloaded_again(server: Server) -> None:
    body = Path("v.zip")
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr("v.txt", TEXT)
    url = server.on("/v.zip", file(body.read_bytes()))
    body.unlink()
    whole = Vectors("v.txt", url=url)
    for path in Path("home").glob("v-*.zip*"):
        path.unlink()
    server.on("/v.zip", Reply(status=404))
    cut = Vectors("v.txt", url=url, tokens=TOKENS, dtype=torch.float16)
    assert list(cut.itos) == ["the", "cat", "the", "cat"]
    assert len(server.log) == 1
    assert path_of(cut).name.startswith(f"{path_of(whole).stem}.tokens-")
    assert path_of(cut).name.endswith(".float16.safetensors")


@pytest.mark.parametrize("choice", CHOICES[1:], ids=str)
def test_a_text_that_is_still_there_is_not_read_a_second_time(choice: dict[str, Any]) -> None:
    Path("v.txt").write_text(TEXT)
    whole, state = Vectors("v.txt"), Path("v.txt").stat()
    expected = by_hand(list(whole.itos), whole.vectors, **choice)
    Path("v.txt").write_text(TEXT.replace("3", "4"))  # which a look at its size and time does not tell
    os.utime("v.txt", ns=(state.st_atime_ns, state.st_mtime_ns))
    assert holds(Vectors("v.txt", **choice), expected)


def test_names_tell_what_was_kept_and_do_not_depend_on_the_order() -> None:
    Path("v.txt").write_text(TEXT)
    stem = path_of(Vectors("v.txt")).stem
    names = {
        path_of(Vectors("v.txt", tokens=tokens, normalized=True, max_vectors=6)).name
        for tokens in (["the", "cat"], ("cat", "the", "the"), {"cat", "the"}, iter(["the", "cat"]))
    }
    (name,) = names
    assert name.startswith(f"{stem}.top6.tokens-")
    assert name.endswith(".unit.safetensors")
    assert path_of(Vectors("v.txt", tokens=["thecat"[:3], "cat", "x"])).name != name
    assert path_of(Vectors("v.txt", max_vectors=6)).name == f"{stem}.top6.safetensors"  # as it always was
    assert path_of(Vectors("v.txt", dtype=torch.float32)).stem == stem


def test_a_text_that_has_changed_is_read_anew() -> None:
    Path("v.txt").write_text(TEXT)
    assert list(Vectors("v.txt", tokens=["dog"]).itos) == ["dog"]
    Path("v.txt").write_text("dog 1 2\ndog 3 4\n")
    assert list(Vectors("v.txt", tokens=["dog"]).itos) == ["dog", "dog"]


def test_float16_is_what_comes_out_and_what_is_mapped() -> None:
    Path("v.txt").write_text(TEXT)
    half, whole = Vectors("v.txt", dtype=torch.float16), Vectors("v.txt")
    assert half.block(0, 6).dtype == np.float32
    assert half["dog"].data_ptr() == half.vectors[4].data_ptr()
    assert half.vectors.numpy().base is not None  # a map, and no copy
    assert torch.equal(half.mean(), Vectors.from_tensor(half.itos, half.vectors.float()).mean())
    found = align(["dog", "x"], half)
    assert found.matrix.dtype == torch.float32
    assert torch.equal(found.matrix[0], whole["dog"].half().float())
    assert half.nearest("dog", 2) == Vectors.from_tensor(list(half.itos), half.vectors.float()).nearest(
        "dog", 2
    )
    half.vectors[4, 0] = 9
    assert half["dog"][0] == 9
    assert Vectors("v.txt", dtype=torch.float16)["dog"][0] != 9
    Path("big.txt").write_text("a 1e5 1\n")
    with pytest.raises(StoreError, match="row 0 holds a number that float16 cannot; float32 can"):
        Vectors("big.txt", dtype=torch.float16)
    assert Vectors("big.txt", dtype=torch.float16, normalized=True)["a"][0] == 1


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_a_cut_pickles_small_and_comes_back_also_after_a_look(
    choice: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("v.txt").write_text(TEXT)
    vectors = Vectors("v.txt", **choice)
    before = vectors.fingerprint
    assert vectors.vectors.shape[1] == 3
    assert vectors.fingerprint == before
    state = pickle.dumps(vectors)
    assert b"missing" not in state  # the tokens asked for may be millions
    again = pickle.loads(state)
    assert again.fingerprint == before
    assert again.vectors.dtype == vectors.vectors.dtype
    # On another machine the cache lies elsewhere, and there the whole is, or the cut.
    Path("home").rename("moved")
    monkeypatch.setenv("TORCHVECTORS_HOME", str(Path("moved").absolute()))
    assert pickle.loads(state).fingerprint == before


def test_a_pickled_cut_whose_store_is_gone_says_what_to_do() -> None:
    Path("v.txt").write_text(TEXT)
    state = pickle.dumps(Vectors("v.txt", tokens=TOKENS))
    for path in Path("home").glob("*.safetensors"):
        path.unlink()
    with pytest.raises(
        NotFoundError, match=r"cut down to some tokens, and this cut is not here\. Make them anew"
    ):
        pickle.loads(state)


def test_the_sample_and_other_families_take_the_same_words() -> None:
    sample = GloVe("sample")
    few = GloVe("sample", tokens=["cat", "the"], dtype=torch.float16)
    assert few.itos == ["the", "cat"]
    assert torch.equal(few.vectors, sample.get_vecs_by_tokens(["the", "cat"]).half())
    unit = GloVe("sample", normalized=True, max_vectors=1000)
    assert len(unit) == 1000
    torch.testing.assert_close(unit.vectors.norm(dim=1), torch.ones(1000))
    first = GloVe("sample", dtype=torch.float16, max_vectors=10)
    assert torch.equal(first.vectors, sample.vectors[:10].half())


def test_a_model_goes_on_composing(tmp_path: Path) -> None:
    model = MODELS / "apt.skipgram.16.bin.gz"
    whole = Vectors(model)
    known, unknown = whole.itos[5], "qwertyuiopish"
    few = Vectors(model, tokens=[known])
    assert few.itos == [known]
    assert torch.equal(few[unknown], whole[unknown])
    unit = Vectors(model, tokens=[known], normalized=True, dtype=torch.float16)
    expected = whole.get_vecs_by_tokens([known, unknown])
    expected /= expected.norm(dim=1, keepdim=True)
    found = unit.get_vecs_by_tokens([known, unknown])
    assert found.dtype == torch.float16
    torch.testing.assert_close(found.float(), expected, rtol=1e-3, atol=1e-3)
    assert torch.equal(unit[unknown], found[1])
    again = Vectors(unit.save(tmp_path / "unit.safetensors"))
    assert torch.equal(again[unknown].half(), found[1])


def test_what_is_no_choice_says_why() -> None:
    Path("v.txt").write_text(TEXT)
    with pytest.raises(
        UnknownTokenError, match=r"none of the 2 tokens that are to be kept is there \('CAT', 'DOG'"
    ):
        Vectors("v.txt", tokens=["CAT", "DOG"])
    assert not list(Path("home").glob("*.safetensors"))
    with pytest.raises(TokenTypeError, match="tokens='cat': give the tokens to keep in a list"):
        Vectors("v.txt", tokens="cat")
    with pytest.raises(TokenTypeError, match="tokens= must hold str, and one of it is int: 7"):
        Vectors("v.txt", tokens=["cat", 7])  # type: ignore[list-item]
    with pytest.raises(TokenTypeError, match="tokens=7"):
        Vectors("v.txt", tokens=7)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no token to keep"):
        Vectors("v.txt", tokens=[])
    for wrong in (torch.int8, torch.float64, "float16"):
        with pytest.raises(TypeError, match=r"give torch\.float16, or torch\.float32 or None"):
            Vectors("v.txt", dtype=wrong)  # type: ignore[arg-type]
