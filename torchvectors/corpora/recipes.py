"""Which data set is read how: what torchtext 0.18 did to each of them, told once.

Source: ``torchtext.datasets``, release 0.18; where its rows are not those of its publisher, the records' notes say so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from torchvectors.corpora.pairs import caption_rows, talk_rows
from torchvectors.corpora.passages import question_rows, review_rows, story_names, story_rows, tagged_rows
from torchvectors.corpora.tables import Table
from torchvectors.corpora.text import opened, text_of

if TYPE_CHECKING:
    from pathlib import Path

    from torchvectors.catalog.datasets import DataSet
    from torchvectors.corpora.asked import Asked

__all__ = ["RECIPES", "Material", "Recipe"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What a recipe works on."""

    data: DataSet
    asked: Asked
    paths: Mapping[str, Path]  # of the files, by their keys

    @property
    def path(self) -> Path:
        """The only file."""
        (path,) = self.paths.values()
        return path

    @property
    def member(self) -> str | None:
        """How the path of this split's member ends; None where the file holds nothing else."""
        return self.data.members.get(self.asked.split)


Recipe = Callable[[Material], Iterator[Any]]


def _table(table: Table, given: Material) -> Iterator[Any]:
    with text_of(given.path, given.member) as text:
        yield from table.rows(text, given.asked.split)


def _lines(change: Callable[[str], str], given: Material) -> Iterator[str]:
    with text_of(given.path, given.member) as text:
        yield from map(change, text)


def _tagged(separator: str, given: Material) -> Iterator[list[list[str]]]:
    with text_of(given.path, given.member) as text:
        yield from tagged_rows(text, separator)


def _crawled(given: Material) -> Iterator[tuple[str, str]]:
    for line in _lines(_without_newline, given):
        yield given.asked.chosen, line


def _questions(given: Material) -> Iterator[tuple[str, str, list[str], list[int]]]:
    with opened(given.path, lambda _: True, given.path.name) as stream:
        yield from question_rows(stream, str(given.path))


def _reviews(given: Material) -> Iterator[tuple[int, str]]:
    return review_rows(given.path, given.asked.split)


def _captions(given: Material) -> Iterator[tuple[str, str]]:
    return caption_rows(given.path, given.asked)


def _talks(year: str, given: Material) -> Iterator[tuple[str, str]]:
    return talk_rows(given.path, given.data.members[""], given.asked, year)


def _stories(given: Material) -> Iterator[tuple[str, str]]:
    for source in ("cnn", "dailymail"):
        with text_of(given.paths[f"{source}_{given.asked.split}"]) as urls:
            names = story_names(urls)
        yield from story_rows(given.paths[source], names)


def _as_it_is(line: str) -> str:
    return line


def _without_newline(line: str) -> str:
    return line.rstrip("\n")


def _labelled(fields: Sequence[str]) -> tuple[int, str]:
    return int(fields[0]), " ".join(fields[1:])


def _acceptable(fields: Sequence[str]) -> tuple[str, int, str] | None:
    return (fields[0], int(fields[1]), fields[3]) if len(fields) == 4 else None


def _inferred(fields: Sequence[str]) -> tuple[int, str, str] | None:
    labels = {"entailment": 0, "neutral": 1, "contradiction": 2}
    # "-" is the label of those pairs on which its judges could not agree.
    return (labels[fields[0]], fields[5], fields[6]) if fields[0] in labels else None


def _entailed(fields: Sequence[str]) -> tuple[int, str, str]:
    return {"entailment": 0, "not_entailment": 1}[fields[3]], fields[1], fields[2]


def _numbered(fields: Sequence[str]) -> tuple[int, str, str]:
    return int(fields[3]), fields[1], fields[2]


def _both(fields: Sequence[str]) -> tuple[str, str]:
    return fields[1], fields[2]


def _paraphrased(fields: Sequence[str]) -> tuple[int, str, str]:
    return int(fields[0]), fields[3], fields[4]


def _asked_twice(fields: Sequence[str]) -> tuple[int, str, str]:
    return int(fields[-1]), fields[3], fields[4]


def _scored(fields: Sequence[str]) -> tuple[int, float, str, str]:
    return int(fields[3]), float(fields[4]), fields[5], fields[6]


def _felt(fields: Sequence[str]) -> tuple[str, int]:
    return fields[0].strip(), int(fields[1])


def _unlabelled(fields: Sequence[str]) -> tuple[str]:
    return (fields[1].strip(),)


_CLASSES = Table(convert=_labelled)
_tabs = partial(Table, delimiter="\t")
_CLASSIFIED = """
AG_NEWS AmazonReviewFull AmazonReviewPolarity DBpedia SogouNews YahooAnswers YelpReviewFull YelpReviewPolarity
"""
_TABLES = {
    **dict.fromkeys(_CLASSIFIED.split(), _CLASSES),
    "CoLA": _tabs(convert=_acceptable, quoted=False, perhaps_header=True),
    "MNLI": _tabs(convert=_inferred, quoted=False, header=1),
    "MRPC": _tabs(convert=_paraphrased, quoted=False, header=1),
    "QNLI": _tabs(convert=_entailed, test=_both, quoted=False, header=1),
    "QQP": _tabs(convert=_asked_twice, header=1),
    "RTE": _tabs(convert=_entailed, test=_both, quoted=False, header=1),
    "SST2": _tabs(convert=_felt, test=_unlabelled, header=1),
    "STSB": _tabs(convert=_scored, quoted=False),
    "WNLI": _tabs(convert=_numbered, test=_both, header=1),
}

RECIPES: Mapping[str, Recipe] = {
    **{name: partial(_table, table) for name, table in _TABLES.items()},
    "CC100": _crawled,
    "CNNDM": _stories,
    "CoNLL2000Chunking": partial(_tagged, " "),
    "EnWik9": partial(_lines, _without_newline),
    "IMDB": _reviews,
    "IWSLT2016": partial(_talks, "16"),
    "IWSLT2017": partial(_talks, "17"),
    "Multi30k": _captions,
    "PennTreebank": partial(_lines, str.strip),
    "SQuAD1": _questions,
    "SQuAD2": _questions,
    "UDPOS": partial(_tagged, "\t"),
    "WikiText103": partial(_lines, _as_it_is),
    "WikiText2": partial(_lines, _as_it_is),
}
