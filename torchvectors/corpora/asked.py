"""A caller's words → which rows of a data set are meant; whatever there is not is refused, in torchtext's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torchvectors.catalog.datasets import pair
from torchvectors.errors import UnknownNameError, UnknownSplitError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torchvectors.catalog.datasets import DataSet

__all__ = ["Asked", "asked_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One part of a data set."""

    split: str = "train"
    chosen: str = ""  # the set of talks that is this split's (IWSLT), or the language (CC100)
    languages: tuple[str, ...] = ()  # of a translation: from, to

    @property
    def words(self) -> str:
        """Say which part."""
        chosen = "" if self.chosen == self.split else self.chosen
        return " ".join(filter(None, (self.split, chosen, pair(self.languages))))


def asked_of(
    data: DataSet,
    split: str | Sequence[str] | None = None,
    *,
    language_pair: Sequence[str] | None = None,
    valid_set: str = "",
    test_set: str = "",
    language_code: str = "",
) -> tuple[Asked, ...]:
    """Return what is asked for, split by split.

    Args:
        data: The data set.
        split: One or several; None: all, in its own order, or the whole where it has none.
        language_pair: From, to; of a translation.
        valid_set: Which set of talks is "valid", where there are several; left out, the usual one.
        test_set: Which is "test".
        language_code: Of a set with a file for each language.

    Raises:
        UnknownSplitError: There is no such split.
        UnknownNameError: There is no such pair of languages, set of talks, or language.
    """
    wanted = (split,) if isinstance(split, str) else tuple(data.splits if split is None else split)
    if not set(wanted) <= set(data.splits):
        text = f"Given selection {wanted} of splits is not supported for dataset {data.name}"
        raise UnknownSplitError(f"{text}. Please choose from {data.splits}.")
    if data.languages:
        if language_code not in data.languages:
            known = ", ".join(data.languages)
            raise UnknownNameError(f"Invalid language code {language_code}: {data.name} has {known}.")
        return (Asked(chosen=language_code),)
    if language_pair is None:
        return tuple(Asked(split=one) for one in wanted) if data.splits else (Asked(),)
    languages = _pair(data, language_pair)
    named = {
        split: {"valid": valid_set, "test": test_set}[split] or usual for split, usual in data.talks.items()
    }
    sets = _sets(data, languages, named, wanted)
    return tuple(
        Asked(split=one, chosen=sets.get(one, "train" if data.talks else ""), languages=languages)
        for one in wanted
    )


def _pair(data: DataSet, given: Sequence[str]) -> tuple[str, ...]:
    if not isinstance(given, (list, tuple)):
        raise UnknownNameError(f"language_pair must be list or tuple but got {type(given)} instead.")
    languages = tuple(given)
    if len(languages) != 2:
        text = "language_pair must contain only 2 elements: src and tgt language respectively"
        raise UnknownNameError(f"{text}, and this is {given!r}.")
    known = data.pairs or frozenset({"de-en", "en-de"})
    if pair(languages) not in known:
        sources = sorted({one.partition("-")[0] for one in known})
        if languages[0] not in sources:
            text = f"src_language '{languages[0]}' is not valid. Supported source languages are {sources}"
            raise UnknownNameError(f"{text}: this was language_pair={given!r}.")
        targets = sorted(one.partition("-")[2] for one in known if one.startswith(f"{languages[0]}-"))
        text = f"tgt_language '{languages[1]}' is not valid for give src_language '{languages[0]}'"
        raise UnknownNameError(f"{text}. Supported target language are {targets}.")
    return languages


def _sets(
    data: DataSet, languages: tuple[str, ...], named: dict[str, str], wanted: Sequence[str]
) -> dict[str, str]:
    """Return which set of talks each split is."""
    found = {}
    for split, name in named.items():
        known = list(data.lines[split])
        there = [one for one in known if data.counted(split, one, languages) is not None]
        if name not in (there if split in wanted else known):
            text = f"{split}_set '{name}' is not valid for given language pair {languages}"
            raise UnknownNameError(f"{text}. Supported {split} sets are {there}.")
        found[split] = name
    return found
