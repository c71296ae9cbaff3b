"""Pretrained word vectors for PyTorch: what torchtext's users had, verified, mapped, and inside the data graph.

>>> import torchvectors
>>> glove = torchvectors.GloVe("sample")
>>> glove.get_vecs_by_tokens(["the", "cat"]).shape
torch.Size([2, 50])
"""

from typing import TYPE_CHECKING, Any

from torchvectors import data, datapipes, functional, transforms, vocab
from torchvectors.align import (
    Alignment,
    Coverage,
    Digits,
    PartlyTrainedEmbedding,
    PartlyTrainedEmbeddingBag,
    Step,
    align,
)
from torchvectors.pretrained import CharNGram, FastText, GloVe, Word2Vec
from torchvectors.vectors import Chain, Normal, Stack, Vectors
from torchvectors.version import __version__
from torchvectors.vocabulary import Vocab, build_vocab_from_iterator

if TYPE_CHECKING:
    from torchvectors import datasets, nodes, utils

__all__ = [
    "Alignment",
    "Chain",
    "CharNGram",
    "Coverage",
    "Digits",
    "FastText",
    "GloVe",
    "Normal",
    "PartlyTrainedEmbedding",
    "PartlyTrainedEmbeddingBag",
    "Stack",
    "Step",
    "Vectors",
    "Vocab",
    "Word2Vec",
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

# What torchtext had and this package has not, and what takes its place.
_LEFT_OUT = {
    "experimental": "it became torchtext.prototype; Vectors, GloVe and FastText are at the root",
    "models": "the transformers package has these models, with their weights",
    "nn": "torch.nn has MultiheadAttention",
    "prototype": "Vectors, GloVe, FastText and transforms have what was stable of it",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from importlib import import_module

        return import_module(f"torchvectors.{name}")
    said = f"module 'torchvectors' has no attribute {name!r}"
    if name in _LEFT_OUT:
        page = "docs/coming-from-torchtext.md"
        said += f": torchtext's is left out here; {_LEFT_OUT[name]}. {page} has every name."
    raise AttributeError(said)


def disable_torchtext_deprecation_warning() -> None:
    """Do nothing: torchtext told its users to call this, and their programs still do."""


disable_torchvectors_deprecation_warning = disable_torchtext_deprecation_warning
