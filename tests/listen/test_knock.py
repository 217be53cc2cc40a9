"""Waiting for the first who connects."""

import asyncio
import socket

import pytest

from postroom.listen.knock import knock
from postroom.net.sockets import listeners
from tests.listen.loops import both_loops, run


async def hang_up(_: asyncio.StreamReader, there: asyncio.StreamWriter) -> None:
    there.close()
    await there.wait_closed()


def open_sockets() -> list[socket.socket]:
    return [*listeners("127.0.0.1", 0), *listeners("127.0.0.2", 0)]


@both_loops
@pytest.mark.parametrize("which", [0, 1])
def test_whoever_comes_first_is_heard_and_served_afterwards(loop: str, which: int) -> None:
    async def main() -> bytes:
        ours = open_sockets()
        waiting = asyncio.create_task(knock(ours))
        await asyncio.sleep(0)
        assert not waiting.done()
        reader, writer = await asyncio.open_connection(*ours[which].getsockname())
        await waiting

        async def greet(_: asyncio.StreamReader, there: asyncio.StreamWriter) -> None:
            there.write(b"hello")
            there.close()
            await there.wait_closed()

        servers = [await asyncio.start_server(greet, sock=one) for one in ours]
        said = await reader.read()
        writer.close()
        await writer.wait_closed()
        for server in servers:
            server.close()
        return said

    assert run(loop, main()) == b"hello"


@both_loops
def test_who_came_before_is_heard_at_once(loop: str) -> None:
    async def main() -> None:
        ours = open_sockets()
        with socket.create_connection(ours[0].getsockname()):
            await knock(ours)
            await knock(ours)  # nobody was accepted
        for one in ours:
            one.close()

    run(loop, main())


@both_loops
def test_who_is_cancelled_leaves_the_sockets_alone(loop: str) -> None:
    async def main() -> None:
        ours = open_sockets()
        waiting = asyncio.create_task(knock(ours))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        servers = [await asyncio.start_server(hang_up, sock=one) for one in ours]
        reader, writer = await asyncio.open_connection(*ours[1].getsockname())
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        for server in servers:
            server.close()

    run(loop, main())
