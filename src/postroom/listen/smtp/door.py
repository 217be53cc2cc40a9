"""The SMTP, submission and LMTP door: drives ``protocol.smtp``, answers from ``intake``.

One task a connection. The replies of pipelined commands go out in one write. Deadlines
are those of RFC 5321 §4.5.3.2, and a message has to come at a least rate, so that a
connection can't be held by an octet a minute.
"""

import asyncio
import ipaddress
import secrets
from collections.abc import Sequence
from typing import Final

import msgspec

from postroom.access.exchange import Exchange, MalformedResponse
from postroom.access.login import Login, reply_of
from postroom.errors import MailError, OutcomeUnknown
from postroom.intake.peer import Peer
from postroom.listen.connections import Connections
from postroom.listen.door import EXPELLED, Contexts, Door, Expired
from postroom.listen.smtp.ports import Conversation, Gate, Intake
from postroom.policy.tarpit import Tarpit
from postroom.protocol.sasl.mechanisms import start
from postroom.protocol.smtp import replies
from postroom.protocol.smtp.commands import (
    Auth,
    Bdat,
    Burl,
    Data,
    Ehlo,
    Expn,
    Helo,
    Lhlo,
    Mail,
    Rcpt,
    Rset,
    StartTls,
    Verb,
    Vrfy,
)
from postroom.protocol.smtp.events import Content, EndOfContent, Event, Response, Slow, Unknown
from postroom.protocol.smtp.replies import Reply, reply, reply_to
from postroom.protocol.smtp.server import Session
from postroom.protocol.smtp.settings import Settings as SessionSettings
from postroom.protocol.smtp.states import State

SCOPE: Final = "smtp"
LEAST_RATE: Final = 500  # octets a second: what comes slower uses up the patience
LOGIN_ENDED: Final = reply(421, "4.7.0", EXPELLED)
PATIENCE: Final = 0.5  # seconds that a greeting waits for what the DNS tells of a client
ABUSE: Final = frozenset(
    {
        replies.TOO_MANY_ERRORS,
        replies.LONG_LINE_AGAIN,
        replies.TALK_BEFORE_GREETING,
        replies.EARLY_TALK,
        replies.NOT_SMTP,
    }
)
BLOCK: Final = 64 * 1024  # octets that are looked through at once
TURN: Final = 100  # events of one connection before others get a turn

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What all connections of one listener share. Times are seconds."""

    session: SessionSettings
    intake: Intake
    login: Login
    connections: Connections
    protocol: str = "smtp"
    contexts: Contexts | None = None
    implicit_tls: bool = False
    trusted: tuple[Network, ...] = ()
    relay_from: tuple[Network, ...] = ()
    checks: bool = True
    idle_seconds: float = 300.0  # RFC 5321 §4.5.3.2.7
    gate: Gate | None = None  # without one everybody is welcome
    tarpit: Tarpit  # where errors wait for their answers once there were too many
    greeting_pause: float = 0.0  # for who is suspicious


class SmtpDoor(Door):
    """One connection."""

    __slots__ = (
        "_exchange",
        "_is_early",
        "_mechanism",
        "_patience",
        "_peer",
        "_settings",
        "_talk",
    )

    _peer: Peer
    _talk: Conversation

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            settings.connections,
            settings.protocol,
            contexts=settings.contexts,
            implicit_tls=settings.implicit_tls,
        )
        self._settings = settings
        self._exchange: Exchange | None = None
        self._mechanism = ""
        self._is_early = False
        self._patience = settings.idle_seconds

    def is_unwelcome(self) -> str:
        """A network that guesses passwords stays out of the submission doors, others of these."""
        settings = self._settings
        if settings.session.requires_login:
            return settings.login.unwelcome(self.address)
        if settings.gate is None:
            return ""
        is_counted = settings.checks and settings.protocol == "smtp"
        return settings.gate.knock(self.address, is_counted=is_counted)

    def last_words(self, reason: str) -> bytes:
        """421: come back later (RFC 5321 §3.8)."""
        if reason == "unwelcome":
            return reply(421, "4.7.0", f"Please try again later: {self.unwelcome}").encode()
        answer = replies.TOO_MANY_CONNECTIONS if reason == "full" else replies.SESSION_FAILED
        return answer.encode()

    async def serve(self) -> None:
        """The whole session."""
        settings = self._settings
        self._peer = Peer(
            session=self.session_id,
            address=self.address,
            port=self.port,
            door=self.protocol,
            tls=self.tls,
            trusted=_is_in(self.address, settings.trusted),
            relay=_is_in(self.address, settings.relay_from),
            checks=settings.checks,
        )
        session = Session(
            msgspec.structs.replace(settings.session, mechanisms=self._mechanisms),
            has_tls=bool(self.tls),
            is_trusted=self._peer.trusted,
        )
        self._talk = settings.intake.open(self._peer)
        try:
            await self._greet(session)
            await self._converse(session)
        except Expired:
            is_slow = session.is_reading_content
            session.hang_up(replies.TOO_SLOW if is_slow else replies.IDLE_TOO_LONG)
        finally:
            await self._talk.close()
        self.write(session.data_to_send())
        if session.farewell is replies.BYE and not self.buffered:
            self.close(linger=False)
        elif session.farewell is not None:
            self.reason = session.farewell.lines[0]
            if settings.gate is not None and session.farewell in ABUSE:
                settings.gate.erred(self._peer)

    @property
    def _mechanisms(self) -> tuple[str, ...]:
        return self._settings.login.mechanisms(self.certified)

    async def _greet(self, session: Session) -> None:
        """RFC 5321 §3.1: the client waits for the greeting; who does not is no mail client."""
        pause = self._settings.greeting_pause
        if pause and await self._talk.score(PATIENCE) > 0:
            await asyncio.sleep(pause)
        self._is_early = bool(self.buffered)
        if self._is_early and not self._talk.spoke_early():
            session.hang_up(replies.TALK_BEFORE_GREETING)
        else:
            session.greet()

    async def _converse(self, session: Session) -> None:
        clock, idle = self._settings.connections.clock, self._settings.idle_seconds
        turn = 0
        while True:
            event = session.next_event()
            if event is None:
                if octets := session.data_to_send():
                    self._patience = idle  # a command was answered: new patience for the next one
                    self.write(octets)
                    if self.is_full:
                        await self.flush()
                if session.is_closed:
                    return
                if (self.is_over or self.is_stopping) and self._is_through(session):
                    return
                began = clock()
                await self.wait(began + self._patience)
                octets = self.take()
                session.receive(octets)
                left = self._patience - (clock() - began) + len(octets) / LEAST_RATE
                self._patience = min(idle, left)
                continue
            if type(event) is Content:
                await self._talk.content(event.octets)
            else:
                await self._handle(session, self._talk, event)
            turn += 1
            if turn >= TURN:
                turn = 0
                await asyncio.sleep(0)

    def _is_through(self, session: Session) -> bool:
        """No more octets will come, or none are wanted."""
        if self.is_over and not self.buffered:
            return True
        if self.is_stopping and not session.is_reading_content:
            session.hang_up(LOGIN_ENDED if self.is_expelled else replies.STOPPING)
            return True
        return False

    async def _handle(self, session: Session, talk: Conversation, event: Event) -> None:
        try:
            match event:
                case Rcpt():
                    session.answer(await talk.rcpt(event))
                case Mail():
                    session.answer(await talk.mail(event))
                case Data() | Bdat():
                    session.answer(await talk.data())
                case EndOfContent():
                    session.answer_each(await talk.end(event.defect))
                case _:
                    await self._answer(session, talk, event)
        except OutcomeUnknown:
            raise  # no reply is true: the connection is cut
        except MailError as error:
            if isinstance(event, EndOfContent):
                session.answer_each([reply_to(error)] * session.replies_due)
            else:
                session.answer(reply_to(error))

    async def _answer(self, session: Session, talk: Conversation, event: Event) -> None:
        match event:
            case Burl():
                await self._quote(session, talk, event)
            case Rset():
                talk.reset()
                session.answer(replies.RESET)
            case Ehlo() | Helo() | Lhlo():
                refusal = await talk.greet(event.name, not isinstance(event, Helo))
                if refusal is None:
                    session.welcome()
                else:
                    session.answer(refusal)
            case _:
                await self._answer_rarely(session, talk, event)

    async def _answer_rarely(self, session: Session, talk: Conversation, event: Event) -> None:
        match event:
            case Vrfy():
                session.answer(await talk.vrfy(event.argument, utf8=event.utf8))
            case Expn():
                session.answer(await talk.expn(event.argument, utf8=event.utf8))
            case Verb():
                session.answer(await talk.verb())
            case Unknown():
                session.answer(await talk.unknown(event))
            case Slow():
                await self._hold_back(session, talk)
            case StartTls():
                await self._secure(session, talk)
            case Auth():
                await self._log_in(session, talk, event)
            case Response() if self._exchange is not None:
                await self._go_on(session, talk, self._exchange, event.octets)

    async def _quote(self, session: Session, talk: Conversation, command: Burl) -> None:
        if session.state is not State.CHUNKS:  # it is the first of this message
            begun = await talk.data()
            if not begun.is_positive:
                session.answer(begun)
                return
        quote = await talk.quote(command.url)
        if isinstance(quote, Reply):
            session.answer(quote)
            return
        async for piece in quote[1]:
            for at in range(0, len(piece), BLOCK):
                if content := session.quote(piece[at : at + BLOCK]):
                    await talk.content(content)
        session.answer(replies.START_CONTENT)

    async def _hold_back(self, session: Session, talk: Conversation) -> None:
        """Errors beyond the first few wait for their answers, the suspicious longer."""
        tarpit = self._settings.tarpit
        seconds = tarpit.enter(await talk.score(0))
        if seconds is None:
            session.hang_up(replies.TOO_MANY_ERRORS)
            return
        try:
            await asyncio.sleep(seconds)
        finally:
            tarpit.leave()
        session.resume()

    async def _log_in(self, session: Session, talk: Conversation, command: Auth) -> None:
        mechanism = start(command.mechanism, nonce=secrets.token_urlsafe(18))
        if mechanism is None:
            session.answer(replies.UNKNOWN_MECHANISM)
            return
        login = self._settings.login
        self._mechanism = command.mechanism
        self._exchange = Exchange(
            mechanism, login, scope=SCOPE, peer=self._peer, certified=self.certified
        )
        await self._go_on(session, talk, self._exchange, command.initial)

    async def _go_on(
        self, session: Session, talk: Conversation, exchange: Exchange, octets: bytes | None
    ) -> None:
        try:
            said = await exchange.respond(octets)
        except MalformedResponse:
            session.login_refused(replies.BAD_RESPONSE)
        except MailError as error:
            session.login_refused(reply_to(reply_of(error)))
        else:
            if isinstance(said, bytes):
                session.challenge(said)
                return
            await talk.authenticated(said, self._mechanism)
            self.identity = said
            session.login_granted()
        self._exchange = None

    async def _secure(self, session: Session, talk: Conversation) -> None:
        """RFC 3207 §4: nothing that was said in clear counts inside TLS."""
        self.pause()
        if self.buffered:
            session.hang_up(replies.TALK_BEFORE_TLS)
            return
        session.answer(replies.READY_FOR_TLS)
        if session.is_closed:
            return
        self.write(session.data_to_send())
        await talk.close()
        if await self.start_tls():
            session.tls_started(self._mechanisms)
            self._peer = msgspec.structs.replace(self._peer, tls=self.tls)
            self._talk = self._settings.intake.open(self._peer)
            if self._is_early:
                self._talk.spoke_early()
            self._exchange = None
        else:
            session.hang_up(replies.SESSION_FAILED)


def _is_in(address: str, networks: Sequence[Network]) -> bool:
    if not networks:
        return False
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(ip in network for network in networks)
