"""What a stage holds → an error that names it, where it could not be pickled for another process."""

from __future__ import annotations

import pickle
import re
from typing import TYPE_CHECKING

from torch.utils.data.datapipes import datapipe

from torchvectors.errors import GraphError, TorchVectorsError
from torchvectors.sources import Again

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["expect_picklable", "refuse_unpicklable"]


def refuse_unpicklable(stage: object) -> None:
    """See that the functions that a stage, or another pipe or node, was given can be pickled.

    Raises:
        GraphError: One of them cannot be.
    """
    held = {name: value for name, value in vars(stage).items() if callable(value)}
    for value in vars(stage).values():
        if isinstance(value, Again):
            held |= {f"source.{name}": function for name, function in value.functions().items()}
    expect_picklable(_named(stage), held)


def expect_picklable(called: str, held: Mapping[str, object]) -> None:
    """See that what a stage was given can be pickled; asked when the stage itself is.

    pickle's own error names a function, if that much, and no stage. Where dill is installed nothing is refused: torch
    pickles with it what plain pickle cannot, and does so only after plain pickle has failed.

    Args:
        called: The stage's name.
        held: What it was given, by the arguments' names.

    Raises:
        GraphError: Some of it cannot be.
    """
    if getattr(datapipe, "HAS_DILL", False):
        return
    name, value = "", object()
    try:
        for name, value in held.items():  # noqa: B007 - the error says at which of them it stopped
            pickle.dumps(value)
    except TorchVectorsError:
        raise
    except Exception as error:  # pickle says it in many ways, and so may whatever it asks
        what = f"{called}: its {name.strip('_')}, {value!r:.100}, cannot be pickled"
        where = f"as a worker that is spawned needs it to be ({error!r:.200})"
        cure = "Write it as a def or a class at the top of a module"
        others = 'or start workers with multiprocessing_context="fork", or install dill'
        raise GraphError(f"{what}, {where}. {cure}, {others}.") from error


def _named(stage: object) -> str:
    name = type(stage).__name__
    ours = type(stage).__module__.startswith("torchvectors.")
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower() if ours else name
