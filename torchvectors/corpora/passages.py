"""Lines, JSON and small files → rows: tagged words, questions, reviews, stories."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

from torchvectors.archive import each_member
from torchvectors.corpora.text import missing_member
from torchvectors.errors import ParseError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torchvectors.archive import MemberStream
    from torchvectors.corpora.text import Text

__all__ = ["question_rows", "review_rows", "story_names", "story_rows", "tagged_rows"]

_LABELS = {"neg": 1, "pos": 2}
_NEWLINE = re.compile("\r\n?|\n")
# How a sentence of a story may end; to any other line a full stop is added, as the summary's authors did.
_ENDS = (".", "!", "?", "'", "`", '"', "\u2019", "\u201d", ")")
_CHUNK = 1 << 20  # bytes


def tagged_rows(text: Text, separator: str) -> Iterator[list[list[str]]]:
    """Yield the columns of each sentence: a list of its words, a list of their tags, and so on.

    A line is a word and its tags; a blank line ends a sentence.
    """
    columns: list[list[str]] = []
    for line in text:
        word = line.strip()
        if not word:
            if columns:
                yield columns
            columns = []
            continue
        for place, field in enumerate(word.split(separator)):
            if place == len(columns):
                columns.append([])
            columns[place].append(field)
    if columns:
        yield columns


def question_rows(stream: MemberStream, where: str) -> Iterator[tuple[str, str, list[str], list[int]]]:
    """Yield each question of SQuAD's JSON: its context, itself, the answers, and where they begin in the context.

    A question without an answer has the answer "" at -1.

    Raises:
        ParseError: It is no JSON, or has another form.
    """
    try:
        articles = json.loads(_all_of(stream).decode("utf-8"))["data"]
    except json.JSONDecodeError as error:
        raise ParseError(f"{where}:{error.lineno}: this is no JSON ({error.msg}). {_CURE}") from error
    except (ValueError, LookupError, TypeError) as error:
        raise ParseError(f"{where}: this is no list of articles ({error!r}). {_CURE}") from error
    number = 0
    try:
        for number, article in enumerate(articles, start=1):  # noqa: B007 - told in the error
            yield from _questions_of(article)
    except (LookupError, TypeError) as error:
        raise ParseError(f"{where}: article {number} has another form ({error!r}). {_CURE}") from error


_CURE = "The file is not what it should be: delete it to get it anew."


def _questions_of(article: Any) -> Iterator[tuple[str, str, list[str], list[int]]]:
    for paragraph in article["paragraphs"]:
        for asked in paragraph["qas"]:
            answers = [one["text"] for one in asked["answers"]] or [""]
            places = [one["answer_start"] for one in asked["answers"]] or [-1]
            yield paragraph["context"], asked["question"], answers, places


def review_rows(path: Path, split: str) -> Iterator[tuple[int, str]]:
    """Yield a review for each file in the folders "neg" and "pos" of a split, in the archive's order.

    Of a file of several lines each is a row.

    Raises:
        MemberError: One of the folders is not there, or empty.
    """

    def wanted(name: str) -> bool:
        folders = name.split("/")
        return folders[-3:-2] == [split] and folders[-2] in _LABELS

    missing = set(_LABELS)
    for stream in each_member(path, wanted):
        folder = stream.name.split("/")[-2]
        missing.discard(folder)
        label = _LABELS[folder]
        for line in _all_of(stream).split(b"\n"):
            text = line.strip(b"\r\n").decode("utf-8", "ignore")
            if text:
                for one in _NEWLINE.split(text):
                    yield label, one
    if missing:
        raise missing_member(path, f"{split}/{min(missing)}")


def story_names(text: Text) -> set[str]:
    """Return the names of the files whose stories stood at these addresses, one a line."""
    urls = (line.rstrip("\n").encode() for line in text)
    return {f"{hashlib.sha1(url, usedforsecurity=False).hexdigest()}.story" for url in urls}


def story_rows(path: Path, names: set[str]) -> Iterator[tuple[str, str]]:
    """Yield the text and the summary of each story that is listed, in the archive's order.

    Raises:
        MemberError: None of them is there.
        ParseError: A story is not UTF-8.
    """
    found = False
    for stream in each_member(path, lambda name: name.rpartition("/")[2] in names):
        found, data = True, _all_of(stream)
        try:
            yield _story(data.decode("utf-8").split("\n"))
        except UnicodeDecodeError as error:
            line = 1 + data[: error.start].count(b"\n")
            raise ParseError(
                f"{path}: {stream.name}:{line}: this is not UTF-8 ({error.reason}). {_CURE}"
            ) from error
    if names and not found:
        raise missing_member(path, min(names))


def _story(lines: list[str]) -> tuple[str, str]:
    """Part a story from its summary, which is all that comes behind the first mark of a highlight."""
    article: list[str] = []
    highlights: list[str] = []
    into = article
    for line in filter(None, map(str.strip, lines)):
        if line.startswith("@highlight"):
            into = highlights
        else:
            ended = "@highlight" in line or line.endswith(_ENDS)
            into.append(line if ended else f"{line} .")
    return " ".join(article), " ".join(highlights)


def _all_of(stream: MemberStream) -> bytes:
    """Read a small file whole."""
    return b"".join(iter(lambda: stream.read(_CHUNK), b""))
