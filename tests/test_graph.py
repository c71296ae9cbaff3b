"""One contract for every stage, held by its pipe and by its node."""

from __future__ import annotations

import inspect
import itertools
import os
import pickle
import random
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchdata.nodes
from corpora import LABELLED, TEXTS, Logged, Many, Row, passes, plain, vectors
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import IterDataPipe
from torch.utils.data.datapipes.iter import IterableWrapper

from torchvectors import Vocab, datapipes, nodes
from torchvectors.align import align
from torchvectors.errors import GraphError, TokenTypeError, VocabError
from torchvectors.rows import Column, field_of
from torchvectors.tokenizers import basic_english


@dataclass(frozen=True)
class Form:
    """Pipes, or nodes."""

    name: str
    stages: Any  # the module with the stages' classes
    source: Callable[[Any], Any]  # rows → a pipe or node that gives them, as often as wanted
    run: Callable[[Any], Iterable[Any]]  # a graph → one epoch


def _source_pipe(rows: Any) -> Any:
    return rows if isinstance(rows, IterDataPipe) else IterableWrapper(rows, deepcopy=False)


PIPES = Form("pipes", datapipes, _source_pipe, iter)
NODES = Form("nodes", nodes, torchdata.nodes.IterableWrapper, torchdata.nodes.Loader)
FORMS = [PIPES, NODES]
both = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)


def epoch(form: Form, graph: Any) -> list[Any]:
    return list(form.run(graph))


def fitted_graph(form: Form, source: Any, **settings: Any) -> Any:
    return form.stages.BuildVocab(form.stages.Tokenize(source), **settings)


def vocab_by_hand(texts: Iterable[str]) -> list[str]:
    counts = Counter(token for text in texts for token in basic_english(text))
    return ["<pad>", "<unk>", *sorted(counts, key=lambda token: (-counts[token], token))]


# Rows.

KINDS: list[tuple[str, Callable[[int, str], Any], Column]] = [
    ("str", lambda label, text: text, None),
    ("str, column 0", lambda label, text: text, 0),
    ("tuple", lambda label, text: (label, text), None),
    ("tuple, column 0", lambda label, text: (text, label), 0),
    ("tuple, column -1", lambda label, text: (label, 3.5, text), -1),
    ("named tuple", Row, None),
    ("named tuple, column text", Row, "text"),
    ("dict", lambda label, text: {"label": label, "text": text}, None),
    ("dict, column body", lambda label, text: {"body": text, "label": label}, "body"),
]


@both
@pytest.mark.parametrize(("make", "column"), [kind[1:] for kind in KINDS], ids=[kind[0] for kind in KINDS])
def test_every_kind_of_row_goes_through_every_stage(
    form: Form, make: Callable[[int, str], Any], column: Column
) -> None:
    rows = [make(label, text) for label, text in LABELLED]
    itos = vocab_by_hand(TEXTS)
    tokens = form.stages.Tokenize(form.source(rows), column=column)
    fitted = form.stages.BuildVocab(tokens, column=column)
    aligned = form.stages.AlignVectors(fitted, vectors())
    ids = form.stages.Numericalize(aligned, column=column)
    expected = [[itos.index(token) for token in basic_english(text)] for text in TEXTS]

    assert fitted.vocab.get_itos() == itos
    done = epoch(form, ids)
    assert [field_of(row, column, "") for row in done] == expected
    assert [type(row) for row in done] == [list if isinstance(row, str) else type(row) for row in rows]
    for before, after in zip(rows, done, strict=True):  # nothing else in the row has changed
        if isinstance(before, dict):
            assert after["label"] == before["label"]
            assert list(after) == list(before)
        elif isinstance(before, tuple):
            place = range(len(before))[1 if column in (None, "text") else int(column)]
            assert after[:place] + after[place + 1 :] == before[:place] + before[place + 1 :]

    fixed = form.stages.UseVocab(tokens, fitted, column=column)
    assert epoch(form, form.stages.Numericalize(fixed, column=column)) == done
    assert (fitted.passes, fixed.vocab.get_itos()) == (1, itos)

    looked_up = form.stages.LookupVectors(
        form.stages.Tokenize(form.source(rows), column=column), vectors(), column
    )
    for row, text in zip(epoch(form, looked_up), TEXTS, strict=True):
        found = field_of(row, column, "")
        assert found.dtype == torch.float32
        assert found.shape == (len(basic_english(text)), 3)
        assert torch.equal(found, vectors().get_vecs_by_tokens(basic_english(text)))


@pytest.mark.parametrize("layout", ["padded", "offsets", "jagged"])
@pytest.mark.parametrize(("make", "column"), [kind[1:] for kind in KINDS], ids=[kind[0] for kind in KINDS])
def test_pipes_and_nodes_give_equal_batches(
    make: Callable[[int, str], Any], column: Column, layout: str
) -> None:
    rows = [make(label, text) for label, text in LABELLED]
    batches = []
    for form in FORMS:
        tokens = form.stages.Tokenize(form.source(rows), column=column)
        ids = form.stages.Numericalize(form.stages.BuildVocab(tokens, column=column), column=column)
        graph = form.stages.BatchTokens(ids, 5, layout=layout, column=column)
        batches.append([plain(batch) for batch in epoch(form, graph)])
    assert batches[0] == batches[1]
    assert len(batches[0]) == 5  # the last of which is not full


@both
def test_the_same_arguments_make_a_stage_in_either_form(form: Form) -> None:
    assert set(datapipes.__all__) - set(nodes.__all__) == {"Resumable"}  # nodes have states of their own
    for name in nodes.__all__:
        assert _arguments(getattr(datapipes, name)) == _arguments(getattr(nodes, name))


def _arguments(stage: type) -> list[tuple[str, object]]:
    parameters = list(inspect.signature(stage).parameters.values())
    assert parameters[0].name == ("files" if stage.__name__.startswith("Read") else "source")
    return [(one.name, one.default) for one in parameters]


@both
def test_a_tokenizer_may_be_a_name_a_callable_or_none(form: Form) -> None:
    for tokenizer, expected in (
        (None, ["A", "b."]),
        (str.split, ["A", "b."]),
        ("basic_english", ["a", "b", "."]),
    ):
        tokens = form.stages.Tokenize(form.source(["A b."]), tokenizer)
        assert epoch(form, tokens) == [expected]


@both
def test_lists_of_tokens_need_no_tokenizing(form: Form) -> None:
    ids = form.stages.Numericalize(form.stages.BuildVocab(form.source([["b", "a"], ["b"], []])))
    assert epoch(form, ids) == [[2, 3], [2], []]


@both
def test_batches_can_be_dropped_or_short(form: Form) -> None:
    def lengths(**how: Any) -> list[int]:
        return [
            len(ids) for ids, _ in epoch(form, form.stages.BatchTokens(form.source([[1], [2], [3]]), **how))
        ]

    assert lengths(batch_size=2) == [2, 1]
    assert lengths(batch_size=2, drop_last=True) == [2]
    assert lengths(batch_size=3, drop_last=True) == [3]
    assert lengths(batch_size=9, drop_last=True) == []
    assert lengths(batch_size=9) == [3]


@both
def test_batches_are_padded_with_the_index_of_the_padding_token_wherever_that_is(form: Form) -> None:
    source = form.source([["a", "b"], ["a"]])

    def padding(specials: tuple[str, ...], **how: Any) -> int:
        ids = form.stages.Numericalize(form.stages.BuildVocab(source, specials=specials))
        ((table, _),) = epoch(form, form.stages.BatchTokens(ids, 2, **how))
        return int(table[1, 1])

    assert padding(("<pad>", "<unk>")) == 0
    assert padding(("<unk>", "<bos>", "<pad>")) == 2
    with pytest.warns(UserWarning, match="has no '<pad>'"):
        assert padding(("<unk>",)) == 0  # nothing says better
    assert padding(("<unk>", "<pad>"), padding_value=-1) == -1


@both
def test_vectors_are_padded_with_zeros_wherever_the_padding_token_is(form: Form) -> None:
    fitted = form.stages.BuildVocab(form.source([["the", "cat"], ["cat"]]), specials=("<unk>", "<pad>"))
    ((table, lengths),) = epoch(
        form, form.stages.BatchTokens(form.stages.LookupVectors(fitted, vectors()), 2)
    )
    assert table.tolist() == [[[1, 2, 3], [4, 5, 6]], [[4, 5, 6], [0, 0, 0]]]
    assert lengths.tolist() == [2, 1]


# Several columns.

PAIRS = [
    {"id": 1, "question": "Who sat?", "context": "the cat sat on the mat"},
    {"id": 2, "question": "", "context": "a dog ran"},
]


@both
@pytest.mark.parametrize("columns", [("question", "context"), ["context", "question"]])
def test_several_columns_can_share_one_vocabulary(form: Form, columns: Any) -> None:
    tokens = form.stages.Tokenize(form.source(PAIRS), column=columns)
    fitted = form.stages.BuildVocab(tokens, column=columns)
    vocab = fitted.vocab
    texts = [row[column] for row in PAIRS for column in ("question", "context")]
    assert vocab.get_itos() == vocab_by_hand(map(str, texts))
    ids = form.stages.Numericalize(form.stages.AlignVectors(fitted, vectors()), column=columns)
    expected = [
        {
            "id": row["id"],
            **{column: vocab(basic_english(str(row[column]))) for column in ("question", "context")},
        }
        for row in PAIRS
    ]
    assert epoch(form, ids) == expected
    for row, before in zip(
        epoch(form, form.stages.LookupVectors(tokens, vectors(), columns)), PAIRS, strict=True
    ):
        for column in columns:
            words = basic_english(str(before[column]))
            assert torch.equal(row[column], vectors().get_vecs_by_tokens(words).reshape(len(words), 3))
    # A stage that works on some of them goes by the vocabulary of them all, another vocabulary or none.
    labelled = form.stages.BuildVocab(ids, column="id")
    some = form.stages.Numericalize(labelled, column="context")
    assert some.goes_by is fitted.goes_by
    assert form.stages.BatchTokens(labelled, 2, column="context")._padding.vocabs[0] is fitted.goes_by
    assert form.stages.AlignVectors(labelled, vectors(), column=("question",)).goes_by is fitted.goes_by


@both
def test_columns_can_have_vocabularies_of_their_own(form: Form) -> None:
    tokens = form.stages.Tokenize(form.source(PAIRS), column=("question", "context"))
    questions = form.stages.BuildVocab(tokens, column="question", specials=())
    contexts = form.stages.BuildVocab(questions, column="context", specials=())
    assert questions.vocab.get_itos() == ["?", "sat", "who"]
    assert contexts.vocab.get_itos() == ["the", "a", "cat", "dog", "mat", "on", "ran", "sat"]
    ids = form.stages.Numericalize(form.stages.Numericalize(contexts, column="question"), column="context")
    assert epoch(form, ids) == [
        {"id": 1, "question": [2, 1, 0], "context": [0, 2, 7, 5, 0, 4]},
        {"id": 2, "question": [], "context": [1, 3, 6]},
    ]
    assert form.stages.AlignVectors(contexts, vectors(), column="question").vocab is questions.vocab
    with pytest.raises(GraphError, match=r"^numericalize: 2 vocabularies .*column=\('question', 'context'\)"):
        form.stages.Numericalize(contexts, column=("question", "context"))


@both
def test_a_key_that_is_a_tuple_is_a_column_in_a_tuple(form: Form) -> None:
    rows = [{("en", 0): "a b", "en": "c"}]
    assert epoch(form, form.stages.Tokenize(form.source(rows), column=(("en", 0),))) == [
        {("en", 0): ["a", "b"], "en": "c"}
    ]


@both
@pytest.mark.parametrize("stage", ["Tokenize", "BuildVocab", "UseVocab", "Numericalize", "LookupVectors"])
@pytest.mark.parametrize(("columns", "says"), [((), "names no column"), (["a", "b", "a"], "names 'a' twice")])
def test_columns_that_are_none_or_doubled_are_refused(
    form: Form, stage: str, columns: Any, says: str
) -> None:
    needed: dict[str, dict[str, Any]] = {
        "UseVocab": {"vocab": Vocab(["a"])},
        "Numericalize": {"vocab": Vocab(["a"])},
        "LookupVectors": {"vectors": vectors()},
    }
    with pytest.raises(GraphError, match=rf"^[a-z]+(_[a-z]+)?: column=.* {says}\. Give each column"):
        getattr(form.stages, stage)(form.source([]), column=columns, **needed.get(stage, {}))


# Fitting: once, whoever asks first.


@both
@pytest.mark.parametrize("read_first", [True, False])
def test_the_corpus_is_counted_once(form: Form, read_first: bool, tmp_path: Path) -> None:
    log = tmp_path / "log"
    fitted = fitted_graph(form, form.source(Logged(LABELLED, log)))
    aligned = form.stages.AlignVectors(fitted, vectors())
    graph = form.stages.BatchTokens(form.stages.Numericalize(aligned), 4)
    assert (fitted.passes, passes(log)) == (0, [])  # building a graph reads nothing
    if read_first:
        assert aligned.vocab is fitted.vocab
        assert (fitted.passes, len(passes(log))) == (1, 1)
    loader = graph if form is PIPES else form.run(graph)
    first, second = ([plain(batch) for batch in loader] for _ in range(2))
    assert first == second
    assert fitted.passes == 1
    assert len(passes(log)) == 3  # one that counts, and two epochs


@both
def test_threads_that_all_come_first_count_once(form: Form, tmp_path: Path) -> None:
    log, together = tmp_path / "log", threading.Barrier(8)
    fitted = fitted_graph(form, form.source(Logged(LABELLED, log)))
    aligned = form.stages.AlignVectors(fitted, vectors())

    def read(_: int) -> tuple[Vocab, Any]:
        together.wait()
        return fitted.vocab, aligned.alignment

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(read, range(8)))
    assert len({(id(vocab), id(alignment)) for vocab, alignment in found}) == 1
    assert (fitted.passes, len(passes(log))) == (1, 1)


@both
def test_settings_decide_the_vocabulary(form: Form) -> None:
    source = form.source([["b", "a", "a", "c", "<unk>", "<unk>", "<unk>"]])

    def itos(**settings: Any) -> list[str]:
        return list(form.stages.BuildVocab(source, **settings).vocab.get_itos())

    assert itos() == ["<pad>", "<unk>", "a", "b", "c"]
    assert itos(min_freq=2) == ["<pad>", "<unk>", "a"]
    assert itos(max_tokens=4) == ["<pad>", "<unk>", "a", "b"]  # the special that occurs takes no place
    assert itos(specials=["<bos>"]) == ["<bos>", "<unk>", "a", "b", "c"]
    assert itos(specials=[]) == ["<unk>", "a", "b", "c"]


@both
def test_unknown_tokens_get_the_index_of_the_unknown_token_or_are_an_error(form: Form) -> None:
    train = form.stages.BuildVocab(form.source([["a"]]), specials=("<pad>", "<bos>", "<unk>"))
    assert epoch(form, form.stages.Numericalize(form.source([["a", "new"]]), vocab=train)) == [[3, 2]]
    train = form.stages.BuildVocab(form.source([["a"]]), specials=("<pad>",))
    with pytest.raises(VocabError, match=r"^numericalize: Token new not found.*The row holds \['a', 'new'\]"):
        epoch(form, form.stages.Numericalize(form.source([["a", "new"]]), vocab=train))


@both
@given(rows=st.permutations([["b", "a"], ["c", "b"], ["a", "d"], ["é", "a"], []]))
def test_no_order_of_the_corpus_changes_the_vocabulary(form: Form, rows: list[list[str]]) -> None:
    fitted = form.stages.BuildVocab(form.source(rows))
    assert fitted.vocab.get_itos() == ["<pad>", "<unk>", "a", "b", "c", "d", "é"]


# Random numbers: the pass that counts takes none from the pass that trains.


class Noisy:
    """A map-style data set whose rows are drawn anew at each reading."""

    def __iter__(self) -> Any:
        for _ in range(5):
            yield [f"{torch.rand(1).item()} {random.random()} {np.random.rand()}"]  # noqa: NPY002 - theirs


@both
def test_fitting_leaves_the_global_random_numbers_as_they_were(form: Form) -> None:
    def seeded() -> None:
        torch.manual_seed(3)
        random.seed(3)
        np.random.seed(3)  # noqa: NPY002 - as above

    fitted = form.stages.BuildVocab(form.source(Noisy()))
    seeded()
    unfitted_first = epoch(form, fitted)
    assert fitted.passes == 1
    seeded()
    assert epoch(form, fitted) == unfitted_first


# Alignment.


@both
def test_every_row_of_the_matrix_belongs_to_the_token_of_its_index(form: Form) -> None:
    fitted = fitted_graph(form, form.source(TEXTS), specials=("<unk>", "<pad>", "<bos>"))
    aligned = form.stages.AlignVectors(fitted, vectors(), unk_init=lambda tensor: tensor.fill_(-1))
    known = vectors()
    itos = fitted.vocab.get_itos()
    matrix = aligned.alignment.matrix
    assert matrix.shape == (len(itos), 3)
    for index, token in enumerate(itos):
        expected = known[token] if token in known else torch.full((3,), 0.0 if token == "<pad>" else -1.0)
        assert torch.equal(matrix[index], expected)
    assert torch.equal(matrix, align(fitted.vocab, known, unk_init=lambda row: row.fill_(-1)).matrix)


@both
@pytest.mark.parametrize("when", ["before", "during", "after"])
def test_the_alignment_can_be_read_at_any_time(form: Form, when: str) -> None:
    aligned = form.stages.AlignVectors(fitted_graph(form, form.source(LABELLED)), vectors())
    graph = form.stages.Numericalize(aligned)
    expected = epoch(form, form.stages.Numericalize(fitted_graph(form, form.source(LABELLED))))
    if when == "before":
        assert len(aligned.alignment.matrix) == len(aligned.vocab)
    rows: list[Any] = []
    for row in form.run(graph):
        if when == "during" and len(rows) == 3:
            assert len(aligned.alignment.matrix) == len(aligned.vocab)
        rows.append(row)
    assert rows == expected
    alignment = aligned.alignment
    assert aligned.alignment is alignment  # looked up once
    assert len(alignment.matrix) == len(aligned.vocab)


@both
def test_layers_and_coverage_come_out_of_the_graph(form: Form) -> None:
    fitted = form.stages.BuildVocab(
        form.source([["the", "cat", "the"], ["THE", "rare"]]), min_freq=1, max_tokens=5
    )
    aligned = form.stages.AlignVectors(fitted, vectors(), lower_case_backup=True)
    assert fitted.vocab.get_itos() == ["<pad>", "<unk>", "the", "THE", "cat"]
    coverage = aligned.alignment.coverage
    assert coverage.of_text == 4 / 5  # of the running text; "rare" is not in the vocabulary
    assert coverage.how("THE") == "lower case"
    embedding = aligned.embedding(freeze=False)
    assert embedding.weight.requires_grad
    assert embedding.padding_idx == 0
    assert torch.equal(embedding(torch.tensor([2, 0])), torch.tensor([[1.0, 2, 3], [0, 0, 0]]))
    bag = aligned.embedding_bag(mode="sum")
    assert torch.equal(
        bag(torch.tensor([2, 3, 4, 0]), torch.tensor([0, 1])), torch.tensor([[1.0, 2, 3], [5, 7, 9]])
    )


@both
def test_a_vocabulary_that_has_grown_is_aligned_anew(form: Form) -> None:
    aligned = form.stages.AlignVectors(form.stages.BuildVocab(form.source([["the"]])), vectors())
    assert len(aligned.alignment.matrix) == 3
    aligned.vocab.insert_token("cat", 0)
    assert aligned.alignment.matrix.tolist() == [[4, 5, 6], [0, 0, 0], [0, 0, 0], [1, 2, 3]]


# Other graphs.


@both
@pytest.mark.parametrize("name", ["stage", "aligned stage", "vocab"])
def test_a_validation_graph_goes_by_the_training_graphs_vocabulary(
    form: Form, name: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    fitted = fitted_graph(form, form.source(Logged(LABELLED, log)), specials=("<unk>", "<pad>"))
    named = {
        "stage": fitted,
        "aligned stage": form.stages.AlignVectors(fitted, vectors()),
        "vocab": fitted.vocab if name == "vocab" else None,
    }[name]
    questions = form.stages.Tokenize(form.source(["the unheard cat", "cat"]))
    graph = form.stages.BatchTokens(form.stages.Numericalize(questions, vocab=named), 2)
    ((ids, lengths),) = epoch(form, graph)
    vocab = fitted.vocab
    assert ids.tolist() == [
        [vocab["the"], 0, vocab["cat"]],
        [vocab["cat"], 1, 1],
    ]  # padded by that vocabulary, too
    assert lengths.tolist() == [3, 1]
    assert len(passes(log)) == 1

    travelled = pickle.dumps(graph)
    assert (b"sat" in travelled) == (
        name == "vocab"
    )  # a Vocab itself goes along; what is fitted goes by path
    assert str(log).encode() not in travelled  # the training graph stays at home
    assert plain(epoch(form, pickle.loads(travelled))) == plain([(ids, lengths)])


@both
def test_graphs_that_share_a_source_can_name_each_other(form: Form) -> None:
    tokens = form.stages.Tokenize(form.source(["a b", "a"]))
    train = form.stages.BuildVocab(tokens)
    assert epoch(form, form.stages.Numericalize(tokens, vocab=train)) == [[2, 3], [2]]


def test_a_pipe_can_name_a_node_and_a_node_a_pipe() -> None:
    for train, other in itertools.permutations(FORMS):
        fitted = train.stages.BuildVocab(train.source([["a"]]))
        assert epoch(other, other.stages.Numericalize(other.source([["a", "b"]]), vocab=fitted)) == [[2, 1]]


@both
def test_texts_and_labels_can_have_vocabularies_of_their_own(form: Form) -> None:
    rows = [("good", "x y"), ("bad", "x")]
    labels = Vocab(["bad", "good"])
    fitted = form.stages.BuildVocab(
        form.stages.Tokenize(form.source([([y], x) for y, x in rows])), specials=["<pad>"]
    )
    numbered = form.stages.Numericalize(fitted, vocab=labels, column=0)
    aligned = form.stages.AlignVectors(numbered, vectors())  # column None: the texts', as for .build_vocab()
    graph = form.stages.Numericalize(aligned)
    assert epoch(form, graph) == [([1], [1, 2]), ([0], [1])]
    assert aligned.vocab is graph.vocab is fitted.vocab
    (batch,) = epoch(form, form.stages.BatchTokens(graph, 2))
    assert batch[1].tolist() == [[1, 2], [1, 0]]


@both
def test_several_vocabularies_for_one_column_must_be_told_apart(form: Form) -> None:
    first = form.stages.BuildVocab(form.source([["a", "b", "b"]]))
    second = form.stages.BuildVocab(first, min_freq=2)
    said = "2 vocabularies come before it, and column={} does not say which is meant"
    with pytest.raises(GraphError, match=f"^numericalize: {said.format('None')}. .*vocab="):
        form.stages.Numericalize(second)
    with pytest.raises(GraphError, match=f"^align_vectors: {said.format('3')}. .*column="):
        form.stages.AlignVectors(second, vectors(), column=3)
    with pytest.raises(GraphError, match=f"^batch_tokens: {said.format('None')}. .*padding_value="):
        form.stages.BatchTokens(second, 2)
    assert epoch(form, form.stages.Numericalize(second, vocab=second)) == [[1, 2, 2]]
    for how in (
        {"padding_value": 0},
        {"layout": "offsets"},
        {"layout": "jagged"},
    ):  # nothing to be told apart
        form.stages.BatchTokens(second, 2, **how)


# Pickles.


@both
def test_a_fitted_graph_travels_small_and_needs_no_corpus(form: Form, tmp_path: Path) -> None:
    log = tmp_path / "log"
    fitted = form.stages.BuildVocab(form.source(Many(5_000, log)), specials=("<unk>",))
    graph = form.stages.Numericalize(form.stages.AlignVectors(fitted, vectors()))
    travelled = pickle.dumps(graph)  # which fits it
    assert len(travelled) < 10_000
    copy = pickle.loads(travelled)
    assert copy.vocab.get_itos() == fitted.vocab.get_itos()
    assert len(copy.vocab) == 5_001
    assert copy.vocab.get_default_index() == 0
    assert pickle.loads(pickle.dumps(copy)).vocab.get_itos() == fitted.vocab.get_itos()
    assert epoch(form, copy) == epoch(form, graph)
    assert passes(log) == [os.getpid()] * 3  # one that counted, and two epochs


@both
@given(
    tokens=st.lists(st.text(max_size=4) | st.sampled_from(["\ud800", "\ud800\udc00", "\0", ""]), min_size=1)
)
def test_every_token_survives_the_journey(form: Form, tokens: list[str]) -> None:
    for specials in ((), ("<unk>",)):
        fitted = form.stages.BuildVocab(form.source([tokens]), specials=specials)
        copy = pickle.loads(pickle.dumps(fitted))
        assert copy.vocab.get_itos() == fitted.vocab.get_itos()
        assert copy.vocab.get_default_index() == fitted.vocab.get_default_index()


@both
@pytest.mark.parametrize("home", ["a file/in the way", "a name too long " + "x" * 300])
def test_where_nothing_can_be_written_the_vocabulary_travels_by_value(
    form: Form, home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a file").touch()
    monkeypatch.setenv("TORCHVECTORS_HOME", str(tmp_path / home))
    fitted = form.stages.BuildVocab(form.source([["b", "a"]]))
    travelled = pickle.dumps(fitted)
    assert pickle.loads(travelled).vocab.get_itos() == ["<pad>", "<unk>", "a", "b"]


@both
def test_a_vocabulary_that_was_changed_travels_as_it_is_now(form: Form) -> None:
    fitted = form.stages.BuildVocab(form.source([["a"]]))
    first = pickle.dumps(fitted)
    fitted.vocab.append_token("new")
    assert pickle.loads(pickle.dumps(fitted)).vocab.get_itos() == ["<pad>", "<unk>", "a", "new"]
    assert pickle.loads(first).vocab.get_itos() == ["<pad>", "<unk>", "a"]


@both
@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"?" + path.read_bytes()[1:])])
def test_a_pickle_whose_vocabulary_is_gone_or_damaged_is_an_error(
    form: Form, damage: Callable[[Path], object], own_cache: Path
) -> None:
    travelled = pickle.dumps(form.stages.BuildVocab(form.source([["a"]])))
    (file,) = (own_cache / "vocabularies").glob("*.safetensors")
    damage(file)
    with pytest.raises(
        GraphError, match=f"^{re.escape(str(file))}: .*Pickle the graph again where it was fitted"
    ):
        pickle.loads(travelled)


@both
def test_the_copy_finds_its_vocabulary_from_another_folder(
    form: Form, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCHVECTORS_HOME", "relative")
    travelled = pickle.dumps(form.stages.BuildVocab(form.source([["a"]])))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert pickle.loads(travelled).vocab.get_itos() == ["<pad>", "<unk>", "a"]


# Errors name the stage, the row, and the cure.


class Late:
    """A tokenizer with a mistake of the kind that a property turns into "no such attribute"."""

    def __call__(self, text: str) -> list[str]:
        return text.spilt()  # type: ignore[attr-defined,no-any-return]  # the mistake


def _generator(rows: list[Any]) -> Any:
    return (row for row in rows)


Graph = Callable[[Form], Any]
BROKEN: dict[str, tuple[Graph, type[Exception], str]] = {
    "an empty corpus": (
        lambda form: form.stages.BuildVocab(form.source([])),
        GraphError,
        r"^build_vocab: the corpus has no rows.*Look at its source: a generator",
    ),
    "a generator": (
        lambda form: form.stages.BuildVocab(form.source(_generator([["a"], ["b"]]))),
        GraphError,
        r"^build_vocab: its source gave 2 rows when they were counted, and now none.*a list, not a generator",
    ),
    "no such column": (
        lambda form: form.stages.Tokenize(form.source([(1, "a"), (2,)])),
        GraphError,
        r"^tokenize: this row lacks the default column, .*; it has 1 field.*\(2,\).*column=",
    ),
    "no such column to count": (
        lambda form: form.stages.BuildVocab(form.source([{"text": ["a"]}, {"body": ["a"]}])),
        GraphError,
        r"^build_vocab: this row lacks .*it has 'body'.*column=",
    ),
    "a text that is no str": (
        lambda form: form.stages.Tokenize(form.source(["a", 3])),
        GraphError,
        r"^tokenize: the text of a row must be a str, and this is 3. Name the column",
    ),
    "a tokenizer that returns a str": (
        lambda form: form.stages.Tokenize(form.source(["A text"]), str.lower),
        GraphError,
        r"^tokenize: the tokenizer <method 'lower'.* made 'a text' of 'A text'. It must return a list",
    ),
    "a tokenizer that returns nothing": (
        lambda form: form.stages.Tokenize(form.source(["A text"]), print),
        GraphError,
        r"^tokenize: the tokenizer <built-in function print> made None of 'A text'. It must return a list",
    ),
    "a tokenizer that returns no words": (
        lambda form: form.stages.BuildVocab(form.stages.Tokenize(form.source(["a", "b"]), str.encode)),
        TokenTypeError,
        r"^build_vocab: sentence 0: a token is a str, not 97 .* A tokenizer must return a list of str",
    ),
    "a tokenizer with a mistake": (
        lambda form: form.stages.BuildVocab(form.stages.Tokenize(form.source(["a"]), Late())),
        GraphError,
        r"^build_vocab: .*failed: AttributeError.*'str' object has no attribute 'spilt'",
    ),
    "texts that are not tokenised, counted": (
        lambda form: form.stages.BuildVocab(form.source(["a text"])),
        GraphError,
        r"^build_vocab: a row must hold a list of tokens, and this holds 'a text'. Put .tokenize\(\) before it",
    ),
    "texts that are not tokenised": (
        lambda form: form.stages.Numericalize(form.source(["a text"]), vocab=Vocab(["a"])),
        GraphError,
        r"^numericalize: a row must hold a list of tokens, and this holds 'a text'. Put .tokenize\(\) before it",
    ),
    "texts that are not tokenised, looked up": (
        lambda form: form.stages.LookupVectors(form.source([(1, "a text")]), vectors()),
        GraphError,
        r"^lookup_vectors: a row must hold a list of tokens, and this holds 'a text'. Put .tokenize\(\) before it",
    ),
    "the wrong column": (
        lambda form: form.stages.Numericalize(form.source([(1, ["a"])]), vocab=Vocab(["a"]), column=0),
        GraphError,
        r"^numericalize: a row must hold a list of tokens, and this holds 1. Name the column",
    ),
    "tokens that are no str": (
        lambda form: form.stages.Numericalize(form.source([["a", 3]]), vocab=Vocab(["a"])),
        TokenTypeError,
        r"^numericalize: tokens\[1\] is 3 .*The row holds \['a', 3\]",
    ),
    "tokens that are no str, looked up": (
        lambda form: form.stages.LookupVectors(form.source([["a", 3]]), vectors()),
        TokenTypeError,
        r"^lookup_vectors: tokens must be str, and the one at position 1 is int: 3",
    ),
    "no vocabulary": (
        lambda form: form.stages.Numericalize(form.source([["a"]])),
        GraphError,
        r"^numericalize: no stage before it has a vocabulary. Put .build_vocab\(\) before it, or.*vocab=",
    ),
    "a vocabulary that is none": (
        lambda form: form.stages.Numericalize(form.source([["a"]]), vocab={"a": 0}),
        GraphError,
        r"^numericalize: vocab=\{'a': 0\} is neither a Vocab nor a stage that has one",
    ),
    "a stage without a vocabulary named": (
        lambda form: form.stages.Numericalize(
            form.source([["a"]]), vocab=form.stages.Tokenize(form.source(["a"]))
        ),
        GraphError,
        r"^numericalize: vocab=.* is neither a Vocab nor a stage that has one",
    ),
    "no vocabulary to use": (
        lambda form: form.stages.UseVocab(form.source([["a"]]), {"a": 0}),
        GraphError,
        r"^use_vocab: vocab=\{'a': 0\} is neither a Vocab nor a stage that has one",
    ),
    "a given vocabulary and a counted one on one path": (
        lambda form: form.stages.Numericalize(
            form.stages.UseVocab(form.stages.BuildVocab(form.source([["a"]])), Vocab(["a"]))
        ),
        GraphError,
        r"^numericalize: 2 vocabularies come before it, and column=None does not say.*vocab=…; or give each",
    ),
    "a second corpus without rows": (
        lambda form: form.stages.BuildVocab(form.source([["a"]]), extend_with=form.source([])),
        GraphError,
        r"^build_vocab: the corpus that extend_with= names has no rows. Look at its source",
    ),
    "nothing to align": (
        lambda form: form.stages.AlignVectors(form.source([["a"]]), vectors()),
        GraphError,
        r"^align_vectors: no stage before it has a vocabulary. Put .build_vocab\(\) before it",
    ),
    "an unknown layout": (
        lambda form: form.stages.BatchTokens(form.source([[1]]), 1, layout="packed"),
        GraphError,
        r"^batch_tokens: there is no layout 'packed'. Choose padded, offsets, jagged",
    ),
    "a batch size of 0": (
        lambda form: form.stages.BatchTokens(form.source([[1]]), 0),
        GraphError,
        r"^batch_tokens: batch_size=0 is not 1 or more",
    ),
    "rows of several forms in a batch": (
        lambda form: form.stages.BatchTokens(form.source([[1], (0, [1])]), 2),
        GraphError,
        r"^batch_tokens: the rows of one batch are not of one form: \[1\] and \(0, \[1\]\)",
    ),
    "tokens in a batch": (
        lambda form: form.stages.BatchTokens(form.source([["a"]]), 2),
        GraphError,
        r"^batch_tokens: a row's field is \['a'\].*Put .numericalize\(\)",
    ),
    "an unknown tokenizer": (
        lambda form: form.stages.Tokenize(form.source(["a"]), "basic_french"),
        GraphError,
        r"^tokenize: Requested tokenizer 'basic_french', valid choices are \"basic_english\"",
    ),
    "one str as specials": (
        lambda form: form.stages.BuildVocab(form.source([["a"]]), specials="<unk>"),
        TokenTypeError,
        r"specials is one str.*Write specials=\['<unk>'\]",
    ),
    "no room but for specials": (
        lambda form: form.stages.BuildVocab(form.source([["a"]]), max_tokens=2),
        VocabError,
        r"entirely special tokens.*max_tokens of 3 or more",
    ),
}


@both
@pytest.mark.parametrize("what", BROKEN)
def test_what_is_wrong_is_said_with_its_stage_its_row_and_its_cure(form: Form, what: str) -> None:
    graph, kind, says = BROKEN[what]
    with pytest.raises(kind, match=f"(?s){says}"):
        epoch(form, graph(form))


@both
def test_a_fit_that_failed_is_tried_again_by_the_next_who_asks(form: Form) -> None:
    rows: list[list[str]] = []
    fitted = form.stages.BuildVocab(form.source(rows))
    for _ in range(2):
        with pytest.raises(GraphError, match="no rows"):
            _ = fitted.vocab
    rows.append(["a"])
    assert fitted.vocab.get_itos() == ["<pad>", "<unk>", "a"]


@both
def test_a_wrong_row_is_met_in_one_pass_and_its_error_hides_behind_no_other(
    form: Form, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    fitted = fitted_graph(form, form.source(Logged(["a", 3], log)))
    graph = form.stages.Numericalize(form.stages.AlignVectors(fitted, vectors()))
    with pytest.raises(GraphError, match=r"^tokenize: the text of a row must be a str") as error:
        epoch(form, graph)
    assert error.value.__context__ is None or not isinstance(error.value.__context__, GraphError)
    assert (fitted.passes, len(passes(log))) == (1, 1)
    with pytest.raises(GraphError, match=r"^tokenize: the text of a row must be a str"):
        epoch(form, fitted_graph(form, form.source(_generator(["a", 3]))))


@both
def test_a_mistake_in_what_makes_unknown_rows_is_named(form: Form) -> None:
    fitted = form.stages.BuildVocab(form.source([["a"]]))
    aligned = form.stages.AlignVectors(fitted, vectors(), unk_init=lambda row: row.no_such_thing())
    with pytest.raises(GraphError, match=r"^align_vectors: .*AttributeError.*no_such_thing"):
        _ = aligned.alignment


# Held by its end.


@both
def test_the_end_of_a_graph_is_asked_for_what_a_stage_before_has(form: Form) -> None:
    fitted = fitted_graph(form, form.source(LABELLED))
    aligned = form.stages.AlignVectors(fitted, vectors())
    graph = form.stages.BatchTokens(form.stages.Numericalize(aligned), 4)
    assert graph.vocab is fitted.vocab
    assert graph.alignment is aligned.alignment
    assert graph.embedding().num_embeddings == len(fitted.vocab)
    assert not hasattr(graph, "no_such_name")
    with pytest.raises(
        AttributeError, match=r"no attribute 'vocab', and no stage before it has.*build_vocab"
    ):
        _ = form.stages.Tokenize(form.source(["a"])).vocab
    with pytest.raises(AttributeError, match=r"no attribute 'embedding'.*there is no \.align_vectors"):
        _ = form.stages.BatchTokens(form.stages.Numericalize(fitted), 4).embedding
    second = form.stages.BuildVocab(fitted, column=0)
    with pytest.raises(AttributeError, match=r"several stages before it have, each another. Keep the stage"):
        _ = form.stages.BatchTokens(second, 4, padding_value=0).vocab


@both
@pytest.mark.parametrize("specials", [["<unk>"], []])
def test_rows_that_are_filled_up_with_a_word_are_warned_of(form: Form, specials: list[str]) -> None:
    fitted = form.stages.BuildVocab(form.source([["a", "b"], ["a"]]), specials=specials)
    graph = form.stages.BatchTokens(form.stages.Numericalize(fitted), 2)
    word = "'<unk>'" if specials else "'a'"
    with pytest.warns(
        UserWarning, match=f"^batch_tokens: the vocabulary has no '<pad>'.* index 0, which is {word}"
    ):
        epoch(form, graph)


@both
@pytest.mark.parametrize(
    ("row", "says"),
    [
        (["1", "a text"], "taken for its tokens: make it a tuple, such as \\(label, text\\)"),
        ((1, None), "The text is missing: leave such rows out"),
        ((1, float("nan")), "The text is missing: leave such rows out"),
    ],
)
def test_a_row_of_the_wrong_form_is_told_the_right_one(form: Form, row: Any, says: str) -> None:
    with pytest.raises(GraphError, match=f"^tokenize: .*{says}"):
        epoch(form, form.stages.Tokenize(form.source([row])))


def test_a_node_over_a_list_is_told_how_to_begin() -> None:
    with pytest.raises(
        GraphError, match=r"^Tokenize: its source must be a node, and this is list. Begin with"
    ):
        nodes.Tokenize(["a"])  # type: ignore[arg-type]  # the mistake
