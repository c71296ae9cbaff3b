"""torchtext's ``torchtext.vocab.vocab_factory``."""

from torchvectors.vocabulary import build_vocab_from_iterator, vocab

__all__ = ["build_vocab_from_iterator", "vocab"]
