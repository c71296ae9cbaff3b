"""A store → tensors: torchtext's `Vectors`, alone or several at once, and the rows of tokens that have none."""

from torchvectors.vectors.neighbours import Nearest
from torchvectors.vectors.several import Chain, Stack
from torchvectors.vectors.table import Vectors, expect_vectors
from torchvectors.vectors.unknown import Normal, UnkInit, unknown_rows

__all__ = ["Chain", "Nearest", "Normal", "Stack", "UnkInit", "Vectors", "expect_vectors", "unknown_rows"]
