"""Convert and open the real glove.6B.50d, beside torchtext's algorithm: ``pytest -m benchmark -s``."""

from __future__ import annotations

from pathlib import Path

import pytest
from measuring import Work, compare

ARCHIVE = Path(__file__).resolve().parents[3] / "shared" / "data" / "glove.6B.50d.zip"

# What torchtext 0.18 does, written anew from a description of it: unpack, count the lines, parse a float at a time.
TORCHTEXT = """
import os, zipfile

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
    return itos, {token: row for row, token in enumerate(itos)}, vectors, vectors.shape[1]

def convert(archive, folder):
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder)
    loaded = read(os.path.join(folder, "glove.6B.50d.txt"))
    torch.save(loaded, os.path.join(folder, "glove.6B.50d.txt.pt"))
    return loaded
"""


@pytest.mark.benchmark
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not ARCHIVE.is_file(), reason="the real archive is not beside the checkout")
def test_convert_and_open(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    mine = f"""import os, shutil
os.makedirs({str(ours)!r}, exist_ok=True)
for name in os.listdir({str(ours)!r}):
    path = os.path.join({str(ours)!r}, name)
    shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
shutil.copy({str(ARCHIVE)!r}, os.path.join({str(ours)!r}, "glove.6B.zip"))
import torchvectors"""
    convert = compare(
        Work(
            "convert",
            mine,
            f"v = torchvectors.Vectors('glove.6B.50d', cache={str(ours)!r})",
            "[v.vectors.double().sum().item(), v.itos[-1]]",
        ),
        Work(
            "torchtext's algorithm",
            TORCHTEXT,
            f"itos, stoi, vectors, dim = convert({str(ARCHIVE)!r}, {str(theirs)!r})",
            "[vectors.double().sum().item(), itos[-1]]",
        ),
    )
    opened = compare(
        Work(
            "open, and the first vector",
            "import torchvectors",
            f"v = torchvectors.Vectors('glove.6B.50d', cache={str(ours)!r}); row = v['sandberger']",
            "row.tolist()",
        ),
        Work(
            "torch.load of torchtext's .pt",
            "",
            f"""itos, stoi, vectors, dim = torch.load({str(theirs / "glove.6B.50d.txt.pt")!r}, weights_only=True)
row = vectors[stoi["sandberger"]]""",
            "row.tolist()",
        ),
        pairs=5,
    )
    with capsys.disabled():
        print(f"\n{convert}\n{opened}")
