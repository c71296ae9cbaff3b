"""Bytes as they come → ``DESTINATION.part``, hashed, with a note beside it that says how to continue it."""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

from torchvectors.cache import replacing
from torchvectors.download.answers import Held, Origin, anywhere, is_sound
from torchvectors.download.disguise import HEAD
from torchvectors.errors import CacheError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

__all__ = ["CHUNK", "Part", "on_disk"]

CHUNK = 1 << 16  # bytes; what a broken connection may lose


class Part:
    """The part of one file that is here; lives while the file is fetched, and is left for the next call.

    Attributes:
        path: ``DESTINATION.part``.
        origin: Where its bytes came from; None if there are none.
        size: How many they are.
        head: The first `HEAD` of them.
        resumed: They came in more than one answer.
        afresh: They are not offered to be continued until others have come, though they stay for the next call.
    """

    def __init__(self, destination: Path, algorithms: Iterable[str], *, sure: bool) -> None:
        """Take no bytes up yet; ``sure`` says that a digest will tell whether they are the right ones."""
        self.path = destination.with_name(f"{destination.name}.part")
        self.aside = destination.with_name(f"{destination.name}.doubted")
        self._note = destination.with_name(f"{destination.name}.part.json")
        self._algorithms, self._sure = tuple(algorithms), sure
        self._empty()

    def _empty(self) -> None:
        self.origin: Origin | None = None
        self.size, self.head, self.resumed, self.afresh = 0, b"", False, False
        self._hashes = {name: hashlib.new(name, usedforsecurity=False) for name in self._algorithms}

    def digest(self, algorithm: str) -> str:
        """Return the digest of the bytes that are here, in lower-case hex."""
        return self._hashes[algorithm].hexdigest()

    def held(self, url: str) -> Held | None:
        """Return the part as something that ``url`` (as shown) can continue; None if it cannot."""
        if self.origin is None or not self.stays or self.afresh:
            return None
        if self.origin.url == url and self.origin.validator:
            return Held(size=self.size, origin=self.origin)
        # Nothing tells whether the rest would come from the same file but the digest, in the end.
        return Held(size=self.size, origin=anywhere(self.origin, url)) if self._sure else None

    @property
    def stays(self) -> bool:
        """Whether a later call can continue it."""
        return bool(self.size and self.origin and (self._sure or self.origin.validator))

    @property
    def total(self) -> int | None:
        """Bytes of the whole file, as the server that gave the part says."""
        return self.origin.total if self.origin else None

    def take_up(self) -> None:
        """Read what an earlier call left; drop what cannot be told to belong to anything."""
        with on_disk(self.aside):
            self.aside.unlink(missing_ok=True)
        origin = self._read_note()
        if origin is None or not self.path.is_file():
            return self.drop()
        self.recount()
        self.origin, self.resumed = origin, True
        return None

    def recount(self) -> None:
        """Read the file anew, which somebody else has written: its size, its first bytes and its digests."""
        origin, resumed, afresh = self.origin, self.resumed, self.afresh
        self._empty()
        with on_disk(self.path), self.path.open("rb") as file:
            while chunk := file.read(CHUNK):
                self._count(chunk)
        self.origin, self.resumed, self.afresh = origin, resumed, afresh

    def _read_note(self) -> Origin | None:
        try:
            fields = json.loads(self._note.read_text("utf-8"))
            origin = Origin(**fields)
        except (OSError, ValueError, TypeError):
            return None
        return origin if is_sound(origin) else None

    def drop(self) -> None:
        """Remove what is here."""
        with on_disk(self.path):
            self._note.unlink(missing_ok=True)  # first: bytes without a note are never continued
            self.path.unlink(missing_ok=True)
        self._empty()

    def restart(self, origin: Origin) -> None:
        """Begin anew with bytes from ``origin``."""
        self.drop()
        with on_disk(self.path, 0, origin.total):
            self.path.touch()
        self.adopt(origin)

    def adopt(self, origin: Origin) -> None:
        """Note that the bytes that come next are from ``origin``, which may be elsewhere than where the first were."""
        if origin != self.origin:
            # In one step: a note that is cut short would cost the bytes.
            with on_disk(self.path, self.size, origin.total), replacing(self._note) as temporary:
                temporary.write_text(json.dumps(asdict(origin)), "utf-8")
            self.origin = origin

    @contextmanager
    def writing(self) -> Iterator[Callable[[bytes], None]]:
        """Yield the function that appends bytes.

        Raises:
            CacheError: The disk does not take them; those that it took stay.
        """
        self.resumed = self.size > 0
        with on_disk(self.path):
            file = self.path.open("ab", buffering=0)

        def append(chunk: bytes) -> None:
            with on_disk(self.path, self.size, self.total):
                left = memoryview(chunk)
                while left:
                    left = left[file.write(left) :]
            self._count(chunk)

        with file:
            yield append

    def _count(self, chunk: bytes) -> None:
        for one in self._hashes.values():
            one.update(chunk)
        self.size += len(chunk)
        if len(self.head) < HEAD:
            self.head = (self.head + chunk)[:HEAD]

    def set_aside(self) -> Path:
        """Keep a whole file under another name, while other URLs are asked for a better one."""
        with on_disk(self.path):
            self.path.replace(self.aside)
        self.drop()
        return self.aside

    def clean(self) -> None:
        """Remove everything beside the destination that its download needed."""
        for path in (self._note, self.path, self.aside):
            with suppress(OSError):
                path.unlink(missing_ok=True)


@contextmanager
def on_disk(path: Path, size: int = 0, total: int | None = None) -> Iterator[None]:
    """Turn what the system says against writing ``path`` into a `CacheError`.

    Args:
        path: What is written.
        size: The bytes of it that are there and stay.
        total: The bytes that it is to have, if known.
    """
    try:
        yield
    except CacheError:
        raise
    except OSError as error:
        needs = f" It needs {total:,} bytes, and {size:,} of them are there." if total else ""
        with suppress(OSError):
            needs += f" {path.parent} has {shutil.disk_usage(path.parent).free:,} bytes free."
        raise CacheError(
            f"{path}: it could not be written ({error.strerror or error}).{needs} Make room and call again, which "
            "continues it; or give another folder as cache=… or in the environment variable TORCHVECTORS_HOME."
        ) from error
