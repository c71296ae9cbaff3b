"""A loopback HTTP server for tests: each path answers as scripted, and every request is written down.

::

    with Server() as server:
        server.on("/a.zip", file(BODY, cut=10), file(BODY))  # hangs up after 10 bytes, then behaves
        fetch([server.url("/a.zip")], target)
        assert [seen.sent for seen in server.log] == [10, len(BODY) - 10]
"""

from __future__ import annotations

import os
import re
import select
import socket
import struct
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import ssl
    from email.message import Message
    from types import TracebackType

    from typing_extensions import Self

__all__ = ["Break", "Reply", "Script", "Seen", "Server", "file", "redirect"]

PIECE = 1 << 14  # bytes written, and counted, at a time
DROP = 0.01  # seconds between two bytes of a trickle

# How an answer ends: FIN; RST; nothing more; a byte now and then, or the same again and again, until the server stops.
Break = Literal["close", "reset", "stall", "trickle", "flood"]


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    length: (
        int | None
    ) = -1  # Content-Length to announce; -1: the true one; None: none, the body ends with the connection
    chunked: bool = False
    cut: int | None = None  # stop after so many bytes of the body …
    then: Break = "close"  # … and do this
    raw: bytes | None = None  # send this in place of all of the above, and break off
    again: bytes = b"x"  # what a flood repeats, and a trickle drops …
    drops: int | None = None  # … so many times, None: until the server stops …
    tail: bytes = b""  # … before this comes


@dataclass(kw_only=True)
class Seen:
    """One request, and how it was answered."""

    method: str
    path: str
    headers: Message  # as they came; looked up whatever their case
    status: int = 0
    sent: int = 0  # bytes of the body given to the connection


Script = Callable[[Seen], Reply]


def file(
    body: bytes,
    *,
    etag: str | None = '"1"',
    modified: str | None = None,
    ranges: bool = True,
    headers: Mapping[str, str] | None = None,
    length: int | None = -1,
    chunked: bool = False,
    cut: int | None = None,
    then: Break = "close",
) -> Script:
    """Serve a file as a good server does, ``Range`` and ``If-Range`` included, except for what is asked for."""
    validators = {"ETag": etag, "Last-Modified": modified, "Accept-Ranges": "bytes" if ranges else None}
    told = {name: value for name, value in validators.items() if value} | dict(headers or {})

    def script(seen: Seen) -> Reply:
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", seen.headers.get("Range") or "")
        same = seen.headers.get("If-Range") in (None, etag, modified)
        whole = Reply(body=body, headers=told, length=length, chunked=chunked, cut=cut, then=then)
        if not (ranges and asked and same):
            return whole
        start = int(asked[1]) if asked[1] else max(0, len(body) - int(asked[2]))
        stop = min(len(body), int(asked[2]) + 1) if asked[1] and asked[2] else len(body)
        if start >= len(body):
            return Reply(status=416, headers={"Content-Range": f"bytes */{len(body)}"})
        span = {"Content-Range": f"bytes {start}-{stop - 1}/{len(body)}"}
        return replace(whole, status=206, body=body[start:stop], headers=told | span)

    return script


def redirect(target: str, status: int = 302) -> Reply:
    """Send the client elsewhere."""
    return Reply(status=status, headers={"Location": target})


class Server:
    """A server on a free port of 127.0.0.1, from ``with`` to the end of its block.

    Attributes:
        log: Every request, in order of arrival.
    """

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.log: list[Seen] = []
        self._scripts: dict[str, list[Reply | Script]] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._http = _Http(self)
        self._scheme = "http"
        if tls is not None:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
            self._scheme = "https"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
        if kind is None and self._http.errors:
            raise self._http.errors[0]

    def url(self, path: str, *, user: str = "") -> str:
        """Return the URL of a path; ``user`` may be "name:password"."""
        at = f"{user}@" if user else ""
        return f"{self._scheme}://{at}127.0.0.1:{self._http.server_port}{path}"

    def on(self, path: str, *scripts: Reply | Script) -> str:
        """Answer requests for ``path`` one after the other as given, the last one for ever; return its URL."""
        with self._lock:
            self._scripts[path] = list(scripts)
        return self.url(path)

    def requests(self, path: str) -> list[Seen]:
        """Return the requests for one path."""
        return [seen for seen in self.log if urlsplit(seen.path).path == path]

    @property
    def sent(self) -> int:
        """Bytes of bodies sent in all."""
        return sum(seen.sent for seen in self.log)

    def _answer(self, seen: Seen) -> Reply:
        with self._lock:
            self.log.append(seen)
            scripts = self._scripts.get(urlsplit(seen.path).path, [Reply(status=404)])
            script = scripts.pop(0) if len(scripts) > 1 else scripts[0]
        return script if isinstance(script, Reply) else script(seen)


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, owner: Server) -> None:
        self.owner = owner
        self.errors: list[BaseException] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        error = sys.exc_info()[1]
        if error is not None and not isinstance(error, ConnectionError):  # clients may hang up
            self.errors.append(error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the standard library's name)
        """Keep standard error clean."""

    def do_GET(self) -> None:
        self._reply()

    def do_HEAD(self) -> None:
        self._reply()

    def do_CONNECT(self) -> None:
        """Be a proxy's tunnel, whatever the host's name is, to the port that was asked for on this machine."""
        seen = Seen(method=self.command, path=self.path, headers=self.headers, status=200)
        self.server.owner.log.append(seen)
        self.close_connection = True
        with socket.create_connection(("127.0.0.1", int(self.path.rpartition(":")[2]))) as there:
            self.send_response(200)
            self.end_headers()
            ways = {there: self.connection, self.connection: there}
            while not self.server.owner._stop.is_set():
                for one in select.select(list(ways), [], [], 0.05)[0]:
                    if not (data := one.recv(1 << 16)):
                        return
                    ways[one].sendall(data)

    def _reply(self) -> None:
        seen = Seen(method=self.command, path=self.path, headers=self.headers)
        reply = self.server.owner._answer(seen)
        seen.status = reply.status
        if reply.raw is not None:
            self.wfile.write(reply.raw)
            return self._break_off(reply)
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif reply.length is None:
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(len(reply.body) if reply.length < 0 else reply.length))
        self.end_headers()
        body = b"" if self.command == "HEAD" else reply.body[: reply.cut]
        for start in range(0, len(body), PIECE):
            piece = body[start : start + PIECE]
            seen.sent += len(piece)  # before it goes, so that whoever has the bytes sees the count
            self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if reply.chunked else piece)
        if reply.cut is not None:
            self._break_off(reply)
        elif reply.chunked:
            self.wfile.write(b"0\r\n\r\n")
        if reply.length is None or reply.length > len(reply.body):
            self.close_connection = True
        return None

    def _break_off(self, reply: Reply) -> None:
        self.close_connection = True
        stop = self.server.owner._stop
        if reply.then == "stall":
            stop.wait()
        elif reply.then in ("trickle", "flood"):
            left = reply.drops
            while left != 0 and not stop.wait(DROP if reply.then == "trickle" else 0):
                self.wfile.write(reply.again)
                left = None if left is None else left - 1
            self.wfile.write(reply.tail)
        elif reply.then == "reset":
            # Lingering for 0 seconds makes the system send RST in place of FIN; the descriptor is closed here
            # because socketserver would say FIN first.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(self.connection.detach())
