"""What a worker is busy with, so that a death of the process can be blamed.

While a message is parsed, signed or re-encoded, its id stands in a slot of a small file
that is mapped into memory. A killed process leaves it there (the kernel keeps the page);
the next start reads it and counts a crash of that message (``queue.claims.recover``).
Waiting for the network is not work at the bench: who is killed then is innocent. A power
cut may empty the file, and was not the message's fault.
"""

import mmap
import os
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Final

SLOTS: Final = 64  # messages prepared at the same time

_SLOT: Final = struct.Struct("<q")


def left_behind(path: Path) -> tuple[int, ...]:
    """What stands in the slots of a process that has died; the file goes."""
    try:
        octets = path.read_bytes()
    except FileNotFoundError:
        return ()
    path.unlink(missing_ok=True)
    whole = octets[: len(octets) // _SLOT.size * _SLOT.size]
    return tuple([ident for (ident,) in _SLOT.iter_unpack(whole) if ident])


class Workbench:
    """The slots of one process. Used on one loop; ``close`` it at the end."""

    def __init__(self, path: Path, crashed: Sequence[int] = ()) -> None:
        """The file is made when it is not there. ``crashed``: found elsewhere."""
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(file, SLOTS * _SLOT.size)
            self._map = mmap.mmap(file, SLOTS * _SLOT.size)
        finally:
            os.close(file)
        found = [ident for (ident,) in _SLOT.iter_unpack(self._map[:]) if ident]
        self.left_behind: tuple[int, ...] = (*found, *crashed)
        self._free = list(range(SLOTS))

    def clear(self) -> None:
        """What was left behind has been counted."""
        self._map[:] = bytes(len(self._map))

    def busy(self, ident: int) -> "_Work":
        """Work on this message meanwhile. Beyond ``SLOTS`` at a time nobody is noted."""
        return _Work(self, ident)

    def begin(self, ident: int) -> int | None:
        """Note the message: in which slot; None when none is free."""
        if not self._free:
            return None
        slot = self._free.pop()
        _SLOT.pack_into(self._map, slot * _SLOT.size, ident)
        return slot

    def end(self, slot: int) -> None:
        """Its work is done."""
        _SLOT.pack_into(self._map, slot * _SLOT.size, 0)
        self._free.append(slot)

    def close(self) -> None:
        """Let go of the file."""
        self._map.close()


class _Work:
    """One message at the bench: a context."""

    __slots__ = ("_bench", "_ident", "_slot")

    def __init__(self, bench: Workbench, ident: int) -> None:
        self._bench = bench
        self._ident = ident
        self._slot: int | None = None

    def __enter__(self) -> None:
        self._slot = self._bench.begin(self._ident)

    def __exit__(self, *_: object) -> None:
        if self._slot is not None:
            self._bench.end(self._slot)
