"""What a power cut leaves: the octets and the names that were handed to fsync, no others.

``Disk`` stands before ``os.fsync`` and remembers what each call has made durable: of a file
its octets, of a folder its names. A file survives when its octets do, and the name of every
folder on the way to it.
"""

import os
import stat
from pathlib import Path

import pytest


class Disk:
    """A disk that keeps nothing by itself."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._files: dict[int, bytes] = {}
        self._folders: dict[int, dict[str, int]] = {}
        self._fsync = os.fsync
        patch.setattr(os, "fsync", self._sync)

    def _sync(self, fd: int) -> None:
        self._fsync(fd)
        found = os.fstat(fd)
        if stat.S_ISDIR(found.st_mode):
            with os.scandir(fd) as entries:
                self._folders[found.st_ino] = {one.name: one.inode() for one in entries}
        else:
            self._files[found.st_ino] = Path(f"/proc/self/fd/{fd}").read_bytes()

    def has_octets(self, path: Path) -> bool:
        """Whether what the file holds now is durable, under whatever name."""
        return self._files.get(path.stat().st_ino) == path.read_bytes()

    def has_names(self, path: Path, below: Path) -> bool:
        """Whether each name on the way from the folder ``below``, which was there, is durable."""
        while path != below:
            names = self._folders.get(path.parent.stat().st_ino, {})
            if names.get(path.name) != path.stat().st_ino:
                return False
            path = path.parent
        return True

    def keeps(self, path: Path, below: Path) -> bool:
        """Whether the file is there after a power cut, as it is now."""
        return self.has_octets(path) and self.has_names(path, below)
