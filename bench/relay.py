"""Relayed letters a second, beside Postfix, in one run.

A 4 KB letter, from the first octet until another server (smtp-sink) has answered its last
dot, accepted durably on the way: 20 connections in (smtp-source), as many out as the server
likes. ``signed`` is the same with a sender of an own domain, whose letters Postroom signs
twice (RSA-2048 and Ed25519); Postfix signs nothing. Both servers work by their defaults: Postroom
delivers from a second process while so much leaves. Half as many letters go through before.

    python -m bench.relay [--letters 6000] [--only postroom]
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from bench.accept import Figure, cpu_seconds
from rig.peers import PostfixVirtualPeer, family
from rig.ports import HOST, free_port
from rig.server import DOMAIN, Server

CONNECTIONS: Final = 20
SIZE: Final = 4096
RECIPIENT: Final = "v@elsewhere.test"


class Sink:
    """smtp-sink; ``taken`` is how many messages it has had."""

    def __init__(self) -> None:
        self.port = free_port()
        self.taken = 0
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        program = shutil.which("smtp-sink") or "/usr/sbin/smtp-sink"
        self._process = subprocess.Popen(
            [program, "-u", "nobody", "-c", f"{HOST}:{self.port}", "500"], stdout=subprocess.PIPE
        )
        threading.Thread(target=self._read, daemon=True).start()
        time.sleep(0.3)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)

    def _read(self) -> None:
        """Its counters come as ``sess=1 quit=0 mesg=7``, over and over on one line.

        They are looked at now and then: to be woken by each would take part of the machine.
        """
        if self._process is None or self._process.stdout is None:
            return
        tail = b""
        while octets := os.read(self._process.stdout.fileno(), 65_536):
            found = re.findall(rb"mesg=([0-9]+)[^0-9]", tail + octets)
            if found:
                self.taken = int(found[-1])
            tail = octets[-40:]
            time.sleep(0.01)


class PostroomRelay:
    """Postroom with a default relay."""

    name = "postroom"
    sender = "a@load.test"

    def __init__(self, folder: Path, sink: int) -> None:
        self._server = Server(
            folder,
            doors=("smtp",),
            settings="[limits]\nmax_connections_per_ip = 1000",
            listen='checks = "none"\nrelay_from = ["127.0.0.0/8"]',
        )
        self._server.add_account(f"a@{DOMAIN}", "bench-password")
        self._server.command(
            "relay",
            "add",
            "sink",
            "--host",
            HOST,
            "--port",
            str(sink),
            "--tls",
            "none",
            "--default",
        )
        self.port = self._server.ports["smtp"]

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop()

    def pids(self) -> list[int]:
        """The server and its delivery process."""
        return family(self._server.pid)


class SignedRelay(PostroomRelay):
    """The same with letters that are signed."""

    name = "postroom signed"
    sender = f"a@{DOMAIN}"


class PostfixRelay(PostfixVirtualPeer):
    """Postfix with a relay host."""

    name = "postfix"
    sender = "a@load.test"

    def __init__(self, folder: Path, sink: int) -> None:
        super().__init__(
            folder, more=f"relayhost = [{HOST}]:{sink}\nsmtp_tls_security_level = none\n"
        )


def measure(peer: "PostroomRelay | PostfixRelay", sink: Sink, letters: int) -> Figure:
    """Send, and wait until the sink has all."""
    before, cpu, began = sink.taken, cpu_seconds(peer.pids()), time.monotonic()
    subprocess.run(
        [
            shutil.which("smtp-source") or "/usr/sbin/smtp-source",
            "-s", str(CONNECTIONS), "-m", str(letters), "-l", str(SIZE), "-d",
            "-f", peer.sender, "-t", RECIPIENT, f"{HOST}:{peer.port}",
        ],
        check=True,
        timeout=600,
    )  # fmt: skip
    while sink.taken < before + letters:
        if time.monotonic() > began + 600:
            raise RuntimeError(f"{peer.name}: {sink.taken - before} of {letters} in 600 s")
        time.sleep(0.005)
    seconds = time.monotonic() - began
    spent = cpu_seconds(peer.pids()) - cpu
    return Figure(peer.name, CONNECTIONS, letters, seconds, spent * 1000 / letters)


def main() -> int:
    """Print a table; write it to bench/results too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--letters", type=int, default=6000)
    parser.add_argument("--only", action="append", choices=sorted(_PEERS))
    chosen = parser.parse_args()
    figures: list[Figure] = []
    processes: dict[str, int] = {}
    for name in chosen.only or list(_PEERS):
        folder = Path(tempfile.mkdtemp(prefix="postroom-bench-relay-"))
        folder.chmod(0o755)
        with Sink() as sink:
            try:
                peer = _PEERS[name](folder, sink.port)
            except FileNotFoundError as missing:
                print(f"{name}: left out, {missing}", file=sys.stderr)
                continue
            peer.start()
            try:
                letters = chosen.letters if name != "postfix" else max(200, chosen.letters // 3)
                measure(peer, sink, max(200, letters // 2))  # processes started, caches warm
                figure = measure(peer, sink, letters)
                processes[name] = len(peer.pids())
            finally:
                peer.stop()
                shutil.rmtree(folder, ignore_errors=True)
        figures.append(figure)
        print(
            f"{figure.server:18} relayed {figure.rate:8.0f}/s {figure.cpu_ms:7.2f} ms CPU each"
            f", {processes[name]} processes",
            flush=True,
        )
    rates = {figure.server: figure.rate for figure in figures}
    if "postfix" in rates:
        for name in ("postroom", "postroom signed"):
            if name in rates:
                print(f"{name} is {rates[name] / rates['postfix']:.1f} x postfix")
    results = Path("bench/results")
    results.mkdir(exist_ok=True)
    (results / "relay.json").write_text(json.dumps([asdict(figure) for figure in figures]))
    return 0


_PEERS: dict[str, Callable[[Path, int], "PostroomRelay | PostfixRelay"]] = {
    "postroom": PostroomRelay,
    "signed": SignedRelay,
    "postfix": PostfixRelay,
}

if __name__ == "__main__":
    sys.exit(main())
