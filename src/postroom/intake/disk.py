"""Room on the disk of the data folder, asked at MAIL (threat F1) and by housekeeping.

Below the reserve new messages are put off before their octets come, so that what is being
written, deletions and flags still find room.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from postroom.telemetry import sink
from postroom.telemetry.events import StorageTrouble

FRESH_MS: Final = 1000


class Disk:
    """Looks once a second. ``clock`` gives milliseconds."""

    def __init__(self, folder: Path, reserve: int, clock: Callable[[], int]) -> None:
        """``reserve``: octets that stay free."""
        self._folder = folder
        self._reserve = reserve
        self._clock = clock
        self._seen = -FRESH_MS
        self._free = 0

    def has_room(self, octets: int = 0) -> bool:
        """True when a message of this size leaves the reserve free."""
        now = self._clock()
        if not 0 <= now - self._seen < FRESH_MS:
            self._seen = now
            self._free = self._look()
        return self._free - octets >= self._reserve

    def missing(self) -> int:
        """Octets that are missing to the reserve at this moment; 0 where nobody can tell."""
        try:
            return max(0, self._reserve - _free(self._folder))
        except OSError:
            return 0

    def _look(self) -> int:
        try:
            return _free(self._folder)
        except OSError as error:
            sink.emit(StorageTrouble(where="statvfs", reason=str(error)))
            return 0


def _free(folder: Path) -> int:
    found = os.statvfs(folder)
    if found.f_files and not found.f_favail:  # no inode is left
        return 0
    return found.f_bavail * found.f_frsize
