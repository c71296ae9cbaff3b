"""Text → tokens: torchtext's rules and names; other packages' tokenizers on demand.

Everything returned here can be pickled, so that a DataLoader's worker gets it under every start method.
"""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from torchvectors.errors import MissingExtraError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["SpacyTokenizer", "Tokenizer", "basic_english", "get", "ngrams", "require", "split"]

logger = logging.getLogger(__name__)

Tokenizer = Callable[[str], list[str]]


def basic_english(text: str) -> list[str]:
    """Return the words of ``text`` in lower case, with punctuation marks as tokens of their own.

    ``' . , ( ) ! ?`` become tokens, ``; :`` and ``<br />`` (in any case) separate like a space, ``"`` vanishes
    without separating (also from within ``<"br />``); the rest is split at white space.

    Source: the rules of torchtext 0.18 ``get_tokenizer("basic_english")``, token for token.
    """
    # Lower case comes first, since it looks at whole words: "ΟΔΟΣ" ends in "ς".
    text = text.lower()
    for mark, instead in _MARKS:
        if mark in text:  # most are not: to ask takes half the time of a replace() that finds nothing
            text = text.replace(mark, instead)
    return text.split()


# Measured: twice as fast as twelve regular expressions in a row on sentences, four times on short lines;
# str.translate, and one alternation, are slower. The first two have a fixed place: '"', then "<br />".
_MARKS = (
    ('"', ""),
    ("<br />", " "),
    (";", " "),
    (":", " "),
    ("'", " ' "),
    (".", " . "),
    (",", " , "),
    ("(", " ( "),
    (")", " ) "),
    ("!", " ! "),
    ("?", " ? "),
)


def split(text: str) -> list[str]:
    """Return the parts of ``text`` between white space, as they are."""
    return text.split()


def ngrams(tokens: Sequence[str], n: int) -> Iterator[tuple[str, ...]]:
    """Yield every run of ``n`` tokens, in order."""
    return zip(*(tokens[start:] for start in range(n)), strict=False)


def require(module: str, *, for_: str, install: str) -> Any:
    """Import and return an optional package.

    Args:
        module: Its dotted name.
        for_: What needs it, for the error's text.
        install: What ``pip install`` must be given.

    Raises:
        MissingExtraError: It is not installed; the text says how to get it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        name = module.partition(".")[0]
        text = f"{for_} needs the package {name}, which cannot be imported ({error}): pip install {install}"
        raise MissingExtraError(text) from error


@dataclass(frozen=True)
class SpacyTokenizer:
    """The tokenizer of a spaCy pipeline, without the rest of it.

    Pickled, it is no more than its name: each process loads the pipeline once, on first use.

    Args:
        language: A pipeline's name such as ``"en_core_web_sm"``, or a language's code such as ``"en"``.
    """

    language: str

    def __call__(self, text: str) -> list[str]:
        """Return the text of each of spaCy's tokens."""
        return [token.text for token in _spacy_pipeline(self.language).tokenizer(text)]


@cache
def _spacy_pipeline(language: str) -> Any:
    spacy = require("spacy", for_='the tokenizer "spacy"', install="spacy")
    # torchtext's default is "en", a short name that spaCy 3 knows only as a hint in its error message.
    full = getattr(spacy.errors, "OLD_MODEL_SHORTCUTS", {}).get(language, language)
    try:
        pipeline = spacy.load(full)
    except OSError as error:
        cure = f"python -m spacy download {full}"
        if full == language:
            text = f"spaCy has no pipeline named {language!r} ({error}). To install it: {cure}"
            raise NotFoundError(text) from error
        text = (
            f"spaCy's pipeline {full} is not installed: the tokenizer uses spaCy's rules for {language!r}, "
        )
        warnings.warn(f"{text}which need none. To install it: {cure}", stacklevel=3)
        return spacy.blank(language)
    logger.debug("spaCy's pipeline %s is used for %r", full, language)
    return pipeline


class _Package(NamedTuple):
    """Where a tokenizer by name comes from: a package on PyPI, a module in it, and how to get the callable."""

    package: str
    module: str
    take: Callable[[Any], Tokenizer]


# What `take` returns is picklable in each case: a function of a module, a partial of one, or a method bound
# to an object of plain data.
_PACKAGES = {
    "moses": _Package("sacremoses", "sacremoses", lambda module: module.MosesTokenizer().tokenize),
    "toktok": _Package("nltk", "nltk.tokenize.toktok", lambda module: module.ToktokTokenizer().tokenize),
    "revtok": _Package("revtok", "revtok", lambda module: module.tokenize),
    "subword": _Package("revtok", "revtok", lambda module: partial(module.tokenize, decap=True)),
}


def get(tokenizer: str | Tokenizer | None, language: str = "en") -> Tokenizer:
    """Return the function from a text to its tokens that a name stands for.

    Args:
        tokenizer: None splits at white space; ``"basic_english"`` also sets punctuation apart and lowers the
            case; ``"spacy"``, ``"moses"``, ``"toktok"``, ``"revtok"`` and ``"subword"`` (revtok with capitals
            marked) are other packages'; a callable is returned as it is.
        language: A pipeline or a language of spaCy's. ``"basic_english"`` knows ``"en"`` alone; the others
            take no notice, as in torchtext.

    Returns:
        A callable that can be pickled.

    Raises:
        MissingExtraError: An ``ImportError``: the package is not installed.
        NotFoundError: An ``OSError``: spaCy's pipeline is not installed.
        ValueError: There is no such tokenizer, or ``"basic_english"`` was asked for in another language.

    Example:
        >>> get("basic_english")("You can now install TorchText using pip!")
        ['you', 'can', 'now', 'install', 'torchtext', 'using', 'pip', '!']
    """
    if tokenizer is None:
        return split
    if callable(tokenizer):
        return tokenizer
    if tokenizer == "basic_english":
        if language != "en":
            # torchtext's words, with its slip of the pen, because programs may match them.
            text = f"Basic normalization is only available for Enlish(en), not for {language!r}"
            raise ValueError(text)
        return basic_english
    if tokenizer == "spacy":
        _spacy_pipeline(language)  # what is missing should be missed here, not in a worker
        return SpacyTokenizer(language)
    if tokenizer in _PACKAGES:
        found = _PACKAGES[tokenizer]
        module = require(found.module, for_=f'the tokenizer "{tokenizer}"', install=found.package)
        return found.take(module)
    names = ", ".join(f'"{name}"' for name in ("basic_english", "spacy", *_PACKAGES))
    text = f"Requested tokenizer {tokenizer!r}, valid choices are {names}, None, or a callable that takes a string"
    raise ValueError(text)
