"""One URL of a zip, and one member of it → that member alone, as a zip of its own, verified."""

from __future__ import annotations

import hashlib
import logging
import zipfile
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING

from torchvectors.download.addresses import shown
from torchvectors.download.answers import (
    Do,
    Verdict,
    continues,
    judge_slice,
    judge_tail,
    origin_of,
    slice_headers,
    span_of,
    tail_headers,
)
from torchvectors.download.directory import MOST, TAIL, Odd, Outside, Place, Window, place_of, seal
from torchvectors.download.disk import on_disk
from torchvectors.download.failures import why
from torchvectors.download.part import CHUNK
from torchvectors.download.transport import Policy, Refused, ask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from requests import Response, Session

    from torchvectors.catalog import Member
    from torchvectors.download.answers import Origin
    from torchvectors.download.goal import Goal

__all__ = ["MemberSource"]

logger = logging.getLogger(__name__)

_CHUNK = 1 << 20  # bytes unpacked at a time
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


class MemberSource:
    """What one URL says of a zip's directory; lives while that URL is asked for a member.

    Attributes:
        answer: An answer whose body is the whole archive, where one was given; its reader closes it.
    """

    def __init__(
        self, session: Session, url: str, member: Member, alone: Goal, whole: Goal, policy: Policy
    ) -> None:
        self.answer: Response | None = None
        self._session, self._url, self._policy = session, url, policy
        self._member, self._alone, self._whole, self._part = member, alone, whole, alone.part
        self._found: tuple[Place, Origin] | None = None
        self._changed = False

    def attempt(self) -> Verdict:
        """Ask once for what is missing: KEEP with the part being the member, WHOLE to fetch the archive instead.

        Raises:
            CacheError: The disk does not take the bytes.
        """
        from requests import RequestException
        from urllib3.exceptions import HTTPError

        try:
            return self._attempt()
        except Odd as odd:
            if (
                self._found is not None
            ):  # what is odd about a directory says nothing of the bytes that are here
                self._part.drop()
            return Verdict(do=Do.WHOLE, reason=str(odd))
        except Refused as refusal:
            return Verdict(do=Do.REFUSE, reason=str(refusal))
        except (RequestException, HTTPError) as error:
            verdict, here = why(error, self._policy), self._part.size
            return replace(verdict, reason=f"{here:,} bytes came, then {verdict.reason}") if here else verdict

    def _attempt(self) -> Verdict:
        found = self._found or self._find()
        if isinstance(found, Verdict):
            return found
        self._found = place, origin = found
        part = self._part
        held = part.held(shown(self._url))
        if held is None or not continues(held.origin, origin):
            part.restart(origin)
        else:
            part.adopt(origin)
        # More than the length if it was sealed already, and its check interrupted: sealing it again cuts that off.
        if part.size < place.length:
            verdict = self._receive(place, origin)
            if verdict is not None:
                return verdict
        return self._verify(place)

    def _find(self) -> tuple[Place, Origin] | Verdict:
        """Read the directory and find the member in it; or what to do without."""
        logger.info("%s: reading the directory of %s", self._part.path, shown(self._url))
        known = self._whole.promise.nbytes
        response = ask(self._session, self._url, tail_headers(TAIL, known), self._policy)
        verdict = judge_tail(response.status_code, response.headers, TAIL, known)
        if verdict.do is Do.REPLACE:
            self.answer = response  # it takes no ranges: what it has begun to send is the archive
            return Verdict(do=Do.WHOLE, reason="it takes no ranges")
        with response:
            span = span_of(response.headers)
            if verdict.do is not Do.APPEND or span is None or span.total is None:
                return verdict
            if flaw := self._whole.promise.flaw(b"", 0, span.total):
                return flaw
            origin = origin_of(shown(self._url), response.headers, span.total)
            data = b"".join(_body(response, span.stop - span.start))
        if len(data) < span.stop - span.start:
            return Verdict(do=Do.RETRY, reason="the end of it came in part only")
        window = Window(data, span.total)
        while True:
            try:
                place = place_of(window, self._member.name, self._member.nbytes)
                break
            except Outside as outside:
                more = self._before(window, outside.start, origin)
            if isinstance(more, Verdict):
                return more
            window = more
        here = self._whole.part.held(shown(self._url))
        if span.total - (here.size if here else 0) <= place.length:
            raise Odd("the rest of the whole archive is no more than the member")
        return place, replace(origin, start=place.start, stop=place.stop)

    def _before(self, window: Window, start: int, origin: Origin) -> Window | Verdict:
        """Fetch what lies between ``start`` and the window, too."""
        if window.total - start > MOST:
            raise Odd(f"its directory is larger than {MOST:,} bytes")
        answer = self._slice(start, window.start, origin)
        if isinstance(answer, Verdict):
            return answer
        with answer:
            data = b"".join(_body(answer, window.start - start))
        if len(data) < window.start - start:
            return Verdict(do=Do.RETRY, reason="its directory came in part only")
        return Window(data + window.data, window.total)

    def _slice(self, start: int, stop: int, origin: Origin) -> Response | Verdict:
        """Ask for the bytes from ``start`` to ``stop``; an answer, whose body they are, or what to do without."""
        response = ask(self._session, self._url, slice_headers(start, stop, origin), self._policy)
        verdict = judge_slice(response.status_code, response.headers, start, stop, origin)
        if verdict.do is Do.APPEND:
            return response
        if verdict.do is Do.REPLACE and (self._changed or not origin.validator):
            self.answer = response
            return Verdict(do=Do.WHOLE, reason="it takes ranges only sometimes")
        response.close()
        if verdict.do in (Do.REPLACE, Do.AFRESH):
            if self._changed:
                raise Odd("it changes from one answer to the next")
            self._changed, self._found = True, None
            return Verdict(do=Do.AFRESH, reason="the file has changed since its directory came")
        return verdict

    def _receive(self, place: Place, origin: Origin) -> Verdict | None:
        """Add what is missing to the part; None if nothing is missing any more."""
        part, length = self._part, place.length
        logger.info("%s: downloading %d bytes of %s", part.path, length - part.size, shown(self._url))
        answer = self._slice(place.start + part.size, place.stop, origin)
        if isinstance(answer, Verdict):
            return answer
        with answer, part.writing() as append:
            for chunk in _body(answer, length - part.size):
                append(chunk)
                self._alone.progress(part.size, length)
                if not b"PK\x03\x04".startswith(part.head[:4]):
                    raise Odd("where the member should begin is something else")
        if part.size < length:
            return Verdict(do=Do.RETRY, reason=f"only {part.size:,} of {length:,} bytes came")
        return None

    def _verify(self, place: Place) -> Verdict:
        """Make the part a zip, unpack it once, and compare digest and check sum."""
        with on_disk(self._part.path):
            seal(self._part.path, place)
        self._part.recount()
        logger.info("%s: unpacking it once, to check it", self._part.path)
        algorithm = self._alone.promise.digests[0].algorithm
        found, nbytes, said = hashlib.new(algorithm, usedforsecurity=False), 0, place.info.file_size
        try:
            with zipfile.ZipFile(self._part.path) as archive, archive.open(place.info.filename) as stream:
                while data := stream.read(_CHUNK):
                    found.update(data)
                    nbytes += len(data)
            if nbytes != said:  # which `zipfile` does not mind, and other readers do
                raise zipfile.BadZipFile(f"it has {nbytes:,} bytes, and its directory says {said:,}")
        except _DAMAGED as error:
            return Verdict(do=Do.WRONG, reason=f"the member is damaged ({error})", wrong=True, damaged=True)
        return self._alone.promise.verify(lambda _: found.hexdigest())


def _body(response: Response, length: int) -> Iterator[bytes]:
    """Yield the body of an answer that was to have so many bytes."""
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise Odd("it packs ranges on the way")
    for chunk in response.raw.stream(CHUNK, decode_content=False):
        length -= len(chunk)
        if length < 0:
            raise Odd("it gave more than the range that was asked for")
        yield chunk
