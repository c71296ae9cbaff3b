"""What a caller asks of `align` → a `Policy`: checked before anything is looked up, and spelled out as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from xxhash import xxh3_128_hexdigest

from torchvectors.align.steps import Step, Way, known_as, ways_of
from torchvectors.errors import TokenTypeError
from torchvectors.vectors import UnkInit, Vectors, expect_vectors, unknown_rows
from torchvectors.vectors.unknown import checked_unk_init

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Choice", "Policy", "Unknown", "policy_for"]

Unknown = UnkInit | None
"""What tokens without a vector get; None: what the vectors themselves give them."""

Choice = UnkInit | Tensor
"""The row of one token, chosen by the caller: a tensor (dim,), or what `UnkInit` says."""

_VERSION = 1  # of the policy's text
_ONCE_LOWER = Way(name="n-grams", text="lower case, n-grams", spellings=(str.lower,), composes=True)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Policy:
    """How tokens come by their rows: all that `align` needs besides the vocabulary."""

    vectors: Vectors
    ways: tuple[Way, ...]
    unk_init: UnkInit | None  # of tokens that no step has found; None: what the vectors give them
    rows: Mapping[str, Choice]  # token → its row, whatever the steps would find
    pad_token: str | None

    @property
    def text(self) -> str:
        """The policy in words that are the same in every process and release; a callable is known by its name."""
        lines = [f"policy {_VERSION}", *(f"step: {way.text}" for way in self.ways)]
        lines.append(f"unknown: {self._unknown()}")
        lines += [f"row of {token!r}: {_choice(row)}" for token, row in sorted(self.rows.items())]
        lines.append(f"padding: {self.pad_token!r}")
        return "\n".join(lines)

    def _unknown(self) -> str:
        if self.unk_init is None and self.vectors.has_rule:
            return f"the rule of {type(self.vectors).__qualname__}, and {_choice(self.vectors.unk_init)}"
        return _choice(self.vectors.unk_init if self.unk_init is None else self.unk_init)

    def row(self, token: str) -> Tensor:
        """Return the row that the caller has chosen for a token: (dim,)."""
        choice = self.rows[token]
        if isinstance(choice, Tensor):
            return choice.detach()
        return unknown_rows(choice, [token], self.vectors.mean, self.vectors.dim)[0]


def policy_for(
    vectors: Vectors,
    *,
    stage: str = "align",
    steps: Sequence[Step] | None = None,
    unk_init: Unknown = None,
    rows: Mapping[str, Choice] | None = None,
    lower_case_backup: bool = False,
    pad_token: str | None = "<pad>",
) -> Policy:
    """Check what a caller asks for: `torchvectors.align` has the arguments.

    Raises:
        TypeError: ``vectors`` are none; or a step, a choice or ``rows`` is none of what it may be.
        ValueError: ``steps`` and ``lower_case_backup`` are both given; n-grams are asked of vectors that have none;
            or a chosen row is of another shape.
        TokenTypeError: A key of ``rows`` is not a ``str``.
    """
    expect_vectors(vectors, stage)
    ways = _ways(vectors, steps, lower_case_backup)
    asked = isinstance(unk_init, str) and unk_init == "subword"
    if asked and not any(way.composes for way in ways):
        ways += ways_of(["n-grams"])
    if any(way.composes for way in ways) and not vectors.can_compose:
        said = 'unk_init="subword"' if asked else 'the step "n-grams"'
        cure = "fastText's .bin models and CharNGram have them; for these choose zeros, the mean or Normal()."
        raise ValueError(
            f"{stage}: {said} needs vectors that know parts of words; {vectors!r} do not. {cure}"
        )
    return Policy(
        vectors=vectors,
        ways=ways,
        # "subword" is one of the steps by now, and what no step finds is left to the vectors.
        unk_init=None if unk_init is None or asked else checked_unk_init(unk_init),
        rows=_checked_rows(rows or {}, vectors.dim, stage),
        pad_token=pad_token,
    )


def _ways(vectors: Vectors, steps: Sequence[Step] | None, lower_case_backup: bool) -> tuple[Way, ...]:
    if steps is not None:
        if lower_case_backup:
            cure = 'The first already says it all: put "lower case" among its steps.'
            raise ValueError(f"give steps= or lower_case_backup=, not both. {cure}")
        return ways_of(steps)
    if not lower_case_backup:
        return ways_of(["exact", "n-grams"] if vectors.composes else ["exact"])
    ways = ways_of(["exact", "lower case"])
    return (*ways, _ONCE_LOWER) if vectors.composes else ways


def _checked_rows(rows: Mapping[str, Choice], dim: int, stage: str) -> Mapping[str, Choice]:
    if not isinstance(rows, Mapping):
        raise TypeError(
            f'{stage}: rows={rows!r:.80}: give a dict of token → row, such as {{"<unk>": "mean"}}.'
        )
    for token, choice in rows.items():
        if not isinstance(token, str):
            raise TokenTypeError(f"{stage}: a key of rows= is {type(token).__name__}, not str: {token!r}")
        if isinstance(choice, Tensor):
            if choice.shape != (dim,):
                shape = tuple(choice.shape)
                raise ValueError(f"{stage}: the row of {token!r} has shape {shape}; it needs ({dim},).")
        elif not callable(choice) and choice not in ("zeros", "mean"):
            cure = 'Give a tensor, "zeros", "mean", Normal(std=…, seed=…) or a callable.'
            raise TypeError(f"{stage}: the row of {token!r} is {choice!r:.80}. {cure}")
    # Copies, for a stage looks its rows up later, when the caller may have changed them.
    return {t: row.detach().clone() if isinstance(row, Tensor) else row for t, row in rows.items()}


def _choice(choice: Choice) -> str:
    if isinstance(choice, Tensor):
        numbers = choice.detach().to("cpu", torch.float32).contiguous().numpy()
        return f"xxh3_128:{xxh3_128_hexdigest(numbers.data)}"
    return "zeros" if choice is torch.Tensor.zero_ else known_as(choice)
