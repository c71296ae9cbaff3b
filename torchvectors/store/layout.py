"""A file's bytes ↔ its metadata and named arrays: the safetensors layout, and what a store adds to it."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from xxhash import xxh3_64_hexdigest

from torchvectors.formats import Ngrams, PlainRows

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CURE",
    "DATA_START",
    "FORMAT",
    "VECTOR_DTYPE",
    "VERSION",
    "BrokenStoreError",
    "Encoding",
    "Layout",
    "OtherVersionError",
    "Tensor",
    "header_is_whole",
    "ngram_metadata",
    "pack",
    "unpack",
]

Array = np.ndarray[tuple[int, ...], np.dtype[Any]]
Encoding = Literal["float32", "float16", "int8"]

CURE = "If this package made the file, delete it: it is made anew when it is next asked for."

FORMAT, VERSION = "torchvectors", "1"
HEADER_CHECKSUM = "header_checksum"  # in the metadata
NGRAMS = "fasttext"  # the rule of the n-grams, where there are any
DATA_START = 16384  # bytes before the first row: room for the header, and a multiple of a page
LONGEST_HEADER = 1 << 20  # bytes; a store's own is shorter than DATA_START, another program's may be longer
_DIGITS = 10  # of a number in the metadata
MOST_DIMENSIONS = 32  # of an array: as many as every numpy takes

_DTYPES: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "I8": np.dtype("i1"),
    "U8": np.dtype("u1"),
    "U32": np.dtype("<u4"),
    "U64": np.dtype("<u8"),
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}
VECTOR_DTYPE: dict[Encoding, np.dtype[Any]] = {
    "float32": _DTYPES["F32"],
    "float16": _DTYPES["F16"],
    "int8": _DTYPES["I8"],
}


class BrokenStoreError(ValueError):
    """A store contradicts itself; the reader adds which file it is, and the cure."""


class OtherVersionError(BrokenStoreError):
    """A store is whole, as far as is known, and of another version than this package reads and writes."""

    def __init__(self, version: str, *, older: bool) -> None:
        age = "an older torchvectors has" if older else "a newer torchvectors has"
        super().__init__(
            f"it is of version {version}, which {age} made, and this one reads version {VERSION}"
        )
        self.older = older


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """Where one array lies in the data that follow the header."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    start: int  # bytes
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A store's checked metadata and arrays."""

    metadata: Mapping[str, str]
    encoding: Encoding
    data_start: int  # bytes
    tensors: Mapping[str, Array]
    ngrams: Ngrams | None  # None: tokens that are not in the store have no vector


def ngram_metadata(ngrams: Ngrams | None) -> dict[str, str]:
    """Return what a store's metadata say of its n-grams."""
    if ngrams is None:
        return {}
    numbers = {"minn": ngrams.minn, "maxn": ngrams.maxn, "bucket": ngrams.buckets}
    return {"ngrams": NGRAMS, **{name: str(number) for name, number in numbers.items()}}


def pack(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """Return the first `DATA_START` bytes of a store: the header's length, the header as JSON, and blanks.

    Raises:
        BrokenStoreError: The metadata do not fit, or are not all strings.
    """
    if not all(isinstance(text, str) for item in metadata.items() for text in item):
        raise BrokenStoreError(f"its metadata must be strings, and they are {dict(metadata)}")
    own = {"format": FORMAT, "version": VERSION}  # in front, and whatever the metadata say
    said = {key: text for key, text in metadata.items() if key != HEADER_CHECKSUM}
    header: dict[str, Any] = {"__metadata__": own | said | own}
    for name, tensor in tensors.items():
        place = [tensor.start, tensor.end]
        header[name] = {"dtype": _NAMES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": place}
    # A path that is not UTF-8 holds lone surrogates, which no safetensors reader takes: "?" stands for them.
    text, room = json.dumps(header, ensure_ascii=False).encode(errors="replace"), DATA_START - 8
    header["__metadata__"][HEADER_CHECKSUM] = _checksum_of(json.loads(text))
    text = json.dumps(header, ensure_ascii=False).encode(errors="replace")
    if len(text) > room:
        raise BrokenStoreError(f"its metadata take {len(text)} bytes, and there is room for {room}")
    return room.to_bytes(8, "little") + text.ljust(room)


def _checksum_of(header: Mapping[str, Any]) -> str:
    """Return the checksum of a header, but for the checksum in it: of what it says, however that is spelled."""
    metadata = {key: text for key, text in header["__metadata__"].items() if key != HEADER_CHECKSUM}
    text = json.dumps({**header, "__metadata__": metadata}, sort_keys=True, separators=(",", ":"))
    return f"xxh3_64:{xxh3_64_hexdigest(text.encode())}"


def header_is_whole(header: Mapping[str, Any]) -> bool:
    """Say whether a header has no checksum of its own, or the right one."""
    written = header["__metadata__"].get(HEADER_CHECKSUM)
    return written is None or written == _checksum_of(header)


def unpack(data: memoryview) -> Layout:
    """Return views of a store's arrays, having checked that header and arrays make sense together.

    The contents of the arrays are not read: what they say is checked where it is used.

    Raises:
        BrokenStoreError: They do not.
    """
    length = int.from_bytes(data[:8], "little")
    if not 2 <= length <= min(LONGEST_HEADER, len(data) - 8):
        raise BrokenStoreError(f"its header would be {length} bytes long")
    metadata, described = _parsed(data[8 : 8 + length])
    kind, version = metadata.get("format"), metadata.get("version")
    if kind == FORMAT and version != VERSION and re.fullmatch(r"0|[1-9][0-9]{0,3}", version or "", re.ASCII):
        raise OtherVersionError(str(version), older=int(version or 0) < int(VERSION))
    if (kind, version) != (FORMAT, VERSION):
        text = f"it says {kind!r} version {version!r}, and this package reads {FORMAT!r} version {VERSION!r}"
        raise BrokenStoreError(text)
    encoding = next((e for e in get_args(Encoding) if e == metadata.get("encoding")), None)
    if encoding is None or "checksum" not in metadata:
        raise BrokenStoreError("its metadata lack the encoding or the checksum")
    tensors = _views(described, data[8 + length :])
    _check(tensors, encoding)
    ngrams = _ngrams(tensors, metadata)
    return Layout(metadata=metadata, encoding=encoding, data_start=8 + length, tensors=tensors, ngrams=ngrams)


def _parsed(header: memoryview) -> tuple[dict[str, str], list[tuple[str, Tensor]]]:
    try:
        entries = json.loads(str(header, "utf-8"))
    except (ValueError, RecursionError) as error:
        raise BrokenStoreError(f"its header cannot be read ({error})") from error
    metadata = entries.get("__metadata__") if isinstance(entries, dict) else None
    if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
        raise BrokenStoreError("its header has no metadata, or some that are not strings")
    # Before anything else of it is believed: a bit may have turned its version into another one.
    if not header_is_whole(entries):
        raise BrokenStoreError("its header is not as it was written: its checksum is wrong")
    del entries["__metadata__"]
    return metadata, [(name, _described(name, entry)) for name, entry in entries.items()]


def _described(name: str, entry: object) -> Tensor:
    match entry:
        case {"dtype": str(dtype), "shape": [*shape], "data_offsets": [start, end]} if (
            dtype in _DTYPES
            and len(shape) <= MOST_DIMENSIONS
            # Not isinstance: to Python, true is an int.
            and all(type(number) is int and number >= 0 for number in (*shape, start, end))
        ):
            return Tensor(dtype=_DTYPES[dtype], shape=tuple(shape), start=start, end=end)
    text = f"{name!r} has no dtype of {', '.join(_DTYPES)}, or no shape, or no place in its header"
    raise BrokenStoreError(text)


def _views(described: list[tuple[str, Tensor]], data: memoryview) -> dict[str, Array]:
    """Return every array as a view of ``data``, in which they must lie end to end."""
    views: dict[str, Array] = {}
    position = 0
    for name, tensor in sorted(described, key=lambda item: (item[1].start, item[1].end)):
        nbytes = math.prod(tensor.shape) * tensor.dtype.itemsize
        if tensor.start != position or not tensor.end == position + nbytes <= len(data):
            text = f"{name} {tensor.shape} would lie at {tensor.start} to {tensor.end} of {len(data)} bytes"
            raise BrokenStoreError(f"{text}, after {position}")
        views[name] = np.frombuffer(data[tensor.start : tensor.end], tensor.dtype).reshape(tensor.shape)
        position = tensor.end
    if position != len(data):
        raise BrokenStoreError(f"it holds {len(data)} bytes of data, and its header speaks of {position}")
    return views


def _check(tensors: Mapping[str, Array], encoding: Encoding) -> None:
    needed = {"vectors", "token_bytes", "token_offsets", "index_hashes", "index_rows", "index_starts"}
    if missing := needed - tensors.keys():
        raise BrokenStoreError(f"it lacks {', '.join(sorted(missing))}")
    vectors, starts = tensors["vectors"], tensors["index_starts"]
    if vectors.ndim != 2 or starts.ndim != 1:
        raise BrokenStoreError(f"vectors have the shape {vectors.shape}, and index_starts {starts.shape}")
    n, dim = vectors.shape
    distinct = tensors["index_hashes"].size
    nbuckets = 1 << (max(len(starts) - 1, 1).bit_length() - 1)  # a power of two
    expected: dict[str, tuple[str, tuple[int, ...]]] = {
        "vectors": (_NAMES[VECTOR_DTYPE[encoding]], (n, dim)),
        "token_bytes": ("U8", (tensors["token_bytes"].size,)),
        "token_offsets": ("U64", (n + 1,)),
        "index_hashes": ("U64", (distinct,)),
        "index_rows": ("U32", (distinct,)),
        "index_starts": ("U32", (nbuckets + 1,)),
    }
    if encoding == "int8":
        expected["scales"] = ("F32", (n,))
    _expect(tensors, expected)
    if not (0 < n <= 1 << 32 and dim > 0 and 0 < distinct <= n):
        raise BrokenStoreError(f"it has {n} rows of dim {dim}, and {distinct} tokens")
    offsets = tensors["token_offsets"]
    if (offsets[0], starts[0], starts[-1]) != (0, 0, distinct) or offsets[-1] > len(tensors["token_bytes"]):
        raise BrokenStoreError("its tokens or its index do not begin and end where they must")


def _ngrams(tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> Ngrams | None:
    rule = metadata.get("ngrams")
    if rule is None:
        return None
    if rule != NGRAMS:
        raise BrokenStoreError(f"its n-grams follow the rule {rule!r}, and this package knows {NGRAMS!r}")
    written = [metadata.get(name, "") for name in ("minn", "maxn", "bucket")]
    if not all(text.isascii() and text.isdigit() and len(text) <= _DIGITS for text in written):
        raise BrokenStoreError(f"its n-grams have {written} for minn, maxn and bucket")
    minn, maxn, buckets = map(int, written)
    rows, dim = tensors.get("ngram_vectors", np.empty(0)).shape[:1], tensors["vectors"].shape[1]
    expected = {"ngram_vectors": ("F32", (*rows, dim))}
    if "ngram_buckets" in tensors:
        expected["ngram_buckets"] = ("U32", rows)
    _expect(tensors, expected)
    try:
        return Ngrams(
            minn=minn,
            maxn=maxn,
            buckets=buckets,
            rows=PlainRows(array=tensors["ngram_vectors"]),
            kept=tensors.get("ngram_buckets"),
        )
    except ValueError as error:
        raise BrokenStoreError(str(error)) from error


def _expect(tensors: Mapping[str, Array], expected: Mapping[str, tuple[str, tuple[int, ...]]]) -> None:
    for name, (dtype, shape) in expected.items():
        array = tensors.get(name, np.empty(0, np.uint8))
        if (_NAMES[array.dtype], array.shape) != (dtype, shape):
            found = f"{_NAMES[array.dtype]} {array.shape}"
            raise BrokenStoreError(f"{name} is {found} where {dtype} {shape} must stand")
        if not array.flags.aligned:
            raise BrokenStoreError(f"{name} begins at a byte that is no multiple of {array.itemsize}")
