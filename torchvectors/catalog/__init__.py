"""What is published where: a name → the archive to download, the member inside, and the promise for both.

``records`` says what is known about a file, ``lookup`` finds it by name, ``nearest`` finds what is spelled alike,
``stored`` reads and writes the package's data, and ``make`` makes that data from the published facts. Importing this
opens no file.
"""

from torchvectors.catalog.lookup import (
    aliases,
    families,
    fasttext,
    find,
    glove,
    language_names,
    names,
    near_names,
    word2vec,
)
from torchvectors.catalog.records import Archive, Digest, Entry, Kind, Member, strongest

__all__ = [
    "Archive",
    "Digest",
    "Entry",
    "Kind",
    "Member",
    "aliases",
    "families",
    "fasttext",
    "find",
    "glove",
    "language_names",
    "names",
    "near_names",
    "strongest",
    "word2vec",
]
