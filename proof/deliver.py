"""kill -9 in the middle of delivery: every accepted letter arrives, or waits, or comes back.

A load of letters for another server comes in while they go out to a sink of ours; the server
is killed again and again, and started on the same folder; or its delivery process alone is. At
the end the queue is emptied. A letter may arrive twice only when the sink had taken it just
before a kill.
"""

import contextlib
import os
import random
import shutil
import signal
import socketserver
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final

from rig.load import Journal, Load, check
from rig.peers import family
from rig.ports import HOST
from rig.server import Server

KILL_EVERY: Final = (0.3, 3.0)  # seconds of service
DRAIN_SECONDS: Final = 180.0
PROCESS_ALONE: Final = 0.5  # how often it is that, while there is one


class Sink(socketserver.ThreadingTCPServer):
    """Takes every letter, remembers its token."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 200

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()
        self.foreign = 0
        self._lock = threading.Lock()
        super().__init__((HOST, 0), _Session)

    def take(self, octets: bytes) -> None:
        """One whole letter."""
        token = check(octets)
        with self._lock:
            if token is None:
                self.foreign += 1
            else:
                self.taken[token] += 1


class _Session(socketserver.StreamRequestHandler):
    server: Sink

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            self._say("220 sink.test ESMTP")
            while line := self.rfile.readline(4096):
                verb = line[:4].upper()
                if verb == b"EHLO":
                    self._say("250-sink.test\r\n250-PIPELINING\r\n250 8BITMIME")
                elif verb == b"DATA":
                    self._say("354 go on")
                    self._content()
                elif verb == b"QUIT":
                    self._say("221 bye")
                    return
                else:
                    self._say("250 fine")

    def _content(self) -> None:
        lines = []
        while (line := self.rfile.readline(1 << 20)) != b".\r\n":
            if not line:
                raise OSError("cut off")
            lines.append(line[1:] if line.startswith(b".") else line)
        self.server.take(b"".join(lines))  # taken before the answer: that may be lost
        self._say("250 taken")

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")


def prove(*, kills: int, letters: int, seconds: float, database: str | None = None) -> bool:
    """At least so many kills and acknowledged letters, or what fits into the seconds."""
    folder = Path(tempfile.mkdtemp(prefix="postroom-deliver-"))
    sink = Sink()
    threading.Thread(target=sink.serve_forever, daemon=True).start()
    try:
        return _prove(_server(folder, sink, database), sink, kills, letters, seconds)
    finally:
        sink.shutdown()
        sink.server_close()
        shutil.rmtree(folder)


def _server(folder: Path, sink: Sink, database: str | None) -> Server:
    """Sends everything to the sink."""
    server = Server(
        folder,
        database=database,
        doors=("smtp",),
        settings="[limits]\nmax_connections_per_ip = 1000\n"
        '[log]\nconsole = "none"\n[delivery]\nprocess = "always"',
        listen='checks = "none"\nrelay_from = ["127.0.0.0/8"]',
    )
    server.command("domain", "add", "rig.test")
    server.command(
        "relay", "add", "sink", "--host", HOST, "--port", str(sink.server_address[1]),
        "--tls", "none", "--default",
    )  # fmt: skip
    return server


def _prove(server: Server, sink: Sink, kills: int, letters: int, seconds: float) -> bool:
    journal = Journal()
    load = Load(server.ports["smtp"], "v@elsewhere.test", connections=10, journal=journal)
    server.start()
    load.start()
    end = time.monotonic() + seconds
    killed: Counter[str] = Counter()
    while (killed.total() < kills or len(journal.acknowledged) < letters) and (
        time.monotonic() < end
    ):
        time.sleep(random.uniform(*KILL_EVERY))
        if random.random() < PROCESS_ALONE and (deliverers := _deliverers(server)):
            for pid in deliverers:
                os.kill(pid, signal.SIGKILL)
            killed["of its delivery process"] += 1
        else:
            server.kill()
            killed["of the server"] += 1
            server.start()
    load.stop()
    left, aside = _drained(server)
    is_sound = server.is_sound()
    server.stop()
    return _told(journal, sink, killed, aside, left) and is_sound


def _deliverers(server: Server) -> list[int]:
    """The delivery process, while there is one."""
    return [pid for pid in family(server.pid) if pid != server.pid]


def _drained(server: Server) -> tuple[int, int]:
    """How many letters are in the queue once nothing more happens; how many were put aside.

    What two kills have hit while it was prepared is quarantined; its postmaster releases it.
    """
    end = time.monotonic() + DRAIN_SECONDS
    aside: set[str] = set()
    left = -1
    while time.monotonic() < end:
        server.command("queue", "retry", "--all")
        letters = server.json("queue", "list")
        left = len(letters)
        if left == 0:
            break
        found = [one["id"] for one in letters if _is_aside(one)]
        if found:
            server.command("queue", "release", *found)
            aside.update(found)
        time.sleep(0.5)
    return left, len(aside)


def _is_aside(letter: dict[str, Any]) -> bool:
    return any(one["status"] == "quarantined" for one in letter["recipients"])


def _told(journal: Journal, sink: Sink, killed: Counter[str], aside: int, left: int) -> bool:
    lost = journal.acknowledged - set(sink.taken)
    known = journal.acknowledged | journal.unknown
    foreign = set(sink.taken) - known
    twice = sum(count - 1 for count in sink.taken.values())
    print(
        f"deliver: kills {', '.join(f'{what}: {count}' for what, count in killed.items())}; {len(journal.acknowledged)} acknowledged, "
        f"{sum(sink.taken.values())} arrived, {twice} twice, {aside} put aside for a while, "
        f"{left} left in the queue, "
        f"{len(lost)} lost, {sink.foreign} damaged, {len(foreign)} refused yet there"
    )
    return not lost and not left and not sink.foreign and not foreign
