"""What is found in a file, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Finding", "Oddity", "Report"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Oddity:
    """One kind of thing that may be odd about a file."""

    code: str  # for programs
    what: str
    does: str  # what this package does with it
    fix: str  # "FILE" stands for the file's name; empty where nothing needs fixing
    refused: bool = False  # whether the file cannot be read because of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """An oddity in one file: how often, and where first."""

    oddity: Oddity
    count: int = 1
    places: tuple[str, ...] = ()  # such as "line 7: 'a'"
    detail: str = ""  # what a reader said, or the two numbers that differ


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one file, or one member of an archive, is."""

    path: str
    member: str = ""  # empty where the file is its own only member
    nbytes: int | None = None  # of the file, packed as it is
    packing: str = ""  # as `archive.Contents` has it
    format: str = ""  # empty where it could not be told
    header: tuple[int, int] | None = None  # rows and dim, as a text's first line says
    dim: int | None = None  # numbers per row, where there are rows
    tokens: int = 0  # rows that can be read
    facts: Mapping[str, str] = field(default_factory=dict)  # of a store: where it comes from
    findings: tuple[Finding, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether this package cannot read it as it is."""
        return any(finding.oddity.refused for finding in self.findings)
