"""A peer that is watched: which step of opening it is at, what the server did, an envelope.

It opens connections as delivery does, because it is delivery's own peer, and remembers each
event. ``say`` names a sender and a recipient and takes them back: RSET comes before any
content (RFC 5321 §4.1.1.5).
"""

import asyncio
from collections.abc import Sequence
from typing import Literal

from postroom.delivery.peer import Demand, Peer
from postroom.net.tls_client import ClientTls
from postroom.protocol.sasl.client import ClientMechanism
from postroom.protocol.smtp import client_events as events
from postroom.protocol.smtp.client import ClientSession
from postroom.protocol.smtp.client_commands import RSET
from postroom.protocol.smtp.client_events import ClientEvent
from postroom.protocol.smtp.client_replies import (
    ReplyParser,
    ServerFault,
    ServerReply,
    local_reply,
)

Stage = Literal["greeting", "ehlo", "tls", "login"]


class _Session(ClientSession):
    """Remembers what the server did."""

    __slots__ = ("mechanism", "seen")

    def __init__(self, hostname: str) -> None:
        super().__init__(hostname)
        self.seen: list[ClientEvent] = []
        self.mechanism = ""

    def authenticate(self, mechanism: ClientMechanism) -> None:
        self.mechanism = mechanism.name
        super().authenticate(mechanism)

    def next_event(self) -> ClientEvent | None:
        event = super().next_event()
        if event is not None:
            self.seen.append(event)
        return event


class Visitor(Peer):
    """One connection; after ``open``, if at all, ``say``; ``leave`` in the end."""

    def __init__(self, hostname: str, tls: ClientTls) -> None:
        """``hostname`` is ours, for EHLO; ``tls`` as for delivery."""
        super().__init__(hostname, tls)
        self._watched = _Session(hostname)
        self.session = self._watched
        self._replies: ReplyParser | None = None
        self._news = asyncio.Event()
        self._is_gone = False

    @property
    def seen(self) -> Sequence[ClientEvent]:
        """What the server did, in order."""
        return self._watched.seen

    @property
    def mechanism(self) -> str:
        """How we logged in, or tried to; "" before."""
        return self._watched.mechanism

    def data_received(self, data: bytes) -> None:
        """Octets of the server."""
        if self._replies is None:
            super().data_received(data)
        else:
            self._replies.feed(data)
            self._news.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        super().connection_lost(exc)
        self._is_gone = True
        self._news.set()

    def abort(self) -> None:
        """End at once."""
        super().abort()
        self._is_gone = True

    def is_at(self, demand: Demand) -> Stage:
        """The step that is under way in ``open``."""
        ready = sum(isinstance(one, events.Ready) for one in self.seen)
        if demand.is_implicit and not self.tls:
            return "tls"
        if not any(isinstance(one, events.Greeted) for one in self.seen):
            return "greeting"
        if ready == 0:
            return "ehlo"
        if demand.use != "none" and not demand.is_implicit:
            if not self.tls:
                return "tls"
            if ready == 1:
                return "ehlo"
        return "login"

    async def say(self, commands: Sequence[bytes], seconds: float) -> list[ServerReply]:
        """Say commands one by one, up to the first that is refused, then RSET; the replies.

        When no reply comes in so many ``seconds``, the last one is ours.
        """
        self._replies = parser = ReplyParser()
        replies: list[ServerReply] = []
        for octets in commands:
            replies.append(await self._answer(parser, octets, seconds))
            if not replies[-1].is_positive:
                break
        last = replies[-1]
        if not last.is_local and last.code != 421:
            last = await self._answer(parser, RSET, seconds)
        if last.is_local or last.code == 421:
            self.abort()
        self._replies = None
        return replies

    async def leave(self) -> None:
        """Say QUIT, where there is somebody to say it to, and see that the socket is closed."""
        if not self._is_gone:
            await self.quit()
        self.abort()

    async def _answer(self, parser: ReplyParser, octets: bytes, seconds: float) -> ServerReply:
        if self._transport is not None:
            self._transport.write(octets)
        try:
            async with asyncio.timeout(seconds):
                while True:
                    self._news.clear()
                    reply = parser.next_reply()
                    if reply is not None:
                        return reply
                    if self._is_gone:
                        return local_reply(451, "4.4.2", "The server closed the connection")
                    await self._news.wait()
        except TimeoutError:
            return local_reply(451, "4.4.2", f"no answer in {seconds:g} seconds")
        except ServerFault as fault:
            return local_reply(451, "4.5.0", f"the server broke the protocol: {fault.reason}")
