"""One piece of work, in a process of its own → its seconds, its memory, and its answer."""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interpreters import python_of

__all__ = ["Memory", "Run", "Work", "WorkError", "memory_of", "run"]

MB = 1024  # in the kilobytes that Linux counts in
EVERY = 0.02  # seconds between two looks at the memory, or ten times what a look takes

# Runs in the child. `memory()` is what `Memory` says, of this process alone; `digest` is of numbers by their bits, so
# that two sides agree on all of them or not at all.
_CHILD = """
import hashlib, json, os, sys, time

def memory():
    if not os.path.exists("/proc/self/smaps_rollup"):  # only Linux tells it: elsewhere it stays at 0
        return {{}}
    with open("/proc/self/smaps_rollup") as file:
        return {{line.split(":")[0]: int(line.split()[1]) for line in file if line.endswith("kB\\n")}}

def say(**what):
    print(json.dumps(what), flush=True)

def digest(*parts):
    told = hashlib.sha256()
    for part in parts:
        part = part.detach().contiguous().numpy() if hasattr(part, "detach") else part
        if hasattr(part, "dtype"):
            told.update(f"{{part.dtype}} {{part.shape}}".encode())
            told.update(part.reshape(-1).view("u1").data)
        else:
            told.update(repr(list(part) if isinstance(part, (list, tuple)) else part).encode())
    return told.hexdigest()[:16]

{given}
say(memory=memory())
{ready}
clock = time.perf_counter()
{work}
seconds = time.perf_counter() - clock
say(**{{"memory": memory(), "seconds": seconds, **{figures}}})
say(answer={answer}, said={said})
"""


class WorkError(RuntimeError):
    """A piece of work ended in an error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What a process and its children take, in 2**20 bytes; what several share is divided among them."""

    private: float  # what no file backs: the system can drop none of it
    mapped: float  # pages of files, which are the page cache's as well

    @property
    def held(self) -> float:
        """Both."""
        return self.private + self.mapped


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one run gave."""

    seconds: float
    peak: Memory  # above what there was before `Work.ready`
    answer: object
    said: str  # what else it has to say


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Lines of Python in three parts; each sees the names of those before it."""

    name: str
    given: str = "import torch"  # neither its time nor its memory counts: imports, and what is asked for
    ready: str = ""  # its memory counts
    work: str  # its time counts, too
    answer: str = "None"  # an expression; None: there is nothing to compare
    said: str = "''"  # an expression: a text to stand beside the numbers
    figures: str = (
        "{}"  # an expression: a dict with "seconds", "private", "mapped", in place of what was measured
    )
    needs: str | None = None  # an `interpreters.Alternative`, by name; None: what torchvectors itself needs


def run(work: Work) -> Run:
    """Run it, and look at its memory from without, so that looking takes none of its time.

    Raises:
        WorkError: It ends in an error, whose text this has.
    """
    fields = {
        "given": work.given,
        "ready": work.ready,
        "work": work.work,
        "figures": work.figures,
        "answer": work.answer,
        "said": work.said,
    }
    python, environment = python_of(work.needs)
    child = subprocess.Popen(
        [python, "-c", _CHILD.format(**fields)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )
    with child:
        said, peak = _listen(child)
        errors = child.stderr.read().decode(errors="replace") if child.stderr else ""
    if child.returncode or len(said) < 3:
        raise WorkError(f"{work.name}: {errors.strip()[-2000:] or f'it ended with {child.returncode}'}")
    before, after = _memory_of(said[0]["memory"]), _memory_of(said[1]["memory"])
    above = Memory(
        private=max(peak.private, after.private) - before.private,
        mapped=max(peak.mapped, after.mapped) - before.mapped,
    )
    if "private" in said[1]:
        above = Memory(private=said[1]["private"], mapped=said[1].get("mapped", 0.0))
    return Run(seconds=said[1]["seconds"], peak=above, answer=said[2]["answer"], said=str(said[2]["said"]))


def _listen(child: subprocess.Popen[bytes]) -> tuple[list[dict[str, Any]], Memory]:
    """Read what the child says, line by line, and between the first and the second look at its memory."""
    assert child.stdout is not None
    said: list[dict[str, Any]] = []
    peak, wait, rest = Memory(private=0, mapped=0), EVERY, b""
    while True:
        watched = len(said) == 1
        if select.select([child.stdout], [], [], wait if watched else None)[0]:
            come = os.read(child.stdout.fileno(), 1 << 16)
            if not come:
                return said, peak
            *lines, rest = (rest + come).split(b"\n")
            said += [json.loads(line) for line in lines if line.startswith(b"{")]
        elif watched:
            start = time.perf_counter()
            found = memory_of(child.pid)
            peak = Memory(private=max(peak.private, found.private), mapped=max(peak.mapped, found.mapped))
            wait = max(EVERY, 10 * (time.perf_counter() - start))


def memory_of(pid: int) -> Memory:
    """Return what a process and all its children hold now; one that has just ended holds nothing."""
    private = mapped = 0.0
    for one in _family(pid):
        try:
            text = Path(f"/proc/{one}/smaps_rollup").read_text()
        except OSError:
            continue
        found = _memory_of(
            {line.split(":")[0]: int(line.split()[1]) for line in text.splitlines() if line.endswith("kB")}
        )
        private, mapped = private + found.private, mapped + found.mapped
    return Memory(private=private, mapped=mapped)


def _family(pid: int) -> Iterator[int]:
    yield pid
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = path.read_text().split()
        except OSError:
            continue
        for child in children:
            yield from _family(int(child))


def _memory_of(kilobytes: dict[str, int]) -> Memory:
    private = kilobytes.get("Pss_Anon", 0) + kilobytes.get("Pss_Shmem", 0)
    return Memory(private=private / MB, mapped=kilobytes.get("Pss_File", 0) / MB)
