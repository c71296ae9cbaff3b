"""Paths, globs and lists of these → the files that are meant, in an order that is the same everywhere."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from torchvectors.errors import GraphError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Origin", "Wanted", "absolute", "listed", "wanted_in"]

Origin = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]  # what ``files=`` may be

_MAGIC = "*?["


def listed(origin: Origin, stage: str, *, folders: bool = False) -> tuple[Path, ...]:
    """Return the files that paths and globs name, as absolute paths.

    They come in the order in which they are named; those of one glob in the order of their names, by code points.

    Args:
        origin: A path; a glob, with ``*``, ``?``, ``[…]``, and ``**`` for any number of folders; or a list of these. A
            ``~`` at the beginning is the user's home.
        stage: Who asks.
        folders: Whether a folder stands for the files in its folders, or is an error.

    Raises:
        NotFoundError: A path is there no more, or no file matches a glob.
        GraphError: A file is named twice, or a folder where none may be; or nothing is named.
    """
    every = [origin] if isinstance(origin, (str, os.PathLike)) else list(_expected(origin, stage))
    if not every:
        raise GraphError(f"{stage}: no file is named. Give a path, a glob, or a list of these.")
    found: dict[str, tuple[str, str]] = {}  # the file → its path, and the name that it was met under
    for one in every:
        for path in _matching(os.fspath(one), stage, folders=folders):
            key = os.path.normcase(path)
            if key in found:
                text = f"{stage}: {path} is named twice, by {found[key][1]!r} and by {os.fspath(one)!r}"
                raise GraphError(f"{text}, and its rows would come twice. Name it once.")
            found[key] = path, os.fspath(one)
    return tuple(Path(path) for path, _ in found.values())


def _expected(origin: object, stage: str) -> Sequence[str | os.PathLike[str]]:
    if isinstance(origin, Sequence) and all(isinstance(one, (str, os.PathLike)) for one in origin):
        return origin
    text = f"{stage}: {origin!r:.100} (of type {type(origin).__name__}) names no files."
    raise GraphError(f"{text} Give a path, a glob, or a list of these.")


def _matching(name: str, stage: str, *, folders: bool) -> Iterator[str]:
    where = absolute(name)
    path = Path(where)
    if path.is_dir():
        if not folders:
            cure = f"Name the files in it: {os.path.join(name, '*')!r}, for one."  # noqa: PTH118 - a glob
            raise GraphError(f"{stage}: {name!r} is a folder. {cure}")
        yield from _globbed(f"{glob.escape(where)}{os.sep}*{os.sep}*", name, stage)
    elif path.exists():
        yield where
    elif any(letter in name for letter in _MAGIC):
        yield from _globbed(where, name, stage)
    else:
        cure = "Look at its name, and at the working folder."
        if "://" in name:
            cure = "It is a URL: download it first, with torchvectors.utils.download_from_url(url)."
        raise NotFoundError(f"{stage}: there is no file {name!r}, looked for as {where}. {cure}")


def absolute(name: str | os.PathLike[str]) -> str:
    """Return a path, or a glob, that means the same in every folder."""
    name = os.fspath(name)
    if name.startswith("~") and not os.path.lexists(name):
        return _at_home(name)
    path = Path(name).absolute()
    if path.exists() or not any(letter in name for letter in _MAGIC):
        return os.path.normpath(path)
    return name if path == Path(name) else f"{glob.escape(str(Path.cwd()))}{os.sep}{name}"


def _at_home(name: str) -> str:
    head, *rest = Path(name).parts
    home = os.path.expanduser(head)  # noqa: PTH111 - which leaves a user who is unknown as written
    if home == head:
        return os.path.normpath(Path(name).absolute())
    plain = os.path.normpath(Path(home, *rest))
    return (
        plain
        if os.path.lexists(plain) or not any(letter in name for letter in _MAGIC)
        else str(Path(glob.escape(home), *rest))
    )


def _globbed(pattern: str, name: str, stage: str) -> list[str]:
    met = glob.iglob(pattern, recursive=True)  # noqa: PTH207 - Path's takes no pattern that is absolute
    found = sorted(os.path.normpath(path) for path in met if Path(path).is_file())
    if not found:
        text = f"{stage}: no file matches {name!r}, looked for as {pattern}."
        raise NotFoundError(f"{text} Look at the pattern, and at the working folder.")
    return list(dict.fromkeys(found))  # ``**`` may meet one twice


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which members of an archive are read: those that a pattern names, from the right, part by part.

    ``train.csv`` is any of that name, ``train/*.csv`` any whose folder is called so; ``*`` crosses no slash, and stands
    for no point at a name's beginning, as in globs of files: so what a Mac leaves beside a member is not meant.
    """

    patterns: tuple[str, ...]

    def __call__(self, name: str) -> bool:
        """Say whether a member is wanted."""
        return any(_means(pattern, name) for pattern in self.patterns)

    def missing(self, name: str, among: Sequence[str]) -> list[str]:
        """Return those of some patterns that do not name this member."""
        return [one for one in among if not _means(one, name)]


def _means(pattern: str, name: str) -> bool:
    if name == pattern:
        return True
    parts, wanted = PurePosixPath(name).parts, PurePosixPath(pattern).parts
    pairs = zip(reversed(parts), reversed(wanted), strict=False)
    return len(wanted) <= len(parts) and all(
        fnmatchcase(part, one) and part.startswith(".") <= one.startswith(".") for part, one in pairs
    )


def wanted_in(members: str | Sequence[str] | None, stage: str) -> Wanted | None:
    """Return which members ``members=`` means; None for the only one that an archive has.

    Raises:
        GraphError: It means none.
    """
    if members is None:
        return None
    patterns = (members,) if isinstance(members, str) else tuple(members)
    if not patterns or not all(isinstance(one, str) and one for one in patterns):
        raise GraphError(
            f"{stage}: members={members!r:.100} names no member. Give a name or a glob, or several."
        )
    return Wanted(patterns)
