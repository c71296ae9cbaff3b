"""Pretrained word vectors for PyTorch: what torchtext's users had, verified, mapped, and inside the data graph.

>>> import torchvectors
>>> glove = torchvectors.GloVe("sample")
>>> glove.get_vecs_by_tokens(["the", "cat"]).shape
torch.Size([2, 50])
"""

from typing import TYPE_CHECKING, Any

from torchvectors import data, datapipes, functional, transforms, vocab
from torchvectors.align import Alignment, Coverage, align
from torchvectors.pretrained import CharNGram, FastText, GloVe
from torchvectors.vectors import Normal, Vectors
from torchvectors.version import __version__
from torchvectors.vocabulary import Vocab, build_vocab_from_iterator

if TYPE_CHECKING:
    from torchvectors import datasets, nodes, utils

__all__ = [
    "Alignment",
    "CharNGram",
    "Coverage",
    "FastText",
    "GloVe",
    "Normal",
    "Vectors",
    "Vocab",
    "__version__",
    "align",
    "build_vocab_from_iterator",
    "data",
    "datapipes",
    "datasets",
    "disable_torchtext_deprecation_warning",
    "disable_torchvectors_deprecation_warning",
    "functional",
    "nodes",
    "transforms",
    "utils",
    "vocab",
]

_LAZY = {"datasets", "nodes", "utils"}  # what these import is not needed by everybody


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from importlib import import_module

        return import_module(f"torchvectors.{name}")
    raise AttributeError(f"module 'torchvectors' has no attribute {name!r}")


def disable_torchtext_deprecation_warning() -> None:
    """Do nothing: torchtext told its users to call this, and their programs still do."""


disable_torchvectors_deprecation_warning = disable_torchtext_deprecation_warning
