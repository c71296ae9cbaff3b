"""Words in no dictionary, beside the official library's loop: ``pytest -m benchmark -s tests/benchmarks``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fasttext_files import Model
from measuring import Work, compare

BUCKETS, WORDS = 200_000, 50_000


@pytest.mark.benchmark
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("dim", [100, 300])
def test_compose(dim: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("fasttext")
    rows = np.random.default_rng(0).standard_normal((3 + BUCKETS, dim), dtype=np.float32)
    path = tmp_path / "m.bin"
    path.write_bytes(Model(dim=dim, buckets=BUCKETS, minn=3, maxn=6, rows=rows).bytes())
    words = f"""
import random
random.seed(0)
words = ["".join(random.choices("etaoinshrdlucmfw", k=random.randint(3, 12))) for _ in range({WORDS})]
"""
    ours = f"""{words}
import torchvectors
vectors = torchvectors.Vectors({str(path)!r}, cache={str(tmp_path)!r})
vectors.get_vecs_by_tokens(words)  # so that both have all pages in memory"""
    theirs = f"""{words}
import fasttext, numpy as np
fasttext.FastText.eprint = lambda *args, **kwargs: None
model = fasttext.load_model({str(path)!r})"""
    line = compare(
        Work(
            f"{WORDS:,} words, dim {dim}",
            ours,
            "rows = vectors.get_vecs_by_tokens(words)",
            "[rows.double().sum().item(), rows[-1].tolist()]",
        ),
        Work(
            "get_word_vector in a loop",
            theirs,
            "rows = [model.get_word_vector(word) for word in words]",
            "[torch.from_numpy(np.stack(rows)).double().sum().item(), rows[-1].tolist()]",
        ),
    )
    with capsys.disabled():
        print(f"\n{line}")
