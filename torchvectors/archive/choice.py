"""The members of an archive, one after another → the one that is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from torchvectors.errors import MemberError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Choice"]

_SHOWN, _LONGEST_NAME = 20, 200  # members that an error names, and characters of each

Info = TypeVar("Info")  # what an archive says of a member


class Choice(Generic[Info]):
    """The one member that is meant, of those that go by; the others are forgotten, for there may be many."""

    def __init__(self, path: Path, member: str | None) -> None:
        self._path, self._member = path, member
        self._named: Info | None = None  # the last one of this path
        self._alike: Info | None = None  # the last one whose path ends so
        self._number = self._count = 0  # of those, and of all
        self._shown: list[str] = []

    def offer(self, name: str, info: Info) -> None:
        """Look at a member."""
        self._count += 1
        if len(self._shown) < _SHOWN:
            self._shown.append(name[:_LONGEST_NAME])
        if name == self._member:
            self._named = info
        if self._member is None or name.rpartition("/")[2] == self._member:
            self._alike, self._number = info, self._number + 1

    def made(self) -> Info:
        """Return the one.

        Raises:
            MemberError: There is none, or there are several.
        """
        if self._named is not None:
            return self._named
        if self._alike is not None and self._number == 1:
            return self._alike
        member, number, more = self._member, self._number, self._count - len(self._shown)
        what = f"there is no {member!r}" if not number else f"there are {number} files to choose from"
        shown = ", ".join(self._shown) + (f" and {more} more" if more else "")
        cure = "Unpack the one you want and give its path." if member is None else "Name one of these."
        raise MemberError(f"{self._path}: {what} in this archive. It holds: {shown or 'nothing'}. {cure}")
