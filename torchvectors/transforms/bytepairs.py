# ruff: noqa: A002 - the argument is called `input`, as in torchtext
"""Words and a list of merges → byte-pair pieces and their ids."""

from __future__ import annotations

import json
import os
import re
from functools import lru_cache
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any, ClassVar

from torch import nn

from torchvectors.errors import VocabError
from torchvectors.transforms.inputs import encode_each, read_lines, read_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = [
    "CharBPETokenizer",
    "Merges",
    "PieceIds",
    "as_characters",
    "bytes_to_unicode",
    "letters_and_numbers",
]

Path = str | os.PathLike[str]


@lru_cache(maxsize=1)
def bytes_to_unicode() -> dict[int, str]:
    """Return GPT-2's printable character for each byte: its own where it has a shape, else one from U+0100 on.

    The order of the bytes is part of CLIP's vocabulary.

    Source: https://github.com/openai/gpt-2/blob/master/src/encoder.py
    """
    shown = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {byte: chr(byte) for byte in shown} | {byte: chr(256 + i) for i, byte in enumerate(hidden)}


def as_characters(word: str) -> str:
    """Return one printable character for each byte of a word's UTF-8."""
    return word.encode().decode("latin-1").translate(bytes_to_unicode())


def letters_and_numbers(word: str) -> Iterator[str]:
    """Cut a word, with the space before it if any, where letters and numbers meet: ``" a1"`` → ``" a"``, ``"1"``."""
    space = " " if word[0] == " " else ""
    body = word[len(space) :]
    if body.isalpha():
        yield word
        return
    for _, run in groupby(body, key=str.isalpha):
        yield space + "".join(run)
        space = ""


class Merges:
    """Pairs of pieces in order of rank: joins a word's characters, best pair first, into fewer pieces.

    Args:
        pairs: The pairs, best first.
        suffix: What the last character of each word carries.
    """

    _KEPT: ClassVar[int] = 1 << 16  # words whose pieces are remembered, some 10 MB

    def __init__(self, pairs: Iterable[Sequence[str]], suffix: str = "") -> None:
        self._ranks = {tuple(pair): rank for rank, pair in enumerate(pairs)}
        self._suffix = suffix
        self._known: dict[str, tuple[str, ...]] = {}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_known": {}}

    def __call__(self, word: str) -> tuple[str, ...]:
        """Return the pieces of a word of at least one character."""
        known = self._known.get(word)
        if known is None:
            known = self._join((*word[:-1], word[-1] + self._suffix))
            if len(self._known) < self._KEPT:
                self._known[word] = known
        return known

    def _join(self, pieces: tuple[str, ...]) -> tuple[str, ...]:
        unranked = len(self._ranks)
        while len(pieces) > 1:
            pairs = list(pairwise(pieces))
            best = min(pairs, key=lambda pair: self._ranks.get(pair, unranked))
            if best not in self._ranks:
                break
            joined: list[str] = []
            i = 0
            while i < len(pieces):
                merge = i < len(pairs) and pairs[i] == best
                joined.append(pieces[i] + pieces[i + 1] if merge else pieces[i])
                i += 2 if merge else 1
            pieces = tuple(joined)
        return pieces


class PieceIds:
    """Pieces to their ids and back.

    Args:
        ids: The id of each piece.
        origin: Where they come from, for the text of an error.
    """

    def __init__(self, ids: dict[str, Any], origin: Path) -> None:
        self.ids = ids
        self.pieces = {number: piece for piece, number in ids.items()}
        self.origin = origin

    @classmethod
    def read(cls, path: Path) -> PieceIds:
        """Read them from a JSON file, an object from pieces to ids."""
        return cls(json.loads(read_text(path)), path)

    def id_of(self, piece: str) -> Any:
        """Return the id of a piece; raises `VocabError` where there is none."""
        if piece not in self.ids:
            raise VocabError(f"{self.origin}: the piece {piece!r} has no id there")
        return self.ids[piece]

    def piece_of(self, number: object) -> str:
        """Return the piece of an id; raises `VocabError` where there is none."""
        if number not in self.pieces:
            raise VocabError(f"{self.origin}: no piece has the id {number!r} there")
        return self.pieces[number]


class CharBPETokenizer(nn.Module):
    """Text to pieces of its words, which are merged from characters.

    Args:
        bpe_encoder_path: A JSON file: an object from pieces to ids.
        bpe_merges_path: A text file: a line to skip, then a pair of pieces to a line, best first.
        return_tokens: Return pieces instead of ids.
        unk_token: The piece whose id stands for pieces without one.
        suffix: Marks the last piece of each word.
        special_tokens: Words that stay whole and carry no suffix.

    Raises:
        NotFoundError: There is no such file, or it was named by a URL.
        VocabError: A ``RuntimeError``: ``unk_token`` or a special token has no id.
    """

    def __init__(
        self,
        bpe_encoder_path: Path,
        bpe_merges_path: Path,
        return_tokens: bool = False,
        unk_token: str | None = None,
        suffix: str | None = None,
        special_tokens: list[str] | None = None,
    ) -> None:
        super().__init__()
        self._vocab = PieceIds.read(bpe_encoder_path)
        self._merges = Merges([line.split() for line in read_lines(bpe_merges_path)[1:]], suffix or "")
        self._special = frozenset(special_tokens or ())
        for kind, token in [("Unknown", unk_token), *(("Special", token) for token in self._special)]:
            if token and token not in self._vocab.ids:
                text = f"{kind} token {token} not found in encoder. Special tokens must be in encoder"
                raise VocabError(f"{text}, here {bpe_encoder_path}.")
        self._unk_token = unk_token or None
        self._suffix = suffix
        self._return_tokens = return_tokens

    @property
    def vocab_size(self) -> int:
        """How many pieces have an id."""
        return len(self._vocab.ids)

    def forward(self, input: Any) -> Any:
        """Return the ids (or pieces) of one text, or a list of them for each of a list of texts."""
        return encode_each("CharBPETokenizer", self._tokenize if self._return_tokens else self.encode, input)

    def _tokenize(self, text: str) -> list[str]:
        words = re.findall(r"\S+\n?", text)  # a line feed belongs to the word before it, as in torchtext
        return [
            piece for word in words for piece in ((word,) if word in self._special else self._merges(word))
        ]

    def encode(self, text: str) -> list[Any]:
        """Return the ids of a text, ``int`` or ``str`` as the encoder's file has them.

        Raises:
            VocabError: A piece has no id, and there is no ``unk_token``.
        """
        if self._unk_token is None:
            return [self._vocab.id_of(piece) for piece in self._tokenize(text)]
        unknown = self._vocab.ids[self._unk_token]
        return [self._vocab.ids.get(piece, unknown) for piece in self._tokenize(text)]

    def decode(self, tokens: Sequence[int] | Sequence[str]) -> str:
        """Return the text of ids: a space for each suffix; without a suffix, a space between any two pieces.

        Raises:
            VocabError: No piece has such an id, and there is no ``unk_token``.
        """
        if self._unk_token is None:
            pieces = [self._vocab.piece_of(token) for token in tokens]
        else:
            pieces = [self._vocab.pieces.get(token, self._unk_token) for token in tokens]
        return "".join(pieces).replace(self._suffix, " ") if self._suffix else " ".join(pieces)
