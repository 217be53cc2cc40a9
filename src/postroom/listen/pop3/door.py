"""The POP3 door: drives ``protocol.pop3`` and answers from ``access``.

Messages are streamed with backpressure: the memory of a connection does not depend on
their size. Deletions happen at QUIT only; a lost connection deletes nothing.
"""

import asyncio
import contextlib
from collections.abc import Awaitable

from postroom.access.exchange import Exchange, MalformedResponse
from postroom.access.login import reply_of
from postroom.access.maildrop import Maildrop
from postroom.directory.login import Identity
from postroom.errors import MailError, NotFound
from postroom.listen.door import EXPELLED, Expired
from postroom.listen.entrance import Entrance, EntranceDoor
from postroom.protocol.pop3 import events
from postroom.protocol.pop3.session import Session, State
from postroom.store.store import Store


class Settings(Entrance, frozen=True, kw_only=True):
    """What all connections of one listener share. Times are seconds."""

    hostname: str
    store: Store
    protocol: str = "pop3"
    idle_seconds: float = 600.0  # RFC 1939 §3: at least 10 minutes


class Pop3Door(EntranceDoor):
    """One POP3 connection."""

    __slots__ = ("_drop", "_exchange", "_settings")

    scope = "pop3"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._settings = settings
        self._drop: Maildrop | None = None
        self._exchange: Exchange | None = None

    def last_words(self, reason: str) -> bytes:
        """RFC 3206 §3: try again later."""
        if reason == "unwelcome":
            return b"-ERR [SYS/TEMP] too many failures from your network, try again later\r\n"
        if reason == "full":
            return b"-ERR [SYS/TEMP] too many connections, try again later\r\n"
        return b"-ERR [SYS/TEMP] local error, try again later\r\n"

    async def serve(self) -> None:
        """The whole session."""
        session = Session(
            mechanisms=self.mechanisms,
            can_start_tls=self.has_tls and not self.tls,
        )
        session.greet(self._settings.hostname)
        try:
            await self._talk(session)
        except Expired:
            session.close("you were silent for too long")
            self.write(session.data_to_send())

    async def _talk(self, session: Session) -> None:
        self.begin_entry()
        until = self.limit(self._settings.idle_seconds)
        while True:
            await self._flush(session)
            while (event := session.next_event()) is not None or session.has_output:
                if event is not None:
                    await self._answer(session, event)
                await self._flush(session)
                until = self.limit(self._settings.idle_seconds)
            if session.state is State.CLOSED or self.is_over:
                return
            if self.is_stopping:
                going = "the server is going down, try again later"
                session.close(EXPELLED if self.is_expelled else going)
                await self._flush(session)
                return
            if not self.buffered:
                await self.wait(until)
            session.receive(self.take())

    async def _flush(self, session: Session) -> None:
        while octets := session.data_to_send():
            await self.send(octets)

    async def _answer(self, session: Session, event: events.Event) -> None:
        match event:
            case events.Login():
                await self._log_in(
                    session, self._settings.login.password(
                        event.name, event.password, scope=self.scope, peer=self.peer
                    )
                )  # fmt: skip
            case events.Authenticate():
                await self._authenticate(session, event)
            case events.Response():
                await self._respond(session, event.octets)
            case events.StartTls():
                await self._secure(session)
            case events.Retrieve():
                await self._retrieve(session, event.index)
            case events.Update():
                await self._update(session, event)
            case events.Rejected():
                if event.mistakes > self._settings.soft_errors:
                    await self._linger()
            case events.Quit():
                pass

    async def _authenticate(self, session: Session, event: events.Authenticate) -> None:
        self._exchange = self.exchange(event.mechanism)
        if self._exchange is None:
            session.refuse("there is no such mechanism")
            return
        await self._respond(session, event.initial)

    async def _respond(self, session: Session, octets: bytes | None) -> None:
        if self._exchange is None:
            session.refuse("no exchange is going on")
            return
        try:
            said = await self._exchange.respond(octets)
        except MalformedResponse:
            session.refuse("the response makes no sense")
        except MailError as error:
            self._refuse_login(session, error)
        else:
            if isinstance(said, bytes):
                session.challenge(said)
            else:
                await self._open(session, said)

    async def _log_in(self, session: Session, attempt: Awaitable[Identity]) -> None:
        try:
            identity = await attempt
        except MailError as error:
            self._refuse_login(session, error)
        else:
            await self._open(session, identity)

    async def _open(self, session: Session, identity: Identity) -> None:
        try:
            drop = await Maildrop.open(identity, self._settings.store)
        except MailError as error:
            session.refuse(error.text, "SYS/TEMP")
            return
        self._drop, self.identity = drop, identity
        self._exchange = None
        session.opened(
            [item.size for item in drop.items],
            [drop.unique_id(index) for index in range(len(drop.items))],
        )

    def _refuse_login(self, session: Session, error: MailError) -> None:
        self._exchange = None
        told = reply_of(error)
        session.refuse(told.text, "AUTH" if told.code == 535 else "SYS/TEMP")
        if self.has_failed():
            session.close("too many failed logins")

    async def _secure(self, session: Session) -> None:
        self.pause()
        if self.buffered:  # sent in clear behind STLS: never run inside TLS
            session.close("nothing may follow STLS before the handshake")
            return
        self.write(session.data_to_send())
        if await self.start_tls():
            session.secured(self.mechanisms)

    async def _retrieve(self, session: Session, index: int) -> None:
        if self._drop is None:
            session.refuse("no maildrop is open", "SYS/TEMP")
            return
        begun = False
        try:
            async with contextlib.aclosing(self._drop.stream(index)) as pieces:
                async for piece in pieces:
                    if not begun:
                        session.begin_content()
                        begun = True
                    session.content(piece)
                    await self._flush(session)
                    if session.content_is_complete or self.is_lost:
                        break
        except (NotFound, MailError) as error:
            if begun:  # half a message was sent: the client must not take it for whole
                self.abort()
                return
            text = error.text if isinstance(error, MailError) else str(error)
            session.refuse(text, "SYS/TEMP" if isinstance(error, MailError) else "")
            return
        if not begun:
            session.begin_content()
        session.end_content()

    async def _update(self, session: Session, event: events.Update) -> None:
        try:
            if self._drop is not None:
                await self._drop.update(event.indexes)
        except MailError as error:
            session.updated(f"messages were not removed: {error.text}")
        else:
            session.updated()

    async def _linger(self) -> None:
        """Make a peer that errs a lot wait."""
        await asyncio.sleep(self._settings.tarpit)
