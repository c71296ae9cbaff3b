"""A ``.pt`` file of torchtext's ``Vectors`` → blocks of tokens and rows."""

from __future__ import annotations

import zipfile
from mmap import ACCESS_READ, mmap
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from torchvectors.archive import open_member
from torchvectors.errors import ArchiveError, ParseError
from torchvectors.formats import Block
from torchvectors.legacy.nesting import nests_deep

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["read_vectors"]

_BLOCK = 1 << 14  # rows given at a time


def read_vectors(path: Path) -> Iterator[Block]:
    """Yield the tokens and rows of the file that torchtext kept beside a text, such as ``glove.6B.100d.txt.pt``.

    It holds the tuple ``(itos, stoi, vectors, dim)``. The rows are mapped where the file allows it (torch 1.6
    and later wrote such), so that memory grows with the tokens. Rows at the end that have no token are left
    out: torchtext had them where a token was not UTF-8, and they are zeros.

    Raises:
        ParseError: The file is damaged or empty, or holds anything else. It comes before the first block.
        FileNotFoundError: There is no such file.

    Source: torchtext 0.10 to 0.18 ``torchtext.vocab.Vectors.cache``.
    """
    tokens, rows = _believed(path, _loaded(path))
    for start in range(0, len(tokens), _BLOCK):
        part = slice(start, start + _BLOCK)
        yield Block.of(tokens[part], rows[part].float().numpy())


def _loaded(path: Path) -> object:
    with path.open("rb"):
        pass  # what is missing or not ours to read is no damaged file
    try:
        mapped = zipfile.is_zipfile(path)
        deep = _nests_deep(path, mapped)
    except (ArchiveError, zipfile.BadZipFile, ValueError) as error:
        raise _wrong(path, "it is damaged") from error
    if deep:
        raise _wrong(path, "it nests deeper than anything that torchtext kept")
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except Exception as error:
        # Of every kind: torch raises whatever the bytes make it stumble over. Its own text is not repeated, for
        # it suggests to load the file without weights_only, which runs what is in it.
        reason = (
            "torch cannot read it as plain lists, text and tensors: it is damaged, or holds other objects"
        )
        raise _wrong(path, reason) from error


def _nests_deep(path: Path, zipped: bool) -> bool:
    if zipped:
        with open_member(path, "data.pkl") as stream:
            return nests_deep(b"".join(iter(lambda: stream.read(1 << 20), b"")), 1)
    # Before version 1.6 torch wrote a magic number, a version, what the machine was like, the object, and a list.
    if not path.stat().st_size:  # which cannot be mapped
        return False
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as whole:
        return nests_deep(whole, 5)


def _believed(path: Path, loaded: object) -> tuple[list[bytes], Tensor]:
    """Return the tokens as UTF-8 and their rows, (N, dim), having checked all that torchtext took on trust."""
    match loaded:
        case (list(itos), dict(stoi), Tensor() as vectors, int(dim)):
            pass
        case _:
            raise _wrong(path, "it holds something other than tokens, their rows, a tensor and its dim")
    if not set(map(type, itos)) | set(map(type, stoi)) <= {str} or not set(map(type, stoi.values())) <= {int}:
        raise _wrong(path, "its tokens are not all text, or their rows not all numbers")
    if stoi != {token: row for row, token in enumerate(itos)}:
        raise _wrong(path, "it gives tokens other rows than those they are in")
    if flaw := _flaw(vectors, dim):
        raise _wrong(path, f"its tensor {tuple(vectors.shape)} of {vectors.dtype} {flaw}")
    if not 0 < len(itos) <= len(vectors) or vectors[len(itos) :].any():
        raise _wrong(path, f"it has {len(vectors)} rows for {len(itos)} tokens")
    try:
        return [token.encode() for token in itos], vectors[: len(itos)]
    except UnicodeEncodeError as error:
        raise _wrong(path, "a token of it is not Unicode") from error


def _flaw(vectors: Tensor, dim: int) -> str:
    """Say why a tensor cannot be the rows, or nothing."""
    if vectors.ndim != 2 or vectors.shape[1] != dim or dim < 1:
        return f"has no rows of dim {dim}"
    # Contiguous: a stride of 0 would make any number of rows of a few bytes.
    plain = vectors.layout is torch.strided and vectors.device.type == "cpu" and vectors.is_contiguous()
    if type(vectors) is not Tensor or not plain or not vectors.is_floating_point():
        return "is not a plain one of floating-point numbers"
    return ""


def _wrong(path: Path, reason: str) -> ParseError:
    text = f"{path}: this is not what torchtext kept of a set of vectors: {reason}."
    return ParseError(f"{text} Give the text that it was made from instead.")
