"""One pass over a corpus → what it has counted; the rest of the program does not notice."""

from __future__ import annotations

import random
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.utils.data._utils import worker

from torchvectors.cache import FITS, folders, is_full, replacing, room_in, writable
from torchvectors.counting import Tally
from torchvectors.errors import CacheError, GraphError, TokenTypeError
from torchvectors.fitting.processes import count_in_processes
from torchvectors.fitting.settings import Counted
from torchvectors.rows import each_column
from torchvectors.stages.per_row import each_row, finding_tokens
from torchvectors.stages.recording import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from torchvectors.fitting.corpus import Corpus, Share
    from torchvectors.fitting.settings import VocabSettings
    from torchvectors.rows import Columns

__all__ = ["counted", "recorded"]

_STAGE = "build_vocab"


def counted(corpus: Corpus, number: int, of: int, settings: VocabSettings | None = None) -> Counted:
    """Count the tokens of every ``of``-th row of a corpus, from ``number`` on.

    Args:
        corpus: What to count, and in how many processes, and in how much memory.
        number: The first row.
        of: How many shares the corpus has.
        settings: What the counts are for, so that those need not be kept which do not matter; None to keep all.

    Raises:
        GraphError: A row has no tokens, or what reads or tokenises the corpus has a mistake.
        TokenTypeError: A token is not a ``str``.
        CacheError: The disk is full, and there are more distinct tokens than may be held in memory.
    """
    folder = None if corpus.max_distinct is None else _on_disk()
    with _room_for_counts(folder), Tally(corpus.max_distinct, folder) as tally:
        count_in_processes(
            partial(_add_share, corpus.share, corpus.column, corpus.called),
            tally,
            number,
            of,
            processes=corpus.num_workers,
            max_distinct=corpus.max_distinct,
            folder=folder,
        )
        if settings is None:
            counts = {token: count for block in tally.blocks() for token, count in block.items()}
        else:
            counts = tally.candidates(
                min_freq=settings.min_freq, specials=settings.specials, max_tokens=settings.max_tokens
            )
        return Counted(counts=counts, running=tally.running, rows=tally.rows)


@contextmanager
def _room_for_counts(folder: Path | None) -> Iterator[None]:
    """Say of a full disk where it is; the file that was written there has no name."""
    try:
        yield
    except OSError as error:
        if folder is None or error.filename is not None or not is_full(error):
            raise
        text = f"{_STAGE}: the counts that max_distinct= keeps out of memory could not be written to {folder}"
        cure = "Make room; or give a larger max_distinct=, or another folder as TORCHVECTORS_HOME."
        raise CacheError(f"{text} ({error.strerror}).{room_in(folder)} {cure}") from error


def _on_disk() -> Path | None:
    """Return a folder for what is too much for memory; the system's own may well be in memory itself."""
    try:
        return writable(folders().write.absolute() / FITS)
    except CacheError:
        return None


def _add_share(share: Share, column: Columns, called: str, tally: Tally, number: int, of: int) -> None:
    """Add the counts of every ``of``-th row, from ``number`` on, in this process."""
    with _pass_over(share, number, of) as rows:
        sentences = each_row(rows, finding_tokens(column, called), number, of)
        tally.add(sentences, first=number, step=of)


def recorded(corpus: Corpus, place: Path, made_with: Path) -> Counted:
    """Count the tokens of a corpus, and write its rows to a file in the cache; the caller holds the lock of another.

    Raises:
        GraphError, TokenTypeError: As `counted` raises them; or a field of a row cannot be written.
        CacheError: The file cannot be written.
    """
    columns = each_column(corpus.column)
    finding = [finding_tokens(column, corpus.called) for column in columns]

    def tokens_in(row: Any) -> tuple[Any, list[Sequence[str]]]:
        return row, [found(row) for found in finding]

    with replacing(place, made_with=made_with) as temporary, Recorder(columns, place.parent) as recorder:
        with _pass_over(corpus.share, 0, 1) as rows:
            for row, tokens in each_row(rows, tokens_in):
                recorder.add(row, tokens)
        recorder.write_to(temporary)
        counts = recorder.counts()
        return Counted(counts=counts, running=counts.total(), rows=recorder.rows)


@contextmanager
def _pass_over(share: Share, number: int, of: int) -> Iterator[Iterable[Any]]:
    """Read a share of a corpus; the block is where its tokens are looked at."""
    try:
        with _random_numbers_kept(), _no_worker(), share(number, of) as rows:
            yield rows
    except TokenTypeError as error:
        raise TokenTypeError(f"{_STAGE}: {error}. A tokenizer must return a list of str.") from error
    except AttributeError as error:
        # Let through, it would seem to say that the stage has no attribute "vocab".
        raise GraphError(f"{_STAGE}: what reads or tokenises the corpus failed: {error!r}") from error


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
