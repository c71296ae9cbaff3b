"""A corpus → its vocabulary, counted when it is first needed, and once.

It is handed on inside a graph and is no collection (it has no ``__len__``): torch pickles a graph each time it looks
for its pipes, leaving out all attributes but collections, and a vocabulary would cost a second each time. When it
travels to another process, it travels by the path of a file.
"""

from __future__ import annotations

import random
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch.utils.data import get_worker_info

from torchvectors.counting import check_specials, count_tokens, order_tokens
from torchvectors.errors import GraphError, TokenTypeError
from torchvectors.stages.travel import arrived, sent
from torchvectors.vocabulary import Vocab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    Pass = Callable[[], AbstractContextManager[Iterable[Sequence[str]]]]

__all__ = [
    "PADDING",
    "UNKNOWN",
    "Fit",
    "Fixed",
    "GoesBy",
    "HasVocab",
    "VocabSettings",
]

PADDING, UNKNOWN = "<pad>", "<unk>"


class HasVocab(Protocol):
    """A `Vocab`, or a stage that has one: what a stage can be told to go by."""

    @property
    def vocab(self) -> Vocab:
        """The vocabulary; it is fitted now if nobody has needed it yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VocabSettings:
    """How counts become a vocabulary.

    Raises:
        TokenTypeError: The specials are one ``str``, or hold something that is not a ``str``.
        VocabError: A special is there twice, or ``max_tokens`` leaves no place for any other token.
    """

    min_freq: int = 1  # how often a token must occur
    specials: Sequence[str] = (PADDING, UNKNOWN)  # they come first, and need not occur
    # The most tokens, specials included. A special that occurs takes no other token's place.
    max_tokens: int | None = None

    def __post_init__(self) -> None:
        # A copy, for the corpus may be counted long after the caller's list has changed.
        object.__setattr__(self, "specials", tuple(check_specials(self.specials, self.max_tokens)))

    def choose(self, counts: Mapping[str, int]) -> Vocab:
        """Return the vocabulary; unknown tokens get the index of ``<unk>`` if that is among the specials."""
        tokens = order_tokens(
            counts, min_freq=self.min_freq, specials=self.specials, max_tokens=self.max_tokens
        )
        return Vocab(tokens, self.specials.index(UNKNOWN) if UNKNOWN in self.specials else None)


@dataclass(frozen=True, slots=True)
class Fixed:
    """A vocabulary that is given, not fitted."""

    vocab: Vocab

    @property
    def fitted(self) -> bool:
        """Whether the vocabulary is there, as it is."""
        return True

    @property
    def counts(self) -> None:
        """How often each token occurs, which nobody knows."""


class Fit:
    """The vocabulary of a corpus, which is counted when somebody first asks for it, and once.

    Args:
        corpus: Makes a context that gives the token lists of one whole pass.
        settings: How counts become a vocabulary.
    """

    def __init__(self, corpus: Pass, settings: VocabSettings) -> None:
        self.passes = 0  # over the corpus, in this process; 0 or 1, unless one has failed
        self.rows = 0  # that the pass has met
        self._corpus, self._settings = corpus, settings
        self._counts: Mapping[str, int] | None = None
        self._vocab: Vocab | None = None
        self._lock = threading.RLock()  # the reader of .vocab and a loader's thread may both come first

    @property
    def fitted(self) -> bool:
        """Whether the vocabulary is there."""
        return self._vocab is not None

    @property
    def vocab(self) -> Vocab:
        """The vocabulary.

        Raises:
            GraphError: The corpus has no rows, a row has no tokens, or this process may see only a part of them.
            TokenTypeError: A token is not a ``str``.
        """
        if self._vocab is None:
            with self._lock:
                if self._vocab is None:
                    self._vocab = self._count()
        return self._vocab

    @property
    def counts(self) -> Mapping[str, int] | None:
        """How often each token occurs; None in a copy that has come from another process."""
        _ = self.vocab
        return self._counts

    def _count(self) -> Vocab:
        if get_worker_info() is not None:
            # A DataLoader fits every stage that it can see before it starts its workers. Here one is hidden in a
            # data set, which may well deal out its rows itself: each worker would number its own part's tokens.
            text = "build_vocab: this worker of a DataLoader cannot know whether it sees the whole corpus."
            raise GraphError(f"{text} Read .vocab once before the loader starts.")
        self.passes += 1
        self.rows = 0
        try:
            with _random_numbers_kept(), self._corpus() as sentences:
                counts = count_tokens(self._met(sentences))
        except TokenTypeError as error:
            raise TokenTypeError(f"build_vocab: {error}. A tokenizer must return a list of str.") from error
        except AttributeError as error:
            # Let through, it would seem to say that the stage has no attribute "vocab".
            raise GraphError(f"build_vocab: what reads or tokenises the corpus failed: {error!r}") from error
        if not self.rows:
            cure = "Look at its source: a generator, for one, can be read only once."
            raise GraphError(
                f"build_vocab: the corpus has no rows, so there is no vocabulary to be had. {cure}"
            )
        self._counts = counts
        return self._settings.choose(counts)

    def _met(self, sentences: Iterable[Sequence[str]]) -> Iterator[Sequence[str]]:
        for sentence in sentences:
            self.rows += 1
            yield sentence

    def no_second_pass(self) -> GraphError:
        """Return the error for a corpus that had rows when they were counted, and none afterwards."""
        text = f"build_vocab: its source gave {self.rows} rows when they were counted, and now none."
        return GraphError(f"{text} It must be one that can be iterated over again: a list, not a generator.")

    def __reduce__(self) -> tuple[object, ...]:
        return Fit._copy, (sent(self.vocab), self._settings, self.rows)

    @classmethod
    def _copy(cls, place: Path | Vocab, settings: VocabSettings, rows: int) -> Fit:
        """Make what a pickle stands for: fitted, so that it needs no corpus."""
        fit = cls(_no_corpus, settings)
        fit.rows, fit._vocab = rows, arrived(place)
        return fit


GoesBy = Fit | Fixed


@contextmanager
def _no_corpus() -> Iterator[Iterable[Sequence[str]]]:
    yield ()


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
