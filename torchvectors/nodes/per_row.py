"""Stages that take a row and give a row: see `torchvectors.datapipes.per_row`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torchdata.nodes import BaseNode

from torchvectors.nodes.fitting import NeedsVocab
from torchvectors.nodes.graph import Node, Stage
from torchvectors.stages import (
    HasVocab,
    look_up_row,
    named,
    numericalize_row,
    tokenize_row,
    tokenizer_named,
    vocab_before,
)
from torchvectors.vectors import expect_vectors

if TYPE_CHECKING:
    from torchvectors.rows import Column
    from torchvectors.tokenizers import Tokenizer
    from torchvectors.vectors import Vectors

__all__ = ["LookupVectors", "Numericalize", "Tokenize"]


class Tokenize(Stage):
    """Text → tokens: see `torchvectors.datapipes.Tokenize`."""

    def __init__(
        self,
        source: Node,
        tokenizer: str | Tokenizer | None = "basic_english",
        column: Column = None,
    ) -> None:
        super().__init__(source)
        self.tokenizer, self.column = tokenizer_named(tokenizer), column

    def _do(self, row: Any) -> Any:
        return tokenize_row(row, self.tokenizer, self.column)


class Numericalize(NeedsVocab):
    """Tokens → indices: see `torchvectors.datapipes.Numericalize`."""

    def __init__(self, source: Node, vocab: HasVocab | None = None, column: Column = None) -> None:
        super().__init__(source)
        self.column = column
        if vocab is None:
            self.goes_by = vocab_before(source, BaseNode, stage="numericalize", column=column)
        else:
            self.goes_by = named(vocab, "numericalize")

    def _do(self, row: Any) -> Any:
        return numericalize_row(row, self.vocab, self.column)


class LookupVectors(Stage):
    """Tokens → their vectors: see `torchvectors.datapipes.LookupVectors`."""

    def __init__(self, source: Node, vectors: Vectors, column: Column = None) -> None:
        super().__init__(source)
        expect_vectors(vectors, "lookup_vectors")
        self._vectors, self.column = vectors, column

    def _do(self, row: Any) -> Any:
        return look_up_row(row, self._vectors, self.column)
