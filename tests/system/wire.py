"""A raw connection to a server: what an attacker has, octets and nothing else."""

import base64
import contextlib
import select
import shutil
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from rig.ports import HOST
from rig.server import DOMAIN, Server

PATIENCE: Final = 120.0  # no answer after that is a hang, which no test judges more finely
ALICE: Final = f"alice@{DOMAIN}"
BOB: Final = f"bob@{DOMAIN}"
PASSWORDS: Final = {ALICE: "canary-Alice-7Qx", BOB: "canary-Bob-9Zw"}
LETTER: Final = (
    b"From: <someone@elsewhere.test>\r\nTo: <alice@rig.test>\r\nSubject: plain\r\n\r\nhello\r\n"
)
PEOPLE: Final = (ALICE, BOB)
DOORS: Final = (
    "smtp", "submission", "lmtp", "imap", "pop3", "submissions", "imaps", "pop3s", "managesieve",
)  # fmt: skip


_furnished: dict[tuple[str, ...], Path] = {}  # data folders before their first start


def _furnish(server: Server, people: tuple[str, ...]) -> None:
    """The accounts: made once in a run of the tests, then copied."""
    made = _furnished.get(people)
    if made is not None:
        shutil.copytree(made, server.data, symlinks=True)
        return
    for address in people:
        server.add_account(address, PASSWORDS[address])
    _furnished[people] = server.folder / "furnished"
    shutil.copytree(
        server.data, _furnished[people], symlinks=True, ignore=shutil.ignore_patterns("*.sock")
    )


@contextlib.contextmanager
def running(
    folder: Path, *, people: tuple[str, ...] = PEOPLE, settings: str = "", listen: str = ""
) -> Iterator[Server]:
    """A server with all doors and these accounts; it must end well."""
    server = Server(folder, doors=DOORS, settings=settings, listen=listen)
    _furnish(server, people)
    server.start()
    try:
        yield server
        assert not server.wait(0), "the server has ended by itself"
    finally:
        code = server.stop()
    assert code == 0
    log = (server.folder / "server.log").read_text()
    assert "Traceback" not in log
    assert "session.failed" not in log


class Wire:
    """One connection; every read is bounded by PATIENCE."""

    def __init__(
        self, port: int, *, tls: bool = False, greeted: bool = True, source: str = HOST
    ) -> None:
        self.socket: socket.socket = socket.create_connection(
            (HOST, port), PATIENCE, source_address=(source, 0)
        )
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._input = b""
        if tls:
            self.start_tls()
        self.greeting = self.reply() if greeted else b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.socket.close()

    def start_tls(self) -> None:
        """Begin TLS as a client that trusts anybody."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.socket = context.wrap_socket(self.socket)

    def send(self, octets: bytes) -> None:
        self.socket.sendall(octets)

    def _more(self) -> bool:
        try:
            octets = self.socket.recv(65_536)
        except (ConnectionError, ssl.SSLError):
            return False
        self._input += octets
        return bool(octets)

    def line(self) -> bytes:
        """The next line without CRLF; b"" at the end."""
        while b"\r\n" not in self._input:
            if not self._more():
                return b""
        line, _, self._input = self._input.partition(b"\r\n")
        return line

    def exactly(self, count: int) -> bytes:
        while len(self._input) < count:
            if not self._more():
                break
        octets, self._input = self._input[:count], self._input[count:]
        return octets

    def reply(self) -> bytes:
        """All lines of one SMTP reply, joined by LF (one line of other protocols)."""
        lines = []
        while line := self.line():
            lines.append(line)
            if line[3:4] != b"-" or not line[:3].isdigit():
                break
        return b"\n".join(lines)

    def ask(self, command: bytes) -> bytes:
        """One command, one reply."""
        self.send(command + b"\r\n")
        return self.reply()

    def rest(self) -> bytes:
        """All that comes until the server closes."""
        while self._more():
            pass
        octets, self._input = self._input, b""
        return octets

    def listen_a_little(self) -> None:
        """Read what the server says next, if it says something soon."""
        if select.select([self.socket], [], [], 0.005)[0]:
            self._more()

    def is_silent(self) -> bool:
        """True when nothing waits to be read at this moment."""
        return not self._input and not select.select([self.socket], [], [], 0)[0]

    # SMTP

    def hello(self, name: bytes = b"client.test") -> Self:
        assert self.ask(b"EHLO " + name).startswith(b"250")
        return self

    def begin(self, recipient: str = ALICE, sender: str = "s@elsewhere.test") -> None:
        """MAIL, RCPT and DATA up to 354."""
        assert self.ask(f"MAIL FROM:<{sender}>".encode()).startswith(b"250")
        assert self.ask(f"RCPT TO:<{recipient}>".encode()).startswith(b"250")
        assert self.ask(b"DATA").startswith(b"354")

    def deliver(self, letter: bytes = LETTER, recipient: str = ALICE) -> bytes:
        """The final reply to one letter."""
        self.begin(recipient)
        return self.ask(letter + b".")

    def auth(self, login: str, password: str, authzid: str = "") -> bytes:
        return self.ask(b"AUTH PLAIN " + plain(login, password, authzid))

    # IMAP

    def imap(self, tag: bytes, command: bytes) -> list[bytes]:
        """The lines up to the tagged one, with literals in place."""
        self.send(tag + b" " + command + b"\r\n")
        return self.imap_answer(tag)

    def imap_answer(self, tag: bytes) -> list[bytes]:
        lines = []
        while True:
            line = self.imap_line()
            lines.append(line)
            if not line or line.startswith(tag + b" "):
                return lines

    def imap_line(self) -> bytes:
        line = self.line()
        while line.endswith(b"}") and b"{" in line:
            size = int(line[line.rindex(b"{") + 1 : -1])
            line += b"\r\n" + self.exactly(size) + self.line()
        return line

    def imap_login(self, login: str, password: str) -> None:
        line = f'LOGIN "{login}" "{password}"'.encode()
        assert self.imap(b"l", line)[-1].startswith(b"l OK")

    # POP3

    def pop3_login(self, login: str, password: str) -> None:
        assert self.ask(b"USER " + login.encode()).startswith(b"+OK")
        assert self.ask(b"PASS " + password.encode()).startswith(b"+OK")

    def pop3_lines(self, command: bytes) -> bytes:
        """A multi-line answer without its first line and its doubled dots."""
        assert self.ask(command).startswith(b"+OK")
        lines = []
        while (line := self.line()) != b".":
            lines.append((line[1:] if line.startswith(b".") else line) + b"\r\n")
        return b"".join(lines)


def plain(login: str, password: str, authzid: str = "") -> bytes:
    """The base64 of SASL PLAIN."""
    return base64.b64encode(f"{authzid}\0{login}\0{password}".encode())


def letters(server: Server, address: str = ALICE) -> list[bytes]:
    """All messages of an INBOX, over POP3."""
    with Wire(server.ports["pop3"]) as wire:
        wire.pop3_login(address, PASSWORDS[address])
        count = int(wire.ask(b"STAT").split()[1])
        found = [wire.pop3_lines(b"RETR %d" % number) for number in range(1, count + 1)]
        assert wire.ask(b"QUIT").startswith(b"+OK")
    return found


def count(server: Server, address: str = ALICE) -> int:
    """How many messages an INBOX has."""
    with Wire(server.ports["pop3"]) as wire:
        wire.pop3_login(address, PASSWORDS[address])
        return int(wire.ask(b"STAT").split()[1])


def empty(server: Server, address: str = ALICE) -> None:
    """Delete all messages of an INBOX."""
    with Wire(server.ports["imap"]) as wire:
        wire.imap_login(address, PASSWORDS[address])
        assert wire.imap(b"a", b"SELECT INBOX")[-1].startswith(b"a OK")
        wire.imap(b"b", b"STORE 1:* +FLAGS.SILENT (\\Deleted)")  # BAD when there is none
        assert wire.imap(b"c", b"CLOSE")[-1].startswith(b"c OK")
    assert count(server, address) == 0


def until(holds: Callable[[], bool], what: str) -> None:
    """Ask again until it holds; fails after PATIENCE."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"never: {what}"
        select.select([], [], [], 0.001)


def taken(wire: Wire) -> None:
    """Wait until the server has read all that was sent: the next segment comes alone."""
    mine = wire.socket.getsockname()[1]
    port = wire.socket.getpeername()[1]
    until(lambda: _waiting(port, mine) == 0, "the server reads")


def _waiting(port: int, peer: int) -> int:
    """Octets in the receive queue of the server's side of one connection."""
    ends = f":{port:04X}", f":{peer:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(ends[0]) and fields[2].endswith(ends[1]):
            return int(fields[4].partition(":")[2], 16)
    return 0


def resident(server: Server) -> int:
    """KiB of memory that the server occupies."""
    for line in Path(f"/proc/{server.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")
