"""A connection to another server: drives ``protocol.smtp.client`` over a socket.

``open`` greets, begins TLS as the demand says and logs in where asked to; ``send`` hands
over parcels, each the next as soon as the server allows it, and tells of each when it is
decided. ``quit`` ends in peace. Whatever breaks raises ``PeerFailed`` (``open``) or decides
what was under way with 451 4.4.2 (``send``): it may or may not have been taken, and is
tried again. Time limits are those of RFC 5321 §4.5.3.2.
"""

import asyncio
import contextlib
import secrets
import ssl
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final, Literal, cast

import msgspec

from postroom.delivery.parcel import Done, Parcel
from postroom.net.tls_client import ClientTls, chain, described
from postroom.protocol.sasl.client import Credentials, choose, start
from postroom.protocol.smtp import client_events as events
from postroom.protocol.smtp.client import ClientSession
from postroom.protocol.smtp.client_events import ClientEvent
from postroom.protocol.smtp.client_replies import ServerFault, ServerReply, local_reply
from postroom.protocol.smtp.client_states import Wait
from postroom.protocol.smtp.client_transaction import TransactionDone
from postroom.protocol.smtp.extensions import Extensions
from postroom.protocol.smtp.settings import Dialect

Stage = Literal["connect", "greeting", "tls", "certificate", "login", "lost"]
Use = Literal["none", "may", "must"]

HANDSHAKE_SECONDS: Final = 60.0
QUIT_SECONDS: Final = 2.0
HIGH_WATER: Final = 256 * 1024

# RFC 5321 §4.5.3.2; what it does not name has five minutes as well.
SECONDS: Final[Mapping[Wait | None, float]] = {
    Wait.GREETING: 300.0,
    Wait.MAIL: 300.0,
    Wait.RCPT: 300.0,
    Wait.DATA: 120.0,
    Wait.END: 600.0,
    Wait.CHUNK: 600.0,
}
_OTHERWISE: Final = 300.0
BLOCK_SECONDS: Final = 180.0


class PeerFailed(Exception):
    """The server can't be used. ``reply`` says why, also when it is our own conclusion."""

    def __init__(self, stage: Stage, reply: ServerReply) -> None:
        self.stage = stage
        self.reply = reply
        super().__init__(f"{stage}: {reply}")


class Demand(msgspec.Struct, frozen=True):
    """What TLS must be like. ``name`` is what the server is asked for and checked against.

    ``is_checked``: its certificate must be valid for ``name``.
    """

    use: Use = "may"
    name: str = ""
    is_checked: bool = False
    is_implicit: bool = False


class Login(msgspec.Struct, frozen=True):
    """Who we are to a relay. ``is_token``: the secret is an access token, no password.

    ``is_clear``: it may cross a connection without TLS (one that stays on this machine).
    """

    credentials: Credentials
    is_token: bool = False
    is_clear: bool = False


class Peer(asyncio.Protocol):
    """One connection. ``address`` and ``tls`` tell what it is, for the log.

    ``begun`` counts transactions, ``served`` those that were answered; ``fault``: the key of a parcel that could not be read to
    its end, and why.
    """

    def __init__(self, hostname: str, tls: ClientTls, *, dialect: Dialect = "SMTP") -> None:
        """``hostname`` is what we call ourselves."""
        self.session = ClientSession(hostname, dialect=dialect)
        self.address = ""
        self.tls = ""
        self.begun = 0
        self.served = 0
        self.fault: tuple[int, Exception] | None = None
        self._hostname = hostname
        self._client_tls = tls
        self._demand = Demand()
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._is_full = False
        self._is_lost = False

    # What the loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected, or TLS has begun."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        """Octets of the server."""
        self.session.receive(data)
        self._wake()

    def eof_received(self) -> bool:
        """The server says nothing more."""
        self._is_lost = True
        self._wake()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        del exc
        self._is_lost = True
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
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # What couriers ask

    @property
    def extensions(self) -> Extensions:
        """What the server offers."""
        return self.session.extensions

    @property
    def is_usable(self) -> bool:
        """Nothing is under way and the server is still there, as far as is known."""
        return not self._is_lost and self.session.is_idle

    @property
    def chain(self) -> Sequence[bytes]:
        """The certificates of the server, for DANE."""
        return chain(self._tls_object())

    async def open(self, demand: Demand, login: Login | None = None) -> None:
        """Be greeted, begin TLS, log in. Raises PeerFailed; the connection is closed then."""
        self._demand = demand
        if self._transport is not None:
            self._transport.set_write_buffer_limits(high=HIGH_WATER)
        try:
            if demand.is_implicit:
                self.tls = described(self._tls_object())
            await self._expect_ready("greeting")
            if demand.use != "none" and not demand.is_implicit:
                await self._begin_tls(demand)
            if login is not None:
                await self._log_in(login)
        except BaseException:
            self.abort()
            raise

    async def send(
        self, parcels: Sequence[Parcel], done: Done, most: int = 1 << 30
    ) -> list[Parcel]:
        """Send parcels in order; those that were not begun.

        The connection ended before, or had ``most`` transactions in its life.
        """
        waiting = deque(parcels)
        flying: deque[Parcel] = deque()
        session = self.session
        while flying or (waiting and not self._is_lost):
            while waiting and session.can_send and self.begun < most:
                parcel = waiting.popleft()
                if self._begin(parcel, done):
                    self.begun += 1
                    flying.append(parcel)
            if not flying:
                break
            try:
                event = await self._next_event()
            except ServerFault:  # everything under way was decided before
                break
            match event:
                case TransactionDone():
                    parcel = flying.popleft()
                    if event.is_attempted:
                        self.served += 1
                        done(parcel, event)
                    else:
                        waiting.appendleft(parcel)
                case events.StartContent():
                    await self._stream(next(p for p in flying if p.octets is None))
                case _:
                    if session.is_closed and not flying:
                        break
        return list(waiting)

    async def reset(self) -> bool:
        """Ask whether the server is still there."""
        try:
            self.session.rset()
            return isinstance(await self._next_event(), events.ResetDone)
        except (ServerFault, RuntimeError):
            return False

    async def quit(self) -> None:
        """End in peace, soon."""
        with contextlib.suppress(RuntimeError, ServerFault, TimeoutError):
            if not self._is_lost:
                self.session.quit()
                async with asyncio.timeout(QUIT_SECONDS):
                    await self._next_event()
        self._remember()
        self._close()

    def abort(self) -> None:
        """End at once."""
        if self._transport is not None:
            self._transport.abort()
        self._is_lost = True

    # Steps of ``open``

    async def _expect_ready(self, stage: Stage) -> None:
        while True:
            event = await self._opening_event(stage)
            match event:
                case events.Greeted():
                    self.session.hello()
                case events.Ready():
                    return
                case events.Refused() | events.Closing():
                    raise PeerFailed(stage, event.reply)
                case None:
                    raise self._lost(stage)
                case _:
                    continue

    async def _begin_tls(self, demand: Demand) -> None:
        if not self.extensions.starttls:
            if demand.use == "must":
                reply = local_reply(454, "4.7.4", "The server does not offer STARTTLS")
                raise PeerFailed("tls", reply)
            return
        self.session.start_tls()
        event = await self._opening_event("tls")
        if isinstance(event, events.TlsRefused):
            if demand.use == "must":
                raise PeerFailed("tls", event.reply)
            return
        if not isinstance(event, events.BeginTls):
            raise (
                self._lost("tls")
                if event is None
                else PeerFailed(
                    "tls", getattr(event, "reply", local_reply(451, "4.7.4", "STARTTLS failed"))
                )
            )
        await self._handshake(demand)
        try:
            self.session.tls_started()
        except ServerFault as fault:
            raise PeerFailed("tls", local_reply(454, "4.7.4", fault.reason)) from fault
        await self._expect_ready("tls")

    async def _handshake(self, demand: Demand) -> None:
        loop = asyncio.get_running_loop()
        if self._transport is None:
            raise self._lost("tls")
        context = self._client_tls.context(is_checked=demand.is_checked)
        try:
            transport = await loop.start_tls(
                self._transport,
                self,
                context,
                server_hostname=demand.name or None,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
            )
        except ssl.SSLCertVerificationError as error:
            self._client_tls.forget(demand.name)
            reply = local_reply(
                454, "4.7.5", f"The certificate is not good: {error.verify_message}"
            )
            raise PeerFailed("certificate", reply) from error
        except OSError as error:
            self._client_tls.forget(demand.name)
            reason = getattr(error, "reason", None) or error.strerror or str(error)
            raise PeerFailed("tls", local_reply(454, "4.7.5", f"TLS failed: {reason}")) from error
        if transport is None:
            raise self._lost("tls")
        self._transport = transport
        transport.set_write_buffer_limits(high=HIGH_WATER)
        self.tls = described(self._tls_object())

    async def _log_in(self, login: Login) -> None:
        allow_plain = bool(self.tls) or login.is_clear
        name = choose(self.extensions.auth, has_token=login.is_token, allow_plain=allow_plain)
        if name is None:
            why = "The server offers no way to log in that can be used here"
            raise PeerFailed("login", local_reply(454, "4.7.0", why))
        self.session.authenticate(start(name, login.credentials, nonce=secrets.token_urlsafe(18)))
        event = await self._opening_event("login")
        if isinstance(event, events.Authenticated):
            return
        if event is None:
            raise self._lost("login")
        reply: ServerReply = getattr(event, "reply", local_reply(454, "4.7.0", "Login failed"))
        reason = getattr(event, "reason", "")
        raise PeerFailed("login", local_reply(454, "4.7.0", reason) if reason else reply)

    async def _opening_event(self, stage: Stage) -> ClientEvent | None:
        try:
            return await self._next_event()
        except ServerFault as fault:
            reply = local_reply(451, "4.5.0", f"The server broke the protocol: {fault.reason}")
            raise PeerFailed(stage, reply) from fault

    def _lost(self, stage: Stage) -> PeerFailed:
        return PeerFailed(stage, local_reply(451, "4.4.2", "The server closed the connection"))

    # Sending

    def _begin(self, parcel: Parcel, done: Done) -> bool:
        """Hand a parcel to the session; False: it can't be sent as it is, and is decided."""
        try:
            self.session.send(parcel.transaction, parcel.octets)
        except ValueError as error:
            refusal = local_reply(550, "5.6.0", f"The message can't be sent: {error}")
            done(parcel, TransactionDone(transaction=parcel.transaction, ending=refusal))
            return False
        return True

    async def _stream(self, parcel: Parcel) -> None:
        """The content of a large message. When it can't be read, the connection is cut."""
        try:
            async for block in parcel.blocks():
                self.session.content(block)
                await self._flush()
                if self._is_lost or self.session.is_closed:
                    return
            self.session.end_content()
        except Exception as error:  # noqa: BLE001 - told by ``fault``; the message is not sent
            self.fault = parcel.key, error
            self.session.connection_lost("The message could not be read to its end")
            self.abort()

    async def _next_event(self) -> ClientEvent | None:
        """The next news; None once nothing more will come."""
        session = self.session
        while True:
            try:
                event = session.next_event()
            except ServerFault:
                self.abort()
                raise
            if event is not None:
                return event
            if session.is_closed:
                self._close()
                return None
            if self._is_lost:
                session.connection_lost("The server closed the connection")
                continue
            await self._flush()
            await self._wait(SECONDS.get(session.waits_for, _OTHERWISE))

    async def _wait(self, seconds: float) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        if self._is_lost:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._waiter
        except TimeoutError:
            self.session.connection_lost(f"The server did not answer in {seconds:.0f} seconds")
            self.abort()
        finally:
            self._waiter = None

    async def _flush(self) -> None:
        octets = self.session.data_to_send()
        if octets and self._transport is not None and not self._is_lost:
            self._transport.write(octets)
        if not self._is_full or self._is_lost:
            return
        self._drained = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(BLOCK_SECONDS):
                await self._drained
        except TimeoutError:
            self.session.connection_lost(f"The server read nothing in {BLOCK_SECONDS:.0f} seconds")
            self.abort()
        finally:
            self._drained = None

    def _tls_object(self) -> ssl.SSLObject | None:
        if self._transport is None:
            return None
        found = self._transport.get_extra_info("ssl_object")
        return found if isinstance(found, ssl.SSLObject) else None

    def _remember(self) -> None:
        if self.tls:
            demand = self._demand
            self._client_tls.remember(demand.name, self._tls_object(), is_checked=demand.is_checked)

    def _close(self) -> None:
        if self._transport is not None:
            octets = self.session.data_to_send()
            if octets and not self._is_lost:
                self._transport.write(octets)
            self._transport.close()
        self._is_lost = True
