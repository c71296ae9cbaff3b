"""What the stages of a dataloading graph do: the rules of `datapipes` and `nodes`, which are two forms of them.

``per_row``: a row in, a row out. ``settings``: counts to a vocabulary. ``corpus``: what is counted. ``passing``: one
pass over it. ``fit``: that pass made once, whichever thread or process comes first (``rendezvous``), or shared
between ranks (``ranks``), and its result (``fitted``). ``aligned``: what is looked up once for a vocabulary.
``upstream``: which vocabulary a stage goes by. ``shards``: which rows are a worker's. ``trace``: what a graph has
given so far. ``walk``: the stages before one.
"""

from torchvectors.stages.aligned import Aligned, GivesAlignment
from torchvectors.stages.corpus import Corpus, called, described, settled
from torchvectors.stages.fit import Fit, FitsVocab, Fixed, GoesBy
from torchvectors.stages.per_row import (
    look_up_row,
    numericalize_row,
    tokenize_row,
    tokenizer_named,
    tokens_of,
)
from torchvectors.stages.ranks import group_size
from torchvectors.stages.settings import PADDING, UNKNOWN, HasVocab, VocabSettings
from torchvectors.stages.shards import Tail, check_tail, deal, length_of_shard
from torchvectors.stages.trace import Trace
from torchvectors.stages.upstream import named, pad_index, padding_vocab, vocab_before
from torchvectors.stages.walk import before

__all__ = [
    "PADDING",
    "UNKNOWN",
    "Aligned",
    "Corpus",
    "Fit",
    "FitsVocab",
    "Fixed",
    "GivesAlignment",
    "GoesBy",
    "HasVocab",
    "Tail",
    "Trace",
    "VocabSettings",
    "before",
    "called",
    "check_tail",
    "deal",
    "described",
    "group_size",
    "length_of_shard",
    "look_up_row",
    "named",
    "numericalize_row",
    "pad_index",
    "padding_vocab",
    "settled",
    "tokenize_row",
    "tokenizer_named",
    "tokens_of",
    "vocab_before",
]
