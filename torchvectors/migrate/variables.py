"""What a name in a program stands for: the imports that bind it, the places that read it, and its scope."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from torchvectors.migrate.names import find

if TYPE_CHECKING:
    from torchvectors.migrate.records import Name

__all__ = ["Binding", "Scope", "Use", "Variable", "chain_of"]


@dataclass(slots=True, eq=False, kw_only=True)
class Binding:
    """A way in which a variable comes to stand for something that an import names."""

    node: ast.stmt | ast.expr
    target: str  # what the variable stands for, such as "torchtext.vocab.GloVe"
    imported: str  # what the statement names: with `import torchtext.vocab`, more than what it binds
    alias: ast.alias | None = None  # None: it is no import statement
    stays: str = ""  # why it cannot be changed, if it cannot


@dataclass(slots=True, eq=False, kw_only=True)
class Use:
    """A place where a variable is read, and the attributes that are asked of it there."""

    root: ast.Name
    attributes: tuple[str, ...]
    variable: Variable

    def known(self, binding: Binding) -> Name | None:
        """Return what is known of the name that this leads to."""
        return find(binding.target, self.attributes)


@dataclass(slots=True, eq=False, kw_only=True)
class Variable:
    """A name within one scope."""

    name: str
    bindings: list[Binding] = field(default_factory=list)
    stores: list[ast.Name] = field(default_factory=list)  # where else it is assigned to
    values: list[ast.expr] = field(default_factory=list)  # what plain assignments give it
    declared: list[ast.Global | ast.Nonlocal] = field(default_factory=list)
    fixed: bool = False  # it is also a parameter, a function, another import: no one word to change
    uses: list[Use] = field(default_factory=list)


@dataclass(slots=True, eq=False, kw_only=True)
class Scope:
    """The variables of a module, a class, a function or a comprehension."""

    parent: Scope | None
    kind: str  # "module", "class", "function" or "comprehension"
    variables: dict[str, Variable] = field(default_factory=dict)
    outer: dict[str, Scope] = field(default_factory=dict)  # of names that `global` and `nonlocal` declare

    def variable(self, name: str) -> Variable:
        """Return the variable that an assignment in this scope makes or changes."""
        if name in self.outer:
            return self.outer[name].variable(name)
        return self.variables.setdefault(name, Variable(name=name))

    def find(self, name: str) -> Variable | None:
        """Return the variable that a use in this scope reads."""
        if name in self.outer:
            return self.outer[name].find(name)
        scope: Scope | None = self
        while scope is not None:
            if name in scope.variables and (scope is self or scope.kind != "class"):
                return scope.variables[name]
            scope = scope.parent
        return None


def chain_of(node: ast.expr) -> tuple[ast.Name | None, tuple[str, ...]]:
    """Take ``a.b.c`` apart: the name ``a``, and ``("b", "c")``. None: it does not begin with a name."""
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.insert(0, node.attr)
        node = node.value
    return (node, tuple(attributes)) if isinstance(node, ast.Name) else (None, ())
