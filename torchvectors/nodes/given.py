"""The stage for a vocabulary that is given, not counted: see `torchvectors.datapipes.given`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torchvectors.fitting import Given, VocabOrigin, given_vocab
from torchvectors.nodes.fitting import NeedsVocab
from torchvectors.rows import checked_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torchvectors.nodes.graph import Node
    from torchvectors.rows import Columns

__all__ = ["UseVocab"]


class UseVocab(NeedsVocab):
    """Let the stages behind go by a vocabulary that is given: see `torchvectors.datapipes.UseVocab`."""

    goes_by: Given
    states_vocab = True

    def __init__(
        self,
        source: Node,
        vocab: VocabOrigin,
        specials: Sequence[str] | None = None,
        max_tokens: int | None = None,
        column: Columns = None,
    ) -> None:
        super().__init__(source)
        self.column = checked_columns(column, "use_vocab")
        self.goes_by = given_vocab(vocab, specials, max_tokens)

    def settings_said(self) -> str:
        """Say how it is set."""
        return f"column {self.column!r}"

    def keeps_fingerprint(self) -> bool:
        """Say that the rows come out as they went in."""
        return True
