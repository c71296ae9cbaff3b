"""Bytes as they come → ``DESTINATION.part``, hashed, with a note beside it that says how to continue it."""

from __future__ import annotations

import glob
import hashlib
import os
import secrets
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from torchvectors.cache import locks_hold, replacing
from torchvectors.download.answers import Held, Origin, anywhere
from torchvectors.download.disguise import HEAD
from torchvectors.download.disk import cut_at_zeros, noted, on_disk, read_note
from torchvectors.errors import CacheError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

__all__ = ["ALONE", "CHUNK", "Part", "clear_part"]

ALONE = ".alone-"  # and eight hexadecimal digits: what belongs to one process
CHUNK = 1 << 16  # bytes; what a broken connection may lose


class Part:
    """The part of one file that is here; lives while the file is fetched, and is left for the next call.

    Where locks do not hold, another process may fetch the same file at the same time. There each has a part of its
    own, ``DESTINATION.alone-….part``, which no call continues.

    Attributes:
        path: ``DESTINATION.part``.
        alone: Whether it is this process's own.
        origin: Where its bytes came from; None if there are none.
        size: How many they are.
        head: The first `HEAD` of them.
        resumed: They came in more than one answer.
        afresh: They are not offered to be continued until others have come, though they stay for the next call.
    """

    def __init__(self, destination: Path, algorithms: Iterable[str], *, sure: bool) -> None:
        """Take no bytes up yet; ``sure`` says that a digest will tell whether they are the right ones."""
        self._algorithms, self._sure, self.alone = tuple(algorithms), sure, False
        self._lie_beside(destination)
        self._empty()

    def _lie_beside(self, destination: Path) -> None:
        self._destination = destination
        self.path = destination.with_name(f"{destination.name}.part")
        self.aside = destination.with_name(f"{destination.name}.doubted")
        self._note = destination.with_name(f"{destination.name}.part.json")

    def _empty(self) -> None:
        self.origin: Origin | None = None
        self.size, self.head, self.resumed, self.afresh = 0, b"", False, False
        self._safe = 0  # bytes that were written through to the disk
        self._inode: int | None = None  # of the file that was written
        self._hashes = {name: hashlib.new(name, usedforsecurity=False) for name in self._algorithms}

    def digest(self, algorithm: str) -> str:
        """Return the digest of the bytes that are here, in lower-case hex."""
        return self._hashes[algorithm].hexdigest()

    def held(self, url: str) -> Held | None:
        """Return the part as something that ``url`` (as shown) can continue; None if it cannot."""
        if self.origin is None or not self._goes_on or self.afresh:
            return None
        # Where locks do not hold, somebody else may have begun it anew, or written to it.
        if not self._is_own(self.path, self.size):
            return None
        if self.origin.url == url and self.origin.validator:
            return Held(size=self.size, origin=self.origin)
        # Nothing tells whether the rest would come from the same file but the digest, in the end.
        return Held(size=self.size, origin=anywhere(self.origin, url)) if self._sure else None

    @property
    def stays(self) -> bool:
        """Whether a later call can continue it."""
        return self._goes_on and not self.alone

    @property
    def _goes_on(self) -> bool:
        return bool(self.size and self.origin and (self._sure or self.origin.validator))

    @property
    def total(self) -> int | None:
        """Bytes of the whole file, as the server that gave the part says."""
        return self.origin.total if self.origin else None

    def take_up(self) -> None:
        """Read what an earlier call left; drop what cannot be told to belong to anything."""
        if not locks_hold(self.path.parent):
            self.alone = True
            self._lie_beside(self._alone_name())
            return None
        self._sweep()
        with on_disk(self.aside):
            self.aside.unlink(missing_ok=True)
        note = read_note(self._note)
        if note is None or not self.path.is_file():
            return self.drop()
        origin, self._safe = note
        with on_disk(self.path):
            cut_at_zeros(self.path, self._safe)
        self.recount()
        self.origin, self.resumed = origin, True
        return None

    def _sweep(self) -> None:
        """Remove what killed processes have left that was theirs alone; a file that was whole is taken up again."""
        for path in self.path.parent.glob(f"{glob.escape(self._destination.name)}{ALONE}*"):
            with on_disk(path):
                noted = path.with_name(f"{path.name}.json").exists()
                if path.suffix == ".part" and self._note.exists() and not (noted or self.path.exists()):
                    path.replace(self.path)
                else:
                    path.unlink(missing_ok=True)

    def recount(self) -> None:
        """Read the file anew, which somebody else has written: its size, its first bytes and its digests."""
        origin, resumed, afresh, safe = self.origin, self.resumed, self.afresh, self._safe
        self._empty()
        with on_disk(self.path), self.path.open("rb") as file:
            self._inode = os.fstat(file.fileno()).st_ino
            while chunk := file.read(CHUNK):
                self._count(chunk)
        self.origin, self.resumed, self.afresh, self._safe = origin, resumed, afresh, safe

    def drop(self) -> None:
        """Remove what is here."""
        with on_disk(self.path):
            self._note.unlink(missing_ok=True)  # first: bytes without a note are never continued
            self.path.unlink(missing_ok=True)
        self._empty()

    def restart(self, origin: Origin) -> None:
        """Begin anew with bytes from ``origin``."""
        self.drop()
        with on_disk(self.path, 0, origin.total), self.path.open("xb") as file:
            self._inode = os.fstat(file.fileno()).st_ino
        self.adopt(origin)

    def adopt(self, origin: Origin) -> None:
        """Note that the bytes that come next are from ``origin``, which may be elsewhere than where the first were."""
        if origin != self.origin:
            # In one step: a note that is cut short would cost the bytes.
            with (
                on_disk(self.path, self.size, origin.total),
                replacing(self._note, made_with=self._destination) as temporary,
            ):
                temporary.write_bytes(noted(origin, self._safe))
            self.origin = origin

    @contextmanager
    def writing(self) -> Iterator[Callable[[bytes], None]]:
        """Yield the function that appends bytes.

        Raises:
            CacheError: The disk does not take them; those that it took stay.
        """
        self.resumed = self.size > 0
        with on_disk(self.path):
            if not self.path.exists():  # which to open it would make anew
                raise self._not_alone()
            file = self.path.open("ab", buffering=0)
            if os.fstat(file.fileno()).st_ino != self._inode:
                file.close()
                raise self._not_alone()

        def append(chunk: bytes) -> None:
            with on_disk(self.path, self.size, self.total):
                left = memoryview(chunk)
                while left:
                    left = left[file.write(left) :]
            self._count(chunk)

        with file:
            try:
                yield append
            finally:
                self._write_through(file.fileno())

    def _write_through(self, descriptor: int) -> None:
        """See that a power cut cannot take the bytes that are here, and note that."""
        with suppress(OSError):  # the disk may be full
            os.fsync(descriptor)
            self._safe = self.size
            if self.origin is not None:
                with self._note.open("rb+") as note:
                    note.write(noted(self.origin, self._safe))

    def _count(self, chunk: bytes) -> None:
        for one in self._hashes.values():
            one.update(chunk)
        self.size += len(chunk)
        if len(self.head) < HEAD:
            self.head = (self.head + chunk)[:HEAD]

    def claim(self, bytes_at: Path, nbytes: int) -> Path:
        """Give a whole file a name that no other process uses, and return it.

        It is seen to be the file of so many bytes that was written here, and that nobody else has written to it.

        Raises:
            CacheError: It is not: the locks of this file system do not hold.
        """
        if bytes_at != self.path:
            return bytes_at
        alone = self._alone_name()
        own = alone.with_name(f"{alone.name}.part")
        if not self._is_own(self.path, nbytes):  # before somebody else's is taken away
            raise self._not_alone()
        with self.path.open("rb+") as file:
            os.fsync(file.fileno())  # which may take long; under this name it can still be continued
        self.path.replace(own)
        if not self._is_own(own, nbytes):
            own.unlink(missing_ok=True)
            raise self._not_alone()
        return own

    def _alone_name(self) -> Path:
        return self._destination.with_name(f"{self._destination.name}{ALONE}{secrets.token_hex(4)}")

    def _is_own(self, path: Path, nbytes: int) -> bool:
        try:
            state = path.stat()
        except OSError:
            return False
        return (state.st_ino, state.st_size) == (self._inode, nbytes)

    def _not_alone(self) -> CacheError:
        what = "another process has written it while it came here, so the locks in this folder do not hold."
        if not self.path.exists():
            what = "it was removed while it came here, by somebody who has cleaned this folder; or by another process,"
            what += " if the locks in it do not hold. Begin again."
        cure = "Give a folder of this machine's own as cache=…; or let one process fetch it before the others start."
        return CacheError(f"{self.path}: {what} {cure}")

    def leave(self) -> None:
        """Leave what is here to the next call; nobody can continue what is this process's own."""
        if self.alone:
            self.clean()

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


def clear_part(destination: Path) -> None:
    """Remove what lies beside a whole file that its download needed; the caller holds its lock."""
    Part(destination, (), sure=False).clean()
