"""One URL asked once → a part that has grown, and what to do next."""

from __future__ import annotations

import logging
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from torchvectors.download.addresses import shown
from torchvectors.download.answers import Do, Verdict, judge, origin_of, range_headers
from torchvectors.download.failures import why
from torchvectors.download.part import CHUNK
from torchvectors.download.transport import Policy, Refused, ask

if TYPE_CHECKING:
    from requests import Response, Session

    from torchvectors.download.part import Part
    from torchvectors.download.promise import Promise
    from torchvectors.progress import Progress

__all__ = ["transfer"]

logger = logging.getLogger(__name__)


def transfer(
    session: Session,
    url: str,
    part: Part,
    promise: Promise,
    progress: Progress,
    policy: Policy,
    answer: Response | None = None,
) -> Verdict:
    """Ask ``url`` for the file, or for the rest of it, and add what comes to the part.

    Where it was asked already, and ``answer`` is what it says to a request without a condition, that is read.

    Raises:
        CacheError: The disk does not take the bytes.
    """
    from requests import RequestException
    from urllib3.exceptions import HTTPError  # what `requests` lets through while a raw body is read

    held = None if answer else part.held(shown(url))
    what = f"going on at byte {held.size}" if held else "from the start"
    logger.info("%s: downloading %s, %s", part.path, shown(url), what)
    try:
        with ask(session, url, range_headers(held), policy) if answer is None else answer as response:
            verdict = judge(response.status_code, response.headers, held)
            if verdict.do not in (Do.REPLACE, Do.APPEND):
                return verdict
            try:
                return _receive(response, verdict, shown(url), part, promise, progress)
            except HTTPError as error:
                verdict = why(error, policy)
                return replace(verdict, reason=f"{_so_far(part, promise)} came, then {verdict.reason}")
    except Refused as refusal:
        return Verdict(do=Do.REFUSE, reason=str(refusal))
    except (RequestException, HTTPError) as error:
        return why(error, policy)


def _receive(
    response: Response, answer: Verdict, url: str, part: Part, promise: Promise, progress: Progress
) -> Verdict:
    encoding, total = response.headers.get("Content-Encoding", ""), answer.total
    length = promise.length(total)
    # Raw, so that nothing unpacks a body behind our back: ranges and digests are those of the stored file.
    chunks = response.raw.stream(CHUNK, decode_content=False)
    first = next(chunks, b"")
    if not first and not length:
        return Verdict(do=Do.REFUSE, reason="it gave an empty body")
    if not first:  # urllib3 1.26 does not mind a body that ends early
        return Verdict(do=Do.RETRY, reason=f"nothing of {length:,} bytes came")
    if answer.do is Do.REPLACE:
        # Before the part that is here is given up: it may be gigabytes, and this a log-in page.
        if flaw := promise.flaw(first, len(first), total, encoding):
            return flaw
        part.restart(origin_of(url, response.headers, total))
    elif part.origin is not None and part.origin.url != url:
        part.adopt(origin_of(url, response.headers, total))
    flaw = None
    with part.writing() as append:
        for chunk in chain([first], chunks):
            append(chunk)
            progress(part.size, length)
            flaw = promise.flaw(part.head, part.size, total, encoding)
            if flaw:
                break
    if flaw:
        part.drop()
        return flaw
    if length is not None and part.size < length:
        return Verdict(do=Do.RETRY, reason=f"only {_so_far(part, promise)} came")
    return promise.verify(part.digest)


def _so_far(part: Part, promise: Promise) -> str:
    length = promise.length(part.total)
    return f"{part.size:,} bytes" if length is None else f"{part.size:,} of {length:,} bytes"
