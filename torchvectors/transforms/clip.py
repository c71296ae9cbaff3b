# ruff: noqa: A002 - the argument is called `input`, as in torchtext
"""Text and CLIP's list of merges → its byte-pair pieces and their ids."""

from __future__ import annotations

import re
from typing import Any

from torch import nn

from torchvectors.transforms.bytepairs import (
    Merges,
    Path,
    PieceIds,
    as_characters,
    bytes_to_unicode,
    letters_and_numbers,
)
from torchvectors.transforms.inputs import encode_each, read_text

__all__ = ["CLIPTokenizer"]

_SPECIAL = ("<|startoftext|>", "<|endoftext|>")
_END = "</w>"  # what the last piece of a word ends in
_WORDS = re.compile(
    rf"(?P<special>{'|'.join(map(re.escape, _SPECIAL))})"
    r"|(?P<whole>'s|'t|'re|'ve|'m|'ll|'d|(?:[^\w \t\n\f\r]|_)+)"
    r"|(?P<mixed>[^\W_]+)",  # letters and numbers: Python has no class for either alone
    re.IGNORECASE,  # as in torchtext; the text is in lower case, but "'\u017f" (a long s) counts as "'s"
)


class CLIPTokenizer(nn.Module):
    """Text to pieces of CLIP's vocabulary: in lower case, merged from bytes, ``</w>`` at the end of each word.

    Args:
        merges_path: A text file: a line to skip, then a pair of pieces to a line, best first.
        encoder_json_path: A JSON file: an object from pieces to ids; its size also says how many merges count.
            None: the ids follow from the merges.
        num_merges: How many merges count, where there is no ``encoder_json_path``; None: all.
        return_tokens: Return pieces instead of ids; ids are returned as strings.

    Raises:
        NotFoundError: There is no such file, or it was named by a URL.
    """

    def __init__(
        self,
        merges_path: Path,
        encoder_json_path: Path | None = None,
        num_merges: int | None = None,
        return_tokens: bool = False,
    ) -> None:
        super().__init__()
        # The empty line behind the last line feed counts as a merge, and so gets an id, as in torchtext.
        merges = [line.split() for line in read_text(merges_path).split("\n")[1:]]
        characters = list(bytes_to_unicode().values())
        singles = [*characters, *(character + _END for character in characters)]
        if encoder_json_path:
            self._vocab = PieceIds.read(encoder_json_path)
            merges = merges[: max(len(self._vocab.ids) - len(singles) - len(_SPECIAL), 0)]
        else:
            merges = merges[: num_merges or None]
            pieces = [*singles, *("".join(pair) for pair in merges), *_SPECIAL]
            self._vocab = PieceIds({piece: i for i, piece in enumerate(pieces)}, merges_path)
        self._merges = Merges(merges, _END)
        self._return_tokens = return_tokens

    def forward(self, input: Any) -> Any:
        """Return the ids (or pieces) of one text, or a list of them for each of a list of texts."""
        return encode_each("CLIPTokenizer", self._tokenize if self._return_tokens else self._encode, input)

    def _tokenize(self, text: str) -> list[str]:
        pieces: list[str] = []
        for found in _WORDS.finditer(text.lower().strip()):
            if found["special"]:
                pieces.append(found[0])
                continue
            for word in letters_and_numbers(found[0]) if found["mixed"] else (found[0],):
                # Letters stay together, a number is a word by itself.
                for one in [word] if found["whole"] or word.isalpha() else word:
                    pieces += self._merges(as_characters(one))
        return pieces

    def _encode(self, text: str) -> list[str]:
        return [str(self._vocab.id_of(piece)) for piece in self._tokenize(text)]
