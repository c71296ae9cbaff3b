"""Counts → the tokens of a vocabulary, in order. Nothing else decides which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torchvectors.counting.checks import described
from torchvectors.errors import TokenTypeError, VocabError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["candidates", "check_specials", "order_tokens"]


class _NoRoomError(VocabError, AssertionError):
    """The specials leave no place for a token; torchtext raised ``AssertionError``."""


def check_specials(specials: Sequence[str], max_tokens: int | None = None) -> list[str]:
    """Return the specials as a list, if a vocabulary can have them; worth asking before a corpus is counted.

    Raises:
        TokenTypeError: ``specials`` is one ``str``, or holds something that is not a ``str``.
        VocabError: A special is there twice, or ``max_tokens`` leaves no place for any other token (which is
            an ``AssertionError``, too, as in torchtext).
    """
    if isinstance(specials, str):
        text = (
            f"specials is one str, which would be taken apart into characters. Write specials=[{specials!r}]."
        )
        raise TokenTypeError(text)
    checked = list(specials)
    seen: set[str] = set()
    for special in checked:
        if not isinstance(special, str):
            raise TokenTypeError(f"specials: a token is a str, not {described(special)}")
        if special in seen:
            raise VocabError(f"Duplicate token found in tokens list: {special}. It stands twice in specials.")
        seen.add(special)
    if max_tokens is not None and len(checked) >= max_tokens:
        said = "len(specials) >= max_tokens, so the vocab will be entirely special tokens."
        cure = f"Give fewer specials, or max_tokens of {len(checked) + 1} or more."
        raise _NoRoomError(
            f"{said} There are {len(checked)} specials, and max_tokens is {max_tokens}. {cure}"
        )
    return checked


def order_tokens(
    counts: Mapping[str, int],
    *,
    min_freq: int = 1,
    specials: Sequence[str] = (),
    special_first: bool = True,
    max_tokens: int | None = None,
    specials_take_room: bool = False,
    by_count: bool = True,
) -> list[str]:
    """Decide which tokens make a vocabulary, and in what order. ``counts`` stays as it is.

    Args:
        counts: Token → count. With ``by_count`` their own order does not matter.
        min_freq: The least count that a token needs. Zero and negative counts are counts, too: 0 keeps every
            token that has none of the latter.
        specials: Tokens that are in whatever their counts, in this order, once, ahead of all others.
        special_first: False puts the specials behind the others.
        max_tokens: The most tokens to return, specials included; None for no limit. The rarest go first, and
            of tokens that are equally rare those that sort last.
        specials_take_room: True is torchtext's rule, which cuts to ``max_tokens - len(specials)`` tokens
            before it takes out the specials that occur in ``counts``, and so may return fewer tokens than
            there is place for. False takes them out first.
        by_count: Sort by falling count, and tokens of equal count by code point, so that equal counts give
            equal vocabularies everywhere. False keeps the order of ``counts``.

    Returns:
        Distinct tokens; the index of each in the vocabulary is its position.

    Raises:
        TokenTypeError: A special, or a token that is frequent enough, is not a ``str``.
        VocabError: See `check_specials`.
    """
    first = check_specials(specials, max_tokens)
    reserved = frozenset(first)
    left_out_early = frozenset[str]() if specials_take_room else reserved
    kept = [token for token, count in counts.items() if count >= min_freq and token not in left_out_early]
    for kind in set(map(type, kept)):
        if not issubclass(kind, str):
            culprit = next(token for token in kept if type(token) is kind)
            raise TokenTypeError(f"counts: a token is a str, not {described(culprit)}")
    if by_count:
        # Two sorts on plain keys are several times faster than one on pairs. The second keeps, among equal
        # counts, the order that the first has made.
        kept.sort()
        kept.sort(key=counts.__getitem__, reverse=True)
    if max_tokens is not None:
        del kept[max_tokens - len(first) :]
    if specials_take_room:
        kept = [token for token in kept if token not in reserved]
    return first + kept if special_first else kept + first


def candidates(
    blocks: Iterable[Mapping[str, int]],
    *,
    min_freq: int = 1,
    specials: Sequence[str] = (),
    max_tokens: int | None = None,
) -> dict[str, int]:
    """Keep of many counts those that `order_tokens` can still choose, while they go by.

    ``order_tokens(candidates(blocks, **how), **how)`` is ``order_tokens(all_of_them, **how)``. With ``max_tokens`` it
    holds at most twice as many tokens, one block, and the specials; without it, what the vocabulary will hold.

    Args:
        blocks: Token → count, each token in one block alone.
        min_freq: As `order_tokens` takes it.
        specials: As `order_tokens` takes them. Those that occur are kept whatever their counts.
        max_tokens: As `order_tokens` takes it.

    Returns:
        Token → count, in no order.
    """
    reserved = frozenset(specials)
    kept: dict[str, int] = {}
    apart: dict[str, int] = {}
    least = min_freq
    for block in blocks:
        apart.update((token, block[token]) for token in reserved & block.keys())
        kept.update(item for item in block.items() if item[1] >= least)
        if max_tokens is not None and len(kept) > 2 * max_tokens:
            best = order_tokens(kept, min_freq=min_freq, max_tokens=max_tokens)
            kept = {token: kept[token] for token in best}
            # A token that comes later with as many may still sort before the last of these.
            least = kept[best[-1]]
    return kept | apart
