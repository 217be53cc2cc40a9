"""Jumps of the wall clock, seen by a clock that nobody sets (threat F4).

A machine that slept, or whose clock was set, looks the same from here. Who is about to give
something up for its age waits for a while: somebody may set the clock right again.
"""

from collections.abc import Callable
from typing import Final

LEAST_MS: Final = 3_600_000  # what is less is none


class Jumps:
    """``clock`` is UTC milliseconds, ``steady`` milliseconds since any moment."""

    def __init__(
        self, clock: Callable[[], int], steady: Callable[[], int], *, pause_ms: int
    ) -> None:
        """``pause_ms``: how long to be careful after one."""
        self._clock = clock
        self._steady = steady
        self._pause = pause_ms
        self._offset = clock() - steady()
        self._careful_until = 0

    def look(self) -> int:
        """How far it has jumped since the last look, in milliseconds; 0: it has not."""
        jump = self._clock() - self._steady() - self._offset
        self._offset += jump
        if abs(jump) < LEAST_MS:
            return 0
        self._careful_until = self._steady() + self._pause
        return jump

    @property
    def is_careful(self) -> bool:
        """Whether it has jumped of late."""
        return self._steady() < self._careful_until
