"""Octets in and out, on a transport that does what the test says. See ``test_peer`` too."""

import asyncio
from collections.abc import Callable

import pytest

from postroom.delivery.wire import Limits, Wire
from postroom.protocol.smtp.client import ClientSession
from postroom.protocol.smtp.client_events import Greeted, Ready
from postroom.protocol.smtp.client_states import Wait
from tests.loop import patiently


class Line(asyncio.Transport):
    """Keeps what is written; ``on_write`` plays the server and the kernel."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_closed = False
        self.is_aborted = False
        self.on_write: Callable[[], None] = lambda: None

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        del high, low

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)
        self.on_write()

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_aborted = True


def wired(limits: Limits | None = None) -> tuple[Wire, Line]:
    wire, line = Wire(ClientSession("mx.home.test"), limits or Limits()), Line()
    wire.connection_made(line)
    return wire, line


@pytest.mark.parametrize(
    ("wait", "seconds"),
    [
        (Wait.GREETING, 300), (Wait.HELLO, 300), (Wait.STARTTLS, 300), (Wait.AUTH, 300),
        (Wait.MAIL, 300), (Wait.RCPT, 300), (Wait.DATA, 120), (Wait.END, 600),
        (Wait.CHUNK, 600), (Wait.NOTHING, 600), (Wait.RSET, 300), (Wait.QUIT, 300), (None, 300),
    ],
)  # fmt: skip
def test_the_times_of_rfc_5321(wait: Wait | None, seconds: float) -> None:
    assert Limits().of(wait) == seconds


def test_an_answer_that_comes_while_we_could_not_write_is_heard() -> None:
    """Else it would be heard with the next octets, or when time has run out."""

    async def run() -> None:
        wire, line = wired()
        wire.data_received(b"220 sink.test\r\n")
        assert isinstance(await wire.next_event(), Greeted)

        def play() -> None:
            wire.pause_writing()
            loop = asyncio.get_running_loop()
            loop.call_soon(wire.resume_writing)
            loop.call_soon(wire.data_received, b"250 sink.test\r\n")

        line.on_write = play
        wire.session.hello()
        async with asyncio.timeout(60):
            assert isinstance(await wire.next_event(), Ready)
        assert line.written == b"EHLO mx.home.test\r\n"

    patiently(run())


def test_what_is_heard_waits_and_writes_nothing() -> None:
    async def run() -> None:
        wire, line = wired()
        wire.data_received(b"220 sink.test\r\n")
        assert isinstance(wire.heard(), Greeted)
        wire.session.hello()
        assert wire.heard() is None
        assert (line.written, wire.is_lost) == (b"", False)
        line.on_write = lambda: wire.data_received(b"250 sink.test\r\n")
        assert isinstance(await wire.next_event(), Ready)

    patiently(run())


def test_a_step_is_taken_for_whatever_comes_and_wakes_nobody_before_the_last() -> None:
    async def run() -> None:
        wire, line = wired()
        heard: list[object] = []

        def step() -> bool:
            while (event := wire.heard()) is not None:
                heard.append(event)
                if isinstance(event, Greeted):
                    wire.session.hello()
            return bool(heard) and isinstance(heard[-1], Ready)

        driving = asyncio.create_task(wire.drive(step))
        await asyncio.sleep(0)
        wire.data_received(b"220 sink.test\r\n")
        assert line.written == b"EHLO mx.home.test\r\n"
        await asyncio.sleep(0)
        assert not driving.done()
        wire.data_received(b"250 sink.test\r\n")
        await driving
        assert [type(one) for one in heard] == [Greeted, Ready]

    patiently(run())


def test_what_a_step_raises_belongs_to_who_drives() -> None:
    async def run() -> None:
        wire, _line = wired()

        def step() -> bool:
            if wire.heard() is not None:
                raise KeyError("x")
            return False

        driving = asyncio.create_task(wire.drive(step))
        await asyncio.sleep(0)
        wire.data_received(b"220 sink.test\r\n")
        with pytest.raises(KeyError, match="x"):
            await driving

    patiently(run())


def test_a_server_has_its_time_anew_after_each_step_and_no_more() -> None:
    async def run() -> None:
        wire, line = wired(Limits(otherwise=0.01))
        is_told = False

        def step() -> bool:
            nonlocal is_told
            while (event := wire.heard()) is not None:
                if isinstance(event, Greeted):
                    wire.session.hello()
                    is_told = True
            return wire.session.is_closed

        driving = asyncio.create_task(wire.drive(step))
        await asyncio.sleep(0)
        wire.data_received(b"220 sink.test\r\n")
        await driving
        assert is_told
        assert wire.why == "The server did not answer in 0.01 seconds"
        assert line.is_aborted

    patiently(run())


def test_who_does_not_answer_is_given_up() -> None:
    async def run() -> None:
        wire, line = wired(Limits(otherwise=0.01))
        assert await wire.next_event() is None
        assert wire.why == "The server did not answer in 0.01 seconds"
        assert line.is_aborted
        assert wire.is_lost
        assert not wire.is_quiet

    patiently(run())


def test_who_does_not_read_is_given_up() -> None:
    async def run() -> None:
        wire, line = wired(Limits(block=0.01))
        wire.pause_writing()
        await wire.flush()
        assert wire.why == "The server read nothing in 0.01 seconds"
        assert line.is_aborted
        await wire.flush()  # nothing to wait for any more

    patiently(run())


def test_the_end_is_heard_after_the_last_words() -> None:
    async def run() -> None:
        wire, line = wired()
        wire.data_received(b"220 sink.test\r\n")
        assert wire.eof_received() is False
        wire.connection_lost(None)
        assert isinstance(await wire.next_event(), Greeted)
        assert await wire.next_event() is None
        assert line.is_closed
        await wire.ended(1)
        assert not line.is_aborted

    patiently(run())


def test_a_connection_that_does_not_close_is_cut() -> None:
    async def run() -> None:
        wire, line = wired()
        wire.close()
        await wire.ended(0.01)
        assert (line.is_closed, line.is_aborted) == (True, True)

    patiently(run())


def test_without_a_connection_there_is_nothing_to_end() -> None:
    async def run() -> None:
        wire = Wire(ClientSession("mx.home.test"), Limits())
        wire.abort()
        wire.close()
        await wire.ended(5)
        assert wire.tls_object is None

    patiently(run())
