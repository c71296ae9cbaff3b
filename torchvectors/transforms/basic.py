# ruff: noqa: A001, A002, RET504 - the argument is called `input`, as in torchtext; TorchScript wants plain forms
"""Tokens → ids → tensors, one sequence or a batch: the transforms that need no model.

Each can be scripted with ``torch.jit.script``, as torchtext's could; hence the types ``Any``, and the two
branches where a transform does more than call a function of `torchvectors.functional`.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.jit import is_scripting  # type: ignore[attr-defined] # documented, but not in torch.jit.__all__

from torchvectors import functional
from torchvectors.vocabulary import Vocab

__all__ = [
    "AddToken",
    "LabelToIndex",
    "PadTransform",
    "Sequential",
    "StrToIntTransform",
    "ToTensor",
    "Truncate",
    "VocabTransform",
]


class Sequential(nn.Sequential):
    """Transforms one after the other."""

    def forward(self, input: Any) -> Any:
        """Return what the last transform makes of what the ones before it make of ``input``."""
        for module in self:
            input = module(input)
        return input


class VocabTransform(nn.Module):
    """Tokens to indices.

    Args:
        vocab: The vocabulary.

    Example:
        >>> from torchvectors.vocab import Vocab
        >>> VocabTransform(Vocab(["a", "b", "c"]))([["a", "b"], ["a", "b", "c"]])
        [[0, 1], [0, 1, 2]]
    """

    def __init__(self, vocab: Vocab) -> None:
        super().__init__()
        if not isinstance(vocab, Vocab):
            raise TypeError(f"VocabTransform needs a torchvectors.vocab.Vocab, not {type(vocab).__name__}")
        self.vocab = vocab

    def forward(self, input: Any) -> Any:
        """Return the indices of a sequence of tokens, or of each sequence of a batch.

        Raises:
            RuntimeError: A token is not in the vocabulary, which has no default index.
            TypeError: ``input`` is neither a sequence of tokens nor a batch.
        """
        if is_scripting():
            if torch.jit.isinstance(input, list[str]):
                return self.vocab.lookup_indices(input)
            if torch.jit.isinstance(input, list[list[str]]):
                indices = [self.vocab.lookup_indices(tokens) for tokens in input]
                return indices
            raise TypeError("Input type not supported")
        rows, batched = functional.rows_of("VocabTransform", input, str)
        found = [self.vocab.lookup_indices(row) for row in rows]
        return found if batched else found[0]


class ToTensor(nn.Module):
    """Ids to a tensor.

    Args:
        padding_value: Fills the shorter sequences of a batch up to the longest.
        dtype: Of the tensor.
    """

    def __init__(self, padding_value: int | None = None, dtype: torch.dtype = torch.int64) -> None:
        super().__init__()
        self.padding_value = padding_value
        self.dtype = dtype

    def forward(self, input: Any) -> Tensor:
        """Return a tensor of shape (T,) for T ids, (B, T) for a batch; see `functional.to_tensor`."""
        return functional.to_tensor(input, padding_value=self.padding_value, dtype=self.dtype)


class LabelToIndex(nn.Module):
    """Labels to their positions in a list of labels.

    Args:
        label_names: The labels, each once.
        label_path: A file of labels, one to a line, in UTF-8; instead of ``label_names``.
        sort_names: Sort them first.

    Raises:
        ValueError: Both or neither were given, or a label is there twice (which is a `VocabError`).
    """

    def __init__(
        self,
        label_names: Sequence[str] | None = None,
        label_path: str | os.PathLike[str] | None = None,
        sort_names: bool = False,
    ) -> None:
        super().__init__()
        if bool(label_names) == bool(label_path):
            fault = "are mutually exclusive" if label_names else "are both missing: one is required"
            raise ValueError(f"label_names and label_path {fault}")
        names = list(label_names or ())
        if label_path:
            lines = Path(label_path).read_text(encoding="utf-8").splitlines()
            names = [line.strip() for line in lines if line.strip()]
        self._label_vocab = Vocab(sorted(names) if sort_names else names)
        self._label_names = self._label_vocab.get_itos()

    def forward(self, input: Any) -> Any:
        """Return the position of one label, or of each of a list.

        Raises:
            RuntimeError: There is no such label.
            TypeError: ``input`` is neither.
        """
        if torch.jit.isinstance(input, str):
            return self._label_vocab.__getitem__(input)
        if is_scripting():
            if torch.jit.isinstance(input, list[str]):
                return self._label_vocab.lookup_indices(input)
            raise TypeError("Input type not supported")
        rows, batched = functional.rows_of("LabelToIndex", input, str)
        if batched:
            raise TypeError("Input type not supported: LabelToIndex takes a label or a list of labels")
        return self._label_vocab.lookup_indices(rows[0])

    @property
    def label_names(self) -> list[str]:
        """The labels in the order of their positions."""
        return self._label_names


class Truncate(nn.Module):
    """Sequences to their first items.

    Args:
        max_seq_len: How many items are kept.
    """

    def __init__(self, max_seq_len: int) -> None:
        super().__init__()
        self.max_seq_len = max_seq_len

    def forward(self, input: Any) -> Any:
        """Return a sequence or a batch, cut; see `functional.truncate`."""
        return functional.truncate(input, self.max_seq_len)


class AddToken(nn.Module):
    """Sequences with one more token, or id.

    Args:
        token: A token where there are tokens, an id where there are ids.
        begin: Put it in front; False puts it at the end.
    """

    def __init__(self, token: int | str, begin: bool = True) -> None:
        super().__init__()
        self.token = token
        self.begin = begin

    def forward(self, input: Any) -> Any:
        """Return a sequence or a batch, extended; see `functional.add_token`."""
        return functional.add_token(input, self.token, self.begin)


class PadTransform(nn.Module):
    """Tensors to tensors whose last dimension has at least a given length.

    Args:
        max_length: That length.
        pad_value: What is put at the end of shorter ones.
    """

    def __init__(self, max_length: int, pad_value: int) -> None:
        super().__init__()
        self.max_length = max_length
        self.pad_value = float(pad_value)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` of shape (..., T) with shape (..., max(T, max_length)), of the same dtype."""
        missing = self.max_length - x.size(-1)
        return nn.functional.pad(x, (0, missing), value=self.pad_value) if missing > 0 else x


class StrToIntTransform(nn.Module):
    """Strings to the numbers that they spell, one sequence or a batch."""

    def forward(self, input: Any) -> Any:
        """Return the numbers; see `functional.str_to_int`."""
        return functional.str_to_int(input)
