"""The IMAP door: octets, TLS and deadlines around ``protocol.imap.session``.

One task a connection runs one command at a time. An idle connection holds no buffer and
no timer but those of IDLE, where a change in the mailbox wakes it at once and a slow poll
finds what a lost hint from another process has missed.

STARTTLS is refused, and the connection ended, when anything was pipelined behind it: it
would have been sent by somebody in the middle (RFC 3501 §6.2.1). Before login the whole
wait for a command is a minute, after it half an hour (RFC 3501 §5.4).
"""

import asyncio
from contextlib import suppress
from typing import Final, Literal

import msgspec

from postroom.errors import MailError
from postroom.listen.connections import Connections
from postroom.listen.door import EXPELLED, Contexts, Door, Expired
from postroom.listen.imap.compression import STEP, Compression, CompressionFault
from postroom.listen.imap.contents import BrokenLiteral
from postroom.listen.imap.conversation import TOGETHER, Conversation, Peer, Services
from postroom.listen.imap.dispatch import handle
from postroom.listen.imap.notifying import tell_quietly
from postroom.protocol.imap.commands import StartTls, Unauthenticate
from postroom.protocol.imap.events import Slow
from postroom.protocol.imap.responses import status_line
from postroom.protocol.imap.session import Session
from postroom.protocol.imap.states import State

POLL_SECONDS: Final = 60.0  # in IDLE


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How one listener behaves. ``auth``: where people may log in."""

    hostname: str
    protocol: Literal["imap", "imaps"] = "imap"
    auth: Literal["never", "tls", "plain"] = "tls"
    idle_seconds: float = 30 * 60.0
    login_seconds: float = 60.0
    soft_errors: int = 10
    hard_errors: int = 20
    login_failures: int = 5
    slow_seconds: float = 1.0  # what a mistake costs once there were too many


class ImapDoor(Door):
    """One IMAP connection."""

    __slots__ = ("_compression", "_is_sending", "_services", "_settings")

    def __init__(
        self,
        connections: Connections,
        services: Services,
        settings: Settings,
        *,
        contexts: Contexts | None = None,
    ) -> None:
        super().__init__(
            connections,
            settings.protocol,
            contexts=contexts,
            implicit_tls=settings.protocol == "imaps",
        )
        self._services = services
        self._settings = settings
        self._compression: Compression | None = None
        self._is_sending = False  # what waits will be sent in the next turn of the loop

    def is_unwelcome(self) -> str:
        """A network that guesses passwords waits outside."""
        return self._services.login.unwelcome(self.address)

    def last_words(self, reason: str) -> bytes:
        """BYE for a peer that gets no service."""
        text = {
            "unwelcome": "Too many failures from your network; try again later",
            "full": "Too many connections",
        }.get(reason, "Internal error")
        return status_line(b"*", "BYE", text, b"UNAVAILABLE")

    # COMPRESS: a layer between the session and the socket

    @property
    def is_compressed(self) -> bool:
        """Whether COMPRESS is on."""
        return self._compression is not None

    def compress(self) -> None:
        """Compress both directions; what waits in the buffer is compressed already."""
        self._compression = Compression()

    def decompress(self) -> None:
        """End the compression; what the client sent after its end is read as it is."""
        if self._compression is not None:
            last, rest = self._compression.end()
            self._compression = None
            self.write(last)
            if rest:
                self.data_received(rest)

    @property
    def buffered(self) -> int:
        """Octets that came and were not taken, compressed or not."""
        waiting = self._compression is not None and self._compression.has_input
        return super().buffered + waiting

    def take(self) -> bytes:
        """What came since the last time; of what is compressed a step."""
        if self._compression is None:
            return super().take()
        if not self._compression.has_input:
            self._compression.feed(super().take())
        return self._compression.inflate()

    def write(self, octets: bytes) -> None:
        """Send, compressed if that is on."""
        if self._compression is not None and octets:
            octets = self._compression.deflate(octets)
        super().write(octets)

    async def send(self, octets: bytes) -> None:
        """Write and flush; much is compressed off the loop."""
        if self._compression is None or len(octets) <= STEP:
            await super().send(octets)
            return
        super().write(await asyncio.to_thread(self._compression.deflate, octets))
        await self.flush()

    async def serve(self) -> None:
        """Greet, answer, say goodbye."""
        session = Session(
            mechanisms=self._mechanisms,
            can_start_tls=self.has_tls and not self.tls,
            append_limit=self._services.max_message,
            soft_errors=self._settings.soft_errors,
            hard_errors=self._settings.hard_errors,
        )
        peer = Peer(self.session_id, self.address, self.protocol)
        talk = Conversation(session, self._services, self, peer)
        talk.failures_left = self._settings.login_failures
        try:
            session.greet(f"{self._settings.hostname} Postroom ready")
            await talk.flush()
            await self._converse(talk)
        except Expired:
            session.bye("Autologout, nothing was said for too long")
        except (BrokenLiteral, CompressionFault):
            self.abort()
        finally:
            await talk.close()
        self.write(session.data_to_send())

    @property
    def _mechanisms(self) -> tuple[str, ...]:
        auth = self._settings.auth
        is_open = auth == "plain" or (auth == "tls" and bool(self.tls))
        return self._services.login.mechanisms(self.certified) if is_open else ()

    async def _converse(self, talk: Conversation) -> None:
        session = talk.session
        login_until = until = self.now() + self._settings.login_seconds
        while not session.is_closed and not self.is_lost:
            event = session.next_event()
            if event is None:
                if not await self._more(talk, until):
                    break
                continue
            if isinstance(event, StartTls):
                await self._start_tls(talk)
            elif isinstance(event, Slow):
                await asyncio.sleep(self._settings.slow_seconds)
                session.resume()
            else:
                await handle(talk, event)
                self.identity = talk.identity
                if isinstance(event, Unauthenticate):
                    login_until = self.now() + self._settings.login_seconds
                await tell_quietly(talk)
            await self._answered(talk)
            until = self.now() + self._settings.idle_seconds
            if session.state is State.UNAUTHENTICATED:
                until = login_until
        await talk.flush()

    async def _answered(self, talk: Conversation) -> None:
        """Send the answer to one event; while more commands are here, with theirs.

        What waits leaves as soon as one of them has to wait for something.
        """
        session = talk.session
        if not session.buffered or session.waiting > TOGETHER:
            await talk.flush()
        elif session.waiting and not self._is_sending:
            self._is_sending = True
            asyncio.get_running_loop().call_soon(self._send_waiting, session)

    def _send_waiting(self, session: Session) -> None:
        self._is_sending = False
        self.write(session.data_to_send())

    async def _more(self, talk: Conversation, until: float) -> bool:
        """Wait for octets (in IDLE also for news); False: the connection is over."""
        session = talk.session
        await talk.flush()
        if session.is_closed or (self.is_over and not self.buffered):
            return False
        if self.is_stopping:
            if self.is_expelled:
                session.bye(EXPELLED)
            else:
                session.bye("The server goes down", b"UNAVAILABLE")
            return False
        if not self.buffered:
            talk.pause()
            if talk.is_idling:
                await self._idle(talk, until)
            else:
                await self.wait(until)
            await tell_quietly(talk)
        session.receive(self.take())
        return True

    async def _idle(self, talk: Conversation, until: float) -> None:
        loop = asyncio.get_running_loop()
        timer = loop.call_later(POLL_SECONDS, self.attend)
        try:
            await self.wait(until)
        finally:
            timer.cancel()
        is_poll = loop.time() >= timer.when()
        for notices in (talk.notices, talk.annotated):
            if is_poll and notices is not None:
                notices.has_news = True
        with suppress(MailError):  # next time, then
            await talk.report(always=is_poll)

    async def _start_tls(self, talk: Conversation) -> None:
        session = talk.session
        if not session.can_start_tls:
            session.finish("BAD", "TLS is on already" if self.tls else "TLS is not offered")
            return
        self.pause()
        if session.buffered or self.buffered:
            session.finish("BAD", "Nothing may follow STARTTLS before the handshake")
            session.bye("Try again without pipelining", b"ALERT")
            return
        session.finish("OK", "Begin TLS")
        await talk.flush()
        if await self.start_tls():
            session.tls_started(self._mechanisms)
