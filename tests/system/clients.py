"""What a system test says to a server, and how it waits for what comes in its own time."""

import imaplib
import smtplib
import socket
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rig.ports import HOST
from rig.server import DOMAIN, Server

ALICE = f"alice@{DOMAIN}"
BOB = f"bob@{DOMAIN}"
PASSWORD = "system-Password-1"
PATIENCE = 120.0


def eventually(question: Callable[[], bool]) -> bool:
    """Ask until it is so, or for two minutes."""
    end = time.monotonic() + PATIENCE
    while not (answer := question()) and time.monotonic() < end:
        time.sleep(0.02)
    return answer


def send(server: Server, octets: bytes, *recipients: str) -> None:
    """By SMTP from somewhere else; every recipient must be taken."""
    with smtplib.SMTP(HOST, server.ports["smtp"], timeout=PATIENCE) as client:
        refused = client.sendmail("rig@load.test", recipients or (ALICE,), octets)
    assert not refused


def takes(server: Server, recipient: str) -> bool:
    """Whether SMTP takes letters for this address."""
    with smtplib.SMTP(HOST, server.ports["smtp"], timeout=PATIENCE) as client:
        client.helo("rig")
        client.mail("rig@load.test")
        return client.rcpt(recipient)[0] == 250


def mailbox(server: Server, login: str = ALICE, name: str = "INBOX") -> imaplib.IMAP4:
    """An IMAP session with the mailbox selected; it logs out at the end of a ``with``."""
    client = imaplib.IMAP4(HOST, server.ports["imap"], timeout=PATIENCE)
    client.login(login, PASSWORD)
    assert client.select(name)[0] == "OK"
    return client


def logs_in(server: Server, login: str, password: str) -> bool:
    """Whether IMAP lets this person in."""
    with imaplib.IMAP4(HOST, server.ports["imap"], timeout=PATIENCE) as client:
        try:
            client.login(login, password)
        except imaplib.IMAP4.error:
            return False
    return True


def exists(client: imaplib.IMAP4) -> int:
    """How many messages the mailbox has, after a NOOP."""
    client.noop()
    _, said = client.response("EXISTS")
    if not said or said[-1] is None:
        return -1  # no news
    return int(said[-1])


class Idle:
    """A session in IDLE (RFC 2177), which imaplib does not know."""

    def __init__(self, server: Server) -> None:
        self._socket = socket.create_connection((HOST, server.ports["imap"]), PATIENCE)
        self._lines = self._socket.makefile("rb")
        self._lines.readline()
        for number, command in enumerate((f"LOGIN {ALICE} {PASSWORD}", "SELECT INBOX")):
            self._socket.sendall(f"a{number} {command}\r\n".encode())
            self.until(f"a{number} OK".encode())
        self._socket.sendall(b"i IDLE\r\n")
        self.until(b"+ ")

    def until(self, beginning: bytes) -> bytes:
        """The next line that begins so; fails when nothing comes for too long."""
        while True:
            line = self._lines.readline()
            assert line, f"the connection ended before {beginning!r}"
            if line.startswith(beginning):
                return line

    def news(self) -> int:
        """Wait for EXISTS; the number."""
        while True:
            words = self.until(b"* ").split()
            if words[2:] == [b"EXISTS"]:
                return int(words[1])

    def done(self) -> None:
        """End the IDLE."""
        self._socket.sendall(b"DONE\r\n")
        self.until(b"i OK")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lines.close()
        self._socket.close()
