"""A server's answer → what to do with it. Pure decisions: no socket, no file, no clock."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import Enum, auto
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "LONGEST_NAME",
    "Do",
    "Held",
    "Origin",
    "Span",
    "Verdict",
    "anywhere",
    "continues",
    "is_sound",
    "judge",
    "judge_slice",
    "judge_tail",
    "origin_of",
    "range_headers",
    "slice_headers",
    "span_of",
    "tail_headers",
]

_NUMBER = "([0-9]{1,18})"  # int() refuses very long ones
_SPAN = re.compile(rf"bytes {_NUMBER}-{_NUMBER}/(?:{_NUMBER}|\*)")
_ETAG = re.compile(r'"[\x21\x23-\x7e\x80-\xff]{0,254}"')  # a strong one (RFC 9110, 8.8.3)
_DATE = re.compile(r"[A-Za-z0-9,:+ -]{1,64}")
_ANOTHER_RANGE = "it answered with another range than the one asked for"

LONGEST_NAME = 40  # characters of what a server says of an encoding that are kept, and repeated


class Do(Enum):
    """What to do next."""

    REPLACE = auto()  # the body is the whole file: write it from the start
    APPEND = auto()  # the body continues the part
    AFRESH = auto()  # ask again at once, for the whole file
    RETRY = auto()  # ask again after a while
    REFUSE = auto()  # give this URL up
    WRONG = auto()  # the file came whole, and is not the promised one
    KEEP = auto()  # the file came whole, and is right
    WHOLE = auto()  # of a member: fetch the whole archive instead


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What to do next and why."""

    do: Do
    reason: str = ""
    wait: float = 0.0  # seconds the server asks us to wait
    total: int | None = None  # bytes of the whole file, as the server says
    wrong: bool = False  # the URL works, but what it gives is not the promised file
    damaged: bool = False  # nor any other: it contradicts its own check sum
    unreachable: bool = False  # nobody was asked: there is no host of that name, or no network


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where the bytes of a part came from, and how to make sure that more of them belong to the same file."""

    url: str  # as it may be shown
    etag: str | None = None  # strong only: a weak one does not promise equal bytes
    modified: str | None = None  # Last-Modified, word for word
    total: int | None = None  # bytes of the whole file
    encoding: str = (
        ""  # Content-Encoding, which is said of stored files, too; ranges of packed ones mean others
    )
    start: int = 0  # of the part in that file
    stop: int | None = None  # where the part is to end; None: with the file

    @property
    def validator(self) -> str:
        """What ``If-Range`` takes; "" if there is nothing."""
        return self.etag or self.modified or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The bytes that an answer says it gives."""

    start: int
    stop: int  # exclusive
    total: int | None  # bytes of the whole file, where it says


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A part that a server is asked to continue."""

    size: int  # bytes
    origin: Origin


def origin_of(url: str, headers: Mapping[str, str], total: int | None) -> Origin:
    """Remember what an answer (whose headers are looked up whatever their case) says about its file."""
    return Origin(
        url=url,
        etag=_validator(_ETAG, headers.get("ETag")),
        modified=_validator(_DATE, headers.get("Last-Modified")),
        total=total,
        encoding=_encoding(headers),
    )


def _validator(pattern: re.Pattern[str], value: object) -> str | None:
    """Return what can be sent back to the server; None if it is none, or was made to break a header."""
    return value if isinstance(value, str) and pattern.fullmatch(value) else None


def _encoding(headers: Mapping[str, str]) -> str:
    encoding = headers.get("Content-Encoding", "").strip().lower()[:LONGEST_NAME]
    return "" if encoding == "identity" else encoding


def is_sound(origin: Origin) -> bool:
    """Say whether an origin that was read from a file is what `origin_of` would make."""
    etag, modified = _validator(_ETAG, origin.etag), _validator(_DATE, origin.modified)
    counts = (origin.total, origin.start, origin.stop)
    return (
        isinstance(origin.url, str)
        and isinstance(origin.encoding, str)
        and (etag, modified) == (origin.etag, origin.modified)
        and all(one is None or (type(one) is int and one >= 0) for one in counts)
    )


def range_headers(held: Held | None) -> dict[str, str]:
    """Return the headers that ask for the rest of a part, or for the whole file if there is no part."""
    if held is None:
        return {}
    condition = {"If-Range": held.origin.validator} if held.origin.validator else {}
    return {"Range": f"bytes={held.size}-", **condition}


def tail_headers(length: int, total: int | None) -> dict[str, str]:
    """Return the headers that ask for the last bytes of a file, whose size may be known."""
    # Some servers know no ranges that count from the end.
    return {"Range": f"bytes=-{length}" if total is None else f"bytes={max(0, total - length)}-"}


def slice_headers(start: int, stop: int, origin: Origin) -> dict[str, str]:
    """Return the headers that ask for some bytes of a file, as long as it is the same."""
    condition = {"If-Range": origin.validator} if origin.validator else {}
    return {"Range": f"bytes={start}-{stop - 1}", **condition}


def span_of(headers: Mapping[str, str]) -> Span | None:
    """Read ``Content-Range``; None where it makes no sense."""
    found = _SPAN.fullmatch(headers.get("Content-Range", "").strip())
    if found is None or int(found[2]) < int(found[1]):
        return None
    return Span(start=int(found[1]), stop=int(found[2]) + 1, total=int(found[3]) if found[3] else None)


def judge(status: int, headers: Mapping[str, str], held: Held | None) -> Verdict:
    """Decide by an answer's status and headers.

    Args:
        status: The HTTP status.
        headers: The headers, looked up whatever their case.
        held: The part that `range_headers` asked to continue; None if the whole file was asked for.
    """
    if status == HTTPStatus.OK:
        # Also when a range was asked for: the file has changed or the server takes no ranges, and its body
        # is the whole file, so asking again would fetch it twice.
        return Verdict(do=Do.REPLACE, total=_length(headers))
    if status == HTTPStatus.PARTIAL_CONTENT and held is not None:
        return _judge_range(headers, held)
    if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and held is not None:
        return Verdict(do=Do.AFRESH, reason="it has nothing behind what is here already")
    reason = f"it answered {status} {_phrase(status)}".rstrip()
    if status in (408, 425, 429) or status >= 500:
        wait = _wait(headers)
        asks = f", and asks to be left alone for {wait:,.0f} s" if wait else ""
        return Verdict(do=Do.RETRY, reason=f"{reason}{asks}", wait=wait)
    return Verdict(do=Do.REFUSE, reason=reason)


def judge_tail(status: int, headers: Mapping[str, str], length: int, known: int | None) -> Verdict:
    """Decide by the answer to `tail_headers`: APPEND if its body is the end of a file, REPLACE if all of it."""
    if status != HTTPStatus.PARTIAL_CONTENT:
        return _judge_unranged(status, headers)
    span = span_of(headers)
    if span is None or span.total is None:
        return Verdict(do=Do.WHOLE, reason=_ANOTHER_RANGE)
    start = max(0, (span.total if known is None else known) - length)
    if (span.start, span.stop) != (start, span.total):
        return Verdict(do=Do.WHOLE, reason=_ANOTHER_RANGE)
    return Verdict(do=Do.APPEND, total=span.total)


def judge_slice(status: int, headers: Mapping[str, str], start: int, stop: int, origin: Origin) -> Verdict:
    """Decide by the answer to `slice_headers`: APPEND if its body is what was asked for, of the same file."""
    if status != HTTPStatus.PARTIAL_CONTENT:
        return _judge_unranged(status, headers)
    span = span_of(headers)
    if span is None or (span.start, span.stop) != (start, stop):
        return Verdict(do=Do.WHOLE, reason=_ANOTHER_RANGE)
    if _has_changed(origin, origin_of(origin.url, headers, span.total)):
        return Verdict(do=Do.AFRESH, reason="the file has changed since its directory came")
    return Verdict(do=Do.APPEND, total=span.total)


def _judge_unranged(status: int, headers: Mapping[str, str]) -> Verdict:
    if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        return Verdict(do=Do.WHOLE, reason="it does not give the range that was asked for")
    return judge(status, headers, None)


def _judge_range(headers: Mapping[str, str], held: Held) -> Verdict:
    span = span_of(headers)
    if span is None or span.start != held.size:
        return Verdict(do=Do.AFRESH, reason=_ANOTHER_RANGE)
    total = held.origin.total if span.total is None else span.total
    if _has_changed(held.origin, origin_of(held.origin.url, headers, total)):
        return Verdict(do=Do.AFRESH, reason="the file has changed since its first part came")
    return Verdict(do=Do.APPEND, total=total)


def continues(before: Origin, now: Origin) -> bool:
    """Say whether bytes from ``now`` may be added to a part that is held as one from ``before``."""
    places = [(one.url, one.start, one.stop) for one in (before, now)]
    return places[0] == places[1] and not _has_changed(before, now)


def anywhere(origin: Origin, url: str) -> Origin:
    """Return an origin as that of another URL, of which only its size can be compared."""
    return replace(origin, url=url, etag=None, modified=None)


def _has_changed(before: Origin, now: Origin) -> bool:
    pairs = [(before.etag, now.etag), (before.total, now.total)]
    # An entity tag decides alone: servers behind one name may disagree on the time of equal files.
    if not (before.etag and now.etag):
        pairs.append((before.modified, now.modified))
    unlike = any(None not in pair and pair[0] != pair[1] for pair in pairs)
    return unlike or before.encoding != now.encoding


def _length(headers: Mapping[str, str]) -> int | None:
    length = headers.get("Content-Length", "")
    # With a transfer coding the length counts for nothing (RFC 9112, 6.3).
    return int(length) if re.fullmatch(_NUMBER, length) and "Transfer-Encoding" not in headers else None


def _wait(headers: Mapping[str, str]) -> float:
    """Return the seconds of Retry-After; a date is measured from the answer's own, as clocks may differ."""
    value = headers.get("Retry-After", "").strip()
    if re.fullmatch(_NUMBER, value):
        return float(value)
    from email.utils import parsedate_to_datetime  # rarely needed, and it imports much

    try:
        then, now = parsedate_to_datetime(value), parsedate_to_datetime(headers.get("Date", ""))
        return max(0.0, (then - now).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return 0.0


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
