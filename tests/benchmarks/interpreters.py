"""What the alternatives need that torchvectors does not: which Python has it, and how to get it."""

from __future__ import annotations

import compileall
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["ALTERNATIVES", "Alternative", "compiled", "is_at_hand", "python_of"]

HERE = Path(__file__).resolve().parent  # where a child finds `torchtexts_way`, and what else it imports
ROOT = HERE.parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """A package that a benchmark is compared with."""

    module: str
    install: str  # what to do where it is missing

    @property
    def variable(self) -> str:
        """The environment variable that names a Python which has it."""
        return f"TORCHVECTORS_BENCHMARK_{self.module.upper()}"


ALTERNATIVES = {
    "torchtext": Alternative(
        module="torchtext",
        install='Python 3.11, in an environment of its own: pip install torch==2.3.1 torchtext==0.18.0 "numpy<2"',
    ),
    "fasttext": Alternative(module="fasttext", install="pip install fasttext-numpy2"),
    "gensim": Alternative(module="gensim", install="pip install gensim"),
}


def python_of(name: str | None) -> tuple[str, dict[str, str]]:
    """Return the Python that has an alternative, and the environment to run it in; None: this one."""
    environment = dict(os.environ)
    chosen = os.environ.get(ALTERNATIVES[name].variable) if name else None
    # What is on the path already may be for this Python alone.
    paths = [HERE] if chosen else [HERE, ROOT, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment["PYTHONPATH"] = os.pathsep.join(map(str, paths))
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # see `compiled`
    return chosen or sys.executable, environment


def compiled() -> None:
    """Compile the package where it lies, as pip does when it installs one: the alternatives were installed."""
    compileall.compile_dir(ROOT / "torchvectors", quiet=1)


def is_at_hand(name: str | None) -> bool:
    """Say whether an alternative can be imported where it should be."""
    return name is None or _imports(*_key(name))


def _key(name: str) -> tuple[str, str]:
    return python_of(name)[0], ALTERNATIVES[name].module


@cache
def _imports(python: str, module: str) -> bool:
    done = subprocess.run(
        [python, "-W", "ignore", "-c", f"import {module}"], capture_output=True, check=False
    )
    return done.returncode == 0
