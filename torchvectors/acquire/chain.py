"""The whole chain, under one lock: find the store; or find the file, or fetch it; and convert it."""

from __future__ import annotations

import os
from functools import partial
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from torchvectors import catalog
from torchvectors.acquire.convert import Origin, convert
from torchvectors.acquire.cuts import Cut, cut_from
from torchvectors.acquire.kinds import is_store, is_torchs
from torchvectors.acquire.leftovers import convert_kept, leftover
from torchvectors.acquire.origins import archive_of, files_of, give_up, hold, is_file, source_of
from torchvectors.acquire.own import once, opened
from torchvectors.acquire.wanted import Wanted, of_entry, of_url
from torchvectors.cache import folders, lock
from torchvectors.catalog import Digest
from torchvectors.download import receipt_of, shown
from torchvectors.download.receipts import beside
from torchvectors.errors import (
    ArchiveError,
    DigestError,
    MemberError,
    NotFoundError,
    ParseError,
    UnknownNameError,
)
from torchvectors.formats import HEAD, is_static, weights_of
from torchvectors.progress import no_bar
from torchvectors.store import Encoding, Store, open_store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from torchvectors.acquire.kinds import Reader
    from torchvectors.cache import Folders, PathLike
    from torchvectors.catalog import Entry
    from torchvectors.progress import Bars

__all__ = ["acquire"]

# Stores that come with this package, by name.
EMBEDDED = {"glove.sample": "glove.6B.50d.sample.safetensors"}


def acquire(
    name: PathLike,
    *,
    cache: PathLike | Sequence[PathLike] | None = None,
    url: str | None = None,
    checksum: str | None = None,
    max_vectors: int | None = None,
    tokens: Iterable[str] | None = None,
    encoding: Encoding = "float32",
    normalized: bool = False,
    entry: Entry | None = None,
    prepared: Reader | None = None,
    bars: Bars = no_bar,
) -> Store:
    """Open the store of some vectors; make it first, if need be, from what is on the disk or on the web.

    A file of the user's own comes first: at the path ``name``, or of that name in a cache folder. It may be of any
    format of `formats`, or what torchtext kept (where ``prepared`` is given), or a static embedding model's folder.
    Then the store made before; then what is left of such a file (`leftover`); then an archive in a cache folder; then
    the URLs.

    Args:
        name: A path, the name of a file in a cache folder or in the archive at ``url``, or a catalog name.
        cache: Folders, as in `cache.folders`.
        url: Where the file, or an archive with it, can be had.
        checksum: ``"sha256:…"`` of the file at ``url``.
        max_vectors: Only the first so many; None or 0 means all.
        tokens: Only these, of those; None means all.
        encoding: How the store holds the numbers. A store that is named itself and kept whole stays as it is.
        normalized: Whether each row is brought to length 1.
        entry: The catalog entry that ``name`` stands for, where the caller knows.
        prepared: What reads torchtext's own files, ``NAME.pt``; None if they are not to be looked for.
        bars: How to show what takes long.

    Raises:
        NotFoundError: There is no such file, and no URL. No folder was made and no socket opened.
        DownloadError, DigestError: `fetch` says when.
        UnknownTokenError: None of ``tokens`` is there.
        ArchiveError, ParseError: `convert` says when.
        CacheError: The folder to write to cannot be written.
        StoreError: A store is damaged.
        UnknownDimError: ``name`` is one of the catalog's but for its dim.
        ValueError: ``checksum`` is no digest, or there is no ``url`` that it could be of; ``max_vectors`` is
            negative; ``tokens`` is empty; or ``name`` is empty, and ``url`` given.
        TokenTypeError: ``tokens`` is one ``str``, or holds what is none.
    """
    cut = Cut.asked(max_vectors, tokens, encoding, normalized)
    digest = _promised(checksum, url)
    places = folders(cache)
    name = os.fspath(name)
    if not name and url is not None:
        raise ValueError(
            f"the name of the vectors at {shown(url)} is empty: give the file's, or its member's."
        )
    if "://" in name:
        file = urlsplit(shown(name)).path.rpartition("/")[2]
        if url is None:
            cure = f"To download, name the file, too: Vectors({file!r}, url={shown(name)!r})."
            raise NotFoundError(f"no vectors found at {shown(name)}: this is no path. {cure}")
        name = file  # an address would be kept, with all that is secret in it, as the vectors' name
    if name in EMBEDDED:
        return _from_store(Path(str(files("torchvectors.sample") / EMBEDDED[name])), places, cut, bars)
    # A file that has gone may not be the one that a URL gives now.
    left = partial(leftover, places=places, cut=cut, gone=url is None, prepared=prepared, bars=bars)
    own = None if entry else next(_own_files(name, places), None)
    if entry is None and own is None and url is None:
        try:
            entry = catalog.find(name)
        except UnknownNameError as error:
            if (store := left(name, title=name, dim=None)) is not None:
                return store
            cure = "Give the path of a file, a url=, or a name of the catalog."
            if os.path.isdir(name):  # noqa: PTH112 - it says no, too, where the system cannot tell
                text = f"no vectors found at {name}: it is a folder, and no model's, which has a model.safetensors"
                raise NotFoundError(f"{text} and a tokenizer.json. {cure}") from None
            raise NotFoundError(f"no vectors found at {_looked_at(name, places)}. {cure} {error}") from None
    if entry is not None:
        # A plain file that we fetched bears its member's name, too, but has a receipt.
        unfetched = (path for path in _own_files(entry.member.name, places) if not beside(path).is_file())
        own = next(unfetched, None)
    wanted = of_entry(entry, cut) if entry else of_url(name, url or "", digest, cut)
    if own is not None:
        promised = wanted.digests if wanted.asked and own.name == wanted.user_archive else ()
        return _from_file(own, places, entry, promised, cut, prepared, bars)
    if (store := _made(wanted.store, places)) is not None:
        return store
    if not cut.whole and (whole := _made(wanted.whole, places)) is not None:
        target = places.write / wanted.store
        with lock(target):
            return _made(wanted.store, places) or cut_from(whole, target, cut, bars)
    if not wanted.asked:  # what is left of a text cannot be held to a digest
        member = wanted.member
        if (store := left(member.name, title=wanted.name, dim=member.dim)) is not None:
            return store
    return _from_archive(wanted, places, cut, prepared, bars)


def _looked_at(name: str, places: Folders) -> str:
    """Return where a file of this name would have been found."""
    try:
        here = str(Path.cwd() / name)
    except OSError:  # somebody has removed the working folder
        here = name
    return ", nor at ".join(dict.fromkeys((here, *(str(folder / name) for folder in places.search))))


def _promised(checksum: str | None, url: str | None) -> Digest | None:
    if checksum is None:
        return None
    if url is None:
        text = f"checksum={checksum!r}: this is the digest of the file at url=, and no url is given."
        raise ValueError(f"{text} What the catalog lists is checked without it.")
    return Digest.parse(checksum)


def _own_files(name: str, places: Folders) -> Iterator[Path]:
    path = Path(name)
    # What model2vec and sentence-transformers save is a folder.
    model = weights_of(path) if name else None
    own = (path,) if is_file(path) else () if model is None else (model,)
    return chain(own, files_of(name, places))


def _is_store(path: Path) -> bool:
    """Say whether a file is a store, or is called one and is no other program's model."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    return is_store(head) or (path.suffix == ".safetensors" and not is_static(head))


def _from_file(
    path: Path,
    places: Folders,
    entry: Entry | None,
    promised: tuple[Digest, ...],
    cut: Cut,
    prepared: Reader | None,
    bars: Bars,
) -> Store:
    """Open the store of a file of the user's own, made anew if the file has changed since."""
    if _is_store(path):
        hold(path, promised, bars)
        return _from_store(path, places, cut, bars)
    from torchvectors.formats import files_beside

    source = source_of(path, files_beside(path)) | ({"source_digest": str(promised[0])} if promised else {})

    def make(target: Path) -> Store:
        receipt = receipt_of(path)  # where the user names a file that we fetched
        hold(path, promised or ((receipt.digest,) if receipt else ()), bars)
        metadata = {"name": entry.name if entry else path.name, **source}
        if prepared is not None and is_torchs(path):
            return convert_kept(prepared, path, metadata, target, dim=None, cut=cut, bars=bars)
        if entry and entry.archive.licence:
            metadata["licence"] = entry.archive.licence
        origin = Origin(path=path, member=entry.member if entry else None, metadata=metadata)
        return convert(origin, target, cut=cut, prepared=prepared, bars=bars)

    return once(path, places, cut, source, make, bars)


def _from_store(path: Path, places: Folders, cut: Cut, bars: Bars) -> Store:
    """Open a store of the user's own, or its cut; of the first rows alone the caller takes what it needs."""
    store = open_store(path)
    if not cut.normalized and cut.tokens is None and cut.encoding in ("float32", store.encoding):
        return store
    source = source_of(path)
    return once(path, places, cut, source, lambda target: cut_from(store, target, cut, bars, source), bars)


def _made(name: str, places: Folders) -> Store | None:
    """Open the store of this name, unless it was made of an archive of the user's own that has changed since."""
    store = next(opened(files_of(name, places)), None)
    if store is None:
        return None
    state, source = store.metadata.get("source_state"), Path(store.metadata.get("source", ""))
    changed = state is not None and is_file(source) and source_of(source)["source_state"] != state
    return None if changed else store


def _from_archive(wanted: Wanted, places: Folders, cut: Cut, prepared: Reader | None, bars: Bars) -> Store:
    target = places.write / wanted.store
    with lock(target):
        if (store := _made(wanted.store, places)) is not None:
            return store
        origin = archive_of(wanted, places, bars)
        try:
            while True:
                try:
                    return _converted(origin, target, cut, prepared, bars)
                except FileNotFoundError as error:
                    # In a folder that is only searched, its owner may clean: nothing here keeps a file there. Where
                    # locks do not hold, another process may just have put it there once more.
                    if str(error.filename) != str(origin.path):
                        raise
                origin = archive_of(wanted, places, bars)
        except (ArchiveError, DigestError, ParseError) as error:
            # What we fetched and nobody vouches for must not be found again by the next call.
            if not origin.fetched or origin.verified or isinstance(error, MemberError):
                raise
            raise type(error)(f"{error} {give_up(origin.path, wanted, places)}") from error


def _converted(origin: Origin, target: Path, cut: Cut, prepared: Reader | None, bars: Bars) -> Store:
    if prepared is not None and is_torchs(origin.path):
        return convert_kept(
            prepared, origin.path, dict(origin.metadata), target, dim=None, cut=cut, bars=bars
        )
    return convert(origin, target, cut=cut, prepared=prepared, bars=bars)
