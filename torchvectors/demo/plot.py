"""Results → learning curves as a PNG; needs matplotlib, the ``plots`` extra."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torchvectors.errors import MissingExtraError

try:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator
except ImportError as error:
    raise MissingExtraError(
        "A PNG of the learning curves needs matplotlib: pip install 'torchvectors[plots]'"
    ) from error

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torchvectors.demo.experiment import Result

__all__ = ["save_curves"]

# Colours of Okabe and Ito, which people with any kind of colour blindness can tell apart; markers and dashes
# say the same once more, for print in grey.
_STYLES = {
    "random": ("random weights", "#D55E00", "o", ":"),
    "frozen": ("pretrained, frozen", "#0072B2", "s", "--"),
    "tuned": ("pretrained, tuned", "#009E73", "^", "-"),
}


def save_curves(results: Sequence[Result], title: str, path: Path) -> None:
    """Draw one panel for each result, mean and range over the seeds, and write them as one PNG.

    Raises:
        OSError: The file cannot be written.
    """
    # Without pyplot: it would choose a backend for the whole program, and may ask for a display.
    figure = Figure(figsize=(5.2 * len(results), 4.2), layout="constrained", dpi=144)
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    panels = figure.subplots(1, len(results), sharey=True, squeeze=False)[0]
    for panel, result in zip(panels, results, strict=True):
        for arm, (name, colour, marker, dashes) in _STYLES.items():
            epochs = range(1, result.regime.epochs + 1)
            panel.plot(epochs, result.mean(arm), dashes, color=colour, marker=marker, label=name)
            panel.fill_between(epochs, *result.extremes(arm), color=colour, alpha=0.15, linewidth=0)
        panel.set_title(result.regime.title)
        panel.set_xlabel("epoch")
        panel.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("test accuracy (%)")
    panels[-1].legend(loc="lower right", title="mean and range over the seeds")
    figure.savefig(path, format="png")
