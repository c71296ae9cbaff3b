"""Sentences of tokens → counts; counts → the tokens of a vocabulary, in order.

``counter``: all counts in memory. ``tally``: no more of them than allowed, the others in a temporary file (``runs``).
``choice``: which tokens make a vocabulary. ``checks``: what is a sentence, and what is a token.
"""

from torchvectors.counting.choice import candidates, check_specials, order_tokens
from torchvectors.counting.counter import count_tokens
from torchvectors.counting.tally import Tally

__all__ = ["Tally", "candidates", "check_specials", "count_tokens", "order_tokens"]
