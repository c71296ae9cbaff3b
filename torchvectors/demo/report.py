"""Results → words: a table, the learning curves as text, and the sentence that the numbers allow."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from torchvectors.demo.experiment import ARMS, Arm, Result

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["epochs_to_reach", "sentence", "table", "text_plot"]

_NAMES: dict[Arm, str] = {"random": "random", "frozen": "pretrained, frozen", "tuned": "pretrained, tuned"}
_PLOT_LINES = 12


def table(result: Result) -> str:
    """Write the test accuracy after each epoch, one column for each classifier."""
    seeds = len(result.accuracy[ARMS[0]])
    over = f"mean ± half the range over {seeds} seeds" if seeds > 1 else "one seed"
    lines = [f"Test accuracy in %, {result.regime.title}, {over}", "", f"{'epoch':>5}"]
    lines[-1] += "".join(f"{_NAMES[arm]:>21}" for arm in ARMS)
    columns = [_cells(result, arm, spread=seeds > 1) for arm in ARMS]
    lines += [
        f"{number:>5}" + "".join(f"{cell:>21}" for cell in cells)
        for number, cells in enumerate(zip(*columns, strict=True), start=1)
    ]
    return "\n".join(lines)


def _cells(result: Result, arm: Arm, *, spread: bool) -> list[str]:
    pairs = zip(result.mean(arm), result.half_range(arm), strict=True)
    return [f"{mean:.1f} ± {half:3.1f}" if spread else f"{mean:.1f}" for mean, half in pairs]


def epochs_to_reach(target: float, curve: Sequence[float]) -> int | None:
    """Return the number, from 1, of the first epoch at which ``curve`` is at ``target`` or above; None: never."""
    return next((epoch for epoch, value in enumerate(curve, start=1) if value >= target), None)


def sentence(result: Result) -> str:
    """Say in one sentence what the numbers show about the three, whichever of them is ahead."""
    random, frozen, tuned = (result.mean(arm) for arm in ARMS)
    return (
        f"With {result.regime.title}, random weights {_reached(random, frozen[0], 'frozen')}, and "
        f"{_reached(random, tuned[0], 'tuned')}; after epoch {len(random)} they have {random[-1]:.1f} %, "
        f"pretrained vectors {frozen[-1]:.1f} % frozen and {tuned[-1]:.1f} % tuned."
    )


def _reached(random: Sequence[float], target: float, arm: Arm) -> str:
    """Continue "random weights …": when they got to where pretrained ones were after the first epoch."""
    needed = epochs_to_reach(target, random)
    if needed is None:
        run = "the one epoch" if len(random) == 1 else f"the {len(random)} epochs"
        return f"never reached within {run} run what {arm} vectors had after the first ({target:.1f} %)"
    if needed == 1:
        return f"had after the first epoch already what {arm} vectors had ({target:.1f} %)"
    return f"needed {needed} epochs to reach what {arm} vectors had after the first ({target:.1f} %)"


def text_plot(result: Result) -> str:
    """Draw the mean learning curves with letters: r for random, f for frozen, t for tuned."""
    curves = {arm: result.mean(arm) for arm in ARMS}
    values = [value for curve in curves.values() for value in curve]
    bottom, top = 10 * math.floor(min(values) / 10), 10 * math.ceil(max(values) / 10)
    step = max(top - bottom, 10) / _PLOT_LINES
    epochs = len(values) // len(ARMS)
    lines = [f"Test accuracy in %, {result.regime.title}: r random, f frozen, t tuned"]
    for line in range(_PLOT_LINES, -1, -1):
        letters = [
            "".join(arm[0] for arm in ARMS if round((curves[arm][epoch] - bottom) / step) == line)
            for epoch in range(epochs)
        ]
        lines.append(f"{bottom + line * step:5.1f} |" + "".join(f"{cell:>5}" for cell in letters).rstrip())
    lines.append("      +" + "-----" * epochs)
    lines.append("epoch  " + "".join(f"{epoch:>5}" for epoch in range(1, epochs + 1)))
    return "\n".join(lines)
