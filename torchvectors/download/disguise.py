"""The first bytes of a body → what poses as data there: a page, an error, a pointer, or a file packed on the way."""

from __future__ import annotations

import re

from torchvectors.download.answers import LONGEST_NAME

__all__ = ["HEAD", "objection", "posing"]

HEAD = 1024  # bytes at the start of a body in which a page or an error that poses as data shows itself

# Whole markers: a vector file may begin with a token such as "<unk>", "<s>" or "<html5>".
_POSING = {
    "an HTML page": re.compile(rb"<!doctype\s|<html[\s>]", re.IGNORECASE),
    "an XML error": re.compile(rb"(<\?xml[^>]*>\s*)?<Error>\s*<|<\?xml[^>]*>\s*<Error[\s>]", re.IGNORECASE),
    "a Git LFS pointer": re.compile(rb"version https://git-lfs", re.IGNORECASE),
}
_BLANK = b"\xef\xbb\xbf \t\r\n"  # a byte order mark and white space may come before them
_TITLE = re.compile(rb"<(?:title|Code)>\s*([^<]{1,80})", re.IGNORECASE)


def posing(head: bytes) -> str | None:
    """Say what a file that begins with ``head`` is in place of data, such as an HTML page; None if it may be data."""
    start = head.lstrip(_BLANK)
    for what, marker in _POSING.items():
        if marker.match(start):
            title = _TITLE.search(head)
            return f"{what} ({_quoted(title[1])})" if title else what
    return None


def _quoted(title: bytes) -> str:
    """Quote a title without what may be an address or a key, which pages like to repeat."""
    return repr(re.sub(r"\S*[/=@%&?]\S*|\S{25,}", "…", title.decode("utf-8", "replace").strip()))


def objection(head: bytes, *, encoding: str = "", name: str = "") -> str | None:
    """Say why a body that begins with ``head`` cannot be the data; None if it can.

    Args:
        head: The first bytes, `HEAD` of them or what there is.
        encoding: The answer's Content-Encoding, although "identity" was asked for.
        name: The file's name.
    """
    if (what := posing(head)) is not None:
        return f"it gave {what} in place of data"
    # Many servers call a stored .gz file "encoded", and some say it of files that are not packed at all: both
    # give the file as it is. What was really packed on the way is not the file that ranges and digests mean.
    encodings = {one.strip().lower() for one in encoding.split(",")} - {"", "identity"}
    as_it_is = name.lower().endswith((".gz", ".tgz")) or not head.startswith(b"\x1f\x8b")
    if not encodings or (encodings <= {"gzip", "x-gzip"} and as_it_is):
        return None
    named = re.sub(r"[^\w ,.-]", "?", encoding[:LONGEST_NAME])
    return f"it packed the file on the way (Content-Encoding: {named}) although asked not to"
