"""Files of one's own → rows: found in one order, read out of archives, resumed at a row, known by their bytes."""

from __future__ import annotations

import gzip
import io
import itertools
import logging
import lzma
import os
import pickle
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torchdata.nodes
from torch.utils.data import DataLoader
from torch.utils.data.datapipes.iter import FileLister, IterableWrapper
from torch.utils.data.graph import traverse_dps
from torchdata.stateful_dataloader import StatefulDataLoader

from torchvectors import datapipes, nodes
from torchvectors.archive import each_member
from torchvectors.datapipes import ReadCSV, ReadFolders, ReadJSONL, ReadLines, ReadTSV, Resumable
from torchvectors.errors import ArchiveError, GraphError, MemberError, NotFoundError, ParseError

pytestmark = [
    # Python 3.12 and later say so whenever torch has threads of its own.
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning"),
]

FILES = {
    "b.csv": "label,text\npos,the end\n",
    "a.csv": 'text,label\n"good,\n""fine""",pos\nbad,neg\n',
    "sub/c.csv": "label,text\nneg,a cat\nneg,\npos,the cat\n",
}
ROWS = [
    ("pos", 'good,\n"fine"'),
    ("neg", "bad"),
    ("pos", "the end"),
    ("neg", "a cat"),
    ("neg", ""),
    ("pos", "the cat"),
]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "here [1]"  # brackets are a part of globs, too
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())
    monkeypatch.chdir(folder)
    return folder


def tar_gz(members: dict[str, bytes], format: int = tarfile.GNU_FORMAT, mode: str = "gz") -> bytes:  # noqa: A002
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=f"w:{mode}", format=format) as archive:  # type: ignore[call-overload]
        for name, body in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return buffer.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return buffer.getvalue()


BODIES = {name: text.encode() for name, text in FILES.items()}
IN_ORDER = {"a.csv": BODIES["a.csv"], "b.csv": BODIES["b.csv"], "x/sub/c.csv": BODIES["sub/c.csv"]}
OTHERS = {"README": b"\0", "x/d.txt": b"d"}
PACKED: dict[str, Callable[[], bytes]] = {
    "p.zip": lambda: zipped({**IN_ORDER, **OTHERS}),
    "p.tar.gz": lambda: tar_gz({**OTHERS, **IN_ORDER}),
    "p.tar.xz": lambda: tar_gz({**IN_ORDER, **OTHERS}, mode="xz"),
    "p.tar": lambda: tar_gz({**IN_ORDER, **OTHERS}, mode=""),
}


def test_files_come_as_named_and_those_of_a_glob_in_the_order_of_their_names(here: Path) -> None:
    columns = ("label", "text")
    assert list(ReadCSV("**/*.csv", columns)) == ROWS
    assert list(ReadCSV(["*.csv", "sub/*"], columns)) == ROWS
    assert list(ReadCSV(["b.csv", here / "a.csv"], columns)) == [ROWS[2], *ROWS[:2]]
    assert list(ReadCSV(str(here / "b.csv"))) == [{"label": "pos", "text": "the end"}]
    (here / "odd[1].csv").write_text("label,text\npos,odd\n")
    assert list(ReadCSV("odd[1].csv", "text")) == ["odd"]


@pytest.mark.parametrize(
    ("files", "error", "said"),
    [
        ("no.csv", NotFoundError, r"read_csv: there is no file 'no.csv', looked for as .*here \[1\]"),
        ("no*.csv", NotFoundError, r"read_csv: no file matches 'no\*.csv'"),
        ("https://a.b/c.csv", NotFoundError, "It is a URL: download it first"),
        ("sub", GraphError, r"read_csv: 'sub' is a folder. Name the files in it: 'sub.\*'"),
        (["a.csv", "*.csv"], GraphError, r"a.csv is named twice, by 'a.csv' and by '\*.csv'"),
        ([], GraphError, "no file is named"),
        ([b"a.csv"], GraphError, r"names no files"),
        (7, GraphError, "names no files"),
    ],
)
def test_files_that_are_none_are_refused_when_the_graph_is_built(
    here: Path, files: Any, error: type[Exception], said: str
) -> None:
    for room in (datapipes, nodes):
        with pytest.raises(error, match=said):
            room.ReadCSV(files)


@pytest.mark.parametrize("name", PACKED)
def test_members_are_read_out_of_archives_of_every_kind_and_nothing_is_unpacked(
    here: Path, name: str
) -> None:
    (here / name).write_bytes(PACKED[name]())
    before = sorted(here.rglob("*"))
    pipe = ReadCSV(name, ("label", "text"), members="*.csv")
    assert list(pipe) == list(pipe) == ROWS
    assert list(ReadCSV(name, ("label", "text"), members=["sub/*.csv", "b.csv"])) == ROWS[2:]
    assert sorted(here.rglob("*")) == before
    with pytest.raises(MemberError, match=r"choose from .*a\.csv.* members='\*\.csv', for one\."):
        list(ReadCSV(name))
    with pytest.raises(MemberError, match=r"nothing in this archive that 'no\*' names. It holds: "):
        list(ReadCSV(name, "text", members=["*.csv", "no*"]))
    with pytest.raises(ParseError, match=rf"{name}/x/d.txt:1: there is no column 'text'"):
        list(ReadCSV(name, "text", members="d.txt"))


def test_a_glob_leaves_alone_what_a_mac_adds_to_an_archive(here: Path) -> None:
    mac = {"__MACOSX/t/pos/._1.txt": b"\0\5\x16\7", "t/pos/._1.txt": b"\0\5\x16\7", "t/.git/1.txt": b"x"}
    (here / "t.zip").write_bytes(zipped({**mac, "t/pos/1.txt": b"Good.", "t/.hidden": b"Named."}))
    assert list(ReadFolders("t.zip", members="*/*.txt")) == [("pos", "Good.")]
    assert (
        list(ReadLines("t.zip", members=".h*")) == list(ReadLines("t.zip", members=".hidden")) == ["Named."]
    )


def test_a_file_that_was_packed_alone_is_read_and_has_no_members(here: Path) -> None:
    (here / "c.csv.gz").write_bytes(gzip.compress(BODIES["b.csv"]))
    (here / "d.csv.xz").write_bytes(lzma.compress(BODIES["b.csv"]))
    (here / "e.zip").write_bytes(zipped({"b.csv": BODIES["b.csv"]}))
    assert list(ReadCSV(["c.csv.gz", "d.csv.xz", "e.zip"], "text")) == ["the end"] * 3
    for name in ("c.csv.gz", "a.csv"):
        with pytest.raises(MemberError, match="this is no archive of several files"):
            list(ReadCSV(name, "text", members="*"))
    (here / "c.csv.gz").write_bytes(gzip.compress(BODIES["b.csv"])[:-9])
    with pytest.raises(ArchiveError, match="cut short or damaged"):
        list(ReadCSV("c.csv.gz", "text"))


def old_tar() -> bytes:
    """Return an archive as tar wrote it before it had a magic word: with a check sum alone."""
    info = tarfile.TarInfo("old.txt")
    info.size = 4
    header = bytearray(info.tobuf(tarfile.USTAR_FORMAT))
    header[257:265] = bytes(8)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + b"old\n".ljust(512, b"\0") + bytes(1024)


def test_a_tar_archive_without_a_magic_word_is_one(here: Path) -> None:
    (here / "old.tgz").write_bytes(gzip.compress(old_tar()))
    assert list(ReadLines("old.tgz", members="old.txt")) == list(ReadLines("old.tgz")) == ["old"]


def test_a_packed_tar_is_read_once_for_all_its_members(here: Path) -> None:
    members = {
        f"t/{number % 3}/{number:04}.txt": b"%d" % number + b" " * (number % 1100) for number in range(600)
    }
    (here / "t.tgz").write_bytes(tar_gz(members))
    read = [
        (one.name, one.read(10_000))
        for one in each_member(here / "t.tgz", lambda name: not name.endswith("7.txt"))
    ]
    assert read == [item for item in members.items() if not item[0].endswith("7.txt")]
    rows = list(ReadFolders("t.tgz", members="*.txt", labels=["0", "1", "2"]))
    assert [label for label, _ in rows] == [number % 3 for number in range(600)]
    (here / "t.tgz").write_bytes(tar_gz(members)[:-20])
    with pytest.raises(ArchiveError, match="cut short or damaged"):
        list(ReadFolders("t.tgz", members="*.txt"))


def test_a_folder_stands_for_the_files_in_its_folders(here: Path) -> None:
    for name, text in {
        "r/pos/2.txt": "b\r\nb",
        "r/pos/10.txt": "c",
        "r/neg/1.txt": "\ufeffa\n",
        "r/README": "no",
    }.items():
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_bytes(text.encode())
    expected = [("neg", "a\n"), ("pos", "c"), ("pos", "b\r\nb")]
    assert list(ReadFolders("r")) == list(ReadFolders("r/*/*.txt")) == expected
    (here / "r/pos/3.txt").write_bytes(b"\xff")
    with pytest.raises(ParseError, match=r"3\.txt: byte 0xFF"):
        list(ReadFolders("r"))
    pipe = ReadFolders("r", bad_rows="skip", labels={"pos": True})
    assert list(pipe) == [(True, "c"), (True, "b\r\nb")]
    assert pipe.skipped == 2
    with pytest.raises(ParseError, match=r"what was named: none of 4 rows can be read"):
        list(ReadFolders("r", bad_rows="skip", labels=["other"]))


def test_the_other_forms_read_what_they_say(here: Path) -> None:
    Path("t.tsv").write_text('label\ttext\npos\t5" disk\n')
    Path("j.jsonl").write_text('{"text": "hi", "label": true}\n\n')
    assert list(ReadTSV("t.tsv", ("label", "text"))) == [("pos", '5" disk')]
    assert list(ReadJSONL("j.jsonl", ("label", "text"))) == [(True, "hi")]
    assert list(ReadLines("t.tsv")) == ["label\ttext", 'pos\t5" disk']
    names = IterableWrapper(["b.csv", "sub/*.csv"])
    assert list(names.read_csv("text")) == ["the end", "a cat", "", "the cat"]
    assert list(FileLister(".", "*.tsv").read_tsv("label")) == ["pos"]
    assert list(IterableWrapper(["j.jsonl"]).read_jsonl("text")) == ["hi"]
    assert list(IterableWrapper(["j.jsonl"]).read_lines(skip_blank=True)) == ['{"text": "hi", "label": true}']
    assert next(iter(IterableWrapper(["sub/c.csv"]).read_folders()))[0] == "sub"
    with pytest.raises(GraphError, match="must give paths, and this is 7"):
        list(IterableWrapper([7]).read_lines())


@pytest.mark.parametrize("room", [datapipes, nodes])
def test_files_without_a_row_are_told_of(here: Path, room: Any) -> None:
    Path("none.csv").write_text("label,text\n")
    Path("none.txt").write_bytes(b"")
    for reading in (room.ReadCSV("none.csv"), room.ReadLines(["none.txt"]), room.ReadJSONL("none.txt")):
        with pytest.warns(UserWarning, match=r"read_\w+: not one row is in what was named; .*none\.\w+\."):
            assert list(reading) == []
    assert len(list(room.ReadCSV(["none.csv", "b.csv"]))) == 1


def test_an_archive_of_several_members_names_a_pattern_that_means_some_of_them(here: Path) -> None:
    Path("top.zip").write_bytes(zipped({"a.txt": b"x", "b.txt": b"y", "__MACOSX/._a.txt": b""}))
    Path("in.zip").write_bytes(zipped({"d/pos/a.txt": b"x", "d/neg/b.txt": b"y", "README": b""}))
    with pytest.raises(MemberError, match=r"members='\*\.txt', for one\.") as caught:
        list(ReadLines("top.zip"))
    assert "Unpack" not in str(caught.value)
    assert list(ReadLines("top.zip", members="*.txt")) == ["x", "y"]
    with pytest.raises(MemberError, match=r"None of them lies in a folder"):
        list(IterableWrapper(["top.zip"]).read_folders())
    with pytest.raises(MemberError, match=r"members='\*/\*\.txt', for one\."):
        list(ReadFolders(["in.zip"]))
    assert list(ReadFolders("in.zip", members="*/*.txt")) == [("pos", "x"), ("neg", "y")]


def test_one_file_is_no_folders(here: Path) -> None:
    with pytest.raises(GraphError, match=r"read_folders: 'a\.csv' is one file\. .*ReadCSV, ReadTSV"):
        ReadFolders("a.csv")
    assert len(list(ReadFolders(["a.csv"]))) == len(list(ReadFolders("*/c.csv"))) == 1


def test_a_first_row_that_is_bad_puts_the_settings_in_doubt_and_a_later_one_itself(here: Path) -> None:
    for reading, said in [
        (ReadCSV("b.csv", ("label", "text"), labels=["good"]), r"b\.csv:2: .* look at .*labels="),
        (ReadJSONL("b.csv"), r"b\.csv:1: .*It is the first row, .* ReadCSV and ReadTSV read tables"),
        (ReadFolders("sub/*", labels=["good"]), r"look at labels="),
    ]:
        with pytest.raises(ParseError, match=said):
            list(reading)
    later = ReadCSV(["b.csv", "a.csv"], ("label", "text"), labels=["pos"])
    with pytest.raises(ParseError, match=r"a\.csv:4: .* Mend it, or leave") as caught:
        list(later)
    assert "first row" not in str(caught.value)


@pytest.mark.parametrize("room", [datapipes, nodes])
@pytest.mark.parametrize("name", ["ReadCSV", "ReadTSV", "ReadJSONL", "ReadLines", "ReadFolders"])
def test_an_argument_that_is_none_is_refused_under_the_readers_name(room: Any, name: str) -> None:
    with pytest.raises(TypeError, match=rf"^{name}\.__init__\(\) got an unexpected keyword argument 'sep'"):
        getattr(room, name)("a.csv", sep=";")


def test_a_tilde_is_the_users_home(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(here))
    monkeypatch.setenv("USERPROFILE", str(here))
    monkeypatch.chdir(here / "sub")
    pipe = ReadCSV(["~/b.csv", "~/sub/*.csv"], "text")
    assert list(pipe) == list(pickle.loads(pickle.dumps(pipe))) == ["the end", "a cat", "", "the cat"]
    (here / "sub" / "~").mkdir()
    (here / "sub" / "~" / "b.csv").write_text("text\nhere\n")
    assert list(ReadCSV("~/b.csv", "text")) == ["here"]  # a name that is there is that


def test_what_is_left_out_is_counted_and_told_once(here: Path, caplog: pytest.LogCaptureFixture) -> None:
    Path("b.csv").write_text("label,text\nshort\npos,good\na,b,c\n")
    pipe = ReadCSV("*.csv", "text", bad_rows="skip")
    node: Any = nodes.ReadCSV("*.csv", "text", bad_rows="skip")
    with caplog.at_level(logging.WARNING, "torchvectors"):
        for _ in range(3):
            assert list(pipe) == list(node) == ['good,\n"fine"', "bad", "good"]
            node.reset()
    assert (pipe.skipped, node.skipped) == (2, 2)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2  # the pipe, and the node
    assert said[0].startswith("read_csv: 2 rows could not be read and left out. The first: ")
    assert "b.csv:2: this row has 1 field" in said[0]
    with pytest.raises(ParseError, match=r"a\.csv: none of 2 rows can be read, .*a\.csv:4: .* Look at how"):
        list(ReadCSV("a.csv", ("label", "text"), labels=["good"], bad_rows="skip"))


def graph(room: Any, source: Any, size: int = 2) -> Any:
    fitted = room.BuildVocab(room.Tokenize(source), column="text")
    return room.BatchTokens(room.Numericalize(fitted), size)


@pytest.mark.parametrize("context", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_every_row_comes_once_from_workers(here: Path, context: str) -> None:
    source = ReadCSV("**/*.csv", ("label", "text"), labels=["neg", "pos"])
    fitted = source.tokenize().build_vocab()
    pipe = fitted.shuffle().sharding_filter().numericalize()
    loader = DataLoader(pipe, batch_size=None, num_workers=2, multiprocessing_context=context)
    for _ in range(2):
        rows = [(label, " ".join(fitted.vocab.lookup_tokens(ids))) for label, ids in loader]
        assert sorted(rows) == sorted(
            (int(y == "pos"), " ".join(t)) for y, t in ReadCSV("**/*.csv", ("label", "text")).tokenize()
        )
    assert fitted.passes == 1


FORMS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "plain": lambda: (nodes.ReadCSV, {"files": "**/*.csv", "columns": ("label", "text")}),
    "tar": lambda: (nodes.ReadCSV, {"files": "p.tar.gz", "columns": ("label", "text"), "members": "*.csv"}),
    "no header": lambda: (nodes.ReadCSV, {"files": "**/*.csv", "header": False}),
    "lines": lambda: (nodes.ReadLines, {"files": ["a.csv", "empty", "b.csv"]}),
    "folders": lambda: (nodes.ReadFolders, {"files": ["a.csv", "empty", "b.csv"]}),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_nodes_state_after_any_number_of_rows_gives_the_tail(here: Path, form: str) -> None:
    (here / "p.tar.gz").write_bytes(PACKED["p.tar.gz"]())
    (here / "empty").touch()
    kind, settings = FORMS[form]()
    rows = list(kind(**settings))
    assert len(rows) >= 3
    for start in range(len(rows) + 1):
        node = kind(**settings)
        assert list(itertools.islice(node, start)) == rows[:start]
        state = pickle.loads(pickle.dumps(node.state_dict()))
        copy = pickle.loads(pickle.dumps(node))
        assert list(node) == list(copy) == rows[start:]
        other = kind(**settings)
        other.reset(state)
        assert other.state_dict() == state
        assert list(other) == rows[start:]
        other.reset()
        assert list(other) == rows


@pytest.mark.parametrize(
    "text",
    [
        '1,"never\n2,b\n3,c\n4,"x\n5,e\n6,f\n',  # rows that were read ahead and given back
        '\ufeff1,"never\n2,b\n3,"x\n4,d\n',
        '1,"never\n2,b\n3,c\n4,a row that is too long\n5,"e"\n6,f',
        'a row that is too long\n2,b\n"3\n4",d\n\n5,\0\n6,f',
    ],
)
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("header", [False, ("number", "letter")])
def test_a_state_behind_rows_that_were_left_out_gives_the_tail(
    text: str, packed: bool, header: Any, tmp_path: Path
) -> None:
    path = tmp_path / "some.csv"
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())

    def made() -> Any:
        return nodes.ReadCSV(path, header=header, bad_rows="skip", max_row_bytes=20)

    whole, rows, states = made(), [], []
    for row in whole:
        rows.append(row)
        states.append(whole.state_dict())
    assert len(rows) >= 2
    for start, state in enumerate(states, start=1):
        again = made()
        again.reset(state)
        assert list(again) == rows[start:]


def test_a_state_goes_to_its_row_without_reading_what_comes_before(here: Path) -> None:
    source: Any = nodes.ReadCSV(["a.csv", "sub/c.csv"], "text")
    assert list(itertools.islice(source, 3)) == ['good,\n"fine"', "bad", "a cat"]
    state = source.state_dict()
    Path("a.csv").write_bytes(b"\xff" * len(BODIES["a.csv"]))
    Path("sub/c.csv").write_bytes(BODIES["sub/c.csv"].replace(b"a cat", b'a "\xff "'[:5]))
    again: Any = nodes.ReadCSV(["a.csv", "sub/c.csv"], "text")
    again.reset(state)
    assert list(again) == ["", "the cat"]


def test_a_state_of_other_files_or_none_is_refused(here: Path) -> None:
    source: Any = nodes.ReadLines("*.csv")
    next(source)
    state = source.state_dict()
    with pytest.raises(GraphError, match="read_lines: this state was taken with other files"):
        nodes.ReadLines("a.csv").reset(state)
    for key, value in {"file": -1, "row": "x", "byte": None, "line": True}.items():
        damaged = {**state, "place": {**state["place"], key: value}}
        with pytest.raises(GraphError, match=rf"read_lines: '{key}' in this state is {value!r}"):
            nodes.ReadLines("*.csv").reset(damaged)
    Path("b.csv").write_text("longer than it was before, by far\n")
    with pytest.raises(GraphError, match="other files, of other names, sizes or number"):
        nodes.ReadLines("*.csv").reset(state)
    with pytest.raises(GraphError, match="and a node begins with paths"):
        nodes.ReadLines(nodes.Rows(["a.csv"]))


def test_loaders_go_on_in_the_middle_of_an_epoch(here: Path) -> None:
    def loaders() -> list[Any]:
        columns = {"label": "label", "text": "text"}
        stages: Any = nodes
        node = torchdata.nodes.Loader(graph(stages, stages.ReadCSV("**/*.csv", columns), 1))
        pipe = ReadCSV("**/*.csv", columns).shuffle().tokenize().build_vocab(column="text").numericalize()
        return [node, StatefulDataLoader(Resumable(pipe, seed=3), batch_size=None)]

    for loader, again in zip(loaders(), loaders(), strict=True):
        batches = iter(loader)
        first = [str(next(batches)), str(next(batches))]
        state = loader.state_dict()
        rest = list(map(str, batches))
        assert len(first + rest) == 6
        again.load_state_dict(state)
        assert list(map(str, again)) == rest


def passes_of(source: Any) -> int:
    fitted = datapipes.BuildVocab(datapipes.Tokenize(source))
    assert len(fitted.vocab) > 2
    return fitted.passes


def test_a_vocabulary_is_kept_for_the_bytes_of_the_files_and_for_no_others(here: Path) -> None:
    def count(**settings: Any) -> int:
        return passes_of(ReadCSV("**/*.csv", **{"columns": ("label", "text"), **settings}))

    assert [count(), count()] == [1, 0]
    assert [
        count(bad_rows="skip"),
        count(columns=("text", "label")),
        count(quotechar="'", bad_rows="skip"),
    ] == [1, 1, 1]
    was = Path("b.csv").stat()
    Path("b.csv").write_bytes(BODIES["b.csv"].replace(b"the", b"one"))
    os.utime("b.csv", ns=(was.st_atime_ns, was.st_mtime_ns))
    assert Path("b.csv").stat().st_size == was.st_size
    assert count() == 1
    Path("b.csv").write_bytes(BODIES["b.csv"])
    os.utime("b.csv", (0, 0))
    here.rename(here.parent / "moved")
    os.chdir(here.parent / "moved")
    assert count() == 0
    assert passes_of(Subclass("**/*.csv", ("label", "text"))) == 1
    assert passes_of(Subclass("**/*.csv", ("label", "text"))) == 1


class Subclass(ReadCSV):
    """What it does to the rows nobody knows."""


class ChangesItsFile(ReadLines):
    """A pipe whose file is written to while it is read."""

    __module__ = ReadLines.__module__

    def unwrapped(self) -> Iterator[Any]:
        yield from super().unwrapped()
        Path("b.csv").write_text("more")


def test_what_was_counted_while_a_file_changed_is_kept_for_nothing(here: Path) -> None:
    with pytest.raises(GraphError, match="the corpus has changed while it was counted"):
        passes_of(ChangesItsFile("b.csv"))
    fitted = ReadLines("b.csv").tokenize(column=0).build_vocab(column=0)
    assert fitted.vocab.get_itos() == ["<pad>", "<unk>", "more"]


def test_a_pickle_is_small_and_looks_for_the_same_files_where_it_arrives(here: Path, tmp_path: Path) -> None:
    (here / "many").mkdir()
    for number in range(500):
        (here / "many" / f"{number}.txt").write_text(f"{number}\n")
    pipe = ReadLines("many/*.txt")
    packed = pickle.dumps(pipe)
    assert len(packed) < 1500
    assert len(pickle.dumps(nodes.ReadLines("many/*.txt"))) < 1500
    os.chdir(tmp_path)
    assert list(pickle.loads(packed)) == list(pipe)
    (here / "many" / "x.txt").touch()
    with pytest.raises(GraphError, match="are not those that were there when this graph was built"):
        list(pickle.loads(packed))
    (here / "many" / "0.txt").unlink()
    with pytest.raises(NotFoundError, match=r"0\.txt has gone since it was named"):
        list(pipe)


def test_looking_for_pipes_and_failing_read_no_file(here: Path) -> None:
    pipe = ReadCSV("*.csv", "text")
    asked: list[str] = []

    class Watched(ReadCSV):
        @property
        def fingerprint(self) -> str | None:
            asked.append("fingerprint")
            return None

    watched = Watched("*.csv", ("label", "text"), labels=["none"])
    assert len(traverse_dps(pipe.shuffle())) == 1
    with pytest.raises(ParseError, match="the label 'pos' is none of 'none'"):
        list(watched.shuffle())
    assert asked == []
    with pytest.raises(TypeError, match="valid length"):
        len(pipe)


@pytest.mark.parametrize(
    "settings", [{"encoding": "utf-99"}, {"bad_rows": "no"}, {"max_row_bytes": 0}, {"members": []}]
)
def test_settings_that_are_none_are_refused_by_name(here: Path, settings: dict[str, Any]) -> None:
    for name in ("ReadCSV", "ReadTSV", "ReadJSONL", "ReadLines", "ReadFolders"):
        with pytest.raises(GraphError, match=r"^read_(csv|tsv|jsonl|lines|folders): "):
            getattr(nodes, name)("a.csv", **settings)
