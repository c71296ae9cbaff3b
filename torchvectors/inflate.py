"""A deflated member of a zip → its bytes, by the fastest inflater there is, compared with its check sum at the end."""

from __future__ import annotations

import functools
import importlib
import zipfile
import zlib
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["Inflated", "Packed"]

_PIECE = 1 << 18  # packed bytes inflated at a time; Python's lock is asked for after each
_RAW = -15  # deflate without a header, in the largest window


class Packed(Protocol):
    """Where packed bytes come from."""

    def read(self, n: int, /) -> bytes:
        """Return up to ``n`` bytes, and none at the end."""


class _Inflater(Protocol):
    eof: bool
    unconsumed_tail: bytes

    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


@functools.cache
def _isal() -> ModuleType | None:
    try:
        return importlib.import_module("isal.isal_zlib")
    except ImportError:  # no wheel for this platform: zlib gives equal bytes at a third of the speed
        return None


class Inflated:
    """The unpacked bytes of a member.

    Args:
        packed: Its packed bytes, and no more than those.
        nbytes: How many bytes it must unpack to.
        crc: The check sum, CRC-32, that these must have.
    """

    def __init__(self, packed: Packed, *, nbytes: int, crc: int) -> None:
        module = _isal() or zlib
        self._inflater = cast("_Inflater", module.decompressobj(_RAW))
        self._crc32, self._error = module.crc32, module.error
        self._packed, self._left, self._crc = packed, nbytes, crc
        self._found = 0  # the check sum of what was read so far

    def read(self, n: int, /) -> bytes:
        """Return ``n`` bytes; fewer at the end, and then none.

        Raises:
            BadZipFile: The packed bytes are damaged or cut, or unpack to something else than they should.
        """
        parts: list[bytes] = []
        while n and not self._inflater.eof:
            packed = self._inflater.unconsumed_tail or self._packed.read(_PIECE)
            try:
                data = self._inflater.decompress(packed, n)
            except self._error as error:
                raise zipfile.BadZipFile(f"{error}") from error
            if not (data or packed or self._inflater.eof):
                raise zipfile.BadZipFile("the packed bytes end too early")
            parts.append(data)
            n -= len(data)
        whole = b"".join(parts)
        self._found = self._crc32(whole, self._found)
        self._left -= len(whole)
        if self._left < 0 or (self._inflater.eof and (self._left, self._found) != (0, self._crc)):
            raise zipfile.BadZipFile("it unpacks to something else than its size and CRC-32 say")
        return whole
