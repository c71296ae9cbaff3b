"""The constants that torchtext's modules held of each data set, read from the catalog when they are asked for."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from torchvectors.catalog.datasets import dataset, dataset_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torchvectors.catalog.datasets import DataSet

__all__ = ["constant_of_all", "register_modules"]

# What each of torchtext's modules held, by its name there.
_CONSTANTS = ("URL", "MD5", "NUM_LINES", "DATASET_NAME")


def constant_of_all(name: str) -> dict[str, Any]:
    """Return torchtext's ``URLS``, ``MD5`` or ``NUM_LINES``: one constant of all data sets, by their names."""
    single = {"URLS": "URL"}.get(name, name)
    return {one: _constant(dataset(one), single) for one in dataset_names()}


def register_modules(package: str, functions: Mapping[str, Any]) -> None:
    """Let programs import ``PACKAGE.ag_news``, as torchtext had a module for each data set.

    Args:
        package: The door's name.
        functions: By their names.
    """
    for name, function in functions.items():
        module = _Module(f"{package}.{name.lower()}", name, function)
        # An import of what is there already makes no attribute of it.
        setattr(sys.modules[package], name.lower(), sys.modules.setdefault(module.__name__, module))


class _Module(ModuleType):
    """A module that holds one data set's function, and its constants."""

    def __init__(self, path: str, name: str, function: Any) -> None:
        super().__init__(path, f"What torchtext's module ``{name.lower()}`` held for programs.")
        self._name = name
        setattr(self, name, function)

    def __getattr__(self, name: str) -> Any:
        if name in _CONSTANTS:
            return _constant(dataset(self._name), name)
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def __dir__(self) -> Iterable[str]:
        return sorted({*super().__dir__(), *_CONSTANTS})


def _constant(data: DataSet, name: str) -> Any:
    match name:
        case "URL":
            return _copied(data.url)
        case "MD5":
            return _copied(data.md5)
        case "NUM_LINES":
            return _counts(data.lines) or None
    return data.name


def _copied(one: Any) -> Any:
    """Copy a dict: some programs write other addresses into it."""
    return dict(one) if isinstance(one, dict) else one


def _counts(lines: Mapping[str, Any]) -> dict[Any, Any]:
    """Return counts as torchtext wrote them: a pair of languages is a tuple there."""
    return {
        (tuple(key.split("-")) if "-" in key else key): (one if isinstance(one, int) else _counts(one))
        for key, one in lines.items()
    }
