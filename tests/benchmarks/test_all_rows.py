"""Every row of the table, at a size that takes no time: both sides run, and agree. ``pytest -m benchmark``."""

from __future__ import annotations

import pytest
from materials import Materials
from records import measure
from rows import GROUPS, SMALL


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Materials:
    return Materials(tmp_path_factory.mktemp("materials"), SMALL)


@pytest.mark.benchmark
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", GROUPS)
def test_both_sides_run_and_agree(name: str, made: Materials) -> None:
    for record in GROUPS[name](made):
        result = measure(record, pairs=1)
        assert result.is_sound, f"{record.what}: {result.state}: {result.note}"
