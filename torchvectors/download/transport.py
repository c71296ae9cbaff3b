"""A URL and headers → the answer behind all its redirects, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torchvectors.download.addresses import hop, hop_refused
from torchvectors.download.answers import Do, Verdict

if TYPE_CHECKING:
    from requests import Response, Session

__all__ = ["Policy", "Refused", "ask", "open_session", "why"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How patient a download is."""

    connect_timeout: float = 10.0  # seconds
    read_timeout: float = 30.0  # seconds without a byte
    attempts: int = 3  # of one URL, each of which brings next to nothing
    backoff: float = 1.0  # seconds before the second attempt; doubles with each further one
    longest_wait: float = 60.0  # seconds, whatever a server asks for
    redirects: int = 10  # followed in a row

    def __post_init__(self) -> None:
        if self.attempts < 1 or min(self.connect_timeout, self.read_timeout) <= 0:
            raise ValueError(f"{self}: give at least one attempt, and time-outs above 0 seconds")
        if min(self.backoff, self.longest_wait, self.redirects) < 0:
            raise ValueError(f"{self}: no number of it may be negative")

    def pause(self, attempt: int, asked: float) -> float:
        """Return the seconds to wait after the ``attempt``-th attempt, when the server asked for ``asked``."""
        return min(max(self.backoff * 2.0 ** (attempt - 1), asked), self.longest_wait)


class Refused(Exception):  # noqa: N818  (never leaves this room)
    """A URL that cannot be asked, or must not be; the text says why."""


def open_session() -> Session:
    """Return a session: certificates are verified; proxies and ``.netrc`` are those of ``requests``."""
    from requests import Session

    from torchvectors.version import __version__

    class Direct(Session):
        """Leaves redirects to `ask`; a `Session` would read their bodies, however long, even if told not to."""

        def get_redirect_target(self, resp: Response) -> None:  # noqa: ARG002  (the base class's signature)
            return None

    session = Direct()
    session.headers["User-Agent"] = f"torchvectors/{__version__}"
    # Ranges and digests are those of the stored file, so it must not be packed on the way.
    session.headers["Accept-Encoding"] = "identity"
    return session


def ask(session: Session, url: str, headers: dict[str, str], policy: Policy) -> Response:
    """Ask with GET and follow redirects, though never from https to http; the body is not read yet.

    Raises:
        Refused: The URL cannot be asked, or a redirect must not be followed.
        requests.RequestException: There is no answer.
    """
    times = (policy.connect_timeout, policy.read_timeout)
    for _ in range(policy.redirects + 1):
        try:
            response = session.get(url, headers=headers, stream=True, timeout=times)
        except ValueError:
            raise Refused("this is not an http or https URL that can be asked") from None
        if not response.is_redirect:
            return response
        response.close()
        try:
            # The standard library reads headers as Latin-1, and servers write UTF-8.
            following = hop(url, response.headers["Location"].encode("latin-1").decode())
        except ValueError:
            raise Refused("it redirects to what is no URL") from None
        if reason := hop_refused(url, following):
            raise Refused(reason)
        url = following
    raise Refused(f"it redirects more than {policy.redirects} times")


def why(error: Exception, policy: Policy) -> Verdict:
    """Decide by the error that ``requests`` or ``urllib3`` raised.

    The reason is worded here: their texts hold the URL with its query, and so perhaps a secret.
    """
    import ssl

    from requests import exceptions
    from urllib3.exceptions import TimeoutError as Urllib3TimeoutError

    cause = _cause(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        cure = "if a proxy of yours is behind this, name its certificate in REQUESTS_CA_BUNDLE"
        text = f"its certificate was not accepted ({cause.verify_message}); {cure}"
        return Verdict(do=Do.REFUSE, reason=text)
    if isinstance(error, exceptions.ConnectTimeout):
        return Verdict(do=Do.RETRY, reason=f"no connection within {policy.connect_timeout:g} s")
    if isinstance(error, (exceptions.Timeout, Urllib3TimeoutError)):
        return Verdict(do=Do.RETRY, reason=f"nothing came for {policy.read_timeout:g} s")
    said = f" ({cause.strerror or type(cause).__name__})" if cause else ""
    if isinstance(error, exceptions.ProxyError):
        return Verdict(do=Do.RETRY, reason=f"the proxy did not let it through{said}")
    if isinstance(error, exceptions.RequestException):
        return Verdict(do=Do.RETRY, reason=f"no connection, or none that lasted{said}")
    return Verdict(do=Do.RETRY, reason=f"the connection broke{said}")


def _cause(error: BaseException | None) -> OSError | None:
    """Return the system's own error behind one of ``requests``."""
    import socket
    import ssl

    while error is not None and not isinstance(error, (ssl.SSLError, ConnectionError, socket.gaierror)):
        error = error.__cause__ or error.__context__
    return error
