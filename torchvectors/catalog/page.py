"""The catalog in, ``docs/catalog.md`` out: ``python -m torchvectors.catalog.page docs/catalog.md [--check]``."""

from __future__ import annotations

import re
import sys
from collections import Counter
from typing import TYPE_CHECKING

from torchvectors.catalog.lookup import FAMILIES, find, language_names, names
from torchvectors.catalog.markdown import command, table
from torchvectors.catalog.records import strongest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torchvectors.catalog.records import Archive, Entry, Member

__all__ = ["main", "page"]

_INTRODUCTION = """\
# The catalog

Made from the package's data by `python -m torchvectors.catalog.page docs/catalog.md`; do not edit it by hand.

These are the {total} sets of vectors that `torchvectors.Vectors(NAME)` opens by name, and `torchvectors list` and
`torchvectors info NAME` show without a network. The facts were gathered from public sources; no address was tried, and
of the digests only those of `glove.6B.50d.txt` were computed from the file itself.

## Ways in

| written | gives |
|---|---|
| `GloVe("6B", 50)` | `glove.6B.50d` |
| `GloVe("2024.wikigiga", 300)` | `glove.2024.wikigiga.300d` |
| `FastText("de")` | `wiki.de`: Wikipedia, as text; what torchtext gave |
| `FastText("de", source="crawl")` | `cc.de.300`: Common Crawl and Wikipedia |
| `FastText("de", source="aligned")`, `source="muse"` | `wiki.de.align`, `wiki.multi.de`: languages in one space |
| `FastText("de", subwords=True)` | `wiki.de.bin`: the model, with a vector for any word |
| `FastText("de", source="crawl", subwords=True)` | `cc.de.300.bin` |
| `Word2Vec("GoogleNews")` | `GoogleNews-vectors-negative300` |
| `CharNGram()` | `charngram.jmt` |
| `Vectors(NAME)` | any name of this page |

A name is the publisher's file name without its extensions. A fastText model with subwords keeps its `.bin`, by which it
is told from its text: `wiki.de` and `wiki.de.bin`, `crawl-300d-2M-subword` and `crawl-300d-2M-subword.bin`.

## How far a digest is trusted

- **binding**: at least two independent sources agree on the digest of the strongest algorithm, or, for GloVe's
  members, several vouch for the archive. A file with another digest is refused.
- **hearsay**: one source. Where a file has another digest, all addresses are asked for a better one; if none has it,
  the file is used and you are warned.
- **none**: nobody has published one. Size and structure are checked, the digest of the first download is recorded
  beside the file, and held from then on.

A file in a zip of several that has a digest of its own is fetched **alone** where the server gives ranges of bytes:
69 MB for `glove.6B.50d`, of the archive's 862.
"""

_LEFT_OUT = """\
## Left out

- `vectors.tar.gz`, all of MUSE in one archive: what is in it has not been established. Its 30 languages are here one by
  one.
- Numberbatch's HDF5 files and LexVec's `.bin`: no reader here understands them. The same vectors are here as text.
- fastText's supervised models, such as `lid.176.bin`: they classify, and their rows are no word vectors.
- Repackings of GloVe and fastText by course authors: the originals are here.
"""

_LANGUAGES = (
    "fasttext-wiki",
    "fasttext-wiki-bin",
    "fasttext-crawl",
    "fasttext-crawl-bin",
    "fasttext-aligned",
    "muse",
)

_TITLES = {
    "charngram": "CharNGram",
    "fasttext-aligned": "fastText, aligned",
    "fasttext-crawl": "fastText, crawl, text",
    "fasttext-crawl-bin": "fastText, crawl, with subwords",
    "fasttext-english": "fastText, English",
    "fasttext-wiki": "fastText, wiki, text",
    "fasttext-wiki-bin": "fastText, wiki, with subwords",
    "gensim-data": "gensim's conversions",
    "glove": "GloVe 2014",
    "glove-2024": "GloVe 2024",
    "lexvec": "LexVec",
    "muse": "MUSE",
    "numberbatch": "ConceptNet Numberbatch",
    "paragram": "Paragram",
    "word2vec": "word2vec",
}


def page() -> str:
    """Return the page."""
    entries = [find(name) for name in names()]
    entries.sort(key=lambda one: _in_order(one.name))
    families = {
        family: [one for one in entries if one.archive.family == family] for family in sorted(FAMILIES)
    }
    parts = [
        _INTRODUCTION.format(total=len(entries)),
        "## Families\n",
        table(("family", "sets", "languages", "dims", "licence", "digests"), _summary(families)),
    ]
    for family in families.keys() - set(_LANGUAGES):
        if family not in _TITLES:
            raise ValueError(f"{family}: give it a title in page._TITLES.")
    for family in ("glove", "glove-2024", *sorted(families.keys() - {*_LANGUAGES, "glove", "glove-2024"})):
        heads = ("name", "dim", "tokens", "archive", "digest", "licence")
        parts += [f"\n## {_TITLES[family]}\n", table(heads, map(_row, families[family]))]
        parts += _notes(families[family])
    columns = ("code", "language", *(_TITLES[family].removeprefix("fastText, ") for family in _LANGUAGES))
    parts += ["\n## fastText and MUSE by language\n", table(columns, _by_language(families))]
    return "\n".join([*parts, f"\n{_LEFT_OUT}"])


def _in_order(name: str) -> list[tuple[int, str]]:
    """Return what puts 50 before 100."""
    return [(int(one), "") if one.isdigit() else (0, one) for one in re.split(r"(\d+)", name)]


def main(argv: Sequence[str] | None = None) -> int:
    """Write the page, or with ``--check`` compare it; return 1 where that finds a difference."""
    return command(page, argv, prog="python -m torchvectors.catalog.page", description=__doc__)


def _summary(families: dict[str, list[Entry]]) -> Iterator[Sequence[str]]:
    for family, entries in families.items():
        languages = {one.archive.language for one in entries} - {None}
        trust = Counter(_trust(one) for one in entries)
        yield (
            _TITLES[family],
            str(len(entries)),
            str(len(languages) or ""),
            ", ".join(map(str, sorted({one.member.dim or 0 for one in entries}))),
            ", ".join(sorted({one.archive.licence or "none stated" for one in entries})),
            ", ".join(f"{count} {what}" for what, count in sorted(trust.items())),
        )


def _row(entry: Entry) -> Sequence[str]:
    archive, member = entry.archive, entry.member
    size = f"{archive.nbytes / 1e6:,.0f} MB" if archive.nbytes else ""
    tokens = f"{member.ntokens:,}" if member.ntokens else ""
    alone = ", alone" if entry.alone else ""
    return (
        f"`{entry.name}`",
        str(member.dim),
        tokens,
        f"{size}{alone}",
        _trust(entry),
        archive.licence or "none stated",
    )


def _trust(entry: Entry) -> str:
    """Say how far the better of the two promises is to be trusted: the archive's or its member's."""
    both = (entry.archive, entry.member)
    if any(one.strict for one in both):
        return "binding"
    return "hearsay" if any(one.digests for one in both) else "none"


def _notes(entries: Sequence[Entry]) -> Iterator[str]:
    """Yield what is to be said of a family's archives and members, each once, as a list."""
    said: dict[str, list[str]] = {}
    for entry in entries:
        for note in (
            *entry.archive.notes,
            *entry.member.notes,
            *_conflicts(entry.archive),
            *_conflicts(entry.member),
        ):
            said.setdefault(note, []).append(f"`{entry.name}`")
    lines = []
    for note, about in said.items():
        whom = "all" if len(about) == len(entries) > 1 else ", ".join(dict.fromkeys(about))
        lines.append(f"- {whom}: {note.replace('<', '&lt;')}")
    if lines:
        yield "\n" + "\n".join(lines)


def _conflicts(one: Archive | Member) -> Iterator[str]:
    listed = strongest(one.digests)
    if len(listed) > 1:
        yield f"Sources disagree on its digest: {' or '.join(map(str, listed))}. A file may have any of them."


def _by_language(families: dict[str, list[Entry]]) -> Iterator[Sequence[str]]:
    named = {
        (family, one.archive.language): f"`{one.name}`" for family in _LANGUAGES for one in families[family]
    }
    codes = sorted({code for _, code in named if code})
    for code in codes:
        yield code, language_names().get(code, ""), *(named.get((family, code), "") for family in _LANGUAGES)


if __name__ == "__main__":
    sys.exit(main())
