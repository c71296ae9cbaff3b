"""The rules below pipes and nodes: what is fitted, what it travels as, and which vocabulary a stage goes by."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from corpora import vectors
from hypothesis import given
from hypothesis import strategies as st

from torchvectors.align import policy_for
from torchvectors.errors import TokenTypeError, VocabError
from torchvectors.fitting import Aligned, Corpus, Fit, Fixed, VocabSettings
from torchvectors.stages import Trace, before
from torchvectors.vocabulary import Vocab, build_vocab_from_iterator


def fit_of(rows: Sequence[Sequence[str]], **settings: Any) -> Fit:
    @contextmanager
    def share(number: int, of: int) -> Iterator[Sequence[Sequence[str]]]:
        yield rows[number::of]

    return Fit(Corpus(share=share, source=None, kind=Stage), VocabSettings(**settings))


# Which tokens.

TOKENS = st.sampled_from(["a", "b", "é", "<unk>", "<pad>", "", "\ud800"])


@given(
    rows=st.lists(st.lists(TOKENS), min_size=1),
    min_freq=st.integers(0, 4),
    specials=st.lists(st.sampled_from(["<pad>", "<unk>", "<bos>", "a"]), unique=True),
    max_tokens=st.none() | st.integers(5, 9),
)
def test_every_vocabulary_is_the_specials_and_then_the_most_frequent(
    rows: list[list[str]], min_freq: int, specials: list[str], max_tokens: int | None
) -> None:
    counts = Counter(token for row in rows for token in row)
    kept = [
        token for token in sorted(counts, key=lambda token: (-counts[token], token)) if token not in specials
    ]
    expected = [*specials, *(token for token in kept if counts[token] >= min_freq)][:max_tokens]
    fit = fit_of(rows, min_freq=min_freq, specials=specials, max_tokens=max_tokens)
    assert fit.vocab.get_itos() == expected
    assert fit.vocab.get_default_index() == (specials.index("<unk>") if "<unk>" in specials else None)
    assert fit.counts == {token: n for token, n in counts.items() if token in expected}
    assert (fit.passes, fit.rows, fit.running) == (1, len(rows), counts.total())


def torchtexts_rule(
    sentences: list[list[str]], min_freq: int, specials: list[str], max_tokens: int | None, *, mended: bool
) -> list[str]:
    """Return the tokens that torchtext 0.18 chooses: its two functions, statement by statement.

    Mended, a special that occurs is taken out before the cut, not after it, and so costs no other token its place.
    """
    # build_vocab_from_iterator
    counter: Counter[str] = Counter()
    for tokens in sentences:
        counter.update(tokens)
    sorted_by_freq_tuples = sorted(counter.items(), key=lambda x: (-x[1], x[0]))
    if mended:
        sorted_by_freq_tuples = [pair for pair in sorted_by_freq_tuples if pair[0] not in specials]
    if max_tokens is None:
        ordered_dict = OrderedDict(sorted_by_freq_tuples)
    else:
        assert len(specials) < max_tokens
        ordered_dict = OrderedDict(sorted_by_freq_tuples[: max_tokens - len(specials)])
    # vocab
    for token in specials:
        ordered_dict.pop(token, None)
    chosen = [token for token, freq in ordered_dict.items() if freq >= min_freq]
    chosen[0:0] = specials
    return chosen


@given(
    rows=st.lists(st.lists(TOKENS), min_size=1),
    min_freq=st.integers(-1, 4),
    specials=st.lists(st.sampled_from(["<pad>", "<unk>", "<bos>", "a"]), unique=True),
    max_tokens=st.none() | st.integers(5, 9),
)
def test_every_vocabulary_is_torchtexts_but_for_the_mended_cut(
    rows: list[list[str]], min_freq: int, specials: list[str], max_tokens: int | None
) -> None:
    fit = fit_of(rows, min_freq=min_freq, specials=specials, max_tokens=max_tokens)
    assert fit.vocab.get_itos() == torchtexts_rule(rows, min_freq, specials, max_tokens, mended=True)
    theirs = torchtexts_rule(rows, min_freq, specials, max_tokens, mended=False)
    from_iterator = build_vocab_from_iterator(
        rows, min_freq=min_freq, specials=specials, max_tokens=max_tokens
    )
    assert from_iterator.get_itos() == theirs
    if max_tokens is None or not {token for row in rows for token in row} & set(specials):
        assert fit.vocab.get_itos() == theirs


def test_settings_are_checked_before_a_corpus_is_counted() -> None:
    with pytest.raises(TokenTypeError, match="specials is one str"):
        VocabSettings(specials="<unk>")
    with pytest.raises(VocabError, match="It stands twice in specials"):
        VocabSettings(specials=("<unk>", "<unk>"))
    with pytest.raises(VocabError, match="entirely special tokens"):
        VocabSettings(max_tokens=2)


def test_settings_keep_a_copy_of_the_specials() -> None:
    specials = ["<pad>"]
    fit = fit_of([["a"]], specials=specials)
    specials.append("<bos>")
    assert fit.vocab.get_itos() == ["<pad>", "a"]


PROGRAM = """
from torchvectors.datapipes import BuildVocab
rows = [[f"{i * i % 97} token"] for i in range(200)]
print(BuildVocab(rows).vocab.get_itos())
"""


def test_no_seed_of_pythons_hashes_changes_a_vocabulary() -> None:
    here: dict[str, Any] = {"print": lambda itos: here.update(itos=itos)}
    exec(PROGRAM, here)
    environment = {**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    if os.environ.get("PYTHONHASHSEED") == "1":
        environment["PYTHONHASHSEED"] = "2"
    command = [sys.executable, "-c", PROGRAM]
    other = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert other.stdout == f"{here['itos']}\n"


# What travels.


def test_a_vocabulary_is_written_once_however_often_it_travels(own_cache: Path) -> None:
    for _ in range(2):
        fit = fit_of([["b", "a"]])
        for _ in range(2):
            assert pickle.loads(pickle.dumps(fit)).vocab.get_itos() == ["<pad>", "<unk>", "a", "b"]
    (file,) = (own_cache / "vocabularies").iterdir()
    assert file.suffix == ".safetensors"


def test_a_copy_is_fitted_and_knows_the_counts() -> None:
    fit = fit_of([["b", "a"], ["a"]])
    assert not fit.fitted
    copy = pickle.loads(pickle.dumps(fit))
    assert fit.fitted
    assert copy.fitted
    assert (copy.passes, copy.rows, copy.running, copy.counts) == (0, 2, 3, {"a": 2, "b": 1})


def test_stages_that_share_a_fit_share_its_copy() -> None:
    fit = fit_of([["a"]])
    first, second = pickle.loads(pickle.dumps((fit, fit)))
    assert first is second


def test_a_copy_of_an_alignment_looks_vectors_up_anew() -> None:
    aligned = Aligned(fit_of([["the", "cat", "the"]]), policy_for(vectors(), unk_init="mean"))
    assert aligned.alignment.coverage.of_text == 1.0
    travelled = pickle.dumps(aligned)
    copy = pickle.loads(travelled)
    assert not copy.found
    assert torch.equal(copy.alignment.matrix, aligned.alignment.matrix)
    assert copy.alignment.coverage.of_text == 1.0  # the counts have come along


def test_a_given_vocabulary_is_fitted_and_uncounted() -> None:
    vocab = Vocab(["a"])
    assert (Fixed(vocab).vocab, Fixed(vocab).fitted, Fixed(vocab).counts) == (vocab, True, None)


# What is before a stage.


class Stage:
    def __init__(self, **sources: Any) -> None:
        vars(self).update(sources)


def test_stages_are_found_wherever_a_stage_keeps_them_the_nearest_first() -> None:
    far, behind, listed, key, value = Stage(), Stage(), Stage(), Stage(), Stage()
    near = Stage(source=far, number=3)
    last = Stage(first=near, some=[listed, "a"], pairs={key: 1, "b": value}, behind=(behind,))
    far.loop = last  # type: ignore[attr-defined]  # a stage may hold anything
    assert list(before(last, Stage)) == [last, near, listed, key, value, behind, far]
    assert list(before([last], Stage)) == []


ODD_TENSORS: dict[str, Any] = {
    "sparse": lambda n: torch.tensor([0.0, n]).to_sparse(),
    "nested": lambda n: torch.nested.nested_tensor([torch.ones(1), torch.tensor([1.0, n])]),
    "jagged": lambda n: torch.nested.nested_tensor(
        [torch.ones(1), torch.tensor([1.0, n])], layout=torch.jagged
    ),
    "conjugate": lambda n: torch.tensor([1j * n]).conj(),
}


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors is in prototype stage:UserWarning")
@pytest.mark.parametrize("kind", ODD_TENSORS)
def test_a_trace_tells_tensors_of_every_layout_apart(kind: str) -> None:
    traces = []
    for number in (2, 2, 3):
        trace = Trace()
        trace.add(ODD_TENSORS[kind](number))
        traces.append(trace.value())
    assert traces[0] == traces[1] != traces[2]


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta state:UserWarning")
@pytest.mark.filterwarnings("ignore:Sparse invariant checks are implicitly disabled:UserWarning")
def test_a_trace_takes_what_has_no_numbers_that_it_could_read() -> None:
    Trace().add([torch.ones(2, device="meta"), torch.eye(2).to_sparse_csr()])
