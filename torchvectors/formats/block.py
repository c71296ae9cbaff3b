"""What every reader yields and every writer takes: some tokens and their rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Block", "keep_heap"]

_LARGEST = 16 << 20  # bytes of an array that is made of a block; glibc learns no more than 32 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """N tokens and their N rows, in the file's order.

    The tokens lie one after another in one array, because a Python object for each of some million tokens
    would cost more time and memory than all the rest of a conversion.
    """

    token_bytes: NDArray[np.uint8]  # the tokens' UTF-8, end to end
    token_lengths: NDArray[np.int64]  # (N,) bytes of each token
    rows: NDArray[np.float32]  # (N, dim)
    listed: list[bytes] | None = field(
        default=None, repr=False
    )  # the tokens one by one, where they are known

    def __post_init__(self) -> None:
        if self.token_lengths.sum() != len(self.token_bytes) or len(self.token_lengths) != len(self.rows):
            text = (
                f"a block of {len(self.rows)} rows has {len(self.token_lengths)} token lengths, "
                f"which add up to {self.token_lengths.sum()} of {len(self.token_bytes)} bytes"
            )
            raise ValueError(text)

    def __len__(self) -> int:
        return len(self.rows)

    @classmethod
    def of(cls, tokens: list[bytes], rows: NDArray[np.float32]) -> Block:
        """Make a block of a list of tokens and a matrix (N, dim)."""
        lengths = np.fromiter(map(len, tokens), np.int64, len(tokens))
        return cls(
            token_bytes=np.frombuffer(b"".join(tokens), np.uint8),
            token_lengths=lengths,
            rows=rows,
            listed=tokens,
        )

    @classmethod
    def at(
        cls,
        raw: NDArray[np.uint8],
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
        rows: NDArray[np.float32],
    ) -> Block:
        """Make a block of tokens that lie in some bytes, each from its start to its end, and a matrix (N, dim)."""
        lengths = ends - starts
        # Where each byte of a token lies: the token's start, and how far into the token it is.
        places = np.repeat(starts - lengths.cumsum() + lengths, lengths) + np.arange(lengths.sum())
        return cls(token_bytes=raw.take(places), token_lengths=lengths, rows=rows)

    def tokens(self) -> list[bytes]:
        """Return the tokens one by one."""
        if self.listed is not None:
            return self.listed
        whole, ends = self.token_bytes.tobytes(), self.token_lengths.cumsum().tolist()
        return [whole[start:end] for start, end in zip([0, *ends], ends, strict=False)]

    def head(self, n: int) -> Block:
        """Return the first ``n`` tokens and rows."""
        lengths = self.token_lengths[:n]
        return Block(token_bytes=self.token_bytes[: lengths.sum()], token_lengths=lengths, rows=self.rows[:n])


def keep_heap() -> None:
    """Let the C library keep what is freed, up to some megabytes, where it is glibc; nowhere does it do harm.

    Otherwise each block's arrays, some megabytes in all, are given back to the system and had from it again, page by
    page, each filled with zeros: this takes as long as half of the parsing. glibc keeps twice the largest array that
    it has freed; one that is never written to takes no memory.
    """
    np.empty(_LARGEST, np.uint8)
