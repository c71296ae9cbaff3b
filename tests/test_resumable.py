"""A graph of pipes, stopped in the middle of an epoch and resumed: exactly the tail, or an error that says why not."""

from __future__ import annotations

import itertools
import json
import os
import pickle
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from corpora import LABELLED, Logged, passes, plain, vectors
from torch.utils.data import DataLoader, IterDataPipe
from torch.utils.data.datapipes.iter import IterableWrapper
from torch.utils.data.graph_settings import apply_sharding
from torchdata.stateful_dataloader import StatefulDataLoader

from torchvectors.datapipes import Resumable, ShardRows
from torchvectors.errors import GraphError

pytestmark = [
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:This DataLoader will create 3 worker:UserWarning"),
    pytest.mark.filterwarnings("ignore:'set_vital' is deprecated:UserWarning"),
]


def graph_over(source: Any, **settings: Any) -> Any:
    aligned = source.tokenize().build_vocab(**settings).align_vectors(vectors())
    return aligned.shuffle(buffer_size=7).sharding_filter().numericalize().batch_tokens(3)


def loader_of(data: Any, way: str) -> Any:
    workers, _, start = way.partition(" ")
    start, _, stay = start.partition(" ")
    return StatefulDataLoader(
        data,
        batch_size=None,
        num_workers=int(workers),
        multiprocessing_context=start or None,
        persistent_workers=bool(stay),
    )


def new(way: str, rows: Any = LABELLED, seed: int = 5) -> Any:
    return loader_of(Resumable(graph_over(IterableWrapper(rows)), seed), way)


def epochs(loader: Any, count: int) -> list[list[Any]]:
    return [[plain(batch) for batch in loader] for _ in range(count)]


WAYS = ["0", "1 fork", "2 fork", "2 fork stay"]
SLOW = [pytest.param(way, marks=pytest.mark.slow) for way in ("2 spawn", "2 forkserver stay", "3 fork")]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("way", [*WAYS, *SLOW])
def test_a_state_after_any_number_of_batches_gives_exactly_the_tail_and_the_epochs_behind_it(
    way: str, own_cache: Path
) -> None:
    undisturbed = epochs(new(way), 3)
    assert len({str(epoch) for epoch in undisturbed}) == 3  # shuffled anew
    in_all = len(undisturbed[1])
    places = range(in_all + 1) if way in ("0", "2 fork") else (0, 1, in_all - 1, in_all)
    for place in places:
        first = new(way)
        assert epochs(first, 1) == undisturbed[:1]
        items = iter(first)
        for _ in range(place):
            next(items)
        state = pickle.dumps(first.state_dict())
        assert len(state) < 2_500 * max(int(way[0]), 1)
        if hasattr(items, "_shutdown_workers"):
            items._shutdown_workers()
        second = new(way)
        second.load_state_dict(pickle.loads(state))
        assert epochs(second, 2) == [undisturbed[1][place:], undisturbed[2]]


@pytest.mark.parametrize("way", WAYS)
def test_a_state_of_an_epoch_that_has_ended_goes_on_with_the_next(way: str) -> None:
    undisturbed = epochs(new(way), 3)
    first = new(way)
    assert epochs(first, 1) == undisturbed[:1]
    second = new(way)
    second.load_state_dict(first.state_dict())
    assert epochs(second, 2) == undisturbed[1:]


PROGRAM = """
import json, pickle, sys, warnings
warnings.simplefilter("ignore")
from pathlib import Path
from corpora import LABELLED, Logged, plain
from test_resumable import graph_over, loader_of
from torchvectors.datapipes import Resumable, ShardRows
loader = loader_of(Resumable(graph_over(Logged(LABELLED, Path(sys.argv[2]))), 5), "2 fork")
loader.load_state_dict(pickle.loads(Path(sys.argv[1]).read_bytes()))
print(json.dumps([[plain(batch) for batch in loader] for _ in range(2)]))
"""


def test_a_new_process_goes_on_and_counts_nothing(tmp_path: Path) -> None:
    def new_here(log: Path) -> Any:
        return loader_of(Resumable(graph_over(Logged(LABELLED, log)), 5), "2 fork")

    undisturbed = epochs(new_here(tmp_path / "one"), 3)
    first = new_here(tmp_path / "two")
    assert epochs(first, 1) == undisturbed[:1]
    items = iter(first)
    for _ in range(3):
        next(items)
    (tmp_path / "state").write_bytes(pickle.dumps(first.state_dict()))
    log = tmp_path / "three"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "state"), str(log)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads(json.dumps([undisturbed[1][3:], undisturbed[2]]))
    assert len(passes(log)) == 4  # two workers, two epochs


def test_the_order_depends_on_seed_and_epoch_and_on_nothing_else() -> None:
    orders = []
    for seed in (1, 2):
        for noise in (3, 4):
            torch.manual_seed(noise)
            orders.append(epochs(new("0", seed=seed), 2))
    assert orders[0] == orders[1]
    assert orders[2] == orders[3]
    assert orders[0][0] != orders[2][0]


def test_the_rows_of_all_workers_are_the_data_set() -> None:
    for way in ("0", "2 fork", "3 fork"):
        rows: Counter[Any] = Counter()
        for (_, _, labels), (_, _, ids), (_, _, lengths) in epochs(new(way), 1)[0]:
            rows.update((label, tuple(row[:n])) for label, row, n in zip(labels, ids, lengths, strict=True))
        if way == "0":
            whole = rows
        assert rows == whole
        assert rows.total() == len(LABELLED)


@pytest.mark.parametrize("way", ["0", "2 fork", "2 fork stay"])
def test_an_epoch_can_be_chosen_and_is_known(way: str) -> None:
    undisturbed = epochs(new(way), 3)
    data = Resumable(graph_over(IterableWrapper(LABELLED)), 5)
    loader = loader_of(data, way)
    assert data.epoch is None
    for epoch in (2, 0):
        data.set_epoch(epoch)
        assert epochs(loader, 1) == [undisturbed[epoch]]
        assert data.epoch == epoch
    assert epochs(loader, 2) == undisturbed[1:]
    assert data.epoch == 2


@pytest.mark.parametrize("way", ["0", "2 fork", "2 fork stay"])
def test_a_program_that_seeds_torch_anew_gets_a_new_order_all_the_same(way: str) -> None:
    undisturbed = epochs(new(way), 3)
    loader = new(way)
    for expected in undisturbed:
        torch.manual_seed(0)  # torch then draws the same number for its workers at each start
        assert epochs(loader, 1) == [expected]


def test_epochs_go_on_when_the_number_of_workers_changes() -> None:
    data = Resumable(graph_over(IterableWrapper(LABELLED)), 5)
    for epoch, way in enumerate(["1 fork", "2 fork", "0", "2 fork"]):
        start = way.partition(" ")[2] or None
        loader = DataLoader(data, batch_size=None, num_workers=int(way[0]), multiprocessing_context=start)
        assert epochs(loader, 1) == epochs(new(way), epoch + 1)[epoch:]


def test_a_state_that_was_asked_for_here_says_nothing_about_workers_that_come_later() -> None:
    data = Resumable(graph_over(IterableWrapper(LABELLED)), 5)
    assert loader_of(data, "0").state_dict()  # which begins the first epoch
    loader = DataLoader(data, batch_size=None, num_workers=2, multiprocessing_context="fork")
    assert epochs(loader, 2) == epochs(new("2 fork"), 3)[1:]


def test_workers_that_have_lost_count_say_so() -> None:
    data = Resumable(graph_over(IterableWrapper(LABELLED)), 5)
    data._epochs._begun[1] = 3
    loader = loader_of(data, "2 fork")
    with pytest.raises(GraphError, match=r"are in different epochs, \[0, 4\].*Call set_epoch\(\)"):
        list(loader)
    loader._iterator._shutdown_workers()
    data.set_epoch(1)
    assert epochs(loader, 1) == epochs(new("2 fork"), 2)[1:]


def test_an_epoch_that_is_left_in_the_middle_is_one() -> None:
    undisturbed = epochs(new("2 fork"), 2)
    loader = new("2 fork")
    for batch in loader:
        assert plain(batch) == undisturbed[0][0]
        break
    assert epochs(loader, 1) == undisturbed[1:]


def test_torchs_own_loader_takes_it_as_well() -> None:
    for workers in (0, 2):
        data = Resumable(graph_over(IterableWrapper(LABELLED)), 5)
        start = "fork" if workers else None
        loader = DataLoader(data, batch_size=None, num_workers=workers, multiprocessing_context=start)
        assert epochs(loader, 2) == epochs(new("2 fork" if workers else "0"), 2)


def test_ranks_may_be_given_and_their_rows_are_the_data_set() -> None:
    labels: Counter[int] = Counter()
    for rank in range(3):
        graph = IterableWrapper(LABELLED).tokenize().build_vocab().shuffle().sharding_filter().numericalize()
        data = Resumable(graph, 1, rank=rank, num_ranks=3)
        rows = list(loader_of(data, "2 fork"))
        assert len(rows) in (7, 8)
        labels.update(label for label, _ in rows)
    assert labels == Counter(label for label, _ in LABELLED)


def taken(way: str, place: int, **how: Any) -> dict[str, Any]:
    """Return the state of a run after some batches."""
    loader = new(way, **how)
    items = iter(loader)
    for _ in range(place):
        next(items)
    state: dict[str, Any] = loader.state_dict()
    return state


def resumed(state: dict[str, Any], data: Any, way: str = "0") -> list[Any]:
    loader = loader_of(data, way)
    loader.load_state_dict(state)
    return list(loader)


def test_a_state_of_another_seed_or_graph_or_settings_is_refused() -> None:
    state = taken("0", 2)
    with pytest.raises(
        GraphError, match=r"^Resumable: this state was taken with the seed 5, and now it is 6"
    ):
        resumed(state, Resumable(graph_over(IterableWrapper(LABELLED)), 6))
    with pytest.raises(GraphError, match=r"taken with the graph .*min_freq=1.* and now it is .*min_freq=2"):
        resumed(state, Resumable(graph_over(IterableWrapper(LABELLED), min_freq=2), 5))


@pytest.mark.parametrize("how", [{"unk_init": "mean"}, {"dim": 4}])
def test_a_state_of_other_vectors_or_another_policy_is_refused(how: dict[str, Any]) -> None:
    state = taken("0", 2)
    fitted = IterableWrapper(LABELLED).tokenize().build_vocab()
    aligned = fitted.align_vectors(vectors(how.pop("dim", 3)), **how)
    graph = aligned.shuffle(buffer_size=7).sharding_filter().numericalize().batch_tokens(3)
    with pytest.raises(GraphError, match=r"taken with the graph .*AlignVectors\(vectors=.* and now it is"):
        resumed(state, Resumable(graph, 5))


def test_a_state_of_another_corpus_is_refused(own_cache: Path) -> None:
    """The vocabulary may well be equal, and found: what is skipped shows that the rows are others."""
    state = taken("0", 3)
    changed = [*LABELLED[1:], LABELLED[0]]
    with pytest.raises(GraphError, match=r"^Resumable: the first 3 items of epoch 0 are not those"):
        resumed(state, Resumable(graph_over(IterableWrapper(changed)), 5))
    for other in ([*LABELLED, (1, "the cat")], LABELLED[:-1]):
        with pytest.raises(GraphError, match=r"^build_vocab: .*a corpus of 23 rows, and this one has 2[24]"):
            resumed(state, Resumable(graph_over(IterableWrapper(other)), 5))
    another = [*LABELLED[:-1], (1, "one more")]
    fitted_before = graph_over(IterableWrapper(another))
    assert len(fitted_before.source_datapipe.vocab) > 2
    with pytest.raises(GraphError, match=r"^build_vocab: this state was taken with the vocabulary"):
        resumed(state, Resumable(fitted_before, 5))
    for file in (own_cache / "vocabularies").iterdir():
        file.unlink()
    assert len(resumed(state, Resumable(graph_over(IterableWrapper(LABELLED)), 5))) == 5  # it is fitted anew
    with pytest.raises(GraphError, match=r"^build_vocab: this state was taken with the vocabulary"):
        resumed(state, Resumable(graph_over(IterableWrapper(another)), 5))


ODD: list[Any] = [None, "x", -1, 1.5, True, 1 << 70, [1], {"a": 1}]


@pytest.mark.parametrize("odd", [*ODD, "missing"], ids=repr)
def test_a_state_that_says_what_it_cannot_is_refused_with_the_reason(odd: Any) -> None:
    """It has come through ``torch.load(weights_only=True)``, which looks at types of classes only."""
    good = Resumable(graph_over(IterableWrapper(LABELLED)), 5).state_dict()

    def refused(state: Any, said: str) -> None:
        with pytest.raises(GraphError, match=rf"^(Resumable|build_vocab): .*({said}|a state is a dict)"):
            next(iter(resumed_data(state)))

    def changed(state: dict[str, Any], key: str) -> dict[str, Any]:
        return {name: value for name, value in ({**state, key: odd}).items() if value != "missing"}

    if odd != "missing":
        refused(odd, "has no 'version'")
    for key in good:
        refused(changed(good, key), key if key != "trace" or odd != "x" else "are not those")
    (fit,) = good["fits"]
    for key in ("fingerprint", "settings"):
        refused({**good, "fits": [changed(fit, key)]}, f"{key}|the vocabulary x|taken with x")
    if odd not in (None, "x", "missing"):  # these are files that are not there
        refused({**good, "fits": [changed(fit, "file")]}, "file")
    refused({**good, "fits": [odd]}, "has no 'settings'")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="a file without an end")
def test_a_state_that_names_what_is_no_file_counts_anew() -> None:
    state = Resumable(graph_over(IterableWrapper(LABELLED)), 5).state_dict()
    state["fits"][0]["file"] = "/dev/zero"
    assert len(list(resumed_data(state))) == 8


def resumed_data(state: dict[str, Any]) -> Resumable:
    data = Resumable(graph_over(IterableWrapper(LABELLED)), 5)
    data.load_state_dict(state)
    return data


def test_a_state_of_another_number_of_workers_is_refused() -> None:
    data = Resumable(graph_over(IterableWrapper(LABELLED)), 5)
    state = data.state_dict()
    with pytest.raises(GraphError, match=r"taken with the shard \[1, 3\], and now it is \[0, 1\]"):
        data.load_state_dict({**state, "shard": [1, 3]})


def test_workers_that_would_all_give_all_rows_are_refused() -> None:
    data = Resumable(IterableWrapper(LABELLED).tokenize().build_vocab().numericalize())
    assert len(list(loader_of(data, "1 fork"))) == len(LABELLED)
    iterator = iter(DataLoader(data, batch_size=None, num_workers=2, multiprocessing_context="fork"))
    with pytest.raises(GraphError, match=r"Resumable: there are 2 workers in all.*\.shard_rows\(\)"):
        list(iterator)
    iterator._shutdown_workers()  # type: ignore[attr-defined]  # or torch waits for them in some later test


def test_what_is_no_graph_of_pipes_is_refused() -> None:
    with pytest.raises(GraphError, match=r"^Resumable: list is no graph of pipes: \[1\]"):
        Resumable([1])  # type: ignore[arg-type]  # the mistake
    with pytest.raises(GraphError, match="give both rank= and num_ranks="):
        Resumable(IterableWrapper([1]), rank=0)


class Failing(IterDataPipe[Any]):
    """A source that fails at some row in its second pass."""

    def __init__(self) -> None:
        self.count = 0

    def __iter__(self) -> Iterator[Any]:
        self.count += 1
        for number, row in enumerate(LABELLED):
            if self.count == 2 and number == 12:
                raise OSError("the disk has gone")
            yield row


def test_what_a_source_raises_is_raised() -> None:
    data = Resumable(graph_over(Failing()), 5)
    with pytest.raises(OSError, match="the disk has gone"):
        list(loader_of(data, "0"))
    assert len(list(loader_of(data, "0"))) == 8


# Shards.


@pytest.mark.parametrize("tail", ["uneven", "pad", "drop"])
@pytest.mark.parametrize("count", [0, 1, 2, 5, 6, 7, 23])
def test_shards_are_even_or_give_each_row_once(tail: Any, count: int) -> None:
    rows = list(range(count))
    for of in (1, 2, 3, 4):
        shards = []
        for number in range(of):
            pipe = ShardRows(IterableWrapper(rows), tail)
            apply_sharding(pipe, of, number)
            shards.append(list(pipe))
            assert len(pipe) == len(shards[-1])
        together = Counter(itertools.chain.from_iterable(shards))
        if tail != "uneven":
            assert len({len(shard) for shard in shards}) == 1
        if tail == "drop":
            assert sorted(together) == rows[: count - count % of]
        else:
            assert sorted(together) == rows
        if tail != "pad":
            assert set(together.values()) <= {1}
        assert together.total() - count < of


def test_an_unknown_tail_is_refused() -> None:
    with pytest.raises(GraphError, match=r"^shard_rows: there is no tail 'cut'. Choose uneven, pad, drop"):
        IterableWrapper([1]).shard_rows("cut")


def test_shards_of_ranks_and_workers_are_even_and_resumable() -> None:
    for tail, count in (("pad", 24), ("drop", 20), ("uneven", 23)):
        lengths = []
        for rank in range(2):
            fitted = IterableWrapper(LABELLED).shard_rows(tail).tokenize().build_vocab()
            data = Resumable(fitted.numericalize(), rank=rank, num_ranks=2)
            lengths.append(len(list(loader_of(data, "2 fork"))))
        assert sum(lengths) == count
        assert tail == "uneven" or lengths[0] == lengths[1]
