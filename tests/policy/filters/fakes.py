"""Small real servers on loopback that play a filter, well or badly."""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from postroom.config.filters import Place

VIRUS = b"a-virus-of-our-own"
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def listening(talk: Talk, path: Path | None = None) -> AsyncIterator[Place]:
    """Whoever connects gets this talk, and is then hung up on."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    if path is not None:
        server = await asyncio.start_unix_server(serve, path)
        place = Place(path=str(path))
    else:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        place = Place(host="127.0.0.1", port=server.sockets[0].getsockname()[1])
    try:
        yield place
    finally:
        server.close()
        await server.wait_closed()


def written(place: Place) -> str:
    """The address as it stands in the settings."""
    return place.path or f"{place.host}:{place.port}"


def answering(octets: bytes) -> Talk:
    """Reads a little and says this."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65_536)
        writer.write(octets)

    return talk


async def hanging(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Takes everything, says nothing."""
    while await reader.read(65_536):
        pass


async def endless(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Talks and never stops."""
    while True:
        writer.write(b"x" * 65_536)
        await writer.drain()


async def silent(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Hangs up at once."""


class Clamd:
    """Reads INSTREAM as clamd does; finds ``VIRUS``."""

    def __init__(self, limit: int = 1 << 30) -> None:
        self.limit = limit
        self.seen: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
        got = bytearray()
        while size := int.from_bytes(await reader.readexactly(4), "big"):
            if len(got) + size > self.limit:
                writer.write(b"INSTREAM size limit exceeded. ERROR\0")
                return
            got += await reader.readexactly(size)
        self.seen.append(bytes(got))
        found = VIRUS in got
        writer.write(b"stream: Our.Test.Virus FOUND\0" if found else b"stream: OK\0")


class Http:
    """Reads a request by its length and answers with this body, or these octets."""

    def __init__(self, body: bytes = b"", *, raw: bytes = b"") -> None:
        self.answer = raw or b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        self.head = b""
        self.body = b""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.head = await reader.readuntil(b"\r\n\r\n")
        found = re.search(rb"\r\nContent-Length: (\d+)\r\n", self.head, re.IGNORECASE)
        assert found is not None
        self.body = await reader.readexactly(int(found[1]))
        writer.write(self.answer)
