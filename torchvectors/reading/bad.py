"""A row that cannot be read → an error; or one more of those that are left out."""

from __future__ import annotations

from typing import Literal, NoReturn, get_args

from torchvectors.errors import GraphError, ParseError, warn

__all__ = ["BadRows", "Policy", "check_policy"]

Policy = Literal["error", "skip"]

_CURE = "Mend it, or leave such rows out: bad_rows='skip'."


def check_policy(policy: Policy) -> Policy:
    """Return a policy that there is.

    Raises:
        GraphError: There is none of this name.
    """
    if policy not in get_args(Policy):
        raise GraphError(
            f"there is no bad_rows={policy!r}. Choose {' or '.join(map(repr, get_args(Policy)))}."
        )
    return policy


class BadRows:
    """What becomes of rows that cannot be read, and how many of them there were.

    Args:
        policy: "error": the first one ends the pass. "skip": they are left out, and counted.
        cure: What an error tells its reader to do.
        quiet: Whether another process, which reads the same, gives the warnings.

    Attributes:
        doubt: While no row of a text has been read: the settings that may be wrong, rather than the row.
    """

    def __init__(self, policy: Policy = "error", cure: str = _CURE, *, quiet: bool = False) -> None:
        self.policy, self._cure = check_policy(policy), cure
        self._quiet = quiet
        self.doubt = ""
        self.count = 0
        self.first: ParseError | None = None
        self.last: ParseError | None = None

    def met(self, error: ParseError, cause: BaseException | None = None) -> None:
        """Take note of a bad row.

        Raises:
            ParseError: The policy is "error".
        """
        if self.policy == "error":
            self.refuse(error, cause)
        self.count += 1
        self.first, self.last = self.first or error, error

    def refuse(self, error: ParseError, cause: BaseException | None = None) -> NoReturn:
        """Raise an error, with its cure."""
        if self.doubt:
            first = f"It is the first row, so all may be like it: look at {self.doubt}."
            raise ParseError(f"{error} {first} Or leave bad rows out: bad_rows='skip'.") from cause
        raise ParseError(f"{error} {self._cure}") from cause

    def remark(self, text: str) -> None:
        """Warn, once, of what may be meant as it is."""
        if not self._quiet:
            self._quiet = True
            warn(text)
