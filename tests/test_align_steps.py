"""The chain by which a token comes by its row: every step against plain Python, rows chosen, and the policy's text."""

from __future__ import annotations

import functools
import json
import os
import pickle
import random
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from torchvectors import Digits, GloVe, Normal, Vectors, Vocab, align
from torchvectors.align import Step, policy_for
from torchvectors.errors import TokenTypeError, VocabError
from torchvectors.pretrained import CharNGram

ROOT = Path(__file__).resolve().parents[1]

WORDS = [
    "cafe",
    "caf\u00e9",
    "cafe\u0301",
    "fi",
    "\ufb01",
    "12",
    "\uff11\uff12",
    "##",
    "00",
    "7",
    "#",
    "a7",
    "a0",
]
ROWS = st.lists(st.sampled_from([*WORDS, "CAFE", "<unk>", ""]), unique=True, max_size=10)
TOKENS = st.sampled_from(
    [*WORDS, "Cafe", "CAF\u00c9", "A7", "A12", "15.80", "99", "<pad>", "\ud800"]
) | st.text(max_size=3)


def vectors_of(itos: list[str], **options: Any) -> Vectors:
    """Make vectors whose row i is [i + 1, -(i + 1)]."""
    numbers = torch.arange(1, len(itos) + 1, dtype=torch.float32)
    return Vectors.from_tensor(itos, torch.stack([numbers, -numbers], dim=1), **options)


def unaccented(token: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", token) if not unicodedata.combining(c))


def outside(token: str) -> str:
    return token


def digits_by_hand(to: str, least: int) -> Callable[[str], str]:
    def spell(token: str) -> str:
        runs = ["".join(run) for _, run in groupby(token, key=lambda c: c in "0123456789")]
        return "".join(to * len(run) if run[0] in "0123456789" and len(run) >= least else run for run in runs)

    return spell


def form(name: Any) -> Callable[[str], str]:
    return lambda token: unicodedata.normalize(name, token)


# A step → what the coverage calls it, and what it looks up.
STEPS: list[tuple[Any, str, Callable[[str], str]]] = [
    ("exact", "exact", lambda token: token),
    ("lower case", "lower case", lambda token: token.lower()),
    *((name, name, form(name)) for name in ("NFC", "NFD", "NFKC", "NFKD")),
    (Digits(), "digits as 0", digits_by_hand("0", 1)),
    (Digits("#", least=2), "digits as # from 2", digits_by_hand("#", 2)),
    (unaccented, "unaccented", unaccented),
    (
        ("NFKC", "lower case", Digits("#")),
        "NFKC, lower case, digits as #",
        lambda t: digits_by_hand("#", 1)(form("NFKC")(t).lower()),
    ),
    (("lower case", unaccented), "lower case, unaccented", lambda token: unaccented(token.lower())),
]


@given(
    itos=ROWS,
    tokens=st.lists(TOKENS, max_size=10),
    steps=st.lists(st.sampled_from(STEPS), unique_by=lambda s: s[1]),
)
def test_every_token_gets_the_row_of_the_first_step_that_has_one(
    itos: list[str], tokens: list[str], steps: list[tuple[Any, str, Callable[[str], str]]]
) -> None:
    made = align(tokens, vectors_of(itos), steps=[step for step, _, _ in steps], unk_init=Normal())
    for i, token in enumerate(tokens):
        ways = [(name, spell(token)) for _, name, spell in steps if spell(token) in itos]
        if ways:
            how, expected = ways[0][0], torch.tensor([1.0, -1.0]) * (itos.index(ways[0][1]) + 1)
        elif token == "<pad>":
            how, expected = "padding", torch.zeros(2)
        else:
            how, expected = "missing", Normal().rows([token], 2)[0]
        assert made.coverage.how(token) == how
        assert torch.equal(made.matrix[i], expected)


@given(itos=ROWS, tokens=st.lists(TOKENS, max_size=10))
def test_every_lower_case_backup_is_the_two_steps(itos: list[str], tokens: list[str]) -> None:
    vectors = vectors_of(itos)
    short = align(tokens, vectors, lower_case_backup=True)
    long = align(tokens, vectors, steps=["exact", "lower case"])
    assert torch.equal(short.matrix, long.matrix)
    assert short.fingerprint == long.fingerprint
    assert [*map(short.coverage.how, tokens)] == [*map(long.coverage.how, tokens)]


def test_each_step_looks_up_once_what_the_steps_before_have_left() -> None:
    asked: list[list[str]] = []

    class Watched(Vectors):
        def rows_of(self, tokens: Any) -> Any:
            asked.append(list(tokens))
            return super().rows_of(tokens)

    made = Watched.from_tensor(["a", "b0"], torch.ones(2, 1))
    align(["a", "A", "B1", "c"], made, steps=["exact", "lower case", ("lower case", Digits())])
    assert asked == [["a", "A", "B1", "c"], ["a", "b1", "c"], ["b0", "c"]]


def test_digits_are_written_as_published_vectors_write_them() -> None:
    google = Digits("#", least=2)
    assert [*map(google, ["7", "15", "15.80", "B2", "1990s"])] == ["7", "##", "##.##", "B2", "####s"]
    assert [*map(Digits(), ["7", "B2", "1990s", "\u0663"])] == ["0", "B0", "0000s", "\u0663"]


# token → the word whose row it gets, and by which step
REAL = {
    "the": ("the", "exact"),
    "The": ("the", "lower case"),
    "Caf\u00e9": ("caf\u00e9", "lower case"),
    "cafe\u0301": ("caf\u00e9", "NFC, lower case"),
    "\uff11\uff19\uff18\uff14": ("1984", "NFKC, lower case"),
    "\ufb01sh": ("fish", "NFKC, lower case"),
    "na\u00efve": ("naive", "unaccented, lower case"),
    "9876": ("0000", "digits as 0"),
    "98765432": (None, "missing"),
}


def test_real_words_find_their_rows() -> None:
    glove, tokens = GloVe("sample"), list(REAL)
    steps: list[Step] = ["exact", "lower case", ("NFC", "lower case"), ("NFKC", "lower case")]
    made = align(tokens, glove, steps=[*steps, (unaccented, "lower case"), Digits()])
    for i, (token, (word, how)) in enumerate(REAL.items()):
        assert word is None or word in glove
        assert torch.equal(made.matrix[i], torch.zeros(50) if word is None else glove[word]), token
        assert made.coverage.how(token) == how
    assert "  NFKC, lower case               2\n" in str(made.coverage)
    assert made.coverage.as_dict()["NFC, lower case"] == 1


NGRAMS = ["2gram-ca", "3gram-#BEGIN#ca", "2gram-at", "2gram-t#END#"]


def ngrams(**options: Any) -> CharNGram:
    return CharNGram.from_tensor(
        NGRAMS, torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0], [9.0, 8.0]]), **options
    )


def test_ngrams_are_a_step_like_any_other() -> None:
    vectors = ngrams()
    made = align(["cat", "CAT", "zz"], vectors, steps=["exact", ("lower case", "n-grams")], unk_init="mean")
    assert torch.equal(made.matrix, torch.cat([vectors["cat"], vectors["cat"], vectors.mean()[None]]))
    assert [*map(made.coverage.how, ["cat", "CAT", "zz"])] == ["lower case, n-grams"] * 2 + ["missing"]
    without = align(["cat"], vectors, steps=["exact"], unk_init="zeros")
    assert without.coverage.tokens("missing") == ["cat"]
    assert without.matrix.tolist() == [[0, 0]]


def test_subword_names_the_step_that_such_vectors_have_anyway() -> None:
    tokens = ["cat", "zz"]
    for options in ({}, {"steps": ["exact"]}, {"lower_case_backup": True}):
        made = align(tokens, ngrams(unk_init="mean"), unk_init="subword", **options)
        assert torch.equal(made.matrix, torch.cat([ngrams()["cat"], ngrams().mean()[None]]))
        assert [*map(made.coverage.how, tokens)] == ["n-grams", "missing"]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (
            {"unk_init": "subword"},
            r'unk_init="subword" needs vectors that know parts of words; <Vectors: 1 tokens',
        ),
        (
            {"steps": ["exact", "n-grams"]},
            r'the step "n-grams" needs vectors .* choose zeros, the mean or Normal',
        ),
    ],
)
def test_parts_of_words_are_refused_where_the_vectors_know_none(how: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        align(["a"], vectors_of(["a"]), **how)


@pytest.mark.parametrize(
    ("how", "error", "said"),
    [
        ({"steps": "exact"}, TypeError, r"steps='exact': give several"),
        ({"steps": 3}, TypeError, r"steps=3: give several"),
        ({"steps": ["exact", "lower"]}, TypeError, r"'lower' is no step. Give 'exact', 'lower case', 'NFC'"),
        ({"steps": ["exact", 3]}, TypeError, r"3 is no step"),
        ({"steps": ["exact", "exact"]}, ValueError, r"'exact' is the name of two"),
        ({"steps": [lambda t: t, lambda t: t]}, ValueError, r"'<lambda>' is the name of two"),
        ({"steps": [outside]}, ValueError, r"'outside' is the name of two, or has another meaning"),
        ({"steps": [("exact", "NFC")]}, ValueError, r"\('exact', 'NFC'\) cannot be done"),
        ({"steps": [("n-grams", "NFC")]}, ValueError, r'"n-grams" at the end'),
        ({"steps": [()]}, ValueError, r"\(\) cannot be done"),
        ({"steps": ["exact"], "lower_case_backup": True}, ValueError, r"not both"),
        ({"unk_init": "noise"}, TypeError, r"unk_init='noise': give"),
        ({"rows": [("a", "mean")]}, TypeError, r"rows=\[\('a', 'mean'\)\]: give a dict"),
        ({"rows": {3: "mean"}}, TokenTypeError, r"a key of rows= is int, not str: 3"),
        ({"rows": {"a": "subword"}}, TypeError, r"the row of 'a' is 'subword'. Give a tensor"),
        ({"rows": {"a": [1.0, 2.0]}}, TypeError, r"the row of 'a' is \[1.0, 2.0\]"),
        ({"rows": {"a": torch.zeros(3)}}, ValueError, r"the row of 'a' has shape \(3,\); it needs \(2,\)"),
        ({"rows": {"<bos>": "mean"}}, VocabError, r"'<bos>' is not in this vocabulary of 1 tokens"),
        ({"steps": [len]}, TokenTypeError, r"the step 'len' made of 'a' int, not str: 1"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_the_cure(how: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        align(["a"], vectors_of(["a"]), **how)


@pytest.mark.parametrize(("how", "error"), [({"to": 0}, TypeError), ({"least": 0}, ValueError)])
def test_digits_that_cannot_be_written_are_refused(how: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"give what is written|the shortest run"):
        Digits(**how)


# Chosen rows.


def test_rows_are_chosen_by_token() -> None:
    tokens = ["<pad>", "<unk>", "<bos>", "<sep>", "<cls>", "a", "b", "x"]
    sep = torch.tensor([7, 8])
    made = align(
        tokens,
        vectors_of(["a", "b"]),
        unk_init="zeros",
        rows={
            "<unk>": "mean",
            "<bos>": Normal(std=0.1),
            "<sep>": sep,
            "<cls>": torch.ones_like,
            "a": "zeros",
        },
    )
    sep.zero_()
    noise = Normal(std=0.1).rows(["<bos>"], 2)[0]
    assert torch.equal(made.matrix[2], noise)
    rest = made.matrix[[0, 1, 3, 4, 5, 6, 7]].tolist()
    assert rest == [[0, 0], [1.5, -1.5], [7, 8], [1, 1], [0, 0], [2, -2], [0, 0]]
    assert made.coverage.tokens("chosen") == ["<unk>", "<bos>", "<sep>", "<cls>", "a"]
    assert made.coverage.of_tokens == 0.5  # of "b" and "x"; a chosen row is no question to the vectors
    assert made.padding_idx == 0


def test_padding_has_zeros_unless_its_row_is_chosen() -> None:
    for vectors in (vectors_of(["a"]), vectors_of(["a"], unk_init="mean")):
        assert align(["<pad>"], vectors, unk_init="mean").matrix.tolist() == [[0, 0]]
        made = align(["<pad>"], vectors, rows={"<pad>": "mean"})
        assert made.matrix.tolist() == [[1, -1]]
        assert (made.padding_idx, made.coverage.how("<pad>")) == (0, "chosen")


def test_a_token_that_is_there_twice_gets_its_row_twice() -> None:
    made = align(["x", "a", "x"], vectors_of(["a"]), rows={"x": torch.tensor([3.0, 4.0], requires_grad=True)})
    assert made.matrix.tolist() == [[3, 4], [1, -1], [3, 4]]
    assert not made.matrix.requires_grad


# The policy and the fingerprint.


def policy(vectors: Vectors | None = None, **how: Any) -> str:
    return policy_for(vectors_of(["a"]) if vectors is None else vectors, **how).text


def test_the_policy_is_spelled_out_in_words_that_stay() -> None:
    # Literal text: a checkpoint's fingerprint of this release must be that of the next one.
    steps = [
        "exact",
        ("NFKC", "lower case"),
        Digits("#", least=2),
        str.casefold,
        functools.partial(sorted, key=1),
    ]
    rows = {"<unk>": "mean", "<sep>": torch.tensor([1.0, 2.0]), "<bos>": Normal(std=0.1)}
    text = policy(steps=steps, unk_init=Normal(), rows=rows)
    assert text.splitlines() == [
        "policy 1",
        "step: exact",
        "step: NFKC, lower case",
        "step: Digits(to='#', least=2)",
        "step: str.casefold",
        "step: partial of builtins.sorted",
        "unknown: Normal(std=0.6, mean=0.0, seed=0)",
        "row of '<bos>': Normal(std=0.1, mean=0.0, seed=0)",
        "row of '<sep>': xxh3_128:4533ce61c4655ba3c3e077b25dd1d769",
        "row of '<unk>': mean",
        "padding: '<pad>'",
    ]
    assert policy().splitlines()[2] == "unknown: zeros"
    assert policy(steps=[unaccented]).splitlines()[1] == f"step: {__name__}.unaccented"
    assert policy(ngrams(unk_init="mean")).splitlines()[1:4] == [
        "step: exact",
        "step: n-grams",
        "unknown: the rule of CharNGram, and mean",
    ]


def test_every_difference_of_policy_vocabulary_or_vectors_is_another_fingerprint() -> None:
    ways: list[dict[str, Any]] = [
        {}, {"lower_case_backup": True}, {"unk_init": "mean"}, {"unk_init": Normal()}, {"unk_init": Normal(seed=1)},
        {"pad_token": None}, {"rows": {"b": "mean"}}, {"rows": {"b": torch.zeros(2)}}, {"rows": {"b": torch.ones(2)}},
        {"steps": [Digits()]}, {"steps": [Digits("#")]},
    ]  # fmt: skip
    made = [align(["a", "b"], vectors_of(["a"]), **how).fingerprint for how in ways]
    made += [
        align(["b", "a"], vectors_of(["a"])).fingerprint,
        align(["a", "b"], vectors_of(["b"])).fingerprint,
    ]
    assert len(set(made)) == len(made)
    again = [align(["a", "b"], vectors_of(["a"]), **how).fingerprint for how in ways]
    assert again == made[: len(ways)]


def test_the_fingerprint_names_its_parts() -> None:
    vocab, vectors = Vocab(["a", "b"]), vectors_of(["a"])
    parts = dict(part.split("=") for part in align(vocab, vectors).fingerprint.split())
    assert list(parts) == ["vocab", "vectors", "policy"]
    assert (parts["vocab"], parts["vectors"]) == (vocab.fingerprint, vectors.fingerprint)
    vocab.set_default_index(0)  # where unknown words go changes no row
    assert align(vocab, vectors).fingerprint == align(["a", "b"], vectors).fingerprint


PROGRAM = """
import json, sys, torch
sys.path.insert(0, "tests")
from test_align_steps import summary
torch.manual_seed(int(sys.argv[1]))
print(json.dumps(summary()))
"""


def summary() -> dict[str, Any]:
    """Return what has to be the same in every process."""
    made = align(
        ["<pad>", "<bos>", "a", "Caf\u00e9", "never", "\u732b"],
        vectors_of(["a", "cafe"]),
        steps=["exact", ("lower case", unaccented)],
        unk_init=Normal(std=0.3, seed=5),
        rows={"<bos>": Normal(std=0.1)},
    )
    return {
        "rows": made.matrix.tolist(),
        "policy": made.policy.replace(__name__, ""),
        "print": made.fingerprint.split()[:2],
    }


def test_rows_and_fingerprint_are_the_same_in_other_processes() -> None:
    expected = summary()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, seed], env=environment, cwd=ROOT, capture_output=True, check=True
        )
        assert json.loads(done.stdout) == expected


def test_no_random_state_is_read_or_moved() -> None:
    def states() -> bytes:
        numpy = np.random.get_state()  # noqa: NPY002 - the global state is what this is about
        return pickle.dumps((random.getstate(), numpy, torch.get_rng_state().tolist()))

    made = []
    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        torch.manual_seed(seed)
        before = states()
        alignment = align(
            ["x", "<bos>"], vectors_of(["a"]), unk_init=Normal(), rows={"<bos>": Normal(std=0.1)}
        )
        alignment.embedding(train="missing")
        made.append(alignment.matrix)
        assert states() == before
    assert torch.equal(*made)
