"""A model file → blocks of its dictionary's words, each with the vector that fastText itself gives it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from torchvectors.formats.block import Block
from torchvectors.formats.fasttext.layout import Layout, layout_of
from torchvectors.formats.ngrams import Ngrams, add_rows
from torchvectors.formats.utf8 import only_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["FastTextModel", "read_fasttext"]

BLOCK = 512 * 1024  # bytes of rows made at a time
MOST_WORDS = 1024  # in a block, for a word has some twenty n-grams, however small the dim
MOST_BYTES = (
    64 * 1024
)  # of the words of a block, but for a single one: each may have as many n-grams as characters


class FastTextModel:
    """The words of a model's dictionary, in blocks, and what gives a vector to other words. Not more is in memory."""

    def __init__(self, layout: Layout, *, name: str, max_vectors: int | None) -> None:
        self._layout, self._name, self._max_vectors = layout, name, max_vectors

    @property
    def ngrams(self) -> Ngrams | None:
        """The n-grams of the model; None if only words of its dictionary have a vector."""
        return self._layout.ngrams

    @property
    def kind(self) -> str:
        """What the model was trained as, and its version, for people."""
        version = self._layout.version
        return f"{self._layout.model}, {f'version {version}' if version else 'the oldest form'}"

    @property
    def nwords(self) -> int:
        """Words in the dictionary, with those that are not UTF-8 and are left out."""
        return len(self._layout)

    def __iter__(self) -> Iterator[Block]:
        return only_text(self._blocks(), name=self._name, max_vectors=self._max_vectors)

    def _blocks(self) -> Iterator[Block]:
        layout = self._layout
        size = max(min(BLOCK // (4 * layout.dim), MOST_WORDS), 1)
        lengths, stop = (layout.ends - layout.starts).cumsum(), 0
        while stop < len(layout):
            start, done = stop, lengths[stop - 1] if stop else 0
            fits = int(np.searchsorted(lengths, done + MOST_BYTES, side="right"))
            stop = min(start + size, max(fits, start + 1))
            rows = np.arange(start, stop)
            places = zip(layout.starts[rows].tolist(), layout.ends[rows].tolist(), strict=True)
            words = [layout.cursor.text(*place) for place in places]
            yield Block.of(words, self._vectors(words, rows))

    def _vectors(self, words: list[bytes], rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the means of the words' own rows and those of their n-grams, added up in the library's order."""
        vectors = self._layout.matrix.take(rows)
        if self.ngrams is None:
            return vectors
        ngrams, counts = self.ngrams.rows_of(words)
        with np.errstate(over="ignore", invalid="ignore"):  # a damaged row may hold any number
            add_rows(vectors, self.ngrams.rows.take, ngrams, counts)
            vectors *= (1 / (counts + 1)).astype(np.float32)[:, None]
        return vectors


def read_fasttext(path: Path, *, name: str, max_vectors: int | None = None) -> FastTextModel:
    """Read a model: ``.bin`` of version 11 or 12 or of the oldest form, or quantised, ``.ftz``.

    A word's vector is what the official ``get_word_vector`` gives: the mean of its own row and those of its
    n-grams. Labels of a supervised model are no words, and what it learnt for them is passed over. A word that
    is not UTF-8 is left out: no ``str`` names it, in the official library either. Duplicates are kept.

    Args:
        path: The file, which is mapped.
        name: What errors call it.
        max_vectors: Stop after so many words; None or 0 means all. The n-grams stay whole.

    Raises:
        ParseError: The file is cut, or contradicts itself, or is of a version to come.
    """
    return FastTextModel(layout_of(path, name), name=name, max_vectors=max_vectors)
