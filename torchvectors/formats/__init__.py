"""A stream of bytes ↔ blocks of tokens and rows, format by format.

What reads the formats is imported when a file has to be read: whoever opens a store needs none of it.
"""

import importlib
from typing import TYPE_CHECKING, Any

from torchvectors.formats.block import Block
from torchvectors.formats.ngrams import LARGEST_N, NgramRows, Ngrams, PlainRows, add_rows, sum_of
from torchvectors.formats.static import is_safetensors, is_static, weights_of
from torchvectors.formats.stream import HEAD, ByteStream, Peeked
from torchvectors.formats.utf8 import all_utf8

if TYPE_CHECKING:
    from torchvectors.formats.fasttext import FastTextModel, read_fasttext
    from torchvectors.formats.registry import (
        FORMATS,
        TEXT,
        FileReader,
        Format,
        StreamReader,
        files_beside,
        format_of,
    )
    from torchvectors.formats.text import read_text
    from torchvectors.formats.word2vec import read_word2vec
    from torchvectors.formats.writing import text_of, word2vec_of

__all__ = [
    "FORMATS",
    "HEAD",
    "LARGEST_N",
    "TEXT",
    "Block",
    "ByteStream",
    "FastTextModel",
    "FileReader",
    "Format",
    "NgramRows",
    "Ngrams",
    "Peeked",
    "PlainRows",
    "StreamReader",
    "add_rows",
    "all_utf8",
    "files_beside",
    "format_of",
    "is_safetensors",
    "is_static",
    "read_fasttext",
    "read_text",
    "read_word2vec",
    "sum_of",
    "text_of",
    "weights_of",
    "word2vec_of",
]

_LATER = {
    "FORMATS": "registry",
    "FastTextModel": "fasttext",
    "FileReader": "registry",
    "Format": "registry",
    "StreamReader": "registry",
    "TEXT": "registry",
    "files_beside": "registry",
    "format_of": "registry",
    "read_fasttext": "fasttext",
    "read_text": "text",
    "read_word2vec": "word2vec",
    "text_of": "writing",
    "word2vec_of": "writing",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LATER[name]}"), name)
