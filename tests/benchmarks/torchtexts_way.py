"""What torchtext 0.18 does, written anew from a description of it, so that it runs on today's torch."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

__all__ = ["Old", "convert", "load", "read"]

Loaded = tuple[list[str], dict[str, int], Tensor, int]  # itos, stoi, vectors, dim: what its `.pt` holds


class Old:
    """Its `Vectors`, once they are in memory."""

    def __init__(self, loaded: Loaded) -> None:
        self.itos, self.stoi, self.vectors, self.dim = loaded

    def __contains__(self, token: str) -> bool:
        return token in self.stoi

    def __getitem__(self, token: str) -> Tensor:
        return self.vectors[self.stoi[token]] if token in self.stoi else torch.zeros(self.dim)

    def get_vecs_by_tokens(self, tokens: Sequence[str]) -> Tensor:
        return torch.stack([self[token] for token in tokens])


def load(path: str) -> Old:
    """Open its cache, as today's torch does unless it is told to run what is in the file."""
    return Old(torch.load(path, weights_only=True))


def read(path: Path) -> Loaded:
    """Parse a text: count the lines, then take a float at a time."""
    with path.open("rb") as file:
        count = sum(1 for _ in file)
    itos: list[str] = []
    vectors = torch.zeros(0)
    with path.open("rb") as file:
        for row, line in enumerate(file):
            token, *fields = line.rstrip().split(b" ")
            if not itos:
                vectors = torch.zeros((count, len(fields)))
            vectors[row] = torch.tensor([float(field) for field in fields])
            itos.append(token.decode())
    return itos, {token: row for row, token in enumerate(itos)}, vectors, vectors.shape[1]


def convert(archive: str, folder: str) -> Old:
    """Unpack all of a zip, parse its one text, save what came of it."""
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder)
        path = Path(folder) / file.namelist()[0]
    loaded = read(path)
    torch.save(loaded, path.with_name(f"{path.name}.pt"))
    return Old(loaded)
