"""What a cache folder holds → whether each file is as it was made; a bad one is set aside, under its maker's lock."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from xxhash import xxh3_128

from torchvectors.archive import contents_of, open_member
from torchvectors.cache import set_aside, taken
from torchvectors.catalog import Digest, strongest
from torchvectors.download import digest_of, matches, receipt_of
from torchvectors.errors import ArchiveError, StoreError
from torchvectors.inventory.counts import rows_of
from torchvectors.inventory.names import data_of, entries_of, is_alone
from torchvectors.progress import no_bar, quiet
from torchvectors.store import FORMAT, is_of_another_version, metadata_of, open_store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from torchvectors.inventory.records import Held
    from torchvectors.progress import Bars, Progress

__all__ = ["Finding", "State", "verify"]

State = Literal["sound", "wrong", "doubtful", "unchecked"]

_CHUNK = 1 << 20  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a file has turned out to be."""

    held: Held
    state: State
    why: str = ""
    fix: str = ""
    aside: Path | None = None  # where it is now


def verify(found: Iterable[Held], *, bars: Bars = no_bar) -> Iterator[Finding]:
    """Read files through and compare them with what is known of them. A bad one is renamed, and never deleted.

    A store is held to its checksum, a download to its receipt and to the digest that is published of it, a vocabulary
    to its name; of a file of the user's own the check sums within it are compared, and the published digest if its
    name is in the catalog. A data set is read through, too, and its rows are counted. The others hold nothing that
    they could be held to.

    Args:
        found: From `look`.
        bars: How to show what takes long.
    """
    for held in found:
        with bars(f"checking {held.path.name}") as progress:
            finding = _looked_at(held, progress)
        # What lies in a folder that is only searched, and what is the user's own, is not ours to tidy.
        yield (
            _set_aside(finding) if finding.state == "wrong" and held.mine and held.kind != "own" else finding
        )


def _looked_at(held: Held, progress: Progress) -> Finding:
    try:
        return _checked(held, progress)
    except FileNotFoundError:
        return _unchecked(held, "it has gone meanwhile")
    except OSError as error:
        why, fix = (
            f"it cannot be read ({error.strerror or error})",
            "Look at the disk, and at who may read the file.",
        )
        return Finding(held=held, state="wrong", why=why, fix=fix)


def _set_aside(finding: Finding) -> Finding:
    """Look once more under the lock, for somebody may just have replaced the file; and rename what is bad."""
    try:
        with taken(finding.held.lock) as free:
            if not free:
                return _unchecked(finding.held, "another process is at work on it")
            again = _looked_at(finding.held, quiet)
            return replace(again, aside=set_aside(again.held.path)) if again.state == "wrong" else again
    except OSError as error:  # a CacheError is one
        return replace(finding, fix=f"It could not be set aside ({error}): delete it.")


def _checked(held: Held, progress: Progress) -> Finding:
    finding = _by_kind(held, progress)
    if finding.state == "wrong" or held.kind not in ("download", "own"):
        return finding
    count = rows_of(held.path)
    if not count.flaw:
        return replace(finding, why="; ".join(filter(None, (finding.why, count.told))))
    # Where the digest is right the file is, and whoever counts or reads is not.
    fix = "The digest is right: please report it." if count.attested else "Delete it to get it anew."
    return replace(finding, state="doubtful" if count.attested else "wrong", why=count.flaw, fix=fix)


def _by_kind(held: Held, progress: Progress) -> Finding:
    match held.kind:
        case "store":
            return _store(held, progress)
        case "download":
            return _download(held, progress)
        case "vocabulary":
            return _vocabulary(held, progress)
        case "own":
            return _own(held, progress)
        case "fit":
            return _unchecked(held, "it is checked when it is used, and made anew if it is damaged")
        case "bad":
            return _unchecked(held, "it was set aside, and is not used")
        case "part":
            return _unchecked(held, "it is checked when its download is complete")
        case _:
            return _unchecked(held, "nothing is known that it could be held to")


def _unchecked(held: Held, why: str) -> Finding:
    return Finding(held=held, state="unchecked", why=why)


def _store(held: Held, progress: Progress) -> Finding:
    try:
        if is_of_another_version(held.path):
            version = metadata_of(held.path)["version"]
            return _unchecked(held, f"it is of version {version}, which another version of torchvectors made")
        open_store(held.path).verify(progress)
    except StoreError as error:
        return Finding(held=held, state="wrong", why=_first_sentence(held, error), fix=_remade(held))
    return Finding(held=held, state="sound")


def _remade(held: Held) -> str:
    """Say how a store comes back."""
    if held.kind == "own":
        return (
            "It is your own, and stays where it is: write it again, or fetch it again from where you have it."
        )
    if not held.source:
        return "It is made anew when its vectors are next asked for."
    if "://" in held.source:
        how = f"from {held.made_of[0].name}" if held.made_of else "which takes a download"
        return f"It is made anew, {how}, when its vectors are next asked for."
    if Path(held.source).is_file():
        return f"It is made anew from {held.source} when that is next opened."
    return f"It was made of {held.source}, which is not there any more: put that back, and open it."


def _download(held: Held, progress: Progress) -> Finding:
    receipt = receipt_of(held.path)
    if receipt is None:
        return _unchecked(held, "its receipt has gone meanwhile")
    fix = "It is fetched again when it is next needed. If you put it there yourself, delete its receipt."
    if not matches(held.path, digests=(receipt.digest,), nbytes=receipt.nbytes, progress=progress):
        why = f"it is not the {receipt.nbytes:,} bytes with {receipt.digest} that were fetched"
        return Finding(held=held, state="wrong", why=why, fix=fix)
    listed, strict = _published(held.path)
    known = strongest(listed)
    if known and receipt.digest not in known and not matches(held.path, digests=listed, progress=progress):
        why = f"it is as it was fetched, and has not the published digest, {' or '.join(map(str, known))}"
        return Finding(held=held, state="wrong" if strict else "doubtful", why=why, fix=fix if strict else "")
    return Finding(
        held=held, state="sound", why="" if receipt.verified else "no published digest vouches for it"
    )


def _published(path: Path) -> tuple[tuple[Digest, ...], bool]:
    """Return the digests that are published of a file of this name, and whether they bind."""
    if (data := data_of(path)) is not None:
        return data[1].digests, bool(data[1].digests)
    entries = entries_of(path.name)
    if not entries or is_alone(path.name):  # what we make of a member has a digest that nobody else knows
        return (), False
    first = entries[0]
    promise = first.archive if first.archive.filename == path.name else first.member
    return promise.digests, promise.strict


def _vocabulary(held: Held, progress: Progress) -> Finding:
    found, done = xxh3_128(), 0
    with held.path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
            done += len(chunk)
            progress(done, held.nbytes)
    if found.hexdigest() == held.path.stem:
        return Finding(held=held, state="sound")
    fix = "A state that names it fits its vocabulary anew; a pickle that names it must be made again."
    return Finding(held=held, state="wrong", why="it is not as it was left here", fix=fix)


def _own(held: Held, progress: Progress) -> Finding:
    if held.path.suffix == ".safetensors":
        return _store(held, progress) if _is_store(held.path) else _unchecked(held, "it is no store")
    listed, strict = _published(held.path)
    if known := strongest(listed):
        algorithm = known[0].algorithm
        digest = Digest(algorithm=algorithm, value=digest_of(held.path, algorithm, progress))
        if digest in known:
            return Finding(held=held, state="sound")
        why = (
            f"it is your own, and not the published file: it has {digest}, not {' or '.join(map(str, known))}"
        )
        is_data = data_of(held.path) is not None
        fix = f"It is {'not used' if is_data else 'used as it is'}. Delete it to have the published one."
        return Finding(held=held, state="wrong" if strict else "doubtful", why=why, fix=fix)
    try:
        return _packed(held, progress)
    except ArchiveError as error:
        fix = "It is your own, and stays where it is: get it again."
        return Finding(held=held, state="wrong", why=_first_sentence(held, error), fix=fix)


def _is_store(path: Path) -> bool:
    try:
        return metadata_of(path).get("format") == FORMAT
    except StoreError:
        return False


def _packed(held: Held, progress: Progress) -> Finding:
    """Unpack all that an archive holds, against its own check sums."""
    contents = contents_of(held.path)
    if contents.packing in ("", "tar"):
        return _unchecked(held, "nothing is known that it could be held to")
    done = 0
    for name in contents.members:
        with open_member(held.path, name) as stream:
            while data := stream.read(_CHUNK):
                done += len(data)
                progress(done, None)
    return Finding(held=held, state="sound", why="by its own check sums")


def _first_sentence(held: Held, error: Exception) -> str:
    """Return what an error says, without the path, which is told beside it, and the cure, which is another here."""
    return (
        str(error).removeprefix(f"{held.path}: ").removeprefix(f"{held.path.absolute()}: ").partition(". ")[0]
    )
