"""Each stage as a class, and as a functional form of every IterDataPipe."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from torch.utils.data import IterDataPipe

from torchvectors.batch import Batching, Layout
from torchvectors.datapipes.graph import Pipe, form, is_sharded, unshuffled
from torchvectors.errors import GraphError
from torchvectors.stages import (
    PADDING,
    UNKNOWN,
    Aligned,
    Fit,
    GivesAlignment,
    GoesBy,
    HasVocab,
    VocabSettings,
    look_up_row,
    named,
    numericalize_row,
    pad_index,
    padding_vocab,
    tokenize_row,
    tokenizer_named,
    tokens_of,
    vocab_before,
)
from torchvectors.vectors import expect_vectors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from torchvectors.rows import Column
    from torchvectors.tokenizers import Tokenizer
    from torchvectors.vectors import UnkInit, Vectors
    from torchvectors.vocabulary import Vocab

__all__ = ["AlignVectors", "BatchTokens", "BuildVocab", "LookupVectors", "Numericalize", "Tokenize"]

Held = TypeVar("Held")


class _Hidden(Generic[Held]):
    """Keeps something large out of sight of torch's graph traversal, which pickles every collection it finds."""

    def __init__(self, value: Held) -> None:
        self.value = value


@form("tokenize")
class Tokenize(Pipe):
    """Text → tokens (functional form ``.tokenize()``).

    Args:
        source: Rows with a text.
        tokenizer: A name that `torchvectors.data.get_tokenizer` takes, or a callable str → list of str.
        column: The text's column in the row.

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
        column: Column = None,
    ) -> None:
        self.source_datapipe = source
        self.tokenizer = tokenizer_named(tokenizer)
        self.column = column

    def __iter__(self) -> Iterator[Any]:
        for row in self.source_datapipe:
            yield tokenize_row(row, self.tokenizer, self.column)

    def __len__(self) -> int:
        return len(self.source_datapipe)


class _NeedsVocab(Pipe):
    """A stage that goes by a vocabulary."""

    source_datapipe: Pipe
    goes_by: GoesBy

    @property
    def vocab(self) -> Vocab:
        """The vocabulary; it is fitted now if nobody has needed it yet."""
        return self.goes_by.vocab

    def set_seed(self, seed: int) -> None:  # noqa: ARG002 - torch's name for it
        """Fit. A DataLoader seeds its pipes before it starts its workers, which then all inherit one vocabulary."""
        _ = self.goes_by.vocab

    def __len__(self) -> int:
        return len(self.source_datapipe)

    def __dir__(self) -> list[str]:
        # When a pipe raises, torch reads all that dir() names, for the error's text: nothing must be fitted then,
        # least of all what has just failed to be.
        return [name for name in super().__dir__() if name != "vocab" or self.goes_by.fitted]


@form("build_vocab")
class BuildVocab(_NeedsVocab):
    """Count the tokens of the rows, and pass the rows on (functional form ``.build_vocab()``).

    The vocabulary is fitted when it is first needed: when `vocab` is read, a DataLoader starts, the graph is
    pickled for a worker, or it is iterated over; whichever comes first. That takes one pass over ``source``, which
    must therefore be one that can be iterated over again. The pass leaves no trace: shufflers are switched off
    for it, and the global random numbers of torch, NumPy and Python are put back.

    Args:
        source: Rows with tokens.
        min_freq: How often a token must occur.
        specials: Tokens that come first, whether they occur or not. Unknown tokens get the index of ``<unk>``.
        max_tokens: The most tokens, specials included; of equally frequent ones the first in code-point order.
        column: The tokens' column in the row.

    Attributes:
        vocab: The vocabulary.
        passes: How often the corpus was counted, in this process: 0 or 1, unless counting has failed.

    Raises:
        GraphError: The corpus has no rows; a row has no tokens; or a ``sharding_filter`` before this stage is at
            work, so that each worker would count a part.
        TokenTypeError: A token is not a ``str``.
    """

    goes_by: Fit

    def __init__(
        self,
        source: Pipe,
        min_freq: int = 1,
        specials: Sequence[str] = (PADDING, UNKNOWN),
        max_tokens: int | None = None,
        column: Column = None,
    ) -> None:
        self.source_datapipe = source
        self.column = column
        settings = VocabSettings(min_freq=min_freq, specials=specials, max_tokens=max_tokens)
        self.goes_by = Fit(self._corpus, settings)

    @property
    def passes(self) -> int:
        """How often the corpus was counted, in this process."""
        return self.goes_by.passes

    @contextmanager
    def _corpus(self) -> Iterator[Iterable[Sequence[str]]]:
        """Give one pass over the tokens of all rows, in whatever order costs least."""
        if is_sharded(self.source_datapipe):
            cure = "Move .sharding_filter() behind .build_vocab(), or read .vocab before the loader starts."
            raise GraphError(
                f"build_vocab: this worker or rank would count its own shard of the corpus. {cure}"
            )
        with unshuffled(self.source_datapipe):
            yield (tokens_of(row, self.column, "build_vocab") for row in self.source_datapipe)

    def __iter__(self) -> Iterator[Any]:
        # A pipe has one iterator at a time: the pass that counts must have ended before this one begins.
        _ = self.vocab
        empty = True
        for row in self.source_datapipe:
            empty = False
            yield row
        if empty and not is_sharded(self.source_datapipe):  # a shard may well have no rows
            raise self.goes_by.no_second_pass()


@form("align_vectors")
class AlignVectors(GivesAlignment, _NeedsVocab):
    """Align pretrained vectors with the vocabulary of the graph, and pass the rows on (``.align_vectors()``).

    Args:
        source: A pipe with `BuildVocab` in it or before it.
        vectors: Where to look tokens up.
        unk_init: What tokens without a vector get: see `torchvectors.align`.
        lower_case_backup: Try ``token.lower()`` when ``token`` itself has no vector.
        pad_token: The token whose row is all zeros.
        column: Where several columns have vocabularies, the one whose is meant.

    Attributes:
        vocab: The vocabulary.
        alignment: Its `Alignment`: the matrix, float32 (V, dim), and the coverage; looked up when first read.

    Raises:
        GraphError: No stage before this one has a vocabulary, or several have.
    """

    def __init__(
        self,
        source: Pipe,
        vectors: Vectors,
        unk_init: UnkInit | None = None,
        lower_case_backup: bool = False,
        pad_token: str | None = PADDING,
        column: Column = None,
    ) -> None:
        self.source_datapipe = source
        self.column = column
        self.goes_by = vocab_before(source, IterDataPipe, stage="align_vectors", column=column)
        self._aligned = Aligned(
            self.goes_by, vectors, unk_init=unk_init, lower_case_backup=lower_case_backup, pad_token=pad_token
        )

    def __iter__(self) -> Iterator[Any]:
        yield from self.source_datapipe

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if name != "alignment" or self._aligned.found]


@form("numericalize")
class Numericalize(_NeedsVocab):
    """Tokens → indices (functional form ``.numericalize()``).

    Args:
        source: Rows with tokens.
        vocab: A `Vocab`, or a stage of another graph that has one: a validation pipe names the training graph's.
            None: the vocabulary of the stages before this one; where they have several, the one that is for the
            same column.
        column: The tokens' column in the row.

    Yields:
        The rows, with a list of int in the tokens' place.

    Raises:
        GraphError: No vocabulary is given, and the stages before this one have none, or several; or a row has no
            tokens.
        TokenTypeError: A token is not a ``str``.
        VocabError: A token is unknown, and the vocabulary has no index for such.
    """

    def __init__(self, source: Pipe, vocab: HasVocab | None = None, column: Column = None) -> None:
        self.source_datapipe = source
        self.column = column
        if vocab is None:
            self.goes_by = vocab_before(source, IterDataPipe, stage="numericalize", column=column)
        else:
            self.goes_by = named(vocab, "numericalize")

    def __iter__(self) -> Iterator[Any]:
        vocab = self.vocab  # before the first row: fitting it may take a pass over the same source
        for row in self.source_datapipe:
            yield numericalize_row(row, vocab, self.column)


@form("lookup_vectors")
class LookupVectors(Pipe):
    """Tokens → their vectors, for models without an embedding layer (functional form ``.lookup_vectors()``).

    Args:
        source: Rows with tokens.
        vectors: Where to look them up.
        column: The tokens' column in the row.

    Yields:
        The rows, with a float32 tensor (T, dim) in the place of T tokens.

    Raises:
        GraphError: A row has no tokens.
        TokenTypeError: A token is not a ``str``.
    """

    def __init__(self, source: Pipe, vectors: Vectors, column: Column = None) -> None:
        self.source_datapipe = source
        self.column = column
        expect_vectors(vectors, "lookup_vectors")
        self._vectors = _Hidden(vectors)

    def __iter__(self) -> Iterator[Any]:
        for row in self.source_datapipe:
            yield look_up_row(row, self._vectors.value, self.column)

    def __len__(self) -> int:
        return len(self.source_datapipe)


@form("batch_tokens")
class BatchTokens(Pipe):
    """Rows → batches of tensors (functional form ``.batch_tokens()``).

    Args:
        source: Rows with a list of int, or a tensor (T,) or (T, dim).
        batch_size: Rows in a batch.
        layout: "padded" (ids, lengths), "offsets" (ids, offsets; for ``nn.EmbeddingBag``) or "jagged" (one nested
            tensor).
        column: The sequence's column in the row.
        padding_value: What fills up padded rows. None: for indices the index of ``<pad>`` in the vocabulary of the
            graph, or 0 if it has none; for vectors 0.
        drop_last: Leave out a last batch that is not full.

    Yields:
        Batches, as `torchvectors.batch.collate` says: of ``(label, indices)`` rows ``(labels, ids, lengths)``.

    Raises:
        GraphError: The batch size or the layout is none; a row has no such column, or no sequence of numbers in it;
            the rows of a batch are of several forms.
    """

    def __init__(
        self,
        source: Pipe,
        batch_size: int,
        layout: Layout = "padded",
        column: Column = None,
        padding_value: float | None = None,
        drop_last: bool = False,
    ) -> None:
        self.source_datapipe = source
        self.batching = Batching(
            size=batch_size, layout=layout, column=column, padding_value=padding_value, drop_last=drop_last
        )
        self._pads_by = padding_vocab(source, IterDataPipe, self.batching)

    def __iter__(self) -> Iterator[Any]:
        rows = iter(self.source_datapipe)
        while taken := self.batching.gather(rows):
            yield self.batching.collate(taken, pad_index(self._pads_by))

    def __len__(self) -> int:
        full, rest = divmod(len(self.source_datapipe), self.batching.size)
        return full + bool(rest and not self.batching.drop_last)
