"""What gensim's ``save`` wrote, ``.kv`` or ``.model`` → blocks of its words and rows. The pickle in it is not run.

A file is a pickle of one object: a ``KeyedVectors``, or a model that has one as its ``wv``. Arrays of more than 10 MB
lie beside it, ``NAME.vectors.npy`` or ``NAME.wv.vectors.npy``; smaller ones are in the pickle. `read_symbols` says what
the pickle says, and of that the list of words and the bytes of the array are taken, by the names that gensim has had
for them since 0.12.

Source: gensim 4.4 ``utils.SaveLoad`` and ``models/keyedvectors.py``; the models of old versions among gensim's tests.
"""

from __future__ import annotations

import math
import mmap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np

from torchvectors.errors import ParseError, shown
from torchvectors.formats.block import Block
from torchvectors.formats.symbols import BrokenPickleError, Made, Name, read_symbols
from torchvectors.formats.utf8 import only_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["arrays_beside", "is_pickle", "read_gensim"]

BLOCK = 512 * 1024  # bytes of rows at a time
_WORDS = ("index_to_key", "index2word", "index2entity")  # of gensim 4, of 0.12 to 3, of 3's entities
_ROWS = ("vectors", "syn0")  # of gensim 3.3 and later, and before
_DTYPES = {"f2", "f4", "f8"}
_CURE = (
    "A pickle is not run here, for it may do anything. If you trust it, load it with the program that made it, and "
    "give the file that gensim's KeyedVectors.save_word2vec_format(path, binary=True) writes."
)
_OLD_TORCH = 0x1950A86A20F9469CFC6C  # begins what torch before 1.6 saved


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """An object with words: its class, its state, and where the arrays are that lie beside the pickle."""

    kind: str
    state: dict[object, object]
    inside: str  # of the file's name: "" or ".wv"


def is_pickle(head: bytes) -> bool:
    """Say whether a file that begins like this is a pickle, of which gensim's are one kind.

    No text begins so: the first byte is none that UTF-8 has at a beginning.
    """
    return len(head) > 1 and head[0] == 0x80 and 2 <= head[1] <= 5


def arrays_beside(path: Path) -> tuple[Path, ...]:
    """Return the files in which the rows of a model may lie that is saved at a path; they need not be there."""
    return tuple(path.with_name(f"{path.name}{inside}.{one}.npy") for inside in ("", ".wv") for one in _ROWS)


def read_gensim(path: Path, *, name: str, max_vectors: int | None = None) -> Iterator[Block]:
    """Read words and rows, in the model's order. Nothing of the pickle is imported, called or made.

    Args:
        path: The file; what gensim stored apart must lie beside it, and is mapped. The pickle is read into memory.
        name: What errors call it.
        max_vectors: Stop after so many words; None or 0 means all of them.

    Yields:
        Blocks, all of one dim; none of them empty. Rows are float32.

    Raises:
        ParseError: The file is damaged, or is no pickle of gensim's; an array is not beside it; its keys are not
            text; or it is a fastText model, whose words gensim does not store with their vectors.
    """
    try:
        with path.open("rb") as file, _mapped_bytes(file) as whole:
            found = _keyed(read_symbols(cast("BinaryIO", whole)))
        tokens = _tokens(found)
        rows = _rows(found, path)
        if rows.ndim != 2 or not rows.shape[1] or len(rows) < len(tokens) or not len(tokens):
            raise BrokenPickleError(f"it has {len(tokens):,} words, and rows of the shape {rows.shape}")
    except BrokenPickleError as error:
        reason = str(error).rstrip(".")
        raise ParseError(f"{name}: no vectors can be read from this pickle: {reason}. {_CURE}") from error

    def blocks() -> Iterator[Block]:
        size = max(BLOCK // (4 * rows.shape[1]), 1)
        for start in range(0, len(tokens), size):
            part = slice(start, min(start + size, len(tokens)))
            with np.errstate(over="ignore"):
                yield Block.of(tokens[part], rows[part].astype(np.float32))

    yield from only_text(blocks(), name=name, max_vectors=max_vectors)


def _mapped_bytes(file: BinaryIO) -> mmap.mmap:
    """Map a file: what is read of it is never longer than it is, whatever length a pickle speaks of."""
    try:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except ValueError as error:
        raise BrokenPickleError("there is nothing in it") from error


def _keyed(saved: object) -> _Found:
    """Return the object that has the words: the one that was saved, or its ``wv``."""
    inside = ""
    kind, state = _made(saved)
    # gensim before 1.0 had the words in the model itself.
    if isinstance(state.get("wv"), Made):
        inside = ".wv"
        kind, state = _made(state["wv"])
    if "fasttext" in kind.lower():
        more = "with its n-grams, gensim.models.fasttext.save_facebook_model writes it"
        raise BrokenPickleError(f"gensim's {kind} is stored without its words' vectors; {more}")
    return _Found(kind=kind, state=state, inside=inside)


def _made(saved: object) -> tuple[str, dict[object, object]]:
    maker = saved.maker if isinstance(saved, Made) else None
    if not isinstance(saved, Made) or not isinstance(maker, Name) or not maker.module.startswith("gensim."):
        made = (
            f"what {maker.module[:60]}.{maker.name[:60]} makes"
            if isinstance(maker, Name)
            else "no such object"
        )
        raise BrokenPickleError(
            f"it holds {'what torch saved' if saved == _OLD_TORCH else made}, and not gensim's"
        )
    if not isinstance(saved.state, dict):
        raise BrokenPickleError(f"gensim's {maker.name[:60]} has no attributes in it")
    return maker.name[:60], saved.state


def _tokens(found: _Found) -> list[bytes]:
    words = next((found.state[one] for one in _WORDS if isinstance(found.state.get(one), list)), None)
    if not isinstance(words, list):
        raise BrokenPickleError(f"gensim's {found.kind} has no list of words in it")
    tokens = [
        word if isinstance(word, bytes) else word.encode("utf-8", "surrogatepass")
        for word in words
        if isinstance(word, (str, bytes))
    ]
    if len(tokens) < len(words):
        other = next(word for word in words if not isinstance(word, (str, bytes)))
        raise BrokenPickleError(
            f"gensim's {found.kind} has a key in it that is no text but {type(other).__name__}"
        )
    return tokens


def _rows(found: _Found, path: Path) -> NDArray[Any]:
    """Return the rows, out of the pickle or mapped from the file beside it."""
    apart = found.state.get("__numpys")
    for one in _ROWS:
        if isinstance(apart, list) and one in apart:
            return _mapped(path.with_name(f"{path.name}{found.inside}.{one}.npy"))
        if isinstance(array := found.state.get(one), Made):
            return _array(array)
    raise BrokenPickleError(f"gensim's {found.kind} has no rows in it")


def _mapped(path: Path) -> NDArray[Any]:
    if not path.is_file():
        raise BrokenPickleError(
            f"its rows were stored apart, and {path} is not there: put it beside the file"
        )
    try:
        array = np.lib.format.open_memmap(path, mode="r")  # it refuses arrays of objects, which are pickles
    except Exception as error:  # of every kind: numpy reads the head of an array with Python's own tokenizer
        raise BrokenPickleError(f"{path} is no array, or a damaged one ({error!s:.100})") from error
    if array.dtype.str[1:] not in _DTYPES:
        raise BrokenPickleError(f"{path} is no array of floating-point numbers")
    return array


def _array(made: Made) -> NDArray[Any]:
    """Return an array that a pickle holds, as numpy's ``__reduce__`` and ``__reduce_ex__`` lay it out."""
    match made:
        case Made(
            maker=Name(name="_reconstruct"), state=(_, tuple(shape), Made() as dtype, bool(fortran), data)
        ):
            order = fortran
        case Made(
            maker=Name(name="_frombuffer"), arguments=(data, Made() as dtype, tuple(shape), str(letter))
        ):
            order = letter == "F"
        case _:
            raise BrokenPickleError("its rows are laid out in a way that is not known here")
    kind, raw = _dtype(dtype), _raw(data)
    # Of a number of any length Python would go on multiplying for ever.
    whole = len(shape) <= 2 and all(type(n) is int and 0 <= n < 1 << 48 for n in shape)
    if not whole or math.prod(shape) * kind.itemsize != len(raw):
        raise BrokenPickleError(f"its rows are of the shape {shown(shape, 60)}, and take {len(raw):,} bytes")
    return np.frombuffer(raw, kind).reshape(shape, order="F" if order else "C")


def _dtype(made: Made) -> np.dtype[Any]:
    match made:
        case Made(
            maker=Name(module="numpy", name="dtype"), arguments=(str(kind), *_), state=(_, str(order), *_)
        ):
            if kind in _DTYPES and order in "<>=|":
                return np.dtype(f"{order}{kind}")
    raise BrokenPickleError("its rows are not of floating-point numbers")


def _raw(data: object) -> bytes:
    match data:
        case bytes() | bytearray():
            return bytes(data)
        case str():  # Python 2's, where all bytes happen to be ASCII
            return data.encode("latin-1", "replace")
        case Made(maker=Name(module="_codecs", name="encode"), arguments=(str(text), "latin1")):
            try:
                return text.encode("latin-1")  # how protocol 2 spells bytes in Python 3
            except UnicodeEncodeError as error:
                raise BrokenPickleError("its rows are not bytes") from error
    raise BrokenPickleError("its rows are not bytes")
