"""Die at each system call of the commit path, one after the other.

strace attaches to the running server and tells which calls (write, fsync, rename, link,
truncate ..) one letter takes; then the server is killed at the k-th of each kind. strace counts
each thread apart. Then: acknowledged means there and whole; not acknowledged means there whole or
not at all; the next letter is taken as usual.
"""

import re
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Final

from rig.load import LARGE, Journal, Load, compare, stored
from rig.server import DOMAIN, Server

PASSWORD = "call-proof-password"
CALLS: Final = (
    "write", "pwrite64", "writev", "pwritev", "fsync", "fdatasync", "rename", "renameat",
    "renameat2", "link", "linkat", "unlink", "unlinkat", "ftruncate", "mkdir", "mkdirat",
)  # fmt: skip
ATTEMPT_SECONDS: Final = 60.0  # for one letter

_TRACED: Final = re.compile(r"(\d+) +([a-z0-9]+)\((.*)")


def prove(*, seconds: float) -> bool:
    """Each kind of call of a small and of a large letter, and as many of a kind as time allows.

    A start of the server for each: all calls take a quarter of an hour and more.
    """
    if not shutil.which("strace"):
        print("syscalls: not run, strace is missing (apt-get install strace)")
        return False
    began = time.monotonic()
    is_good = _path("small", 4_000, began + seconds / 2)
    return _path("large", LARGE, began + seconds) and is_good


def _path(name: str, size: int, deadline: float) -> bool:
    folder = Path(tempfile.mkdtemp(prefix="postroom-calls-"))
    server = Server(folder)
    server.add_account(f"alice@{DOMAIN}", PASSWORD)
    journal = Journal()
    server.start()
    points = _points(server, journal, size, folder / "calls")
    deaths: Counter[str] = Counter()
    tried = 0
    for call, count in points:
        if time.monotonic() > deadline:
            break
        server.start()
        deaths[call] += _dies(server, journal, size, f"{call}:signal=KILL:when={count}")
        tried += 1
    server.start()
    verdict = compare(journal, stored(server.ports["imap"], f"alice@{DOMAIN}", PASSWORD))
    is_sound = server.is_sound()
    server.stop()
    where = ", ".join(f"{call} x{count}" for call, count in sorted(deaths.items()) if count)
    print(
        f"syscalls {name}: tried {tried} of the {len(points)} calls of one letter,"
        f" died at {where}; {verdict}"
    )
    good = verdict.good and is_sound and deaths.total() > 0
    if good:
        shutil.rmtree(folder)
    else:
        print(f"syscalls {name}: the data folder is kept for study: {folder}")
    enough = {call for call, _ in points} == set(deaths)
    if not enough:
        print(
            f"syscalls {name}: the time was over before each kind was tried (give more with TIME=)"
        )
    return good and enough


def _points(server: Server, journal: Journal, size: int, trace: Path) -> list[tuple[str, int]]:
    """Which calls on files one letter takes: of each kind some, then those between them."""
    tracer = _attach(server, ",".join(CALLS), trace, "-y")
    _send(server, journal, size)
    server.kill()
    tracer.wait(30)
    counts: Counter[tuple[str, str]] = Counter()
    kinds: dict[str, set[int]] = {}
    for line in trace.read_text(errors="replace").splitlines():
        if found := _TRACED.match(line):
            thread, call, arguments = found.groups()
            counts[thread, call] += 1
            if str(server.data) in arguments:  # no sockets, no wake-ups between threads
                kinds.setdefault(call, set()).add(counts[thread, call])
    ordered = {call: _spread(sorted(numbers)) for call, numbers in kinds.items()}
    most = max(map(len, ordered.values()), default=0)
    return [
        (call, numbers[at]) for at in range(most) for call, numbers in ordered.items()
        if at < len(numbers)
    ]  # fmt: skip


def _spread(numbers: list[int]) -> list[int]:
    """In such an order that the first few of them are from all over."""
    width = max(1, len(numbers) - 1).bit_length()
    turned = (int(f"{at:0{width}b}"[::-1], 2) for at in range(1 << width))
    return [numbers[at] for at in turned if at < len(numbers)]


def _dies(server: Server, journal: Journal, size: int, injection: str) -> bool:
    """Send one letter with this injection; True when the server died of it."""
    call = injection.partition(":")[0]
    tracer = _attach(server, call, Path("/dev/null"), "-e", f"inject={injection}")
    died = _send(server, journal, size)
    server.kill()
    tracer.wait(30)
    return died


def _attach(server: Server, calls: str, output: Path, *more: str) -> subprocess.Popen[bytes]:
    tracer = subprocess.Popen(
        [
            "strace", "-f", "-q", "-o", str(output), "-p", str(server.pid),
            "-e", f"trace={calls}", *more,
        ],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    _wait_for_tracer(server)
    return tracer


def _send(server: Server, journal: Journal, size: int) -> bool:
    """One letter; True when the server died meanwhile."""
    load = Load(
        server.ports["smtp"], f"alice@{DOMAIN}", connections=1, journal=journal,
        size=lambda _n: size, letters=1,
    )  # fmt: skip
    load.start()
    died, end = False, time.monotonic() + ATTEMPT_SECONDS
    while not died and not load.finished and time.monotonic() < end:
        died = server.wait(0.02)
    died = died or server.wait(0.3)
    load.stop()
    return died


def _wait_for_tracer(server: Server) -> None:
    """Until it is attached. The server may have died of it already: it does not only take mail."""
    status = Path(f"/proc/{server.pid}/status")
    for _ in range(500):
        if server.wait(0) or "TracerPid:\t0\n" not in status.read_text():
            return
        time.sleep(0.01)
    raise RuntimeError("strace could not attach to the server")
