"""Files of the user's own, plain or in archives, → the rows of their texts. Nothing is unpacked to the disk.

``listing``: paths and globs to files. ``identity``: what tells these from others. ``passing``: a pass over all that is
in them. ``rows``: as many passes as are wanted, from any place on.
"""

from torchvectors.files.listing import Origin, listed, wanted_in
from torchvectors.files.passing import How
from torchvectors.files.rows import FileRows

__all__ = ["FileRows", "How", "Origin", "listed", "wanted_in"]
