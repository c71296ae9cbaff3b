"""`Vectors` as they are now → a file: a store, or what other programs read. It appears whole, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from torchvectors import cache
from torchvectors.acquire import is_normalized
from torchvectors.errors import FormatError
from torchvectors.formats import Block
from torchvectors.formats.saving import SaveFormat, format_to_save
from torchvectors.store import write_store
from torchvectors.vectors.keep import BLOCK
from torchvectors.vectors.views import Itos, Stoi

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from torchvectors.store import Encoding
    from torchvectors.vectors.table import Vectors

__all__ = ["SaveFormat", "save"]


def save(vectors: Vectors, path: str | os.PathLike[str], how: SaveFormat | None, encoding: Encoding) -> Path:
    """Write the file, a block at a time; `Vectors.save` says what is raised."""
    target = Path(path)
    kind = format_to_save(target, how, encoding)
    _refuse_torn(vectors, target)
    if kind == "store":
        subwords = vectors._subwords  # noqa: SLF001 - of our own family
        metadata, ngrams = {"name": target.stem}, None
        if subwords is not None:  # what they say of length 1 holds for what is composed
            ngrams = subwords.ngrams
            metadata |= {"normalized": "True"} if is_normalized(subwords.store) else {}
        return write_store(target, _blocks(vectors), encoding=encoding, metadata=metadata, ngrams=ngrams)
    try:
        with cache.replacing(target) as temporary, temporary.open("wb") as file:
            for data in _bytes_of(vectors, kind):
                file.write(data)
    except FormatError as error:
        raise FormatError(f"{target}: {error}") from None
    return target


def _refuse_torn(vectors: Vectors, target: Path) -> None:
    """Refuse vectors whose three parts, after somebody wrote to them, do not belong together."""
    itos, stoi, matrix = vectors.itos, vectors.stoi, vectors._matrix  # noqa: SLF001 - of our own family
    if (matrix is not None and matrix.ndim != 2) or len(itos) != len(vectors):
        text = f"{target}: {len(itos)} tokens in itos and a tensor {tuple(vectors.vectors.shape)} in vectors"
        raise ValueError(f"{text} make no file. Give each row a token.")
    if (
        isinstance(itos, Itos)
        and isinstance(stoi, Stoi)
        and itos.store is not None
        and itos.store is stoi.store
    ):
        return
    if dict(stoi.items()) != {token: row for row, token in enumerate(itos)}:
        text = f"{target}: stoi has other tokens or rows than itos, and a file cannot hold both."
        raise ValueError(f"{text} Write to both alike.")


def _blocks(vectors: Vectors) -> Iterator[Block]:
    for start in range(0, len(vectors), BLOCK):
        stop = min(start + BLOCK, len(vectors))
        tokens = [token.encode("utf-8", "surrogatepass") for token in vectors.itos[start:stop]]
        yield Block.of(tokens, vectors.block(start, stop))


def _bytes_of(vectors: Vectors, kind: SaveFormat) -> Iterator[bytes]:
    from torchvectors.formats import text_of, word2vec_of

    blocks, count = _blocks(vectors), len(vectors)
    dim = vectors.block(0, 1).shape[1]
    if not count or not dim:
        raise FormatError(f"there are {count} rows of dim {dim}, and no file holds nothing.")
    if kind == "word2vec binary":
        return word2vec_of(blocks, count=count, dim=dim)
    return text_of(blocks, count=count, dim=dim, header=kind == "word2vec")
