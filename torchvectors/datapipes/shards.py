"""Rows → the part of them that is this worker's of this rank."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.utils.data.datapipes.iter import ShardingFilter

from torchvectors.datapipes.graph import Pipe, form
from torchvectors.stages import Tail, check_tail, deal, length_of_shard

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ShardRows"]


@form("shard_rows")
class ShardRows(ShardingFilter):
    """Deal out the rows among ranks and workers (functional form ``.shard_rows()``).

    It is torch's ``sharding_filter``, and a choice of what becomes of the last rows. The ranks of a model
    in ``DistributedDataParallel`` must train on equally many batches each, or those with more wait for ever. With "pad"
    or "drop" every worker of every rank gets equally many rows.

    Args:
        source: Rows, in the same order in every process.
        tail: "uneven": each row comes once. "pad": where the last rows do not go round, they are repeated. "drop":
            they are left out.

    Raises:
        GraphError: There is no such tail.
    """

    def __init__(self, source: Pipe, tail: Tail = "uneven") -> None:
        super().__init__(source)
        self.tail = check_tail(tail)

    def __iter__(self) -> Iterator[Any]:
        yield from deal(self.source_datapipe, self.instance_id, self.num_of_instances, self.tail)

    def __len__(self) -> int:
        return length_of_shard(len(self.source_datapipe), self.instance_id, self.num_of_instances, self.tail)

    def settings_said(self) -> str:
        """Say how it is set."""
        return f"tail {self.tail!r}"

    def keeps_fingerprint(self) -> bool:
        """Say that the pass that counts meets all rows."""
        return True
