# ruff: noqa: A002, RET504, RUF005 - the argument is called `input`, as in torchtext; TorchScript wants plain forms
"""torchtext's ``functional``: tokens or ids, one sequence or a batch of them, cut, extended and made a tensor.

Each function works as it is and inside ``torch.jit.script``. As it is, it takes tuples as well as lists, and
NumPy's whole numbers, where torchtext took lists of ``int`` and ``str`` alone; scripted, it takes the types
that TorchScript knows. That is why each has two branches, and why the signatures say ``Any``: it is the only
name that TorchScript has for "a list, or a list of lists".
"""

from numbers import Integral
from typing import Any

import torch
from torch import Tensor
from torch.jit import is_scripting  # type: ignore[attr-defined] # documented, but not in torch.jit.__all__
from torch.nn.utils.rnn import pad_sequence

__all__ = ["add_token", "str_to_int", "to_tensor", "truncate"]


def to_tensor(
    input: Any,
    padding_value: int | None = None,
    dtype: torch.dtype = torch.int64,
) -> Tensor:
    """Return one sequence of ids, or a batch of them, as a tensor.

    Args:
        input: T ids, or B sequences of ids.
        padding_value: Fills the shorter sequences of a batch up to the longest. None: they must be equally long.
        dtype: Of the result. (torchtext took it for a batch only, and int64 for one sequence whatever it said.)

    Returns:
        Shape (T,), or (B, T) where T is the length of the longest sequence.

    Raises:
        TypeError: ``input`` is neither.
        ValueError: The sequences of a batch differ in length, and there is no ``padding_value``.
    """
    if is_scripting():
        return _to_tensor_scripted(input, padding_value, dtype)
    rows, batched = rows_of("to_tensor", input, int)
    if not batched:
        return torch.tensor(rows[0], dtype=dtype)
    if padding_value is None:
        return torch.tensor(rows, dtype=dtype)
    tensors = [torch.tensor(row, dtype=dtype) for row in rows]
    return pad_sequence(tensors, batch_first=True, padding_value=padding_value)


def truncate(input: Any, max_seq_len: int) -> Any:
    """Return the first ``max_seq_len`` tokens or ids of a sequence, or of each sequence of a batch.

    Raises:
        TypeError: ``input`` is neither.
    """
    if is_scripting():
        return _truncate_scripted(input, max_seq_len)
    rows, batched = rows_of("truncate", input, str, int)
    rows = [row[:max_seq_len] for row in rows]
    return rows if batched else rows[0]


def add_token(input: Any, token_id: Any, begin: bool = True) -> Any:
    """Return a sequence, or each sequence of a batch, with one more token or id.

    Args:
        input: Tokens or ids; never changed.
        token_id: A token where there are tokens, an id where there are ids.
        begin: Put it in front; False puts it at the end.

    Raises:
        TypeError: ``input`` is neither a sequence nor a batch of what ``token_id`` is.
    """
    if is_scripting():
        return _add_token_scripted(input, token_id, begin)
    rows, batched = rows_of("add_token", input, str if isinstance(token_id, str) else int)
    rows = [[token_id, *row] if begin else [*row, token_id] for row in rows]
    return rows if batched else rows[0]


def str_to_int(input: Any) -> Any:
    """Return the numbers that a sequence of strings, or each sequence of a batch, spells.

    Raises:
        TypeError: ``input`` is neither.
        ValueError: A string is no number.
    """
    if is_scripting():
        return _str_to_int_scripted(input)
    rows, batched = rows_of("str_to_int", input, str)
    numbers = [[int(token) for token in row] for row in rows]
    return numbers if batched else numbers[0]


_KINDS: dict[type, tuple[type, ...]] = {str: (str,), int: (int, Integral)}


def rows_of(name: str, given: object, *kinds: type) -> tuple[list[list[Any]], bool]:
    """Return the sequences that ``given`` holds, and whether it is a batch, not one sequence."""
    if isinstance(given, (list, tuple)):
        batched = bool(given) and isinstance(given[0], (list, tuple))
        rows = given if batched else [given]
        if all(isinstance(row, (list, tuple)) for row in rows):
            for kind in kinds:
                if all(isinstance(item, _KINDS[kind]) for row in rows for item in row):
                    return [list(row) for row in rows], batched
    wanted = " or ".join(kind.__name__ for kind in kinds)
    text = f"Input type not supported: {name} takes a list of {wanted}, or a list of such lists"
    raise TypeError(f"{text}, not {_shape_of(given)}")


def _shape_of(given: object) -> str:
    """Describe nested types by their first items: ``list of list of float``."""
    name = type(given).__name__
    return f"{name} of {_shape_of(given[0])}" if isinstance(given, (list, tuple)) and given else name


# What follows is TorchScript, a language of its own: it narrows types through torch.jit.isinstance alone, and
# each list needs one type of item, so that every case is spelt out.


def _to_tensor_scripted(input: Any, padding_value: int | None, dtype: torch.dtype) -> Tensor:
    if torch.jit.isinstance(input, list[int]):
        return torch.tensor(input, dtype=dtype)
    if torch.jit.isinstance(input, list[list[int]]):
        if padding_value is None:
            return torch.tensor(input, dtype=dtype)
        rows = [torch.tensor(row, dtype=dtype) for row in input]
        return pad_sequence(rows, batch_first=True, padding_value=float(padding_value))
    raise TypeError("Input type not supported")


def _truncate_scripted(input: Any, max_seq_len: int) -> Any:
    if torch.jit.isinstance(input, list[int]):
        return input[:max_seq_len]
    if torch.jit.isinstance(input, list[str]):
        return input[:max_seq_len]
    if torch.jit.isinstance(input, list[list[int]]):
        ids = [row[:max_seq_len] for row in input]
        return ids
    if torch.jit.isinstance(input, list[list[str]]):
        tokens = [row[:max_seq_len] for row in input]
        return tokens
    raise TypeError("Input type not supported")


def _add_token_scripted(input: Any, token_id: Any, begin: bool) -> Any:
    if torch.jit.isinstance(token_id, int):
        if torch.jit.isinstance(input, list[int]):
            return [token_id] + input if begin else input + [token_id]
        if torch.jit.isinstance(input, list[list[int]]):
            ids = [[token_id] + row if begin else row + [token_id] for row in input]
            return ids
    if torch.jit.isinstance(token_id, str):
        if torch.jit.isinstance(input, list[str]):
            return [token_id] + input if begin else input + [token_id]
        if torch.jit.isinstance(input, list[list[str]]):
            tokens = [[token_id] + row if begin else row + [token_id] for row in input]
            return tokens
    raise TypeError("Input type not supported")


def _str_to_int_scripted(input: Any) -> Any:
    if torch.jit.isinstance(input, list[str]):
        numbers = [int(token) for token in input]
        return numbers
    if torch.jit.isinstance(input, list[list[str]]):
        rows = [[int(token) for token in row] for row in input]
        return rows
    raise TypeError("Input type not supported")
