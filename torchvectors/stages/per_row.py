"""A row → the row behind a stage: text to tokens, tokens to indices or to vectors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from torchvectors import tokenizers
from torchvectors.errors import GraphError, TokenTypeError, VocabError
from torchvectors.rows import Column, field_of, with_field

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torchvectors.vectors import Vectors
    from torchvectors.vocabulary import Vocab

__all__ = ["look_up_row", "numericalize_row", "tokenize_row", "tokenizer_named", "tokens_of"]

_NAME_THE_COLUMN = "Name the column of the text with column=…"


def tokenizer_named(tokenizer: str | tokenizers.Tokenizer | None) -> tokenizers.Tokenizer:
    """Return the tokenizer that a name stands for, or the callable that is given.

    Raises:
        GraphError: No tokenizer has this name.
        MissingExtraError, NotFoundError: What it needs is not installed.
    """
    try:
        return tokenizers.get(tokenizer)
    except (TypeError, ValueError) as error:
        raise GraphError(f"tokenize: {error}") from error


def tokenize_row(row: Any, tokenizer: tokenizers.Tokenizer, column: Column) -> Any:
    """Replace the text in a row by its tokens, a list of str.

    Raises:
        GraphError: There is no text in this column, or the tokenizer does not return tokens.
    """
    text = field_of(row, column, "tokenize")
    if not isinstance(text, str):
        said = f"tokenize: the text of a row must be a str, and this is {text!r:.100}."
        raise GraphError(f"{said} {_NAME_THE_COLUMN}")
    tokens: object = tokenizer(text)
    if isinstance(tokens, str) or not isinstance(tokens, Iterable):
        said = f"tokenize: the tokenizer {tokenizer!r:.100} made {tokens!r:.100} of {text!r:.100}."
        raise GraphError(f"{said} It must return a list of tokens.")
    return with_field(row, column, list(tokens))


def tokens_of(row: Any, column: Column, stage: str) -> Sequence[str]:
    """Return the tokens in a row.

    Raises:
        GraphError: There are none in this column.
    """
    tokens = field_of(row, column, stage)
    if isinstance(tokens, (list, tuple)):
        return tokens
    cure = "Put .tokenize() before it." if isinstance(tokens, str) else _NAME_THE_COLUMN
    raise GraphError(f"{stage}: a row must hold a list of tokens, and this holds {tokens!r:.100}. {cure}")


def numericalize_row(row: Any, vocab: Vocab, column: Column) -> Any:
    """Replace the tokens in a row by their indices, a list of int.

    Raises:
        GraphError: There are no tokens in this column.
        TokenTypeError: One of them is not a ``str``.
        VocabError: One of them is unknown, and the vocabulary has no index for such.
    """
    tokens = tokens_of(row, column, "numericalize")
    try:
        return with_field(row, column, vocab.lookup_indices(tokens))
    except (TokenTypeError, VocabError) as error:
        raise type(error)(f"numericalize: {error} The row holds {tokens!r:.100}.") from error


def look_up_row(row: Any, vectors: Vectors, column: Column) -> Any:
    """Replace the T tokens in a row by their vectors, float32 (T, dim).

    Raises:
        GraphError: There are no tokens in this column.
        TokenTypeError: One of them is not a ``str``.
    """
    tokens = tokens_of(row, column, "lookup_vectors")
    try:
        found = vectors.get_vecs_by_tokens(tokens)
    except TokenTypeError as error:
        raise TokenTypeError(f"lookup_vectors: {error}") from error
    # A subclass may give (T, 1, dim), as torchtext's CharNGram did.
    return with_field(row, column, found.reshape(len(tokens), vectors.dim))
