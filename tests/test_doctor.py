"""``torchvectors doctor``: each oddity in a file that has it, what is said of it, and that readers do as is said."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import shutil
import struct
import subprocess
import tarfile
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_legacy import by_old_torch, by_pickle, by_torch, saved

from torchvectors import Vectors
from torchvectors.cli import main
from torchvectors.doctor import ODDITIES, Report, examine, tally
from torchvectors.errors import NotFoundError, ParseError, TorchVectorsError
from torchvectors.store.layout import DATA_START

DATA = Path(__file__).parent / "data"
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def put(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def only(path: Path) -> Report:
    (report,) = examine(path)
    return report


def codes(report: Report) -> dict[str, int]:
    return {finding.oddity.code: finding.count for finding in report.findings}


def one(path: Path, code: str) -> Any:
    (found,) = [finding for finding in only(path).findings if finding.oddity.code == code]
    return found


NBSP, NEL = "\N{NO-BREAK SPACE}".encode(), "\x85".encode()

TEXTS: dict[str, tuple[bytes, dict[str, int]]] = {
    "nothing odd": (b"a 1 2\nb 3 4\n", {}),
    "a header and fastText's space at each end": (b"2 2\na 1 2 \nb 3 4 \n", {}),
    "dim 1": (b"a 1\nb 2\n", {}),
    "carriage returns": (b"a 1 2\r\nb 3 4\r\n", {"crlf": 2}),
    "one carriage return": (b"a 1 2\nb 3 4\r\n", {"crlf": 1}),
    "a byte order mark": (b"\xef\xbb\xbfa 1 2\n", {"bom": 1}),
    "tabs": (b"a\t1\t2\n", {"tabs": 1}),
    "blank lines": (b"a 1 2\n\nb 3 4\n\n", {"blank-lines": 2}),
    "a header with too many": (b"9 2\na 1 2\nb 3 4\n", {"header-count": 1}),
    "a header with another dim": (b"2 3\na 1 2\nb 3 4\n", {"header-dim": 1}),
    "no last newline": (b"a 1 2\nb 3 4", {"no-newline": 1}),
    "no last newline, after a blank line": (b"a 1 2\n\nb 3 4", {"no-newline": 1, "blank-lines": 1}),
    "a cut row": (b"a 1 2\nb 3", {"cut-row": 1}),
    "a cut number": (b"a 1 2\nb 3 -", {"cut-row": 1}),
    "a row too wide": (b"a 1 2\nb c 3 4\nd 5 6\n", {"wrong-width": 1}),
    "a row too narrow": (b"a 1 2\nb 3\nd 5 6\n", {"wrong-width": 1}),
    "no numbers": (b"a 1 2\nb x y\nc 1 z\n", {"no-number": 2}),
    "two spaces": (b"a 1 2\nb  3\n", {"no-number": 1}),
    "broken UTF-8": (b"a 1 2\n\xff\xfe 3 4\n", {"broken-utf8": 1}),
    "duplicates": (b"a 1 2\nb 3 4\na 5 6\na 7 8\n", {"duplicates": 2}),
    "an empty token": (b"a 1 2\n 3 4\n", {"empty-token": 1}),
    "a token of white space": (NBSP + b" 1 2\n" + NEL + b" 3 4\n", {"blank-token": 2, "nbsp": 1, "nel": 1}),
    "a no-break space": (b"a" + NBSP + b"b 1 2\n", {"nbsp": 1}),
    "a line end of Unicode's": (b"a\xe2\x80\xa8b 1 2\n", {"other-space": 1}),
    "a tab in a token": (b"a\tb 1 2\n", {"other-space": 1}),
    "NaN": (b"a 1 nan\nb 1 2\n", {"nan": 1}),
    "infinity": (b"a 1 inf\nb -1e300 2\nc 1 2\n", {"inf": 2}),
    "both": (b"a inf -inf\nb nan 2\n", {"inf": 1, "nan": 1}),
    "zeros": (b"a 0 -0.0\nb 1 2\n", {"zero": 1}),
    "nothing": (b"", {"empty": 1}),
    "blank lines alone": (b"\n\n", {"damaged": 1}),
    "a header alone": (b"5 300\n", {"damaged": 1}),
    "words": (b"word\n", {"no-vectors": 1}),
    "sentences": (b"One of them.\n\nAnother, of more words.\n", {"no-vectors": 1}),
    "a binary file of no format": (b"\x7fELF\0\0\0\0", {"no-vectors": 1}),
    "CSV": (b'label,text\n1,"some text, here"\n2,another\n', {"csv": 1}),
    "CSV whose text has one word more": (b"1,good film\n2,bad 7\n", {"csv": 1}),
    "CSV that is cut in quotes": (b'a,b\n1,x y\n2,"one\ntwo', {"csv": 1}),
    "vectors that commas part": (b"a,1,2\nb,3,4\n", {"no-vectors": 1}),
    "TSV": (b'1\ta "text\n2\tanother\n', {"tsv": 1}),
    "TSV of single words": (b"1\tgood\n2\tbad\n", {"tsv": 1}),
    "JSON lines": (b'{"text": "a b", "label": 1}\n{"text": "c", "label": 2}\n', {"json-lines": 1}),
    "UTF-16": ("a 1 2\n".encode("utf-16"), {"utf-16": 1}),
    "an HTML page": (b"\n<!DOCTYPE html><title>301 Moved</title>", {"posing": 1}),
    "an error of S3's": (b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>', {"posing": 1}),
    "a Git LFS pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", {"lfs-pointer": 1}),
}


@pytest.mark.parametrize("name", TEXTS)
def test_each_oddity_is_found_and_nothing_else(tmp_path: Path, name: str) -> None:
    data, expected = TEXTS[name]
    report = only(put(tmp_path / "f.txt", data))
    assert codes(report) == expected


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.filterwarnings("ignore:.*its first line promises")
def test_what_is_said_to_be_refused_is_refused_and_the_rest_is_read(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHVECTORS_HOME", str(tmp_path / "cache"))
    data, _ = TEXTS[name]
    path = put(tmp_path / "f.txt", data)
    report = only(path)
    if report.refused:
        with pytest.raises(TorchVectorsError):
            Vectors(path)
    else:
        read = Vectors(path)
        left_out = codes(report).get("broken-utf8", 0)
        assert (len(read), read.dim) == (report.tokens - left_out, report.dim)


def test_no_oddity_goes_untested() -> None:
    met = {code for _, expected in TEXTS.values() for code in expected}
    elsewhere = {"changed", "many", "space", "torchtext-vectors", "torchtext-vocab"}
    assert met | elsewhere == ODDITIES.keys()


def test_places_are_lines_of_the_file(tmp_path: Path) -> None:
    rows = b"".join(b"t%d %d 1\n" % (i, i) for i in range(60_000))
    path = put(tmp_path / "f.txt", b"60004 2\n" + rows + b"\nx 1\n" + NBSP + b" 1 2\nt7 1 2\nt9 1 2")
    assert one(path, "blank-lines").places == ("line 60,002",)
    assert one(path, "wrong-width").places == ("line 60,003: 'x', with 1 numbers, not 2",)
    assert one(path, "nbsp").places == (r"line 60,004: '\u00a0'",)
    assert one(path, "duplicates").places == (
        "line 60,005: as in line 9",
        "line 60,006: as in line 11",
    )
    assert one(path, "no-newline").places == ("line 60,006",)
    assert "header-count" not in codes(only(path))


def test_only_the_first_places_are_named_and_all_are_counted(tmp_path: Path) -> None:
    found = one(put(tmp_path / "f.txt", b"a 0 0\n" * 2000), "duplicates")
    assert (found.count, len(found.places)) == (1999, 5)


@settings(deadline=None)
@given(data=st.binary(max_size=300) | st.text("ab 12.\n\r\t\xa0\x85-", max_size=60).map(str.encode))
def test_every_file_is_examined_and_said_of_as_the_reader_does(
    data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from torchvectors.formats import format_of

    path = put(tmp_path_factory.mktemp("any") / "f", data)
    (report, *_) = examine(path)
    found = format_of(data)
    if found.read is None or report.packing or report.format == "torch.save":
        return
    try:
        blocks = list(found.read(io.BytesIO(data), name="f", max_vectors=None))
    except ParseError:
        # Of a text whose tokens are all broken nothing is left, which is told of as such.
        assert report.refused or codes(report).get("broken-utf8") == report.tokens
    else:
        left_out = codes(report).get("broken-utf8", 0)
        assert not report.refused or codes(report).keys() & {"posing", "lfs-pointer", "utf-16"}
        assert report.refused or sum(map(len, blocks)) == report.tokens - left_out


def test_archives_are_looked_into(tmp_path: Path) -> None:
    good, bad = b"a 1 2\n", b"a 1 2\nb 1"
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("in/good.txt", good)
        archive.writestr("empty/", b"")
        archive.writestr("in/bad.txt", bad)
    with tarfile.open(tmp_path / "two.tar.gz", "w:gz") as tar:
        for name, data in (("good.txt", good), ("bad.txt", bad)):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    for name, packing in (("two.zip", "zip"), ("two.tar.gz", "gzip, tar")):
        first, second = examine(tmp_path / name)
        assert (first.member.rpartition("/")[2], codes(first), first.packing) == ("good.txt", {}, packing)
        assert (second.member.rpartition("/")[2], codes(second)) == ("bad.txt", {"cut-row": 1})
    for suffix, pack in ((".gz", gzip.compress), (".xz", lzma.compress)):
        report = only(put(tmp_path / f"f.txt{suffix}", pack(good)))
        assert (report.member, report.tokens, codes(report)) == ("f.txt", 1, {})
        cut = put(tmp_path / f"cut.txt{suffix}", pack(good * 50)[:-9])
        assert codes(only(cut)) == {"damaged": 1}
    assert codes(only(put(tmp_path / "page.zip", b"<html>no</html>"))) == {"posing": 1}
    assert codes(only(put(tmp_path / "none.zip", b"nothing\n"))) == {"damaged": 1}
    with zipfile.ZipFile(tmp_path / "none.zip", "w"):
        pass
    assert codes(only(tmp_path / "none.zip")) == {"empty": 1}


def test_what_is_merely_not_vectors_is_not_to_be_deleted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("texts.csv", "label,text\n1,a text\n")
        archive.writestr("texts.jsonl", '{"label": 1}\n' * 5000)
    assert main(["doctor", str(tmp_path / "two.zip")]) == 2
    said = capsys.readouterr().out
    assert "with torchvectors.datapipes.ReadCSV." in said
    assert "with torchvectors.datapipes.ReadJSONL." in said
    assert not [oddity.code for oddity in ODDITIES.values() if "elete it and" in oddity.fix]


def binary(*rows: tuple[bytes, list[float]], promised: int | None = None) -> bytes:
    body = b"".join(token + b" " + np.array(row, "<f4").tobytes() + b"\n" for token, row in rows)
    return b"%d %d\n" % (promised or len(rows), len(rows[0][1])) + body


def test_word2vecs_binary_form(tmp_path: Path) -> None:
    odd = binary((b"a", [1.7, 2.3]), (b"\xff", [3, 4]), (b"b", [0, 0]), (b"a", [np.nan, 1.1]))
    report = only(put(tmp_path / "f.bin", odd))
    assert (report.format, report.dim, report.tokens) == ("word2vec binary", 2, 3)
    assert codes(report) == {"broken-utf8": 1, "duplicates": 1, "zero": 1, "nan": 1}
    lying = put(tmp_path / "f.bin", binary((b"a", [1.7, 2.3]), promised=7))
    assert "ends within row 2 of the 7 rows" in one(lying, "damaged").detail


def test_a_format_that_needs_a_file_is_unpacked_for_a_while(tmp_path: Path) -> None:
    report = only(DATA / "six.magnitude.gz")
    assert (report.format, report.packing, report.tokens) == ("Magnitude", "gzip", 6)
    assert codes(report) == {"zero": 1}
    plain = gzip.decompress((DATA / "six.magnitude.gz").read_bytes())
    assert codes(only(put(tmp_path / "cut", plain[:5000]))) == {"damaged": 1}


def test_tokens_with_a_space_where_a_format_has_such(tmp_path: Path) -> None:
    sqlite3 = pytest.importorskip("sqlite3")
    database = sqlite3.connect(tmp_path / "f")
    database.execute("CREATE TABLE magnitude (key TEXT, dim_0 INTEGER, magnitude REAL)")
    database.execute("CREATE TABLE magnitude_format (key TEXT, value INTEGER)")
    database.execute("INSERT INTO magnitude VALUES ('two words', 10000000, 1.0)")
    database.commit()
    database.close()
    assert codes(only(tmp_path / "f")) == {"space": 1}


def test_a_store_that_has_changed_is_told_of_and_read(tmp_path: Path) -> None:
    path = put(tmp_path / "f.txt", b"a 1 2\nb 3 4\n")
    store = Vectors(path, cache=tmp_path).save(tmp_path / "f.safetensors")
    data = bytearray(store.read_bytes())
    data[DATA_START + 2] ^= 1
    store.write_bytes(data)
    report = only(store)
    assert (codes(report), report.refused, report.tokens) == ({"changed": 1}, False, 2)
    assert len(Vectors(store, cache=tmp_path)) == 2


def test_a_store_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHVECTORS_HOME", str(tmp_path / "cache"))
    path = Vectors(put(tmp_path / "f.txt", b"a 1 2\nb 0 0\n")).save(tmp_path / "f.safetensors")
    report = only(path)
    assert (report.format, report.tokens, report.dim) == ("torchvectors store", 2, 2)
    assert report.facts["encoding"] == "float32"
    assert codes(report) == {"zero": 1}
    whole = path.read_bytes()
    put(path, whole[:-1] + bytes([whole[-1] ^ 1]))
    assert codes(only(path)) == {"damaged": 1}
    put(path, struct.pack("<Q", 2) + b"{}")
    assert codes(only(path)) == {"damaged": 1}


def test_what_torch_saved(tmp_path: Path) -> None:
    kept = (["a", "b"], {"a": 0, "b": 1}, torch.ones(2, 3), 3)
    for new in (True, False):
        torch.save(kept, tmp_path / "f.txt.pt", _use_new_zipfile_serialization=new)
        report = only(tmp_path / "f.txt.pt")
        assert (report.format, report.tokens, report.dim) == ("torch.save", 2, 3)
        assert codes(report) == {"torchtext-vectors": 1}
    torch.save({"a": 1}, tmp_path / "f.pt")
    assert codes(only(tmp_path / "f.pt")) == {"damaged": 1}


@pytest.mark.parametrize("save", [by_torch, by_old_torch, by_pickle(2), by_pickle(4)])
def test_a_vocabulary_of_torchtexts(tmp_path: Path, save: Any) -> None:
    path = saved(tmp_path / "vocab.pth", ["a", "b"], 0, save)
    found = one(path, "torchtext-vocab")
    assert found.detail == "it has 2 tokens"
    assert "torchvectors migrate" in found.oddity.fix


def test_not_more_tokens_are_compared_than_there_is_memory_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tally, "MOST_HASHES", 1)
    rows = b"".join(b"t%d 1\n" % i for i in range(100_000)) + b"t7 1\n"
    found = only(put(tmp_path / "f.txt", rows))
    assert codes(found) == {"many": 1}
    monkeypatch.undo()
    assert codes(only(tmp_path / "f.txt")) == {"duplicates": 1}


def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(NotFoundError, match="cannot be read"):
            examine(path)


def test_the_command_tells_and_its_exit_code_is_the_worst(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = str(put(tmp_path / "good.txt", b"a 1 2\n"))
    odd = str(put(tmp_path / "odd file.txt", b"a 1 2\r\n"))
    bad = str(put(tmp_path / "bad.txt", b"a 1 2\nb 1"))
    assert main(["doctor", good]) == 0
    assert capsys.readouterr().out == f"{good}: text, 1 tokens of dim 2, no header, 6 bytes\n  nothing odd\n"
    assert main(["doctor", good, odd]) == 1
    assert rf"    fix: sed -i 's/\r$//' '{odd}'" in capsys.readouterr().out
    assert main(["doctor", bad, odd, good]) == 2
    capsys.readouterr()
    assert main(["doctor", str(tmp_path / "nowhere"), good]) == 2
    shown = capsys.readouterr()
    assert "nowhere: this file cannot be read" in shown.err
    assert "nothing odd" in shown.out


@pytest.mark.skipif(
    not all(map(shutil.which, ("sed", "tr", "iconv", "head"))), reason="needs sed, tr, iconv, head"
)
@pytest.mark.parametrize(
    "name", ["a byte order mark", "carriage returns", "tabs", "blank lines", "UTF-16", "a cut row"]
)
def test_the_command_that_is_given_as_the_fix_is_one(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    data, _ = TEXTS[name]
    main(["doctor", str(put(Path("it's odd.txt"), data))])
    (fix,) = [line.partition("fix: ")[2] for line in capsys.readouterr().out.splitlines() if "fix: " in line]
    command = fix.rpartition("To use what there is: ")[2]
    subprocess.run(command, shell=True, check=True)
    mended = Path("NEW") if "NEW" in command else Path("it's odd.txt")
    assert codes(only(mended)) == {}


def test_the_command_speaks_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = put(tmp_path / "f.txt", b"9 2\na 1 2\n")
    assert main(["doctor", "--json", str(path)]) == 1
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["format"], told["header"], told["dim"], told["tokens"]) == ("text", [9, 2], 2, 1)
    assert told["refused"] is False
    (finding,) = told["findings"]
    assert (finding["code"], finding["detail"]) == ("header-count", "it says 9, and there are 1")


def test_no_name_in_an_archive_reaches_the_terminal_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with zipfile.ZipFile(tmp_path / "f.zip", "w") as archive:
        archive.writestr("\x1b[2Jf.txt", "a\x9b 0 0\r\n")
    main(["doctor", str(tmp_path / "f.zip")])
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert "\x9b" not in said
    assert "u001b[2Jf.txt" in said


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    path = put(tmp_path / "f.txt", b"".join(b"t%d" % i + b" 0.25" * 2000 + b"\n" for i in range(4000)))
    assert path.stat().st_size > 40_000_000
    examine(path)  # what is imported on the way counts once
    tracemalloc.start()
    report = only(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (report.tokens, report.dim) == (4000, 2000)
    assert peak < 24_000_000  # of which `keep_heap` asks for 16 MB for a moment, and uses none


def test_the_committed_rows_have_nothing_odd() -> None:
    report = only(DATA / "glove.6B.50d.top500.txt")
    assert (report.format, report.header, report.tokens, report.dim) == ("text", None, 500, 50)
    assert codes(report) == {}


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared/data")
def test_the_real_glove_has_nothing_odd() -> None:
    report = only(SHARED / "glove.6B.50d.zip")
    assert (report.member, report.tokens, report.dim) == ("glove.6B.50d.txt", 400_000, 50)
    assert codes(report) == {}


def test_the_page_lists_every_oddity() -> None:
    page = (Path(__file__).parents[1] / "docs" / "formats.md").read_text(encoding="utf-8")
    table = page[page.index("| code |") :].splitlines()[2:]
    expected = [f"| `{oddity.code}` | {oddity.what} | {oddity.does} |" for oddity in ODDITIES.values()]
    assert table == expected
