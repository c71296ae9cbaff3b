"""``python -m tests.fuzz TARGET --runs N``: give a reader inputs that nobody meant, and see that it takes or refuses them.

With atheris installed (``pip install atheris``) the inputs follow the coverage of our code; ``--engine own`` and
``--engine hypothesis`` need nothing that the tests do not need. The last line is a record as JSON. The exit code is 1
where something was found: the inputs and the tracebacks are then in the folder of ``--keep``.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the tests' own helpers are


def main() -> int:
    """Run the command."""
    has_atheris = importlib.util.find_spec("atheris") is not None
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", help="a name, or `all`, or `list`")
    parser.add_argument("--runs", type=int, default=10_000, help="inputs (default: 10,000)")
    parser.add_argument(
        "--engine", choices=["atheris", "own", "hypothesis"], default="atheris" if has_atheris else "own"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "torchvectors-fuzz")
    parser.add_argument(
        "--child", type=Path, help=argparse.SUPPRESS
    )  # where a child of ours writes its record
    given = parser.parse_args()
    if given.child:
        _child(given)
        return 0
    names = _names()
    if given.target == "list":
        print("\n".join(names))
        return 0
    bad = 0
    for name in names if given.target == "all" else [given.target]:
        record = _followed(given, name)
        print(json.dumps(record), flush=True)
        bad += len(record["found"])
    return 1 if bad else 0


def _names() -> list[str]:
    from tests.fuzz.targets import TARGETS

    return list(TARGETS)


def _followed(given: argparse.Namespace, name: str) -> dict[str, object]:
    """Run a target in processes of their own: a reader that brings its process down is found, too."""
    runs = results = 0
    slowest = seconds = 0.0
    found: list[str] = []
    coverage = 0
    keep = given.keep / name
    keep.mkdir(parents=True, exist_ok=True)
    while runs < given.runs:
        record = keep / "record.json"
        record.unlink(missing_ok=True)
        command = [sys.executable, "-m", "tests.fuzz", name, "--child", str(record), "--engine", given.engine]
        command += [
            "--runs",
            str(given.runs - runs),
            "--seed",
            str(given.seed + runs),
            "--keep",
            str(given.keep),
        ]
        start = time.monotonic()
        ended = subprocess.run(command, stderr=subprocess.PIPE, text=True, errors="replace", check=False)  # noqa: S603
        seconds += time.monotonic() - start
        told = (
            json.loads(record.read_text())
            if record.exists()
            else {"runs": 0, "results": 0, "slowest": 0, "found": []}
        )
        runs, results = runs + told["runs"], results + told["results"]
        slowest, found = max(slowest, told["slowest"]), [*found, *told["found"]]
        coverage = max([coverage, *map(int, re.findall(r"cov: (\d+)", ended.stderr))])
        if ended.returncode:
            found.append(f"the process ended with {ended.returncode}")
            (keep / f"process-{runs}.txt").write_text(ended.stderr[-20_000:])
            if not told["runs"]:
                sys.stderr.write(ended.stderr[-3000:])
                break
    return {
        "target": name,
        "engine": given.engine,
        "runs": runs,
        "results": results,
        "per_second": round(runs / max(seconds, 1e-9)),
        "coverage": coverage,
        "slowest_ms": round(1000 * slowest, 1),
        "found": sorted(set(found)),
    }


def _child(given: argparse.Namespace) -> None:
    engine = given.engine
    if engine == "atheris":
        import atheris

        packages = [
            "torchvectors.formats",
            "torchvectors.store",
            "torchvectors.archive",
            "torchvectors.legacy",
        ]
        packages += [
            "torchvectors.download",
            "torchvectors.utils",
            "torchvectors.stages",
            "torchvectors.nodes",
        ]
        packages += [
            "torchvectors.datapipes",
            "torchvectors.fitting",
            "torchvectors.vocabulary",
            "torchvectors.acquire",
        ]
        packages += ["pickletools"]
        with atheris.instrument_imports(include=packages):
            from tests.fuzz.targets import TARGETS
    else:
        from tests.fuzz.targets import TARGETS
    from tests.fuzz.campaign import Campaign, at_random, by_hypothesis, guarded
    from tests.fuzz.mutation import mutated
    from tests.fuzz.targets import folder

    target = TARGETS[given.target]
    campaign = Campaign(target=target, keep=given.keep / given.target / "found")

    def tell() -> None:
        place = given.child.with_suffix(".part")
        told = {"runs": campaign.runs, "results": campaign.results, "slowest": campaign.slowest}
        place.write_text(json.dumps({**told, "found": list(campaign.found)}))
        place.replace(given.child)

    home = folder()
    os.environ["TORCHVECTORS_HOME"] = str(home / "home")
    try:
        if engine == "own":
            with guarded():
                at_random(campaign, given.runs, given.seed)
            tell()
            return
        if engine == "hypothesis":
            with guarded():
                by_hypothesis(campaign, given.runs, given.seed)
            tell()
            return
        corpus = given.keep / given.target / "corpus"
        corpus.mkdir(parents=True, exist_ok=True)
        pool = list(target.seeds())
        for number, data in enumerate(pool):
            (corpus / f"seed-{number:03}").write_bytes(data)

        def run(data: bytes) -> None:
            campaign.one(data)
            if campaign.runs % 1000 == 0 or campaign.runs >= given.runs:
                tell()

        def mutate(data: bytes, most: int, seed: int) -> bytes:
            import random

            chance = random.Random(seed)
            if chance.randrange(4) == 0:
                changed: bytes = atheris.Mutate(data, most)
                return changed
            return mutated(data, chance.randrange, words=target.words, others=pool)[:most]

        options = [f"-runs={given.runs}", f"-seed={given.seed}", f"-max_len={target.longest}", "-timeout=120"]
        options += [
            "-rss_limit_mb=4096",
            "-print_final_stats=1",
            "-len_control=0",
            f"-artifact_prefix={given.keep / given.target}/",
        ]
        with guarded(4):
            atheris.Setup([sys.argv[0], *options, str(corpus)], run, custom_mutator=mutate)
            atheris.Fuzz()
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
