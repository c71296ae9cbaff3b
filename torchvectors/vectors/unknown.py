"""Tokens without a vector → their rows, by the caller's choice."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Normal", "UnkInit", "unknown_rows"]

_MASK = (1 << 64) - 1
_NAMED = ("zeros", "mean", "subword")
_CHUNK = 4096  # tokens drawn at a time, so that memory stays small however many there are


@dataclass(frozen=True, slots=True, kw_only=True)
class Normal:
    """Normal noise that depends on the token and ``seed`` alone.

    A token gets the same row in every process, order and run, and no random state of torch or numpy is touched.
    (To the last bit on one platform; on another, its ``log`` and ``cos`` may round a rare number otherwise.)

    Args:
        std: Standard deviation. GloVe's own numbers have about 0.4 (dims 50 to 300); 0.6 is often copied.
        mean: Mean.
        seed: Another seed gives other rows.

    Source: SplitMix64 (Steele, Lea and Flood 2014) over the token's XXH3-64, then Box and Muller 1958.
    """

    std: float = 0.6
    mean: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.std < math.inf:
            raise ValueError(f"std={self.std}: a standard deviation is a number from 0 up.")

    def rows(self, tokens: Sequence[str], dim: int) -> Tensor:
        """Return the rows of n tokens: float32 (n, dim)."""
        rows = np.empty((len(tokens), dim), np.float32)
        for start in range(0, len(tokens), _CHUNK):
            chunk = tokens[start : start + _CHUNK]
            rows[start : start + len(chunk)] = self._draw(chunk, dim)
        return torch.from_numpy(rows)

    def _draw(self, tokens: Sequence[str], dim: int) -> NDArray[np.float64]:
        from xxhash import xxh3_64_intdigest

        keys = (
            xxh3_64_intdigest(token.encode("utf-8", "surrogatepass"), self.seed & _MASK) for token in tokens
        )
        key = np.fromiter(keys, np.uint64, len(tokens))[:, None]
        # Two arrays, each in one piece: numpy may take the logarithm of scattered numbers by another road, and
        # a row must not depend on what it was drawn with.
        pairs = (dim + 1) // 2
        radius = np.sqrt(-2 * np.log(_uniform(key, 1, pairs)))
        angle = 2 * np.pi * _uniform(key, 1 + pairs, pairs)
        drawn = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1)[:, :dim]
        return drawn * self.std + self.mean

    def __call__(self, tensor: Tensor) -> Tensor:
        """Fill a tensor in place, as torchtext's ``unk_init`` does; the empty token's noise, since none is given."""
        return tensor.copy_(self.rows([""], tensor.numel()).view_as(tensor))


def _uniform(key: NDArray[np.uint64], first: int, count: int) -> NDArray[np.float64]:
    """Return SplitMix64's numbers ``first`` to ``first + count - 1`` for each of n keys, in (0, 1]: (n, count)."""
    state = key + np.arange(first, first + count, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    state ^= state >> np.uint64(31)
    # 53 bits, and 1 more, for the logarithm of 0 would be infinite.
    uniform: NDArray[np.float64] = ((state >> np.uint64(11)).astype(np.float64) + 1) * 2.0**-53
    return uniform


UnkInit = Literal["zeros", "mean", "subword"] | Normal | Callable[[Tensor], Tensor]
"""What tokens without a vector get: zeros; the mean of all rows; the mean of their n-grams, where the vectors have
some, and zeros where none is known; `Normal` noise of their own; or what a callable makes of a zeroed tensor (dim,),
in place or anew, called once for each token (torchtext's ``unk_init``)."""


def checked_unk_init(how: UnkInit) -> UnkInit:
    """Return a choice that `unknown_rows` takes.

    Raises:
        TypeError: It takes no such thing.
    """
    if (isinstance(how, str) and how in _NAMED) or callable(how):  # a Normal is callable, too
        return how
    raise TypeError(
        f'unk_init={how!r}: give "zeros", "mean", "subword", Normal(std=…, seed=…) or a callable.'
    )


def unknown_rows(how: UnkInit, tokens: Sequence[str], mean: Callable[[], Tensor], dim: int) -> Tensor:
    """Return the rows of n tokens that have no vector, and of which none can be composed: (n, dim).

    Args:
        how: The choice.
        tokens: The tokens.
        mean: Gives the mean of all rows, (dim,); called only if it is needed.
        dim: Numbers per token.

    Raises:
        TypeError: ``how`` is none of these.
        ValueError: A callable gave another shape.
    """
    if how == "zeros" or how == "subword" or how is torch.Tensor.zero_:
        return torch.zeros(len(tokens), dim)
    if how == "mean":
        return mean().expand(len(tokens), dim).clone()
    if isinstance(how, Normal):
        return how.rows(tokens, dim)
    checked_unk_init(how)
    rows = [how(torch.zeros(dim)) for _ in tokens]
    for row in rows:
        if not isinstance(row, Tensor) or row.shape != (dim,):
            said = tuple(row.shape) if isinstance(row, Tensor) else type(row).__name__
            raise ValueError(f"unk_init={how!r} gave {said}; it must return a tensor of shape ({dim},).")
    return torch.stack(rows) if rows else torch.zeros(0, dim)
