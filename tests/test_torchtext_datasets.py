"""torchtext's data sets, each built from a small archive with the real layout: rows, sources, damage, and the graph."""

from __future__ import annotations

import csv
import hashlib
import importlib
import inspect
import json
import logging
import os
import pickle
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from made_sets import MADE, Made, catalog_of, changed, put, tarred, zipped
from servers import Reply, Server, file
from torch.utils.data import DataLoader, IterDataPipe

import torchvectors
from torchvectors import cache, datasets
from torchvectors.catalog import datasets as records
from torchvectors.catalog import make_datasets, strongest
from torchvectors.catalog.datasets import dataset, dataset_names
from torchvectors.cli import main
from torchvectors.corpora import identity, recipes
from torchvectors.datasets.pipes import DataSetRows
from torchvectors.errors import (
    ArchiveError,
    DigestError,
    DownloadError,
    MemberError,
    NotFoundError,
    OfflineError,
    ParseError,
    UnknownNameError,
)

FACTS = Path(__file__).resolve().parents[2] / "shared" / "facts"
TABLES = {name for name, recipe in recipes.RECIPES.items() if getattr(recipe, "func", None) is recipes._table}
PARTS = [(name, split) for name, made in MADE.items() for split in made.rows]


def keep(catalog: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the catalog be this text."""
    path = folder / f"{hashlib.md5(catalog.encode()).hexdigest()}.json"  # the catalog reads a path once
    path.write_text(catalog, "utf-8")
    monkeypatch.setattr(records, "DATA", path)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the small sets into the place of the real ones; nobody serves them."""
    keep(catalog_of("http://127.0.0.1:9"), tmp_path, monkeypatch)


def pipe(name: str, split: str = "", **more: Any) -> Any:
    """Call the function of a data set for one part."""
    return getattr(datasets, name)(**({"split": split} if split else {}), **MADE[name].arguments, **more)


def source_of(pipe: Any) -> DataSetRows[Any]:
    """Return the pipe that reads, behind torch's shuffler and sharding filter."""
    found: DataSetRows[Any] = pipe.source_datapipe.datapipe
    return found


# Rows


@pytest.mark.parametrize(("name", "split"), PARTS)
@pytest.mark.usefixtures("small")
def test_rows_are_those_that_torchtext_gave(name: str, split: str, tmp_path: Path) -> None:
    put(name, tmp_path)
    rows = list(pipe(name, split, root=tmp_path))
    assert rows == MADE[name].rows[split]
    assert [type(one) for one in rows] == [type(one) for one in MADE[name].rows[split]]


@pytest.mark.usefixtures("small")
def test_a_pair_of_languages_may_be_asked_for_the_other_way_round(tmp_path: Path) -> None:
    put("Multi30k", tmp_path)
    turned = list(datasets.Multi30k(tmp_path, "train", ("en", "de")))
    assert turned == [(en, de) for de, en in MADE["Multi30k"].rows["train"]]


@pytest.mark.usefixtures("small")
def test_a_set_of_talks_may_be_chosen_for_each_split(tmp_path: Path) -> None:
    put("IWSLT2016", tmp_path)
    rows = datasets.IWSLT2016(tmp_path, split="valid", valid_set="tst2014")
    assert list(rows) == MADE["IWSLT2016"].rows["test"]


def test_a_header_that_is_there_after_all_is_no_row_of_cola(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = {"cola_public/raw/in_domain_train.tsv": "source\tlabel\tnote\tsentence\ngj04\t1\t\tA.\n"}
    change("CoLA", zipped(members), tmp_path, monkeypatch)
    assert list(datasets.CoLA(tmp_path, "train")) == [("gj04", 1, "A.")]


@pytest.mark.usefixtures("small")
def test_lines_without_a_partner_are_left_out_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tarred({"train.de": "eins\nzwei\n", "train.en": "one\n"})
    change("Multi30k", archive, tmp_path, monkeypatch, key="train")
    rows = iter(datasets.Multi30k(tmp_path, "train"))
    assert next(rows) == ("eins", "one")
    with pytest.warns(UserWarning, match=r"training\.tar\.gz: one of the two texts has more lines"):
        assert list(rows) == []


# What a function is


def test_every_name_of_torchtext_is_there_and_says_what_its_rows_are() -> None:
    assert sorted(datasets.DATASETS) == sorted(MADE) == list(dataset_names())
    for name, function in datasets.DATASETS.items():
        assert function.__name__ == name
        assert function.__doc__
        assert dataset(name).row in function.__doc__, name
        assert pickle.loads(pickle.dumps(function)) is function
        assert getattr(datasets, name) is function


@pytest.mark.parametrize("name", sorted(MADE))
def test_signatures_are_those_that_torchtext_had(name: str) -> None:
    scope: dict[str, Any] = {}
    code = f"from typing import Tuple, Union\ndef f{dataset(name).signature}: ..."
    exec(code, scope)
    was, now = inspect.signature(scope["f"]).parameters, inspect.signature(datasets.DATASETS[name]).parameters
    assert list(now) == list(was)
    for key, parameter in was.items():
        if parameter.default is not inspect.Parameter.empty:
            assert now[key].default == parameter.default


def test_one_split_is_a_pipe_and_several_are_a_tuple_in_the_given_order() -> None:
    assert isinstance(datasets.IMDB(split="test"), IterDataPipe)
    assert isinstance(datasets.EnWik9(), IterDataPipe)
    both = datasets.IMDB()
    assert isinstance(both, tuple)
    assert [source_of(one).asked.split for one in both] == ["train", "test"]
    assert len(datasets.IMDB(split=("test",))) == 1
    assert datasets.IMDB(split=()) == ()
    assert len(datasets.IMDB(split=["test", "train"])) == 2


@pytest.mark.parametrize(
    ("name", "arguments", "error", "message"),
    [
        (
            "AG_NEWS",
            {"split": "valid"},
            TypeError,
            r"selection \('valid',\) of splits is not supported.*AG_NEWS",
        ),
        ("SST2", {"split": ("train", "val")}, TypeError, r"choose from \('train', 'dev', 'test'\)"),
        ("CC100", {"language_code": "xx"}, ValueError, "Invalid language code xx"),
        ("Multi30k", {"language_pair": ("de", "fr")}, ValueError, "tgt_language 'fr' is not valid"),
        ("Multi30k", {"language_pair": ("de",)}, ValueError, "must contain only 2 elements"),
        ("IWSLT2016", {"language_pair": "de-en"}, ValueError, "must be list or tuple but got"),
        ("IWSLT2016", {"language_pair": ("de", "fr")}, ValueError, r"tgt_language 'fr'.*\['en'\]"),
        ("IWSLT2017", {"language_pair": ("fr", "en")}, ValueError, "src_language 'fr' is not valid"),
        ("IWSLT2016", {"valid_set": "tst2030"}, ValueError, "valid_set 'tst2030' is not valid"),
        ("IWSLT2016", {"language_pair": ("cs", "en")}, ValueError, "test_set 'tst2014' is not valid"),
    ],
)
def test_what_there_is_not_is_refused_at_once(
    name: str, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        datasets.DATASETS[name](**arguments)
    assert isinstance(caught.value, UnknownNameError)


def test_a_set_of_talks_that_is_not_asked_for_need_not_be_there() -> None:
    assert isinstance(datasets.IWSLT2016(split="train", language_pair=("cs", "en")), IterDataPipe)


def test_constants_are_where_programs_imported_them() -> None:
    assert datasets.NUM_LINES["AG_NEWS"] == {"train": 120000, "test": 7600}
    assert datasets.NUM_LINES["IWSLT2016"]["train"]["train"][("cs", "en")] == 114390
    assert datasets.MD5["IMDB"] == "7c2ac02c03563afcf9b574c7e56c153a"
    assert datasets.URLS["CC100"] == "http://data.statmt.org/cc-100/%s.txt.xz"
    assert datasets.NUM_LINES["CC100"] is None
    for name in MADE:
        module = importlib.import_module(f"torchvectors.datasets.{name.lower()}")
        assert getattr(module, name) is datasets.DATASETS[name]
        assert getattr(datasets, name.lower()) is module
        assert datasets.NUM_LINES[name] == module.NUM_LINES
        assert datasets.URLS[name] == module.URL
        with pytest.raises(AttributeError, match="no attribute 'nowhere'"):
            _ = module.nowhere
    programs = importlib.import_module("torchvectors.datasets.multi30k")
    programs.URL["train"] = "elsewhere"  # as a tutorial of torchtext's does
    assert programs.URL == dataset("Multi30k").url != {"train": "elsewhere"}
    with pytest.raises(AttributeError, match="no attribute 'nowhere'"):
        _ = datasets.nowhere


def test_importing_the_door_reads_no_data() -> None:
    program = (
        "import sys, torch.utils.data.datapipes.iter\nopened = []\n"
        "sys.addaudithook(lambda event, a: event == 'open' and isinstance(a[0], str) and opened.append(a[0]))\n"
        "import torchvectors.datasets as d; d.IMDB\n"
        "print([one for one in opened if one.endswith('.json')], 'requests' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[] False"


# Where files come from


def serve(server: Server, name: str, made: Made | None = None) -> dict[str, str]:
    """Serve the files of a data set where its catalog says that they are."""
    files = (made or MADE[name]).files
    code = MADE[name].arguments.get("language_code", "")
    return {
        one.key: server.on(f"/{name}/{one.name.replace('%s', code)}", file(files[one.key]))
        for one in dataset(name).files
    }


@pytest.mark.parametrize("name", sorted(MADE.keys() - {"IWSLT2016"}))
def test_each_is_downloaded_once_and_verified_and_lies_in_the_cache(
    name: str, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = next(iter(MADE[name].rows))
    with Server() as server:
        keep(catalog_of(server.url("")), tmp_path, monkeypatch)
        serve(server, name)
        whole = pipe(name, split)
        assert not (own_cache / "datasets").exists()
        assert list(whole) == MADE[name].rows[split]
        asked = len(server.log)
        assert list(whole) == MADE[name].rows[split]
        assert list(pipe(name, split)) == MADE[name].rows[split]
        assert len(server.log) == asked > 0
    kept = sorted(path.name for path in (own_cache / "datasets" / name).iterdir() if path.is_file())
    assert len(kept) == 2 * asked  # each with its receipt
    assert sum(one.endswith(".receipt.json") for one in kept) == asked


@pytest.mark.usefixtures("small")
def test_what_can_not_be_had_any_more_says_so_at_once_and_what_there_is_instead(
    tmp_path: Path, own_cache: Path
) -> None:
    with pytest.raises(
        NotFoundError, match=r"(?s)no address gives 2016-01\.tgz any more.*removed.*IWSLT2017"
    ) as caught:
        next(iter(datasets.IWSLT2016(split="train")))
    assert str(own_cache / "datasets" / "IWSLT2016" / "2016-01.tgz") in str(caught.value)
    put("IWSLT2016", own_cache)
    assert list(datasets.IWSLT2016(split="train")) == MADE["IWSLT2016"].rows["train"]


@pytest.mark.parametrize("name", sorted(MADE.keys() - {"CC100"}))  # of which no digest is published
@pytest.mark.usefixtures("small")
def test_a_file_put_there_by_hand_is_checked_and_another_one_refused(name: str, tmp_path: Path) -> None:
    path = put(name, tmp_path)[0]
    path.write_bytes(path.read_bytes() + b"\0")
    cure = "Put the right one there" if name == "IWSLT2016" else "Delete it to download"
    with pytest.raises(DigestError, match=rf"{path.name}: this file has the digest \w+:.*{cure}"):
        next(iter(pipe(name, next(iter(MADE[name].rows)), root=tmp_path)))
    assert path.exists()  # it is the user's


def test_a_download_with_another_digest_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Server() as server:
        keep(catalog_of(server.url("")), tmp_path, monkeypatch)
        server.on("/RTE/RTE.zip", file(zipped({"RTE/train.tsv": "x"})))
        with pytest.raises(
            DigestError, match=r"(?s)RTE\.zip: what was downloaded is not this file.*its md5 is"
        ):
            next(iter(datasets.RTE(tmp_path, "train")))
    assert not (tmp_path / "datasets" / "RTE" / "RTE.zip").exists()


def test_a_file_that_has_changed_since_it_was_fetched_is_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with Server() as server:
        keep(catalog_of(server.url("")), tmp_path, monkeypatch)
        serve(server, "RTE")
        rows = list(datasets.RTE(tmp_path, "dev"))
        path = tmp_path / "datasets" / "RTE" / "RTE.zip"
        path.write_bytes(bytes(path.stat().st_size))  # as long as it was
        os.utime(path, (4e9, 4e9))
        with caplog.at_level(logging.WARNING):
            assert list(datasets.RTE(tmp_path, "dev")) == rows
    assert "it has changed since it was fetched" in caplog.text
    assert path.with_name("RTE.zip.bad").exists()


def test_a_mirror_of_the_users_comes_first_and_has_a_folder_for_each_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(catalog_of("http://127.0.0.1:9"), tmp_path, monkeypatch)
    with Server() as server:
        serve(server, "AG_NEWS")
        monkeypatch.setenv("TORCHVECTORS_MIRROR", server.url(""))
        assert list(datasets.AG_NEWS(tmp_path, "test")) == MADE["AG_NEWS"].rows["test"]
        assert [seen.path for seen in server.log] == ["/AG_NEWS/test.csv"]


@pytest.mark.usefixtures("small")
def test_offline_the_command_that_fetches_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_cache: Path
) -> None:
    monkeypatch.setenv("TORCHVECTORS_OFFLINE", "1")
    with pytest.raises(OfflineError, match=r"fetches it: torchvectors download AG_NEWS\n"):
        next(iter(datasets.AG_NEWS(split="train")))
    with pytest.raises(OfflineError, match=rf"torchvectors download CC100:de --cache {tmp_path}\n"):
        next(iter(datasets.CC100(tmp_path, "de")))
    digest = strongest(dataset("AG_NEWS").files[0].digests)[0]
    where = re.escape(str(own_cache / "datasets" / "AG_NEWS" / "train.csv"))
    with pytest.raises(
        OfflineError, match=rf"(?s)has the digest {digest}: .*, put at {where}, is checked.*\.ReadCSV "
    ):
        next(iter(datasets.AG_NEWS(split="train")))


@pytest.mark.usefixtures("small")
def test_a_split_in_the_place_of_the_folder_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.warns(
        UserWarning, match=r"AG_NEWS\('train'\): .* Did you mean AG_NEWS\(split='train'\)\?"
    ) as told:
        datasets.AG_NEWS("train")
    assert told[0].filename == __file__
    with pytest.warns(UserWarning, match=r"CC100\(language_code='de'\)"):
        datasets.CC100("de")
    datasets.AG_NEWS("train", "train")
    datasets.EnWik9("train")


def test_the_page_that_google_drive_gives_is_no_file_and_the_second_address_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Reply(body=b"<!DOCTYPE html><html><title>Google Drive - Virus scan warning</title>", length=-1)
    with Server() as server:
        first, second = server.on("/uc", page), server.on("/download", file(MADE["DBpedia"].files[""]))
        readdress("DBpedia", (first, second), tmp_path, monkeypatch)
        assert list(datasets.DBpedia(tmp_path, "test")) == MADE["DBpedia"].rows["test"]
        assert [seen.path for seen in server.log] == ["/uc", "/download"]


def test_where_google_drive_gives_pages_alone_the_error_says_where_a_person_gets_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What a refusal of Google Drive's ends in; its host itself is not asked in a test.
    drive = dataset("DBpedia").files[0]
    assert drive.page == "https://drive.google.com/file/d/0Bz8a_Dbh9QhbQ2Vic1kxMmZZQ1k/view"
    page = Reply(body=b"<html><title>Google Drive - Quota exceeded</title>", length=-1)
    with Server() as server:
        url = f"{server.on('/uc', page)}?id=0Bz8a_Dbh9QhbQ2Vic1kxMmZZQ1k"
        readdress("DBpedia", (url,), tmp_path, monkeypatch)
        monkeypatch.setattr("torchvectors.catalog.drive._HOSTS", ("127.0.0.1",))
        with pytest.raises(
            DownloadError, match=r"(?s)Quota exceeded.*In a browser, https://drive\.google.*checked and used"
        ):
            next(iter(datasets.DBpedia(tmp_path, "test")))


def readdress(name: str, urls: tuple[str, ...], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the one file of a data set lie at these addresses."""
    every = {one.name: one for one in records.loads(catalog_of("http://127.0.0.1:9"))}
    (only,) = every[name].files
    every[name] = replace(every[name], files=(replace(only, urls=urls),))
    keep(records.dumps(list(every.values())), folder, monkeypatch)


def test_known_mirrors_come_first_and_drive_has_two_addresses() -> None:
    (wikitext,) = dataset("WikiText2").files
    assert wikitext.urls == ("https://wikitext.smerity.com/wikitext-2-v1.zip",)
    assert wikitext.dead_urls[0].startswith("https://s3.amazonaws.com/research.metamind.io/")
    (amazon,) = dataset("AmazonReviewPolarity").files
    assert [url.partition("?")[0] for url in amazon.urls] == [
        "https://drive.google.com/uc",
        "https://drive.usercontent.google.com/download",
    ]
    assert all("confirm=t" in url for url in amazon.urls)


# Damage


def change(
    name: str, content: bytes, folder: Path, monkeypatch: pytest.MonkeyPatch, *, key: str = ""
) -> Path:
    """Let one file of a data set be another, with the digest that it has, and put it there."""
    made = {**MADE, name: replace(MADE[name], files={**MADE[name].files, key: content})}
    keep(catalog_of("http://127.0.0.1:9", made), folder, monkeypatch)
    paths = put(name, folder, made)
    return next(path for path in paths if path.read_bytes() == content)


_QNLI = zipped({"QNLI/dev.tsv": "h\n0\tq\ts\tperhaps\n"})
_STORY = hashlib.sha1(b"http://web.archive.org/cnn/3").hexdigest()
_CNN = tarred({f"cnn/stories/{_STORY}.story": b"a\n\xff"})


@pytest.mark.parametrize(
    ("name", "split", "key", "content", "message"),
    [
        ("AG_NEWS", "train", "train", b'"1","a"\nWorld,"b"\n', r"train\.csv:2: this row has not the fields .*'World'"),
        ("AG_NEWS", "train", "train", b'"1","a\nb"\n\n', r"train\.csv:3: this row has not the fields .*: \[\]"),
        ("AG_NEWS", "train", "train", b'"1","a"\n"2","\xff"\n', r"train\.csv:2: byte 0xFF is not UTF-8"),
        ("MRPC", "test", "test", b"head\n1\t2\t3\tx\n", r"msr_paraphrase_test\.txt:2: this row has not"),
        ("SQuAD1", "dev", "dev", b'{"data": [\n{"paragraphs": oops}]}', r"dev-v1\.1\.json:2: this is no JSON"),
        ("SQuAD1", "dev", "dev", b'{"data": [{"title": "x"}]}', r"dev-v1\.1\.json: article 1 has another form"),
        ("SQuAD1", "dev", "dev", b"[]", r"dev-v1\.1\.json: this is no list of articles"),
        ("QNLI", "dev", "", _QNLI, r"QNLIv2\.zip: QNLI/dev\.tsv:2: .*perhaps"),
        ("CNNDM", "val", "cnn", _CNN, r"\.story:2: this is not UTF-8"),
    ],
)  # fmt: skip
def test_a_malformed_row_is_an_error_with_file_and_line(
    name: str,
    split: str,
    key: str,
    content: bytes,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    change(name, content, tmp_path, monkeypatch, key=key)
    with pytest.raises(ParseError, match=message):
        list(pipe(name, split, root=tmp_path))


def first_part(name: str) -> tuple[str, str, bytes]:
    """Return a split of a data set, and the file that it is read from first: its key, and what is in it."""
    split, files = next(iter(MADE[name].rows)), MADE[name].files
    key = next(one for one in (split, "", "cnn") if one in files)
    return split, key, files[key]


_PACKED = [one for one in sorted(MADE) if first_part(one)[2].startswith((b"PK", b"\x1f\x8b", b"\xfd7zXZ"))]
_ALONE = {"CC100", "CoNLL2000Chunking", "EnWik9"}  # whose packed file holds one text, whatever it is called


@pytest.mark.parametrize("name", sorted({*_PACKED} - _ALONE))
def test_a_member_that_is_missing_is_named_with_those_that_are_there(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    split, key, whole = first_part(name)
    content = (zipped if whole.startswith(b"PK") else tarred)({"a/other.txt": "x", f"a/._{split}.csv": "y"})
    path = change(name, content, tmp_path, monkeypatch, key=key)
    with pytest.raises(
        MemberError, match=r"there is no .* in this archive\. It holds: a/other\.txt"
    ) as caught:
        list(pipe(name, split, root=tmp_path))
    assert str(path) in str(caught.value)


def test_a_member_that_is_missing_in_the_inner_archive_or_of_one_label_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    talks = tarred({"2016-01/texts/de/en/de-en.tgz": tarred({"de-en/README": "x"})})
    path = change("IWSLT2016", talks, tmp_path, monkeypatch)
    with pytest.raises(MemberError, match=rf"{path}: .*no 'train\.tags\.de-en\.de' .* holds: de-en/README"):
        list(pipe("IWSLT2016", "train", root=tmp_path))
    change("IMDB", tarred({"aclImdb/train/pos/0_9.txt": "Good."}), tmp_path, monkeypatch)
    with pytest.raises(MemberError, match="no 'train/neg' in this archive"):
        list(pipe("IMDB", "train", root=tmp_path))


@pytest.mark.parametrize("name", _PACKED)
def test_a_truncated_archive_is_an_error_and_never_fewer_rows(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    split, key, whole = first_part(name)
    refused: list[str] = []
    for part in (0.3, 0.6, 0.9):
        path = change(name, whole[: int(len(whole) * part)], tmp_path, monkeypatch, key=key)
        try:
            rows = list(pipe(name, split, root=tmp_path))
        except ArchiveError as error:
            refused.append(str(error))
            assert str(path) in refused[-1]
        else:  # what is lost lies behind this split's last row
            assert rows == MADE[name].rows[split]
    assert refused
    assert all("cut short or damaged" in one for one in refused)


@pytest.mark.parametrize("name", sorted(MADE.keys() - {"IMDB"}))  # of whose bytes torchtext dropped those
def test_bytes_that_are_no_text_are_an_error_with_file_and_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    split, key, whole = first_part(name)
    path = change(name, changed(whole, lambda body: body + b"\n\xff\n"), tmp_path, monkeypatch, key=key)
    with pytest.raises(ParseError, match=r"UTF-8|no list of articles|not the XML") as caught:
        list(pipe(name, split, root=tmp_path))
    assert str(caught.value).startswith(str(path))
    assert re.search(r":\d+: ", str(caught.value)) or name.startswith("SQuAD")  # whose text is a line


# Of a line with another number of fields CoLA and MNLI made no row, as torchtext has it.
@pytest.mark.parametrize("name", sorted(TABLES - {"CoLA", "MNLI"}))
def test_a_row_that_lacks_its_fields_is_an_error_with_file_and_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    split, key, whole = first_part(name)
    change(name, changed(whole, lambda body: body.rstrip(b"\n") + b"\nx\n"), tmp_path, monkeypatch, key=key)
    with pytest.raises(ParseError, match=r":\d+: this row has not the fields that it should have: \['x'\]"):
        list(pipe(name, split, root=tmp_path))


def test_an_article_may_be_longer_than_the_standard_library_takes_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "x\r\n" * 100_000
    body = f'"1","a","{text}"\n"2","b","c"\n'
    change("SogouNews", tarred({"sogou_news_csv/train.csv": body}), tmp_path, monkeypatch)
    limit = csv.field_size_limit()
    assert list(datasets.SogouNews(tmp_path, "train")) == [(1, "a " + text.replace("\r", "")), (2, "b c")]
    assert csv.field_size_limit() == limit


@pytest.mark.usefixtures("small")
def test_a_talk_that_declares_entities_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = '<!DOCTYPE m [<!ENTITY a "aaaa">]><m><s><doc><seg>&a;</seg></doc></s></m>'
    members = {f"de-en/IWSLT16.TED.tst2013.de-en.{one}.xml": bomb for one in ("de", "en")}
    change("IWSLT2016", tarred({"2016-01/texts/de/en/de-en.tgz": tarred(members)}), tmp_path, monkeypatch)
    with pytest.raises(ParseError, match=r"de-en\.de\.xml:1: .*declares an entity, 'a'"):
        list(datasets.IWSLT2016(tmp_path, "valid"))


# In the graph


@pytest.mark.usefixtures("small")
def test_a_program_goes_on_to_a_vocabulary_and_batches(tmp_path: Path) -> None:
    put("AG_NEWS", tmp_path)
    fitted = datasets.AG_NEWS(tmp_path, "train").tokenize(column=1).build_vocab()
    graph = fitted.numericalize().batch_tokens(2)
    labels = [batch[0].tolist() for batch in DataLoader(graph, batch_size=None)]
    assert labels == [[3, 1], [2, 4]]
    assert "pensions" in fitted.vocab


@pytest.mark.usefixtures("small")
def test_the_corpus_says_which_it_is_so_that_it_is_counted_once_in_all_runs(tmp_path: Path) -> None:
    put("AG_NEWS", tmp_path)

    def fitted() -> Any:
        return datasets.AG_NEWS(tmp_path, "train").tokenize(column=1).build_vocab()

    first, second = fitted(), fitted()
    assert first.vocab.get_itos() == second.vocab.get_itos()
    assert (first.passes, second.passes) == (1, 0)


def test_an_identity_is_one_parts_of_one_file_alone_and_needs_digests() -> None:
    def said(name: str, **more: Any) -> str | None:
        return source_of(datasets.DATASETS[name](**more)).fingerprint

    several = [
        said("IMDB", split="train"),
        said("IMDB", split="test"),
        said("WikiText2", split="test"),
        said("IWSLT2017", split="test"),
        said("IWSLT2017", split="valid"),
        said("IWSLT2017", split="test", language_pair=("en", "de")),
    ]
    assert None not in several
    assert len(set(several)) == len(several)
    assert said("CC100", language_code="de") is None
    assert said("CNNDM", split="train") is None
    changed = replace(dataset("IMDB"), files=dataset("WikiText2").files)
    asked = source_of(datasets.IMDB(split="test")).asked
    assert identity(changed, asked) not in several


@pytest.mark.usefixtures("small")
def test_workers_share_the_rows_and_shuffling_is_off_until_asked_for(tmp_path: Path) -> None:
    put("YelpReviewFull", tmp_path)
    rows = MADE["YelpReviewFull"].rows["train"]
    whole = datasets.YelpReviewFull(tmp_path, "train")
    loader = DataLoader(whole, batch_size=None, num_workers=2, multiprocessing_context="fork")
    assert sorted(map(tuple, loader)) == sorted(rows)
    assert list(whole) == rows
    torch.manual_seed(3)
    shuffled = DataLoader(whole, batch_size=None, shuffle=True)
    assert {tuple(map(tuple, shuffled)) for _ in range(5)} != {tuple(rows)}


@pytest.mark.usefixtures("small")
def test_a_pipe_pickles_small_and_can_be_left_half_way(tmp_path: Path) -> None:
    put("IMDB", tmp_path)
    whole = datasets.IMDB(tmp_path, "train")
    for _ in whole:
        break
    again = pickle.loads(pickle.dumps(source_of(whole)))
    assert list(again) == list(whole) == MADE["IMDB"].rows["train"]
    assert repr(again) == "DataSetRows('IMDB', 'train')"
    assert len(pickle.dumps(again)) < 1000


# The command


@pytest.mark.usefixtures("small")
def test_verify_compares_digests_and_counts_the_rows(
    own_cache: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in MADE:
        put(name, own_cache)
    assert main(["verify", *MADE]) == 0
    out = capsys.readouterr().out
    for name, split in PARTS:
        lines = [line for line in out.splitlines() if f"/{name}/" in line]
        counted = " ".join(line.partition("rows: ")[2] for line in lines)
        if name in ("CC100", "EnWik9", "QQP"):
            assert f" {len(MADE[name].rows[split])}" in counted
        elif not dataset(name).pairs and name != "Multi30k":
            assert f"{split} {len(MADE[name].rows[split])}" in counted, name
    assert "train de-en 4, valid tst2013 de-en 3, valid tst2014 de-en 3" in out
    assert "train de-en 3, train en-de 3" in out
    (path,) = (own_cache / "datasets" / "RTE").iterdir()
    path.write_bytes(b"another")
    assert main(["verify", "RTE"]) == 1
    said = capsys.readouterr().err
    assert "RTE.zip: it is your own, and not the published file" in said
    assert "It is not used. Delete it" in said  # which is what the function says, too
    assert path.exists()


def test_verify_tells_of_another_number_of_rows_than_the_published_one(
    own_cache: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = records.loads(catalog_of("http://127.0.0.1:9"))
    wrong = [replace(one, lines={"train": 9}) if one.name == "AG_NEWS" else one for one in every]
    keep(records.dumps(wrong), tmp_path, monkeypatch)
    put("AG_NEWS", own_cache)
    main(["verify", "AG_NEWS"])
    assert "train has 4 rows, and 9 are published" in capsys.readouterr().err


def test_download_fetches_all_files_of_a_data_set(
    own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Server() as server:
        keep(catalog_of(server.url("")), tmp_path, monkeypatch)
        serve(server, "AG_NEWS")
        serve(server, "CC100")
        assert main(["download", "AG_NEWS", "CC100:de"]) == 0
        assert main(["download", "CC100"]) == 1
        assert main(["download", "IMDB:de"]) == 1
        assert main(["download", "IMDB", "--url", server.url("/other")]) == 1
    said = capsys.readouterr()
    assert f"AG_NEWS: {own_cache / 'datasets' / 'AG_NEWS' / 'test.csv'}" in said.out
    assert f"CC100:de: {own_cache / 'datasets' / 'CC100' / 'de.txt.xz'}" in said.out
    assert "say which language" in said.err
    assert "no parts to choose from" in said.err
    assert "IMDB is a data set, whose addresses and digests are known: leave out --url" in said.err
    monkeypatch.setenv("TORCHVECTORS_OFFLINE", "1")
    assert list(datasets.CC100(language_code="de")) == MADE["CC100"].rows[""]
    assert main(["cache"]) == 0
    assert "the data set AG_NEWS" in capsys.readouterr().out
    assert main(["cache", "remove", "AG_NEWS"]) == 0
    assert not list((own_cache / "datasets" / "AG_NEWS").glob("*.csv"))


def test_list_and_info_know_data_sets(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "datasets"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]] == sorted(MADE)
    assert main(["list", "imdb", "--json"]) == 0
    (imdb,) = json.loads(capsys.readouterr().out)
    assert imdb["rows"] == {"train": 25000, "test": 25000}
    assert main(["info", "IMDB"]) == 0
    told = capsys.readouterr().out
    assert "md5:7c2ac02c03563afcf9b574c7e56c153a" in told
    assert "train: 25,000" in told
    assert (
        f"files      in {cache.folders().write / 'datasets' / 'IMDB'}, or in datasets/IMDB of root=" in told
    )
    assert main(["info", "IWSLT2016", "--json"]) == 0
    assert "IWSLT2017" in json.loads(capsys.readouterr().out)["gone"]
    assert main(["info", "ag_news"]) == 1
    assert "Did you mean 'AG_NEWS'?" in capsys.readouterr().err


# The records


def test_records_survive_being_written_and_read() -> None:
    every = [dataset(name) for name in dataset_names()]
    assert list(records.loads(records.dumps(every))) == every
    assert records.DATA.read_text("utf-8") == records.dumps(every)


def test_the_records_are_what_make_gives_from_the_facts(tmp_path: Path) -> None:
    if not FACTS.is_dir():
        pytest.skip(f"{FACTS} is not here")
    facts = [str(FACTS / "catalog.json"), str(FACTS / "datasets.json")]
    assert make_datasets.main([*facts, "--check"]) == 0
    other = tmp_path / "datasets.json"
    assert make_datasets.main([*facts, "--check", "--data", str(other)]) == 1
    assert make_datasets.main([*facts, "--data", str(other)]) == 0
    assert other.read_bytes() == records.DATA.read_bytes()


def test_an_unknown_name_gives_the_nearest_ones() -> None:
    for name, near in {
        "IMDb": "'IMDB'",
        "ag_news": "'AG_NEWS'",
        "WikiText": "'WikiText2' or 'WikiText103'",
    }.items():
        with pytest.raises(UnknownNameError, match=f"Did you mean {near}"):
            dataset(name)
    assert torchvectors.datasets is datasets
