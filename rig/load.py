"""Letters whose octets all follow from a token, a sender, a reader that compares.

Each final 250 is noted. A letter counts as acknowledged only when its final 250 was read whole. What is in a
mailbox must be a letter that was sent, unchanged.
"""

import hashlib
import imaplib
import re
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from rig.ports import HOST

SIZES: Final = (200, 900, 4_000, 4_000, 4_000, 19_000, 200_000)
LARGE: Final = 3_000_000  # one letter in 200: into the file store

_TOKEN: Final = re.compile(rb"X-Rig: ([0-9a-f]{32}) ([0-9]+)\r\n")


def letter(token: str, size: int) -> bytes:
    """The letter of this token: about ``size`` octets of incompressible text."""
    lines = []
    seed = token.encode()
    left = size
    while left > 0:
        seed = hashlib.sha256(seed).digest()
        lines.append(seed.hex().encode())
        left -= 66
    head = (
        f"From: Rig <rig@load.test>\r\nTo: <alice@rig.test>\r\nSubject: {token[:8]}\r\n"
        f"Message-ID: <{token}@load.test>\r\nX-Rig: {token} {size}\r\n\r\n"
    )
    return head.encode() + b"\r\n".join(lines) + b"\r\n"


def check(octets: bytes) -> str | None:
    """The token of a stored letter when it is whole, else None."""
    found = _TOKEN.search(octets[:4096])
    if not found:
        return None
    token, size = found[1].decode(), int(found[2])
    return token if octets.endswith(letter(token, size)) else None


@dataclass
class Journal:
    """What was acknowledged, and what may or may not have been taken.

    ``is_dark``: the machine has no power any more, so whatever is still heard was never said.
    """

    acknowledged: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    refused: int = 0
    is_dark: bool = False


class Load:
    """``connections`` threads that send without pause until ``stop``."""

    def __init__(
        self,
        port: int,
        recipient: str,
        *,
        connections: int,
        journal: Journal,
        size: Callable[[int], int] | None = None,
        letters: int | None = None,
    ) -> None:
        """``size`` maps the number of a letter to its size; default: a mixture.

        ``letters`` is how many are tried in all; default: no end.
        """
        self._port = port
        self._recipient = recipient
        self._journal = journal
        self._size = size or (lambda n: LARGE if n % 200 == 199 else SIZES[n % len(SIZES)])
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._number = 0
        self._most = letters
        self._threads = [
            threading.Thread(target=self._run, daemon=True) for _ in range(connections)
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End: no connection is in use afterwards."""
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    @property
    def finished(self) -> bool:
        """True when all ``letters`` were tried."""
        return not any(thread.is_alive() for thread in self._threads)

    def _over(self) -> bool:
        return self._stop.is_set() or (self._most is not None and self._number >= self._most)

    def _run(self) -> None:
        while not self._over():
            try:
                with socket.create_connection((HOST, self._port), 5) as peer:
                    peer.settimeout(20)
                    self._session(peer)
            except OSError:
                time.sleep(0.01)  # the server is down: try again soon

    def _session(self, peer: socket.socket) -> None:
        replies = peer.makefile("rb")
        if _reply(replies) != b"220":
            return
        peer.sendall(b"EHLO rig\r\n")
        _reply(replies)
        while not self._over():
            with self._lock:
                number = self._number
                self._number += 1
            self._send(peer, replies, self._size(number))
        peer.sendall(b"QUIT\r\n")
        _reply(replies)

    def _send(self, peer: socket.socket, replies: "socket.SocketIO | object", size: int) -> None:
        token = uuid.uuid4().hex
        recipient = self._recipient.encode()
        peer.sendall(b"MAIL FROM:<rig@load.test>\r\nRCPT TO:<" + recipient + b">\r\nDATA\r\n")
        if [_reply(replies) for _ in range(3)] != [b"250", b"250", b"354"]:
            self._journal.refused += 1
            raise OSError
        with self._lock:
            self._journal.unknown.add(token)
        peer.sendall(letter(token, size) + b".\r\n")
        code = _reply(replies)
        with self._lock:
            if self._journal.is_dark:
                return
            if code == b"250":
                self._journal.acknowledged.add(token)
                self._journal.unknown.discard(token)
            elif code:
                self._journal.unknown.discard(token)  # a refusal: it must never appear
                self._journal.refused += 1


def _reply(replies: object) -> bytes:
    """The code of one whole reply; raises OSError when the connection ends before it."""
    while True:
        line: bytes = replies.readline(4096)  # type: ignore[attr-defined]
        if not line.endswith(b"\r\n"):
            raise OSError("the connection ended")
        if line[3:4] != b"-":
            return line[:3]


def stored(port: int, login: str, password: str) -> Iterator[bytes]:
    """Every letter of INBOX, read over IMAP."""
    with imaplib.IMAP4(HOST, port, timeout=120) as client:
        client.login(login, password)
        client.select("INBOX", readonly=True)
        _, answer = client.uid("SEARCH", "ALL")
        uids = answer[0].split()
        for at in range(0, len(uids), 50):
            page = b",".join(uids[at : at + 50]).decode()
            _, items = client.uid("FETCH", page, "(BODY.PEEK[])")
            for item in items:
                if isinstance(item, tuple):
                    yield item[1]


@dataclass
class Verdict:
    """What came of a proof."""

    acknowledged: int = 0
    found: int = 0
    lost: int = 0
    corrupt: int = 0
    duplicates: int = 0
    foreign: int = 0

    @property
    def good(self) -> bool:
        """Nothing lost, nothing damaged, nothing that was refused."""
        return not (self.lost or self.corrupt or self.foreign)

    def __str__(self) -> str:
        return (
            f"{self.acknowledged} acknowledged, {self.found} found, {self.lost} lost, "
            f"{self.corrupt} corrupt, {self.duplicates} twice, {self.foreign} refused yet there"
        )


def compare(journal: Journal, letters: Iterator[bytes]) -> Verdict:
    """Hold what is stored against the journal."""
    verdict = Verdict(acknowledged=len(journal.acknowledged))
    seen: set[str] = set()
    for octets in letters:
        verdict.found += 1
        token = check(octets)
        if token is None:
            verdict.corrupt += 1
        elif token in seen:
            verdict.duplicates += 1
        else:
            seen.add(token)
    verdict.lost = len(journal.acknowledged - seen)
    verdict.foreign = len(seen - journal.acknowledged - journal.unknown)
    return verdict
