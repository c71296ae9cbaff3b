"""A program → what is to be said of it, line by line."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from torchvectors.migrate.habits import habits
from torchvectors.migrate.names import find
from torchvectors.migrate.plan import known_of
from torchvectors.migrate.programs import Place, place_of
from torchvectors.migrate.records import OLD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torchvectors.migrate.plan import Cause, Plan
    from torchvectors.migrate.programs import Program
    from torchvectors.migrate.records import Name
    from torchvectors.migrate.uses import Scopes
    from torchvectors.migrate.variables import Binding

__all__ = ["Finding", "findings"]

_MENTIONED = re.compile(rf"\b(?:{OLD}|torchdata)\b")
_INSTALLED = re.compile(rf"\b(?:install|add)\b.*\b{OLD}\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the report."""

    place: Place
    what: str
    said: str
    covered: bool
    left: bool = False  # it is covered, and stays all the same: something else has to be seen to first
    differs: str = ""  # how, where it does

    def __str__(self) -> str:
        what = f"{self.what:<40}  " if self.what else ""
        return f"  {self.place!s:<8}  {what}{self.said}"


def findings(program: Program, scopes: Scopes, made: Plan) -> list[Finding]:
    """Return what is to be said of a program, in the order of its lines, each thing once."""
    every = [*_of_names(program, scopes, made), *_of_lines(program)]
    for habit in habits(program.tree, scopes):
        place = place_of(program.chunks, habit.line)
        every.append(Finding(place=place, what=habit.what, said=f"by hand: {habit.advice}", covered=False))
    every.sort(key=lambda finding: (finding.place.cell or 0, finding.place.line))
    return list(dict.fromkeys(every))


def _of_names(program: Program, scopes: Scopes, made: Plan) -> Iterator[Finding]:
    bound = [(binding, variable.uses) for variable in scopes.variables for binding in variable.bindings]
    bound += [(binding, []) for binding, _ in scopes.stars]
    for binding, uses in bound:
        if binding.alias is not None:
            yield from _of_import(program, binding, made)
        elif binding.imported == OLD and isinstance(binding.node, ast.ImportFrom):
            text = (
                f"by hand: migrate the module that {OLD} is imported from here, and change this line with it"
            )
            place = place_of(program.chunks, binding.node.lineno)
            yield Finding(place=place, what=OLD, said=text, covered=False)
        for use in uses:
            known = known_of(use, binding)
            # Most uses of what was imported by name say no more than the import does.
            if known is not None and (known.old != binding.imported or binding.target == OLD):
                yield _named(program, use.root.lineno, known, made.left.get(use) or made.left.get(binding))
    for binding, used in scopes.stars:
        for known, line in used:
            yield _named(program, line, known, made.left.get(binding))


def _of_import(program: Program, binding: Binding, made: Plan) -> Iterator[Finding]:
    known, alias = find(binding.imported), binding.alias
    if known is not None and alias is not None:
        found = _named(program, alias.lineno, known, made.left.get(binding))
        if any(alias is one for _, one in made.doubled):
            found = replace(found, said=f"{found.said}; {OLD} is imported beside it, for what is not")
        yield found


def _named(program: Program, line: int, known: Name, left: Cause | None) -> Finding:
    place = place_of(program.chunks, line)
    if known.covered:
        said = "covered, and differs" if known.state == "differs" else "covered"
        if left:
            where = f" ({place_of(program.chunks, left.line)})" if left.line else ""
            said += f"; left as it is, since {left.text}{where}"
        differs = known.note if known.state == "differs" else ""
        return Finding(
            place=place, what=known.old, said=said, covered=True, left=left is not None, differs=differs
        )
    if known.state == "renamed":
        said = f"renamed: use {known.new}{f' ({known.note})' if known.note else ''}"
    else:
        said = f"{known.state}: {known.note}"
    return Finding(place=place, what=known.old, said=said, covered=False)


def _of_lines(program: Program) -> Iterator[Finding]:
    """Tell of cells that are not Python 3, and of lines that are not Python, where they speak of torchtext."""
    texts = {chunk.cell: chunk.text for chunk in program.chunks}
    for fault in program.faults:
        if _MENTIONED.search(texts[fault.place.cell]):
            yield Finding(
                place=fault.place, what="", said=f"by hand: {fault.text}; left as it is", covered=False
            )
    for line in program.foreign:
        if re.search(rf"\b{OLD}\b", line.text):
            cure = (
                "install torchvectors in its place" if _INSTALLED.search(line.text) else "change it by hand"
            )
            said = f"by hand: no line of Python, and left as it is: {cure}"
            yield Finding(place=line.place, what=line.text.strip(), said=said, covered=False)
