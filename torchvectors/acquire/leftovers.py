"""The name of a text that is not there → the store made of it before, or of what another program kept of it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from torchvectors.acquire.cuts import WHOLE, cut_from
from torchvectors.acquire.kinds import first_rows
from torchvectors.acquire.origins import files_of, is_file, source_of
from torchvectors.acquire.own import once, opened
from torchvectors.acquire.wanted import of_file
from torchvectors.cache import lock
from torchvectors.errors import ParseError, warn
from torchvectors.store import Store, open_store, write_store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torchvectors.acquire.cuts import Cut
    from torchvectors.acquire.kinds import Reader
    from torchvectors.cache import Folders
    from torchvectors.formats import Block
    from torchvectors.progress import Bars, Progress

__all__ = ["convert_kept", "leftover"]


def leftover(
    name: str,
    places: Folders,
    *,
    title: str,
    dim: int | None,
    cut: Cut,
    gone: bool,
    prepared: Reader | None,
    bars: Bars,
) -> Store | None:
    """Open what is left of a text; None if nothing is.

    Args:
        name: Of the text.
        places: Where to look.
        title: What people call these vectors.
        dim: Numbers per token, where it is known: a file of another dim is not theirs.
        cut: What is kept of it.
        gone: Whether a store counts whose file has gone.
        prepared: What reads another program's file; None if none is to be looked for. A file that it refuses is
            passed over, with a warning.
        bars: How to show what takes long.

    Raises:
        CacheError: The store cannot be written.
        StoreError: A store is damaged.
    """
    texts = [Path(name), *(folder / name for folder in places.search)]
    store = _left_by(texts, places, cut, bars) if gone else None
    if store is not None or prepared is None:
        return store
    kept = [folder / one for one in _kept_as(name, cut.max_vectors) for folder in places.search]
    for path in filter(is_file, kept):
        source = source_of(path)
        make = partial(
            convert_kept,
            prepared,
            path,
            {"name": title, **source},
            dim=dim,
            cut=cut,
            bars=bars,
        )
        try:
            return once(path, places, cut, source, make, bars)
        except ParseError as error:
            cure = "Delete it: the text that it was made from, or a download, takes its place."
            warn(f"{error} {cure} For now it is passed over.")
    return _left_by(kept, places, cut, bars) if gone else None


def _kept_as(name: str, max_vectors: int | None) -> tuple[str, ...]:
    """Return what torchtext called the files that it kept of a text, in the order of preference.

    Source: torchtext 0.18, which looked for the first of these alone.
    """
    whole = f"{name}.pt"
    return (f"{name}_{max_vectors}.pt", whole) if max_vectors else (whole,)


def _left_by(paths: Iterable[Path], places: Folders, cut: Cut, bars: Bars) -> Store | None:
    """Open the store of the first of these files that is gone and has left one."""
    for path in paths:
        if is_file(path):
            continue
        name = of_file(path, places.search, cut)
        if (store := next(opened(files_of(name, places), only=cut.whole), None)) is not None:
            return store
        whole = None if cut.whole else files_of(of_file(path, places.search, WHOLE), places)
        if whole and (store := next(opened(whole, only=True), None)) is not None:
            target = places.write / name
            with lock(target):
                return next(opened([target]), None) or cut_from(store, target, cut, bars)
    return None


def convert_kept(
    read: Reader,
    path: Path,
    metadata: dict[str, str],
    target: Path,
    *,
    dim: int | None,
    cut: Cut,
    bars: Bars,
) -> Store:
    """Write the store of a file that another program kept, and open it."""
    from torchvectors.version import __version__

    whole = metadata | {"converter": f"torchvectors {__version__}", "verified": str(False)}
    with bars(target.stem) as progress:
        kept = cut.of(_first(read(path), path, dim, cut.max_vectors, progress), str(path))
        write_store(target, kept, encoding=cut.encoding, metadata=whole | cut.metadata)
    return open_store(target)


def _first(
    blocks: Iterable[Block], path: Path, dim: int | None, max_vectors: int | None, progress: Progress
) -> Iterator[Block]:
    """Pass on the blocks up to the last row that is wanted, having seen that they are of the dim asked for."""
    done, size = 0, path.stat().st_size
    for part in first_rows(blocks, max_vectors):
        found = part.rows.shape[1]
        if dim not in (None, found):
            cure = "Delete it, or move it to where it belongs."
            raise ParseError(f"{path}: its vectors have dim {found}, and those asked for have {dim}. {cure}")
        yield part
        done += len(part)
        progress(done * found * part.rows.itemsize, size)
