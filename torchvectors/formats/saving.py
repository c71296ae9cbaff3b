"""The name of a file to write → the format that it is to be written in. Imports little: a command asks it first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SaveFormat", "format_to_save"]

SaveFormat = Literal["store", "glove", "word2vec", "word2vec binary"]
"""A store; GloVe's text, without a header; word2vec's and fastText's text, with one; word2vec's binary form."""

_BY_SUFFIX: dict[str, SaveFormat] = {
    ".safetensors": "store",
    ".txt": "glove",
    ".vec": "word2vec",
    ".bin": "word2vec binary",
}


def format_to_save(target: Path, how: SaveFormat | None, encoding: str) -> SaveFormat:
    """Settle the format of a file.

    Args:
        target: Its name.
        how: The format; None if the name tells it.
        encoding: Of a store's numbers; the others hold float32.

    Raises:
        ValueError: The name tells no format, or another one; or it has no such encoding.
    """
    if how is not None and how not in get_args(SaveFormat):
        raise ValueError(f"format={how!r}: give {', '.join(map(repr, get_args(SaveFormat)))}.")
    kind = how or _BY_SUFFIX.get(target.suffix)
    if kind is None:
        text = f"{target}: the name does not tell the format"
        raise ValueError(f"{text}. End it in {', '.join(_BY_SUFFIX)}, or give format=.")
    if kind == "store" and target.suffix != ".safetensors":
        raise ValueError(f'{target}: give a name that ends in ".safetensors", by which a store is known.')
    if kind != "store" and encoding != "float32":
        text = f"{target}: encoding={encoding!r} is for stores, and {kind} holds float32"
        raise ValueError(f"{text}. Leave it out, or save as .safetensors.")
    return kind
