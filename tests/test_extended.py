"""A vocabulary that a second corpus extends: its tokens come behind, and each corpus is counted once."""

from __future__ import annotations

import os
import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torchdata.nodes
from corpora import LABELLED, TEXTS, Logged, passes, vectors
from hypothesis import given
from hypothesis import strategies as st
from test_ranks import answers, tokenized
from torch.utils.data import DataLoader
from torch.utils.data.graph import traverse_dps
from torch.utils.data.graph_settings import get_all_graph_pipes

from torchvectors import Vocab, datapipes, nodes
from torchvectors.errors import GraphError
from torchvectors.fitting import VocabSettings
from torchvectors.fitting.settings import Counted

pytestmark = [
    # Python 3.12 and later say so whenever torch has threads of its own.
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning"),
]

both = pytest.mark.parametrize("stages", [datapipes, nodes], ids=["pipes", "nodes"])

VALID = ["the unheard owl", "an owl and the cat", "zebra unheard owl"]
BEHIND = ["owl", "unheard", "an", "cat", "zebra"]  # by count, and then by code point


def epoch(stages: Any, graph: Any) -> list[Any]:
    return list(graph if stages is datapipes else torchdata.nodes.Loader(graph))


def extended(stages: Any, train: Any, valid: Any, **settings: Any) -> Any:
    tokens = (stages.Tokenize(stages.Rows(rows)) for rows in (train, valid))
    return stages.BuildVocab(next(tokens), extend_with=next(tokens), **settings)


def alone(**settings: Any) -> list[str]:
    return datapipes.Rows(LABELLED).tokenize().build_vocab(**settings).vocab.get_itos()  # type: ignore[no-any-return]


# Which tokens, and where.

TOKENS = st.sampled_from(["a", "b", "c", "d", "é", "<unk>", "<pad>", "Z"])
ROWS = st.lists(st.lists(TOKENS, max_size=6), min_size=1, max_size=5)


def _counted(rows: list[list[str]], more: list[list[str]] | None = None) -> Counted:
    counts = Counter(token for row in rows for token in row)
    second = None if more is None else _counted(more)
    return Counted(counts=counts, running=counts.total(), rows=len(rows), more=second)


@given(
    train=ROWS,
    valid=ROWS,
    min_freq=st.integers(1, 3),
    specials=st.lists(st.sampled_from(["<pad>", "<unk>", "a"]), unique=True),
    max_tokens=st.none() | st.integers(4, 9),
)
def test_every_index_of_the_first_corpus_stays_and_the_second_ones_tokens_come_behind(
    train: list[list[str]],
    valid: list[list[str]],
    min_freq: int,
    specials: list[str],
    max_tokens: int | None,
) -> None:
    how: dict[str, Any] = {"min_freq": min_freq, "specials": specials, "max_tokens": max_tokens}
    first = VocabSettings(**how).choose(_counted(train))
    both_of = VocabSettings(**how, extended=True).choose(_counted(train, valid))
    seen = Counter(token for row in valid for token in row)
    new = [
        token for token in sorted(seen, key=lambda token: (-seen[token], token)) if seen[token] >= min_freq
    ]
    behind = [token for token in new if token not in first.vocab.get_itos()]
    assert both_of.vocab.get_itos() == [*first.vocab.get_itos(), *behind][:max_tokens]
    assert both_of.vocab.get_default_index() == first.vocab.get_default_index()
    counts = Counter(token for row in train for token in row)
    assert both_of.counts == {token: counts[token] for token in both_of.vocab if token in counts}
    assert (both_of.running, both_of.rows) == (first.running, first.rows)


@given(train=ROWS, valid=ROWS, of=st.integers(1, 4))
def test_shares_add_up_to_the_whole(train: list[list[str]], valid: list[list[str]], of: int) -> None:
    parts = [_counted(train[number::of], valid[number::of]) for number in range(of)]
    assert Counted.added(parts) == _counted(train, valid)


# In a graph.


class Anew:
    """Rows that are no pipe; each pass over them adds the process's number to a file."""

    def __init__(self, rows: Any, log: Path) -> None:
        self.logged = (Logged(rows, log),)  # where no stage looks for stages

    def __iter__(self) -> Any:
        return iter(self.logged[0])


@both
@pytest.mark.parametrize("read_first", [True, False])
def test_each_corpus_is_counted_once(stages: Any, read_first: bool, tmp_path: Path) -> None:
    train, valid = tmp_path / "train", tmp_path / "valid"
    fitted = extended(stages, Logged(LABELLED, train), Logged(VALID, valid))
    assert (fitted.passes, fitted.extension_passes, passes(valid)) == (0, 0, [])
    aligned = stages.AlignVectors(fitted, vectors())
    graph = stages.Numericalize(aligned)
    if read_first:
        assert aligned.vocab.get_itos() == [*alone(), *BEHIND]
    loader = graph if stages is datapipes else torchdata.nodes.Loader(graph)
    assert [len(list(loader)) for _ in range(2)] == [len(LABELLED)] * 2  # the second corpus' rows stay away
    assert fitted.vocab.get_itos() == [*alone(), *BEHIND]
    assert (fitted.passes, fitted.extension_passes) == (1, 1)
    assert (len(passes(train)), len(passes(valid))) == (3, 1)
    assert len(aligned.alignment.matrix) == len(fitted.vocab)


@both
def test_counts_and_coverage_are_the_first_corpus(stages: Any) -> None:
    train = stages.Rows([["the", "cat"], ["rare"]])
    fitted = stages.BuildVocab(train, extend_with=stages.Rows([["sat"], ["sat"], ["rare"]]), specials=())
    assert fitted.vocab.get_itos() == ["cat", "rare", "the", "sat"]
    coverage = stages.AlignVectors(fitted, vectors()).alignment.coverage
    assert coverage.of_text == 2 / 3
    assert coverage.of_tokens == 3 / 4
    assert fitted.goes_by.counts == {"cat": 1, "rare": 1, "the": 1}


@pytest.mark.parametrize(
    ("way", "read_first"),
    [("2 fork", True), ("2 fork", False), pytest.param("1 spawn", False, marks=pytest.mark.slow)],
)
def test_workers_count_neither(way: str, read_first: bool, tmp_path: Path) -> None:
    train, valid = tmp_path / "train", tmp_path / "valid"
    tokens = Logged(VALID, valid).shuffle().sharding_filter().tokenize()
    fitted = Logged(LABELLED, train).tokenize().build_vocab(extend_with=tokens)
    if read_first:
        assert len(fitted.vocab) == len(alone()) + len(BEHIND)
    workers, start = way.split()
    graph = fitted.sharding_filter().numericalize()
    loader = DataLoader(graph, batch_size=None, num_workers=int(workers), multiprocessing_context=start)
    assert sorted(map(tuple, (ids for _, ids in loader))) == sorted(
        tuple(fitted.vocab(text.split())) for text in TEXTS
    )
    assert fitted.vocab.get_itos() == [*alone(), *BEHIND]
    assert passes(valid) == [os.getpid()]
    assert passes(train).count(os.getpid()) == 1


@pytest.mark.slow
def test_ranks_count_a_share_of_both(tmp_path: Path) -> None:
    body = f"""
    valid = Logged({VALID!r}, log).tokenize(counted)
    fitted = Logged(LABELLED, log).tokenize(counted).build_vocab(extend_with=valid)
    fitted.fit()
    answer = fitted.vocab.get_itos(), fitted.passes, fitted.extension_passes
    """
    found = answers(body, 2, tmp_path / "group", [str(tmp_path / "a"), str(tmp_path / "b")])
    assert found == [[[*alone(), *BEHIND], 1, 1]] * 2
    assert sum(tokenized(tmp_path / "group", 2)) == len(LABELLED) + len(VALID)


@both
def test_the_second_graph_stays_where_it_is(stages: Any, tmp_path: Path) -> None:
    valid = tmp_path / "valid set"
    fitted = extended(stages, LABELLED, Logged(VALID, valid))
    graph = stages.Numericalize(fitted)
    travelled = pickle.dumps(graph)
    assert str(valid).encode() not in travelled
    copy = pickle.loads(travelled)
    assert copy.vocab.get_itos() == [*alone(), *BEHIND]
    assert epoch(stages, copy) == epoch(stages, graph)
    assert (
        copy.source if stages is nodes else copy.source_datapipe
    ).settings_said() == fitted.settings_said()
    assert len(passes(valid)) == 1
    if stages is datapipes:
        names = {type(pipe).__name__ for pipe in get_all_graph_pipes(traverse_dps(graph))}
        assert names == {"Numericalize", "BuildVocab", "Tokenize", "Rows"}


@both
def test_a_fit_is_kept_only_where_both_corpora_say_which_they_are(stages: Any, tmp_path: Path) -> None:
    log = tmp_path / "log"

    def counted(train: str | None, valid: str | None) -> int:
        """Fit anew, and return how often the first corpus was read for it."""
        before = len(passes(log))
        source = stages.Tokenize(stages.Rows(Anew(LABELLED, log), train))
        more = stages.Tokenize(stages.Rows(VALID, valid))
        assert stages.BuildVocab(source, extend_with=more).vocab.get_itos() == [*alone(), *BEHIND]
        return len(passes(log)) - before

    assert [counted("t", "v"), counted("t", "v"), counted("t", "w"), counted("t", None)] == [1, 0, 1, 1]
    assert [counted("t", None), counted(None, "v"), counted("t", "v")] == [1, 1, 0]


# Errors.


@both
def test_a_second_corpus_that_is_none_is_refused(stages: Any) -> None:
    kind = "IterDataPipe" if stages is datapipes else "BaseNode"
    for wrong in ([["a"]], Vocab(["a"]), "a"):
        with pytest.raises(GraphError, match=f"^build_vocab, extend_with: .* is no {kind}. Give a graph"):
            stages.BuildVocab(stages.Rows([["a"]]), extend_with=wrong)


@both
def test_what_is_wrong_in_the_second_corpus_is_said_of_it(stages: Any) -> None:
    fitted = stages.BuildVocab(stages.Rows([["a"]]), extend_with=stages.Rows([]))
    with pytest.raises(GraphError, match=r"^build_vocab: the corpus that extend_with= names has no rows"):
        _ = fitted.vocab
    assert (fitted.passes, fitted.extension_passes) == (1, 1)
    fitted = stages.BuildVocab(stages.Rows([["a"]]), extend_with=stages.Rows([["b"], "c"]))
    with pytest.raises(GraphError, match=r"^build_vocab, extend_with: a row must hold .*It was row 1 of"):
        _ = fitted.vocab
    fitted = stages.BuildVocab(stages.Rows([]), extend_with=stages.Rows([["b"]]))
    with pytest.raises(GraphError, match=r"^build_vocab: the corpus has no rows"):
        _ = fitted.vocab


@both
def test_a_state_of_a_vocabulary_that_was_not_extended_is_refused(stages: Any) -> None:
    plain = stages.BuildVocab(stages.Tokenize(stages.Rows(LABELLED)))
    with pytest.raises(GraphError, match=r"extended=False.*and the graph has .*extended=True"):
        extended(stages, LABELLED, VALID).load_fit_state(plain.fit_state())
    state = extended(stages, LABELLED, VALID).fit_state()
    resumed = extended(stages, LABELLED, VALID)
    resumed.load_fit_state(state)
    assert resumed.vocab.get_itos() == [*alone(), *BEHIND]
    assert (resumed.passes, resumed.extension_passes) == (0, 0)
