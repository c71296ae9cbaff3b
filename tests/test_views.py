"""`itos` and `stoi` against a real list and a real dict: the same operations, results, errors and contents."""

from __future__ import annotations

import copy
import json
import operator
import pickle
from collections.abc import Callable, Iterator, MutableMapping, MutableSequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torchvectors.formats import Block
from torchvectors.store import Store, open_store, write_store
from torchvectors.vectors.views import Itos, Stoi

TOKEN_LISTS = [
    ["the", "cat", "sat"],
    ["a", "b", "a", "c", "b", "a"],
    ["", "\xa0", "\x85", "é", "e\u0301", "猫", "a\0b", " "],
    ["one"],
    ["x", "x"],
    [f"word{i}" for i in range(25)],
]
# Tokens that some of the lists have and some have not; and what is no token at all.
TOKENS = st.sampled_from([*TOKEN_LISTS[0], *TOKEN_LISTS[1], *TOKEN_LISTS[2], "word7", "never", "\ud800"])
OTHERS: st.SearchStrategy[object] = st.sampled_from([None, 0, 3.5, b"the", ("the",), True])
ANYTHING = TOKENS | OTHERS | st.builds(list)  # a list has no hash
POSITIONS = st.integers(-9, 9)
SLICES = st.builds(slice, st.none() | POSITIONS, st.none() | POSITIONS, st.none() | st.integers(-3, 3))
SOME = st.lists(TOKENS, max_size=4)

Operation = tuple[Callable[..., object], tuple[Any, ...]]


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> list[Store]:
    folder = tmp_path_factory.mktemp("stores")
    return [write(folder / f"{i}.safetensors", tokens) for i, tokens in enumerate(TOKEN_LISTS)]


def write(path: Path, tokens: list[str]) -> Store:
    rows = np.arange(len(tokens), dtype=np.float32)[:, None]
    return open_store(write_store(path, [Block.of([token.encode() for token in tokens], rows)]))


def rows_of(tokens: list[str]) -> dict[str, int]:
    return {token: row for row, token in enumerate(tokens)}


def outcome(operation: Operation, on: object) -> object:
    """Return what an operation gives, as a plain value; of an error, its type."""
    do, arguments = operation
    try:
        result = do(on, *copy.deepcopy(arguments))
    except Exception as error:  # noqa: BLE001 - which one is the point
        return type(error)
    if result is on:
        return "itself"
    return list(result) if isinstance(result, (Iterator, Itos)) else result


def called(name: str, *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Operation]:
    def call(on: object, *given: object) -> object:
        return getattr(on, name)(*given)

    call.__name__ = name
    return st.tuples(st.just(call), st.tuples(*arguments))


def done(do: Callable[..., object], *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Operation]:
    return st.tuples(st.just(do), st.tuples(*arguments))


def reversed_add(right: Any, left: Any) -> object:
    return left + right


def reversed_or(right: Any, left: Any) -> object:
    return left | right


def sort(on: Any, reverse: bool) -> object:
    return on.sort(key=lambda token: (len(token), token), reverse=reverse)


def length_then_items(on: Any) -> object:
    return len(on), list(on.items()), list(on.keys()), list(on.values()), list(on)


def views_are_live(on: Any, token: str) -> object:
    items, keys, values = on.items(), on.keys(), on.values()
    on[token] = 77
    return len(items), (token, 77) in items, token in keys, 77 in values, list(items)


LIST_OPERATIONS = st.one_of(
    called("append", TOKENS),
    called("extend", SOME | st.none()),
    called("insert", POSITIONS, TOKENS),
    called("pop"),
    called("pop", POSITIONS),
    called("remove", ANYTHING),
    called("reverse"),
    called("clear"),
    called("copy"),
    called("count", ANYTHING),
    called("index", ANYTHING),
    called("index", TOKENS, POSITIONS),
    called("index", TOKENS, POSITIONS, POSITIONS),
    called("sort"),
    done(sort, st.booleans()),
    done(operator.getitem, POSITIONS | SLICES | OTHERS),
    done(operator.getitem, st.builds(np.int64, POSITIONS)),
    done(operator.setitem, POSITIONS, TOKENS),
    done(operator.setitem, SLICES, SOME),
    done(operator.delitem, POSITIONS | SLICES | OTHERS),
    done(operator.contains, ANYTHING),
    done(operator.add, SOME | OTHERS),
    done(reversed_add, SOME | OTHERS),
    done(operator.iadd, SOME | st.none()),
    done(operator.mul, st.integers(-1, 3) | st.none()),
    done(operator.imul, st.integers(-1, 2)),
    done(operator.eq, SOME | OTHERS | st.sampled_from(TOKEN_LISTS)),
    done(operator.ne, SOME | OTHERS | st.sampled_from(TOKEN_LISTS)),
    done(len),
    done(bool),
    done(list),
    done(reversed),
    done(sorted),
    done(hash),
)

KEYS = ANYTHING
PAIRS = st.dictionaries(TOKENS, POSITIONS, max_size=4)
DICT_OPERATIONS = st.one_of(
    called("get", KEYS),
    called("get", KEYS, POSITIONS),
    called("setdefault", TOKENS, POSITIONS),
    called("pop", TOKENS | OTHERS),  # an empty dict looks at no hash in pop
    called("pop", TOKENS | OTHERS, POSITIONS),
    called("popitem"),
    called("update", PAIRS | PAIRS.map(lambda pairs: list(pairs.items())) | st.just(5)),
    called("clear"),
    called("copy"),
    done(operator.getitem, KEYS),
    done(operator.setitem, TOKENS, POSITIONS),
    done(operator.delitem, KEYS),
    done(operator.contains, KEYS),
    done(operator.or_, PAIRS | OTHERS),
    done(reversed_or, PAIRS | OTHERS),
    done(operator.ior, PAIRS),
    done(operator.eq, PAIRS | OTHERS | st.sampled_from(TOKEN_LISTS).map(rows_of)),
    done(operator.ne, PAIRS | OTHERS | st.sampled_from(TOKEN_LISTS).map(rows_of)),
    done(length_then_items),
    done(views_are_live, TOKENS),
    done(bool),
    done(sorted),
    done(hash),
)


@given(which=st.integers(0, len(TOKEN_LISTS) - 1), operations=st.lists(LIST_OPERATIONS, max_size=8))
def test_every_sequence_of_list_operations_gives_what_a_list_gives(
    stores: list[Store], which: int, operations: list[Operation]
) -> None:
    real, view = list(TOKEN_LISTS[which]), Itos(stores[which])
    for operation in operations:
        assert outcome(operation, view) == outcome(operation, real), operation
    assert list(view) == real
    assert view == real
    assert real == view
    assert not view != real  # noqa: SIM202 - it is the other operator
    assert len(view) == len(real)
    assert [view[i] for i in range(len(real))] == real


@given(which=st.integers(0, len(TOKEN_LISTS) - 1), operations=st.lists(DICT_OPERATIONS, max_size=8))
def test_every_sequence_of_dict_operations_gives_what_a_dict_gives(
    stores: list[Store], which: int, operations: list[Operation]
) -> None:
    real, view = rows_of(TOKEN_LISTS[which]), Stoi(stores[which])
    for operation in operations:
        assert outcome(operation, view) == outcome(operation, real), operation
    assert list(view.items()) == list(real.items())  # in the same order, too
    assert view == real
    assert real == view
    assert view.keys() == real.keys()
    assert real.keys() == view.keys()
    assert len(view) == len(real)


@pytest.mark.parametrize("which", range(len(TOKEN_LISTS)))
def test_every_view_reads_until_it_is_written_to(stores: list[Store], which: int) -> None:
    itos, stoi = Itos(stores[which]), Stoi(stores[which])
    tokens = TOKEN_LISTS[which]
    assert (itos[:], itos[::-1], itos[1::2]) == (tokens, tokens[::-1], tokens[1::2])
    assert itos.index(tokens[-1]) == tokens.index(tokens[-1])
    assert dict(stoi) == stoi.copy() == rows_of(tokens)
    with pytest.raises(KeyError):
        stoi.pop("never")
    with pytest.raises(ValueError, match="'never' is not in list"):
        itos.remove("never")
    assert itos.store is stoi.store is stores[which]
    itos.append("new")
    stoi["new"] = len(tokens)
    still_reading = [view.store for view in (itos, stoi)]
    assert still_reading == [None, None]
    assert list(stores[which].tokens()) == tokens


def test_they_are_mutable_sequences_and_mappings_and_no_list_or_dict(stores: list[Store]) -> None:
    itos, stoi = Itos(stores[0]), Stoi(stores[0])
    assert isinstance(itos, MutableSequence)
    assert isinstance(stoi, MutableMapping)
    # C code that looks inside a list or a dict would find these empty.
    assert not isinstance(itos, list)
    assert not isinstance(stoi, dict)


@pytest.mark.parametrize("written", [False, True])
def test_no_way_of_writing_them_down_comes_out_empty(stores: list[Store], written: bool) -> None:
    itos, stoi = Itos(stores[1]), Stoi(stores[1])
    tokens = TOKEN_LISTS[1]
    if written:
        itos.append("new")
        stoi["new"] = 6
        tokens = [*tokens, "new"]
    for view, plain in ((itos, tokens), (stoi, rows_of(tokens))):
        with pytest.raises(TypeError, match="not JSON serializable"):
            json.dumps(view)
        assert json.loads(json.dumps(view.copy())) == plain
        for copied in (copy.copy(view), copy.deepcopy(view), pickle.loads(pickle.dumps(view))):
            assert copied == plain
            assert type(copied) is type(plain)
    assert " ".join(itos) == " ".join(tokens)
    assert np.array(itos).tolist() == tokens
    assert (*itos,) == (*tokens,)
    assert {**stoi} == rows_of(tokens)


def test_two_views_of_equal_contents_are_equal(stores: list[Store], tmp_path: Path) -> None:
    other = write(tmp_path / "other.safetensors", TOKEN_LISTS[1])
    assert Itos(stores[1]) == Itos(other)
    assert Stoi(stores[1]) == Stoi(other)
    assert Itos(stores[1]) != Itos(stores[0])
    assert Stoi(stores[1]) != Stoi(stores[0])
    assert Itos(stores[1]) + Itos(stores[0]) == TOKEN_LISTS[1] + TOKEN_LISTS[0]


def test_a_short_one_is_shown_as_a_list_or_dict_and_a_long_one_is_cut(stores: list[Store]) -> None:
    assert repr(Itos(stores[0])) == repr(TOKEN_LISTS[0])
    assert repr(Stoi(stores[1])) == repr(rows_of(TOKEN_LISTS[1]))
    assert repr(Itos(stores[5])).startswith("['word0', 'word1', ")
    assert repr(Itos(stores[5])).endswith("'word19', … 5 more]")
    assert repr(Stoi(stores[5])).startswith("{'word0': 0, 'word1': 1, ")
    assert repr(Stoi(stores[5])).endswith("'word19': 19, … 5 more}")


def test_writing_while_reading_it_in_step_works_as_with_a_list(stores: list[Store]) -> None:
    itos = Itos(stores[0])
    for i, token in enumerate(itos):
        itos[i] = token.upper()
    assert itos == ["THE", "CAT", "SAT"]
