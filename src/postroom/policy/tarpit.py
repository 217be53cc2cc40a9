"""How long an answer to somebody who errs is held back, and for how many at one time.

A slow answer makes guessing dear; but each that is held back also holds a connection. So there
are so many places, and when they are taken, a connection that should wait is ended instead.
"""

from typing import Final

SLOWER: Final = 8  # times: for the most suspicious


class Tarpit:
    """The places of one server. Used on one event loop."""

    def __init__(self, seconds: float, places: int) -> None:
        """``seconds``: for those who are not suspicious."""
        self._seconds = seconds
        self._places = places
        self._taken = 0

    @property
    def taken(self) -> int:
        """How many wait at present."""
        return self._taken

    def enter(self, score: int) -> float | None:
        """Take a place: the seconds to wait; None when there is none left."""
        if self._taken >= self._places:
            return None
        self._taken += 1
        return self._seconds * min(1 + max(score, 0), SLOWER)

    def leave(self) -> None:
        """Give the place back."""
        self._taken -= 1
