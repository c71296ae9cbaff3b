"""The stages as torchdata nodes: ``BatchTokens(Numericalize(BuildVocab(Tokenize(source))), 32)``.

They are `torchvectors.datapipes`'s stages for ``torchdata.nodes.Loader``: the same names, arguments, rows and
batches. A node's state is its source's, for no stage keeps anything between rows; only `BatchTokens` does within a
batch, and a state is taken between two.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from torchdata.nodes import BaseNode

from torchvectors.batch import Batching, Layout
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
    before,
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
        tokenizer: str | Tokenizer | None = "basic_english",
        column: Column = None,
    ) -> None:
        super().__init__(source)
        self.tokenizer, self.column = tokenizer_named(tokenizer), column

    def _do(self, row: Any) -> Any:
        return tokenize_row(row, self.tokenizer, self.column)


class _NeedsVocab(_Stage):
    """A stage that goes by a vocabulary."""

    goes_by: GoesBy

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

    The vocabulary is fitted when `vocab` is first read or the node is first reset. That resets ``source``; a loop
    over the source itself, not over this node, begins anew if `vocab` is first read within it.
    """

    goes_by: Fit

    def __init__(
        self,
        source: Node,
        min_freq: int = 1,
        specials: Sequence[str] = (PADDING, UNKNOWN),
        max_tokens: int | None = None,
        column: Column = None,
    ) -> None:
        super().__init__(source)
        self.column = column
        settings = VocabSettings(min_freq=min_freq, specials=specials, max_tokens=max_tokens)
        self.goes_by = Fit(self._corpus, settings)
        self._no_rows_yet = False

    @property
    def passes(self) -> int:
        """How often the corpus was counted, in this process: 0 or 1, unless counting has failed."""
        return self.goes_by.passes

    @contextmanager
    def _corpus(self) -> Iterator[Iterable[Sequence[str]]]:
        """Give one pass over the tokens of all rows."""
        for node in before(self.source, BaseNode):
            if getattr(vars(node).get("sampler"), "num_replicas", 1) > 1:
                cure = "Fit a BuildVocab over the whole, and name it: Numericalize(source, vocab=fitted)."
                raise GraphError(f"build_vocab: this rank would count its own shard of the corpus. {cure}")
        self.source.reset(None)
        start = None
        with suppress(NotImplementedError):  # whoever wants no states writes nodes without one
            start = self.source.state_dict()
        yield (tokens_of(row, self.column, "build_vocab") for row in self.source)
        # Or a sampler would take the pass that trains for the second epoch.
        self.source.reset(start)

    def reset(self, initial_state: dict[str, Any] | None = None) -> None:
        """Fit, if nobody has yet, and go to the beginning, or to a state."""
        super().reset(initial_state)
        self._no_rows_yet = initial_state is None

    def next(self) -> Any:
        """Return the next row."""
        try:
            row = next(self.source)
        except StopIteration:
            if self._no_rows_yet:
                raise self.goes_by.no_second_pass() from None
            raise
        self._no_rows_yet = False
        return row


class AlignVectors(GivesAlignment, _NeedsVocab):
    """Align pretrained vectors with the vocabulary of the graph: see `torchvectors.datapipes.AlignVectors`."""

    def __init__(
        self,
        source: Node,
        vectors: Vectors,
        unk_init: UnkInit | None = None,
        lower_case_backup: bool = False,
        pad_token: str | None = PADDING,
        column: Column = None,
    ) -> None:
        super().__init__(source)
        self.column = column
        self.goes_by = vocab_before(source, BaseNode, stage="align_vectors", column=column)
        self._aligned = Aligned(
            self.goes_by, vectors, unk_init=unk_init, lower_case_backup=lower_case_backup, pad_token=pad_token
        )


class Numericalize(_NeedsVocab):
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


class LookupVectors(_Stage):
    """Tokens → their vectors: see `torchvectors.datapipes.LookupVectors`."""

    def __init__(self, source: Node, vectors: Vectors, column: Column = None) -> None:
        super().__init__(source)
        expect_vectors(vectors, "lookup_vectors")
        self._vectors, self.column = vectors, column

    def _do(self, row: Any) -> Any:
        return look_up_row(row, self._vectors, self.column)


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
        self.batching = Batching(
            size=batch_size, layout=layout, column=column, padding_value=padding_value, drop_last=drop_last
        )
        self._pads_by = padding_vocab(source, BaseNode, self.batching)

    def next(self) -> Any:
        """Return the next batch."""
        taken = self.batching.gather(self.source)
        if not taken:
            raise StopIteration
        return self.batching.collate(taken, pad_index(self._pads_by))
