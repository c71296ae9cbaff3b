"""What is fitted once to a whole corpus: its vocabulary, and the matrix that belongs to that.

``corpus``: what is counted. ``passing``: one pass over it, by several ``processes`` if asked. ``settings``: counts to
a vocabulary. ``fit``: that made once, whichever thread or process comes first (``rendezvous``), or shared between
ranks (``ranks``), and its result (``fitted``). ``given``, ``origins``: a vocabulary that is not counted, and what it
may be made from. ``aligned``: what is looked up once for a vocabulary. ``upstream``: which vocabulary a stage goes by.
``stage``: what a stage that is fitted gives its user. ``locking``: threads, one at a time.
"""

from torchvectors.fitting.aligned import Aligned, GivesAlignment
from torchvectors.fitting.corpus import Corpus, called, corpus_of, described, settled
from torchvectors.fitting.fit import Fit, GoesBy
from torchvectors.fitting.given import Fixed, Given
from torchvectors.fitting.origins import VocabOrigin, given_vocab
from torchvectors.fitting.ranks import group_size
from torchvectors.fitting.settings import PADDING, UNKNOWN, HasVocab, VocabSettings
from torchvectors.fitting.stage import FitsVocab
from torchvectors.fitting.upstream import FITTED, asked_upstream, named, padding_before, vocab_before

__all__ = [
    "FITTED",
    "PADDING",
    "UNKNOWN",
    "Aligned",
    "Corpus",
    "Fit",
    "FitsVocab",
    "Fixed",
    "Given",
    "GivesAlignment",
    "GoesBy",
    "HasVocab",
    "VocabOrigin",
    "VocabSettings",
    "asked_upstream",
    "called",
    "corpus_of",
    "described",
    "given_vocab",
    "group_size",
    "named",
    "padding_before",
    "settled",
    "vocab_before",
]
