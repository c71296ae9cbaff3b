"""One pass over a corpus → what it has counted; the rest of the program does not notice."""

from __future__ import annotations

import random
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.utils.data._utils import worker

from torchvectors.counting import count_tokens
from torchvectors.errors import GraphError, TokenTypeError
from torchvectors.stages.settings import Counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from torchvectors.stages.corpus import Corpus

__all__ = ["counted"]


def counted(corpus: Corpus, number: int, of: int) -> Counted:
    """Count the tokens of every ``of``-th row of a corpus, from ``number`` on.

    Raises:
        GraphError: A row has no tokens, or what reads or tokenises the corpus has a mistake.
        TokenTypeError: A token is not a ``str``.
    """
    rows = 0

    def met(sentences: Iterable[Sequence[str]]) -> Iterator[Sequence[str]]:
        nonlocal rows
        for sentence in sentences:
            rows += 1
            yield sentence

    try:
        with _random_numbers_kept(), _no_worker(), corpus.share(number, of) as sentences:
            counts = count_tokens(met(sentences))
    except TokenTypeError as error:
        raise TokenTypeError(f"build_vocab: {error}. A tokenizer must return a list of str.") from error
    except AttributeError as error:
        # Let through, it would seem to say that the stage has no attribute "vocab".
        raise GraphError(f"build_vocab: what reads or tokenises the corpus failed: {error!r}") from error
    return Counted(counts=counts, running=sum(counts.values()), rows=rows)


@contextmanager
def _random_numbers_kept() -> Iterator[None]:
    """Draw random numbers in the block without the rest of the program noticing.

    The pass that counts may shuffle or augment. The pass that trains must then get the numbers that it would get
    from a graph that was fitted before, or equal seeds would give other batches.
    """
    before = random.getstate(), np.random.get_state()  # noqa: NPY002 - whoever uses it, it is theirs
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002 - as above


@contextmanager
def _no_worker() -> Iterator[None]:
    """Let a source that deals out its rows by ``get_worker_info()`` give them all.

    A worker that counts does so for all of them; the part that it would be given to train on is not the corpus.
    """
    info = worker._worker_info  # noqa: SLF001 - there is no other way to be somebody else for a while
    worker._worker_info = None  # noqa: SLF001
    try:
        yield
    finally:
        worker._worker_info = info  # noqa: SLF001
