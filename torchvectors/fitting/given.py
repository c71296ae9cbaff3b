"""A vocabulary that a graph was given: as it is, or a frozen copy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from torchvectors.fitting.fitted import Fitted, arrived, expect_equal, sent
from torchvectors.vocabulary import FrozenVocab, Vocab

if TYPE_CHECKING:
    from pathlib import Path

    from torchvectors.fitting.settings import HasVocab

__all__ = ["Fixed", "Given"]


class _Uncounted:
    """What holds of every vocabulary that was not counted in its graph."""

    __slots__ = ()

    vocab: Any  # a `Vocab`, which the two below have in ways of their own
    counts: ClassVar[None] = None  # how often each token occurs in this graph's corpus: nobody knows
    running: ClassVar[None] = None  # how many tokens that corpus has: nobody knows

    def state(self) -> dict[str, Any]:
        """Return what tells this vocabulary from others."""
        return {"fingerprint": self.vocab.fingerprint}

    def adopt(self, state: dict[str, Any]) -> None:
        """Go on from a state.

        Raises:
            GraphError: It was taken with another vocabulary.
        """
        expect_equal(self.vocab, state)


@dataclass(frozen=True, slots=True)
class Fixed(_Uncounted):
    """The vocabulary that a caller names, as it is."""

    vocab: Vocab

    fitted: ClassVar[bool] = True  # it is there


class Given(_Uncounted):
    """A vocabulary that is given, not counted. It follows no later change of what it was made from.

    Like a `Fit` it is handed on inside a graph, is no collection, and travels by the path of a file.

    Args:
        origin: A vocabulary, copied now; or what another graph goes by, copied when it is first needed, for that
            may not have been fitted yet.
    """

    def __init__(self, origin: HasVocab) -> None:
        self._origin = origin
        self._vocab = FrozenVocab(origin) if isinstance(origin, Vocab) else None

    @property
    def fitted(self) -> bool:
        """Whether the vocabulary is there."""
        return self._vocab is not None

    @property
    def vocab(self) -> FrozenVocab:
        """The vocabulary.

        Raises:
            GraphError: It is another graph's, and that cannot be fitted.
        """
        if self._vocab is None:
            # Of threads that come together each makes one, and all get the first. A lock might be held at a fork.
            self._vocab = vars(self).setdefault("_made", FrozenVocab(self._origin.vocab))
        return self._vocab

    def __reduce__(self) -> tuple[object, ...]:
        return _given, (sent(Fitted(vocab=self.vocab, counts={}, running=0, rows=0)),)


def _given(place: Path | Fitted) -> Given:
    return Given(arrived(place).vocab)
