"""The stages as torchdata nodes: ``BatchTokens(Numericalize(BuildVocab(Tokenize(source))), 32)``.

They are `torchvectors.datapipes`'s stages for ``torchdata.nodes.Loader``: the same names, arguments, rows and
batches. A node's state is its source's, for no stage keeps anything between rows; only `BatchTokens` does within a
batch, and a state is taken between two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torchdata.nodes import BaseNode

from torchvectors import tokenizers
from torchvectors.batch import Layout, collate
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
    from collections.abc import Iterable, Iterator, Sequence

    from torch import nn

    from torchvectors.align import Alignment
    from torchvectors.rows import Column
    from torchvectors.vectors import UnkInit, Vectors

__all__ = ["AlignVectors", "BatchTokens", "BuildVocab", "LookupVectors", "Numericalize", "Tokenize"]

Node = BaseNode[Any]
_SOURCE = "source"


class _Stage(Node):
    """A node that does something to each row of its source."""

    def __init__(self, source: Node) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torchdata does not annotate it
        self.source = source

    def reset(self, initial_state: dict[str, Any] | None = None) -> None:
        """Go to the beginning, or to a state."""
        super().reset(initial_state)
        self.source.reset(None if initial_state is None else initial_state[_SOURCE])

    def next(self) -> Any:
        """Return the next row, done."""
        return self._do(next(self.source))

    def get_state(self) -> dict[str, Any]:
        """Return where the source is."""
        return {_SOURCE: self.source.state_dict()}

    def _do(self, row: Any) -> Any:
        return row


class Tokenize(_Stage):
    """Text → tokens: see `torchvectors.datapipes.Tokenize`."""

    def __init__(
        self,
        source: Node,
        tokenizer: str | tokenizers.Tokenizer | None = "basic_english",
        column: Column = None,
    ) -> None:
        super().__init__(source)
        self._tokenizer, self._column = tokenizers.get(tokenizer), column

    def _do(self, row: Any) -> Any:
        return tokenize_row(row, self._tokenizer, self._column)


class _NeedsVocab(_Stage):
    """A stage that goes by a vocabulary."""

    goes_by: HasVocab

    @property
    def vocab(self) -> Vocab:
        """The vocabulary; it is fitted now if nobody has needed it yet."""
        return self.goes_by.vocab

    def reset(self, initial_state: dict[str, Any] | None = None) -> None:
        """Fit, if nobody has yet: the pass that counts must end before the one that trains begins."""
        _ = self.goes_by.vocab
        super().reset(initial_state)


class BuildVocab(_NeedsVocab):
    """Count the tokens of the rows, and pass the rows on: see `torchvectors.datapipes.BuildVocab`.

    The vocabulary is fitted when `vocab` is first read or the node is first reset. That resets ``source``, so read
    `vocab` before a loop over the rows and not within one, unless the loop has fitted it.
    """

    def __init__(
        self,
        source: Node,
        min_freq: int = 1,
        specials: Sequence[str] = (PADDING, "<unk>"),
        max_tokens: int | None = None,
        column: Column = None,
    ) -> None:
        super().__init__(source)
        settings = VocabSettings(min_freq=min_freq, specials=tuple(specials), max_tokens=max_tokens)
        self.goes_by: Fit = Fit(_Corpus(source, column), settings)

    @property
    def passes(self) -> int:
        """How often the corpus was counted, in this process: 0 or 1."""
        return self.goes_by.passes


class _Corpus:
    """One pass over the tokens of a node's rows."""

    def __init__(self, source: Node, column: Column) -> None:
        self._source, self._column = source, column

    def __call__(self) -> Iterator[Sequence[str]]:
        self._source.reset(None)
        for row in self._source:
            yield tokens_of(row, self._column, "build_vocab")


class AlignVectors(_NeedsVocab):
    """Align pretrained vectors with the vocabulary of the graph: see `torchvectors.datapipes.AlignVectors`."""

    def __init__(
        self,
        source: Node,
        vectors: Vectors,
        unk_init: UnkInit | None = None,
        lower_case_backup: bool = False,
        pad_token: str | None = PADDING,
    ) -> None:
        super().__init__(source)
        self.goes_by = _vocab_before(source, "AlignVectors", "Put BuildVocab before it.")
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


class Numericalize(_NeedsVocab):
    """Tokens → indices: see `torchvectors.datapipes.Numericalize`."""

    def __init__(self, source: Node, vocab: Vocab | HasVocab | None = None, column: Column = None) -> None:
        super().__init__(source)
        self._column = column
        if vocab is None:
            cure = "Put BuildVocab before it, or name a vocabulary: a validation graph names the training graph's."
            self.goes_by = _vocab_before(source, "Numericalize", cure)
        elif isinstance(vocab, Vocab):
            self.goes_by = Fixed(vocab)
        else:
            self.goes_by = vars(vocab).get("goes_by", vocab)

    def _do(self, row: Any) -> Any:
        return numericalize_row(row, self.vocab, self._column)


class LookupVectors(_Stage):
    """Tokens → their vectors: see `torchvectors.datapipes.LookupVectors`."""

    def __init__(self, source: Node, vectors: Vectors, column: Column = None) -> None:
        super().__init__(source)
        self._vectors, self._column = vectors, column

    def _do(self, row: Any) -> Any:
        return look_up_row(row, self._vectors, self._column)


class BatchTokens(_Stage):
    """Rows → batches of tensors: see `torchvectors.datapipes.BatchTokens`. The last batch may be short."""

    def __init__(
        self,
        source: Node,
        batch_size: int,
        layout: Layout = "padded",
        column: Column = None,
        padding_value: float | None = None,
        drop_last: bool = False,
    ) -> None:
        super().__init__(source)
        if batch_size < 1:
            raise GraphError(f"BatchTokens: batch_size={batch_size} is not 1 or more.")
        self._size, self._layout, self._column, self._drop_last = batch_size, layout, column, drop_last
        self._padding = padding_value
        self._goes_by = _vocab_found(source)

    def next(self) -> Any:
        """Return the next batch."""
        rows: list[Any] = []
        for row in self.source:
            rows.append(row)
            if len(rows) == self._size:
                break
        if not rows or (self._drop_last and len(rows) < self._size):
            raise StopIteration
        value = padding_value(self._padding, self._goes_by)
        return collate(
            rows, layout=self._layout, column=self._column, padding_value=value, stage="BatchTokens"
        )


def _vocab_found(source: Node) -> HasVocab | None:
    """Return what the nearest stage before a node that has a vocabulary goes by."""
    queue: list[Node] = [source]
    while queue:
        node = queue.pop(0)
        if (found := vars(node).get("goes_by")) is not None:
            return found  # type: ignore[no-any-return]  # the stages above set it
        for value in vars(node).values():
            several: Iterable[object] = value if isinstance(value, (list, tuple)) else (value,)
            queue += [one for one in several if isinstance(one, BaseNode)]
    return None


def _vocab_before(source: Node, stage: str, cure: str) -> HasVocab:
    found = _vocab_found(source)
    if found is None:
        raise GraphError(f"{stage}: no stage before it has a vocabulary. {cure}")
    return found
