"""States that say anything: of vocabularies, of graphs of both kinds, of layers. They come out of checkpoints.

An input is no file but a list of decisions: whose state it is, which of its values is replaced, by what.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch

from torchvectors import datapipes, nodes
from torchvectors.align.fingerprint import check_saved
from torchvectors.vocabulary import Vocab

__all__ = ["run", "seeds"]

ROWS = [(0, "a b c"), (1, "b c"), (0, "c"), (1, "a a b"), (0, "d"), (1, "b")]


class _Bytes:
    """Bytes as a source of decisions; zeros when they have come to an end."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def draw(self, n: int) -> int:
        if n <= 1:
            return 0
        width = 1 if n <= 256 else 2
        piece = self._data[self._at : self._at + width]
        self._at += width
        return int.from_bytes(piece, "little") % n


def _nested(kind: str, depth: int) -> Any:
    value: Any = 0
    for _ in range(depth):
        value = [value] if kind == "list" else {"a": value} if kind == "dict" else (value,)
    return value


_NESTED = [_nested(kind, depth) for kind in ("list", "dict", "tuple") for depth in (1, 3, 900, 2_000)]
_HUGE, _LONG = 1 << 100_000, "x" * 100_000


_ITSELF: list[Any] = []
_ITSELF.append(_ITSELF)

_VALUES: tuple[Callable[[_Bytes], Any], ...] = (
    lambda _: None,
    lambda b: bool(b.draw(2)),
    lambda b: b.draw(65536),
    lambda b: (-1, 1 << 31, (1 << 63) - 1, 1 << 63, 1 << 64, _HUGE, -(1 << 63), 1 << 40)[b.draw(8)],
    lambda b: (0.5, -0.0, 1.0, float("inf"), float("nan"))[b.draw(5)],
    lambda b: (
        "",
        "a",
        "\ud800",
        _LONG,
        "\0",
        "torchvectors.vocab",
        "/dev/zero",
        "/proc/self/fd/0",
        "/",
        "..",
    )[b.draw(10)],
    lambda b: (b"", b"\xff" * 10)[b.draw(2)],
    lambda b: _NESTED[b.draw(len(_NESTED))],
    lambda b: ([], {}, (), set(), _ITSELF)[b.draw(5)],
    lambda b: (torch.zeros(2), torch.zeros(()), torch.zeros(3, dtype=torch.bool), range(5), object, 1j)[
        b.draw(6)
    ],
    lambda b: [_VALUES[b.draw(7)](b) for _ in range(b.draw(5))],
    lambda b: {
        ("a", "source", 1, None, "fit", "version")[b.draw(6)]: _VALUES[b.draw(7)](b) for _ in range(b.draw(4))
    },
    lambda b: ["a", "b"] * b.draw(3),
)


def changed(state: Any, bytes_: _Bytes) -> Any:
    """Return a state with one to three of its values replaced, removed or added."""
    state = copy.deepcopy(state)
    for _ in range(1 + bytes_.draw(3)):
        holder: Any = None
        key: Any = None
        place = state
        # Down from the whole, some steps.
        while isinstance(place, (dict, list)) and place and (holder is None or bytes_.draw(4)):
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            holder, key = place, keys[bytes_.draw(len(keys))]
            place = holder[key]
        what = bytes_.draw(8)
        if holder is None or what == 7:
            return _VALUES[bytes_.draw(len(_VALUES))](bytes_)
        if what == 6:
            del holder[key]
        elif what == 5 and isinstance(holder, dict):
            holder["more"] = _VALUES[bytes_.draw(len(_VALUES))](bytes_)
        else:
            holder[key] = _VALUES[bytes_.draw(len(_VALUES))](bytes_)
    return state


def _pipe() -> Any:
    return datapipes.Rows(ROWS).tokenize(column=1).build_vocab(column=1)


def _node() -> Any:
    rows = nodes.Tokenize(nodes.Rows(ROWS), column=1)
    built = nodes.BuildVocab(rows, column=1)
    return nodes.BatchTokens(nodes.Numericalize(built, column=1), 2, column=1, bucket_batches=2)


_VOCAB = Vocab(["<unk>", "a", "b"], 0)
_PIPE = _pipe().numericalize(column=1)
_RESUMABLE = datapipes.Resumable(_PIPE, seed=3)
_GIVEN = datapipes.Rows(ROWS).tokenize(column=1).use_vocab(_VOCAB, column=1)
_NODE = _node()
_LINE = "vocab=xxh3_128:00 vectors=xxh3_128:11 policy=xxh3_128:22"


def _vocab_from_state(state: Any) -> None:
    Vocab.from_state(state).get_itos()


def _vocab_set_state(state: Any) -> None:
    made = Vocab.__new__(Vocab)
    made.__setstate__(state)


def _fit_state(state: Any) -> None:
    _pipe().load_fit_state(state)


def _resumed(state: Any) -> None:
    _RESUMABLE.load_state_dict(state)
    next(iter(_RESUMABLE), None)


def _given(state: Any) -> None:
    _GIVEN.goes_by.adopt(state)


def _reset(state: Any) -> None:
    _NODE.reset(state)
    for _ in range(4):
        try:
            next(_NODE)
        except StopIteration:
            break


def _layer(state: Any) -> None:
    metadata = state["line"] if isinstance(state, dict) and isinstance(state.get("line"), str) else ""
    check_saved(metadata, _LINE)


def _good_node_state() -> Any:
    _NODE.reset()
    next(_NODE)
    return _NODE.get_state()


def _whose() -> list[tuple[Callable[[Any], None], Any]]:
    _RESUMABLE.state_dict()
    iterator = iter(_RESUMABLE)
    next(iterator)
    given = {"fingerprint": _VOCAB.fingerprint}
    return [
        (_vocab_from_state, _VOCAB.state()),
        (_vocab_set_state, _VOCAB.__getstate__()),
        (_fit_state, _pipe().fit_state()),
        (_resumed, _RESUMABLE.state_dict()),
        (_given, given),
        (_reset, _good_node_state()),
        (_layer, {"line": _LINE}),
    ]


_CASES: list[tuple[Callable[[Any], None], Any]] = []


def run(data: bytes) -> None:
    """Load a state that says what these decisions make it say."""
    if not _CASES:
        _CASES.extend(_whose())
    bytes_ = _Bytes(data)
    load, good = _CASES[bytes_.draw(len(_CASES))]
    load(changed(good, bytes_))


def seeds() -> list[bytes]:
    return [
        bytes([case, 0, key, 0, 0, value])
        for case in range(7)
        for key in range(8)
        for value in range(0, 13, 3)
    ]
