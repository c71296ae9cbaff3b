"""torchtext's data sets by name: what each row is, for people and for type checkers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torchvectors.datasets.door import (
    ByLanguage,
    BySplit,
    BySplitAndPair,
    BySplitAndTalks,
    Whole,
    function_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "AG_NEWS",
    "CC100",
    "CNNDM",
    "DATASETS",
    "IMDB",
    "IWSLT2016",
    "IWSLT2017",
    "MNLI",
    "MRPC",
    "QNLI",
    "QQP",
    "RTE",
    "SST2",
    "STSB",
    "UDPOS",
    "WNLI",
    "AmazonReviewFull",
    "AmazonReviewPolarity",
    "CoLA",
    "CoNLL2000Chunking",
    "DBpedia",
    "EnWik9",
    "Multi30k",
    "PennTreebank",
    "SQuAD1",
    "SQuAD2",
    "SogouNews",
    "WikiText2",
    "WikiText103",
    "YahooAnswers",
    "YelpReviewFull",
    "YelpReviewPolarity",
]

Classified = BySplit[tuple[int, str]]
Compared = BySplit[tuple[int, str, str]]
ComparedOrNot = BySplit[tuple[int, str, str] | tuple[str, str]]  # the rows of "test" have no label
Lines = BySplit[str]
Tagged = BySplit[list[list[str]]]
Questions = BySplit[tuple[str, str, list[str], list[int]]]

_TWO, _DEV, _VALID = ("train", "test"), ("train", "dev", "test"), ("train", "valid", "test")
_SCORED = "each with its stars"

AG_NEWS: Classified = function_of("AG_NEWS", "News of four topics: (label 1 to 4, text).", split=_TWO)
AmazonReviewFull: Classified = function_of(
    "AmazonReviewFull", f"Reviews of products, {_SCORED}: (label 1 to 5, text).", split=_TWO
)
AmazonReviewPolarity: Classified = function_of(
    "AmazonReviewPolarity", "Bad and good reviews of products: (label 1 to 2, text).", split=_TWO
)
CC100: ByLanguage = function_of(
    "CC100", "Text of the web in one of a hundred languages: (language, line).", language_code="en"
)
CNNDM: BySplit[tuple[str, str]] = function_of(
    "CNNDM", "News of CNN and the Daily Mail: (article, summary).", split=("train", "val", "test")
)
CoLA: BySplit[tuple[str, int, str]] = function_of(
    "CoLA", "Sentences of linguists, acceptable or not: (source, label 0 to 1, text).", split=_DEV
)
CoNLL2000Chunking: Tagged = function_of(
    "CoNLL2000Chunking", "Tagged sentences of newspapers: [words, parts of speech, chunks].", split=_TWO
)
DBpedia: Classified = function_of(
    "DBpedia", "Abstracts from Wikipedia of fourteen classes: (label 1 to 14, text).", split=_TWO
)
EnWik9: Whole[str] = function_of("EnWik9", "The first 10⁹ bytes of Wikipedia's XML in 2006. A row is a line.")
IMDB: Classified = function_of("IMDB", "Bad and good reviews of films: (label 1 to 2, text).", split=_TWO)
IWSLT2016: BySplitAndTalks = function_of(
    "IWSLT2016",
    "Subtitles of talks, line by line: (source line, target line).",
    split=_VALID,
    language_pair=("de", "en"),
    valid_set="tst2013",
    test_set="tst2014",
)
IWSLT2017: BySplitAndPair = function_of(
    "IWSLT2017",
    "Subtitles of talks, line by line: (source line, target line).",
    split=_VALID,
    language_pair=("de", "en"),
)
MNLI: Compared = function_of(
    "MNLI",
    "Pairs that entail (0), say nothing of (1) or contradict (2) each other: (label 0 to 2, text, text).",
    split=("train", "dev_matched", "dev_mismatched"),
)
MRPC: Compared = function_of("MRPC", "Paraphrases, or not: (label 0 to 1, text, text).", split=_TWO)
Multi30k: BySplitAndPair = function_of(
    "Multi30k",
    "Captions of pictures in German and English: (source line, target line).",
    split=_VALID,
    language_pair=("de", "en"),
)
PennTreebank: Lines = function_of(
    "PennTreebank", "Sentences of a newspaper, in lower case and with <unk>. A row is a line.", split=_VALID
)
QNLI: ComparedOrNot = function_of(
    "QNLI",
    "Questions and sentences that answer them (0) or not: (label 0 to 1, question, text); test: (question, text).",
    split=_DEV,
)
QQP: Whole[tuple[int, str, str]] = function_of(
    "QQP", "Pairs of questions that ask the same, or not: (label 0 to 1, question, question)."
)
RTE: ComparedOrNot = function_of(
    "RTE",
    "Pairs that entail each other (0) or not: (label 0 to 1, text, text); test: (text, text).",
    split=_DEV,
)
SQuAD1: Questions = function_of(
    "SQuAD1",
    "Questions about passages: (context, question, answers, their places).",
    split=("train", "dev"),
)
SQuAD2: Questions = function_of(
    "SQuAD2",
    'The same, and such as have no answer, which is "" at -1: (context, question, answers, their places).',
    split=("train", "dev"),
)
SST2: BySplit[tuple[str, int] | tuple[str]] = function_of(
    "SST2",
    "Bad (0) and good (1) phrases from reviews of films: (text, label 0 to 1); test: (text,).",
    split=_DEV,
)
STSB: BySplit[tuple[int, float, str, str]] = function_of(
    "STSB", "Pairs and how near their meanings are: (index, score 0.0 to 5.0, text, text).", split=_DEV
)
SogouNews: Classified = function_of(
    "SogouNews", "News in Chinese, in Latin letters, of five topics: (label 1 to 5, text).", split=_TWO
)
UDPOS: Tagged = function_of(
    "UDPOS", "Tagged sentences of the web: [words, universal tags, tags].", split=_VALID
)
WNLI: ComparedOrNot = function_of(
    "WNLI",
    "Pairs that entail each other (1) or not: (label 0 to 1, text, text); test: (text, text).",
    split=_DEV,
)
WikiText103: Lines = function_of(
    "WikiText103", "Good articles of Wikipedia, whole. A row is a line, with its newline.", split=_VALID
)
WikiText2: Lines = function_of(
    "WikiText2", "Good articles of Wikipedia, a few of them. A row is a line, with its newline.", split=_VALID
)
YahooAnswers: Classified = function_of(
    "YahooAnswers", "Questions and answers on ten topics: (label 1 to 10, text).", split=_TWO
)
YelpReviewFull: Classified = function_of(
    "YelpReviewFull", f"Reviews of businesses, {_SCORED}: (label 1 to 5, text).", split=_TWO
)
YelpReviewPolarity: Classified = function_of(
    "YelpReviewPolarity", "Bad and good reviews of businesses: (label 1 to 2, text).", split=_TWO
)

_FUNCTIONS: tuple[Any, ...] = (
    *(
        AG_NEWS,
        AmazonReviewFull,
        AmazonReviewPolarity,
        CC100,
        CNNDM,
        CoLA,
        CoNLL2000Chunking,
        DBpedia,
        EnWik9,
        IMDB,
    ),
    *(IWSLT2016, IWSLT2017, MNLI, MRPC, Multi30k, PennTreebank, QNLI, QQP, RTE, SQuAD1, SQuAD2, SST2, STSB),
    *(SogouNews, UDPOS, WNLI, WikiText103, WikiText2, YahooAnswers, YelpReviewFull, YelpReviewPolarity),
)
#: Each function by its name.
DATASETS: dict[str, Callable[..., Any]] = {function.__name__: function for function in _FUNCTIONS}
