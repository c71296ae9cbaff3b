"""What of a source a store is to hold, and as what: the first rows, some tokens, rows of length 1, float16.

Each cut has a store of its own, named after it. It is made of the store of the whole, where that is there, and
otherwise of the source itself, in one pass: both give the same file but for its metadata.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from torchvectors.errors import TokenTypeError, UnknownTokenError
from torchvectors.formats import Block
from torchvectors.store import Store, open_store, write_store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from torchvectors.progress import Bars, Progress
    from torchvectors.store import Encoding

__all__ = ["WHOLE", "Cut", "at_length_one", "cut_from", "is_normalized"]

_NORMALIZED = "normalized"  # among the metadata
_BLOCK = 1 << 14  # rows of a store taken at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What is kept of all rows; in this order: the first ones, of these the tokens, these at length 1, so encoded."""

    max_vectors: int | None = None  # None or 0: all
    tokens: frozenset[bytes] | None = None  # UTF-8; None: all
    digest: str = ""  # of the tokens: SHA-256 in hexadecimal
    normalized: bool = False
    encoding: Encoding = "float32"

    @classmethod
    def asked(
        cls, max_vectors: int | None, tokens: Iterable[str] | None, encoding: Encoding, normalized: bool
    ) -> Cut:
        """Settle what a caller asks for.

        Raises:
            ValueError: ``max_vectors`` is negative, or ``tokens`` are none.
            TokenTypeError: ``tokens`` is one ``str``, or holds what is none.
        """
        if max_vectors is not None and max_vectors < 0:
            raise ValueError(f"max_vectors={max_vectors}: give a number from 1 up, or None for all.")
        kept = None if tokens is None else _encoded(tokens)
        digest = "" if kept is None else _digest_of(kept)
        return cls(
            max_vectors=max_vectors, tokens=kept, digest=digest, normalized=normalized, encoding=encoding
        )

    @property
    def whole(self) -> bool:
        """Whether everything is kept as it is."""
        return not self.suffix

    @property
    def suffix(self) -> str:
        """What the name of such a store has before its ``.safetensors``."""
        parts = {
            f".top{self.max_vectors}": self.max_vectors,
            f".tokens-{self.digest[:16]}": self.tokens is not None,
            ".unit": self.normalized,
            f".{self.encoding}": self.encoding != "float32",
        }
        return "".join(part for part, there in parts.items() if there)

    @property
    def metadata(self) -> dict[str, str]:
        """What such a store says of itself."""
        kept = {} if self.tokens is None else {"kept_tokens": f"sha256:{self.digest}"}
        return kept | ({_NORMALIZED: "True"} if self.normalized else {})

    def of(self, blocks: Iterable[Block], name: str) -> Iterator[Block]:
        """Pass on what is kept of the first ``max_vectors`` rows, which whoever reads them has counted.

        Raises:
            UnknownTokenError: It is nothing; ``name`` says of what.
        """
        found = 0
        for block in blocks:
            part = block if self.tokens is None else _only(block, self.tokens)
            found += len(part)
            if len(part):
                yield _normalized(part) if self.normalized else part
        if not found and self.tokens is not None:
            some = ", ".join(repr(token.decode(errors="replace")) for token in sorted(self.tokens)[:3])
            text = f"{name}: none of the {len(self.tokens):,} tokens that are to be kept is there ({some}, …)"
            raise UnknownTokenError(f"{text}. Lower case, or another way to split words, may be the cause.")


WHOLE = Cut()


def at_length_one(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return n rows at length 1, (n, dim), but for those without a direction: of zeros, or with what is not finite."""
    wide = rows.astype(np.float64)
    lengths = np.sqrt((wide * wide).sum(axis=1, keepdims=True))
    there = np.isfinite(lengths) & (lengths > 0)
    return (wide / np.where(there, lengths, 1)).astype(np.float32)


def is_normalized(store: Store) -> bool:
    """Say whether the rows of a store were brought to length 1."""
    return store.metadata.get(_NORMALIZED) == "True"


def cut_from(
    whole: Store, target: Path, cut: Cut, bars: Bars, metadata: Mapping[str, str] | None = None
) -> Store:
    """Write the store of a cut, and open it; ``metadata`` overrule those of the whole.

    Raises:
        UnknownTokenError: Nothing is kept.
        CacheError, StoreError: `write_store` says when.
    """
    with bars(target.stem) as progress:
        said = {**whole.metadata, **(metadata or {}), **cut.metadata}
        blocks = cut.of(_blocks(whole, _rows_kept(whole, cut), progress), str(whole.path))
        write_store(target, blocks, encoding=cut.encoding, metadata=said, ngrams=whole.ngrams)
    return open_store(target)


def _encoded(tokens: Iterable[str]) -> frozenset[bytes]:
    if isinstance(tokens, str) or not hasattr(tokens, "__iter__"):
        raise TokenTypeError(f"tokens={tokens!r:.80}: give the tokens to keep in a list or a set.")
    kept = set()
    for token in tokens:
        if not isinstance(token, str):
            raise TokenTypeError(
                f"tokens= must hold str, and one of it is {type(token).__name__}: {token!r:.80}"
            )
        kept.add(token.encode("utf-8", "surrogatepass"))
    if not kept:
        raise ValueError("tokens= holds no token to keep. Give some, or None for all.")
    return frozenset(kept)


def _digest_of(tokens: frozenset[bytes]) -> str:
    digest = hashlib.sha256()
    for token in sorted(tokens):
        digest.update(b"%d " % len(token) + token)
    return digest.hexdigest()


def _only(block: Block, kept: frozenset[bytes]) -> Block:
    tokens = block.tokens()
    places = [place for place, token in enumerate(tokens) if token in kept]
    return Block.of([tokens[place] for place in places], block.rows[places])


def _normalized(block: Block) -> Block:
    rows = at_length_one(block.rows)
    return Block(token_bytes=block.token_bytes, token_lengths=block.token_lengths, rows=rows)


def _rows_kept(whole: Store, cut: Cut) -> NDArray[np.int64]:
    """Return the rows that may be among those kept; where the index knows them, no others."""
    n = min(len(whole), cut.max_vectors or len(whole))
    if cut.tokens is None or len(whole) > len(whole.index):  # of duplicates the index knows the last alone
        return np.arange(n)
    rows = whole.index.find_all([token.decode("utf-8", "surrogatepass") for token in cut.tokens])
    return np.sort(rows[(rows >= 0) & (rows < n)])


def _blocks(store: Store, rows: NDArray[np.int64], progress: Progress) -> Iterator[Block]:
    for start in range(0, len(rows), _BLOCK):
        some = rows[start : start + _BLOCK]
        tokens = [store.index.token(row) for row in some.tolist()]
        yield Block.of(tokens, store.rows(some))
        progress((start + len(some)) * store.dim * 4, len(rows) * store.dim * 4)
