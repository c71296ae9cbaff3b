"""The command ``torchvectors``."""

from __future__ import annotations

import errno
import gzip
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from servers import Server, file

import torchvectors
from torchvectors import catalog
from torchvectors.cli import main
from torchvectors.cli.listing import fitting, readable
from torchvectors.store import open_store

ROOT = Path(__file__).resolve().parents[1]
ROWS = b"the 0.5 1.5\ncat -0.25 2\n"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"torchvectors {torchvectors.__version__}\n"


@pytest.mark.parametrize(
    "words", [["list", "glove"], ["info", "glove.6B.50d"], ["cache"], ["--version"], ["--help"]]
)
def test_what_only_looks_needs_no_torch(words: list[str], tmp_path: Path) -> None:
    # It takes a second to import.
    program = f"""
import contextlib, sys
from torchvectors.cli import main
with contextlib.suppress(SystemExit):
    main({words!r})
print("torch" in sys.modules, "requests" in sys.modules)
"""
    environment = {**os.environ, "TORCHVECTORS_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "False False"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("there.txt", "it is there already"),
        ("in.txt", "into itself"),
        ("out.dat", "does not tell the format"),
    ],
)
def test_convert_refuses_what_it_is_told_before_it_imports_torch(
    tmp_path: Path, target: str, said: str
) -> None:
    for name in ("in.txt", "there.txt"):
        (tmp_path / name).write_bytes(ROWS)
    program = (
        "import sys; from torchvectors.cli import main; "
        f"print(main(['convert', 'in.txt', {target!r}]), 'torch' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "1 False\n"
    assert said in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["info", "AGNEWS"], "Did you mean the data set 'AG_NEWS'? `torchvectors list` shows all"),
        (["info", "Glove_6b_50d"], "Did you mean 'glove.6B.50d'?"),
        (["download", "agnews"], "Did you mean the data set 'AG_NEWS'?"),
        (["verify", "AGNEWS"], "Did you mean the data set 'AG_NEWS'?"),
        (
            ["verify", "AG_NEWS"],
            "This data set is not here yet: `torchvectors download AG_NEWS` fetches it.",
        ),
        (["verify", "glove.6B.50d"], "`torchvectors download glove.6B.50d` fetches it."),
        (["cache", "remove", "glove-6B-50d"], "Did you mean 'glove.6B.50d'?"),
        (["list", "dataset"], "did you mean 'datasets'?"),
        (["list", "AGNEWS"], "did you mean the data set 'AG_NEWS'?"),
        (["list", "Germann"], "did you mean 'German'"),
    ],
)
def test_a_near_miss_is_told_what_was_meant(
    words: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("TORCHVECTORS_HOME", str(tmp_path / "cache"))
    assert main(words) == 1
    assert said in capsys.readouterr().err


def test_prune_says_what_it_has_freed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "prune", "--cache", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "0 bytes freed\n"
    assert main(["cache", "prune", "--dry-run", "--cache", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "0 bytes would be freed\n"


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


# From one kind of file to another


def test_convert_makes_a_store_and_leaves_nothing_else_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TORCHVECTORS_HOME", str(tmp_path / "home"))
    (tmp_path / "in.txt.gz").write_bytes(gzip.compress(ROWS))
    out = tmp_path / "made" / "out.safetensors"
    assert main(["convert", str(tmp_path / "in.txt.gz"), str(out)]) == 0
    assert capsys.readouterr().out == f"{out}: 2 tokens of dim 2\n"
    assert torchvectors.Vectors(out)["cat"].tolist() == [-0.25, 2]
    assert [path.name for path in out.parent.iterdir()] == ["out.safetensors"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.txt.gz", "made"]


@pytest.mark.parametrize("suffix", [".txt", ".vec", ".bin"])
def test_convert_goes_there_and_back(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "in.txt").write_bytes(ROWS)
    there, back = tmp_path / f"there{suffix}", tmp_path / "back.safetensors"
    assert main(["convert", str(tmp_path / "in.txt"), str(there)]) == 0
    assert main(["convert", str(there), str(back)]) == 0
    assert torchvectors.Vectors(back).itos == ["the", "cat"]
    assert torchvectors.Vectors(back).vectors.tolist() == [[0.5, 1.5], [-0.25, 2]]


def test_convert_takes_an_encoding_and_a_number_of_vectors(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_bytes(ROWS)
    words = ["convert", str(tmp_path / "in.txt"), str(tmp_path / "out.safetensors")]
    assert main([*words, "--encoding", "float16", "--max-vectors", "1"]) == 0
    store = open_store(tmp_path / "out.safetensors")
    assert (len(store), store.metadata["encoding"]) == (1, "float16")


def test_convert_takes_a_name_by_way_of_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHVECTORS_HOME", str(tmp_path / "home"))
    assert main(["convert", "glove.sample", str(tmp_path / "out.safetensors"), "--max-vectors", "10"]) == 0
    assert torchvectors.Vectors(tmp_path / "out.safetensors").itos[:2] == ["the", ","]


def test_convert_writes_over_nothing_unasked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in.txt").write_bytes(ROWS)
    out = tmp_path / "out.safetensors"
    out.write_bytes(b"mine")
    words = ["convert", str(tmp_path / "in.txt"), str(out)]
    assert main(words) == 1
    assert "--force" in capsys.readouterr().err
    assert out.read_bytes() == b"mine"
    assert main([*words, "--force"]) == 0
    assert len(torchvectors.Vectors(out)) == 2
    assert main(["convert", str(out), str(out), "--force"]) == 1
    assert "into itself" in capsys.readouterr().err
    assert main(["convert", str(tmp_path / "in.txt"), str(tmp_path / "out.what")]) == 1
    assert "out.what: " in capsys.readouterr().err
    (tmp_path / "bad.txt").write_bytes(b"cat 1 2\ndog 1\n")
    assert main(["convert", str(tmp_path / "bad.txt"), str(tmp_path / "bad.safetensors")]) == 1
    assert "1 dimensions" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.txt", "in.txt", "out.safetensors"]


# What can be had


def names_of(words: list[str], capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert main(["list", *words]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["NAME", "LANGUAGE", "DIM", "TOKENS", "ARCHIVE", "LICENCE", "HERE"]
    return [row.split()[0] for row in rows]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["glove", "50"], ["glove.2024.wikigiga.50d", "glove.6B.50d", "glove.twitter.27B.50d"]),
        (["German", "crawl"], []),
        (["german", "cc."], ["cc.de.300", "cc.de.300.bin"]),
        (["de", "fasttext-crawl"], ["cc.de.300", "cc.de.300.bin"]),
        (["DE", "subwords"], ["cc.de.300.bin", "wiki.de.bin"]),
        (["muse", "Portuguese"], ["wiki.multi.pt"]),
        (["word2vec"], ["GoogleNews-vectors-negative300"]),
        (["no", "muse"], ["wiki.multi.no"]),
        (["paragram"], ["paragram_300_sl999", "paragram_300_ws353"]),
        (["25d"], ["gensim.glove-twitter-25", "glove.twitter.27B.25d"]),
        (["English", "word2vec"], ["GoogleNews-vectors-negative300"]),
    ],
)
def test_list_shows_what_fits_all_the_words(
    words: list[str], expected: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    if expected:
        assert names_of(words, capsys) == expected
    else:
        assert main(["list", *words]) == 1
        assert f"nothing in the catalog fits {' '.join(words)!r}" in capsys.readouterr().err


def test_list_shows_everything_and_as_json_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert names_of([], capsys) == list(catalog.names())
    assert main(["list", "--json", "de"]) == 0
    (crawl, *_) = found = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in found] == names_of(["de"], capsys)
    assert crawl == {
        "name": "cc.de.300",
        "family": "fasttext-crawl",
        "language": "de",
        "language_name": "German",
        "dim": 300,
        "tokens": None,
        "subwords": False,
        "bytes": 1278030050,
        "alone": False,
        "licence": "CC-BY-SA-3.0",
        "here": "",
    }
    assert main(["list", "--json", "xyzzy"]) == 1
    assert json.loads(capsys.readouterr().out) == []


def test_every_name_fits_itself_and_its_family_and_language() -> None:
    for name in catalog.names():
        entry = catalog.find(name)
        assert fitting(entry, [name, entry.archive.family, f"{entry.member.dim}d"])
        language = catalog.language_names().get(entry.archive.language or "")
        assert language is None or fitting(entry, [language, str(entry.archive.language)])


def test_info_tells_digests_and_how_far_they_go(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "glove.6B.50d"]) == 0
    said = capsys.readouterr().out
    assert 'GloVe("6B", 50) or Vectors("glove.6B.50d")' in said
    assert "862,182,613 bytes (862 MB)" in said
    assert "171,350,079 bytes (171 MB)" in said
    assert (
        "617afb2fe6cbd085c235baf7a465b96f4112bd7f7ccb2b2cbd649fed9cbcf2fb (4 sources agree; binding" in said
    )
    assert "sha1:21bf566a9d27f84d253e0cd4d4be9dcc07976a6d (one source; not used" in said
    assert "this file alone" in said
    assert "https://huggingface.co/stanfordnlp/glove/resolve/main/glove.6B.zip" in said
    assert "here        nothing" in said
    assert main(["info", "wiki.de.bin"]) == 0
    said = capsys.readouterr().out
    assert 'FastText("de", subwords=True)' in said
    assert "one source; hearsay" in said
    assert "none is published" in said
    assert main(["info", "charngram.100d"]) == 0
    said = capsys.readouterr().out
    assert "dead address" in said
    assert "also charngram.100d" in said
    assert main(["info", "glove.6B.51d"]) == 1
    assert "do not come in dim 51" in capsys.readouterr().err


@pytest.mark.parametrize("name", catalog.names()[::50])
def test_the_calls_that_info_names_lead_to_the_entry(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", name]) == 0
    (line,) = (one for one in capsys.readouterr().out.splitlines() if one.startswith("open "))
    asked: list[object] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("torchvectors.vectors.Vectors.__init__", lambda self, name: asked.append(name))
        for call in line.removeprefix("open").strip().split(" or "):
            eval(call, {name: getattr(torchvectors, name) for name in torchvectors.__all__})
    assert set(asked) == {name}


def test_info_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "glove.6B.50d", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["archive"]["name"] == "glove.6B.zip"
    assert told["member"]["bytes"] == 171350079
    assert told["here"] == {"store": None, "file": None, "archive": None}


def test_list_and_info_say_what_is_here_and_write_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    monkeypatch.setenv("TORCHVECTORS_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    assert main(["list", "here"]) == 1
    assert main(["info", "wiki.de"]) == 0
    assert not home.exists()
    home.mkdir()
    (home / "wiki.de.vec").write_bytes(b"1 1\na 1\n")
    (home / "glove.6B.zip").write_bytes(b"")
    (home / "glove.6B.50d.safetensors").write_bytes(b"")
    (home / "wiki.de.bin.zip").write_bytes(b"")
    capsys.readouterr()
    listed = {row.split()[0]: row.split()[-1] for row in _lines(["list", "here"], capsys)[1:]}
    assert listed == {
        "glove.6B.50d": "store",
        "glove.6B.100d": "archive",
        "glove.6B.200d": "archive",
        "glove.6B.300d": "archive",
        "wiki.de": "file",
        "wiki.de.bin": "archive",
    }
    said = _lines(["info", "glove.6B.50d"], capsys)
    assert f"  store     {home / 'glove.6B.50d.safetensors'}" in said
    assert f"  archive   {home / 'glove.6B.zip'}" in said
    elsewhere = _lines(["info", "wiki.de", "--cache", str(tmp_path / "none")], capsys)
    assert any(line.split() == ["here", "nothing"] for line in elsewhere)
    assert sorted(path.name for path in home.iterdir()) == [
        "glove.6B.50d.safetensors",
        "glove.6B.zip",
        "wiki.de.bin.zip",
        "wiki.de.vec",
    ]


def _lines(words: list[str], capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert main(words) == 0
    return capsys.readouterr().out.splitlines()


def test_list_and_info_open_no_socket() -> None:
    program = (
        "import sys\n"
        "def note(event, arguments):\n"
        "    assert not event.startswith('socket.'), event\n"
        "from torchvectors.cli import main\n"
        "sys.addaudithook(note)\n"
        "sys.exit(main(['list', 'glove']) or main(['info', 'glove.6B.50d']))\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    command = [sys.executable, "-m", "torchvectors", "list"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("nbytes", "said"),
    [(None, ""), (1_647_046_227, "1.6 GB"), (862_182_613, "862 MB"), (999_600_000, "1.0 GB"), (7, "0 MB")],
)
def test_sizes_are_said_as_people_say_them(nbytes: int | None, said: str) -> None:
    assert readable(nbytes) == said


def test_convert_says_that_n_grams_are_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = Path(__file__).parent / "data" / "models" / "apt.skipgram.16.bin.gz"
    assert main(["convert", str(model), str(tmp_path / "out.vec")]) == 0
    assert "n-grams are left out" in capsys.readouterr().err
    assert main(["convert", str(model), str(tmp_path / "out.safetensors")]) == 0
    assert not capsys.readouterr().err
    assert main(["convert", str(tmp_path / "out.vec"), str(tmp_path / "out.txt")]) == 0
    assert not capsys.readouterr().err


def test_convert_takes_a_folder_for_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TORCHVECTORS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    for folder in ("in", "out.txt", "glove.sample"):
        (tmp_path / folder).mkdir()
    (tmp_path / "in.txt").write_bytes(ROWS)
    assert main(["convert", "in", "made.txt"]) == 1
    assert "no vectors found at in: it is a folder, and" in capsys.readouterr().err
    assert main(["convert", "in.txt", "out.txt", "--force"]) == 1
    assert "out.txt: it could not be written (Is a directory)" in capsys.readouterr().err
    # A name is a name, though a folder is called so: what it stands for goes through the cache.
    assert main(["convert", "glove.sample", "made.txt", "--max-vectors", "2"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "glove.sample",
        "in",
        "in.txt",
        "made.txt",
        "out.txt",
    ]


def test_a_file_that_may_not_be_read_is_one_line_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(given: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", "mine.txt")

    monkeypatch.setattr("torchvectors.cli.convert._run", refuse)  # root may read everything
    assert main(["convert", "mine.txt", "out.txt"]) == 1
    assert capsys.readouterr().err == "torchvectors: [Errno 13] Permission denied: 'mine.txt'\n"
