"""A file's name → the names of its lock, and of what is written before it is there."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LOCKS", "label", "lock_of", "lock_of_temporary", "temporary_of", "was_for"]

LOCKS = ".locks"  # the folder of locks, in each folder that has some
_TEMPORARY = re.compile(r"\.(.+\.[0-9a-f]{12})\.[0-9a-f]{8}\.tmp")  # as `temporary_of` names them


def label(name: str) -> str:
    """Return a short and legal name that is this file's alone, and that a person still knows it by."""
    readable = re.sub(r"[^\w.-]", "_", name, flags=re.ASCII)[:80]
    return f"{readable}.{hashlib.sha256(os.fsencode(name)).hexdigest()[:12]}"


def temporary_of(final: Path, made_with: Path) -> Path:
    """Return a new name beside ``final``, which tells whose lock covers what is written there."""
    return final.parent / f".{label(made_with.name)}.{secrets.token_hex(4)}.tmp"


def was_for(temporary: Path) -> str | None:
    """Return the `label` of what a temporary file was to become; None if it is none of ours."""
    named = _TEMPORARY.fullmatch(temporary.name)
    return named[1] if named else None


def lock_of(target: Path) -> Path:
    """Return the file that `lock` locks."""
    return _lock(target.parent, label(target.name))


def lock_of_temporary(path: Path) -> Path | None:
    """Return the lock of what `scratch` has made this path for, if it has; None where there is no such lock."""
    made_for = was_for(path)
    found = _lock(path.parent, made_for) if made_for else None
    return found if found and found.is_file() else None


def _lock(folder: Path, labelled: str) -> Path:
    return folder / LOCKS / f"{labelled}.lock"
