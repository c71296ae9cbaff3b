"""Paths that a person names → the programs there, read, told of, and written back whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from torchvectors.cache import publish
from torchvectors.migrate.findings import Finding, findings
from torchvectors.migrate.notebooks import read_notebook
from torchvectors.migrate.plan import plan
from torchvectors.migrate.programs import Place, Unreadable, read_script
from torchvectors.migrate.rewrite import rewritten
from torchvectors.migrate.saved import SUFFIXES, examine_saved
from torchvectors.migrate.uses import Scopes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torchvectors.migrate.programs import Program

__all__ = ["KNOWN", "READERS", "examine", "programs_in", "replace"]

READERS: dict[str, Callable[[bytes], Program]] = {".py": read_script, ".ipynb": read_notebook}
KNOWN = (*READERS, *SUFFIXES)

# A file that has none of these words has nothing of ours to tell; most are done with before they are parsed.
_WORDS = (b"torchtext", b"torchdata", b"torchvectors")
_SKIPPED = {"__pycache__", "node_modules", "site-packages"}


def programs_in(paths: Sequence[Path], fail: Callable[[OSError], None]) -> Iterator[Path]:
    """Yield the files, and those in the folders, each once; ``fail`` is told of folders that cannot be read.

    Hidden folders and virtual environments within a folder are passed over; one that is named is not.
    """
    seen: set[Path] = set()
    for path in paths:
        for found in _within(path, fail) if path.is_dir() else [path]:
            if (resolved := found.resolve()) not in seen:
                seen.add(resolved)
                yield found


def _within(folder: Path, fail: Callable[[OSError], None]) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder, onerror=fail):
        folders[:] = sorted(name for name in folders if not _is_passed_over(Path(parent, name)))
        yield from (Path(parent, name) for name in sorted(files) if Path(name).suffix in READERS)


def _is_passed_over(folder: Path) -> bool:
    if folder.name.startswith(".") or folder.name in _SKIPPED:
        return True
    return (folder / "pyvenv.cfg").exists() or (folder / "conda-meta").exists()


def examine(path: Path) -> tuple[list[Finding], Callable[[], object] | None]:
    """Return what is to be said of a file, and what writes it anew; None if no word of it can change.

    Raises:
        OSError: It cannot be read.
    """
    if path.suffix in SUFFIXES:
        return examine_saved(path)
    raw = path.read_bytes()
    read = READERS[path.suffix]
    if not any(word in raw for word in _WORDS):
        return [], None
    told: list[Finding] = []
    try:
        program = read(raw)
        scopes = Scopes(program.tree)
        made = plan(scopes)
        told = findings(program, scopes, made)
        new = rewritten(program, made, read)
    except Unreadable as error:
        said = f"by hand: {error}; nothing in this file changes"
        return [Finding(place=Place(None, error.line), what="", said=said, covered=False), *told], None
    return told, None if new is None else partial(replace, path, new)


def replace(path: Path, raw: bytes) -> None:
    """Give a file other bytes in one step; it keeps its mode, and a link goes on leading to it.

    Raises:
        OSError: It cannot be written. It is as it was, and nothing is left beside it.
    """
    target = path.resolve()
    if not os.access(target, os.W_OK):  # a new file in its place would get round what forbids that
        raise PermissionError(f"{target} may not be written")
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".torchvectors.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw)
        shutil.copymode(target, temporary)
        publish(temporary, target)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()
