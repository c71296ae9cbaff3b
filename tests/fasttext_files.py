"""Models of fastText's, byte by byte: what the official library cannot be made to write, and what it must refuse."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

MAGIC = 793712314


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model's numbers; each can be made to lie."""

    words: tuple[bytes, ...] = (b"</s>", b"cat", b"na\xc3\xafve")
    labels: tuple[bytes, ...] = ()
    dim: int = 2
    buckets: int = 5
    minn: int = 2
    maxn: int = 3
    model: int = 2  # 1 cbow, 2 skipgram, 3 supervised
    version: int | None = 12  # None: the oldest form, without a magic number
    rows: NDArray[np.float32] | None = None  # (words + buckets, dim); None: made up
    pruned: tuple[tuple[int, int], ...] | None = None
    quantized: bool = False
    lies: dict[str, int] = field(default_factory=dict)  # numbers written in place of the true ones

    def _say(self, name: str, true: int) -> int:
        return self.lies.get(name, true)

    def matrix(self) -> NDArray[np.float32]:
        """Return the rows of words and n-grams, as they are when unpacked."""
        if self.rows is not None:
            return self.rows
        count = len(self.words) + (self.buckets if self.pruned is None else len(self.pruned))
        return np.random.default_rng(0).standard_normal((count, self.dim)).astype(np.float32)

    def parts(self) -> dict[str, bytes]:
        """Return the file in pieces, by what they are."""
        say = self._say
        head = struct.pack("<ii", say("magic", MAGIC), say("version", self.version or 0))
        numbers = (
            say("dim", self.dim), 5, 5, 1, 5, 1, 2, say("model", self.model),
            say("buckets", self.buckets), say("minn", self.minn), say("maxn", self.maxn), 100,
        )  # fmt: skip
        entries = self.words + self.labels
        counts = (
            say("size", len(entries)), say("nwords", len(self.words)), say("nlabels", len(self.labels)), 99,
        )  # fmt: skip
        pruned = struct.pack("<q", say("pruned", -1 if self.pruned is None else len(self.pruned)))
        types = [0] * len(self.words) + [1] * len(self.labels)
        written = [
            word + struct.pack("<Bqb", 0, 7, say("type", kind))
            for word, kind in zip(entries, types, strict=True)
        ]
        new = self.version is not None
        return {
            "magic": head if new else b"",
            "arguments": struct.pack("<12id", *numbers, 1e-4),
            "dictionary": struct.pack("<3iq", *counts) + (pruned if new else b""),
            "words": b"".join(written),
            "pairs": b"".join(struct.pack("<ii", *pair) for pair in self.pruned or ()),
            "quantized": bytes([say("quantized", int(self.quantized))]) if new else b"",
            "input": self._quantised() if self.quantized else self._dense(self.matrix()),
            "output flag": bytes([say("output quantized", 0)]) if new else b"",
            "output": self._dense(np.zeros((2, self.dim), np.float32), "output "),
        }

    def _dense(self, matrix: NDArray[np.float32], which: str = "") -> bytes:
        m, n = matrix.shape
        return struct.pack("<qq", self._say(f"{which}m", m), self._say(f"{which}n", n)) + matrix.tobytes()

    def _quantised(self) -> bytes:
        """Give each of up to 256 rows a centroid of its own: nothing is lost."""
        matrix, say = self.matrix(), self._say
        m, n = matrix.shape
        dsub = 2
        runs = -(-n // dsub)
        codes = np.repeat(np.arange(m, dtype=np.uint8)[:, None], runs, axis=1)
        centroids = []
        for start in range(0, n, dsub):
            run = np.zeros((256, min(dsub, n - start)), np.float32)
            run[:m] = matrix[:, start : start + dsub]
            centroids.append(run.tobytes())
        quantizer = struct.pack(
            "<iiii",
            say("pq dim", n),
            say("nsubq", runs),
            say("dsub", dsub),
            say("lastdsub", n % dsub or dsub),
        )
        size = struct.pack("<Bqqi", say("qnorm", 0), say("m", m), say("n", n), say("codesize", codes.size))
        return size + codes.tobytes() + quantizer + b"".join(centroids)

    def bytes(self) -> bytes:
        """Return the file."""
        return b"".join(self.parts().values())
