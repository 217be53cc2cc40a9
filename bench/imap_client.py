"""An IMAP client that costs almost nothing: it counts octets and waits for the tagged line.

The same for every server that is measured. It knows no responses: whoever wants to look
at them asks with ``text``.
"""

import re
import socket
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Final, Self

from rig.ports import HOST

ROOM: Final = 1 << 20
TAIL: Final = 1 << 16  # a tagged line is shorter: COPYUID with many ranges is long
SECONDS: Final = 600.0


class Refusal(Exception):
    """The server did not answer OK."""


class Client:
    """One connection. Octets received since the last command are in ``received``."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection((HOST, port), SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._room = memoryview(bytearray(ROOM))
        self._number = 0
        self.received = 0
        self._line(b"* ")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._socket.close()

    def close(self) -> None:
        """Cut the connection."""
        self._socket.close()

    def run(self, command: str) -> float:
        """Seconds from the first octet of the command until its tagged OK."""
        began = time.perf_counter()
        self._finish(self._send(command.encode() + b"\r\n"))
        return time.perf_counter() - began

    def text(self, command: str) -> bytes:
        """All that the server says to a command, the tagged line too."""
        kept: list[bytes] = []
        self._finish(self._send(command.encode() + b"\r\n"), kept)
        return b"".join(kept)

    def append(self, mailbox: str, octets: bytes) -> None:
        """One APPEND with a synchronising literal, as every server takes it."""
        tag = self._send(b"APPEND %s {%d}\r\n" % (mailbox.encode(), len(octets)))
        self._line(b"+ ")
        self._socket.sendall(octets + b"\r\n")
        self._finish(tag)

    def append_many(self, mailbox: str, letters: Iterable[tuple[bytes, bytes]]) -> None:
        """MULTIAPPEND with LITERAL+: of each letter its flags with the date, and its octets."""
        pieces = [b"APPEND %s" % mailbox.encode()]
        pieces += [b" %s {%d+}\r\n%s" % (words, len(octets), octets) for words, octets in letters]
        self._finish(self._send(b"".join(pieces) + b"\r\n"))

    def idle(self) -> None:
        """IDLE, until the server has said that it does."""
        self._send(b"IDLE\r\n")
        self._line(b"+ ")

    def wait(self, word: bytes) -> float:
        """When something that holds this word has come, as ``time.perf_counter`` tells it."""
        tail = b""
        while word not in tail:
            tail = tail[-64:] + self._more()
        return time.perf_counter()

    def _send(self, octets: bytes) -> bytes:
        self._number += 1
        tag = b"qx%07d " % self._number
        self.received = 0
        self._socket.sendall(tag + octets)
        return tag

    def _more(self) -> bytes:
        """The end of what came now, at most ``TAIL`` octets."""
        count = self._socket.recv_into(self._room)
        if not count:
            raise ConnectionError("the server has ended the connection")
        self.received += count
        return bytes(self._room[max(0, count - TAIL) : count])

    def _finish(self, tag: bytes, kept: list[bytes] | None = None) -> None:
        tail = line = b""
        while not line.startswith(tag):
            before = self.received
            piece = self._more()
            if kept is not None:
                kept.append(bytes(self._room[: self.received - before]))
            tail = piece if len(piece) > TAIL // 2 else (tail + piece)[-TAIL:]
            line = tail[:-2].rpartition(b"\r\n")[2] if tail.endswith(b"\r\n") else b""
        if not line.startswith(tag + b"OK"):
            raise Refusal(line.decode(errors="replace").strip())

    def _line(self, start: bytes) -> None:
        """One whole line with this beginning."""
        line = b""
        while not line.endswith(b"\r\n"):
            line += self._more()
        if not line.startswith(start):
            raise Refusal(line.decode(errors="replace").strip())


def numbers(answer: bytes) -> int:
    """How many numbers the SEARCH response in this answer holds."""
    found = re.search(rb"\* (?:SEARCH|SORT)([ 0-9]*)\r\n", answer)
    return len(found[1].split()) if found else 0
