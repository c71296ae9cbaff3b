"""Results ↔ JSON, and → the tables that people read: on a terminal and in ``docs/performance.md``."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from interpreters import ALTERNATIVES, is_at_hand, python_of
from records import Result

__all__ = ["load", "put", "save", "scaling", "table", "whole"]

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
HEAD = ("what", "ours", "alternative", "times slower", "target", "floor", "ours / floor", "target", "MB", "")
_VERSIONS = """
import importlib.metadata, json, platform
names = {"torch", "torchtext", "torchdata", "numpy", "gensim", "fasttext-numpy2", "fasttext-wheel", "fasttext"}
found = {d.metadata["Name"].lower(): d.version for d in importlib.metadata.distributions()}
print(json.dumps({"python": platform.python_version(), **{n: v for n, v in sorted(found.items()) if n in names}}))
"""


def save(path: Path, results: Iterable[Result], how: Mapping[str, Any]) -> dict[str, Any]:
    """Write results to a file of JSON, in place of the rows that it has of the same name; return what it holds."""
    known = load(path)["rows"] if path.exists() else []
    fresh = {result.what: {**dataclasses.asdict(result), **how} for result in results}
    rows = [fresh.pop(row["what"], row) for row in known] + list(fresh.values())
    content = {"machine": machine(), "versions": versions(), "rows": rows}
    path.write_text(
        json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8"
    )
    return content


def load(path: Path) -> dict[str, Any]:
    """Read what `save` wrote."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def machine() -> dict[str, Any]:
    """Return what the numbers were measured on."""
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    names = [line.split(":")[1].strip() for line in info.splitlines() if line.startswith("model name")]
    return {
        "processor": names[0] if names else platform.processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GB",
        "system": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
    }


def versions() -> dict[str, dict[str, str]]:
    """Return, for torchvectors and for each alternative in a Python of its own, what stands there."""
    found = {"torchvectors": _versions_of(None)}
    for name, one in ALTERNATIVES.items():
        if os.environ.get(one.variable) and is_at_hand(name):
            found[name] = _versions_of(name)
    return found


def _versions_of(name: str | None) -> dict[str, str]:
    python, environment = python_of(name)
    done = subprocess.run([python, "-c", _VERSIONS], capture_output=True, env=environment, check=True)
    told: dict[str, str] = json.loads(done.stdout)
    return told


def today() -> str:
    """Return the day, as results carry it."""
    return datetime.now(timezone.utc).date().isoformat()


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the one table, in Markdown: a line for each result, and one more for each further floor."""
    lines = [line for row in rows for line in _lines(row)]
    return _markdown(HEAD, lines)


def scaling(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return what was measured at several sizes: the time for each number of the file, and the memory."""
    lines = []
    for key in dict.fromkeys(row["key"] for row in rows if row["size"]):
        for row in sorted(
            (one for one in rows if one["key"] == key and one["size"]), key=lambda one: one["size"]
        ):
            if row["ours"]:
                tokens, dim = row["size"]
                seconds = row["ours"]["seconds"]
                each = f"{seconds / (tokens * dim) * 1e9:,.2f} ns"
                lines.append(
                    (key, f"{tokens:,} × {dim}", _time(seconds), each, f"{row['ours']['private']:,.0f}")
                )
    return _markdown(("what", "tokens × dim", "seconds", "for each number", "private MB"), lines)


def whole(content: Mapping[str, Any]) -> str:
    """Return all that is generated of ``docs/performance.md``."""
    rows, on = content["rows"], content["machine"]
    days = sorted({row["day"] for row in rows})
    pairs = sorted({row["pairs"] for row in rows})
    told = " to ".join(dict.fromkeys((days[0], days[-1])))
    where = f"{on['processor']}, {on['cores']} cores, {on['memory']}, {on['system']}"
    parts = [f"Measured {told} on {where}; {' or '.join(map(str, pairs))} pairs a row.", ""]
    for name, found in content["versions"].items():
        parts.append(f"- {name}: " + ", ".join(f"{one} {version}" for one, version in found.items()))
    return "\n".join([*parts, "", table(rows), "", "### At three sizes", "", scaling(rows)])


def put(path: Path, content: Mapping[str, Any]) -> None:
    """Write the tables into a document, between its two marks.

    Raises:
        ValueError: It has no such marks.
    """
    text = path.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path}: there is no line {BEGIN!r} with {END!r} behind it.")
    path.write_text(f"{before}{BEGIN}\n\n{whole(content)}\n\n{END}{after}", encoding="utf-8")


def _lines(row: Mapping[str, Any]) -> list[tuple[str, ...]]:
    ours, other, floors = row["ours"], row["alternative"], row["floors"]
    if ours is None:
        return [(row["what"], *("",) * (len(HEAD) - 2), f"**{row['state']}** {_one_line(row['note'])}")]
    targets = [
        f"≥ {_times(other['target'])}" if other and other["target"] else "",
        "" if row["seconds"] is None else f"≤ {_time(row['seconds'])}",
        "" if row["private"] is None else f"≤ {row['private']:,.0f} MB",
    ]
    first = (
        row["what"],
        _amount(ours, row["of"]),
        f"{other['name']}: {_amount(other, row['of'])}" if other else "",
        _times(other["ratio"]) if other else "",
        ", ".join(filter(None, targets)),
        *_floor(floors[0] if floors else None, row["of"]),
        " / ".join(f"{side['private']:,.0f}" for side in (ours, other) if side),
        " ".join(filter(None, [row["state"], _one_line(row["note"])])),
    )
    blank = ("",) * 5
    return [first, *((*blank, *_floor(floor, row["of"]), "", "") for floor in floors[1:])]


def _floor(floor: Mapping[str, Any] | None, of: str) -> tuple[str, str, str]:
    if floor is None:
        return "", "", ""
    target = f"≤ {_times(floor['target'])}" if floor["target"] else ""
    return f"{floor['name']}: {_amount(floor, of)}", _times(floor["ratio"]), target


def _amount(side: Mapping[str, Any], of: str) -> str:
    return _time(side["seconds"]) if of == "seconds" else f"{side['private'] + side['mapped']:,.0f} MB"


def _times(ratio: float) -> str:
    return f"{ratio:,.0f} ×" if ratio >= 100 else f"{ratio:.3g} ×"


def _time(seconds: float) -> str:
    return (
        f"{seconds:,.1f} s"
        if seconds >= 10
        else f"{seconds:.2f} s"
        if seconds >= 1
        else f"{seconds * 1000:.3g} ms"
    )


def _one_line(text: str) -> str:
    return " ".join(text.replace("|", "/").split())[-300:]


def _markdown(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [list(head), *map(list, lines)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(head))]
    padded = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    padded.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(padded)
