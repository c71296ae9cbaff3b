"""A stream of bytes → blocks of tokens and rows, format by format."""

from torchvectors.formats.block import Block
from torchvectors.formats.registry import FORMATS, FileReader, Format, StreamReader, format_of
from torchvectors.formats.stream import HEAD, ByteStream, Peeked
from torchvectors.formats.text import read_text
from torchvectors.formats.word2vec import read_word2vec

__all__ = [
    "FORMATS",
    "HEAD",
    "Block",
    "ByteStream",
    "FileReader",
    "Format",
    "Peeked",
    "StreamReader",
    "format_of",
    "read_text",
    "read_word2vec",
]
