"""Stages that take a row and give a row: text to tokens, tokens to indices, tokens to vectors.

Where a row has several columns of the kind that a stage works on, ``column=`` may be a tuple or list of them:
`torchvectors.rows` says what that means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from torch.utils.data import IterDataPipe

from torchvectors.datapipes.fitting import NeedsVocab
from torchvectors.datapipes.graph import PerRow, Pipe, form
from torchvectors.fitting import HasVocab, called, named, settled, vocab_before
from torchvectors.rows import checked_columns
from torchvectors.stages import Do, looking_up, numericalizing, tokenizer_named, tokenizing
from torchvectors.vectors import expect_vectors

if TYPE_CHECKING:
    from torchvectors.rows import Columns
    from torchvectors.tokenizers import Tokenizer
    from torchvectors.vectors import Vectors

__all__ = ["LookupVectors", "Numericalize", "Tokenize"]

Held = TypeVar("Held")


class _Hidden(Generic[Held]):
    """Keeps something large out of sight of torch's graph traversal, which pickles every collection it finds."""

    def __init__(self, value: Held) -> None:
        self.value = value


@form("tokenize")
class Tokenize(PerRow):
    """Text → tokens (functional form ``.tokenize()``).

    Args:
        source: Rows with a text.
        tokenizer: A name that `torchvectors.data.get_tokenizer` takes, or a callable str → list of str.
        column: The text's column in the row, or several.

    Yields:
        The rows, with a list of str in the text's place.

    Raises:
        GraphError: No tokenizer has this name; a row has no such column, or no text in it; or the tokenizer does
            not return tokens.
    """

    def __init__(
        self,
        source: Pipe,
        tokenizer: str | Tokenizer | None = "basic_english",
        column: Columns = None,
    ) -> None:
        self.source_datapipe = source
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


@form("numericalize")
class Numericalize(NeedsVocab, PerRow):
    """Tokens → indices (functional form ``.numericalize()``).

    Args:
        source: Rows with tokens.
        vocab: A `Vocab`, or a stage of another graph that has one: a validation pipe names the training graph's.
            None: the vocabulary of the stages before this one; where they have several, the one that is for the
            same column.
        column: The tokens' column in the row, or several.

    Yields:
        The rows, with a list of int in the tokens' place.

    Raises:
        GraphError: No vocabulary is given, and the stages before this one have none, or several; or a row has no
            tokens.
        TokenTypeError: A token is not a ``str``.
        VocabError: A token is unknown, and the vocabulary has no index for such.
    """

    def __init__(self, source: Pipe, vocab: HasVocab | None = None, column: Columns = None) -> None:
        self.source_datapipe = source
        self.column = checked_columns(column, "numericalize")
        if vocab is None:
            self.goes_by = vocab_before(source, IterDataPipe, stage="numericalize", column=self.column)
        else:
            self.goes_by = named(vocab, "numericalize")

    def doing(self) -> Do:
        """Return what puts indices in the tokens' place; fit, if nobody has yet."""
        return numericalizing(self.vocab, self.column)

    def settings_said(self) -> str:
        """Say how it is set."""
        return f"column {self.column!r}"


@form("lookup_vectors")
class LookupVectors(PerRow):
    """Tokens → their vectors, for models without an embedding layer (functional form ``.lookup_vectors()``).

    Args:
        source: Rows with tokens.
        vectors: Where to look them up.
        column: The tokens' column in the row, or several.

    Yields:
        The rows, with a tensor (T, dim), of the vectors' dtype, in the place of T tokens.

    Raises:
        GraphError: A row has no tokens.
        TokenTypeError: A token is not a ``str``.
    """

    def __init__(self, source: Pipe, vectors: Vectors, column: Columns = None) -> None:
        self.source_datapipe = source
        self.column = checked_columns(column, "lookup_vectors")
        expect_vectors(vectors, "lookup_vectors")
        self._vectors = _Hidden(vectors)

    def doing(self) -> Do:
        """Return what puts vectors in the tokens' place."""
        return looking_up(self._vectors.value, self.column)

    def settings_said(self) -> str:
        """Say how it is set."""
        return f"column {self.column!r}"
