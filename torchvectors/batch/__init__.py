"""Rows with sequences of indices (or of vectors) → batches of tensors.

``batching``: the settings, and how rows are taken. ``bucketing``: which rows of a buffer share a batch.
``collation``: what becomes of a row's fields. ``layouts``: what becomes of its sequences.
"""

from torchvectors.batch.batching import Batching
from torchvectors.batch.bucketing import by_length
from torchvectors.batch.collation import collate
from torchvectors.batch.layouts import Layout, jagged, offsets, padded

__all__ = ["Batching", "Layout", "by_length", "collate", "jagged", "offsets", "padded"]
