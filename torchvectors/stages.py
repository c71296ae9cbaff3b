"""What the stages of a dataloading graph do, for `datapipes` and `nodes` alike.

Row in, row out: `tokenize_row`, `numericalize_row`, `look_up_row`. And the two things that live: `Fit`, a
vocabulary that is counted when it is first needed, and `Aligned`, the matrix that goes with it.

Both are handed on inside a graph and are no collections (they have no ``__len__``): torch pickles a graph each time
it looks for its pipes, leaving out all attributes but collections, and a vocabulary would cost a second each time.
When they travel to another process, they travel by the path of a file.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from torchvectors.align import Alignment, align
from torchvectors.cache import folders, replacing
from torchvectors.counting import check_specials, count_tokens, order_tokens
from torchvectors.errors import CacheError, GraphError
from torchvectors.rows import Column, field_of, with_field
from torchvectors.vocabulary import Vocab

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from torchvectors.vectors import UnkInit, Vectors

__all__ = [
    "Aligned",
    "Fit",
    "Fixed",
    "HasVocab",
    "VocabSettings",
    "look_up_row",
    "numericalize_row",
    "padding_value",
    "tokenize_row",
    "tokens_of",
]

UNKNOWN, PADDING = "<unk>", "<pad>"


# --- row in, row out -------------------------------------------------------------------------------------------


def tokenize_row(row: Any, tokenizer: Callable[[str], Iterable[str]], column: Column) -> Any:
    """Replace the text in a row by its tokens, a list of str."""
    text = field_of(row, column, "tokenize")
    if not isinstance(text, str):
        raise GraphError(
            f"tokenize: the text of a row must be a str, and this is {text!r:.100}. {_NAME_THE_COLUMN}"
        )
    tokens = tokenizer(text)
    if isinstance(tokens, str):
        text = (
            f"tokenize: the tokenizer {tokenizer!r} returned one str, {tokens!r:.100}, not a list of tokens."
        )
        raise GraphError(text)
    return with_field(row, column, list(tokens))


def tokens_of(row: Any, column: Column, stage: str) -> Sequence[str]:
    """Return the tokens in a row."""
    tokens = field_of(row, column, stage)
    if isinstance(tokens, (list, tuple)):
        return tokens
    cure = "Put .tokenize() before it." if isinstance(tokens, str) else _NAME_THE_COLUMN
    raise GraphError(f"{stage}: a row must hold a list of tokens, and this holds {tokens!r:.100}. {cure}")


def numericalize_row(row: Any, vocab: Vocab, column: Column) -> Any:
    """Replace the tokens in a row by their indices, a list of int."""
    return with_field(row, column, vocab.lookup_indices(tokens_of(row, column, "numericalize")))


def look_up_row(row: Any, vectors: Vectors, column: Column) -> Any:
    """Replace the T tokens in a row by their vectors, float32 (T, dim)."""
    return with_field(row, column, vectors.get_vecs_by_tokens(tokens_of(row, column, "lookup_vectors")))


def padding_value(given: float | None, source: HasVocab | None) -> float:
    """Return what pads a batch: what was given, else the index of ``<pad>`` in the graph's vocabulary, else 0."""
    if given is not None or source is None:
        return given or 0
    if PADDING not in source.vocab:
        return 0
    return source.vocab[PADDING]


_NAME_THE_COLUMN = "Name the column of the text with column=…"


# --- what is fitted --------------------------------------------------------------------------------------------


class HasVocab(Protocol):
    """A `Fit` or a `Fixed`, or a stage: what a stage goes by."""

    @property
    def vocab(self) -> Vocab:
        """The vocabulary; it is fitted now if nobody has needed it yet."""

    @property
    def counts(self) -> Mapping[str, int] | None:
        """How often each token occurs in the corpus, where that is known."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """A vocabulary that is given, not fitted."""

    vocab: Vocab
    counts: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VocabSettings:
    """How counts become a vocabulary."""

    min_freq: int = 1  # how often a token must occur
    specials: tuple[str, ...] = (PADDING, UNKNOWN)  # they come first, and need not occur
    max_tokens: int | None = (
        None  # the most tokens, specials included; a special that occurs takes no other's place
    )

    def __post_init__(self) -> None:
        check_specials(self.specials, self.max_tokens)

    def choose(self, counts: Mapping[str, int]) -> Vocab:
        """Return the vocabulary; unknown tokens get the index of ``<unk>`` if that is among the specials."""
        tokens = order_tokens(
            counts, min_freq=self.min_freq, specials=self.specials, max_tokens=self.max_tokens
        )
        return Vocab(tokens, self.specials.index(UNKNOWN) if UNKNOWN in self.specials else None)


class Fit:
    """The vocabulary of a corpus, which is counted when somebody first asks for it, and once.

    Args:
        corpus: Gives the token lists of one whole pass. It is called once.
        settings: How counts become a vocabulary.
    """

    def __init__(self, corpus: Callable[[], Iterable[Sequence[str]]], settings: VocabSettings) -> None:
        self.settings = settings
        self.passes = 0  # over the corpus, in this process
        self.rows = 0  # that the pass has met
        self._corpus: Callable[[], Iterable[Sequence[str]]] | None = corpus
        self._counts: Mapping[str, int] | None = None
        self._vocab: Vocab | None = None
        self._lock = threading.RLock()  # the reader of .vocab and a loader's thread may both come first

    @property
    def fitted(self) -> bool:
        """Whether the corpus has been counted."""
        return self._vocab is not None

    @property
    def vocab(self) -> Vocab:
        """The vocabulary.

        Raises:
            GraphError: The corpus has no rows, or a row has no tokens.
        """
        if self._vocab is None:
            with self._lock:
                if self._vocab is None:
                    self._vocab = self._count()
        return self._vocab

    @property
    def counts(self) -> Mapping[str, int] | None:
        """How often each token occurs; None in a copy that has come from another process."""
        _ = self.vocab
        return self._counts

    def _count(self) -> Vocab:
        if self._corpus is None:
            raise GraphError("build_vocab: this copy has neither a vocabulary nor a corpus to make one from.")
        self.passes += 1
        counts = count_tokens(self._counted(self._corpus()))
        if not self.rows:
            cure = "Look at its source: a generator, for one, can be read only once."
            raise GraphError(
                f"build_vocab: the corpus has no rows, so there is no vocabulary to be had. {cure}"
            )
        self._counts = counts
        return self.settings.choose(counts)

    def _counted(self, sentences: Iterable[Sequence[str]]) -> Iterator[Sequence[str]]:
        self.rows = 0
        for sentence in sentences:
            self.rows += 1
            yield sentence

    def __reduce__(self) -> tuple[object, ...]:
        return Fit._arrived, (_deposit(self.vocab), self.settings, self.rows)

    @classmethod
    def _arrived(cls, place: Path | Vocab, settings: VocabSettings, rows: int) -> Fit:
        """Make the copy that a pickle stands for: fitted, and without a corpus."""
        fit = cls(tuple, settings)
        fit._corpus, fit.rows = None, rows
        fit._vocab = place if isinstance(place, Vocab) else _read(place)
        return fit


def _deposit(vocab: Vocab) -> Path | Vocab:
    """Write a vocabulary to the cache, and return where; or itself, where nothing can be written.

    The file's name is the digest of its content: whoever writes it again writes the same.
    """
    from safetensors.numpy import save
    from xxhash import xxh3_128_hexdigest

    tokens = [token.encode("utf-8", "surrogatepass") for token in vocab]
    default = vocab.get_default_index()
    content = save(
        {
            "token_bytes": np.frombuffer(b"".join(tokens), np.uint8),
            "token_lengths": np.fromiter(map(len, tokens), np.int64, len(tokens)),
        },
        {"default_index": "" if default is None else str(default)},
    )
    path = folders().write / "vocabularies" / f"{xxh3_128_hexdigest(content)}.safetensors"
    try:
        if not path.is_file():
            with replacing(path) as temporary:
                temporary.write_bytes(content)
    except CacheError:
        return vocab
    return path


def _read(path: Path) -> Vocab:
    from safetensors import safe_open

    with safe_open(path, "numpy") as file:
        text = file.get_tensor("token_bytes").tobytes()
        ends = file.get_tensor("token_lengths").cumsum().tolist()
        default = file.metadata()["default_index"]
    tokens = [
        text[start:end].decode("utf-8", "surrogatepass") for start, end in zip([0, *ends], ends, strict=False)
    ]
    return Vocab(tokens, int(default) if default else None)


class Aligned:
    """The embedding matrix of a fitted vocabulary, looked up when it is first asked for, and once."""

    def __init__(
        self,
        source: HasVocab,
        vectors: Vectors,
        *,
        unk_init: UnkInit | None = None,
        lower_case_backup: bool = False,
        pad_token: str | None = PADDING,
    ) -> None:
        self._source, self._vectors = source, vectors
        self._how: dict[str, Any] = {
            "unk_init": unk_init,
            "lower_case_backup": lower_case_backup,
            "pad_token": pad_token,
        }
        self._alignment: Alignment | None = None
        self._lock = threading.RLock()

    @property
    def vocab(self) -> Vocab:
        """The vocabulary."""
        return self._source.vocab

    @property
    def alignment(self) -> Alignment:
        """The matrix and its coverage."""
        with self._lock:
            if self._alignment is None:
                self._alignment = align(self.vocab, self._vectors, counts=self._source.counts, **self._how)
            return self._alignment

    def __reduce__(self) -> tuple[object, ...]:
        # Workers need the vocabulary; one that asks for the matrix, too, looks it up in the store's shared pages.
        return _realigned, (self._source, self._vectors, self._how)


def _realigned(source: HasVocab, vectors: Vectors, how: dict[str, Any]) -> Aligned:
    return Aligned(source, vectors, **how)
