"""UIDs for one SQL statement: a range, or a bounded list of numbers.

Sets of UIDs come as ranges and are never written out whole: a caller cuts them into
spans. The numbers stand in the text of the statement (they are ours, integers of 32
bits), because both engines read ``IN (1, 2, 3)`` alike and plan it by the primary key.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

MAX_LISTED: Final = 1000


class Span(msgspec.Struct, frozen=True):
    """The UIDs ``first`` to ``last``, or of these only the ``listed`` (ascending)."""

    first: int
    last: int
    listed: tuple[int, ...] | None = None

    def where(self, column: str = "uid") -> str:
        """A condition for SQL."""
        between = f"{column} BETWEEN {self.first:d} AND {self.last:d}"
        if self.listed is None:
            return between
        return f"{between} AND {column} IN ({','.join(map(str, self.listed))})"

    def bound(self, column: str = "uid") -> tuple[str, dict[str, int]]:
        """The same with parameters for a range: a text that is asked often is parsed once."""
        if self.listed is not None:
            return self.where(column), {}
        return f"{column} BETWEEN :first AND :last", {"first": self.first, "last": self.last}


def span_of(uids: Sequence[int]) -> Span:
    """The span of at most ``MAX_LISTED`` ascending UIDs, which are not empty."""
    first, last = uids[0], uids[-1]
    if last - first + 1 == len(uids):
        return Span(first, last)
    if len(uids) > MAX_LISTED:
        raise ValueError("too many UIDs for one statement")
    return Span(first, last, tuple(uids))
