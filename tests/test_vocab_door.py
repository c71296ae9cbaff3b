"""`torchvectors.vocab` against `torchtext.vocab`, name by name; torchtext's side is written down here as literals."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable
from typing import Any

import pytest

import torchvectors
import torchvectors.vocab as door
from torchvectors import pretrained, vectors, vocabulary

NAMES = {
    "CharNGram",
    "FastText",
    "GloVe",
    "Vectors",
    "Vocab",
    "Word2Vec",  # which torchtext lacked
    "build_vocab_from_iterator",
    "pretrained_aliases",
    "vocab",
}

SIGNATURES = [
    (
        door.Vectors,
        (
            "(name, cache=None, url=None, unk_init=None, max_vectors=None, "
            "*, checksum=None, tokens=None, dtype=None, normalized=False)"
        ),
    ),
    (door.Vectors.cache, "(self, name, cache, url=None, max_vectors=None)"),
    (door.Vectors.get_vecs_by_tokens, "(self, tokens, lower_case_backup=False)"),
    (door.Vectors.__getitem__, "(self, token)"),
    (door.Vectors.__contains__, "(self, token)"),
    (door.Vectors.__len__, "(self)"),
    (door.GloVe, "(name='840B', dim=300, **kwargs)"),
    (door.FastText, "(language='en', *, source='wiki', subwords=False, **kwargs)"),
    (door.CharNGram, "(**kwargs)"),
    (door.CharNGram.__getitem__, "(self, token)"),
    (door.vocab, "(ordered_dict, min_freq=1, specials=None, special_first=True)"),
    (
        door.build_vocab_from_iterator,
        "(iterator, min_freq=1, specials=None, special_first=True, max_tokens=None)",
    ),
]


@pytest.mark.parametrize(("of", "expected"), SIGNATURES, ids=lambda one: getattr(one, "__qualname__", ""))
def test_the_signatures_are_torchtexts(of: Callable[..., object], expected: str) -> None:
    signature = inspect.signature(of)
    plain = [one.replace(annotation=inspect.Parameter.empty) for one in signature.parameters.values()]
    assert str(inspect.Signature(plain)) == expected


@pytest.mark.parametrize("name", ["checksum", "tokens", "dtype", "normalized"])
def test_what_vectors_take_beyond_torchtext_goes_by_keyword_alone(name: str) -> None:
    assert inspect.signature(door.Vectors).parameters[name].kind is inspect.Parameter.KEYWORD_ONLY


def test_the_class_attributes_are_torchtexts() -> None:
    assert door.GloVe.url == {
        "42B": "http://nlp.stanford.edu/data/glove.42B.300d.zip",
        "840B": "http://nlp.stanford.edu/data/glove.840B.300d.zip",
        "twitter.27B": "http://nlp.stanford.edu/data/glove.twitter.27B.zip",
        "6B": "http://nlp.stanford.edu/data/glove.6B.zip",
    }
    assert type(door.GloVe.url) is dict
    assert door.FastText.url_base == "https://dl.fbaipublicfiles.com/fasttext/vectors-wiki/wiki.{}.vec"
    assert door.CharNGram.name == "charNgram.txt"
    assert door.CharNGram.url == (
        "http://www.logos.t.u-tokyo.ac.jp/~hassy/publications/arxiv2016jmt/jmt_pre-trained_embeddings.tar.gz"
    )
    for family in (door.GloVe, door.FastText, door.CharNGram):
        assert issubclass(family, door.Vectors)


def test_the_aliases_are_torchtexts() -> None:
    def glove(name: str, dim: str) -> tuple[type, dict[str, Any]]:
        return door.GloVe, {"name": name, "dim": dim}  # the dims are text in torchtext

    expected: dict[str, tuple[type, dict[str, Any]]] = {
        "charngram.100d": (door.CharNGram, {}),
        "fasttext.en.300d": (door.FastText, {"language": "en"}),
        "fasttext.simple.300d": (door.FastText, {"language": "simple"}),
        "glove.42B.300d": glove("42B", "300"),
        "glove.840B.300d": glove("840B", "300"),
        "glove.twitter.27B.25d": glove("twitter.27B", "25"),
        "glove.twitter.27B.50d": glove("twitter.27B", "50"),
        "glove.twitter.27B.100d": glove("twitter.27B", "100"),
        "glove.twitter.27B.200d": glove("twitter.27B", "200"),
        "glove.6B.50d": glove("6B", "50"),
        "glove.6B.100d": glove("6B", "100"),
        "glove.6B.200d": glove("6B", "200"),
        "glove.6B.300d": glove("6B", "300"),
    }
    assert len(expected) == 13
    found = {}
    for name, make in door.pretrained_aliases.items():
        assert isinstance(make, functools.partial)
        assert make.args == ()
        found[name] = (make.func, make.keywords)
    assert found == expected
    assert list(found) == list(expected)


def test_the_catalog_knows_every_alias() -> None:
    from torchvectors import catalog

    for name, make in door.pretrained_aliases.items():
        entry = catalog.find(name)
        if make.func is door.GloVe:  # type: ignore[attr-defined]  # a partial
            assert str(entry.member.dim) == make.keywords["dim"]  # type: ignore[attr-defined]


def test_the_names_are_torchtexts_and_no_others() -> None:
    assert set(door.__all__) == NAMES
    got: dict[str, object] = {}
    exec("from torchvectors.vocab import *", got)
    assert got.keys() - {"__builtins__"} == NAMES


def test_the_submodules_are_torchtexts() -> None:
    families = {"CharNGram", "FastText", "GloVe"}
    names = {
        "torchvectors.vocab.vectors": {*families, "Vectors", "Word2Vec", "pretrained_aliases"},
        "torchvectors.vocab.vocab": {"Vocab"},
        "torchvectors.vocab.vocab_factory": {"build_vocab_from_iterator", "vocab"},
    }
    for path, expected in names.items():
        module = importlib.import_module(path)
        assert set(module.__all__) == expected
        for name in expected:
            assert getattr(module, name) is getattr(door, name)
    assert inspect.ismodule(door.vectors)
    assert inspect.ismodule(door.vocab_factory)


def test_the_function_keeps_its_name_whatever_submodules_are_imported() -> None:
    importlib.import_module("torchvectors.vocab.vocab")
    assert torchvectors.vocab.vocab is vocabulary.vocab
    assert inspect.isfunction(torchvectors.vocab.vocab)


def test_the_door_holds_no_logic() -> None:
    homes = (pretrained, vectors, vocabulary)
    assert all(any(getattr(home, name, None) is getattr(door, name) for home in homes) for name in NAMES)
