"""An alignment that a graph makes: the same rules as the function, in both forms of the stage."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
import torch
from corpora import TEXTS, vectors
from torch.utils.data.datapipes.iter import IterableWrapper

from torchvectors import Digits, Normal, Vocab, align, datapipes, nodes
from torchvectors.align import PartlyTrainedEmbedding
from torchvectors.errors import CoverageError, GraphError, TokenTypeError, VocabError

ROWS = [["the", "THE", "c\uff41t", "x9"], ["the", "cat", "x9", "rare"]]
HOW: dict[str, Any] = {
    "steps": ["exact", "lower case", "NFKC", Digits()],
    "rows": {"<unk>": Normal(std=0.1), "<bos>": torch.tensor([3.0, 2.0, 1.0])},
    "unk_init": "mean",
}


def fitted(form: Any, rows: Any = ROWS, **settings: Any) -> Any:
    source = IterableWrapper(rows) if form is datapipes else _node(rows)
    return form.BuildVocab(source, specials=("<pad>", "<unk>", "<bos>"), **settings)


def _node(rows: Any) -> Any:
    from torchdata.nodes import IterableWrapper as Node

    return Node(rows)


both = pytest.mark.parametrize("form", [datapipes, nodes], ids=["pipes", "nodes"])


@both
def test_a_stage_takes_the_arguments_of_the_function_and_gives_its_result(form: Any) -> None:
    stage = form.AlignVectors(fitted(form), vectors(), **HOW)
    expected = align(stage.vocab, vectors(), **HOW)
    assert torch.equal(stage.alignment.matrix, expected.matrix)
    assert stage.alignment.policy == expected.policy
    assert stage.alignment.fingerprint == expected.fingerprint
    coverage = stage.alignment.coverage
    assert [*map(coverage.how, ("the", "THE", "c\uff41t", "rare"))] == [
        "exact",
        "lower case",
        "NFKC",
        "missing",
    ]
    layer = stage.embedding(train="missing")
    assert isinstance(layer, PartlyTrainedEmbedding)
    assert len(layer.trained) == 4  # <unk>, <bos>, "x9", "rare"
    assert len(stage.embedding_bag(train=["rare"]).trained) == 1


@both
def test_the_coverage_of_a_graph_is_that_of_its_whole_text(form: Any) -> None:
    stage = form.AlignVectors(fitted(form, min_freq=2), vectors())
    assert stage.vocab.get_itos() == ["<pad>", "<unk>", "<bos>", "the", "x9"]
    assert stage.alignment.coverage.of_text == 2 / 8
    assert stage.alignment.coverage.running_tokens()["outside"] == 4
    with pytest.raises(
        CoverageError, match=r"25.0% of the running text \(2 of 8\) .* 4 running tokens are not in the vocab"
    ):
        stage.alignment.assert_coverage(0.9)


@both
@pytest.mark.parametrize(
    ("how", "error", "said"),
    [
        ({"steps": ["lower"]}, TypeError, "'lower' is no step"),
        (
            {"rows": {"<unk>": torch.zeros(2)}},
            ValueError,
            r"^align_vectors: the row of '<unk>' has shape \(2,\)",
        ),
        ({"unk_init": "subword"}, ValueError, r'^align_vectors: unk_init="subword" needs vectors'),
        ({"rows": {0: "mean"}}, TokenTypeError, "^align_vectors: a key of rows= is int"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_the_corpus_is_counted(
    form: Any, how: Any, error: type[Exception], said: str
) -> None:
    counted = fitted(form)
    with pytest.raises(error, match=said):
        form.AlignVectors(counted, vectors(), **how)
    assert counted.passes == 0


@both
def test_a_row_of_a_token_that_the_vocabulary_lacks_is_refused_when_it_is_known(form: Any) -> None:
    stage = form.AlignVectors(fitted(form), vectors(), rows={"<sep>": "mean"})
    with pytest.raises(VocabError, match=r"rows: '<sep>' is not in this vocabulary of 9 tokens"):
        _ = stage.alignment


def test_a_copy_in_another_process_has_the_caller_s_chain_and_rows_as_they_were() -> None:
    row = torch.ones(3)
    stage = IterableWrapper(TEXTS).tokenize().build_vocab()
    stage = stage.align_vectors(
        vectors(), steps=["exact", str.upper, ("NFC", str.title)], rows={"<unk>": row}
    )
    row.zero_()
    again = pickle.loads(pickle.dumps(stage))
    assert again.alignment.matrix[1].tolist() == [1, 1, 1]
    assert again.alignment.fingerprint == stage.alignment.fingerprint


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"steps": ["exact", lambda token: token.upper()]}, "its step '<lambda>', .* cannot be pickled"),
        ({"rows": {"<unk>": lambda row: row + 1}}, "its rows, .* cannot be pickled"),
    ],
)
@both
def test_a_function_that_cannot_travel_is_named_when_the_graph_is_pickled(
    form: Any, how: Any, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.utils.data.datapipes.datapipe, "HAS_DILL", False)  # dill can pickle a lambda
    stage = form.AlignVectors(fitted(form), vectors(), **how)
    assert stage.alignment.dim == 3  # in this process it works
    with pytest.raises(GraphError, match=f"^align_vectors: {said}"):
        pickle.dumps(stage._aligned)


def test_a_given_vocabulary_has_a_coverage_of_its_tokens_alone() -> None:
    assert align(Vocab(["the", "x"]), vectors()).coverage.of_text is None
