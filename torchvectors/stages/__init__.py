"""What the stages of a dataloading graph do: the rules of `datapipes` and `nodes`, which are two forms of them.

``per_row``: a row in, a row out. ``settings``: counts to a vocabulary. ``corpus``: what is counted. ``passing``: one
pass over it, by several ``processes`` if asked, or with a ``recording`` of its rows, that is of their ``tokens`` and
their other ``fields``. ``fit``: that pass made once, whichever thread or process comes first (``rendezvous``), or
shared between ranks (``ranks``), and its result (``fitted``). ``given``, ``origins``: a vocabulary that is not
counted, and what it may be made from. ``aligned``: what is looked up once for a vocabulary. ``upstream``: which
vocabulary a stage goes by. ``shards``: which rows are a worker's. ``trace``: what a graph has given so far.
``states``: what a saved state says. ``walk``: the stages before one. ``pickling``: what cannot go to another process.
"""

from torchvectors.stages.aligned import Aligned, GivesAlignment
from torchvectors.stages.corpus import Corpus, called, corpus_of, described, settled
from torchvectors.stages.fit import Fit, FitsVocab, Fixed, GoesBy
from torchvectors.stages.given import Given
from torchvectors.stages.origins import VocabOrigin, given_vocab
from torchvectors.stages.per_row import (
    Do,
    each_row,
    looking_up,
    numericalizing,
    say_row,
    tokenizer_named,
    tokenizing,
    tokens_of,
)
from torchvectors.stages.pickling import refuse_unpicklable
from torchvectors.stages.ranks import group_size
from torchvectors.stages.settings import PADDING, UNKNOWN, HasVocab, VocabSettings
from torchvectors.stages.shards import Tail, check_tail, deal, length_of_shard
from torchvectors.stages.states import stated
from torchvectors.stages.trace import Trace
from torchvectors.stages.upstream import FITTED, asked_upstream, named, padding_before, vocab_before
from torchvectors.stages.walk import before

__all__ = [
    "FITTED",
    "PADDING",
    "UNKNOWN",
    "Aligned",
    "Corpus",
    "Do",
    "Fit",
    "FitsVocab",
    "Fixed",
    "Given",
    "GivesAlignment",
    "GoesBy",
    "HasVocab",
    "Tail",
    "Trace",
    "VocabOrigin",
    "VocabSettings",
    "asked_upstream",
    "before",
    "called",
    "check_tail",
    "corpus_of",
    "deal",
    "described",
    "each_row",
    "given_vocab",
    "group_size",
    "length_of_shard",
    "looking_up",
    "named",
    "numericalizing",
    "padding_before",
    "refuse_unpicklable",
    "say_row",
    "settled",
    "stated",
    "tokenizer_named",
    "tokenizing",
    "tokens_of",
    "vocab_before",
]
