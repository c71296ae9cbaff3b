"""A vocabulary → the path of a file in the cache, by which it travels → the vocabulary again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from torchvectors.cache import folders, replacing
from torchvectors.errors import GraphError
from torchvectors.vocabulary import Vocab

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["arrived", "sent"]


def sent(vocab: Vocab) -> Path | Vocab:
    """Write a vocabulary to the cache and return where; or return itself, where nothing can be written.

    The file's name is the digest of its content: whoever writes it again writes the same, and a vocabulary that
    has changed since gets another file.
    """
    from safetensors.numpy import save
    from xxhash import xxh3_128_hexdigest

    tokens = [token.encode("utf-8", "surrogatepass") for token in vocab]
    default = vocab.get_default_index()
    content = save(
        {
            "token_bytes": np.frombuffer(b"".join(tokens), np.uint8),
            "token_lengths": np.fromiter(map(len, tokens), np.int64, len(tokens)),
            "default_index": np.array([] if default is None else [default], np.int64),
        }
    )
    # Absolute, for the process that it goes to may be in another folder.
    path = folders().write.absolute() / "vocabularies" / f"{xxh3_128_hexdigest(content)}.safetensors"
    try:
        if not path.is_file() or path.read_bytes() != content:
            with replacing(path) as temporary:
                temporary.write_bytes(content)
    except OSError:  # a CacheError is one
        return vocab
    return path


def arrived(place: Path | Vocab) -> Vocab:
    """Return the vocabulary that `sent` has sent.

    Raises:
        GraphError: Its file is gone, or is not what was written there.
    """
    from safetensors.numpy import load
    from xxhash import xxh3_128_hexdigest

    if isinstance(place, Vocab):
        return place
    try:
        content = place.read_bytes()
    except OSError as error:
        raise GraphError(
            f"{place}: a pickled graph's vocabulary cannot be read ({error}). {_CURE}"
        ) from error
    if xxh3_128_hexdigest(content) != place.stem:
        raise GraphError(f"{place}: this vocabulary is not as a pickled graph has left it there. {_CURE}")
    parts = load(content)
    text, ends = parts["token_bytes"].tobytes(), parts["token_lengths"].cumsum().tolist()
    starts = [0, *ends[:-1]]
    tokens = [text[i:j].decode("utf-8", "surrogatepass") for i, j in zip(starts, ends, strict=False)]
    return Vocab(tokens, next(iter(parts["default_index"].tolist()), None))


_CURE = "Pickle the graph again where it was fitted, or fit it anew."
