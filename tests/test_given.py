"""Vocabularies that a graph is given: of a `Vocab`, another graph, vectors, or a file; fixed and frozen."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torchdata.nodes
from corpora import LABELLED, TEXTS, Logged, passes, plain, vectors
from test_legacy import WAYS, saved
from torch.utils.data import DataLoader
from torch.utils.data.datapipes.iter import IterableWrapper
from torchdata.stateful_dataloader import StatefulDataLoader

from torchvectors import GloVe, Vectors, Vocab, datapipes, nodes
from torchvectors.errors import GraphError, NotFoundError, ParseError, TokenTypeError, VocabError
from torchvectors.vocabulary import FrozenVocab

pytestmark = [
    # Python 3.12 and later say so whenever torch has threads of its own.
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning"),
]

both = pytest.mark.parametrize("stages", [datapipes, nodes], ids=["pipes", "nodes"])


def epoch(stages: Any, graph: Any) -> list[Any]:
    return list(graph if stages is datapipes else torchdata.nodes.Loader(graph))


def given_graph(stages: Any, rows: Any, vocab: Any, **settings: Any) -> Any:
    """Return a stage with a given vocabulary over texts."""
    return stages.UseVocab(stages.Tokenize(stages.Rows(rows)), vocab, **settings)


# What it can be made from.

TOKENS = ["<unk>", "<pad>", "the", "cat"]


def _saved(value: Any) -> Callable[[Path], Path]:
    def save(path: Path) -> Path:
        torch.save(value, path)
        return path

    return save


def _as_json(path: Path) -> Path:
    path = path.with_suffix(".json")
    path.write_text(json.dumps(Vocab(TOKENS, 0).state()))
    return path


ORIGINS: dict[str, Callable[[Path], Any]] = {
    "a Vocab": lambda _: Vocab(TOKENS, 0),
    "a fitted pipe": lambda _: datapipes.Rows([["the", "the", "cat"]]).build_vocab(
        specials=("<unk>", "<pad>")
    ),
    "a fitted node": lambda _: nodes.BuildVocab(
        nodes.Rows([["the", "the", "cat"]]), specials=("<unk>", "<pad>")
    ),
    "another given one": lambda _: datapipes.Rows([]).use_vocab(Vocab(TOKENS, 0)),
    "a validation graph's": lambda _: datapipes.Rows([]).numericalize(vocab=Vocab(TOKENS, 0)),
    "text": lambda path: Vocab(TOKENS).write_text(path),
    "a path as str": lambda path: os.fspath(Vocab(TOKENS).write_text(path)),
    "a saved state": _saved(Vocab(TOKENS, 0).state()),
    "a saved Vocab": _saved(Vocab(TOKENS, 0)),
    "a saved frozen Vocab": _saved(FrozenVocab(Vocab(TOKENS, 0))),
    "a state in JSON": _as_json,
}


@both
@pytest.mark.parametrize("what", ORIGINS)
def test_every_origin_gives_the_same_graph(stages: Any, what: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    source = Logged([(1, "the cat sat"), (2, "the")], log)
    fixed = given_graph(stages, source, ORIGINS[what](tmp_path / "saved.txt"))
    aligned = stages.AlignVectors(fixed, vectors())
    graph = stages.BatchTokens(stages.Numericalize(aligned), 2)
    assert fixed.vocab.get_itos() == TOKENS
    assert fixed.vocab.get_default_index() == 0
    assert aligned.alignment.matrix.tolist() == [[0, 0, 0], [0, 0, 0], [1, 2, 3], [4, 5, 6]]
    assert aligned.alignment.coverage.of_text is None  # nobody has counted
    assert passes(log) == []
    ((labels, ids, lengths),) = epoch(stages, graph)
    assert (labels.tolist(), ids.tolist(), lengths.tolist()) == ([1, 2], [[2, 3, 0], [2, 1, 1]], [3, 1])
    assert len(passes(log)) == 1  # the epoch, and no pass before it
    copy = pickle.loads(pickle.dumps(graph))
    assert plain(epoch(stages, copy)) == plain([(labels, ids, lengths)])


@pytest.mark.parametrize("way", WAYS)
def test_what_torchtext_saved_is_read(way: str, tmp_path: Path) -> None:
    path = saved(tmp_path / "old.pth", TOKENS, 0, WAYS[way])
    fixed = IterableWrapper(["the dog"]).tokenize().use_vocab(path)
    assert list(fixed.numericalize()) == [[2, 0]]


@both
def test_the_vocabulary_of_vectors_is_their_first_tokens(stages: Any, tmp_path: Path) -> None:
    glove, log = GloVe("sample"), tmp_path / "log"
    fixed = given_graph(stages, Logged(LABELLED, log), glove, max_tokens=1000)
    assert fixed.vocab.get_itos() == ["<pad>", "<unk>", *list(glove.itos)[:998]]
    assert fixed.vocab.get_default_index() == 1
    aligned = stages.AlignVectors(fixed, glove)
    assert aligned.alignment.coverage.of_tokens == 998 / 999
    assert torch.equal(aligned.alignment.matrix[2:], glove.vectors[:998])
    assert passes(log) == []
    whole = given_graph(stages, [], vectors())
    assert whole.vocab.get_itos() == ["<pad>", "<unk>", *vectors().itos]
    moved = given_graph(stages, [], vectors(), specials=["cat", "<pad>"], max_tokens=4)
    assert moved.vocab.get_itos() == ["cat", "<pad>", "the", "sat"]
    assert moved.vocab.get_default_index() is None
    none = given_graph(stages, [], Vectors.from_tensor(["a", "<unk>"], torch.zeros(2, 1)), specials=())
    assert (none.vocab.get_itos(), none.vocab.get_default_index()) == (["a", "<unk>"], 1)


@both
def test_a_text_file_may_be_given_specials_and_an_end(stages: Any, tmp_path: Path) -> None:
    path = Vocab(["the", "<pad>", "cat", "dog"]).write_text(tmp_path / "words.txt")
    fixed = given_graph(stages, [], path, specials=("<pad>", "<unk>"), max_tokens=4)
    assert fixed.vocab.get_itos() == ["<pad>", "<unk>", "the", "cat"]
    assert fixed.vocab.get_default_index() == 1
    assert given_graph(stages, [], path).vocab.get_default_index() is None


# Fixed and frozen.


@both
def test_it_follows_no_later_change(stages: Any, tmp_path: Path) -> None:
    vocab = Vocab(["a"])
    path = vocab.write_text(tmp_path / "words.txt")
    fitted = stages.BuildVocab(stages.Rows([["a"]]), specials=())
    fixed = [given_graph(stages, [], one) for one in (vocab, path, fitted)]
    assert fixed[2].vocab.get_itos() == ["a"]
    for changed in (vocab, fitted.vocab):
        changed.append_token("b")
        changed.set_default_index(0)
    path.write_text("c\n")
    for stage in fixed:
        assert (stage.vocab.get_itos(), stage.vocab.get_default_index()) == (["a"], None)


def _frozen(stages: Any) -> Any:
    return given_graph(stages, [], Vocab(["a", "b"], 0))


@both
@pytest.mark.parametrize("travelled", [False, True])
def test_it_cannot_be_changed_by_accident(stages: Any, travelled: bool) -> None:
    stage = pickle.loads(pickle.dumps(_frozen(stages))) if travelled else _frozen(stages)
    frozen = stage.vocab
    changes: list[Callable[[], object]] = [
        lambda: frozen.append_token("c"),
        lambda: frozen.insert_token("c", 0),
        lambda: frozen.set_default_index(None),
    ]
    for change in changes:
        with pytest.raises(VocabError, match=r"is frozen, so that its indices stay. Change a copy, Vocab"):
            change()
    frozen.get_itos().append("c")
    frozen.get_stoi()["c"] = 3
    assert (frozen.get_itos(), frozen.get_default_index(), frozen(["b", "c"])) == (["a", "b"], 0, [1, 0])
    mine: Any = Vocab(frozen)
    mine.append_token("c")
    mine.set_default_index(None)
    assert (mine["c"], frozen["c"]) == (2, 0)


def test_a_frozen_vocabulary_is_a_vocab_in_every_other_way(tmp_path: Path) -> None:
    vocab = Vocab(["a", "b"], 1)
    frozen = FrozenVocab(vocab)
    assert frozen.fingerprint == vocab.fingerprint
    assert frozen.state() == vocab.state()
    torch.save(frozen, tmp_path / "v.pt")
    loaded = torch.load(tmp_path / "v.pt", weights_only=True)
    assert (type(loaded), loaded.get_itos(), loaded.get_default_index()) == (FrozenVocab, ["a", "b"], 1)


@both
def test_stages_that_name_it_share_it(stages: Any) -> None:
    fixed = _frozen(stages)
    other = stages.Numericalize(stages.Rows([["b", "c"]]), vocab=fixed)
    assert other.vocab is fixed.vocab
    assert epoch(stages, other) == [[1, 0]]


@both
def test_columns_may_have_a_given_and_a_counted_one(stages: Any) -> None:
    rows = stages.Rows([{"tags": ["NN", "VB"], "words": ["cat", "sat"]}])
    fixed = stages.UseVocab(rows, Vocab(["VB", "NN"]), column="tags")
    both_of = stages.BuildVocab(fixed, column="words", specials=())
    ids = stages.Numericalize(stages.Numericalize(both_of, column="tags"), column="words")
    assert epoch(stages, ids) == [{"tags": [1, 0], "words": [0, 1]}]


# Elsewhere.


def test_a_large_one_travels_by_path_and_is_seen_by_no_traversal(own_cache: Path) -> None:
    fixed = IterableWrapper([["token 7"]]).use_vocab(Vocab(f"token {i}" for i in range(50_000)))
    graph = fixed.numericalize()
    assert len(pickle.dumps(graph)) < 10_000
    assert len(list((own_cache / "vocabularies").iterdir())) == 1
    assert list(pickle.loads(pickle.dumps(graph))) == [[7]]


def test_workers_share_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    train = Logged(LABELLED, log).tokenize().build_vocab()
    graph = IterableWrapper(TEXTS).tokenize().use_vocab(train).sharding_filter().numericalize()
    rows = list(DataLoader(graph, batch_size=None, num_workers=2, multiprocessing_context="fork"))
    assert sorted(rows) == sorted(train.vocab(text.split()) for text in TEXTS)
    assert passes(log) == [os.getpid()]  # fitted before the workers start


# States.


def _resumable(vocab: Any) -> Any:
    graph = datapipes.Rows(LABELLED).tokenize().use_vocab(vocab).shuffle().sharding_filter().numericalize()
    return StatefulDataLoader(datapipes.Resumable(graph, seed=3), batch_size=None, num_workers=0)


def test_a_graph_of_pipes_is_resumed_only_with_its_vocabulary() -> None:
    vocab = Vocab(["<unk>", "the", "mat"], 0)
    first = _resumable(vocab)
    rows = iter(first)
    head = [next(rows) for _ in range(5)]
    state = pickle.loads(pickle.dumps(first.state_dict()))
    tail = list(rows)
    assert len(head) + len(tail) == len(LABELLED)
    second = _resumable(vocab)
    second.load_state_dict(state)
    assert plain(list(second)) == plain(tail)
    other = _resumable(Vocab(["<unk>", "mat", "the"], 0))
    other.load_state_dict(state)
    with pytest.raises(GraphError, match="this state was taken with the vocabulary xxh3_128"):
        iter(other)


def test_a_graph_of_nodes_is_resumed_only_with_its_vocabulary() -> None:
    def loader(vocab: Any) -> Any:
        return torchdata.nodes.Loader(stages.Numericalize(given_graph(stages, TEXTS, vocab)))

    stages: Any = nodes
    vocab = Vocab(["<unk>", "the", "mat"], 0)
    first = loader(vocab)
    rows = iter(first)
    head = [next(rows) for _ in range(5)]
    state = pickle.loads(pickle.dumps(first.state_dict()))
    tail = list(rows)
    assert head + tail == [vocab(text.split()) for text in TEXTS]
    second = loader(vocab)
    second.load_state_dict(state)
    assert list(second) == tail
    other = loader(Vocab(["<unk>", "mat", "the"], 0))
    other.load_state_dict(state)
    with pytest.raises(GraphError, match="this state was taken with the vocabulary xxh3_128"):
        iter(other)


# Errors.

WRONG: dict[str, tuple[Callable[[Path], Any], dict[str, Any], type[Exception], str]] = {
    "no file": (
        lambda _: "glove.6B.50d",
        {},
        NotFoundError,
        r"^use_vocab: there is no file 'glove\.6B\.50d'.*give the vectors themselves",
    ),
    "nothing": (lambda _: None, {}, GraphError, "^use_vocab: vocab=None is neither a Vocab nor a stage"),
    "a dict": (lambda _: {"a": 0}, {}, GraphError, r"^use_vocab: vocab=\{'a': 0\} is neither"),
    "a Vocab and specials": (
        lambda _: Vocab(["a"]),
        {"specials": ["<pad>"]},
        GraphError,
        "^use_vocab: .* is a vocabulary already, and is taken as it is. specials= and max_tokens= are for vectors",
    ),
    "a saved one and an end": (
        _saved(Vocab(["a"]).state()),
        {"max_tokens": 3},
        GraphError,
        "^use_vocab: .* is a vocabulary already",
    ),
    "no room": (lambda _: vectors(), {"max_tokens": 2}, VocabError, "max_tokens of 3 or more"),
    "one str as specials": (
        lambda _: vectors(),
        {"specials": "<unk>"},
        TokenTypeError,
        "specials is one str",
    ),
    "another pickle": (
        _saved([1, 2]),
        {},
        VocabError,
        r"v: this is not what Vocab\.state",
    ),
    "a later version": (
        _saved({**Vocab([]).state(), "version": 9}),
        {},
        VocabError,
        "v: this vocabulary has version 9, 1 is known here",
    ),
    "a cut file": (lambda path: _written(path, b"PK\x03\x04 and no more"), {}, ParseError, "v: this is no"),
    "broken JSON": (
        lambda path: _written(path.with_suffix(".json"), b'{"format":\n'),
        {},
        ParseError,
        r"v\.json:2: this is no JSON",
    ),
    "a blank line": (lambda path: _written(path, b"a\n\nb\n"), {}, ParseError, "v:2: this line is empty"),
}


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@both
@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_vocabulary_is_an_error_where_it_is_given(
    stages: Any, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make, settings, kind, says = WRONG[what]
    with pytest.raises(kind, match=f"(?s){says}"):
        given_graph(stages, [], make(tmp_path / "v"), **settings)


class Evil:
    def __reduce__(self) -> Any:
        return Path.touch, (Path("touched"),)


def test_nothing_in_a_file_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, save in (("a", torch.save), ("b", lambda one, path: path.write_bytes(pickle.dumps(one)))):
        save(Evil(), tmp_path / name)
        with pytest.raises(ParseError, match="this is no vocabulary that torchtext"):
            datapipes.Rows([]).use_vocab(tmp_path / name)
    assert not Path("touched").exists()
