"""What one connection may take of us, told from the outside: octets in, octets out."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from postroom.listen.caps import Caps
from postroom.listen.listener import Listener, always
from postroom.telemetry import sink
from postroom.telemetry.session_events import ConnectionRefused
from postroom.web.connection import END, MAX_HEAD, MAX_WAITING, Desk, Patience
from postroom.web.server import HttpDoor
from tests import certificates
from tests.fakes import Recorder
from tests.listen.loops import both_loops, run

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
SHORT = Patience(head=0.2, body=0.2, left=0.2, write=0.2)
PATIENT = Patience(head=60, body=60, left=60, write=60)

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def hello(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello\n")


async def length(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


async def much(_request: Request) -> StreamingResponse:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(1000):
            yield b"x" * 65_536
            await asyncio.sleep(0)

    return StreamingResponse(pieces())


ROUTES = [Route("/", hello), Route("/length", length, methods=["POST"]), Route("/much", much)]


class Counted(Caps):
    """Places that tell when one is taken or left."""

    def __init__(self, total: int) -> None:
        super().__init__(total=total, per_network=total)
        self._changed = asyncio.Event()

    def enter(self, address: str) -> str:
        self._changed.set()
        return super().enter(address)

    def leave(self, address: str) -> None:
        self._changed.set()
        super().leave(address)

    async def until(self, number: int) -> None:
        """So many are taken."""
        while self.open != number:
            self._changed.clear()
            await self._changed.wait()


class Place:
    def __init__(
        self, port: int, caps: Counted, trust: ssl.SSLContext | None, door: HttpDoor
    ) -> None:
        self.port, self.caps, self.trust, self.door = port, caps, trust, door

    async def client(self, *, tls: bool = True) -> Streams:
        context = self.trust if tls else None
        name = "127.0.0.1" if context else None
        return await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=context, server_hostname=name, limit=2**24
        )


def play(
    script: Callable[[Place], Awaitable[None]],
    *,
    loop: str = "asyncio",
    patience: Patience = PATIENT,
    total: int = 100,
    tls: bool = False,
) -> None:
    async def inside() -> None:
        sockets = [socket.create_server(("127.0.0.1", 0))]
        caps = Counted(total)
        contexts = trust = None
        if tls:
            trust = certificates.client()
            contexts = always(certificates.server("127.0.0.1"))
        door = HttpDoor(Starlette(routes=ROUTES), Desk(caps, "http", patience))
        listener = Listener(sockets, door.connection, implicit_tls=contexts)
        await door.start(listener)
        try:
            await script(Place(listener.port, caps, trust, door))
        finally:
            await door.stop()
        await caps.until(0)

    run(loop, inside())


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def rest(reader: asyncio.StreamReader) -> bytes:
    """All until the end, however it comes."""
    said = b""
    with contextlib.suppress(OSError):
        while piece := await reader.read(65_536):
            said += piece
    return said


@both_loops
@pytest.mark.parametrize("tls", [False, True])
def test_a_connection_has_a_place_while_it_is_open(loop: str, tls: bool) -> None:
    async def script(there: Place) -> None:
        reader, writer = await there.client()
        for path in (b"/", b"/"):
            writer.write(b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert (await reader.readuntil(b"hello\n")).startswith(b"HTTP/1.1 200 ")
        writer.write(b"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n")
        writer.write(b"x" * 300_000)
        assert (await reader.readuntil(b"300000")).startswith(b"HTTP/1.1 200 ")
        assert there.caps.open == 1
        await close(writer)

    play(script, loop=loop, tls=tls)


@both_loops
def test_handshakes_have_a_place_too(loop: str) -> None:
    async def script(there: Place) -> None:
        silent = [await there.client(tls=False) for _ in range(5)]
        await there.caps.until(5)
        silent[0][1].write(b"no TLS at all\r\n\r\n")
        await rest(silent[0][0])
        await there.caps.until(4)
        for _, writer in silent:
            await close(writer)

    play(script, loop=loop, tls=True)


@pytest.mark.parametrize("tls", [False, True])
def test_one_too_many_is_turned_away(tls: bool) -> None:
    async def script(there: Place) -> None:
        kept = [await there.client(tls=False) for _ in range(3)]
        await there.caps.until(3)
        reader, writer = await there.client(tls=False)
        said = await rest(reader)
        assert said == b"" if tls else said.startswith(b"HTTP/1.1 503 ")
        assert there.caps.open == 3
        assert [event.door for event in recorder.of(ConnectionRefused)] == ["http"]
        for one in (writer, *[writer for _, writer in kept]):
            await close(one)

    recorder = Recorder()
    with sink.heard(recorder.emit):
        play(script, total=3, tls=tls)


@pytest.mark.parametrize(
    "octets",
    [
        b"GET /" + b"a" * (MAX_HEAD + 1),
        GET + b"X: " + b"a" * (MAX_HEAD + 1),
        GET + b"X: y\r\n" * MAX_HEAD,
        b"GET / HTTP/1.1\r\n\r\n" + GET + b"X: " + b"a" * (8 * MAX_HEAD),
        b"POST /length HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"1\r\nx\r\n0\r\n" + b"X: y\r\n" * MAX_HEAD,
    ],
)
def test_header_blocks_are_bounded(octets: bytes) -> None:
    async def script(there: Place) -> None:
        reader, writer = await there.client()
        writer.write(octets)  # and no end
        assert b"X: y" not in await rest(reader)
        await close(writer)

    play(script)


def test_octets_that_are_no_request_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def script(there: Place) -> None:
        reader, writer = await there.client()
        writer.write(b"EHLO x\r\n\r\n")
        assert (await rest(reader)).startswith(b"HTTP/1.1 400 ")
        await close(writer)

    play(script)
    assert not caplog.records


def test_requests_that_wait_are_bounded() -> None:
    async def script(there: Place) -> None:
        reader, writer = await there.client()
        writer.write((GET + b"\r\n") * (2 * MAX_WAITING))
        said = await rest(reader)
        assert said.count(b"hello") <= MAX_WAITING + 1
        await close(writer)

    play(script)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"G",
        GET + b"X",
        GET + b"\r\n\r\n",  # an empty line behind a request is the beginning of the next
        b"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nx",  # refused before its end
        b"GET /much HTTP/1.1\r\nHost: x\r\n\r\n",  # and nothing is read
        (b"GET /much HTTP/1.1\r\nHost: x\r\n\r\n") * 2,
    ],
)
def test_who_does_nothing_is_cut(octets: bytes) -> None:
    async def script(there: Place) -> None:
        reader, writer = await there.client()
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(octets)
        await there.caps.until(1)
        await there.caps.until(0)
        await close(writer)

    play(script, patience=SHORT)


@pytest.mark.parametrize(
    ("octets", "patience"),
    [
        (GET, Patience(head=0.3, body=60, left=60, write=60)),
        (
            b"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n",
            Patience(head=60, body=0.3, left=60, write=60),
        ),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n",
            Patience(head=60, body=60, left=0.3, write=60),
        ),
    ],
)
def test_octets_now_and_then_put_nothing_off(octets: bytes, patience: Patience) -> None:
    async def script(there: Place) -> None:
        reader, writer = await there.client()
        writer.write(octets)
        ending = asyncio.ensure_future(rest(reader))
        while not ending.done():
            writer.write(b"x")
            await asyncio.wait([ending], timeout=0.01)
        assert not there.caps.open
        await close(writer)

    play(script, patience=patience)


def test_the_server_goes_down_during_a_handshake() -> None:
    async def script(there: Place) -> None:
        _, writer = await there.client(tls=False)
        await there.caps.until(1)
        asyncio.get_running_loop().call_later(0.05, writer.close)

    play(script, tls=True)


@both_loops
def test_answers_without_an_end_come_to_theirs_with_the_server(loop: str) -> None:
    async def script(there: Place) -> None:
        reader, writer = await there.client()
        writer.write(b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readuntil(b"begun\n")
        await there.door.stop()
        assert b"over\n" in await rest(reader)
        await close(writer)

    async def endless(scope: Scope, _receive: Receive, send: Send) -> None:
        ended = asyncio.Event()
        scope[END] = ended.set
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"begun\n", "more_body": True})
        await ended.wait()
        await send({"type": "http.response.body", "body": b"over\n"})

    ROUTES.append(Route("/endless", _Endless(endless)))
    try:
        play(script, loop=loop)
    finally:
        ROUTES.pop()


class _Endless:
    """An ASGI application, so that Starlette leaves the answer to it."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._application(scope, receive, send)
