"""A name that is not known, and those that are → the nearest of them. Case, and ``-``, ``_`` and such, do not count."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["nearest", "nearest_vectors"]

_EXTENSION = re.compile(r"\.(txt|vec|vectors|bin|zip|gz|tar|tgz|pt)$", re.IGNORECASE)
_MARKS = re.compile(r"[\W_]+")


def nearest(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> list[str]:
    """Return the names that differ from this one in case and marks alone; or else the three that are nearest."""
    plain: dict[str, list[str]] = {}
    for one in known:
        plain.setdefault(_plain(one), []).append(one)
    wanted = _plain(name)
    close = [wanted] if wanted in plain else difflib.get_close_matches(wanted, plain, n=3, cutoff=cutoff)
    return [one for found in close for one in plain[found]]


def nearest_vectors(name: str, known: Iterable[str]) -> list[str]:
    """Return the catalog's names that are near: the file's own, those that begin so, or those that are spelled so."""
    lower = {one.lower(): one for one in known}
    wanted = re.sub(r"^fasttext\.(.+)\.300d$", r"wiki.\1", name.lower())
    while wanted not in lower and _EXTENSION.search(wanted):
        wanted = _EXTENSION.sub("", wanted)
    if wanted in lower:
        return [lower[wanted]]
    beginnings = tuple(f"{wanted}{mark}" for mark in ".-_" if wanted)
    longer = sorted((one for one in lower if one.startswith(beginnings)), key=lambda one: (len(one), one))
    if longer:  # "glove.6B" lacks its dim; "wiki" lacks so much that hundreds of names would be no help
        return [lower[one] for one in longer] if len(longer) <= 5 else []
    same = [lower[one] for one in lower if _plain(one) == _plain(wanted)] if _plain(wanted) else []
    return same or [lower[one] for one in difflib.get_close_matches(wanted, lower, n=3)]


def _plain(name: str) -> str:
    return _MARKS.sub("", name.casefold())
