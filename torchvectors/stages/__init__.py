"""What the stages of a dataloading graph do: the rules of `datapipes` and `nodes`, which are two forms of them.

``per_row``: a row in, a row out. ``fit``: what is counted once for a whole corpus. ``aligned``: what is looked up
once for a vocabulary. ``travel``: how a vocabulary reaches another process. ``upstream``: which vocabulary a stage
goes by.
"""

from torchvectors.stages.aligned import Aligned, GivesAlignment
from torchvectors.stages.fit import (
    PADDING,
    UNKNOWN,
    Fit,
    Fixed,
    GoesBy,
    HasVocab,
    VocabSettings,
)
from torchvectors.stages.per_row import (
    look_up_row,
    numericalize_row,
    tokenize_row,
    tokenizer_named,
    tokens_of,
)
from torchvectors.stages.upstream import before, named, pad_index, padding_vocab, vocab_before

__all__ = [
    "PADDING",
    "UNKNOWN",
    "Aligned",
    "Fit",
    "Fixed",
    "GivesAlignment",
    "GoesBy",
    "HasVocab",
    "VocabSettings",
    "before",
    "look_up_row",
    "named",
    "numericalize_row",
    "pad_index",
    "padding_vocab",
    "tokenize_row",
    "tokenizer_named",
    "tokens_of",
    "vocab_before",
]
