"""A tree → calls that no change of a word mends: traps, older forms, names in strings."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, NamedTuple

from torchvectors.migrate.older import VOCAB_ARGUMENTS
from torchvectors.migrate.pipes import FORMS
from torchvectors.migrate.records import NEW, OLD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torchvectors.migrate.uses import Scopes

__all__ = ["Habit", "habits"]

_DOTTED = re.compile(rf"{OLD}(?:\.\w+)+|torchdata\.(?:datapipes|dataloader2)(?:\.\w+)*")
_REQUIREMENT = re.compile(rf"{OLD}\s*(?:[=<>!~]=|[<>@])\s*\S.*")
_BY_NAME = frozenset(
    [
        "import_module",
        "__import__",
        "importorskip",
        "find_spec",
        "patch",
        "version",
        "distribution",
        "get_distribution",
        "require",
        "run_module",
    ]
)
_PIPES = ("torchdata.datapipes.", "torch.utils.data.", f"{OLD}.datasets.", f"{NEW}.datasets.")
_READLINES = frozenset({"decode", "return_path", "skip_lines", "strip_newline"})
_FILES = frozenset(
    {"SentencePieceTokenizer", "GPT2BPETokenizer", "CharBPETokenizer", "CLIPTokenizer", "BERTTokenizer"}
)
_LEGACY_PARTS = {
    "stoi": "`vocab.get_stoi()`",
    "itos": "`vocab.get_itos()`",
    "vectors": "`torchvectors.align(vocab, vectors).matrix`",
    "freqs": "the `collections.Counter` that the vocabulary was made of",
}
_TRAP = (
    "its values are row numbers, not frequencies, so the first token is dropped, and each later one gets its "
    "neighbour's row. Use `vocab = Vocab.from_vectors({0}, specials=[…])`, and `torchvectors.align(vocab, {0}).matrix`"
)
_COUNTED = (
    "this is the Vocab of torchtext before 0.10. Use `build_vocab_from_iterator([counter], min_freq=…, "
    'specials=[…])`, then `set_default_index(vocab["<unk>"])`; `torchvectors.align(vocab, vectors)` makes the matrix'
)
_MATRIX = "use `torchvectors.align(vocab, vectors).matrix`, or `.embedding()` of it: row i belongs to token i"
_BY_STRING = "a name in a string is left as it is: change it by hand"


class Habit(NamedTuple):
    """Something that needs a hand, and what to do."""

    line: int
    what: str
    advice: str


def habits(tree: ast.Module, scopes: Scopes) -> Iterator[Habit]:
    """Find what needs a hand."""
    finder = _Finder(scopes)
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from finder.of_call(node)
        elif isinstance(node, ast.Attribute):
            yield from finder.of_attribute(node)
        elif isinstance(node, ast.Constant) and id(node) not in docstrings and _is_named(node.value):
            yield Habit(node.lineno, repr(node.value), _BY_STRING)


class _Finder:
    def __init__(self, scopes: Scopes) -> None:
        self.scopes = scopes
        targets = [binding.target for variable in scopes.variables for binding in variable.bindings]
        self.has_pipes = any(target.startswith((*_PIPES, "torchdata")) for target in targets)
        self.has_fields = any(".legacy" in target or target.endswith("Field") for target in targets) or any(
            use.attributes and use.attributes[-1].endswith("Field")
            for variable in scopes.variables
            for use in variable.uses
        )

    def of_call(self, node: ast.Call) -> Iterator[Habit]:
        """Find what is wrong with a call."""
        meaning = self.scopes.meaning(node.func) or ""
        package, _, inner = meaning.partition(".")
        called = _last(node.func)
        keywords = {keyword.arg for keyword in node.keywords}
        if package in (OLD, NEW):
            yield from self._of_ours(node, inner)
        if called in _BY_NAME and any(_text(argument) == OLD for argument in node.args):
            yield Habit(node.lineno, f"{called}({OLD!r})", _BY_STRING)
        if isinstance(node.func, ast.Attribute) and package != NEW:
            if called == "build_vocab" and keywords & {"vectors", "unk_init", "vectors_cache", "max_size"}:
                yield Habit(node.lineno, ".build_vocab(…, vectors=…)", f"gone with torchtext 0.12: {_MATRIX}")
            elif called in ("load_vectors", "set_vectors") and "vocab" in _last(node.func.value).lower():
                several = "; of several vectors, Stack([a, b]) makes one"
                yield Habit(node.lineno, f".{called}(…)", f"gone with torchtext 0.10: {_MATRIX}{several}")
            elif called in FORMS and self._is_form(node.func, called, keywords):
                yield Habit(node.lineno, f".{called}(…)", f"torchdata 0.10 dropped it: {FORMS[called][0]}")

    def _of_ours(self, node: ast.Call, inner: str) -> Iterator[Habit]:
        arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
        keywords = {keyword.arg: keyword.value for keyword in node.keywords}
        name = inner.rpartition(".")[2]
        if inner in ("vocab.vocab", "vocab.vocab_factory.vocab") and arguments:
            given = keywords.get("ordered_dict", node.args[0] if node.args else arguments[0])
            least = keywords.get("min_freq", node.args[1] if len(node.args) > 1 else None)
            if (vectors := self._rows_of(given, set())) and not _at_most_zero(least):
                yield Habit(node.lineno, ast.unparse(node), _TRAP.format(vectors))
        elif inner in ("vocab.Vocab", "vocab.vocab.Vocab", "Vocab"):
            if keywords.keys() & VOCAB_ARGUMENTS or any(map(self._is_counter, node.args[:1])):
                yield Habit(node.lineno, "Vocab(counter, …)", _COUNTED)
        elif inner.startswith("transforms.") and name in _FILES:
            for url in list(filter(None, map(self._url_in, arguments)))[:1]:
                cure = "a transform downloads nothing here: fetch the file first, and give its path"
                yield Habit(node.lineno, f"{name}({url!r})", cure)

    def of_attribute(self, node: ast.Attribute) -> Iterator[Habit]:
        """Find attributes that a Field's vocabulary had."""
        known = (
            node.attr in _LEGACY_PARTS
            and isinstance(node.value, ast.Attribute)
            and node.value.attr == "vocab"
        )
        if self.has_fields and known and self.scopes.meaning(node) is None:
            advice = f"gone with Field: use {_LEGACY_PARTS[node.attr]}"
            yield Habit(node.lineno, f".vocab.{node.attr}", advice)

    def _rows_of(self, node: ast.expr, seen: set[int]) -> str | None:
        """Return the vectors, as written, if this is their table of row numbers."""
        for value in self.scopes.values(node):
            if isinstance(value, ast.Attribute) and value.attr == "stoi":
                return ast.unparse(value.value)
            if isinstance(value, ast.Call) and id(value) not in seen:
                seen.add(id(value))
                inner = (
                    value.args[0]
                    if len(value.args) == 1 and _last(value.func) in ("dict", "OrderedDict")
                    else None
                )
                if isinstance(value.func, ast.Attribute) and value.func.attr in ("copy", "items"):
                    inner = value.func.value
                if inner is not None and (found := self._rows_of(inner, seen)):
                    return found
        return None

    def _url_in(self, node: ast.expr) -> str | None:
        """Return a URL that an expression is made of, as far as strings and plain assignments tell."""
        names = [part for part in ast.walk(node) if isinstance(part, ast.Name)]
        expressions = [node, *(value for name in names for value in self.scopes.values(name))]
        texts = (_text(part) for expression in expressions for part in ast.walk(expression))
        return next((text for text in texts if "://" in text), None)

    def _is_counter(self, node: ast.expr) -> bool:
        return any(
            isinstance(value, (ast.Dict, ast.DictComp))
            or (
                isinstance(value, ast.Call)
                and _last(value.func) in ("Counter", "OrderedDict", "dict", "defaultdict")
            )
            for value in self.scopes.values(node)
        )

    def _is_form(self, function: ast.Attribute, form: str, keywords: set[str | None]) -> bool:
        _, sure = FORMS[form]
        return self.has_pipes and (
            sure or bool(keywords & _READLINES) or self._is_pipe(function.value, set())
        )

    def _is_pipe(self, node: ast.expr, seen: set[int]) -> bool:
        """Say whether this is a DataPipe, as far as calls and plain assignments tell."""
        if id(node) in seen:
            return False
        seen.add(id(node))
        if isinstance(node, ast.Call):
            if (self.scopes.meaning(node.func) or "").startswith(_PIPES):
                return True
            return isinstance(node.func, ast.Attribute) and self._is_pipe(node.func.value, seen)
        return any(value is not node and self._is_pipe(value, seen) for value in self.scopes.values(node))


def _is_named(value: object) -> bool:
    """Say whether this is a string that can only be a dotted name, or a requirement of a package."""
    return isinstance(value, str) and bool(_DOTTED.fullmatch(value) or _REQUIREMENT.fullmatch(value))


def _last(node: ast.expr) -> str:
    """Return the last name of a chain."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _text(node: ast.AST) -> str:
    """Return a string that stands there as it is; of anything else, nothing."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _at_most_zero(node: ast.expr | None) -> bool:
    try:
        return node is not None and bool(ast.literal_eval(node) <= 0)
    except (ValueError, TypeError):
        return False
