"""The command ``torchvectors``."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from servers import Server, file

import torchvectors
from torchvectors.cli import main

ROWS = b"the 0.5 1.5\ncat -0.25 2\n"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"torchvectors {torchvectors.__version__}\n"


def test_download_makes_what_a_program_then_finds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_bytes(ROWS)
    assert main(["download", "mine.txt", "--cache", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("mine.txt: 2 tokens of dim 2, in ")
    (tmp_path / "mine.txt").unlink()
    assert torchvectors.Vectors("mine.txt", cache=tmp_path)["cat"].tolist() == [-0.25, 2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["download", "glove.6B.51d"], "do not come in dim 51"),
        (["download", "glove.7B.50d"], "Did you mean 'glove.6B.50d'"),
        (["demo", "--quick", "--vectors", "no-such-vectors"], "no vectors found at"),
    ],
)
def test_an_error_is_one_line_and_exit_code_1(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TORCHVECTORS_HOME", str(tmp_path / "cache"))
    assert main(arguments) == 1
    shown = capsys.readouterr()
    assert shown.err.startswith("torchvectors: ")
    assert said in shown.err
    assert "Traceback" not in shown.err
    assert not (tmp_path / "cache").exists()


def test_download_takes_a_url_and_its_checksum(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    right = f"sha256:{hashlib.sha256(ROWS).hexdigest()}"
    with Server() as server:
        url = server.on("/mine.txt", file(ROWS))
        words = ["download", "mine.txt", "--cache", str(tmp_path), "--url", url]
        assert main([*words, "--checksum", f"sha256:{'0' * 64}"]) == 1
        assert "0000" in capsys.readouterr().err
        assert main([*words, "--checksum", right]) == 0
    assert capsys.readouterr().out.startswith("mine.txt: 2 tokens of dim 2")


def test_offline_says_which_command_fetches_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TORCHVECTORS_HOME", str(tmp_path))
    monkeypatch.setenv("TORCHVECTORS_OFFLINE", "1")
    assert main(["download", "glove.6B.50d"]) == 1
    said = capsys.readouterr().err
    assert "glove.6B.zip" in said
    assert "torchvectors download glove.6B.50d" in said
