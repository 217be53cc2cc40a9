"""What doors of lines are tried with: a loopback port, a client, time that is moved by hand."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from postroom.listen.caps import Caps
from postroom.listen.connections import Connections
from postroom.listen.door import Door
from tests.listen.watch import Watch


class Client:
    """A connection, and how it is closed."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


class Street:
    """The port of a door, and its connections."""

    def __init__(self) -> None:
        self.watch = Watch()
        self.connections = Connections(Caps(total=100, per_network=10), tick=0.01, clock=self.watch)
        self.port = 0

    @contextlib.asynccontextmanager
    async def open(self, door: Callable[[], Door]) -> AsyncIterator[None]:
        """Open it; close everything afterwards."""
        listener = await asyncio.get_running_loop().create_server(door, "127.0.0.1", 0)
        self.port = listener.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            listener.close()
            await self.connections.drain(1)

    async def later(self, seconds: float) -> None:
        """So much time passes for the connections."""
        await self.watch.forward(seconds, self.connections)

    async def dribble(self, client: Client, seconds: float) -> None:
        """So long nothing happens; a moment later the connection is over."""
        rest = asyncio.ensure_future(client.reader.read())
        for _ in range(3):
            client.writer.write(b"N")
            await self.later(seconds / 3)
        assert not rest.done()
        await self.later(1.2)
        assert b"silent" in await rest
        await client.close()
