"""What the stages of a graph do to a row: the rules of `datapipes` and `nodes`, which are two forms of them.

``per_row``: a row in, a row out. ``recording``: rows written down once as a mapped file, that is their ``tokens`` and
their other ``fields``. ``shards``: which rows are a worker's. ``trace``: what a graph has given so far. ``walk``: the
stages before one. ``pickling``: what cannot go to another process. ``states``: what a saved state says. What takes a
whole corpus is `fitting`'s.
"""

from torchvectors.stages.per_row import (
    Do,
    each_row,
    finding_tokens,
    looking_up,
    numericalizing,
    say_row,
    tokenizer_named,
    tokenizing,
)
from torchvectors.stages.pickling import refuse_unpicklable
from torchvectors.stages.shards import Tail, check_tail, deal, length_of_shard
from torchvectors.stages.states import stated
from torchvectors.stages.trace import Trace
from torchvectors.stages.walk import before

__all__ = [
    "Do",
    "Tail",
    "Trace",
    "before",
    "check_tail",
    "deal",
    "each_row",
    "finding_tokens",
    "length_of_shard",
    "looking_up",
    "numericalizing",
    "refuse_unpicklable",
    "say_row",
    "stated",
    "tokenizer_named",
    "tokenizing",
]
