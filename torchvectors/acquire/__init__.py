"""A name, a path or a URL → an open store: looked up, downloaded, verified, converted, the first time only."""

from torchvectors.acquire.chain import acquire

__all__ = ["acquire"]
