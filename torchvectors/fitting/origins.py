"""What a user gives for a vocabulary → the vocabulary that a stage goes by."""

from __future__ import annotations

import json
import os
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from torchvectors.errors import GraphError, NotFoundError, ParseError, VocabError
from torchvectors.fitting.given import Given
from torchvectors.fitting.settings import PADDING, UNKNOWN, HasVocab
from torchvectors.fitting.upstream import named
from torchvectors.legacy import read_vocab
from torchvectors.vectors import Vectors
from torchvectors.vocabulary import Vocab
from torchvectors.vocabulary.text import read_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["VocabOrigin", "given_vocab"]

VocabOrigin = HasVocab | Vectors | str | os.PathLike[str]

# They begin what torch.save writes, and what pickle writes and torch.save before 1.6; no text in UTF-8 does.
_ZIP, _PICKLE = b"PK\x03\x04", b"\x80"


def given_vocab(origin: VocabOrigin, specials: Sequence[str] | None, max_tokens: int | None) -> Given:
    """Return the vocabulary that `UseVocab` was given: its text says what may be given.

    Raises:
        GraphError: It is nothing of that; or ``specials`` or ``max_tokens`` were given for what is a vocabulary
            already.
        NotFoundError: There is no such file.
        ParseError, VocabError, TokenTypeError: It cannot be read, or makes no vocabulary.
    """
    if isinstance(origin, Vectors):
        return Given(_made(origin.itos, (PADDING, UNKNOWN) if specials is None else specials, max_tokens))
    if isinstance(origin, (str, os.PathLike)) and not _is_saved(path := Path(origin)):
        return Given(_made(read_tokens(path), specials or (), max_tokens))
    if specials is not None or max_tokens is not None:
        text = f"use_vocab: {origin!r:.100} is a vocabulary already, and is taken as it is."
        raise GraphError(f"{text} specials= and max_tokens= are for vectors and for text files.")
    if isinstance(origin, (str, os.PathLike)):
        return Given(_read(Path(origin)))
    return Given(origin if isinstance(origin, Vocab) else named(origin, "use_vocab"))


@dataclass(frozen=True, slots=True)
class _Tokens:
    itos: Sequence[str]


def _made(itos: Sequence[str], specials: Sequence[str], max_tokens: int | None) -> Vocab:
    made = Vocab.from_vectors(_Tokens(itos), specials, default=None, max_tokens=max_tokens)
    if UNKNOWN in made:
        made.set_default_index(made[UNKNOWN])
    return made


def _is_saved(path: Path) -> bool:
    """Say whether a file is a saved `Vocab` or `Vocab.state`, and no text file of tokens."""
    try:
        start = _start_of(path)
    except FileNotFoundError as error:
        cure = "For the vocabulary of vectors give the vectors themselves, such as GloVe(…)."
        raise NotFoundError(f"use_vocab: there is no file {os.fspath(path)!r}. {cure}") from error
    return path.suffix == ".json" or start.startswith((_ZIP, _PICKLE))


def _start_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4)


def _read(path: Path) -> Vocab:
    """Read a saved vocabulary: ours, as JSON or by torch.save, or torchtext's. Nothing in the file is run."""
    try:
        if path.suffix == ".json":
            saved = json.loads(path.read_bytes())
        elif _start_of(path) == _ZIP:
            saved = torch.load(path, map_location="cpu", weights_only=True)
        else:
            return read_vocab(path)
        return saved if isinstance(saved, Vocab) else Vocab.from_state(saved)
    except json.JSONDecodeError as error:
        raise ParseError(f"{path}:{error.lineno}: this is no JSON ({error.msg}).") from error
    except VocabError as error:
        raise VocabError(f"{path}: {error}") from error
    except (pickle.UnpicklingError, RuntimeError, EOFError):
        return read_vocab(path)  # torchtext's; or its error says what the file is not
