"""What `BuildVocab` gives its user, in both of its forms: `datapipes` and `nodes` say only how rows are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup

    from torchvectors.fitting.fit import Fit
    from torchvectors.rows import Columns
    from torchvectors.vocabulary import Vocab

__all__ = ["FitsVocab"]


class FitsVocab:
    """What `BuildVocab` gives its user, in both of its forms."""

    goes_by: Fit
    column: Columns
    extended_by: str  # what the second corpus is, in words; empty if there is none

    @property
    def passes(self) -> int:
        """How often the corpus was counted, in this process: 0 or 1, unless counting has failed."""
        return self.goes_by.passes

    @property
    def extension_passes(self) -> int:
        """How often the corpus of ``extend_with`` was counted, in this process: 0 or 1, unless counting has failed."""
        return self.goes_by.extension_passes

    def fit(
        self, group: ProcessGroup | None = None, *, timeout: float = 1800.0, dealt: bool = False
    ) -> Vocab:
        """Fit now; in a ``torch.distributed`` group together, each rank counting its share of the corpus.

        Reading `vocab` never waits for another rank to come: the first who reads it counts the whole corpus, and
        ranks that share a cache folder find what it has fitted. This is for those who want the counting itself
        divided, or whose ranks share no folder. It is a collective: every rank of the group must call it.

        Args:
            group: The ranks; None for all. Without ``torch.distributed`` it is this process alone.
            timeout: Seconds to wait for the others, once this rank has counted.
            dealt: Whether each rank's source is its own share of the corpus already, and all of that is counted;
                likewise that of ``extend_with``.

        Returns:
            The vocabulary, which is the same on every rank.

        Raises:
            GraphError: Some ranks have not come in time, or could not count; the text names them.
        """
        self.goes_by.fit(group, timeout, dealt=dealt)
        return self.goes_by.vocab

    def fit_state(self) -> dict[str, Any]:
        """Return what a checkpoint needs to have this vocabulary again: its fingerprint, and the file that holds it."""
        return self.goes_by.state()

    def load_fit_state(self, state: dict[str, Any]) -> None:
        """Take the vocabulary that a checkpoint names, so that nothing is counted again.

        Where its file is gone the corpus is counted when the vocabulary is next needed, and must give an equal one.

        Raises:
            GraphError: The state is of other settings, or this stage is fitted, and to another vocabulary.
        """
        self.goes_by.adopt(state)

    def settings_said(self) -> str:
        """Say how it is set."""
        return f"{self.goes_by.settings}, column {self.column!r}{self.extended_by}"

    def keeps_fingerprint(self) -> bool:
        """Say that the rows come out as they went in."""
        return True
