"""Races on loopback: who wins, what is said when nobody does, and that nothing is left open."""

import asyncio
import contextlib
import itertools
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from postroom.errors import Temporary
from postroom.net.outbound import MOST_ADDRESSES, Connected, ConnectFailed, connect, interleaved
from tests import certificates
from tests.listen.loops import both_loops, run

FOUR, SIX = "127.0.0.1", "::1"


class Client(asyncio.Protocol):
    """Collects what comes."""

    def __init__(self) -> None:
        self.received = b""
        self.lost = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.received += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set()


class Greeter(asyncio.Protocol):
    """Says hello and hangs up; remembers who came."""

    def __init__(self, peers: list[str]) -> None:
        self._peers = peers

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._peers.append(transport.get_extra_info("peername")[0])
        transport.write(b"220 hello")  # type: ignore[attr-defined]
        transport.close()


@contextlib.asynccontextmanager
async def greeting(
    peers: list[str] | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """A server on 127.0.0.1; its port."""
    loop = asyncio.get_running_loop()
    seen = [] if peers is None else peers
    server = await loop.create_server(lambda: Greeter(seen), FOUR, 0, ssl=tls)
    try:
        port: int = server.sockets[0].getsockname()[1]
        yield port
    finally:
        server.close()
        await server.wait_closed()


@contextlib.contextmanager
def hanging() -> Iterator[int]:
    """A port on 127.0.0.1 that never answers: its queue of connections is full."""
    with socket.socket() as listener, socket.socket() as first:
        listener.bind((FOUR, 0))
        listener.listen(0)
        first.connect(listener.getsockname())
        yield listener.getsockname()[1]


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@contextlib.asynccontextmanager
async def leaving_nothing_open() -> AsyncIterator[None]:
    await asyncio.sleep(0)  # the loop has its own by now
    before = open_files()
    yield
    for _ in range(10_000):  # the peers' ends are ours too, and take some turns of the loop
        await asyncio.sleep(0)
        if open_files() <= before and len(asyncio.all_tasks()) == 1:
            return
    pytest.fail(f"{open_files() - before} files, {asyncio.all_tasks()}")


async def hello(connected: Connected[Client]) -> bytes:
    await connected.protocol.lost.wait()
    return connected.protocol.received


@both_loops
def test_an_address_that_answers(loop: str) -> None:
    async def main() -> None:
        async with greeting() as port, leaving_nothing_open():
            connected = await connect([FOUR], port, Client)
            assert connected.address == FOUR
            assert connected.transport.get_extra_info("peername") == (FOUR, port)
            assert await hello(connected) == b"220 hello"

    run(loop, main())


@both_loops
def test_the_next_address_is_tried_at_once_when_one_fails(loop: str) -> None:
    made: list[Client] = []

    def factory() -> Client:
        made.append(Client())
        return made[-1]

    async def main() -> None:
        async with greeting() as port, leaving_nothing_open():
            connected = await connect([SIX, FOUR], port, factory, stagger=60)
            assert connected.address == FOUR
            assert await hello(connected) == b"220 hello"
            assert made == [connected.protocol]

    run(loop, main())


@both_loops
def test_the_next_address_is_tried_soon_when_one_is_silent(loop: str) -> None:
    async def main() -> None:
        with hanging() as port:
            async with serving_beside(port) as peers, leaving_nothing_open():
                connected = await connect([FOUR, "127.0.0.2"], port, Client, stagger=0.02)
                assert connected.address == "127.0.0.2"
                assert await hello(connected) == b"220 hello"
                assert len(peers) == 1

    run(loop, main())


@contextlib.asynccontextmanager
async def serving_beside(port: int) -> AsyncIterator[list[str]]:
    """A server on 127.0.0.2 with a port that another address has."""
    peers: list[str] = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Greeter(peers), "127.0.0.2", port)
    try:
        yield peers
    finally:
        server.close()
        await server.wait_closed()


@both_loops
def test_two_that_answer_at_the_same_time(loop: str) -> None:
    async def main() -> None:
        async with greeting() as port, leaving_nothing_open():
            for _ in range(20):
                connected = await connect([FOUR, f"::ffff:{FOUR}"], port, Client, stagger=0)
                assert await hello(connected) == b"220 hello"

    run(loop, main())


@both_loops
def test_each_address_has_its_reason(loop: str) -> None:
    async def main() -> None:
        with socket.socket() as unused:
            unused.bind((FOUR, 0))
            port = unused.getsockname()[1]
            async with leaving_nothing_open():
                with pytest.raises(ConnectFailed) as caught:
                    await connect([FOUR, "localhost", "127.0.0.2", FOUR], port, Client)
        error = caught.value
        assert error.attempts == (
            (FOUR, "Connection refused"),
            ("localhost", "not an IP address"),
            ("127.0.0.2", "Connection refused"),
        )
        assert error.reason.startswith("127.0.0.1: Connection refused; localhost: not")
        assert isinstance(error, Temporary)
        assert (error.code, error.status) == (451, "4.4.1")
        assert not error.has_answered

    run(loop, main())


def test_no_address_at_all() -> None:
    with pytest.raises(ConnectFailed, match="no address to connect to"):
        run("asyncio", connect([], 25, Client))


@both_loops
def test_nobody_answers_in_time(loop: str) -> None:
    async def main() -> None:
        with hanging() as port:
            async with leaving_nothing_open():
                with pytest.raises(ConnectFailed) as caught:
                    await connect([FOUR, "x"], port, Client, seconds=0.05, stagger=0.01)
                assert caught.value.attempts == (
                    (FOUR, "no answer in 0.05 s"),
                    ("x", "not an IP address"),
                )

    run(loop, main())


@both_loops
def test_who_is_cancelled_leaves_nothing(loop: str) -> None:
    async def main() -> None:
        with hanging() as port:
            async with leaving_nothing_open():
                task = asyncio.create_task(connect([FOUR, f"::ffff:{FOUR}"], port, Client))
                for _ in range(5):
                    await asyncio.sleep(0)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task

    run(loop, main())


def test_a_factory_that_fails_leaves_nothing() -> None:
    def factory() -> Client:
        raise ZeroDivisionError

    async def main() -> None:
        async with greeting() as port, leaving_nothing_open():
            with pytest.raises(ZeroDivisionError):
                await connect([FOUR], port, factory)

    run("asyncio", main())


def test_hundreds_of_addresses_are_not_all_tried() -> None:
    async def main() -> None:
        addresses = [f"not-{number}" for number in range(300)]
        with pytest.raises(ConnectFailed) as caught:
            await connect(addresses, 25, Client)
        assert len(caught.value.attempts) == MOST_ADDRESSES

    run("asyncio", main())


@both_loops
def test_the_source_address_is_that_of_the_family(loop: str) -> None:
    peers: list[str] = []

    async def main() -> None:
        async with greeting(peers) as port, leaving_nothing_open():
            await hello(await connect([FOUR], port, Client, local_addresses=["::1", "127.0.0.3"]))
            await hello(await connect([FOUR], port, Client, local_addresses=["::1"]))
            with pytest.raises(ConnectFailed) as caught:
                await connect([FOUR], port, Client, local_addresses=["192.0.2.1"])
            assert "can't send from 192.0.2.1" in caught.value.reason
            with pytest.raises(ValueError, match="mail"):
                await connect([FOUR], port, Client, local_addresses=["mail.test"])

    run(loop, main())
    assert peers == ["127.0.0.3", FOUR]


def contexts(name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    return certificates.server(name), certificates.client()


@both_loops
def test_tls_from_the_beginning(loop: str) -> None:
    server, client = contexts("relay.test")

    async def main() -> None:
        async with greeting(tls=server) as port, leaving_nothing_open():
            connected = await connect([FOUR], port, Client, tls=(client, "relay.test"))
            assert await hello(connected) == b"220 hello"

    run(loop, main())


@both_loops
def test_tls_that_fails_says_why(loop: str) -> None:
    server, client = contexts("relay.test")
    stranger = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    async def main() -> None:
        async with greeting(tls=server) as port, greeting() as plain, leaving_nothing_open():
            for where, tls, words in (
                (port, (client, "other.test"), "certificate is not accepted: Hostname mismatch"),
                (port, (stranger, "relay.test"), "certificate is not accepted"),
                (plain, (client, "relay.test"), "TLS failed"),
            ):
                with pytest.raises(ConnectFailed) as caught:
                    await connect([FOUR], where, Client, tls=tls)
                assert words in caught.value.reason
                assert caught.value.attempts[0][0] == FOUR
                assert caught.value.has_answered

    run(loop, main())


@both_loops
def test_a_handshake_that_never_ends(loop: str) -> None:
    async def main() -> None:
        _, client = contexts("relay.test")
        with socket.socket() as listener:
            listener.bind((FOUR, 0))
            listener.listen(5)
            port = listener.getsockname()[1]
            with pytest.raises(ConnectFailed, match=r"no answer in 0\.1 s"):
                await connect([FOUR], port, Client, tls=(client, "relay.test"), seconds=0.1)
            peer, _ = listener.accept()
            with peer:
                peer.setblocking(False)
                while await asyncio.get_running_loop().sock_recv(peer, 65_536):
                    pass  # it has hung up

    run(loop, main())


@given(st.lists(st.sampled_from(["192.0.2.1", "192.0.2.2", "192.0.2.3", "::1", "::2", "::3"])))
def test_families_take_turns(addresses: list[str]) -> None:
    order = interleaved(addresses)
    assert sorted(order) == sorted(set(addresses))
    for family in (":", "."):
        mine = [one for one in order if family in one]
        assert mine == list(dict.fromkeys(one for one in addresses if family in one))
    assert order[:1] == addresses[:1]
    both = 2 * min(sum(":" in one for one in order), sum("." in one for one in order))
    turns = [":" in one for one in order[:both]]
    assert all(one is not other for one, other in itertools.pairwise(turns))
