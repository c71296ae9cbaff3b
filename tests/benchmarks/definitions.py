"""Real texts with labels, from the package's own files, for a Python that may not have the package."""

from __future__ import annotations

import gzip
from pathlib import Path

__all__ = ["definitions"]

FOLDER = Path(__file__).resolve().parents[2] / "torchvectors" / "datasets" / "wordnet_topics"


def definitions(copies: int) -> list[tuple[int, str]]:
    """Return (label, text) of the 7,989 definitions that a classifier is trained on, so many times over."""
    with gzip.open(FOLDER / "train.tsv.gz", "rt", encoding="utf-8") as file:
        next(file)  # names of the columns
        pairs = [line.rstrip("\n").split("\t") for line in file]
    numbers = {label: number for number, label in enumerate(sorted({label for label, _ in pairs}))}
    return [(numbers[label], text) for label, text in pairs] * copies
