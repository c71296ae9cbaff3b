"""Convert files to stores, at three sizes and with one core or two, beside what bounds it: ``pytest -m benchmark -s``.

The files are made once, in the folder that ``TORCHVECTORS_BENCHMARKS`` names (the large ones take some minutes and
10 GB), or in the test's own, where only the small ones are made.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from glovelike import write
from measuring import Work, compare, run

SIZES = {"50,000 x 100": (50_000, 100), "400,000 x 100": (400_000, 100), "2,200,000 x 300": (2_200_000, 300)}


OURS = """import os, shutil, tempfile
import numpy as np
import torchvectors
{limit}
folder = tempfile.mkdtemp(dir={folder!r})
"""
OURS_RUN = "v = torchvectors.Vectors({path!r}, cache=folder)"
# What is asked of the result is read from the store, and counts as no memory of the conversion.
OURS_ANSWER = "[sum(int(np.rint(v.vectors[i : i + 4096].double().mul(1e5)).sum()) for i in range(0, len(v), 4096)), v.itos[len(v) - 1], shutil.rmtree(folder)][:2]"  # noqa: E501

# torchtext's algorithm, as described: unpack, count the lines, parse a float at a time, save a pickle.
TORCHTEXT = """import os, shutil, tempfile, zipfile
import numpy as np
folder = tempfile.mkdtemp(dir={folder!r})

def read(path):
    with open(path, "rb") as file:
        count = sum(1 for _ in file)
    itos, vectors, loaded = [], None, 0
    with open(path, "rb") as file:
        for line in file:
            token, *fields = line.rstrip().split(b" ")
            if vectors is None:
                vectors = torch.zeros((count, len(fields)))
            vectors[loaded] = torch.tensor([float(field) for field in fields])
            loaded += 1
            itos.append(token.decode())
    return itos, {{token: row for row, token in enumerate(itos)}}, vectors, vectors.shape[1]

def convert(archive):
    with zipfile.ZipFile(archive) as file:
        name, = file.namelist()
        file.extractall(folder)
    loaded = read(os.path.join(folder, name))
    torch.save(loaded, os.path.join(folder, name + ".pt"))
    return loaded
"""
TORCHTEXT_ANSWER = "[int(np.rint(vectors.double().mul(1e5)).sum()), itos[-1], shutil.rmtree(folder)][:2]"

# The least that anything built on zipfile takes: to inflate the member, and to keep nothing of it.
INFLATE = """import zipfile
with zipfile.ZipFile({path!r}) as archive, archive.open(archive.namelist()[0]) as member:
    while data := member.read(1 << 19):
        pass
"""

# What the steps cost one by one, each with the library that does it: none can be left out.
STEPS = """import time, zipfile, hashlib, zlib
import numpy as np
from xxhash import xxh3_128
from torchvectors.archive import open_member
from torchvectors.formats.text import keep_heap, parse_lines, whole_lines
from torchvectors.store.index import build_index, hashes_of
from pathlib import Path
keep_heap()
spent = dict.fromkeys(["inflate", "hash", "parse", "write", "index"], 0.0)

def step(name, function, *args):
    start = time.thread_time()
    result = function(*args)
    spent[name] += time.thread_time() - start
    return result

class Stream:
    def __init__(self, stream):
        self.stream, self.sha = stream, hashlib.sha256()
    def read(self, n):
        data = step("inflate", self.stream.read, n)
        step("hash", self.sha.update, data)
        return data
"""
STEPS_RUN = """
texts, lengths, hashes = [], [], []
with open_member(Path({path!r})) as member, open({target!r}, "wb") as file:
    checksum = xxh3_128()
    for _, lines in whole_lines(Stream(member), "x"):
        block = step("parse", parse_lines, lines, {dim})
        step("write", file.write, block.rows.data)
        step("write", checksum.update, block.rows.data)
        texts.append(block.token_bytes)
        lengths.append(block.token_lengths)
        hashes.append(step("index", hashes_of, block.tokens()))
    text, offsets = np.concatenate(texts), np.append(np.uint64(0), np.concatenate(lengths).cumsum(dtype=np.uint64))
    step("index", build_index, np.concatenate(hashes), text, offsets)
"""

ONE_CORE = "os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1])"


def ours(name: str, path: Path, folder: Path, *, limit: str = "") -> Work:
    """Return the work of converting a file, which checks what it has made."""
    setup = OURS.format(folder=str(folder), limit=limit)
    return Work(name, setup, OURS_RUN.format(path=str(path)), OURS_ANSWER)


def torchtexts(path: Path, folder: Path) -> Work:
    """Return the work of torchtext's algorithm on the same zip."""
    setup = TORCHTEXT.format(folder=str(folder))
    call = f"itos, stoi, vectors, dim = convert({str(path)!r})"
    return Work("torchtext's algorithm", setup, call, TORCHTEXT_ANSWER)


def inflating(path: Path) -> Work:
    """Return the work of inflating the member with the standard library."""
    return Work("zipfile inflates it", "", INFLATE.format(path=str(path)), "None")


def steps(path: Path, folder: Path, dim: int) -> Work:
    """Return the work of each step on its own, on one core; its answer is the seconds of each."""
    call = STEPS_RUN.format(path=str(path), target=str(folder / "rows"), dim=dim)
    return Work("the steps, one by one", STEPS, call, "spent")


def copying(path: Path, folder: Path) -> Work:
    """Return the work of copying a file, and of seeing that it is on the disk, as a store is."""
    setup = f"import os, shutil\nto = {str(folder / 'copy')!r}"
    call = f"shutil.copyfile({str(path)!r}, to)\nwith open(to, 'rb+') as file: os.fsync(file.fileno())"
    return Work("to copy the file", setup, call, "os.path.getsize(to)")


def kept(tmp_path: Path) -> tuple[Path, bool]:
    """Return where the files are made, and whether large ones may be."""
    given = os.environ.get("TORCHVECTORS_BENCHMARKS")
    folder = Path(given) if given else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    return folder, given is not None


@pytest.mark.benchmark
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("size", SIZES)
def test_glove_text_in_a_zip(size: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, large = kept(tmp_path)
    count, dim = SIZES[size]
    if count > 400_000 and not large:
        pytest.skip("TORCHVECTORS_BENCHMARKS names no folder for large files")
    path = write(folder / f"like.{count}.{dim}d.zip", count, dim)
    mine = ours(size, path, tmp_path)
    lines = []
    if count <= 400_000:
        lines.append(compare(mine, torchtexts(path, tmp_path), pairs=1))
    lines += [
        beside(mine, inflating(path)),
        beside(mine, ours("one core", path, tmp_path, limit=ONE_CORE)),
    ]
    answer = run(steps(path, tmp_path, dim)).answer
    assert isinstance(answer, dict)
    told = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in answer.items())
    bound = max(sum(answer.values()) / 2, answer["inflate"])
    lines.append(f"{told}: on two cores at least {bound:.2f} s")
    with capsys.disabled():
        print("", *lines, sep="\n")


@pytest.mark.benchmark
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("suffix", [".bin", ".w2v"])
def test_binary_files(suffix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, large = kept(tmp_path)
    count, dim = (400_000, 300) if large else (50_000, 100)
    path = write(folder / f"like.{count}.{dim}d{suffix}", count, dim)
    line = beside(ours(f"{suffix}, {count:,} x {dim}", path, tmp_path), copying(path, tmp_path))
    with capsys.disabled():
        print(f"\n{line}")


def beside(work: Work, other: Work, pairs: int = 3) -> str:
    """Run both in turn, and say how their times compare; their answers have nothing in common."""
    runs = [(run(work), run(other)) for _ in range(pairs)]
    assert len({str(one.answer) for one, _ in runs}) == 1
    best = min(runs, key=lambda pair: pair[0].seconds)
    ratios = sorted(one.seconds / two.seconds for one, two in runs)
    return (
        f"{work.name:<20} {best[0].seconds:8.2f} s {best[0].mb:5.0f} MB   {other.name:<24} {best[1].seconds:8.2f} s   "
        f"takes {ratios[len(ratios) // 2]:.2f} times as long"
    )
