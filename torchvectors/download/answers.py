"""A server's answer → what to do with it. Pure decisions: no socket, no file, no clock."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HEAD", "Do", "Held", "Origin", "Verdict", "judge", "objection", "origin_of", "range_headers"]

_NUMBER = "([0-9]{1,18})"  # int() refuses very long ones

HEAD = 1024  # bytes at the start of a body in which a page or an error that poses as data shows itself


class Do(Enum):
    """What to do next."""

    REPLACE = auto()  # the body is the whole file: write it from the start
    APPEND = auto()  # the body continues the part
    AFRESH = auto()  # ask again at once, for the whole file
    RETRY = auto()  # ask again after a while
    REFUSE = auto()  # give this URL up
    WRONG = auto()  # the file came whole, and is not the promised one
    KEEP = auto()  # the file came whole, and is right


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What to do next and why."""

    do: Do
    reason: str = ""
    wait: float = 0.0  # seconds the server asks us to wait
    total: int | None = None  # bytes of the whole file, as the server says
    wrong: bool = False  # the URL works, but what it gives is not the promised file


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where the bytes of a part came from, and how to make sure that more of them belong to the same file."""

    url: str  # as it may be shown
    etag: str | None = None  # strong only: a weak one does not promise equal bytes
    modified: str | None = None  # Last-Modified, word for word
    total: int | None = None  # bytes of the whole file


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A part that a server is asked to continue."""

    size: int  # bytes
    origin: Origin


def origin_of(url: str, headers: Mapping[str, str], total: int | None) -> Origin:
    """Remember what an answer (whose headers are looked up whatever their case) says about its file."""
    etag = headers.get("ETag", "")
    return Origin(
        url=url,
        etag=etag if etag.startswith('"') else None,
        modified=headers.get("Last-Modified"),
        total=total,
    )


def range_headers(held: Held | None) -> dict[str, str]:
    """Return the headers that ask for the rest of a part, or for the whole file if there is no part."""
    if held is None:
        return {}
    return {"Range": f"bytes={held.size}-", "If-Range": held.origin.etag or held.origin.modified or ""}


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
        return Verdict(do=Do.RETRY, reason=reason, wait=_wait(headers))
    return Verdict(do=Do.REFUSE, reason=reason)


def _judge_range(headers: Mapping[str, str], held: Held) -> Verdict:
    span = re.fullmatch(
        rf"bytes {_NUMBER}-{_NUMBER}/(?:{_NUMBER}|\*)", headers.get("Content-Range", "").strip()
    )
    if span is None or int(span[1]) != held.size or int(span[2]) < held.size:
        return Verdict(do=Do.AFRESH, reason="it answered with another range than the one asked for")
    total = int(span[3]) if span[3] else held.origin.total
    now = origin_of(held.origin.url, headers, total)
    for name in ("etag", "modified", "total"):
        before, after = getattr(held.origin, name), getattr(now, name)
        # An entity tag decides alone: servers behind one name may disagree on the time of equal files.
        if name == "modified" and held.origin.etag and now.etag:
            continue
        if before is not None and after is not None and before != after:
            return Verdict(do=Do.AFRESH, reason="the file has changed since its first part came")
    return Verdict(do=Do.APPEND, total=total)


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


# Whole markers: a vector file may begin with a token such as "<unk>", "<s>" or "<html5>".
_POSING = {
    "an HTML page": re.compile(rb"<!doctype\s|<html[\s>]", re.IGNORECASE),
    "an XML error": re.compile(rb"(<\?xml[^>]*>\s*)?<Error>\s*<|<\?xml[^>]*>\s*<Error[\s>]", re.IGNORECASE),
    "a Git LFS pointer": re.compile(rb"version https://git-lfs", re.IGNORECASE),
}
_BLANK = b"\xef\xbb\xbf \t\r\n"  # a byte order mark and white space may come before them
_TITLE = re.compile(rb"<(?:title|Code)>\s*([^<]{1,80})", re.IGNORECASE)


def objection(head: bytes, *, encoding: str = "", name: str = "") -> str | None:
    """Say why a body that begins with ``head`` cannot be the data; None if it can.

    Args:
        head: The first bytes, `HEAD` of them or what there is.
        encoding: The answer's Content-Encoding, although "identity" was asked for.
        name: The file's name.
    """
    start = head.lstrip(_BLANK)
    for what, marker in _POSING.items():
        if marker.match(start):
            title = _TITLE.search(head)
            said = f" ({title[1].decode('utf-8', 'replace').strip()!r})" if title else ""
            return f"it gave {what}{said} in place of data"
    # Many servers call a stored .gz file "encoded", and some say it of files that are not packed at all: both
    # give the file as it is. What was really packed on the way is not the file that ranges and digests mean.
    encodings = {one.strip().lower() for one in encoding.split(",")} - {"", "identity"}
    as_it_is = name.lower().endswith((".gz", ".tgz")) or not head.startswith(b"\x1f\x8b")
    if not encodings or (encodings <= {"gzip", "x-gzip"} and as_it_is):
        return None
    return f"it packed the file on the way (Content-Encoding: {encoding}) although asked not to"
