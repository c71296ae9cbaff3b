"""A pickle's bytes → what it says, as plain data: nothing in it is imported, called or made.

Where a pickle names a class or a function there is a `Name` here, and where it would call or fill one there is a
`Made`. So any pickle can be read and looked at, and what it would have done is not done. The standard library's
`pickletools` takes the bytes apart, within the file's own length; its memo is a dict here, so that a pickle that
counts up to four thousand million costs nothing.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

__all__ = ["BrokenPickleError", "Made", "Name", "read_symbols"]


class BrokenPickleError(ValueError):
    """These bytes are no pickle, or one that says what no file of ours says; the reader adds which file it is."""


@dataclass(frozen=True, slots=True)
class Name:
    """A class or a function, of which nothing but its name is known."""

    module: str
    name: str


@dataclass(slots=True, eq=False, repr=False)  # a pickle may nest deeper than repr() and == can follow
class Made:
    """What a call would have given, and the state that it would have been filled with."""

    maker: object  # a `Name`, where the pickle is sound
    state: object = None
    arguments: object = ()  # a tuple, where the pickle is sound


def read_symbols(file: BinaryIO) -> object:
    """Read one pickle, of protocol 0 to 5, up to its end.

    Returns:
        str, bytes, int, float, bool, None, list, tuple, dict with keys of text or numbers, `Name` or `Made`. Sets
        are lists. What Python 2 called ``str`` is str where it is ASCII, and bytes where it is not.

    Raises:
        BrokenPickleError: The bytes are no pickle, are cut short, or say what is not in this list.
    """
    from pickletools import genops

    machine = _Machine()
    try:
        # Reading a text of protocol 0, Python warns of escapes that it does not know.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            for opcode, argument, _ in genops(file):
                machine.take(opcode.name, argument)
        return machine.stack.pop()
    except BrokenPickleError:
        raise
    except (ValueError, TypeError, LookupError, OverflowError) as error:
        raise BrokenPickleError(f"it is no pickle, or a damaged one ({str(error)[:100]})") from error


class _Machine:
    """The stack, the marks in it, and the memo: what a pickle's opcodes work on."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self._marks: list[int] = []  # places in the stack
        self._memo: dict[int, Any] = {}

    def take(self, opcode: str, argument: Any) -> None:
        if opcode in _GIVEN:
            self.stack.append(argument)
        elif opcode in _ACTS:
            _ACTS[opcode](self, argument)
        else:
            raise BrokenPickleError(f"it has {opcode} in it, which is not read here")

    def old_text(self, text: str) -> None:
        self.stack.append(text if text.isascii() else text.encode("latin-1"))

    def put(self, place: int | None) -> None:
        self._memo[len(self._memo) if place is None else place] = self.stack[-1]

    def get(self, place: int) -> None:
        self.stack.append(self._memo[place])

    def mark(self, _: None) -> None:
        self._marks.append(len(self.stack))

    def since_mark(self) -> list[Any]:
        start = self._marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def last(self, n: int) -> list[Any]:
        items = self.stack[-n:]
        if len(items) < n:
            raise IndexError("a stack that is too short")
        del self.stack[-n:]
        return items

    def name(self, both: str | None) -> None:
        module, name = self.last(2) if both is None else both.split(" ", 1)
        if not isinstance(module, str) or not isinstance(name, str):
            raise BrokenPickleError("it has a name in it that is not text")
        self.stack.append(Name(module, name))

    def make(self, _: None) -> None:
        maker, arguments = self.last(2)
        self.stack.append(Made(maker, None, arguments))

    def fill(self, _: None) -> None:
        (state,) = self.last(1)
        if not isinstance(self.stack[-1], Made):
            raise BrokenPickleError("it fills what is no object")
        self.stack[-1].state = state

    def stored_apart(self, _: None) -> None:
        (what,) = self.last(1)
        # torch before 1.6 wrote the class of a module so, together with its source; a tensor's numbers are
        # another such thing.
        is_class = isinstance(what, tuple) and len(what) == 4 and what[0] == "module"
        self.stack.append(what[1] if is_class else Made(Name("torch", "storage")))

    def add(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if isinstance(target, list):
            target.extend(items)
        elif not isinstance(target, Made):  # an object's own items are not kept
            raise BrokenPickleError("it adds to what is no list")

    def assign(self, items: list[Any]) -> None:
        target, pairs = self.stack[-1], zip(items[::2], items[1::2], strict=True)
        if not isinstance(target, (dict, Made)):
            raise BrokenPickleError("it assigns to what is no dict")
        for key, value in pairs:
            # Nothing else: hash() of a tuple that is nested deep enough ends the process.
            if type(key) not in _KEYS and isinstance(target, dict):
                raise BrokenPickleError("it has a dict with keys that are neither text nor numbers")
            if isinstance(target, dict):
                target[key] = value


# Opcodes whose argument is the value.
_NUMBERS = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"}
_BYTES = {"BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"}
_GIVEN = _NUMBERS | _BYTES | {"UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"}
_KEYS = {str, bytes, int, float, bool, type(None)}
_ACTS: dict[str, Callable[[_Machine, Any], None]] = {
    "PROTO": lambda *_: None,
    "FRAME": lambda *_: None,
    "STOP": lambda *_: None,
    "PUT": _Machine.put,
    "BINPUT": _Machine.put,
    "LONG_BINPUT": _Machine.put,
    "MEMOIZE": _Machine.put,
    "GET": _Machine.get,
    "BINGET": _Machine.get,
    "LONG_BINGET": _Machine.get,
    "STRING": _Machine.old_text,
    "BINSTRING": _Machine.old_text,
    "SHORT_BINSTRING": _Machine.old_text,
    "NONE": lambda m, _: m.stack.append(None),
    "NEWTRUE": lambda m, _: m.stack.append(True),
    "NEWFALSE": lambda m, _: m.stack.append(False),
    "EMPTY_TUPLE": lambda m, _: m.stack.append(()),
    "EMPTY_LIST": lambda m, _: m.stack.append([]),
    "EMPTY_SET": lambda m, _: m.stack.append([]),
    "FROZENSET": lambda m, _: m.stack.append(m.since_mark()),
    "EMPTY_DICT": lambda m, _: m.stack.append({}),
    "MARK": _Machine.mark,
    "TUPLE": lambda m, _: m.stack.append(tuple(m.since_mark())),
    "TUPLE1": lambda m, _: m.stack.append(tuple(m.last(1))),
    "TUPLE2": lambda m, _: m.stack.append(tuple(m.last(2))),
    "TUPLE3": lambda m, _: m.stack.append(tuple(m.last(3))),
    "APPEND": lambda m, _: m.add(m.last(1)),
    "APPENDS": lambda m, _: m.add(m.since_mark()),
    "ADDITEMS": lambda m, _: m.add(m.since_mark()),
    "SETITEM": lambda m, _: m.assign(m.last(2)),
    "SETITEMS": lambda m, _: m.assign(m.since_mark()),
    "GLOBAL": _Machine.name,
    "STACK_GLOBAL": _Machine.name,
    "NEWOBJ": _Machine.make,
    "REDUCE": _Machine.make,
    "BUILD": _Machine.fill,
    "BINPERSID": _Machine.stored_apart,
}
