# ruff: noqa: A002 - the argument is called `input`, as in torchtext
"""Text and a SentencePiece model → pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

from torchvectors.data.functional import load_sp_model
from torchvectors.transforms.inputs import encode_each, local_path

if TYPE_CHECKING:
    import os

__all__ = ["SentencePieceTokenizer"]


class SentencePieceTokenizer(nn.Module):
    """Text to the pieces of a SentencePiece model.

    Args:
        sp_model_path: The model's file.

    Raises:
        MissingExtraError: sentencepiece is not installed.
        NotFoundError: There is no such file, or it was named by a URL.
    """

    def __init__(self, sp_model_path: str | os.PathLike[str]) -> None:
        super().__init__()
        self.sp_model = load_sp_model(local_path(sp_model_path))

    def forward(self, input: Any) -> Any:
        """Return the pieces of one text, or a list of them for each of a list of texts."""
        return encode_each("SentencePieceTokenizer", self.sp_model.EncodeAsPieces, input)
