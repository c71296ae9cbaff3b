"""What torchtext left on disks → what this package has: vectors in ``.pt`` files, vocabularies in pickles.

torchtext wrote both with ``torch.save`` and read them back with an unrestricted ``torch.load``, which runs
whatever a file says. Nothing here runs a pickle.
"""

import importlib
from typing import TYPE_CHECKING, Any

from torchvectors.legacy.vectors import read_vectors

if TYPE_CHECKING:
    from torchvectors.legacy.vocab import migrate_vocab, read_vocab

__all__ = ["migrate_vocab", "read_vectors", "read_vocab"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # Who opens vectors has no use for it.
    return getattr(importlib.import_module("torchvectors.legacy.vocab"), name)
