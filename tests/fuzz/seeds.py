"""Small sound files of every kind, to begin from: each of a few hundred bytes, for what is small is tried often."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import pickle
import sqlite3
import struct
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from fasttext_files import Model
from safetensors.numpy import save

from torchvectors.fitting.fitted import Fitted
from torchvectors.fitting.fitted import pack as packed_fit
from torchvectors.formats import Block, Ngrams, PlainRows
from torchvectors.store import write_store
from torchvectors.vocabulary import Vocab

TOKENS = ["the", "naïve", "猫", "a\N{NO-BREAK SPACE}b"]
ROWS = np.array([[0.5, -1], [2, 3e-39], [0, 4], [1e30, 7]], np.float32)


def framed(first: bytes, second: bytes) -> bytes:
    """Return two files as one input."""
    return struct.pack("<I", len(first)) + first + second


def unframed(data: bytes) -> tuple[bytes, bytes]:
    """Take an input apart into two files."""
    length = int.from_bytes(data[:4], "little") % (len(data) + 1)
    return data[4 : 4 + length], data[4 + length :]


def text() -> list[bytes]:
    body = "".join(
        f"{token} {' '.join(map(repr, row))}\n" for token, row in zip(TOKENS, ROWS.tolist(), strict=True)
    )
    odd = b"a 1 .5 \r\n\n\xff\xfe nan inf\nb -0 1_0\n"
    return [body.encode(), b"4 2\n" + body.encode(), b"x 1\ny 2\n", odd, b"3 1\na 1\nb 2\nc -0\n"]


def word2vec() -> list[bytes]:
    rows = [token.encode() + b" " + row.tobytes() for token, row in zip(TOKENS, ROWS, strict=True)]
    return [b"4 2\n" + b"".join(rows), b"4 2\n" + b"".join(row + b"\n" for row in rows)]


def fasttext() -> list[bytes]:
    words = (b"</s>", b"cat", b"na\xc3\xafve")
    models = [
        Model(),
        Model(version=None, model=1),
        Model(version=11, model=3, labels=(b"__label__x",)),
        Model(maxn=0, minn=0, buckets=0),
        Model(quantized=True, buckets=3),
        Model(quantized=True, pruned=((0, 0), (4, 1), (2, 2))),
        Model(words=words, buckets=1, minn=1, maxn=6),
    ]
    return [model.bytes() for model in models]


def finalfusion() -> list[bytes]:
    words = b"".join(struct.pack("<I", len(token.encode())) + token.encode() for token in TOKENS)
    simple = struct.pack("<Q", len(TOKENS)) + words
    buckets = struct.pack("<QIII", len(TOKENS), 3, 6, 4) + words
    ngrams = b"".join(
        struct.pack("<I", 2) + piece + struct.pack("<Q", at) for at, piece in enumerate((b"<t", b"e>"))
    )
    explicit = struct.pack("<QQII", len(TOKENS), 2, 3, 6) + words + ngrams
    centroids = np.arange(8, dtype="<f4").tobytes()  # 2 parts of 4 centroids of one number
    quantized = struct.pack("<IIIIIQII", 1, 1, 2, 2, 4, 4, 1, 10)
    codes = np.eye(2, dtype="<f4").tobytes() + centroids + np.ones(4, "<f4").tobytes() + bytes(range(4)) * 2
    array = struct.pack("<QII", 4, 2, 10), ROWS.tobytes()
    norms = struct.pack("<QI", 4, 10), np.ones(4, "<f4").tobytes()
    return [
        _chunks((1, simple, b""), (2, *array), (6, *norms)),
        _chunks((0, b"note = 1\n", b""), (3, buckets, b""), (2, *array)),
        _chunks((8, explicit, b""), (2, *array)),
        _chunks((1, simple, b""), (4, quantized, codes)),
        _chunks((7, struct.pack("<QIII", 4, 3, 6, 20) + words, b""), (2, *array), (6, *norms)),
    ]


def _chunks(*chunks: tuple[int, bytes, bytes]) -> bytes:
    """Return a finalfusion file; what stands third in a chunk is an array, before which zeros stand."""
    body = struct.pack("<4sII", b"FiFu", 0, len(chunks)) + b"".join(
        struct.pack("<I", kind) for kind, *_ in chunks
    )
    for kind, head, array in chunks:
        zeros = bytes(4 - (len(body) + 12 + len(head)) % 4) if array else b""
        content = head + zeros + array
        body += struct.pack("<IQ", kind, len(content)) + content
    return body


def magnitude() -> list[bytes]:
    key = "key TEXT COLLATE NOCASE"
    plain = [
        f"CREATE TABLE magnitude ({key}, dim_0 INTEGER, dim_1 INTEGER, magnitude REAL)",
        f"CREATE TABLE magnitude_format ({key}, value INTEGER)",
        "INSERT INTO magnitude VALUES ('the', 60, 80, 5.0), ('naïve', 100, 0, 0.5), ('猫', 0, 1, 2.5)",
        "INSERT INTO magnitude_format VALUES ('precision', 2), ('dim', 2), ('size', 3)",
    ]
    bare = [line.replace(", magnitude REAL", "") for line in plain]
    bare[2] = "INSERT INTO magnitude VALUES ('the', 60, 80)"
    bare[3] = "INSERT INTO magnitude_format VALUES ('dim', 2)"
    view = [
        "CREATE TABLE t (key, dim_0)",
        "CREATE VIEW magnitude AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x, 1 FROM c",
        plain[1],
    ]
    return [_database(statements) for statements in (plain, bare, view)]


def _database(statements: list[str]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f.magnitude"
        database = sqlite3.connect(path)
        database.execute("PRAGMA page_size = 512")
        for statement in statements:
            database.execute(statement)
        database.commit()
        database.close()
        return path.read_bytes()


@contextmanager
def classes(*paths: str) -> Iterator[list[type]]:
    """Yield classes that pickles name by these paths; no package of theirs is installed or imported."""
    made: list[type] = []
    parts = [path.split(".") for path in paths]
    names = {".".join(one[:end]) for one in parts for end in range(1, len(one))}
    before = {name: sys.modules.get(name) for name in names}  # where they are installed, theirs come back
    sys.modules.update({name: ModuleType(name) for name in names})
    for path in paths:
        module, _, name = path.rpartition(".")
        one = type(name, (), {"__module__": module})
        setattr(sys.modules[module], name, one)
        made.append(one)
    try:
        yield made
    finally:
        for name, theirs in before.items():
            del sys.modules[name]
            if theirs is not None:
                sys.modules[name] = theirs


def gensim() -> list[bytes]:
    found: list[bytes] = []
    array = io.BytesIO()
    np.save(array, ROWS)
    with classes("gensim.models.keyedvectors.KeyedVectors", "gensim.models.word2vec.Word2Vec") as (
        keyed,
        model,
    ):
        for protocol in (2, 4, 5):
            one: Any = keyed()
            one.index_to_key, one.vectors = TOKENS, ROWS
            found.append(framed(pickle.dumps(one, protocol), b""))
        whole, inner = model(), keyed()
        inner.index2word, inner.syn0, whole.wv = TOKENS, ROWS.astype(np.float64), inner
        found.append(framed(pickle.dumps(whole, 2), b""))
        apart = keyed()
        apart.index_to_key, apart.__dict__["__numpys"] = TOKENS, ["vectors"]
        found.append(framed(pickle.dumps(apart, 4), array.getvalue()))
    return found


def static() -> list[bytes]:
    vocab = {"[UNK]": 0, "the": 1, "##s": 2, "猫": 3}
    tokenizer = {
        "added_tokens": [{"id": 1, "content": "the"}],
        "model": {"type": "WordPiece", "vocab": vocab},
    }
    scored = {"model": {"type": "Unigram", "vocab": [["a", -1.0], ["b", -2.0]]}}
    arrays: dict[str, Any] = {"embeddings": ROWS}
    mapped: dict[str, Any] = {
        "embeddings": ROWS[:2].astype(np.float16),
        "mapping": np.array([0, 1, 1, 0], np.int32),
        "weights": np.ones(4, np.float64),
    }
    return [
        framed(json.dumps(tokenizer).encode(), save(arrays)),
        framed(json.dumps(tokenizer).encode(), save(mapped)),
        framed(json.dumps(scored).encode(), save({"embedding.weight": ROWS[:2]})),
    ]


def torch_vectors() -> list[bytes]:
    """Return what torchtext kept: the file itself, after a zero; or after another byte its pickle and its numbers."""
    itos = TOKENS
    kept = itos, {token: row for row, token in enumerate(itos)}, torch.from_numpy(ROWS.copy()), 2
    found = []
    for as_zip in (True, False):
        buffer = io.BytesIO()
        torch.save(kept, buffer, _use_new_zipfile_serialization=as_zip)
        found.append(b"\0" + buffer.getvalue())
    with zipfile.ZipFile(io.BytesIO(found[0][1:])) as archive:
        (name,) = (one for one in archive.namelist() if one.endswith("data.pkl"))
        pickled = archive.read(name)
    return [*found, b"\1" + framed(pickled, ROWS.tobytes())]


def torch_vocab() -> list[bytes]:
    found: list[bytes] = []
    with classes("torchtext.vocab.vocab.Vocab", "torchtext._torchtext.Vocab") as (outer, core):
        for default in ([], [0]):
            whole, inner = outer(), core()
            state: tuple[Any, ...] = "0.0.2", default, TOKENS, []
            setattr(type(inner), "__getstate__", lambda _self, state=state: state)  # noqa: B010 - as mypy wants it
            whole.vocab = inner
            found += [pickle.dumps(whole, protocol) for protocol in (2, 4)]
        for as_zip in (True, False):
            buffer = io.BytesIO()
            torch.save(whole, buffer, _use_new_zipfile_serialization=as_zip)
            found.append(buffer.getvalue())
    return found


def store() -> list[bytes]:
    """Return stores without the blanks in their headers."""
    block = Block.of(
        [token.encode() for token in [*TOKENS, "the"]], np.concatenate([ROWS, ROWS[:1]]) / np.float32(1e30)
    )
    every = Ngrams(minn=1, maxn=3, buckets=3, rows=PlainRows(array=ROWS[:3].copy()))
    some = Ngrams(
        minn=2, maxn=3, buckets=9, rows=PlainRows(array=ROWS[:2].copy()), kept=np.array([1, 7], np.uint32)
    )
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for encoding, ngrams in (("float32", None), ("float16", None), ("int8", some), ("float32", every)):
            path = write_store(Path(folder) / "s", [block], encoding=encoding, ngrams=ngrams)  # type: ignore[arg-type]
            whole = path.read_bytes()
            end = 8 + int.from_bytes(whole[:8], "little")
            header = whole[8:end].rstrip()
            header += b" " * (-(8 + len(header)) % 64)
            found.append(len(header).to_bytes(8, "little") + header + whole[end:])
    return found


def archives() -> list[bytes]:
    body = b"token 1 2\n" * 20
    members = {"about/README": b"hello\n", "data/v.txt": body}
    found = [_zipped(members, method) for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)]
    found += [_zipped({"v.txt": body}, zipfile.ZIP_DEFLATED, comment=b"PK\5\6 a comment"), _zip64()]
    for form in (tarfile.USTAR_FORMAT, tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
        tarred = _tarred({"d/" + "long" * 30 + "/é.txt": body, "v.txt": b"a 1\n"}, form)
        found += [tarred, gzip.compress(tarred)]
    found += [
        lzma.compress(_tarred(members, tarfile.PAX_FORMAT)),
        lzma.compress(body),
        gzip.compress(body),
        body,
    ]
    return [*found, gzip.compress(b"a 1\n") + gzip.compress(b"b 2\n") + b"junk"]


def _zipped(members: dict[str, bytes], method: int, comment: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.comment = comment
        for name, body in members.items():
            archive.writestr(zipfile.ZipInfo(name), body, method)
    return buffer.getvalue()


def _zip64() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, archive.open("v.txt", "w", force_zip64=True) as member:
        member.write(b"a 1\n")
    return buffer.getvalue()


def _tarred(members: dict[str, bytes], form: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        folder = tarfile.TarInfo("d")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, body in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    # Tar pads to 10 KB with zeros; two empty blocks are an end, too.
    return (
        buffer.getvalue()
        .rstrip(b"\0")
        .ljust(-(-len(buffer.getvalue().rstrip(b"\0")) // 512) * 512 + 1024, b"\0")
    )


def zips() -> list[bytes]:
    """Return zips alone."""
    return [one for one in archives() if one.startswith(b"PK")]


def unpackable() -> list[bytes]:
    """Return archives as `extract_archive` takes them; the first byte says by which name."""
    kinds = {b"PK": b"\0", b"\x1f\x8b": b"\1"}
    found = [kinds.get(one[:2], b"\1") + one for one in archives() if not one.startswith(b"\xfd7z")]
    return [*found, b"\2" + gzip.compress(b"a 1\n")]


def receipts() -> list[bytes]:
    told = {
        "url": "https://example.org/v.zip",
        "nbytes": 12,
        "sha256": "0" * 64,
        "verified": True,
        "etag": '"x"',
    }
    return [json.dumps(told).encode(), json.dumps(told | {"etag": None}, indent=1).encode()]


def fitted() -> list[bytes]:
    vocab = Vocab(TOKENS, 0)
    whole = packed_fit(Fitted(vocab=vocab, counts={"the": 3}, running=7, rows=2))
    bare: dict[str, Any] = {
        "token_bytes": np.frombuffer(b"ab", np.uint8),
        "token_lengths": np.array([1, 1], np.int64),
        "token_counts": np.array([1, 0], np.int64),
        "default_index": np.array([], np.int64),
        "corpus": np.array([1, 1], np.int64),
    }
    return [whole, save(bare)]


def vocab_text() -> list[bytes]:
    return ["\n".join(TOKENS).encode() + b"\n", b"<unk>\na b\nc"]


def anything() -> list[bytes]:
    """Return files of every kind, for the whole way from a file to a store; the first byte says how it is packed."""
    every = [
        text()[0],
        word2vec()[0],
        fasttext()[0],
        finalfusion()[0],
        magnitude()[0],
        store()[0],
        store()[2],
    ]
    every += [torch_vectors()[0][1:], unframed(gensim()[0])[0], unframed(static()[0])[1]]
    return [bytes([way]) + body for body in every for way in range(4)]
