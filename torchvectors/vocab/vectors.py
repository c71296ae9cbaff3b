"""torchtext's ``torchtext.vocab.vectors``."""

from torchvectors.pretrained import CharNGram, FastText, GloVe, Word2Vec, pretrained_aliases
from torchvectors.vectors import Vectors

__all__ = ["CharNGram", "FastText", "GloVe", "Vectors", "Word2Vec", "pretrained_aliases"]
