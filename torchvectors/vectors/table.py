"""The class that torchtext called ``Vectors``: tokens in, rows of a tensor out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from torchvectors.acquire import acquire
from torchvectors.legacy import read_vectors
from torchvectors.progress import bar
from torchvectors.vectors import keep
from torchvectors.vectors.arguments import ENCODINGS, checked_dtype, checked_tokens
from torchvectors.vectors.neighbours import Neighbours
from torchvectors.vectors.saving import SaveFormat, save
from torchvectors.vectors.subwords import Subwords
from torchvectors.vectors.unknown import UnkInit, checked_unk_init, unknown_rows
from torchvectors.vectors.views import Itos, Stoi

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from typing_extensions import Self

    from torchvectors.store import Encoding

__all__ = ["Vectors", "expect_vectors"]

PathLike = str | os.PathLike[str]


def expect_vectors(given: object, where: str) -> None:
    """Refuse what is no `Vectors`.

    Raises:
        TypeError: It is something else; ``where`` is named.
    """
    if not isinstance(given, Vectors):
        cure = "A name alone is not enough: Vectors(name) opens it."
        text = f"{where}: the vectors must be a Vectors, such as GloVe(...), not {type(given).__name__}: {given!r:.80}"
        raise TypeError(f"{text}. {cure}")


class Vectors(Neighbours):
    """Pretrained word vectors: N tokens, each with a row of ``dim`` numbers.

    The first use of a name downloads, checks and converts; each later one maps the store, in about a
    millisecond. Nothing is read before it is asked for, and the processes of one machine share what they read.

    Args:
        name: The path of a file; or the name of one in the cache, or inside the archive at ``url``; or a name of
            the catalog, such as "glove.6B.50d" or "wiki.en".
        cache: The folder for downloads and stores; or several, of which all are searched and the last is written
            to. None: see `torchvectors.cache.folders`.
        url: Where the file, or an archive that holds it, can be downloaded.
        unk_init: What a token without a vector gets: see `UnkInit`. None stands for "subword" where the vectors
            have n-grams, as fastText's models have, and for zeros where not.
        max_vectors: Keep only the first so many rows; in most files these are the most frequent words.
        tokens: Keep only these tokens' rows, in the file's order, whichever of them it has. A word that is not kept is
            unknown from then on: of a fastText model it is composed of n-grams alone, as one that never was there.
        dtype: torch.float16 holds, maps and gives the numbers as float16: half the room, some three digits. `mean`,
            `nearest` and `torchvectors.align` go on giving float32. None stands for torch.float32.
        normalized: Bring each row to length 1; one of zeros stays as it is. What is composed of n-grams, too.
        checksum: ``"sha256:…"`` of the file at ``url``: anything else is refused.

    Attributes:
        itos: The token of each row, as a list.
        stoi: The row of each token, as a dict; of duplicates the last one's.
        vectors: (N, dim), float32 or ``dtype``. Writing to it, or to the two above, changes this object and never
            the store. ``vectors[token]`` is a view of it.
        dim: Numbers per token.
        unk_init: As given; or, where None was given, what that stands for.

    Raises:
        NotFoundError: There is no such file, and no URL to get it from.
        DownloadError, DigestError, ArchiveError, ParseError: The file cannot be had, or is not what it should be.
        CacheError: The cache folder cannot be written.
        UnknownDimError: ``name`` is one of the catalog's but for its dim.
        StoreError: A store in the cache is damaged; or a number is too large for float16.
        UnknownTokenError: None of ``tokens`` is there.
        TokenTypeError: ``tokens`` is one ``str``, or holds what is none.
        TypeError: ``unk_init`` or ``dtype`` is none of what it may be.
        ValueError: ``checksum`` is no digest; ``max_vectors`` is negative; ``tokens`` is
            empty; or ``unk_init`` is "subword", and there
            are no n-grams.

    Each choice of ``max_vectors``, ``tokens``, ``dtype`` and ``normalized`` has a store of its own, which is cut from
    that of the whole, where it is there, and otherwise made of the source in one pass. All at once are what one gets
    by hand in this order.

    A fastText model (``.bin``, ``.bin.gz``, ``.ftz``) gives any word its vector, as the official library does:
    `__getitem__` and `get_vecs_by_tokens` compose it of n-grams, unless an ``unk_init`` was given. `itos`, `stoi`,
    ``in``, ``len`` and `vectors` speak of the words in its dictionary alone.

    Source: torchtext 0.18 ``torchtext.vocab.Vectors``.
    """

    unk_init: UnkInit
    _checksum: str | None = None  # that the constructor was given, as the next two
    _only: Iterable[str] | None = None
    _normalized: bool = False

    def __init__(
        self,
        name: PathLike,
        cache: PathLike | Sequence[PathLike] | None = None,
        url: str | None = None,
        unk_init: UnkInit | None = None,
        max_vectors: int | None = None,
        *,
        checksum: str | None = None,
        tokens: Iterable[str] | None = None,
        dtype: torch.dtype | None = None,
        normalized: bool = False,
    ) -> None:
        self.unk_init = torch.Tensor.zero_ if unk_init is None else checked_unk_init(unk_init)
        self._checksum, self._only, self._normalized = checksum, tokens, normalized
        self._dtype = checked_dtype(dtype)
        self.cache(name, cache, url=url, max_vectors=max_vectors)
        if unk_init is None and self._subwords is not None:
            self.unk_init = "subword"
        self._refuse_without_ngrams()

    def _refuse_without_ngrams(self) -> None:
        if isinstance(self.unk_init, str) and self.unk_init == "subword" and not self.can_compose:
            cure = "A fastText model (.bin, .ftz) has some. Give another unk_init, or none."
            raise ValueError(f'unk_init="subword": these vectors have no n-grams. {cure}')

    def cache(
        self,
        name: PathLike,
        cache: PathLike | Sequence[PathLike] | None,
        url: str | None = None,
        max_vectors: int | None = None,
    ) -> None:
        """Load these vectors into this object. The constructor calls it; a subclass may load its own way."""
        request: dict[str, Any] = {
            "name": name,
            "cache": cache,
            "url": url,
            "checksum": self._checksum,
            "max_vectors": max_vectors,
            "encoding": ENCODINGS[self._dtype],
            "normalized": self._normalized,
        }
        store = acquire(**request, tokens=self._only, prepared=read_vectors, bars=bar)
        self._subwords = Subwords.of(store)
        self._request = request | {"only_tokens": self._only is not None}
        if max_vectors and max_vectors < len(store):  # it was given as a store: its first rows go into memory
            rows = torch.from_numpy(store.rows(np.arange(max_vectors))).to(self._dtype)
            self._fill(list(store.tokens(0, max_vectors)), rows)
            return
        self._store = store
        self._matrix = self._mean = self._measured = None  # they may be of a set that was loaded before
        self.dim, self.itos, self.stoi = store.dim, Itos(store), Stoi(store)

    @classmethod
    def from_tensor(cls, itos: Iterable[str], matrix: Tensor, *, unk_init: UnkInit | None = None) -> Self:
        """Make vectors of N tokens and a tensor (N, dim), which is not copied.

        Raises:
            ValueError: The numbers of tokens and rows differ, or ``matrix`` is not of two dimensions; or
                ``unk_init`` is "subword".
            TokenTypeError: A token is not a ``str``.
        """
        tokens = checked_tokens(itos)
        if matrix.ndim != 2 or len(matrix) != len(tokens):
            raise ValueError(
                f"{len(tokens)} tokens need a matrix ({len(tokens)}, dim), not {tuple(matrix.shape)}."
            )
        made = cls.__new__(cls)
        made.unk_init = torch.Tensor.zero_ if unk_init is None else checked_unk_init(unk_init)
        made._fill(tokens, matrix)  # noqa: SLF001 - its own class
        made._refuse_without_ngrams()  # noqa: SLF001
        return made

    def save(
        self,
        path: PathLike,
        *,
        format: SaveFormat | None = None,  # noqa: A002 - the word that numpy and pandas have for it
        encoding: Encoding = "float32",
    ) -> Path:
        """Write these vectors, as they are now, to a file; ``Vectors(path)`` opens it. Return its path.

        It is written block by block, and appears whole or not at all.

        Args:
            path: The file's name; a file of this name is replaced.
            format: "store"; "glove", text without a header; "word2vec", text with one, as fastText's ``.vec``; or
                "word2vec binary". None: what the name ends in says it: ``.safetensors``, ``.txt``, ``.vec`` or
                ``.bin``. All of them keep every float32 to the last bit. Only a store, whose name ends in
                ".safetensors", keeps n-grams, and tokens with spaces, with newlines or of no length.
            encoding: Of a store: "float32" keeps every number; "float16" takes half the room, "int8" a quarter.

        Raises:
            ValueError: The name tells no format, or another one; or `itos`, `stoi` and `vectors`, after they were
                written to, no longer belong together.
            FormatError: A token cannot be written in this format, or there is no row.
            CacheError, StoreError: `torchvectors.store.write_store` says when.
        """
        return save(self, path, format, encoding)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self):,} tokens of dim {self.dim}>"

    def __iter__(self) -> Iterator[str]:
        return iter(self.itos)

    def __contains__(self, token: object) -> bool:
        return isinstance(token, str) and token in self.stoi

    def __getitem__(self, token: str) -> Tensor:
        """Return the vector of one token, (dim,): a view of `vectors`, or composed, or what ``unk_init`` gives.

        Source: torchtext 0.18, which gives ``unk_init``'s row also for a key that is no string.
        """
        row = self.stoi.get(token)
        if row is None:
            if not isinstance(token, str):
                return unknown_rows(self.unk_init, [""], self.mean, self.dim)[0].to(self._gives)
            return self._unknown([token])[0].to(self._gives)
        return self.vectors[row]

    def get_vecs_by_tokens(self, tokens: str | Iterable[str], lower_case_backup: bool = False) -> Tensor:
        """Look up one token, or n tokens.

        Args:
            tokens: One token, or n of them in any iterable; n may be 0.
            lower_case_backup: Try ``token.lower()`` when ``token`` itself has no vector.

        Returns:
            Of the dtype of `vectors`: (dim,) for one token, (n, dim) for several. Always a copy.
            A token without a row gets what is composed of its n-grams, or what ``unk_init`` gives.

        Raises:
            TokenTypeError: A token is not a ``str``.

        Source: torchtext 0.18. A tuple or a generator is several tokens here; there it was one unknown token.
        """
        if isinstance(tokens, str):
            return self._look_up([tokens], lower_case_backup)[0]
        return self._look_up(checked_tokens(tokens), lower_case_backup)

    def _look_up(self, tokens: list[str], lower_case_backup: bool) -> Tensor:
        if self.has_rule:
            rule = [t if not lower_case_backup or t in self.stoi else t.lower() for t in tokens]
            return (
                torch.stack([self[t] for t in rule]) if rule else torch.zeros(0, self.dim, dtype=self._gives)
            )
        rows = self.rows_of(tokens)
        if lower_case_backup:
            missing = (rows < 0).nonzero()[0]
            lowered = [tokens[i].lower() for i in missing.tolist()]
            rows[missing] = self.rows_of(lowered)
            if self.composes:  # of what was last looked for
                tokens = tokens.copy()
                for i, token in zip(missing.tolist(), lowered, strict=True):
                    tokens[i] = token
        return self.gather(rows, tokens)

    @property
    def has_rule(self) -> bool:
        """Whether this is a subclass with a ``__getitem__`` of its own, which every look-up then follows."""
        return type(self).__getitem__ is not Vectors.__getitem__

    @property
    def composes(self) -> bool:
        """Whether tokens without a row get what `compose` makes of them, before ``unk_init`` is asked."""
        if type(self).compose is not Vectors.compose:
            return True
        return self.can_compose and isinstance(self.unk_init, str) and self.unk_init == "subword"

    @property
    def can_compose(self) -> bool:
        """Whether `compose` can make anything, be it used or not."""
        return self._subwords is not None or type(self).compose is not Vectors.compose

    def compose(self, tokens: Sequence[str]) -> tuple[NDArray[np.bool_], Tensor]:
        """Make vectors of the n-grams of n tokens, whether they have a row or not. A subclass may have its own rule.

        Returns:
            Which of them have a known n-gram, bool (n,); and float32 (n, dim), zeros where there is none.
        """
        if self._subwords is None:
            return np.zeros(len(tokens), np.bool_), torch.zeros(len(tokens), self.dim)
        return self._subwords.compose(tokens)

    def rows_of(self, tokens: Sequence[str]) -> NDArray[np.int64]:
        """Return the rows of n tokens: int64 (n,), -1 where there is none."""
        if isinstance(self.stoi, Stoi) and self.stoi.store is not None:
            return self.stoi.store.index.find_all(tokens)
        rows = [self.stoi.get(token) for token in tokens]
        size = len(self)  # a row counted from the end, as Python allows, is told apart from "none"
        return np.array([-1 if row is None else range(size)[row] for row in rows], np.int64)

    def gather(self, rows: NDArray[np.int64], tokens: Sequence[str]) -> Tensor:
        """Return copies of n rows, (n, dim); where ``rows`` is -1, what the token's n-grams or ``unk_init`` give."""
        known = (rows >= 0).nonzero()[0]
        if len(known) == len(rows):
            return self._taken(rows)
        if not len(known) and type(self).compose is Vectors.compose:  # which gives no tensor of its own
            device = None if self._matrix is None else self._matrix.device
            return self._unknown(list(tokens)).to(device, self._gives)
        found = self._taken(rows[known])
        gathered = found.new_zeros(len(rows), self.dim)
        missing = (rows < 0).nonzero()[0]
        unknown = self._unknown([tokens[i] for i in missing.tolist()]).to(gathered)
        for places, part in ((known, found), (missing, unknown)):
            gathered.index_copy_(0, torch.from_numpy(places).to(gathered.device), part)
        return gathered

    def _taken(self, rows: NDArray[np.int64]) -> Tensor:
        """Return copies of n rows that are there, (n, dim)."""
        if self._matrix is None:
            out = keep.room(len(rows), self.dim)
            self._mapped.rows(rows, out.numpy())
            return out.to(self._dtype)
        return keep.taken(self._matrix, rows)

    def _unknown(self, tokens: list[str]) -> Tensor:
        if not self.composes:
            return unknown_rows(self.unk_init, tokens, self.mean, self.dim)
        made, rows = self.compose(tokens)
        left = (~made).nonzero()[0]
        if not len(left):
            return rows
        unknown = unknown_rows(self.unk_init, [tokens[i] for i in left.tolist()], self.mean, self.dim)
        return rows.index_copy(0, torch.from_numpy(left).to(rows.device), unknown.to(rows))

    def mean(self) -> Tensor:
        """Return the mean of all rows: float32 (dim,). Reads them all, block by block, summing in float64.

        The next call reads them again only if a tensor operation has written to `vectors` meanwhile.
        """
        writes = self._writes()
        if self._mean is None or writes is None or self._mean[0] != writes:
            total = torch.zeros(self.dim, dtype=torch.float64)
            for start in range(0, len(self), keep.BLOCK):
                rows = np.arange(start, min(start + keep.BLOCK, len(self)))
                total += self.gather(rows, ()).detach().sum(0, dtype=torch.float64).cpu()
            self._mean = writes, (total / max(len(self), 1)).float()
        return self._mean[1].clone()

    def take(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return copies of n rows: float32 (n, dim)."""
        return keep.numbers(self.gather(rows, ()))
