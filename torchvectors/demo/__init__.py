"""The name of some vectors → a trained classifier, with and without them, and what that shows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from torchvectors.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torchvectors.demo.experiment import Result
    from torchvectors.vectors import Vectors

__all__ = ["run"]

_INTRODUCTION = """\
torchvectors demo: which topic, of ten, does a definition from WordNet belong to?
A mean of word vectors and one linear layer learn it from {vectors}
({rows:,} words, {dim} numbers each), frozen and tuned, and from random weights, N(0, 0.1).

The vocabulary was fitted in the graph, once, on the texts of the whole training split, whose labels that does
not need: so a word that no labelled example holds may still have a pretrained vector. It has
{coverage}
"""


def run(
    vectors: str = "sample",
    quick: bool = False,
    png: Path = Path("torchvectors_demo.png"),
    out: Callable[[str], None] = print,
) -> int:
    """Train the same classifier from random, frozen and tuned vectors, and tell how they do.

    Args:
        vectors: "sample" for the vectors that come with the package, or a name that `Vectors` takes, such as
            "glove.6B.50d", which is downloaded if need be.
        quick: One seed and few epochs: some seconds instead of about a minute.
        png: Where to write the learning curves; without matplotlib they are drawn as text.
        out: Gets each paragraph.

    Returns:
        The exit code of the command: 0, or 1 if the PNG could not be written.

    Raises:
        TorchVectorsError: The vectors cannot be had.
    """
    from torchvectors.demo.experiment import FULL, QUICK, fit, measure
    from torchvectors.demo.report import sentence, table

    pretrained = _open(vectors)
    fitted = fit(pretrained)
    out(
        _INTRODUCTION.format(
            vectors=_title(vectors),
            rows=len(pretrained),
            dim=pretrained.dim,
            coverage=fitted.alignment.coverage,
        )
    )
    plan = QUICK if quick else FULL
    results = []
    for regime in plan.regimes:
        results.append(measure(regime, fitted, plan.seeds, out))
        out(f"\n{table(results[-1])}\n")
    code = _show_curves(results, _title(vectors), png, out)
    out("\n" + "\n".join(sentence(result) for result in results))
    return code


def _open(name: str) -> Vectors:
    from torchvectors.pretrained import GloVe
    from torchvectors.vectors import Vectors

    return GloVe("sample") if name == "sample" else Vectors(name)


def _title(name: str) -> str:
    return "the embedded GloVe sample" if name == "sample" else name


def _show_curves(results: Sequence[Result], title: str, png: Path, out: Callable[[str], None]) -> int:
    """Write the PNG; where that cannot be, give the curves as text, say why, and return the exit code."""
    from torchvectors.demo.report import text_plot

    try:
        from torchvectors.demo.plot import save_curves

        save_curves(results, f"WordNet topics from {title}", png)
    except MissingExtraError as error:
        code, reason = 0, str(error)
    except OSError as error:
        code, reason = (
            1,
            f"{png}: the learning curves could not be written there ({error.strerror or error}).",
        )
    else:
        out(f"Learning curves: {png}")
        return 0
    out("\n\n".join([*map(text_plot, results), reason]))
    return code
