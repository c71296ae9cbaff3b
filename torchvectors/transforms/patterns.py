r"""Text and a list of replacements → tokens: torchtext's ``RegexTokenizer``.

torchtext's runs on RE2. Its patterns are read here for Python's ``re`` with RE2's meaning: ``\s`` is
``[\t\n\f\r ]``, ``\d``, ``\w`` and ``\b`` know ASCII alone, ``$`` is the end of the text and not the line feed
before it, ``[[:alpha:]]`` and its like are sets, and ``\0`` in a replacement is the whole match.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["RegexTokenizer"]

# Sets by name within [...], as RE2 defines them.
_POSIX = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7F",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1F\x7F",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
# What Python's classes would find beyond ASCII, spelt out; outside of sets, and within.
_SETS = {"d": "0-9", "w": "0-9A-Za-z_", "s": r"\t\n\f\r "}
_ALONE = {"b": r"(?a:\b)", "B": r"(?:(?a:\B)|\A\Z)", "z": r"\Z"}
_ALONE |= {letter: f"[{known}]" for letter, known in _SETS.items()}
_ALONE |= {letter.upper(): f"[^{known}]" for letter, known in _SETS.items()}
# One thing at a time: an escape, a whole set, an end of text.
_PARTS = re.compile(r"\\(?P<escape>.)|(?P<set>\[\^?\]?(?:\[:\w+:\]|\\.|[^\]\\])*\])|(?P<end>\$)", re.DOTALL)
_IN_SET = re.compile(r"\[:(?P<name>\w+):\]|\\(?P<escape>.)", re.DOTALL)


class RegexTokenizer(nn.Module):
    r"""Replaces one pattern after the other, then splits at spaces (and at no other white space).

    Args:
        patterns_list: Pairs of a regular expression and its replacement, in RE2's language. What RE2 lacks,
            such as ``(?=...)``, works as in Python's ``re``.

    Raises:
        ValueError: A pattern or a replacement cannot be read; torchtext wrote to the log and left it out.

    Example:
        >>> tokenizer = RegexTokenizer([(r"[,._+ ]+", r" ")])
        >>> tokenizer("Basic.Regex,Tokenization_for+a..Line,,of  Text")
        ['Basic', 'Regex', 'Tokenization', 'for', 'a', 'Line', 'of', 'Text']
    """

    def __init__(self, patterns_list: Iterable[tuple[str, str]]) -> None:
        super().__init__()
        self._rules = [_rule(pattern, text) for pattern, text in patterns_list]

    def forward(self, line: str) -> list[str]:
        """Return the tokens of a line."""
        for pattern, parts in self._rules:
            line = _replace(pattern, parts, line)
        return [token for token in line.split(" ") if token]


def _rule(pattern: str, text: str) -> tuple[re.Pattern[str], list[str | int]]:
    compiled, parts = _compile(pattern), _rewrite(text)
    group = max((part for part in parts if isinstance(part, int)), default=0)
    if group > compiled.groups:
        raise ValueError(
            f"the replacement {text!r} has group {group}, and the pattern {pattern!r} has {compiled.groups}"
        )
    return compiled, parts


def _compile(pattern: str) -> re.Pattern[str]:
    by_line = re.search(r"\(\?[a-zA-Z]*m", pattern) is not None  # then "$" means what it means to Python

    def part(found: re.Match[str]) -> str:
        if found["end"]:
            return "$" if by_line else r"\Z"
        if found["set"]:
            return _set(found["set"])
        return _ALONE.get(_escaped(found), found[0])

    try:
        return re.compile(_PARTS.sub(part, pattern))
    except (re.error, ValueError) as error:
        raise ValueError(f"the pattern {pattern!r} cannot be read: {error}") from error


def _set(text: str) -> str:
    head = "[^" if text.startswith("[^") else "["
    others: list[str] = []  # of \D, \S and \W, which a set cannot hold once they are spelt out

    def part(found: re.Match[str]) -> str:
        if found["name"]:
            if found["name"] not in _POSIX:
                raise ValueError(f"there is no set {found[0]}")
            return _POSIX[found["name"]]
        letter = _escaped(found)
        if letter in "DSW":
            others.append(_SETS[letter.lower()])
            return ""
        return _SETS.get(letter, found[0])

    members = _IN_SET.sub(part, text[len(head) : -1])
    if not others:
        return f"{head}{members}]"
    escape = "\\" if members.startswith("^") else ""  # what stood before it is gone
    rest = f"[{escape}{members}]" if members else "(?!)"
    if head == "[":
        return f"(?:{'|'.join([rest, *(f'[^{known}]' for known in others)])})"
    return f"(?:(?!{rest}){''.join(f'(?=[{known}])' for known in others)}(?s:.))"


def _escaped(found: re.Match[str]) -> str:
    letter = found["escape"]
    if letter in "pP":
        raise ValueError(rf"\{letter} (a Unicode property) is not known here; spell the characters out")
    return letter


def _rewrite(text: str) -> list[str | int]:
    r"""Return a replacement as strings and numbers of groups: ``r"<\1>"`` → ``["<", 1, ">"]``."""
    parts: list[str | int] = []
    for plain, letter in re.findall(r"([^\\]+)|\\(.?)", text, re.DOTALL):
        if plain or letter == "\\":
            parts.append(plain or letter)
        elif letter in set("0123456789"):
            parts.append(int(letter))
        else:
            raise ValueError(
                f"the replacement {text!r} cannot be read: a backslash needs a digit or a backslash"
            )
    return parts


def _replace(pattern: re.Pattern[str], parts: list[str | int], text: str) -> str:
    pieces: list[str] = []
    end = 0
    for match in pattern.finditer(text):
        if match.start() == match.end() == end and pieces:
            continue  # RE2 takes no empty match right behind another match
        pieces.append(text[end : match.start()])
        pieces += [part if isinstance(part, str) else (match[part] or "") for part in parts]
        end = match.end()
    return "".join(pieces) + text[end:] if pieces else text
