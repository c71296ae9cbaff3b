"""Stages that are fitted to the whole corpus, and pass its rows on: see `torchvectors.datapipes.fitting`."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from torch.utils.data import RandomSampler
from torchdata.nodes import BaseNode

from torchvectors.align import policy_for
from torchvectors.errors import GraphError
from torchvectors.fitting import (
    PADDING,
    UNKNOWN,
    Aligned,
    Fit,
    FitsVocab,
    GivesAlignment,
    GoesBy,
    VocabSettings,
    corpus_of,
    vocab_before,
)
from torchvectors.nodes.graph import Node, Stage, share_of
from torchvectors.nodes.shards import ShardRows
from torchvectors.rows import checked_columns, each_column
from torchvectors.stages import before, stated

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from torchvectors.align import Choice, Step, Unknown
    from torchvectors.rows import Columns
    from torchvectors.vectors import Vectors
    from torchvectors.vocabulary import Vocab

__all__ = ["AlignVectors", "BuildVocab", "NeedsVocab"]

_FIT, _ROW, _ALIGNED = "fit", "row", "aligned"  # in a state


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
        self._fit(initial_state)
        super().reset(initial_state)

    def _fit(self, state: dict[str, Any] | None) -> None:
        if self.states_vocab:
            if state is not None:
                self.goes_by.adopt(stated(state, _FIT, dict, type(self).__name__))
            _ = self.goes_by.vocab

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
        num_workers: int = 0,
        max_distinct: int | None = None,
        record_rows: bool = False,
    ) -> None:
        super().__init__(source)
        if record_rows:
            _expect_one_order(source)
        self.column = checked_columns(column, "build_vocab")
        settings = VocabSettings(
            min_freq=min_freq,
            specials=specials,
            max_tokens=max_tokens,
            extended=extend_with is not None,
        )
        corpus = corpus_of(
            source,
            _share,
            kind=BaseNode,
            column=self.column,
            declared=fingerprint,
            extend_with=extend_with,
            num_workers=num_workers,
            max_distinct=max_distinct,
            record=record_rows,
        )
        self.extended_by = corpus.extension_described()
        self.goes_by = Fit(corpus, settings)
        self._no_rows_yet = False
        self._recorded: Iterator[Any] = iter(())  # the rows that are still to come, where they are recorded
        self._position = 0  # of the next one

    def reset(self, initial_state: dict[str, Any] | None = None) -> None:
        """Fit, if nobody has yet, and go to the beginning, or to a state."""
        records = self.goes_by.records
        if initial_state is not None and (_ROW in initial_state) != records:
            text = (
                f"build_vocab: this state was taken with record_rows={not records}, and now it is {records}."
            )
            raise GraphError(f"{text} Build the graph as it was.")
        if not records:
            super().reset(initial_state)
            self._no_rows_yet = initial_state is None
            return
        self._fit(initial_state)
        BaseNode.reset(self, initial_state)  # the source has been read, and is not needed again
        recording = self.goes_by.recording
        self._position = 0 if initial_state is None else initial_state[_ROW]
        self._recorded = (
            iter(()) if recording is None else recording.rows(each_column(self.column), self._position)
        )

    def get_state(self) -> dict[str, Any]:
        """Return where the source is, or which of the recorded rows comes next, and which vocabulary this has."""
        if self.goes_by.records:
            return {_ROW: self._position, _FIT: self.goes_by.state()}
        return super().get_state()

    def next(self) -> Any:
        """Return the next row."""
        if self.goes_by.records:
            row = next(self._recorded)
            self._position += 1
            return row
        try:
            row = next(self.source)
        except StopIteration:
            if self._no_rows_yet:
                raise self.goes_by.no_second_pass() from None
            raise
        self._no_rows_yet = False
        return row


# Not a method: who pickles it for a process that counts must not pickle, and so fit, the stage itself.
@contextmanager
def _share(source: Node, number: int, of: int) -> Iterator[Iterable[Any]]:
    """Give one pass over all rows, or over a share of them."""
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
        yield share_of(source, number, of)
    finally:
        for node in dealing:
            node.whole = False
    # Or a sampler would take the pass that trains for the second epoch.
    source.reset(start)


def _expect_one_order(source: Node) -> None:
    for node in before(source, BaseNode):
        if isinstance(node, ShardRows) or isinstance(vars(node).get("sampler"), RandomSampler):
            text = "build_vocab: record_rows=True records all rows, in one order for all epochs and ranks"
            name = type(node).__name__
            raise GraphError(f"{text}, and {name} before it would change either. Leave record_rows out.")


class AlignVectors(GivesAlignment, NeedsVocab):
    """Align pretrained vectors with the vocabulary of the graph: see `torchvectors.datapipes.AlignVectors`."""

    def __init__(
        self,
        source: Node,
        vectors: Vectors,
        unk_init: Unknown = None,
        lower_case_backup: bool = False,
        pad_token: str | None = PADDING,
        column: Columns = None,
        *,
        steps: Sequence[Step] | None = None,
        rows: Mapping[str, Choice] | None = None,
    ) -> None:
        super().__init__(source)
        self.column = checked_columns(column, "align_vectors")
        self.goes_by = vocab_before(source, BaseNode, stage="align_vectors", column=self.column)
        policy = policy_for(
            vectors,
            stage="align_vectors",
            steps=steps,
            unk_init=unk_init,
            rows=rows,
            lower_case_backup=lower_case_backup,
            pad_token=pad_token,
        )
        self._aligned = Aligned(self.goes_by, policy)

    def reset(self, initial_state: dict[str, Any] | None = None) -> None:
        """Go to the beginning, or to a state.

        Raises:
            GraphError: The state was taken with other vectors, or another policy.
        """
        said = self.settings_said()
        if isinstance(initial_state, dict) and _ALIGNED in initial_state:
            then = stated(initial_state, _ALIGNED, str, "align_vectors")
            if then != said:
                text = f"align_vectors: this state was taken with {then:.1000}, and now it is {said}."
                raise GraphError(f"{text} Give the vectors and the settings as they were.")
        super().reset(initial_state)

    def get_state(self) -> dict[str, Any]:
        """Return where the source is, and which vectors are aligned in which way."""
        return super().get_state() | {_ALIGNED: self.settings_said()}
