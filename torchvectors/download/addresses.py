"""URLs → which to ask, where a redirect leads, and how each may be shown."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus, urljoin, urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["hop", "hop_refused", "is_mirror", "mirrored", "offline", "shown", "unsaid"]

# Fields of a query that say which file is meant. The value of any other (a signature, a token) may be a secret.
_HARMLESS = {"confirm", "dl", "download", "export", "file", "filename", "id", "path", "raw", "ref", "version"}

_SHORT = 3  # characters: what is no longer is no secret, and would be found in any sentence


def offline() -> bool:
    """Say whether ``TORCHVECTORS_OFFLINE`` forbids downloads: it does unless unset, "", "0", "false" or "no"."""
    return os.environ.get("TORCHVECTORS_OFFLINE", "").strip().lower() not in ("", "0", "false", "no")


def mirrored(urls: Sequence[str], name: str = "") -> list[str]:
    """Put the mirrors named in ``TORCHVECTORS_MIRROR`` before the URLs of a file.

    The variable holds base URLs separated by spaces; each gives ``BASE/FILE``, where FILE is ``name``, or else
    the last part of the first URL that has one. Doing it twice changes nothing.
    """
    name = name or next(filter(None, map(_file_name, urls)), "")
    bases = os.environ.get("TORCHVECTORS_MIRROR", "").split() if name else []
    return list(dict.fromkeys([*(f"{base.rstrip('/')}/{name}" for base in bases), *urls]))


def _file_name(url: str) -> str:
    try:
        return urlsplit(url).path.rpartition("/")[2]
    except ValueError:
        return ""


def is_mirror(url: str) -> bool:
    """Say whether a URL lies at one of the user's mirrors."""
    bases = os.environ.get("TORCHVECTORS_MIRROR", "").split()
    return any(url.startswith(f"{base.rstrip('/')}/") for base in bases)


def shown(url: str) -> str:
    """Return ``url`` as it may appear in a log, an error or a receipt: without credentials.

    User, password and fragment are left out, and "…" stands for the values of all query fields but those
    known to be harmless, since a signed URL carries its secret there. What is a secret in the path itself nobody
    can tell, but for the values of parameters (``;session=…``).
    """
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  (refuses what is none: a password with a "/" in it looks like that)
    except ValueError:
        return "(a URL that cannot be read)"
    if not parts.netloc:
        return re.split(r"[?#]", url.rpartition("@")[2], maxsplit=1)[0]
    query = "&".join(_shown_field(one) for one in parts.query.split("&"))
    path = re.sub(r"(;[^/;=]*=)[^/;]+", r"\1…", parts.path)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], path, query, ""))


def _shown_field(field: str) -> str:
    name, equals, _ = field.partition("=")
    if not field or name.lower() in _HARMLESS:
        return field
    return f"{name}=…" if equals else "…"


def unsaid(text: str, url: str) -> str:
    """Return what is said of a URL without its secrets, which a server may repeat."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return text
    user, _, password = parts.netloc.rpartition("@")[0].partition(":")
    pairs = (field.partition("=") for field in parts.query.split("&"))
    hidden = [value or name for name, _, value in pairs if name.lower() not in _HARMLESS]
    for secret in (user, password, parts.fragment, *hidden):
        for form in (secret, unquote_plus(secret)):
            if len(form) > _SHORT:
                text = text.replace(form, "…")
    return text


def hop(url: str, target: str) -> str:
    """Return the URL that a redirect from ``url`` to ``target`` leads to.

    User and password go along only to the same host and port.

    Raises:
        ValueError: ``target`` is not a URL.
    """
    old, new = urlsplit(url), urlsplit(urljoin(url, target))
    user, at, _ = old.netloc.rpartition("@")
    if at and "@" not in new.netloc and (old.hostname, old.port) == (new.hostname, new.port):
        new = new._replace(netloc=f"{user}@{new.netloc}")
    return new.geturl()


def hop_refused(url: str, following: str) -> str | None:
    """Say why a redirect must not be followed; None if it may be."""
    old, new = urlsplit(url).scheme.lower(), urlsplit(following).scheme.lower()
    if new not in ("http", "https"):
        return f"it redirects to {shown(following)}, which is neither http nor https"
    if old == "https" and new == "http":
        return f"it redirects to {shown(following)}, without encryption"
    return None
