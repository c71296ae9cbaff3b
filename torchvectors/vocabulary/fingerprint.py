"""A vocabulary's tokens, in the order of their indices → a checksum over them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from xxhash import xxh3_128

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["fingerprint_of"]

_CHUNK = 1 << 14  # tokens read at a time: they lie all over the memory, and are fetched from it once


def fingerprint_of(itos: Sequence[str], default_index: int | None) -> str:
    """Return a checksum over tokens in their order, and the default index: see `Vocab.fingerprint`."""
    digest = xxh3_128(b"none" if default_index is None else b"%d" % default_index)
    texts = []
    for start in range(0, len(itos), _CHUNK):
        some = itos[start : start + _CHUNK]
        text = "".join(some).encode("utf-8", "surrogatepass")
        lengths = np.fromiter(map(len, some), "<i8", len(some))
        if lengths.sum() != len(text):  # not all characters are bytes
            for i in (~np.fromiter(map(str.isascii, some), np.bool_, len(some))).nonzero()[0].tolist():
                lengths[i] = len(some[i].encode("utf-8", "surrogatepass"))
        digest.update(lengths.tobytes())
        texts.append(text)
    for text in texts:
        digest.update(text)
    return f"xxh3_128:{digest.hexdigest()}"
