"""PyTorch's text classification tutorial, written anew: an EmbeddingBag over a vocabulary of one's own.

It is the program that most people met torchtext in. Every line that imported torchtext imports torchvectors; the news
of AG_NEWS are the WordNet definitions that come with this package. Its settings are the tutorial's: SGD at a rate of 5,
gradients clipped to 0.1, few epochs. On texts so few and short they reach 57 %; the README's table, with Adam and
random weights as here, has 86 %. Run it: ``python tutorial_text_classification.py``
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, random_split

from torchvectors.data.functional import to_map_style_dataset
from torchvectors.data.utils import get_tokenizer
from torchvectors.datasets import WORDNET_TOPICS, WordNetTopics
from torchvectors.vocab import Vocab, build_vocab_from_iterator


class TextClassificationModel(nn.Module):
    """A bag of embeddings, and one linear layer."""

    def __init__(self, vocab_size: int, embed_dim: int, num_class: int) -> None:
        super().__init__()
        self.embedding = nn.EmbeddingBag(vocab_size, embed_dim)
        self.fc = nn.Linear(embed_dim, num_class)

    def forward(self, text: Tensor, offsets: Tensor) -> Tensor:
        """Score the topics: (batch, num_class)."""
        scores: Tensor = self.fc(self.embedding(text, offsets))
        return scores


def collate_batch(batch: list[tuple[int, str]], vocab: Vocab) -> tuple[Tensor, Tensor, Tensor]:
    """Put the texts of a batch one behind the other: labels from 0, indices, and where each text begins."""
    tokenizer = get_tokenizer("basic_english")
    texts = [torch.tensor(vocab(tokenizer(text)), dtype=torch.int64) for _, text in batch]
    offsets = torch.tensor([0, *(len(text) for text in texts[:-1])]).cumsum(dim=0)
    return torch.tensor([label - 1 for label, _ in batch]), torch.cat(texts), offsets


def evaluate(model: nn.Module, batches: DataLoader[tuple[int, str]]) -> float:
    """Return the share of texts that get their topic."""
    model.eval()
    right = total = 0
    with torch.no_grad():
        for label, text, offsets in batches:
            right += int((model(text, offsets).argmax(1) == label).sum())
            total += len(label)
    return right / total


def main(epochs: int = 3) -> float:
    """Train, and return the accuracy on the test split."""
    torch.set_num_threads(1)  # layers so small lose more by the threads' meeting than they gain
    torch.manual_seed(0)
    tokenizer = get_tokenizer("basic_english")
    vocab = build_vocab_from_iterator(
        (tokenizer(text) for _, text in WordNetTopics(split="train")), specials=["<unk>"]
    )
    vocab.set_default_index(vocab["<unk>"])

    train, test = (to_map_style_dataset(one) for one in WordNetTopics(split=("train", "test")))
    held_back = len(train) // 20  # type: ignore[arg-type]  # a map-style data set has a length
    train, valid = random_split(train, [len(train) - held_back, held_back])  # type: ignore[arg-type]  # as above
    collate = partial(collate_batch, vocab=vocab)
    train_loader = DataLoader(train, batch_size=8, shuffle=True, collate_fn=collate)
    valid_loader, test_loader = (DataLoader(one, batch_size=8, collate_fn=collate) for one in (valid, test))

    model = TextClassificationModel(len(vocab), 64, len(WORDNET_TOPICS))
    optimizer = torch.optim.SGD(model.parameters(), lr=5.0)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(1, epochs + 1):
        model.train()
        for label, text, offsets in train_loader:
            optimizer.zero_grad()
            criterion(model(text, offsets), label).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.1)
            optimizer.step()
        print(f"epoch {epoch}: valid accuracy {evaluate(model, valid_loader):.3f}")
    accuracy = evaluate(model, test_loader)
    print(
        f"test accuracy {accuracy:.3f} by the tutorial's settings, SGD and few epochs; the README's program uses Adam"
    )
    return accuracy


if __name__ == "__main__":
    main()
