"""A file on the disk → what it holds; one member of it as a stream of bytes. Nothing is unpacked."""

from torchvectors.archive.bounds import LARGEST_RATIO, MOST_MEMBERS, SLACK, Bounded, Readable, refuse_many
from torchvectors.archive.opening import (
    Contents,
    MemberStream,
    contents_of,
    each_member,
    open_member,
    tar_members,
)

__all__ = [
    "LARGEST_RATIO",
    "MOST_MEMBERS",
    "SLACK",
    "Bounded",
    "Contents",
    "MemberStream",
    "Readable",
    "contents_of",
    "each_member",
    "open_member",
    "refuse_many",
    "tar_members",
]
