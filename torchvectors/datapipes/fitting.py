"""Stages that are fitted to the whole corpus, and pass its rows on: its vocabulary, and the matrix for that."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from torch.utils.data import IterDataPipe

from torchvectors.align import policy_for
from torchvectors.datapipes.graph import Pipe, Stage, form, is_sharded, rows_of, share_of, whole
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
from torchvectors.rows import checked_columns, each_column
from torchvectors.stages import before

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from torchvectors.align import Choice, Step, Unknown
    from torchvectors.rows import Columns
    from torchvectors.vectors import Vectors
    from torchvectors.vocabulary import Vocab

__all__ = ["AlignVectors", "BuildVocab", "NeedsVocab"]


class NeedsVocab(Stage):
    """A stage that goes by a vocabulary."""

    goes_by: GoesBy

    @property
    def vocab(self) -> Vocab:
        """The vocabulary; it is fitted now if nobody has needed it yet."""
        return self.goes_by.vocab

    def set_seed(self, seed: int) -> None:  # noqa: ARG002 - torch's name for it
        """Fit. A DataLoader seeds its pipes before it starts its workers, which then all inherit one vocabulary."""
        _ = self.goes_by.vocab

    def __dir__(self) -> list[str]:
        # When a pipe raises, torch reads all that dir() names, for the error's text: nothing must be fitted then,
        # least of all what has just failed to be.
        return [name for name in super().__dir__() if name != "vocab" or self.goes_by.fitted]


@form("build_vocab")
class BuildVocab(FitsVocab, NeedsVocab):
    """Count the tokens of the rows, and pass the rows on (functional form ``.build_vocab()``).

    The vocabulary is fitted when it is first needed: when `vocab` is read, a DataLoader starts, the graph is
    pickled for a worker, or it is iterated over; whichever comes first, in whichever thread or process. All others
    wait for it and take its result. That is one pass over ``source``, which must therefore be one that can be
    iterated over again. The pass leaves no trace: shufflers and sharding filters are switched off for it, so that
    the whole corpus is counted, and the global random numbers of torch, NumPy and Python are put back.

    Args:
        source: Rows with tokens.
        min_freq: How often a token must occur.
        specials: Tokens that come first, whether they occur or not. Unknown tokens get the index of ``<unk>``.
        max_tokens: The most tokens, specials included; of equally frequent ones the first in code-point order.
        column: The tokens' column in the row, or several that share the vocabulary.
        fingerprint: What tells the tokens that come here from those of any other corpus, if the caller knows: the
            vocabulary is then kept in the cache, and a later run with an equal fingerprint counts nothing. None:
            what the source says of itself (an attribute ``fingerprint``; Hugging Face's data sets have one), if
            nothing but torchvectors' own stages and tokenizers are behind it, and no subclass of these; and otherwise
            each run counts.
        extend_with: The tokens of a second corpus, such as a validation set's: another graph, which stays where it
            is. Those that are not in the vocabulary yet come behind all others, which keep their indices, the most
            frequent first. ``min_freq`` holds for how often they occur there, ``max_tokens`` for all together. Counts
            and coverage are those of the first corpus.
        num_workers: Processes that count, each tokenising its part of the rows (all of them read the source). They
            are started as ``multiprocessing.get_context()`` says. 0: the process that needs the vocabulary. So it is,
            too, in a worker of a DataLoader, and, with a warning, where the graph would have to be pickled and
            cannot be.
        max_distinct: The most distinct tokens that a process holds while it counts, about 100 bytes each; what is
            more goes to a temporary file in the cache, and the counts are exact all the same. None: no bound.
        record_rows: Write the rows to the cache while they are counted, their tokens as numbers, and read them from
            there ever after: no text is tokenised twice, and the source is read once. The file is mapped, so that
            workers share its pages; it is removed with the graph, or kept with its vocabulary where there is a
            fingerprint. Stages behind get a read-only sequence that equals the list of tokens; `Numericalize` gives
            it its indices without a look at the text. The other fields must be numbers, str, bool, None, or lists
            and dicts of these.

    Attributes:
        vocab: The vocabulary.
        passes: How often the corpus was counted, in this process: 0 or 1, unless counting has failed.
        extension_passes: The same of the corpus of ``extend_with``.

    Raises:
        GraphError: The corpus has no rows, or a row has no tokens; or a pipe of one's own that deals out shards is
            before this stage and at work.
        TokenTypeError: A token is not a ``str``.
    """

    goes_by: Fit

    def __init__(
        self,
        source: Pipe,
        min_freq: int = 1,
        specials: Sequence[str] = (PADDING, UNKNOWN),
        max_tokens: int | None = None,
        column: Columns = None,
        fingerprint: str | None = None,
        extend_with: Pipe | None = None,
        num_workers: int = 0,
        max_distinct: int | None = None,
        record_rows: bool = False,
    ) -> None:
        self.source_datapipe = source
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
            kind=IterDataPipe,
            column=self.column,
            declared=fingerprint,
            extend_with=extend_with,
            num_workers=num_workers,
            max_distinct=max_distinct,
            record=record_rows,
        )
        self.extended_by = corpus.extension_described()
        self.goes_by = Fit(corpus, settings)

    def unwrapped(self) -> Iterator[Any]:
        """Fit, if nobody has yet, and give the rows as they come, or as they are recorded."""
        # A pipe has one iterator at a time: the pass that counts must have ended before this one begins.
        _ = self.vocab
        recording = self.goes_by.recording
        if recording is not None:
            yield from recording.rows(each_column(self.column))
            return
        rows = rows_of(self.source_datapipe)
        for row in rows:
            yield row
            yield from rows  # the others, which need no look
            return
        if not is_sharded(self.source_datapipe):  # a shard may well have no rows
            raise self.goes_by.no_second_pass()


# Not a method: who pickles it for a process that counts must not pickle, and so fit, the stage itself.
@contextmanager
def _share(source: Pipe, number: int, of: int) -> Iterator[Iterable[Any]]:
    """Give one pass over all rows, or over a share of them."""
    with whole(source):
        yield share_of(source, number, of)


def _expect_one_order(source: Pipe) -> None:
    for pipe in before(source, IterDataPipe):
        if hasattr(type(pipe), "set_shuffle") or hasattr(type(pipe), "apply_sharding"):
            text = "build_vocab: record_rows=True records all rows, in one order for all epochs and workers"
            name = type(pipe).__name__
            raise GraphError(
                f"{text}, and {name} before it would change either. Move it behind .build_vocab()."
            )


@form("align_vectors")
class AlignVectors(GivesAlignment, NeedsVocab):
    """Align pretrained vectors with the vocabulary of the graph, and pass the rows on (``.align_vectors()``).

    Args:
        source: A pipe with `BuildVocab` in it or before it.
        vectors: Where to look tokens up.
        unk_init: What tokens without a vector get: see `torchvectors.align`.
        lower_case_backup: Try ``token.lower()`` when ``token`` itself has no vector.
        pad_token: The token whose row is all zeros.
        column: Where several columns have vocabularies, the one whose is meant.
        steps: How a token comes by its row: see `torchvectors.align`.
        rows: Token → its row, whatever ``vectors`` have for it.

    Attributes:
        vocab: The vocabulary.
        alignment: Its `Alignment`: the matrix, float32 (V, dim), and the coverage; looked up when first read.

    Raises:
        GraphError: No stage before this one has a vocabulary, or several have.
        TypeError, ValueError: An argument is none of what `torchvectors.align` takes.
    """

    def __init__(
        self,
        source: Pipe,
        vectors: Vectors,
        unk_init: Unknown = None,
        lower_case_backup: bool = False,
        pad_token: str | None = PADDING,
        column: Columns = None,
        *,
        steps: Sequence[Step] | None = None,
        rows: Mapping[str, Choice] | None = None,
    ) -> None:
        self.source_datapipe = source
        self.column = checked_columns(column, "align_vectors")
        self.goes_by = vocab_before(source, IterDataPipe, stage="align_vectors", column=self.column)
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

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if name != "alignment" or self._aligned.found]
