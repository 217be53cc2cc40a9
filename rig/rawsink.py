"""A server that keeps every octet a client has sent, in order, connection by connection.

It answers like any server, by lines as a strict one reads them; what a lax one would make of
the same octets is for whoever looks at them.
"""

import contextlib
import socketserver
import threading
from types import TracebackType
from typing import Self

from rig.ports import HOST


class RawSink(socketserver.ThreadingTCPServer):
    """``streams`` are the octets of each connection; ``letters`` how many it has answered."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 100

    def __init__(self) -> None:
        self.streams: list[bytearray] = []
        self.letters = 0
        self.lock = threading.Lock()
        super().__init__((HOST, 0), _Session)
        self.port = int(self.server_address[1])

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self.shutdown()
        self.server_close()


class _Session(socketserver.StreamRequestHandler):
    server: RawSink

    def handle(self) -> None:
        self.stream = bytearray()
        with self.server.lock:
            self.server.streams.append(self.stream)
        with contextlib.suppress(OSError):
            self._say("220 sink.test ESMTP")
            while line := self._line():
                verb = line[:4].upper()
                if verb == b"EHLO":
                    self._say("250-sink.test\r\n250-PIPELINING\r\n250 8BITMIME")
                elif verb == b"DATA":
                    self._say("354 go on")
                    while self._line() != b".\r\n":
                        pass
                    with self.server.lock:
                        self.server.letters += 1
                    self._say("250 taken")
                elif verb == b"QUIT":
                    self._say("221 bye")
                    return
                else:
                    self._say("250 fine")

    def _line(self) -> bytes:
        """Up to CR LF and nothing else."""
        line = b""
        while not line.endswith(b"\r\n"):
            piece = self.rfile.readline(1 << 20)
            self.stream += piece
            line += piece
            if not piece:
                raise OSError("the end")
        return line

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")
