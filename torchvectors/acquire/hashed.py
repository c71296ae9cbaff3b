"""A stream → the same stream, and its digest."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from torchvectors.catalog import Digest

if TYPE_CHECKING:
    from torchvectors.formats import ByteStream

__all__ = ["Hashed"]


class Hashed:
    """A stream whose bytes are hashed as they go by; not at all, where ``algorithm`` is None."""

    def __init__(self, stream: ByteStream, algorithm: str | None) -> None:
        self._stream, self.algorithm = stream, algorithm
        self._hash = hashlib.new(algorithm, usedforsecurity=False) if algorithm else None

    def read(self, n: int, /) -> bytes:
        """Return up to ``n`` bytes, and none at the end."""
        data = self._stream.read(n)
        if self._hash is not None:
            self._hash.update(data)
        return data

    @property
    def digest(self) -> Digest | None:
        """Of all that was read; None where it is not hashed."""
        if self._hash is None or self.algorithm is None:
            return None
        return Digest(algorithm=self.algorithm, value=self._hash.hexdigest())
