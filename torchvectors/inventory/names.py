"""A file's name → what it is, as far as a name tells. Nothing here looks at the disk."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from torchvectors import catalog
from torchvectors.acquire.wanted import member_name
from torchvectors.cache import DATASETS
from torchvectors.catalog.datasets import dataset, dataset_names

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torchvectors.catalog import Entry
    from torchvectors.catalog.datasets import DataFile, DataSet

__all__ = [
    "ALONE",
    "BAD",
    "PART",
    "RECEIPT",
    "ROWS",
    "TEMPORARY",
    "StoreName",
    "data_of",
    "entries_of",
    "is_alone",
    "maker_of",
    "store_name_of",
]

# The endings of what lies beside a file, longest first; what they leave is the file's name.
PART = re.compile(r"(.+)(?:\.part\.json|\.part|\.doubted)")
ALONE = re.compile(r"\.alone-[0-9a-f]{8}$")  # before these, where locks do not hold: of one process
RECEIPT = re.compile(r"(.+)\.receipt\.json")
BAD = re.compile(r"(.+)\.bad(?:\.\d+)?")
ROWS = ".rows.safetensors"  # of a fit
TEMPORARY = re.compile(r"\..+\.[0-9a-f]{8}\.tmp")
_STORE = re.compile(
    r"(.+?)((?:\.top\d+)?(?:\.tokens-[0-9a-f]{16})?(?:\.unit)?(?:\.(?:float16|int8))?)\.safetensors"
)
_LABEL = re.compile(r".+-[0-9a-f]{10}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreName:
    """What the name of a store made here says."""

    stem: str  # a catalog name; or a name, a hyphen and ten hexadecimal characters
    whole: bool  # and no cut

    @property
    def listed(self) -> bool:
        """Whether the stem is a catalog name."""
        return self.stem in _names()


def store_name_of(path: Path) -> StoreName | None:
    """Read the name of a store; None if none made here is called so."""
    found = _STORE.fullmatch(path.name)
    if found is None or not (found[1] in _names() or _LABEL.fullmatch(found[1])):
        return None
    return StoreName(stem=found[1], whole=not found[2])


def entries_of(file: str) -> tuple[Entry, ...]:
    """Return the catalog's entries that a file of this name can give: an archive, a member alone, or its text."""
    return _files().get(file, ())


def data_of(path: Path) -> tuple[DataSet, DataFile] | None:
    """Return the data set that a file is of, by the folder it lies in and its name; None if it is of none."""
    if path.parent.parent.name != DATASETS or path.parent.name not in dataset_names():
        return None
    data = dataset(path.parent.name)
    files = (one for one in data.files if re.fullmatch(re.escape(one.name).replace("%s", "[^/]+"), path.name))
    return next(((data, one) for one in files), None)


def is_alone(file: str) -> bool:
    """Say whether a file of this name is a member that came without the rest of its archive."""
    return any(member_name(entry) == file for entry in entries_of(file))


def maker_of(path: Path) -> Path:
    """Return the final name whose lock covers the download of ``path``."""
    # A member alone comes under the lock of its archive.
    return path.with_name(entries_of(path.name)[0].archive.filename) if is_alone(path.name) else path


@cache
def _names() -> frozenset[str]:
    return frozenset(catalog.names())


@cache
def _files() -> Mapping[str, tuple[Entry, ...]]:
    found: dict[str, tuple[Entry, ...]] = {}
    for entry in map(catalog.find, catalog.names()):
        text = entry.member.name.rpartition("/")[2]
        for file in dict.fromkeys((entry.archive.filename, member_name(entry) or text, text)):
            found[file] = (*found.get(file, ()), entry)
    return found
