"""A store's tokens → the list and the dict that torchtext had, made real only when somebody writes to them."""

from __future__ import annotations

from collections.abc import (
    ItemsView,
    Iterable,
    Iterator,
    Mapping,
    MutableMapping,
    MutableSequence,
    ValuesView,
)
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from typing_extensions import Self

    from torchvectors.store import Store
    from torchvectors.vectors.joined import Joined

__all__ = ["Itos", "Stoi"]

Other = TypeVar("Other")

_SHOWN = 20  # tokens in a repr: a list's own would be megabytes long


class Itos(MutableSequence[str]):
    """The tokens in the order of their rows: ``itos[i]`` is the token of row i.

    It does what a list does, and reads the store meanwhile; the first write to it makes it a list of its own.
    It is no instance of ``list``: C code that looks inside lists would find it empty. ``list(itos)`` or
    ``itos.copy()`` gives one.
    """

    def __init__(self, store: Store | Joined) -> None:
        self._store = store
        self._list: list[str] | None = None

    @property
    def store(self) -> Store | Joined | None:
        """The store that it reads; None once it is a list of its own."""
        return self._store if self._list is None else None

    def _real(self) -> list[str]:
        if self._list is None:
            self._list = list(self._store.tokens())
        return self._list

    def __len__(self) -> int:
        return len(self._store if self._list is None else self._list)

    def __iter__(self) -> Iterator[str]:
        return self._store.tokens() if self._list is None else iter(self._list)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if self._list is not None:
            return self._list[index]
        rows = range(len(self._store))[index]  # IndexError, TypeError and slices as a list has them
        if isinstance(rows, int):
            return next(self._store.tokens(rows, rows + 1))
        if rows.step == 1:
            return list(self._store.tokens(rows.start, rows.stop))
        return [next(self._store.tokens(row, row + 1)) for row in rows]

    def __contains__(self, token: object) -> bool:
        if self._list is not None:
            return token in self._list
        return isinstance(token, str) and self._store.index.find(token) is not None

    def index(self, value: str, start: int = 0, stop: int | None = None) -> int:
        """Return the first position of a token, as ``list.index`` does.

        Raises:
            ValueError: It is not there.
        """
        end = len(self) if stop is None else stop
        if self._list is not None:
            return self._list.index(value, start, end)
        row = self._store.index.find(value) if isinstance(value, str) else None
        if row is not None and len(self._store) > len(self._store.index):
            return list(self).index(value, start, end)  # there are duplicates, and this is the last of them
        if row is None or row not in range(len(self))[start:end]:
            raise ValueError(f"{value!r} is not in list")
        return row

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (list, Itos)):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # a list has none either

    def __add__(self, other: list[str] | Itos) -> list[str]:
        return [*self, *other] if isinstance(other, (list, Itos)) else NotImplemented

    def __radd__(self, other: list[str]) -> list[str]:
        return [*other, *self] if isinstance(other, list) else NotImplemented

    def __mul__(self, times: int) -> list[str]:
        return list(self) * times

    __rmul__ = __mul__

    @overload
    def __setitem__(self, index: int, value: str) -> None: ...
    @overload
    def __setitem__(self, index: slice, value: Iterable[str]) -> None: ...
    def __setitem__(self, index: int | slice, value: str | Iterable[str]) -> None:
        self._real()[index] = value  # type: ignore[index, assignment]  # the overloads say which goes with which

    def __delitem__(self, index: int | slice) -> None:
        del self._real()[index]

    def insert(self, index: int, value: str) -> None:
        """Insert a token."""
        self._real().insert(index, value)

    def extend(self, values: Iterable[str]) -> None:
        """Append several tokens."""
        self._real().extend(values)

    def __imul__(self, times: int) -> Self:
        real = self._real()
        real *= times
        return self

    def sort(self, *, key: Callable[[str], Any] | None = None, reverse: bool = False) -> None:
        """Sort in place, as ``list.sort``."""
        self._real().sort(key=key, reverse=reverse)

    def copy(self) -> list[str]:
        """Return a list."""
        return list(self)

    def __reduce__(self) -> tuple[object, ...]:
        return list, (list(self),)

    def __repr__(self) -> str:
        return f"[{_shown([repr(token) for token in self[:_SHOWN]], len(self))}]"


class Stoi(MutableMapping[str, int]):
    """The row of each token: ``stoi[token]``; of duplicates the last one's, as in torchtext.

    It does what a dict does, and reads the store meanwhile; the first write to it makes it a dict of its own.
    It is no instance of ``dict``, for the reason given in `Itos`; ``dict(stoi)`` or ``stoi.copy()`` gives one.
    """

    def __init__(self, store: Store | Joined) -> None:
        self._store = store
        self._dict: dict[str, int] | None = None

    @property
    def store(self) -> Store | Joined | None:
        """The store that it reads; None once it is a dict of its own."""
        return self._store if self._dict is None else None

    def _real(self) -> dict[str, int]:
        if self._dict is None:
            self._dict = self.copy()
        return self._dict

    def _find(self, token: Hashable) -> int | None:
        if isinstance(token, str):
            return self._store.index.find(token)
        hash(token)  # a dict refuses a list with a TypeError, rather than not to find it
        return None

    def __len__(self) -> int:
        return len(self._store.index if self._dict is None else self._dict)

    def __getitem__(self, token: str) -> int:
        if self._dict is not None:
            return self._dict[token]
        row = self._find(token)
        if row is None:
            raise KeyError(token)
        return row

    def __contains__(self, token: object) -> bool:
        return token in self._dict if self._dict is not None else self._find(token) is not None

    @overload
    def get(self, token: str, default: None = None, /) -> int | None: ...
    @overload
    def get(self, token: str, default: Other, /) -> int | Other: ...
    def get(self, token: str, default: Other | None = None, /) -> int | Other | None:
        """Return a token's row, or ``default``; no exception is raised and caught on the way."""
        row = self._find(token) if self._dict is None else self._dict.get(token)
        return default if row is None else row

    def __iter__(self) -> Iterator[str]:
        if self._dict is not None:
            return iter(self._dict)
        if len(self._store) == len(self._store.index):
            return self._store.tokens()
        return iter(self.copy())

    def items(self) -> ItemsView[str, int]:
        """Return what ``dict.items`` does: a view that sees later writes."""
        return _Items(self)

    def values(self) -> ValuesView[int]:
        """Return what ``dict.values`` does: a view that sees later writes."""
        return _Values(self)

    def copy(self) -> dict[str, int]:
        """Return a dict, in the order of each token's first row."""
        if self._dict is not None:
            return self._dict.copy()
        return {token: row for row, token in enumerate(self._store.tokens())}

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Stoi):
            return self.copy() == other.copy()
        return self.copy() == other if isinstance(other, dict) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # a dict has none either

    def __or__(self, other: Mapping[str, int]) -> dict[str, int]:
        return {**self.copy(), **other} if isinstance(other, (dict, Stoi)) else NotImplemented

    def __ror__(self, other: Mapping[str, int]) -> dict[str, int]:
        return {**other, **self.copy()} if isinstance(other, dict) else NotImplemented

    def __setitem__(self, token: str, row: int) -> None:
        self._real()[token] = row

    def __delitem__(self, token: str) -> None:
        del self._real()[token]

    def popitem(self) -> tuple[str, int]:
        """Remove the last token, and return it with its row."""
        return self._real().popitem()

    def __ior__(self, other: Mapping[str, int] | Iterable[tuple[str, int]]) -> Self:
        self._real().update(other)
        return self

    def __reduce__(self) -> tuple[object, ...]:
        return dict, (self.copy(),)

    def __repr__(self) -> str:
        shown = [f"{token!r}: {self[token]}" for token in islice(self, _SHOWN)]
        return f"{{{_shown(shown, len(self))}}}"


# What collections.abc makes of these looks up one token after another, which takes ten times as long.
class _Items(ItemsView[str, int]):
    _mapping: Stoi

    def __iter__(self) -> Iterator[tuple[str, int]]:
        return iter(self._mapping.copy().items())


class _Values(ValuesView[int]):
    _mapping: Stoi

    def __iter__(self) -> Iterator[int]:
        return iter(self._mapping.copy().values())


def _shown(items: list[str], total: int) -> str:
    more = [f"… {total - len(items):,} more"] if total > len(items) else []
    return ", ".join(items + more)
