import asyncio
import socket

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from postroom.listen.caps import Caps
from postroom.listen.listener import Listener
from postroom.web.connection import Desk
from postroom.web.server import HttpDoor


async def hello(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello\n")


@pytest.mark.parametrize("protocol", ["http", "https"])
def test_it_serves_on_the_socket_it_was_given_and_stops(protocol: str) -> None:
    async def run() -> bytes:
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        desk = Desk(Caps(total=9, per_network=9), protocol)
        door = HttpDoor(Starlette(routes=[Route("/", hello)]), desk)
        await door.start(Listener([listener], door.connection))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        said = await reader.read()
        writer.close()
        await writer.wait_closed()
        await door.stop()
        assert listener.fileno() == -1
        return said

    said = asyncio.run(run())
    assert said.startswith(b"HTTP/1.1 200 ")
    assert (b"\r\nstrict-transport-security: max-age=" in said) == (protocol == "https")
    assert said.endswith(b"hello\n")
