"""A file of the user's own → its store: as it was made before, or made anew because the file has changed."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from torchvectors.acquire.cuts import WHOLE, Cut, cut_from
from torchvectors.acquire.origins import files_of, is_file
from torchvectors.acquire.wanted import of_file
from torchvectors.cache import lock
from torchvectors.store import OldStoreError, Store, open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from torchvectors.cache import Folders
    from torchvectors.progress import Bars

__all__ = ["once", "opened"]

logger = logging.getLogger(__name__)


def once(
    path: Path,
    places: Folders,
    cut: Cut,
    source: Mapping[str, str],
    make: Callable[[Path], Store],
    bars: Bars,
) -> Store:
    """Open the store of a file as it is now; under its lock cut it from that of the whole, or ``make`` it."""

    def made(what: Cut) -> Store | None:
        stores = opened(files_of(of_file(path, places.search, what), places))
        return next((store for store in stores if _is_of(store, source)), None)

    target = places.write / of_file(path, places.search, cut)
    if (store := made(cut)) is not None:
        return store
    with lock(target):
        if (store := made(cut)) is not None:
            return store
        if not cut.whole and (whole := made(WHOLE)) is not None:
            return cut_from(whole, target, cut, bars)
        return make(target)


def opened(paths: Iterable[Path], *, only: bool = False) -> Iterator[Store]:
    """Yield the stores at these paths, but for those that somebody removes before they are open, and for old ones.

    Args:
        paths: Where they are.
        only: Whether a store of an older version is an error: there is nothing that it could be made anew of.

    Raises:
        StoreError: A store is damaged, or of a newer version; or see ``only``.
    """
    for path in paths:
        try:
            store = open_store(path)
        except FileNotFoundError:
            continue
        except OldStoreError as error:
            if only:
                raise
            logger.info("%s It is passed over.", error)
            continue
        yield store


def _is_of(store: Store, source: Mapping[str, str]) -> bool:
    """Say whether a store was made of this source, as it is now."""
    was = store.metadata.get("source", "")
    # The file may have been moved with its folder; but where both are there, they are two.
    moved = was == source["source"] or not is_file(Path(was))
    return moved and all(store.metadata.get(key) == source[key] for key in source if key != "source")
