"""A URL and headers → the answer behind all its redirects, or the reason why there is none."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torchvectors.download.addresses import hop, hop_refused
from torchvectors.download.discretion import discreet
from torchvectors.errors import DownloadError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from requests import Response, Session
    from requests.adapters import HTTPAdapter

__all__ = ["Policy", "Refused", "ask", "open_session"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How patient a download is."""

    connect_timeout: float = 10.0  # seconds, for each of a host's addresses
    read_timeout: float = 30.0  # seconds without a byte
    slowest: float = 1024.0  # bytes a second; a server that sends fewer …
    slow_for: float = 60.0  # … over so many seconds is given up, as one that sends none
    attempts: int = 3  # of one URL, each of which brings next to nothing
    backoff: float = 1.0  # seconds before the second attempt; doubles with each further one
    longest_wait: float = 60.0  # seconds, whatever a server asks for
    redirects: int = 10  # followed in a row

    def __post_init__(self) -> None:
        if self.attempts < 1 or min(self.connect_timeout, self.read_timeout, self.slow_for) <= 0:
            raise ValueError(f"{self}: give at least one attempt, and times above 0 seconds")
        if min(self.backoff, self.longest_wait, self.redirects, self.slowest) < 0:
            raise ValueError(f"{self}: no number of it may be negative")

    @classmethod
    def of_environment(cls) -> Policy:
        """Return the usual patience, or that which ``TORCHVECTORS_TIMEOUT`` asks for.

        The variable holds the seconds that may pass without a byte, also before there is a connection. Next to
        nothing is borne for twice as long.

        Raises:
            DownloadError: It holds something else.
        """
        value = os.environ.get("TORCHVECTORS_TIMEOUT", "").strip()
        if not value:
            return cls()
        try:
            seconds = float(value)
        except ValueError:
            seconds = math.nan
        if not 0 < seconds <= 86_400:
            text = f"TORCHVECTORS_TIMEOUT={value!r}: give the seconds that a server may be silent"
            raise DownloadError(
                f"{text}, above 0 and up to 86400, or leave it out for {cls().read_timeout:g}."
            )
        return cls(connect_timeout=seconds, read_timeout=seconds, slow_for=2 * seconds)

    def pause(self, attempt: int, asked: float) -> float:
        """Return the seconds to wait after the ``attempt``-th attempt, when the server asked for ``asked``."""
        return min(max(self.backoff * 2.0 ** (attempt - 1), asked), self.longest_wait)


class Refused(Exception):  # noqa: N818  (never leaves this room)
    """A URL that cannot be asked, or must not be; the text says why."""


def open_session(policy: Policy) -> Session:
    """Return a session: certificates are verified; proxies and ``.netrc`` are those of ``requests``."""
    from requests import Session

    from torchvectors.version import __version__

    class Direct(Session):
        """Leaves redirects to `ask`; a `Session` would read their bodies, however long, even if told not to."""

        def get_redirect_target(self, resp: Response) -> None:  # noqa: ARG002  (the base class's signature)
            return None

    session = Direct()
    for scheme in ("http://", "https://"):
        session.mount(scheme, _adapter(policy))
    session.headers["User-Agent"] = f"torchvectors/{__version__}"
    # Ranges and digests are those of the stored file, so it must not be packed on the way.
    session.headers["Accept-Encoding"] = "identity"
    return session


def _adapter(policy: Policy) -> HTTPAdapter:
    """Return what connects, to a host or to a proxy, so that all that is read is read at a pace."""
    from requests.adapters import HTTPAdapter

    from torchvectors.download.pace import answers_of

    answers = answers_of(policy.slowest, policy.slow_for)

    def pace(manager: Any) -> Any:
        known: Mapping[str, Any] = manager.pool_classes_by_scheme
        manager.pool_classes_by_scheme = {scheme: paced(pool) for scheme, pool in known.items()}
        return manager

    def paced(pool: Any) -> Any:
        if pool.ConnectionCls.response_class is answers:  # a proxy's manager is kept, and comes by again
            return pool
        connection = type(pool.ConnectionCls.__name__, (pool.ConnectionCls,), {"response_class": answers})
        return type(pool.__name__, (pool,), {"ConnectionCls": connection})

    class Paced(HTTPAdapter):
        def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
            super().init_poolmanager(*arguments, **options)
            pace(self.poolmanager)

        def proxy_manager_for(self, *arguments: Any, **options: Any) -> Any:
            return pace(super().proxy_manager_for(*arguments, **options))

    return Paced()


def ask(session: Session, url: str, headers: dict[str, str], policy: Policy) -> Response:
    """Ask with GET and follow redirects, though never from https to http; the body is not read yet.

    Raises:
        Refused: The URL cannot be asked, or a redirect must not be followed.
        requests.RequestException: There is no answer.
        urllib3.exceptions.HTTPError: Nor this, by what `requests` does not think of.
    """
    for _ in range(policy.redirects + 1):
        response = _get(session, url, headers, policy)
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


def _get(session: Session, url: str, headers: dict[str, str], policy: Policy) -> Response:
    from requests import RequestException, exceptions
    from urllib3.exceptions import ProxySchemeUnknown

    times = (policy.connect_timeout, policy.read_timeout)
    try:
        with discreet():
            return session.get(url, headers=headers, stream=True, timeout=times)
    except exceptions.InvalidHeader:  # the answer's: a length that contradicts itself
        raise
    except exceptions.InvalidURL as error:
        proxys = isinstance(error, exceptions.InvalidProxyURL) or isinstance(
            error.args[0], ProxySchemeUnknown
        )
        what = "the proxy's address (HTTPS_PROXY, HTTP_PROXY)" if proxys else "this"
        raise Refused(f"{what} is not an http or https URL that can be asked") from None
    except exceptions.InvalidSchema as error:
        if "SOCKS" in str(error):
            raise Refused("its proxy speaks SOCKS: pip install 'requests[socks]'") from None
        raise Refused("this is not an http or https URL that can be asked") from None
    except ValueError:
        raise Refused("this is not an http or https URL that can be asked") from None
    except RequestException:
        raise
    except OSError:  # what `requests` says of a bundle that is not there
        raise Refused("the certificates named in REQUESTS_CA_BUNDLE cannot be read") from None
