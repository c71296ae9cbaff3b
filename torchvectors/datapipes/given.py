"""The stage for a vocabulary that is given, not counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torchvectors.datapipes.fitting import NeedsVocab
from torchvectors.datapipes.graph import Pipe, form
from torchvectors.fitting import Given, VocabOrigin, given_vocab
from torchvectors.rows import checked_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torchvectors.rows import Columns

__all__ = ["UseVocab"]


@form("use_vocab")
class UseVocab(NeedsVocab):
    """Let the stages behind go by a vocabulary that is given, and pass the rows on (``.use_vocab()``).

    It stands where `BuildVocab` would, and reads no row. Its vocabulary is a frozen copy: it does not follow later
    changes of what it was made from, and its methods that would change it raise a `VocabError`.

    Args:
        source: Rows with tokens.
        vocab: One of

            - a `Vocab`;
            - a stage of another graph that has one, which is fitted, if it must be, when this one is first needed;
            - `Vectors`: the specials, then their tokens, the first of the file first (`Vocab.from_vectors`);
            - the path of a text file with a token a line (`Vocab.read_text`, `Vocab.write_text`);
            - the path of a saved vocabulary: `Vocab.state` in a ``.json`` or by ``torch.save``; or a whole ``Vocab``,
              of this package or of torchtext, by ``torch.save``. Nothing in the file is run.

        specials: For vectors and text files: tokens to put first, wherever else they are. None: ``<pad>`` and
            ``<unk>`` for vectors, none for a text file. Unknown tokens get the index of ``<unk>``, if it is there.
        max_tokens: For vectors and text files: the most tokens, specials included.
        column: The tokens' column in the row, or several.

    Attributes:
        vocab: The vocabulary.

    Raises:
        GraphError: ``vocab`` is nothing of that; or is a vocabulary already, and ``specials`` or ``max_tokens`` are
            given as well.
        NotFoundError: There is no such file.
        ParseError, VocabError: The file is damaged, or makes no vocabulary; the text names the file and the line.
    """

    goes_by: Given

    def __init__(
        self,
        source: Pipe,
        vocab: VocabOrigin,
        specials: Sequence[str] | None = None,
        max_tokens: int | None = None,
        column: Columns = None,
    ) -> None:
        self.source_datapipe = source
        self.column = checked_columns(column, "use_vocab")
        self.goes_by = given_vocab(vocab, specials, max_tokens)

    def settings_said(self) -> str:
        """Say how it is set."""
        return f"column {self.column!r}"

    def keeps_fingerprint(self) -> bool:
        """Say that the rows come out as they went in."""
        return True
