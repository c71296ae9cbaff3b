"""A vocabulary and vectors → an embedding matrix: where its rows come from, what was found, layers.

``steps``: how a token is respelled until it has a row. ``policy``: all that a caller can ask for, checked and spelled
out. ``matrix``: the look-up. ``coverage`` (and ``picture``): which step found what. ``alignment`` and ``layers``: the
matrix as layers. ``fingerprint``: what their checkpoints belong to.
"""

from torchvectors.align.alignment import Alignment
from torchvectors.align.coverage import Coverage
from torchvectors.align.fingerprint import said_of
from torchvectors.align.layers import PartlyTrainedEmbedding, PartlyTrainedEmbeddingBag
from torchvectors.align.matrix import align, align_by
from torchvectors.align.policy import Choice, Policy, Unknown, policy_for
from torchvectors.align.steps import Digits, Step

__all__ = [
    "Alignment",
    "Choice",
    "Coverage",
    "Digits",
    "PartlyTrainedEmbedding",
    "PartlyTrainedEmbeddingBag",
    "Policy",
    "Step",
    "Unknown",
    "align",
    "align_by",
    "policy_for",
    "said_of",
]
