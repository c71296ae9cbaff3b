"""Exact counts in bounded memory, held against one Counter over everything."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchvectors.counting import Tally, candidates, count_tokens, order_tokens
from torchvectors.errors import TokenTypeError, VocabError

# Among them a pair of lone surrogates, which JSON's escapes would join, and separators of every kind.
AWKWARD = st.sampled_from(
    ["", "\n", "a\0b", "\ud800", "\ud83d\ude00", "\U0001f600", "\uffff", '"', "\\", "Z", "a"]
)
TOKENS = AWKWARD | st.text(max_size=3)
SENTENCES = st.lists(st.lists(TOKENS, max_size=6), max_size=8)
BOUNDS = st.none() | st.integers(1, 12)


def held(tally: Tally) -> dict[str, int]:
    """Return all counts, having seen that each token comes once."""
    items = [item for block in tally.blocks() for item in block.items()]
    assert len(items) == len(dict(items))
    return dict(items)


@given(SENTENCES, BOUNDS)
def test_every_corpus_is_counted_exactly_whatever_the_bound(
    corpus: list[list[str]], bound: int | None
) -> None:
    whole = Counter(chain.from_iterable(corpus))
    with Tally(bound) as tally:
        tally.add(iter(map(iter, corpus)))
        assert held(tally) == whole
        assert held(tally) == whole  # as often as wanted
        assert (tally.rows, tally.running) == (len(corpus), whole.total())
        assert tally.on_disk == (bound is not None and len(whole) > bound)


@given(SENTENCES, BOUNDS, st.integers(0, 8), BOUNDS)
def test_counts_of_every_two_parts_merge_to_those_of_the_whole(
    corpus: list[list[str]], bound: int | None, k: int, other_bound: int | None
) -> None:
    with Tally(bound) as tally, Tally(other_bound) as other:
        tally.add(corpus[:k])
        other.add(corpus[k:])
        tally.merge(other)
        assert held(tally) == count_tokens(corpus)
        assert (tally.rows, tally.running) == (len(corpus), sum(map(len, corpus)))
        assert held(other) == count_tokens(corpus[k:])


@given(
    SENTENCES,
    BOUNDS,
    st.integers(-1, 4),
    st.lists(TOKENS, max_size=3, unique=True),
    st.none() | st.integers(1, 6),
    st.booleans(),
)
def test_every_vocabulary_is_the_one_that_all_counts_give(
    corpus: list[list[str]],
    bound: int | None,
    min_freq: int,
    specials: list[str],
    room: int | None,
    take_room: bool,
) -> None:
    max_tokens = None if room is None else len(specials) + room
    whole = count_tokens(corpus)
    with Tally(bound) as tally:
        tally.add(corpus)
        kept = tally.candidates(min_freq=min_freq, specials=specials, max_tokens=max_tokens)

    def order(counts: dict[str, int]) -> list[str]:
        return order_tokens(
            counts, min_freq=min_freq, specials=specials, max_tokens=max_tokens, specials_take_room=take_room
        )

    assert order(kept) == order(whole)
    assert all(kept.get(token, 0) == whole[token] for token in order(whole))
    assert all(kept.get(special, 0) == whole[special] for special in specials)


@given(st.lists(st.dictionaries(TOKENS, st.integers(-2, 5), max_size=5), max_size=9), BOUNDS)
def test_counts_in_place_of_sentences_are_added_whatever_the_bound(
    corpus: list[dict[str, int]], bound: int | None
) -> None:
    expected: Counter[str] = Counter()
    for counts in corpus:
        expected.update(counts)
    with Tally(bound) as tally:
        tally.add(corpus)
        assert held(tally) == expected


@given(
    st.dictionaries(TOKENS, st.integers(-1, 6), max_size=30),
    st.integers(1, 5),
    st.lists(TOKENS, max_size=2, unique=True),
    st.integers(1, 4),
)
def test_every_way_of_going_by_in_blocks_leaves_the_same_choice(
    counts: dict[str, int], size: int, specials: list[str], room: int
) -> None:
    items = list(counts.items())
    blocks = [dict(items[start : start + size]) for start in range(0, len(items), size)]
    how: dict[str, Any] = {"min_freq": 0, "specials": specials, "max_tokens": len(specials) + room}
    kept = candidates(blocks, **how)
    assert order_tokens(kept, **how) == order_tokens(counts, **how)
    assert len(kept) <= 2 * how["max_tokens"] + size + len(specials)


def test_candidates_are_few_where_the_vocabulary_is() -> None:
    blocks = ({f"{i}-{j}": i % 7 + 1 for j in range(50)} for i in range(100))
    kept = candidates(blocks, specials=["99-1"], max_tokens=10)
    assert len(kept) <= 2 * 10 + 50 + 1
    assert kept["99-1"] == 2


def test_many_runs_become_one_before_they_are_too_many() -> None:
    words = [f"word {i % 90}" for i in range(1000)]
    random.Random(1).shuffle(words)
    with Tally(2) as tally:  # about a run a token
        tally.add([words])
        assert held(tally) == Counter(words)


def test_no_more_tokens_are_held_than_allowed_even_in_one_long_sentence() -> None:
    most = 0

    def watched(tally: Tally) -> Iterator[str]:
        nonlocal most
        for i in range(5000):
            most = max(most, len(tally._counts))
            yield str(i)

    with Tally(100) as tally:
        tally.add([watched(tally)])
        assert len(held(tally)) == 5000
    assert 80 < most <= 100


@pytest.mark.slow
def test_memory_stays_below_a_part_of_what_all_counts_take() -> None:
    def sentences() -> Iterator[list[str]]:
        for start in range(0, 400_000, 20):
            yield [f"token {place * 7919 % 200_000}" for place in range(start, start + 20)]

    def peak(bound: int | None) -> int:
        tracemalloc.start()
        try:
            with Tally(bound) as tally:
                tally.add(sentences())
                kept = tally.candidates(min_freq=2, max_tokens=1000)
            assert order_tokens(kept, max_tokens=3) == ["token 0", "token 1", "token 10"]
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(10_000) < peak(None) / 5


@pytest.mark.parametrize("bound", [None, 1, 3, 100])
@pytest.mark.parametrize("sentence", [["b", 7, "c"], [None], {3: 1}, "to be", 5])
def test_what_is_no_token_is_refused_with_the_number_of_its_sentence(
    bound: int | None, sentence: object
) -> None:
    with Tally(bound) as tally, pytest.raises(TokenTypeError, match=r"^sentence 11\b"):
        tally.add([["a", "b", "c", "d"], ["e"], sentence], first=1, step=5)  # type: ignore[list-item] # refused


def test_a_bound_below_one_is_refused() -> None:
    with pytest.raises(VocabError, match="max_distinct=0: at least one"):
        Tally(0)


def test_a_corpus_below_the_bound_needs_no_file(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere"
    with Tally(4, missing) as tally:
        tally.add([["a", "b"], ["a", "c"], ["b"]])
        assert held(tally) == {"a": 2, "b": 2, "c": 1}
        assert not tally.on_disk
        with pytest.raises(FileNotFoundError):
            tally.add([[str(i) for i in range(9)]])


@pytest.mark.parametrize("end", ["close", "error"])
def test_nothing_is_left_behind(tmp_path: Path, end: str) -> None:
    with pytest.raises(ZeroDivisionError) if end == "error" else Tally(), Tally(3, tmp_path) as tally:
        tally.add([[str(i) for i in range(30)]])
        assert tally.on_disk
        assert end == "close" or 1 / 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_process_that_is_stopped_leaves_no_file_behind(tmp_path: Path, how: signal.Signals) -> None:
    code = (
        "import sys, time; from pathlib import Path; from torchvectors.counting import Tally\n"
        "tally = Tally(3, Path(sys.argv[1])); tally.add([map(str, range(30))]); assert tally.on_disk\n"
        "print('ready', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(how)
    assert process.returncode != 0
    assert list(tmp_path.iterdir()) == []
