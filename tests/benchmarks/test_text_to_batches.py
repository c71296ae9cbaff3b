"""Raw text to batches, beside the plain recipe, and what a worker holds: ``pytest -m benchmark -s``."""

from __future__ import annotations

import statistics

import pytest
from measuring import Work, run

COPIES = 8  # of the 7,989 definitions: some 900,000 tokens

# What programs for torchtext did: count in one loop, then tokenise, number and pad row by row.
RECIPE = f"""
from torch.utils.data import DataLoader
from torchvectors.data import get_tokenizer
from torchvectors.datasets import WordNetTopics
from torchvectors.vocab import build_vocab_from_iterator
rows = list(WordNetTopics(split="train")) * {COPIES}
tokenizer = get_tokenizer("basic_english")

def collate(batch):
    labels = torch.tensor([label for label, _ in batch])
    ids = [torch.tensor(vocab(tokenizer(text))) for _, text in batch]
    lengths = torch.tensor([len(one) for one in ids])
    return labels, torch.nn.utils.rnn.pad_sequence(ids, batch_first=True), lengths
"""
RECIPE_RUN = """
vocab = build_vocab_from_iterator((tokenizer(text) for _, text in rows), specials=["<pad>", "<unk>"])
vocab.set_default_index(1)
tokens = total = 0
for labels, ids, lengths in DataLoader(rows, batch_size=64, collate_fn=collate, num_workers=WORKERS):
    tokens += int(lengths.sum()); total += int(ids.sum())
"""
OURS = f"""
from torch.utils.data import DataLoader
from torch.utils.data.datapipes.iter import IterableWrapper
from torchvectors.datasets import WordNetTopics
import torchvectors
rows = list(WordNetTopics(split="train")) * {COPIES}
"""
OURS_RUN = """
fitted = IterableWrapper(rows, deepcopy=False).tokenize().build_vocab()
graph = fitted.sharding_filter().numericalize().batch_tokens(64)
tokens = total = 0
for labels, ids, lengths in DataLoader(graph, batch_size=None, num_workers=WORKERS):
    tokens += int(lengths.sum()); total += int(ids.sum())
"""


@pytest.mark.benchmark
@pytest.mark.timeout(1800)
def test_raw_text_to_batches(capsys: pytest.CaptureFixture[str]) -> None:
    lines = []
    for workers in (0, 1, 2):
        ours = Work("graph", OURS, OURS_RUN.replace("WORKERS", str(workers)), "[tokens, total]")
        theirs = Work("recipe", RECIPE, RECIPE_RUN.replace("WORKERS", str(workers)), "[tokens, total]")
        pairs = [(run(ours), run(theirs)) for _ in range(3)]
        for mine, other in pairs:
            assert mine.answer == other.answer
        tokens = pairs[0][0].answer[0]  # type: ignore[index]  # a list of two numbers
        speeds = [
            statistics.median(tokens / one.seconds for one in side) for side in zip(*pairs, strict=True)
        ]
        ratio = statistics.median(other.seconds / mine.seconds for mine, other in pairs)
        lines.append(
            f"text to batches, {workers} workers   graph {speeds[0]:>9,.0f} tokens/s   "
            f"recipe {speeds[1]:>9,.0f} tokens/s   {ratio:.2f} x"
        )
    with capsys.disabled():
        print("", *lines, sep="\n")


# Each worker says what is its own, above what a worker holds that gives bare numbers.
MEMORY = """
import re, warnings
warnings.simplefilter("ignore")
import tempfile
from pathlib import Path
import torch
from torch.utils.data import DataLoader, IterDataPipe
from torch.utils.data.datapipes.iter import IterableWrapper
import torchvectors

folder = Path(tempfile.mkdtemp())

class Words(IterDataPipe):
    def __init__(self, count):
        self.count = count
    def __iter__(self):
        for start in range(0, self.count, 100):
            yield [f"word{number}" for number in range(start, start + 100)]

class Weighed(IterDataPipe):
    def __init__(self, source, path):
        self.source, self.path = source, path
    def __iter__(self):
        yield from self.source
        text = open("/proc/self/smaps_rollup").read()
        kb = sum(int(one) for one in re.findall(r"^Private_(?:Clean|Dirty): +(\\d+) kB", text, re.M))
        with open(self.path, "a") as file:
            file.write(f"{kb / 1024}\\n")

def weigh(graph, name, start):
    path = folder / name
    for _ in DataLoader(Weighed(graph, path), batch_size=None, num_workers=2, multiprocessing_context=start):
        pass
    return max(map(float, path.read_text().split()))

if __name__ == "__main__":
    for start in ("fork", "spawn"):
        bare = weigh(IterableWrapper(range(4000)).sharding_filter(), f"bare {start}", start)
        fitted = Words(400_000).build_vocab().align_vectors(torchvectors.GloVe("sample"))
        assert len(fitted.alignment.matrix) == 400_002
        whole = weigh(fitted.sharding_filter().numericalize().batch_tokens(64), f"graph {start}", start)
        print(f"a worker of 400,000 words, {start}: {whole - bare:,.0f} MB of its own above a bare one")
"""


@pytest.mark.benchmark
@pytest.mark.timeout(600)
def test_what_a_worker_holds(tmp_path: object, capsys: pytest.CaptureFixture[str]) -> None:
    import subprocess
    import sys
    from pathlib import Path

    program = Path(str(tmp_path)) / "memory.py"
    program.write_text(MEMORY)
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with capsys.disabled():
        print(f"\n{done.stdout}")
