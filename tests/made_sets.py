"""Every data set of torchtext's, small: archives with the layout that the real ones have, and the rows in them.

The texts hold what has been met in the wild: quotes, commas and newlines within fields, CRs, U+2028, files that a Mac
has added. Rows were compared with those that torchtext 0.18 gave of the same archives.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torchvectors.catalog import Digest, datasets
from torchvectors.catalog.datasets import DataFile, DataSet

__all__ = ["MADE", "Made", "catalog_of", "changed", "put", "tarred", "zipped"]


@dataclass(frozen=True, kw_only=True)
class Made:
    """The files of one data set, by their keys; and its rows, by split, or by the other arguments."""

    files: Mapping[str, bytes]
    rows: Mapping[str, list[Any]]
    arguments: Mapping[str, Any] = field(default_factory=dict)


def zipped(members: Mapping[str, str | bytes]) -> bytes:
    """Pack files into a zip, in this order."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def tarred(members: Mapping[str, str | bytes]) -> bytes:
    """Pack files into a tar.gz, in this order, folders before what they hold."""
    packed, seen = io.BytesIO(), set()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as file,
        tarfile.open(fileobj=file, mode="w") as archive,
    ):
        for name, content in members.items():
            folder = name.rpartition("/")[0]
            if folder and folder not in seen:
                seen.add(folder)
                info = tarfile.TarInfo(folder)
                info.type, info.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(info)
            data = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def changed(packed: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """Change every file, in an archive, in an archive within it, or as it is."""
    if packed.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            return zipped({name: changed(archive.read(name), change) for name in archive.namelist()})
    if packed.startswith(b"\xfd7zXZ"):
        return lzma.compress(change(lzma.decompress(packed)))
    if not packed.startswith(b"\x1f\x8b"):
        return change(packed)
    unpacked = gzip.decompress(packed)
    if unpacked[257:262] != b"ustar":
        return gzip.compress(change(unpacked), mtime=0)
    with tarfile.open(fileobj=io.BytesIO(unpacked)) as tar:
        files = {one.name: tar.extractfile(one) for one in tar if one.isreg()}
        return tarred({name: changed(file.read(), change) for name, file in files.items() if file})


_CSV = {
    "train": (
        '"3","Fears, for ""N"" pensions","Unions say \\they\\n are ""hit""."\n'
        '"1","One\nline\rand\r\nanother","caf\u00e9\u2028sep","third"\r\n'
        '2,plain,#39;s\n"4",""\n'
    ),
    "test": '"2","a","b"\n"1","","x "',
}
_CSV_ROWS = {
    "train": [
        (3, 'Fears, for "N" pensions Unions say \\they\\n are "hit".'),
        (1, "One\nline\nand\nanother caf\u00e9\u2028sep third"),
        (2, "plain #39;s"),
        (4, ""),
    ],
    "test": [(2, "a b"), (1, " x ")],
}


def _classified(folder: str) -> Made:
    # The test split comes last, as in the archives.
    members = {f"{folder}/{name}": _CSV[name.removesuffix(".csv")] for name in ("train.csv", "test.csv")}
    return Made(files={"": tarred({f"{folder}/readme.txt": "train.csv", **members})}, rows=_CSV_ROWS)


_MAC = b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X  \xff"  # what a Mac keeps beside a file


def _lines(folder: str) -> Made:
    splits = {
        "train": " \n = Valkyria = \n \n The game 's <unk> \u2028 @-@ battle \n\x85 \r\nend",
        "valid": " \n a \n",
        "test": "",
    }
    members = {f"{folder}/wiki.{split}.tokens": text for split, text in splits.items()}
    rows = {
        "train": [
            " \n",
            " = Valkyria = \n",
            " \n",
            " The game 's <unk> \u2028 @-@ battle \n",
            "\x85 \n",
            "end",
        ],
        "valid": [" \n", " a \n"],
        "test": [],
    }
    return Made(files={"": zipped(members)}, rows=rows)


def _glue(folder: str, labels: tuple[str, str], numbers: tuple[int, int], *, quoted: bool = False) -> Made:
    head = "index\tsentence1\tsentence2"
    train = f'{head}\tlabel\n0\tIt "rains.\tIt is wet\t{labels[0]}\n1\t"Q"\tA\u2028b\t{labels[1]}\n'
    members = {
        f"{folder}/train.tsv": train,
        f"{folder}/dev.tsv": f"{head}\tlabel\n7\tx\ty\t{labels[1]}\n",
        f"{folder}/test.tsv": f"{head}\n0\ts\tt\n1\tu\tv",
    }
    rows: dict[str, list[Any]] = {
        "train": [
            (numbers[0], 'It "rains.', "It is wet"),
            (numbers[1], "Q" if quoted else '"Q"', "A\u2028b"),
        ],
        "dev": [(numbers[1], "x", "y")],
        "test": [("s", "t"), ("u", "v")],
    }
    return Made(files={"": zipped(members)}, rows=rows)


def _squad(*, unanswered: bool) -> Made:
    def asked(question: str, *answers: tuple[str, int]) -> dict[str, Any]:
        return {
            "id": "1",
            "question": question,
            "answers": [{"text": t, "answer_start": n} for t, n in answers],
        }

    passage = {"context": "Tesla was\nborn in 1856.", "qas": [asked("When?", ("1856", 18), ("in 1856", 15))]}
    rows: list[Any] = [("Tesla was\nborn in 1856.", "When?", ["1856", "in 1856"], [18, 15])]
    if unanswered:
        passage["qas"].append({**asked("Why?"), "is_impossible": True})  # type: ignore[attr-defined]
        rows.append(("Tesla was\nborn in 1856.", "Why?", [""], [-1]))
    article = {"title": "Tesla", "paragraphs": [passage]}
    text = json.dumps({"version": "1.1", "data": [article]}).encode()
    empty = json.dumps({"data": []}).encode()
    return Made(files={"train": text, "dev": empty}, rows={"train": rows, "dev": []})


def _talks(year: str) -> Made:
    inside = {"16": "de-en", "17": "DeEnItNlRo-DeEnItNlRo"}[year]
    valid, test = {"16": ("tst2013", "tst2014"), "17": ("dev2010", "tst2010")}[year]

    def tags(language: str) -> str:
        return (
            f"<url>http://x/{language}</url>\n<keywords>k</keywords>\n<title>T</title>\n"
            f" One {language}. \n\nTwo\u2028{language}\r\nThree {language} &amp;\n<reviewer></reviewer>\n"
        )

    def xml(language: str, name: str) -> str:
        tail = "" if year == "16" else "\n"
        return (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<mteval>\n<srcset setid="{name}" srclang="{language}">\n'
            f'<doc docid="1" genre="lectures">\n<url>http://x</url>\n<title>No row</title>\n'
            f'<seg id="1"> Tom &amp; {language} </seg>\n<seg id="2">caf\u00e9 <b>bold</b> gone</seg>\n</doc>\n'
            f'<doc docid="2"><seg id="1">{name}</seg></doc>\n</srcset>\n</mteval>{tail}'
        )

    members: dict[str, str | bytes] = {}
    for language in ("de", "en"):
        members[f"{inside}/._train.tags.de-en.{language}"] = _MAC
        members[f"{inside}/train.tags.de-en.{language}"] = tags(language)
        members[f"{inside}/train.en-de.{language}"] = "other"
        for name in (valid, test):
            members[f"{inside}/IWSLT{year}.TED.{name}.de-en.{language}.xml"] = xml(language, name)
    inner = {
        "16": "2016-01/texts/de/en/de-en.tgz",
        "17": f"2017-01-trnmted/texts/DeEnItNlRo/DeEnItNlRo/{inside}.tgz",
    }
    outer = tarred({"readme": "x", inner[year]: tarred(members)})
    train = [
        tuple(line.format(one) for one in ("de", "en"))
        for line in ("One {}.\n", "\n", "Two\u2028{}\n", "Three {} &amp;\n")
    ]

    def talk(name: str) -> list[tuple[str, ...]]:
        return [("Tom & de\n", "Tom & en\n"), ("caf\u00e9\n", "caf\u00e9\n"), (f"{name}\n", f"{name}\n")]

    return Made(files={"": outer}, rows={"train": train, "valid": talk(valid), "test": talk(test)})


def _captions(prefix: str, *, mac: bool = False) -> bytes:
    members: dict[str, str | bytes] = {f"._{prefix}.de": _MAC} if mac else {}
    return tarred(
        {
            **members,
            f"{prefix}.de": "Zwei M\u00e4nner \n\nein Hund\u2028.\n",
            f"{prefix}.en": "Two men\n\na dog.",
        }
    )


_CAPTION_ROWS = [("Zwei M\u00e4nner ", "Two men"), ("", ""), ("ein Hund\u2028.", "a dog.")]

_URLS = {
    "cnn_train": ["http://web.archive.org/cnn/1", "http://web.archive.org/cnn/2"],
    "cnn_val": ["http://web.archive.org/cnn/3"],
    "cnn_test": ["http://web.archive.org/cnn/missing", "http://web.archive.org/cnn/4"],
    "dailymail_train": ["http://web.archive.org/dm/1"],
    "dailymail_val": [],
    "dailymail_test": ["http://web.archive.org/dm/2"],
}


def _story(text: str) -> tuple[str, str]:
    article = f"(CNN) -- {text} was said\n\n\u201cQuoted.\u201d\n A line!  \nsee @highlight here\n\n"
    return f"{article}@highlight\n\n{text} point\n\n@highlight\n\nLast one.\n", f"{text} point . Last one."


def _stories() -> Made:
    def packed(source: str) -> bytes:
        urls = [
            url
            for key, some in _URLS.items()
            if key.startswith(source)
            for url in some
            if "missing" not in url
        ]
        names = {hashlib.sha1(url.encode()).hexdigest(): url for url in reversed(urls)}
        return tarred({f"{source}/stories/{name}.story": _story(url)[0] for name, url in names.items()})

    def row(url: str) -> tuple[str, str]:
        article = f"(CNN) -- {url} was said . \u201cQuoted.\u201d A line! see @highlight here"
        return article, _story(url)[1]

    lists = {key: "\n".join(urls).encode() for key, urls in _URLS.items()}
    rows = {
        "train": [row(_URLS["cnn_train"][1]), row(_URLS["cnn_train"][0]), row(_URLS["dailymail_train"][0])],
        "val": [row(_URLS["cnn_val"][0])],
        "test": [row(_URLS["cnn_test"][1]), row(_URLS["dailymail_test"][0])],
    }
    return Made(files={"cnn": packed("cnn"), "dailymail": packed("dailymail"), **lists}, rows=rows)


_REVIEWS = {
    "aclImdb/README": "readme",
    "aclImdb/test/neg/0_2.txt": "Dull.",
    "aclImdb/test/pos/0_10.txt": "Fine.\n",
    "aclImdb/train/labeledBow.feat": "9 0:9",
    "aclImdb/train/neg/0_3.txt": 'Story of a man.<br /><br />Bad "film"\u2028here.',
    "aclImdb/train/neg/1_1.txt": "Two\nlines",
    "aclImdb/train/pos/0_9.txt": "Bromwell \u0096 High",
    "aclImdb/train/unsup/0_0.txt": "No label.",
}

_IOB = (
    "Confidence NN B-NP\nin IN B-PP\nthe DT B-NP\n\n\nChancellor NNP O\n",
    "\nRockwell NNP B-NP\nsaid VBD B-VP\n\n",
)
_MNLI_HEAD = "gold_label\tb1\tb2\tp1\tp2\tsentence1\tsentence2\tid\n"
_STSB = 'main-captions\tMSRvid\t2012test\t0001\t5.000\tA plane "takes\tAn air plane\textra\tlicence\n'

MADE: dict[str, Made] = {
    "AG_NEWS": Made(files={key: text.encode() for key, text in _CSV.items()}, rows=_CSV_ROWS),
    "AmazonReviewFull": _classified("amazon_review_full_csv"),
    "AmazonReviewPolarity": _classified("amazon_review_polarity_csv"),
    "CC100": Made(
        files={"": lzma.compress("Ett\n\n tv\u00e5 \u2028\r\ntre".encode())},
        rows={"": [("de", "Ett"), ("de", ""), ("de", " tv\u00e5 \u2028"), ("de", "tre")]},
        arguments={"language_code": "de"},
    ),
    "CNNDM": _stories(),
    "CoLA": Made(
        files={
            "": zipped(
                {
                    "cola_public/raw/in_domain_train.tsv": 'gj04\t1\t\tOur "friends\ngj04\t0\t*\tThey drank.\n',
                    "cola_public/raw/in_domain_dev.tsv": "bc01\t1\t\tSailors.\n",
                    "cola_public/raw/out_of_domain_dev.tsv": "b_73\t0\t*\tA\n",
                    "cola_public/tokenized/in_domain_train.tsv": "gj04\t1\t\tour\n",
                }
            )
        },
        rows={
            "train": [("gj04", 1, 'Our "friends'), ("gj04", 0, "They drank.")],
            "dev": [("bc01", 1, "Sailors.")],
            "test": [("b_73", 0, "A")],
        },
    ),
    "CoNLL2000Chunking": Made(
        files={
            "train": gzip.compress(_IOB[0].encode(), mtime=0),
            "test": gzip.compress(_IOB[1].encode(), mtime=0),
        },
        rows={
            "train": [
                [["Confidence", "in", "the"], ["NN", "IN", "DT"], ["B-NP", "B-PP", "B-NP"]],
                [["Chancellor"], ["NNP"], ["O"]],
            ],
            "test": [[["Rockwell", "said"], ["NNP", "VBD"], ["B-NP", "B-VP"]]],
        },
    ),
    "DBpedia": _classified("dbpedia_csv"),
    "EnWik9": Made(
        files={"": zipped({"enwik9": "<mediawiki>\n  <page>\r\n\ncaf\u00e9\u2028\x0b&quot;"})},
        rows={"": ["<mediawiki>", "  <page>", "", "caf\u00e9\u2028\x0b&quot;"]},
    ),
    "IMDB": Made(
        files={"": tarred(_REVIEWS)},
        rows={
            "train": [
                (1, 'Story of a man.<br /><br />Bad "film"\u2028here.'),
                (1, "Two"),
                (1, "lines"),
                (2, "Bromwell \u0096 High"),
            ],
            "test": [(1, "Dull."), (2, "Fine.")],
        },
    ),
    "IWSLT2016": _talks("16"),
    "IWSLT2017": _talks("17"),
    "MNLI": Made(
        files={
            "": zipped(
                {
                    "multinli_1.0/multinli_1.0_train.txt": (
                        f'{_MNLI_HEAD}neutral\t\t\t\t\tA "man\tB\t1\n-\t\t\t\t\tx\ty\t2\nentailment\t\t\t\t\tC\tD\t3\n'
                    ),
                    "multinli_1.0/multinli_1.0_dev_matched.txt": f"{_MNLI_HEAD}contradiction\t\t\t\t\tE\tF\t1\n",
                    "multinli_1.0/multinli_1.0_dev_mismatched.txt": _MNLI_HEAD,
                    "__MACOSX/multinli_1.0/._multinli_1.0_train.txt": _MAC,
                }
            )
        },
        rows={
            "train": [(1, 'A "man', "B"), (0, "C", "D")],
            "dev_matched": [(2, "E", "F")],
            "dev_mismatched": [],
        },
    ),
    "MRPC": Made(
        files={
            "train": '\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\r\n1\t7\t8\tHe "said\tHe said"\r\n'.encode(),
            "test": b"Quality\t#1 ID\t#2 ID\t#1 String\t#2 String\n0\t1\t2\tx\ty\n",
        },
        rows={"train": [(1, 'He "said', 'He said"')], "test": [(0, "x", "y")]},
    ),
    "Multi30k": Made(
        files={"train": _captions("train"), "valid": _captions("val"), "test": _captions("test", mac=True)},
        rows=dict.fromkeys(("train", "valid", "test"), _CAPTION_ROWS),
    ),
    "PennTreebank": Made(
        files={
            "train": b" aer banknote <unk> N \n\n pierre \n",
            "valid": b" consumers \n",
            "test": b" no \n it \n",
        },
        rows={"train": ["aer banknote <unk> N", "", "pierre"], "valid": ["consumers"], "test": ["no", "it"]},
    ),
    "QNLI": _glue("QNLI", ("not_entailment", "entailment"), (1, 0)),
    "QQP": Made(
        files={
            "": b'id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n0\t1\t2\t"What ""is""\nit?"\tWhy?\t1\n'
        },
        rows={"": [(1, 'What "is"\nit?', "Why?")]},
    ),
    "RTE": _glue("RTE", ("entailment", "not_entailment"), (0, 1)),
    "SQuAD1": _squad(unanswered=False),
    "SQuAD2": _squad(unanswered=True),
    "SST2": Made(
        files={
            "": zipped(
                {
                    "SST-2/train.tsv": 'sentence\tlabel\nhide new "secretions \t0\n"that loves"\t1\n',
                    "SST-2/dev.tsv": "sentence\tlabel\nit 's charming \t1\n",
                    "SST-2/test.tsv": "index\tsentence\n0\tuneasy mishmash .\n1\t b \n",
                    "SST-2/original/datasetSentences.txt": "x",
                }
            )
        },
        rows={
            "train": [('hide new "secretions', 0), ("that loves", 1)],
            "dev": [("it 's charming", 1)],
            "test": [("uneasy mishmash .",), ("b",)],
        },
    ),
    "STSB": Made(
        files={
            "": tarred(
                {
                    "stsbenchmark/readme.txt": "sts-train.csv",
                    "stsbenchmark/sts-dev.csv": _STSB.replace("5.000", "2.500"),
                    "stsbenchmark/sts-test.csv": _STSB.replace("\textra\tlicence", ""),
                    "stsbenchmark/sts-train.csv": _STSB,
                }
            )
        },
        rows={
            "train": [(1, 5.0, 'A plane "takes', "An air plane")],
            "dev": [(1, 2.5, 'A plane "takes', "An air plane")],
            "test": [(1, 5.0, 'A plane "takes', "An air plane")],
        },
    ),
    "SogouNews": _classified("sogou_news_csv"),
    "UDPOS": Made(
        files={
            "": zipped(
                {
                    "en-ud-v2/._en-ud-tag.v2.train.txt": _MAC,
                    "en-ud-v2/en-ud-tag.v2.dev.txt": "From\tADP\tIN\n",
                    "en-ud-v2/en-ud-tag.v2.test.txt": "What\tPRON\tWP\nif\tSCONJ\tIN\n\n",
                    "en-ud-v2/en-ud-tag.v2.train.txt": "Al\tPROPN\tNNP\n-\tPUNCT\tHYPH\n\nkilled a\tVERB\tVBD\n",
                }
            )
        },
        rows={
            "train": [[["Al", "-"], ["PROPN", "PUNCT"], ["NNP", "HYPH"]], [["killed a"], ["VERB"], ["VBD"]]],
            "valid": [[["From"], ["ADP"], ["IN"]]],
            "test": [[["What", "if"], ["PRON", "SCONJ"], ["WP", "IN"]]],
        },
    ),
    "WNLI": _glue("WNLI", ("1", "0"), (1, 0), quoted=True),
    "WikiText103": _lines("wikitext-103"),
    "WikiText2": _lines("wikitext-2"),
    "YahooAnswers": _classified("yahoo_answers_csv"),
    "YelpReviewFull": _classified("yelp_review_full_csv"),
    "YelpReviewPolarity": _classified("yelp_review_polarity_csv"),
}


def catalog_of(base: str, made: Mapping[str, Made] = MADE) -> str:
    """Return the text of a ``datasets.json`` whose files are these, at ``base/NAME/FILE``."""
    return datasets.dumps(
        [_set(datasets.dataset(name), base, made[name]) for name in datasets.dataset_names()]
    )


def _set(real: DataSet, base: str, made: Made) -> DataSet:
    files = tuple(_file(one, real, base, made.files[one.key]) for one in real.files)
    lines: dict[str, Any] = {split: len(rows) for split, rows in made.rows.items() if split}
    if real.pairs:
        chosen = {"IWSLT2016": ("tst2013", "tst2014"), "IWSLT2017": ("dev2010", "tst2010")}[real.name]
        sets = {"train": ("train",), "valid": chosen, "test": chosen}
        count = {"train": len(made.rows["train"]), **dict.fromkeys(chosen, len(made.rows["valid"]))}
        lines = {split: {one: {"de-en": count[one]} for one in some} for split, some in sets.items()}
    elif real.lines and not lines:
        lines = {"train": len(made.rows[""])}
    return replace(real, files=files, lines=lines)


def _file(real: DataFile, data: DataSet, base: str, content: bytes) -> DataFile:
    digest = Digest(algorithm="md5", value=hashlib.md5(content).hexdigest())
    urls = (f"{base}/{data.name}/{real.name}",) if real.urls else ()
    return replace(real, urls=urls, digests=(digest,) if real.digests else ())


def put(name: str, folder: Path, made: Mapping[str, Made] = MADE) -> list[Path]:
    """Put a data set's files where they belong below a cache folder, as somebody does by hand."""
    where = folder / "datasets" / name
    where.mkdir(parents=True, exist_ok=True)
    paths = []
    for key, content in made[name].files.items():
        file = next(one for one in datasets.dataset(name).files if one.key == key)
        path = where / file.name.replace("%s", made[name].arguments.get("language_code", ""))
        path.write_bytes(content)
        paths.append(path)
    return paths
