"""A name, a path or a URL → an open store: looked up, downloaded, verified, converted, the first time only."""

from torchvectors.acquire.chain import acquire
from torchvectors.acquire.cuts import at_length_one, is_normalized

__all__ = ["acquire", "at_length_one", "is_normalized"]
