"""Each stage as a class, and as a functional form of every IterDataPipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from torch.utils.data import IterDataPipe

from torchvectors import tokenizers
from torchvectors.batch import Layout, collate
from torchvectors.datapipes.graph import Pipe, is_sharded, unshuffled, vocab_before, vocab_found
from torchvectors.errors import GraphError
from torchvectors.stages import (
    PADDING,
    Aligned,
    Fit,
    Fixed,
    HasVocab,
    VocabSettings,
    look_up_row,
    numericalize_row,
    padding_value,
    tokenize_row,
    tokens_of,
)
from torchvectors.vocabulary import Vocab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import nn

    from torchvectors.align import Alignment
    from torchvectors.rows import Column
    from torchvectors.vectors import UnkInit, Vectors

__all__ = ["AlignVectors", "BatchTokens", "BuildVocab", "LookupVectors", "Numericalize", "Tokenize"]

Stage = TypeVar("Stage", bound=type[Pipe])
Held = TypeVar("Held")


def _form(name: str) -> Callable[[Stage], Stage]:
    """Register a class as a functional form of every IterDataPipe."""

    def register(cls: Stage) -> Stage:
        taken = IterDataPipe.functions.get(name)
        if taken is not None and taken.args[0].__module__ != cls.__module__:  # type: ignore[attr-defined]  # a partial
            text = f"{taken.args[0]} is already registered as .{name}(); use the class {cls.__name__} instead"  # type: ignore[attr-defined]  # a partial
            raise ImportError(text)
        IterDataPipe.functions.pop(name, None)  # this module was loaded before, as after a reload
        IterDataPipe.register_datapipe_as_function(name, cls)
        return cls

    return register


class _Hidden(Generic[Held]):
    """Keeps something large out of sight of torch's graph traversal, which pickles every collection it finds."""

    def __init__(self, value: Held) -> None:
        self.value = value


@_form("tokenize")
class Tokenize(Pipe):
    """Text → tokens (functional form ``.tokenize()``).

    Args:
        source: Rows with a text.
        tokenizer: A name that `torchvectors.data.get_tokenizer` takes, or a callable str → list of str.
        column: The text's column in the row.

    Yields:
        The rows, with a list of str in the text's place.

    Raises:
        GraphError: A row has no such column, or no text in it.
    """

    def __init__(
        self,
        source: Pipe,
        tokenizer: str | tokenizers.Tokenizer | None = "basic_english",
        column: Column = None,
    ) -> None:
        self.source_datapipe = source
        self.tokenizer = tokenizers.get(tokenizer)
        self.column = column

    def __iter__(self) -> Iterator[Any]:
        for row in self.source_datapipe:
            yield tokenize_row(row, self.tokenizer, self.column)

    def __len__(self) -> int:
        return len(self.source_datapipe)


class _NeedsVocab(Pipe):
    """A stage that goes by a vocabulary."""

    source_datapipe: Pipe
    goes_by: HasVocab

    @property
    def vocab(self) -> Vocab:
        """The vocabulary; it is fitted now if nobody has needed it yet."""
        return self.goes_by.vocab

    def set_seed(self, seed: int) -> None:  # noqa: ARG002 - torch's name for it
        """Fit. A DataLoader seeds its pipes before it starts its workers, which then all inherit one vocabulary."""
        _ = self.goes_by.vocab

    def __len__(self) -> int:
        return len(self.source_datapipe)


@_form("build_vocab")
class BuildVocab(_NeedsVocab):
    """Count the tokens of the rows, and pass the rows on (functional form ``.build_vocab()``).

    The vocabulary is fitted when it is first needed: when `vocab` is read, a DataLoader starts, the graph is
    pickled for a worker, or it is iterated over; whichever comes first. That takes one pass over ``source``, which
    must therefore be one that can be iterated over again.

    Args:
        source: Rows with tokens.
        min_freq: How often a token must occur.
        specials: Tokens that come first, whether they occur or not. Unknown tokens get the index of ``<unk>``.
        max_tokens: The most tokens, specials included; of equally frequent ones the first in code-point order.
        column: The tokens' column in the row.

    Attributes:
        vocab: The vocabulary.
        passes: How often the corpus was counted, in this process: 0 or 1.

    Raises:
        GraphError: The corpus has no rows; a row has no tokens; or a ``sharding_filter`` before this stage is at
            work, so that each worker would count a part.
    """

    def __init__(
        self,
        source: Pipe,
        min_freq: int = 1,
        specials: Sequence[str] = (PADDING, "<unk>"),
        max_tokens: int | None = None,
        column: Column = None,
    ) -> None:
        self.source_datapipe = source
        self.column = column
        settings = VocabSettings(min_freq=min_freq, specials=tuple(specials), max_tokens=max_tokens)
        self.goes_by: Fit = Fit(_Corpus(source, column), settings)

    @property
    def passes(self) -> int:
        """How often the corpus was counted, in this process."""
        return self.goes_by.passes

    def __iter__(self) -> Iterator[Any]:
        _ = (
            self.vocab
        )  # a pipe gives one iterator at a time: the pass that counts must end before this one begins
        rows = 0
        for row in self.source_datapipe:
            rows += 1
            yield row
        if not rows and not is_sharded(self.source_datapipe):
            text = (
                f"build_vocab: its source gave {self.goes_by.rows} rows when they were counted, and now none."
            )
            raise GraphError(
                f"{text} It must be one that can be iterated over again: a list, not a generator."
            )


class _Corpus:
    """One pass over the tokens of the rows before a stage, in whatever order costs least."""

    def __init__(self, source: Pipe, column: Column) -> None:
        self._source, self._column = source, column

    def __call__(self) -> Iterator[Sequence[str]]:
        if is_sharded(self._source):
            cure = "Move .sharding_filter() behind .build_vocab(), or read .vocab before the loader starts."
            raise GraphError(
                f"build_vocab: this worker or rank would count its own shard of the corpus. {cure}"
            )
        with unshuffled(self._source):
            for row in self._source:
                yield tokens_of(row, self._column, "build_vocab")


@_form("align_vectors")
class AlignVectors(_NeedsVocab):
    """Align pretrained vectors with the vocabulary of the graph, and pass the rows on (``.align_vectors()``).

    Args:
        source: A pipe with `BuildVocab` in it or before it.
        vectors: Where to look tokens up.
        unk_init: What tokens without a vector get: see `torchvectors.align`.
        lower_case_backup: Try ``token.lower()`` when ``token`` itself has no vector.
        pad_token: The token whose row is all zeros.

    Attributes:
        vocab: The vocabulary.
        alignment: Its `Alignment`: the matrix, float32 (V, dim), and the coverage; looked up when first read.

    Raises:
        GraphError: There is no `BuildVocab` before this stage.
    """

    def __init__(
        self,
        source: Pipe,
        vectors: Vectors,
        unk_init: UnkInit | None = None,
        lower_case_backup: bool = False,
        pad_token: str | None = PADDING,
    ) -> None:
        self.source_datapipe = source
        self.goes_by = vocab_before(source, "align_vectors", "Put .build_vocab() before it.")
        self._aligned = Aligned(
            self.goes_by, vectors, unk_init=unk_init, lower_case_backup=lower_case_backup, pad_token=pad_token
        )

    @property
    def alignment(self) -> Alignment:
        """The matrix and its coverage."""
        return self._aligned.alignment

    def embedding(self, **how: Any) -> nn.Embedding:
        """Return an ``nn.Embedding`` (V, dim): see `Alignment.embedding`."""
        return self.alignment.embedding(**how)

    def embedding_bag(self, **how: Any) -> nn.EmbeddingBag:
        """Return an ``nn.EmbeddingBag`` (V, dim): see `Alignment.embedding_bag`."""
        return self.alignment.embedding_bag(**how)

    def __iter__(self) -> Iterator[Any]:
        yield from self.source_datapipe


@_form("numericalize")
class Numericalize(_NeedsVocab):
    """Tokens → indices (functional form ``.numericalize()``).

    Args:
        source: Rows with tokens.
        vocab: A `Vocab`, or a stage of another graph that has one: a validation pipe names the training graph's.
            None: the nearest fitted stage before this one.
        column: The tokens' column in the row.

    Yields:
        The rows, with a list of int in the tokens' place.

    Raises:
        GraphError: No vocabulary is given, and no stage before this one has one.
        VocabError: A token is unknown, and the vocabulary has no index for such.
    """

    def __init__(self, source: Pipe, vocab: Vocab | HasVocab | None = None, column: Column = None) -> None:
        self.source_datapipe = source
        self.column = column
        if vocab is None:
            cure = "Put .build_vocab() before it, or name a vocabulary: a validation pipe names the training graph's."
            self.goes_by = vocab_before(source, "numericalize", cure)
        elif isinstance(vocab, Vocab):
            self.goes_by = Fixed(vocab)
        else:  # of a stage of another graph what it goes by: the stage itself would draw that graph into this one
            self.goes_by = vars(vocab).get("goes_by", vocab)

    def __iter__(self) -> Iterator[Any]:
        vocab: Vocab | None = None
        for row in self.source_datapipe:
            if vocab is None:  # not sooner: the stage that fits it may be about to read the same source
                vocab = self.vocab
            yield numericalize_row(row, vocab, self.column)


@_form("lookup_vectors")
class LookupVectors(Pipe):
    """Tokens → their vectors, for models without an embedding layer (functional form ``.lookup_vectors()``).

    Args:
        source: Rows with tokens.
        vectors: Where to look them up.
        column: The tokens' column in the row.

    Yields:
        The rows, with a float32 tensor (T, dim) in the place of T tokens.
    """

    def __init__(self, source: Pipe, vectors: Vectors, column: Column = None) -> None:
        self.source_datapipe = source
        self.column = column
        self._vectors = _Hidden(vectors)

    def __iter__(self) -> Iterator[Any]:
        for row in self.source_datapipe:
            yield look_up_row(row, self._vectors.value, self.column)

    def __len__(self) -> int:
        return len(self.source_datapipe)


@_form("batch_tokens")
class BatchTokens(Pipe):
    """Rows → batches of tensors (functional form ``.batch_tokens()``).

    Args:
        source: Rows with a list of int, or a tensor (T,) or (T, dim).
        batch_size: Rows in a batch.
        layout: "padded" (ids, lengths), "offsets" (ids, offsets; for ``nn.EmbeddingBag``) or "jagged" (one nested
            tensor).
        column: The sequence's column in the row.
        padding_value: What fills up padded rows. None: the index of ``<pad>`` in the vocabulary of the graph, or 0.
        drop_last: Leave out a last batch that is not full.

    Yields:
        Batches, as `torchvectors.batch.collate` says: of ``(label, indices)`` rows ``(labels, ids, lengths)``.

    Raises:
        GraphError: A row has no such column, or no sequence of numbers in it.
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
        if batch_size < 1:
            raise GraphError(f"batch_tokens: batch_size={batch_size} is not 1 or more.")
        self.source_datapipe = source
        self.batch_size, self.layout, self.column, self.drop_last = batch_size, layout, column, drop_last
        self.padding_value = padding_value
        self.goes_by = vocab_found(source)

    def __iter__(self) -> Iterator[Any]:
        rows: list[Any] = []
        for row in self.source_datapipe:
            rows.append(row)
            if len(rows) == self.batch_size:
                yield self._collate(rows)
                rows = []
        if rows and not self.drop_last:
            yield self._collate(rows)

    def _collate(self, rows: list[Any]) -> Any:
        value = padding_value(self.padding_value, self.goes_by)
        return collate(rows, layout=self.layout, column=self.column, padding_value=value)

    def __len__(self) -> int:
        full, rest = divmod(len(self.source_datapipe), self.batch_size)
        return full + bool(rest and not self.drop_last)
