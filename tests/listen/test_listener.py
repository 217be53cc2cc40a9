"""Sockets and handshakes; what a door does then is in ``test_door``."""

import asyncio

import pytest

from postroom.net.sockets import listeners
from postroom.telemetry.session_events import ConnectionRefused, TlsFailed
from tests import certificates
from tests.fakes import Recorder
from tests.listen.loops import both_loops, run
from tests.listen.test_door import House, echo, echo_tls, hang_up, said


@both_loops
def test_several_addresses_are_one_listener(loop: str) -> None:
    from postroom.listen.listener import Listener

    async def main() -> None:
        house = House()
        sockets = [*listeners("127.0.0.1", 0), *listeners("127.0.0.2", 0)]
        ports = [one.getsockname()[1] for one in sockets]
        listener = Listener(sockets, lambda: echo(house))
        await listener.open()
        assert listener.port == ports[0]
        for address, port in zip(["127.0.0.1", "127.0.0.2"], ports, strict=True):
            client = await asyncio.open_connection(address, port)
            assert await said(client) == b"hello\r\n"
            await said(client, b"quit")
            await hang_up(client)
        await listener.close()
        with pytest.raises(OSError, match="onnect"):
            await asyncio.open_connection("127.0.0.1", ports[0])
        await house.connections.drain(1)

    run(loop, main())


@both_loops
def test_caps_count_before_the_handshake(loop: str, events: Recorder) -> None:
    async def main() -> None:
        async with House(total=2).open(echo_tls) as house:
            silent = [await house.connect() for _ in range(2)]
            while house.connections.caps.open < 2:  # noqa: ASYNC110  (the other side's work)
                await asyncio.sleep(0.01)
            third = await house.connect()
            assert await hang_up(third) in {b"", b"reset"}
            for client in silent:
                client[1].close()
            await house.has_at_most(0)

    run(loop, main())
    assert len(events.of(ConnectionRefused)) == 1
    assert len(events.of(TlsFailed)) == 2


@both_loops
def test_closing_gives_up_handshakes(loop: str) -> None:
    async def main() -> None:
        async with House().open(echo_tls) as house:
            client = await house.connect()
            while not house.connections.caps.open:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert await hang_up(client) in {b"", b"reset"}

    run(loop, main())


@both_loops
def test_many_handshakes_at_once(loop: str) -> None:
    async def main() -> None:
        async with House().open(echo_tls) as house:

            async def one() -> None:
                client = await house.connect(ssl=certificates.client(), server_hostname="localhost")
                assert await said(client) == b"hello\r\n"
                assert await said(client, b"quit") == b"bye\r\n"
                await hang_up(client)

            await asyncio.gather(*[one() for _ in range(20)])

    run(loop, main())
