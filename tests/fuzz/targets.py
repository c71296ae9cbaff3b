"""What is fuzzed: each target's name, what it does with an input, and what it begins from.

An input must end in a result or in an error of ours. A result is looked at, too: what comes out of a file must be
text and numbers, must belong together, and cannot be more than so many times the file.
"""

from __future__ import annotations

import os
import pickle
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np

from torchvectors.acquire.convert import Origin, convert
from torchvectors.acquire.cuts import WHOLE
from torchvectors.archive import contents_of, open_member
from torchvectors.download.directory import Odd, Outside, Window, place_of, seal
from torchvectors.download.receipts import beside, receipt_of
from torchvectors.errors import TorchVectorsError
from torchvectors.fitting.fitted import unpack
from torchvectors.formats import Block
from torchvectors.formats.fasttext import read_fasttext
from torchvectors.formats.finalfusion import read_finalfusion
from torchvectors.formats.gensim import read_gensim
from torchvectors.formats.magnitude import read_magnitude
from torchvectors.formats.static import read_static
from torchvectors.formats.text import read_text
from torchvectors.formats.word2vec import is_word2vec, read_word2vec
from torchvectors.legacy import read_vectors, read_vocab
from torchvectors.progress import no_bar
from torchvectors.store import metadata_of, open_store
from torchvectors.utils import extract_archive
from torchvectors.vocabulary import Vocab

from . import seeds, states

__all__ = ["TARGETS", "Target", "folder"]

MOST = 256  # times the input, and a megabyte, may come out of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Something that reads what others wrote."""

    run: Callable[[bytes], object]
    seeds: Callable[[], Sequence[bytes]]
    expected: tuple[type[Exception], ...] = (TorchVectorsError,)
    words: tuple[bytes, ...] = ()  # byte strings that mean something to it
    longest: int = 4096  # bytes of an input
    packages: tuple[str, ...] = ()  # whose code is watched, besides ours


def folder() -> Path:
    """Return this process' folder for its inputs, in memory where the system has such."""
    global _FOLDER  # noqa: PLW0603
    if _FOLDER is None or not _FOLDER.is_dir():
        base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
        _FOLDER = Path(tempfile.mkdtemp(prefix="torchvectors-fuzz-", dir=base))
    return _FOLDER


_FOLDER: Path | None = None


def put(data: bytes, name: str = "input") -> Path:
    """Write an input to a file, which is a new one each time: the last one may still be mapped."""
    path = folder() / name
    path.unlink(missing_ok=True)
    path.write_bytes(data)
    return path


def looked_at(blocks: Iterable[Block], data: bytes) -> None:
    """Read blocks to their end, and see that they are what every reader promises."""
    dims, nbytes = set(), 0
    for block in blocks:
        assert len(block)
        assert block.rows.dtype == np.float32
        dims.add(block.rows.shape[1])
        for token in block.tokens():
            token.decode()
        nbytes += block.rows.nbytes + len(block.token_bytes)
        assert nbytes <= MOST * len(data) + (1 << 20), "more comes out than can be in it"
    assert len(dims) == 1


def text(data: bytes) -> None:
    looked_at(read_text(BytesIO(data), name="f.txt"), data)


def word2vec(data: bytes) -> None:
    is_word2vec(data)
    looked_at(read_word2vec(BytesIO(data), name="f.bin"), data)


def fasttext(data: bytes) -> None:
    model = read_fasttext(put(data), name="f.bin")
    looked_at(model, data)
    if (ngrams := model.ngrams) is not None:
        rows, counts = ngrams.rows_of([b"cat", b"na\xc3\xafve", b"", b"</s>", b"a" * 50])
        assert len(rows) == counts.sum()
        ngrams.rows.take(rows)
        ngrams.kept_rise()


def finalfusion(data: bytes) -> None:
    looked_at(read_finalfusion(put(data), name="f.fifu"), data)


def magnitude(data: bytes) -> None:
    looked_at(read_magnitude(put(data), name="f.magnitude"), data)


def gensim(data: bytes) -> None:
    pickled, array = seeds.unframed(data)
    path = put(pickled, "input.kv")
    put(array, "input.kv.vectors.npy")
    looked_at(read_gensim(path, name="f.kv"), data)


def static(data: bytes) -> None:
    tokenizer, weights = seeds.unframed(data)
    put(tokenizer, "tokenizer.json")
    looked_at(read_static(put(weights, "model.safetensors"), name="model"), data)


def torch_vectors(data: bytes) -> None:
    body = data[1:]
    if data[:1] != b"\0":
        pickled, numbers = seeds.unframed(body)
        buffer = BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("x/data.pkl", pickled)
            archive.writestr("x/byteorder", b"little")
            archive.writestr("x/data/0", numbers)
            archive.writestr("x/version", b"3\n")
        body = buffer.getvalue()
    looked_at(read_vectors(put(body)), body)


def torch_vocab(data: bytes) -> None:
    vocab = read_vocab(put(data))
    assert all(isinstance(token, str) for token in vocab.get_itos())


def store(data: bytes) -> None:
    path = put(data)
    metadata_of(path)
    opened = open_store(path)
    assert len(opened) * opened.dim <= 4 * len(data)
    pickle.loads(pickle.dumps(opened))
    errors = []
    for use in (_tokens_of, _rows_of, _ngrams_of, _verified):
        try:
            use(opened)
        except TorchVectorsError as error:
            errors.append(error)
    if errors:
        raise errors[0]


def _tokens_of(opened: object) -> None:
    from torchvectors.store import Store

    assert isinstance(opened, Store)
    for token in ("the", "naïve", "", "missing", "\0", "\ud800"):
        row = opened.index.find(token)
        assert row is None or 0 <= row < len(opened)
    opened.index.find_all(["the", "猫", "missing", ""])
    tokens = list(opened.tokens())
    assert len(tokens) == len(opened)
    found = opened.index.find_all(tokens)
    assert found.max(initial=-1) < len(opened)


def _rows_of(opened: object) -> None:
    from torchvectors.store import Store

    assert isinstance(opened, Store)
    assert opened.all_rows().shape == opened.block(0, len(opened)).shape == (len(opened), opened.dim)
    opened.rows(np.arange(len(opened)))
    opened.own_rows()[:] = 0


def _ngrams_of(opened: object) -> None:
    from torchvectors.store import Store

    assert isinstance(opened, Store)
    if opened.ngrams is not None:
        rows, _ = opened.ngrams.rows_of([b"the", b"", b"na\xc3\xafve", b"a", b"bcd"])
        opened.ngrams.rows.take(rows)
        opened.ngrams.kept_rise()


def _verified(opened: object) -> None:
    from torchvectors.store import Store

    assert isinstance(opened, Store)
    opened.verify()


def directory(data: bytes) -> None:
    """Read a zip's directory through a window, and make a zip of the member that it leads to."""
    cut = data[0] % 4 if data else 0
    body = data[1:]
    window = Window(body[len(body) * cut // 4 :], len(body))
    place = place_of(window, "v.txt", (None, None, 200, 5)[cut])
    assert 0 <= place.start < place.stop <= len(body)
    path = put(body[place.start : place.stop])
    seal(path, place)
    with open_member(path, "v.txt") as stream:
        while stream.read(1 << 16):
            pass


def archive(data: bytes) -> None:
    path = put(data)
    names = contents_of(path).members
    for name in (*names[:5], None, "v.txt"):
        try:
            with open_member(path, name) as stream:
                done = 0
                while chunk := stream.read(1 << 16):
                    done += len(chunk)
                assert done <= MOST * len(data) + (1 << 20)
        except TorchVectorsError:
            if name is None:
                continue
            raise


def unpacking(data: bytes) -> None:
    kind = (".zip", ".tar.gz", ".gz")[data[0] % 3] if data else ".zip"
    inner = folder() / "unpacked"
    path = put(data[1:], f"input{kind}")
    try:
        for place in extract_archive(path, inner, overwrite=True):
            assert (folder() if kind == ".gz" else inner).resolve() in Path(place).resolve().parents
    finally:
        _emptied(inner)


def _emptied(place: Path) -> None:
    for root, folders, files in os.walk(place, topdown=False):
        for name in files:
            os.unlink(os.path.join(root, name))
        for name in folders:
            os.rmdir(os.path.join(root, name))


def receipt(data: bytes) -> None:
    path = folder() / "input"
    beside(path).write_bytes(data)
    found = receipt_of(path)
    assert found is None or (isinstance(found.url, str) and len(found.digest.value) == 64)


def fit(data: bytes) -> None:
    found = unpack(data)
    assert all(count > 0 for count in found.counts.values()) or found.counts
    assert set(found.counts) <= set(found.vocab.get_itos())


def vocab_text(data: bytes) -> None:
    Vocab.read_text(put(data))


def whole_way(data: bytes) -> None:
    """Make a store of a file of any kind, packed in any way; what is left behind is looked at."""
    way, body = (data[0] % 4 if data else 0), data[1:]
    if way == 1:
        buffer = BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive_:
            archive_.writestr("f.bin", body)
        body = buffer.getvalue()
    elif way == 2:
        import gzip

        body = gzip.compress(body, 1, mtime=0)
    path, target = put(body), folder() / "made.safetensors"
    target.unlink(missing_ok=True)
    made = convert(
        Origin(path=path), target, cut=WHOLE, prepared=read_vectors if way == 3 else None, bars=no_bar
    )
    made.verify()
    assert len(list(made.tokens())) == len(made)


_PICKLE = (
    b"\x80\x02", b"cos\nsystem\n", b"cbuiltins\neval\n", b"R", b"b", b"\x81", b"}", b"]", b"(", b"t", b"a", b"e", b"s", b"u",
    b"q\0", b"h\0", b"\x94", b"\x93", b".", b"\x8c\1a", b"X\1\0\0\0a", b"K\1", b"\x8a\1\1", b"Q", b"0", b"2", b"\x85", b"\x86",
)  # fmt: skip
_ZIP = (b"PK\1\2", b"PK\3\4", b"PK\5\6", b"PK\6\6", b"PK\6\7", b"PK\7\x08", b"../x", b"/x", b"C:\\x", b"\1\0")
_TAR = (
    b"ustar\x0000",
    b"ustar  \0",
    b"path=../x\n",
    b"size=-1\n",
    b"GNU.sparse.major=1\n",
    b"\x80\0\0\0\0",
    b"../../x",
)

TARGETS: dict[str, Target] = {
    "text": Target(
        run=text, seeds=seeds.text, words=(b" ", b"\n", b"\r\n", b"\t", b"nan", b"1e5", b"\xc2\xa0")
    ),
    "word2vec": Target(run=word2vec, seeds=seeds.word2vec, words=(b" ", b"\n", b"4 2\n")),
    "fasttext": Target(run=fasttext, seeds=seeds.fasttext, longest=8192),
    "finalfusion": Target(run=finalfusion, seeds=seeds.finalfusion, words=(b"FiFu",)),
    "magnitude": Target(
        run=magnitude,
        seeds=seeds.magnitude,
        words=(
            b"CREATE TABLE magnitude (key, dim_0)",
            b"CREATE VIEW magnitude AS SELECT 1",
            b"AS (1)",
            b"magnitude",
        ),
        longest=8192,
    ),
    "gensim": Target(
        run=gensim, seeds=seeds.gensim, words=(*_PICKLE, b"'descr': '|O'", b"True"), packages=("pickletools",)
    ),
    "static": Target(
        run=static, seeds=seeds.static, words=(b'"embeddings"', b'"F32"', b'"I8"', b"[]", b'"vocab"')
    ),
    "torch-vectors": Target(run=torch_vectors, seeds=seeds.torch_vectors, words=_PICKLE),
    "torch-vocab": Target(
        run=torch_vocab,
        seeds=seeds.torch_vocab,
        words=(*_PICKLE, b"ctorchtext._torchtext\nVocab\n"),
        packages=("pickletools",),
    ),
    "store": Target(
        run=store, seeds=seeds.store, words=(b'"F32"', b'"U64"', b'"int8"', b'"shape"', b'"ngrams"')
    ),
    "whole-way": Target(run=whole_way, seeds=seeds.anything, longest=8192),
    "directory": Target(
        run=directory,
        seeds=lambda: [bytes([cut]) + one for cut in range(4) for one in seeds.zips()],
        expected=(Odd, Outside, TorchVectorsError),
        words=_ZIP,
        packages=("zipfile",),
    ),
    "archive": Target(
        run=archive,
        seeds=seeds.archives,
        words=(*_ZIP, *_TAR),
        longest=16384,
        packages=("zipfile", "tarfile", "gzip"),
    ),
    "unpacking": Target(
        run=unpacking,
        seeds=seeds.unpackable,
        words=(*_ZIP, *_TAR),
        longest=16384,
        packages=("zipfile", "tarfile"),
    ),
    "receipt": Target(run=receipt, seeds=seeds.receipts, words=(b'"sha256"', b'"url"', b"null")),
    "fitted": Target(
        run=fit, seeds=seeds.fitted, expected=(TorchVectorsError, ValueError), words=(b'"I64"', b'"U8"')
    ),
    "vocab-text": Target(run=vocab_text, seeds=seeds.vocab_text, words=(b"\n", b"\r\n", b"\xef\xbb\xbf")),
    "states": Target(run=states.run, seeds=states.seeds, longest=256, packages=("torchdata.nodes",)),
}
