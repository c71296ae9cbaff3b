"""A share of a corpus → its counts, made by several processes, each of which reads a share of that share."""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any, Protocol

from torchvectors.counting import Tally
from torchvectors.errors import GraphError, warn

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext
    from multiprocessing.process import BaseProcess
    from pathlib import Path

__all__ = ["CountsShare", "count_in_processes"]

logger = logging.getLogger(__name__)

_PATIENCE = 5.0  # seconds for a process that was told to end


class CountsShare(Protocol):
    """Adds the counts of every ``of``-th row of a corpus, from ``number`` on, to a tally."""

    def __call__(self, tally: Tally, number: int, of: int) -> None:
        """Count."""


def count_in_processes(
    work: CountsShare,
    tally: Tally,
    number: int,
    of: int,
    *,
    processes: int,
    max_distinct: int | None = None,
    folder: Path | None = None,
    context: BaseContext | None = None,
) -> None:
    """Add the counts of a share of a corpus to a tally: those that one process would find, whatever their number.

    Each process reads all rows and does the work on its own part of them. In a process that may start no others (a
    worker of a DataLoader), and where ``work`` cannot be sent to another, this one counts alone: it was asked for
    speed, and the result is the same.

    Args:
        work: What counts. Unless processes are forked, it is pickled for them.
        tally: What to add to.
        number: The share's first row.
        of: How many shares the corpus has.
        processes: How many to start; with 0 or 1 none is.
        max_distinct: The most distinct tokens that each of them holds at a time.
        folder: Where each of them puts what it may not hold.
        context: How to start them; None for the program's own way, ``multiprocessing.get_context()``.

    Raises:
        GraphError: A process has ended before its work was done; or they have not read the same rows.
        Exception: What ``work`` raises in any of them: the others are ended.

    Warns:
        UserWarning: ``work`` cannot be pickled, so that this process counts alone.
    """
    if processes <= 1 or multiprocessing.current_process().daemon:
        work(tally, number, of)
        return
    started: dict[Connection, BaseProcess] = {}
    context = context or multiprocessing.get_context()
    try:
        for share in range(processes):
            ours, theirs = context.Pipe(duplex=False)
            # Process n counts the rows number + of * (n + processes * k) of the corpus, for every k.
            how = (theirs, work, number + of * share, of * processes, max_distinct, folder)
            process = context.Process(target=_count, args=how, daemon=True)  # type: ignore[attr-defined]
            try:
                process.start()
            except (pickle.PicklingError, AttributeError, TypeError, GraphError) as error:
                ours.close()
                cure = "Use functions and classes of a module, and no lambdas, or num_workers=0."
                warn(
                    f"build_vocab: one process counts alone, for the graph cannot be pickled: {error}. {cure}"
                )
                work(tally, number, of)
                return
            finally:
                theirs.close()  # so that its end is seen here, whatever ends it
            started[ours] = process
        rows = _gathered(started, tally)
    finally:
        _end(started)
    _expect_same_rows(rows)


def _gathered(started: dict[Connection, BaseProcess], tally: Tally) -> list[int]:
    """Add up what the processes send, and return how many rows each has counted."""
    rows = dict.fromkeys(started, 0)
    busy = set(started)
    while busy:
        for connection in wait(list(busy)):
            assert isinstance(connection, Connection)  # noqa: S101 - for the types: wait() returns what it is given
            try:
                kind, value = connection.recv()
            except (EOFError, OSError):
                raise _died(started[connection]) from None
            if kind == "counts":
                tally.add_counts(value)
            elif kind == "rows":
                rows[connection] = value
                tally.rows += value
                busy.remove(connection)
            else:
                error, said = value
                raise error from GraphError(f"in a process that counts:\n{said}")
    return list(rows.values())


def _died(process: BaseProcess) -> GraphError:
    process.join(_PATIENCE)
    text = f"build_vocab: a process that counts was ended (exit code {process.exitcode}) before its work was done."
    cure = "If memory ran out: give a smaller num_workers=, or a max_distinct=."
    if process.exitcode == 1:
        cure = 'If the program starts its work at once when it is imported, put that under if __name__ == "__main__":'
    return GraphError(f"{text} {cure}")


def _expect_same_rows(rows: list[int]) -> None:
    total = sum(rows)
    if rows != [len(range(share, total, len(rows))) for share in range(len(rows))]:
        text = f"build_vocab: {len(rows)} processes that read the same source have counted {rows} rows of it."
        raise GraphError(
            f"{text} It gives each other rows: an open file, for one, has one position for all. Give num_workers=0."
        )


def _end(started: dict[Connection, BaseProcess]) -> None:
    for connection, process in started.items():
        connection.close()
        if process.is_alive():
            process.terminate()
    for process in started.values():
        process.join(_PATIENCE)
        if process.is_alive():
            process.kill()
            process.join()


# In the process that counts.


def _count(
    connection: Connection,
    work: CountsShare,
    number: int,
    of: int,
    max_distinct: int | None,
    folder: Path | None,
) -> None:
    # Ctrl-C reaches every process of a terminal; the one that has started this one ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a fork has inherited what the program does then
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        with Tally(max_distinct, folder) as tally:
            work(tally, number, of)
            for block in tally.blocks():
                connection.send(("counts", dict(block)))
            connection.send(("rows", tally.rows))
    except BrokenPipeError:  # nobody wants it any more
        return
    except BaseException as error:  # noqa: BLE001 - it is raised again where somebody waits for this process
        connection.send(("failed", (_portable(error), traceback.format_exc())))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _portable(error: BaseException) -> Exception:
    """Return the error, if it comes through a pipe as it is; else one that says what it was."""
    try:
        copy: Any = pickle.loads(pickle.dumps(error))  # noqa: S301 - what this very process has written
        if isinstance(error, Exception) and type(copy) is type(error) and str(copy) == str(error):
            return error
    except Exception as failed:  # noqa: BLE001 - whatever a class does when it is pickled
        logger.debug("%r cannot be sent: %r", error, failed)
    return GraphError(
        f"build_vocab: what reads or tokenises the corpus failed: {type(error).__name__}: {error}"
    )
