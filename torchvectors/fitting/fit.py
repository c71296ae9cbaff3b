"""A corpus → its vocabulary, counted when it is first needed, and once, whichever process comes first.

It is handed on inside a graph and is no collection (it has no ``__len__``): torch pickles a graph each time it looks
for its pipes, leaving out all attributes but collections, and a vocabulary would cost a second each time. When it
travels to another process, it travels by the path of a file.
"""

from __future__ import annotations

import os
import weakref
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torchvectors.cache import KEPT, folders, forget
from torchvectors.errors import GraphError
from torchvectors.fitting.fitted import Fitted, arrived, expect_equal, pack, recalled, sent, unpack, written
from torchvectors.fitting.given import Fixed, Given
from torchvectors.fitting.locking import ThreadLock
from torchvectors.fitting.passing import counted, recorded
from torchvectors.fitting.ranks import asked_as, digest_of, group_size, shared_key, together
from torchvectors.fitting.rendezvous import found_at, made_once, place_of, place_of_result, place_of_rows
from torchvectors.fitting.settings import Counted, VocabSettings
from torchvectors.stages.recording import opened
from torchvectors.stages.states import stated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch.distributed import ProcessGroup

    from torchvectors.fitting.corpus import Corpus
    from torchvectors.stages.recording import Recording
    from torchvectors.vocabulary import Vocab

__all__ = ["Fit", "GoesBy"]


class Fit:
    """The vocabulary of a corpus, which is counted when somebody first asks for it, and once.

    Whoever asks first counts: this process, a thread of it, or a process that has come by the same graph by a fork.
    They meet at a file in the cache. What a pickle brings is fitted already.

    Args:
        corpus: What to count; None where it is fitted already.
        settings: How counts become a vocabulary.
        fitted: What a pickle has brought.
        rows: Where it has said that the corpus' recorded rows are.
    """

    def __init__(
        self,
        corpus: Corpus | None,
        settings: VocabSettings,
        fitted: Fitted | None = None,
        rows: Path | None = None,
    ) -> None:
        self.passes = 0  # over the corpus, in this process; 0 or 1, unless one has failed
        self.extension_passes = 0  # over the second corpus, if there is one
        self.settings = settings
        self._corpus, self._fitted = corpus, fitted
        self._expected: dict[str, Any] | None = None  # what a state asks for whose file is gone
        self._stated: dict[str, Any] | None = None
        self._lock = ThreadLock()
        self._pid = os.getpid()
        self._rows = rows
        self._recording: Recording | None = None
        self.records = rows is not None or (corpus is not None and corpus.record)
        self._what: str | None = None  # a pickle brings no more than a vocabulary
        if corpus is not None:
            self._what = f"{corpus.described()} > {settings}{' > recorded' if corpus.record else ''}"
            self._asked = asked_as(self._what)
            # Now, for processes that are forked later may be in another folder, and must meet there all the same.
            self._home = folders().write.absolute()
            self._own_key = os.urandom(16).hex()
            self._ranks_key = self._shared_key()  # now, for a forked process must not talk to the other ranks
            places = place_of(self._own_key, self._home), place_of_rows(self._own_key, self._home)
            weakref.finalize(self, _remove, places, self._pid)

    @property
    def fitted(self) -> bool:
        """Whether the vocabulary is there."""
        return self._fitted is not None

    @property
    def vocab(self) -> Vocab:
        """The vocabulary.

        Raises:
            GraphError: The corpus has no rows, or a row has no tokens; or a state has promised another vocabulary.
            TokenTypeError: A token is not a ``str``.
        """
        return self._needed().vocab

    @property
    def counts(self) -> Mapping[str, int]:
        """How often the tokens of the vocabulary occur; those that never do are left out."""
        return self._needed().counts

    @property
    def running(self) -> int:
        """How many tokens the corpus has in all, those outside the vocabulary included."""
        return self._needed().running

    @property
    def rows(self) -> int:
        """How many rows the corpus has."""
        return self._needed().rows

    def _needed(self) -> Fitted:
        if self._fitted is None:
            with self._lock.held:
                if self._fitted is None:
                    key = self._key()
                    self._fitted = self._as_expected(self._made_once(key, lambda: self._counted_whole(key)))
        return self._fitted

    @property
    def recording(self) -> Recording | None:
        """The corpus' recorded rows; None if they are not recorded. It is fitted now if nobody has needed it yet.

        Raises:
            GraphError: Their file is gone; and as `vocab` raises it.
        """
        if not self.records:
            return None
        _ = self._needed()
        if self._recording is None:
            self._recording = opened(self._rows_needed())
        return self._recording

    def _rows_needed(self) -> Path:
        if self._rows is None:  # what is fitted has set it
            raise GraphError("build_vocab: this copy has no recorded rows.")
        return self._rows

    def _made_once(self, key: str, make: Callable[[], Fitted]) -> Fitted:
        if self.records:
            self._rows = place_of_rows(key, self._home)
        # A process that has built the graph may go its own way where there is no place to meet; one that has come by
        # it may not, for it is one of several.
        alone = os.getpid() == self._pid
        return made_once(place_of(key, self._home), make, alone=alone, beside=self._rows)

    def _counted_whole(self, key: str) -> Fitted:
        fitted = self.settings.choose(self._count(0, 1, self.settings))
        self._expect_unchanged(key)
        return fitted

    def _expect_unchanged(self, key: str) -> None:
        """See that the corpus is still the one under whose fingerprint its vocabulary is about to be kept."""
        if key.startswith(KEPT) and self._key() != key:
            text = "build_vocab: the corpus has changed while it was counted, and says now that it is another one."
            raise GraphError(f"{text} Begin anew, once nobody writes to its files.")

    def _count(self, number: int, of: int, settings: VocabSettings | None = None) -> Counted:
        corpus = self._unfitted
        self.passes += 1
        if self._rows is not None:
            found = recorded(corpus, self._rows, place_of_result(self._rows))
        else:
            # Of a token that only the second corpus brings into the vocabulary the count in the first is kept, too.
            found = counted(corpus, number, of, settings if corpus.more is None else None)
        if corpus.more is None:
            return found
        self.extension_passes += 1
        return replace(found, more=counted(corpus.more, number, of, settings))

    @property
    def _unfitted(self) -> Corpus:
        if self._corpus is None:  # what a pickle brings has its vocabulary, which nobody takes away
            raise GraphError("build_vocab: this copy has neither a vocabulary nor a corpus.")
        return self._corpus

    def _key(self) -> str:
        """Return what all those have in common who want this very result."""
        declared = self._unfitted.fingerprint()
        if declared is not None:
            return f"{KEPT}{digest_of(f'{self._what} {declared}')}"
        if self._ranks_key is None and os.getpid() == self._pid:
            self._ranks_key = self._shared_key()
        return self._ranks_key or self._own_key

    def _shared_key(self) -> str | None:
        return shared_key(self._asked)

    # Ranks.

    def fit(self, group: ProcessGroup | None, timeout: float, *, dealt: bool) -> None:
        """Count together with the other ranks of a group: each its share, and all get one vocabulary.

        Args:
            group: The ranks; None for all of them.
            timeout: Seconds to wait for the others, once this rank has counted.
            dealt: Whether each rank's source is its share already.

        Raises:
            GraphError: Some ranks did not come in time; or one of them failed to count; all are named.
        """
        rank, size = group_size(group)
        if dealt and self.records:
            text = "build_vocab: record_rows=True records the whole corpus, and dealt=True says that no rank has it."
            raise GraphError(f"{text} Leave one of them out.")
        if size == 1 or self.records:  # whose pass is not divided: the first who comes makes it
            self._needed()
            return
        with self._lock.held:
            how, part, key = self._own_part(rank, size, dealt=dealt)
            own = (self._what, how, part)
            content, counted = together(_FIT, own, self._decided, group=group, timeout=timeout)
            if self._fitted is None:
                fitted = self._as_expected(unpack(content))
                if counted and key is not None:
                    self._expect_unchanged(key)
                    fitted = self._made_once(key, lambda: fitted)
                self._fitted = fitted

    def _own_part(self, rank: int, size: int, *, dealt: bool) -> tuple[str, Any, str | None]:
        """Return what this rank has, and the key that what comes of it is kept under, if it is."""
        kept: str | None = None
        try:
            if self._fitted is None and not dealt and (key := self._key()).startswith(KEPT):
                kept = key
                found = found_at(place_of(key, self._home))
                self._fitted = None if found is None else self._as_expected(found)
            if self._fitted is not None:
                return "fitted", pack(self._fitted), kept
            return "counted", self._count(0, 1) if dealt else self._count(rank, size), kept
        except Exception as error:  # noqa: BLE001 - the other ranks wait for this one, whatever has happened to it
            return "failed", f"{type(error).__name__}: {error}", kept

    def _decided(self, whole: list[tuple[str | None, str, Any]]) -> tuple[bytes, bool]:
        """Make one vocabulary of what each rank has: its counts, or a vocabulary that it had before.

        Returns:
            The vocabulary, packed; and whether all ranks have counted for it.
        """
        graphs = {what: rank for rank, (what, *_) in enumerate(whole) if what is not None}
        if len(graphs) > 1:
            said = "; ".join(f"rank {rank} has {what}" for what, rank in graphs.items())
            raise GraphError(
                f"the ranks have different graphs: {said}. Call fit() of equal ones, in one order."
            )
        parts = [(how, part) for _, how, part in whole]
        if failed := {rank: part for rank, (how, part) in enumerate(parts) if how == "failed"}:
            raise GraphError(" ".join(f"rank {rank} failed: {text}" for rank, text in failed.items()))
        had: dict[int, bytes] = {rank: part for rank, (how, part) in enumerate(parts) if how == "fitted"}
        if len(set(had.values())) > 1:
            text = f"ranks {', '.join(map(str, had))} have each fitted a vocabulary before, and these differ."
            raise GraphError(f"{text} Call fit() before anything else needs one.")
        if had:
            return next(iter(had.values())), False
        return pack(self.settings.choose(Counted.added(part for _, part in parts))), True

    # States.

    def state(self) -> dict[str, Any]:
        """Return what a state of the graph says of its vocabulary: which it is, and the file that holds it."""
        fitted = self._needed()
        fingerprint = fitted.vocab.fingerprint
        if (
            self._stated is None
            or self._stated["fingerprint"] != fingerprint
            or _is_gone(self._stated["file"])
        ):
            place = written(fitted)
            self._stated = {
                "fingerprint": fingerprint,
                "file": None if place is None else str(place),
                "rows": fitted.rows,
                "settings": repr(self.settings),
            }
        return dict(self._stated)

    def adopt(self, state: dict[str, Any]) -> None:
        """Go on from a state: with its vocabulary, or, where its file is gone, with one that turns out equal.

        Raises:
            GraphError: It is none, or of other settings or a corpus of another length; or there is a vocabulary
                already, and it is another one.
        """
        settings = stated(state, "settings", str, "build_vocab")
        if settings != repr(self.settings):
            text = (
                f"build_vocab: this state was taken with {settings:.1000}, and the graph has {self.settings}."
            )
            raise GraphError(f"{text} Build the graph as it was.")
        rows, length = stated(state, "rows", int, "build_vocab"), self._corpus and self._corpus.length()
        if length is not None and length != rows:
            text = (
                f"build_vocab: this state was taken with a corpus of {rows} rows, and this one has {length}."
            )
            raise GraphError(f"{text} Resume with the corpus as it was; or begin anew.")
        with self._lock.held:
            if self._fitted is not None:
                expect_equal(self._fitted.vocab, state)
                return
            found = recalled(state)
            self._expected = state
            if self.records:  # without its rows a vocabulary is not enough
                return
            if found is not None:
                self._fitted = self._as_expected(self._shared(found))

    def _shared(self, found: Fitted) -> Fitted:
        """Put it where the other processes of this graph look: those who come later may not be given the state."""
        key = self._key()
        # What is kept for a declared corpus must have been counted there, and not be what some state has brought.
        return found if key.startswith(KEPT) else self._made_once(key, lambda: found)

    def _as_expected(self, fitted: Fitted) -> Fitted:
        if self._expected is not None:
            expect_equal(fitted.vocab, self._expected)
        return fitted

    def no_second_pass(self) -> GraphError:
        """Return the error for a corpus that had rows when they were counted, and none afterwards."""
        text = f"build_vocab: its source gave {self.rows} rows when they were counted, and now none."
        return GraphError(f"{text} It must be one that can be iterated over again: a list, not a generator.")

    def __reduce__(self) -> tuple[object, ...]:
        return _copy, (sent(self._needed()), self.settings, self._rows)


def _copy(place: Path | Fitted, settings: VocabSettings, rows: Path | None) -> Fit:
    return Fit(None, settings, arrived(place), rows)


GoesBy = Fit | Fixed | Given


_FIT = "build_vocab.fit"


def _is_gone(file: str | None) -> bool:
    return file is not None and not Path(file).is_file()


def _remove(places: tuple[Path, ...], pid: int) -> None:
    """Remove what the processes of a graph have met at, when the process that made the graph lets go of it."""
    if os.getpid() == pid:
        for place in places:
            forget(place)
