"""fastText's own model files, ``.bin`` and ``.ftz`` → blocks of its dictionary's words, and its n-grams."""

from torchvectors.formats.fasttext.layout import is_fasttext
from torchvectors.formats.fasttext.model import FastTextModel, read_fasttext

__all__ = ["FastTextModel", "is_fasttext", "read_fasttext"]
