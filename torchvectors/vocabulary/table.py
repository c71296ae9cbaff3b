"""Tokens → indices and back: the class `Vocab`."""

from __future__ import annotations

import operator
import reprlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Protocol, SupportsIndex

import numpy as np
import torch
from torch import nn

from torchvectors.counting import check_specials
from torchvectors.errors import TokenTypeError, VocabError, shown
from torchvectors.vocabulary.fingerprint import fingerprint_of
from torchvectors.vocabulary.refusals import believed, not_a_token, out_of_bounds, refuse_other_types
from torchvectors.vocabulary.text import read_tokens, write_tokens

if TYPE_CHECKING:
    import os
    from pathlib import Path

__all__ = ["HasItos", "Vocab"]

_FORMAT = "torchvectors.vocab"
_VERSION = 1  # of what `Vocab.state` returns


class HasItos(Protocol):
    """Vectors, as far as a vocabulary needs them: their tokens, in the order of their rows."""

    @property
    def itos(self) -> Sequence[str]:
        """Row → token; a token may have several rows."""


class _Index(dict[str, int]):
    """Token → index; a token without an index gets the default."""

    __slots__ = ("default",)
    default: int | None

    def __missing__(self, token: object) -> int:
        if not isinstance(token, str):
            raise not_a_token(token)
        if self.default is None:
            cure = "Call set_default_index() with the index that such tokens shall get."
            raise VocabError(f"Token {token} not found and default index is not set. {cure}")
        return self.default


class Vocab(nn.Module):
    """The tokens of a model: token → index and index → token.

    It is torchtext 0.18's ``Vocab`` without the C++: the same methods and the same results. It holds no
    tensors, so ``state_dict()`` is empty. ``torch.save`` stores the tokens and the default index, and
    ``torch.load`` reads them back, in its safe default mode, too. Beyond torchtext it can be iterated over,
    takes any iterable of tokens and not lists alone, and refuses with a `TokenTypeError` what made torchtext
    crash. A ``str`` with a lone surrogate is a token like any other.

    Args:
        vocab: The tokens, each once; the index of each is its position. Or another Vocab, to be copied.
        default_index: What `set_default_index` takes. None: the default index of a Vocab that is copied,
            none otherwise.

    Raises:
        TokenTypeError: A token is not a ``str``, or ``vocab`` is one ``str`` or a mapping.
        VocabError: A token is there twice.
    """

    _itos: list[str]
    _stoi: _Index
    _known: tuple[tuple[int, int | None], str] | None = None  # the fingerprint, and of what

    def __init__(self, vocab: Vocab | Iterable[str], default_index: SupportsIndex | None = None) -> None:
        super().__init__()
        if isinstance(vocab, str):
            raise TokenTypeError(f"the tokens of a Vocab are one str, {reprlib.repr(vocab)}. Give a list.")
        if isinstance(vocab, Mapping):
            cure = "For token → frequency call vocab(…); of token → index give the tokens alone, in order."
            raise TokenTypeError(f"the tokens of a Vocab are a {type(vocab).__name__}, not a list. {cure}")
        if isinstance(vocab, Vocab) and default_index is None:
            default_index = vocab.get_default_index()
        self._fill(vocab, default_index)

    def _fill(self, tokens: Iterable[str], default_index: SupportsIndex | None) -> None:
        itos = list(tokens)
        if not set(map(type, itos)) <= {str}:
            refuse_other_types(itos)
            # Of a subclass (numpy.str_, an enum) the text alone stays, as in torchtext.
            itos = list(map(str.__str__, itos))
        stoi = _Index(zip(itos, count(), strict=False))
        if len(stoi) != len(itos):
            twice = next(token for place, token in enumerate(itos) if stoi[token] != place)
            raise VocabError(f"Duplicate token found in tokens list: {twice}. Give each token once.")
        stoi.default = None if default_index is None else int(operator.index(default_index))
        self._itos, self._stoi = itos, stoi

    @classmethod
    def from_vectors(
        cls,
        vectors: HasItos,
        specials: Sequence[str] = ("<pad>", "<unk>"),
        *,
        default: str | None = "<unk>",
        max_tokens: int | None = None,
    ) -> Vocab:
        """Make the vocabulary of a set of pretrained vectors: the specials, then the vectors' tokens.

        The matrix that belongs to it is ``torchvectors.align(vocab, vectors).matrix``, whose row ``i`` is for
        the token ``vocab.get_itos()[i]``. The rows of ``vectors.vectors`` are others: the specials push every
        token down, and a token that has several rows in the file has one index here.

        Args:
            vectors: Vectors, or anything with ``itos``.
            specials: Tokens to put first. One that the vectors have, too, moves here.
            default: The token whose index unknown tokens get; None for none, so that they are an error.
            max_tokens: The most tokens, specials included: the first of the file, which in published files
                are the most frequent ones. None for all.

        Raises:
            TokenTypeError: A special is not a ``str``.
            VocabError: ``default`` is not in the vocabulary; a special is there twice; ``max_tokens`` leaves
                no place for any token of ``vectors``.
        """
        tokens = dict.fromkeys(check_specials(specials, max_tokens))
        for token in vectors.itos:
            if len(tokens) == max_tokens:
                break
            tokens[token] = None
        made = cls(tokens.keys())
        if default is not None:
            if default not in made:
                cure = "Put it among the specials, or give default=None."
                raise VocabError(f"the default token {default!r} is not in the vocabulary. {cure}")
            made.set_default_index(made[default])
        return made

    if TYPE_CHECKING:

        def __call__(self, tokens: Iterable[str]) -> list[int]:
            """What `nn.Module.__call__` returns here: hooks and `forward`."""

    def forward(self, tokens: Iterable[str]) -> list[int]:
        """Return the index of each token; the same as `lookup_indices`, but with the module's hooks."""
        return self.lookup_indices(tokens)

    def __len__(self) -> int:
        return len(self._itos)

    def __iter__(self) -> Iterator[str]:
        return iter(self.get_itos())

    def __contains__(self, token: str) -> bool:
        if not isinstance(token, str):
            raise not_a_token(token)
        return token in self._stoi

    def __getitem__(self, token: str) -> int:
        if not isinstance(token, str):
            raise not_a_token(token)
        return self._stoi[token]

    def set_default_index(self, index: SupportsIndex | None) -> None:
        """Set the index that unknown tokens get. None makes them an error.

        Any int will do, -1 and beyond the end included. It stays what it is when tokens are inserted, so that
        ``set_default_index(0)`` followed by ``insert_token("<unk>", 0)`` means ``"<unk>"``.
        """
        self._stoi.default = None if index is None else int(operator.index(index))

    def get_default_index(self) -> int | None:
        """Return the index that unknown tokens get, or None."""
        return self._stoi.default

    def insert_token(self, token: str, index: SupportsIndex) -> None:
        """Put a new token at ``index``, 0 to ``len(self)``; the tokens from there on move up by one.

        Raises:
            TokenTypeError: The token is not a ``str``.
            VocabError: The index is out of bounds, or the token exists.
        """
        if not isinstance(token, str):
            raise not_a_token(token)
        at = operator.index(index)
        if not 0 <= at <= len(self._itos):
            raise out_of_bounds(at, len(self._itos))
        if token in self._stoi:
            # torchtext said "Token a not found in Vocab" here: programs that look for either are served.
            exists = f"Token {token} already exists in the Vocab with index: {self._stoi[token]}"
            raise VocabError(f"{exists}. insert_token takes only a token not found in Vocab.")
        self._itos.insert(at, str.__str__(token))
        self._stoi.update(zip(self._itos[at:], count(at), strict=False))

    def append_token(self, token: str) -> None:
        """Put a new token at the end.

        Raises:
            TokenTypeError: The token is not a ``str``.
            VocabError: The token exists.
        """
        if token in self:
            raise VocabError(f"Token {token} already exists in the Vocab with index: {self._stoi[token]}")
        self.insert_token(token, len(self._itos))

    def lookup_token(self, index: SupportsIndex) -> str:
        """Return the token of an index: an int, a NumPy integer or a 0-d integer tensor.

        Raises:
            VocabError: The index is negative or beyond the end.
        """
        at = operator.index(index)
        if not 0 <= at < len(self._itos):
            raise out_of_bounds(at, len(self._itos))
        return self._itos[at]

    def lookup_tokens(self, indices: Iterable[SupportsIndex]) -> list[str]:
        """Return the token of each index; ``indices`` may be a 1-d integer tensor or array, too.

        Raises:
            VocabError: An index is negative or beyond the end.
        """
        if isinstance(indices, (torch.Tensor, np.ndarray)):
            indices = (
                indices.tolist()
            )  # a tensor's items are tensors, each a hundred times slower than an int
        places = list(map(operator.index, indices))
        if places and not 0 <= min(places) <= max(places) < len(self._itos):
            wrong = next(place for place in places if not 0 <= place < len(self._itos))
            raise out_of_bounds(wrong, len(self._itos))
        return list(map(self._itos.__getitem__, places))

    def lookup_indices(self, tokens: Iterable[str]) -> list[int]:
        """Return the index of each token, and for an unknown one the default index.

        Raises:
            TokenTypeError: A token is not a ``str``, or ``tokens`` is one ``str``.
            VocabError: A token is unknown and there is no default index.
        """
        if isinstance(tokens, str):
            cure = "Give a list of tokens, or write vocab[token] for one."
            raise TokenTypeError(f"{reprlib.repr(tokens)} is one str, not a list of tokens. {cure}")
        try:
            return list(map(self._stoi.__getitem__, tokens))
        except TypeError:
            if isinstance(tokens, (list, tuple)):
                refuse_other_types(tokens)
            raise

    def get_stoi(self) -> dict[str, int]:
        """Return a new dict of token → index."""
        return dict(self._stoi)

    def get_itos(self) -> list[str]:
        """Return a new list of the tokens, each at its index."""
        return self._itos.copy()

    @property
    def fingerprint(self) -> str:
        """What tells this vocabulary from others: a checksum over its tokens in their order, and the default index.

        Equal vocabularies have equal ones, in every process and release. It costs a pass over the tokens, once.
        """
        default = self.get_default_index()
        now = len(self), default  # a vocabulary can grow, and be changed in no other way
        if self._known is None or self._known[0] != now:
            self._known = now, fingerprint_of(self._itos, default)
        return self._known[1]

    def state(self) -> dict[str, object]:
        """Return what makes this vocabulary, as a dict of plain types, to go into a checkpoint.

        ``torch.save`` it, or write it as JSON; ``torch.load(…, weights_only=True)`` reads it back without
        this package, and `from_state` makes an equal Vocab of it.
        """
        return {
            "format": _FORMAT,
            "version": _VERSION,
            "tokens": self.get_itos(),
            "default_index": self.get_default_index(),
        }

    @classmethod
    def from_state(cls, state: object) -> Vocab:
        """Make the Vocab whose `state` this is.

        Raises:
            VocabError: It is no state of a Vocab, a damaged one, or one of a later version.
        """
        said = state.get("format") if isinstance(state, Mapping) else None
        # A tensor, say, can be compared with a str, and what comes out of that is no bool.
        if not isinstance(state, Mapping) or not isinstance(said, str) or said != _FORMAT:
            raise VocabError(f"this is not what Vocab.state() returned: {shown(state)}")
        version = state.get("version")
        if not isinstance(version, int) or version != _VERSION:
            cure = "Install a newer torchvectors to read it."
            raise VocabError(
                f"this vocabulary has version {shown(version)}, {_VERSION} is known here. {cure}"
            )
        return cls(*believed(state.get("tokens"), state.get("default_index")))

    def write_text(self, path: str | os.PathLike[str]) -> Path:
        r"""Write the tokens to a text file, a token a line, for people and other programs to read; return its path.

        The default index is not among them. The file is UTF-8, and appears whole or not at all.

        Raises:
            VocabError: A token cannot stand in a line: it is empty or holds ``\n``; `write_tokens` has all cases.
            CacheError: The folder cannot be written.
        """
        return write_tokens(path, self._itos)

    @classmethod
    def read_text(cls, path: str | os.PathLike[str], *, default: str | None = "<unk>") -> Vocab:
        r"""Read a text file with a token a line, each of which gets the index of its line, from 0.

        Args:
            path: UTF-8, lines ended by ``\n``; nothing is stripped, and no line is skipped.
            default: The token whose index unknown tokens get, if the file has it.

        Raises:
            ParseError: A line is empty, holds a token for the second time, or is no UTF-8; the text names it.
            FileNotFoundError: There is no such file.
        """
        made = cls(read_tokens(path))
        if default is not None and default in made:
            made.set_default_index(made[default])
        return made

    def __getstate__(self) -> dict[str, object]:
        # What each module has, and what follows from the tokens, is left out: that is smaller, and plain enough
        # for `torch.load` in its safe mode, whatever the versions of torch that save and load it.
        ours: dict[str, object] = nn.Module.__getstate__(self)
        fresh = nn.Module().__dict__
        kept = {name: value for name, value in ours.items() if name not in fresh or value != fresh[name]}
        del kept["_stoi"]
        return kept | {"_default": self.get_default_index()}

    def __setstate__(self, state: dict[str, object]) -> None:
        # `torch.load` calls this with whatever a file says.
        if not isinstance(state, dict):
            raise VocabError(f"this saved vocabulary is damaged: {shown(state)} is no dict")
        rest = dict(state)
        tokens, default_index = believed(rest.pop("_itos", None), rest.pop("_default", None))
        nn.Module.__init__(self)
        self.__dict__.update(rest)
        self._fill(tokens, default_index)

    @property
    def vocab(self) -> Vocab:
        """This vocabulary; in torchtext the C++ object inside, which many programs reach for."""
        return self

    @property
    def itos_(self) -> list[str]:
        """What `get_itos` returns; an attribute of torchtext's C++ object."""
        return self.get_itos()

    @property
    def default_index_(self) -> int | None:
        """What `get_default_index` returns; an attribute of torchtext's C++ object."""
        return self.get_default_index()

    @property
    def is_jitable(self) -> bool:
        """Whether this very object is TorchScript's form; see `__prepare_scriptable__`. As in torchtext."""
        return False

    def __prepare_scriptable__(self) -> Vocab:
        """Return a copy that TorchScript can compile; ``torch.jit.script`` asks for it, alone or in a model.

        Raises:
            VocabError: A token is not valid Unicode, which TorchScript's strings have to be.
        """
        try:
            "".join(self._itos).encode()
        except UnicodeEncodeError as error:
            culprit = error.object[error.start]
            raise VocabError(f"TorchScript cannot hold the lone surrogate {culprit!r} of a token") from error
        # Here, because it is a subclass of this class.
        from torchvectors.vocabulary.scripting import ScriptableVocab

        return ScriptableVocab(self)
