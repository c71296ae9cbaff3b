"""A file's first bytes → its format, and what reads that.

A name says little: fastText's and word2vec's binary files both end in ``.bin``, and either may lie in a zip. So a
format is known by its content: by a magic number where it has one, by what its first bytes must look like where not.

A format is read from a stream, wherever that comes from, or it needs a file of its own with random access. A new
format is one more `Format` in `FORMATS`; what looks at more of the bytes stands before what looks at less.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from torchvectors.formats.fasttext import is_fasttext, read_fasttext
from torchvectors.formats.finalfusion import is_finalfusion, read_finalfusion
from torchvectors.formats.gensim import arrays_beside, is_pickle, read_gensim
from torchvectors.formats.magnitude import is_sqlite, read_magnitude
from torchvectors.formats.static import TOKENIZER, WEIGHTS, is_static, read_static
from torchvectors.formats.text import read_text
from torchvectors.formats.word2vec import is_word2vec, read_word2vec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from torchvectors.formats.block import Block
    from torchvectors.formats.stream import ByteStream

__all__ = ["FORMATS", "TEXT", "FileReader", "Format", "StreamReader", "files_beside", "format_of"]


class StreamReader(Protocol):
    """What reads a format from its first byte to its last."""

    def __call__(self, stream: ByteStream, /, *, name: str, max_vectors: int | None) -> Iterable[Block]:
        """Yield blocks, none of them empty, all of one dim. ``name`` is what errors call the file.

        Raises:
            ParseError: The file does not have the form that its format promises, or is cut.
        """


class FileReader(Protocol):
    """What reads a format that needs random access: SQLite, an array before the tokens that it belongs to."""

    def __call__(self, path: Path, /, *, name: str, max_vectors: int | None) -> Iterable[Block]:
        """Yield blocks, as a `StreamReader` does.

        ``path`` is the file itself, or a copy of it that was unpacked for this call and goes afterwards; ``name``
        is what errors call it.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One way in which vectors lie in a file, and what reads it: one of ``read`` and ``read_file``."""

    name: str  # for people
    matches: Callable[[bytes], bool]  # says of the first `HEAD` bytes, or all, whether they are of it
    read: StreamReader | None = None
    read_file: FileReader | None = None

    def __post_init__(self) -> None:
        if (self.read is None) == (self.read_file is None):
            raise ValueError(f"{self.name}: a format has one reader, of a stream or of a file.")


# What is nothing else is taken for text, whose reader says what is wrong with it.
TEXT = Format(name="text", matches=lambda head: True, read=read_text)  # noqa: ARG005

FORMATS: tuple[Format, ...] = (
    Format(name="fastText model", matches=is_fasttext, read_file=read_fasttext),
    Format(name="finalfusion", matches=is_finalfusion, read_file=read_finalfusion),
    Format(name="Magnitude", matches=is_sqlite, read_file=read_magnitude),
    Format(name="gensim model", matches=is_pickle, read_file=read_gensim),
    Format(name="static embedding model", matches=is_static, read_file=read_static),
    Format(name="word2vec binary", matches=is_word2vec, read=read_word2vec),
    TEXT,
)


def files_beside(path: Path) -> tuple[Path, ...]:
    """Return the files beside a file that its reader takes for parts of it, by their names: those that are there."""
    parts = (*arrays_beside(path), *((path.with_name(TOKENIZER),) if path.name == WEIGHTS else ()))
    return tuple(part for part in parts if part.is_file())


def format_of(head: bytes) -> Format:
    """Return the format of a file that begins with ``head``: its first `HEAD` bytes, or all of a shorter one."""
    return next(one for one in FORMATS if one.matches(head))
