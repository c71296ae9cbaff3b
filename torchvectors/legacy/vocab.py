"""A ``Vocab`` that torchtext saved → a `Vocab` of ours; the same, written anew in a form that is safe to load.

What torchtext 0.10 to 0.18 wrote for ``torch.save(vocab, "v.pth")`` or ``pickle.dump``: an object of the class
``torchtext.vocab.vocab.Vocab`` (in 0.10 ``torchtext.vocab.Vocab``), a module whose attribute ``vocab`` is an object
of the C++ class ``torchtext._torchtext.Vocab``. The latter's state is the tuple ``(version, integers, strings,
tensors)``: "0.0.2"; the default index, or nothing; the tokens in order; nothing.

This is known from torchtext's sources (``csrc/vocab.cpp``, ``csrc/register_pybindings.cpp``, ``vocab/vocab.py``), from
the wheels of 0.10, 0.11, 0.12 and 0.18, which all have version "0.0.2" in them, and from the pickles of a C++ class
that was registered with pybind11 in the same way. torchtext itself was not run for it.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from torchvectors.archive import open_member
from torchvectors.cache import replacing
from torchvectors.errors import ArchiveError, ParseError, VocabError
from torchvectors.formats.symbols import BrokenPickleError, Made, Name, read_symbols
from torchvectors.vocabulary import Vocab

if TYPE_CHECKING:
    import os

__all__ = ["migrate_vocab", "read_vocab"]

_MODULES = (Name("torchtext.vocab.vocab", "Vocab"), Name("torchtext.vocab", "Vocab"))
_CORE = Name("torchtext._torchtext", "Vocab")
_VERSION = "0.0.2"
_OLD_MAGIC = 0x1950A86A20F9469CFC6C  # begins what torch before 1.6 saved: this, two more pickles, the object


def read_vocab(path: str | os.PathLike[str]) -> Vocab:
    """Read a vocabulary that torchtext saved with ``torch.save`` or ``pickle.dump``. Nothing in the file is run.

    Raises:
        ParseError: The file is damaged, or holds anything else than one ``Vocab`` of torchtext 0.10 to 0.18.
        FileNotFoundError: There is no such file.
    """
    place = Path(path)
    try:
        state = _state_of(_first_object(place))
        return _vocab_of(state)
    except (BrokenPickleError, ArchiveError, VocabError) as error:
        reason = str(error).rstrip(".")
        raise ParseError(
            f"{place}: this is no vocabulary that torchtext 0.10 to 0.18 saved: {reason}."
        ) from error


def migrate_vocab(path: str | os.PathLike[str], target: str | os.PathLike[str]) -> Path:
    """Write a vocabulary that torchtext saved anew, as `Vocab.state`; the target appears whole or not at all.

    ``Vocab.from_state(torch.load(target))`` reads it, with torch's safe defaults; the file holds a dict of plain
    types.

    Args:
        path: What torchtext saved.
        target: The new file, which may be ``path`` itself; a file of this name is replaced.

    Returns:
        The target.

    Raises:
        ParseError, FileNotFoundError: `read_vocab` says when. Nothing was written.
        CacheError: The target's folder cannot be written.
    """
    vocab, final = read_vocab(path), Path(target)
    with replacing(final) as temporary:
        torch.save(vocab.state(), temporary)
    return final


def _first_object(path: Path) -> object:
    with open_member(path, "data.pkl") as stream:
        file = BytesIO(b"".join(iter(lambda: stream.read(1 << 20), b"")))
    first = read_symbols(file)
    if first != _OLD_MAGIC:
        return first
    read_symbols(file), read_symbols(file)  # a version, and what the machine was like
    return read_symbols(file)


def _state_of(saved: object) -> object:
    """Return the state of the C++ object within a saved Vocab, or of that object saved alone."""
    core = saved
    if isinstance(saved, Made) and saved.maker in _MODULES:
        core = saved.state.get("vocab") if isinstance(saved.state, dict) else None
    if isinstance(core, Made) and core.maker == _CORE:
        return core.state
    if isinstance(saved, dict) and saved.get("format") == "torchvectors.vocab":
        cure = "torchvectors.Vocab.from_state(torch.load(path)) reads it"
        raise BrokenPickleError(f"it is one of this package already, and {cure}")
    raise BrokenPickleError(
        f"it holds {_said(saved)}. Save the Vocab alone, and read the rest with torch.load"
    )


def _vocab_of(state: object) -> Vocab:
    match state:
        case (str(version), [*integers], [*tokens], []):
            pass
        case _:
            raise BrokenPickleError("its state has another form than torchtext's")
    if version != _VERSION:
        raise BrokenPickleError(f"its version is {version[:20]!r}, and {_VERSION!r} is known here")
    numbers = [one for one in integers if type(one) is int]
    texts = [one for one in tokens if type(one) is str]
    if len(numbers) != len(integers) or len(numbers) > 1:
        raise BrokenPickleError("its default index is no number")
    if len(texts) != len(tokens):
        raise BrokenPickleError("its tokens are not all text")
    return Vocab(texts, *numbers)


def _said(saved: object) -> str:
    """Say what a file holds, in few words."""
    name = saved.maker if isinstance(saved, Made) else saved
    if isinstance(name, Name):
        path = f"{name.module[:60]}.{name.name[:60]}"
        return f"what {path} makes" if isinstance(saved, Made) else f"the name {path} and no object"
    return "an object without a name" if isinstance(saved, Made) else f"a {type(saved).__name__}"
