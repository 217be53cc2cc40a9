"""What speaks against who brings a message, and for: marks, each with its reason.

Marks add up to a score; above 0 it counts towards spam. It comes from the connection alone
(lists in the DNS, names, how the client behaves), so it is one of several opinions: by default
nothing is refused for it, and only a high score makes junk of a message.
"""

from collections.abc import Iterable
from typing import Final

import msgspec


class Mark(msgspec.Struct, frozen=True):
    """One thing that was noticed. ``score``: above 0 against, below 0 for the client."""

    reason: str
    score: int


class Suspicion(msgspec.Struct, frozen=True):
    """Everything that was noticed."""

    marks: tuple[Mark, ...] = ()

    @property
    def score(self) -> int:
        """The sum of all marks."""
        return sum(mark.score for mark in self.marks)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Each mark in words: ``no reverse name (+1)``."""
        return tuple([f"{mark.reason} ({mark.score:+d})" for mark in self.marks])

    def and_(self, marks: Iterable[Mark | None]) -> "Suspicion":
        """With further marks."""
        return Suspicion((*self.marks, *[mark for mark in marks if mark is not None]))


NONE: Final = Suspicion()
