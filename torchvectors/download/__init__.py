"""URLs in, a verified file out. The only room that opens sockets.

The caller holds `cache.lock` on the destination; nothing here locks. ``requests`` is imported when a download
starts and not before, so that importing this costs little.
"""

from torchvectors.download.addresses import mirrored, offline, shown
from torchvectors.download.disguise import posing
from torchvectors.download.fetching import fetch, fetch_member
from torchvectors.download.part import clear_part
from torchvectors.download.receipts import Receipt, digest_of, matches, receipt_of
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
