"""What a pass over a corpus has found → which tokens are its vocabulary."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from torchvectors.counting import check_specials, order_tokens
from torchvectors.errors import GraphError
from torchvectors.fitting.fitted import Fitted
from torchvectors.vocabulary import Vocab

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["PADDING", "UNKNOWN", "Counted", "HasVocab", "VocabSettings"]

PADDING, UNKNOWN = "<pad>", "<unk>"


class HasVocab(Protocol):
    """A `Vocab`, or a stage that has one: what a stage can be told to go by."""

    @property
    def vocab(self) -> Vocab:
        """The vocabulary; it is fitted now if nobody has needed it yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What a pass over a corpus, or over a share of it, has found."""

    counts: Mapping[str, int]  # of every token
    running: int  # tokens in all
    rows: int
    more: Counted | None = None  # what was found in a second corpus, whose tokens come behind

    @classmethod
    def added(cls, parts: Iterable[Counted]) -> Counted:
        """Return what all shares together have."""
        counts: Counter[str] = Counter()
        running = rows = 0
        more: list[Counted] = []
        for part in parts:
            counts.update(part.counts)
            running, rows = running + part.running, rows + part.rows
            more += [] if part.more is None else [part.more]
        return cls(counts=counts, running=running, rows=rows, more=cls.added(more) if more else None)


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
    extended: bool = False  # whether the tokens of a second corpus come behind those of the first

    def __post_init__(self) -> None:
        # A copy, for the corpus may be counted long after the caller's list has changed.
        object.__setattr__(self, "specials", tuple(check_specials(self.specials, self.max_tokens)))

    def choose(self, found: Counted) -> Fitted:
        """Return the vocabulary; unknown tokens get the index of ``<unk>`` if that is among the specials.

        The counts that it keeps are those of the first corpus, for a token of the second as well.

        Raises:
            GraphError: There was not one row, in the corpus or in the second one.
        """
        if not found.rows:
            text = "build_vocab: the corpus has no rows, so there is no vocabulary to be had."
            raise GraphError(f"{text} {_LOOK}")
        if found.more is not None and not found.more.rows:
            raise GraphError(f"build_vocab: the corpus that extend_with= names has no rows. {_LOOK}")
        counts = found.counts
        tokens = order_tokens(
            counts, min_freq=self.min_freq, specials=self.specials, max_tokens=self.max_tokens
        )
        if found.more is not None:
            tokens += self._behind(tokens, found.more)
        vocab = Vocab(tokens, self.specials.index(UNKNOWN) if UNKNOWN in self.specials else None)
        kept = {token: counts[token] for token in tokens if token in counts}
        return Fitted(vocab=vocab, counts=kept, running=found.running, rows=found.rows)

    def _behind(self, tokens: list[str], more: Counted) -> list[str]:
        """Return the second corpus' tokens that are not there yet, chosen and ordered as those of the first."""
        there = frozenset(tokens)
        new = {token: count for token, count in more.counts.items() if token not in there}
        room = None if self.max_tokens is None else self.max_tokens - len(tokens)
        return order_tokens(new, min_freq=self.min_freq)[:room]


_LOOK = "Look at its source: a generator, for one, can be read only once."
