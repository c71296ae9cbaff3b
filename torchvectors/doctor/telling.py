"""Reports → lines for people, or JSON for programs; and the exit code."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from torchvectors.doctor.examine import examine
from torchvectors.errors import NotFoundError
from torchvectors.progress import no_bar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from torchvectors.doctor.records import Finding, Report
    from torchvectors.progress import Bars

__all__ = ["run"]


def run(
    paths: Sequence[Path], *, as_json: bool = False, out: Callable[[str], None] = print, bars: Bars = no_bar
) -> int:
    """Tell what files are, and what is odd about them.

    Args:
        paths: Files, archives, stores, folders of static embedding models.
        as_json: One JSON list of all reports, in place of lines.
        out: Gets each line.
        bars: How to show what takes long.

    Returns:
        The exit code of the command: 0 if nothing is odd, 1 if something is and all can be read, 2 if a file, or
        one in an archive, cannot be read as it is.
    """
    reports: list[Report] = []
    code = 0
    for path in paths:
        try:
            found = examine(path, bars=bars)
        except NotFoundError as error:
            sys.stderr.write(f"torchvectors doctor: {error}\n")
            code = 2
            continue
        reports.extend(found)
        for report in found:
            code = max(code, 2 if report.refused else bool(report.findings))
            for line in () if as_json else _lines(report):
                out(_printable(line))
    if as_json:
        out(json.dumps([_record(report) for report in reports], indent=1))
    return int(code)


def _printable(line: str) -> str:
    """Spell out what a terminal would obey: names in an archive, and what a store says of itself, may be anything."""
    return "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in line)


def _lines(report: Report) -> Iterator[str]:
    place = f"{report.path}/{report.member}" if report.member else report.path
    yield f"{place}: {', '.join(_facts(report))}"
    for what, fact in report.facts.items():
        yield f"  {what}: {fact}"
    for finding in report.findings:
        yield from _told(finding, report)
    if not report.findings:
        yield "  nothing odd"


def _facts(report: Report) -> Iterator[str]:
    yield report.format or "no format that is known"
    if report.tokens:
        yield f"{report.tokens:,} tokens of dim {report.dim:,}"
    if report.format == "text":
        header = f"a header, {report.header[0]} {report.header[1]}" if report.header else "no header"
        yield header
    if report.packing:
        yield f"packed as {report.packing}"
    if report.nbytes is not None:
        yield f"{report.nbytes:,} bytes"


def _told(finding: Finding, report: Report) -> Iterator[str]:
    oddity = finding.oddity
    times = f" ({finding.count:,} of them)" if finding.count > 1 else ""
    yield f"  {oddity.code}: {oddity.what}{times}"
    if finding.detail:
        yield f"    {finding.detail}"
    if finding.places:
        more = (
            f", and {finding.count - len(finding.places):,} more"
            if finding.count > len(finding.places)
            else ""
        )
        yield f"    at {'; '.join(finding.places)}{more}"
    yield f"    here: {oddity.does}"
    if fix := _fix(finding, report):
        yield f"    fix: {fix}"


def _fix(finding: Finding, report: Report) -> str:
    """Return the fix, with the file's name in it; of what is packed, the name it has once it is unpacked."""
    name = report.member.rpartition("/")[2] if report.member else report.path
    # A name may be anything, and so may what stands in its place.
    return shlex.quote(name).join(finding.oddity.fix.split("FILE"))


def _record(report: Report) -> dict[str, object]:
    whole = asdict(report)
    whole["findings"] = [
        {
            "code": finding.oddity.code,
            "what": finding.oddity.what,
            "count": finding.count,
            "places": list(finding.places),
            "detail": finding.detail,
            "does": finding.oddity.does,
            "fix": _fix(finding, report),
            "refused": finding.oddity.refused,
        }
        for finding in report.findings
    ]
    return whole | {"refused": report.refused}
