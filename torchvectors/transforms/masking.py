"""Ids → ids with some hidden, the hidden ones, and where they are: the input of a masked language model."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["MaskTransform"]


class MaskTransform(nn.Module):
    """Choose a share of the positions at random, and hide what is there.

    Of the chosen ids, 80 % become ``mask_idx``, 10 % any id at random, and 10 % stay; the attributes
    ``mask_mask_prob`` and ``rand_mask_prob`` hold the first two shares. Padding is never chosen.

    Args:
        vocab_len: How many ids there are, those of special tokens included.
        mask_idx: The id of the mask token.
        bos_idx: The id of the token at the beginning of each sequence.
        pad_idx: The id of padding.
        mask_bos: Whether the token at the beginning may be chosen.
        mask_prob: The share of positions to choose, rounded down to whole positions of the padded length.

    Source: torchtext 0.18, draw for draw: the same seed gives the same masks.
    """

    mask_mask_prob = 0.8
    rand_mask_prob = 0.1

    def __init__(
        self,
        vocab_len: int,
        mask_idx: int,
        bos_idx: int,
        pad_idx: int,
        mask_bos: bool = False,
        mask_prob: float = 0.15,
    ) -> None:
        super().__init__()
        self.vocab_len = vocab_len
        self.mask_idx = mask_idx
        self.bos_idx = bos_idx
        self.pad_idx = pad_idx
        self.mask_bos = mask_bos
        self.mask_prob = mask_prob

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Hide some of the ids of a batch.

        Args:
            tokens: Integer, shape (B, T).

        Returns:
            ``tokens`` with the chosen positions hidden, shape (B, T); what was at the chosen positions, shape
            (number of them,), row by row; and where they are, int32 of shape (B, T), 1 at each.
        """
        chosen = self._choose(tokens)
        # One draw decides over each position: high numbers hide, low ones replace, those between keep.
        draw = torch.rand_like(tokens, dtype=torch.float)
        hidden = (draw >= 1 - self.mask_mask_prob).long() * chosen
        replaced = (draw < self.rand_mask_prob).long() * chosen
        masked = tokens * (1 - hidden) + self.mask_idx * hidden
        anything = torch.randint_like(tokens, high=self.vocab_len)
        masked = masked * (1 - replaced) + anything * replaced
        return masked, torch.masked_select(tokens, chosen.bool()), chosen

    def _choose(self, tokens: Tensor) -> Tensor:
        rows, length = tokens.shape
        chosen = torch.zeros((rows, length), dtype=torch.int, device=tokens.device)
        chosen[:, : int(length * self.mask_prob)] = 1
        for row in range(rows):
            chosen[row] = chosen[row, torch.randperm(length)]
        if not self.mask_bos:
            chosen *= (tokens != self.bos_idx).long()
        chosen *= (tokens != self.pad_idx).long()
        if not chosen.any():
            chosen[0, 0] = 1  # a loss over no position at all would be NaN
        return chosen
