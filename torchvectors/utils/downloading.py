"""A URL → a file of the caller's own, whole and with the digest that was asked for."""

from __future__ import annotations

import hashlib
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from torchvectors.cache import folders, lock, writable
from torchvectors.catalog import Digest
from torchvectors.catalog.drive import addresses
from torchvectors.download import fetch, shown
from torchvectors.download.disk import on_disk
from torchvectors.download.receipts import beside
from torchvectors.errors import CacheError, DigestError, NotFoundError
from torchvectors.progress import bar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["download_from_url", "get_asset_local_path", "get_lock_dir", "reporthook", "validate_file"]

logger = logging.getLogger(__name__)

PathLike = str | os.PathLike[str]
_CHUNK = 1 << 20  # bytes


class Readable(Protocol):
    """A file that is open for reading bytes."""

    def read(self, n: int, /) -> bytes:
        """Return up to ``n`` bytes."""


class Bar(Protocol):
    """A progress bar such as tqdm's."""

    total: float | None

    def update(self, n: float, /) -> object:
        """Add to what is done."""


def download_from_url(
    url: str,
    path: PathLike | None = None,
    root: PathLike = ".data",
    overwrite: bool = False,
    hash_value: str | None = None,
    hash_type: str = "sha256",
) -> str:
    """Download a file, unless it is there already, and return its absolute path.

    The file gets its name when it is whole and has the digest asked for; a broken transfer is resumed. An answer
    that is an error, or a web page in place of data, is an error here, and no file, as torchtext had it. Of a
    Google Drive link the second address is asked where the first gives the page that warns of large files;
    whether Google still serves files there, nobody can promise.

    Args:
        url: Where the file is, by http or https.
        path: Where to put it. None: into ``root``, under the last part of the URL, with its query, as torchtext had
            it, unless that holds a secret (`download.shown`), which is no name for a file.
        root: The folder, where no path is given; it is created.
        overwrite: Download the file even if it is there.
        hash_value: The digest that the file must have, in hexadecimal; also one that is there already.
        hash_type: "sha256" or "md5".

    Raises:
        DownloadError: The URL did not give the file.
        DigestError: It, or the file that is there, has another digest.
        CacheError: The folder cannot be created or written.
        ValueError: ``hash_type`` is neither; or the URL ends in no file's name.

    Source: torchtext 0.18 ``torchtext.utils.download_from_url``.
    """
    target = Path(os.path.abspath(path if path is not None else Path(root) / _file_name(url)))  # noqa: PTH100
    digest = _digest(target, hash_value, hash_type)
    if not overwrite and _is_there(target, digest):
        return str(target)
    try:
        writable(target.parent)
    except CacheError as error:
        raise CacheError(f"Can't create the download directory {target.parent}. {error}") from error
    with lock(target):
        if not overwrite and _is_there(target, digest):  # another process was faster
            return str(target)
        # A receipt would bind later downloads to this file's digest, and ``overwrite`` asks for what is there now.
        with on_disk(beside(target)):
            beside(target).unlink(missing_ok=True)
        try:
            with bar(target.name) as progress:
                fetch(addresses(url), target, digests=[digest] if digest else (), progress=progress)
        except DigestError as error:
            raise DigestError(f"The hash of {target} does not match. {error}") from error
        finally:
            with suppress(OSError):  # one that has come is what was asked for
                beside(target).unlink(missing_ok=True)
    logger.info("File %s downloaded.", target)
    return str(target)


def _file_name(url: str) -> str:
    harmless = shown(url) == url
    name = url.rpartition("/")[2] if harmless else urlsplit(url).path.rpartition("/")[2]
    if name in ("", ".", "..") or os.sep in name:
        raise ValueError(f"{shown(url)!r}: this URL does not end in the name of a file: give path=.")
    return name


def _digest(target: Path, value: str | None, kind: str) -> Digest | None:
    if not value:
        return None
    if kind not in ("sha256", "md5"):
        raise ValueError(f"hash_type={kind!r}: give 'sha256' or 'md5'.")
    try:
        return Digest(algorithm=kind, value=value.lower())
    except ValueError as error:
        raise DigestError(f"The hash of {target} does not match, nor would any file's. {error}") from error


def _is_there(target: Path, digest: Digest | None) -> bool:
    if not target.exists():
        return False
    logger.info("File %s already exists.", target)
    if digest is not None:
        logger.info("Validating hash %s matches hash of %s", digest.value, target)
        with target.open("rb") as file:
            if not validate_file(file, digest.value, digest.algorithm):
                cure = "Delete the file manually and retry."
                raise DigestError(f"The hash of {target} does not match. {cure} It should be {digest}.")
    return True


def validate_file(file_obj: Readable, hash_value: str, hash_type: str = "sha256") -> bool:
    """Say whether what is left to read of an open file has this digest.

    Raises:
        ValueError: ``hash_type`` is neither "sha256" nor "md5".

    Source: torchtext 0.18 ``torchtext.utils.validate_file``.
    """
    if hash_type not in ("sha256", "md5"):
        raise ValueError(f"hash_type={hash_type!r}: give 'sha256' or 'md5'.")
    found = hashlib.new(hash_type, usedforsecurity=False)
    while chunk := file_obj.read(_CHUNK):
        found.update(chunk)
    return found.hexdigest() == hash_value


def get_asset_local_path(asset_path: PathLike, overwrite: bool = False) -> str:
    """Return the path of a file; if there is none and this is a URL, that of its download in the cache folder.

    Args:
        asset_path: A path, or a URL.
        overwrite: Download a URL even if its file is in the cache.

    Raises:
        NotFoundError: There is no such file, and this is no URL.
        DownloadError: The URL did not give the file.
        CacheError: The cache folder cannot be written.

    Source: torchtext 0.18 ``torchtext.utils.get_asset_local_path``. It kept files of one name from two URLs as
    one file; here each URL has a folder of its own.
    """
    asset = os.fspath(asset_path)
    if Path(asset).exists():
        return asset
    if "://" not in asset:
        raise NotFoundError(f"{asset}: there is no such file. Give the path of one, or a URL.")
    label = hashlib.sha256(asset.encode()).hexdigest()[:10]
    return download_from_url(asset, root=folders().write / "assets" / label, overwrite=overwrite)


def get_lock_dir() -> str:
    """Return the folder, which is created, of the locks of the cache folder; other files' locks lie beside them.

    Source: torchtext 0.18 ``torchtext.utils.get_lock_dir``.
    """
    return str(writable(folders().write / ".locks").absolute())


def reporthook(t: Bar) -> Callable[..., None]:
    """Return what `urllib.request.urlretrieve` can report to, so that the bar ``t`` moves on.

    Source: torchtext 0.18 ``torchtext.utils.reporthook``.
    """
    done = 0  # blocks

    def report(b: int = 1, bsize: int = 1, tsize: int | None = None) -> None:
        nonlocal done
        if tsize is not None:
            t.total = tsize
        t.update((b - done) * bsize)
        done = b

    return report
