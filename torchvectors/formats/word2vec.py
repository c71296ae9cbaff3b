r"""word2vec's binary form → blocks: ``N D\n``, then N times a token, a space, and D little-endian float32.

word2vec.c writes a newline after each row, GoogleNews-vectors has none; whatever newlines stand before a token are
passed over. The numbers may hold any byte, so a row's end is known by counting alone: a header that lies, or one
lost byte, shifts all that follows, and shows as a file that ends too early or too late.

Source: tmikolov/word2vec ``word2vec.c`` and ``distance.c``.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

import numpy as np

from torchvectors.errors import ParseError
from torchvectors.formats.block import Block, keep_heap
from torchvectors.formats.stream import HEAD
from torchvectors.formats.utf8 import only_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torchvectors.formats.stream import ByteStream

__all__ = ["is_word2vec", "read_word2vec"]

BLOCK = 2 << 20  # bytes read at a time
LONGEST_TOKEN = 64 * 1024  # bytes; word2vec.c itself cuts at 100
LARGEST_DIM = 1 << 20  # numbers of a row: 4 MB; nothing is allocated that a lying header asks for
_DIGITS = 18  # of a number in the header; more is no count of anything

_HEADER = re.compile(rb"[ \t]*(\d{1,%d})[ \t]+(\d{1,%d})[ \t\r]*\n" % (_DIGITS, _DIGITS))
_NUMBER = re.compile(rb"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
Patterns = tuple[re.Pattern[bytes], re.Pattern[bytes]]
_CURE = "The file is cut or damaged, or its header is wrong: get it again."


def is_word2vec(head: bytes) -> bool:
    """Say whether a file that begins like this has a header and, below it, a row of float32 rather than text."""
    header = _HEADER.match(head)
    if header is None:
        return False
    rows = head[header.end() :].lstrip(b"\n")
    row, newline, _ = rows.partition(b"\n")
    if not newline and len(head) >= HEAD:
        row = row.rpartition(b" ")[0]  # the last number may be cut
    # A row of text ends in a number, and one that is damaged is still text. Of floats neither is true, but for the
    # rare few whose four bytes are all letters.
    if _NUMBER.fullmatch(row.rstrip().rpartition(b" ")[2]):
        return False
    numbers = rows.partition(b" ")[2][: 4 * int(header[2])]
    return bool(_CONTROL.search(numbers)) or not _begins_utf8(numbers)


def _begins_utf8(text: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(text)  # the last character may be cut
    except UnicodeDecodeError:
        return False
    return True


def read_word2vec(stream: ByteStream, *, name: str, max_vectors: int | None = None) -> Iterator[Block]:
    """Read tokens and rows, in the file's order; duplicates are kept. Memory does not depend on the header.

    Args:
        stream: The file's bytes.
        name: What errors call the file.
        max_vectors: Stop after so many tokens, without looking at what follows; None or 0 means all of them.

    Yields:
        Blocks, all of one dim; none of them empty. A token that is not UTF-8 is left out, with its row:
        word2vec.c cuts long words in the middle of a character.

    Raises:
        ParseError: There is no header, or an absurd one; the file ends before the last of the N rows, or goes on
            behind it; or no token of it is UTF-8.
    """
    return only_text(_blocks(stream, name), name=name, max_vectors=max_vectors)


def _blocks(stream: ByteStream, name: str) -> Iterator[Block]:
    keep_heap()
    count, dim, rest = _header(stream, name)
    patterns, done = _patterns(dim), 0
    while done < count:
        block, used = _whole_rows(patterns, rest, dim, count - done, name, done)
        if block is not None:
            yield block
            done, rest = done + len(block), rest[used:]
            continue
        if not (chunk := stream.read(BLOCK)):
            text = f"{name}: the file ends within row {done + 1:,} of the {count:,} rows of dim {dim} that its header"
            raise ParseError(f"{text} promises. {_CURE}")
        rest += chunk
    while rest or (rest := stream.read(BLOCK)):  # to the end, where an archive compares its check sum
        if rest.strip(b"\n"):
            raise ParseError(f"{name}: the file goes on behind the {count:,} rows of its header. {_CURE}")
        rest = b""


def _header(stream: ByteStream, name: str) -> tuple[int, int, bytes]:
    """Return N, D, and what was read of the rows."""
    start = b""
    while b"\n" not in start and len(start) < BLOCK and (chunk := stream.read(BLOCK)):
        start += chunk
    header = _HEADER.match(start)
    if header is None:
        raise ParseError(
            f"{name}: this does not begin with the number of rows and of dims, but with {start[:30]!r}."
        )
    count, dim = int(header[1]), int(header[2])
    if not (count and 0 < dim <= LARGEST_DIM):
        raise ParseError(
            f"{name}: the header speaks of {count:,} rows of dim {dim:,}, which cannot be. {_CURE}"
        )
    return count, dim, start[header.end() :]


def _whole_rows(
    patterns: Patterns, data: bytes, dim: int, most: int, name: str, done: int
) -> tuple[Block | None, int]:
    """Return the rows that are whole in ``data``, None if there is none, and how many bytes they take."""
    tokens, gap = _tokens(patterns, data, 4 * dim)
    del tokens[most:]
    lengths = np.fromiter(map(len, tokens), np.int64, len(tokens))
    stops = (lengths + gap).cumsum()
    used = int(stops[-1]) if tokens else 0
    following = 0  # bytes of the next token: it may be whole, and may go on
    if len(tokens) < most:
        space = data.find(b" ", used, used + LONGEST_TOKEN)
        following = (len(data) if space < 0 else space) - used
    if (long := np.append(lengths, following) >= LONGEST_TOKEN).any():
        row = f"{name}: row {done + int(long.argmax()) + 1:,}"
        raise ParseError(f"{row} has no space within {LONGEST_TOKEN:,} bytes. {_CURE}")
    if not tokens:
        return None, 0
    # Each row's numbers as one item that may begin at any byte.
    windows = np.ndarray(len(data) - 4 * dim + 1, f"V{4 * dim}", buffer=data, strides=(1,))
    rows = windows[stops - (gap - 1)].view("<f4").reshape(len(tokens), dim)
    if b"\n" in (text := b"".join(tokens)):
        return Block.of([token.lstrip(b"\n") for token in tokens], rows), used
    block = Block(token_bytes=np.frombuffer(text, np.uint8), token_lengths=lengths, rows=rows, listed=tokens)
    return block, used


def _patterns(dim: int) -> Patterns:
    """Return what matches one row, a token, a space, and as many bytes as its numbers take; with and without a newline.

    Each matches all that is left where it cannot match a row.
    """
    row = rb"([^ ]*) (?s:.{%d})" % (4 * dim)
    return re.compile(row + rb"\n|(?s:.+)"), re.compile(row + rb"|(?s:.+)")


def _tokens(patterns: Patterns, data: bytes, nbytes: int) -> tuple[list[bytes], int]:
    """Return the tokens of the rows that are whole in ``data``, and how many bytes lie between two of them.

    Where a row begins is known when the one before it is, which is all that cannot be done to many at once: here the
    loop is that of the regular expression, which counts a row's numbers without looking at them.
    """
    # Up to this end any space has a whole row behind it, so no row is sought in vain; what is left is less than one.
    end = data.rfind(b" ", 0, max(len(data) - nbytes, 0)) + 1 + nbytes
    tokens: list[bytes] = []
    for pattern, between in zip(patterns, (b"\n", b""), strict=True):
        gap = 1 + nbytes + len(between)
        stop = min(end + len(between), len(data))
        tokens = pattern.findall(data, 0, stop) if end > nbytes else []
        used = sum(map(len, tokens)) + len(tokens) * gap
        if tokens and not tokens[-1]:  # a token without a character; or what is left, which is no row
            row = data[used - gap : min(used, stop)]
            if not (len(row) == gap and row.startswith(b" ") and row.endswith(between)):
                tokens.pop()
                used -= gap
        if end - used <= nbytes:  # all of them: otherwise some have no newline, or a space too much
            break
    return tokens, gap
