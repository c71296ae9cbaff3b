"""What a caller gives a tokenizer: one text or several → tokens; the name of a file → its path on this disk."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from torchvectors.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["encode_each", "local_path", "read_lines", "read_text"]

Encoded = TypeVar("Encoded")


def encode_each(name: str, encode: Callable[[str], Encoded], given: object) -> Encoded | list[Encoded]:
    """Return what ``encode`` makes of a text, or a list of what it makes of each of a list of texts.

    Raises:
        TypeError: ``given`` is neither; the text begins with ``name``'s complaint in torchtext's words.
    """
    if isinstance(given, str):
        return encode(given)
    if isinstance(given, (list, tuple)) and all(isinstance(text, str) for text in given):
        return [encode(text) for text in given]
    raise TypeError(
        f"Input type not supported: {name} takes a str or a list of str, not {type(given).__name__}"
    )


def local_path(asset: str | os.PathLike[str]) -> Path:
    """Return the path of a file that is on this disk.

    Raises:
        NotFoundError: It is not there, or is named by a URL, which torchtext would have downloaded unverified.
    """
    path = Path(asset)
    if path.exists():
        return path
    if re.match(r"\w+://", os.fspath(asset)):
        cure = f"Fetch it once, with torchvectors.utils.download_from_url({os.fspath(asset)!r}, PATH)"
        raise NotFoundError(f"{asset}: a transform downloads nothing. {cure}, and give it the path.")
    raise NotFoundError(f"{asset}: there is no such file. Give the path of one on this disk.")


def read_text(asset: str | os.PathLike[str]) -> str:
    """Return the text of such a file, which is in UTF-8."""
    return local_path(asset).read_text(encoding="utf-8")


def read_lines(asset: str | os.PathLike[str]) -> list[str]:
    """Return the lines of such a file, without their ends."""
    # Not str.splitlines(): a vocabulary may hold U+2028 or U+0085 as a piece.
    lines = read_text(asset).split("\n")
    return lines if lines[-1] else lines[:-1]
