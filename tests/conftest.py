"""What every test has: a cache folder of its own, and an environment that says nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# A test's first example may load a library; how long that takes says nothing.
settings.register_profile("torchvectors", deadline=None)
settings.load_profile("torchvectors")


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    home: Path = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("TORCHVECTORS_HOME", str(home))
    for name in ("TORCHVECTORS_MIRROR", "TORCHVECTORS_OFFLINE", "TORCHVECTORS_TIMEOUT"):
        monkeypatch.delenv(name, raising=False)
    return home
