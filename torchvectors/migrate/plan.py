"""What a program uses → which of its words can change, and why the others stay."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from torchvectors.migrate.names import TABLE, find, members
from torchvectors.migrate.records import OLD

if TYPE_CHECKING:
    from torchvectors.migrate.records import Name
    from torchvectors.migrate.uses import Scopes
    from torchvectors.migrate.variables import Binding, Use, Variable

__all__ = ["Cause", "Plan", "known_of", "plan"]


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something that is covered stays as it is, and the line of the whole program that this is seen on."""

    text: str
    line: int | None = None


@dataclass(slots=True, kw_only=True)
class Plan:
    """What changes, and why the rest stays."""

    names: list[ast.Name] = field(default_factory=list)  # each gets the new word, as do all of the following
    declared: list[ast.Global | ast.Nonlocal] = field(default_factory=list)
    imports: list[ast.alias] = field(default_factory=list)
    froms: list[ast.ImportFrom] = field(default_factory=list)
    doubled: list[tuple[ast.Import, ast.alias]] = field(
        default_factory=list
    )  # the old word stays beside the new
    left: dict[Binding | Use, Cause] = field(default_factory=dict)


def known_of(use: Use, binding: Binding) -> Name | None:
    """Return what is known of a name that is used; None where nothing is, and nothing need be.

    An unknown name is none of torchtext's where its variable is assigned to as well: after
    ``vocab = vocab.vocab(counts)`` it is a method of something else.
    """
    known, variable = use.known(binding), use.variable
    if known is not None and known.old not in TABLE and variable.name != OLD:
        imports = sum(isinstance(one.node, (ast.Import, ast.ImportFrom)) for one in variable.bindings)
        if variable.fixed or len(variable.stores) > len(variable.bindings) - imports:
            return None
    return known


def plan(scopes: Scopes) -> Plan:
    """Decide which words change.

    An import changes if all that it gives is covered, wherever in the program that is used. Where the bare
    ``import torchtext`` gives some names that are covered and some that are not, the covered ones change, and
    the line imports both packages.
    """
    made = Plan()
    causes: dict[ast.ImportFrom, list[Cause]] = {}  # a whole statement stays for any of them
    statements: list[tuple[Binding, list[Use]]] = [
        (binding, variable.uses) for variable in scopes.variables for binding in variable.bindings
    ]
    for binding, uses in statements:
        if binding.stays:
            made.left[binding] = Cause(binding.stays)
        if binding.alias is None or binding.imported.split(".")[0] != OLD or _is_plain(binding):
            continue
        cause = _cause(binding, uses, scopes, set())
        if isinstance(binding.node, ast.ImportFrom):
            causes.setdefault(binding.node, []).extend([cause] if cause else [])
        elif cause:
            made.left[binding] = cause
        else:
            made.imports.append(binding.alias)
    for binding, used in scopes.stars:
        if binding.imported.split(".")[0] == OLD and isinstance(binding.node, ast.ImportFrom):
            causes.setdefault(binding.node, []).extend(_star_causes(binding, used))
    made.froms = [node for node, found in causes.items() if not found]
    for binding in [*(binding for binding, _ in statements), *(binding for binding, _ in scopes.stars)]:
        if isinstance(binding.node, ast.ImportFrom) and causes.get(binding.node):
            made.left[binding] = causes[binding.node][0]
    for variable in scopes.variables:
        if any(map(_is_plain, variable.bindings)):
            _plan_plain(variable, made, scopes)
    return made


def _is_plain(binding: Binding) -> bool:
    """Say whether this is ``import torchtext`` or ``import torchtext.vocab``, which bind the word itself."""
    alias = binding.alias if isinstance(binding.node, ast.Import) else None
    return alias is not None and alias.asname is None and binding.target == OLD


def _plan_plain(variable: Variable, made: Plan, scopes: Scopes) -> None:
    plain = [binding for binding in variable.bindings if _is_plain(binding)]
    kept = {binding: cause for binding in plain if (cause := _cause(binding, [], scopes, set()))}
    staying = {use: cause for use in variable.uses if (cause := _use_cause(use, plain[0], scopes, set()))}
    good = [binding for binding in plain if binding not in kept]
    moving = [use for use in variable.uses if use not in staying]
    if variable.fixed or len(plain) < len(variable.bindings):
        cause = Cause(f"the name {OLD} is bound in another way, too")
        made.left |= dict.fromkeys([*good, *moving], cause)
    elif not kept and not staying:
        made.names += [*(use.root for use in moving), *variable.stores]
        made.declared += variable.declared
        made.imports += [binding.alias for binding in good if binding.alias]
    else:
        cause = next(iter([*staying.values(), *kept.values()]))
        chains = [use for use in moving if use.attributes]
        if variable.stores or variable.declared or not good or (staying and not chains):
            made.left |= dict.fromkeys([*good, *moving], cause)
            return
        made.names += [use.root for use in chains]
        made.left |= dict.fromkeys([use for use in moving if not use.attributes], cause)
        if not kept:  # one line has to go on binding the old word, for the names that stay
            first = good.pop(0)
            if isinstance(first.node, ast.Import) and first.alias:
                made.doubled.append((first.node, first.alias))
        made.imports += [binding.alias for binding in good if binding.alias]


def _cause(binding: Binding, uses: list[Use], scopes: Scopes, seen: set[Use]) -> Cause | None:
    """Say what keeps an import from being changed; None if nothing does."""
    known = find(binding.imported)
    if known is not None and not known.covered:
        return Cause(f"{known.old} is not covered", binding.node.lineno)
    return next((cause for use in uses if (cause := _use_cause(use, binding, scopes, seen))), None)


def _use_cause(use: Use, binding: Binding, scopes: Scopes, seen: set[Use]) -> Cause | None:
    known = known_of(use, binding)
    if known is not None and not known.covered:
        return Cause(f"{known.old} is not covered", use.root.lineno)
    if use in seen:
        return None
    seen.add(use)
    # Of `T = torchtext.transforms`, what T gives counts as well.
    followed = scopes.followed.get(use, ())
    return next((cause for one, uses in followed if (cause := _cause(one, uses, scopes, seen))), None)


def _star_causes(binding: Binding, used: list[tuple[Name, int]]) -> list[Cause]:
    if binding.imported == OLD:
        return [Cause("the modules that it imports should be named, in the place of *")]
    # Whatever is not used here, another module may import from here.
    further = [find(binding.imported), *(name for name in members(binding.imported) if name.state != "gone")]
    wanted = [*used, *((name, binding.node.lineno) for name in further)]
    return [Cause(f"{name.old} is not covered", line) for name, line in wanted if name and not name.covered]
