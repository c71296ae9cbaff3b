"""A file on the disk → its store, the member's digest and end being checked on the way."""

from __future__ import annotations

import logging
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from torchvectors.acquire.hashed import Hashed
from torchvectors.acquire.kinds import Stored, kind_of
from torchvectors.archive import open_member
from torchvectors.cache import is_full, scratch
from torchvectors.catalog import Member, strongest
from torchvectors.errors import CacheError, DigestError, ParseError, warn
from torchvectors.formats import Peeked
from torchvectors.store import VECTOR_DTYPE, Store, open_store, write_store
from torchvectors.threads import read_ahead

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from torchvectors.acquire.cuts import Cut
    from torchvectors.acquire.kinds import Reader
    from torchvectors.archive import MemberStream
    from torchvectors.catalog import Digest
    from torchvectors.formats import Block, ByteStream
    from torchvectors.progress import Bars, Progress

__all__ = ["Origin", "convert", "differs"]

logger = logging.getLogger(__name__)

_CHUNK = 1 << 20  # bytes copied at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The file that a store is made from, and how far it is to be trusted."""

    path: Path
    member: Member | None = None  # what the publisher says of the file inside; None if nothing is known
    fetched: bool = False  # by us; otherwise it is the user's own
    verified: bool = False  # the archive has its published digest: the member needs no check of its own
    doubt: str = ""  # how the user's archive differs from the published one, if it does
    metadata: Mapping[str, str] = field(default_factory=dict)


def convert(origin: Origin, target: Path, *, cut: Cut, prepared: Reader | None, bars: Bars) -> Store:
    """Write the store of a file, and open it. What format it has, the content tells.

    ``prepared`` reads what torch saved; None if that is not to be read.

    Raises:
        ArchiveError: The archive is cut, damaged or without the member.
        ParseError: The member is cut or damaged, or of no format that can be read.
        DigestError: A file that we fetched is not what its publisher says.
        UnknownTokenError: None of the tokens to be kept is there.
        CacheError: The store cannot be written.
    """
    from torchvectors.formats import FastTextModel
    from torchvectors.version import __version__

    member = origin.member
    metadata = dict(origin.metadata) | {"converter": f"torchvectors {__version__}"}
    name, size = (member.name, member.nbytes if origin.fetched else None) if member else (None, None)
    with ExitStack() as stack:
        stream = stack.enter_context(open_member(origin.path, name, nbytes=size))
        peeked = Peeked(stream)
        found, place = kind_of(peeked.head, prepared), _place(origin, stream)
        hashed = Hashed(peeked, _algorithm(origin))
        watched = _Watched(hashed, stream.total, stack.enter_context(bars(target.stem)))
        blocks: Iterable[Block] = ()
        if found.read is not None:
            if not stream.plain or hashed.algorithm:  # what is merely read, the system reads ahead
                watched.ahead = stack.enter_context(read_ahead(hashed))
            blocks = found.read(watched, name=place, max_vectors=cut.max_vectors)
        elif found.read_file is not None:
            path = origin.path if stream.plain else None
            path = stack.enter_context(_as_file(path, watched, target))
            blocks = found.read_file(path, name=place, max_vectors=cut.max_vectors)
        ngrams = blocks.ngrams if isinstance(blocks, FastTextModel) else None
        if isinstance(blocks, Stored):  # that its rows are of length 1, say, still holds
            ngrams, metadata = blocks.store.ngrams, blocks.metadata | metadata
        metadata["source_format"] = found.name
        checked = _checked(blocks, watched, origin, target, metadata)
        metadata.update(cut.metadata)
        kept = cut.of(checked, place)
        try:
            write_store(target, kept, encoding=cut.encoding, metadata=metadata, ngrams=ngrams)
        except CacheError as error:
            full = isinstance(error.__cause__, OSError) and is_full(error.__cause__)
            raise CacheError(f"{error}{_needed(watched, cut) if full else ''}") from error
    return open_store(target)


def _needed(watched: _Watched, cut: Cut) -> str:
    """Return a sentence on how large the store of a text will be, judged by the part that was read."""
    if cut.max_vectors or cut.tokens is not None or watched.passed or not (watched.total and watched.done):
        return ""
    share = min(watched.done / watched.total, 1)
    nbytes = watched.made * VECTOR_DTYPE[cut.encoding].itemsize / 4 / share
    return f" It needs about {nbytes:,.0f} bytes, as far as the first {share:.0%} of what it is made of tell."


@contextmanager
def _as_file(path: Path | None, watched: _Watched, target: Path) -> Iterator[Path]:
    """Yield a file to which a reader has random access: ``path``; or what was packed, unpacked for a while."""
    if path is not None:
        if watched.hashed.algorithm is not None:  # it is read twice, once to be hashed
            while watched.read(_CHUNK):
                pass
        watched.pass_over()
        yield path
        return
    with scratch(target) as temporary:
        with temporary.open("wb") as file:
            while data := watched.read(_CHUNK):
                file.write(data)
        yield temporary


class _Watched:
    """A hashed stream that reports how far it is, while somebody reads it."""

    def __init__(self, hashed: Hashed, total: int | None, progress: Progress) -> None:
        self.hashed = hashed
        self.ahead: ByteStream = hashed  # the same, read by a thread
        self.total, self._progress = total, progress
        self.last = b""  # the last byte read
        self.done = 0  # bytes
        self.ended = False  # whether the end was read
        self.passed = False  # whether somebody else has read it
        self.made = 0  # bytes of float32 rows and tokens

    def read(self, n: int, /) -> bytes:
        data = self.ahead.read(n)
        self.done += len(data)
        self.last = data[-1:] or self.last
        self.ended = not data
        self._progress(self.done, self.total)
        return data

    def pass_over(self) -> None:
        """Take the rest as read, by somebody else."""
        self.done, self.ended, self.passed = self.total or self.done, True, True
        self._progress(self.done, self.total)

    @property
    def digest(self) -> Digest | None:
        """Of the whole file; None where not all of it was read, or nothing was published to compare it with."""
        # Of a part none is known: what is hashed may have been read ahead.
        return self.hashed.digest if self.ended or self.done == self.total else None


def _algorithm(origin: Origin) -> str | None:
    listed = strongest(origin.member.digests) if origin.member and not origin.verified else ()
    return listed[0].algorithm if listed else None


def _checked(
    blocks: Iterable[Block],
    watched: _Watched,
    origin: Origin,
    target: Path,
    metadata: dict[str, str],
) -> Iterator[Block]:
    """Pass blocks on; at the end, before the store gets its name, say what the file has turned out to be."""
    from torchvectors.formats import TEXT

    dim = None
    for block in blocks:
        dim = block.rows.shape[1]
        watched.made += block.rows.nbytes + block.token_bytes.nbytes
        yield block
    member, last = origin.member, watched.last
    listed = strongest(member.digests) if member else ()
    right = origin.verified or watched.digest in listed
    metadata["verified"] = str(right)
    if member is None or right or not watched.ended:  # of a file read in part no digest is known
        return
    is_text = metadata["source_format"] == TEXT.name  # of any other format the reader has seen the end
    if is_text and last != b"\n" and member.nbytes and watched.done < member.nbytes - 1:
        text = f"{origin.path}: {member.name} ends in the middle of a row, after {watched.done:,} of"
        raise ParseError(f"{text} {member.nbytes:,} bytes. It is cut off: delete the file and get it again.")
    doubt = origin.doubt
    if listed or member.nbytes not in (None, watched.done):  # what is known of the file itself decides
        what = f"{origin.path}: {member.name}"
        doubt = differs(what, watched.digest, watched.done, listed, member.nbytes)
    if not doubt:
        return
    if not origin.fetched:
        if member.dim not in (None, dim):
            doubt += f" Its rows have {dim} numbers, and those of the published one {member.dim}."
        cure = f"To have the published one, delete this file and {target}."
        warn(f"{doubt} It reads whole and is used as it is. {cure}")
    elif member.strict:
        raise DigestError(f"{doubt} Delete it to download it again.")
    else:
        logger.warning("%s No better one is known, so it is used as it is.", doubt)


def differs(
    what: str, found: Digest | None, nbytes: int, listed: tuple[Digest, ...], published: int | None
) -> str:
    """Say how a file's digest and size differ from the published ones."""
    size = f"{published:,} bytes" if published else ""
    promised = " or ".join(map(str, listed))
    if promised and size:
        size = f" ({size})"
    has = f"{found} ({nbytes:,} bytes)" if found else f"{nbytes:,} bytes"
    return f"{what} is not the published file: it has {has}, and the published one {promised}{size}."


def _place(origin: Origin, stream: MemberStream) -> str:
    return str(origin.path) if stream.name == origin.path.name else f"{origin.path}/{stream.name}"
