"""A port on loopback on which a small server of others speaks."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

HOST: Final = "127.0.0.1"

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def serving(serve: Serve, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port; whoever is connected at the end is cut off."""
    tasks: set[asyncio.Task[None]] = set()
    writers: list[asyncio.StreamWriter] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        writers.append(writer)
        with contextlib.suppress(
            ConnectionError, ssl.SSLError, asyncio.IncompleteReadError, asyncio.CancelledError
        ):
            await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(connected, HOST, 0, ssl=tls, limit=1 << 20)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in writers:  # else what has not ended yet is found, unclosed, in another test
            writer.transport.abort()
        await asyncio.sleep(0)
        await server.wait_closed()
