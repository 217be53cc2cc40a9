"""A connection to another server: drives ``protocol.smtp.client`` over a ``wire``.

``open`` greets, begins TLS as the demand says and logs in where asked to; ``send`` hands
over parcels, each the next as soon as the server allows it, and tells of each when it is
decided. ``quit`` ends in peace. Whatever breaks raises ``PeerFailed`` (``open``) or decides
what was under way with 451 4.4.2 (``send``): it may or may not have been taken, and is
tried again. What was cut before the server said a word to it, and before its content left,
was not begun.
"""

import asyncio
import contextlib
import secrets
import ssl
from collections import deque
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from postroom.delivery.parcel import Done, Parcel
from postroom.delivery.wire import Limits, Wire
from postroom.net.tls_client import ClientTls, chain, described
from postroom.protocol.sasl.client import Credentials, choose, start
from postroom.protocol.smtp import client_events as events
from postroom.protocol.smtp.client import ClientSession
from postroom.protocol.smtp.client_content import MAX_CHUNK, UnsafeContent
from postroom.protocol.smtp.client_events import ClientEvent
from postroom.protocol.smtp.client_replies import ServerFault, ServerReply, local_reply
from postroom.protocol.smtp.client_transaction import TransactionDone
from postroom.protocol.smtp.extensions import Extensions
from postroom.protocol.smtp.settings import Dialect

Stage = Literal["connect", "greeting", "tls", "certificate", "login", "broken"]
Use = Literal["none", "may", "must"]

QUIT_SECONDS: Final = 2.0
NO_LIMITS: Final = Limits()


class PeerFailed(Exception):
    """The server can't be used. ``reply`` says why, also when it is our own conclusion.

    ``broken``: it broke the protocol; what it says is not to be trusted.
    """

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


class Peer(Wire):
    """One connection. ``address`` and ``tls`` tell what it is, for the log.

    ``begun`` counts transactions, ``served`` those that were answered. ``fault``: the key of
    a parcel that could not be read to its end, and why. ``ending``: why what was handed over
    last was not begun.
    """

    def __init__(
        self,
        hostname: str,
        tls: ClientTls,
        *,
        dialect: Dialect = "SMTP",
        limits: Limits = NO_LIMITS,
    ) -> None:
        """``hostname`` is what we call ourselves."""
        super().__init__(ClientSession(hostname, dialect=dialect), limits)
        self.address = ""
        self.tls = ""
        self.begun = 0
        self.served = 0
        self.fault: tuple[int, Exception] | None = None
        self.ending: ServerReply | None = None
        self._client_tls = tls
        self._demand = Demand()

    @property
    def extensions(self) -> Extensions:
        """What the server offers."""
        return self.session.extensions

    @property
    def is_usable(self) -> bool:
        """Nothing is under way and the server is still there, as far as is known."""
        return self.is_quiet and self.session.is_idle

    @property
    def chain(self) -> Sequence[bytes]:
        """The certificates of the server, for DANE."""
        return chain(self.tls_object)

    async def open(self, demand: Demand, login: Login | None = None) -> None:
        """Be greeted, begin TLS, log in. Raises PeerFailed; the connection is closed then."""
        self._demand = demand
        try:
            if demand.is_implicit:
                self.tls = described(self.tls_object)
            await self._expect_ready()
            if demand.use != "none" and not demand.is_implicit:
                await self._begin_tls(demand)
            if login is not None:
                await self._log_in(login)
        except BaseException:
            self.abort()
            raise

    async def send(
        self,
        parcels: Sequence[Parcel],
        done: Done,
        most: int = 1 << 30,
        *,
        is_rested: bool = False,
    ) -> list[Parcel]:
        """Send parcels in order; those that were not begun.

        The connection ended before, or had ``most`` transactions in its life. ``is_rested``:
        it was idle for a while, and may have been closed by the server meanwhile.
        """
        run = _Run(self, parcels, done, most, is_rested=is_rested)
        with contextlib.suppress(ServerFault):  # everything under way was decided before
            await self.drive(run.step)
            while run.wanted is not None:
                parcel, run.wanted = run.wanted, None
                await self._stream(parcel)
                await self.drive(run.step)
        return run.left

    async def quit(self) -> None:
        """End in peace, soon."""
        with contextlib.suppress(RuntimeError, ServerFault, TimeoutError):
            if not self.is_lost:
                self.session.quit()
                async with asyncio.timeout(QUIT_SECONDS):
                    await self.next_event()
        self._remember()
        self.close()
        await self.ended(QUIT_SECONDS)

    # Steps of ``open``

    async def _expect_ready(self, *, has_tls: bool = False) -> None:
        """Through greeting and EHLO; one that is lost right after the handshake lost TLS."""
        while True:
            event = await self._opening_event()
            match event:
                case events.Greeted():
                    self.session.hello()
                case events.Ready():
                    return
                case events.Refused() | events.Closing():
                    raise PeerFailed("greeting", event.reply)
                case None:
                    raise self._lost("tls" if has_tls else "greeting")
                case _:
                    continue

    async def _begin_tls(self, demand: Demand) -> None:
        if not self.extensions.starttls:
            if demand.use == "must":
                reply = local_reply(454, "4.7.4", "The server does not offer STARTTLS")
                raise PeerFailed("tls", reply)
            return
        self.session.start_tls()
        event = await self._opening_event()
        match event:
            case events.TlsRefused():
                if demand.use == "must":
                    raise PeerFailed("tls", event.reply)
                return
            case events.BeginTls():
                await self._handshake(demand)
            case events.Closing():
                raise PeerFailed("tls", event.reply)
            case _:
                raise self._lost("tls")
        try:
            self.session.tls_started()
        except ServerFault as fault:
            raise _broken(fault) from fault
        await self._expect_ready(has_tls=True)

    async def _handshake(self, demand: Demand) -> None:
        context = self._client_tls.context(is_checked=demand.is_checked)
        name = _server_name(demand)
        try:
            has_begun = await self.start_tls(context, name or None)
        except ssl.SSLCertVerificationError as error:
            self._client_tls.forget(name)
            reply = local_reply(
                454, "4.7.5", f"The certificate is not good: {error.verify_message}"
            )
            raise PeerFailed("certificate", reply) from error
        except (OSError, ValueError) as error:  # ValueError: no name for a handshake
            self._client_tls.forget(name)
            reason = getattr(error, "reason", None) or getattr(error, "strerror", None)
            told = reason or str(error) or "the connection was closed"
            raise PeerFailed("tls", local_reply(454, "4.7.5", f"TLS failed: {told}")) from error
        if not has_begun:
            raise self._lost("tls")
        self.tls = described(self.tls_object)

    async def _log_in(self, login: Login) -> None:
        allow_plain = bool(self.tls) or login.is_clear
        name = choose(self.extensions.auth, has_token=login.is_token, allow_plain=allow_plain)
        if name is None:
            why = "The server offers no way to log in that can be used here"
            raise PeerFailed("login", local_reply(454, "4.7.0", why))
        nonce = secrets.token_urlsafe(18)
        try:
            self.session.authenticate(start(name, login.credentials, nonce=nonce))
        except ValueError as error:
            why = f"The login can't be used: {error}"
            raise PeerFailed("login", local_reply(454, "4.7.0", why)) from error
        event = await self._opening_event()
        match event:
            case events.Authenticated():
                return
            case events.AuthenticationFailed():
                reason = event.reason
                raise PeerFailed(
                    "login", local_reply(454, "4.7.0", reason) if reason else event.reply
                )
            case events.Closing():
                raise PeerFailed("login", event.reply)
            case _:
                raise self._lost("login")

    async def _opening_event(self) -> ClientEvent | None:
        try:
            return await self.next_event()
        except ServerFault as fault:
            raise _broken(fault) from fault

    def _lost(self, stage: Stage) -> PeerFailed:
        return PeerFailed(stage, local_reply(451, "4.4.2", self.why))

    # Sending

    async def _stream(self, parcel: Parcel) -> None:
        """The content of a large message. When it can't be read, the connection is cut."""
        try:
            async for block in parcel.blocks():
                self.session.content(block)
                await self.flush()
                if self.is_lost or self.session.is_closed:
                    return
            self.session.end_content()
        except UnsafeContent:  # the session has concluded it, with nothing of the block said
            self.abort()
        except Exception as error:  # noqa: BLE001 - told by ``fault``; the message is not sent
            self.fault = parcel.key, error
            self.session.connection_lost("The message could not be read to its end")
            self.abort()

    def _remember(self) -> None:
        if self.tls:
            name, is_checked = _server_name(self._demand), self._demand.is_checked
            self._client_tls.remember(name, self.tls_object, is_checked=is_checked)


class _Run:
    """Parcels on their way over one connection: ``step`` is for ``Wire.drive``."""

    def __init__(
        self, peer: Peer, parcels: Sequence[Parcel], done: Done, most: int, *, is_rested: bool
    ) -> None:
        self.wanted: Parcel | None = None  # a large message whose content the server waits for
        self._peer = peer
        self._session = peer.session
        self._done = done
        self._most = most
        self._waiting = deque(parcels)
        self._flying: deque[tuple[Parcel, bool]] = deque()  # and whether its content may have left
        self._back: list[Parcel] = []
        self._is_there = not is_rested  # else its first content waits for its first word

    @property
    def left(self) -> list[Parcel]:
        """Those that were not begun."""
        return [*self._back, *self._waiting]

    def step(self) -> bool:
        """All that can be done now. Raises ServerFault."""
        peer, flying = self._peer, self._flying
        while self.wanted is None and (flying or (self._waiting and not peer.is_lost)):
            while self._may_go_on():
                self._begin(self._waiting.popleft())
            if not flying:
                break
            event = peer.heard()
            if isinstance(event, TransactionDone):
                self._answered(event)
            elif isinstance(event, events.StartContent):
                self.wanted = next(one for one, _ in flying if one.octets is None)
            elif event is None and (self._session.is_closed or not self._may_go_on()):
                return self._session.is_closed
        return True

    def _may_go_on(self) -> bool:
        """The next one may be begun, also right behind content that is yet to be written."""
        return bool(self._waiting) and self._session.can_send and self._peer.begun < self._most

    def _begin(self, parcel: Parcel) -> None:
        """Hand a parcel to the session; when it can't be sent as it is, it is decided."""
        is_there = self._is_there
        try:
            self._session.send(parcel.transaction, parcel.octets, allow_chunking=is_there)
        except ValueError as error:
            refusal = local_reply(550, "5.6.0", f"The message can't be sent: {error}")
            self._done(parcel, TransactionDone(transaction=parcel.transaction, ending=refusal))
            return
        self._peer.begun += 1
        self._flying.append((parcel, is_there and self._goes_at_once(parcel)))

    def _goes_at_once(self, parcel: Parcel) -> bool:
        """Its content leaves with its envelope, before the server has said anything."""
        offers = self._session.extensions
        is_small = parcel.octets is not None and len(parcel.octets) <= MAX_CHUNK
        return is_small and offers.chunking and offers.pipelining

    def _answered(self, event: TransactionDone) -> None:
        parcel, is_gone = self._flying.popleft()
        if _was_begun(event, is_gone=is_gone, is_there=self._is_there):
            self._peer.served += 1
            self._is_there = True
            self._done(parcel, event)
        else:
            self._peer.ending = event.ending
            self._back.append(parcel)


def _was_begun(event: TransactionDone, *, is_gone: bool, is_there: bool) -> bool:
    """Whether the server may have seen and answered it.

    A connection that was idle and ends with 421 had been closed already.
    """
    if not event.is_attempted:
        return False
    if is_gone or event.sender_reply is not None:
        return True
    return not (event.ending.is_temporary and (event.ending.is_local or not is_there))


def _broken(fault: ServerFault) -> PeerFailed:
    reply = local_reply(451, "4.5.0", f"The server broke the protocol: {fault.reason}")
    return PeerFailed("broken", reply)


def _server_name(demand: Demand) -> str:
    """The name in a handshake; an address stands there without brackets."""
    return demand.name.strip("[]").removeprefix("IPv6:")
