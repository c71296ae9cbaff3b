"""``torchvectors convert``: a vector file of any readable kind → one of another kind."""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from torchvectors.cache import writable

if TYPE_CHECKING:
    import argparse

__all__ = ["add"]


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    convert = commands.add_parser(
        "convert",
        help="write vectors to a file of another kind",
        description="Read vectors from a file of any kind that is read here, which its content tells, and write them "
        "to a file whose kind its name tells. A file's vectors pass through a temporary store beside OUT; a name's "
        "through the cache, as if a program had asked for them.",
    )
    convert.add_argument("source", metavar="IN", help="a file, packed or not, or a catalog name")
    convert.add_argument(
        "target",
        metavar="OUT",
        type=Path,
        help="the file to write: .safetensors is a store, .txt GloVe's text, .vec text with a header, .bin word2vec's "
        "binary form",
    )
    convert.add_argument(
        "--encoding",
        choices=("float32", "float16", "int8"),
        default="float32",
        help="of a store's numbers: float32 (the default) keeps every bit, float16 takes half the room, int8 a quarter",
    )
    convert.add_argument("--max-vectors", type=_from_1_up, metavar="N", help="only the first N")
    convert.add_argument("--force", action="store_true", help="write over OUT, if it is there")
    convert.set_defaults(run=_run)


def _from_1_up(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)  # argparse says which argument it was
    return number


def _run(given: argparse.Namespace) -> int:
    from torchvectors.formats import weights_of
    from torchvectors.formats.saving import format_to_save

    target: Path = given.target
    source = Path(given.source)
    own = source.is_file() or weights_of(source) is not None
    if target.exists() and own and target.samefile(source):
        raise ValueError(f"{target}: a file cannot be converted into itself. Give OUT another name.")
    if target.exists() and not given.force:
        raise ValueError(f"{target}: it is there already. Give another name, or --force to write over it.")
    format_to_save(target, None, given.encoding)
    from torchvectors.vectors import Vectors  # torch comes with it, and takes longer than all of the above

    with ExitStack() as stack:
        cache = None
        if own:
            folder = writable(target.absolute().parent)
            cache = stack.enter_context(tempfile.TemporaryDirectory(prefix=".torchvectors-", dir=folder))
        vectors = Vectors(given.source, cache=cache, max_vectors=given.max_vectors)
        written = vectors.save(target, encoding=given.encoding)
        print(f"{written}: {len(vectors):,} tokens of dim {vectors.dim}")
        if vectors.can_compose and written.suffix != ".safetensors":
            text = (
                f"{written}: the n-grams are left out, and with them the vectors of words that are not in it"
            )
            print(f"torchvectors: {text}. A store, .safetensors, keeps them.", file=sys.stderr)
    return 0
