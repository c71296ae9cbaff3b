"""Every error that this package raises on purpose.

Each derives from `TorchVectorsError` and also from the built-in type that a program written for torchtext
catches, so that its ``except`` clauses go on working::

    TorchVectorsError
    ├── UnknownNameError      KeyError, ValueError       no such vectors, language or split
    │   ├── UnknownTokenError                            no token of this name, where one is needed
    │   └── UnknownSplitError     TypeError              a data set has no split of this name
    ├── UnknownDimError       ValueError, RuntimeError   these vectors do not come in that dim
    ├── NotFoundError         RuntimeError, FileNotFoundError   no file, and nowhere to get it from
    ├── DownloadError         RuntimeError, OSError      no URL gave the file
    │   └── OfflineError                                 a download is needed and forbidden
    ├── DigestError           ValueError, RuntimeError   the bytes are not the promised ones
    ├── ArchiveError          ValueError, RuntimeError   an archive is damaged
    │   └── MemberError                                  it is sound, and lacks the member asked for
    ├── ParseError            ValueError, RuntimeError   a vector file breaks its format's promise
    ├── FormatError           ValueError                 a format cannot hold what it is to hold
    ├── StoreError            ValueError, RuntimeError   a store is damaged or of another version
    ├── CacheError            OSError, RuntimeError      a cache folder cannot be used
    ├── VocabError            RuntimeError, ValueError   a vocabulary operation that cannot be done
    ├── TokenTypeError        TypeError                  a token is not a ``str``
    ├── CoverageError         AssertionError, ValueError   fewer tokens have a vector than were asked for
    ├── GraphError            RuntimeError, ValueError   a stage cannot do its work in this graph
    └── MissingExtraError     ImportError                an optional package is needed

An error's text carries the place, the value and the cure. A DataLoader worker re-raises ``type(error)(text)``,
so every class takes the text alone; nothing but the text is needed to understand it.
"""

import sys
import warnings

__all__ = [
    "ArchiveError",
    "CacheError",
    "CoverageError",
    "DigestError",
    "DownloadError",
    "FormatError",
    "GraphError",
    "MemberError",
    "MissingExtraError",
    "NotFoundError",
    "OfflineError",
    "ParseError",
    "StoreError",
    "TokenTypeError",
    "TorchVectorsError",
    "UnknownDimError",
    "UnknownNameError",
    "UnknownSplitError",
    "UnknownTokenError",
    "VocabError",
    "shown",
    "warn",
]


class TorchVectorsError(Exception):
    """Base of every error that this package raises on purpose."""


class UnknownNameError(TorchVectorsError, KeyError, ValueError):
    """There is nothing of this name; torchtext raised ``KeyError`` for ``GloVe("7B")``."""

    def __str__(self) -> str:
        # KeyError shows the repr of its argument, which turns a sentence into a quoted string.
        return str(self.args[0]) if self.args else ""


class UnknownTokenError(UnknownNameError):
    """A token has no vector where it takes one to go on; gensim raises ``KeyError``."""


class UnknownSplitError(UnknownNameError, TypeError):
    """A data set has no split of this name; torchtext raised ``TypeError``."""


class UnknownDimError(TorchVectorsError, ValueError, RuntimeError):
    """These vectors exist, but not in the dim asked for; torchtext raised ``RuntimeError``, after the download."""


class NotFoundError(TorchVectorsError, RuntimeError, FileNotFoundError):
    """There is no such file and no URL to get it from; torchtext raised ``RuntimeError("no vectors found at …")``."""


class DownloadError(TorchVectorsError, RuntimeError, OSError):
    """None of the URLs gave the file; torchtext raised ``urllib.error.URLError``, an ``OSError``."""


class OfflineError(DownloadError):
    """A download would be needed, and ``TORCHVECTORS_OFFLINE`` forbids it."""


class DigestError(TorchVectorsError, ValueError, RuntimeError):
    """The bytes of a file are not the ones that its publisher, or the caller, promised."""


class ArchiveError(TorchVectorsError, ValueError, RuntimeError):
    """An archive is damaged, or holds more than it may."""


class MemberError(ArchiveError):
    """An archive has no member of this name, or several."""


class ParseError(TorchVectorsError, ValueError, RuntimeError):
    """A vector file does not have the form that its format promises."""


class FormatError(TorchVectorsError, ValueError):
    """A file format has no way to hold a token, or has none for no rows at all."""


class StoreError(TorchVectorsError, ValueError, RuntimeError):
    """A store is damaged, or of a version that this package cannot read."""


class CacheError(TorchVectorsError, OSError, RuntimeError):
    """A cache folder cannot be created, read or written."""


class VocabError(TorchVectorsError, RuntimeError, ValueError):
    """A vocabulary cannot do this: torchtext's C++ ``Vocab`` raised ``RuntimeError``."""


class TokenTypeError(TorchVectorsError, TypeError):
    """A token is not a ``str``."""


class CoverageError(TorchVectorsError, AssertionError, ValueError):
    """Fewer tokens have a vector than were asked for."""


class GraphError(TorchVectorsError, RuntimeError, ValueError):
    """A stage of a dataloading graph cannot do its work: the text names the stage, the row and the cure."""


class MissingExtraError(TorchVectorsError, ImportError):
    """An optional package is needed; the text says how to install it."""


def warn(text: str) -> None:
    """Warn of something that the caller can mend, at the caller's own line: the first outside this package."""
    frame, level = sys._getframe(1), 2  # noqa: SLF001 - what warnings itself uses to count its stacklevel
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("torchvectors."):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, stacklevel=level)


def shown(value: object, most: int = 100) -> str:
    """Return what an error says of a value that somebody gave: its ``repr()``, cut after ``most`` characters.

    A value that came out of a file may be one that Python cannot show: nested too deep, or a number of ten thousand
    digits. Its type is told then.
    """
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - RecursionError, ValueError, or what a class of the user's own raises
        text = f"a {type(value).__name__} that cannot be shown"
    return text if len(text) <= most else f"{text[:most]}…"
