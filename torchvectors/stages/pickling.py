"""What a stage holds → an error that names it, where it could not be pickled for another process."""

from __future__ import annotations

import pickle
import re

from torch.utils.data.datapipes import datapipe

from torchvectors.errors import GraphError, TorchVectorsError

__all__ = ["refuse_unpicklable"]


def refuse_unpicklable(stage: object) -> None:
    """See that the functions that a stage, or another pipe or node, was given can be pickled.

    pickle's own error names a function, if that much, and no stage. Where dill is installed nothing is refused: torch
    pickles with it what plain pickle cannot, and does so only after plain pickle has failed.

    Raises:
        GraphError: One of them cannot be.
    """
    if getattr(datapipe, "HAS_DILL", False):
        return
    for name, value in vars(stage).items():
        if callable(value):
            try:
                pickle.dumps(value)
            except TorchVectorsError:
                raise
            except Exception as error:  # pickle says it in many ways, and so may whatever it asks
                what = f"{_named(stage)}: its {name.strip('_')}, {value!r:.100}, cannot be pickled"
                where = f"as a worker that is spawned needs it to be ({error!r:.200})"
                cure = "Write it as a def or a class at the top of a module"
                others = 'or start workers with multiprocessing_context="fork", or install dill'
                raise GraphError(f"{what}, {where}. {cure}, {others}.") from error


def _named(stage: object) -> str:
    name = type(stage).__name__
    ours = type(stage).__module__.startswith("torchvectors.")
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower() if ours else name
