"""The lengths of a buffer's rows → an order of them in which each batch has rows of similar length."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

__all__ = ["by_length"]


def by_length(lengths: Sequence[int], size: int, random: Random) -> list[int]:
    """Order rows so that cutting them into batches of ``size`` parts them by length.

    Rows of one length fall to their batches by chance, and so do the batches to their places. If not all of them
    are full, the short one comes last; it may be of any length, or whoever drops it would always lose the longest.

    Args:
        lengths: The length of each row.
        size: Rows in a batch.
        random: What chance is drawn from.

    Returns:
        The positions of all rows, each once.

    Source: BucketIterator of torchtext 0.8 sorts a pool of 100 batches, and shuffles them, in this way.
    """
    order = list(range(len(lengths)))
    random.shuffle(order)
    order.sort(key=lengths.__getitem__)  # stable: what is of one length stays shuffled
    full, rest = divmod(len(order), size)
    cut = random.randint(0, full) * size  # where the short batch is taken out
    last = order[cut : cut + rest]
    others = order[:cut] + order[cut + rest :]
    batches = [others[start : start + size] for start in range(0, len(others), size)]
    random.shuffle(batches)
    return [position for batch in [*batches, last] for position in batch]
