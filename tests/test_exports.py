"""What the doors export, and what a bare ``import torchvectors`` costs: nothing is opened, asked or read."""

from __future__ import annotations

import importlib
import inspect
import json
import os
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import torchvectors

ROOT = Path(__file__).resolve().parents[1]
DOORS = [
    "torchvectors",
    "torchvectors.data",
    "torchvectors.datapipes",
    "torchvectors.datasets",
    "torchvectors.functional",
    "torchvectors.nodes",
    "torchvectors.transforms",
    "torchvectors.vocab",
    "torchvectors.vocab.vectors",
    "torchvectors.vocab.vocab",
    "torchvectors.vocab.vocab_factory",
]
# What a door that is one module shares with the rooms around it.
SHARED = {"torchvectors.functional": {"rows_of"}}
# Not imported by a bare ``import torchvectors``, unless torch has done so: what is large, or what only some need.
HEAVY = ["filelock", "isal", "matplotlib", "platformdirs", "requests", "safetensors", "torchdata", "tqdm"]


def public(module: ModuleType) -> set[str]:
    """Return what a module holds without an underscore: of a package all, of a module what it defines itself."""
    names = {
        name: value for name, value in vars(module).items() if name[0] != "_" and not inspect.ismodule(value)
    }
    if hasattr(module, "__path__"):
        return names.keys() - {"TYPE_CHECKING", "Any", "annotations"}
    return {name for name, value in names.items() if getattr(value, "__module__", None) == module.__name__}


@pytest.mark.parametrize("name", DOORS)
def test_all_is_sorted_and_complete(name: str) -> None:
    door = importlib.import_module(name)
    listed = list(door.__all__)
    assert listed == sorted(set(listed))
    assert all(hasattr(door, one) for one in listed)
    assert public(door) - SHARED.get(name, set()) <= set(listed)


def test_the_root_lists_its_doors_and_names() -> None:
    modules = {name for name in torchvectors.__all__ if inspect.ismodule(getattr(torchvectors, name))}
    assert modules >= {"data", "datapipes", "datasets", "functional", "nodes", "transforms", "vocab"}
    names = {
        "Alignment",
        "CharNGram",
        "Coverage",
        "Digits",
        "FastText",
        "GloVe",
        "Normal",
        "PartlyTrainedEmbedding",
        "PartlyTrainedEmbeddingBag",
        "Step",
        "Vectors",
        "Vocab",
        "align",
        "build_vocab_from_iterator",
        "disable_torchtext_deprecation_warning",
        "disable_torchvectors_deprecation_warning",
    }
    assert set(torchvectors.__all__) >= names
    got: dict[str, object] = {}
    exec("from torchvectors import *", got)
    assert got.keys() - {"__builtins__"} == set(torchvectors.__all__)


def test_vocab_is_the_module_and_no_function() -> None:
    assert inspect.ismodule(torchvectors.vocab)
    assert torchvectors.vocab.__name__ == "torchvectors.vocab"


def test_what_torchtext_told_everybody_to_call_does_nothing() -> None:
    torchvectors.disable_torchtext_deprecation_warning()
    torchvectors.disable_torchvectors_deprecation_warning()


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'torchvectors' has no attribute 'nowhere'"):
        getattr(torchvectors, "nowhere")  # noqa: B009 - mypy knows that it is not there


def test_what_a_room_exports_is_there() -> None:
    for info in pkgutil.iter_modules(torchvectors.__path__, "torchvectors."):
        if info.name == "torchvectors.__main__":  # which runs the command
            continue
        room = importlib.import_module(info.name)
        assert [one for one in getattr(room, "__all__", ()) if not hasattr(room, one)] == [], info.name


def test_every_module_says_what_it_exports() -> None:
    for info in pkgutil.walk_packages(torchvectors.__path__, "torchvectors."):
        text = Path(torchvectors.__path__[0], *info.name.split(".")[1:])
        source = text / "__init__.py" if info.ispkg else text.with_suffix(".py")
        body = source.read_text("utf-8")
        assert "__all__" in body or not any(
            line.startswith(("def ", "class ")) for line in body.splitlines()
        ), source


PROGRAM = """
import json, os, sys
import numpy, torch, torch.utils.data.datapipes.iter
opened, asked, known = [], [], set(sys.modules)

def hook(event, arguments):
    if event == "open" and isinstance(arguments[0], str):
        opened.append(arguments[0])
    elif event.startswith("socket."):
        opened.append(event)
    elif event.startswith(("subprocess.", "os.mkdir", "os.rename", "os.remove")):
        opened.append(event)

environment = type(os.environ)
read = environment.__getitem__
environment.__getitem__ = lambda self, name: (asked.append(name), read(self, name))[1]
sys.addaudithook(hook)
import torchvectors
modules = sorted(set(sys.modules) - known)
vocab = type(torchvectors.vocab).__name__
lazy = [name for name in ("torchvectors.nodes", "torchvectors.datasets") if name in sys.modules]
data, asked = [path for path in opened if not path.endswith((".py", ".pyc", ".so"))], list(asked)
nodes, datasets = torchvectors.nodes.__name__, torchvectors.datasets.__name__
print(json.dumps([modules, vocab, lazy, data, asked, nodes, datasets]))
"""


def test_a_bare_import_opens_nothing_and_reads_no_setting(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    modules, vocab, lazy, data, asked, nodes, datasets = json.loads(done.stdout)
    assert [name for name in modules if name in HEAVY or name.partition(".")[0] in HEAVY] == []
    assert vocab == "module"
    assert lazy == []
    assert data == []
    assert [name for name in asked if name.startswith("TORCHVECTORS")] == []
    assert (nodes, datasets) == ("torchvectors.nodes", "torchvectors.datasets")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["models", "nn", "prototype", "experimental"])
def test_what_is_left_out_says_so_and_what_takes_its_place(name: str) -> None:
    with pytest.raises(
        AttributeError, match=rf"'{name}': torchtext's is left out here; .*coming-from-torchtext"
    ):
        getattr(torchvectors, name)
    with pytest.raises(AttributeError, match=r"has no attribute 'no_such_thing'$"):
        _ = torchvectors.no_such_thing


# What is loaded when a file of some kind has to be read, or one has to be fetched.
LATER = ["sqlite3", "requests", "torchvectors.download.fetching", "torchvectors.formats.registry"]
OPENING = """
import json, sys
import torch
known = set(sys.modules)
from torchvectors.vocab import GloVe
row = GloVe("sample")["the"]
print(json.dumps(sorted(set(sys.modules) - known)))
"""


def test_opening_a_store_loads_no_reader_of_other_formats_and_nothing_that_downloads(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", OPENING],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = json.loads(done.stdout)
    assert "torchvectors.vectors" in loaded
    assert [name for name in LATER if name in loaded] == []


@pytest.mark.parametrize("room", ["download", "formats", "legacy"])
def test_a_room_that_loads_its_parts_later_has_all_that_it_says(room: str) -> None:
    found = importlib.import_module(f"torchvectors.{room}")
    assert all(getattr(found, name) is not None for name in found.__all__)
    with pytest.raises(AttributeError, match=r"has no attribute 'no_such_thing'$"):
        _ = found.no_such_thing
