"""Sources of rows: read again and again, from any place on, copied never; and those that cannot be."""

from __future__ import annotations

import io
import itertools
import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torchdata.nodes
from corpora import LABELLED, plain
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import ConcatDataset, DataLoader, Dataset, IterDataPipe, Subset
from torch.utils.data.datapipes.iter import IterableWrapper
from torch.utils.data.datapipes.map import SequenceWrapper
from torch.utils.data.graph import traverse_dps
from torch.utils.data.graph_settings import get_all_graph_pipes

from torchvectors import datapipes, nodes
from torchvectors.datasets import WordNetTopics
from torchvectors.errors import GraphError
from torchvectors.sources import Again

pytestmark = [
    # Python 3.12 and later say so whenever torch has threads of its own.
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning"),
]


class MapStyle(Dataset[Any]):
    """A map-style data set whose reading by iter() would never end: it raises no IndexError."""

    def __init__(self, rows: list[Any]) -> None:
        self.rows = rows

    def __getitem__(self, index: int) -> Any:
        if index >= len(self.rows):
            raise KeyError(index)
        return self.rows[index]

    def __len__(self) -> int:
        return len(self.rows)


class Endless(MapStyle):
    """Another, which gives its rows round and round."""

    def __getitem__(self, index: int) -> Any:
        return self.rows[index % len(self.rows)]


class Anew:
    """An object whose __iter__ begins anew, and which has no length."""

    def __init__(self, rows: list[Any]) -> None:
        self.rows = rows

    def __iter__(self) -> Iterator[Any]:
        yield from self.rows


class Uncopied(list[Any]):
    """A list that says so when it is copied."""

    def __deepcopy__(self, memo: object) -> Any:
        raise AssertionError("copied")


KINDS: dict[str, Any] = {
    "list": Uncopied,
    "tuple": tuple,
    "anew": Anew,
    "map style": MapStyle,
    "endless": Endless,
    "subset": lambda rows: Subset(MapStyle([None, *rows]), range(1, len(rows) + 1)),
    "concatenated": lambda rows: ConcatDataset([MapStyle(rows[:3]), MapStyle(rows[3:])]),
    "pipe": lambda rows: IterableWrapper(rows, deepcopy=False),
    "map pipe": lambda rows: SequenceWrapper(rows, deepcopy=False),
}
kinds = pytest.mark.parametrize("kind", KINDS)


@kinds
def test_rows_are_given_at_every_pass_and_from_every_place(kind: str) -> None:
    rows = [{"text": text, "label": label} for label, text in LABELLED]
    again = Again(KINDS[kind](rows))
    for _ in range(2):
        passed = list(again)
        assert passed == rows
        assert all(one is other for one, other in zip(passed, rows, strict=True))  # not a copy
    for start in (0, 1, len(rows) - 1, len(rows)):
        assert list(again.since(start)) == rows[start:]
    with pytest.raises(GraphError, match=r"^rows: this state was taken behind 24 rows, and there are 23 now"):
        again.since(len(rows) + 1)
    if kind != "anew":
        assert len(again) == len(rows)
    else:
        with pytest.raises(TypeError, match="has no len"):
            len(again)


@kinds
def test_pipes_and_nodes_begin_with_rows_of_every_kind(kind: str) -> None:
    rows = KINDS[kind](LABELLED)
    pipe = datapipes.Rows(rows).tokenize().build_vocab().numericalize().batch_tokens(4)
    stages: Any = nodes
    tokens = stages.Tokenize(stages.Rows(rows))
    node = stages.BatchTokens(stages.Numericalize(stages.BuildVocab(tokens)), 4)
    loader = torchdata.nodes.Loader(node)
    expected = [plain(batch) for batch in pipe]
    assert len(expected) == 6
    assert [plain(batch) for batch in pipe] == expected
    for _ in range(2):
        assert [plain(batch) for batch in loader] == expected
    if kind != "anew":
        assert len(pipe) == 6
        assert len(stages.Rows(rows)) == len(LABELLED)


@given(rows=st.lists(st.integers()), start=st.integers(0, 9))
def test_a_nodes_state_after_any_number_of_rows_gives_the_tail(rows: list[int], start: int) -> None:
    start = min(start, len(rows))
    for kind in (list, MapStyle, Anew):
        first: Any = nodes.Rows(kind(rows))
        assert list(itertools.islice(first, start)) == rows[:start]
        state = pickle.loads(pickle.dumps(first.state_dict()))
        copy = pickle.loads(pickle.dumps(first))
        assert list(first) == list(copy) == rows[start:]
        second: Any = nodes.Rows(kind(rows))
        second.reset(state)
        assert list(second) == rows[start:]
        second.reset()
        assert list(second) == rows


def test_rows_are_left_out_of_traversals_and_pipes_are_not() -> None:
    rows = Uncopied(range(100_000))
    graph = datapipes.Rows(rows).shuffle()
    assert {type(pipe).__name__ for pipe in get_all_graph_pipes(traverse_dps(graph))} == {
        "Rows",
        "ShufflerIterDataPipe",
    }
    hidden = [value for value in vars(graph.datapipe).values() if isinstance(value, (list, dict, tuple))]
    assert hidden == []  # torch would pickle these
    over = datapipes.Rows(IterableWrapper([1, 2, 3]).shuffle().sharding_filter())
    found = {type(pipe).__name__ for pipe in get_all_graph_pipes(traverse_dps(over))}
    assert found >= {"ShufflerIterDataPipe", "ShardingFilterIterDataPipe"}


@pytest.mark.parametrize("kind", ["list", "map style", "anew"])
def test_workers_share_the_rows_out(kind: str) -> None:
    graph = datapipes.Rows(KINDS[kind](LABELLED)).tokenize().build_vocab().sharding_filter().numericalize()
    alone = plain(list(graph))
    rows = plain(list(DataLoader(graph, batch_size=None, num_workers=2, multiprocessing_context="fork")))
    assert sorted(rows) == sorted(alone)


# What cannot be read again, and what is no rows.


ONCE: dict[str, Any] = {
    "a generator": lambda: (row for row in ["a"]),
    "a map": lambda: map(str, [1]),
    "a zip": lambda: zip([1], [2], strict=True),
    "an open file": lambda: io.StringIO("a\n"),
    "an iterator": lambda: iter(["a"]),
}


@pytest.mark.parametrize("stage", [datapipes.Rows, nodes.Rows])
@pytest.mark.parametrize("what", ONCE)
def test_what_can_be_read_only_once_is_refused_at_once(stage: Any, what: str) -> None:
    with pytest.raises(GraphError, match=r"^rows: .* can be read only once: a generator.*Give a list; or"):
        stage(ONCE[what]())


@pytest.mark.parametrize("stage", [datapipes.Rows, nodes.Rows])
@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("a text", "'a text' is one str. Give a list of rows"),
        (b"a text", "is one bytes"),
        ({"train": ["a"], "test": []}, r"a dict of 'train', 'test', and its values may be rows. Name one"),
        (
            3,
            r"3 \(of type int\) cannot be iterated over. Give it an __iter__, or a __getitem__ and a __len__",
        ),
        (None, "cannot be iterated over"),
    ],
)
def test_what_is_no_rows_is_refused_with_the_cure(stage: Any, rows: Any, says: str) -> None:
    with pytest.raises(GraphError, match=f"^rows: .*{says}"):
        stage(rows)


def test_a_node_needs_no_second_one() -> None:
    with pytest.raises(GraphError, match=r"^rows: .* is a node already. Use it as it is"):
        nodes.Rows(nodes.Rows([1]))


# Fingerprints.


class Known(MapStyle):
    fingerprint = "what its maker says"


@pytest.mark.parametrize("stage", [datapipes.Rows, nodes.Rows])
def test_a_fingerprint_is_the_callers_or_the_data_sets_or_none(stage: Any) -> None:
    assert stage([1]).fingerprint is None
    assert stage([1], "mine").fingerprint == "mine"
    assert stage(Known([])).fingerprint == "what its maker says"
    assert stage(Known([]), fingerprint="mine").fingerprint == "mine"
    dev, test = (stage(WordNetTopics(split=split)).fingerprint for split in ("dev", "test"))
    assert "WordNetTopics" in dev
    assert dev != test


# Hugging Face's datasets.


@pytest.fixture
def hugging(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_DATASETS_DISABLE_PROGRESS_BARS"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    return pytest.importorskip("datasets")


COLUMNS = {"text": [text for _, text in LABELLED], "label": [label for label, _ in LABELLED]}


def _examples(start: list[int]) -> Iterator[dict[str, Any]]:
    for first in start:
        for label, text in LABELLED[first : first + 6]:
            yield {"text": text, "label": label}


STARTS = [0, 6, 12, 18]
HUGGING: dict[str, Any] = {
    "map style": lambda hugging: hugging.Dataset.from_dict(COLUMNS),
    "streamed": lambda hugging: hugging.Dataset.from_dict(COLUMNS).to_iterable_dataset(num_shards=4),
    "streamed from a generator": lambda hugging: hugging.IterableDataset.from_generator(
        _examples, gen_kwargs={"start": STARTS}
    ),
}


def _tokens_of(graph: Any) -> list[Any]:
    return [(row["label"], row["text"]) for row in graph]


@pytest.mark.parametrize("kind", HUGGING)
def test_a_graph_over_hugging_face_rows_gives_each_row_once_whatever_the_workers(
    kind: str, hugging: Any
) -> None:
    source = HUGGING[kind](hugging)
    whole = datapipes.Rows(LABELLED).tokenize().build_vocab()
    expected = [(label, whole.vocab(text.split())) for label, text in LABELLED]
    graph = datapipes.Rows(source).tokenize().build_vocab().sharding_filter().numericalize()
    assert _tokens_of(graph) == _tokens_of(graph) == expected
    # A streamed data set that is read directly gives a worker a part already, and the filter a part of that.
    loader = DataLoader(graph, batch_size=None, num_workers=2, multiprocessing_context="fork")
    assert sorted(_tokens_of(loader)) == sorted(expected)

    stages: Any = nodes
    node = stages.Numericalize(stages.BuildVocab(stages.Tokenize(stages.Rows(source))))
    first = torchdata.nodes.Loader(node)
    rows = iter(first)
    done = list(itertools.islice(rows, 9))
    state = pickle.loads(pickle.dumps(first.state_dict()))
    assert _tokens_of(done) + _tokens_of(rows) == expected
    second = torchdata.nodes.Loader(
        stages.Numericalize(stages.BuildVocab(stages.Tokenize(stages.Rows(HUGGING[kind](hugging)))))
    )
    second.load_state_dict(state)
    assert _tokens_of(second) == expected[9:]
    assert _tokens_of(second) == expected


@pytest.mark.parametrize("kind", HUGGING)
def test_a_place_in_hugging_face_rows_is_gone_to_also_where_they_were_shuffled(
    kind: str, hugging: Any
) -> None:
    for source in (HUGGING[kind](hugging), HUGGING[kind](hugging).shuffle(seed=4)):
        rows = list(Again(source))
        for start in (0, 1, 22, 23):
            assert list(Again(source).since(start)) == rows[start:]
        with pytest.raises(GraphError, match="taken behind 24 rows, and there are 23 now"):
            Again(source).since(24)


def test_what_a_torch_format_makes_of_other_columns_goes_along(hugging: Any) -> None:
    for source in (HUGGING["map style"](hugging), HUGGING["streamed"](hugging)):
        graph = datapipes.Rows(source.with_format("torch")).tokenize().build_vocab().numericalize()
        (batch,) = graph.batch_tokens(len(LABELLED))
        assert batch["label"].tolist() == COLUMNS["label"]
        assert batch["text"].shape[0] == batch["lengths"].shape[0] == len(LABELLED)


def test_lists_in_hugging_face_rows_are_tokens(hugging: Any) -> None:
    source = hugging.Dataset.from_dict({"tokens": [["b", "a"], ["a"]], "tags": [["x", "y"], ["x"]]})
    fitted = datapipes.Rows(source).build_vocab(column="tokens", specials=()).build_vocab(column="tags")
    graph = fitted.numericalize(column="tokens").numericalize(column="tags")
    assert list(graph) == [{"tokens": [1, 0], "tags": [2, 3]}, {"tokens": [0], "tags": [2]}]


def test_a_split_of_hugging_faces_must_be_named(hugging: Any) -> None:
    splits = hugging.DatasetDict({"train": HUGGING["map style"](hugging)})
    with pytest.raises(GraphError, match=r"^rows: this is a DatasetDict of 'train'.*Name one"):
        datapipes.Rows(splits)
    assert len(datapipes.Rows(splits["train"])) == len(LABELLED)


def test_hugging_faces_fingerprint_is_the_rows(hugging: Any) -> None:
    def of(source: Any) -> Any:
        return datapipes.Rows(source).fingerprint

    one, same = (HUGGING["map style"](hugging) for _ in range(2))
    assert isinstance(of(one), str)
    assert of(one) == of(same)  # made apart, of equal rows
    assert of(one.select(range(3))) != of(one)
    assert of(hugging.Dataset.from_dict({"text": ["a"]})) != of(one)
    assert of(one.to_iterable_dataset()) is None  # it has none
    assert os.fspath(of(pickle.loads(pickle.dumps(one)))) == of(one)


def test_a_pipe_over_rows_is_an_iter_pipe_and_pickles(hugging: Any) -> None:
    pipe = datapipes.Rows(HUGGING["map style"](hugging))
    assert isinstance(pipe, IterDataPipe)
    assert list(pickle.loads(pickle.dumps(pipe))) == [{"text": t, "label": y} for y, t in LABELLED]


def test_a_vocabulary_of_hugging_face_rows_is_counted_once_in_all_runs(hugging: Any) -> None:
    def counted(source: Any, **settings: Any) -> list[int]:
        stages: Any = nodes
        pipe = datapipes.Rows(source).tokenize().build_vocab(**settings)
        node = stages.BuildVocab(stages.Tokenize(stages.Rows(source)), **settings)
        assert pipe.vocab.get_itos() == node.vocab.get_itos()
        return [pipe.passes, node.passes]

    make = HUGGING["map style"]
    assert counted(make(hugging)) == [1, 0]  # the node takes what the pipe has fitted
    assert counted(make(hugging)) == [0, 0]  # made anew, of equal rows
    assert counted(make(hugging), min_freq=2) == [1, 0]
    assert counted(make(hugging).select(range(9))) == [1, 0]
    for _ in range(2):
        assert counted(HUGGING["streamed"](hugging)) == [
            1,
            1,
        ]  # it says of itself nothing that could be trusted
