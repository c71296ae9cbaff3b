"""Sequences of indices, or of vectors → tensors of one of three layouts."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from torchvectors.errors import GraphError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "STAGE",
    "Layout",
    "Sequences",
    "check_layout",
    "jagged",
    "laid_out",
    "no_numbers",
    "offsets",
    "padded",
]

Layout = Literal["padded", "offsets", "jagged"]
Sequences = Sequence[Sequence[int]] | Sequence[Tensor]

STAGE = "batch_tokens"  # how errors call it


def padded(sequences: Sequences, padding_value: float = 0) -> tuple[Tensor, Tensor]:
    """Put B sequences below each other, filled up to the longest.

    Args:
        sequences: B lists of int, or tensors (T,), or tensors (T, dim); T differs.
        padding_value: What to fill up with.

    Returns:
        int64 (B, longest T), or (B, longest T, dim) of the tensors' dtype; and the lengths, int64 (B,).

    Raises:
        GraphError: A list holds something else than int, or the padding value is none where there are lists.
    """
    if tensors := _tensors(sequences):
        whole = torch.nn.utils.rnn.pad_sequence(tensors, batch_first=True, padding_value=padding_value)
        return whole, _lengths(sequences)
    if padding_value != int(padding_value):
        raise GraphError(f"{STAGE}: padding_value={padding_value} is no index, and the rows hold indices.")
    lengths = np.fromiter(map(len, sequences), np.int64, len(sequences))
    table = np.full((len(lengths), int(lengths.max(initial=0))), int(padding_value), np.int64)
    table[np.arange(table.shape[1]) < lengths[:, None]] = _flat(sequences)
    return torch.from_numpy(table), torch.from_numpy(lengths)


def offsets(sequences: Sequences) -> tuple[Tensor, Tensor]:
    """Put B sequences one behind the other, as ``nn.EmbeddingBag`` takes them.

    Returns:
        int64 (sum of T,), or (sum of T, dim) of the tensors' dtype; and where each begins, int64 (B,).

    Raises:
        GraphError: A list holds something else than int.
    """
    lengths = _lengths(sequences)
    tensors = _tensors(sequences)
    values = torch.cat(tensors) if tensors else torch.from_numpy(_flat(sequences))
    return values, lengths.cumsum(0) - lengths


def jagged(sequences: Sequences) -> Tensor:
    """Return one nested tensor of B sequences, of the layout ``torch.jagged``: (B, j) or (B, j, dim).

    Raises:
        GraphError: A list holds something else than int.
    """
    values, starts = offsets(sequences)
    ends = torch.cat([starts, starts.new_tensor([len(values)])])
    nested: Tensor = torch.nested.nested_tensor_from_jagged(values, ends)
    return nested


def laid_out(
    sequences: Sequences, layout: Layout, padding_value: float | None, pad_index: int
) -> tuple[Tensor, ...]:
    """Return what a layout makes of B sequences: two tensors, or one that is nested."""
    if layout == "jagged":
        return (jagged(sequences),)
    if layout == "offsets":
        return offsets(sequences)
    if padding_value is None:
        tensors = _tensors(sequences)
        vectors = bool(tensors) and (tensors[0].is_floating_point() or tensors[0].ndim > 1)
        padding_value = 0 if vectors else pad_index  # the index of a token is no number for a vector
    return padded(sequences, padding_value)


def check_layout(layout: str) -> None:
    """See that there is such a layout.

    Raises:
        GraphError: There is none.
    """
    if layout not in get_args(Layout):
        raise GraphError(f"{STAGE}: there is no layout {layout!r}. Choose {', '.join(get_args(Layout))}.")


def no_numbers(field: object) -> str:
    """Return the text of the error for a field that cannot be laid out."""
    cure = "Put .numericalize() or .lookup_vectors() before it, or name the column with column=…"
    return f"{STAGE}: a row's field is {field!r:.100}, and no sequence of indices or vectors. {cure}"


def _tensors(sequences: Sequences) -> list[Tensor]:
    """Return the sequences if they are tensors, which must go together; none if they are lists."""
    if not all(issubclass(kind, Tensor) for kind in set(map(type, sequences))):
        return []  # a tensor of indices among lists is read like one of them
    tensors: list[Tensor] = list(sequences)  # type: ignore[arg-type]  # so they are
    kinds = {f"{tensor.dtype} {tuple(tensor.shape[1:])}" for tensor in tensors}
    if len(kinds) > 1:
        text = f"{STAGE}: the tensors of one batch differ in dtype or dim: {' and '.join(sorted(kinds))}."
        raise GraphError(text)
    return tensors


def _lengths(sequences: Sequences) -> Tensor:
    return torch.tensor([len(sequence) for sequence in sequences], dtype=torch.int64)


def _flat(sequences: Sequences) -> NDArray[np.int64]:
    # An array takes whole numbers and nothing else; numpy would cut 0.7 to 0 and read "7" as 7.
    try:
        numbers = array("q", list(chain.from_iterable(sequences)))  # it takes longer over an iterator
    except (TypeError, OverflowError) as error:
        culprit = next((sequence for sequence in sequences if not _whole(sequence)), sequences)
        raise GraphError(no_numbers(culprit)) from error
    return np.frombuffer(numbers, np.int64)


def _whole(sequence: Sequence[int] | Tensor) -> bool:
    try:
        array("q", sequence)
    except (TypeError, OverflowError):
        return False
    return True
