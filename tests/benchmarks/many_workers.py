"""Several processes look up the same tokens in one file, and say what they have come to hold."""

from __future__ import annotations

import hashlib
import multiprocessing
from pathlib import Path
from typing import Any

__all__ = ["held"]

BATCH = 1000  # tokens at a time, as a worker of a loader does


def held(workers: int, how: str, path: str, count: int, asked: int) -> tuple[str, dict[str, float]]:
    """Start them, wait until each has looked up everything, and add up what is theirs.

    Args:
        workers: How many.
        how: "torchvectors" or "torchtext".
        path: The store, or the ``.pt``.
        count: Tokens in it.
        asked: Tokens that each looks up, spread over the file.

    Returns:
        A digest of the vectors, the same for all; and ``{"private": …, "mapped": …}``, the sum of what has been added
        to each process since it imported torch, in 2**20 bytes. What they share is divided among them.
    """
    context = multiprocessing.get_context("spawn")
    ready, barrier = context.Queue(), context.Barrier(workers)
    children = [
        context.Process(target=_work, args=(how, path, count, asked, barrier, ready)) for _ in range(workers)
    ]
    for child in children:
        child.start()
    found = [ready.get() for _ in children]
    for child in children:
        child.join()
    digests = {digest for digest, _, _ in found}
    if len(digests) > 1:
        raise RuntimeError(f"the workers found different vectors: {sorted(digests)}")
    private, mapped = (sum(one[place] for one in found) for place in (1, 2))
    return digests.pop(), {"private": private, "mapped": mapped}


def _work(how: str, path: str, count: int, asked: int, barrier: Any, ready: Any) -> None:
    import torch  # noqa: F401 - the memory from here on counts
    import torchtexts_way
    from glovelike import token

    step = count // asked
    barrier.wait()  # what all have mapped alike is shared from here on
    before = _memory()
    barrier.wait()  # nobody goes on before all have looked
    told = hashlib.sha256()
    vectors: Any
    if how == "torchvectors":
        import torchvectors

        vectors = torchvectors.Vectors(path)
    else:
        vectors = torchtexts_way.load(path)
    for start in range(0, asked, BATCH):
        tokens = [token(rank * step) for rank in range(start, min(start + BATCH, asked))]
        told.update(vectors.get_vecs_by_tokens(tokens).numpy().tobytes())
    barrier.wait()  # nobody reads what it holds before all hold everything
    after = _memory()
    barrier.wait()  # and nobody ends before all have read it
    ready.put((told.hexdigest()[:16], after[0] - before[0], after[1] - before[1]))


def _memory() -> tuple[float, float]:
    lines = [line.split() for line in Path("/proc/self/smaps_rollup").read_text().splitlines()[1:]]
    kb = {line[0]: int(line[1]) for line in lines}
    return (kb["Pss_Anon:"] + kb["Pss_Shmem:"]) / 1024, kb["Pss_File:"] / 1024
