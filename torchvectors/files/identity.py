"""Files → what tells them from others: their bytes, or, where a glance must do, their names and sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xxhash import xxh3_128

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["at_a_glance", "digest_of"]

_CHUNK = 1 << 20  # bytes


def digest_of(paths: Iterable[Path], *, folders: bool) -> str:
    """Return a checksum of all bytes of some files.

    It is what a vocabulary is kept under. Sizes and dates would be had for less, but a file may be written anew
    with its old size, and be given its old date by whatever copied it. To read the bytes takes a small part
    of the time that it takes to count what is in them.

    Args:
        paths: The files, in their order.
        folders: Whether the names of their folders count, too.
    """
    whole, buffer = xxh3_128(), memoryview(bytearray(_CHUNK))
    for path in paths:
        one, nbytes = xxh3_128(), 0
        with path.open("rb", buffering=0) as file:
            while n := file.readinto(buffer):
                one.update(buffer[:n])
                nbytes += n
        folder = path.parent.name if folders else ""
        # Each by its own, or a file's end could be another one's beginning.
        whole.update(f"{folder!r} {nbytes} {one.hexdigest()}\n".encode("utf-8", "surrogatepass"))
    return whole.hexdigest()


def at_a_glance(paths: Iterable[Path]) -> str:
    """Return a checksum of the names and sizes of some files: enough to refuse a place in others."""
    whole = xxh3_128()
    for path in paths:
        whole.update(f"{path.name!r} {path.stat().st_size}\n".encode("utf-8", "surrogatepass"))
    return whole.hexdigest()
