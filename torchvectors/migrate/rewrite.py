"""A program and a plan → the program with the words of the plan changed, and no other byte."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from torchvectors.migrate.programs import Edit, Unreadable, locate
from torchvectors.migrate.records import NEW, OLD

if TYPE_CHECKING:
    from collections.abc import Callable

    from torchvectors.migrate.plan import Plan
    from torchvectors.migrate.programs import Program

__all__ = ["rewritten"]

_FROM = re.compile(r"from(?:[ \t\f]|\\(?:\r\n|\r|\n))+(?=torchtext)")
_WORD = re.compile(rf"\b{OLD}\b")
_UNCERTAIN = "its names could not be told from the text around them"


def rewritten(program: Program, made: Plan, read: Callable[[bytes], Program]) -> bytes | None:
    """Return a program's bytes with the words of a plan changed; None if there are none. The tree changes, too.

    Raises:
        Unreadable: What came out is not the same program with these words changed, and is not to be written.
    """
    edits = [_edit(program, name) for name in made.names] + [_edit(program, alias) for alias in made.imports]
    edits += [_doubled(program, statement, alias) for statement, alias in made.doubled]
    edits += [_edit_from(program, node) for node in made.froms]
    edits += [_edit_declaration(program, declaration) for declaration in made.declared]
    if not edits:
        return None
    raw = program.edited(edits)
    if _dump(read(raw).tree) != _dump(program.tree):
        raise Unreadable(_UNCERTAIN)
    return raw


def _edit(program: Program, node: ast.Name | ast.alias) -> Edit:
    chunk, start = locate(program.chunks, node.lineno, node.col_offset)
    if isinstance(node, ast.Name):
        node.id = NEW
    else:
        node.name = NEW + node.name.removeprefix(OLD)
    return _word(program, chunk, start)


def _word(program: Program, chunk: int, start: int) -> Edit:
    if not program.chunks[chunk].text.startswith(
        OLD, start
    ):  # as where it is spelt with letters that Python folds
        raise Unreadable(_UNCERTAIN)
    return Edit(chunk, start, start + len(OLD), NEW)


def _edit_from(program: Program, node: ast.ImportFrom) -> Edit:
    chunk, start = locate(program.chunks, node.lineno, node.col_offset)
    found = _FROM.match(program.chunks[chunk].text, start)
    node.module = NEW + (node.module or "").removeprefix(OLD)
    return _word(program, chunk, found.end() if found else start)


def _edit_declaration(program: Program, node: ast.Global | ast.Nonlocal) -> Edit:
    chunk, start = locate(program.chunks, node.lineno, node.col_offset)
    found = _WORD.search(program.chunks[chunk].text, start)
    node.names = [NEW if name == OLD else name for name in node.names]
    return _word(program, chunk, found.start() if found else start)


def _doubled(program: Program, statement: ast.Import, alias: ast.alias) -> Edit:
    chunk, start = locate(program.chunks, alias.lineno, alias.col_offset)
    _, end = locate(
        program.chunks, alias.end_lineno or alias.lineno, alias.end_col_offset or alias.col_offset
    )
    old = program.chunks[chunk].text[start:end]
    new = ast.alias(NEW + alias.name.removeprefix(OLD))
    statement.names.insert(statement.names.index(alias) + 1, new)
    return Edit(chunk, end, end, f", {old.replace(OLD, NEW, 1)}")


class _Unworded(ast.NodeTransformer):
    """Takes the word out of the text of f-strings, where ``{torchtext.x=}`` repeats it."""

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.JoinedStr:
        """Leave only what is computed."""
        self.generic_visit(node)
        texts = [value for value in node.values if isinstance(value, ast.Constant)]
        for value in texts:
            value.value = str(value.value).replace(OLD, NEW)
        return node


def _dump(tree: ast.Module) -> str:
    return ast.dump(_Unworded().visit(tree))
