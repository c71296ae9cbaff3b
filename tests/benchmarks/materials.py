"""The files that are measured: made once, in a folder that may be kept, each in a process of its own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import glovelike

__all__ = ["Materials", "Sizes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is measured."""

    stores: tuple[tuple[int, int], ...]  # tokens and dim, of what is opened; the middle one for all else
    texts: tuple[tuple[int, int], ...]  # of what is converted
    looked_up: int  # tokens
    copies: int  # of the 7,989 definitions, of which batches are made
    distinct: int  # tokens that are counted
    buckets: int  # of a model's n-grams

    @property
    def store(self) -> tuple[int, int]:
        return self.stores[len(self.stores) // 2]

    @property
    def found_in(self) -> tuple[tuple[int, int], ...]:
        """Of what many tokens are looked up in: every store, and the middle text's, of another dim."""
        return tuple(sorted({*self.stores, self.texts[len(self.texts) // 2]}))


@dataclass(frozen=True, slots=True)
class Materials:
    """Where they lie."""

    folder: Path
    sizes: Sizes

    def text(self, size: tuple[int, int], suffix: str) -> Path:
        """Return a file like GloVe's, ``.txt`` or ``.zip``, or of another format: see `glovelike`."""
        return glovelike.write(self.folder / f"like.{size[0]}.{size[1]}{suffix}", *size)

    def store(self, size: tuple[int, int]) -> Path:
        """Return the store of such a text."""
        return self._made(f"like.{size[0]}.{size[1]}.safetensors", _store, *size)

    def saved(self, size: tuple[int, int]) -> Path:
        """Return what torchtext would keep of such a text."""
        return self._made(f"like.{size[0]}.{size[1]}.pt", _saved, *size)

    def model(self, dim: int) -> Path:
        """Return a fastText model with n-grams of 3 to 6 characters, as those for Wikipedias have."""
        return self._made(f"grams.{self.sizes.buckets}.{dim}.bin", _model, self.sizes.buckets, dim)

    def _made(self, name: str, make: Callable[[Path, int, int], object], count: int, dim: int) -> Path:
        path = self.folder / name
        if not path.exists():
            partial = path.with_name(f"part.{name}")
            # What makes the larger ones takes gigabytes, which a process gives back when it ends.
            child = multiprocessing.get_context("spawn").Process(target=make, args=(partial, count, dim))
            child.start()
            child.join()
            if child.exitcode:
                raise RuntimeError(f"{path} could not be made; the lines above say why.")
            partial.rename(path)
        return path


def _store(path: Path, count: int, dim: int) -> None:
    from torchvectors.formats import Block
    from torchvectors.store import write_store

    made = (Block.of(tokens, glovelike.floats(numbers)) for tokens, numbers in glovelike.blocks(count, dim))
    write_store(path, made)


def _saved(path: Path, count: int, dim: int) -> None:
    import torch

    vectors, start, itos = torch.zeros((count, dim)), 0, list[str]()
    for tokens, numbers in glovelike.blocks(count, dim):
        vectors[start : start + len(tokens)] = torch.from_numpy(glovelike.floats(numbers))
        itos += [token.decode() for token in tokens]
        start += len(tokens)
    torch.save((itos, {token: row for row, token in enumerate(itos)}, vectors, dim), path)


def _model(path: Path, buckets: int, dim: int) -> None:
    import sys

    import numpy as np

    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from fasttext_files import Model

    rows = np.random.default_rng(0).standard_normal((3 + buckets, dim), dtype=np.float32)
    path.write_bytes(Model(dim=dim, buckets=buckets, minn=3, maxn=6, rows=rows).bytes())
