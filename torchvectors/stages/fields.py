"""A row without its tokens ↔ bytes, exactly: what JSON cannot hold as it is, is refused."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from torchvectors.errors import GraphError
from torchvectors.rows import Column, column_of, with_field
from torchvectors.stages.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Fields"]

_ATOMS = frozenset(
    {int, float, str, bool, type(None)}
)  # and nothing derived from them, which would come back plain
# One encoder for all rows: json.dumps makes one each time, which takes as long as to use it.
_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_LARGE = 1 << 64  # Python may refuse to write an int of thousands of digits
_DICT, _TUPLE = -1, 0  # how a row's form is numbered; named tuples are numbered from 1


class Fields:
    """Packs and unpacks what rows hold besides their tokens: tuples, named tuples and dicts.

    Args:
        columns: The tokens' columns.
        named: The classes of named tuples, as `named` gives them.

    Raises:
        GraphError: The class of a named tuple is not there.
    """

    def __init__(self, columns: Sequence[Column], named: list[list[Any]] | None = None) -> None:
        self.columns = columns
        self._of_second = list(columns) in ([None], [1])
        self._places: dict[int, list[Any]] = {}  # of the tokens, by the form of the row
        self.named = [] if named is None else named  # [module, name, fields] of each class, in JSON's types
        self._classes = [_class_of(*one) for one in self.named]

    def packed(self, row: Any, number: int) -> bytes:
        """Return the bytes of a row without its tokens.

        Args:
            row: A row.
            number: Which one, for errors.

        Raises:
            GraphError: A field is not of plain numbers, str, bool, None, lists and dicts.
        """
        if not isinstance(row, (tuple, dict)):
            return b"null"
        # The usual row, a number and its text: done for each row of a corpus, and in a tenth of the time.
        if self._of_second and type(row) is tuple and len(row) == 2:
            label = row[0]
            if type(label) is int and -_LARGE < label < _LARGE:
                return b"[0,[%d,null]]" % label
        rest: Any = row
        for column in self.columns:
            rest = with_field(rest, column, None)
        form = _DICT if type(row) is dict else self._number_of(row, number)
        values: Any = rest if form == _DICT else list(rest)
        try:
            for name, value in rest.items() if form == _DICT else enumerate(rest):
                if form == _DICT and type(name) is not str:
                    raise TypeError(f"its key {name!r:.80} is no str")
                if type(value) not in _ATOMS:
                    values[name] = list(value) if type(value) is Tokens else value  # another column's
                    _expect_exact(values[name], name)
            return _json([form, values]).encode("utf-8", "surrogatepass")
        except (TypeError, ValueError, RecursionError) as error:
            text = f"build_vocab: record_rows cannot write row {number}: {error}."
            cure = "It can write numbers, str, bool, None, and lists and dicts of these: take the field out before, or"
            raise GraphError(f"{text} {cure} leave record_rows out.") from error

    def unpacked(self, content: bytes, tokens: Sequence[Tokens]) -> Iterator[Any]:
        """Yield the rows that `packed` has packed, a comma behind each, with tokens in their places."""
        entries = json.loads(f"[{content[:-1].decode('utf-8', 'surrogatepass')}]")
        own, places = iter(tokens), self._places
        for entry in entries:
            if entry is None:
                yield next(own)
                continue
            form, values = entry
            for place in places.get(form) or self._places_in(form):
                values[place] = next(own)
            if form == _TUPLE:
                yield tuple(values)
            else:
                yield values if form == _DICT else self._classes[form - 1]._make(values)

    def _places_in(self, form: int) -> list[Any]:
        """Return the keys or positions of the tokens in rows of a form."""
        names = () if form <= _TUPLE else self._classes[form - 1]._fields
        like: Any = {} if form == _DICT else ()
        places = [names.index(one) if one in names else column_of(like, one) for one in self.columns]
        self._places[form] = places
        return places

    def _number_of(self, row: Any, number: int) -> int:
        cls = type(row)
        if cls is tuple:
            return _TUPLE
        if cls in self._classes:
            return self._classes.index(cls) + 1
        module, name, fields = cls.__module__, cls.__qualname__, list(getattr(cls, "_fields", ()))
        if not hasattr(cls, "_make") or _found(module, name, fields) is not cls:
            text = f"build_vocab: record_rows cannot write row {number}, which is a {module}.{name}"
            cure = "Give tuples, dicts, or named tuples whose class stands at the top of a module."
            raise GraphError(f"{text}. {cure}")
        self.named.append([module, name, fields])
        self._classes.append(cls)
        return len(self._classes)


def _expect_exact(value: Any, name: object) -> None:
    kind = type(value)
    if kind in _ATOMS:
        return
    if kind is list:
        for one in value:
            _expect_exact(one, name)
    elif kind is dict:
        for key, one in value.items():
            if type(key) is not str:
                raise TypeError(f"its field {name!r} holds a dict with the key {key!r:.80}")
            _expect_exact(one, name)
    else:
        raise TypeError(f"its field {name!r} holds a {kind.__module__}.{kind.__qualname__}, {value!r:.80}")


def _class_of(module: str, name: str, fields: list[str]) -> Any:
    found = _found(module, name, fields)
    if found is None:
        text = f"build_vocab: recorded rows are named tuples of {module}.{name}{tuple(fields)}, which is not there."
        raise GraphError(f"{text} Import {module} before the rows are read.")
    return found


def _found(module: str, name: str, fields: list[str]) -> Any:
    # What a file names is looked for among what the program has imported itself, and never imported.
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    is_that = (
        isinstance(found, type)
        and issubclass(found, tuple)
        and getattr(found, "_fields", None) == tuple(fields)
    )
    return found if is_that else None
