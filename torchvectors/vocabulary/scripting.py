"""`Vocab` in the part of Python that TorchScript compiles."""

# No `from __future__ import annotations` here: TorchScript reads the annotations of the attributes as types, and
# cannot read strings.
import operator
from collections.abc import Iterable
from typing import SupportsIndex

import torch

from torchvectors.errors import VocabError
from torchvectors.vocabulary.table import Vocab

__all__ = ["ScriptableVocab"]


class ScriptableVocab(Vocab):
    """A Vocab in the part of Python that TorchScript compiles.

    `torch.jit.script` leaves this in the place of the Vocab in the model that it was given, so it has to work
    uncompiled as well, for what its annotations allow.
    """

    # Why mypy ignores some overrides: TorchScript has int and list where a Vocab takes any index and iterable.
    # These comments end their lines, since TorchScript reads what follows "type:" as types.

    __jit_unused_properties__ = ("default_index_", "fingerprint", "is_jitable", "itos_", "vocab")

    _itos: list[str]
    _stoi: dict[str, int]  # type: ignore[assignment] # TorchScript knows no subclass of dict
    _default: int | None

    def _fill(self, tokens: Iterable[str], default_index: SupportsIndex | None) -> None:
        super()._fill(tokens, default_index)
        self._default = None if default_index is None else int(operator.index(default_index))

    def _refuse(self, text: str) -> int:
        # It is documented, but not in torch.jit.__all__.
        if torch.jit.is_scripting():  # type: ignore[attr-defined]
            # `raise` would come out as torch.jit.Error, which is no RuntimeError. A missing key does.
            # Its value is used wherever this is called, or the compiler would drop the call.
            nothing: dict[str, int] = {}
            return nothing[text]
        raise VocabError(text)

    @torch.jit.export
    def forward(self, tokens: list[str]) -> list[int]:  # type: ignore[override]
        return self.lookup_indices(tokens)

    @torch.jit.export
    def __len__(self) -> int:
        return len(self._itos)

    @torch.jit.export
    def __contains__(self, token: str) -> bool:
        return token in self._stoi

    @torch.jit.export
    def __getitem__(self, token: str) -> int:
        if token in self._stoi:
            return self._stoi[token]
        default = self._default
        if default is None:
            return self._refuse(f"Token {token} not found and default index is not set")
        return default

    @torch.jit.export
    def set_default_index(self, index: int | None) -> None:  # type: ignore[override]
        self._default = None if index is None else int(index)

    @torch.jit.export
    def get_default_index(self) -> int | None:
        return self._default

    @torch.jit.export
    def insert_token(self, token: str, index: int) -> None:  # type: ignore[override]
        size = len(self._itos)
        if index < 0 or index > size:
            index = self._refuse(f"Specified index {index} is out of bounds for vocab of size {size}")
        if token in self._stoi:
            index = self._refuse(f"Token {token} already exists in the Vocab with index: {self._stoi[token]}")
        self._itos.insert(index, token)
        for place in range(index, size + 1):
            self._stoi[self._itos[place]] = place

    @torch.jit.export
    def append_token(self, token: str) -> None:
        self.insert_token(token, len(self._itos))

    @torch.jit.export
    def lookup_token(self, index: int) -> str:  # type: ignore[override]
        size = len(self._itos)
        if index < 0 or index >= size:
            index = self._refuse(f"Specified index {index} is out of bounds for vocab of size {size}")
        return self._itos[index]

    @torch.jit.export
    def lookup_tokens(self, indices: list[int]) -> list[str]:  # type: ignore[override]
        return [self.lookup_token(index) for index in indices]

    @torch.jit.export
    def lookup_indices(self, tokens: list[str]) -> list[int]:  # type: ignore[override]
        return [self.__getitem__(token) for token in tokens]

    @torch.jit.export
    def get_stoi(self) -> dict[str, int]:
        return self._stoi.copy()

    @torch.jit.export
    def get_itos(self) -> list[str]:
        return self._itos.copy()

    @property
    def is_jitable(self) -> bool:
        """Whether this very object is TorchScript's form."""
        return True

    def __prepare_scriptable__(self) -> Vocab:
        return self
