"""Time and private memory of one piece of work, each time in a process of its own."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

# Runs in the child: the peak of what no other process shares, above what `import torch` takes.
_CHILD = """
import json, re, sys, threading, time
import torch

def private():
    text = open("/proc/self/smaps_rollup").read()
    return sum(int(kb) for kb in re.findall(r"^Private_(?:Clean|Dirty): +(\\d+) kB", text, re.M)) / 1024

{setup}
peak = before = private()
done = threading.Event()

def watch():
    global peak
    while not done.wait(0.01):
        peak = max(peak, private())

watcher = threading.Thread(target=watch)
watcher.start()
start = time.perf_counter()
{work}
seconds = time.perf_counter() - start
done.set()
watcher.join()
peak = max(peak, private())
print(json.dumps({{"seconds": seconds, "mb": peak - before, "answer": {answer}}}))
"""


@dataclass(frozen=True)
class Run:
    seconds: float
    mb: float  # peak private memory above `import torch`, in 2**20 bytes; pages mapped by nobody else count
    answer: object


@dataclass(frozen=True)
class Work:
    name: str
    setup: str  # runs before the clock starts, and before the memory that is counted from
    work: str
    answer: str  # an expression that both sides must agree on


def run(work: Work) -> Run:
    code = _CHILD.format(setup=work.setup, work=work.work, answer=work.answer)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return Run(**json.loads(done.stdout.splitlines()[-1]))


def compare(ours: Work, theirs: Work, pairs: int = 3) -> str:
    """Run both in turn, and return one line: medians, and the ratio pair by pair."""
    runs = [(run(ours), run(theirs)) for _ in range(pairs)]
    for mine, other in runs:
        assert mine.answer == other.answer, f"{ours.name}: {mine.answer} is not {other.answer}"
    ratio = statistics.median(other.seconds / mine.seconds for mine, other in runs)
    ours_took, theirs_took = _median([mine for mine, _ in runs]), _median([other for _, other in runs])
    return f"{ours.name:<28} {ours_took:>22}   {theirs.name:<30} {theirs_took:>22}   {ratio:>7.1f} x"


def _median(runs: Sequence[Run]) -> str:
    seconds = statistics.median(one.seconds for one in runs)
    return f"{seconds * 1000:,.1f} ms {statistics.median(one.mb for one in runs):,.0f} MB"
