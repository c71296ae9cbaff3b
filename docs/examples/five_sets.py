"""One classification program on five data sets, with random, frozen and tuned word vectors, compared per epoch.

The program is the same for all: a graph that fits the vocabulary and aligns the vectors, the mean of a text's rows, one
linear layer. What changes is the set, and how many of its labels may be used. Run it::

    pip download --no-deps --no-binary :all: vaderSentiment==3.3.2
    python five_sets.py --vader vaderSentiment-3.3.2.tar.gz

Only what is at hand is measured, and anything else is named with how to get it. WordNetTopics comes with this
package. The source distribution of vaderSentiment (MIT licence; Hutto and Gilbert, ICWSM 2014) holds four sets whose
texts twenty people have rated from -4 to 4: the sign of the mean is the label here, and what is of one review or
article is all for training or all for the test. ``--data NAME=FILE.csv`` adds a set of your own, with columns "label"
and "text"; torchtext's, such as AG_NEWS, are downloaded if they are named: ``python five_sets.py AG_NEWS SST2``.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterDataPipe

import torchvectors as tv
from torchvectors import datasets
from torchvectors.datapipes import ReadCSV, ReadTSV, Rows
from torchvectors.errors import TorchVectorsError

VADER = {  # name → its file in the archive that vaderSentiment's source distribution holds
    "tweets": "tweets_GroundTruth.txt",
    "movie reviews": "movieReviewSnippets_GroundTruth.txt",
    "product reviews": "amazonReviewSnippets_GroundTruth.txt",
    "editorials": "nytEditorialSnippets_GroundTruth.txt",
}
FIVE = ("WordNetTopics", *VADER)
GET_VADER = (
    "pip download --no-deps --no-binary :all: vaderSentiment==3.3.2, and say where: --vader FILE.tar.gz"
)
ARMS = ("random", "frozen", "tuned")
Pipe = IterDataPipe[tuple[Any, str]]


class Regime(NamedTuple):
    """How many labels there are, and how to learn from them; the demo's settings, chosen on WordNetTopics alone."""

    labels: int | None  # of the training set, chosen by chance; None: all
    epochs: int
    batch_size: int
    learning_rate: float  # of Adam, for all three


FEW = Regime(labels=200, epochs=12, batch_size=8, learning_rate=0.03)
ALL = Regime(labels=None, epochs=6, batch_size=64, learning_rate=0.015)


class NotAtHandError(Exception):
    """A set is not on this machine; the text says how to get it."""


class Part(IterDataPipe[tuple[Any, str]]):
    """Rows of (group, label, text) → (label, text) of those for the test, every fifth group, or of the others."""

    def __init__(self, source: IterDataPipe[Any], test: bool) -> None:
        self.source, self.test = source, test

    def __iter__(self) -> Iterator[tuple[Any, str]]:
        """Keep a group together: two sentences of a review must not be asked about, one having been learnt."""
        for group, label, text in self.source:
            if (crc32(group.encode()) % 5 == 0) == self.test:
                yield label, text


def by_review(row: tuple[str, str, str]) -> tuple[str, float, str]:
    """Name the review that a rated text is of: ``12_3`` is the third sentence of the twelfth."""
    number, rating, text = row
    return number.partition("_")[0], float(rating), text


def is_rated(row: tuple[str, float, str]) -> bool:
    """Leave out texts of which people said on average that they are neither good nor bad."""
    return row[1] != 0


def by_sign(row: tuple[str, float, str]) -> tuple[str, str, str]:
    """Make a label of a rating."""
    return row[0], "positive" if row[1] > 0 else "negative", row[2]


def vader(archive: Path, name: str) -> tuple[Pipe, Pipe]:
    """Read one of the four sets, out of its archive."""
    rows = ReadTSV(archive, (0, 1, 2), header=False, members=VADER[name])
    rated = rows.map(by_review).filter(is_rated).map(by_sign)
    return Part(rated, test=False), Part(rated, test=True)


def own(file: str) -> tuple[Pipe, Pipe]:
    """Read a CSV file of the user's own; equal texts stay together."""
    rows = ReadCSV(file, ("text", "label", "text"))
    return Part(rows, test=False), Part(rows, test=True)


def label_first(row: tuple[str, int]) -> tuple[int, str]:
    """Turn a row round."""
    return row[1], row[0]


def known(name: str) -> tuple[Pipe, Pipe]:
    """Get a data set that this package knows by its name."""
    found = getattr(datasets, name, None)
    if found is None:
        raise NotAtHandError("there is no such set; give a file of your own: --data NAME=FILE.csv")
    if name == "SST2":  # whose text comes first, and whose test part has no labels
        return found(split="train").map(label_first), found(split="dev").map(label_first)
    return found(split="train"), found(split="test")


def trained(
    regime: Regime, fitted: Any, rows: Sequence[Any], questions: Sequence[Any], seed: int, classes: int
) -> dict[str, list[float]]:
    """Train the three on the same batches in the same order; return each one's accuracy after each epoch, in %."""
    chosen = (
        rows if regime.labels is None else random.Random(seed).sample(rows, min(regime.labels, len(rows)))
    )
    batches = Rows(chosen).shuffle().batch_tokens(regime.batch_size, layout="offsets")
    loader = DataLoader(batches, batch_size=None, generator=torch.Generator().manual_seed(seed))
    models = {arm: classifier(arm, fitted, seed, classes) for arm in ARMS}
    weights = {arm: [one for one in model.parameters() if one.requires_grad] for arm, model in models.items()}
    optimizers = {arm: torch.optim.Adam(weights[arm], lr=regime.learning_rate, fused=True) for arm in ARMS}
    curves: dict[str, list[float]] = {arm: [] for arm in ARMS}
    for _ in range(regime.epochs):
        epoch = list(loader)
        for arm, model in models.items():
            for labels, ids, offsets in epoch:
                optimizers[arm].zero_grad()
                nn.functional.cross_entropy(scores(model, ids, offsets), labels).backward()
                optimizers[arm].step()
            with torch.no_grad():
                right = [
                    scores(model, ids, offsets).argmax(1) == labels for labels, ids, offsets in questions
                ]
            curves[arm].append(100 * float(torch.cat(right).double().mean()))
    return curves


def classifier(arm: str, fitted: Any, seed: int, classes: int) -> nn.ModuleList:
    """Build an embedding bag and a linear layer, which is the same for all three."""
    torch.manual_seed(seed)
    size, dim = fitted.alignment.matrix.shape
    if arm == "random":
        bag = nn.EmbeddingBag(size, dim, mode="mean")
        nn.init.normal_(
            bag.weight, std=0.1
        )  # N(0, 1), PyTorch's own, ends lower, and would flatter the vectors
    else:
        bag = fitted.embedding_bag(freeze=arm == "frozen", mode="mean")
    torch.manual_seed(seed)
    return nn.ModuleList([bag, nn.Linear(dim, classes)])


def scores(model: nn.ModuleList, ids: Tensor, offsets: Tensor) -> Tensor:
    """Score each class for each text: (B, classes)."""
    bag, linear = model
    found: Tensor = linear(bag(ids, offsets))
    return found


def measure(name: str, parts: tuple[Pipe, Pipe], vectors: tv.Vectors, plan: argparse.Namespace) -> None:
    """Fit the graph of one set, train on it, and print its rows of the table."""
    train, test = parts
    fitted = train.tokenize().build_vocab().align_vectors(vectors, unk_init="zeros")
    asked = test.tokenize().numericalize(vocab=fitted)
    rows, others = list(fitted.numericalize()), list(asked)
    number = {label: at for at, label in enumerate(sorted({label for label, _ in rows}))}
    rows, others = (
        [(number[label], ids) for label, ids in part if label in number] for part in (rows, others)
    )
    questions = list(Rows(others).batch_tokens(256, layout="offsets"))
    usual = Counter(label for label, _ in rows).most_common(1)[0][0]
    guess = 100 * sum(label == usual for label, _ in others) / len(others)
    known_words = 100 * fitted.alignment.coverage.of_text
    print(
        f"\n**{name}**: {len(rows):,} texts for training, {len(others):,} for the test, {len(number)} classes; "
        f"always the most frequent one: {guess:.1f} %. {known_words:.1f} % of the running words have a vector.\n"
    )
    for usual_regime in (FEW, ALL):
        labels, epochs = usual_regime.labels and plan.labels, plan.epochs or usual_regime.epochs
        regime = usual_regime._replace(labels=labels, epochs=epochs)
        shown = sorted({1, 2, 3, 4, 6, 8, regime.epochs} & set(range(1, regime.epochs + 1)))
        title = "all labels" if regime.labels is None else f"{regime.labels} labels"
        print(f"| {title}, after epoch | {' | '.join(map(str, shown))} |\n|---|{'---|' * len(shown)}")
        runs = [trained(regime, fitted, rows, questions, seed, len(number)) for seed in range(plan.seeds)]
        for arm in ARMS:
            curve = list(zip(*(run[arm] for run in runs), strict=True))
            cells = [
                f"{sum(e) / len(e):.1f} ± {(max(e) - min(e)) / 2:.1f}"
                for e in (curve[at - 1] for at in shown)
            ]
            print(f"| {arm} | {' | '.join(cells)} |")
        print(flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is at hand, and say how to get what is not; return how many sets were measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", help=f"sets; by default {', '.join(FIVE)}, and those of --data")
    parser.add_argument("--vectors", default="sample", help="sample, glove.6B.50d, a file …")
    parser.add_argument(
        "--vader", type=Path, metavar="FILE.tar.gz", help="the source distribution of vaderSentiment"
    )
    parser.add_argument("--data", action="append", default=[], metavar="NAME=FILE.csv")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--labels", type=int, default=FEW.labels, help="how many are few")
    parser.add_argument("--epochs", type=int, help="for both regimes; by default 12 for few labels, and 6")
    plan = parser.parse_args(arguments)
    files = dict(one.split("=", 1) for one in plan.data)
    vectors = tv.GloVe("sample") if plan.vectors == "sample" else tv.Vectors(plan.vectors)
    torch.set_num_threads(1)  # steps this small gain nothing from more
    print(
        f"Vectors: {plan.vectors}, {len(vectors):,} tokens, dim {vectors.dim}. Accuracy on the test part, in %:"
    )
    print(f"mean over {plan.seeds} seeds ± half the range.")
    measured = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in plan.names or dict.fromkeys(chain(FIVE, files)):
            try:
                if name in files:
                    parts = own(files[name])
                elif name in VADER:
                    parts = vader(inner(plan.vader, Path(folder)), name)
                else:
                    parts = known(name)
                measure(name, parts, vectors, plan)
                measured += 1
            except (TorchVectorsError, NotAtHandError) as error:  # noqa: PERF203 - one set may be missing
                print(f"\n{name}: left out. {str(error).splitlines()[0]}")
    return measured


def inner(distribution: Path | None, folder: Path) -> Path:
    """Take the one archive with the rated texts out of a source distribution; that is read as it is."""
    name = "hutto_ICWSM_2014.tar.gz"
    if distribution is None or not distribution.is_file():
        raise NotAtHandError(f"It is not at hand: {GET_VADER}")
    if not (folder / name).exists():
        with tarfile.open(distribution) as tar:
            found = [one for one in tar.getmembers() if one.name.endswith(name)]
            packed = tar.extractfile(found[0]) if found else None
            if packed is None:
                raise NotAtHandError(f"{distribution} has no {name}: {GET_VADER}")
            with packed, (folder / name).open("wb") as file:
                shutil.copyfileobj(packed, file)
    return folder / name


if __name__ == "__main__":
    main()
