"""The processes that this one has started and not yet waited for."""

import contextlib
from pathlib import Path


def children(module: str) -> set[int]:
    """Those of them that run this module of ours; of other tests' processes none."""
    found: set[int] = set()
    for path in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):  # a thread that has ended meanwhile
            found.update(map(int, path.read_text().split()))
    return {pid for pid in found if _runs(pid, module)}


def _runs(pid: int, module: str) -> bool:
    try:
        return module.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has ended, and somebody has noticed
        return False
