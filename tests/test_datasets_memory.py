"""Rows of a data set in bounded memory: 3.6 million of them, out of an archive with the layout of the real one."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest

from torchvectors.catalog import Digest
from torchvectors.catalog import datasets as records
from torchvectors.catalog.datasets import dataset

ROOT = Path(__file__).resolve().parents[1]

# In a process of its own, which has read nothing else: how much memory it took at most, and how many rows there were.
PROGRAM = """
import json, resource, sys
from pathlib import Path
from torchvectors.catalog import datasets as records
from torchvectors import datasets
records.DATA = Path(sys.argv[1])
rows = iter(datasets.AmazonReviewPolarity(sys.argv[2], "train"))
first = next(rows)
begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
count = 1 + sum(1 for _ in rows)
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - begun
grown //= 1024 if sys.platform == "darwin" else 1
print(json.dumps({"count": count, "first": first, "grown": grown}))
"""


def lines(count: int) -> Iterator[bytes]:
    """Yield so many reviews, as long as the real ones."""
    dice = random.Random(0)
    words = ["".join(dice.choices("abcdefghijklmnopqrstuvwxyz", k=dice.randint(2, 9))) for _ in range(5_000)]
    texts = [" ".join(dice.choices(words, k=70)) for _ in range(2_000)]
    for number in range(count):
        text = texts[dice.randrange(len(texts))]
        yield f'"{1 + number % 2}","title {number}","{text}, {number} ""quoted"""\n'.encode()


def write_archive(path: Path, count: int) -> None:
    """Write a tar.gz of a CSV of so many rows, without holding it."""
    size = sum(map(len, lines(count)))
    with gzip.open(path, "wb", compresslevel=1) as file, tarfile.open(fileobj=file, mode="w|") as archive:
        folder = tarfile.TarInfo("amazon_review_polarity_csv")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        info = tarfile.TarInfo("amazon_review_polarity_csv/train.csv")
        info.size = size
        archive.addfile(info, io.BufferedReader(_Made(lines(count))))


class _Made(io.RawIOBase):
    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts, self._left = parts, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # what io gives it
        while len(self._left) < len(buffer) and (part := b"".join(islice(self._parts, 99))):
            self._left += part
        given, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(given)] = given
        return len(given)


@pytest.mark.parametrize("count", [20_000, pytest.param(3_600_000, marks=pytest.mark.slow)])
@pytest.mark.timeout(1200)
def test_memory_stays_flat_whatever_the_number_of_rows(count: int, tmp_path: Path) -> None:
    pytest.importorskip("resource")  # of POSIX
    folder = tmp_path / "datasets" / "AmazonReviewPolarity"
    folder.mkdir(parents=True)
    path = folder / "amazon_review_polarity_csv.tar.gz"
    write_archive(path, count)
    digest = hashlib.md5()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    real = dataset("AmazonReviewPolarity")
    whole = replace(real.files[0], digests=(Digest(algorithm="md5", value=digest.hexdigest()),))
    catalog = tmp_path / "catalog.json"
    catalog.write_text(records.dumps([replace(real, files=(whole,))]), "utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM, str(catalog), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "TORCHVECTORS_HOME": str(tmp_path)},
    )
    found = json.loads(done.stdout)
    assert found["count"] == count
    assert found["first"][0] == 1
    assert found["first"][1].startswith("title 0 ")
    assert found["grown"] < 4_000  # KiB
