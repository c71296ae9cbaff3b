"""The programs that taught people torchtext run, with the one word changed, and come to what they should."""

from __future__ import annotations

import importlib.util
import io
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from types import ModuleType

import pytest
import torch
from made_sets import MADE, catalog_of, put

from torchvectors.catalog import datasets as records

EXAMPLES = Path(__file__).resolve().parents[1] / "docs" / "examples"


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_example_is_tested_here() -> None:
    here = Path(__file__).read_text("utf-8")
    assert [path.stem for path in EXAMPLES.glob("*.py") if f'example("{path.stem}")' not in here] == []


def test_the_tutorial_learns() -> None:
    threads = torch.get_num_threads()
    try:
        # Chance is 0.1: ten topics, equally frequent.
        assert example("tutorial_text_classification").main(epochs=2) > 0.4
        assert torch.get_num_threads() == 1  # with more it takes twenty times as long
    finally:
        torch.set_num_threads(threads)


def test_the_matrix_by_hand_is_the_matrix_of_align() -> None:
    by_hand, aligned, vocab, glove = example("glove_into_an_embedding").main()
    known = torch.tensor([token in glove.stoi for token in vocab])
    assert int(known.sum()) > 10
    assert torch.equal(by_hand[known], aligned[known])
    unknown = [token for token in vocab if token not in glove.stoi]
    assert unknown == ["<pad>", "<unk>", "zyzzyvas"]
    assert aligned[vocab["<pad>"]].abs().sum() == 0


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_run_that_is_killed_and_resumed_ends_with_the_same_model() -> None:
    assert example("resume_distributed").RANKS == 2
    command = [sys.executable, str(EXAMPLES / "resume_distributed.py"), "--killed-at", "47"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "leaked" not in done.stderr
    assert "deprecated" not in done.stderr
    assert "to be killed: epoch 2, step 35, loss " in done.stderr
    killed, undisturbed, resumed, counted, equal = done.stdout.splitlines()
    assert killed == "killed at step 47, resumed from step 45"
    assert undisturbed.split(": ")[1] == resumed.split(": ")[1]
    assert counted == "passes that counted the corpus, of each rank: undisturbed 1, 1; resumed 0, 0"
    assert equal == "all weights equal, bit for bit: True"


def test_the_notebooks_patterns_give_what_they_promise(capsys: pytest.CaptureFixture[str]) -> None:
    found = example("course_notebook_patterns").main()
    assert found["nearest to frog"][0] == "frog"
    assert found["man : king = woman :"] == "queen"
    assert found["row of <unk>"] == 30_000
    assert all(found["right"])
    assert "queen" in capsys.readouterr().out


def distribution_of_vader(folder: Path) -> Path:
    """Write a source distribution with the layout of vaderSentiment's: an archive of rated texts in an archive."""

    def packed(members: dict[str, bytes]) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            for name, body in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(body)
                tar.addfile(info, io.BytesIO(body))
        return buffer.getvalue()

    texts = {"good": "a good and lovely one", "bad": "a bad and nasty one", "neither": "none at all"}
    ratings = {"good": 2.5, "bad": -1.25, "neither": 0.0}
    rows = [(f"{number // 2}_{number % 2}", word) for number in range(60) for word in texts]
    body = "".join(f"{number}\t{ratings[word]}\t{texts[word]}\r\n" for number, word in rows).encode()
    names = ("tweets", "movieReviewSnippets", "amazonReviewSnippets", "nytEditorialSnippets")
    inner = packed(
        {"hutto_ICWSM_2014/README.txt": b""} | {f"hutto_ICWSM_2014/{n}_GroundTruth.txt": body for n in names}
    )
    file = folder / "vaderSentiment.tar.gz"
    file.write_bytes(packed({"vader/setup.py": b"", "vader/more/hutto_ICWSM_2014.tar.gz": inner}))
    return file


def test_one_program_measures_the_five_sets_that_are_at_hand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    threads = torch.get_num_threads()
    five_sets = example("five_sets")
    own = tmp_path / "own.csv"
    own.write_text("label,text\n" + "".join(f"{'xyz'[n % 3]},{n} {'pqr'[n % 3]}\n" for n in range(90)))
    settings = ["--seeds", "2", "--epochs", "1", "--labels", "24"]
    try:
        more = ["--vader", str(distribution_of_vader(tmp_path)), "--data", f"own={own}"]
        assert five_sets.main([*settings, *more]) == 6
        said = capsys.readouterr().out
        assert re.findall(r"^\*\*(.*)\*\*", said, re.MULTILINE) == [*five_sets.FIVE, "own"]
        assert "3 classes; always" in said
        assert said.count("2 classes") == 4
        assert (
            len(re.findall(r"^\| (random|frozen|tuned) \| \d+\.\d ± \d+\.\d \|$", said, re.MULTILINE)) == 36
        )
        assert five_sets.main([*settings, "tweets", "no such set"]) == 0
        said = capsys.readouterr().out
        assert (
            "tweets: left out. It is not at hand: pip download --no-deps --no-binary :all: vaderSentiment"
            in said
        )
        assert "no such set: left out. there is no such set; give a file of your own" in said
    finally:
        torch.set_num_threads(threads)


def test_sets_that_are_known_by_name_come_with_the_label_first(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog = tmp_path / "catalog.json"
    catalog.write_text(catalog_of("http://127.0.0.1:9"), "utf-8")
    monkeypatch.setattr(records, "DATA", catalog)
    for name in ("SST2", "AG_NEWS"):
        put(name, own_cache)
        splits = ("train", "dev" if name == "SST2" else "test")
        for part, split in zip(example("five_sets").known(name), splits, strict=True):
            rows = MADE[name].rows[split]
            assert list(part) == [row[::-1] if name == "SST2" else row for row in rows]


def test_texts_of_one_review_are_all_for_training_or_all_for_the_test(tmp_path: Path) -> None:
    five_sets = example("five_sets")
    rows = [(str(number // 3), number % 2, f"{number}") for number in range(300)]
    train, test = (list(five_sets.Part(rows, test=test)) for test in (False, True))
    assert sorted(train + test) == sorted((label, text) for _, label, text in rows)
    assert not {int(text) // 3 for _, text in train} & {int(text) // 3 for _, text in test}
    assert 30 < len(test) < 90
