"""What lies on the disk beside a download → what can be believed of it; and what the disk refuses, in words of ours."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from torchvectors.cache import is_full, room_in
from torchvectors.download.answers import Origin, is_sound
from torchvectors.errors import CacheError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["cut_at_zeros", "noted", "on_disk", "read_note"]

_CHUNK = 1 << 16  # bytes read at a time
_SECTOR = 512  # bytes; what a disk writes whole or not at all
_ZEROS = bytes(8)  # as many are no chance in what is packed, and are in no text


def read_note(path: Path) -> tuple[Origin, int] | None:
    """Return where the bytes of a part came from, and how many were written through; None if that is not known."""
    try:
        fields = json.loads(path.read_text("utf-8"))
        safe = fields.pop("safe", 0)
        origin = Origin(**fields)
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None
    return (origin, safe) if is_sound(origin) and type(safe) is int and safe >= 0 else None


def noted(origin: Origin, safe: int) -> bytes:
    """Return what `read_note` reads."""
    # Always as long for one origin, for then a full disk takes it, too.
    longest = json.dumps(asdict(origin) | {"safe": 1 << 63}).encode()
    return json.dumps(asdict(origin) | {"safe": safe}).encode().ljust(len(longest))


def cut_at_zeros(path: Path, safe: int) -> None:
    """Cut a part off where a power cut may have taken the rest: of what was not written through, zeros are left.

    They end where a sector does, or the file. What else is zeros there is fetched again.
    """
    place = safe // _SECTOR * _SECTOR
    with path.open("rb+") as file:
        file.seek(place)
        while chunk := file.read(_CHUNK):
            for start in range(0, len(chunk), _SECTOR):
                sector = chunk[start : start + _SECTOR]
                if sector.endswith(_ZEROS) and place + start + len(sector) > safe:
                    file.truncate(max(place + start, safe))
                    return
            place += len(chunk)


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
        where = error.filename or path  # what lies in the way may be the note
        text = f"{where}: it could not be written ({error.strerror or error})."
        text += f" It needs {total:,} bytes, and {size:,} of them are there." if total else ""
        cure = (
            "Make room and call again, which continues it"
            if is_full(error)
            else "Move away what is in the way"
        )
        elsewhere = "or give another folder as cache=… or in the environment variable TORCHVECTORS_HOME."
        raise CacheError(f"{text}{room_in(path.parent)} {cure}; {elsewhere}") from error
