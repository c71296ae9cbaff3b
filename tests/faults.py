"""What a server can do wrong, and the moments of a download at which it can.

::

    with Server() as server:
        serve(server, "/v.zip", MOMENTS["member"], FAULTS["reset"].script)   # honest, then this, then honest for ever
        assert came_right(MOMENTS["member"], [server.url("/v.zip")], folder)
"""

from __future__ import annotations

import gzip
import hashlib
import io
import random
import re
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from servers import Reply, Script, Seen, Server, file, redirect

from torchvectors.archive import open_member
from torchvectors.catalog import Digest, Member
from torchvectors.download import Policy, fetch, fetch_member

__all__ = [
    "ARCHIVE",
    "FAULTS",
    "MOMENTS",
    "TEXT",
    "Fault",
    "Moment",
    "came_right",
    "names_of",
    "right",
    "serve",
]


def _archive() -> bytes:
    chance, buffer = random.Random(7), io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, n in (("few.txt", 2_000), ("more.txt", 12_000)):
            rows = (f"t{i} {chance.random():.8f} {chance.random():.8f}\n" for i in range(n))
            archive.writestr(name, "".join(rows))
    return buffer.getvalue()


ARCHIVE = _archive()
with zipfile.ZipFile(io.BytesIO(ARCHIVE)) as _zip:
    TEXT = _zip.read("few.txt")


def _digest(body: bytes) -> Digest:
    return Digest(algorithm="sha256", value=hashlib.sha256(body).hexdigest())


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A request of a download; ``honest`` ones come before it."""

    member: bool
    honest: int = 0

    def get(self, urls: Sequence[str], folder: Path, policy: Policy, *, known: bool = True) -> Path:
        """Download; ``known`` says whether the archive's size and digest are published."""
        nbytes, digests = (len(ARCHIVE), (_digest(ARCHIVE),)) if known else (None, ())
        facts: dict[str, Any] = {"nbytes": nbytes, "digests": digests, "policy": policy}
        whole = folder / "v.zip"
        if not self.member:
            fetch(urls, whole, **facts)
            return whole
        member = Member(name="few.txt", dim=2, nbytes=len(TEXT), digests=(_digest(TEXT),), strict=True)
        return fetch_member(urls, whole, folder / "few.txt.zip", member, **facts)[0]


MOMENTS = {
    "whole": Moment(member=False),
    "directory": Moment(member=True),
    "member": Moment(member=True, honest=1),
}


def right(path: Path) -> bool:
    """Say whether a file is what it was to be: the archive, or the member alone."""
    if path.name == "v.zip":
        return path.read_bytes() == ARCHIVE
    with open_member(path, "few.txt") as stream:
        return b"".join(iter(lambda: stream.read(1 << 16), b"")) == TEXT


def names_of(folder: Path) -> set[str]:
    """Return the names of the files in a folder, without those of receipts and of parts that can be continued."""
    names = {path.name for path in folder.iterdir() if not path.name.endswith(".receipt.json")}
    return {name for name in names if not re.fullmatch(r"(v|few\.txt)\.zip\.part(\.json)?", name)}


def came_right(moment: Moment, urls: Sequence[str], folder: Path, policy: Policy) -> bool:
    """Download, and say whether the right file came, and nothing else lies there."""
    path = moment.get(urls, folder, policy)
    return right(path) and names_of(folder) == {path.name}


def serve(server: Server, path: str, moment: Moment, *scripts: Script | Reply, forever: bool = False) -> str:
    """Serve the archive: well until the moment has come, then as given, and then well again, or the last for ever."""
    good = file(ARCHIVE)
    return server.on(path, *[good] * moment.honest, *scripts, *(() if forever else (good,)))


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that a server does wrong."""

    script: Script | Reply
    says: str  # what the error says of it, as a pattern; of several moments
    again: bool = True  # the same URL is asked again
    waits: Literal["", "silence", "trickle"] = ""  # what is borne for a while, and then given up
    harmless: bool = False  # it is no reason to end in an error, even for ever
    fine_for: str = ""  # the moment for which it is none


def _changed(change: Callable[[Reply], Reply], **how: Any) -> Script:
    """Serve the archive with an answer that is changed at the last moment."""
    good = file(ARCHIVE, **how)
    return lambda seen: change(good(seen))


def _cut(reply: Reply) -> Reply:
    return replace(reply, cut=len(reply.body) // 2)


def _flipped(body: bytes) -> bytes:
    place = len(body) // 2
    return body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]


def _header(name: str, value: str) -> Script:
    return _changed(lambda reply: replace(reply, headers={**reply.headers, name: value}))


def _span(change: Callable[[int, int, int], str]) -> Script:
    """Serve another range than the one asked for, wherever one is asked for, or say so."""

    def script(seen: Seen) -> Reply:
        good = file(ARCHIVE)(seen)
        if "Content-Range" not in good.headers:
            return replace(good, status=206)
        start, stop = map(int, good.headers["Content-Range"].split()[1].partition("/")[0].split("-"))
        headers = {**good.headers, "Content-Range": change(start, stop, len(ARCHIVE))}
        return replace(good, headers={name: value for name, value in headers.items() if value})

    return script


def _chunks(*pieces: bytes, then: Any = "close", again: bytes = b"x") -> Script:
    def script(seen: Seen) -> Reply:
        good = file(ARCHIVE)(seen)
        lines = [f"HTTP/1.1 {good.status} OK", *(f"{name}: {value}" for name, value in good.headers.items())]
        head = "\r\n".join([*lines, "Transfer-Encoding: chunked", "", ""]).encode()
        return Reply(raw=head + b"".join(pieces), then=then, again=again)

    return script


def _broken_chunk(line: bytes) -> Script:
    return _chunks(b"5\r\nPK\x03\x04\x14\r\n", line)


def _asking(status: int, after: str | None) -> Reply:
    return Reply(status=status, headers={} if after is None else {"Retry-After": after}, body=b"busy")


_PAGE = b"<!DOCTYPE html><html><head><title>Sign in to the network</title></head></html>"
_NO_HTTP = "what it answered is not HTTP, or has no end"
_BROKE = r"the connection broke|no connection, or none that lasted"
_SHORT = rf"only [0-9,]+ of [0-9,]+ bytes came|came in part only|{_BROKE}"
_OK = b"HTTP/1.1 200 OK\r\n"

FAULTS = {
    # The line breaks
    "closed before an answer": Fault(script=Reply(raw=b""), says=_BROKE),
    "reset before an answer": Fault(script=Reply(raw=b"", then="reset"), says=_BROKE),
    "closed in the status line": Fault(script=Reply(raw=b"HTTP/1."), says=_NO_HTTP),
    "closed in the headers": Fault(script=Reply(raw=_OK + b"Content-Le"), says=r"empty body|came"),
    "closed before the body": Fault(script=file(ARCHIVE, cut=0), says=rf"nothing of|{_SHORT}"),
    "closed in the body": Fault(script=_changed(_cut), says=_SHORT),
    "reset in the body": Fault(script=_changed(lambda one: replace(_cut(one), then="reset")), says=_SHORT),
    "closed in a chunked body": Fault(script=_changed(_cut, chunked=True), says=_SHORT),
    "stalled before an answer": Fault(
        script=Reply(raw=b"", then="stall"), says=r"nothing came for 0\.[0-9]+ s", waits="silence"
    ),
    "stalled in the headers": Fault(
        script=Reply(raw=_OK + b"ETag: ", then="stall"), says=r"nothing came for 0\.[0-9]+ s", waits="silence"
    ),
    "stalled in the body": Fault(
        script=_changed(lambda one: replace(_cut(one), then="stall")),
        says=r"nothing came for 0\.[0-9]+ s",
        waits="silence",
    ),
    # It is slow
    "trickling before an answer": Fault(
        script=Reply(raw=b"", then="trickle"), says=r"only [0-9]+ bytes came in .* s, and", waits="trickle"
    ),
    "trickling in the headers": Fault(
        script=Reply(raw=_OK + b"ETag: ", then="trickle"), says=r"only [0-9]+ bytes came in", waits="trickle"
    ),
    "trickling in the body": Fault(
        script=_changed(lambda one: replace(one, cut=100, then="trickle")),
        says=r"only [0-9]+ bytes came in",
        waits="trickle",
    ),
    "trickling in a chunk's length": Fault(
        script=_chunks(then="trickle", again=b"0"), says=r"only [0-9]+ bytes came in", waits="trickle"
    ),
    # It says what is not so
    "a length that is too small": Fault(
        script=_changed(lambda one: replace(one, length=len(one.body) - 9, cut=len(one.body) - 9)),
        says=rf"bytes, and [0-9,]+ are promised|{_SHORT}",
        again=False,
    ),
    "a length that is too large": Fault(
        script=_changed(lambda one: replace(one, length=len(one.body) + 9)),
        says=rf"bytes, and [0-9,]+ are promised|{_SHORT}",
        again=False,
        fine_for="member",  # all of it has come
    ),
    "a body that is too long": Fault(
        script=_changed(lambda one: replace(one, body=one.body + b"more"), chunked=True),
        says="gave more than the",
        again=False,
    ),
    "lengths that differ": Fault(script=Reply(raw=_OK + b"Content-Length: 5, 6\r\n\r\nhello"), says=_NO_HTTP),
    "a length below zero": Fault(
        script=Reply(raw=_OK + b"Content-Length: -5\r\n\r\nhello"), says=rf"gave|came|{_BROKE}"
    ),
    "a chunk of no size": Fault(script=_broken_chunk(b"zz\r\n"), says=_SHORT),
    "a chunk below zero": Fault(script=_broken_chunk(b"-1\r\n"), says=rf"{_NO_HTTP}|{_SHORT}"),
    "a chunk far below zero": Fault(script=_broken_chunk(b"-7\r\n"), says=rf"{_NO_HTTP}|{_SHORT}"),
    "a chunk longer than what comes": Fault(script=_broken_chunk(b"ffffffffffff\r\nPK"), says=_SHORT),
    "one bit that has flipped": Fault(
        script=_changed(lambda one: replace(one, body=_flipped(one.body))),
        says="its sha256 is .* was expected|damaged|cannot be read",
    ),
    # It tells no length, takes no ranges, or other ones
    "chunks": Fault(script=file(ARCHIVE, chunked=True), says="", harmless=True),
    "no length": Fault(script=file(ARCHIVE, length=None), says="", harmless=True),
    "no ranges": Fault(script=file(ARCHIVE, ranges=False), says="", harmless=True),
    "no ranges, no tag": Fault(script=file(ARCHIVE, ranges=False, etag=None), says="", harmless=True),
    "another range": Fault(
        script=_span(lambda start, stop, total: f"bytes {start - 1}-{stop - 1}/{total}"),
        says="answered 206|another range",
        again=False,
    ),
    "a shorter range": Fault(
        script=_span(lambda start, stop, total: f"bytes {start}-{stop - 1}/{total}"),
        says="answered 206|another range|came",
        again=False,
    ),
    "a range of another file": Fault(
        script=_span(lambda start, stop, total: f"bytes {start}-{stop}/{total + 1}"),
        says="answered 206|another range|has changed|are promised",
        again=False,
    ),
    "a range of nothing": Fault(
        script=_span(lambda start, stop, total: "bytes */0"), says="answered 206|another range", again=False
    ),
    "a range without its place": Fault(
        script=_span(lambda *_: ""), says="answered 206|another range", again=False
    ),
    "another tag": Fault(script=_header("ETag", '"other"'), says="", harmless=True),
    # It is busy
    "429": Fault(script=_asking(429, None), says="answered 429 Too Many Requests"),
    "503": Fault(script=_asking(503, None), says="answered 503 Service Unavailable"),
    "429, in no time": Fault(script=_asking(429, "0"), says="answered 429"),
    "503, in a second": Fault(
        script=_asking(503, "1"), says="answered 503 Service Unavailable, and asks to be left alone for 1 s"
    ),
    "503, in a century": Fault(script=_asking(503, "3155760000"), says="left alone for 3,155,760,000 s"),
    "503, at a date": Fault(script=_asking(503, "Fri, 31 Dec 9999 23:59:59 GMT"), says="left alone for"),
    "429, at a date long past": Fault(
        script=_asking(429, "Thu, 01 Jan 1970 00:00:00 GMT"), says="answered 429"
    ),
    "429, after nonsense": Fault(script=_asking(429, "\xff soon, -1e999"), says="answered 429"),
    "500": Fault(script=_asking(500, None), says="answered 500"),
    "999": Fault(script=Reply(raw=b"HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n"), says="answered 999"),
    "404": Fault(script=Reply(status=404, body=_PAGE), says="answered 404 Not Found", again=False),
    "401": Fault(script=Reply(status=401, body=_PAGE), says="answered 401", again=False),
    # It sends elsewhere
    "a redirect to itself": Fault(script=redirect("/v.zip"), says="redirects more than 10 times"),
    "a redirect to a file": Fault(
        script=redirect("file:///etc/passwd"),
        says="redirects to file:///etc/passwd, which is neither",
        again=False,
    ),
    "a redirect to ftp": Fault(
        script=redirect("ftp://host.invalid/v.zip"), says="which is neither http nor https", again=False
    ),
    "a redirect to nonsense": Fault(script=redirect("http://[::1"), says="what is no URL", again=False),
    "a redirect to bytes": Fault(script=redirect("\xff\xfe://\x01"), says="redirects to", again=False),
    "a redirect nowhere": Fault(script=Reply(status=302), says="answered 302 Found", again=False),
    # It gives something else
    "a page": Fault(
        script=Reply(body=_PAGE),
        says=r"an HTML page \('Sign in to the network'\) in place of data",
        again=False,
    ),
    "a page called a zip": Fault(
        script=Reply(body=_PAGE, headers={"Content-Type": "application/zip", "ETag": '"1"'}),
        says="an HTML page",
        again=False,
    ),
    "a file packed on the way": Fault(
        script=Reply(
            body=gzip.compress(ARCHIVE, 1), headers={"Content-Encoding": "gzip", "ETag": '"1"'}, length=None
        ),
        says="packed the file on the way",
        again=False,
    ),
    "an empty file": Fault(script=Reply(), says=r"empty body|nothing of|came"),
    "no content": Fault(script=Reply(status=204), says="answered 204", again=False),
    "the same file, damaged": Fault(
        script=_changed(lambda one: replace(one, body=one.body[:-40] + bytes(9) + one.body[-31:])),
        says="its sha256 is .* was expected|damaged|cannot be read",
    ),
    # It speaks no HTTP
    "garbage": Fault(script=Reply(raw=bytes(range(256)) * 40), says=_NO_HTTP),
    "garbage for a status": Fault(script=Reply(raw=b"HTTP/1.1 two hundred\r\n\r\n"), says=_NO_HTTP),
    "a status of five digits": Fault(script=Reply(raw=b"HTTP/1.1 20000 OK\r\n\r\n"), says=_NO_HTTP),
    "HTTP/0.9": Fault(script=Reply(raw=ARCHIVE), says=_NO_HTTP),
    "HTTP/3.0": Fault(script=Reply(raw=b"HTTP/3.0 200 OK\r\n\r\n" + ARCHIVE), says=_NO_HTTP),
    "a line that is no header": Fault(
        script=Reply(raw=_OK + b"no header at all\r\nX: y\r\n\r\n"),
        says=r"empty body|gave|came|packed",
        again=False,
    ),
    "a header of a megabyte": Fault(
        script=Reply(raw=_OK + b"X: " + bytes(1 << 20) + b"\r\n\r\n"), says=_NO_HTTP
    ),
    "headers without end": Fault(
        script=Reply(raw=_OK, then="flood", again=b"X-A: " + b"b" * 9_000 + b"\r\n"), says=_NO_HTTP
    ),
    "a header without end": Fault(
        script=Reply(raw=_OK + b"X: ", then="flood", again=b"x" * 9_000), says=_NO_HTTP
    ),
    "interim answers without end": Fault(
        script=Reply(raw=b"", then="flood", again=b"HTTP/1.1 100 Continue\r\n\r\n" * 99), says=_NO_HTTP
    ),
    "a chunk's length without end": Fault(
        script=_chunks(then="flood", again=b"0" * 9_000), says=rf"{_NO_HTTP}|{_BROKE}|{_SHORT}"
    ),
    "lines behind a body without end": Fault(
        script=_chunks(b"4\r\nPK\x03\x04\r\n0\r\n", then="flood", again=b"X: y\r\n" * 999),
        says=rf"{_NO_HTTP}|{_SHORT}",
    ),
    "NUL in the headers": Fault(script=_header("X-Odd", "a\0b"), says="", harmless=True),
    "NUL in the tag": Fault(script=_header("ETag", '"a\0b"'), says="", harmless=True),
    "a folded tag": Fault(script=_header("ETag", '"a\r\n b"'), says="", harmless=True),
    "an endless tag": Fault(script=_header("ETag", f'"{"e" * 60_000}"'), says="", harmless=True),
    "a folded date": Fault(script=_header("Last-Modified", "Tue\r\n Wed"), says="", harmless=True),
}
