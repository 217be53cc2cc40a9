"""The door itself, with an echo for a protocol: input, ends, pressure, deadlines, TLS."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest

from postroom.errors import OutcomeUnknown
from postroom.listen.caps import Caps
from postroom.listen.connections import Connections
from postroom.listen.door import HIGH_WATER, Door, Expired
from postroom.listen.listener import Listener
from postroom.net.sockets import listeners
from postroom.telemetry.session_events import (
    ConnectionClosed,
    ConnectionOpened,
    ConnectionRefused,
    SessionFailed,
    TlsFailed,
)
from tests import certificates
from tests.fakes import Recorder
from tests.listen.loops import both_loops, run

Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Echo(Door):
    """Sends back what comes. "tls" starts TLS, "quit" ends, "fault" and "doubt" fail, "wait" expires."""

    async def serve(self) -> None:
        self.write(b"hello\r\n")
        while not self.is_over or self.buffered:
            octets = self.take()
            if octets == b"tls\r\n":
                if not await self.upgrade():
                    return
            elif octets == b"quit\r\n":
                self.write(b"bye\r\n")
                return
            elif octets == b"fault\r\n":
                raise RuntimeError("on purpose")
            elif octets == b"doubt\r\n":
                raise OutcomeUnknown
            elif octets == b"wait\r\n":
                try:
                    await self.wait(self.now() + 0.01)
                except Expired:
                    self.write(b"too late\r\n")
                    return
            elif self.is_stopping:
                self.write(b"stopping\r\n")
                return
            else:
                await self.send(octets)
            await self.wait(self.now() + 60)

    async def upgrade(self) -> bool:
        self.pause()
        if self.buffered:
            self.write(b"too early\r\n")
            return False
        self.write(b"go\r\n")
        if not await self.start_tls():
            return False
        self.write(self.tls.encode() + b"\r\n")
        return True

    def last_words(self, reason: str) -> bytes:
        return f"{reason}\r\n".encode()


class House:
    """A listener of Echo doors on a port of its own."""

    def __init__(self, *, total: int = 100, per_network: int = 100) -> None:
        self.connections = Connections(Caps(total=total, per_network=per_network), tick=0.01)
        self.doors: list[Door] = []
        self.context = certificates.server("localhost")
        self.port = 0

    @contextlib.asynccontextmanager
    async def open(self, make: Callable[["House"], Door] | None = None) -> AsyncIterator["House"]:
        def door() -> Door:
            made = (make or echo)(self)
            self.doors.append(made)
            return made

        listener = Listener(
            listeners("127.0.0.1", 0),
            door,
            implicit_tls=(lambda: self.context) if make is echo_tls else None,
        )
        await listener.open()
        self.port = listener.port
        try:
            yield self
        finally:
            await listener.close()
            await self.connections.drain(1)
            assert len(self.connections) == 0
            assert self.connections.caps.open == 0

    async def has_at_most(self, doors: int) -> None:
        """Until the others have left."""
        for _ in range(500):
            if len(self.connections) <= doors:
                return
            await asyncio.sleep(0.01)
        raise AssertionError("the doors stay open")

    async def connect(self, **options: object) -> Client:
        return await asyncio.open_connection("127.0.0.1", self.port, **options)  # type: ignore[arg-type]


def echo(house: House) -> Door:
    return Echo(house.connections, "echo", contexts=lambda: house.context)


def echo_tls(house: House) -> Door:
    return Echo(house.connections, "echos", contexts=lambda: house.context, implicit_tls=True)


async def said(client: Client, *lines: bytes) -> bytes:
    for line in lines:
        client[1].write(line + b"\r\n")
    return await client[0].readline()


async def hang_up(client: Client) -> bytes:
    """Everything that is still said, until the server closes."""
    try:
        return await client[0].read()
    except ConnectionResetError:
        return b"reset"
    finally:
        client[1].close()
        with contextlib.suppress(OSError):
            await client[1].wait_closed()


@both_loops
def test_octets_come_and_go(loop: str, events: Recorder) -> None:
    async def main() -> None:
        async with House().open() as house:
            client = await house.connect()
            assert await said(client) == b"hello\r\n"
            assert await said(client, b"one") == b"one\r\n"
            assert await said(client, b"quit") == b"bye\r\n"
            assert await hang_up(client) == b""

    run(loop, main())
    (opened,) = events.of(ConnectionOpened)
    (closed,) = events.of(ConnectionClosed)
    assert (opened.peer, opened.door, opened.session) == ("127.0.0.1", "echo", closed.session)
    assert closed.reason == ""


@both_loops
def test_what_came_before_a_half_close_is_answered(loop: str) -> None:
    async def main() -> None:
        async with House().open() as house:
            client = await house.connect()
            client[1].write(b"last")
            client[1].write_eof()
            assert await hang_up(client) == b"hello\r\nlast"

    run(loop, main())


@both_loops
def test_the_last_words_arrive_though_the_client_goes_on_sending(loop: str) -> None:
    async def main() -> None:
        async with House().open() as house:
            client = await house.connect()
            await said(client)
            client[1].write(b"quit\r\n")
            assert await client[0].readline() == b"bye\r\n"
            for _ in range(50):  # a door that closed at once would answer with a reset
                client[1].write(b"x" * 10_000)
                await asyncio.sleep(0)
            assert await hang_up(client) == b""

    run(loop, main())


@both_loops
def test_a_fault_is_told_and_reported(loop: str, events: Recorder) -> None:
    async def main() -> None:
        async with House().open() as house:
            client = await house.connect()
            await said(client)
            assert await said(client, b"fault") == b"failed\r\n"
            assert await hang_up(client) == b""

    run(loop, main())
    (failed,) = events.of(SessionFailed)
    assert "RuntimeError: on purpose" in failed.traceback


@both_loops
def test_where_nobody_knows_the_outcome_nothing_is_said(loop: str, events: Recorder) -> None:
    async def main() -> None:
        async with House().open() as house:
            client = await house.connect()
            await said(client)
            client[1].write(b"doubt\r\n")
            assert await hang_up(client) in {b"", b"reset"}

    run(loop, main())
    assert events.of(SessionFailed) == []


@both_loops
def test_a_wait_ends_at_its_deadline(loop: str) -> None:
    async def main() -> None:
        async with House().open() as house:
            client = await house.connect()
            await said(client)
            assert await said(client, b"wait") == b"too late\r\n"
            assert await hang_up(client) == b""

    run(loop, main())


@both_loops
def test_attend_wakes_a_wait(loop: str) -> None:
    async def main() -> None:
        async with House().open() as house:
            client = await house.connect()
            await said(client)
            (door,) = house.doors
            door.stop()
            assert await client[0].readline() == b"stopping\r\n"
            assert await hang_up(client) == b""

    run(loop, main())


@both_loops
def test_input_is_bounded_while_the_task_is_busy(loop: str) -> None:
    class Busy(Door):
        async def serve(self) -> None:
            self.started = asyncio.Event()
            await self.started.wait()
            got = 0
            while got < 4_000_000:
                await self.wait(self.now() + 10)
                got += len(self.take())
            self.write(b"all\r\n")

        def last_words(self, reason: str) -> bytes:
            return b""

    async def main() -> None:
        async with House().open(lambda house: Busy(house.connections, "busy")) as house:
            client = await house.connect()
            client[1].write(b"x" * 4_000_000)
            while not house.doors or house.doors[0].buffered <= HIGH_WATER:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
            (door,) = house.doors
            assert isinstance(door, Busy)
            for _ in range(20):  # nothing more is read, though more is there
                await asyncio.sleep(0.005)
                assert door.buffered < 1_000_000
            door.started.set()
            assert await hang_up(client) == b"all\r\n"

    run(loop, main())


@both_loops
def test_a_client_that_does_not_read_stops_the_writer(loop: str) -> None:
    class Fountain(Door):
        written = 0

        async def serve(self) -> None:
            while not self.is_lost:
                Fountain.written += 100_000
                await self.send(b"x" * 100_000)

        def last_words(self, reason: str) -> bytes:
            return b""

    async def main() -> None:
        async with House().open(lambda house: Fountain(house.connections, "f")) as house:
            client = await house.connect()
            before = -1
            while before != Fountain.written:
                before = Fountain.written
                await asyncio.sleep(0.1)
            assert Fountain.written < 50_000_000
            client[1].transport.abort()
            await asyncio.sleep(0.05)

    run(loop, main())


@both_loops
def test_starttls(loop: str) -> None:
    async def main() -> None:
        async with House().open() as house:
            client = await house.connect()
            await said(client)
            for number in range(3):
                assert await said(client, b"%d" % number) == b"%d\r\n" % number
            assert await said(client, b"tls") == b"go\r\n"
            await client[1].start_tls(certificates.client(), server_hostname="localhost")
            assert (await client[0].readline()).startswith(b"TLSv1.3 TLS_")
            assert await said(client, b"inside") == b"inside\r\n"
            assert await said(client, b"quit") == b"bye\r\n"
            assert await hang_up(client) == b""

    run(loop, main())


@both_loops
def test_what_comes_with_the_end_of_the_handshake_is_kept(loop: str) -> None:
    """The client speaks in the same flight as its Finished: stdlib asyncio races there."""

    async def main() -> None:
        async with House().open() as house:
            for _ in range(10):
                client = await house.connect()
                await said(client)
                assert await said(client, b"tls") == b"go\r\n"
                await client[1].start_tls(certificates.client(), server_hostname="localhost")
                client[1].write(b"at once\r\n")
                assert (await client[0].readline()).startswith(b"TLSv1.3")
                assert await client[0].readline() == b"at once\r\n"
                client[1].close()
                await client[1].wait_closed()

    run(loop, main())


@both_loops
def test_a_handshake_that_fails_cuts_the_connection(loop: str, events: Recorder) -> None:
    async def main() -> None:
        async with House().open() as house:
            client = await house.connect()
            await said(client)
            assert await said(client, b"tls") == b"go\r\n"
            client[1].write(b"this is no TLS at all\r\n" * 20)
            assert b"inside" not in await hang_up(client)

    run(loop, main())
    assert len(events.of(TlsFailed)) == 1
    assert events.of(SessionFailed) == []


@both_loops
def test_a_client_that_leaves_in_the_handshake(loop: str) -> None:
    async def main() -> None:
        async with House().open() as house:
            client = await house.connect()
            await said(client)
            assert await said(client, b"tls") == b"go\r\n"
            client[1].transport.abort()
            await house.has_at_most(0)

    run(loop, main())


@both_loops
def test_implicit_tls(loop: str) -> None:
    async def main() -> None:
        async with House().open(echo_tls) as house:
            client = await house.connect(ssl=certificates.client(), server_hostname="localhost")
            assert await said(client) == b"hello\r\n"
            assert await said(client, b"inside") == b"inside\r\n"
            assert await said(client, b"quit") == b"bye\r\n"
            assert await hang_up(client) == b""

    run(loop, main())


@both_loops
def test_words_on_an_implicit_tls_port_are_no_session(loop: str, events: Recorder) -> None:
    async def main() -> None:
        async with House().open(echo_tls) as house:
            client = await house.connect()
            client[1].write(b"EHLO plain\r\n")
            assert b"hello" not in await hang_up(client)

    run(loop, main())
    assert len(events.of(TlsFailed)) == 1


@both_loops
def test_too_many_connections_are_turned_away(loop: str, events: Recorder) -> None:
    async def main() -> None:
        async with House(total=2).open() as house:
            clients = [await house.connect() for _ in range(2)]
            for client in clients:
                assert await said(client) == b"hello\r\n"
            third = await house.connect()
            assert await hang_up(third) == b"full\r\n"
            await said(clients[0], b"quit")
            await hang_up(clients[0])
            await house.has_at_most(1)
            fourth = await house.connect()
            assert await said(fourth) == b"hello\r\n"
            fourth[1].close()
            clients[1][1].close()

    run(loop, main())
    assert [event.reason for event in events.of(ConnectionRefused)] == ["too many connections"]


@both_loops
def test_tls_where_there_is_none_is_our_mistake(loop: str, events: Recorder) -> None:
    async def main() -> None:
        async with House().open(lambda house: Echo(house.connections, "echo")) as house:
            client = await house.connect()
            await said(client)
            assert await said(client, b"tls") == b"go\r\n"
            assert await hang_up(client) == b"failed\r\n"

    run(loop, main())
    assert len(events.of(SessionFailed)) == 1


def test_the_deadline_of_a_connection_that_closes_cuts_it() -> None:
    async def main() -> None:
        async with House().open() as house:
            client = await house.connect()
            await said(client)
            assert await said(client, b"quit") == b"bye\r\n"
            (door,) = house.doors
            assert door.deadline <= door.now() + 2
            door.deadline = 0.0  # the client never closes its side
            assert await hang_up(client) in {b"", b"reset"}
            await house.has_at_most(0)

    run("asyncio", main())


@pytest.mark.parametrize(
    ("address", "plain"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::1"),
        ("::1", "::1"),
    ],
)
def test_addresses_are_plain(address: str, plain: str) -> None:
    from postroom.listen.door import _plain

    assert _plain(address) == plain
