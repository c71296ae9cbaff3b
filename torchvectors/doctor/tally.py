"""Blocks of tokens and rows, one after another → what is odd about them. Memory: eight bytes for each token."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import numpy as np
from xxhash import xxh3_64_intdigest

from torchvectors.doctor.oddities import ODDITIES
from torchvectors.doctor.records import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from torchvectors.formats import Block

__all__ = ["Tally", "shown"]

MOST_PLACES = 5  # of one oddity that are named
MOST_HASHES = 1 << 24  # tokens that are compared with one another: 128 MB


class Tally:
    """What has been found so far.

    Args:
        place: What a row is called: "line" in a text, "row" elsewhere.
    """

    def __init__(self, place: str) -> None:
        self.rows = 0
        self.dim: int | None = None
        self._place = place
        self._counts: dict[str, int] = {}
        self._places: dict[str, list[str]] = {}
        self._details: dict[str, str] = {}
        self._hashes, self._rows_at = array("Q"), array("Q")

    def note(
        self, code: str, where: int | None = None, what: str = "", *, detail: str = "", count: int = 1
    ) -> None:
        """Count an oddity, at a place."""
        self._counts[code] = self._counts.get(code, 0) + count
        if detail:
            self._details.setdefault(code, detail)
        places = self._places.setdefault(code, [])
        if where is not None and len(places) < MOST_PLACES:
            places.append(f"{self._place} {where:,}" + (f": {what}" if what else ""))

    def add(self, block: Block, places: Sequence[int]) -> None:
        """Look at the tokens and rows of a block, and where each of them is."""
        self.rows += len(block)
        self.dim = block.rows.shape[1]
        tokens = block.tokens()
        self._look_at_tokens(tokens, places)
        self._look_at_rows(block, tokens, places)
        if len(self._hashes) < MOST_HASHES:
            self._hashes.extend(map(xxh3_64_intdigest, tokens))
            self._rows_at.extend(places)

    @property
    def met(self) -> int:
        """Rows that are there, with those that cannot be read."""
        return self.rows + sum(self._counts.get(code, 0) for code in ("cut-row", "no-number", "wrong-width"))

    def findings(self) -> tuple[Finding, ...]:
        """Return what was found, in the order of `ODDITIES`."""
        self._compare()
        found = (code for code in ODDITIES if self._counts.get(code))
        return tuple(
            Finding(
                oddity=ODDITIES[code],
                count=self._counts[code],
                places=tuple(self._places[code]),
                detail=self._details.get(code, ""),
            )
            for code in found
        )

    def _look_at_tokens(self, tokens: list[bytes], places: Sequence[int]) -> None:
        try:
            # All at once is fast, and no token ends a line.
            texts: Iterable[str | None] = b"\n".join(tokens).decode().split("\n")
        except UnicodeDecodeError:
            texts = map(_decoded, tokens)
        for token, text, place in zip(tokens, texts, places, strict=False):
            # White space other than the space is not printable, and little else is not.
            if text is None or not text.isprintable() or not text or " " in text:
                for code in _oddities_of(_decoded(token)):
                    self.note(code, place, shown(token))

    def _look_at_rows(self, block: Block, tokens: list[bytes], places: Sequence[int]) -> None:
        rows = block.rows
        odd = {"zero": ~rows.any(axis=1)}
        with np.errstate(invalid="ignore", over="ignore"):
            whole = np.isfinite(rows.sum(dtype=np.float64))
        if not whole:
            odd |= {"nan": np.isnan(rows).any(axis=1), "inf": np.isinf(rows).any(axis=1)}
        for code, mask in odd.items():
            for row in np.flatnonzero(mask).tolist():
                self.note(code, places[row], shown(tokens[row]))

    def _compare(self) -> None:
        """Find the tokens that are there before; those whose 64 bits of hash are equal are taken to be equal."""
        if len(self._hashes) < self.rows:
            self.note("many", detail=f"the first {len(self._hashes):,} were")
        hashes = np.frombuffer(self._hashes, np.uint64) if self._hashes else np.empty(0, np.uint64)
        order = hashes.argsort(kind="stable")
        same = np.flatnonzero(hashes[order[1:]] == hashes[order[:-1]])
        again = sorted(zip(order[same + 1].tolist(), order[same].tolist(), strict=True))
        for later, earlier in again[:MOST_PLACES]:
            self.note("duplicates", self._rows_at[later], f"as in {self._place} {self._rows_at[earlier]:,}")
        if len(again) > MOST_PLACES:
            self.note("duplicates", count=len(again) - MOST_PLACES)


def shown(token: bytes) -> str:
    """Return a token as it can be told in a line: what cannot be seen is spelled out."""
    text = token.decode("utf-8", "backslashreplace")
    spelled = "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in text[:40])
    return f"'{spelled}{'…' if len(text) > 40 else ''}'"


def _decoded(token: bytes) -> str | None:
    try:
        return token.decode()
    except UnicodeDecodeError:
        return None


def _oddities_of(text: str | None) -> Iterator[str]:
    """Yield what is odd about a token; None stands for one that is not UTF-8."""
    if text is None:
        yield "broken-utf8"
        return
    if not text:
        yield "empty-token"
    elif text.isspace():
        yield "blank-token"
    spaces = {one for one in text if one.isspace()}
    if "\N{NO-BREAK SPACE}" in spaces:
        yield "nbsp"
    if "\x85" in spaces:
        yield "nel"
    if " " in spaces:
        yield "space"
    if spaces - {"\N{NO-BREAK SPACE}", "\x85", " "}:
        yield "other-space"
