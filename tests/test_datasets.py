"""What `torchvectors.datasets` gives, and that its files are what WordNet and ``make.py`` give."""

from __future__ import annotations

import gzip
import pickle
import random
from collections import Counter
from importlib.resources import files
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader, IterDataPipe

from torchvectors.datasets import WORDNET_TOPICS, WordNetTopics
from torchvectors.datasets.wordnet_topics import make
from torchvectors.errors import TorchVectorsError

SPLITS = ("train", "dev", "test")
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "wordnet_glosses"
WORDNET = Path("/usr/share/wordnet")  # where Debian's package wordnet-base puts it
PACKAGE = files("torchvectors.datasets.wordnet_topics")


def test_a_split_is_one_pipe_and_several_are_a_tuple_of_pipes() -> None:
    test = WordNetTopics(split="test")
    assert isinstance(test, IterDataPipe)
    assert next(iter(test)) == (1, "type genus of the Sphyrnidae")
    assert [len(pipe) for pipe in WordNetTopics()] == [7989, 998, 998]
    assert [len(pipe) for pipe in WordNetTopics(("test", "train"))] == [998, 7989]
    assert [len(pipe) for pipe in WordNetTopics(["dev"])] == [998]


@pytest.mark.parametrize("split", SPLITS)
def test_rows_are_a_label_from_one_and_a_text_and_are_as_many_as_the_length_says(split: str) -> None:
    pipe = WordNetTopics(split=split)
    rows = list(pipe)
    assert len(rows) == len(pipe)
    assert {type(label) for label, _ in rows} == {int}
    counts = Counter(label for label, _ in rows)
    assert sorted(counts) == list(range(1, len(WORDNET_TOPICS) + 1))
    assert max(counts.values()) - min(counts.values()) <= 11  # WordNet has only 985 definitions of times
    assert all(4 <= len(text.split()) <= 40 and text == text.strip() for _, text in rows)


def test_labels_are_positions_in_the_topics_which_stand_in_alphabetical_order() -> None:
    assert list(WORDNET_TOPICS) == sorted(WORDNET_TOPICS)
    assert len(WORDNET_TOPICS) == 10
    topic_of = {text: WORDNET_TOPICS[label - 1] for label, text in WordNetTopics(split="test")}
    assert topic_of["a landlocked republic in central Africa; formerly a German colony"] == "location"
    assert topic_of["one billionth (10^-9) of a second; one thousandth of a microsecond"] == "time"


def test_no_text_is_in_two_splits_or_twice_in_one() -> None:
    texts = [text for pipe in WordNetTopics() for _, text in pipe]
    assert len(set(texts)) == len(texts) == 9985


@pytest.mark.parametrize("split", SPLITS)
def test_rows_are_those_of_the_source_files_in_their_order(split: str) -> None:
    source = SHARED / f"{split}.tsv"
    if not source.is_file():
        pytest.skip(f"{source} is not here")
    lines = source.read_text(encoding="utf-8").splitlines()[1:]
    rows = [f"{WORDNET_TOPICS[label - 1]}\t{text}" for label, text in WordNetTopics(split=split)]
    assert rows == lines


def test_a_pipe_gives_all_its_rows_again_also_after_a_pass_that_was_left_half_way() -> None:
    pipe = WordNetTopics(split="dev")
    first = list(pipe)
    assert list(islice(pipe, 10)) == first[:10]
    assert list(pipe) == first
    assert list(WordNetTopics(split="dev")) == first


def test_two_pipes_over_one_split_do_not_disturb_each_other() -> None:
    both = zip(WordNetTopics(split="dev"), WordNetTopics(split="dev"), strict=True)
    assert all(one == other for one, other in both)


def test_a_pipe_pickles_small_and_gives_the_same_rows_afterwards() -> None:
    pipe = WordNetTopics(split="test")
    rows = list(pipe)
    pickled = pickle.dumps(pipe)
    assert len(pickled) < 1000
    assert list(pickle.loads(pickled)) == rows


def test_the_file_is_opened_when_rows_are_asked_for_and_not_before(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(file: object) -> None:
        raise AssertionError(f"{file} was opened")

    monkeypatch.setattr(gzip, "open", refuse)
    pipe = WordNetTopics(split="train")
    assert len(pipe) == 7989
    with pytest.raises(AssertionError, match="was opened"):
        next(iter(pipe))


def test_two_workers_give_each_row_once_when_the_caller_deals_the_rows_out() -> None:
    # The data set must not do it by itself: torch allows one sharding filter on a branch.
    dealt = WordNetTopics(split="dev").shuffle().sharding_filter()
    loader = DataLoader(dealt, batch_size=None, num_workers=2, multiprocessing_context="fork")
    rows = [(label, text) for label, text in loader]
    assert rows != list(WordNetTopics(split="dev"))
    assert sorted(rows) == sorted(WordNetTopics(split="dev"))


@given(name=st.text() | st.sampled_from(["valid", "Train", "train ", ""]))
def test_every_other_name_of_a_split_is_an_error_that_says_which_there_are(name: str) -> None:
    if name in SPLITS:
        return
    wishes: list[str | tuple[str, ...]] = [name, ("train", name)]
    for split in wishes:
        with pytest.raises(ValueError, match="'train', 'dev', 'test'") as caught:
            WordNetTopics(split)
        assert isinstance(caught.value, TorchVectorsError)
        assert repr(name) in str(caught.value)


def test_the_packed_files_are_small_and_tell_neither_time_nor_name() -> None:
    packed = [PACKAGE.joinpath(f"{split}.tsv.gz").read_bytes() for split in SPLITS]
    assert sum(map(len, packed)) < 400_000
    for content in packed:
        assert content[:4] == b"\x1f\x8b\x08\x00"  # no flags, so no file name
        assert content[4:8] == bytes(4)  # the time


def test_the_files_are_what_make_gives_from_wordnet(capsys: pytest.CaptureFixture[str]) -> None:
    if not (WORDNET / "data.noun").is_file():
        pytest.skip(f"WordNet's data.noun is not in {WORDNET}: install Debian's package wordnet-base")
    assert make.main([str(WORDNET), "--check"]) == 0
    assert capsys.readouterr().out.count("as WordNet gives them") == len(SPLITS)
    licence = PACKAGE.joinpath("LICENSE-WordNet.txt").read_text(encoding="utf-8")
    with (WORDNET / "data.noun").open(encoding="utf-8") as lines:
        head = [line.split(maxsplit=1)[1:] for line in lines if line.startswith("  ")]
        notice = "".join("".join(text).rstrip() + "\n" for text in head)
    assert licence.endswith(notice)


def synset(file: str, gloss: str) -> str:
    """Write a line as WordNet does: only the file's number and the gloss matter."""
    return f"00001740 {file} n 01 entity 0 001 ~ 00001930 n 0000 | {gloss}  \n"


def test_make_takes_first_definitions_of_the_ten_topics_and_leaves_examples_out() -> None:
    lines = [
        "  1 This software and database is being provided to you  \n",
        synset("05", 'an animal of some kind; "the beast was tame"; "a wild one"'),
        synset("03", "of a topic that is not among the ten"),
        synset("28", "a time; long after another time"),
    ]
    assert list(make.definitions(lines)) == [
        ("animal", "an animal of some kind"),
        ("time", "a time; long after another time"),
    ]


def test_make_keeps_a_definition_once_and_only_of_four_to_forty_words() -> None:
    rows = [
        ("food", "a grain of barley"),
        ("plant", "a grain of barley"),
        ("plant", "too few words"),
        ("plant", " ".join("x" * 40)),
        ("plant", " ".join("x" * 41)),
    ]
    kept = [row for split in make.draw(rows).values() for row in split]
    assert sorted(kept) == [("food", "a grain of barley"), ("plant", " ".join("x" * 40))]


@given(st.integers(0, 300), st.randoms(use_true_random=False))
def test_every_draw_deals_each_row_out_once_and_a_tenth_of_a_topic_to_test_and_dev(
    number: int, dice: random.Random
) -> None:
    rows = [(topic, f"{topic} with the number {n}") for n in range(number) for topic in ("body", "food")]
    dice.shuffle(rows)
    splits = make.draw(rows)
    assert sorted(row for split in splits.values() for row in split) == sorted(rows)
    for split in ("test", "dev"):
        assert Counter(topic for topic, _ in splits[split]) == Counter(
            {topic: number // 10 for topic in ("body", "food") if number >= 10}
        )
    assert make.draw(rows) == splits


def test_make_writes_files_that_it_then_finds_right_and_notices_a_changed_one(tmp_path: Path) -> None:
    (tmp_path / "data.noun").write_text(
        "".join(synset("05", f"an animal with the number {n}") for n in range(20)), encoding="utf-8"
    )
    into = ["--into", str(tmp_path)]
    assert make.main([str(tmp_path), "--check", *into]) == 1
    assert make.main([str(tmp_path), *into]) == 0
    assert make.main([str(tmp_path), "--check", *into]) == 0
    train = gzip.decompress((tmp_path / "train.tsv.gz").read_bytes()).decode()
    assert train.startswith("label\ttext\nanimal\tan animal with the number ")
    assert train.count("\n") == 17
    (tmp_path / "train.tsv.gz").write_bytes(make.packed(train[:-1].encode()))
    assert make.main([str(tmp_path), "--check", *into]) == 1
