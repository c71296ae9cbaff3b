"""Recorded rows equal the source's, whoever reads them, and the source is read once."""

from __future__ import annotations

import json
import multiprocessing
import os
import pickle
import subprocess
import sys
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from corpora import LABELLED, TEXTS, Logged, Row, passes, plain, vectors
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file
from torch.utils.data import DataLoader, RandomSampler
from torch.utils.data.datapipes.iter import IterableWrapper
from torchdata.nodes import IterableWrapper as NodeOf
from torchdata.nodes import Loader, SamplerWrapper
from torchdata.stateful_dataloader import StatefulDataLoader

from torchvectors import Vocab, nodes
from torchvectors.cache import folders
from torchvectors.datapipes import Resumable
from torchvectors.errors import CacheError, GraphError, TokenTypeError, VocabError
from torchvectors.rows import Column
from torchvectors.stages.recording import Recorder, Recording
from torchvectors.stages.tokens import Tokens
from torchvectors.tokenizers import basic_english

pytestmark = [
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:'set_vital' is deprecated:UserWarning"),
]

TEXT = st.text(max_size=3) | st.sampled_from(["\ud800", "\ud83d\ude00", "\U0001f600", "\n", "\0", '"'])
ATOMS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
VALUES = st.recursive(
    ATOMS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3)
)
TOKENS = st.lists(TEXT, max_size=5)


def recorded(rows: list[Any], tokens_in: Callable[[Any], Any], column: Column, folder: Path) -> Recording:
    with Recorder((column,), folder) as recorder:
        for row in rows:
            recorder.add(row, [tokens_in(row)])
        recorder.write_to(folder / "rows.safetensors")
        assert recorder.counts() == _counted(map(tokens_in, rows))
    return Recording(folder / "rows.safetensors")


def _counted(sentences: Any) -> dict[str, int]:
    counts: dict[str, int] = {}
    for sentence in sentences:
        for token in sentence:
            counts[token] = counts.get(token, 0) + 1
    return counts


@given(
    st.lists(TOKENS)
    | st.lists(st.tuples(VALUES, TOKENS, VALUES))
    | st.lists(st.builds(Row, VALUES, TOKENS))
    | st.lists(TOKENS | st.tuples(ATOMS, TOKENS) | st.builds(Row, VALUES, TOKENS))
)
def test_every_row_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, rows: list[Any]) -> None:
    folder = tmp_path_factory.mktemp("rows")
    found = recorded(rows, lambda row: row[1] if isinstance(row, tuple) else row, None, folder)
    back = list(found.rows((None,)))
    assert back == rows
    assert repr(back) == repr(rows)  # True is no 1, and -0.0 no 0.0
    assert len(found) == len(rows)
    for start in (1, len(rows)):
        assert list(found.rows((None,), start)) == rows[start:]
    assert list(folder.iterdir()) == [folder / "rows.safetensors"]


@given(st.lists(st.fixed_dictionaries({"a": VALUES, "body": TOKENS}, optional={"é\ud800": VALUES})))
def test_every_dict_comes_back_with_its_keys_in_their_order(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any]
) -> None:
    found = recorded(rows, lambda row: row["body"], "body", tmp_path_factory.mktemp("rows"))
    assert [list(row.items()) for row in found.rows(("body",))] == [list(row.items()) for row in rows]


def test_numbers_that_equal_nothing_come_back_too(tmp_path: Path) -> None:
    (row,) = recorded([(float("nan"), ["a"])], lambda row: row[1], None, tmp_path).rows((None,))
    assert np.isnan(row[0])


def test_more_rows_and_tokens_than_are_held_or_read_at_a_time(tmp_path: Path) -> None:
    rows = [(i, [str(i % 997)] * (i % 70)) for i in range(5000)]
    found = recorded(rows, lambda row: row[1], None, tmp_path)
    assert list(found.rows((None,))) == rows
    assert list(found.rows((None,), 1500)) == rows[1500:]


def test_the_file_is_plain_safetensors(tmp_path: Path) -> None:
    found = recorded([(7, ["b", "a"]), (8, ["b", "é"])], lambda row: row[1], None, tmp_path)
    arrays = load_file(found.path)
    assert arrays["token_ids"].tolist() == [0, 1, 0, 2]
    assert arrays["row_starts"].tolist() == [0, 2, 4]
    assert arrays["table_bytes"].tobytes() == "baé".encode()
    assert arrays["table_starts"].tolist() == [0, 1, 2, 4]
    assert arrays["field_bytes"].tobytes() == b"[0,[7,null]],[0,[8,null]],"


def test_rows_that_are_their_tokens_take_four_bytes_a_token_and_eight_a_row(tmp_path: Path) -> None:
    found = recorded([["a"] * 1000] * 50, lambda row: row, None, tmp_path)
    assert found.path.stat().st_size < 4 * 50_000 + 8 * 50 + 1000


def test_tokens_are_a_list_to_whoever_reads_them(tmp_path: Path) -> None:
    (row,) = recorded([["b", "a", "b"]], lambda row: row, None, tmp_path).rows((None,))
    assert isinstance(row, Tokens)
    assert row == ["b", "a", "b"]
    assert row == ["b", "a", "b"]
    assert row != ["b", "a"]
    assert row != ("b", "a", "b")
    assert (len(row), row[0], row[-1], row[1:], row.count("b"), "a" in row) == (
        3,
        "b",
        "b",
        ["a", "b"],
        2,
        True,
    )
    assert (
        row + ["c"],  # noqa: RUF005 - what a stage of somebody's own may do
        ["c"] + row,  # noqa: RUF005
        list(reversed(row)),
    ) == (
        ["b", "a", "b", "c"],
        ["c", "b", "a", "b"],
        ["b", "a", "b"],
    )
    assert repr(row) == "['b', 'a', 'b']"
    assert pickle.loads(pickle.dumps(row)) == ["b", "a", "b"]
    with pytest.raises(IndexError):
        row[3]
    with pytest.raises(TypeError):
        hash(row)


def test_tokens_get_the_indices_that_their_text_has_also_when_the_vocabulary_grows(tmp_path: Path) -> None:
    (row,) = recorded([["b", "a", "z"]], lambda row: row, None, tmp_path).rows((None,))
    vocab = Vocab(["a", "b"])
    with pytest.raises(VocabError, match="Token z not found"):
        row.indices(vocab)
    vocab.set_default_index(-1)
    assert row.indices(vocab) == [1, 0, -1]
    vocab.insert_token("z", 0)
    assert row.indices(vocab) == [2, 1, 0]
    assert row.indices(Vocab(["z", "a", "b"])) == [2, 1, 0]


# In the graph.

KINDS: list[tuple[str, Callable[[int, str], Any], Column]] = [
    ("str", lambda label, text: text, None),
    ("tuple", lambda label, text: (label, text), None),
    ("tuple, column -1", lambda label, text: (label, 3.5, text), -1),
    ("named tuple", Row, None),
    ("dict", lambda label, text: {"label": label, "text": text, "more": [None, {"a": label}]}, None),
    ("dict, column body", lambda label, text: {"body": text, "label": label}, "body"),
]
kinds = pytest.mark.parametrize(
    ("make", "column"), [kind[1:] for kind in KINDS], ids=[kind[0] for kind in KINDS]
)


class Counting:
    """A tokenizer that writes down each call."""

    def __init__(self, log: Path) -> None:
        self.log = log

    def __call__(self, text: str) -> list[str]:
        with self.log.open("a") as file:
            file.write(f"{os.getpid()}\n")
        return basic_english(text)


@kinds
@pytest.mark.parametrize("workers", [0, 2])
def test_epochs_of_pipes_equal_those_without_a_record_and_read_the_source_once(
    make: Callable[[int, str], Any], column: Column, workers: int, tmp_path: Path
) -> None:
    rows = [make(label, text) for label, text in LABELLED]

    def epochs(record: bool) -> Any:
        tokens = Logged(rows, tmp_path / f"log {record}").tokenize(
            Counting(tmp_path / f"calls {record}"), column
        )
        fitted = tokens.build_vocab(column=column, record_rows=record)
        assert [type(row) for row in fitted] == [type(row) for row in tokens] or isinstance(rows[0], str)
        assert list(fitted) == list(tokens)
        graph = fitted.shuffle().sharding_filter().numericalize(column=column).batch_tokens(3, column=column)
        torch.manual_seed(5)
        loader = DataLoader(graph, batch_size=None, num_workers=workers)
        looked_up = fitted.lookup_vectors(vectors(), column)
        return [plain(batch) for _ in range(2) for batch in loader], [plain(row) for row in looked_up]

    assert epochs(record=True) == epochs(record=False)
    own_lists = 2  # list(tokens), and once for their types
    assert len(passes(tmp_path / "log True")) == 1 + own_lists
    assert len(passes(tmp_path / "calls True")) == (1 + own_lists) * len(rows)


@kinds
def test_epochs_of_nodes_equal_those_without_a_record_and_resume_anywhere(
    make: Callable[[int, str], Any], column: Column, tmp_path: Path
) -> None:
    rows = [make(label, text) for label, text in LABELLED]

    def graph(record: bool) -> Any:
        tokens = nodes.Tokenize(NodeOf(Logged(rows, tmp_path / "log")), column=column)
        fitted = nodes.BuildVocab(tokens, column=column, record_rows=record)
        return nodes.BatchTokens(nodes.Numericalize(fitted, column=column), 3, column=column)

    recorded_loader, expected = (
        Loader(graph(record=True)),
        [plain(batch) for batch in Loader(graph(record=False))],
    )
    before = len(passes(tmp_path / "log"))
    for _ in range(2):
        assert [plain(batch) for batch in recorded_loader] == expected
    assert len(passes(tmp_path / "log")) <= before + 2  # one pass, and the look of a wrapper at its beginning
    again = len(passes(tmp_path / "log"))
    state: Any = None
    for k, _ in enumerate(recorded_loader, start=1):
        if k == 3:
            state = recorded_loader.state_dict()
            break
    assert len(json.dumps(state)) < 2000
    recorded_loader.load_state_dict(state)
    assert [plain(batch) for batch in recorded_loader] == expected[3:]
    assert len(passes(tmp_path / "log")) == again
    fresh = Loader(graph(record=True))  # as a new process would have it: the record is made anew
    fresh.load_state_dict(state)
    assert [plain(batch) for batch in fresh] == expected[3:]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_gives_recorded_tokens_as_lists(workers: int, tmp_path: Path) -> None:
    graph = Logged(LABELLED, tmp_path / "log").tokenize().build_vocab(record_rows=True).sharding_filter()
    rows = sorted(map(tuple, DataLoader(graph, batch_size=None, num_workers=workers)))
    assert rows == sorted((label, basic_english(text)) for label, text in LABELLED)
    assert {type(tokens) for _, tokens in rows} == {list}


def test_a_state_of_the_source_is_not_taken_for_one_of_the_record() -> None:
    def loader(record: bool) -> Any:
        return Loader(nodes.BuildVocab(NodeOf([["a"], ["b"], ["c"]]), record_rows=record))

    for record in (True, False):
        first = loader(record)
        next(iter(first))
        other = loader(not record)
        other.load_state_dict(first.state_dict())
        with pytest.raises(GraphError, match="this state was taken with record_rows"):
            list(other)


@pytest.mark.parametrize("start", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_workers_of_every_kind_read_the_record(start: str, tmp_path: Path) -> None:
    graph = Logged(LABELLED, tmp_path / "log").tokenize().build_vocab(record_rows=True)
    ids = graph.sharding_filter().numericalize()
    loader = DataLoader(ids, batch_size=None, num_workers=2, multiprocessing_context=start)
    for _ in range(2):
        found = sorted((label, ids) for label, ids in loader)
        assert found == sorted((label, graph.vocab(basic_english(text))) for label, text in LABELLED)
    assert passes(tmp_path / "log") == [os.getpid()]


def test_a_graph_that_resumes_reads_the_record(tmp_path: Path) -> None:
    def loader() -> Any:
        graph = Logged(LABELLED, tmp_path / "log").tokenize().build_vocab(record_rows=True)
        data = Resumable(graph.shuffle().shard_rows().numericalize(), seed=3)
        return StatefulDataLoader(data, batch_size=None, num_workers=2, multiprocessing_context="fork")

    first, items, state = loader(), [], None
    for k, item in enumerate(first, start=1):
        items.append(item)
        if k == 9:
            state = first.state_dict()
    second = loader()
    second.load_state_dict(state)
    assert list(second) == items[9:]


def test_the_file_goes_with_its_graph_and_is_kept_where_the_corpus_is_known(tmp_path: Path) -> None:
    def files() -> list[str]:
        return sorted(path.name for path in (folders().write / "fits").glob("*.safetensors"))

    def graph(**how: Any) -> Any:
        return Logged(TEXTS, tmp_path / "log").tokenize().build_vocab(record_rows=True, **how)

    one = graph()
    rows = list(one)
    assert len(files()) == 2
    del one
    assert files() == []
    kept = graph(fingerprint="these texts")
    assert list(kept) == rows
    del kept
    assert len(files()) == 2
    assert passes(tmp_path / "log") == [os.getpid()] * 2
    assert list(graph(fingerprint="these texts")) == rows
    assert list(Logged(TEXTS, tmp_path / "log").tokenize().build_vocab(fingerprint="these texts")) == rows
    assert (
        len(passes(tmp_path / "log")) == 4
    )  # without a record it reads the source, and counts under its own key
    (record,) = (path for path in (folders().write / "fits").glob("*.rows.safetensors"))
    record.write_bytes(record.read_bytes()[:-1])
    assert list(graph(fingerprint="these texts")) == rows  # made anew
    assert len(passes(tmp_path / "log")) == 5


def test_two_columns_are_recorded_one_behind_the_other(tmp_path: Path) -> None:
    rows = [(text, text[::-1]) for text in TEXTS]
    source = Logged(rows, tmp_path / "log").tokenize(column=0).tokenize(column=1)
    first = source.build_vocab(column=0, record_rows=True)
    both = first.build_vocab(column=1, record_rows=True)
    assert list(both) == [(a.split(), b.split()) for a, b in rows]
    assert list(both.numericalize(column=0).numericalize(column=1)) == [
        (first.vocab(a.split()), both.vocab(b.split())) for a, b in rows
    ]
    assert len(passes(tmp_path / "log")) == 1


def test_several_columns_share_a_record_and_a_second_corpus_comes_behind(tmp_path: Path) -> None:
    pair: Any = Row  # of two texts, here
    pairs = [pair(text, text[::-1]) for text in TEXTS]
    more = Logged([pair("new", "words the")], tmp_path / "more").tokenize(column=(0, 1))

    def graph(record: bool) -> Any:
        tokens = Logged(pairs, tmp_path / f"log {record}").tokenize(column=("label", -1))
        return tokens.build_vocab(column=("label", -1), extend_with=more, record_rows=record)

    one, other = graph(record=True), graph(record=False)
    assert one.vocab.get_itos() == other.vocab.get_itos()
    assert one.goes_by.counts == other.goes_by.counts
    assert (one.goes_by.rows, one.goes_by.running) == (other.goes_by.rows, other.goes_by.running)
    assert list(one) == list(other)
    ids = {"column": ("label", -1)}
    assert list(one.numericalize(**ids)) == list(other.numericalize(**ids))
    assert len(passes(tmp_path / "log True")) == 1


class Odd(int):
    pass


Local = namedtuple("Elsewhere", ["a", "b"])  # type: ignore[name-match]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ((torch.tensor(1), ["a"]), "row 1: its field 0 holds a torch.Tensor"),
        ((Odd(1), ["a"]), r"row 1: its field 0 holds a \S+\.Odd, 1"),
        ((np.float64(1), ["a"]), "row 1: its field 0 holds a numpy.float64"),
        (([(1, 2)], ["a"]), "row 1: its field 0 holds a builtins.tuple"),
        (({1: 2}, ["a"]), "row 1: its field 0 holds a dict with the key 1"),
        ((b"x", ["a"]), "row 1: its field 0 holds a builtins.bytes"),
        ({"text": ["a"], "when": {1}}, "row 1: its field 'when' holds a builtins.set"),
        ({"text": ["a"], 5: 1}, "row 1: its key 5 is no str"),
        (Local(1, ["a"]), r"row 1, which is a \S+\.Elsewhere. Give tuples"),
        ((10**5000, ["a"]), r"row 1: Exceeds the limit \(4300"),
    ],
)
def test_a_field_that_cannot_be_written_exactly_is_refused_with_its_row(row: Any, words: str) -> None:
    fitted = IterableWrapper([["a"], row]).build_vocab(record_rows=True)
    with pytest.raises(GraphError, match=words):
        _ = fitted.vocab
    left = [path for path in (folders().write / "fits").iterdir() if path.is_file()]
    assert left == []


def test_a_token_that_is_no_str_is_refused_with_its_row() -> None:
    with pytest.raises(
        TokenTypeError, match=r"build_vocab: sentence 1: a token is a str, not 3 \(of type int\)"
    ):
        _ = IterableWrapper([["a"], ["a", 3]], deepcopy=False).build_vocab(record_rows=True).vocab


def test_what_cannot_go_together_is_refused_at_once() -> None:
    source = IterableWrapper(TEXTS)
    for before in (source.shuffle(), source.sharding_filter(), source.shard_rows()):
        with pytest.raises(
            GraphError, match=r"before it would change either. Move it behind .build_vocab\(\)"
        ):
            before.tokenize().build_vocab(record_rows=True)
    with pytest.raises(GraphError, match="before it would change either"):
        nodes.BuildVocab(SamplerWrapper(RandomSampler(TEXTS)), record_rows=True)
    for how in ({"num_workers": 2}, {"max_distinct": 5}):
        with pytest.raises(GraphError, match="Leave num_workers= and max_distinct= out"):
            source.tokenize().build_vocab(record_rows=True, **how)
    with pytest.raises(GraphError, match="dealt=True"):
        source.tokenize().build_vocab(record_rows=True).fit(dealt=True)


def test_a_record_that_cannot_be_written_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("TORCHVECTORS_HOME", str(tmp_path / "file"))
    with pytest.raises(CacheError, match="cannot be written"):
        _ = IterableWrapper(TEXTS).tokenize().build_vocab(record_rows=True).vocab


def test_a_pickled_graph_whose_record_is_gone_says_so(tmp_path: Path) -> None:
    graph = Logged(TEXTS, tmp_path / "log").tokenize().build_vocab(record_rows=True)
    pickled = pickle.dumps(graph)
    rows = list(graph)
    assert list(pickle.loads(pickled)) == rows
    del graph
    with pytest.raises(GraphError, match="the recorded rows of this graph cannot be read"):
        list(pickle.loads(pickled))


@pytest.mark.parametrize("content", [b"", b"\0" * 7, b"\xff" * 64, (9).to_bytes(8, "little") + b'{"a": {}}'])
def test_what_is_no_record_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(ValueError, match=r".+"):
        Recording(tmp_path / "x")


def test_named_tuples_are_looked_for_where_the_program_has_them_and_never_imported(tmp_path: Path) -> None:
    path = recorded([Row(1, ["a"])], lambda row: row[1], None, tmp_path).path
    code = (
        "import sys; from pathlib import Path; from torchvectors.errors import GraphError\n"
        "from torchvectors.stages.recording import Recording\n"
        "try: list(Recording(Path(sys.argv[1])).rows((None,)))\n"
        "except GraphError as error: print(error)\n"
        "assert 'corpora' not in sys.modules"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True, env=environment
    )
    assert "named tuples of corpora.Row('label', 'text'), which is not there. Import corpora" in done.stdout
    assert multiprocessing.active_children() == []
