"""What goes wrong with one row: its stage, its number, and its cure are said, wherever the stage runs."""

from __future__ import annotations

import functools
import itertools
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch.utils.data.datapipes.datapipe
import torchdata.nodes
from corpora import vectors
from torch.utils.data import DataLoader
from torch.utils.data.datapipes.iter import IterableWrapper
from torch.utils.data.graph import traverse_dps
from torchdata.stateful_dataloader import StatefulDataLoader

from torchvectors import Vocab, datapipes, nodes
from torchvectors.errors import GraphError, TokenTypeError, VocabError
from torchvectors.tokenizers import basic_english

pytestmark = [
    pytest.mark.filterwarnings("ignore:(Local|Lambda) function is not supported by pickle:UserWarning"),
    # Python 3.12 and later say so whenever torch has threads of its own.
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # torch's half-made loader
]

both = pytest.mark.parametrize("stages", [datapipes, nodes], ids=["pipes", "nodes"])

GOOD = {"text": "a b"}
MISTAKES: dict[str, tuple[Callable[[Any], Any], type[Exception], str]] = {
    "no such column": (
        lambda stages: stages.Tokenize(stages.Rows([GOOD, GOOD, {"body": "a"}])),
        GraphError,
        r"^tokenize: this row lacks .*It was row 2 of this pass, counted from 0\.",
    ),
    "a tokenizer that returns a str": (
        lambda stages: stages.Tokenize(stages.Rows([GOOD]), str.lower),
        GraphError,
        r"^tokenize: the tokenizer .* made 'a b' of 'a b'. .*It was row 0 of this pass",
    ),
    "an unknown token": (
        lambda stages: stages.Numericalize(stages.Rows([["a"], ["b"]]), vocab=Vocab(["a"])),
        VocabError,
        r"^numericalize: Token b not found.*It was row 1 of this pass",
    ),
    "an unhashable token": (
        lambda stages: stages.Numericalize(stages.Rows([["a"], ["a", ["b"]]]), vocab=Vocab(["a"])),
        TokenTypeError,
        r"^numericalize: tokens\[1\] is \['b'\] \(of type list\).*It was row 1 of this pass",
    ),
    "a token to look up that is no str": (
        lambda stages: stages.LookupVectors(stages.Rows([["a"], [3]]), vectors()),
        TokenTypeError,
        r"^lookup_vectors: tokens must be str.*It was row 1 of this pass",
    ),
    "a row to count without tokens": (
        lambda stages: stages.BuildVocab(stages.Rows([["a"], "b"])),
        GraphError,
        r"^build_vocab: a row must hold a list of tokens, .*Put \.tokenize\(\).*It was row 1 of this pass",
    ),
    "an unhashable token to count": (
        lambda stages: stages.BuildVocab(stages.Rows([["a"], ["b", {"c": 1}]])),
        TokenTypeError,
        r"^build_vocab: sentence 1: a token is a str, not \{'c': 1\} \(of type dict\)",
    ),
    "an array of tokens": (
        lambda stages: stages.Numericalize(stages.Rows([np.array(["a"])]), vocab=Vocab(["a"])),
        GraphError,
        r"^numericalize: a row must hold a list of tokens, .*Give it as a list: array\.tolist\(\), or data\.with",
    ),
    "one column of several": (
        lambda stages: stages.Tokenize(stages.Rows([{"a": "x", "b": 3}]), column=("a", "b")),
        GraphError,
        r"^tokenize: the text of a row must be a str, and this is 3.*It was row 0",
    ),
}


def run(stages: Any, graph: Any) -> list[Any]:
    return list(graph if stages is datapipes else torchdata.nodes.Loader(graph))


@both
@pytest.mark.parametrize("what", MISTAKES)
def test_an_error_says_which_row_it_was(stages: Any, what: str) -> None:
    make, kind, says = MISTAKES[what]
    with pytest.raises(kind, match=f"(?s){says}") as error:
        run(stages, make(stages))
    assert str(error.value).count("It was row") <= 1
    assert pickle.loads(pickle.dumps(error.value)).args == error.value.args


@both
def test_stages_behind_add_nothing_to_an_error_of_one_before(stages: Any) -> None:
    graph = stages.Numericalize(stages.Tokenize(stages.Rows(["a", "a", 3])), vocab=Vocab(["a"]))
    with pytest.raises(GraphError, match=r"tokenize: .*It was row 2 of") as error:
        run(stages, graph)
    assert str(error.value).count("It was row") == 1


def test_a_node_that_a_state_has_moved_gives_no_wrong_number() -> None:
    def graph() -> Any:
        return nodes.Tokenize(nodes.Rows(["a", "b", "c", 3]))

    first = graph()
    assert list(itertools.islice(first, 2)) == [["a"], ["b"]]
    second = graph()
    second.reset(first.state_dict())
    with pytest.raises(GraphError, match=r"and this is 3\. Name the column of the text with column=…$"):
        list(second)
    second.reset()
    with pytest.raises(GraphError, match="It was row 3 of this pass"):
        list(second)


@pytest.mark.parametrize("what", ["no such column", "an unknown token", "an unhashable token"])
def test_an_error_with_its_row_comes_out_of_a_worker(what: str) -> None:
    make, kind, says = MISTAKES[what]
    loader = DataLoader(make(datapipes), batch_size=None, num_workers=1, multiprocessing_context="fork")
    iterator: Any = iter(loader)
    with pytest.raises(kind, match=f"(?s)Caught {kind.__name__} in DataLoader worker.*{says.strip('^$')}"):
        list(iterator)
    iterator._shutdown_workers()


@pytest.mark.slow
def test_an_error_with_its_row_comes_out_of_a_worker_that_was_spawned() -> None:
    graph = datapipes.Rows(["a", 3]).tokenize()
    loader = DataLoader(graph, batch_size=None, num_workers=1, multiprocessing_context="spawn")
    iterator: Any = iter(loader)
    with pytest.raises(GraphError, match=r"(?s)Caught GraphError in DataLoader worker.*It was row 1 of this"):
        list(iterator)
    iterator._shutdown_workers()


# What cannot be pickled.


@pytest.fixture
def without_dill(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let torch find no dill, as in most installations: it pickles functions with it that pickle cannot."""
    monkeypatch.setattr(torch.utils.data.datapipes.datapipe, "HAS_DILL", False)
    monkeypatch.setattr(torch.utils.data.graph, "dill_available", lambda: False)


class Splitter:
    """A tokenizer that holds a function of no name."""

    def __init__(self) -> None:
        self.how: Callable[[str], list[str]] = lambda text: text.split()

    def __call__(self, text: str) -> list[str]:
        return list(self.how(text))


class Transformed:
    """A data set with a transform, as many have one."""

    def __init__(self) -> None:
        self.transform: Callable[[str], str] = lambda text: text

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> str:
        return self.transform("a")


UNPICKLABLE: dict[str, tuple[Callable[[Any], Any], str]] = {
    "a lambda": (
        lambda stages: stages.Tokenize(stages.Rows(["a"]), lambda text: [text]),
        "tokenize: its tokenizer, <function .*lambda",
    ),
    "a partial of one": (
        lambda stages: stages.Tokenize(stages.Rows(["a"]), functools.partial(lambda _, text: [text], 1)),
        "tokenize: its tokenizer, functools.partial",
    ),
    "an object that holds one": (
        lambda stages: stages.Tokenize(stages.Rows(["a"]), Splitter()),
        "tokenize: its tokenizer, .*Splitter",
    ),
    "what makes unknown rows": (
        lambda stages: stages.AlignVectors(
            stages.UseVocab(stages.Rows([["a"]]), Vocab(["a"])), vectors(), unk_init=lambda row: row
        ),
        "align_vectors: its unk_init, <function .*lambda",
    ),
    "a transform of the data set": (
        lambda stages: stages.Tokenize(stages.Rows(Transformed())),
        "rows: its source.transform, <function .*lambda",
    ),
    "before another stage": (
        lambda stages: stages.Numericalize(
            stages.Tokenize(stages.Rows(["a"]), lambda text: [text]), vocab=Vocab(["a"])
        ),
        "tokenize: its tokenizer",
    ),
}


@both
@pytest.mark.parametrize("what", UNPICKLABLE)
def test_what_cannot_be_pickled_is_named_with_its_stage_and_the_cure(
    stages: Any, what: str, without_dill: None
) -> None:
    make, says = UNPICKLABLE[what]
    graph = make(stages)
    with pytest.raises(
        GraphError, match=f"(?s)^{says}.* cannot be pickled, .*a def or a class at the top"
    ) as error:
        pickle.dumps(graph)
    assert error.value.__cause__ is not None


@pytest.mark.parametrize("kind", [DataLoader, StatefulDataLoader])
@pytest.mark.parametrize("start", ["spawn", "forkserver"])
def test_a_loader_says_so_before_it_starts_a_worker(kind: Any, start: str, without_dill: None) -> None:
    tokens = IterableWrapper(["a"]).map(_same).tokenize(lambda text: [text])
    graph = tokens.build_vocab().sharding_filter().numericalize()
    loader = kind(graph, batch_size=None, num_workers=1, multiprocessing_context=start)
    with pytest.raises(GraphError, match=r'^tokenize: its tokenizer, .*context="fork", or install dill'):
        iter(loader)


def test_a_foreign_pipe_before_a_stage_is_named_too(without_dill: None) -> None:
    tokens = IterableWrapper(["a"]).map(lambda text: text).tokenize()
    with pytest.raises(
        GraphError, match=r"^MapperIterDataPipe: its fn, <function .*lambda.* cannot be pickled"
    ):
        pickle.dumps(tokens)


def test_a_foreign_node_before_a_stage_is_named_too(without_dill: None) -> None:
    source: Any = torchdata.nodes.Mapper(nodes.Rows(["a"]), lambda text: text)
    with pytest.raises(GraphError, match=r"^ParallelMapper|^Mapper: its map_fn, <function .*lambda"):
        pickle.dumps(nodes.Tokenize(source))


def test_torchs_traversal_and_forked_workers_need_no_pickle(without_dill: None) -> None:
    graph = IterableWrapper(["a"]).map(lambda text: text).tokenize(lambda text: [text]).build_vocab()
    assert len(traverse_dps(graph)) == 1
    loader = DataLoader(graph, batch_size=None, num_workers=1, multiprocessing_context="fork")
    assert list(loader) == [["a"]]


def test_with_dill_torch_pickles_what_pickle_cannot() -> None:
    pytest.importorskip("dill")
    graph = IterableWrapper(["a b"]).tokenize(lambda text: text.split()).build_vocab().numericalize()
    wrapped = torch.utils.data.datapipes.datapipe._IterDataPipeSerializationWrapper(graph)
    assert list(pickle.loads(pickle.dumps(wrapped))) == [[2, 3]]


def _same(text: str) -> str:
    return text


def test_what_can_be_pickled_is() -> None:
    for tokenizer in ("basic_english", None, str.split, basic_english):
        graph = datapipes.Rows(["a b"]).tokenize(tokenizer)
        assert list(pickle.loads(pickle.dumps(graph))) == list(graph) == [["a", "b"]]
