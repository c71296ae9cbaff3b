"""What was fitted to a corpus ↔ bytes ↔ a file in the cache, by whose path it travels to another process."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from xxhash import xxh3_128, xxh3_128_hexdigest

from torchvectors.cache import VOCABULARIES, folders, replacing, sweep
from torchvectors.errors import GraphError
from torchvectors.stages.states import stated
from torchvectors.vocabulary import Vocab

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["Fitted", "arrived", "expect_equal", "pack", "recalled", "sent", "unpack", "written"]

_CURE = "Pickle the graph again where it was fitted, or fit it anew."


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A vocabulary, and what is known of the corpus that it was fitted to."""

    vocab: Vocab
    counts: Mapping[str, int]  # how often the vocabulary's tokens occur; those that never do may be left out
    running: int  # tokens of the corpus in all, those that are not in the vocabulary included
    rows: int  # of the corpus


def pack(fitted: Fitted) -> bytes:
    """Return the content of a safetensors file that holds it all; of equal ones, equal bytes."""
    from safetensors.numpy import save

    tokens = [token.encode("utf-8", "surrogatepass") for token in fitted.vocab]
    default = fitted.vocab.get_default_index()
    counts = (fitted.counts.get(token, 0) for token in fitted.vocab)
    parts: dict[str, NDArray[Any]] = {
        "token_bytes": np.frombuffer(b"".join(tokens), np.uint8),
        "token_lengths": np.fromiter(map(len, tokens), np.int64, len(tokens)),
        "token_counts": np.fromiter(counts, np.int64, len(tokens)),
        "default_index": np.array([] if default is None else [default], np.int64),
        "corpus": np.array([fitted.running, fitted.rows], np.int64),
        "version": np.array([_VERSION], np.int64),
    }
    content: bytes = save({**parts, _SEAL: _sealed(parts)})
    return content


_KINDS = {
    "token_bytes": np.uint8,
    "token_lengths": np.int64,
    "token_counts": np.int64,
    "default_index": np.int64,
    "corpus": np.int64,
}
_SEAL = "digest"
_VERSION = 1  # of what `pack` gives; that of the first ones, which do not say it, is the same


def _sealed(parts: Mapping[str, NDArray[Any]]) -> NDArray[np.uint8]:
    """Return a digest of all parts: what meets under a name that is no digest must be seen to be whole."""
    digest = xxh3_128()
    for name in sorted(parts.keys() - {_SEAL}):
        digest.update(f"{name} {parts[name].dtype} {parts[name].shape}".encode())
        digest.update(parts[name].tobytes())
    return np.frombuffer(digest.digest(), np.uint8)


def unpack(content: bytes) -> Fitted:
    """Return what `pack` has packed.

    Raises:
        ValueError: It is something else, or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        parts = load(content)
        if _SEAL in parts and not np.array_equal(parts[_SEAL], _sealed(parts)):  # older ones have none
            raise ValueError("its digest is another")
        version = parts["version"].tolist() if "version" in parts else [_VERSION]
        if version != [_VERSION]:
            raise ValueError(f"it is of version {version}, and this torchvectors reads version {_VERSION}")
        for name, dtype in _KINDS.items():
            if parts[name].dtype != np.dtype(dtype) or parts[name].ndim != 1:
                raise ValueError(f"its {name} are {parts[name].dtype} of shape {parts[name].shape}")
        text, lengths = parts["token_bytes"].tobytes(), parts["token_lengths"]
        counts, (running, rows) = parts["token_counts"].tolist(), parts["corpus"].tolist()
        ends = lengths.cumsum().tolist()
        if len(counts) != len(ends) or (lengths < 0).any() or (ends[-1] if ends else 0) != len(text):
            raise ValueError("its tokens, their lengths and their counts do not belong together")
        spans = zip([0, *ends], ends, strict=False)
        tokens = [text[start:end].decode("utf-8", "surrogatepass") for start, end in spans]
        vocab = Vocab(tokens, next(iter(parts["default_index"].tolist()), None))
    except (SafetensorError, KeyError, UnicodeDecodeError, RuntimeError, TypeError) as error:
        raise ValueError(f"this is no fitted vocabulary: {error}") from error
    return Fitted(
        vocab=vocab,
        counts={token: n for token, n in zip(tokens, counts, strict=True) if n},
        running=running,
        rows=rows,
    )


def written(fitted: Fitted) -> Path | None:
    """Write it to the cache and return where; None where nothing can be written.

    The file's name is the digest of its content: whoever writes it again writes the same, and a vocabulary that
    has changed since gets another file. Nobody removes it unasked, for a pickle or a state may name it for months;
    the time of the file tells when it was last wanted.
    """
    content = pack(fitted)
    # Absolute, for the process that it goes to may be in another folder.
    path = folders().write.absolute() / VOCABULARIES / f"{xxh3_128_hexdigest(content)}.safetensors"
    try:
        if path.is_file() and path.read_bytes() == content:
            _note_use(path)
        else:
            with replacing(path) as temporary:
                temporary.write_bytes(content)
            sweep(path.parent)
    except OSError:  # a CacheError is one
        return None
    return path


def read(path: Path) -> Fitted:
    """Return what `written` has written.

    Raises:
        OSError: The file is gone.
        ValueError: It is not what was written there.
    """
    content = path.read_bytes()
    if xxh3_128_hexdigest(content) != path.stem:
        raise ValueError("this vocabulary is not as it was left there")
    _note_use(path)
    return unpack(content)


def _note_use(path: Path) -> None:
    with suppress(OSError):  # another user's, or on a disk that is read only
        os.utime(path)


def sent(fitted: Fitted) -> Path | Fitted:
    """Return the path of its file; or itself, where nothing can be written."""
    return written(fitted) or fitted


def arrived(place: Path | Fitted) -> Fitted:
    """Return what `sent` has sent.

    Raises:
        GraphError: Its file is gone, or is not what was written there.
    """
    if isinstance(place, Fitted):
        return place
    try:
        return read(place)
    except (OSError, ValueError) as error:
        raise GraphError(
            f"{place}: the vocabulary of a pickled graph cannot be read ({error}). {_CURE}"
        ) from error


def expect_equal(vocab: Vocab, state: dict[str, Any]) -> None:
    """Hold a vocabulary against what a state says of the one that it was taken with.

    Raises:
        GraphError: They differ; or the state is none.
    """
    expected = stated(state, "fingerprint", str, "build_vocab")
    if vocab.fingerprint != expected:
        text = f"build_vocab: this state was taken with the vocabulary {expected:.100}"
        text += f", and that of this graph is {vocab.fingerprint}, of {len(vocab)} tokens"
        raise GraphError(f"{text}. The corpus, its tokenizer or the settings are not those of the state.")


def recalled(state: dict[str, Any]) -> Fitted | None:
    """Return what a state has named, or None where its file is gone or damaged: it can be fitted anew.

    Raises:
        GraphError: The state is none.
    """
    fingerprint = stated(state, "fingerprint", str, "build_vocab")
    if state.get("file") is None:  # nothing could be written where it was taken
        return None
    place = Path(stated(state, "file", str, "build_vocab"))
    with suppress(OSError, ValueError):
        # A state comes from anywhere: a device or a pipe that it named might be read for ever.
        if place.is_file() and (found := read(place)).vocab.fingerprint == fingerprint:
            return found
    return None
