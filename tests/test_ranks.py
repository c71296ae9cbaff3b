"""Ranks of a torch.distributed group: one vocabulary for all, and nobody waits who has not asked to."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from corpora import LABELLED, TEXTS

from torchvectors.tokenizers import basic_english

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="gloo by way of a file")

# What each rank runs; `body` comes behind it, and what it leaves in `answer` is what the test gets.
PROGRAM = """
import json, os, sys, warnings
from pathlib import Path
import torch.distributed as dist
from corpora import LABELLED, Logged, passes, vectors
from torchvectors.datapipes import BuildVocab
from torchvectors.errors import GraphError

rank, size, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
dist.init_process_group("gloo", init_method=f"file://{folder}/group", rank=rank, world_size=size)
log = folder / "log"

def counted(text):
    with (folder / f"tokenized {rank}").open("a") as file:
        file.write("x")
    return text.split()

answer = None
"""
END = """
(folder / f"answer {rank}").write_text(json.dumps(answer))
dist.barrier()
dist.destroy_process_group()
"""


def answers(body: str, size: int, folder: Path, homes: list[str] | None = None) -> list[Any]:
    """Run a program as so many ranks of a group, and return what each has answered."""
    program = PROGRAM + textwrap.dedent(body) + END
    folder.mkdir(exist_ok=True)
    path = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[1]), *sys.path])
    started = []
    for rank in range(size):
        environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
        if homes:
            environment["TORCHVECTORS_HOME"] = homes[rank]
        command = [sys.executable, "-c", program, str(rank), str(size), str(folder)]
        started.append(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True))
    for process in started:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
    return [json.loads((folder / f"answer {rank}").read_text()) for rank in range(size)]


def vocab_by_hand(times: int = 1) -> list[str]:
    counts = Counter(token for text in TEXTS * times for token in basic_english(text))
    return ["<pad>", "<unk>", *sorted(counts, key=lambda token: (-counts[token], token))]


def tokenized(folder: Path, size: int) -> list[int]:
    paths = [folder / f"tokenized {rank}" for rank in range(size)]
    return [len(path.read_text()) if path.exists() else 0 for path in paths]


@pytest.mark.parametrize("size", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_ranks_that_fit_together_count_a_share_each_and_get_one_vocabulary(size: int, tmp_path: Path) -> None:
    homes = [str(tmp_path / f"home {rank}") for rank in range(size)]  # no folder in common
    body = """
    fitted = Logged(LABELLED, log).tokenize(counted).build_vocab()
    fitted.fit()
    answer = fitted.vocab.get_itos(), fitted.goes_by.counts, fitted.goes_by.running, fitted.passes
    """
    found = answers(body, size, tmp_path / "group", homes)
    assert found == [found[0]] * size
    itos, counts, running, passes = found[0]
    assert itos == vocab_by_hand()
    assert counts == Counter(token for text in TEXTS for token in text.split())
    assert (running, passes) == (sum(counts.values()), 1)
    shares = [len(range(rank, len(LABELLED), size)) for rank in range(size)]
    assert tokenized(tmp_path / "group", size) == shares


def test_ranks_that_only_read_it_meet_in_the_cache_and_one_counts(tmp_path: Path) -> None:
    body = """
    aligned = Logged(LABELLED, log).tokenize().build_vocab().align_vectors(vectors())
    answer = aligned.vocab.get_itos(), aligned.alignment.matrix.tolist()
    dist.barrier()
    answer = *answer, len(passes(log))
    """
    found = answers(body, 2, tmp_path / "group")
    assert found[0] == found[1]
    assert (found[0][0], found[0][2]) == (vocab_by_hand(), 1)


def test_one_rank_alone_may_read_the_vocabulary(tmp_path: Path) -> None:
    body = """
    fitted = Logged(LABELLED, log).tokenize().build_vocab()
    answer = len(fitted.vocab) if rank == 0 else None
    """
    assert answers(body, 2, tmp_path / "group") == [len(vocab_by_hand()), None]


def test_graphs_of_different_settings_never_meet(tmp_path: Path) -> None:
    body = """
    if rank == 0:
        other = Logged(LABELLED, log).tokenize().build_vocab(min_freq=3)
        assert len(other.vocab) > 2
    fitted = Logged(LABELLED, log).tokenize().build_vocab()
    answer = fitted.vocab.get_itos()
    """
    assert answers(body, 2, tmp_path / "group") == [vocab_by_hand()] * 2


def test_a_rank_that_looks_at_another_corpus_first_does_not_give_the_others_its_vocabulary(
    tmp_path: Path,
) -> None:
    body = """
    if rank == 0:
        other = Logged([(0, "of its own")], folder / "other").tokenize().build_vocab()
        assert len(other.vocab) == 5
    dist.barrier()
    fitted = Logged(LABELLED, log).tokenize().build_vocab()
    answer = fitted.vocab.get_itos()
    dist.barrier()
    answer = answer, len(passes(log))
    """
    assert answers(body, 2, tmp_path / "group") == [[vocab_by_hand(), 1]] * 2


def test_a_rank_that_does_not_come_is_named(tmp_path: Path) -> None:
    body = """
    fitted = Logged(LABELLED, log).tokenize().build_vocab()
    if rank != 1:
        try:
            fitted.fit(timeout=1)
        except GraphError as error:
            answer = str(error)
    """
    said, absent, other = answers(body, 3, tmp_path / "group")
    assert absent is None
    for rank, text in ((0, said), (2, other)):
        assert f"build_vocab.fit: rank {rank} has waited 1 s for rank 1 of [0, 1, 2]" in text


def test_a_rank_that_is_late_does_not_wait_for_those_that_have_given_up(tmp_path: Path) -> None:
    """It meets them where they try again, and never talks to one that is not there."""
    body = """
    import time
    fitted = Logged(LABELLED, log).tokenize().build_vocab()
    said = []
    gone = folder / "given up"
    if rank == 1:
        while not gone.exists():
            time.sleep(0.05)
    while not fitted.goes_by.fitted:
        try:
            fitted.fit(timeout=1 if rank == 0 and not said else 30)
        except GraphError as error:
            said.append(str(error))
            gone.touch()
    answer = said, fitted.vocab.get_itos()
    """
    (said, itos), late = answers(body, 2, tmp_path / "group")
    assert len(said) == 1
    assert late == [[], itos]
    assert itos == vocab_by_hand()


def test_ranks_of_different_graphs_are_told(tmp_path: Path) -> None:
    body = """
    fitted = Logged(LABELLED, log).tokenize().build_vocab(min_freq=1 + rank)
    try:
        fitted.fit()
    except GraphError as error:
        answer = str(error)
    """
    for text in answers(body, 2, tmp_path / "group"):
        assert re.search("different graphs: rank 0 has .*min_freq=1.*; rank 1 has .*min_freq=2", text)


def test_some_ranks_may_fit_by_themselves_and_the_others_are_told(tmp_path: Path) -> None:
    body = """
    some = dist.new_group([0, 2])
    fitted = Logged(LABELLED, log).tokenize(counted).build_vocab()
    try:
        answer = fitted.fit(some).get_itos()
    except GraphError as error:
        answer = str(error)
    """
    first, outside, third = answers(body, 3, tmp_path / "group")
    assert first == third == vocab_by_hand()
    assert outside.startswith("build_vocab.fit: rank 1 is not in this group.")
    assert tokenized(tmp_path / "group", 3) == [12, 0, 11]


def test_a_rank_that_dies_is_told_of(tmp_path: Path) -> None:
    body = """
    class Part:
        def __reduce__(self):
            os._exit(0) if rank == 1 else None
    fitted = Logged(LABELLED, log).tokenize().build_vocab()
    if rank == 1:  # it dies when the ranks have met, and send each other what they have
        fitted.goes_by._own_part = lambda *_, **__: ("counted", Part(), None)
    try:
        fitted.fit(timeout=30)
    except GraphError as error:
        (folder / f"answer {rank}").write_text(json.dumps(str(error)))
        os._exit(0)
    """
    (tmp_path / "group").mkdir()
    (tmp_path / "group" / "answer 1").write_text("null")
    text, _ = answers(body, 2, tmp_path / "group")
    assert text.startswith("build_vocab.fit: rank 0 has lost the others of [0, 1]: one of them has gone")


def test_a_group_that_is_made_anew_meets_anew(tmp_path: Path) -> None:
    body = """
    fitted = Logged(LABELLED, log).tokenize().build_vocab()
    fitted.fit()
    dist.barrier()
    dist.destroy_process_group()
    dist.init_process_group("gloo", init_method=f"file://{folder}/group 2", rank=1 - rank, world_size=size)
    again = Logged(LABELLED, log).tokenize().build_vocab()
    answer = fitted.fit().get_itos(), again.fit().get_itos()
    """
    assert answers(body, 2, tmp_path / "group") == [[vocab_by_hand()] * 2] * 2


def test_a_rank_that_fails_is_named_by_all(tmp_path: Path) -> None:
    body = """
    rows = LABELLED if rank == 0 else [(1, 7)]
    fitted = Logged(rows, log).tokenize().build_vocab()
    try:
        fitted.fit(timeout=60, dealt=True)
    except GraphError as error:
        answer = str(error)
    """
    for text in answers(body, 2, tmp_path / "group"):
        assert "build_vocab.fit: rank 1 failed: GraphError: tokenize: the text of a row must be a str" in text


def test_ranks_that_fit_a_declared_corpus_together_count_it_once_for_all_runs(tmp_path: Path) -> None:
    body = """
    fitted = Logged(LABELLED, log).tokenize(counted).build_vocab(fingerprint="corpus 1")
    answer = fitted.fit().get_itos(), fitted.passes
    """
    homes = [str(tmp_path / f"home {rank}") for rank in range(2)]
    for run, passed in enumerate((1, 0)):
        found = answers(body, 2, tmp_path / f"group {run}", homes)
        assert found == [[vocab_by_hand(), passed]] * 2


def test_shares_that_were_dealt_before_are_added(tmp_path: Path) -> None:
    body = """
    fitted = Logged(LABELLED[rank::2], log).tokenize().build_vocab()
    answer = fitted.fit(dealt=True).get_itos(), fitted.goes_by.rows
    """
    assert answers(body, 2, tmp_path / "group") == [[vocab_by_hand(), len(LABELLED)]] * 2


def test_whoever_has_fitted_before_gives_the_others_what_it_has(tmp_path: Path) -> None:
    body = """
    fitted = Logged(LABELLED, log).tokenize().build_vocab()
    if rank == 1:
        assert len(fitted.vocab) > 2
    dist.barrier()
    answer = fitted.fit().get_itos()
    """
    assert answers(body, 2, tmp_path / "group") == [vocab_by_hand()] * 2


def test_ranks_align_together_and_other_vectors_are_named(tmp_path: Path) -> None:
    body = """
    aligned = Logged(LABELLED, log).tokenize(counted).build_vocab().align_vectors(vectors())
    matrix = aligned.fit().matrix.tolist()
    other = Logged(LABELLED, log).tokenize().build_vocab().align_vectors(vectors(3 + rank))
    try:
        other.fit(timeout=60)
    except GraphError as error:
        answer = matrix, str(error)
    """
    first, second = answers(body, 2, tmp_path / "group")
    assert first == second
    assert len(first[0]) == len(vocab_by_hand())
    assert "align_vectors.fit: the ranks have aligned different things: rank 0: vocab=" in first[1]
    assert tokenized(tmp_path / "group", 2) == [12, 11]


def test_a_loader_splits_the_training_pass_over_ranks_and_workers(tmp_path: Path) -> None:
    body = """
    from torch.utils.data import DataLoader
    warnings.simplefilter("ignore")
    fitted = Logged(LABELLED, log).tokenize().build_vocab()
    graph = fitted.sharding_filter().numericalize()
    vocab = fitted.vocab
    rows = list(DataLoader(graph, batch_size=None, num_workers=2, multiprocessing_context="fork"))
    answer = [(label, vocab.lookup_tokens(ids)) for label, ids in rows]
    """
    first, second = answers(body, 2, tmp_path / "group")
    assert len(first) + len(second) == len(LABELLED)
    texts = Counter((label, " ".join(tokens)) for label, tokens in first + second)
    assert texts == Counter(LABELLED)
