"""WordNet's ``data.noun`` → the three packed files of this data set.

The folder is the one that holds WordNet 3.0's ``data.noun`` (Debian: package ``wordnet-base``, folder
``/usr/share/wordnet``)::

    python -m torchvectors.datasets.wordnet_topics.make FOLDER           # write the files beside this module
    python -m torchvectors.datasets.wordnet_topics.make FOLDER --check   # only compare them

A row is the first definition of a synset of nouns; its topic is the lexicographer file that the synset stands
in. Kept are definitions of 4 to 40 words, each once, at the first place where it stands in one of the ten
topics; of each topic 1,000 are drawn (``time`` has only 985). The draw is seeded, so the files follow from
WordNet and this module alone, byte for byte once they are unpacked.
"""

from __future__ import annotations

import argparse
import gzip
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["definitions", "draw", "main", "packed", "tsv"]

# The numbers of the lexicographer files, from WordNet's manual page lexnames(5WN).
_TOPIC_OF_FILE = {
    "05": "animal",
    "06": "artifact",
    "08": "body",
    "10": "communication",
    "13": "food",
    "15": "location",
    "18": "person",
    "20": "plant",
    "27": "substance",
    "28": "time",
}
_FEWEST_WORDS, _MOST_WORDS = 4, 40
_PER_TOPIC = 1_000
_SEED = 20240101

Row = tuple[str, str]  # topic, definition


def definitions(lines: Iterable[str]) -> Iterator[Row]:
    """Read the lines of ``data.noun``: yield the topic and first definition of each synset of the ten topics.

    The form of a line is that of the manual page wndb(5WN): offset, lexicographer file and more, then ``|`` and
    the gloss. A gloss is definitions and, in double quotes, examples, with semicolons between them.
    """
    for line in lines:
        if line.startswith("  "):  # the licence, at the head of the file
            continue
        fields, _, gloss = line.partition(" | ")
        topic = _TOPIC_OF_FILE.get(fields.split(" ", 2)[1])
        if topic is not None:
            yield topic, gloss.partition('; "')[0].strip()


def draw(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Draw the rows of each split: a tenth of a topic for the test, a tenth for dev, the rest to train on."""
    choice: dict[str, list[str]] = {topic: [] for topic in _TOPIC_OF_FILE.values()}
    seen: set[str] = set()
    for topic, text in rows:
        if text not in seen and _FEWEST_WORDS <= len(text.split()) <= _MOST_WORDS:
            seen.add(text)
            choice[topic].append(text)

    dice = random.Random(_SEED)  # noqa: S311 - a draw that everybody can repeat, no secret
    drawn = {topic: dice.sample(texts, min(_PER_TOPIC, len(texts))) for topic, texts in choice.items()}

    # Drawn, dealt out and mixed were two programs once; the second began again from the same seed.
    dice = random.Random(_SEED)  # noqa: S311 - as above
    splits: dict[str, list[Row]] = {"train": [], "dev": [], "test": []}
    for topic, texts in drawn.items():
        dice.shuffle(texts)
        tenth = len(texts) // 10
        for split, part in zip(("test", "dev", "train"), (0, tenth, 2 * tenth), strict=True):
            end = None if split == "train" else part + tenth
            splits[split] += [(topic, text) for text in texts[part:end]]
    for mixed in splits.values():
        dice.shuffle(mixed)
    return splits


def tsv(rows: Iterable[Row]) -> bytes:
    """Write rows as UTF-8 lines, the topic and the text with a tab between them, after the columns' names."""
    return "".join(f"{topic}\t{text}\n" for topic, text in [("label", "text"), *rows]).encode()


def packed(content: bytes) -> bytes:
    """Compress without a time or a file name, so that equal content gives equal bytes."""
    return gzip.compress(content, compresslevel=9, mtime=0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files, or compare them; return 0 when they are what WordNet gives, else 1."""
    parser = argparse.ArgumentParser(description="Make the WordNet topics data set from WordNet 3.0.")
    parser.add_argument("folder", type=Path, help="the folder with WordNet's data.noun")
    parser.add_argument("--check", action="store_true", help="compare the files, write nothing")
    parser.add_argument("--into", type=Path, default=Path(__file__).parent, help="folder of the files")
    wish = parser.parse_args(arguments)

    with (wish.folder / "data.noun").open(encoding="utf-8", newline="\n") as lines:
        splits = draw(definitions(lines))
    different = 0
    for split, rows in splits.items():
        path: Path = wish.into / f"{split}.tsv.gz"
        if not wish.check:
            path.write_bytes(packed(tsv(rows)))
        # What is inside is compared: zlib's builds do not all compress to the same bytes.
        same = path.is_file() and gzip.decompress(path.read_bytes()) == tsv(rows)
        different += not same
        sys.stdout.write(f"{path}: {len(rows):,} rows, {'as WordNet gives them' if same else 'DIFFERENT'}\n")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
