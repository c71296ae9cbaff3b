"""An address of a file on Google Drive → the addresses that give it, and the page where a person gets it."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode, urlsplit

__all__ = ["addresses", "is_drive", "page_of"]

_HOST = "drive.google.com"
_HOSTS = (_HOST, "drive.usercontent.google.com")


def is_drive(url: str) -> bool:
    """Say whether a URL is that of one file on Google Drive."""
    return _file_of(url) is not None


def addresses(url: str) -> list[str]:
    """Return where to ask: of a file on Google Drive also where the page that warns of large files leads to."""
    file = _file_of(url)
    if file is None:
        return [url]
    query = urlencode({"id": file, "export": "download", "confirm": "t"})
    return [url, f"https://drive.usercontent.google.com/download?{query}"]


def page_of(url: str) -> str | None:
    """Return the page on which a person may press "download"; None where the URL is none of Google Drive's."""
    file = _file_of(url)
    return None if file is None else f"https://{_HOST}/file/d/{file}/view"


def _file_of(url: str) -> str | None:
    parts = urlsplit(url)
    if parts.hostname not in _HOSTS:
        return None
    return next(iter(parse_qs(parts.query).get("id", ())), None)
