"""A text file with a token in each line ↔ the tokens of a vocabulary, each at the index of its line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from torchvectors.cache import replacing
from torchvectors.errors import ParseError, VocabError

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

__all__ = ["read_tokens", "write_tokens"]

_MARK = "\ufeff"  # Windows' editors begin a file with it


def read_tokens(path: str | os.PathLike[str]) -> list[str]:
    r"""Read a file of tokens: UTF-8, a token a line, lines ended by ``\n`` alone.

    Nothing is stripped and nothing skipped, for the line's number is the token's index: a token may hold spaces, or
    U+0085 or U+2028, which Python's own ``splitlines`` would cut at.

    Raises:
        ParseError: The file is not UTF-8; a line is empty, ends in ``\r``, or holds a token for the second time.
        FileNotFoundError: There is no such file.
    """
    place = Path(path)
    content = place.read_bytes()
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        cure = "Save it as UTF-8; a vocabulary in a file of another kind is read by Vocab.from_state."
        raise _damaged(place, line, f"this is not UTF-8 ({error.reason}). {cure}") from error
    if text.startswith(_MARK):
        raise _damaged(place, 1, "the file begins with a byte order mark. Save it as UTF-8 without one.")
    lines = text.removesuffix("\n").split("\n") if text else []
    seen: dict[str, int] = {}
    for number, token in enumerate(lines, start=1):
        if not token:
            raise _damaged(place, number, "this line is empty. Give each line a token.")
        if token.endswith("\r"):
            raise _damaged(place, number, r"this line ends in \r\n. Save the file with \n alone.")
        if (first := seen.setdefault(token, number)) != number:
            text = f"the token {token!r:.100} stands in line {first} already. Give each token once."
            raise _damaged(place, number, text)
    return lines


def write_tokens(path: str | os.PathLike[str], tokens: Sequence[str]) -> Path:
    r"""Write what `read_tokens` reads; the file appears whole or not at all, and replaces one of its name.

    Raises:
        VocabError: A token cannot stand in a line: it is empty, holds ``\n``, ends in ``\r``, is no valid Unicode,
            or is the first and begins with U+FEFF.
        CacheError: The folder cannot be written.
    """
    for index, token in enumerate(tokens):
        if not token or "\n" in token or token.endswith("\r") or not _is_unicode(token):
            raise _unwritable(path, index, token)
    if tokens and tokens[0].startswith(_MARK):
        raise _unwritable(path, 0, tokens[0])
    final = Path(path)
    with replacing(final) as temporary:
        temporary.write_bytes("".join(f"{token}\n" for token in tokens).encode())
    return final


def _is_unicode(token: str) -> bool:
    return token.isascii() or not any("\ud800" <= character <= "\udfff" for character in token)


def _damaged(path: Path, line: int, what: str) -> ParseError:
    return ParseError(f"{path}:{line}: {what}")


def _unwritable(path: str | os.PathLike[str], index: int, token: str) -> VocabError:
    cure = "Save Vocab.state() with torch.save, which keeps every token."
    return VocabError(
        f"{path}: the token {token!r:.100} of index {index} cannot stand in a line of text. {cure}"
    )
