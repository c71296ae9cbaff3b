"""Rows → batches of tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.utils.data import IterDataPipe

from torchvectors.batch import Batching, Layout
from torchvectors.datapipes.graph import Pipe, Stage, form, rows_of
from torchvectors.fitting import padding_before

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torchvectors.rows import Columns

__all__ = ["BatchTokens", "ByLength"]


@form("batch_tokens")
class BatchTokens(Stage):
    """Rows → batches of tensors (functional form ``.batch_tokens()``).

    Args:
        source: Rows with a list of int, or a tensor (T,) or (T, dim).
        batch_size: Rows in a batch.
        layout: "padded" (ids, lengths), "offsets" (ids, offsets; for ``nn.EmbeddingBag``) or "jagged" (one nested
            tensor).
        column: The sequence's column in the row; or several, in a tuple or a list, each of which is laid out.
        padding_value: What fills up padded rows. None: for indices the index of ``<pad>`` in the vocabulary of the
            graph, or 0 if it has none; for vectors 0.
        drop_last: Leave out a last batch that is not full.
        max_length: How many tokens of a sequence are kept, its first ones, as torchtext's ``Truncate`` has it.
            None: all. Whoever wants the last ones cuts the rows before, with ``.map()``.
        bucket_batches: Rows of similar length share a batch, so that there is less to pad: the rows of so many
            batches are read at a time, and parted by length. Rows of one length are parted by chance, and the
            batches come in an order of chance, but for a short one, which is the epoch's last. None: rows as
            they come. Put ``.shuffle()`` before it, or each epoch has the same rows in a buffer.
        seed: What chance is drawn from, together with the epoch. An epoch of a node is its number; one of a pipe
            is its seed, as it is for torch's ``.shuffle()``: a DataLoader's, else from torch's global random
            numbers.
        names: Turns the batch into the other form. For rows that are tuples: the keys of a dict, in the order of
            the batch's fields, ``("label", "ids", "lengths")``. For rows that are dicts: the fields of a tuple, in
            its order; those not named are left out.

    Yields:
        Batches, as `torchvectors.batch.collate` says: of ``(label, indices)`` rows ``(labels, ids, lengths)``. A
        DataLoader makes a list of a tuple. Its ``pin_memory=True``, and the node ``PinMemory``, reach all tensors.

    Raises:
        GraphError: A number or the layout is none; a row has no such column, or no sequence of numbers in it; the
            rows of a batch are of several forms; or the names do not fit them.
    """

    def __init__(
        self,
        source: Pipe,
        batch_size: int,
        layout: Layout = "padded",
        column: Columns = None,
        padding_value: float | None = None,
        drop_last: bool = False,
        max_length: int | None = None,
        bucket_batches: int | None = None,
        seed: int = 0,
        names: Sequence[str] | None = None,
    ) -> None:
        self.batching = Batching(
            size=batch_size,
            layout=layout,
            column=column,
            padding_value=padding_value,
            drop_last=drop_last,
            max_length=max_length,
            bucket_batches=bucket_batches,
            seed=seed,
            names=names,
        )
        self.source_datapipe = source if bucket_batches is None else ByLength(source, self.batching)
        self._padding = padding_before(source, IterDataPipe, self.batching)

    def unwrapped(self) -> Iterator[Any]:
        """Give the batches."""
        rows = rows_of(self.source_datapipe)
        while taken := self.batching.gather(rows):
            yield self.batching.collate(taken, self._padding.indices())

    def __len__(self) -> int:
        full, rest = divmod(len(self.source_datapipe), self.batching.size)
        return full + bool(rest and not self.batching.drop_last)

    def settings_said(self) -> str:
        """Say how it is set."""
        return str(self.batching)


class ByLength(Stage):
    """Rows → the same rows, a buffer of them at a time in an order that parts them by length.

    It is a pipe of its own because a DataLoader takes all that have ``set_seed`` for sources of chance, and what
    it gives them changes what it gives to the others: batches without buckets are to stay what they are.
    """

    def __init__(self, source: Pipe, batching: Batching) -> None:
        self.source_datapipe = source
        self.batching = batching
        self._seed: int | None = None
        self._epoch = 0

    def set_seed(self, seed: int) -> None:
        """Take the seed of the next epoch; torch's loaders call this."""
        self._seed = seed

    def reset(self) -> None:
        """Begin an epoch; torch calls this whenever an iterator is made, and its Shuffler does the same."""
        self._epoch = int(torch.empty((), dtype=torch.int64).random_()) if self._seed is None else self._seed
        self._seed = None

    def unwrapped(self) -> Iterator[Any]:
        """Give the rows, a buffer of them at a time."""
        rows, number = rows_of(self.source_datapipe), 0
        while buffer := self.batching.gather_buffer(rows, self._epoch, number):
            number += 1
            buffer.reverse()
            while buffer:
                yield buffer.pop()  # or these rows would stay until the next ones have been read

    def __len__(self) -> int:
        return len(self.source_datapipe)
