# ruff: noqa: A002 - the argument is called `input`, as in torchtext
"""Text and GPT-2's two files → its byte-pair pieces and their ids, and back.

The words are cut as torchtext cut them, which differs from other packages beyond ASCII's white space, before
a contraction with two spaces in front, and beside special tokens: the same text gets the same ids as before.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

from torch import nn

from torchvectors.transforms.bytepairs import (
    Merges,
    Path,
    PieceIds,
    as_characters,
    bytes_to_unicode,
    letters_and_numbers,
)
from torchvectors.transforms.inputs import encode_each, read_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["GPT2BPETokenizer"]

_SPACE = " \t\n\v\f\r"  # ASCII's white space, the only one that torchtext's engine (RE2) knew
# Contractions; letters and numbers; other signs; white space. Python has no class for letters alone, but \w is
# Unicode's letters and numbers, and "_": what the second takes is cut where the two meet.
_WORDS = re.compile(
    rf"(?P<whole>'(?:s|t|re|ve|m|ll|d)| ?(?:[^\w{_SPACE}]|_)+)|(?P<mixed> ?[^\W_]+)|(?P<space>[{_SPACE}]+)"
)


class GPT2BPETokenizer(nn.Module):
    """Text to pieces of GPT-2's vocabulary, which are merged from bytes.

    Args:
        encoder_json_path: A JSON file: an object from pieces to ids (OpenAI's ``encoder.json``).
        vocab_bpe_path: A text file: a line to skip, then a pair of pieces to a line (``vocab.bpe``).
        return_tokens: Return pieces instead of ids; ids are returned as strings.

    Raises:
        NotFoundError: There is no such file, or it was named by a URL.
    """

    SPECIAL_TOKENS_ATTRIBUTES: ClassVar[list[str]] = [
        "bos_token",
        "eos_token",
        "unk_token",
        "sep_token",
        "pad_token",
        "cls_token",
        "mask_token",
        "additional_special_tokens",
    ]

    def __init__(self, encoder_json_path: Path, vocab_bpe_path: Path, return_tokens: bool = False) -> None:
        super().__init__()
        self._vocab = PieceIds.read(encoder_json_path)
        self._merges = Merges(line.split() for line in read_lines(vocab_bpe_path)[1:])
        self._special: set[str] = set()
        self._added: dict[str, int] = {}  # the special tokens that the file does not know
        self._return_tokens = return_tokens

    def add_special_tokens(self, special_tokens_dict: Mapping[str, str | Sequence[str]]) -> int:
        """Keep some strings whole; those without an id get the next ones.

        A special token swallows one white space character on each side: ``"a <s> b"`` is ``a``, ``<s>``, ``b``.

        Args:
            special_tokens_dict: A string under any of the names in ``SPECIAL_TOKENS_ATTRIBUTES``; a list of
                strings under ``"additional_special_tokens"``.

        Returns:
            How many got an id.

        Raises:
            ValueError: There is another name.
        """
        tokens: list[str] = []
        for name, given in special_tokens_dict.items():
            if name not in self.SPECIAL_TOKENS_ATTRIBUTES:
                known = self.SPECIAL_TOKENS_ATTRIBUTES
                raise ValueError(f"Key {name!r} is not in the special token list: {known}")
            tokens += [given] if isinstance(given, str) else given
        before = len(self._added)
        for token in tokens:
            self._special.add(token)
            if token not in self._vocab.ids and token not in self._added:
                self._added[token] = len(self._vocab.ids) + len(self._added)
        return len(self._added) - before

    def forward(self, input: Any) -> Any:
        """Return the ids (or pieces) of one text, or a list of them for each of a list of texts."""
        return encode_each("GPT2BPETokenizer", self._tokenize if self._return_tokens else self._encode, input)

    def _tokenize(self, text: str) -> list[str]:
        pieces: list[str] = []
        for part, special in _cut_out(text, self._special):
            if special:
                pieces.append(part)
            else:
                for word in _words(part):
                    pieces += self._merges(as_characters(word))
        return pieces

    def _encode(self, text: str) -> list[str]:
        added, vocab = self._added, self._vocab
        return [str(added[piece] if piece in added else vocab.id_of(piece)) for piece in self._tokenize(text)]

    def decode(self, tokens: Sequence[str]) -> str:
        """Return the text of ids, with a space on each side of a special token.

        Raises:
            UnicodeDecodeError: A character is not whole, as at the end of a text that was cut.
            VocabError: No piece has such an id.
        """
        byte_of = {character: byte for byte, character in bytes_to_unicode().items()}
        added = {number: token for token, number in self._added.items()}
        text = bytearray()
        after_special = False
        for i, number in enumerate(map(int, tokens)):
            piece = added[number] if number in added else self._vocab.piece_of(number)
            special = piece in self._special
            if special:
                in_front = b" " if i > 0 and not after_special else b""
                text += in_front + piece.encode() + (b" " if i < len(tokens) - 1 else b"")
            else:
                text += bytes(byte_of[character] for character in piece)
            after_special = special
        return text.decode()


def _cut_out(text: str, special: Iterable[str]) -> Iterator[tuple[str, bool]]:
    """Yield the parts of a text in order, each with whether it is a special token."""
    # The longest first: of two that begin alike torchtext found the one that its hash table had first.
    pattern = "|".join(map(re.escape, sorted(special, key=len, reverse=True)))
    start = 0
    for found in re.finditer(pattern, text) if pattern else ():
        before = text[start : found.start()]
        yield before[:-1] if before.endswith(tuple(_SPACE)) else before, False
        yield found[0], True
        start = found.end() + text.startswith(tuple(_SPACE), found.end())
    yield text[start:], False


def _words(text: str) -> Iterator[str]:
    """Yield GPT-2's words, each with the one space before it."""
    space = ""  # the last of a run of spaces, which goes to the word behind the run
    for found in _WORDS.finditer(text):
        if found["space"] is None:
            words = letters_and_numbers(found[0]) if found["mixed"] else (found[0],)
            for word in words:
                yield space + word
                space = ""
        elif found.end() == len(text):
            yield found[0]
        else:
            space = " " if found[0].endswith(" ") else ""
            if len(found[0]) > 1:
                yield found[0][:-1]
            if not space:
                yield found[0][-1]
