"""What the benchmarks promise of themselves: a wrong answer is no result, and the document says what was measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import table
from command import main
from materials import Materials
from measuring import Work, WorkError, memory_of, run
from records import Bound, Record, Result, measure

needs_linux = pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="only Linux tells it")
DOCS = Path(__file__).resolve().parents[1] / "docs"


def work(answer: object, name: str = "some", **parts: str) -> Work:
    """Return work that takes no time and no torch, with a known answer."""
    return Work(name=name, given="", work=parts.pop("work", "pass"), answer=repr(answer), **parts)


def record(ours: Work, theirs: Work, seconds: float | None = None, private: float | None = None) -> Record:
    beside = Bound(work=theirs, times=2)
    return Record(key="one", what="one", ours=ours, alternative=beside, seconds=seconds, private=private)


def command(
    tmp_path: Path, *records: Record, pairs: int = 1, more: Sequence[str] = ()
) -> tuple[int, list[dict[str, object]]]:
    def group(_made: Materials) -> Iterator[Record]:
        yield from records

    path = tmp_path / "found.json"
    arguments = ["--pairs", str(pairs), "--json", str(path), "--folder", str(tmp_path / "made"), *more]
    code = main(arguments, {"one": group})
    return code, json.loads(path.read_text())["rows"]


def test_a_wrong_answer_fails_the_row_and_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    right = record(work([1, 2]), work([1, 2]))
    wrong = Record(key="one", what="another", ours=work([1, 2]), alternative=Bound(work=work([1, 3])))
    code, rows = command(tmp_path, right, wrong)
    assert code == 1
    assert rows[1]["state"] == "wrong answer"
    assert rows[1]["ours"] is None  # no number of it counts
    assert "[1, 3]" in str(rows[1]["note"])
    assert "**wrong answer**" in capsys.readouterr().out


def test_a_floor_that_answers_otherwise_fails_too() -> None:
    one = Record(key="one", what="one", ours=work(1), floors=[Bound(work=work(2))])
    assert measure(one, 1).state == "wrong answer"
    one = Record(key="one", what="one", ours=work(1), floors=[Bound(work=work(2), same=False)])
    assert measure(one, 1).state == "no target"


def test_an_answer_that_changes_from_run_to_run_is_none() -> None:
    mine = Work(name="some", given="import os", work="pass", answer="os.getpid()")
    assert measure(Record(key="one", what="one", ours=mine), 2).state == "wrong answer"


def test_numbers_agree_by_their_bits() -> None:
    given = "import numpy as np"
    one = Work(name="one", given=given, work="n = np.float32([0.1, 0.2])", answer="digest(n, ['a'])")
    other = Work(
        name="other", given=given, work="n = np.float32([0.1, 0.20000002])", answer="digest(n, ['a'])"
    )
    assert measure(record(one, one), 1).is_sound
    assert measure(record(one, other), 1).state == "wrong answer"


def test_a_side_that_breaks_fails_the_command(tmp_path: Path) -> None:
    code, rows = command(tmp_path, record(work(1), work(1, work="raise ValueError('no luck')")))
    assert code == 1
    assert rows[0]["state"] == "failed"
    assert "no luck" in str(rows[0]["note"])


def test_a_missed_target_is_said_and_is_no_failure(tmp_path: Path) -> None:
    slow, quick = work(1, figures="{'seconds': 3.0}"), work(1, figures="{'seconds': 1.0}")
    code, rows = command(tmp_path, record(slow, quick))
    assert code == 0
    assert rows[0]["state"] == "missed"
    result = measure(record(quick, slow), 1)
    assert result.state == "met"
    assert result.alternative is not None
    assert result.alternative.ratio == 3.0
    near = Record(key="one", what="one", ours=slow, floors=[Bound(work=quick, times=2.9)])
    assert measure(near, 1).state == "missed"
    assert measure(record(quick, slow, seconds=0.9), 1).state == "missed"
    assert measure(record(quick, slow, private=-1000), 1).state == "missed"


def test_small_sizes_are_not_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    slow, quick = work(1, figures="{'seconds': 3.0}"), work(1, figures="{'seconds': 1.0}")
    missed = record(slow, quick, seconds=0.9, private=-1000)
    _, (row,) = command(tmp_path, missed, more=["--small"])
    assert row["state"] == "no target"
    shown = capsys.readouterr()
    assert "--small: no verdict" in shown.out
    assert "missed" not in shown.out + shown.err


def test_an_alternative_that_is_missing_is_no_success(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "python"
    empty.write_text("#!/bin/sh\nexit 1\n")  # a Python that has nothing
    empty.chmod(0o755)
    monkeypatch.setenv("TORCHVECTORS_BENCHMARK_GENSIM", str(empty))
    missing = Work(name="gensim", given="", work="pass", needs="gensim")
    code, rows = command(tmp_path, record(work(1), missing))
    assert code == 0
    assert rows[0]["state"] == "not at hand"
    assert "pip install gensim" in capsys.readouterr().out


@needs_linux
def test_memory_counts_from_what_is_ready_to_what_has_gone_again(tmp_path: Path) -> None:
    grown = run(work(1, ready="kept = b'1' * (20 << 20)", work="more = b'1' * (20 << 20)"))
    assert 38 < grown.peak.private < 50
    path = tmp_path / "pages"
    path.write_bytes(bytes(8 << 20))
    mapped = run(
        work(
            1,
            ready=f"import mmap; file = open({str(path)!r}, 'rb')\n"
            "pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)",
            work="sum(pages[::4096])",
        )
    )
    assert mapped.peak.mapped > 7
    assert mapped.peak.private < 4


@needs_linux
def test_the_memory_of_children_counts() -> None:
    program = "kept = b'1' * (30 << 20); print('ready', flush=True); input()"
    before = memory_of(os.getpid()).private
    child = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        grown = memory_of(os.getpid()).private - before
        child.communicate(b"\n")
    assert 28 < grown < 60


def test_work_that_ends_in_an_error_says_which() -> None:
    with pytest.raises(WorkError, match=r"(?s)^some: .*ZeroDivisionError"):
        run(work(1, work="1 / 0"))


def test_rows_are_replaced_by_name_and_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "found.json"
    one, other = (measure(Record(key="one", what=what, ours=work(1)), 1) for what in ("a thing", "another"))
    table.save(path, [one, other], {"day": "2026-01-01", "pairs": 1})
    table.save(path, [one], {"day": "2026-01-02", "pairs": 3})
    days = {row["what"]: row["day"] for row in table.load(path)["rows"]}
    assert days == {"a thing": "2026-01-02", "another": "2026-01-01"}


def test_a_document_without_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("Nothing here.")
    with pytest.raises(ValueError, match="there is no line"):
        table.put(page, {"rows": []})
    assert page.read_text() == "Nothing here."


def test_the_document_says_what_was_measured() -> None:
    content = table.load(DOCS / "performance.json")
    text = (DOCS / "performance.md").read_text(encoding="utf-8")
    assert f"{table.BEGIN}\n\n{table.whole(content)}\n\n{table.END}" in text
    fields = {field: row[field] for row in content["rows"] for field in row}
    assert set(Result.__dataclass_fields__) | {"day", "pairs"} == set(fields)
