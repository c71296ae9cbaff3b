"""Which tokens of a vocabulary have a vector, and by which step: as figures, as text and as a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from torchvectors.align.steps import CHOSEN, MISSING, OUTSIDE, PADDING
from torchvectors.errors import CoverageError, VocabError

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

__all__ = ["Coverage"]

_ALWAYS = ("exact", "lower case", "n-grams")  # stand in every `Coverage.as_dict`
_EXAMPLES = 10  # missing tokens in a report


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Coverage:
    """Which tokens of a vocabulary have a vector, and how they came by it.

    ``str(coverage)`` is a report. The padding token counts nowhere: it never occurs in a text. Nor does a token
    whose row the caller has chosen: it is no question to the vectors.
    """

    itos: Sequence[str]
    ways: tuple[str, ...]  # the names of the steps, in their order; then "missing", "chosen" and "padding"
    codes: NDArray[np.uint8]  # (V,) for each token, the position of its way
    counts: Mapping[str, int] | None  # how often each token occurs in the corpus; None if nobody counted
    running: int | None = None  # tokens of the corpus in all; None: the sum of the counts

    def __post_init__(self) -> None:
        if self.running is not None and self.running < (counted := sum((self.counts or {}).values())):
            raise ValueError(f"running={self.running}: the counts alone make {counted} running tokens.")

    def how(self, token: str) -> str:
        """Say how a token of the vocabulary came by its row: the name of a step, "missing", "chosen" or "padding".

        Raises:
            VocabError: It is not in the vocabulary.
        """
        if token not in self.itos:
            raise VocabError(f"{token!r} is not in this vocabulary of {len(self.itos)} tokens.")
        return self.ways[int(self.codes[self.itos.index(token)])]

    def tokens(self, how: str) -> list[str]:
        """Return the tokens that came by their row this way, in the vocabulary's order.

        Raises:
            ValueError: No step of the chain has this name.
        """
        if how not in (*self.ways, *_ALWAYS):
            raise ValueError(f"no token came by its row by {how!r}. There are {', '.join(self.ways)}.")
        return [self.itos[i] for i in self.indices(how)]

    def indices(self, *hows: str) -> list[int]:
        """Return the indices of the tokens that came by their row in one of these ways."""
        codes = [code for code, way in enumerate(self.ways) if way in hows]
        indices: list[int] = np.isin(self.codes, codes).nonzero()[0].tolist()
        return indices

    @property
    def of_tokens(self) -> float:
        """The share of the vocabulary's tokens that have a vector, 0 to 1."""
        return self._share(self._numbers())

    @property
    def of_text(self) -> float | None:
        """The share of the corpus' running tokens that have a vector, 0 to 1; None where no counts are known.

        A token that the vocabulary left out (too rare, or one too many) has none.
        """
        numbers = self.running_tokens()
        return None if numbers is None else self._share(numbers)

    def _share(self, numbers: Mapping[str, int]) -> float:
        found, total = _found(numbers)
        return found / max(total, 1)

    def _numbers(self) -> dict[str, int]:
        return {way: int((self.codes == code).sum()) for code, way in enumerate(self.ways)}

    def running_tokens(self) -> dict[str, int] | None:
        """Return how many of the corpus' running tokens came by a row each way, and how many are outside.

        "outside" are those that are not in the vocabulary. None where no counts are known.
        """
        if self.counts is None:
            return None
        numbers = dict.fromkeys(self.ways, 0)
        # A dict, for a list of tokens may hold one twice; both came by their row the same way.
        for token, code in dict(zip(self.itos, self.codes.tolist(), strict=True)).items():
            numbers[self.ways[code]] += self.counts.get(token, 0)
        inside = sum(numbers.values())
        total = sum(self.counts.values()) if self.running is None else self.running
        return {**numbers, OUTSIDE: total - inside}

    def as_dict(self) -> dict[str, object]:
        """Return the figures of the report as plain numbers, for a log."""
        ways = {**dict.fromkeys(_ALWAYS, 0), **self._numbers()}
        return {"tokens": len(self.codes), **ways, "of_tokens": self.of_tokens, "of_text": self.of_text}

    def __str__(self) -> str:
        lines = [self._title()]
        width = max(10, *map(len, self.ways))
        for way, number in self._numbers().items():
            if number:
                examples = f"  {_listed(self._most_frequent_missing())}" if way == MISSING else ""
                lines.append(f"  {way:<{width}} {number:>9,}{examples}")
        return "\n".join(lines)

    def _most_frequent_missing(self) -> list[str]:
        counts = self.counts or {}
        # Stable: without counts, in the vocabulary's order.
        return sorted(self.tokens(MISSING), key=lambda token: -counts.get(token, 0))

    def expect(self, least: float) -> None:
        """Refuse vectors that cover too little: `Alignment.assert_coverage`."""
        if not 0 <= least <= 1:
            raise ValueError(f"a coverage is a share from 0 to 1, not {least}.")
        running = self.running_tokens()
        numbers, of = (self._numbers(), "tokens") if running is None else (running, "running text")
        if (share := self._share(numbers)) >= least:
            return
        found, total = _found(numbers)
        text = f"{share:.1%} of the {of} ({found:,} of {total:,}) have a vector"
        text += f", and at least {least:.1%} were asked for."
        if missing := self._most_frequent_missing():
            first = "the first" if self.counts is None else "the most frequent"
            text += f" {len(missing):,} tokens have none, {first} of them {_listed(missing)}."
        if outside := numbers.get(OUTSIDE):
            text += f" {outside:,} running tokens are not in the vocabulary."
        raise CoverageError(
            f"{text} Try more steps (steps=, lower_case_backup=), other vectors or another tokenizer."
        )

    def plot(self, where: str | os.PathLike[str] | Axes) -> None:
        """Draw how many tokens, and how much of the running text, came by a vector each way.

        Args:
            where: The path of a PNG to write, or the axes of matplotlib to draw on.

        Raises:
            MissingExtraError: matplotlib is not installed.
            OSError: The file cannot be written.
        """
        from torchvectors.align import picture

        counted = [("tokens", self._numbers()), ("running text", self.running_tokens())]
        bars = {
            name: {way: n for way, n in numbers.items() if way not in (CHOSEN, PADDING)}
            for name, numbers in counted
            if numbers is not None
        }
        picture.draw(bars, self._title(), where)

    def _title(self) -> str:
        title = f"{len(self.codes):,} tokens, {self.of_tokens:.1%} of them with a vector"
        of_text = self.of_text
        return title if of_text is None else f"{title}; {of_text:.1%} of the running text"


def _found(numbers: Mapping[str, int]) -> tuple[int, int]:
    """Return how many have a vector, of how many that are asked for one."""
    total = sum(n for way, n in numbers.items() if way not in (CHOSEN, PADDING))
    return total - numbers[MISSING] - numbers.get(OUTSIDE, 0), total


def _listed(tokens: Sequence[str]) -> str:
    more = ", …" if len(tokens) > _EXAMPLES else ""
    return ", ".join(map(repr, tokens[:_EXAMPLES])) + more
