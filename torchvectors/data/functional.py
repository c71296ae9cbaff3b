"""torchtext's ``data.functional``: small stages over iterables of text, and SentencePiece models.

Every callable returned here can be pickled; each stage is lazy and takes its lines one at a time.
"""

from __future__ import annotations

import io
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from torch.utils.data import Dataset

from torchvectors.tokenizers import require

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

__all__ = [
    "custom_replace",
    "filter_wikipedia_xml",
    "generate_sp_model",
    "load_sp_model",
    "numericalize_tokens_from_iterator",
    "sentencepiece_numericalizer",
    "sentencepiece_tokenizer",
    "simple_space_split",
    "to_map_style_dataset",
]

Item = TypeVar("Item")


class _Indices(Protocol):
    def __getitem__(self, token: str, /) -> int: ...


def generate_sp_model(
    filename: str, vocab_size: int = 20000, model_type: str = "unigram", model_prefix: str = "m_user"
) -> None:
    """Train a SentencePiece model and write ``MODEL_PREFIX.model`` and ``MODEL_PREFIX.vocab``.

    Args:
        filename: A text file, one sentence to a line.
        vocab_size: How many pieces the model gets.
        model_type: ``"unigram"``, ``"bpe"``, ``"char"`` or ``"word"``.
        model_prefix: Path of both files without their suffixes.

    Raises:
        MissingExtraError: sentencepiece is not installed.
    """
    sentencepiece = _sentencepiece("generate_sp_model")
    sentencepiece.SentencePieceTrainer.Train(
        input=[os.fspath(filename)],  # a list, since a comma in a string would part two files
        vocab_size=vocab_size,
        model_type=model_type,
        model_prefix=os.fspath(model_prefix),
    )


def load_sp_model(spm: str | os.PathLike[str] | io.BufferedIOBase) -> Any:
    """Open a SentencePiece model.

    Args:
        spm: The path of a ``.model`` file, or such a file opened for reading bytes.

    Returns:
        A ``sentencepiece.SentencePieceProcessor``. It has all methods of torchtext's model (``Encode``, which
        gives pieces, ``EncodeAsIds``, ``EncodeAsPieces``, ``DecodeIds``, ``DecodePieces``, ``GetPieceSize``,
        ``PieceToId``, ``IdToPiece``, ``unk_id``) and can be pickled.

    Raises:
        MissingExtraError: sentencepiece is not installed.
        TypeError: ``spm`` is something else.
    """
    if isinstance(spm, (str, os.PathLike)):
        return _processor(model_file=os.fspath(spm))
    if isinstance(spm, io.BufferedIOBase):
        return _processor(model_proto=spm.read())
    text = f"Unsupported type for spm argument: {type(spm).__name__}. Supported types are: "
    raise TypeError(f"{text}str, os.PathLike, io.BufferedReader and io.BytesIO")


def _processor(**model: str | bytes) -> Any:
    # Of its own accord `Encode` gives ids, where torchtext's gave pieces.
    return _sentencepiece("load_sp_model").SentencePieceProcessor(**model, out_type=str)


def _sentencepiece(for_: str) -> Any:
    return require("sentencepiece", for_=for_, install="'torchvectors[sentencepiece]'")


@dataclass(frozen=True)
class _EachLine:
    """A method of a SentencePiece model, over an iterable of lines."""

    sp_model: Any
    method: str

    def __call__(self, txt_iter: Iterable[str]) -> Iterator[list[Any]]:
        encode = getattr(self.sp_model, self.method)
        for line in txt_iter:
            yield encode(line)


def sentencepiece_numericalizer(sp_model: object) -> Callable[[Iterable[str]], Iterator[list[int]]]:
    """Return a stage from lines to the ids of their pieces.

    Args:
        sp_model: What `load_sp_model` returned.
    """
    return _EachLine(sp_model, "EncodeAsIds")


def sentencepiece_tokenizer(sp_model: object) -> Callable[[Iterable[str]], Iterator[list[str]]]:
    """Return a stage from lines to their pieces; the first piece of a word starts with ``"▁"`` (U+2581).

    Args:
        sp_model: What `load_sp_model` returned.
    """
    return _EachLine(sp_model, "EncodeAsPieces")


@dataclass(frozen=True)
class _Replace:
    """Regular expressions and their replacements, one after the other, over an iterable of lines."""

    rules: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...]

    def __call__(self, txt_iter: Iterable[str]) -> Iterator[str]:
        for line in txt_iter:
            changed = line
            for pattern, replacement in self.rules:
                changed = pattern.sub(replacement, changed)
            yield changed


def custom_replace(
    replace_pattern: Iterable[tuple[str, str]],
) -> Callable[[Iterable[str]], Iterator[str]]:
    r"""Return a stage that replaces, in each line, one pattern after the other.

    Args:
        replace_pattern: Pairs of a regular expression and its replacement, as ``re.sub`` takes them.

    Example:
        >>> lower_s = custom_replace([(r"S", "s"), (r"\s+", " ")])
        >>> list(lower_s(["Sentencepiece encode  aS  pieces", "exampleS to   try!"]))
        ['sentencepiece encode as pieces', 'examples to try!']
    """
    return _Replace(tuple((re.compile(pattern), replacement) for pattern, replacement in replace_pattern))


def simple_space_split(iterator: Iterable[str]) -> Iterator[list[str]]:
    """Yield the parts of each line between white space.

    Example:
        >>> list(simple_space_split(["Sentencepiece encode as pieces", "example to try!"]))
        [['Sentencepiece', 'encode', 'as', 'pieces'], ['example', 'to', 'try!']]
    """
    for line in iterator:
        yield line.split()


def numericalize_tokens_from_iterator(
    vocab: _Indices,
    iterator: Iterable[Iterable[str]],
    removed_tokens: Collection[str] | None = None,
) -> Iterator[Iterator[int]]:
    """Yield, for each list of tokens, an iterator over their indices.

    Args:
        vocab: A `Vocab`, or a mapping from tokens to indices.
        iterator: Lists of tokens.
        removed_tokens: Tokens to leave out.

    Example:
        >>> vocab = {"Sentencepiece": 0, "encode": 1, "as": 2, "pieces": 3}
        >>> rows = simple_space_split(["Sentencepiece as pieces", "as pieces"])
        >>> [list(row) for row in numericalize_tokens_from_iterator(vocab, rows)]
        [[0, 2, 3], [2, 3]]
    """
    removed = () if removed_tokens is None else removed_tokens
    for tokens in iterator:
        yield (vocab[token] for token in tokens if token not in removed)


# Capitals and digits in one step: of what the mark-up leaves, only a-z and line ends are kept.
_DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_SPELL_OUT = str.maketrans({chr(ord("A") + i): chr(ord("a") + i) for i in range(26)})
_SPELL_OUT |= {ord("0") + i: f" {word} " for i, word in enumerate(_DIGITS)}
# What Matt Mahoney's wikifil.pl takes out of a Wikipedia dump, in its order. As in torchtext, "$1" is no group
# here but two characters, so that a link to a category ends up as the word "one".
_WIKIPEDIA = custom_replace(
    [
        (r"<.*>", ""),
        (r"&amp;", "&"),
        (r"&lt;", "<"),
        (r"&gt;", ">"),
        (r"<ref[^<]*</ref>", ""),
        (r"<[^>]*>", ""),
        (r"\[http:[^] ]*", "["),
        (r"\|thumb", ""),
        (r"\|left", ""),
        (r"\|right", ""),
        (r"\|\d+px", ""),
        (r"\[\[image:[^\[\]]*\|", ""),
        (r"\[\[category:[^|\]]*[^]]*\]\]", "[[$1]]"),
        (r"\[\[[a-z\-]*:[^\]]*\]\]", ""),
        (r"\[\[[^|\]]*\|", "[["),
        (r"\{\{[^}]*\}\}", ""),
        (r"\{[^}]*\}", ""),
        (r"[\[\]]", ""),
        (r"&[^;]*;", " "),
    ]
)
_LETTERS_ONLY = custom_replace([(r"[^a-z\n]+", " "), (r"\n ", ""), (r"\s+", " ")])


def filter_wikipedia_xml(text_iterator: Iterable[str]) -> Iterator[str]:
    """Yield the running text of a Wikipedia dump's lines: small letters and single spaces, digits spelt out.

    Lines that redirect, and lines with nothing left, are dropped.

    Args:
        text_iterator: Lines, such as a file opened as text.

    Raises:
        TypeError: ``text_iterator`` cannot be iterated over.

    Source: http://mattmahoney.net/dc/textdata.html (wikifil.pl), as torchtext 0.18 applies it.
    """
    try:
        lines = iter(text_iterator)
    except TypeError as error:
        raise TypeError(f"Input {text_iterator} must support iterator semantics") from error
    for line in lines:
        if "#redirect" in line or "#REDIRECT" in line:
            continue
        (bare,) = _WIKIPEDIA([line])
        (letters,) = _LETTERS_ONLY([bare.translate(_SPELL_OUT)])
        if stripped := letters.strip():
            yield stripped


class _MapStyleDataset(Dataset[Item]):
    """A list as a map-style dataset."""

    def __init__(self, iter_data: Iterable[Item]) -> None:
        self._data = list(iter_data)

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, idx: int) -> Item:
        return self._data[idx]


def to_map_style_dataset(iter_data: Iterable[Item]) -> Dataset[Item]:
    """Read an iterable to its end and return its items as a map-style dataset, with ``len()`` and ``[i]``.

    Args:
        iter_data: An iterable dataset, a file, a list, a generator. All of it is kept in memory.

    Returns:
        A dataset that can be pickled, so that workers started by spawn get it, too.
    """
    return _MapStyleDataset(iter_data)
