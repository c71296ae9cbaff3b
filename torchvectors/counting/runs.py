"""Counts → sorted runs in a temporary file → the counts of all runs, added up, block by block."""

from __future__ import annotations

import json
import tempfile
from bisect import bisect_right
from contextlib import suppress
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

__all__ = ["Runs"]

Block = tuple[list[str], list[int]]  # tokens by code point, and their counts

_MOST = 64  # runs; when there are as many, they are made one, so that no merge holds more blocks than this


class Runs:
    """Sorted runs of counts in a temporary file, which has no name: the system removes it however this ends.

    Args:
        folder: Where the file is; None for the system's folder for such files.
        held: How many tokens a merge may hold at a time, about.

    Raises:
        OSError: No file can be made there, or the disk is full.
    """

    def __init__(self, folder: Path | None, held: int) -> None:
        self._folder = folder
        self._block = max(1, min(8192, held // _MOST))
        self._file: IO[bytes] | None = None
        self._spans: list[tuple[int, int]] = []  # bytes of the file

    def __bool__(self) -> bool:
        return bool(self._spans)

    def write(self, counts: Mapping[str, int]) -> None:
        """Add a run."""
        if len(self._spans) == _MOST:
            self._become_one()
        # By code point, which is also the order of their UTF-8 bytes.
        tokens = sorted(counts)
        starts = range(0, len(tokens), self._block)
        self._append(
            (part, [counts[token] for token in part])
            for part in (tokens[start : start + self._block] for start in starts)
        )

    def merged(self) -> Iterator[dict[str, int]]:
        """Yield the counts of all runs together, each token once; the blocks come in the order of their tokens."""
        streams = [stream for span in self._spans if (stream := _Stream(self._blocks(*span))).tokens]
        while streams:
            # No later block has a token up to this one.
            up_to = min(stream.tokens[-1] for stream in streams)
            total: dict[str, int] = {}
            for stream in streams:
                tokens, counts = stream.take(up_to)
                if total:
                    for token, count in zip(tokens, counts, strict=True):
                        total[token] = total.get(token, 0) + count
                else:
                    total = dict(zip(tokens, counts, strict=True))
            yield total
            streams = [stream for stream in streams if stream.tokens]

    def close(self) -> None:
        """Remove the file."""
        if self._file is not None:
            with suppress(OSError):  # the disk is full, and what was to be written is not wanted any more
                self._file.close()
        self._file, self._spans = None, []

    def _become_one(self) -> None:
        one = Runs(self._folder, self._block * _MOST)
        try:
            one._append(_sorted_block(total) for total in self.merged())
        except BaseException:
            one.close()
            raise
        self.close()
        self._file, self._spans = one._file, one._spans

    def _append(self, blocks: Iterable[Block]) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - `close` does
        start = self._file.seek(0, 2)
        for block in blocks:
            content = _packed(block)
            self._file.write(len(content).to_bytes(8, "little"))
            self._file.write(content)
        self._spans.append((start, self._file.tell()))

    def _blocks(self, start: int, end: int) -> Iterator[Block]:
        file = self._file
        if file is None:
            raise RuntimeError("these runs are closed")
        while start < end:
            file.seek(start)  # several runs are read in turn
            length = int.from_bytes(file.read(8), "little")
            yield _unpacked(file.read(length))
            start += 8 + length


class _Stream:
    """One run, of which a block is held at a time."""

    def __init__(self, blocks: Iterator[Block]) -> None:
        self._blocks = blocks
        self.tokens, self._counts = next(blocks, ([], []))

    def take(self, up_to: str) -> Block:
        """Take out the tokens of this block up to one of them."""
        end = bisect_right(self.tokens, up_to)
        taken = self.tokens[:end], self._counts[:end]
        self.tokens, self._counts = self.tokens[end:], self._counts[end:]
        if not self.tokens:
            self.tokens, self._counts = next(self._blocks, ([], []))
        return taken


def _sorted_block(counts: Mapping[str, int]) -> Block:
    tokens = sorted(counts)
    return tokens, [counts[token] for token in tokens]


# JSON, for it is read and written in C. A lone surrogate must stand there as it is: of two in a row that are written
# as escapes, JSON's readers make one character.
def _packed(block: Block) -> bytes:
    return json.dumps(block, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _unpacked(content: bytes) -> Block:
    tokens, counts = json.loads(content.decode("utf-8", "surrogatepass"))
    return tokens, counts
