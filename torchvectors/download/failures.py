"""An exception of ``requests`` or ``urllib3`` → what happened, in words of ours, and what to do next."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from torchvectors.download.answers import Do, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torchvectors.download.transport import Policy

__all__ = ["why"]

_UNREACHABLE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL)


def why(error: Exception, policy: Policy) -> Verdict:
    """Decide by the error that ``requests`` or ``urllib3`` raised.

    The reason is worded here: their texts hold the URL with its query, and so perhaps a secret.
    """
    import ssl
    from http.client import HTTPException, IncompleteRead
    from socket import gaierror

    from requests import exceptions
    from urllib3.exceptions import TimeoutError as Urllib3TimeoutError

    from torchvectors.download.pace import Senseless, Slow

    cause = next(_systems(error), None)
    # urllib3 before 2.0 compares names itself, and says so with a ValueError of its own.
    anothers = any(type(one).__name__ == "CertificateError" for one in _chain(error))
    if isinstance(cause, ssl.SSLCertVerificationError) or anothers:
        said = "it is another host's" if anothers else getattr(cause, "verify_message", "")
        cure = "if a proxy of yours is behind this, name its certificate in REQUESTS_CA_BUNDLE"
        text = f"its certificate was not accepted ({said}); {cure}"
        return Verdict(do=Do.REFUSE, reason=text)
    if isinstance(cause, Slow):
        text = f"{cause}, and {policy.slowest:g} a second are the least that is waited for"
        return Verdict(do=Do.RETRY, reason=text)
    said = f" ({cause.strerror or type(cause).__name__})" if cause else ""
    if isinstance(cause, gaierror) or (cause is not None and cause.errno in _UNREACHABLE):
        return Verdict(do=Do.RETRY, reason=f"there is no way to this host{said}", unreachable=True)
    if isinstance(error, exceptions.ConnectTimeout):
        return Verdict(do=Do.RETRY, reason=f"no connection within {policy.connect_timeout:g} s")
    if isinstance(error, (exceptions.Timeout, Urllib3TimeoutError)):
        return Verdict(do=Do.RETRY, reason=f"nothing came for {policy.read_timeout:g} s")
    strange = any(
        isinstance(one, HTTPException) and not isinstance(one, IncompleteRead) for one in _chain(error)
    )
    if isinstance(cause, Senseless) or isinstance(error, exceptions.InvalidHeader) or (strange and not cause):
        return Verdict(do=Do.RETRY, reason="what it answered is not HTTP, or has no end")
    if isinstance(error, exceptions.ProxyError):
        return Verdict(do=Do.RETRY, reason=f"the proxy did not let it through{said}")
    if isinstance(error, exceptions.RequestException):
        return Verdict(do=Do.RETRY, reason=f"no connection, or none that lasted{said}")
    return Verdict(do=Do.RETRY, reason=f"the connection broke{said}")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        # Behind a proxy urllib3 hands a cause on as an argument alone.
        within = (one for one in error.args if isinstance(one, BaseException))
        error = error.__cause__ or error.__context__ or next(within, None)


def _systems(error: Exception) -> Iterator[OSError]:
    """Yield the system's own errors behind one of ``requests``, which are themselves of its class."""
    from requests import RequestException

    for one in _chain(error):
        if isinstance(one, OSError) and not isinstance(one, RequestException):
            yield one
