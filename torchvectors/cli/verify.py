"""``torchvectors verify``: what the cache holds → whether each file is as it was made."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from torchvectors.cache import folders
from torchvectors.cli.tables import size

if TYPE_CHECKING:
    import argparse

    from torchvectors.inventory import Finding

__all__ = ["add"]


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    verify = commands.add_parser(
        "verify",
        help="read the cache through, and compare every file with what is known of it",
        description="Read stores, downloads and vocabularies through and compare them with their checksums, receipts "
        "and published digests. A bad file is renamed to NAME.bad and is not used again; nothing is deleted, and what "
        "you put there yourself is not touched. Needs no network. The exit code is 1 where something is wrong.",
    )
    verify.add_argument(
        "names", nargs="*", metavar="NAME", help="of vectors, or of a file in the cache; none: all"
    )
    verify.add_argument("--json", action="store_true", help="as JSON, for programs")
    verify.add_argument("--cache", metavar="FOLDER", help="this folder, instead of the usual ones")
    verify.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> int:
    from torchvectors.inventory import look, named, verify
    from torchvectors.progress import bar

    found = look(folders(given.cache))
    if given.names:
        asked = {held.path for name in given.names for held in named(found, name)}
        found = tuple(held for held in found if held.path in asked)
    findings = []
    for finding in verify(found, bars=bar):
        findings.append(finding)
        if not given.json:
            _tell(finding, every=bool(given.names))
    wrong = [one for one in findings if one.state == "wrong"]
    if given.json:
        print(json.dumps([_record(one) for one in findings], indent=1))
    else:
        read = [one for one in findings if one.state != "unchecked"]
        total = size(sum(one.held.nbytes for one in read))
        print(
            f"{len(read)} checked, {total}: {len(wrong) or 'nothing'} wrong; {len(findings) - len(read)} not checked"
        )
    return 1 if wrong else 0


def _tell(finding: Finding, *, every: bool) -> None:
    held = finding.held
    why = f": {finding.why}" if finding.why else ""
    if finding.state in ("wrong", "doubtful"):
        now = f" It is now {finding.aside.name}." if finding.aside else ""
        cure = f" {finding.fix}" if finding.fix else ""
        print(f"{finding.state}  {held.path}{why}.{now}{cure}", file=sys.stderr)
    elif finding.state == "sound" or every:
        print(f"{finding.state}  {held.path} ({size(held.nbytes)}){why}")


def _record(finding: Finding) -> dict[str, object]:
    return {
        "path": str(finding.held.path),
        "kind": finding.held.kind,
        "state": finding.state,
        "why": finding.why,
        "fix": finding.fix,
        "aside": str(finding.aside) if finding.aside else None,
    }
