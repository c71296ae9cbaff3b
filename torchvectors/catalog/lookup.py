"""A name in, the entry it stands for out; a family's data is read when a name of it is first asked for."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from torchvectors.catalog.stored import archive_of, entries_of, index
from torchvectors.errors import UnknownDimError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torchvectors.catalog.records import Entry
    from torchvectors.catalog.stored import ArchiveRecord

__all__ = [
    "FAMILIES",
    "aliases",
    "families",
    "family_of",
    "fasttext",
    "find",
    "glove",
    "language_names",
    "names",
    "near_names",
    "word2vec",
]

# Each family of archives, and what its entries' names look like: the first pattern that fits tells which data
# file to open. To take one more family of the published facts, add its line here and run `catalog.make`.
FAMILIES = {
    "glove-2024": "glove.2024.*",
    "glove": "glove.*",
    "muse": "wiki.multi.*",
    "fasttext-aligned": "wiki.*.align",
    "fasttext-wiki-bin": "wiki.*.bin",
    "fasttext-wiki": "wiki.*",
    "fasttext-crawl-bin": "cc.*.300.bin",
    "fasttext-crawl": "cc.*.300",
    "fasttext-english": "*-300d-?M*",
    "numberbatch": "numberbatch-*",
    "lexvec": "lexvec.*",
    "charngram": "charngram.*",
    "word2vec": "GoogleNews-*",
    "paragram": "paragram_*",
    "gensim-data": "gensim.*",
}

#: The names in torchtext's ``pretrained_aliases`` that are other names here; its GloVe names are the same.
aliases: Mapping[str, str] = MappingProxyType(
    {
        "charngram.100d": "charngram.jmt",
        "fasttext.en.300d": "wiki.en",
        "fasttext.simple.300d": "wiki.simple",
    }
)

_SOURCES = {"wiki": "wiki.{}", "crawl": "cc.{}.300", "aligned": "wiki.{}.align", "muse": "wiki.multi.{}"}
_SUBWORDS = {"wiki": "wiki.{}.bin", "crawl": "cc.{}.300.bin"}
_WORD2VEC = {"GoogleNews": "GoogleNews-vectors-negative300"}


def find(name: str) -> Entry:
    """Return what ``name`` or an alias stands for. Case counts, as in the publishers' file names.

    Raises:
        UnknownDimError: These vectors exist, but not in the dim that the name ends with.
        UnknownNameError: The catalog has no such name; the text gives the nearest ones.
    """
    entry = _look(aliases.get(name, name))
    if entry is not None:
        return entry
    asked = re.fullmatch(r"(.+)\.(\d+)d", name)
    if asked and _dims(asked[1]):
        raise _no_such_dim(name, asked[1], asked[2])
    hint = 'Names look like "glove.6B.300d", "wiki.de" or "cc.de.300".'
    near = " or ".join(near_names(name))
    cure = f"{f'Did you mean {near}?' if near else hint} `torchvectors list` shows all {len(names())}."
    raise UnknownNameError(f"{name!r}: the catalog has no vectors of this name. {cure}")


def near_names(name: str) -> list[str]:
    """Return what somebody may have meant: names of vectors as a program writes them; "the data set 'IMDB'"."""
    from torchvectors.catalog.datasets import dataset_names
    from torchvectors.catalog.nearest import nearest, nearest_vectors

    exact, close = (nearest(name.partition(":")[0], dataset_names(), cutoff=cutoff) for cutoff in (1.0, 0.75))
    vectors = [] if exact else nearest_vectors(name, (*names(), *aliases))
    data = exact if exact or vectors else close
    return [*map(repr, vectors), *(f"the data set {one!r}" for one in data)]


def glove(name: str, dim: int | str) -> Entry:
    """Return the GloVe vectors ``name`` ("6B", "42B", "840B", "twitter.27B", "2024.wikigiga", "2024.dolma").

    Args:
        name: As in the file's name, between "glove." and the dim.
        dim: Numbers per token; also as text, the way torchtext's aliases gave it ("300").

    Raises:
        UnknownNameError: There is no such GloVe.
        UnknownDimError: It does not come in this dim.
    """
    entry = _look(f"glove.{name}.{dim}d")
    if entry is not None:
        return entry
    if _dims(f"glove.{name}"):
        raise _no_such_dim(f"GloVe {name}", f"glove.{name}", str(dim))
    choices = {re.sub(r"^glove\.|\.\d+d$", "", known) for known in names() if known.startswith("glove.")}
    raise UnknownNameError(
        f"{name!r}: there is no GloVe of this name. Choose from {', '.join(sorted(choices))}."
    )


def word2vec(name: str) -> Entry:
    """Return the word2vec vectors ``name``: "GoogleNews".

    Raises:
        UnknownNameError: There are none of this name.
    """
    entry = _look(_WORD2VEC.get(name, name)) if name in _WORD2VEC or name in _WORD2VEC.values() else None
    if entry is None:
        choices = ", ".join(_WORD2VEC)
        raise UnknownNameError(f"{name!r}: there is no word2vec of this name. Choose from {choices}.")
    return entry


def fasttext(language: str, source: str = "wiki", *, subwords: bool = False) -> Entry:
    """Return the fastText vectors of a language.

    Args:
        language: The publisher's code, such as "en", "simple" or "zh_min_nan".
        source: "wiki" (Wikipedia, 2017), "crawl" (Common Crawl and Wikipedia, 2018), "aligned" (the wiki ones
            in one common space) or "muse" (the same idea, the 30 languages of MUSE).
        subwords: The model, which has a vector for any word, in place of the text. "wiki" and "crawl" have such.

    Raises:
        UnknownNameError: There is no such source, or it lacks this language.
    """
    sources = _SUBWORDS if subwords else _SOURCES
    if source not in sources:
        what = "models with subwords from such a source" if subwords and source in _SOURCES else "such source"
        raise UnknownNameError(f"{source!r}: fastText has no {what}. Choose from {', '.join(sources)}.")
    entry = _fasttext(language, sources[source])
    if entry is not None:
        return entry
    elsewhere = [other for other in sources if _fasttext(language, sources[other])]
    if elsewhere:
        cure = f"This language is in source {' or '.join(map(repr, elsewhere))}."
    elif near := _nearest_languages(language, source):
        cure = f"Did you mean {' or '.join(near)}?"
    else:
        cure = 'Give its code, such as "en", "de" or "zh_min_nan".'
    raise UnknownNameError(f"{language!r}: fastText's {source!r} vectors lack this language. {cure}")


def families() -> tuple[str, ...]:
    """Return the families' names."""
    return tuple(sorted(FAMILIES))


@cache
def language_names() -> Mapping[str, str]:
    """Return the English name of each language by its code."""
    # Only the wiki families' publisher gives languages in words; the codes mean the same in the others.
    wiki = _records("fasttext-wiki").values()
    return MappingProxyType({one["language"]: one["language_name"] for one in wiki})


@cache
def names() -> tuple[str, ...]:
    """Return every entry's name, sorted; aliases are not among them. Reads all the data once."""
    return tuple(sorted(name for family in FAMILIES for name in _records(family)))


def family_of(name: str) -> str | None:
    """Return the family that a name of this form belongs to, whether or not there is such a name."""
    return next((family for family, pattern in FAMILIES.items() if fnmatchcase(name, pattern)), None)


@cache
def _look(name: str) -> Entry | None:
    family = family_of(name)
    record = _records(family).get(name) if family else None
    if family is None or record is None:
        return None
    return next(entry for entry in entries_of(archive_of(record, family)) if entry.name == name)


@cache
def _records(family: str) -> Mapping[str, ArchiveRecord]:
    from importlib.resources import files

    return index((files("torchvectors.catalog") / "data" / f"{family}.json").read_text("utf-8"))


def _fasttext(language: str, pattern: str) -> Entry | None:
    entry = _look(pattern.format(language))
    # Without this, "de.align" would be a language of the source "wiki".
    return entry if entry and entry.archive.language == language else None


def _dims(base: str) -> list[int]:
    found = (re.fullmatch(re.escape(base) + r"\.(\d+)d", name) for name in (*names(), *aliases))
    return sorted(int(match[1]) for match in found if match)


def _no_such_dim(asked: str, base: str, dim: str) -> UnknownDimError:
    dims = ", ".join(map(str, _dims(base)))
    return UnknownDimError(f"{asked}: these vectors do not come in dim {dim}. Choose from {dims}.")


def _nearest_languages(language: str, source: str) -> list[str]:
    import difflib

    titles = language_names()
    family = family_of(_SOURCES[source].format("en")) or ""
    codes: dict[str, str] = {}
    for code in (one["language"] for one in _records(family).values()):
        codes[code.lower()] = code
        codes.setdefault((titles.get(code) or code).lower(), code)
    wanted = language.lower().replace("-", "_")
    close = [wanted] if wanted in codes else difflib.get_close_matches(wanted, codes, n=3)
    found = dict.fromkeys(codes[one] for one in close)  # a code and its language in words may both be near
    return [f"{code!r} ({titles[code]})" if titles.get(code) else repr(code) for code in found]
