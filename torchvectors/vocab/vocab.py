"""torchtext's ``torchtext.vocab.vocab``."""

from torchvectors.vocabulary import Vocab

__all__ = ["Vocab"]
