"""A real HTTPS server on loopback that sends what it is told to."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Sequence
from typing import Final

import trustme

from tests import certificates
from tests.certificates import AUTHORITY

NAME: Final = "mta-sts.example.test"
Parts = Sequence[bytes]


class WebServer:
    """Sends the same octets to everybody; remembers what was asked."""

    def __init__(self, parts: Parts, *, then: str = "close", first: bytes = b"") -> None:
        """``then``: "close", "hang", or "repeat" the last part without end."""
        self._parts = parts
        self._then = then
        self._first = first
        self.requests: list[bytes] = []
        self.connections = 0
        self.tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        try:
            writer.write(self._first)
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            for part in self._parts:
                writer.write(part)
                await writer.drain()
            while self._then == "repeat":
                writer.write(self._parts[-1])
                await writer.drain()
                await asyncio.sleep(0)
            if self._then == "hang":
                await reader.read()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()


@contextlib.asynccontextmanager
async def serving(
    web: WebServer, names: Sequence[str] = (NAME,), authority: trustme.CA = AUTHORITY
) -> AsyncIterator[WebServer]:
    context = certificates.server(*names, authority=authority)
    server = await asyncio.start_server(web.serve, "127.0.0.1", 0, ssl=context)
    web.port = server.sockets[0].getsockname()[1]
    try:
        yield web
    finally:
        server.close()
        await asyncio.gather(*web.tasks, return_exceptions=True)
        await server.wait_closed()
