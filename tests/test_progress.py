"""Work done so far → a bar."""

from __future__ import annotations

import fcntl
import os
import re
import struct
import sys
import termios
from pathlib import Path

import pytest

from torchvectors.progress import bar, no_bar, quiet


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    """What stands on the line in the end: a bar is drawn over itself, again and again."""
    out, err = capsys.readouterr()
    assert out == ""
    return re.split("[\r\n]", err.rstrip("\n"))[-1]


def test_a_bar_shows_title_and_amounts(capsys: pytest.CaptureFixture[str]) -> None:
    with bar("glove.6B.zip", show=True) as report:
        report(1_000, 862_000_000)
        report(862_000_000, 862_000_000)
    line = last_line(capsys)
    assert line.startswith("glove.6B.zip: 100%")
    assert "862M/862M" in line


def test_amounts_are_totals_and_not_steps(capsys: pytest.CaptureFixture[str]) -> None:
    with bar("file", show=True) as report:
        for done in (100, 250, 250, 300):
            report(done, 1_000)
    assert "300/1.00k" in last_line(capsys)


def test_a_total_that_is_learnt_late_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with bar("file", show=True) as report:
        report(10, None)
        report(20, 40)
    assert "file:  50%" in last_line(capsys)


def test_work_of_unknown_length_shows_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    with bar("file", show=True) as report:
        report(7_000, None)
    assert "7.00kB" in last_line(capsys)


def test_a_transfer_that_starts_over_goes_back(capsys: pytest.CaptureFixture[str]) -> None:
    with bar("file", show=True) as report:
        report(900, 1_000)
        report(0, 1_000)
        report(100, 1_000)
    assert "file:  10%" in last_line(capsys)


def test_nothing_is_drawn_for_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with bar("file", show=True):
        pass
    assert last_line(capsys) == ""


@pytest.mark.parametrize("show", [False, None])
def test_nothing_is_drawn_where_nobody_watches(capsys: pytest.CaptureFixture[str], show: bool | None) -> None:
    with bar("file", show=show) as report:  # pytest's standard error is no terminal
        report(1, 2)
        report(2, 2)
    assert last_line(capsys) == ""


def test_a_person_at_a_terminal_sees_the_bar_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))  # a new one has no columns
    with os.fdopen(ours, "rb", buffering=0) as screen, os.fdopen(theirs, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        with bar("file") as report:
            report(2, 2)
        stream.write("the end")
        stream.flush()
        seen = b""
        while b"the end" not in seen:  # a terminal gives what has arrived so far, which may be a part
            seen += screen.read(10_000)
        assert b"file: 100%" in seen


def test_a_bar_ends_when_the_work_fails(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        with bar("file", show=True) as report:
            report(1, 2)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert last_line(capsys).startswith("file:  50%")


def test_two_bars_do_not_mix(capsys: pytest.CaptureFixture[str]) -> None:
    with bar("first", show=True) as first:
        first(1, 2)
        with bar("second", show=True) as second:
            second(1, 4)
        first(2, 2)
    assert last_line(capsys).startswith("first: 100%")


def test_no_bar_takes_reports_and_draws_nothing(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with no_bar("file") as report:
        report(1, None)
        report(1, 2)
    quiet(1, 2)
    assert last_line(capsys) == ""
