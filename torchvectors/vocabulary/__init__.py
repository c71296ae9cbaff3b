"""Tokens → indices and back: `Vocab`, and the two functions of torchtext that make one from counts."""

import torch

from torchvectors.vocabulary.factory import build_vocab_from_iterator, vocab
from torchvectors.vocabulary.fingerprint import fingerprint_of
from torchvectors.vocabulary.frozen import FrozenVocab
from torchvectors.vocabulary.scripting import ScriptableVocab
from torchvectors.vocabulary.table import HasItos, Vocab

__all__ = ["FrozenVocab", "HasItos", "Vocab", "build_vocab_from_iterator", "fingerprint_of", "vocab"]

# torchtext programs save whole vocabularies and read them with a bare `torch.load`, which since torch 2.6 makes
# only what is listed. These are safe to list: making one runs nothing that the file brings.
torch.serialization.add_safe_globals([Vocab, FrozenVocab, ScriptableVocab])
