"""torchtext's ``torchtext.vocab``: the same names, from the rooms where they live now."""

from torchvectors.vocab.vectors import CharNGram, FastText, GloVe, Vectors, Word2Vec, pretrained_aliases
from torchvectors.vocab.vocab import Vocab

# After the module `vocab.vocab`, whose name the function then takes, as in torchtext.
from torchvectors.vocab.vocab_factory import build_vocab_from_iterator, vocab

__all__ = [
    "CharNGram",
    "FastText",
    "GloVe",
    "Vectors",
    "Vocab",
    "Word2Vec",
    "build_vocab_from_iterator",
    "pretrained_aliases",
    "vocab",
]
