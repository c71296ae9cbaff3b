"""Labelled texts and others → DataPipes: torchtext's data sets by name, and one that comes with the package.

The functions fetch nothing: a pipe does, when its first row is asked for.
"""

from typing import TYPE_CHECKING, Any

from torchvectors.datasets.constants import constant_of_all as _constant_of_all
from torchvectors.datasets.constants import register_modules as _register_modules
from torchvectors.datasets.functions import (
    AG_NEWS,
    CC100,
    CNNDM,
    DATASETS,
    IMDB,
    IWSLT2016,
    IWSLT2017,
    MNLI,
    MRPC,
    QNLI,
    QQP,
    RTE,
    SST2,
    STSB,
    UDPOS,
    WNLI,
    AmazonReviewFull,
    AmazonReviewPolarity,
    CoLA,
    CoNLL2000Chunking,
    DBpedia,
    EnWik9,
    Multi30k,
    PennTreebank,
    SogouNews,
    SQuAD1,
    SQuAD2,
    WikiText2,
    WikiText103,
    YahooAnswers,
    YelpReviewFull,
    YelpReviewPolarity,
)
from torchvectors.datasets.wordnet_topics import WORDNET_TOPICS, WordNetTopics

if TYPE_CHECKING:
    MD5: dict[str, Any]
    NUM_LINES: dict[str, Any]
    URLS: dict[str, Any]

__all__ = [  # noqa: RUF022 - in the order of code points, as in every door
    "AG_NEWS",
    "AmazonReviewFull",
    "AmazonReviewPolarity",
    "CC100",
    "CNNDM",
    "CoLA",
    "CoNLL2000Chunking",
    "DATASETS",
    "DBpedia",
    "EnWik9",
    "IMDB",
    "IWSLT2016",
    "IWSLT2017",
    "MD5",
    "MNLI",
    "MRPC",
    "Multi30k",
    "NUM_LINES",
    "PennTreebank",
    "QNLI",
    "QQP",
    "RTE",
    "SQuAD1",
    "SQuAD2",
    "SST2",
    "STSB",
    "SogouNews",
    "UDPOS",
    "URLS",
    "WNLI",
    "WORDNET_TOPICS",
    "WikiText103",
    "WikiText2",
    "WordNetTopics",
    "YahooAnswers",
    "YelpReviewFull",
    "YelpReviewPolarity",
]

_register_modules(__name__, DATASETS)


def __getattr__(name: str) -> Any:
    if name in ("MD5", "NUM_LINES", "URLS"):  # torchtext's; they take reading the catalog
        return _constant_of_all(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
