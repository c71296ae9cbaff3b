"""The functional forms of pipes are there for whoever imports the package, in any order; what they stand for is not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch.utils.data.datapipes.datapipe
from torch.utils.data import IterDataPipe
from torch.utils.data.datapipes.iter import IterableWrapper

import torchvectors.datapipes
from torchvectors import forms

ROOT = Path(__file__).resolve().parents[1]


def run(program: str, *options: str) -> Any:
    """Run a program in a process of its own; it prints JSON."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *options, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


FIRST, LATER = "import torchvectors\nimport torch\n", "import torch\nimport torchvectors\n"
USED = """
import inspect, json, sys
from torch.utils.data import IterDataPipe, datapipes
from torch.utils.data.datapipes.iter import IterableWrapper
known = {name for name in sys.modules if name.startswith("torchvectors.")}
forms = {name: type(form).__name__ for name, form in IterDataPipe.functions.items()}
rows = list(IterableWrapper(["a b a"]).tokenize().build_vocab().numericalize())
others = {name: type(IterDataPipe.functions[name]).__name__ for name in forms}
source = inspect.getsource(datapipes.datapipe.IterDataPipe)[:5]
finders = [finder for finder in sys.meta_path if type(finder).__module__.startswith("torchvectors")]
loader = type(datapipes.datapipe.__loader__).__module__
print(json.dumps([sorted(known), forms, rows, others, source, len(finders), loader]))
"""


@pytest.mark.parametrize("program", [FIRST, LATER], ids=["before torch", "after torch"])
def test_a_form_is_on_every_pipe_and_loads_its_stage_when_it_is_used(program: str) -> None:
    known, before, rows, after, source, finders, loader = run(program + USED)
    assert known == ["torchvectors.forms", "torchvectors.version"]
    assert {name for name, kind in before.items() if kind == "Form"} == set(forms.NAMES)
    assert rows == [[2, 3, 2]]
    assert after.keys() == before.keys()
    assert set(after.values()) == {"partial"}  # torch's own
    assert (source, finders) == ("class", 0)
    assert not loader.startswith("torchvectors")


def test_torch_is_not_imported_before_a_name_needs_it() -> None:
    program = """
import json, sys
import torchvectors
said = [sorted(torchvectors.__all__), [name for name in dir(torchvectors) if name[0] != "_"], "torch" in sys.modules]
torchvectors.GloVe
print(json.dumps([*said, "torch" in sys.modules, torchvectors.GloVe.__name__]))
"""
    names, listed, early, late, glove = run(program)
    assert set(names) - {"__version__"} <= set(listed)
    assert (early, late, glove) == (False, True, "GloVe")


def test_nothing_that_only_some_need_is_loaded_with_the_vectors() -> None:
    program = """
import json, sys
import torch
known = set(sys.modules)
import torchvectors
vectors = torchvectors.GloVe("sample")
vectors["the"], vectors.get_vecs_by_tokens(["the", "cat"])
print(json.dumps(sorted({name.partition(".")[0] for name in set(sys.modules) - known})))
"""
    loaded = set(run(program))
    assert loaded.isdisjoint({"filelock", "requests", "safetensors", "simdjson", "torchdata", "urllib3"})


@pytest.mark.parametrize("room", ["align", "datapipes", "fitting", "vectors"])
def test_align_is_the_function_whoever_has_loaded_the_room(room: str) -> None:
    program = f"""
import importlib, inspect, json
import torchvectors
importlib.import_module("torchvectors.{room}")
importlib.import_module("torchvectors.align")
from torchvectors import align
print(json.dumps([inspect.isfunction(align), align is torchvectors.align, torchvectors.align.__name__]))
"""
    assert run(program) == [True, True, "align"]


def test_another_programs_form_of_one_name_stays_and_is_reported_when_the_package_is_imported() -> None:
    program = """
import json, warnings
from torch.utils.data import IterDataPipe
IterDataPipe.register_function("tokenize", len)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import torchvectors
told = [str(one.message) for one in caught if "torchvectors" in str(one.message)]
print(json.dumps([IterDataPipe.functions["tokenize"] is len, told]))
"""
    theirs, told = run(program)
    assert theirs
    assert len(told) == 1
    assert ".tokenize() is a form of " in told[0]


def test_every_form_of_the_stages_is_promised_and_no_other() -> None:
    ours = {
        name
        for name, form in IterDataPipe.functions.items()
        if getattr(form, "args", (form,))[0].__module__.startswith("torchvectors")
    }
    assert ours == set(forms.NAMES)
    assert torchvectors.datapipes.__name__ == "torchvectors.datapipes"


def test_a_promise_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    before = dict(IterDataPipe.functions)
    finders = list(sys.meta_path)
    forms.promise()
    assert IterDataPipe.functions == before
    assert sys.meta_path == finders
    # Where torch is not there yet, one finder waits, however often it is promised.
    monkeypatch.delitem(sys.modules, torch.utils.data.datapipes.datapipe.__name__)
    monkeypatch.setattr(sys, "meta_path", finders.copy())
    forms.promise()
    forms.promise()
    assert len(sys.meta_path) == len(finders) + 1
    assert sys.meta_path[1:] == finders
    assert type(IterableWrapper(["a"]).tokenize()) is torchvectors.datapipes.Tokenize
