"""Batches of word indices → topics: an embedding, the mean over the words, one linear layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Batch", "TextClassifier", "accuracy", "train_epoch"]

Batch = tuple[Tensor, Tensor, Tensor]  # labels from 1, int64 (B,); ids, int64 (B, T); lengths, int64 (B,)


class TextClassifier(nn.Module):
    """The classifier of the article: what it knows of words is in its embedding, so that can be compared.

    Args:
        embedding: Gives the (B, T, dim) vectors of the words; frozen or not.
        num_classes: How many topics there are.
    """

    def __init__(self, embedding: nn.Embedding, num_classes: int) -> None:
        super().__init__()
        self.embedding = embedding
        self.linear = nn.Linear(embedding.embedding_dim, num_classes)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Score each topic for each text.

        Args:
            ids: int64 (B, T), the texts' word indices, padded at the end.
            lengths: int64 (B,), how many of a row's ids are words; 0 is allowed.

        Returns:
            float32 (B, num_classes).
        """
        return self.linear(self.mean(ids, lengths))  # type: ignore[no-any-return] # a module's call is untyped

    def mean(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """Average the vectors of each text's words, padding left out: float32 (B, dim), zeros for no words."""
        is_word = torch.arange(ids.shape[1]) < lengths[:, None]  # (B, T)
        # As a product of matrices: this weighs and adds up in one step.
        total = torch.bmm(is_word[:, None, :].float(), self.embedding(ids))[:, 0]
        return total / lengths.clamp(min=1)[:, None]


def train_epoch(model: TextClassifier, batches: Iterable[Batch], optimizer: torch.optim.Optimizer) -> None:
    """Take one step of the optimizer per batch."""
    model.train()
    for labels, ids, lengths in batches:
        optimizer.zero_grad()
        loss = cross_entropy(model(ids, lengths), labels - 1)  # the data set counts from 1, torch from 0
        loss.backward()
        optimizer.step()


def accuracy(model: TextClassifier, batches: Iterable[Batch]) -> float:
    """Return the share of texts whose topic gets the highest score, in percent."""
    model.eval()
    right = rows = 0
    with torch.no_grad():
        for labels, ids, lengths in batches:
            right += int((model(ids, lengths).argmax(dim=1) == labels - 1).sum())
            rows += len(labels)
    return 100 * right / rows
