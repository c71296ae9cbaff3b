"""A data set's verified files → its rows, as torchtext gave them, straight out of their archives.

``asked``: what a caller may ask for. ``text``: bytes to lines. ``tables``: rows of fields. ``passages``: all others.
``pairs``: two texts, line by line. ``recipes``: which set is read how. ``read``: the whole way, downloads included.
"""

from torchvectors.corpora.asked import Asked, asked_of
from torchvectors.corpora.read import everything, files_asked, identity, read_rows, rows_here

__all__ = [
    "Asked",
    "asked_of",
    "everything",
    "files_asked",
    "identity",
    "read_rows",
    "rows_here",
]
