"""What the fuzzers have found stays found; and a short run of each. `tests.fuzz` has the command for long ones."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from fuzz.campaign import FOUND, Campaign, at_random, by_hypothesis, found_before, guarded, verdict
from fuzz.targets import TARGETS, folder

RUNS = 300  # of each target, by either engine: some ten seconds in all


@pytest.fixture(scope="module", autouse=True)
def own_folder() -> Iterator[None]:
    yield
    shutil.rmtree(folder(), ignore_errors=True)


@pytest.mark.parametrize("name", TARGETS)
def test_most_seeds_are_sound(name: str) -> None:
    with guarded():
        verdicts = [verdict(TARGETS[name], data) for data in TARGETS[name].seeds()]
    assert all(error is None or isinstance(error, TARGETS[name].expected) for error in verdicts)
    assert sum(error is None for error in verdicts) >= len(verdicts) // (20 if name == "states" else 3)


CASES = [(name, number) for name in TARGETS for number in range(len(found_before(name)))]


@pytest.mark.parametrize(("name", "number"), CASES)
def test_what_was_found_once_is_refused_or_read(name: str, number: int) -> None:
    with guarded():
        error = verdict(TARGETS[name], found_before(name)[number])
    assert error is None or isinstance(error, TARGETS[name].expected)


def test_every_folder_of_found_inputs_is_a_targets() -> None:
    assert {path.name for path in FOUND.iterdir()} <= set(TARGETS)


@pytest.mark.parametrize("name", TARGETS)
def test_a_short_run_finds_nothing(name: str) -> None:
    campaign = Campaign(target=TARGETS[name])
    with guarded():
        at_random(campaign, RUNS, seed=20)
    assert not campaign.found
    assert campaign.runs == RUNS


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_hypothesis_finds_nothing(name: str) -> None:
    campaign = Campaign(target=TARGETS[name])
    with guarded():
        by_hypothesis(campaign, 10 * RUNS, seed=20)
    assert not campaign.found


def test_what_a_reader_must_not_raise_is_found_and_kept(tmp_path_factory: pytest.TempPathFactory) -> None:
    from fuzz.targets import Target

    def run(data: bytes) -> None:
        if b"9" in data:
            raise KeyError("9")

    keep = tmp_path_factory.mktemp("keep")
    campaign = Campaign(target=Target(run=run, seeds=lambda: [b"8" * 8]), keep=keep)
    at_random(campaign, 2000, seed=1)
    (place,) = campaign.found
    assert place.startswith("KeyError")
    assert any(b"9" in path.read_bytes() for path in keep.iterdir() if path.suffix != ".txt")
