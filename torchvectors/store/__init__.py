"""Blocks → one mapped file, and back: tokens, rows, and an index from token to row that needs no loading.

The file is a safetensors file, so that anybody can read it; ``docs/format.md`` states every byte. Opening maps it
and checks the header: no token is read and no dict is built, so it takes about a millisecond whatever the size.
"""

from torchvectors.store.index import Row
from torchvectors.store.layout import FORMAT, VECTOR_DTYPE, VERSION, Encoding
from torchvectors.store.reader import (
    OldStoreError,
    Store,
    is_of_another_version,
    metadata_of,
    open_store,
    take_into,
)
from torchvectors.store.writer import write_store

__all__ = [
    "FORMAT",
    "VECTOR_DTYPE",
    "VERSION",
    "Encoding",
    "OldStoreError",
    "Row",
    "Store",
    "is_of_another_version",
    "metadata_of",
    "open_store",
    "take_into",
    "write_store",
]
