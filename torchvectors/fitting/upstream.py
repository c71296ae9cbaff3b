"""A stage → the vocabulary that it goes by, which is one of a stage before it or named by the caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torchvectors.errors import GraphError, warn
from torchvectors.fitting.fit import GoesBy
from torchvectors.fitting.given import Fixed
from torchvectors.fitting.settings import PADDING, HasVocab
from torchvectors.rows import each_column
from torchvectors.stages.walk import before
from torchvectors.vocabulary import Vocab

if TYPE_CHECKING:
    from torchvectors.batch import Batching
    from torchvectors.rows import Columns

__all__ = ["FITTED", "Padding", "asked_upstream", "named", "padding_before", "vocab_before"]


def vocab_before(source: object, kind: type, *, stage: str, column: Columns) -> GoesBy:
    """Return what the stages before one go by. Where they have several vocabularies, that for all its own columns.

    Args:
        source: The stage before.
        kind: The class of all pipes, or of all nodes.
        stage: The name of the one that asks.
        column: The column of the one that asks.

    Raises:
        GraphError: They have no vocabulary; or several, and it is not clear which is meant.
    """
    found = _vocabs(source, kind, column)
    if not found:
        cure = "Put .build_vocab() before it, or .use_vocab(…); a validation graph names the training graph's"
        raise GraphError(f"{stage}: no stage before it has a vocabulary. {cure}: .numericalize(vocab=…)")
    return _only(found, stage, column)


@dataclass(frozen=True, slots=True)
class Padding:
    """What says which index is padding, for each column of a batch."""

    # In an object of its own: torch pickles the lists and tuples that a pipe holds whenever it looks for pipes.
    vocabs: tuple[GoesBy | None, ...]

    def indices(self) -> list[int]:
        """Return the index of ``<pad>`` in each column's vocabulary, or 0 where there is none.

        Warns:
            UserWarning: There is a vocabulary, and 0 is the index of some other token.
        """
        return [0 if one is None else _pad_index(one.vocab) for one in self.vocabs]


def _pad_index(vocab: Vocab) -> int:
    if PADDING in vocab:
        return vocab[PADDING]
    if len(vocab):
        text = (
            f"batch_tokens: the vocabulary has no {PADDING!r}, so rows are filled up with index 0, which is"
        )
        cure = f"Give .build_vocab(specials=({PADDING!r}, …)), or say padding_value=…"
        warn(f"{text} {vocab.lookup_token(0)!r}: the lengths tell them apart, an embedding does not. {cure}")
    return 0


def padding_before(source: object, kind: type, batching: Batching) -> Padding:
    """Return what says which index is padding, if anything does and it is needed.

    Raises:
        GraphError: The stages before have several vocabularies, and it is not clear which is meant.
    """
    if batching.layout != "padded" or batching.padding_value is not None:
        return Padding((None,) * len(batching.columns))
    found = [(column, _vocabs(source, kind, (column,))) for column in batching.columns]
    return Padding(tuple(_only(every, "batch_tokens", column) if every else None for column, every in found))


#: What a stage that is fitted has, and any stage behind it is asked for: a graph is often held by its end.
_ALIGNED = frozenset({"alignment", "embedding", "embedding_bag"})
FITTED = _ALIGNED | {"vocab", "fit_state", "load_fit_state"}


def asked_upstream(stage: object, source: object, kind: type, name: str) -> Any:
    """Return what a stage has not, and a stage before it has.

    Raises:
        AttributeError: None has it; or it is the vocabulary, and there are several.
    """
    said = f"{type(stage).__name__!r} object has no attribute {name!r}"
    if name not in FITTED:
        raise AttributeError(said)
    having = [one for one in before(source, kind) if hasattr(type(one), name)]
    if not having:
        counted = ".build_vocab()" if "fit" in name else ".build_vocab() or .use_vocab(…)"
        needed = ".align_vectors(…)" if name in _ALIGNED else counted
        raise AttributeError(f"{said}, and no stage before it has: there is no {needed} in this graph")
    if len({id(vars(one).get("goes_by")) for one in having}) > 1:
        cure = "Keep the stage that is meant: fitted = ….build_vocab(…), and ask that"
        raise AttributeError(f"{said}, and several stages before it have, each another. {cure}")
    return getattr(having[0], name)


def _vocabs(source: object, kind: type, column: Columns) -> list[GoesBy]:
    """Return the vocabularies before, each once; where there are several, those for these columns, if any are."""
    having = [vars(one) for one in before(source, kind) if "goes_by" in vars(one)]
    every = list(dict.fromkeys(one["goes_by"] for one in having))
    if len(every) < 2:
        return every
    wanted = set(each_column(column))
    return (
        list(dict.fromkeys(o["goes_by"] for o in having if wanted <= set(each_column(o["column"])))) or every
    )


def _only(found: list[GoesBy], stage: str, column: Columns) -> GoesBy:
    if len(found) > 1:
        text = f"{stage}: {len(found)} vocabularies come before it, and column={column!r} does not say which is meant."
        raise GraphError(f"{text} {_CURES[stage]}")
    return found[0]


_CURES = {
    "align_vectors": "Give it the column= of the .build_vocab() that is meant.",
    "numericalize": "Name the stage that is meant: vocab=…; or give each column a .numericalize() of its own.",
    "batch_tokens": "Give it the column= of the .numericalize() that is meant, or a padding_value=.",
}


def named(vocab: HasVocab, stage: str) -> GoesBy:
    """Return what the vocabulary that a caller names is held by.

    Of a stage of another graph it is not the stage itself, which would draw that graph into this one.

    Raises:
        GraphError: It is neither a `Vocab` nor a stage that has one.
    """
    if isinstance(vocab, Vocab):
        return Fixed(vocab)
    held = getattr(vocab, "goes_by", vocab)
    if isinstance(held, GoesBy):
        return held
    raise GraphError(f"{stage}: vocab={vocab!r:.100} is neither a Vocab nor a stage that has one.")
