"""Published facts in, ``datasets.json`` out: ``python -m torchvectors.catalog.make_datasets CATALOG.json SETS.json``.

The facts are two JSON files: the catalog's list ``datasets`` (addresses, digests, members, counts), and for each name
the signature that torchtext's function had. Whatever is decided on the way is decided here.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from torchvectors.catalog import datasets
from torchvectors.catalog.drive import addresses, is_drive
from torchvectors.catalog.records import Digest, strongest_first

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["main", "sets_of"]

# What a row is, in the words of Python.
_ROWS = {
    "AG_NEWS": "(label 1 to 4, text)",
    "AmazonReviewFull": "(label 1 to 5, text)",
    "AmazonReviewPolarity": "(label 1 to 2, text)",
    "CC100": "(language, line)",
    "CNNDM": "(article, summary)",
    "CoLA": "(source, label 0 to 1, text)",
    "CoNLL2000Chunking": "[words, parts of speech, chunks]",
    "DBpedia": "(label 1 to 14, text)",
    "EnWik9": "line",
    "IMDB": "(label 1 to 2, text)",
    "IWSLT2016": "(source line, target line)",
    "IWSLT2017": "(source line, target line)",
    "MNLI": "(label 0 to 2, text, text)",
    "MRPC": "(label 0 to 1, text, text)",
    "Multi30k": "(source line, target line)",
    "PennTreebank": "line",
    "QNLI": "(label 0 to 1, question, text); test: (question, text)",
    "QQP": "(label 0 to 1, question, question)",
    "RTE": "(label 0 to 1, text, text); test: (text, text)",
    "SQuAD1": "(context, question, answers, their places)",
    "SQuAD2": "(context, question, answers, their places)",
    "SST2": "(text, label 0 to 1); test: (text,)",
    "STSB": "(index, score 0.0 to 5.0, text, text)",
    "SogouNews": "(label 1 to 5, text)",
    "UDPOS": "[words, universal tags, tags]",
    "WNLI": "(label 0 to 1, text, text); test: (text, text)",
    "WikiText103": "line",
    "WikiText2": "line",
    "YahooAnswers": "(label 1 to 10, text)",
    "YelpReviewFull": "(label 1 to 5, text)",
    "YelpReviewPolarity": "(label 1 to 2, text)",
}

# Sizes as people have seen them go by, where the facts give none.
_MEGABYTES = {
    "AG_NEWS": 31,
    "AmazonReviewFull": 644,
    "AmazonReviewPolarity": 688,
    "CNNDM": 535,
    "CoLA": 0.4,
    "CoNLL2000Chunking": 0.8,
    "DBpedia": 68,
    "EnWik9": 323,
    "IMDB": 84,
    "MNLI": 227,
    "Multi30k": 1.4,
    "PennTreebank": 6,
    "QNLI": 11,
    "QQP": 58,
    "RTE": 0.7,
    "SQuAD1": 35,
    "SQuAD2": 46,
    "SST2": 7,
    "STSB": 0.4,
    "SogouNews": 384,
    "UDPOS": 0.7,
    "WNLI": 0.03,
    "WikiText103": 190,
    "WikiText2": 4.5,
    "YahooAnswers": 319,
    "YelpReviewFull": 196,
    "YelpReviewPolarity": 166,
}

# As their publishers' pages state them; of all others none is stated for the rows.
_LICENCES = {
    "DBpedia": "CC-BY-SA-3.0",
    "SQuAD1": "CC-BY-SA-4.0",
    "SQuAD2": "CC-BY-SA-4.0",
    "UDPOS": "CC-BY-SA-4.0",
    "WikiText103": "CC-BY-SA-3.0",
    "WikiText2": "CC-BY-SA-3.0",
}

_ZHANG = "https://arxiv.org/abs/1509.01626"  # who made the sets of long reviews and articles
_HOMES = {
    "AmazonReviewFull": _ZHANG,
    "AmazonReviewPolarity": _ZHANG,
    "CC100": "https://data.statmt.org/cc-100/",
    "CNNDM": "https://github.com/abisee/cnn-dailymail",
    "CoLA": "https://nyu-mll.github.io/CoLA/",
    "CoNLL2000Chunking": "https://www.clips.uantwerpen.be/conll2000/chunking/",
    "EnWik9": "http://mattmahoney.net/dc/textdata.html",
    "IMDB": "https://ai.stanford.edu/~amaas/data/sentiment/",
    "IWSLT2016": "https://wit3.fbk.eu/2016-01",
    "IWSLT2017": "https://wit3.fbk.eu/2017-01",
    "MNLI": "https://cims.nyu.edu/~sbowman/multinli/",
    "MRPC": "https://www.microsoft.com/en-us/download/details.aspx?id=52398",
    "Multi30k": "https://www.statmt.org/wmt16/multimodal-task.html",
    "SQuAD1": "https://rajpurkar.github.io/SQuAD-explorer/",
    "SQuAD2": "https://rajpurkar.github.io/SQuAD-explorer/",
    "SST2": "https://nlp.stanford.edu/sentiment/",
    "STSB": "https://ixa2.si.ehu.eus/stswiki/index.php/STSbenchmark",
    "SogouNews": _ZHANG,
    "YahooAnswers": _ZHANG,
    "YelpReviewFull": _ZHANG,
    "YelpReviewPolarity": _ZHANG,
}

# The same file at another address, asked before the one that torchtext knew: by part of that.
_MIRRORS = {
    "https://s3.amazonaws.com/research.metamind.io/wikitext/": "https://wikitext.smerity.com/",
    "http://ai.stanford.edu/": "https://ai.stanford.edu/",
    "http://data.statmt.org/": "https://data.statmt.org/",
    "http://ixa2.si.ehu.es/": "http://ixa2.si.ehu.eus/",
}
# Those that answer with an error, as their users have reported.
_DEAD = (
    "https://s3.amazonaws.com/research.metamind.io/",
    "https://drive.google.com/uc?id=1l5y6Giag9aRPwGtuZHswh3w5v3qEz8D8",
)
_GONE = {
    "IWSLT2016": "Its publisher's file on Google Drive was removed in 2023 (pytorch/text#2181, #2195), and no other "
    "copy with this digest is known. IWSLT2017 has talks of the same kind, in ten pairs of languages"
}
_STATES = {
    "IWSLT2016": "gone: Google Drive answers 404 since June 2023 (pytorch/text#2181)",
    "IWSLT2017": "moved: off Google Drive, to the publisher's SharePoint (pytorch/text#2195)",
    "Multi30k": "moved: its first host is dead since June 2022 (pytorch/text#1756); a copy on GitHub is used",
    "WikiText103": "moved: S3 answers 403 since March 2024 (pytorch/text#2233); its author's mirror is used",
    "WikiText2": "moved: S3 answers 403 since March 2024 (pytorch/text#2233); its author's mirror is used",
}
_DRIVE_STATE = "fragile: Google Drive, which may answer with a page in place of the file (pytorch/text#1678)"
_USUAL_STATE = "no report of its death is known"

_NOTES = {
    "CoLA": ("The first row is given, which torchtext took for a header that these files have not.",),
    "IMDB": (
        "All rows labelled 1 (negative) come before those labelled 2, as in the archive: shuffle them.",
    ),
    "IWSLT2016": ("Lines end with their newline, as torchtext gave them.",),
    "IWSLT2017": ("Lines end with their newline, as torchtext gave them.",),
    "Multi30k": (
        "What a Mac leaves beside a member, such as `._test.de`, is left alone; torchtext took it for rows.",
    ),
    "SST2": ("The text comes first, and the label is 0 or 1.",),
    "WikiText103": ("Lines end with their newline, as torchtext gave them.",),
    "WikiText2": ("Lines end with their newline, as torchtext gave them.",),
}

_LISTS = "https://raw.githubusercontent.com/abisee/cnn-dailymail/master/url_lists/{}_wayback_{}_urls.txt"
_LISTED = {"train": "training", "val": "validation", "test": "test"}

# The languages of which CC-100 has a file, by the codes of its page.
_CC100 = """
am ar as az be bg bn bn_rom br bs ca cs cy da de el en eo es et eu fa ff fi fr fy ga gd gl gn gu ha he hi hi_rom hr ht
hu hy id ig is it ja jv ka kk km kn ko ku ky la lg li ln lo lt lv mg mk ml mn mr ms my my_zaw ne nl no ns om or pa pl
ps pt qu rm ro ru sa si sc sd sk sl so sq sr ss su sv sw ta ta_rom te te_rom th tl tn tr ug uk ur ur_rom uz vi wo xh
yi yo zh-Hans zh-Hant zu
"""

# Where inside an archive; the facts have these of the others.
_NESTED = {
    "IWSLT2016": "2016-01/texts/{0}/{1}/{0}-{1}.tgz",
    "IWSLT2017": "texts/DeEnItNlRo/DeEnItNlRo/DeEnItNlRo-DeEnItNlRo.tgz",
}
_TALKS = {
    "IWSLT2016": {"valid": "tst2013", "test": "tst2014"},
    "IWSLT2017": {"valid": "dev2010", "test": "tst2010"},
}
_ARCHIVES = {"cnn": "cnn_stories.tgz", "dailymail": "dailymail_stories.tgz"}


def sets_of(catalog: Mapping[str, Any], described: Mapping[str, Mapping[str, Any]]) -> list[datasets.DataSet]:
    """Return every data set, in alphabetical order.

    Args:
        catalog: The catalog's facts.
        described: For each name, what torchtext's function was.

    Raises:
        ValueError: A fact is impossible.
        KeyError: The two do not speak of the same data sets, or something is not said of one here.
    """
    facts = {one["name"]: one for one in catalog["datasets"]}
    if facts.keys() != described.keys() or facts.keys() != _ROWS.keys():
        raise KeyError(f"{sorted(facts.keys() ^ described.keys() ^ _ROWS.keys())}: known in one place only")
    return [_set(facts[name], described[name]) for name in sorted(facts)]


def _set(fact: Mapping[str, Any], described: Mapping[str, Any]) -> datasets.DataSet:
    name = fact["name"]
    lines = _lines(described["num_lines"] or {})
    splits = tuple(lines) if "split" in described["sig"] else ()
    members = {"": _NESTED[name]} if name in _NESTED else dict(fact.get("files", {}))
    if name in ("CNNDM", "Multi30k", "CoNLL2000Chunking"):
        members = {}  # folders, and parts of names: what is inside follows from the split there
    drive = any(map(is_drive, _urls(fact).values()))
    return datasets.DataSet(
        name=name,
        row=_ROWS[name],
        signature=described["sig"],
        splits=splits,
        files=_files(fact),
        members=members,
        lines=lines,
        url=described["url"],
        md5=described["md5"],
        languages=tuple(_CC100.split()) if name == "CC100" else (),
        talks=_TALKS.get(name, {}),
        megabytes=_MEGABYTES.get(name),
        licence=_LICENCES.get(name),
        home=_HOMES.get(name),
        state=_STATES.get(name, _DRIVE_STATE if drive else _USUAL_STATE),
        gone=_GONE.get(name, ""),
        notes=_NOTES.get(name, ()),
    )


def _urls(fact: Mapping[str, Any]) -> dict[str, str]:
    urls = fact["urls"]
    return {"": urls} if isinstance(urls, str) else dict(urls)


def _files(fact: Mapping[str, Any]) -> tuple[datasets.DataFile, ...]:
    files = []
    for key, url in _urls(fact).items():
        stated = [one for one in fact.get("checksums", ()) if one.get("split", key) == key]
        digests = strongest_first(
            Digest(algorithm=one["algo"], value=one["value"], sources=one["sources"]) for one in stated
        )
        name = _ARCHIVES.get(key) or fact.get("archive") or unquote(urlsplit(url).path).rpartition("/")[2]
        live, dead = _live(url)
        files.append(datasets.DataFile(key=key, name=name, urls=live, dead_urls=dead, digests=digests))
    if fact["name"] == "CNNDM":
        for source in ("cnn", "dailymail"):
            for split, listed in _LISTED.items():
                url = _LISTS.format(source, listed)
                name = url.rpartition("/")[2]
                files.append(datasets.DataFile(key=f"{source}_{split}", name=name, urls=(url,)))
    return tuple(files)


def _live(url: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return where to ask, the best place first, and where it is of no use."""
    dead = url.startswith(_DEAD)
    mirrors = [url.replace(old, new, 1) for old, new in _MIRRORS.items() if url.startswith(old)]
    if is_drive(url) and not dead:
        return tuple(addresses(re.sub(r"export=download&", "export=download&confirm=t&", url))), ()
    return (*mirrors, *(() if dead else (url,))), (url,) if dead else ()


def _lines(counts: Mapping[str, Any]) -> dict[str, Any]:
    """Return counts whose pairs of languages are text: ``"('de', 'en')"`` → "de-en"."""
    return {
        datasets.pair(ast.literal_eval(key)) if key.startswith("(") else key: (
            value if isinstance(value, int) else _lines(value)
        )
        for key, value in counts.items()
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Write the data file, or with ``--check`` compare it; return 1 where that finds a difference."""
    parser = argparse.ArgumentParser(prog="python -m torchvectors.catalog.make_datasets", description=__doc__)
    parser.add_argument("catalog", type=Path, help="the published facts, one JSON file")
    parser.add_argument("described", type=Path, help="what torchtext's functions were, one JSON file")
    parser.add_argument("--check", action="store_true", help="compare and write nothing")
    parser.add_argument(
        "--data", type=Path, default=datasets.DATA, help="the data file (default: %(default)s)"
    )
    options = parser.parse_args(argv)
    facts, described = (json.loads(path.read_text("utf-8")) for path in (options.catalog, options.described))
    text = datasets.dumps(sets_of(facts, described))
    if options.check:
        return int(not options.data.is_file() or options.data.read_text("utf-8") != text)
    options.data.write_bytes(text.encode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
