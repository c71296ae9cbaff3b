"""URLs in, a verified file out. The only room that opens sockets.

The caller holds `cache.lock` on the destination; nothing here locks. What a download needs is imported when one
starts and not before, ``requests`` at last: to open what is there already needs receipts and no more.
"""

import importlib
from typing import TYPE_CHECKING, Any

from torchvectors.download.addresses import mirrored, offline, shown
from torchvectors.download.receipts import Receipt, digest_of, matches, receipt_of

if TYPE_CHECKING:
    from torchvectors.download.disguise import posing
    from torchvectors.download.fetching import fetch, fetch_member
    from torchvectors.download.part import clear_part
    from torchvectors.download.transport import Policy

__all__ = [
    "Policy",
    "Receipt",
    "clear_part",
    "digest_of",
    "fetch",
    "fetch_member",
    "matches",
    "mirrored",
    "offline",
    "posing",
    "receipt_of",
    "shown",
]

_LATER = {
    "Policy": "transport",
    "clear_part": "part",
    "fetch": "fetching",
    "fetch_member": "fetching",
    "posing": "disguise",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LATER[name]}"), name)
