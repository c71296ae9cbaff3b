"""torchtext's own files: vectors in ``.pt`` files and saved vocabularies, sound, damaged and hostile."""

from __future__ import annotations

import builtins
import io
import os
import pickle
import struct
import sys
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from torchvectors.errors import CacheError, ParseError, VocabError
from torchvectors.formats import Block, read_text
from torchvectors.legacy import migrate_vocab, read_vectors, read_vocab
from torchvectors.vocabulary import Vocab

SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)

# Vectors


def kept(text: bytes, max_vectors: int | None = None) -> tuple[list[str], dict[str, int], torch.Tensor, int]:
    """Return what torchtext would have kept of rows of text: a row is there for each line, skipped or not."""
    lines = [line.rstrip().split(b" ") for line in text.split(b"\n") if line]
    dim = len(lines[0]) - 1
    vectors = torch.zeros(min(max_vectors or len(lines), len(lines)), dim)
    itos: list[str] = []
    for token, *numbers in lines:
        if len(itos) == len(vectors):
            break
        try:
            itos.append(token.decode())
        except UnicodeDecodeError:
            continue
        vectors[len(itos) - 1] = torch.tensor([float(number) for number in numbers])
    return itos, {token: row for row, token in enumerate(itos)}, vectors, dim


def read(path: Path) -> tuple[list[bytes], np.ndarray[Any, np.dtype[np.float32]]]:
    """Return all tokens and rows of a file."""
    return joined(read_vectors(path))


def joined(blocks: Iterator[Block]) -> tuple[list[bytes], np.ndarray[Any, np.dtype[np.float32]]]:
    parts = list(blocks)
    assert all(part.rows.dtype == np.float32 for part in parts)
    return [token for part in parts for token in part.tokens()], np.concatenate([part.rows for part in parts])


ROWS = b"the 0.1 -0.0 3\ncat nan inf -inf\n\xff\xfe 7 8 9\nthe 1e-45 5 6\n"


@pytest.mark.parametrize("as_zip", [True, False], ids=["as today", "as torch before 1.6"])
def test_what_torchtext_kept_is_read_bit_for_bit(tmp_path: Path, as_zip: bool) -> None:
    itos, stoi, vectors, dim = kept(ROWS)
    assert len(vectors) == 4  # with a phantom row at the end
    path = tmp_path / "x.txt.pt"
    torch.save((itos, stoi, vectors, dim), path, _use_new_zipfile_serialization=as_zip)
    tokens, rows = read(path)
    assert tokens == [b"the", b"cat", b"the"]
    assert rows.tobytes() == vectors[:3].numpy().tobytes()


TOKENS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=" \r\n\0"), min_size=1).filter(
    lambda token: token.encode().rstrip() == token.encode()  # torchtext's rstrip() is one of bytes
)
TABLES = st.lists(
    st.tuples(
        TOKENS.map(str.encode) | st.just(b"\xff"), st.lists(st.floats(width=32), min_size=3, max_size=3)
    ),
    min_size=1,
).filter(lambda rows: any(token != b"\xff" for token, _ in rows))


@SHARED
@given(rows=TABLES)
def test_every_kept_file_gives_what_its_text_gives(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[bytes, list[float]]]
) -> None:
    text = b"".join(
        b" ".join([token, *(repr(x).encode() for x in numbers)]) + b"\n" for token, numbers in rows
    )
    path = tmp_path_factory.mktemp("kept") / "x.txt.pt"
    torch.save(kept(text), path)
    tokens, found = read(path)
    from_text, expected = joined(read_text(io.BytesIO(text), name="x.txt"))
    assert tokens == from_text
    assert found.tobytes() == expected.tobytes()


def test_many_rows_come_in_blocks(tmp_path: Path) -> None:
    itos = [f"w{i}" for i in range(40_000)]
    matrix = torch.arange(80_000.0).view(-1, 2)
    torch.save((itos, {token: row for row, token in enumerate(itos)}, matrix, 2), tmp_path / "x.pt")
    blocks = list(read_vectors(tmp_path / "x.pt"))
    assert len(blocks) > 1
    tokens, rows = joined(iter(blocks))
    assert tokens == [token.encode() for token in itos]
    assert np.array_equal(rows, matrix.numpy())


GOOD: tuple[Any, ...] = (["a", "b"], {"a": 0, "b": 1}, torch.tensor([[1.0, 2.0], [3.0, 4.0]]), 2)


def but(**changes: Any) -> tuple[Any, ...]:
    names = ("itos", "stoi", "vectors", "dim")
    return tuple(changes.get(name, value) for name, value in zip(names, GOOD, strict=True))


OTHER: dict[str, object] = {
    "a dict": {"itos": GOOD[0]},
    "a tensor": GOOD[2],
    "nothing": None,
    "three": GOOD[:3],
    "five": (*GOOD, 1),
    "no tokens": but(itos=[], stoi={}, vectors=torch.zeros(0, 2)),
    "tokens that are no text": but(itos=[b"a", "b"]),
    "tokens in a dict": but(itos={"a": 0, "b": 1}),
    "half an emoji": but(itos=["a", "\ud83d"], stoi={"a": 0, "\ud83d": 1}),
    "other rows": but(stoi={"a": 1, "b": 0}),
    "the first of two rows": but(itos=["a", "a"], stoi={"a": 0}),
    "rows that are no numbers": but(stoi={"a": 0, "b": torch.ones(2)}),
    "a token more in the list": but(stoi={"a": 0}),
    "a token more in the dict": but(stoi={"a": 0, "b": 1, "c": 2}),
    "another dim": but(dim=3),
    "a dim that is no number": but(dim="2"),
    "dim 0": but(vectors=torch.zeros(2, 0), dim=0),
    "one row": but(vectors=torch.tensor([1.0, 2.0])),
    "fewer rows": but(vectors=torch.tensor([[1.0, 2.0]])),
    "more rows than tokens": but(vectors=torch.ones(3, 2)),
    "whole numbers": but(vectors=torch.ones(2, 2, dtype=torch.int64)),
    "complex numbers": but(vectors=torch.ones(2, 2, dtype=torch.complex64)),
    "a sparse tensor": but(vectors=torch.eye(2).to_sparse()),
    "a tensor without numbers": but(vectors=torch.ones(2, 2, device="meta")),
    "two numbers for a thousand million rows": but(vectors=torch.zeros(1, 2).expand(10**9, 2)),
    "a parameter": but(vectors=nn.Parameter(torch.ones(2, 2))),
    "our own vocabulary": Vocab(["a", "b"]),
}


@pytest.mark.parametrize("what", OTHER)
def test_what_torchtext_never_kept_is_refused(tmp_path: Path, what: str) -> None:
    path = tmp_path / "x.txt.pt"
    torch.save(OTHER[what], path)
    with pytest.raises(
        ParseError, match=r"x\.txt\.pt: this is not what torchtext kept of a set of vectors: "
    ):
        next(read_vectors(path))


@pytest.mark.parametrize("body", [b"", b"\0" * 100, b"PK\x03\x04", b"the 1 2\n", b"<!doctype html><html>"])
def test_what_torch_did_not_write_is_refused(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "x.txt.pt"
    path.write_bytes(body)
    with pytest.raises(ParseError, match=r"x\.txt\.pt: .* torch cannot read it"):
        next(read_vectors(path))


def test_a_missing_file_is_no_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        next(read_vectors(tmp_path / "x.pt"))


@SHARED
@given(data=st.data(), as_zip=st.booleans())
def test_every_cut_file_is_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, as_zip: bool
) -> None:
    path = tmp_path_factory.mktemp("cut") / "x.pt"
    torch.save(GOOD, path, _use_new_zipfile_serialization=as_zip)
    whole = path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(ParseError):
        list(read_vectors(path))


@settings(SHARED, max_examples=200)
@given(data=st.data(), as_zip=st.booleans())
def test_every_changed_byte_is_refused_or_gives_rows(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, as_zip: bool
) -> None:
    path = tmp_path_factory.mktemp("changed") / "x.pt"
    torch.save(GOOD, path, _use_new_zipfile_serialization=as_zip)
    whole = bytearray(path.read_bytes())
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(whole)
    try:
        tokens, rows = read(path)
    except ParseError as error:
        assert str(path) in str(error)  # noqa: PT017 - either is right
    else:
        assert rows.shape == (len(tokens), 2)


class Trap:
    """When a pickle of it is run, it calls a function: what an attacker puts into a file."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


def traps(mark: Path) -> dict[str, Trap]:
    """Return what would leave a mark if it were run."""
    command = f"touch {mark}"
    return {
        "os.system": Trap(os.system, command),
        "eval": Trap(builtins.eval, f"open({str(mark)!r}, 'w')"),
        "exec": Trap(builtins.exec, f"open({str(mark)!r}, 'w')"),
        "getattr": Trap(getattr, Trap(builtins.__import__, "os"), "system"),
        "torch.save": Trap(torch.save, [], str(mark)),
        "Path.touch": Trap(Path.touch, mark),
        "nothing": Trap(print, "run"),
    }


@pytest.mark.parametrize("which", traps(Path()))
@pytest.mark.parametrize("as_zip", [True, False])
def test_no_pickle_in_a_pt_file_is_run(tmp_path: Path, which: str, as_zip: bool) -> None:
    path, mark = tmp_path / "x.txt.pt", tmp_path / "mark"
    torch.save(but(itos=["a", traps(mark)[which]]), path, _use_new_zipfile_serialization=as_zip)
    with pytest.raises(ParseError):
        next(read_vectors(path))
    assert not mark.exists()


# Vocabularies


def torchtexts() -> tuple[type[Any], type[Any]]:
    """Return classes that pickle exactly as torchtext's: the C++ one, and the module around it."""

    class Core:
        def __init__(self, itos: list[str], default_index: int | None) -> None:
            self.state: tuple[object, ...] = (
                "0.0.2",
                [] if default_index is None else [default_index],
                itos,
                [],
            )

        def __getstate__(self) -> tuple[object, ...]:
            return self.state

        def __setstate__(self, state: tuple[object, ...]) -> None:
            raise AssertionError("this pickle was run")

    class Outer(nn.Module):
        def __init__(self, vocab: object) -> None:
            super().__init__()
            self.vocab = vocab

    return Core, Outer


@contextmanager
def torchtext(module: str = "torchtext.vocab.vocab") -> Iterator[tuple[type[Any], type[Any]]]:
    """Let there be a torchtext while the block runs, as far as pickling needs one."""
    core, outer = torchtexts()
    places = {"torchtext._torchtext": core, module: outer}
    try:
        for name, kind in places.items():
            kind.__module__, kind.__qualname__, kind.__name__ = name, "Vocab", "Vocab"
            sys.modules[name] = ModuleType(name)
            sys.modules[name].Vocab = kind  # type: ignore[attr-defined]  # this is how a module gets a class
        for parent in ("torchtext", "torchtext.vocab"):
            sys.modules.setdefault(parent, ModuleType(parent))
        yield core, outer
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchtext"]:
            del sys.modules[name]


def by_torch(thing: object, path: Path) -> None:
    torch.save(thing, path)


def by_old_torch(thing: object, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it cannot store the source of a class made here
        torch.save(thing, path, _use_new_zipfile_serialization=False)


def by_pickle(protocol: int) -> Callable[[object, Path], None]:
    def save(thing: object, path: Path) -> None:
        path.write_bytes(pickle.dumps(thing, protocol))

    return save


# pybind11's classes cannot be pickled with protocols 0 and 1: they end the process.
WAYS: dict[str, Callable[[object, Path], None]] = {
    "torch.save": by_torch,
    "torch.save, before 1.6": by_old_torch,
    **{f"pickle.dump, protocol {n}": by_pickle(n) for n in range(2, pickle.HIGHEST_PROTOCOL + 1)},
}


def saved(
    path: Path, itos: list[str], default_index: int | None, save: Callable[[object, Path], None] = by_torch
) -> Path:
    with torchtext() as (core, outer):
        save(outer(core(itos, default_index)), path)
    return path


# Of a class that was registered with pybind11 3 as torchtext registers its own, with its state.
BY_PYBIND11 = {
    2: b"\x80\x02ctorchtext._torchtext\nVocab\nq\x00)\x81q\x01(X\x05\x00\x00\x000.0.2q\x02]q\x03K\x00a]q\x04(X\x05"
    b"\x00\x00\x00<unk>q\x05X\x01\x00\x00\x00aq\x06X\x02\x00\x00\x00\xc3\xa9q\x07e]q\x08tq\tb.",
    4: b"\x80\x04\x95M\x00\x00\x00\x00\x00\x00\x00\x8c\x14torchtext._torchtext\x94\x8c\x05Vocab\x94\x93\x94)\x81\x94("
    b"\x8c\x050.0.2\x94]\x94K\x00a]\x94(\x8c\x05<unk>\x94\x8c\x01a\x94\x8c\x02\xc3\xa9\x94e]\x94t\x94b.",
}


@pytest.mark.parametrize("protocol", BY_PYBIND11)
def test_these_fixtures_are_what_pybind11_writes(tmp_path: Path, protocol: int) -> None:
    with torchtext() as (core, _):
        written = pickle.dumps(core(["<unk>", "a", "é"], 0), protocol)
    assert written == BY_PYBIND11[protocol]
    (tmp_path / "core.pkl").write_bytes(written)
    assert read_vocab(tmp_path / "core.pkl").get_itos() == ["<unk>", "a", "é"]


@pytest.mark.parametrize("default_index", [None, 0, -1, 99])
@pytest.mark.parametrize("way", WAYS)
def test_a_vocabulary_is_read_however_it_was_saved(
    tmp_path: Path, way: str, default_index: int | None
) -> None:
    itos = ["<unk>", "", "é", "a\0b", "\u2028", "🦆", "x" * 300]
    path = saved(tmp_path / "v.pth", itos, default_index, WAYS[way])
    assert "torchtext" not in sys.modules
    vocab = read_vocab(path)
    assert type(vocab) is Vocab
    assert vocab.get_itos() == itos
    assert vocab.get_default_index() == default_index


@SHARED
@given(
    itos=st.lists(st.text(st.characters(exclude_categories=["Cs"])), unique=True),
    default_index=st.none() | st.integers(-(2**63), 2**63 - 1),
    way=st.sampled_from(list(WAYS)),
)
def test_every_vocabulary_comes_back(
    tmp_path_factory: pytest.TempPathFactory, itos: list[str], default_index: int | None, way: str
) -> None:
    path = saved(tmp_path_factory.mktemp("v") / "v.pth", itos, default_index, WAYS[way])
    vocab = read_vocab(path)
    assert vocab.get_itos() == itos
    assert vocab.get_default_index() == default_index


def test_the_memo_may_have_gaps(tmp_path: Path) -> None:
    version, again = b"X\5\0\0\x000.0.2q\xc8", b"h\xc8"
    (tmp_path / "v.pkl").write_bytes(
        b"\x80\2ctorchtext._torchtext\nVocab\n)\x81(" + version + b"]](" + again + b"e]tb."
    )
    assert read_vocab(tmp_path / "v.pkl").get_itos() == ["0.0.2"]


def test_the_class_of_torchtext_0_10_is_known(tmp_path: Path) -> None:
    with torchtext("torchtext.vocab") as (core, outer):
        torch.save(outer(core(["a"], None)), tmp_path / "v.pth")
    assert read_vocab(tmp_path / "v.pth").get_itos() == ["a"]


def state_of(*state: object) -> bytes:
    """Return the pickle of a C++ object with this state."""
    with torchtext() as (core, _):
        made = core([], None)
        made.state = state
        return pickle.dumps(made, 2)


WRONG: dict[str, tuple[bytes, str]] = {
    "no state": (b"\x80\x02ctorchtext._torchtext\nVocab\n)\x81.", "another form"),
    "a version before": (state_of("0.0.1", [], ["a", "<unk>"], []), r"version is '0\.0\.1'"),
    "a version to come": (state_of("0.0.3", [], ["a"], []), r"version is '0\.0\.3'"),
    "two defaults": (state_of("0.0.2", [0, 1], ["a"], []), "default index"),
    "a default that is no number": (state_of("0.0.2", ["0"], ["a"], []), "default index"),
    "tensors": (state_of("0.0.2", [], ["a"], [1]), "another form"),
    "a token that is no text": (state_of("0.0.2", [], ["a", 1], []), "not all text"),
    "a token twice": (state_of("0.0.2", [], ["a", "a"], []), "Duplicate token"),
    "five parts": (state_of("0.0.2", [], ["a"], [], []), "another form"),
    "a dict": (pickle.dumps({"vocab": 1}), "it holds a dict"),
    "a list": (pickle.dumps(["a"]), "it holds a list"),
    "another class": (pickle.dumps(OrderedDict()), r"it holds what collections\.OrderedDict makes"),
    "a class": (pickle.dumps(OrderedDict, 2), r"it holds the name collections\.OrderedDict and no object"),
    "the text that a pickle was made of": (b"the 0.1 0.2\n", "no pickle"),
    "nothing": (b"", "no pickle"),
    "its end": (b".", "no pickle"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_vocabulary_is_refused(tmp_path: Path, what: str) -> None:
    body, reason = WRONG[what]
    path = tmp_path / "v.pth"
    path.write_bytes(body)
    with pytest.raises(ParseError, match=rf"v\.pth: this is no vocabulary that torchtext .* {reason}"):
        read_vocab(path)


def test_a_checkpoint_with_a_vocabulary_in_it_is_told_from_a_vocabulary(tmp_path: Path) -> None:
    path = tmp_path / "c.pth"
    with torchtext() as (core, outer):
        model = nn.Linear(2, 3)
        torch.save({"vocab": outer(core(["a"], 0)), "model": model.state_dict(), "epoch": 3}, path)
    with pytest.raises(ParseError, match=r"it holds a dict\. Save the Vocab alone"):
        read_vocab(path)
    torch.save(model, path)
    with pytest.raises(ParseError, match=r"it holds what torch\.nn\.modules\.linear\.Linear makes"):
        read_vocab(path)


def test_an_archive_of_another_kind_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "v.pth", "w") as archive:
        archive.writestr("glove.txt", "the 1 2")
    with pytest.raises(ParseError, match=r"no 'data\.pkl' in this archive"):
        read_vocab(tmp_path / "v.pth")


def test_a_missing_vocabulary_is_no_damaged_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_vocab(tmp_path / "v.pth")


found: list[object] = []
sys.addaudithook(lambda event, arguments: found.append(arguments) if event == "pickle.find_class" else None)


def hostile(place: str, trap: Trap, save: Callable[[object, Path], None], path: Path) -> None:
    """Write a file with a trap in one place of it."""
    with torchtext() as (core, outer):
        inner = core(["a"], 0)
        whole: Any = outer(inner)
        if place == "the file":
            whole = trap
        elif place == "the C++ object":
            whole.vocab = trap
        elif place == "a token":
            inner.state = ("0.0.2", [], ["a", trap], [])
        elif place == "a token, where the state is":
            inner.state = trap
        else:
            whole.hook = trap  # a module may hold anything
        save(whole, path)


@pytest.mark.parametrize("place", ["the file", "the C++ object", "a token", "a token, where the state is"])
@pytest.mark.parametrize("which", traps(Path()))
@pytest.mark.parametrize("way", WAYS)
def test_no_pickle_of_a_vocabulary_is_run(tmp_path: Path, place: str, which: str, way: str) -> None:
    path, mark = tmp_path / "v.pth", tmp_path / "mark"
    hostile(place, traps(mark)[which], WAYS[way], path)
    found.clear()
    with pytest.raises(ParseError):
        read_vocab(path)
    assert not mark.exists()
    assert not found  # nothing was so much as looked for


@pytest.mark.parametrize("which", traps(Path()))
def test_what_else_a_module_holds_is_not_run(
    tmp_path: Path, which: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path, mark = tmp_path / "v.pth", tmp_path / "mark"
    hostile("elsewhere", traps(mark)[which], by_torch, path)
    found.clear()
    assert read_vocab(path).get_itos() == ["a"]
    assert not mark.exists()
    assert not found
    assert capsys.readouterr().out == ""


def nested(opening: bytes, closing: bytes, n: int = 300_000) -> bytes:
    return b"\x80\x02" + opening * n + closing * n + b"."


CORE = b"ctorchtext._torchtext\nVocab\n"
BOMBS = {
    "a memo of four thousand million places": b"\x80\x02]r\xff\xff\xff\xff.",
    "a memo of more places than there can be": b"\x80\x02]p" + b"9" * 30 + b"\n.",
    "a text of a million million bytes": b"\x80\x04\x8d" + struct.pack("<Q", 10**12) + b"abc.",
    "a frame of a million million bytes": b"\x80\x04\x95" + struct.pack("<Q", 10**12) + b"N.",
    "a number of two thousand million bytes": b"\x80\x02\x8b" + struct.pack("<i", 2**31 - 1) + b"1.",
    "a number of many digits": b"L" + b"9" * 300_000 + b"L\n.",
    "a list in a list in a list": nested(b"](", b"e"),
    "a tuple in a tuple in a tuple": b"\x80\x02)" + b"\x85" * 300_000 + b".",
    "a key that is nested so deep that its hash ends the process": b"\x80\x02})" + b"\x85" * 300_000 + b"Ns.",
    "a set of the same": b"\x80\x04\x8f()" + b"\x85" * 300_000 + b"\x90.",
    "a dict in a dict in a dict": nested(b"}X\x01\0\0\0a", b"s"),
    "objects that are the states of objects": b"\x80\x02"
    + (CORE + b")\x81") * 100_000
    + b"b" * 99_999
    + b".",
    "a list in itself": b"\x80\x02]q\0h\0a.",
    "a state in itself": b"\x80\x02" + CORE + b")\x81q\0h\0b.",
    "lists of lists of the same lists": b"\x80\x02]q\0" + b"](h\0h\0h\0h\0eq\0" * 100 + b".",
    "marks and nothing else": b"(" * 300_000 + b".",
    "more taken than given": b"\x80\x02(ttt0.",
    "an opcode that makes instances": b"(ios\nsystem\n.",
    "a name without its module": b"\x80\x04]]\x93.",
    "a dict with a key and no value": b"\x80\x02}(X\x01\0\0\0au.",
    "a state for what is no object": b"\x80\x02]Nb.",
    "an item for what is no list": b"\x80\x02NNa.",
    "a value for what is no dict": b"\x80\x02NX\x01\0\0\0aNs.",
    "a name that takes pages": b"\x80\x02c" + b"m" * 300_000 + b"\nf\n)R.",
}


@pytest.mark.parametrize("what", BOMBS)
def test_a_pickle_that_is_made_to_break_its_reader_is_refused(tmp_path: Path, what: str) -> None:
    path = tmp_path / "v.pth"
    path.write_bytes(BOMBS[what])
    with pytest.raises(ParseError) as refused:
        read_vocab(path)
    assert len(str(refused.value)) < 1_000


@SHARED
@given(data=st.data(), way=st.sampled_from(list(WAYS)))
def test_every_cut_vocabulary_is_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, way: str
) -> None:
    path = saved(tmp_path_factory.mktemp("cut") / "v.pth", ["<unk>", "a", "b"], 0, WAYS[way])
    whole = path.read_bytes()
    if way == "torch.save, before 1.6":  # the list of tensors that follows is not read
        whole = whole[: whole.rindex(b"b.") + 2]
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(ParseError):
        read_vocab(path)


@settings(SHARED, max_examples=300)
@given(data=st.data(), way=st.sampled_from(list(WAYS)))
def test_every_changed_byte_gives_an_error_or_a_vocabulary(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, way: str
) -> None:
    path = saved(tmp_path_factory.mktemp("changed") / "v.pth", ["<unk>", "a", "b"], 0, WAYS[way])
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(whole)
    found.clear()
    try:
        vocab = read_vocab(path)
    except ParseError as error:
        assert str(path) in str(error)  # noqa: PT017 - either is right
    else:
        assert all(isinstance(token, str) for token in vocab.get_itos())
    assert not found


# Migration


def test_a_migrated_vocabulary_loads_safely_and_is_equal(tmp_path: Path) -> None:
    old = saved(tmp_path / "v.pth", ["<unk>", "a", "é"], 0)
    new = migrate_vocab(old, tmp_path / "sub" / "new.pth")
    assert new == tmp_path / "sub" / "new.pth"
    vocab = Vocab.from_state(torch.load(new, weights_only=True))
    assert vocab(["a", "x", "é"]) == [1, 0, 2]
    assert [path.name for path in new.parent.iterdir()] == ["new.pth"]


def test_a_vocabulary_may_be_migrated_in_its_place_and_not_twice(tmp_path: Path) -> None:
    path = saved(tmp_path / "v.pth", ["<unk>", "a"], None)
    assert migrate_vocab(str(path), path) == path
    written = path.read_bytes()
    with pytest.raises(
        ParseError, match=r"one of this package already, .*Vocab\.from_state\(torch\.load\(path"
    ):
        migrate_vocab(path, path)
    assert path.read_bytes() == written


def test_what_cannot_be_migrated_leaves_the_target_as_it_was(tmp_path: Path) -> None:
    old, target = tmp_path / "v.pth", tmp_path / "new.pth"
    old.write_bytes(b"x")
    target.write_bytes(b"kept")
    with pytest.raises(ParseError):
        migrate_vocab(old, target)
    assert target.read_bytes() == b"kept"
    saved(old, ["a"], 0)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CacheError):
        migrate_vocab(old, tmp_path / "file" / "new.pth")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "new.pth", "v.pth"]


def test_the_errors_are_those_that_programs_catch() -> None:
    assert issubclass(ParseError, ValueError)
    assert issubclass(VocabError, RuntimeError)
