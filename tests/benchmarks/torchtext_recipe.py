"""What programs for torchtext did with their texts: count in one loop; then tokenise, number and pad in each batch."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

warnings.simplefilter("ignore")  # torchtext says at each import that it is retired
from torchtext.data.utils import get_tokenizer  # noqa: E402
from torchtext.vocab import build_vocab_from_iterator  # noqa: E402

__all__ = ["fitted"]

Texts = Sequence[tuple[int, str]]


def fitted(rows: Texts) -> Callable[[Texts], tuple[Tensor, Tensor, Tensor]]:
    """Return what makes labels, padded ids and lengths of a batch, with a vocabulary of all rows."""
    tokenizer: Any = get_tokenizer("basic_english")
    vocab: Any = build_vocab_from_iterator((tokenizer(text) for _, text in rows), specials=["<pad>", "<unk>"])
    vocab.set_default_index(vocab["<unk>"])

    def collate(batch: Texts) -> tuple[Tensor, Tensor, Tensor]:
        labels = torch.tensor([label for label, _ in batch])
        ids = [torch.tensor(vocab(tokenizer(text))) for _, text in batch]
        lengths = torch.tensor([len(one) for one in ids])
        return labels, torch.nn.utils.rnn.pad_sequence(ids, batch_first=True), lengths

    return collate
