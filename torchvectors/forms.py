"""``pipe.tokenize()`` and its like → the stages that they stand for, which are loaded when one is first asked for.

Whoever imports the package has the forms on every pipe, and has not paid for the stages, nor, if it comes first, for
torch. Torch keeps the forms in a dict of the class of all pipes. Where that is not loaded yet, we wait for it among
the finders of modules, and stand aside as soon as it is there.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

__all__ = ["NAMES", "Form", "promise"]

NAMES = (
    "align_vectors",
    "batch_tokens",
    "build_vocab",
    "lookup_vectors",
    "numericalize",
    "read_csv",
    "read_folders",
    "read_jsonl",
    "read_lines",
    "read_tsv",
    "shard_rows",
    "tokenize",
    "use_vocab",
)
_PIPES = "torch.utils.data.datapipes.datapipe"  # where torch makes the class of all pipes
_STAGES = "torchvectors.datapipes"


def promise() -> None:
    """Give every IterDataPipe our forms: now, if torch is loaded, and else as soon as it is.

    Warns:
        UserWarning: Another module's form has one of the names: it stays what it is.
    """
    if _PIPES in sys.modules:
        _give(import_module(_PIPES))
    elif not any(isinstance(finder, _WhenLoaded) for finder in sys.meta_path):
        sys.meta_path.insert(0, _WhenLoaded())


class Form:
    """A form of every pipe, until the class that it stands for is loaded and takes its place."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, pipe: object, *args: object, **settings: object) -> Any:
        """Make the stage behind a pipe."""
        import_module(_STAGES)
        return import_module(_PIPES).IterDataPipe.functions[self.name](pipe, *args, **settings)


def _give(pipes: ModuleType) -> None:
    forms = pipes.IterDataPipe.functions
    taken = NAMES & forms.keys()
    for name in NAMES:
        forms.setdefault(name, Form(name))
    if taken:  # by us, if this module is loaded anew; if not, the stages say so, each for itself
        import_module(_STAGES)


class _WhenLoaded(MetaPathFinder):
    """Finds one module as the other finders do, and has something done when it has been run."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _PIPES:
            return None
        others = [finder for finder in sys.meta_path if finder is not self]
        found = (finder.find_spec(fullname, path, target) for finder in others)
        spec = next((spec for spec in found if spec is not None), None)
        if spec is not None and spec.loader is not None:
            spec.loader = _Giving(spec.loader, self)
        return spec


class _Giving(Loader):
    def __init__(self, loader: Loader, finder: _WhenLoaded) -> None:
        self._loader, self._finder = loader, finder

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        # So that whoever asks the module for its source, as `inspect` does, meets the loader that has it.
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        with suppress(ValueError):  # if it is loaded anew
            sys.meta_path.remove(self._finder)
        _give(module)
