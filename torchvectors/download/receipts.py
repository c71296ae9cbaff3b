"""A fetched file → the receipt that lies beside it, and whether it is still the file that was promised."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

from torchvectors.cache import replacing
from torchvectors.catalog import Digest, strongest
from torchvectors.progress import quiet

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from torchvectors.progress import Progress

__all__ = ["Receipt", "beside", "digest_of", "matches", "receipt_of", "write_receipt"]

_CHUNK = 1 << 20  # bytes
_LONGEST = 1 << 16  # bytes of a receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What was fetched and from where; lies beside the file as ``NAME.receipt.json``.

    A file that has one was fetched by us. A file without one is its user's own.
    """

    url: str  # that gave the file, without credentials or secrets
    nbytes: int
    sha256: str  # lower-case hex
    verified: bool  # against a published digest; if not, the digest is that of the first download
    etag: str | None = None

    @property
    def digest(self) -> Digest:
        """The digest as `fetch` and `matches` take it."""
        return Digest(algorithm="sha256", value=self.sha256)


def beside(path: Path) -> Path:
    """Return where the receipt of ``path`` lies."""
    return path.with_name(f"{path.name}.receipt.json")


def receipt_of(path: Path) -> Receipt | None:
    """Read the receipt of ``path``; None if there is none or it cannot be read.

    It may be there without its file, which was then removed or did not yet get its name.
    """
    try:
        with beside(path).open("rb") as file:
            found = json.loads(file.read(_LONGEST))
        receipt = Receipt(**{field.name: found.get(field.name) for field in fields(Receipt)})
        receipt.digest  # noqa: B018  (refuses what is not a digest)
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None
    kinds = (type(receipt.url), type(receipt.nbytes), type(receipt.verified))
    return receipt if kinds == (str, int, bool) and type(receipt.etag) in (str, type(None)) else None


def write_receipt(path: Path, receipt: Receipt) -> None:
    """Write the receipt of ``path`` beside it, whole or not at all.

    Raises:
        CacheError: The folder cannot be written.
    """
    with replacing(beside(path), made_with=path) as temporary:
        temporary.write_text(json.dumps(asdict(receipt), indent=1) + "\n", "utf-8")


def digest_of(path: Path, algorithm: str = "sha256", progress: Progress = quiet) -> str:
    """Return the digest of a file in lower-case hex."""
    total, done = path.stat().st_size, 0
    found = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
            done += len(chunk)
            progress(done, total)
    return found.hexdigest()


def matches(
    path: Path, *, digests: Iterable[Digest] = (), nbytes: int | None = None, progress: Progress = quiet
) -> bool:
    """Say whether ``path`` is a file of this size and digest. Of the digests, the strongest kind decides."""
    if not path.is_file() or (nbytes is not None and path.stat().st_size != nbytes):
        return False
    wanted = strongest(digests)
    return not wanted or digest_of(path, wanted[0].algorithm, progress) in {one.value for one in wanted}
