"""A data set's record → the function of its name, with torchtext's signature and what there is to say of its rows."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload

from torchvectors.catalog.datasets import dataset
from torchvectors.corpora import asked_of
from torchvectors.datasets.pipes import pipe_of
from torchvectors.errors import warn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch.utils.data import IterDataPipe

    from torchvectors.datasets.pipes import Root

__all__ = ["ByLanguage", "BySplit", "BySplitAndPair", "BySplitAndTalks", "Whole", "function_of"]

Row_co = TypeVar("Row_co", covariant=True)
Several = tuple[str, ...] | list[str]


class BySplit(Protocol[Row_co]):
    """A function that gives a pipe for one split, and a tuple of pipes for several."""

    @overload
    def __call__(self, root: Root = ..., *, split: str) -> IterDataPipe[Row_co]: ...
    @overload
    def __call__(self, root: Root, split: str) -> IterDataPipe[Row_co]: ...
    @overload
    def __call__(self, root: Root = ..., split: Several = ...) -> tuple[IterDataPipe[Row_co], ...]: ...


class BySplitAndPair(Protocol):
    """The same of a translation."""

    @overload
    def __call__(
        self, root: Root = ..., *, split: str, language_pair: Sequence[str] = ...
    ) -> IterDataPipe[tuple[str, str]]: ...
    @overload
    def __call__(
        self, root: Root, split: str, language_pair: Sequence[str] = ...
    ) -> IterDataPipe[tuple[str, str]]: ...
    @overload
    def __call__(
        self, root: Root = ..., split: Several = ..., language_pair: Sequence[str] = ...
    ) -> tuple[IterDataPipe[tuple[str, str]], ...]: ...


class BySplitAndTalks(Protocol):
    """The same of a translation whose "valid" and "test" are chosen among sets of talks."""

    @overload
    def __call__(
        self,
        root: Root = ...,
        *,
        split: str,
        language_pair: Sequence[str] = ...,
        valid_set: str = ...,
        test_set: str = ...,
    ) -> IterDataPipe[tuple[str, str]]: ...
    @overload
    def __call__(
        self,
        root: Root,
        split: str,
        language_pair: Sequence[str] = ...,
        valid_set: str = ...,
        test_set: str = ...,
    ) -> IterDataPipe[tuple[str, str]]: ...
    @overload
    def __call__(
        self,
        root: Root = ...,
        split: Several = ...,
        language_pair: Sequence[str] = ...,
        valid_set: str = ...,
        test_set: str = ...,
    ) -> tuple[IterDataPipe[tuple[str, str]], ...]: ...


class Whole(Protocol[Row_co]):
    """A function that gives one pipe: there are no splits."""

    def __call__(self, root: Root = ...) -> IterDataPipe[Row_co]:
        """Return the pipe."""


class ByLanguage(Protocol):
    """A function that gives the pipe of one language."""

    def __call__(self, root: Root = ..., language_code: str = ...) -> IterDataPipe[tuple[str, str]]:
        """Return the pipe."""


def function_of(name: str, about: str, **defaults: Any) -> Callable[..., Any]:
    """Return the function of a data set, with the parameters that torchtext's had.

    Args:
        name: Of the data set; of the function, too.
        about: What its rows are.
        defaults: Its parameters behind ``root``, and their defaults.
    """
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [
        inspect.Parameter(key, kind, default=one) for key, one in {"root": ".data", **defaults}.items()
    ]
    signature = inspect.Signature(parameters)

    def function(*args: Any, **kwargs: Any) -> Any:
        given = signature.bind(*args, **kwargs).arguments
        # Left out, it is the package's cache; torchtext said ".data", too, and used a cache.
        root = given.pop("root", None)
        words, data = {**defaults, **given}, dataset(name)
        chosen = {"split": tuple(defaults.get("split", ())), "language_code": data.languages}
        for key, known in chosen.items():
            if isinstance(root, str) and root in known and key not in given:
                text = f"{name}({root!r}): the first argument is root=, a folder, and {root!r} was taken for one."
                warn(f"{text} Did you mean {name}({key}={root!r})?")
        parts = asked_of(data, **words)
        pipes = tuple(pipe_of(name, asked, root) for asked in parts)
        return pipes[0] if "split" not in words or isinstance(words["split"], str) else pipes

    function.__name__ = function.__qualname__ = name
    function.__module__ = "torchvectors.datasets"
    function.__signature__ = signature  # type: ignore[attr-defined]  # what inspect and help() ask for
    function.__doc__ = _document(about, defaults)
    return function


def _document(about: str, defaults: dict[str, Any]) -> str:
    several = "split" in defaults
    told = [_ARGUMENTS[key].format(default=default) for key, default in defaults.items()]
    returns = (
        "For one split an IterDataPipe; for several a tuple of them, in the given order"
        if several
        else "An IterDataPipe"
    )
    lines = [about, "", _HOW, "", "Args:", f"    {_ROOT}", *(f"    {one}" for one in told), "", "Returns:"]
    lines += [
        f"    {returns}. It ends in ``.shuffle().set_shuffle(False).sharding_filter()``.",
        "",
        "Raises:",
    ]
    lines += ["    UnknownSplitError: There is no such split (a `TypeError`)."] if several else []
    lines += [
        "    NotFoundError, DownloadError, DigestError, ParseError: When rows are asked for, and cannot be had."
    ]
    return "\n".join(lines)


_HOW = """Rows come straight out of the published file, which is fetched and verified when the first one is asked for.
Its addresses, counts and licence are told by ``torchvectors info NAME`` and in docs/datasets.md."""
_ROOT = "root: The folder in whose ``datasets/NAME`` the file lies, or is put. Left out: the package's cache."
_ARGUMENTS = {
    "split": "split: One, or a tuple of several, of {default}.",
    "language_pair": "language_pair: From, to.",
    "valid_set": 'valid_set: The set of talks that is the split "valid".',
    "test_set": 'test_set: The set of talks that is the split "test".',
    "language_code": "language_code: As in the file's name.",
}
