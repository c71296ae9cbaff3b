"""Lines → rows that are one line each: texts, or what JSON makes of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from torchvectors.reading.lines import TooLongError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torchvectors.reading.bad import BadRows
    from torchvectors.reading.lines import Lines

__all__ = ["json_values", "line_texts"]


def line_texts(lines: Lines, bad: BadRows) -> Iterator[str]:
    """Yield each line without its end (LF, or CR and LF). An empty line is an empty text.

    Raises:
        ParseError: A line is too long, or holds a NUL or bytes that the encoding has not; unless bad rows are skipped.
    """
    while True:
        lines.begin_row()
        try:
            text = next(lines)
        except StopIteration:
            return
        except TooLongError as error:
            bad.met(error)
            lines.leave_line()
            continue
        if lines.fault:
            bad.met(lines.error(f"{lines.fault}. The line: {lines.shown()}"))
            continue
        if text.endswith("\n"):
            text = text[:-2] if text.endswith("\r\n") else text[:-1]
        yield text


def json_values(lines: Lines, bad: BadRows) -> Iterator[Any]:
    """Yield what each line is in JSON, blank lines left out.

    Raises:
        ParseError: A line is no JSON; and as `line_texts` raises it.
    """
    for text in line_texts(lines, bad):
        if not text or text.isspace():
            continue
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:  # numbers of too many digits are a ValueError, too
            bad.met(lines.error(f"this line is no JSON ({error!s:.100}): {lines.shown()}"), error)
            continue
        yield value
