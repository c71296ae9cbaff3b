"""Rows of tokens that have no vector: the noise that a token always gets, and the other choices."""

from __future__ import annotations

import math
import os
import pickle
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from xxhash import xxh3_64_intdigest

from torchvectors.vectors import Normal, UnkInit, unknown_rows

ROOT = Path(__file__).resolve().parents[1]
AWKWARD = st.sampled_from(["", " ", "\xa0", "a\0b", "\ud800", "<unk>", "é", "e\u0301"])
TOKENS = AWKWARD | st.text(max_size=4)


def no_mean() -> torch.Tensor:
    raise AssertionError("nobody asked for the mean")


def words(n: int) -> list[str]:
    return [f"word{i}" for i in range(n)]


# Normal noise


@given(tokens=st.lists(TOKENS, max_size=6), dim=st.integers(1, 9), seed=st.integers(-(2**70), 2**70))
def test_every_token_has_its_row_alone_and_in_company(tokens: list[str], dim: int, seed: int) -> None:
    noise = Normal(seed=seed)
    together = noise.rows(tokens, dim)
    assert together.shape == (len(tokens), dim)
    assert together.dtype == torch.float32
    for i, token in enumerate(tokens):
        assert torch.equal(noise.rows([token], dim)[0], together[i])
    assert torch.equal(noise.rows(tokens[::-1], dim), together.flip(0))


@pytest.mark.parametrize("dim", [1, 2, 3, 50])
def test_a_row_does_not_depend_on_how_many_are_drawn_at_a_time(dim: int) -> None:
    noise, tokens = Normal(), words(9_001)  # more than two chunks
    whole = noise.rows(tokens, dim)
    for start, stop in ((0, 1), (4095, 4097), (5000, 9001), (9000, 9001)):
        assert torch.equal(noise.rows(tokens[start:stop], dim), whole[start:stop])


def test_the_rows_are_the_same_in_another_process(tmp_path: Path) -> None:
    program = """
import sys, torch
from torchvectors import Normal
torch.manual_seed(3)
rows = Normal(std=0.4, seed=7).rows(["cat", "Katze", "\\u732b", ""], 7)
sys.stdout.buffer.write(rows.numpy().tobytes())
"""
    expected = Normal(std=0.4, seed=7).rows(["cat", "Katze", "猫", ""], 7).numpy().tobytes()
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, check=True
        )
        assert done.stdout == expected


def global_states() -> bytes:
    numpy = np.random.get_state()  # noqa: NPY002 - the global state is what this is about
    return pickle.dumps((random.getstate(), numpy, torch.get_rng_state().tolist()))


def test_no_random_state_is_read_or_moved() -> None:
    rows = []
    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        torch.manual_seed(seed)
        before = global_states()
        rows.append(Normal().rows(words(10), 50))
        assert global_states() == before
    assert torch.equal(*rows)


def test_the_numbers_are_normal() -> None:
    drawn = Normal(std=0.6, mean=0.25).rows(words(20_000), 51).double()
    n = drawn.numel()  # about a million: standard errors follow from it
    assert abs(drawn.mean() - 0.25) < 5 * 0.6 / n**0.5
    assert abs(drawn.std() - 0.6) < 5 * 0.6 / (2 * n) ** 0.5
    standard = ((drawn - 0.25) / 0.6).flatten()
    for below, share in ((-2.0, 0.02275), (-1.0, 0.15866), (0.0, 0.5), (0.5, 0.69146), (3.0, 0.99865)):
        found = (standard < below).double().mean()
        assert abs(found - share) < 5 * (share * (1 - share) / n) ** 0.5
    # Each column by itself, the halves of Box and Muller's pairs included.
    assert (drawn.mean(0) - 0.25).abs().max() < 5 * 0.6 / 20_000**0.5
    correlations = torch.corrcoef(drawn.T) - torch.eye(51, dtype=torch.float64)
    assert correlations.abs().max() < 6 / 20_000**0.5


def test_tokens_and_seeds_have_nothing_to_do_with_each_other() -> None:
    rows = Normal().rows(words(300), 1000).double()
    assert (torch.corrcoef(rows) - torch.eye(300, dtype=torch.float64)).abs().max() < 6 / 1000**0.5
    by_seed = torch.cat([Normal(seed=seed).rows(["word"], 1000) for seed in range(300)]).double()
    assert (torch.corrcoef(by_seed) - torch.eye(300, dtype=torch.float64)).abs().max() < 6 / 1000**0.5
    assert not torch.equal(Normal(seed=0).rows(["word"], 3), Normal(seed=-1).rows(["word"], 3))


def test_the_rows_stay_what_they_are_from_version_to_version() -> None:
    # Literal numbers: a checkpoint that was trained with them must find them again.
    found = Normal(std=0.6, seed=0).rows(["cat", "", "猫"], 3)
    expected = torch.tensor(GOLDEN)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-7)
    other = Normal(std=1.0, mean=2.0, seed=42).rows(["<unk>"], 4)
    torch.testing.assert_close(other, torch.tensor([GOLDEN_42]), rtol=1e-6, atol=1e-7)


GOLDEN = [
    [0.43853700, 0.65062964, 0.68790507],
    [0.43843415, -0.60888541, -0.75027698],
    [-0.24919406, -1.07630932, 0.52372867],
]
GOLDEN_42 = [2.12602639, 1.60289407, 3.19095540, 0.98132366]


@given(token=TOKENS, dim=st.integers(1, 9), seed=st.integers(-5, 5))
def test_every_row_follows_the_sources_that_are_named(token: str, dim: int, seed: int) -> None:
    def split_mix(number: int) -> int:
        number = (number ^ (number >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        number = (number ^ (number >> 27)) * 0x94D049BB133111EB % 2**64
        return number ^ (number >> 31)

    key = xxh3_64_intdigest(token.encode("utf-8", "surrogatepass"), seed % 2**64)
    states = [(key + i * 0x9E3779B97F4A7C15) % 2**64 for i in range(1, 2 * ((dim + 1) // 2) + 1)]
    uniform = [((split_mix(state) >> 11) + 1) / 2**53 for state in states]
    half = len(uniform) // 2
    polar = [
        (math.sqrt(-2 * math.log(u)), 2 * math.pi * v)
        for u, v in zip(uniform[:half], uniform[half:], strict=True)
    ]
    numbers = [r * math.cos(a) for r, a in polar] + [r * math.sin(a) for r, a in polar]
    found = Normal(std=1, seed=seed).rows([token], dim)[0]
    torch.testing.assert_close(found, torch.tensor(numbers[:dim]), rtol=1e-6, atol=1e-7)


def test_std_scales_and_mean_shifts() -> None:
    plain = Normal(std=1).rows(["a", "b"], 5)
    torch.testing.assert_close(Normal(std=2, mean=-1).rows(["a", "b"], 5), plain * 2 - 1)
    assert torch.equal(Normal(std=0).rows(["a"], 3), torch.zeros(1, 3))
    assert torch.equal(Normal(std=0, mean=0.5).rows(["a"], 3), torch.full((1, 3), 0.5))


@pytest.mark.parametrize("std", [-0.1, float("nan"), float("inf")])
def test_a_standard_deviation_that_is_none_is_refused(std: float) -> None:
    with pytest.raises(ValueError, match=r"std=.*from 0 up"):
        Normal(std=std)


def test_it_fills_a_tensor_where_torchtext_expects_a_callable() -> None:
    tensor = torch.zeros(1, 5)
    assert Normal()(tensor) is tensor
    assert torch.equal(tensor, Normal().rows([""], 5))


def test_it_is_plain_data() -> None:
    assert Normal(std=0.6, seed=1) == Normal(seed=1)
    assert pickle.loads(pickle.dumps(Normal(seed=3))) == Normal(seed=3)
    assert repr(Normal()) == "Normal(std=0.6, mean=0.0, seed=0)"


# The other choices


@pytest.mark.parametrize("how", ["zeros", torch.Tensor.zero_])
def test_zeros(how: UnkInit) -> None:
    assert torch.equal(unknown_rows(how, ["a", "b"], no_mean, 3), torch.zeros(2, 3))


def test_the_mean_is_taken_once_and_never_shared() -> None:
    calls = []

    def mean() -> torch.Tensor:
        calls.append(1)
        return torch.tensor([1.0, 2.0])

    rows = unknown_rows("mean", ["a", "b", "c"], mean, 2)
    rows[0] = 9
    assert rows.tolist() == [[9, 9], [1, 2], [1, 2]]
    assert len(calls) == 1


def test_a_callable_gets_a_fresh_zero_tensor_for_each_token() -> None:
    given: list[list[float]] = []

    def count(tensor: torch.Tensor) -> torch.Tensor:
        given.append(tensor.tolist())
        return tensor.add_(len(given))

    rows = unknown_rows(count, ["a", "b"], no_mean, 2)
    assert given == [[0, 0], [0, 0]]
    assert rows.tolist() == [[1, 1], [2, 2]]


@pytest.mark.parametrize("how", ["zeros", "mean", Normal(), torch.Tensor.normal_, torch.ones_like])
@pytest.mark.parametrize("dim", [1, 4])
def test_no_tokens_have_no_rows(how: UnkInit, dim: int) -> None:
    rows = unknown_rows(how, [], lambda: torch.zeros(dim), dim)
    assert rows.shape == (0, dim)


@pytest.mark.parametrize("how", ["zero", 0, None, 0.6])
def test_what_is_no_choice_is_refused_with_the_choices(how: Any) -> None:
    with pytest.raises(TypeError, match=r'give "zeros", "mean", "subword", Normal\(.*\) or a callable'):
        unknown_rows(how, ["a"], no_mean, 2)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (lambda tensor: torch.zeros(3), r"gave \(3,\)"),
        (lambda tensor: tensor.unsqueeze(0), r"gave \(1, 2\)"),
        (lambda tensor: None, "gave NoneType"),
        (lambda tensor: [0.0, 0.0], "gave list"),
    ],
)
def test_a_callable_that_gives_no_row_is_named(how: Any, said: str) -> None:
    with pytest.raises(ValueError, match=rf"{said}; it must return a tensor of shape \(2,\)"):
        unknown_rows(how, ["a"], no_mean, 2)
