"""The ManageSieve door: drives ``protocol.managesieve`` and answers from ``access.scripts``."""

import asyncio
from collections.abc import Collection, Sequence

from postroom.access.exchange import Exchange, MalformedResponse
from postroom.access.login import LoginRefused, reply_of
from postroom.access.scripts import Scripts
from postroom.errors import MailError
from postroom.listen.door import EXPELLED, Expired
from postroom.listen.entrance import Entrance, EntranceDoor
from postroom.listen.managesieve.answers import answer
from postroom.protocol.managesieve import events
from postroom.protocol.managesieve.commands import Authenticate, Plain
from postroom.protocol.managesieve.session import Offer, Session, State


class Settings(Entrance, frozen=True, kw_only=True):
    """What all connections of one listener share. Times are seconds."""

    scripts: Scripts
    extensions: Collection[str]
    notify: Sequence[str] = ()
    max_redirects: int
    protocol: str = "managesieve"
    idle_seconds: float = 1800.0  # RFC 5804 §1.2: at least 30 minutes after the login
    hard_errors: int = 20


class ManageSieveDoor(EntranceDoor):
    """One ManageSieve connection."""

    __slots__ = ("_exchange", "_settings")

    scope = "sieve"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._settings = settings
        self._exchange: Exchange | None = None

    def last_words(self, reason: str) -> bytes:
        """RFC 5804 §1.3 TRYLATER."""
        if reason == "unwelcome":
            return b'BYE (TRYLATER) "Too many failures from your network, try again later"\r\n'
        if reason == "full":
            return b'BYE (TRYLATER) "Too many connections, try again later"\r\n'
        return b'BYE (TRYLATER) "Local error, try again later"\r\n'

    async def serve(self) -> None:
        """The whole session."""
        settings = self._settings
        session = Session(
            Offer(
                extensions=sorted(settings.extensions),
                notify=settings.notify,
                max_script=settings.scripts.room.octets,
                max_redirects=settings.max_redirects,
                hard_errors=settings.hard_errors,
            ),
            mechanisms=self.mechanisms,
            can_start_tls=self.has_tls and not self.tls,
        )
        session.greet()
        try:
            await self._talk(session)
        except Expired:
            session.close("You were silent for too long")
            self.write(session.data_to_send())

    async def _talk(self, session: Session) -> None:
        self.begin_entry()
        until = self.limit(self._settings.idle_seconds)
        while True:
            while (event := session.next_event()) is not None:
                await self._answer(session, event)
                await self.send(session.data_to_send())
                until = self.limit(self._settings.idle_seconds)
            if octets := session.data_to_send():
                await self.send(octets)
                until = self.limit(self._settings.idle_seconds)
            if session.state is State.CLOSED or self.is_over:
                return
            if self.is_stopping:
                if self.is_expelled:
                    session.close(EXPELLED)
                else:
                    session.close("The server is going down, try again later", b"TRYLATER")
                self.write(session.data_to_send())
                return
            if not self.buffered:
                await self.wait(until)
            session.receive(self.take())

    async def _answer(self, session: Session, event: events.Event) -> None:
        match event:
            case Authenticate():
                await self._authenticate(session, event)
            case events.Response():
                await self._respond(session, event.octets)
            case Plain("STARTTLS"):
                await self._secure(session)
            case Plain("UNAUTHENTICATE"):
                self.identity = None
                self.begin_entry()
                session.unauthenticated()
            case events.Rejected():
                if event.mistakes > self._settings.soft_errors:
                    await asyncio.sleep(self._settings.tarpit)
            case events.Quit():
                pass
            case _:
                if self.identity is None:
                    raise AssertionError("the session lets nobody work without a login")
                await answer(session, self._settings.scripts, self.identity.account_id, event)

    async def _authenticate(self, session: Session, event: Authenticate) -> None:
        self._exchange = self.exchange(event.mechanism)
        if self._exchange is None:
            session.no("This mechanism is not offered")
            return
        await self._respond(session, event.initial)

    async def _respond(self, session: Session, octets: bytes | None) -> None:
        exchange = self._exchange
        if exchange is None:
            session.no("No login is going on")
            return
        final = None
        try:
            said = await exchange.respond(octets)
            if isinstance(said, bytes) and exchange.is_proven:  # it goes with the OK
                final, said = said, await exchange.respond(b"")
        except MalformedResponse:
            self._exchange = None
            session.no("The response makes no sense")
        except MailError as error:
            self._refuse_login(session, error)
        else:
            if isinstance(said, bytes):
                session.challenge(said)
            else:
                self._exchange = None
                self.identity = said
                session.authenticated(said.address, final)

    def _refuse_login(self, session: Session, error: MailError) -> None:
        self._exchange = None
        told = reply_of(error)
        session.no(told.text, b"" if isinstance(told, LoginRefused) else b"TRYLATER")
        if self.has_failed():
            session.close("Too many failed logins")

    async def _secure(self, session: Session) -> None:
        self.pause()
        if self.buffered:  # sent in clear behind STARTTLS: never done inside TLS
            session.data_to_send()
            session.close("Nothing may follow STARTTLS before the handshake")
            return
        self.write(session.data_to_send())
        if await self.start_tls():
            session.secured(self.mechanisms)
