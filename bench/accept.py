"""Accepted letters a second, beside Postfix and Postfix + Dovecot, in one run.

A 4 KB letter, from the first octet until the final 250 *and* visible in the mailbox, with
1, 20 and 100 connections (smtp-source). Each server runs alone, in turn, on the same disk.

    python -m bench.accept [--letters 3000] [--rounds 1] [--only postroom]
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from postroom.mailauth.canonical import relaxed_body_hash
from postroom.mailauth.dkim_key import SigningKey, generate_rsa, public_record
from postroom.mailauth.dkim_sign import Signer, sign
from rig.dns import ThreadedDns
from rig.peers import DovecotPeer, Peer, PostfixVirtualPeer
from rig.ports import HOST
from rig.server import DOMAIN, Server

CONNECTIONS: Final = (1, 20, 100)
SIZE: Final = 4096


@dataclass
class Figure:
    """One measurement."""

    server: str
    connections: int
    letters: int
    seconds: float
    cpu_ms: float  # of the server's processes, a letter

    @property
    def rate(self) -> float:
        return self.letters / self.seconds


class PostroomPeer:
    """Postroom with ``checks = "none"``, like the peers."""

    name = "postroom"
    letter: Path | None = None  # what smtp-source sends instead of its own

    def __init__(self, folder: Path, *, settings: str = "", checks: str = "none") -> None:
        self._server = Server(
            folder,
            doors=("smtp", "imap"),
            settings=settings + "[limits]\nmax_connections_per_ip = 1000",
            listen=f'checks = "{checks}"',
        )
        self._server.add_account(f"b@{DOMAIN}", "bench-password")
        self.port = self._server.ports["smtp"]
        self.recipient = f"b@{DOMAIN}"

    def start(self) -> float:
        """Seconds until the first 220."""
        return self._server.start()

    def stop(self) -> None:
        self._server.stop()

    def pids(self) -> list[int]:
        return [self._server.pid]

    def visible(self) -> int:
        """Messages in the mailbox, as the administration counts them over IMAP."""
        import imaplib

        with imaplib.IMAP4(HOST, self._server.ports["imap"]) as client:
            client.login(self.recipient, "bench-password")
            _, answer = client.status("INBOX", "(MESSAGES)")
            return int(answer[0].split()[-1].rstrip(b")"))


class CheckingPeer(PostroomPeer):
    """Postroom with all checks, on letters that are signed and pass SPF, DKIM and DMARC."""

    name = "postroom-checks"
    more = ""  # settings

    def __init__(self, folder: Path) -> None:
        key = SigningKey.load(generate_rsa(), made_here=True)
        self._dns = ThreadedDns(
            {
                ("1.0.0.127.in-addr.arpa", "PTR"): ["mail.load.test."],
                ("mail.load.test", "A"): [HOST],
                ("load.test", "TXT"): [f"v=spf1 ip4:{HOST} -all"],
                ("_dmarc.load.test", "TXT"): ["v=DMARC1; p=reject"],
                ("s._domainkey.load.test", "TXT"): [public_record(key)],
            }
        )
        super().__init__(
            folder,
            settings=f'[dns]\nservers = ["{self._dns.address}"]\n{self.more}',
            checks="full",
        )
        self.letter = folder / "letter"
        line = b"0123456789 the quick brown fox jumps over a lazy dog\r\n"
        head = (
            b"From: <a@load.test>\r\nTo: <b@rig.test>\r\nSubject: a signed letter\r\n"
            b"Date: Mon, 21 Sep 2026 14:13:20 +0000\r\nMessage-ID: <1@load.test>\r\n\r\n"
        )
        body = line * (SIZE // len(line))
        field = sign(
            head,
            relaxed_body_hash([body]),
            [Signer("s", key)],
            domain="load.test",
            now_seconds=int(time.time()) - 60,
        )
        self.letter.write_bytes((field + head + body).replace(b"\r\n", b"\n"))

    def stop(self) -> None:
        super().stop()
        self._dns.close()


class OriginPeer(CheckingPeer):
    """The same without the spam filter: SPF, DKIM, DMARC, ARC and the client's name."""

    name = "postroom-origin"
    more = "[spam]\nenabled = false\n"


def cpu_seconds(pids: list[int]) -> float:
    """User and system time of these processes and their ended children, in seconds."""
    ticks = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except FileNotFoundError:
            continue
        ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(peer: "Peer | PostroomPeer", connections: int, letters: int) -> Figure:
    """Send and wait until all are visible."""
    letter = peer.letter if isinstance(peer, PostroomPeer) else None
    before = peer.visible()
    cpu = cpu_seconds(peer.pids())
    began = time.monotonic()
    subprocess.run(
        [
            shutil.which("smtp-source") or "/usr/sbin/smtp-source",
            "-s", str(connections), "-m", str(letters), "-d",
            *(("-l", str(SIZE)) if letter is None else ("-F", str(letter))),
            "-f", "a@load.test", "-t", peer.recipient, f"{HOST}:{peer.port}",
        ],
        check=True,
        timeout=600,
    )  # fmt: skip
    while peer.visible() < before + letters:
        if time.monotonic() > began + 600:
            raise RuntimeError(f"{peer.name}: not all letters became visible in 600 s")
        time.sleep(0.02)
    seconds = time.monotonic() - began
    spent = cpu_seconds(peer.pids()) - cpu
    return Figure(peer.name, connections, letters, seconds, spent * 1000 / letters)


def main() -> int:
    """Print a table; write it to bench/results too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--letters", type=int, default=4000)
    parser.add_argument("--only", action="append", choices=sorted(_PEERS))
    chosen = parser.parse_args()
    figures: list[Figure] = []
    for name in chosen.only or list(_PEERS):
        folder = Path(tempfile.mkdtemp(prefix=f"postroom-bench-{name}-"))
        folder.chmod(0o755)
        try:
            peer = _PEERS[name](folder)
        except FileNotFoundError as missing:
            print(f"{name}: left out, {missing}", file=sys.stderr)
            continue
        peer.start()
        try:
            for connections in CONNECTIONS:
                letters = (
                    chosen.letters if name.startswith("postroom") else max(200, chosen.letters // 4)
                )
                if connections == 1:
                    letters //= 4
                figure = measure(peer, connections, letters)
                figures.append(figure)
                print(
                    f"{figure.server:18} {figure.connections:4} connections "
                    f"{figure.rate:8.0f}/s {figure.cpu_ms:7.2f} ms CPU each",
                    flush=True,
                )
        finally:
            peer.stop()
            shutil.rmtree(folder, ignore_errors=True)
    _ratios(figures)
    results = Path("bench/results")
    results.mkdir(exist_ok=True)
    (results / "accept.json").write_text(json.dumps([asdict(figure) for figure in figures]))
    return 0


def _ratios(figures: list[Figure]) -> None:
    ours = {figure.connections: figure.rate for figure in figures if figure.server == "postroom"}
    for figure in figures:
        if not figure.server.startswith("postroom") and figure.connections in ours:
            ratio = ours[figure.connections] / figure.rate
            print(f"postroom is {ratio:.1f} x {figure.server} at {figure.connections} connections")


_PEERS: dict[str, Callable[[Path], "Peer | PostroomPeer"]] = {
    "postroom": PostroomPeer,
    "postroom-origin": OriginPeer,
    "postroom-checks": CheckingPeer,
    "postfix-virtual": PostfixVirtualPeer,
    "postfix-dovecot": DovecotPeer,
}

if __name__ == "__main__":
    sys.exit(main())
