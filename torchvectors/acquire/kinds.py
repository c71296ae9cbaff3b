"""A file's first bytes → what reads it: a format of `formats`, a store, or what torch saved.

A store that lies plain is used where it lies, and torch's files are told by the names in them; here are those that
were packed, or fetched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from torchvectors.acquire.cuts import stored_blocks
from torchvectors.archive import contents_of
from torchvectors.errors import ArchiveError, ParseError, StoreError
from torchvectors.formats import Block, is_safetensors, is_static
from torchvectors.store import Store, open_store

if TYPE_CHECKING:
    from torchvectors.formats import Format

__all__ = ["Reader", "Stored", "first_rows", "is_store", "is_torchs", "kind_of", "may_be_torchs"]

# What torch saved is a zip with one pickle of this name; before version 1.6 it was a pickle, of this number first.
_PICKLE, _ZIP, _OLD_TORCH = "data.pkl", b"PK\x03\x04", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."

# Gives the tokens and rows of another program's file; or raises, before it gives any, a ParseError that says why
# not and what to do. It is handed down because what reads torchtext's files needs torch, and nothing here does.
Reader = Callable[[Path], Iterable[Block]]


@dataclass(frozen=True, slots=True)
class Stored:
    """The rows of a store as blocks, the first ``n`` of them."""

    store: Store
    n: int

    def __iter__(self) -> Iterator[Block]:
        return stored_blocks(self.store, np.arange(self.n))

    @property
    def metadata(self) -> dict[str, str]:
        """What the store says of its rows; where they came from before, nobody asks who has this file."""
        said = self.store.metadata.items()
        return {key: text for key, text in said if not key.startswith("source")}


def kind_of(head: bytes, torchs: Reader | None) -> Format:
    """Return the format of a file that begins with ``head``; ``torchs`` reads torch's, where they can be read."""
    from torchvectors.formats import Format, format_of

    if is_store(head):
        return Format(name="torchvectors store", matches=is_store, read_file=_read_store)
    if torchs is None or not may_be_torchs(head):
        return format_of(head)

    def read(path: Path, /, *, name: str, max_vectors: int | None) -> Iterator[Block]:
        try:
            yield from first_rows(torchs(path), max_vectors)
        except ParseError as error:
            raise ParseError(str(error).replace(str(path), name)) from error

    return Format(name="torch.save", matches=may_be_torchs, read_file=read)


def first_rows(blocks: Iterable[Block], n: int | None) -> Iterator[Block]:
    """Pass on the first ``n`` rows; None or 0: all."""
    done = 0
    for block in blocks:
        part = block.head(n - done) if n else block
        yield part
        done += len(part)
        if done == n:
            return


def is_store(head: bytes) -> bool:
    """Say whether a file that begins like this is a store, or wants to be: safetensors that are no model's."""
    return is_safetensors(head) and not is_static(head)


def may_be_torchs(head: bytes) -> bool:
    """Say whether ``torch.save`` may have written a file that begins like this."""
    return head.startswith((_ZIP, _OLD_TORCH))


def is_torchs(path: Path) -> bool:
    """Say whether ``torch.save`` wrote a file, as torchtext did for its caches: by what is in it."""
    with path.open("rb") as file:
        head = file.read(len(_OLD_TORCH))
    if not head.startswith(_ZIP):
        return head == _OLD_TORCH
    try:
        return any(name.rpartition("/")[2] == _PICKLE for name in contents_of(path).members)
    except ArchiveError:
        return False


def _read_store(path: Path, /, *, name: str, max_vectors: int | None) -> Stored:
    try:
        store = open_store(path)
    except StoreError as error:
        raise ParseError(str(error).replace(str(path.absolute()), name)) from error
    return Stored(store, min(len(store), max_vectors or len(store)))
