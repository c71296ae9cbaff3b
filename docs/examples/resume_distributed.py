"""Two ranks of two workers each, killed in the middle of the second epoch and resumed: the same model, bit for bit.

The corpus is WordNet's definitions of ten topics. The ranks count a share of it each and get one vocabulary; each
aligns the embedded GloVe vectors with it; `shard_rows` deals the rows out to four workers, equally many to each.
Every few steps the ranks save where they are. It trains three times: undisturbed; until all processes are killed; and
from what they have saved to the end. Run it: ``python resume_distributed.py``
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from itertools import count
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torchdata.stateful_dataloader import StatefulDataLoader

import torchvectors as tv
from torchvectors.datapipes import Resumable
from torchvectors.datasets import WORDNET_TOPICS, WordNetTopics

RANKS, WORKERS, EPOCHS, BATCH = 2, 2, 3, 128
SAVE_EVERY = 5  # steps
QUIET = (
    "ignore:'set_vital' is deprecated:UserWarning",  # torchdata's loader calls it, and nobody here can help it
    # Processes that are killed leave the locks of their loaders open; the tracker that says so has then closed them.
    "ignore:resource_tracker:UserWarning",
)


class Classifier(nn.Module):
    """The mean of a text's word vectors, and one linear layer."""

    def __init__(self, bag: nn.EmbeddingBag) -> None:
        super().__init__()
        self.bag = bag
        self.linear = nn.Linear(bag.embedding_dim, len(WORDNET_TOPICS))

    def forward(self, ids: Tensor, offsets: Tensor) -> Tensor:
        """Score the topics of a batch: (B, 10)."""
        scores: Tensor = self.linear(self.bag(ids, offsets))
        return scores


def train(rank: int, folder: str, name: str, killed_at: int | None) -> None:
    """Train as one rank, from what is saved in the folder, if anything is, to the end; the first tells of each step."""
    home = Path(folder)
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{home / 'meeting'}", rank=rank, world_size=RANKS)

    fitted = WordNetTopics(split="train").tokenize().build_vocab(min_freq=2)
    aligned = fitted.align_vectors(tv.GloVe("sample"))
    graph = aligned.shuffle().shard_rows(tail="pad").numericalize().batch_tokens(BATCH, layout="offsets")
    loader = StatefulDataLoader(Resumable(graph, seed=7), batch_size=None, num_workers=WORKERS)

    saved_at = sorted(home.glob(f"step *.rank {rank}.pt"))
    saved: dict[str, Any] = torch.load(saved_at[-1], weights_only=True) if saved_at else {}
    if saved:
        fitted.load_fit_state(saved["vocab"])  # nobody counts again
        loader.load_state_dict(saved["loader"])
    else:
        fitted.fit(timeout=300)  # each rank a share

    torch.manual_seed(0)
    model = DistributedDataParallel(Classifier(aligned.embedding_bag(freeze=False)))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    if saved:
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])

    steps = count(saved.get("step", 0) + 1)
    loss = torch.zeros(())
    for epoch in range(saved.get("epoch", 0), EPOCHS):
        for labels, ids, offsets in loader:
            step = next(steps)
            loss = nn.functional.cross_entropy(model(ids, offsets), labels - 1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if rank == 0:
                print(f"{name}: epoch {epoch + 1}, step {step}, loss {loss:.3f}", file=sys.stderr, flush=True)
            if step == killed_at:
                os.kill(os.getpid(), signal.SIGKILL)
            if step % SAVE_EVERY == 0:
                state = {
                    "step": step,
                    "epoch": epoch,
                    "vocab": fitted.fit_state(),
                    "loader": loader.state_dict(),
                    "model": model.state_dict(),
                    "optimizer": optimizer.state_dict(),
                }
                save(state, home / f"step {step:06}.rank {rank}.pt")
    result = {
        "loss": loss.item(),
        "weights": [one.detach() for one in model.parameters()],
        "passes": fitted.passes,
    }
    save(result, home / f"result of rank {rank}.pt")
    dist.destroy_process_group()


def save(state: dict[str, Any], path: Path) -> None:
    """Save whole or not at all, once all ranks are here: what one of them has saved, the others have, too."""
    torch.save(state, path.with_suffix(".new"))
    dist.barrier()
    path.with_suffix(".new").rename(path)
    dist.barrier()


def run(folder: Path, name: str, killed_at: int | None = None) -> bool:
    """Run all ranks, and say whether they came to the end."""
    (folder / "meeting").unlink(missing_ok=True)
    context = mp.get_context("spawn")
    arguments = (str(folder), name, killed_at)
    ranks = [context.Process(target=train, args=(rank, *arguments)) for rank in range(RANKS)]
    for process in ranks:
        process.start()
    for process in ranks:
        process.join()
    whole = all(process.exitcode == 0 for process in ranks)
    for process in ranks:
        process.close()
    return whole


def main(killed_at: int = 47) -> dict[str, Any]:
    """Train undisturbed, and again with all processes killed at a step; compare what comes out."""
    found: dict[str, Any] = {}
    # Of the environment, for it is the processes started here that warn.
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, (os.environ.get("PYTHONWARNINGS"), *QUIET)))
    with tempfile.TemporaryDirectory() as home:
        undisturbed, disturbed = Path(home, "undisturbed"), Path(home, "disturbed")
        for folder in (undisturbed, disturbed):
            folder.mkdir()
        if not run(undisturbed, "undisturbed"):
            raise SystemExit("the undisturbed run has failed")
        found["killed"] = not run(disturbed, "to be killed", killed_at)
        found["saved at"] = max(
            int(path.name.split()[1].split(".")[0]) for path in disturbed.glob("step *.pt")
        )
        if not run(disturbed, "resumed"):
            raise SystemExit("the resumed run has failed")
        results = [
            torch.load(folder / f"result of rank {rank}.pt", weights_only=True)
            for folder in (undisturbed, disturbed)
            for rank in range(RANKS)
        ]
    found["losses"] = [result["loss"] for result in results]
    found["passes"] = [result["passes"] for result in results]
    first, *others = (result["weights"] for result in results[::RANKS])
    found["equal"] = all(torch.equal(a, b) for other in others for a, b in zip(first, other, strict=True))
    print(f"killed at step {killed_at}, resumed from step {found['saved at']}")
    for name, losses in (("undisturbed", found["losses"][:RANKS]), ("resumed", found["losses"][RANKS:])):
        print(f"{name:<12} last loss of each rank: {', '.join(f'{loss:.9f}' for loss in losses)}")
    counted = [", ".join(map(str, found["passes"][start : start + RANKS])) for start in (0, RANKS)]
    print(f"passes that counted the corpus, of each rank: undisturbed {counted[0]}; resumed {counted[1]}")
    print(f"all weights equal, bit for bit: {found['equal']}")
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--killed-at", type=int, default=47, help="the step; an epoch has 32 (default: %(default)s)"
    )
    if not main(parser.parse_args().killed_at)["equal"]:
        raise SystemExit("the resumed run has ended elsewhere than the undisturbed one")
