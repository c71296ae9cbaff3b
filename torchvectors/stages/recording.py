"""Rows of tokens → a mapped file of their tokens' numbers → the same rows, as often as wanted.

The file is a safetensors file of R rows and D distinct tokens, which are numbered in the order in which they were met:

- ``token_ids`` int32 (all tokens) and ``row_starts`` int64 (R · C + 1): the tokens in each row's C columns, by number;
- ``table_bytes`` uint8 and ``table_starts`` int64 (D + 1): the tokens' UTF-8, lone surrogates included;
- ``field_bytes`` uint8 and ``field_starts`` int64 (R + 1, or empty): what else the rows hold, as JSON, each row's
  followed by a comma.

Nothing in it is code.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from array import array
from collections import Counter
from contextlib import ExitStack
from itertools import pairwise
from typing import IO, TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from torchvectors.counting.checks import refuse_unhashable
from torchvectors.errors import GraphError, TokenTypeError
from torchvectors.stages.fields import Fields
from torchvectors.stages.tokens import Block, Tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from torchvectors.rows import Column
    from torchvectors.vocabulary import Vocab

__all__ = ["Recorder", "Recording", "opened"]

_FORMAT, _VERSION = "torchvectors.rows", "1"
# In this order in the file, so that each array begins at a multiple of its items' size.
_DTYPES: dict[str, np.dtype[Any]] = {
    "row_starts": np.dtype("<i8"),
    "field_starts": np.dtype("<i8"),
    "table_starts": np.dtype("<i8"),
    "token_ids": np.dtype("<i4"),
    "field_bytes": np.dtype("u1"),
    "table_bytes": np.dtype("u1"),
}
_NAMES: dict[np.dtype[Any], str] = {np.dtype("<i8"): "I64", np.dtype("<i4"): "I32", np.dtype("u1"): "U8"}
_ALIGN = 64  # bytes
_HELD = 1 << 16  # tokens that are held before they are written
_BLOCK = 1024  # rows that are read at a time
_BARE = b"null,"  # the fields of a row that is its tokens
_NONE = np.iinfo(np.int64).min  # stands for "no index": no vocabulary has it


class _Numbers(dict[str, int]):
    """Token → number, in the order in which they are met."""

    def __missing__(self, token: str) -> int:
        if not isinstance(token, str):
            raise TokenTypeError(f"a token is a str, not {token!r:.80} (of type {type(token).__name__})")
        number = self[token] = len(self)
        return number


class Recorder:
    """Writes rows as they go by. Its parts are nameless temporary files, until `write_to` makes one file of them.

    Args:
        columns: The tokens' columns.
        folder: Where the temporary files are; there must be as much room again for the file.

    Attributes:
        rows: How many rows have been added.
    """

    def __init__(self, columns: Sequence[Column], folder: Path) -> None:
        self.rows = 0
        self._fields = Fields(columns)
        self._numbers = _Numbers()
        self._counts = np.zeros(0, np.int64)
        self._ids = array("i")
        self._ends = {"row_starts": array("q", [0]), "field_starts": array("q", [0])}
        self._length = self._field_length = 0
        self._bare = True  # so far, whether all rows are their tokens
        self._open = ExitStack()
        names = ("token_ids", "row_starts", "field_starts", "field_bytes")
        self._files: dict[str, IO[bytes]] = {
            name: self._open.enter_context(tempfile.TemporaryFile(dir=folder))  # noqa: SIM115
            for name in names
        }

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def add(self, row: Any, tokens: Sequence[Sequence[str]]) -> None:
        """Add a row, in each of whose columns the caller has found the tokens.

        Raises:
            GraphError: A field cannot be written exactly.
            TokenTypeError: A token is not a ``str``.
        """
        for sentence in tokens:
            try:
                self._ids.extend(map(self._numbers.__getitem__, sentence))
            except TokenTypeError as error:
                raise TokenTypeError(f"sentence {self.rows}: {error}") from None
            except TypeError as error:
                refuse_unhashable(self.rows, sentence, error)
                raise
            self._length += len(sentence)
            self._ends["row_starts"].append(self._length)
        content = self._fields.packed(row, self.rows) + b","
        self._bare = self._bare and content == _BARE
        self._files["field_bytes"].write(content)
        self._field_length += len(content)
        self._ends["field_starts"].append(self._field_length)
        self.rows += 1
        if len(self._ids) > _HELD or len(self._ends["row_starts"]) > _HELD:
            self._flush()

    def counts(self) -> Counter[str]:
        """Return how often each token was in the rows."""
        self._flush()
        return Counter(dict(zip(self._numbers, self._counts.tolist(), strict=True)))

    def write_to(self, path: Path) -> None:
        """Make one file of all that was added."""
        self._flush()
        tokens = [token.encode("utf-8", "surrogatepass") for token in self._numbers]
        starts = np.zeros(len(tokens) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, tokens), np.int64, len(tokens)), out=starts[1:])
        lengths = {name: file.seek(0, 2) for name, file in self._files.items()}
        if self._bare:
            lengths |= {"field_starts": 0, "field_bytes": 0}
        lengths |= {"table_starts": starts.nbytes, "table_bytes": int(starts[-1])}
        with path.open("wb") as file:
            file.write(_header(lengths, self._fields))
            for name in _DTYPES:
                if name == "table_starts":
                    file.write(starts.astype("<i8").tobytes())
                elif name == "table_bytes":
                    file.writelines(tokens)
                elif lengths[name]:
                    self._files[name].seek(0)
                    shutil.copyfileobj(self._files[name], file, 1 << 20)

    def _flush(self) -> None:
        ids = np.array(self._ids, "<i4")
        counts = np.bincount(ids, minlength=len(self._numbers))
        counts[: len(self._counts)] += self._counts
        self._counts = counts
        self._files["token_ids"].write(ids.tobytes())
        for name, ends in self._ends.items():
            self._files[name].write(np.array(ends, "<i8").tobytes())
            self._ends[name] = array("q")
        self._ids = array("i")


def _header(lengths: dict[str, int], fields: Fields) -> bytes:
    metadata = {"format": _FORMAT, "version": _VERSION, "columns": str(len(fields.columns))}
    metadata["named"] = json.dumps(fields.named)
    entries: dict[str, object] = {"__metadata__": metadata}
    start = 0
    for name, dtype in _DTYPES.items():
        end = start + lengths[name]
        shape = [lengths[name] // dtype.itemsize]
        entries[name] = {"dtype": _NAMES[dtype], "shape": shape, "data_offsets": [start, end]}
        start = end
    text = json.dumps(entries).encode()
    text = text.ljust(-(-(len(text) + 8) // _ALIGN) * _ALIGN - 8)
    return len(text).to_bytes(8, "little") + text


class Recording:
    """What a `Recorder` has written, mapped: processes that read it share its pages.

    Args:
        path: Its file.

    Raises:
        OSError: It is not there.
        ValueError: It is something else, or damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._data = np.memmap(path, np.uint8, "r")
        self._arrays, self._width, self._named = _parsed(self._data)
        self._itos: list[str] | None = None
        self._maps: WeakKeyDictionary[Vocab, tuple[int, int | None, NDArray[np.int64]]] = WeakKeyDictionary()

    def __len__(self) -> int:
        return (len(self._arrays["row_starts"]) - 1) // self._width

    @property
    def running(self) -> int:
        """Tokens in all."""
        return len(self._arrays["token_ids"])

    @property
    def itos(self) -> list[str]:
        """The text of each distinct token, by its number; read when it is first needed."""
        if self._itos is None:
            self._itos = list(self._table())
        return self._itos

    def rows(self, columns: Sequence[Column], start: int = 0) -> Iterator[Any]:
        """Yield the rows from ``start`` on; ``columns`` are those that they were recorded with.

        Raises:
            GraphError: They are named tuples of a class that is not there.
        """
        fields = Fields(columns, self._named)
        arrays, width = self._arrays, self._width
        for first in range(start, len(self), _BLOCK):
            ends = arrays["row_starts"][first * width : (first + _BLOCK) * width + 1]
            block = Block(arrays["token_ids"][ends[0] : ends[-1]], self)
            tokens = [Tokens(block, *span) for span in pairwise((ends - ends[0]).tolist())]
            if not len(arrays["field_starts"]):
                yield from tokens
                continue
            texts = arrays["field_starts"][first : first + _BLOCK + 1]
            yield from fields.unpacked(arrays["field_bytes"][texts[0] : texts[-1]].tobytes(), tokens)

    def indices(self, ids: NDArray[np.int32], vocab: Vocab) -> list[int | None]:
        """Return the index of each token in a vocabulary; None for one that has none there."""
        now = len(vocab), vocab.get_default_index()
        known = self._maps.get(vocab)
        if known is None or known[:2] != now:
            known = self._maps[vocab] = (*now, self._map_to(vocab))
        found = known[2][ids]
        indices: list[int | None] = found.tolist()
        if now[1] is None and (found == _NONE).any():
            return [None if index == _NONE else index for index in indices]
        return indices

    def _map_to(self, vocab: Vocab) -> NDArray[np.int64]:
        stoi, default = vocab.get_stoi(), vocab.get_default_index()
        other = _NONE if default is None else default
        count = len(self._arrays["table_starts"]) - 1
        return np.fromiter((stoi.get(token, other) for token in self._table()), np.int64, count)

    def _table(self) -> Iterator[str]:
        if self._itos is not None:
            yield from self._itos
            return
        text = self._arrays["table_bytes"].tobytes()
        starts = self._arrays["table_starts"].tolist()
        for start, end in pairwise(starts):
            yield text[start:end].decode("utf-8", "surrogatepass")


def _parsed(data: NDArray[np.uint8]) -> tuple[dict[str, NDArray[Any]], int, list[list[Any]]]:
    """Return views of the arrays, how many columns have tokens, and the classes of named tuples."""
    try:
        length = int.from_bytes(data[:8].tobytes(), "little")
        entries = json.loads(data[8 : 8 + length].tobytes())
        metadata = entries.pop("__metadata__")
        if (metadata["format"], metadata["version"]) != (_FORMAT, _VERSION):
            raise ValueError(f"it says {metadata}")
        arrays: dict[str, NDArray[Any]] = {}
        start = 8 + length
        for name, dtype in _DTYPES.items():
            end = 8 + length + entries[name]["data_offsets"][1]
            arrays[name] = np.asarray(data[start:end]).view(dtype)
            start = end
        if start != len(data):
            raise ValueError(f"it ends at {len(data)} bytes, and not at {start}")
        for name, content in (
            ("row_starts", "token_ids"),
            ("table_starts", "table_bytes"),
            ("field_starts", "field_bytes"),
        ):
            starts = arrays[name]
            if len(starts) and (starts[0] != 0 or starts[-1] != len(arrays[content])):
                raise ValueError(f"its {name} and {content} do not belong together")
        width = int(metadata["columns"])
        rows, rest = divmod(len(arrays["row_starts"]) - 1, width)
        if rows < 0 or rest or len(arrays["field_starts"]) not in (0, rows + 1):
            raise ValueError("its fields are not of as many rows as its tokens")
        named: list[list[Any]] = json.loads(metadata["named"])
    except (ValueError, LookupError, TypeError, ArithmeticError, MemoryError) as error:
        raise ValueError(f"these are no recorded rows: {error}") from error
    return arrays, width, named


def opened(path: Path) -> Recording:
    """Return a recording that must be there.

    Raises:
        GraphError: It is gone or damaged.
    """
    try:
        return Recording(path)
    except (OSError, ValueError) as error:
        cure = "Build the graph anew; with a fingerprint= its rows are kept for later runs."
        raise GraphError(
            f"{path}: the recorded rows of this graph cannot be read ({error}). {cure}"
        ) from error
