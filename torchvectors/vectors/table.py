"""The class that torchtext called ``Vectors``: tokens in, rows of a tensor out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from torchvectors.acquire import acquire
from torchvectors.errors import NotFoundError, StoreError, TokenTypeError
from torchvectors.progress import bar
from torchvectors.store import Store, open_store
from torchvectors.vectors.unknown import UnkInit, unknown_rows
from torchvectors.vectors.views import Itos, Stoi

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, MutableMapping, MutableSequence, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Vectors"]

PathLike = str | os.PathLike[str]
_BLOCK = 1 << 16  # rows summed at a time


class Vectors:
    """Pretrained word vectors: N tokens, each with a row of ``dim`` numbers.

    The first use of a name downloads, checks and converts; each later one maps the store, in about a
    millisecond. Nothing is read before it is asked for, and the processes of one machine share what they read.

    Args:
        name: The path of a file; or the name of one in the cache, or inside the archive at ``url``; or a name of
            the catalog, such as "glove.6B.50d" or "wiki.en".
        cache: The folder for downloads and stores; or several, of which all are searched and the last is written
            to. None: see `torchvectors.cache.folders`.
        url: Where the file, or an archive that holds it, can be downloaded.
        unk_init: What a token without a vector gets: see `UnkInit`. None stands for zeros.
        max_vectors: Keep only the first so many rows; in most files these are the most frequent words.
        checksum: ``"sha256:…"`` of the file at ``url``: anything else is refused.

    Attributes:
        itos: The token of each row, as a list.
        stoi: The row of each token, as a dict; of duplicates the last one's.
        vectors: float32 (N, dim). Writing to it, or to the two above, changes this object and never the store.
        dim: Numbers per token.
        unk_init: As given.

    Raises:
        NotFoundError: There is no such file, and no URL to get it from.
        DownloadError, DigestError, ArchiveError, ParseError: The file cannot be had, or is not what it should be.
        CacheError: The cache folder cannot be written.

    Source: torchtext 0.18 ``torchtext.vocab.Vectors``.
    """

    dim: int
    itos: MutableSequence[str]
    stoi: MutableMapping[str, int]
    unk_init: UnkInit
    _store: Store | None = None
    _matrix: Tensor | None = None
    _request: dict[str, Any] | None = None  # how to come by the store again, on another machine

    def __init__(
        self,
        name: PathLike,
        cache: PathLike | Sequence[PathLike] | None = None,
        url: str | None = None,
        unk_init: UnkInit | None = None,
        max_vectors: int | None = None,
        *,
        checksum: str | None = None,
    ) -> None:
        self.unk_init = torch.Tensor.zero_ if unk_init is None else unk_init
        self._checksum = checksum
        self.cache(name, cache, url=url, max_vectors=max_vectors)

    def cache(
        self,
        name: PathLike,
        cache: PathLike | Sequence[PathLike] | None,
        url: str | None = None,
        max_vectors: int | None = None,
    ) -> None:
        """Load these vectors into this object. The constructor calls it; a subclass may load its own way."""
        request = {
            "name": name,
            "cache": cache,
            "url": url,
            "checksum": self._checksum,
            "max_vectors": max_vectors,
        }
        self._open(acquire(**request, bars=bar), max_vectors, request)  # type: ignore[arg-type]  # as named above

    def _open(
        self, store: Store, max_vectors: int | None = None, request: dict[str, Any] | None = None
    ) -> None:
        """Take a store's tokens and rows for this object's."""
        if max_vectors and max_vectors < len(
            store
        ):  # a store of more than was asked for: a part fits into memory
            head = np.arange(max_vectors)
            self._fill(list(store.tokens(0, max_vectors)), torch.from_numpy(store.rows(head)))
            return
        self._store, self._request = store, request
        self.dim, self.itos, self.stoi = store.dim, Itos(store), Stoi(store)

    def _fill(self, itos: list[str], matrix: Tensor) -> None:
        self.dim, self.itos, self.vectors = matrix.shape[1], itos, matrix
        self.stoi = {token: row for row, token in enumerate(itos)}

    @classmethod
    def from_tensor(cls, itos: Iterable[str], matrix: Tensor, *, unk_init: UnkInit | None = None) -> Vectors:
        """Make vectors of N tokens and a tensor (N, dim), which is not copied.

        Raises:
            ValueError: The numbers of tokens and rows differ, or ``matrix`` is not of two dimensions.
            TokenTypeError: A token is not a ``str``.
        """
        tokens = _checked(itos)
        if matrix.ndim != 2 or len(matrix) != len(tokens):
            raise ValueError(
                f"{len(tokens)} tokens need a matrix ({len(tokens)}, dim), not {tuple(matrix.shape)}."
            )
        made = Vectors.__new__(Vectors)
        made.unk_init = torch.Tensor.zero_ if unk_init is None else unk_init
        made._fill(tokens, matrix)  # noqa: SLF001 - its own class
        return made

    @property
    def vectors(self) -> Tensor:
        """The rows: float32 (N, dim). Of a float32 store a map of the file, of which a written page is copied."""
        if self._matrix is None:
            self._matrix = torch.from_numpy(self._mapped.all_rows())
        return self._matrix

    @vectors.setter
    def vectors(self, matrix: Tensor) -> None:
        self._matrix = matrix

    @property
    def _mapped(self) -> Store:
        if self._store is None:
            raise StoreError(
                "These vectors have neither a store nor a tensor: set .vectors, or call .cache()."
            )
        return self._store

    def __len__(self) -> int:
        return len(self._mapped if self._matrix is None else self._matrix)

    def __iter__(self) -> Iterator[str]:
        return iter(self.itos)

    def __contains__(self, token: object) -> bool:
        return isinstance(token, str) and token in self.stoi

    def __getitem__(self, token: str) -> Tensor:
        """Return the vector of one token, (dim,): a view of `vectors`, or what ``unk_init`` gives.

        Source: torchtext 0.18, which gives ``unk_init``'s row also for a key that is no string.
        """
        row = self.stoi.get(token)
        if row is None:
            return self._unknown([token] if isinstance(token, str) else [""])[0]
        if self._matrix is None and self._mapped.encoding != "float32":
            return torch.from_numpy(self._mapped.rows(np.array([row])))[0]  # decode one row, not all of them
        return self.vectors[row]

    def get_vecs_by_tokens(self, tokens: str | Iterable[str], lower_case_backup: bool = False) -> Tensor:
        """Look up one token, or n tokens.

        Args:
            tokens: One token, or n of them in any iterable; n may be 0.
            lower_case_backup: Try ``token.lower()`` when ``token`` itself has no vector.

        Returns:
            Of the dtype of `vectors` (float32): (dim,) for one token, (n, dim) for several. Always a copy.
            A token without a vector gets what ``unk_init`` gives.

        Raises:
            TokenTypeError: A token is not a ``str``.

        Source: torchtext 0.18. A tuple or a generator is several tokens here; there it was one unknown token.
        """
        if isinstance(tokens, str):
            return self._look_up([tokens], lower_case_backup)[0]
        return self._look_up(_checked(tokens), lower_case_backup)

    def _look_up(self, tokens: list[str], lower_case_backup: bool) -> Tensor:
        if (
            type(self).__getitem__ is not Vectors.__getitem__
        ):  # a subclass has a rule of its own, for each token
            rule = [t if not lower_case_backup or t in self.stoi else t.lower() for t in tokens]
            return torch.stack([self[t] for t in rule]) if rule else torch.zeros(0, self.dim)
        rows = self.rows_of(tokens)
        if lower_case_backup:
            missing = (rows < 0).nonzero()[0]
            rows[missing] = self.rows_of([tokens[i].lower() for i in missing.tolist()])
        return self.gather(rows, tokens)

    def rows_of(self, tokens: Sequence[str]) -> NDArray[np.int64]:
        """Return the rows of n tokens: int64 (n,), -1 where there is none."""
        if isinstance(self.stoi, Stoi) and not self.stoi.written:
            return self._mapped.index.find_all(tokens)
        rows = [self.stoi.get(token) for token in tokens]
        size = len(self)  # a row counted from the end, as Python allows, is told apart from "none"
        return np.array([-1 if row is None else range(size)[row] for row in rows], np.int64)

    def gather(self, rows: NDArray[np.int64], tokens: Sequence[str]) -> Tensor:
        """Return copies of n rows, (n, dim); where ``rows`` is -1, what ``unk_init`` gives for the token."""
        known = (rows >= 0).nonzero()[0]
        if self._matrix is None:
            found = torch.from_numpy(self._mapped.rows(rows[known]))
        else:
            found = self._matrix[torch.from_numpy(rows[known])]
        if len(known) == len(rows):
            return found
        gathered = found.new_zeros(len(rows), self.dim)
        gathered[torch.from_numpy(known)] = found
        missing = (rows < 0).nonzero()[0]
        gathered[torch.from_numpy(missing)] = self._unknown([tokens[i] for i in missing.tolist()]).to(
            found.dtype
        )
        return gathered

    def _unknown(self, tokens: list[str]) -> Tensor:
        return unknown_rows(self.unk_init, tokens, self.mean, self.dim)

    def mean(self) -> Tensor:
        """Return the mean of all rows: float32 (dim,). Reads them all, block by block, summing in float64."""
        total = torch.zeros(self.dim, dtype=torch.float64)
        for start in range(0, len(self), _BLOCK):
            rows = np.arange(start, min(start + _BLOCK, len(self)))
            total += self.gather(rows, ()).sum(0, dtype=torch.float64)
        return (total / max(len(self), 1)).float()

    @property
    def fingerprint(self) -> str:
        """What tells these vectors from others: the checksum of the store, or one of what is in memory."""
        if self._as_stored():
            return self._mapped.checksum
        from xxhash import xxh3_128

        digest = xxh3_128()
        for token, row in self.stoi.items():
            digest.update(f"{row}\t{token}\0".encode("utf-8", "surrogatepass"))
        digest.update(self.vectors.detach().cpu().contiguous().view(torch.uint8).numpy().data)
        return f"xxh3_128:{digest.hexdigest()}"

    def _as_stored(self) -> bool:
        """Whether nothing was written to this object since it was opened."""
        views = isinstance(self.itos, Itos) and isinstance(self.stoi, Stoi)
        if self._store is None or not views or self.itos.written or self.stoi.written:  # type: ignore[attr-defined]
            return False
        return self._matrix is None or self._matrix._version == 0  # noqa: SLF001 - torch's own count of writes

    def __getstate__(self) -> dict[str, Any]:
        state = {name: value for name, value in vars(self).items() if name not in ("_store", "_matrix")}
        if self._as_stored():
            del state["itos"], state["stoi"]
            return state | {"_place": (self._mapped.path, self._mapped.checksum)}
        return state | {"itos": list(self.itos), "stoi": dict(self.stoi), "_matrix": self.vectors}

    def __setstate__(self, state: dict[str, Any]) -> None:
        place = state.pop("_place", None)
        vars(self).update(state)
        if place is not None:
            store = _reopened(place, self._request)
            self._store, self.itos, self.stoi = store, Itos(store), Stoi(store)


def _checked(tokens: Iterable[str]) -> list[str]:
    """Return the tokens as a list, having refused what is none."""
    try:
        listed = list(tokens)
    except TypeError:
        text = f"tokens must be a str or an iterable of str, not {type(tokens).__name__}: {tokens!r}"
        raise TokenTypeError(text) from None
    for place, token in enumerate(listed):
        if not isinstance(token, str):
            text = f"tokens must be str, and the one at position {place} is {type(token).__name__}: {token!r}"
            raise TokenTypeError(text)
    return listed


def _reopened(place: tuple[Path, str], request: dict[str, Any] | None) -> Store:
    """Open the store of a pickle: where it was, or by way of the name, for another machine keeps it elsewhere."""
    path, checksum = place
    try:
        return open_store(path, checksum)
    except (FileNotFoundError, StoreError) as error:
        if request is None:
            raise
        try:
            store = acquire(**request, bars=bar)
        except NotFoundError:
            raise error from None
        if store.checksum != checksum:
            text = f"{store.path}: the pickled vectors had the contents {checksum}, and {request['name']} now has"
            raise StoreError(f"{text} {store.checksum}. Make the object anew from its name.") from error
        return store
