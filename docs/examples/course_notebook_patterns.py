"""What course notebooks do with vectors, as they do it: neighbours, analogies, a pipeline of transforms, and LSTMs.

Run it: ``python course_notebook_patterns.py``
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

import torchvectors.transforms as T
from torchvectors.vocab import GloVe, Vectors, Vocab, build_vocab_from_iterator

REVIEWS = [("what a great film", 1), ("awful plot and bad acting", 0), ("great acting", 1), ("a bad film", 0)]


def nearest(glove: Vectors, vector: Tensor, n: int = 5) -> list[str]:
    """Return the words whose vectors lie nearest, as the notebooks compute it: over the whole table."""
    distances = torch.norm(glove.vectors - vector, dim=1)
    return [glove.itos[int(row)] for row in distances.argsort()[:n]]


def analogy(glove: Vectors, a: str, b: str, c: str) -> str:
    """Return what is to ``c`` as ``b`` is to ``a``."""
    found = nearest(glove, glove[b] - glove[a] + glove[c], n=5)
    return next(word for word in found if word not in (a, b, c))


def add_unknown(glove: Vectors) -> Vectors:
    """Append a row for ``<unk>``, the mean of all, by writing to the three attributes."""
    glove.itos.append("<unk>")
    glove.stoi["<unk>"] = len(glove.itos) - 1
    glove.vectors = torch.cat([glove.vectors, glove.vectors.mean(0, keepdim=True)])
    return glove


def pipeline(vocab: Vocab) -> nn.Module:
    """Return words → a padded tensor of indices, with a mark at either end."""
    return T.Sequential(
        T.VocabTransform(vocab),
        T.Truncate(6),
        T.AddToken(vocab["<bos>"], begin=True),
        T.AddToken(vocab["<eos>"], begin=False),
        T.ToTensor(padding_value=vocab["<pad>"]),
    )


class LSTMClassifier(nn.Module):
    """The notebooks' recurrent classifier, its embedding filled from pretrained rows."""

    def __init__(self, weights: Tensor, hidden: int = 16) -> None:
        super().__init__()
        self.embedding = nn.Embedding(len(weights), weights.shape[1], padding_idx=0)
        self.embedding.weight.data.copy_(weights)
        self.lstm = nn.LSTM(weights.shape[1], hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)

    def forward(self, ids: Tensor) -> Tensor:
        """Score a batch (B, T): (B,)."""
        _, (hidden, _) = self.lstm(self.embedding(ids))
        scores: Tensor = self.out(hidden[-1]).squeeze(1)
        return scores


def main() -> dict[str, object]:
    """Do it all, and return what came out."""
    torch.manual_seed(0)
    glove: Vectors = GloVe("sample")
    found: dict[str, object] = {
        "nearest to frog": nearest(glove, glove["frog"]),
        "man : king = woman :": analogy(glove, "man", "king", "woman"),
    }
    glove = add_unknown(glove)
    found["row of <unk>"] = glove.stoi["<unk>"]

    specials = ["<pad>", "<unk>", "<bos>", "<eos>"]
    vocab = build_vocab_from_iterator((text.split() for text, _ in REVIEWS), specials=specials)
    vocab.set_default_index(vocab["<unk>"])
    ids = pipeline(vocab)([text.split() for text, _ in REVIEWS])
    labels = torch.tensor([float(label) for _, label in REVIEWS])

    weights = glove.get_vecs_by_tokens(vocab.get_itos())
    weights[vocab["<pad>"]] = 0
    model = LSTMClassifier(weights)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(model(ids), labels)
        loss.backward()
        optimizer.step()
    found["loss"] = float(loss.detach())
    found["right"] = ((model(ids) > 0).float() == labels).tolist()
    for what, value in found.items():
        print(f"{what}: {value}")
    return found


if __name__ == "__main__":
    main()
