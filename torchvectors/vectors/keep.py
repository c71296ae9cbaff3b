"""Tokens and rows in memory → a store; a store → whether it still holds them; a pickle → its store, found again."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from xxhash import xxh3_128

from torchvectors.acquire import acquire
from torchvectors.cache import folders
from torchvectors.errors import NotFoundError, StoreError
from torchvectors.legacy import read_vectors
from torchvectors.progress import bar
from torchvectors.store import Store, open_store, take_into

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from torchvectors.vectors.joined import Joined

__all__ = ["BLOCK", "fingerprint_of", "holds", "numbers", "reopened", "room", "taken", "writes_to"]

BLOCK = 1 << 14  # rows read at a time
_COMPARED = 1 << 17  # numbers compared at a time, so that what is made of them stays in a core's cache


def holds(store: Store | Joined, matrix: Tensor) -> bool:
    """Say whether a tensor holds the rows of a store, as float32 or as float16, bit for bit."""
    # Looking is the only way to know: a write by way of .data or .numpy() leaves no trace.
    kinds = {torch.float32: (np.float32, np.uint32), torch.float16: (np.float16, np.uint16)}
    if matrix.dtype not in kinds:
        return False
    if (str(matrix.device), matrix.requires_grad, matrix.shape) != ("cpu", False, (len(store), store.dim)):
        return False
    numbers, bits = kinds[matrix.dtype]
    found = matrix.numpy().view(bits)
    size = max(_COMPARED // store.dim, 1)
    for start in range(0, len(store), size):
        stop = min(start + size, len(store))
        own = store.block(start, stop).astype(numbers, copy=False)
        if not np.array_equal(own.view(bits), found[start:stop]):
            return False
    return True


def writes_to(matrix: Tensor) -> int | None:
    """Return how often torch has seen a tensor written to; None where it does not count, in inference mode."""
    return None if matrix.is_inference() else matrix._version  # noqa: SLF001 - it has no public name


def numbers(matrix: Tensor) -> NDArray[np.float32]:
    """Return a tensor's numbers, float32: a view where they are that already."""
    array: NDArray[np.float32] = matrix.detach().float().cpu().numpy()
    return array


def taken(matrix: Tensor, rows: NDArray[np.int64]) -> Tensor:
    """Return copies of n rows of a tensor, (n, dim), as `Tensor.index_select` does, gradients and all."""
    if type(matrix) is Tensor and _is_array(matrix) and not matrix.requires_grad:
        # By one thread: torch's wait for each other on a busy machine.
        out = room(len(rows), matrix.shape[1], matrix.dtype)
        take_into(out.numpy(), matrix.numpy(), rows)
        return out
    return matrix.index_select(0, torch.from_numpy(rows).to(matrix.device))


def room(n: int, dim: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return n rows of new memory, (n, dim), whose numbers are anything.

    It is torch's and not numpy's, who asks the system for huge pages: where free memory is in pieces, as the page
    cache leaves it, those are made by moving other pages away. To write 480 MB for the first time then took 0.3 to
    1.1 s in place of 0.16, and 12 MB from half as long to twice as long.
    """
    return torch.empty(n, dim, dtype=dtype, device="cpu")


def _is_array(matrix: Tensor) -> bool:
    """Say whether a tensor lies in memory as an array of numpy's does."""
    return (
        matrix.dtype in (torch.float32, torch.float16)
        and matrix.layout == torch.strided
        and matrix.device.type == "cpu"
        and matrix.is_contiguous()
    )


def fingerprint_of(itos: Sequence[str], stoi: dict[str, int], matrix: Tensor) -> str:
    """Return a checksum over tokens, rows of tokens, and numbers."""
    digest = xxh3_128(f"{tuple(matrix.shape)} {matrix.dtype}".encode())
    for lines in (itos, sorted(f"{row} {token}" for token, row in stoi.items())):
        for line in lines:
            text = line.encode("utf-8", "surrogatepass")
            digest.update(b"%d " % len(text) + text)
        digest.update(b"end")  # no length begins like this
    digest.update(matrix.detach().cpu().contiguous().view(torch.uint8).numpy().data)
    return f"xxh3_128:{digest.hexdigest()}"


def reopened(path: Path, checksum: str, *, request: dict[str, Any]) -> Store:
    """Open the store of a pickle: where it was, or by way of its name, for another machine keeps it elsewhere.

    Raises:
        NotFoundError: It is not there, nor is what it was made from.
        StoreError: What the name stands for here holds something else.
        DownloadError, DigestError: It would have to be downloaded, and cannot be.
    """
    for place in (path, *(folder / path.name for folder in folders(request["cache"]).search)):
        with suppress(OSError, StoreError):
            return open_store(place, checksum)
    name = os.fspath(request["name"])
    what = f"the pickled vectors {name!r}, whose store was {path}"
    if request.get("only_tokens"):  # which a pickle does not hold: they may be as long as the rows
        text = f"{what}, were cut down to some tokens, and this cut is not here"
        raise NotFoundError(f"{text}. Make them anew, with tokens=, or bring {path.name} along.")
    asked = {key: value for key, value in request.items() if key != "only_tokens"}
    try:
        store = acquire(**asked, prepared=read_vectors, bars=bar)
    except NotFoundError as error:
        raise NotFoundError(f"{what}, cannot be had here: {error}") from None
    if store.checksum != checksum:
        text = f"{store.path}: {what}, held {checksum}, and here that name stands for {store.checksum}."
        raise StoreError(f"{text} Make them anew from the name.")
    return store
