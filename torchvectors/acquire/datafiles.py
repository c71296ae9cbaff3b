"""A file of a data set → its path, on the disk and verified: found in a cache folder, or downloaded into it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torchvectors.acquire.origins import archive_of, files_of, hold, wrong_file
from torchvectors.acquire.wanted import of_data
from torchvectors.cache import DATASETS, Folders, folders
from torchvectors.catalog import strongest
from torchvectors.download import receipt_of
from torchvectors.download.receipts import beside
from torchvectors.errors import DownloadError, NotFoundError
from torchvectors.progress import no_bar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torchvectors.acquire.wanted import Wanted
    from torchvectors.cache import PathLike
    from torchvectors.catalog.datasets import DataFile, DataSet
    from torchvectors.progress import Bars

__all__ = ["data_file", "found", "places_of"]

# What this process has found to be as promised, and when it was last written.
_proved: set[tuple[Path, int, int]] = set()


def places_of(name: str, root: PathLike | Sequence[PathLike] | None = None) -> Folders:
    """Say where the files of a data set lie: in ``datasets/NAME`` of the cache folders, as torchtext had it.

    Args:
        name: Of the data set.
        root: One folder or several, in place of the cache folders.
    """
    return Folders(search=tuple(folder / DATASETS / name for folder in folders(root).search))


def found(file: DataFile, places: Folders, chosen: str = "") -> Path | None:
    """Return where a file of a data set is; None if it is nowhere. It is not looked into."""
    return next(files_of(file.name.replace("%s", chosen), places), None)


def data_file(
    data: DataSet, file: DataFile, places: Folders, *, chosen: str = "", bars: Bars = no_bar
) -> Path:
    """Return the path of a file as it was published, which is downloaded if it is not here.

    One that the user has put there is held to the published digest. One that was fetched is not read again as long
    as nobody has written to it since: such files have up to 80 GB, and a packed one has a check sum of its own.

    Args:
        data: The data set.
        file: Which of its files.
        places: From `places_of`.
        chosen: The language, where there is a file for each.
        bars: How to show what takes long.

    Raises:
        NotFoundError: Nobody gives it any more; the text says since when, and what there is instead.
        DownloadError: No address gave it; the text says which file does as well, and of one on Google Drive where a
            person gets it.
        DigestError: What is there, or what came, is another file.
    """
    wanted = of_data(data, file, chosen)
    for path in files_of(wanted.own_archive, places):
        if _is_proved(path, wanted, bars):
            return path
    try:
        path = archive_of(wanted, places, bars).path
    except NotFoundError as error:
        raise NotFoundError(f"{error} {data.gone}.") from None
    except DownloadError as error:
        raise type(error)(f"{error}\n{_by_hand(file, wanted, places)}") from None
    _proved.add(_state_of(path))
    return path


def _by_hand(file: DataFile, wanted: Wanted, places: Folders) -> str:
    """Say which file does as well, where it goes, and what reads others."""
    right = " or ".join(map(str, strongest(wanted.digests)))
    which = f"The right file has the digest {right}: one from elsewhere" if right else "One from elsewhere"
    page = f"In a browser, {file.page} gives it. " if file.page else ""
    put = f"{page}{which}, put at {places.write / wanted.own_archive}, is checked and used."
    return f"{put} Files of your own are read by torchvectors.datapipes.ReadCSV and its kin."


def _is_proved(path: Path, wanted: Wanted, bars: Bars) -> bool:
    """Say whether a file is known to be the promised one; refuse one of the user's own that is not."""
    if _state_of(path) in _proved:
        return True
    receipt, known = receipt_of(path), strongest(wanted.digests)
    if receipt is None:
        hold(path, known, bars, wrong_file(wanted.urls))
    else:
        attested = receipt.verified or not known or receipt.digest in known
        untouched = path.stat().st_mtime_ns <= beside(path).stat().st_mtime_ns
        if not (attested and untouched and path.stat().st_size == receipt.nbytes):
            return False
    _proved.add(_state_of(path))
    return True


def _state_of(path: Path) -> tuple[Path, int, int]:
    state = path.stat()
    return path.absolute(), state.st_size, state.st_mtime_ns
