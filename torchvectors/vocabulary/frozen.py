"""A `Vocab` → one that nobody changes by accident."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from torchvectors.errors import VocabError
from torchvectors.vocabulary.table import Vocab

if TYPE_CHECKING:
    from typing import SupportsIndex

__all__ = ["FrozenVocab"]


class FrozenVocab(Vocab):
    """A copy of a `Vocab` that cannot be changed. ``Vocab(frozen)`` is a copy that can be."""

    def insert_token(self, token: str, index: SupportsIndex) -> NoReturn:  # noqa: ARG002 - the names are Vocab's
        """Raise a `VocabError`."""
        raise _refused(f"insert_token({token!r:.50}, …)")

    def append_token(self, token: str) -> NoReturn:
        """Raise a `VocabError`."""
        raise _refused(f"append_token({token!r:.50})")

    def set_default_index(self, index: SupportsIndex | None) -> NoReturn:
        """Raise a `VocabError`."""
        raise _refused(f"set_default_index({index!r:.50})")


def _refused(what: str) -> VocabError:
    text = f"{what}: this vocabulary was given to a graph and is frozen, so that its indices stay."
    return VocabError(f"{text} Change a copy, Vocab(frozen), and give that to a graph.")
