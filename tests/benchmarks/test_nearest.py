"""The nearest tokens among 400,000, beside gensim and a bare product: ``pytest -m benchmark -s``."""

from __future__ import annotations

from pathlib import Path

import pytest
from measuring import Work, compare

ARCHIVE = Path(__file__).resolve().parents[3] / "shared" / "data" / "glove.6B.50d.zip"
TIMES = 20  # asked in turn; the first one has measured the rows before the clock starts
MANY = 256  # asked at once


@pytest.mark.benchmark
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not ARCHIVE.is_file(), reason="the real archive is not beside the checkout")
def test_nearest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("gensim")
    (tmp_path / "glove.6B.zip").symlink_to(ARCHIVE)
    opened = f"""import numpy as np, torchvectors, warnings
warnings.simplefilter("ignore")
v = torchvectors.Vectors('glove.6B.50d', cache={str(tmp_path)!r})
matrix, some = np.array(v.block(0, len(v))), v.itos[1000:{1000 + MANY}]
"""
    gensim = f"""{opened}from gensim.models import KeyedVectors
kv = KeyedVectors(v.dim); kv.add_vectors(list(v.itos), matrix); kv.most_similar("cat")
"""
    one = Work(
        f"nearest, {TIMES} times",
        f"{opened}v.nearest('cat')",
        f"for _ in range({TIMES}): found = v.nearest('cat')",
        "[token for token, _ in found]",
    )
    theirs = Work(
        "gensim's most_similar",
        gensim,
        f"for _ in range({TIMES}): found = kv.most_similar('cat')",
        "[token for token, _ in found]",
    )
    bare = Work(
        "a bare product",
        f"{opened}query = matrix[5]; matrix @ query",
        f"for _ in range({TIMES}): matrix @ query",
        "None",
    )
    many = Work(
        f"nearest_rows, {MANY} at once", f"{opened}v.nearest('cat')", "found = v.nearest_rows(some)", "None"
    )
    bares = Work(
        "a bare product",
        f"{opened}queries = v.get_vecs_by_tokens(some).numpy()",
        "queries @ matrix.T",
        "None",
    )
    lines = [
        compare(one, theirs),
        compare(Work(one.name, one.setup, one.work, "None"), bare),
        compare(many, bares),
    ]
    with capsys.disabled():
        print("", *lines, sep="\n")
