"""What is known of one name that old programs use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["NEW", "OLD", "Area", "Name", "differs", "gone", "modules", "renamed", "same"]

State = Literal["same", "differs", "renamed", "gone"]

OLD, NEW = "torchtext", "torchvectors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A dotted name, and what became of it."""

    old: str
    state: State
    new: str | None  # what can be imported today; None where nothing can
    note: str = ""  # how it differs, or what to do instead
    module: bool = False

    def __post_init__(self) -> None:
        if (self.new is None) != (self.state == "gone"):
            raise ValueError(f"{self.old} is {self.state}, and its new name is {self.new}")
        if not self.note and self.state in ("differs", "gone"):
            raise ValueError(f"{self.old} is {self.state}, and nothing says how, or what to do")

    @property
    def covered(self) -> bool:
        """Whether changing the one word is all that this name needs."""
        return self.state in ("same", "differs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """Names that belong together, in the order in which the page shows them."""

    title: str
    names: tuple[Name, ...]
    shown: bool = True  # False: they are another area's, under an older name of their package


def modules(names: str) -> list[Name]:
    """Return the records of modules, separated by spaces, that are there under the new word."""
    return [Name(old=name, state="same", new=_swapped(name), module=True) for name in names.split()]


def same(module: str, names: str) -> list[Name]:
    """Return the records of names, separated by spaces, that give what they gave."""
    return [Name(old=old, state="same", new=_swapped(old)) for old in _within(module, names)]


def differs(module: str, names: str, note: str) -> list[Name]:
    """Return the records of names that are there, and do something otherwise."""
    found = _within(module, names)
    return [Name(old=old, state="differs", new=_swapped(old), note=note) for old in found]


def renamed(old: str, new: str, note: str = "") -> list[Name]:
    """Return the record of one name whose like has another name today."""
    return [Name(old=old, state="renamed", new=new, note=note)]


def gone(module: str, names: str, note: str, *, module_too: bool = False) -> list[Name]:
    """Return the records of names that nothing stands for; the note says what to do."""
    whole = [Name(old=module, state="gone", new=None, note=note, module=True)] if module_too else []
    return whole + [Name(old=old, state="gone", new=None, note=note) for old in _within(module, names)]


def _within(module: str, names: str) -> list[str]:
    return [f"{module}.{name}" for name in names.split()]


def _swapped(old: str) -> str:
    return NEW + old.removeprefix(OLD)
