"""A file that a program saved → whether it holds a vocabulary of torchtext's, and the same in a form of ours."""

from __future__ import annotations

import pickle
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from torchvectors.errors import ParseError
from torchvectors.migrate.findings import Finding
from torchvectors.migrate.programs import Place

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["SUFFIXES", "examine_saved"]

SUFFIXES = (".pth", ".pt", ".pkl", ".pickle")


def examine_saved(path: Path) -> tuple[list[Finding], Callable[[], object] | None]:
    """Return what is to be said of a saved object, and what writes it anew; None if nothing is to be written."""
    from torchvectors.legacy import migrate_vocab, read_vocab

    place = Place(None, 1)
    try:
        size = len(read_vocab(path))
    except ParseError as error:
        if _is_ours(path):
            return [], None
        return [Finding(place=place, what="", said=f"by hand: {error}", covered=False)], None
    # The line that loads it is in another file, which may say anything.
    said = (
        f"by hand: with --write it becomes a dict, and Vocab.from_state(torch.load({path.name!r})) reads it"
    )
    finding = Finding(place=place, what=f"a Vocab of torchtext's, {size:,} tokens", said=said, covered=False)
    return [finding], partial(migrate_vocab, path, path)


def _is_ours(path: Path) -> bool:
    import torch

    from torchvectors.vocabulary import Vocab

    with suppress(
        pickle.UnpicklingError, RuntimeError, OSError, EOFError, ValueError, LookupError, TypeError
    ):
        Vocab.from_state(torch.load(path, weights_only=True))
        return True
    return False
