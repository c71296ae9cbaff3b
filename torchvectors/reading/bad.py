"""A row that cannot be read → an error; or one more of those that are left out."""

from __future__ import annotations

from typing import Literal, NoReturn, get_args

from torchvectors.errors import GraphError, ParseError

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
    """

    def __init__(self, policy: Policy = "error", cure: str = _CURE) -> None:
        self.policy, self._cure = check_policy(policy), cure
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
        raise ParseError(f"{error} {self._cure}") from cause
