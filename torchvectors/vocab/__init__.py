"""torchtext's ``torchtext.vocab``: the same names, from the rooms where they live now."""

from torchvectors.pretrained import CharNGram, FastText, GloVe, pretrained_aliases
from torchvectors.vectors import Vectors
from torchvectors.vocab import vectors, vocab_factory
from torchvectors.vocabulary import Vocab, build_vocab_from_iterator, vocab

__all__ = [
    "CharNGram",
    "FastText",
    "GloVe",
    "Vectors",
    "Vocab",
    "build_vocab_from_iterator",
    "pretrained_aliases",
    "vectors",
    "vocab",
    "vocab_factory",
]
