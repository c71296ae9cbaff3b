# ruff: noqa: A002 - the argument is called `input`, as in torchtext
"""Text and a list of pieces → BERT's word pieces and their ids."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any, ClassVar

from torch import nn

from torchvectors.errors import VocabError
from torchvectors.transforms.inputs import encode_each, read_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torchvectors.transforms.bytepairs import Path

__all__ = ["BERTTokenizer"]

_UNKNOWN = "[UNK]"
_LONGEST = 100  # bytes of UTF-8; a longer word is unknown
# The blocks of CJK ideographs that BERT's authors chose; each such character is a word. It is compiled at
# its first use, by `re`, which remembers it: 5 ms are too much for an import.
_IDEOGRAPHS = (
    "\u4e00-\u9fff\u3400-\u4dbf\U00020000-\U0002a6df\U0002a700-\U0002ceaf\uf900-\ufaff\U0002f800-\U0002fa1f"
)
_ASCII_SIGN = re.compile(r"([!-/:-@\[-`{-~])")


class BERTTokenizer(nn.Module):
    """Text to pieces of BERT's vocabulary: words and signs, each cut into the longest pieces from the left.

    Args:
        vocab_path: A text file: a piece to a line; its id is the number of lines before it.
        do_lower_case: Lower the case first.
        strip_accents: Drop accents; None does what ``do_lower_case`` says. (torchtext dropped them on False, too.)
        return_tokens: Return pieces instead of ids; ids are returned as strings.
        never_split: Words between spaces that stay as they are, such as ``"[CLS]"``.

    Raises:
        NotFoundError: There is no such file, or it was named by a URL.
        VocabError: ``"[UNK]"`` is not in the file.
    """

    _KEPT: ClassVar[int] = 1 << 16  # words whose pieces are remembered

    def __init__(
        self,
        vocab_path: Path,
        do_lower_case: bool = True,
        strip_accents: bool | None = None,
        return_tokens: bool = False,
        never_split: list[str] | None = None,
    ) -> None:
        super().__init__()
        # A piece that is there twice counts once, and moves those behind it up, as in torchtext.
        pieces = dict.fromkeys(read_lines(vocab_path))
        if _UNKNOWN not in pieces:
            raise VocabError(f"{vocab_path}: the piece {_UNKNOWN} is missing there")
        self._ids = {piece: i for i, piece in enumerate(pieces)}
        self._do_lower_case = do_lower_case
        self._strip_accents = do_lower_case if strip_accents is None else strip_accents
        self._never_split = frozenset(never_split or ())
        self._return_tokens = return_tokens
        self._known: dict[str, list[str]] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_known": {}}

    def forward(self, input: Any) -> Any:
        """Return the ids (or pieces) of one text, or a list of them for each of a list of texts."""
        return encode_each("BERTTokenizer", self._tokenize if self._return_tokens else self._encode, input)

    def _encode(self, text: str) -> list[str]:
        return [str(self._ids[piece]) for piece in self._tokenize(text)]

    def _tokenize(self, text: str) -> list[str]:
        pieces: list[str] = []
        for chunk in text.strip().split(" "):
            known = self._known.get(chunk)
            if known is None:
                known = [piece for word in self._words(chunk) for piece in self._cut(word)]
                if len(self._known) < self._KEPT:
                    self._known[chunk] = known
            pieces += known
        return pieces

    def _words(self, chunk: str) -> list[str]:
        whole = chunk in self._never_split
        if chunk.isascii() and chunk.isprintable():  # nothing below could change it
            text = chunk
        else:
            if self._strip_accents and not whole:
                chunk = unicodedata.normalize("NFD", chunk)
            clean = "".join(self._clean(chunk, keep_marks=whole or not self._strip_accents))
            text = re.sub(f"([{_IDEOGRAPHS}])", r" \1 ", clean)
        if whole:
            return text.split(" ")
        text = _ASCII_SIGN.sub(r" \1 ", text)
        if not text.isascii():
            text = "".join(f" {c} " if c > "\x7f" and unicodedata.category(c)[0] == "P" else c for c in text)
        if self._do_lower_case:
            # Letter by letter: BERT's sigma is the same one at the end of a word.
            text = text.lower() if text.isascii() else "".join(c.lower() for c in text)
        return text.split(" ")

    @staticmethod
    def _clean(chunk: str, *, keep_marks: bool) -> Iterator[str]:
        for character in chunk:
            category = unicodedata.category(character)
            if character in "\t\n\r" or category == "Zs":
                yield " "
            elif category[0] != "C" and character != "\ufffd" and (keep_marks or category != "Mn"):
                yield character

    def _cut(self, word: str) -> Iterator[str]:
        """Yield the longest piece that the word begins with, then that of the rest, all but the first with ``##``."""
        if len(word.encode()) > _LONGEST:
            yield _UNKNOWN
            return
        pieces: list[str] = []
        start = 0
        while start < len(word):
            ends = range(len(word), start, -1)
            mark = "##" if start else ""
            end = next((end for end in ends if mark + word[start:end] in self._ids), None)
            if end is None:
                yield _UNKNOWN
                return
            pieces.append(mark + word[start:end])
            start = end
        yield from pieces
