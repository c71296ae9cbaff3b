"""Stages that are fitted to the whole corpus, and pass its rows on: see `torchvectors.datapipes.fitting`."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from torchdata.nodes import BaseNode

from torchvectors.errors import GraphError
from torchvectors.nodes.graph import Node, Stage, share_of
from torchvectors.nodes.shards import ShardRows
from torchvectors.rows import checked_columns
from torchvectors.stages import (
    PADDING,
    UNKNOWN,
    Aligned,
    Fit,
    FitsVocab,
    GivesAlignment,
    GoesBy,
    VocabSettings,
    before,
    corpus_of,
    each_row,
    stated,
    tokens_of,
    vocab_before,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from torchvectors.rows import Columns
    from torchvectors.vectors import UnkInit, Vectors
    from torchvectors.vocabulary import Vocab

__all__ = ["AlignVectors", "BuildVocab", "NeedsVocab"]

_FIT = "fit"  # in a state


class NeedsVocab(Stage):
    """A stage that goes by a vocabulary."""

    goes_by: GoesBy
    states_vocab = (
        False  # whether it is here that it is fitted, and that a state says which; or at a stage before
    )

    @property
    def vocab(self) -> Vocab:
        """The vocabulary; it is fitted now if nobody has needed it yet."""
        return self.goes_by.vocab

    def reset(self, initial_state: dict[str, Any] | None = None) -> None:
        """Fit, if nobody has yet: the pass that counts must end before the one that trains begins.

        Raises:
            GraphError: It is no state of this stage, or was taken with another vocabulary.
        """
        if self.states_vocab:
            if initial_state is not None:
                self.goes_by.adopt(stated(initial_state, _FIT, dict, type(self).__name__))
            _ = self.goes_by.vocab
        super().reset(initial_state)

    def get_state(self) -> dict[str, Any]:
        """Return where the source is, and by which vocabulary this stage goes."""
        return super().get_state() | ({_FIT: self.goes_by.state()} if self.states_vocab else {})


class BuildVocab(FitsVocab, NeedsVocab):
    """Count the tokens of the rows, and pass the rows on: see `torchvectors.datapipes.BuildVocab`.

    The vocabulary is fitted when `vocab` is first read or the node is first reset. That resets ``source``; a loop
    over the source itself, not over this node, begins anew if `vocab` is first read within it.
    """

    goes_by: Fit
    states_vocab = True

    def __init__(
        self,
        source: Node,
        min_freq: int = 1,
        specials: Sequence[str] = (PADDING, UNKNOWN),
        max_tokens: int | None = None,
        column: Columns = None,
        fingerprint: str | None = None,
        extend_with: Node | None = None,
    ) -> None:
        super().__init__(source)
        self.column = checked_columns(column, "build_vocab")
        settings = VocabSettings(
            min_freq=min_freq,
            specials=specials,
            max_tokens=max_tokens,
            extended=extend_with is not None,
        )
        corpus = corpus_of(
            source,
            self._share,
            kind=BaseNode,
            column=self.column,
            declared=fingerprint,
            extend_with=extend_with,
        )
        self.extended_by = corpus.extension_described()
        self.goes_by = Fit(corpus, settings)
        self._no_rows_yet = False

    @contextmanager
    def _share(self, source: Node, called: str, number: int, of: int) -> Iterator[Iterable[Sequence[str]]]:
        """Give one pass over the tokens of all rows, or of a share of them."""
        for node in before(source, BaseNode):
            if getattr(vars(node).get("sampler"), "num_replicas", 1) > 1:
                cure = "Fit a BuildVocab over the whole, and name it: Numericalize(source, vocab=fitted)."
                raise GraphError(f"build_vocab: this rank would count its own shard of the corpus. {cure}")
        dealing = [node for node in before(source, BaseNode) if isinstance(node, ShardRows)]
        try:
            for node in dealing:
                node.whole = True
            source.reset(None)
            start = None
            with suppress(NotImplementedError):  # whoever wants no states writes nodes without one
                start = source.state_dict()
            rows = share_of(source, number, of)
            yield each_row(rows, lambda row: tokens_of(row, self.column, called), number, of)
        finally:
            for node in dealing:
                node.whole = False
        # Or a sampler would take the pass that trains for the second epoch.
        source.reset(start)

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


class AlignVectors(GivesAlignment, NeedsVocab):
    """Align pretrained vectors with the vocabulary of the graph: see `torchvectors.datapipes.AlignVectors`."""

    def keeps_fingerprint(self) -> bool:
        """Say that the rows come out as they went in."""
        return True

    def __init__(
        self,
        source: Node,
        vectors: Vectors,
        unk_init: UnkInit | None = None,
        lower_case_backup: bool = False,
        pad_token: str | None = PADDING,
        column: Columns = None,
    ) -> None:
        super().__init__(source)
        self.column = checked_columns(column, "align_vectors")
        self.goes_by = vocab_before(source, BaseNode, stage="align_vectors", column=self.column)
        self._aligned = Aligned(
            self.goes_by, vectors, unk_init=unk_init, lower_case_backup=lower_case_backup, pad_token=pad_token
        )
