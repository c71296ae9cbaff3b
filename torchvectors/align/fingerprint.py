"""A vocabulary, vectors and a policy → one line of text, by which a checkpoint says what its rows belong to.

The line travels in the ``_metadata`` of a ``state_dict()``, where torch itself keeps the versions of its layers. It
adds no key: a plain ``nn.Embedding`` loads our checkpoint, and our layer a plain one's, which says nothing and is
believed. It survives ``torch.save`` and ``torch.load(weights_only=True)``. An extra state or a buffer would be an
unexpected key to everybody else. What keeps the tensors alone, as safetensors does, loses it: `check_saved` is for
those who have stored the line themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xxhash import xxh3_128_hexdigest

from torchvectors.errors import VocabError
from torchvectors.vocabulary import fingerprint_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from torch import nn

    from torchvectors.align.policy import Policy

__all__ = ["check_saved", "fingerprint_for", "mark", "said_of"]

_KEY = "torchvectors.alignment"  # of the line, in the metadata of a layer
_ATTRIBUTE = "alignment_fingerprint"  # of the line, in a layer


def fingerprint_for(itos: Sequence[str], policy: Policy) -> str:
    """Return the line: ``vocab=… vectors=… policy=…``, a checksum each.

    The vocabulary's is that of its tokens in their order. Which of them unknown words go to is not part of it: no
    row depends on that.
    """
    return f"vocab={fingerprint_of(itos, None)} {said_of(policy)}"


def said_of(policy: Policy) -> str:
    """Return what of the line does not depend on the vocabulary: ``vectors=… policy=…``."""
    spelled = policy.text.encode("utf-8", "surrogatepass")
    return f"vectors={policy.vectors.fingerprint} policy=xxh3_128:{xxh3_128_hexdigest(spelled)}"


def mark(layer: nn.Module, fingerprint: str) -> None:
    """Let a layer's ``state_dict()`` carry the line, and its ``load_state_dict()`` refuse another vocabulary's."""
    setattr(layer, _ATTRIBUTE, fingerprint)
    layer.register_state_dict_post_hook(_say)
    layer.register_load_state_dict_pre_hook(_compare)


def _say(layer: nn.Module, _state: object, _prefix: str, metadata: dict[str, Any]) -> None:
    if (fingerprint := getattr(layer, _ATTRIBUTE, None)) is not None:
        metadata[_KEY] = fingerprint


def _compare(layer: nn.Module, _state: object, prefix: str, metadata: dict[str, Any], *_: object) -> None:
    own, saved = getattr(layer, _ATTRIBUTE, None), metadata.get(_KEY)
    if own is not None and isinstance(saved, str):
        _expect_vocab(saved, own, f"the rows of {prefix.rstrip('.') or 'this layer'}")


def check_saved(saved: str | Mapping[str, Any], fingerprint: str) -> None:
    """Refuse what was saved with another vocabulary.

    Args:
        saved: A line; or a ``state_dict()``, which may hold the lines of several layers: one must fit.
        fingerprint: The line of the alignment at hand.

    Raises:
        VocabError: The vocabulary is another, or has another order; or ``saved`` carries no line.
    """
    lines = [saved] if isinstance(saved, str) else list(_lines(saved))
    if not lines:
        text = "this state carries no fingerprint of an alignment, so nobody knows which token each row belongs to"
        cure = (
            "Keep alignment.fingerprint beside it, and check that; a dict rebuilt from a state_dict loses it."
        )
        raise VocabError(f"{text}. {cure}")
    wanted = _part(fingerprint, "vocab")
    if not any(_part(line, "vocab") == wanted for line in lines):
        _expect_vocab(lines[0], fingerprint, "the rows of this checkpoint")


def _lines(state: Mapping[str, Any]) -> Iterator[str]:
    for metadata in getattr(state, "_metadata", {}).values():
        if isinstance(line := metadata.get(_KEY), str):
            yield line


def _expect_vocab(saved: str, own: str, what: str) -> None:
    theirs, ours = _part(saved, "vocab"), _part(own, "vocab")
    if theirs != ours:
        cure = "Build the layer for the vocabulary that was saved with it, or train anew."
        text = f"{what} belong to another vocabulary, or to these tokens in another order"
        raise VocabError(f"{text} ({theirs}, and here {ours}). {cure}")


def _part(line: str, name: str) -> str:
    for part in line.split():
        key, _, checksum = part.partition("=")
        if key == name and checksum:
            return checksum
    raise VocabError(
        f"{line!r:.120} is no fingerprint of an alignment: give what alignment.fingerprint gave."
    )
