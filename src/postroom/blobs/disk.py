"""Room on the disk of the data folder, asked by whoever brings messages, and by housekeeping.

Below the reserve new messages are put off before their octets come, so that what is being
written, deletions and flags still find room (threat F1). Copies of messages that are here
already may use most of it: to copy into another mailbox is how many clients delete.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from postroom.errors import StorageFull
from postroom.telemetry import sink
from postroom.telemetry.events import StorageTrouble

FRESH_MS: Final = 1000
COPY: Final = 512  # octets of rows for a message in another mailbox
_OF_COPIES: Final = 4  # they leave this part of the reserve


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
        return self._seen_free() - octets >= self._reserve

    def require(self, octets: int) -> None:
        """Raise StorageFull unless messages of this size leave the reserve free."""
        if not self.has_room(octets):
            raise StorageFull

    def require_for_copies(self, count: int) -> None:
        """Raise StorageFull unless so many copies leave a quarter of the reserve free."""
        if self._seen_free() - count * COPY < self._reserve // _OF_COPIES:
            raise StorageFull

    def _seen_free(self) -> int:
        now = self._clock()
        if not 0 <= now - self._seen < FRESH_MS:
            self._seen = now
            self._free = self._look()
        return self._free

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
