"""What torchtext left on disks → what this package has: vectors in ``.pt`` files, vocabularies in pickles.

torchtext wrote both with ``torch.save`` and read them back with an unrestricted ``torch.load``, which runs
whatever a file says. Nothing here runs a pickle.
"""

from torchvectors.legacy.vectors import read_vectors
from torchvectors.legacy.vocab import migrate_vocab, read_vocab

__all__ = ["migrate_vocab", "read_vectors", "read_vocab"]
