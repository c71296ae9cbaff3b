"""Numbers of tokens by way → stacked bars of their shares; needs matplotlib, the ``plots`` extra."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from torchvectors.align.steps import MISSING, OUTSIDE
from torchvectors.errors import MissingExtraError

try:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter
except ImportError as error:
    raise MissingExtraError(
        "A picture of the coverage needs matplotlib: pip install 'torchvectors[plots]'"
    ) from error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes

__all__ = ["draw"]

# Colours of Okabe and Ito, which people with any kind of colour blindness can tell apart; what has no vector is
# grey and hatched, for print.
_FOUND = ("#0072B2", "#56B4E9", "#009E73", "#F0E442", "#E69F00", "#CC79A7", "#D55E00")
_LACKING = {MISSING: ("#999999", "//"), OUTSIDE: ("#DDDDDD", "..")}


def draw(bars: Mapping[str, Mapping[str, int]], title: str, where: str | os.PathLike[str] | Axes) -> None:
    """Draw one bar for each name, on axes or into a PNG.

    Raises:
        OSError: The file cannot be written.
    """
    if not isinstance(where, (str, os.PathLike)):
        _stack(bars, title, where)
        return
    # Without pyplot: it would choose a backend for the whole program, and may ask for a display.
    figure = Figure(figsize=(8, 1.6 + 0.5 * len(bars)), layout="constrained", dpi=144)
    FigureCanvasAgg(figure)
    _stack(bars, title, figure.subplots())
    figure.savefig(where, format="png")


def _stack(bars: Mapping[str, Mapping[str, int]], title: str, axes: Axes) -> None:
    ways = list(dict.fromkeys(way for numbers in bars.values() for way in numbers))
    shown = [way for way in ways if any(numbers.get(way) for numbers in bars.values())]
    found = [way for way in ways if way not in _LACKING]
    reached = dict.fromkeys(bars, 0.0)
    for way in shown:
        colour, hatch = _LACKING.get(way) or (_FOUND[found.index(way) % len(_FOUND)], "")
        shares = [numbers.get(way, 0) / max(sum(numbers.values()), 1) for numbers in bars.values()]
        axes.barh(
            list(bars),
            shares,
            left=list(reached.values()),
            color=colour,
            hatch=hatch,
            edgecolor="white",
            label=way,
        )
        reached = {name: at + share for (name, at), share in zip(reached.items(), shares, strict=True)}
    axes.invert_yaxis()  # the first bar on top
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.set_title(title, fontsize="medium")
    if shown:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=min(len(shown), 5), frameon=False)
