"""A stream of bytes → blocks of tokens and rows, format by format."""

from torchvectors.formats.block import Block
from torchvectors.formats.text import read_text

__all__ = ["Block", "read_text"]
