"""A row → the row behind a stage: text to tokens, tokens to indices or to vectors.

What a stage does to a row is made once for all rows of a pass: whatever does not depend on the row is settled then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from torchvectors import tokenizers
from torchvectors.errors import GraphError, TokenTypeError, TorchVectorsError, VocabError
from torchvectors.rows import Columns, changing, each_column, field_of
from torchvectors.stages.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from torchvectors.vectors import Vectors
    from torchvectors.vocabulary import Vocab

__all__ = [
    "Do",
    "each_row",
    "finding_tokens",
    "looking_up",
    "numericalizing",
    "say_row",
    "tokenizer_named",
    "tokenizing",
]

Do = Callable[[Any], Any]  # a row → the row behind the stage

_NAME_THE_COLUMN = "Name the column of the text with column=…"


def each_row(rows: Iterable[Any], do: Do, start: int = 0, step: int = 1) -> Iterator[Any]:
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


def tokenizing(tokenizer: tokenizers.Tokenizer, columns: Columns) -> Do:
    """Return the function that replaces the text in each of a row's columns by its tokens, a list of str.

    It raises a `GraphError` where there is no text, or the tokenizer does not return tokens.
    """
    is_ours = tokenizer in (tokenizers.basic_english, tokenizers.split)

    def tokenized(text: Any) -> list[str]:
        if not isinstance(text, str):
            said = f"tokenize: the text of a row must be a str, and this is {text!r:.100}."
            raise GraphError(f"{said} {_cure_for(text)}")
        tokens: object = tokenizer(text)
        if type(tokens) is not list and (isinstance(tokens, str) or not isinstance(tokens, Iterable)):
            said = f"tokenize: the tokenizer {tokenizer!r:.100} made {tokens!r:.100} of {text!r:.100}."
            raise GraphError(f"{said} It must return a list of tokens.")
        return tokens if is_ours else list(tokens)  # type: ignore[return-value]  # ours makes a new list each time

    return changing(columns, tokenized, "tokenize")


def _cure_for(text: object) -> str:
    if isinstance(text, list):
        return "A row that is a list is taken for its tokens: make it a tuple, such as (label, text)."
    if text is None or (isinstance(text, float) and text != text):  # a data frame's NaN
        return "The text is missing: leave such rows out, with .filter(…)."
    return _NAME_THE_COLUMN


def finding_tokens(columns: Columns, stage: str) -> Callable[[Any], Sequence[str]]:
    """Return the function that finds the tokens in a row; those of several columns one behind the other.

    It raises a `GraphError` where there are none in one of them.
    """
    if isinstance(columns, (tuple, list)):
        every = each_column(columns)
        return lambda row: [
            token for column in every for token in _expected(field_of(row, column, stage), stage)
        ]
    place: Any = 1 if columns is None else columns

    def found(row: Any) -> Sequence[str]:
        if type(row) is tuple:  # the usual row, with the usual tokens: this is done for each row of a corpus
            try:
                field = row[place]
            except (LookupError, TypeError):
                field = None
            if type(field) is list:
                return field
        return _expected(field_of(row, columns, stage), stage)  # type: ignore[arg-type]  # it is one column

    return found


def _expected(tokens: Any, stage: str) -> Sequence[str]:
    """Return a field that holds tokens, and refuse any other."""
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


def numericalizing(vocab: Vocab, columns: Columns) -> Do:
    """Return the function that replaces the tokens in each of a row's columns by their indices, a list of int.

    It raises a `GraphError` where there are no tokens, a `TokenTypeError` where one is not a ``str``, and a
    `VocabError` where one is unknown, and the vocabulary has no index for such.
    """
    look_up = vocab.lookup_indices

    def numericalized(field: Any) -> list[int]:
        tokens = field if type(field) is list else _expected(field, "numericalize")
        try:
            if type(tokens) is Tokens:  # isinstance() takes as long as half of a look-up
                return tokens.indices(vocab)
            return look_up(tokens)
        except (TokenTypeError, VocabError) as error:
            raise type(error)(f"numericalize: {error} The row holds {tokens!r:.100}.") from error

    return changing(columns, numericalized, "numericalize")


def looking_up(vectors: Vectors, columns: Columns) -> Do:
    """Return the function that replaces the T tokens in each of a row's columns by their vectors, (T, dim).

    These are of the vectors' dtype.

    It raises a `GraphError` where there are no tokens, and a `TokenTypeError` where one is not a ``str``.
    """

    def looked_up(field: Any) -> Tensor:
        tokens = _expected(field, "lookup_vectors")
        try:
            found = vectors.get_vecs_by_tokens(list(tokens))
        except TokenTypeError as error:
            raise TokenTypeError(f"lookup_vectors: {error}") from error
        # A subclass may give (T, 1, dim), as torchtext's CharNGram did.
        return found.reshape(len(tokens), vectors.dim)

    return changing(columns, looked_up, "lookup_vectors")
