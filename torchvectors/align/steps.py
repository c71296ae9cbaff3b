"""What a caller says of a chain → its steps: how a token is respelled, and what the coverage calls that."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from torchvectors.errors import TokenTypeError

__all__ = ["CHOSEN", "MISSING", "OUTSIDE", "PADDING", "Digits", "Step", "Way", "known_as", "ways_of"]

# What the coverage calls rows that no step has found, and running tokens that the vocabulary has not.
MISSING, CHOSEN, PADDING, OUTSIDE = "missing", "chosen", "padding", "outside"
_TAKEN = (
    MISSING,
    CHOSEN,
    PADDING,
    OUTSIDE,
    "tokens",
    "of_tokens",
    "of_text",
)  # the last three by its figures

_EXACT, _NGRAMS = "exact", "n-grams"
_Form = Literal["NFC", "NFD", "NFKC", "NFKD"]
_FORMS: tuple[_Form, ...] = ("NFC", "NFD", "NFKC", "NFKD")

Spelling = Callable[[str], str]
Part = Literal["exact", "lower case", "NFC", "NFD", "NFKC", "NFKD", "n-grams"] | Spelling
Step = Part | Sequence[Part]
"""One step of the chain by which a token comes by its row:

- ``"exact"``: the row of the token itself;
- ``"lower case"``: of ``token.lower()``;
- ``"NFC"``, ``"NFD"``, ``"NFKC"``, ``"NFKD"``: of that Unicode normal form;
- `Digits`: of the token with other digits;
- a callable, ``str`` in and ``str`` out, which a graph can pickle: of what it returns;
- ``"n-grams"``: what the vectors make of the token's parts, where they can (`Vectors.compose`);
- several of these in a tuple: one after the other, then one look-up. ``"n-grams"`` can only be the last.
"""


@dataclass(frozen=True, slots=True)
class Digits:
    """A step that writes another character for each digit 0 to 9, as many published vectors did in their corpus.

    ``Digits("#", least=2)`` is what word2vec's GoogleNews did: "15.80" is "##.##" there, and "7" is "7".
    ``Digits("0")`` is usual in tagging, from Collobert et al. 2011 on. GloVe's and fastText's own vectors keep
    their digits. Digits of other scripts stay as they are: put ``"NFKC"`` before it for the wide ones.

    Args:
        to: What is written for each digit.
        least: The shortest run of digits that is rewritten.
    """

    to: str = "0"
    least: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.to, str):
            raise TypeError(f'to={self.to!r}: give what is written for each digit, such as "0" or "#".')
        if self.least < 1:
            raise ValueError(f"least={self.least}: the shortest run of digits has 1.")

    def __call__(self, token: str) -> str:
        """Return the token with other digits."""
        return re.sub(f"[0-9]{{{self.least},}}", lambda run: self.to * len(run[0]), token)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One step, ready to be taken."""

    name: str  # by which the coverage records it
    text: str  # by which the policy's fingerprint knows it
    spellings: tuple[Spelling, ...] = ()  # applied one after the other
    composes: bool = False  # whether the vectors are asked for the token's parts, and not for its row

    def spell(self, token: str) -> str:
        """Return what is looked up for a token.

        Raises:
            TokenTypeError: A callable returned something that is not a ``str``.
        """
        spelled = token
        for spelling in self.spellings:
            spelled = spelling(spelled)
            if not isinstance(spelled, str):
                made = f"{type(spelled).__name__}, not str: {spelled!r}"
                raise TokenTypeError(f"align: the step {self.name!r} made of {token!r} {made}")
        return spelled


def ways_of(steps: Sequence[Step]) -> tuple[Way, ...]:
    """Return the steps of a chain, ready to be taken.

    Raises:
        TypeError: ``steps`` is no sequence, or holds what is no step.
        ValueError: Two steps have one name; or "exact" or "n-grams" stands where it cannot.
    """
    if isinstance(steps, str) or not isinstance(steps, Sequence):
        raise TypeError(f'steps={steps!r}: give several, in their order, such as ["exact", "lower case"].')
    ways = tuple(_way(step) for step in steps)
    names = [way.name for way in ways]
    for name in names:
        if names.count(name) > 1 or name in _TAKEN:
            cure = "The coverage needs a name for each: give a function of that name another."
            raise ValueError(f"steps: {name!r} is the name of two, or has another meaning. {cure}")
    return ways


def _way(step: Step) -> Way:
    one = isinstance(step, str) or not isinstance(step, Sequence)
    parts: tuple[Part, ...] = (step,) if one else tuple(step)  # type: ignore[assignment, arg-type]
    composes = bool(parts) and parts[-1] == _NGRAMS
    spelled = parts[:-1] if composes else parts
    if _NGRAMS in spelled or (_EXACT in spelled and len(parts) > 1) or not parts:
        cure = '"exact" stands alone, and "n-grams" at the end.'
        raise ValueError(f"steps: {step!r} cannot be done one after the other. {cure}")
    return Way(
        name=", ".join(map(_called, parts)),
        text=", ".join(map(known_as, parts)),
        spellings=tuple(_spelling(part) for part in spelled if part != _EXACT),
        composes=composes,
    )


def _spelling(part: Part) -> Spelling:
    if callable(part):
        return part
    if part == "lower case":
        return str.lower
    for form in _FORMS:
        if part == form:
            return functools.partial(unicodedata.normalize, form)
    choices = ", ".join(map(repr, (_EXACT, "lower case", *_FORMS, _NGRAMS)))
    raise TypeError(
        f"steps: {part!r} is no step. Give {choices}, Digits(…), or a callable, str in and str out."
    )


def _called(part: Part) -> str:
    """Return what the coverage calls a part of a step."""
    if isinstance(part, Digits):
        return f"digits as {part.to}" + (f" from {part.least}" if part.least > 1 else "")
    if isinstance(part, functools.partial):
        return _called(part.func)
    return part if isinstance(part, str) else getattr(part, "__name__", type(part).__name__)


def known_as(what: object) -> str:
    """Return a text for a choice that is the same in every process: of plain data all, of a callable its name."""
    if isinstance(what, str):
        return what
    if isinstance(what, functools.partial):  # its repr may hold an address
        return f"partial of {known_as(what.func)}"
    if hasattr(what, "__dataclass_fields__") and not isinstance(what, type):
        return repr(what)
    name = getattr(what, "__qualname__", type(what).__qualname__)
    # What is written in C, such as str.upper, has no module.
    return ".".join(filter(None, (getattr(what, "__module__", None), name)))
