"""A tree → its imports of what we know, and where each name that they give is used."""

from __future__ import annotations

import ast
import builtins
from contextlib import contextmanager
from typing import TYPE_CHECKING

from torchvectors.migrate.names import TABLE, find
from torchvectors.migrate.records import OLD
from torchvectors.migrate.variables import Binding, Scope, Use, Variable, chain_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torchvectors.migrate.records import Name

__all__ = ["Scopes"]

_IMPORTERS = frozenset({"import_module", "__import__", "importorskip"})
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


class Scopes(ast.NodeVisitor):
    """The variables of a program, as Python's rules of scope part them.

    Where a name is bound in several ways, as by an import and by ``except ImportError: torchtext = None``, all
    of them count for each of its uses: what runs first is not asked.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.variables: list[Variable] = []
        # Of `T = torchtext.transforms`: the use on the right, and what it makes of T, with the uses of that.
        self.followed: dict[Use, list[tuple[Binding, list[Use]]]] = {}
        # `from … import *`, and what of it is used on which lines.
        self.stars: list[tuple[Binding, list[tuple[Name, int]]]] = []
        self._module = self._scope = Scope(parent=None, kind="module")
        self._scopes = [self._module]
        self._pending: list[tuple[Scope, ast.Name, tuple[str, ...]]] = []
        self._assigned: list[tuple[Variable, ast.Assign]] = []
        self._read: dict[ast.Name, Use] = {}
        self.visit(tree)
        self._resolve()

    def meaning(self, node: ast.expr) -> str | None:
        """Return the dotted name that an expression stands for; None if it is none that an import gives."""
        root, attributes = chain_of(node)
        if root is None:
            return None
        use = self._read.get(root)
        if use is None:  # nothing in this program binds it
            return root.id if not attributes and hasattr(builtins, root.id) else None
        bindings = use.variable.bindings
        return ".".join([bindings[-1].target, *attributes]) if bindings else None

    def values(self, node: ast.expr) -> list[ast.expr]:
        """Return what a variable may hold, as far as plain assignments tell; of anything else, itself."""
        use = self._read.get(node) if isinstance(node, ast.Name) else None
        return [node] if use is None or not use.variable.values else use.variable.values

    def _resolve(self) -> None:
        self.variables = [variable for scope in self._scopes for variable in scope.variables.values()]
        for scope, root, attributes in self._pending:
            variable = scope.find(root.id)
            if variable is None and root.id == OLD:
                variable = self._unbound(root)
            if variable is not None:
                use = Use(root=root, attributes=attributes, variable=variable)
                variable.uses.append(use)
                self._read[root] = use
            else:
                self._ask_stars(root, attributes)
        for variable, assignment in self._assigned:
            self._follow(variable, assignment)

    def _unbound(self, root: ast.Name) -> Variable:
        """Return torchtext as what it must be where it is used, and no line that could be read imports it."""
        variable = self._module.variable(OLD)
        made = Binding(node=root, target=OLD, imported=OLD, stays="no line that could be read imports it")
        variable.bindings.append(made)
        self.variables.append(variable)
        return variable

    def _ask_stars(self, root: ast.Name, attributes: tuple[str, ...]) -> None:
        for binding, used in self.stars:
            known = find(f"{binding.imported}.{root.id}", attributes)
            if f"{binding.imported}.{root.id}" in TABLE and known is not None:
                used.append((known, root.lineno))

    def _follow(self, variable: Variable, assignment: ast.Assign) -> None:
        """Let a variable that is assigned one of the modules stand for it."""
        root, _ = chain_of(assignment.value)
        use = self._read.get(root) if root is not None else None
        if use is None or use.variable is variable:
            return
        for known in [use.known(binding) for binding in use.variable.bindings]:
            if known is not None and known.module:
                made = Binding(node=assignment, target=known.old, imported=known.old)
                variable.bindings.append(made)
                self.followed.setdefault(use, []).append((made, variable.uses))

    # What binds names

    def visit_Import(self, node: ast.Import) -> None:
        """Bind each name."""
        for alias in node.names:
            local, target = alias.asname or alias.name.split(".")[0], alias.name
            made = Binding(node=node, target=target if alias.asname else local, imported=target, alias=alias)
            self._scope.variable(local).bindings.append(made)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Bind each name."""
        module = node.module or ""
        for alias in node.names:
            if alias.name == "*":
                self.stars.append((Binding(node=node, target=module, imported=module, alias=alias), []))
                continue
            variable, name = self._scope.variable(alias.asname or alias.name), f"{module}.{alias.name}"
            if alias.name == OLD:  # another module of this program hands it on
                handed = Binding(node=node, target=OLD, imported=OLD, stays="another module hands it on")
                variable.bindings.append(handed)
            elif node.level == 0:
                variable.bindings.append(Binding(node=node, target=name, imported=name, alias=alias))
            else:
                variable.fixed = True

    def visit_Assign(self, node: ast.Assign) -> None:
        """Bind what is assigned to."""
        self.visit(node.value)
        for target in node.targets:
            self.visit(target)
            if isinstance(target, ast.Name):
                variable = self._scope.variable(target.id)
                variable.values.append(node.value)
                self._assigned.append((variable, node))
                named = _named_by(node.value)
                if named is not None:
                    made = Binding(node=node, target=named, imported=named, stays="a string names it")
                    variable.bindings.append(made)

    def visit_Global(self, node: ast.Global) -> None:
        """Let the names be the module's."""
        for name in node.names:
            if self._scope is not self._module:  # where it says nothing, and is allowed
                self._scope.outer[name] = self._module
            self._module.variable(name).declared.append(node)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        """Let the names be an outer function's."""
        for name in node.names:
            above = self._scope.parent
            while above is not None and above.parent is not None and name not in above.variables:
                above = above.parent
            if above is not None:
                self._scope.outer[name] = above
                above.variable(name).declared.append(node)

    def _fix(self, name: str | None) -> None:
        if name is not None:
            self._scope.variable(name).fixed = True

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        """Bind the error's name."""
        self._fix(node.name)
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        """Bind what is captured."""
        self._fix(node.name)
        self.generic_visit(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        """Bind what is captured."""
        self._fix(node.name)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        """Bind what is captured."""
        self._fix(node.rest)
        self.generic_visit(node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        """Bind in the scope around a comprehension, which has none of its own for this."""
        self.visit(node.value)
        scope = self._scope
        while scope.kind == "comprehension" and scope.parent is not None:
            scope = scope.parent
        variable = scope.variable(node.target.id)
        variable.stores.append(node.target)
        variable.values.append(node.value)

    # Scopes

    @contextmanager
    def _inside(self, kind: str) -> Iterator[None]:
        self._scope = Scope(parent=self._scope, kind=kind)
        self._scopes.append(self._scope)
        yield
        self._scope = self._scope.parent or self._module

    def _visit_all(self, *nodes: ast.AST | None) -> None:
        for node in nodes:
            if node is not None:
                self.visit(node)

    def _visit_function(self, node: Function) -> None:
        arguments = node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        every += [argument for argument in (arguments.vararg, arguments.kwarg) if argument is not None]
        self._visit_all(
            *arguments.defaults, *arguments.kw_defaults, *(argument.annotation for argument in every)
        )
        if not isinstance(node, ast.Lambda):
            self._fix(node.name)
            self._visit_all(*node.decorator_list, node.returns, *getattr(node, "type_params", ()))
        with self._inside("function"):
            for argument in every:
                self._fix(argument.arg)
            self._visit_all(*([node.body] if isinstance(node, ast.Lambda) else node.body))

    visit_FunctionDef = visit_AsyncFunctionDef = visit_Lambda = _visit_function  # noqa: N815

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Open a scope that functions within it do not see."""
        self._fix(node.name)
        self._visit_all(*node.decorator_list, *node.bases, *node.keywords, *getattr(node, "type_params", ()))
        with self._inside("class"):
            self._visit_all(*node.body)

    def _visit_comprehension(self, node: Comprehension) -> None:
        self.visit(node.generators[0].iter)  # outside, as Python does
        with self._inside("comprehension"):
            for number, part in enumerate(node.generators):
                self._visit_all(part.target, *part.ifs, part.iter if number else None)
            values = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
            self._visit_all(*values)

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _visit_comprehension  # noqa: N815

    # What uses names

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """Keep a whole chain of attributes together."""
        root, attributes = chain_of(node)
        if root is None:
            self.generic_visit(node)
        else:
            self._pending.append((self._scope, root, attributes))

    def visit_Name(self, node: ast.Name) -> None:
        """Keep a use, or a place where it is assigned to."""
        if isinstance(node.ctx, ast.Load):
            self._pending.append((self._scope, node, ()))
        else:
            self._scope.variable(node.id).stores.append(node)


def _named_by(value: ast.expr) -> str | None:
    """Return the module that a call such as ``import_module("torchtext.vocab")`` returns."""
    if isinstance(value, ast.Call) and value.args and isinstance(value.args[0], ast.Constant):
        function = value.func.attr if isinstance(value.func, ast.Attribute) else getattr(value.func, "id", "")
        module = value.args[0].value
        if function in _IMPORTERS and isinstance(module, str) and module.split(".")[0] == OLD:
            return OLD if function == "__import__" else module
    return None
