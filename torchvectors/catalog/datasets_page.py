"""The records of data sets → ``docs/datasets.md``: ``python -m torchvectors.catalog.datasets_page FILE [--check]``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from torchvectors.catalog.datasets import dataset, dataset_names
from torchvectors.catalog.markdown import command, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from torchvectors.catalog.datasets import DataFile, DataSet

__all__ = ["main", "page"]

_INTRODUCTION = """\
# Data sets

Made from the package's data by `python -m torchvectors.catalog.datasets_page docs/datasets.md`; do not edit it by hand.

These are the {total} data sets of torchtext 0.18, under their names, with their arguments and their rows. The facts
were gathered from public sources; no address was tried, and no file was at hand. `torchvectors list datasets` and
`torchvectors info IMDB` show them without a network, `torchvectors download IMDB` fetches one ahead of time, and
`torchvectors verify IMDB` compares the digest of what is there, and counts its rows.

```python
from torchvectors.datasets import AG_NEWS

train, test = AG_NEWS()  # nothing is fetched before the first row is asked for
fitted = train.tokenize(column=1).build_vocab()
batches = fitted.numericalize().batch_tokens(64)
```

## What a pipe does

- It ends in `.shuffle().set_shuffle(False).sharding_filter()`, as torchtext's did: `DataLoader(…, shuffle=True)`
  shuffles it, and workers and ranks share its rows. A vocabulary behind it is counted over all rows all the same.
- Rows come straight out of the archive, one at a time; nothing is unpacked to disk, but for the archive within
  IWSLT's, which is copied to a temporary file. SQuAD's JSON is read whole, IWSLT's XML is not.
- Where digests are published, the pipe says which corpus it is, and a vocabulary that is fitted to it is kept for later
  runs.
- A damaged archive, a member that is missing, and a row that cannot be read are errors, with file and line.

## Where files lie

In `datasets/NAME` of the cache folder, or of `root=` where that is given: that is the folder that torchtext used, so
`root=os.path.expanduser("~/.cache/torch/text")` finds what it has downloaded. A file that is put there by hand is held
to the digest and used; its name is in the table of files. Of a file on Google Drive two addresses are asked; where both
give a page in its place, the error says where a person may press "download", and where to put the file. At a mirror
(`TORCHVECTORS_MIRROR`) a file lies at `BASE/NAME/FILE`. A digest binds: torchtext refused any other file, too.
"""

_BELOW = """
Sizes are those of all downloads together, about. A licence stands where the publisher states one for the rows; the page
of a set, where it has one, is behind its name.
"""


def page() -> str:
    """Return the page."""
    sets = [dataset(name) for name in dataset_names()]
    heads = ("name", "a row", "rows", "size", "licence", "hosts")
    parts = [_INTRODUCTION.format(total=len(sets)), "## The sets\n", table(heads, map(_row, sets))]
    parts += [
        _BELOW,
        "## Translations\n",
        table(("set", "split", "talks", "rows by pair of languages, either way round"), _pairs(sets)),
        "\n## What is otherwise\n",
        *(f"- `{one.name}`: {note}" for one in sets for note in one.notes),
        *(f"- `{one.name}` cannot be had any more: {one.gone}." for one in sets if one.gone),
        "\n## Files\n",
        table(
            ("set", "file", "digest", "addresses"), (_file(one, file) for one in sets for file in one.files)
        ),
    ]
    return "\n".join(parts) + "\n"


def _row(data: DataSet) -> Sequence[str]:
    name = f"[`{data.name}`]({data.home})" if data.home else f"`{data.name}`"
    return (
        name,
        data.row,
        _rows(data),
        f"{data.megabytes:g} MB" if data.megabytes else "",
        data.licence or "none stated",
        data.state,
    )


def _rows(data: DataSet) -> str:
    if data.pairs:
        return "below"
    counts = [f"{split} {count:,}" for split, count in data.lines.items()]
    return ", ".join(counts if data.splits else [one.rpartition(" ")[2] for one in counts])


def _pairs(sets: Iterable[DataSet]) -> Iterator[Sequence[str]]:
    for data in sets:
        for split, talks in data.lines.items():
            if not isinstance(talks, int) and split != "test":  # the sets of "valid" may all be "test", too
                for chosen, counts in talks.items():
                    said = ", ".join(f"{pair} {count:,}" for pair, count in sorted(counts.items()))
                    yield f"`{data.name}`", "train" if split == "train" else "valid, test", chosen, said


def _file(data: DataSet, file: DataFile) -> Sequence[str]:
    digests = (
        "<br>".join(f"`{digest}`" for digest in file.digests) or "none: that of the first download is held"
    )
    addresses = [*(f"<{url}>" if "%s" not in url else f"`{url}`" for url in file.urls)]
    addresses += [f"dead: `{url}`" for url in file.dead_urls]
    return f"`{data.name}`", f"`{file.name}`", digests, "<br>".join(addresses)


def main(argv: Sequence[str] | None = None) -> int:
    """Write the page, or with ``--check`` compare it; return 1 where that finds a difference."""
    return command(page, argv, prog="python -m torchvectors.catalog.datasets_page", description=__doc__)


if __name__ == "__main__":
    sys.exit(main())
