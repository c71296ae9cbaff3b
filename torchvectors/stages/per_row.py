"""A row → the row behind a stage: text to tokens, tokens to indices or to vectors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from torchvectors import tokenizers
from torchvectors.errors import GraphError, TokenTypeError, TorchVectorsError, VocabError
from torchvectors.rows import Column, Columns, each_column, field_of, with_field
from torchvectors.stages.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torchvectors.vectors import Vectors
    from torchvectors.vocabulary import Vocab

__all__ = [
    "each_row",
    "look_up_row",
    "numericalize_row",
    "say_row",
    "tokenize_row",
    "tokenizer_named",
    "tokens_of",
]

_NAME_THE_COLUMN = "Name the column of the text with column=…"


def each_row(rows: Iterable[Any], do: Callable[[Any], Any], start: int = 0, step: int = 1) -> Iterator[Any]:
    """Yield what a stage does to each row; an error says which row it was.

    Args:
        rows: What comes out of the stage before.
        do: What becomes of a row.
        start: The first row's number, and
        step: how many further on the next one is: a pass may take a share of the rows.
    """
    for met, row in enumerate(rows):
        try:
            done = do(row)
        except TorchVectorsError as error:
            say_row(error, start + met * step)
            raise
        yield done


def say_row(error: TorchVectorsError, number: int | None) -> None:
    """Add a row's number, where it is known, to an error's text: a traceback would be twice as long for a new one."""
    if number is not None:
        error.args = (f"{error} It was row {number} of this pass, counted from 0.",)


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


def tokenize_row(row: Any, tokenizer: tokenizers.Tokenizer, columns: Columns) -> Any:
    """Replace the text in each of a row's columns by its tokens, a list of str.

    Raises:
        GraphError: There is no text in one of them, or the tokenizer does not return tokens.
    """
    for column in each_column(columns):
        row = with_field(row, column, _tokenized(row, tokenizer, column))
    return row


def _tokenized(row: Any, tokenizer: tokenizers.Tokenizer, column: Column) -> list[str]:
    text = field_of(row, column, "tokenize")
    if not isinstance(text, str):
        said = f"tokenize: the text of a row must be a str, and this is {text!r:.100}."
        raise GraphError(f"{said} {_cure_for(text)}")
    tokens: object = tokenizer(text)
    if isinstance(tokens, str) or not isinstance(tokens, Iterable):
        said = f"tokenize: the tokenizer {tokenizer!r:.100} made {tokens!r:.100} of {text!r:.100}."
        raise GraphError(f"{said} It must return a list of tokens.")
    return list(tokens)


def _cure_for(text: object) -> str:
    if isinstance(text, list):
        return "A row that is a list is taken for its tokens: make it a tuple, such as (label, text)."
    if text is None or (isinstance(text, float) and text != text):  # a data frame's NaN
        return "The text is missing: leave such rows out, with .filter(…)."
    return _NAME_THE_COLUMN


def tokens_of(row: Any, columns: Columns, stage: str) -> Sequence[str]:
    """Return the tokens in a row; those of several columns one behind the other.

    Raises:
        GraphError: There are none in one of them.
    """
    if isinstance(columns, (tuple, list)):
        return [token for column in columns for token in _tokens_in(row, column, stage)]
    return _tokens_in(row, columns, stage)  # type: ignore[arg-type]  # no Sequence, but one column


def _tokens_in(row: Any, column: Column, stage: str) -> Sequence[str]:
    tokens = field_of(row, column, stage)
    if isinstance(tokens, (list, tuple, Tokens)):
        return tokens
    cure = _NAME_THE_COLUMN
    if isinstance(tokens, str):
        cure = (
            "Put .tokenize() before it; or, if that has tokenised another column, name that one with column=…"
        )
    if hasattr(tokens, "tolist"):  # an array, such as a data set of Hugging Face's makes in another format
        cure = "Give it as a list: array.tolist(), or data.with_format(None)."
    raise GraphError(f"{stage}: a row must hold a list of tokens, and this holds {tokens!r:.100}. {cure}")


def numericalize_row(row: Any, vocab: Vocab, columns: Columns) -> Any:
    """Replace the tokens in each of a row's columns by their indices, a list of int.

    Raises:
        GraphError: There are no tokens in one of them.
        TokenTypeError: A token is not a ``str``.
        VocabError: A token is unknown, and the vocabulary has no index for such.
    """
    for column in each_column(columns):
        tokens = _tokens_in(row, column, "numericalize")
        try:
            indices = tokens.indices(vocab) if isinstance(tokens, Tokens) else vocab.lookup_indices(tokens)
        except (TokenTypeError, VocabError) as error:
            raise type(error)(f"numericalize: {error} The row holds {tokens!r:.100}.") from error
        row = with_field(row, column, indices)
    return row


def look_up_row(row: Any, vectors: Vectors, columns: Columns) -> Any:
    """Replace the T tokens in each of a row's columns by their vectors, float32 (T, dim).

    Raises:
        GraphError: There are no tokens in one of them.
        TokenTypeError: A token is not a ``str``.
    """
    for column in each_column(columns):
        tokens = _tokens_in(row, column, "lookup_vectors")
        try:
            found = vectors.get_vecs_by_tokens(list(tokens))
        except TokenTypeError as error:
            raise TokenTypeError(f"lookup_vectors: {error}") from error
        # A subclass may give (T, 1, dim), as torchtext's CharNGram did.
        row = with_field(row, column, found.reshape(len(tokens), vectors.dim))
    return row
