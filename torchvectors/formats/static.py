"""A static embedding model, ``model.safetensors`` beside its ``tokenizer.json`` → blocks of its tokens and their rows.

This is what model2vec saves, and sentence-transformers for a ``StaticEmbedding``: a matrix ``embeddings`` (or
``embedding.weight``) with a row for each token's number, which the tokenizer's vocabulary says. model2vec may keep
fewer rows than tokens, with a ``mapping`` from numbers to rows, and ``weights`` by which a token's row is multiplied.

A token is given as the vocabulary spells it, so a piece within a word has its mark (``##ing``, ``Ġthe``, ``▁the``).

Source: model2vec 0.10 ``persistence.py`` and ``StaticModel.encode``; tokenizers' JSON.
"""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from torchvectors.errors import ParseError
from torchvectors.formats.block import Block
from torchvectors.formats.utf8 import only_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["TOKENIZER", "WEIGHTS", "is_safetensors", "is_static", "read_static", "weights_of"]

logger = logging.getLogger(__name__)

WEIGHTS, TOKENIZER = "model.safetensors", "tokenizer.json"
BLOCK = 512 * 1024  # bytes of rows at a time
LARGEST_TOKENIZER = 1 << 27  # bytes; the largest vocabulary known takes a quarter of it
LARGEST_RATIO = 200  # rows that several tokens share may grow to so many times the files, as an archive may
_MATRICES = ("embeddings", "embedding.weight")
_FLOATS = {"F16", "F32", "F64", "I8"}  # model2vec multiplies int8 rows as they are
_INTEGERS = {"I8", "U8", "I16", "U16", "I32", "U32", "I64", "U64"}
_CURE = "Get the model again."


def is_safetensors(head: bytes) -> bool:
    """Say whether a file that begins like this is safetensors: a length of up to four gigabytes, and JSON."""
    return head[4:9] == b"\0\0\0\0{"


def is_static(head: bytes) -> bool:
    """Say whether a file that begins like this is safetensors with a matrix of the name that such a model's has."""
    # A store of this package has no array of these names.
    return is_safetensors(head) and any(b'"%s"' % one.encode() in head for one in _MATRICES)


def weights_of(folder: Path) -> Path | None:
    """Return the file with a model's numbers, in the folder that the model was saved to; None if it has none."""
    places = (folder / WEIGHTS, folder / "0_StaticEmbedding" / WEIGHTS)
    try:
        return next((path for path in places if path.is_file() and path.with_name(TOKENIZER).is_file()), None)
    except OSError:  # the system cannot tell: a name too long
        return None


def read_static(path: Path, *, name: str, max_vectors: int | None = None) -> Iterator[Block]:
    """Read tokens and rows, in the order of the tokens' numbers.

    Args:
        path: ``model.safetensors``; ``tokenizer.json`` must lie beside it. The rows are mapped, the vocabulary is
            in memory.
        name: What errors call the model.
        max_vectors: Stop after so many tokens; None or 0 means all of them.

    Yields:
        Blocks, all of one dim; none of them empty. Rows are float32, multiplied by the model's weights where it has
        some.

    Raises:
        ParseError: A file is damaged, or holds another model; the tokenizer is not there, or of a kind without a
            vocabulary; or there are tokens without a row.
    """
    tokens, numbers = _vocabulary(path.with_name(TOKENIZER), name)
    with _opened(path, name) as model:
        matrix = next((one for one in _MATRICES if one in model.keys()), None)  # noqa: SIM118 - it is no dict
        if matrix is None:
            held = ", ".join(sorted(model.keys())[:5])
            raise ParseError(f"{name}: this is no static embedding model: it holds {held or 'nothing'}.")
        rows = model.get_slice(matrix)
        n, dim = _shape(rows, 2, _FLOATS, matrix, name)
        places = _one_each(model, "mapping", _INTEGERS, numbers, name)
        weights = _one_each(model, "weights", _FLOATS, numbers, name)
        places = numbers if places is None else places.astype(np.int64)
        if len(wrong := places[(places < 0) | (places >= n)]):
            raise ParseError(f"{name}: a token has row {int(wrong[0]):,}, and there are {n:,} rows. {_CURE}")
        nbytes = path.stat().st_size + path.with_name(TOKENIZER).stat().st_size
        if 4 * len(tokens) * dim > LARGEST_RATIO * nbytes:
            raise ParseError(f"{name}: it would unpack to {len(tokens):,} rows of dim {dim:,}. {_CURE}")
        if weights is not None:
            logger.info("%s: each row is multiplied by its token's weight", name)

        def blocks() -> Iterator[Block]:
            size = max(BLOCK // (4 * dim), 1)
            for start in range(0, len(tokens), size):
                part = slice(start, start + size)
                found = _taken(rows, places[part])
                if weights is not None:
                    with np.errstate(over="ignore", invalid="ignore"):  # a damaged row may hold any number
                        found *= weights[part, None].astype(np.float32)
                yield Block.of(tokens[part], found)

        yield from only_text(blocks(), name=name, max_vectors=max_vectors)


@contextmanager
def _opened(path: Path, name: str) -> Iterator[Any]:
    from safetensors import SafetensorError, safe_open

    with path.open("rb"):
        pass  # what is missing or not ours to read is no damaged file
    try:
        model = safe_open(path, framework="numpy")  # it maps the file, having checked it
    except (SafetensorError, OSError) as error:
        raise ParseError(
            f"{name}: this is no safetensors file, or a damaged one: {error}. {_CURE}"
        ) from error
    with model:
        yield model


def _shape(rows: Any, ndim: int, dtypes: set[str], what: str, name: str) -> tuple[int, ...]:
    shape, dtype = tuple(rows.get_shape()), rows.get_dtype()
    if len(shape) != ndim or 0 in shape:
        raise ParseError(
            f"{name}: {what!r} has the shape {shape}, and {ndim} dims of one or more are needed."
        )
    if dtype not in dtypes:
        cure = "Save the model with numbers of another type, such as float32."
        raise ParseError(
            f"{name}: {what!r} is of type {dtype}, and {', '.join(sorted(dtypes))} can be read. {cure}"
        )
    return shape


def _one_each(
    model: Any, what: str, dtypes: set[str], numbers: NDArray[np.int64], name: str
) -> NDArray[Any] | None:
    """Return what the model has of each token, in the order of ``numbers``; None if it has no such array."""
    if what not in model.keys():  # noqa: SIM118 - it is no dict
        return None
    (n,) = _shape(model.get_slice(what), 1, dtypes, what, name)
    if int(numbers.max()) >= n:
        raise ParseError(
            f"{name}: {what!r} is for {n:,} tokens, and one has the number {int(numbers.max()):,}. {_CURE}"
        )
    array: NDArray[Any] = model.get_tensor(what)[numbers]
    return array


def _taken(rows: Any, places: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return copies of some rows: float32. Neighbours are read at once, others one by one."""
    if len(places) > 1 and (np.diff(places) != 1).any():
        return np.stack([np.asarray(rows[int(place)], np.float32) for place in places])
    return np.array(rows[int(places[0]) : int(places[-1]) + 1], np.float32)


def _vocabulary(path: Path, name: str) -> tuple[list[bytes], NDArray[np.int64]]:
    """Return the tokens, in the order of their numbers, and these."""
    if not path.is_file():
        cure = f"Put the model's {TOKENIZER} beside it, or name the folder that has both."
        raise ParseError(
            f"{name}: it has rows, and {path.name}, which says whose they are, is not there. {cure}"
        )
    if path.stat().st_size > LARGEST_TOKENIZER:
        raise ParseError(f"{path}: it has {path.stat().st_size:,} bytes, which no tokenizer has.")
    try:
        told = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ParseError(f"{path}: this is no JSON, or a damaged one ({error!s:.100}). {_CURE}") from error
    found = _numbers_of(told)
    if not found:
        cure = "Only WordPiece, WordLevel, BPE and Unigram have one."
        raise ParseError(f"{path}: there is no vocabulary in this tokenizer, from tokens to numbers. {cure}")
    ordered = sorted(found.items(), key=lambda item: item[1])
    # A lone surrogate is text in JSON and none in UTF-8: its token is left out with the others that are not.
    tokens = [token.encode("utf-8", "surrogatepass") for token, _ in ordered]
    return tokens, np.array([number for _, number in ordered], np.int64)


def _numbers_of(told: object) -> dict[str, int]:
    """Return each token's number, as ``Tokenizer.get_vocab()`` does; nothing if that cannot be read."""
    match told:
        case {"model": {"vocab": dict(vocab)}}:
            pairs = list(vocab.items())
        case {"model": {"vocab": [*scored]}} if all(isinstance(one, list) and one for one in scored):
            pairs = [(one[0], number) for number, one in enumerate(scored)]
        case _:
            return {}
    added = told.get("added_tokens") if isinstance(told, dict) else None
    for one in added if isinstance(added, list) else ():
        match one:
            case {"content": content, "id": number}:
                pairs.append((content, number))
    # To Python, true is an int.
    if not all(
        isinstance(token, str) and type(number) is int and 0 <= number < 1 << 32 for token, number in pairs
    ):
        return {}
    return dict(pairs)
