"""The wire to another server: an SMTP client session over a socket, without haste or end.

``next_event`` writes what the session has to say and waits for what the server answers, for
as long as RFC 5321 §4.5.3.2 asks for and no longer. ``flush`` waits while the server reads
too slowly, so that no more than a quarter of a megabyte is in memory. What to say, and what
the answers mean, is for ``peer``.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import Final, cast

import msgspec

from postroom.net.transports import cut
from postroom.protocol.smtp.client import ClientSession
from postroom.protocol.smtp.client_events import ClientEvent
from postroom.protocol.smtp.client_replies import ServerFault
from postroom.protocol.smtp.client_states import Wait

HIGH_WATER: Final = 256 * 1024
_CLOSED: Final = "The server closed the connection"

Step = Callable[[], bool]
"""Does what can be done now; True: there is nothing to wait for."""


class Limits(msgspec.Struct, frozen=True):
    """Time limits in seconds (RFC 5321 §4.5.3.2); ``otherwise`` for what it does not name.

    ``block`` is for the server to read a block; ``handshake`` for TLS to begin.
    """

    mail: float = 300.0
    data: float = 120.0
    end: float = 600.0
    otherwise: float = 300.0
    block: float = 180.0
    handshake: float = 60.0

    def of(self, wait: Wait | None) -> float:
        """How long to wait for this answer."""
        match wait:
            case Wait.MAIL | Wait.RCPT:
                return self.mail
            case Wait.DATA:
                return self.data
            case Wait.END | Wait.CHUNK | Wait.NOTHING:
                return self.end
            case _:
                return self.otherwise


class Wire(asyncio.Protocol):
    """One connection and its session. ``why`` it was lost, when it was."""

    def __init__(self, session: ClientSession, limits: Limits) -> None:
        self.session = session
        self.limits = limits
        self.is_lost = False
        self.why = _CLOSED
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[bool] | None = None
        self._step: Step | None = None  # what news call for while we wait
        self._patience = 0.0  # seconds that the server has for its answer
        self._until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._drained: asyncio.Future[None] | None = None
        self._ended = asyncio.Event()
        self._is_full = False
        self._has_news = False

    # What the loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected; with implicit TLS, securely."""
        self._take(cast("asyncio.Transport", transport))  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        """Octets of the server."""
        self.session.receive(data)
        self._wake()

    def eof_received(self) -> bool:
        """The server says nothing more."""
        self.is_lost = True
        self._wake()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        del exc
        self.is_lost = True
        self._ended.set()
        self._wake()
        self.resume_writing()

    def pause_writing(self) -> None:
        """The server reads too slowly."""
        self._is_full = True

    def resume_writing(self) -> None:
        """It has read."""
        self._is_full = False
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    def _wake(self) -> None:
        self._has_news = True
        waiter = self._waiter
        if waiter is None or waiter.done():
            return
        try:
            if self._step is not None and not self._step() and self._is_waiting():
                return
        except Exception as error:  # noqa: BLE001 - it belongs to who waits
            waiter.set_exception(error)
        else:
            waiter.set_result(False)

    def _is_waiting(self) -> bool:
        """Write what the step has to say; False: who waits has to do something first."""
        octets = self.session.data_to_send()
        if octets and self._transport is not None and not self.is_lost:
            self._transport.write(octets)
        if self._is_full or self.is_lost:
            return False
        self._allow(self.limits.of(self.session.waits_for))
        return True

    def _take(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        transport.set_write_buffer_limits(high=HIGH_WATER)

    # What peers ask

    @property
    def is_quiet(self) -> bool:
        """The server is there, as far as is known, and has said nothing that was not heard."""
        return not self.is_lost and not self._has_news

    @property
    def tls_object(self) -> ssl.SSLObject | None:
        """TLS as it was agreed, None without."""
        if self._transport is None:
            return None
        found = self._transport.get_extra_info("ssl_object")
        return found if isinstance(found, ssl.SSLObject) else None

    def heard(self) -> ClientEvent | None:
        """The news that are there; None: none yet, or none any more. Raises ServerFault."""
        session = self.session
        while True:
            self._has_news = False
            try:
                event = session.next_event()
            except ServerFault:
                self.abort()
                raise
            if event is not None:
                return event
            if session.is_closed:
                self.close()
                return None
            if not self.is_lost:
                return None
            session.connection_lost(self.why)

    async def next_event(self) -> ClientEvent | None:
        """The next news; None once nothing more will come. Raises ServerFault."""
        while True:
            event = self.heard()
            if event is not None or self.session.is_closed:
                return event
            await self._more()

    async def drive(self, step: Step) -> None:
        """Call it now, and whenever something has come, until it says that it is through.

        What it has said to the session is written each time. While we wait it is called by the
        loop itself, for to wake a task for every answer costs as much as to read it. Raises what
        it raises.
        """
        while not step():
            self._step = step
            try:
                await self._more()
            finally:
                self._step = None

    async def _more(self) -> None:
        """Write, and wait until the server has said something."""
        await self.flush()
        if not self._has_news:  # it may have come while we flushed
            await self._wait(self.limits.of(self.session.waits_for))

    async def flush(self) -> None:
        """Write what is to be said; wait while the server does not read."""
        octets = self.session.data_to_send()
        if octets and self._transport is not None and not self.is_lost:
            self._transport.write(octets)
        if not self._is_full or self.is_lost:
            return
        self._drained = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self.limits.block):
                await self._drained
        except TimeoutError:
            self._give_up(f"The server read nothing in {self.limits.block:g} seconds")
        finally:
            self._drained = None

    async def start_tls(self, context: ssl.SSLContext, name: str | None) -> bool:
        """Begin TLS; False when the connection is gone. Raises OSError, ValueError."""
        if self._transport is None or self.is_lost:
            return False
        transport = await asyncio.get_running_loop().start_tls(
            self._transport,
            self,
            context,
            server_hostname=name,
            ssl_handshake_timeout=self.limits.handshake,
        )
        if transport is None:
            return False
        self._take(transport)
        return True

    def close(self) -> None:
        """Write what is left and close."""
        if self._transport is not None:
            octets = self.session.data_to_send()
            if octets and not self.is_lost:
                self._transport.write(octets)
            self._transport.close()
        self.is_lost = True

    def abort(self) -> None:
        """End at once."""
        if self._transport is not None:
            cut(self._transport)
        self.is_lost = True

    async def ended(self, seconds: float) -> None:
        """Until a closed connection is gone; after ``seconds`` it is cut."""
        if self._transport is None:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._ended.wait()
        except TimeoutError:
            self.abort()

    async def _wait(self, seconds: float) -> None:
        self._waiter = waiter = asyncio.get_running_loop().create_future()
        self._allow(seconds)
        try:
            if await waiter:
                self._give_up(f"The server did not answer in {self._patience:g} seconds")
        finally:
            self._waiter = None
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

    def _allow(self, seconds: float) -> None:
        """The server has so long for its next answer, from now on."""
        loop = asyncio.get_running_loop()
        self._patience, self._until = seconds, loop.time() + seconds
        if self._timer is not None:
            if self._timer.when() <= self._until:
                return  # it will see that there is more time
            self._timer.cancel()
        self._timer = loop.call_at(self._until, self._look)

    def _look(self) -> None:
        """Whether the time is over."""
        self._timer = None
        waiter, loop = self._waiter, asyncio.get_running_loop()
        if waiter is None or waiter.done():
            return
        if loop.time() < self._until:
            self._timer = loop.call_at(self._until, self._look)
        else:
            waiter.set_result(True)

    def _give_up(self, why: str) -> None:
        self.why = why
        self.session.connection_lost(why)
        self.abort()
