"""A mapped model file → where everything lies in it, checked against the bytes there are.

A file of today begins with a magic number and its version, 12. Version 11 lacks nothing, but its supervised models
made no use of the n-grams that their parameters speak of. Before that there was no magic number, no list of pruned
n-grams and no quantising.

Source: facebookresearch/fastText ``src/fasttext.cc`` (``loadModel``), ``src/args.cc`` and ``src/dictionary.cc``; for
the oldest form, RaRe-Technologies/gensim ``gensim/models/_fasttext_bin.py``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from torchvectors.formats.fasttext.cursor import Cursor
from torchvectors.formats.fasttext.matrix import (
    LARGEST_DIM,
    QuantizedRows,
    Rows,
    SomeRows,
    read_dense,
    read_quantized,
)
from torchvectors.formats.ngrams import LARGEST_N, Ngrams

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Layout", "is_fasttext", "layout_of"]

MAGIC = 793712314
VERSIONS = (11, 12)
MODELS = {1: "cbow", 2: "skipgram", 3: "supervised"}
LARGEST_RATIO = 200  # a quantised matrix may grow to so many times the file, as an archive may

_ARGUMENTS = "12i8x"  # dim … lrUpdateRate, and the sampling threshold, a double, which nothing here needs
_OLD = struct.Struct("<12id3iq")  # the oldest form up to its dictionary


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layout:
    """A model's words, rows and n-grams, in the file."""

    cursor: Cursor
    version: int  # 0: the oldest form, which has none
    model: str
    dim: int
    starts: NDArray[np.int64]  # (N,) bytes: where the words of the dictionary begin and end, labels left out
    ends: NDArray[np.int64]
    matrix: Rows  # the rows of the words, then those of the n-grams
    ngrams: Ngrams | None  # None: only words of the dictionary have a vector

    def __len__(self) -> int:
        return len(self.starts)


def is_fasttext(head: bytes) -> bool:
    """Say whether a file that begins like this is a model of fastText's, of any version."""
    if len(head) >= 8 and head[:4] == MAGIC.to_bytes(4, "little"):
        return True
    if len(head) < _OLD.size:
        return False
    numbers = _OLD.unpack_from(head)
    dim, (words, loss, model, buckets, minn, maxn), (size, nwords, nlabels) = (
        numbers[0],
        numbers[5:11],
        numbers[13:16],
    )
    plausible = 0 < dim < 1 << 16 and loss in (1, 2, 3) and model in MODELS and words < 1 << 8
    return plausible and buckets >= 0 and max(minn, maxn) < 1 << 8 and size == nwords + nlabels and nwords > 0


def layout_of(path: Path, name: str) -> Layout:
    """Map a model and find everything in it; of the rows nothing is read.

    Raises:
        ParseError: It is cut, or contradicts itself, or is of a version to come.
    """
    cursor = Cursor(path, name)
    version = _version(cursor)
    numbers = cursor.numbers(_ARGUMENTS, "the parameters")
    dim, model, (buckets, minn, maxn) = numbers[0], numbers[7], numbers[8:11]
    if not 0 < dim <= LARGEST_DIM or model not in MODELS:
        raise cursor.wrong(f"this speaks of dim {dim:,} and model {model}")
    if version < VERSIONS[-1] and MODELS[model] == "supervised":
        maxn = 0
    nwords, starts, ends, pruned = _dictionary(cursor, version)
    matrix = _input(cursor, version, pruned=pruned is not None)
    if matrix.dim != dim or len(matrix) < nwords:
        said = f"{len(matrix):,} rows of dim {matrix.dim:,}, for {nwords:,} words of dim {dim:,}"
        raise cursor.wrong(f"the input matrix has {said}")
    if min(minn, maxn, buckets) < 0:  # the library takes them for huge numbers
        raise cursor.wrong(f"this speaks of n-grams of {minn} to {maxn} characters in {buckets:,} buckets")
    ngrams = None
    if maxn > 0 and minn <= maxn and buckets:
        ngrams = _ngrams(cursor, matrix, nwords, pruned, (minn, maxn, buckets))
    _pass_output(cursor, version, quantized=isinstance(matrix, QuantizedRows))
    return Layout(
        cursor=cursor,
        version=version,
        model=MODELS[model],
        dim=dim,
        starts=starts[:nwords],
        ends=ends[:nwords],
        matrix=matrix,
        ngrams=ngrams,
    )


def _version(cursor: Cursor) -> int:
    magic, version = cursor.numbers("ii", "the beginning")
    if magic != MAGIC:
        cursor.place = 0
        return 0
    if version not in VERSIONS:
        known = " and ".join(map(str, VERSIONS))
        raise cursor.wrong(f"this is a fastText model of version {version}, and {known} are read here")
    return version


def _dictionary(
    cursor: Cursor, version: int
) -> tuple[int, NDArray[np.int64], NDArray[np.int64], NDArray[np.int64] | None]:
    """Return the number of words, where words and labels lie, and the pruned n-grams' (P, 2), if there are any."""
    size, nwords, nlabels, _tokens = cursor.numbers("iiiq", "the dictionary")
    (pruned,) = cursor.numbers("q", "the dictionary") if version else (-1,)
    if not (nwords > 0 and nlabels >= 0 and size == nwords + nlabels and pruned >= -1):
        raise cursor.wrong(f"the dictionary has {size:,} entries: {nwords:,} words and {nlabels:,} labels")
    starts, ends, types = cursor.words(size)
    if types[:nwords].any() or (types[nwords:] != 1).any():
        raise cursor.wrong(f"the dictionary is not {nwords:,} words and then {nlabels:,} labels")
    if pruned < 0:
        return nwords, starts, ends, None
    pairs = cursor.raw(8 * pruned, "the list of n-grams").view("<i4").reshape(-1, 2).astype(np.int64)
    return nwords, starts, ends, pairs


def _input(cursor: Cursor, version: int, *, pruned: bool) -> Rows:
    what = "the input matrix"
    quantized = cursor.flag(what) if version else False
    if pruned and not quantized:
        raise cursor.wrong("only a quantised model can be pruned, and this is none")
    matrix = read_quantized(cursor, what) if quantized else read_dense(cursor, what)
    if 4 * matrix.dim * len(matrix) > LARGEST_RATIO * cursor.size:
        raise cursor.wrong(f"{what} would unpack to {len(matrix):,} rows of dim {matrix.dim:,}")
    return matrix


def _ngrams(
    cursor: Cursor,
    matrix: Rows,
    nwords: int,
    pruned: NDArray[np.int64] | None,
    parameters: tuple[int, int, int],
) -> Ngrams | None:
    minn, maxn, buckets = parameters
    count = len(matrix) - nwords
    if maxn > LARGEST_N or (pruned is None and count != buckets):
        said = f"n-grams of {minn} to {maxn} characters in {buckets:,} buckets"
        raise cursor.wrong(f"this speaks of {said}, and has {count:,} rows for them")
    if pruned is None:
        rows = SomeRows(matrix=matrix, places=nwords, count=count)
        return Ngrams(minn=minn, maxn=maxn, buckets=buckets, rows=rows)
    if len(pruned) > count or ((pruned[:, 1] < 0) | (pruned[:, 1] >= count)).any():
        raise cursor.wrong(f"the list of {len(pruned):,} n-grams leads out of their {count:,} rows")
    # Of two entries for one bucket the library's map keeps the last; one that no hash can hit is of no use.
    row_of = {bucket: row for bucket, row in pruned.tolist() if 0 <= bucket < buckets}
    if not row_of:
        return None
    kept = np.array(sorted(row_of), np.uint32)
    places = nwords + np.array([row_of[bucket] for bucket in kept.tolist()], np.int64)
    rows = SomeRows(matrix=matrix, places=places, count=len(places))
    return Ngrams(minn=minn, maxn=maxn, buckets=buckets, rows=rows, kept=kept)


def _pass_output(cursor: Cursor, version: int, *, quantized: bool) -> None:
    """See that the file is whole: the output matrix, which nobody needs here, is its end."""
    what = "the output matrix"
    also = cursor.flag(what) if version else False
    if quantized and also:
        read_quantized(cursor, what)
    else:
        read_dense(cursor, what)
    if cursor.left:
        raise cursor.wrong(f"{cursor.left:,} bytes follow behind the end of the model")
