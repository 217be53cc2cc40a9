"""Die at each system call of the commit path, one after the other.

strace attaches to the running server and kills it at the k-th call of each kind (write,
fsync, rename, link, truncate ..) while it takes one letter. strace counts a thread apart. Then: acknowledged means there and whole; not
acknowledged means there whole or not at all; the next letter is taken as usual.
"""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final

from rig.load import LARGE, Journal, Load, compare, stored
from rig.server import DOMAIN, Server

PASSWORD = "call-proof-password"
CALLS: Final = (
    "write", "pwrite64", "writev", "pwritev", "fsync", "fdatasync", "rename", "renameat",
    "renameat2", "link", "linkat", "unlink", "unlinkat", "ftruncate", "mkdir", "mkdirat",
)  # fmt: skip
MOST: Final = 60  # more calls than one letter needs; a path that needs more is reported


def prove(*, seconds: float) -> bool:
    """Every call of a small and of a large letter."""
    if not shutil.which("strace"):
        print("syscalls: not run, strace is missing (apt-get install strace)")
        return False
    deadline = time.monotonic() + seconds
    return all([_path("small", 4_000, deadline), _path("large", LARGE, deadline)])


def _path(name: str, size: int, deadline: float) -> bool:
    folder = Path(tempfile.mkdtemp(prefix="postroom-calls-"))
    server = Server(folder)
    server.add_account(f"alice@{DOMAIN}", PASSWORD)
    journal = Journal()
    deaths: dict[str, int] = {}
    for call in CALLS:
        for count in range(1, MOST + 1):
            if time.monotonic() > deadline:
                print(f"syscalls {name}: the time was over at {call} (give more with TIME=)")
                return False
            server.start()
            if not _dies(server, journal, size, f"{call}:signal=KILL:when={count}"):
                break
            deaths[call] = count
    server.start()
    verdict = compare(journal, stored(server.ports["imap"], f"alice@{DOMAIN}", PASSWORD))
    is_sound = server.is_sound()
    server.stop()
    where = ", ".join(f"{call} x{count}" for call, count in deaths.items())
    print(f"syscalls {name}: died once at each of {where}; {verdict}")
    good = verdict.good and is_sound and sum(deaths.values()) > 0
    if good:
        shutil.rmtree(folder)
    return good


def _dies(server: Server, journal: Journal, size: int, injection: str) -> bool:
    """Send one letter with this injection; True when the server died of it."""
    tracer = subprocess.Popen(
        [
            "strace", "-f", "-q", "-o", "/dev/null", "-p", str(server.pid),
            "-e", f"trace={injection.partition(':')[0]}", "-e", f"inject={injection}",
        ],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    _wait_for_tracer(server)
    load = Load(
        server.ports["smtp"], f"alice@{DOMAIN}", connections=1, journal=journal,
        size=lambda _n: size, letters=1,
    )  # fmt: skip
    load.start()
    died = False
    while not died and not load.finished:
        died = server.wait(0.02)
    died = died or server.wait(0.3)
    load.stop()
    server.kill()
    tracer.wait(30)
    return died


def _wait_for_tracer(server: Server) -> None:
    """Until it is attached. The server may have died of it already: it does not only take mail."""
    status = Path(f"/proc/{server.pid}/status")
    for _ in range(500):
        if server.wait(0) or "TracerPid:\t0\n" not in status.read_text():
            return
        time.sleep(0.01)
    raise RuntimeError("strace could not attach to the server")
