"""What a graph has given so far → a checksum, by which a resumed graph is seen to be the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from xxhash import xxh3_64

from torchvectors.stages.tokens import Tokens

__all__ = ["Trace"]


class Trace:
    """A checksum over items in their order: tensors, arrays, numbers, texts, and what holds them.

    Of anything else its type alone counts, for its repr may hold an address; of tensors in rare layouts, their shape.
    """

    def __init__(self) -> None:
        self._digest = xxh3_64()

    def add(self, item: Any) -> None:
        """Take note of one more item."""
        update = self._digest.update
        if isinstance(item, Tensor):
            if item.is_nested and item.layout is torch.jagged:
                self.add(item.values())
                self.add(item.offsets())  # type: ignore[attr-defined]  # nested tensors have it
            elif item.is_nested:
                self.add(item.unbind())
            elif item.layout is torch.sparse_coo:
                coalesced = item.detach().coalesce()
                self.add((coalesced.indices(), coalesced.values()))
            else:
                update(f"{item.dtype}{tuple(item.shape)}".encode())
                if item.layout is torch.strided and not item.is_meta:
                    update(_bytes_of(item))
        elif isinstance(item, np.ndarray) and item.dtype != object:
            update(f"{item.dtype}{item.shape}".encode())
            update(np.ascontiguousarray(item).tobytes())
        elif isinstance(item, (list, tuple, Tokens)):
            update(b"(")
            for one in item:
                self.add(one)
            update(b")")
        elif isinstance(item, dict):
            self.add(tuple(item.items()))
        elif item is None or isinstance(item, (str, bytes, int, float, np.generic)):
            update(f"{item!r},".encode("utf-8", "surrogatepass"))
        else:
            update(type(item).__qualname__.encode())

    def value(self) -> str:
        """Return the checksum of all items so far."""
        return self._digest.hexdigest()


def _bytes_of(item: Tensor) -> memoryview:
    plain = item.detach().cpu().resolve_conj().resolve_neg().contiguous()
    return plain.reshape(-1).view(torch.uint8).numpy().data
