"""A vocabulary and vectors → a matrix whose row i belongs to the vocabulary's token i, and what was found how."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn

from torchvectors.errors import TokenTypeError, VocabError
from torchvectors.vectors import UnkInit, Vectors, expect_vectors, unknown_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from torchvectors.vocabulary import Vocab

__all__ = ["Alignment", "Coverage", "align"]

How = Literal["exact", "lower case", "n-grams", "missing", "padding"]
_CODE = {how: code for code, how in enumerate(get_args(How))}
_FOUND: tuple[How, ...] = ("exact", "lower case", "n-grams")
_EXAMPLES = 10  # missing tokens in a report


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Coverage:
    """Which tokens of a vocabulary have a vector, and how they came by it.

    ``str(coverage)`` is a report. The padding token counts nowhere: it never occurs in a text.
    """

    itos: Sequence[str]
    codes: NDArray[np.uint8]  # (V,) for each token, the position of its `How`
    counts: Mapping[str, int] | None  # how often each token occurs in the corpus; None if nobody counted
    running: int | None = None  # tokens of the corpus in all; None: the sum of the counts

    def how(self, token: str) -> How:
        """Say how a token of the vocabulary came by its row.

        Raises:
            VocabError: It is not in the vocabulary.
        """
        if token not in self.itos:
            raise VocabError(f"{token!r} is not in this vocabulary of {len(self.itos)} tokens.")
        how: How = get_args(How)[self.codes[self.itos.index(token)]]
        return how

    def tokens(self, how: How) -> list[str]:
        """Return the tokens that came by their row this way, in the vocabulary's order."""
        return [self.itos[i] for i in (self.codes == _CODE[how]).nonzero()[0].tolist()]

    @property
    def of_tokens(self) -> float:
        """The share of the vocabulary's tokens that have a vector, 0 to 1."""
        return int(self._found().sum()) / max(int((self.codes != _CODE["padding"]).sum()), 1)

    @property
    def of_text(self) -> float | None:
        """The share of the corpus' running tokens that have a vector, 0 to 1; None where no counts are known.

        A token that the vocabulary left out (too rare, or one too many) has none.
        """
        if self.counts is None:
            return None
        # A set, for a list of tokens may hold one twice.
        found = {self.itos[i] for i in self._found().nonzero()[0].tolist()}
        total = (sum(self.counts.values()) if self.running is None else self.running) - self._running(
            set(self.tokens("padding"))
        )
        return self._running(found) / max(total, 1)

    def _found(self) -> NDArray[np.bool_]:
        return np.isin(self.codes, [_CODE[how] for how in _FOUND])

    def _running(self, tokens: set[str]) -> int:
        return sum((self.counts or {}).get(token, 0) for token in tokens)

    def as_dict(self) -> dict[str, object]:
        """Return the figures of the report as plain numbers, for a log."""
        ways = {how: int((self.codes == code).sum()) for how, code in _CODE.items()}
        return {"tokens": len(self.codes), **ways, "of_tokens": self.of_tokens, "of_text": self.of_text}

    def __str__(self) -> str:
        lines = [f"{len(self.codes):,} tokens, {self.of_tokens:.1%} of them with a vector"]
        if self.of_text is not None:
            lines[0] += f"; {self.of_text:.1%} of the running text"
        for how, code in _CODE.items():
            if number := int((self.codes == code).sum()):
                lines.append(f"  {how:<10} {number:>9,}{self._examples(how)}")
        return "\n".join(lines)

    def _examples(self, how: How) -> str:
        if how != "missing":
            return ""
        tokens, counts = self.tokens(how), self.counts or {}
        # Stable: without counts, in the vocabulary's order.
        tokens.sort(key=lambda token: -counts.get(token, 0))
        more = ", …" if len(tokens) > _EXAMPLES else ""
        return f"  {', '.join(map(repr, tokens[:_EXAMPLES]))}{more}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Alignment:
    """An embedding matrix that belongs to one vocabulary. `align` makes it."""

    matrix: Tensor  # float32 (V, dim); row i is the row of the vocabulary's token i
    coverage: Coverage
    padding_idx: int | None  # of the padding token, where the vocabulary has one

    @property
    def dim(self) -> int:
        """Numbers per token."""
        return int(self.matrix.shape[1])

    def embedding(
        self, *, freeze: bool = True, padding_idx: int | Literal["auto"] | None = "auto"
    ) -> nn.Embedding:
        """Return an ``nn.Embedding`` (V, dim) with a copy of the matrix.

        Args:
            freeze: Whether training leaves it as it is.
            padding_idx: The index whose row is never trained; "auto" is the padding token's.
        """
        padding = self._padding(padding_idx)
        layer: nn.Embedding = nn.Embedding.from_pretrained(self.matrix.clone(), freeze, padding)
        return layer

    def embedding_bag(
        self,
        *,
        freeze: bool = True,
        padding_idx: int | Literal["auto"] | None = "auto",
        mode: Literal["mean", "sum", "max"] = "mean",
    ) -> nn.EmbeddingBag:
        """Return an ``nn.EmbeddingBag`` (V, dim) with a copy of the matrix; the padding token counts in no bag.

        Args:
            freeze: Whether training leaves it as it is.
            padding_idx: The index that is left out of each bag; "auto" is the padding token's.
            mode: How a bag's rows become one.
        """
        return nn.EmbeddingBag.from_pretrained(
            self.matrix.clone(), freeze=freeze, padding_idx=self._padding(padding_idx), mode=mode
        )

    def _padding(self, given: int | Literal["auto"] | None) -> int | None:
        return self.padding_idx if given == "auto" else given


def align(
    vocab: Vocab | Sequence[str],
    vectors: Vectors,
    *,
    unk_init: UnkInit | None = None,
    lower_case_backup: bool = False,
    pad_token: str | None = "<pad>",
    counts: Mapping[str, int] | None = None,
    running: int | None = None,
) -> Alignment:
    """Look up every token of a vocabulary, each once.

    Args:
        vocab: V tokens: a `Vocab`, anything else with ``get_itos()``, or the tokens themselves.
        vectors: Where to look.
        unk_init: What tokens without a vector get (`UnkInit`): "zeros", "mean", ``Normal(std=0.6, seed=0)``, or
            a callable. None: what ``vectors`` itself gives them.
        lower_case_backup: Try ``token.lower()`` when ``token`` itself has no vector.
        pad_token: The token whose row is all zeros, whatever ``unk_init`` says, unless ``vectors`` have one for
            it; it need not be in the vocabulary. None: there is no such token.
        counts: How often each token occurs in the corpus, for the coverage.
        running: How many tokens the corpus has in all, where ``counts`` hold only a vocabulary's. None: their sum.

    Returns:
        The matrix, float32 (V, dim), of which row i belongs to ``vocab.get_itos()[i]``, and its coverage. Nothing
        of it is shared with ``vectors``. If ``vectors`` are of a subclass that overrides ``__getitem__``, the rows
        are what that gives; ``unk_init`` then counts for the tokens that neither have a row nor are composed.

    Raises:
        TokenTypeError: A token is not a ``str``; or ``vocab`` is one ``str``, or a mapping, whose order need not
            be that of its indices.
    """
    itos = _tokens_of(vocab)
    sought, codes, rows = _find(itos, vectors, lower_case_backup)
    composed = (rows < 0).nonzero()[0] if vectors.composes else np.empty(0, np.int64)
    made, parts = vectors.compose([sought[i] for i in composed.tolist()])
    composed, parts = composed[made], parts[torch.from_numpy(made)]
    codes[composed] = _CODE["n-grams"]
    padding = [] if pad_token is None else [i for i, token in enumerate(itos) if token == pad_token]
    codes[[i for i in padding if codes[i] == _CODE["missing"]]] = _CODE["padding"]

    matrix = torch.zeros(len(itos), vectors.dim)
    found = np.isin(codes, [_CODE[how] for how in _FOUND]).nonzero()[0]
    if vectors.has_rule:
        values = _by_rule(vectors, [sought[i] for i in found.tolist()])
    else:
        found = found[rows[found] >= 0]
        values = vectors.gather(rows[found], ())
        matrix[torch.from_numpy(composed)] = parts.detach().to(matrix)
    matrix[torch.from_numpy(found)] = values.detach().to(matrix)
    missing = (codes == _CODE["missing"]).nonzero()[0]
    if vectors.has_rule and unk_init is None:
        unknown = _by_rule(vectors, [sought[i] for i in missing.tolist()])
    else:
        how = vectors.unk_init if unk_init is None else unk_init
        unknown = unknown_rows(how, [itos[i] for i in missing.tolist()], vectors.mean, vectors.dim)
    matrix[torch.from_numpy(missing)] = unknown.detach().to(matrix)
    coverage = Coverage(itos=tuple(itos), codes=codes, counts=counts, running=running)
    return Alignment(matrix=matrix, coverage=coverage, padding_idx=padding[0] if padding else None)


def _tokens_of(vocab: Vocab | Sequence[str]) -> list[str]:
    """Return a vocabulary's tokens in the order of their indices."""
    tokens = vocab.get_itos() if hasattr(vocab, "get_itos") else vocab
    if isinstance(tokens, (str, Mapping)):
        cure = "Give a Vocab, or the list of its tokens in the order of their indices."
        raise TokenTypeError(f"the vocabulary is one {type(tokens).__name__}: {reprlib.repr(tokens)}. {cure}")
    itos = list(tokens)
    for index, token in enumerate(itos):
        if not isinstance(token, str):
            text = f"token {index} of the vocabulary is {type(token).__name__}, not str: {token!r}"
            raise TokenTypeError(text)
    return itos


def _find(
    itos: list[str], vectors: Vectors, lower_case_backup: bool
) -> tuple[list[str], NDArray[np.uint8], NDArray[np.int64]]:
    """Return what each token is looked up as, how it was found, and its row in the vectors, if it has one."""
    expect_vectors(vectors, "align")
    sought, rows = itos.copy(), vectors.rows_of(itos)
    codes = np.where(rows >= 0, _CODE["exact"], _CODE["missing"]).astype(np.uint8)
    left = (rows < 0).nonzero()[0]
    if lower_case_backup:
        for i in left.tolist():
            sought[i] = itos[i].lower()
        rows[left] = vectors.rows_of([sought[i] for i in left.tolist()])
        codes[left[rows[left] >= 0]] = _CODE["lower case"]
    return sought, codes, rows


def _by_rule(vectors: Vectors, tokens: list[str]) -> Tensor:
    return vectors.get_vecs_by_tokens(tokens).reshape(len(tokens), vectors.dim)
