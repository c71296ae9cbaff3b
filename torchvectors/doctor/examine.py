"""A file's path → a report of each vector file that it is or holds."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from torchvectors.acquire.kinds import is_store, is_torchs, may_be_torchs
from torchvectors.archive import Contents, contents_of, open_member
from torchvectors.doctor.oddities import ODDITIES
from torchvectors.doctor.others import kind_of
from torchvectors.doctor.records import Finding, Report
from torchvectors.doctor.tally import Tally
from torchvectors.doctor.text import scan_text
from torchvectors.download import posing
from torchvectors.errors import ArchiveError, NotFoundError, ParseError, StoreError
from torchvectors.formats import HEAD, TEXT, Block, FastTextModel, Peeked, format_of, weights_of
from torchvectors.progress import no_bar
from torchvectors.store import open_store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torchvectors.archive import MemberStream
    from torchvectors.formats import Format
    from torchvectors.progress import Bars, Progress
    from torchvectors.store import Store

__all__ = ["examine"]

_BLOCK = 1 << 12  # rows of a store looked at at a time
_CHUNK = 1 << 20  # bytes copied at a time
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def examine(path: Path, *, bars: Bars = no_bar) -> tuple[Report, ...]:
    """Say what a file is, and what is odd about it; of an archive, of each file in it.

    Memory grows with the number of tokens, by eight bytes each, and not with the file.

    Args:
        path: A vector file of any format, packed or not; a store; or the folder of a static embedding model.
        bars: How to show what takes long.

    Raises:
        NotFoundError: There is no such file, or it may not be read.
    """
    whole = weights_of(path) or path
    try:
        with whole.open("rb") as file:
            head = file.read(HEAD)
        nbytes = whole.stat().st_size
    except OSError as error:
        said = error.strerror or str(error)
        raise NotFoundError(f"{path}: this file cannot be read ({said}). Give the path of a file.") from error
    report = Report(path=str(whole), nbytes=nbytes)
    try:
        if (early := _at_once(head)) is not None:
            return (replace(report, findings=(early,)),)
        if is_torchs(whole):
            return (_torchs(whole, report, str(whole)),)
        contents = contents_of(whole)
        with bars(f"examining {whole.name}") as progress:
            return tuple(_members(whole, contents, report, progress))
    except ArchiveError as error:
        return (replace(report, findings=(_finding("damaged", str(error)),)),)


def _finding(code: str, detail: str = "") -> Finding:
    return Finding(oddity=ODDITIES[code], detail=detail)


def _at_once(head: bytes) -> Finding | None:
    """Return what the first bytes alone tell, where they tell that nothing more is to be read."""
    if not head:
        return _finding("empty")
    what = posing(head)
    if what is not None:
        return _finding("lfs-pointer") if "LFS" in what else _finding("posing", f"it is {what}")
    return _finding("utf-16") if head.startswith(_UTF_16) else None


def _members(path: Path, contents: Contents, report: Report, progress: Progress) -> Iterator[Report]:
    if not contents.members:
        yield replace(report, packing=contents.packing, findings=(_finding("empty"),))
    for name in dict.fromkeys(contents.members):
        alone = len(contents.members) == 1
        one = replace(report, packing=contents.packing, member="" if not contents.packing else name)
        try:
            with open_member(path, None if alone else name) as stream:
                yield _member(path, stream, one, progress)
        except ArchiveError as error:
            yield replace(one, findings=(_finding("damaged", str(error)),))


def _other_than_vectors(told: Report, met: int, head: bytes) -> Finding | None:
    """Say of a text of so many rows, of which few are vectors, if any, what it is instead."""
    odd = {finding.oddity.code: finding for finding in told.findings}
    bad = odd.keys() & {"no-number", "no-vectors", "tabs", "wrong-width"}
    if not bad or met < 2 * told.tokens:
        return None
    if (code := kind_of(head)) != "no-vectors":
        return _finding(code)
    if told.tokens or "tabs" in odd:
        return None
    return odd.get(code) or _finding(code, "not one of its rows is a token and numbers that spaces part")


@dataclass(slots=True)
class _Reported:
    """A stream that reports how far it is, while somebody reads it."""

    stream: MemberStream
    progress: Progress

    def read(self, n: int, /) -> bytes:
        data = self.stream.read(n)
        self.progress(self.stream.done, self.stream.total)
        return data


def _member(path: Path, stream: MemberStream, report: Report, progress: Progress) -> Report:
    peeked = Peeked(_Reported(stream, progress))
    if (early := _at_once(peeked.head)) is not None:
        return replace(report, findings=(early,))
    found, torchs = format_of(peeked.head), may_be_torchs(peeked.head)
    name = report.member or path.name
    if found is TEXT and not torchs and not is_store(peeked.head):
        tally, header = scan_text(peeked, name=name)
        told = _told(replace(report, format=found.name, header=header), tally)
        other = _other_than_vectors(told, tally.met, peeked.head)
        return told if other is None else replace(report, findings=(other,))
    if found.read is not None and found is not TEXT:
        return _read(found, found.read(peeked, name=name, max_vectors=None), report, _promised(peeked.head))
    with ExitStack() as stack:
        file = path
        if not stream.plain:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="torchvectors-")))
            file = folder / "unpacked"
            with file.open("wb") as copy:
                while data := peeked.read(_CHUNK):
                    copy.write(data)
        if torchs:
            return _torchs(file, report, name)
        if found.read_file is None:
            return _store(file, report, name)
        if found.name == "gensim model" and (vocab := _vocab_in(file)) is not None:
            return replace(report, format="pickle", findings=(vocab,))
        try:
            blocks = found.read_file(file, name=name, max_vectors=None)
        except ParseError as error:
            return replace(report, format=found.name, findings=(_finding("damaged", str(error)),))
        if isinstance(blocks, FastTextModel):
            report = replace(report, facts={"model": blocks.kind})
            return _read(found, blocks, report, blocks.nwords)
        return _read(found, blocks, report, None)


def _read(found: Format, blocks: Iterable[Block], report: Report, promised: int | None) -> Report:
    """Read a format whose reader tells all that can be wrong; ``promised`` counts the tokens it left out, too."""
    tally, error = _counted(blocks)
    if error is None and promised is not None and promised > tally.rows:
        tally.note("broken-utf8", count=promised - tally.rows)
    return _told(replace(report, format=found.name), tally)


def _counted(blocks: Iterable[Block]) -> tuple[Tally, ParseError | None]:
    tally = Tally("row")
    try:
        for block in blocks:
            tally.add(block, range(tally.rows + 1, tally.rows + 1 + len(block)))
    except ParseError as error:
        tally.note("damaged", detail=str(error))
        return tally, error
    return tally, None


def _told(report: Report, tally: Tally) -> Report:
    return replace(report, dim=tally.dim, tokens=tally.rows, findings=tally.findings())


def _promised(head: bytes) -> int | None:
    """Return how many rows the header of word2vec's binary form promises; the reader has held it to that."""
    count = head.split(None, 1)[0]
    return int(count) if count.isdigit() else None


def _store(path: Path, report: Report, name: str) -> Report:
    report = replace(report, format="safetensors")
    try:
        store = open_store(path)
        tally, _ = _counted(_blocks_of(store))
    except StoreError as error:
        return replace(report, findings=(_finding("damaged", _named(error, path, name)),))
    facts = {key: store.metadata[key] for key in ("name", "source", "licence") if key in store.metadata}
    told = replace(report, format="torchvectors store", facts={"encoding": store.encoding, **facts})
    try:
        store.verify()
    except StoreError:  # nobody else looks: opening a store reads its header alone
        tally.note("changed")
    return _told(told, tally)


def _blocks_of(store: Store) -> Iterator[Block]:
    for start in range(0, len(store), _BLOCK):
        stop = min(start + _BLOCK, len(store))
        tokens = [token.encode() for token in store.tokens(start, stop)]
        yield Block.of(tokens, store.rows(np.arange(start, stop)))


def _named(error: Exception, path: Path, name: str) -> str:
    """Return what an error says, of the file that people know, where it was read from a copy of it."""
    return str(error).replace(str(path.absolute()), name)


def _torchs(path: Path, report: Report, name: str) -> Report:
    """Tell of what torch saved: torchtext's vectors, its vocabulary, or anything else."""
    from torchvectors.legacy import read_vectors

    report = replace(report, format="torch.save")
    tally, error = _counted(read_vectors(path))
    if error is None:
        tally.note("torchtext-vectors")
        return _told(report, tally)
    return replace(report, findings=(_vocab_in(path) or _finding("damaged", _named(error, path, name)),))


def _vocab_in(path: Path) -> Finding | None:
    """Say of a file that it is a vocabulary of torchtext's, if it is one."""
    from torchvectors.legacy import read_vocab

    try:
        return _finding("torchtext-vocab", f"it has {len(read_vocab(path)):,} tokens")
    except ParseError:
        return None
