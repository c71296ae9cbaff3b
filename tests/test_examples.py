"""The programs that taught people torchtext run, with the one word changed, and come to what they should."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

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
    # Chance is 0.1: ten topics, equally frequent.
    assert example("tutorial_text_classification").main(epochs=2) > 0.4


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
    command = [sys.executable, "-W", "ignore", str(EXAMPLES / "resume_distributed.py"), "--killed-at", "47"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
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
