"""A text of rows → its rows, one at a time, and what becomes of those that cannot be read. No file is opened here.

``lines``: bytes to lines, with their places. ``texts``: a line each. ``fields``: what something delimits. ``bad``: an
error, or one more that is left out. ``hints``: what a first row says of how the text should rather be read. ``shapes``:
fields to a text, a tuple or a dict. ``kinds``: all of that, for each kind of text, from any place on.
"""

from torchvectors.reading.bad import BadRows, Policy, check_policy
from torchvectors.reading.fields import Dialect, field_rows, long_fields
from torchvectors.reading.kinds import Delimited, JsonLines, Kind, PlainLines, WholeTexts
from torchvectors.reading.lines import LARGEST_ROW, Lines, Place, Readable, buffered, expect_encoding
from torchvectors.reading.shapes import Labels, Names, Shape
from torchvectors.reading.texts import json_values, line_texts

__all__ = [
    "LARGEST_ROW",
    "BadRows",
    "Delimited",
    "Dialect",
    "JsonLines",
    "Kind",
    "Labels",
    "Lines",
    "Names",
    "Place",
    "PlainLines",
    "Policy",
    "Readable",
    "Shape",
    "WholeTexts",
    "buffered",
    "check_policy",
    "expect_encoding",
    "field_rows",
    "json_values",
    "line_texts",
    "long_fields",
]
