"""Cache folders → what they hold. Nothing is made, locked, asked or changed; of a file, its header alone is read."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from torchvectors.cache import DATASETS, FITS, VOCABULARIES, lock_of, lock_of_temporary
from torchvectors.catalog.datasets import dataset_names
from torchvectors.download import receipt_of
from torchvectors.download.receipts import beside
from torchvectors.errors import CacheError, StoreError
from torchvectors.inventory.names import (
    ALONE,
    BAD,
    PART,
    RECEIPT,
    ROWS,
    TEMPORARY,
    entries_of,
    is_alone,
    maker_of,
    store_name_of,
)
from torchvectors.inventory.records import Held
from torchvectors.store import metadata_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from os import stat_result
    from pathlib import Path

    from torchvectors.cache import Folders
    from torchvectors.inventory.records import Kind

__all__ = ["look"]

_ASSETS = "assets"  # what `utils.get_asset_local_path` has downloaded: a folder for each URL


def look(places: Folders) -> tuple[Held, ...]:
    """List what the cache folders hold, folder by folder, sorted by name.

    Files alone, and in the folders that are known: any other folder is its user's, and is not looked into. What
    goes while this looks is left out.

    Raises:
        CacheError: A folder cannot be read.
    """
    found: list[Held] = []
    for folder in dict.fromkeys(places.search):
        mine = folder == places.write
        found += _plain(_files_in(folder), mine=mine)
        found += _set("vocabulary", _files_in(folder / VOCABULARIES), mine=mine)
        found += _set("fit", _files_in(folder / FITS), mine=mine)
        for asset in _folders_in(folder / _ASSETS):
            found += _plain(_files_in(asset), mine=mine)
        for rows in _folders_in(folder / DATASETS):
            named = (rows.name,) if rows.name in dataset_names() else ()
            found += (replace(held, names=named) for held in _plain(_files_in(rows), mine=mine))
    return _joined(found)


def _files_in(folder: Path) -> dict[Path, stat_result]:
    """Return the regular files in a folder, and what the system says of each. A link counts as what it leads to."""
    files: dict[Path, stat_result] = {}
    try:
        paths = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return files
    except OSError as error:
        text = f"{folder}: this cache folder cannot be read ({error.strerror or error})"
        raise CacheError(
            f"{text}. Ask its owner, or leave it out of cache= and TORCHVECTORS_HOME."
        ) from error
    for path in paths:
        with suppress(OSError):  # it is gone, or a link that leads nowhere
            if path.is_file():
                files[path] = path.stat()
    return files


def _folders_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def _held(
    kind: Kind, files: Mapping[Path, stat_result], path: Path, *more: Path, mine: bool, lock: Path | None
) -> Held:
    """Gather what the system says of a file, and of what goes with it, if it is there."""
    there = [one for one in more if one in files]
    states = [files[one] for one in (path, *there)]
    modified = max(one.st_mtime for one in states)
    return Held(
        path=path,
        kind=kind,
        beside=tuple(there),
        nbytes=sum(one.st_size for one in states),
        modified=modified,
        # A receipt is read whenever somebody looks.
        used=max(modified, files[path].st_atime),
        mine=mine,
        lock=lock,
    )


def _remains(files: Mapping[Path, stat_result], *, mine: bool) -> dict[Path, Held]:
    """Return what was left behind or set aside, by each of its files."""
    found: list[Held] = []
    destinations: dict[Path, None] = {}
    for path in files:
        if TEMPORARY.fullmatch(path.name):
            found.append(_held("temporary", files, path, mine=mine, lock=lock_of_temporary(path)))
        elif named := BAD.fullmatch(path.name):
            lock = lock_of(maker_of(path.with_name(named[1])))
            found.append(_held("bad", files, path, mine=mine, lock=lock))
        elif named := PART.fullmatch(path.name):
            destinations[path.with_name(named[1])] = None
    for final in destinations:
        ends = (".part", ".part.json", ".doubted")
        first, *rest = (path for end in ends if (path := final.with_name(final.name + end)) in files)
        owner = final.with_name(ALONE.sub("", final.name))
        part = _held("part", files, first, *rest, mine=mine, lock=lock_of(maker_of(owner)))
        found.append(replace(part, names=_names_of(owner)))
    return {path: held for held in found for path in held.files}


def _plain(files: dict[Path, stat_result], *, mine: bool) -> Iterator[Held]:
    """Yield what lies in a folder of downloads and stores."""
    remains = _remains(files, mine=mine)
    yield from dict.fromkeys(remains.values())
    for path in files:
        if path in remains:
            continue
        if named := RECEIPT.fullmatch(path.name):
            final = path.with_name(named[1])
            if final not in files:
                lock = lock_of(maker_of(final))
                yield replace(_held("receipt", files, path, mine=mine, lock=lock), names=_names_of(final))
        elif (receipt := receipt_of(path)) is not None:
            lock = lock_of(maker_of(path))
            held = _held("download", files, path, beside(path), mine=mine, lock=lock)
            yield replace(held, names=_names_of(path), source=receipt.url, digest=str(receipt.digest))
        elif path.suffix == ".safetensors":
            yield _store(_held("store", files, path, mine=mine, lock=lock_of(path)))
        else:
            yield replace(_held("own", files, path, mine=mine, lock=lock_of(path)), names=_names_of(path))


def _names_of(path: Path) -> tuple[str, ...]:
    return tuple(entry.name for entry in entries_of(path.name))


def _store(held: Held) -> Held:
    """Add what a store says of itself; without it, a file of another program, or of the user's own, is no store."""
    named = store_name_of(held.path)
    try:
        said = metadata_of(held.path)
    except (OSError, StoreError):
        said = {}
        if named is None:
            return replace(held, kind="own")
    name = said.get("name") or (named.stem if named and named.listed else "")
    return replace(
        held,
        kind="store" if named else "own",
        names=(name,) if name else (),
        whole=bool(named and named.whole),
        source=said.get("source", ""),
        digest=said.get("source_digest", ""),
    )


def _set(kind: Kind, files: dict[Path, stat_result], *, mine: bool) -> Iterator[Held]:
    """Yield what lies in a folder of vocabularies or of fits."""
    remains = _remains(files, mine=mine)
    yield from dict.fromkeys(remains.values())
    for path in files:
        if path in remains or path.suffix != ".safetensors":
            continue
        if kind == "vocabulary":  # nobody holds a lock on it: who writes it writes the same
            yield _held(kind, files, path, mine=mine, lock=None)
            continue
        result = path.with_name(path.name.replace(ROWS, ".safetensors"))
        if path != result and result in files:
            continue  # its rows, which it takes along
        rows = path.with_name(f"{result.stem}{ROWS}")
        more = () if path == rows else (rows,)
        yield _held(kind, files, path, *more, mine=mine, lock=lock_of(result))


def _joined(found: list[Held]) -> tuple[Held, ...]:
    """Say of each store what it was made of, and of each file what was made of it."""
    stores = [one for one in found if one.kind == "store"]
    sources = [one for one in found if one.kind in ("download", "own")]
    pairs = [(store, source) for store in stores for source in sources if _is_of(store, source)]

    def told(one: Held) -> Held:
        gives = tuple(store.path for store, source in pairs if source is one)
        made = dict.fromkeys(name for store, source in pairs if source is one for name in store.names)
        made_of = tuple(source.path for store, source in pairs if store is one)
        return replace(one, gives=gives, names=one.names or tuple(made), made_of=made_of)

    return tuple(map(told, found))


def _is_of(store: Held, source: Held) -> bool:
    """Say whether a store was made of a file."""
    if source.kind == "own":
        return store.source == str(source.path.absolute())
    if not store.source or store.source != source.source:
        return False
    # An archive and its members alone have one address, by which their names tell them apart. And what the address
    # gave may have changed; or it had a secret, and was two.
    same = store.digest in ("", source.digest) or is_alone(source.path.name)
    return same and (not source.names or set(store.names) <= set(source.names))
