"""A store's tokens → the list and the dict that torchtext had, made real only when somebody writes to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping, MutableSequence, Sequence
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from torchvectors.store import Store

__all__ = ["Itos", "Stoi"]


class Itos(MutableSequence[str]):
    """The tokens in the order of their rows: ``itos[i]`` is the token of row i.

    It does all that a list does, and reads the store meanwhile; the first write to it makes it a list of its
    own. It is no instance of ``list``: C code that looks inside lists would find it empty. ``list(itos)`` or
    ``itos.copy()`` gives one.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._list: list[str] | None = None

    @property
    def written(self) -> bool:
        """Whether it has become a list of its own."""
        return self._list is not None

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
        rows = range(len(self._store))[index]  # IndexError and slices as a list has them
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
        if value not in self:
            raise ValueError(f"{value!r} is not in list")
        stop = len(self) if stop is None else stop
        if self._list is None and len(self._store) == len(self._store.index):  # no duplicates: the only one
            row = self._store.index.find(value)
            if row is not None and row in range(len(self))[start:stop]:
                return row
        return list(self).index(value, start, stop)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (list, Itos)):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # a list has none either

    def __add__(self, other: Iterable[str]) -> list[str]:
        return [*self, *other] if isinstance(other, (list, Itos)) else NotImplemented

    def __radd__(self, other: Iterable[str]) -> list[str]:
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

    def sort(self, **how: object) -> None:
        """Sort in place, as ``list.sort``."""
        self._real().sort(**how)  # type: ignore[call-overload]  # list.sort checks its own arguments

    def copy(self) -> list[str]:
        """Return a list."""
        return list(self)

    def __reduce__(self) -> tuple[object, ...]:
        return list, (list(self),)

    def __repr__(self) -> str:
        return _abbreviated(list(self) if len(self) <= _SHOWN else self[:_SHOWN], len(self), "[]")


class Stoi(MutableMapping[str, int]):
    """The row of each token: ``stoi[token]``; of duplicates the last one's, as in torchtext.

    It does all that a dict does, and reads the store meanwhile; the first write to it makes it a dict of its own.
    It is no instance of ``dict``, for the reason given in `Itos`; ``dict(stoi)`` or ``stoi.copy()`` gives one.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._dict: dict[str, int] | None = None

    @property
    def written(self) -> bool:
        """Whether it has become a dict of its own."""
        return self._dict is not None

    def _real(self) -> dict[str, int]:
        if self._dict is None:
            self._dict = self.copy()
        return self._dict

    def __len__(self) -> int:
        return len(self._store.index if self._dict is None else self._dict)

    def __getitem__(self, token: str) -> int:
        if self._dict is not None:
            return self._dict[token]
        row = self._store.index.find(token) if isinstance(token, str) else None
        if row is None:
            raise KeyError(token)
        return row

    def __contains__(self, token: object) -> bool:
        if self._dict is not None:
            return token in self._dict
        return isinstance(token, str) and self._store.index.find(token) is not None

    def __iter__(self) -> Iterator[str]:
        if self._dict is not None:
            return iter(self._dict)
        if len(self._store) == len(self._store.index):
            return self._store.tokens()
        return iter(self.copy())

    def copy(self) -> dict[str, int]:
        """Return a dict, in the order of each token's first row."""
        return (
            dict(self._dict) if self._dict is not None else {t: i for i, t in enumerate(self._store.tokens())}
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapping):
            return NotImplemented
        return len(self) == len(other) and self.copy() == dict(other)

    __hash__ = None  # type: ignore[assignment]  # a dict has none either

    def __or__(self, other: Mapping[str, int]) -> dict[str, int]:
        return {**self.copy(), **other}

    def __ror__(self, other: Mapping[str, int]) -> dict[str, int]:
        return {**other, **self.copy()}

    def __setitem__(self, token: str, row: int) -> None:
        self._real()[token] = row

    def __delitem__(self, token: str) -> None:
        del self._real()[token]

    def __reduce__(self) -> tuple[object, ...]:
        return dict, (self.copy(),)

    def __repr__(self) -> str:
        shown = [token for token, _ in zip(self, range(_SHOWN), strict=False)]
        return _abbreviated([f"{token!r}: {self[token]}" for token in shown], len(self), "{}")


_SHOWN = 20  # tokens in a repr: a list's own would be megabytes long


def _abbreviated(items: Sequence[str], total: int, brackets: str) -> str:
    shown = [repr(item) if brackets == "[]" else item for item in items[:_SHOWN]]
    more = [f"… {total - len(shown):,} more"] if total > len(shown) else []
    return f"{brackets[0]}{', '.join(shown + more)}{brackets[1]}"
