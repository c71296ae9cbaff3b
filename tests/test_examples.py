"""The programs that taught people torchtext run, with the one word changed, and come to what they should."""

from __future__ import annotations

import importlib.util
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
def test_a_run_that_is_killed_and_resumed_ends_with_the_same_model(own_cache: Path) -> None:
    module = example("resume_distributed")
    sys.modules[module.__name__] = module  # for the ranks, which are spawned
    try:
        found = module.main(killed_at=47)
    finally:
        del sys.modules[module.__name__]
    assert (found["killed"], found["saved at"]) == (True, 45)
    assert found["losses"][:2] == found["losses"][2:]
    assert found["equal"]
    assert found["passes"] == [1, 1, 0, 0]  # each rank its share, and nobody once it was resumed


def test_the_notebooks_patterns_give_what_they_promise(capsys: pytest.CaptureFixture[str]) -> None:
    found = example("course_notebook_patterns").main()
    assert found["nearest to frog"][0] == "frog"
    assert found["man : king = woman :"] == "queen"
    assert found["row of <unk>"] == 30_000
    assert all(found["right"])
    assert "queen" in capsys.readouterr().out
