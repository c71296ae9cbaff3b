"""Work done so far → a bar that a person can watch."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from typing import NoReturn

__all__ = ["Bars", "Progress", "bar", "no_bar", "quiet"]


class Progress(Protocol):
    """What a low room calls while it works: bytes done so far, and bytes in all where that is known."""

    def __call__(self, done: int, total: int | None) -> None:
        """Report that ``done`` of ``total`` bytes are through."""


class Bars(Protocol):
    """What a room that has several things to report is given: `bar`, `no_bar`, or a caller's own."""

    def __call__(self, title: str, /) -> AbstractContextManager[Progress]:
        """Return a context in which one piece of work is reported."""


def quiet(done: int, total: int | None) -> None:
    """Report nothing."""


@contextmanager
def no_bar(title: str) -> Iterator[Progress]:  # noqa: ARG001 - it stands in for `bar`
    """Draw nothing."""
    yield quiet


@contextmanager
def bar(title: str, *, show: bool | None = None) -> Iterator[Progress]:
    """Show one progress bar on standard error while the block runs.

    Args:
        title: What is being worked on, shown before the bar.
        show: True or False; None shows it when standard error is a terminal.

    Yields:
        The function to report progress to. Nothing is drawn before its first call, so work that turns out
        not to be needed leaves no empty bar behind.
    """
    from tqdm import tqdm

    drawn: tqdm[NoReturn] | None = None

    def report(done: int, total: int | None) -> None:
        nonlocal drawn
        if drawn is None:
            disable = None if show is None else not show  # tqdm: None means "off when not a terminal"
            drawn = tqdm(
                desc=title, total=total, unit="B", unit_scale=True, unit_divisor=1000, disable=disable
            )
        if total is not None and drawn.total != total:
            drawn.total = total
        drawn.update(done - drawn.n)

    try:
        yield report
    finally:
        if drawn is not None:
            drawn.close()
