"""A store → tensors: torchtext's `Vectors`, and the rows of tokens that have none."""

from torchvectors.vectors.table import Vectors, expect_vectors
from torchvectors.vectors.unknown import Normal, UnkInit, unknown_rows

__all__ = ["Normal", "UnkInit", "Vectors", "expect_vectors", "unknown_rows"]
