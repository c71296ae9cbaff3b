"""From a name to a trained classifier, on the real 400,000 rows, through every room."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from servers import Server, file
from torch.utils.data import DataLoader

import torchvectors as tv
from torchvectors.datasets import WORDNET_TOPICS, WordNetTopics
from torchvectors.demo.classifier import TextClassifier, accuracy, train_epoch

ARCHIVE = Path(__file__).resolve().parents[2] / "shared" / "data" / "glove.6B.50d.zip"


@pytest.mark.skipif(not ARCHIVE.is_file(), reason="the real archive is not beside the checkout")
def test_from_a_name_to_a_trained_classifier(tmp_path: Path) -> None:
    body = ARCHIVE.read_bytes()
    checksum = f"sha256:{hashlib.sha256(body).hexdigest()}"
    with Server() as server:
        url = server.on("/glove.6B.50d.zip", file(body))

        def glove() -> tv.Vectors:
            return tv.Vectors("glove.6B.50d.txt", cache=tmp_path, url=url, checksum=checksum)

        vectors = glove()
        assert [seen.sent for seen in server.log] == [len(body)]
        again = glove()
        assert len(server.log) == 1  # the second time the store is opened, and nothing is asked for
    assert (len(vectors), vectors.dim, vectors.itos[0], vectors.itos[-1]) == (
        400_000,
        50,
        "the",
        "sandberger",
    )
    assert torch.equal(vectors["sandberger"], again["sandberger"])

    fitted = WordNetTopics(split="train").tokenize().build_vocab().align_vectors(vectors, unk_init="zeros")
    coverage = fitted.alignment.coverage
    assert coverage.of_text is not None
    assert coverage.of_text > 0.97
    for index, token in enumerate(fitted.vocab):
        assert torch.equal(fitted.alignment.matrix[index], vectors[token]), token

    train = fitted.shuffle().sharding_filter().numericalize().batch_tokens(64)
    test = WordNetTopics(split="test").tokenize().numericalize(vocab=fitted).batch_tokens(256)
    questions = list(DataLoader(test, batch_size=None))
    loader = DataLoader(train, batch_size=None, num_workers=2, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    model = TextClassifier(fitted.embedding(freeze=False), len(WORDNET_TOPICS))
    before = accuracy(model, questions)
    train_epoch(model, loader, torch.optim.Adam(model.parameters(), lr=0.015))
    after = accuracy(model, questions)
    # Chance is 10 %; random weights reach some 67 to 85 after an epoch, so this says that it works, not by how much.
    assert before < 40
    assert after > 75
