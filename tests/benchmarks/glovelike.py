"""A number of tokens and a dim → a file that looks like GloVe's, the same one each time, however large.

``python tests/benchmarks/glovelike.py 400000 100 /tmp/like.zip``: the suffix says what is made: ``.txt``; ``.zip``,
which holds the text; ``.w2v``, word2vec's binary form; or ``.bin``, a fastText model with n-grams as those for Common
Crawl have them.

Numbers have up to five decimals and no zeros at their end, and spread as those of glove.840B do. Tokens are short first
and longer later, as those sorted by their frequency are; a part has capitals, digits, hyphens, or other alphabets'
letters, and no two are equal. Memory does not depend on the size of the file.
"""

from __future__ import annotations

import os
import struct
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

LARGEST = 3_00000  # hundred-thousandths
SPREAD = 0.4  # standard deviation of the numbers
BLOCK = 4 << 20  # bytes, about, made at a time
MOST_BUCKETS = 2_000_000  # of n-grams, as in the models for Common Crawl

_SYLLABLES = [
    f"{first}{vowel}{last}" for last in ("", "n", "s", "r") for vowel in "eaiou" for first in "stmlrnb"
]
_GREEK = str.maketrans("abeiklmnorstu", "αβειχλμνορστυ")
_CYRILLIC = str.maketrans("abeiklmnorstu", "абеиклмнорсту")


def token(rank: int) -> str:
    """Return the token of a rank, counted from 0."""
    word, left, base = "", rank, len(_SYLLABLES)
    while True:  # bijective: no two ranks give the same syllables
        word += _SYLLABLES[left % base]
        left = left // base - 1
        if left < 0:
            break
    kind = rank * 2654435761 % (1 << 32) >> 16  # looks like chance
    match kind % 32:
        case 0 | 1 | 2:
            return f"{rank:,}"
        case 3:
            return f"{rank / 100:.2f}"
        case 4 | 5 | 6 | 7:
            return word.capitalize()
        case 8 | 9 if rank > base:
            return f"{word[:3]}-{word[3:]}"
        case 10:
            return word.translate(_GREEK)
        case 11:
            return word.translate(_CYRILLIC)
        case _:
            return word


def blocks(count: int, dim: int, *, seed: int = 5) -> Iterator[tuple[list[bytes], NDArray[np.int32]]]:
    """Yield tokens and their numbers, in hundred-thousandths: int32 (n, dim)."""
    start = 0
    for numbers in _numbers(count, dim, seed=seed):
        end = start + len(numbers)
        yield [token(rank).encode() for rank in range(start, end)], numbers
        start = end


def _numbers(count: int, dim: int, *, seed: int) -> Iterator[NDArray[np.int32]]:
    chance = np.random.default_rng(seed)
    size = max(BLOCK // (8 * dim), 1)
    for start in range(0, count, size):
        numbers = chance.standard_normal((min(size, count - start), dim), np.float32)
        numbers *= np.float32(SPREAD * 100_000)
        yield np.rint(numbers).clip(-LARGEST, LARGEST).astype(np.int32)


def floats(numbers: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return the numbers that a text of hundred-thousandths means, rounded to double and then to float32."""
    return (numbers / 100_000).astype(np.float32)


def text(count: int, dim: int, *, seed: int = 5) -> Iterator[bytes]:
    """Yield the rows of a text, many at a time."""
    written = [f" {number / 100_000:.5f}".rstrip("0").rstrip(".") for number in range(-LARGEST, LARGEST + 1)]
    table = np.array([number.encode() for number in written])
    width = table.itemsize
    for tokens, numbers in blocks(count, dim, seed=seed):
        fields = table[numbers + LARGEST].view(np.uint8).reshape(len(tokens), dim * width)
        rows = [row[row != 0].tobytes() for row in fields]
        yield b"".join(part for pair in zip(tokens, rows, strict=True) for part in (*pair, b"\n"))


def write(path: Path, count: int, dim: int, *, seed: int = 5) -> Path:
    """Write a file, of the form that its suffix says, unless it is there; half of one is never left."""
    if path.exists():
        return path
    make = {".txt": _text, ".zip": _zip, ".w2v": _word2vec, ".bin": _fasttext}[path.suffix]
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        make(temporary, f"{path.stem}.txt", count, dim, seed)
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _text(path: Path, name: str, count: int, dim: int, seed: int) -> None:
    with path.open("wb") as file:
        file.writelines(text(count, dim, seed=seed))


def _zip(path: Path, name: str, count: int, dim: int, seed: int) -> None:
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(name, "w", force_zip64=True) as member,
    ):
        member.writelines(text(count, dim, seed=seed))


def _word2vec(path: Path, name: str, count: int, dim: int, seed: int) -> None:
    with path.open("wb") as file:
        file.write(f"{count} {dim}\n".encode())
        for tokens, numbers in blocks(count, dim, seed=seed):
            rows = floats(numbers)
            file.writelines(
                b"%s %s\n" % pair for pair in zip(tokens, map(np.ndarray.tobytes, rows), strict=True)
            )


def _fasttext(path: Path, name: str, count: int, dim: int, seed: int) -> None:
    """Write a skip-gram model, version 12; its words' own rows are those of the text."""
    buckets = min(5 * count, MOST_BUCKETS)
    with path.open("wb") as file:
        # dim, window, epochs, fewest, negatives, word n-grams, loss, model, buckets, minn, maxn, rate of updates
        numbers = dim, 5, 5, 5, 5, 1, 2, 2, buckets, 5, 5, 100
        file.write(struct.pack("<2i12id", 793712314, 12, *numbers, 1e-4))
        file.write(struct.pack("<3iqq", count, count, 0, 1_000_000, -1))
        for rank in range(count):
            file.write(token(rank).encode() + b"\0" + struct.pack("<qb", count - rank, 0))
        file.write(struct.pack("<?qq", False, count + buckets, dim))
        for n, how in ((count, seed), (buckets, seed + 1)):
            file.writelines(floats(numbers).tobytes() for numbers in _numbers(n, dim, seed=how))
        file.write(struct.pack("<?qq", False, count, dim))
        file.writelines(bytes(4 * dim) for _ in range(count))


if __name__ == "__main__":
    write(Path(sys.argv[3]), int(sys.argv[1]), int(sys.argv[2]))
