"""A vocabulary and vectors → a matrix whose row i belongs to the vocabulary's token i, and what was found how."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
import torch

from torchvectors.align.alignment import Alignment
from torchvectors.align.coverage import Coverage
from torchvectors.align.fingerprint import fingerprint_for
from torchvectors.align.policy import Choice, Policy, Unknown, policy_for
from torchvectors.align.steps import CHOSEN, MISSING, PADDING
from torchvectors.errors import TokenTypeError, VocabError
from torchvectors.vectors import unknown_rows
from torchvectors.vectors.keep import numbers, room
from torchvectors.vocabulary import Vocab

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from torchvectors.align.steps import Step
    from torchvectors.vectors import Vectors

__all__ = ["align", "align_by"]

_NUMBERS = 1 << 17  # looked up at a time: half a megabyte


def align(
    vocab: Vocab | Sequence[str],
    vectors: Vectors,
    *,
    steps: Sequence[Step] | None = None,
    unk_init: Unknown = None,
    rows: Mapping[str, Choice] | None = None,
    lower_case_backup: bool = False,
    pad_token: str | None = "<pad>",
    counts: Mapping[str, int] | None = None,
    running: int | None = None,
) -> Alignment:
    """Look up every token of a vocabulary, each once.

    Args:
        vocab: V tokens: a `Vocab`, anything else with ``get_itos()``, or the tokens themselves.
        vectors: Where to look.
        steps: How a token comes by its row, in this order; the first step that has one wins: see `Step`. None:
            as it is, and then, of vectors that can, from its n-grams.
        unk_init: What tokens get that no step has found (`UnkInit`): "zeros", "mean",
            ``Normal(std=0.6, seed=0)``, or a callable. "subword": what the vectors make of the token's parts, and
            failing that what they give. None: what ``vectors`` give to the token, as the last step spells it.
        rows: Token → its row, whatever ``vectors`` have for it: a tensor (dim,), or one of the above but
            "subword". The padding token's row, too, is zeros unless it is given here.
        lower_case_backup: torchtext's word for the steps "exact" and "lower case" (and n-grams of the latter).
        pad_token: The token whose row is all zeros, whatever ``unk_init`` says, unless ``vectors`` have a row for it
            or ``rows`` give it one; it is not made of n-grams, and need not be in the vocabulary. None: there is no
            such token.
        counts: How often each token occurs in the corpus, for the coverage.
        running: How many tokens the corpus has in all, where ``counts`` hold only a vocabulary's. None: their sum.

    Returns:
        The matrix, float32 (V, dim), of which row i belongs to ``vocab.get_itos()[i]``, and its coverage. Nothing
        of it is shared with ``vectors``. If ``vectors`` are of a subclass that overrides ``__getitem__``, the rows
        are what that gives; ``unk_init`` then counts for the tokens that neither have a row nor are composed.

    Raises:
        TokenTypeError: A token is not a ``str``; or ``vocab`` is one ``str``, or a mapping, whose order need not
            be that of its indices; or a callable among the steps returned something else.
        VocabError: ``rows`` name a token that is not in the vocabulary.
        TypeError, ValueError: An argument is none of what it may be; n-grams are asked of vectors that have none.
    """
    policy = policy_for(
        vectors,
        steps=steps,
        unk_init=unk_init,
        rows=rows,
        lower_case_backup=lower_case_backup,
        pad_token=pad_token,
    )
    return align_by(policy, vocab, counts=counts, running=running)


def align_by(
    policy: Policy, vocab: Vocab | Sequence[str], *, counts: Mapping[str, int] | None, running: int | None
) -> Alignment:
    """Do what `align` does, by a policy that was checked before."""
    itos, vectors = _tokens_of(vocab), policy.vectors
    ways = (*(way.name for way in policy.ways), MISSING, CHOSEN, PADDING)
    result = room(len(itos), vectors.dim)
    matrix = (
        result.numpy()
    )  # which is written to by this thread alone: torch's wait for each other on a busy machine
    sought, codes, rows = _find(itos, policy, matrix)
    padding = _places(policy.pad_token, itos)
    codes[[i for i in padding if codes[i] == ways.index(MISSING)]] = ways.index(PADDING)
    chosen = _indices_of(policy.rows, itos)
    codes[[i for indices in chosen.values() for i in indices]] = ways.index(CHOSEN)

    if vectors.has_rule:
        found = (rows >= 0).nonzero()[0]
        _put(matrix, found, _by_rule(vectors, sought, found))
    else:
        _gather(matrix, rows, vectors)
    matrix[codes == ways.index(PADDING)] = 0
    missing = (codes == ways.index(MISSING)).nonzero()[0]
    if vectors.has_rule and policy.unk_init is None:
        unknown = _by_rule(vectors, sought, missing)
    else:
        how = vectors.unk_init if policy.unk_init is None else policy.unk_init
        unknown = unknown_rows(how, [itos[i] for i in missing.tolist()], vectors.mean, vectors.dim)
    _put(matrix, missing, unknown)
    for token, indices in chosen.items():
        matrix[indices] = numbers(policy.row(token))
    return Alignment(
        matrix=result,
        coverage=Coverage(itos=tuple(itos), ways=ways, codes=codes, counts=counts, running=running),
        padding_idx=padding[0] if padding else None,
        policy=policy.text,
        fingerprint=fingerprint_for(itos, policy),
    )


def _tokens_of(vocab: Vocab | Sequence[str]) -> list[str]:
    """Return a vocabulary's tokens in the order of their indices."""
    if type(vocab) is Vocab:  # whose tokens are str, and the list a new one
        return vocab.get_itos()
    tokens = vocab.get_itos() if hasattr(vocab, "get_itos") else vocab
    if isinstance(tokens, (str, Mapping)):
        cure = "Give a Vocab, or the list of its tokens in the order of their indices."
        raise TokenTypeError(f"the vocabulary is one {type(tokens).__name__}: {reprlib.repr(tokens)}. {cure}")
    itos = list(tokens)
    for index, token in enumerate(() if set(map(type, itos)) <= {str} else itos):
        if not isinstance(token, str):
            text = f"token {index} of the vocabulary is {type(token).__name__}, not str: {token!r}"
            raise TokenTypeError(text)
    return itos


def _find(
    itos: list[str], policy: Policy, matrix: NDArray[np.float32]
) -> tuple[list[str], NDArray[np.uint8], NDArray[np.int64]]:
    """Return what each token was last looked up as, the step that found it, and its row, or -1.

    What has no row and is made of n-grams goes into the matrix at once.
    """
    vectors, missing = policy.vectors, len(policy.ways)
    sought, rows = itos, np.full(len(itos), -1, np.int64)
    codes = np.full(len(itos), missing, np.uint8)
    for code, way in enumerate(policy.ways):
        left = (codes == missing).nonzero()[0]
        if way.composes:  # the letters of a padding token say nothing
            left = left[[itos[i] != policy.pad_token for i in left.tolist()]]
        spelled = itos if len(left) == len(itos) else [itos[i] for i in left.tolist()]
        if way.spellings:
            spelled = [way.spell(token) for token in spelled]
        sought = spelled if len(left) == len(itos) else _with(sought, left, spelled)
        if way.composes:
            made, parts = _compose(vectors, spelled)
            codes[left[made]] = code
            _put(matrix, left[made], parts)
        else:
            rows[left] = vectors.rows_of(spelled)
            codes[left[rows[left] >= 0]] = code
    return sought, codes, rows


def _with(tokens: list[str], indices: NDArray[np.int64], others: list[str]) -> list[str]:
    """Return the tokens, with others at these indices."""
    changed = tokens.copy()
    for i, token in zip(indices.tolist(), others, strict=True):
        changed[i] = token
    return changed


def _places(token: str | None, itos: list[str]) -> list[int]:
    """Return the indices of a token: a list of tokens may hold one twice."""
    found: list[int] = []
    with suppress(ValueError):  # there are no more
        while token is not None:
            found.append(itos.index(token, found[-1] + 1 if found else 0))
    return found


def _indices_of(tokens: Mapping[str, object], itos: list[str]) -> dict[str, list[int]]:
    """Return where each of some tokens stands in the vocabulary."""
    places: dict[str, list[int]] = {token: [] for token in tokens}
    for index, token in enumerate(itos if places else ()):
        if token in places:
            places[token].append(index)
    for token, indices in places.items():
        if not indices:
            cure = "Put it among the specials, or leave its row out."
            raise VocabError(f"rows: {token!r} is not in this vocabulary of {len(itos)} tokens. {cure}")
    return places


def _compose(vectors: Vectors, tokens: list[str]) -> tuple[NDArray[np.bool_], Tensor]:
    """Return which of n tokens are made of known n-grams, bool (n,), and the rows of these."""
    made, parts = vectors.compose(tokens)
    # A subclass may have a rule of its own for these, too.
    return made, _by_rule(vectors, tokens, made.nonzero()[0]) if vectors.has_rule else parts[
        torch.from_numpy(made)
    ]


def _by_rule(vectors: Vectors, sought: list[str], indices: NDArray[np.int64]) -> Tensor:
    tokens = [sought[i] for i in indices.tolist()]
    return vectors.get_vecs_by_tokens(tokens).reshape(len(tokens), vectors.dim)


def _gather(matrix: NDArray[np.float32], rows: NDArray[np.int64], vectors: Vectors) -> None:
    """Put the rows that were found where they belong: so many at a time that a copy of them stays in a core's cache."""
    size = max(_NUMBERS // vectors.dim, 1)
    for start in range(0, len(rows), size):
        own, part = rows[start : start + size], matrix[start : start + size]
        if (own >= 0).all():
            part[:] = vectors.take(own)
        else:
            found = (own >= 0).nonzero()[0]
            part[found] = vectors.take(own[found])


def _put(matrix: NDArray[np.float32], indices: NDArray[np.int64], values: Tensor) -> None:
    matrix[indices] = numbers(values)
