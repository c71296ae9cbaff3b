"""The article's programs: load GloVe, build the embedding matrix, and start an ``nn.Embedding`` from it.

First by hand, as the article and most courses do it, and then in the one call that cannot be off by a row. Both give
the same matrix. Run it: ``python glove_into_an_embedding.py``
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

import torchvectors
from torchvectors.data import get_tokenizer
from torchvectors.vocab import GloVe, Vectors, Vocab, build_vocab_from_iterator

SENTENCES = ["The king met the queen.", "A cat chased the zyzzyvas!", "Paris is the capital of France"]


def matrix_by_hand(vocab: Vocab, glove: Vectors) -> Tensor:
    """Look up each token; words that GloVe lacks get normal noise of the article's scale, 0.6."""
    generator = torch.Generator().manual_seed(0)
    matrix = torch.zeros(len(vocab), glove.dim)
    for index, token in enumerate(vocab.get_itos()):
        if token in glove.stoi:
            matrix[index] = glove[token]
        elif token != "<pad>":
            matrix[index] = torch.normal(0.0, 0.6, (glove.dim,), generator=generator)
    return matrix


class TextClassifier(nn.Module):
    """An embedding, the mean over the words, padding left out, and one linear layer."""

    def __init__(self, embedding: nn.Embedding, num_classes: int) -> None:
        super().__init__()
        self.embedding = embedding
        self.linear = nn.Linear(embedding.embedding_dim, num_classes)

    def forward(self, ids: Tensor) -> Tensor:
        """Score the classes of a padded batch (B, T): (B, num_classes)."""
        is_word = ids.ne(0).unsqueeze(-1)  # <pad> has the index 0
        mean = (self.embedding(ids) * is_word).sum(1) / is_word.sum(1).clamp(min=1)
        scores: Tensor = self.linear(mean)
        return scores


def main() -> tuple[Tensor, Tensor, Vocab, Vectors]:
    """Build the matrix in both ways."""
    glove = GloVe("sample")  # GloVe(name="6B", dim=100) is the article's, and downloads 862 MB
    print(f"{len(glove):,} words; king is like queen: {cosine(glove['king'], glove['queen']):.2f}")
    print(
        "several at once:", tuple(glove.get_vecs_by_tokens(["king", "Queen"], lower_case_backup=True).shape)
    )

    tokenizer = get_tokenizer("basic_english")
    vocab = build_vocab_from_iterator(map(tokenizer, SENTENCES), specials=["<pad>", "<unk>"])
    vocab.set_default_index(vocab["<unk>"])
    by_hand = matrix_by_hand(vocab, glove)

    aligned = torchvectors.align(vocab, glove, unk_init=torchvectors.Normal(std=0.6, seed=0))
    print(aligned.coverage)

    ids = nn.utils.rnn.pad_sequence(
        [torch.tensor(vocab(tokenizer(one))) for one in SENTENCES], batch_first=True
    )
    from_hand = nn.Embedding.from_pretrained(by_hand, freeze=False, padding_idx=0)
    for embedding in (from_hand, aligned.embedding(freeze=False)):
        print("scores:", tuple(TextClassifier(embedding, num_classes=4)(ids).shape))
    return by_hand, aligned.matrix, vocab, glove


def cosine(a: Tensor, b: Tensor) -> float:
    """Return the cosine of two vectors."""
    return float(nn.functional.cosine_similarity(a, b, dim=0))


if __name__ == "__main__":
    main()
