"""torchtext's ``data.utils``: tokenizers by name, n-grams, sort keys and a shuffler with a memory."""

from __future__ import annotations

import random
from contextlib import contextmanager
from copy import deepcopy
from typing import TYPE_CHECKING, Any, TypeVar

from torchvectors import tokenizers
from torchvectors.tokenizers import get as get_tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch

__all__ = [
    "RandomShuffler",
    "dtype_to_attr",
    "get_tokenizer",
    "get_torch_version",
    "interleave_keys",
    "is_tokenizer_serializable",
    "ngrams_iterator",
]

Item = TypeVar("Item")


def is_tokenizer_serializable(tokenizer: object, language: object) -> bool:  # noqa: ARG001 - torchtext's names
    """Say whether `get_tokenizer` returns something that can be pickled: here it always does.

    torchtext answered False for ``"spacy"``.
    """
    return True


def ngrams_iterator(token_list: Sequence[str], ngrams: int) -> Iterator[str]:
    """Yield the tokens, then their runs of two joined by a space, then of three, up to ``ngrams``.

    torchtext's documentation shows another order; this is the one that its code has.

    Example:
        >>> list(ngrams_iterator(["here", "we", "are"], 2))
        ['here', 'we', 'are', 'here we', 'we are']
    """
    yield from token_list
    for n in range(2, ngrams + 1):
        yield from map(" ".join, tokenizers.ngrams(token_list, n))


def interleave_keys(a: int, b: int) -> int:
    """Return one sort key for two: their bits in turn, so that items alike in both keys end up close together.

    Keys of more than 16 bits are padded to the wider one; torchtext dropped the last bits of the wider.
    """
    width = max(16, a.bit_length(), b.bit_length())
    pairs = zip(format(a, f"0{width}b"), format(b, f"0{width}b"), strict=False)
    return int("".join(bit for pair in pairs for bit in pair), base=2)


def get_torch_version() -> tuple[int, int]:
    """Return torch's major and minor version."""
    import torch

    major, minor = torch.__version__.split(".")[:2]
    return int(major), int(minor)


def dtype_to_attr(dtype: torch.dtype) -> str:
    """Return the name of a dtype within torch: ``"int32"`` for ``torch.int32``."""
    return str(dtype).partition(".")[2]


class RandomShuffler:
    """Shuffles, and remembers where in the sequence of random numbers it is, whatever others draw meanwhile.

    Args:
        random_state: What ``random.getstate()`` returned; None takes the state as it is now.
    """

    def __init__(self, random_state: tuple[Any, ...] | None = None) -> None:
        self._random_state = random.getstate() if random_state is None else random_state

    @contextmanager
    def use_internal_state(self) -> Iterator[None]:
        """Let the module ``random`` go on from this shuffler's state while the block runs."""
        outside = random.getstate()
        random.setstate(self._random_state)
        try:
            yield
            self._random_state = random.getstate()
        finally:
            random.setstate(outside)

    @property
    def random_state(self) -> tuple[Any, ...]:
        """The state that the next shuffle starts from."""
        return deepcopy(self._random_state)

    @random_state.setter
    def random_state(self, s: tuple[Any, ...]) -> None:
        self._random_state = s

    def __call__(self, data: Sequence[Item]) -> list[Item]:
        """Return the items of ``data`` in a new order, as a new list."""
        with self.use_internal_state():
            return random.sample(data, len(data))
