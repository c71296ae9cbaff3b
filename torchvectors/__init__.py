"""Pretrained word vectors for PyTorch: what torchtext's users had, verified, mapped, and inside the data graph.

>>> import torchvectors
>>> glove = torchvectors.GloVe("sample")
>>> glove.get_vecs_by_tokens(["the", "cat"]).shape
torch.Size([2, 50])
"""

import importlib
import sys
import types
from typing import TYPE_CHECKING, Any

from torchvectors import forms
from torchvectors.version import __version__

if TYPE_CHECKING:
    from torchvectors import data, datapipes, datasets, functional, nodes, transforms, utils, vocab
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
    from torchvectors.vocabulary import Vocab, build_vocab_from_iterator

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

# Which room has a name: it is loaded when the name is first asked for, and torch with the first that needs it.
_ROOMS = {
    "Alignment": "align",
    "Chain": "vectors",
    "CharNGram": "pretrained",
    "Coverage": "align",
    "Digits": "align",
    "FastText": "pretrained",
    "GloVe": "pretrained",
    "Normal": "vectors",
    "PartlyTrainedEmbedding": "align",
    "PartlyTrainedEmbeddingBag": "align",
    "Stack": "vectors",
    "Step": "align",
    "Vectors": "vectors",
    "Vocab": "vocabulary",
    "Word2Vec": "pretrained",
    "align": "align",
    "build_vocab_from_iterator": "vocabulary",
}
_DOORS = {"data", "datapipes", "datasets", "functional", "nodes", "transforms", "utils", "vocab"}

# What torchtext had and this package has not, and what takes its place.
_LEFT_OUT = {
    "experimental": "it became torchtext.prototype; Vectors, GloVe and FastText are at the root",
    "models": "the transformers package has these models, with their weights",
    "nn": "torch.nn has MultiheadAttention",
    "prototype": "Vectors, GloVe, FastText and transforms have what was stable of it",
}


def __getattr__(name: str) -> Any:
    if name in _DOORS:
        return importlib.import_module(f"torchvectors.{name}")
    if name in _ROOMS:
        found = getattr(importlib.import_module(f"torchvectors.{_ROOMS[name]}"), name)
        globals()[name] = found  # this function is not asked again
        return found
    said = f"module 'torchvectors' has no attribute {name!r}"
    if name in _LEFT_OUT:
        page = "docs/coming-from-torchtext.md"
        said += f": torchtext's is left out here; {_LEFT_OUT[name]}. {page} has every name."
    raise AttributeError(said)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Root(types.ModuleType):
    """This package: `align` is the function, whoever has loaded the room of that name."""

    def __setattr__(self, name: str, value: object) -> None:
        # Python makes each module an attribute of its package as soon as it is loaded.
        is_room = name == "align" and isinstance(value, types.ModuleType)
        super().__setattr__(name, value.align if is_room else value)  # type: ignore[attr-defined]


sys.modules[__name__].__class__ = _Root
forms.promise()


def disable_torchtext_deprecation_warning() -> None:
    """Do nothing: torchtext told its users to call this, and their programs still do."""


disable_torchvectors_deprecation_warning = disable_torchtext_deprecation_warning
