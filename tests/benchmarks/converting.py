"""Rows of the table: a file as it was downloaded → a store."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from materials import Materials
from measuring import Work
from records import Bound, Record

__all__ = ["binaries", "texts"]

OFFICIAL = (
    Path(__file__).resolve().parents[3] / "shared" / "data" / "glove.6B.50d.zip"
)  # where it is beside us
MOST = 300.0  # 2**20 bytes, whatever the size

# A folder of its own for each run, on the file system of the rest, removed when the process ends.
FOLDER = """import os, pathlib, shutil, tempfile, torch
folder = tempfile.TemporaryDirectory(dir={where!r})
"""


def texts(made: Materials) -> Iterator[Record]:
    """Yield GloVe's texts in a zip: made to look so, at each size; and the real one, if it is there."""
    for size in made.sizes.texts:
        archive = made.text(size, ".zip")
        yield _text(f"GloVe text in a zip, {size[0]:,} × {size[1]}", archive, made, size)
    size = made.sizes.texts[len(made.sizes.texts) // 2]
    archive = made.text(size, ".zip")
    yield Record(
        key="convert",
        what=f"convert GloVe text in a zip on all cores, {size[0]:,} × {size[1]}",
        ours=_ours(archive, made),
        alternative=Bound(work=_on_one_core(archive, made, "on one core"), times=1.8),
    )
    if OFFICIAL.is_file():
        yield _text("glove.6B.50d.zip, 400,000 × 50", OFFICIAL, made, None)


def binaries(made: Materials) -> Iterator[Record]:
    """Yield other formats, beside a copy of the file."""
    size = made.sizes.texts[len(made.sizes.texts) // 2]
    for suffix, what in ((".w2v", "word2vec's .bin"), (".bin", "fastText's .bin")):
        yield _binary(f"{what}, {size[0]:,} × {size[1]}", made.text(size, suffix), made)


def _ours(path: Path, made: Materials) -> Work:
    return Work(
        name="Vectors(path)",
        given=FOLDER.format(where=str(made.folder)),
        ready="import torchvectors; torchvectors.Vectors",  # which is loaded when it is first asked for
        work=f"v = torchvectors.Vectors({str(path)!r}, cache=folder.name)",
        answer="[digest(v.vectors), v.itos[-1]]",
    )


def _text(what: str, archive: Path, made: Materials, size: tuple[int, int] | None) -> Record:
    folder = FOLDER.format(where=str(made.folder))
    old = Work(
        name="torchtext's parser",
        given=f"{folder}import torchtexts_way",
        work=f"v = torchtexts_way.convert({str(archive)!r}, folder.name)",
        answer="[digest(v.vectors), v.itos[-1]]",
    )
    inflate = Work(
        name="zipfile inflates the member",
        given="import torch, zipfile",
        work=f"""with zipfile.ZipFile({str(archive)!r}) as file, file.open(file.namelist()[0]) as member:
    while member.read(1 << 20):
        pass""",
    )
    return Record(
        key="convert",
        what=f"convert {what}",
        ours=_ours(archive, made),
        alternative=Bound(work=old, times=8, pairs=1),
        floors=[
            Bound(work=inflate, times=1.5, same=False, pairs=2),
            Bound(
                work=_on_one_core(archive, made, "its steps, divided among cores", bound=True),
                times=1.3,
                pairs=2,
            ),
        ],
        private=MOST,
        size=size,
    )


def _on_one_core(archive: Path, made: Materials, name: str, *, bound: bool = False) -> Work:
    """Return the same on one core; or the time that all cores need at least, which cannot divide the inflating."""
    given = f"""{FOLDER.format(where=str(made.folder))}
import os, time
cores = len(os.sched_getaffinity(0))
os.sched_setaffinity(0, list(os.sched_getaffinity(0))[:1])"""
    inflate = f"""
from torchvectors.archive import open_member
start = time.process_time()
with open_member(pathlib.Path({str(archive)!r})) as member:
    while member.read(1 << 19):
        pass
inflating = time.process_time() - start
start = time.process_time()"""
    ours = _ours(archive, made)
    return dataclasses.replace(
        ours,
        name=name,
        given=given,
        ready=ours.ready + (inflate if bound else ""),
        work=ours.work + ("; spent = time.process_time() - start" if bound else ""),
        figures="{'seconds': max(inflating, spent / cores)}" if bound else "{}",
    )


def _binary(what: str, path: Path, made: Materials) -> Record:
    copy = Work(
        name="a copy of the file",
        given=FOLDER.format(where=str(made.folder)),
        # Read and written, as a store has to be: not what a file system can do by reference.
        work=f"""with open({str(path)!r}, "rb") as source, open(folder.name + "/copy", "wb") as target:
    while block := source.read(1 << 20):
        target.write(block)
    target.flush()
    os.fsync(target.fileno())  # as a store is""",
    )
    return Record(
        key="binary",
        what=f"convert {what}",
        ours=_ours(path, made),
        floors=[Bound(work=copy, times=1 / 0.7, same=False)],
        private=MOST,
    )
