"""Stages that take a row and give a row: see `torchvectors.datapipes.per_row`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torchdata.nodes import BaseNode

from torchvectors.fitting import HasVocab, called, named, settled, vocab_before
from torchvectors.nodes.fitting import NeedsVocab
from torchvectors.nodes.graph import Node, PerRow
from torchvectors.rows import checked_columns
from torchvectors.stages import Do, looking_up, numericalizing, tokenizer_named, tokenizing
from torchvectors.vectors import expect_vectors

if TYPE_CHECKING:
    from torchvectors.rows import Columns
    from torchvectors.tokenizers import Tokenizer
    from torchvectors.vectors import Vectors

__all__ = ["LookupVectors", "Numericalize", "Tokenize"]


class Tokenize(PerRow):
    """Text → tokens: see `torchvectors.datapipes.Tokenize`."""

    def __init__(
        self,
        source: Node,
        tokenizer: str | Tokenizer | None = "basic_english",
        column: Columns = None,
    ) -> None:
        super().__init__(source)
        self.tokenizer = tokenizer_named(tokenizer)
        self.column = checked_columns(column, "tokenize")

    def doing(self) -> Do:
        """Return what puts tokens in the text's place."""
        return tokenizing(self.tokenizer, self.column)

    def settings_said(self) -> str:
        """Say how it is set."""
        return f"{called(self.tokenizer)}, column {self.column!r}"

    def keeps_fingerprint(self) -> bool:
        """Say whether equal texts give equal tokens in every run."""
        return settled(self.tokenizer)


class Numericalize(NeedsVocab, PerRow):
    """Tokens → indices: see `torchvectors.datapipes.Numericalize`."""

    def __init__(self, source: Node, vocab: HasVocab | None = None, column: Columns = None) -> None:
        super().__init__(source)
        self.column = checked_columns(column, "numericalize")
        if vocab is None:
            self.goes_by = vocab_before(source, BaseNode, stage="numericalize", column=self.column)
        else:
            self.goes_by = named(vocab, "numericalize")
            self.states_vocab = True

    def doing(self) -> Do:
        """Return what puts indices in the tokens' place; fit, if nobody has yet."""
        return numericalizing(self.vocab, self.column)

    def settings_said(self) -> str:
        """Say how it is set."""
        return f"column {self.column!r}"


class LookupVectors(PerRow):
    """Tokens → their vectors: see `torchvectors.datapipes.LookupVectors`."""

    def __init__(self, source: Node, vectors: Vectors, column: Columns = None) -> None:
        super().__init__(source)
        expect_vectors(vectors, "lookup_vectors")
        self._vectors, self.column = vectors, checked_columns(column, "lookup_vectors")

    def doing(self) -> Do:
        """Return what puts vectors in the tokens' place."""
        return looking_up(self._vectors, self.column)

    def settings_said(self) -> str:
        """Say how it is set."""
        return f"column {self.column!r}"
