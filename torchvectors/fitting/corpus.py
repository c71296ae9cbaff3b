"""The stages before one that counts → what they are, in words, and whether their source says which corpus it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from torchvectors.errors import GraphError
from torchvectors.sources import declared
from torchvectors.stages.walk import before, stages_in
from torchvectors.tokenizers import basic_english, split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextlib import AbstractContextManager

    from torchvectors.rows import Columns

__all__ = ["Corpus", "Share", "called", "corpus_of", "described", "fingerprint_of", "settled"]

_STAGE = "build_vocab"


class Share(Protocol):
    """Gives every ``of``-th row from ``number`` on; all rows for 0 of 1."""

    def __call__(self, number: int, of: int) -> AbstractContextManager[Iterable[Any]]:
        """Make a context for one pass over that share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corpus:
    """What a vocabulary is fitted to."""

    share: Share
    source: object  # the stage before the one that counts
    kind: type  # the class of all pipes, or of all nodes
    column: Columns = None  # of the tokens
    declared: str | None = None  # what the user says tells its tokens from those of any other corpus
    more: Corpus | None = None  # a second one, whose tokens come behind
    called: str = _STAGE  # in an error's text
    num_workers: int = 0  # processes that count it; 0: this one
    max_distinct: int | None = None  # tokens that each of them holds at a time; None: as many as there are
    record: bool = False  # whether its rows are written to the cache, too, for later passes

    def __post_init__(self) -> None:
        for name, least in (("num_workers", 0), ("max_distinct", 1)):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, int) and value >= least):
                raise GraphError(f"build_vocab: {name}={value!r} must be a whole number, {least} or more.")
        if self.record and (self.num_workers > 1 or self.max_distinct is not None):
            text = "build_vocab: with record_rows=True one process writes the rows in order, and holds every token."
            raise GraphError(f"{text} Leave num_workers= and max_distinct= out.")

    def described(self) -> str:
        """Say which stages come before, how they are set, and where the tokens are."""
        return f"{described(self.source, self.kind)}, column {self.column!r}{self.extension_described()}"

    def length(self) -> int | None:
        """Return how many rows there are, where that is known without reading them."""
        if any(hasattr(type(one), "apply_sharding") for one in before(self.source, self.kind)):
            return None  # the length of a shard
        try:
            return len(self.source)  # type: ignore[arg-type]  # or it has none
        except TypeError:
            return None

    def extension_described(self) -> str:
        """Say the same of the second corpus; nothing where there is none."""
        return "" if self.more is None else f", extended by {self.more.described()}"

    def fingerprint(self) -> str | None:
        """Return what tells its tokens from those of any other corpus; None where nobody has said."""
        own = self.declared if self.declared is not None else fingerprint_of(self.source, self.kind)
        if self.more is None:
            return own
        other = self.more.fingerprint()
        return None if own is None or other is None else f"{own}, extended by {other}"


def corpus_of(
    source: object,
    share: Callable[[Any, int, int], AbstractContextManager[Iterable[Any]]],
    *,
    kind: type,
    column: Columns,
    declared: str | None,
    extend_with: object,
    num_workers: int = 0,
    max_distinct: int | None = None,
    record: bool = False,
) -> Corpus:
    """Return what `BuildVocab` counts, in both of its forms.

    Args:
        source: The stage before it.
        share: Makes a `Share` of a source.
        kind: The class of all pipes, or of all nodes.
        column: Of the tokens.
        declared: What the user says tells the source's tokens from those of any other corpus.
        extend_with: The last stage of a second corpus, or None.
        num_workers: Processes that count.
        max_distinct: Tokens that each of them holds at a time.
        record: Whether the rows of the source are written to the cache.

    Raises:
        GraphError: ``extend_with`` is of another kind.
    """
    more = None
    if extend_with is not None:
        called = f"{_STAGE}, extend_with"
        if not isinstance(extend_with, kind):
            text = f"{called}: {extend_with!r:.100} is no {kind.__name__}."
            raise GraphError(
                f"{text} Give a graph that ends in tokens, such as Rows(…) and Tokenize behind it."
            )
        more = Corpus(
            share=partial(share, extend_with),
            source=extend_with,
            kind=kind,
            column=column,
            called=called,
            num_workers=num_workers,
            max_distinct=max_distinct,
        )
    return Corpus(
        share=partial(share, source),
        source=source,
        kind=kind,
        column=column,
        declared=declared,
        more=more,
        num_workers=num_workers,
        max_distinct=max_distinct,
        record=record,
    )


def described(stage: object, kind: type) -> str:
    """Say what a graph consists of, from its end to its source: the same words in every process and run."""
    return " < ".join(_said(one) for one in before(stage, kind))


def _said(stage: object) -> str:
    name = type(stage).__name__
    says = getattr(type(stage), "settings_said", None)
    return f"{name}({says(stage)})" if says else name


def called(function: object) -> str:
    """Return the name of a callable, without the address that its repr may have."""
    inner = getattr(function, "func", function)  # of a partial
    named = inner if hasattr(inner, "__qualname__") else type(inner)
    owner = getattr(named, "__module__", None) or "builtins"  # a method of str's has none
    return f"{owner}.{named.__qualname__}"


def settled(tokenizer: object) -> bool:
    """Say whether a tokenizer is one whose tokens of a text no other release or model will change."""
    return tokenizer in (basic_english, split)


def fingerprint_of(stage: object, kind: type) -> str | None:
    """Return what the sources before a stage declare themselves to be, if all that is behind them is known.

    A source declares a ``fingerprint``, a ``str``; so do Hugging Face's data sets, as ``_fingerprint``. Whoever does
    so promises that equal fingerprints mean equal rows. A subclass of a stage or source of ours has promised nothing:
    what it does to a row may be another thing in the next run.
    """
    found = []
    for one in before(stage, kind):
        if any(stages_in(value, kind) for value in vars(one).values()):
            if not _passes_on(one):
                return None
        elif (fingerprint := _declared(one)) is not None:
            found.append(fingerprint)
        else:
            return None
    return " ".join(found) or None


# What changes the order of rows and nothing else.
_ORDERING = {"ShufflerIterDataPipe", "ShardingFilterIterDataPipe"}
# What gives the rows of what it wraps as they are: torch's pipe, and torchdata's node.
_WRAPPERS = {"IterableWrapperIterDataPipe", "IterableWrapper"}


def _passes_on(stage: Any) -> bool:
    """Say whether equal rows going in mean equal rows coming out, in every run."""
    if type(stage).__module__.startswith("torchvectors."):
        return hasattr(type(stage), "keeps_fingerprint") and stage.keeps_fingerprint()
    return _is_torchs(stage, _ORDERING)


def _is_torchs(stage: object, names: set[str]) -> bool:
    module = type(stage).__module__
    return type(stage).__name__ in names and module.startswith(("torch.utils.data.", "torchdata.nodes."))


def _declared(source: object) -> str | None:
    # A wrapper of torch's or torchdata's says nothing; what it wraps may. A source of the user's that holds a data
    # set may do anything to its rows, and must say itself what it gives.
    wrapped = vars(source).values() if _is_torchs(source, _WRAPPERS) else ()
    return next(filter(None, map(declared, (source, *wrapped))), None)
