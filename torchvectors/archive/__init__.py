"""A file on the disk → what it holds; one member of it as a stream of bytes. Nothing is unpacked."""

from torchvectors.archive.bounds import LARGEST_RATIO, MOST_MEMBERS, SLACK, Readable
from torchvectors.archive.opening import Contents, MemberStream, contents_of, each_member, open_member

__all__ = [
    "LARGEST_RATIO",
    "MOST_MEMBERS",
    "SLACK",
    "Contents",
    "MemberStream",
    "Readable",
    "contents_of",
    "each_member",
    "open_member",
]
