"""A store → tensors: torchtext's `Vectors`, and the rows of tokens that have none."""

from torchvectors.vectors.table import Vectors
from torchvectors.vectors.unknown import Normal, UnkInit, unknown_rows

__all__ = ["Normal", "UnkInit", "Vectors", "unknown_rows"]
