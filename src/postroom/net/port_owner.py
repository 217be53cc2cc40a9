"""Which process listens on a TCP port of this machine (Linux: /proc).

Reading whose process it is needs root; without it the port is known to be taken, no more.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_LISTEN: Final = "0A"  # the kernel's TCP_LISTEN
_TABLES: Final = ("net/tcp", "net/tcp6")


def owner(port: int, proc: Path = Path("/proc")) -> str | None:
    """``nginx (pid 812)``; "another program" when it can't be told; None when it is free."""
    wanted = _sockets(port, proc)
    if not wanted:
        return None
    for process in proc.glob("[0-9]*"):
        if _has(process, wanted):
            with contextlib.suppress(OSError):
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
    return "another program"


def is_held(port: int, process: int, proc: Path = Path("/proc")) -> bool:
    """Whether this process listens on the port, be it with a socket that it was handed."""
    return _has(proc / str(process), _sockets(port, proc))


def _sockets(port: int, proc: Path) -> set[str]:
    return {f"socket:[{inode}]" for inode in _listening(port, proc)}


def _has(process: Path, wanted: set[str]) -> bool:
    """Whether one of its descriptors is one of the sockets; False where we may not look."""
    with contextlib.suppress(OSError):
        for descriptor in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                if str(descriptor.readlink()) in wanted:
                    return True
    return False


def _listening(port: int, proc: Path) -> Iterator[str]:
    """The inodes of sockets that listen on the port, on whatever address."""
    for table in _TABLES:
        with contextlib.suppress(OSError):
            for line in (proc / table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9]
