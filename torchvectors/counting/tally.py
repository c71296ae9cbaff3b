"""Sentences of tokens → exact counts, of which no more are held in memory than allowed."""

from __future__ import annotations

import inspect
from collections import Counter
from contextlib import AbstractContextManager
from itertools import chain, islice
from typing import TYPE_CHECKING

from torchvectors.counting.checks import check_new, refuse_unhashable, tokens_in
from torchvectors.counting.choice import candidates
from torchvectors.counting.runs import Runs
from torchvectors.errors import VocabError

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["Tally"]

_BLOCK = 8192  # tokens that are handed on at a time


class Tally(AbstractContextManager["Tally"]):
    """Counts the tokens of sentences, exactly, in bounded memory.

    When it would hold more distinct tokens than it may, it writes them to a temporary file, sorted, and begins anew;
    at the end all such runs are added up. A corpus that stays below the bound needs no file::

        with Tally(max_distinct=1_000_000) as tally:
            tally.add(sentences)
            counts = tally.candidates(max_tokens=50_000)
        itos = order_tokens(counts, max_tokens=50_000)

    Args:
        max_distinct: The most distinct tokens to hold at a time, about 100 bytes each; None for no bound. To merge
            runs takes as much again.
        folder: Where the temporary file is; None for the system's folder. It has no name there: it is gone when this
            is closed, or the process is, whatever ended it.

    Attributes:
        rows: Sentences counted.
        running: Tokens counted, each as often as it occurs.

    Raises:
        VocabError: ``max_distinct`` is not 1 or more.
        OSError: The temporary file cannot be written.
    """

    def __init__(self, max_distinct: int | None = None, folder: Path | None = None) -> None:
        if max_distinct is not None and max_distinct < 1:
            text = f"max_distinct={max_distinct}: at least one token must be held at a time. Give None for no bound."
            raise VocabError(text)
        self.rows = 0
        self._max = max_distinct
        self._counts: Counter[str] = Counter()
        self._spilled = 0  # running tokens in the file
        self._runs = Runs(folder, max_distinct or 1)

    @property
    def running(self) -> int:
        """Tokens counted, each as often as it occurs."""
        return self._spilled + sum(self._counts.values())

    @property
    def on_disk(self) -> bool:
        """Whether the bound was met, so that there is a temporary file."""
        return bool(self._runs)

    def add(self, sentences: Iterable[Iterable[str]], *, first: int = 0, step: int = 1) -> None:
        """Count every token of every sentence.

        Args:
            sentences: As `count_tokens` takes them.
            first: The number of the first sentence, for errors.
            step: What each further sentence adds to that: a share of a corpus has every ``step``-th.

        Raises:
            TokenTypeError: As `count_tokens` raises it.
        """
        pieces = self._pieces(sentences, first, step)
        try:
            self._counts.update(chain.from_iterable(pieces))
        except TypeError as error:
            if where := inspect.getgeneratorlocals(pieces):  # as in `count_tokens`
                refuse_unhashable(where["number"], where["piece"] or where["sentence"], error)
            raise

    def add_counts(self, counts: Mapping[str, int]) -> None:
        """Add counts that were made before."""
        if self._max is None:
            self._counts.update(counts)
            return
        items = iter(counts.items())
        while part := dict(islice(items, self._piece)):
            self._make_room(part)
            self._counts.update(part)

    def merge(self, other: Tally) -> None:
        """Add all that another has counted; it stays as it is."""
        for block in other.blocks():
            self.add_counts(block)
        self.rows += other.rows

    def blocks(self) -> Iterator[Mapping[str, int]]:
        """Yield all counts, in parts of some thousands: each token stands in one of them, once."""
        if self._runs:
            if self._counts:
                self._spill()
            yield from self._runs.merged()
        else:
            items = iter(self._counts.items())
            while block := dict(islice(items, _BLOCK)):
                yield block

    def candidates(
        self, *, min_freq: int = 1, specials: Sequence[str] = (), max_tokens: int | None = None
    ) -> dict[str, int]:
        """Return the counts that `order_tokens` needs, with these same arguments, to choose as it would from all."""
        return candidates(self.blocks(), min_freq=min_freq, specials=specials, max_tokens=max_tokens)

    def close(self) -> None:
        """Forget everything, and remove the file."""
        self._runs.close()
        self._counts.clear()
        self._spilled = 0

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def _piece(self) -> int:
        # A sentence may hold more distinct tokens than there is room for; so it is taken in pieces.
        return max(1, (self._max or 0) // 8)

    def _pieces(
        self, sentences: Iterable[Iterable[str]], number: int, step: int
    ) -> Generator[Iterable[str], None, None]:
        counts, known, piece = self._counts, len(self._counts), list[str]()
        for sentence in sentences:
            tokens = sentence if type(sentence) is list else tokens_in(sentence, number)
            if isinstance(sentence, dict):
                check_new(sentence, 0, number)
                self.add_counts(sentence)
                known = len(counts)
            elif self._max is None:
                yield tokens
            else:
                tokens = iter(tokens)
                while piece := list(islice(tokens, self._piece)):
                    if len(counts) + len(piece) > self._max and self._make_room(piece):
                        known = 0
                    yield piece
                    known = check_new(counts, known, number)
            if len(counts) != known:
                known = check_new(counts, known, number)
            self.rows += 1
            number += step

    def _make_room(self, tokens: Collection[str]) -> bool:
        """Spill, if these tokens would be too many with those that are held; say whether they were."""
        counts = self._counts
        new = (token not in counts for token in {*filter(_is_str, tokens)})
        if self._max is None or len(counts) + sum(new) <= self._max:
            return False
        self._spill()
        return True

    def _spill(self) -> None:
        self._runs.write(self._counts)
        self._spilled += sum(self._counts.values())
        self._counts.clear()


def _is_str(token: object) -> bool:
    return isinstance(token, str)  # what is none is refused when it is counted
