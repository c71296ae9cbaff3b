"""torchtext's ``data.metrics``: translations and references → a BLEU score."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import torch

from torchvectors.tokenizers import ngrams

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["bleu_score"]


def bleu_score(
    candidate_corpus: Iterable[Sequence[str]],
    references_corpus: Iterable[Sequence[Sequence[str]]],
    max_n: int = 4,
    weights: Sequence[float] = [0.25] * 4,
) -> float:
    """Return the BLEU score of a corpus of translations.

    Args:
        candidate_corpus: N translations, each a sequence of tokens.
        references_corpus: For each of them one or more references, each a sequence of tokens.
        max_n: The longest n-grams that count.
        weights: ``max_n`` weights, of the 1-grams first.

    Returns:
        Between 0 and 1; 0.0 when there is no common n-gram of some length.

    Raises:
        ValueError: The corpora differ in length, there are not ``max_n`` weights, or a translation has no
            reference.

    Source: Papineni et al., https://aclanthology.org/P02-1040; the last steps are taken in float32, as in
    torchtext 0.18, so that the numbers are equal to the last bit. An n-gram is made of whole tokens here;
    torchtext cut a token that holds a space in two.

    Example:
        >>> candidates = [["My", "full", "pytorch", "test"], ["Another", "Sentence"]]
        >>> references = [[["My", "full", "pytorch", "test"], ["Completely", "Different"]], [["No", "Match"]]]
        >>> bleu_score(candidates, references)
        0.8408964276313782
    """
    candidates, references = list(candidate_corpus), list(references_corpus)
    if max_n != len(weights):
        raise ValueError(f'Length of the "weights" list has be equal to max_n: {len(weights)} and {max_n}')
    if len(candidates) != len(references):
        text = "The length of candidate and reference corpus should be the same"
        raise ValueError(f"{text}: {len(candidates)} and {len(references)}")

    common = [0] * max_n  # n-grams that a reference has too, by length
    total = [0] * max_n
    candidates_length = references_length = 0
    for i, (candidate, alternatives) in enumerate(zip(candidates, references, strict=True)):
        if not alternatives:
            raise ValueError(f"translation {i} has no reference")
        length = len(candidate)
        candidates_length += length
        references_length += min(map(len, alternatives), key=lambda other: abs(other - length))
        allowed: Counter[tuple[str, ...]] = Counter()
        for alternative in alternatives:
            allowed |= _count(alternative, max_n)
        for run, count in (_count(candidate, max_n) & allowed).items():
            common[len(run) - 1] += count
        for n in range(max_n):
            total[n] += max(length - n, 0)

    if min(common) == 0:
        return 0.0
    precisions = torch.tensor(common, dtype=torch.float32) / torch.tensor(total, dtype=torch.float32)
    logarithms = torch.tensor(weights) * torch.log(precisions)
    brevity = math.exp(min(1 - references_length / candidates_length, 0))
    # sum() of Python adds from the first to the last, which is the order that torchtext rounds in.
    return brevity * float(torch.exp(sum(logarithms, start=torch.zeros(()))))


def _count(tokens: Sequence[str], max_n: int) -> Counter[tuple[str, ...]]:
    counts: Counter[tuple[str, ...]] = Counter()
    for n in range(1, max_n + 1):
        counts.update(ngrams(tokens, n))
    return counts
