"""A connection of an HTTP listener: uvicorn's, with limits on what it may take of us.

uvicorn bounds neither how many connections there are, nor a header block, nor the time that a
request or its answer takes. So a connection has a place among all others of the server before
its TLS handshake begins; and each thing that the peer must do has its time:

- a header block: ``HEAD_SECONDS``, and ``MAX_HEAD`` octets with its request line;
- a body: ``LEAST_RATE`` octets a second, with ``BODY_SECONDS`` to spare. Where the answer came
  before its end, the rest has ``LEFT_SECONDS``;
- to read the answer: ``WRITE_SECONDS`` for what waits in the transport.

The time that we take ourselves does not count.
"""

import asyncio
from typing import Any, Final, Protocol

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from postroom.telemetry import sink
from postroom.telemetry.session_events import ConnectionRefused, TlsFailed

MAX_HEAD: Final = 65_536
MAX_WAITING: Final = 16  # requests that came before the answer to the one before them
LEAST_RATE: Final = 500
END: Final = "postroom.end"
"""Where the scope of a request has what ends an answer that would else go on for ever."""

_FULL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 60\r\n"
    b"Content-Length: 21\r\nContent-Type: text/plain\r\n\r\nToo many connections\n"
)


class Places(Protocol):
    """The places of all connections, those of mail as well."""

    def enter(self, address: str) -> str:
        """Why a connection gets none; "" when it has one, which it must ``leave``."""

    def leave(self, address: str) -> None:
        """The connection has ended."""


class Patience(msgspec.Struct, frozen=True):
    """Seconds that a peer has for what it must do."""

    head: float = 30.0
    body: float = 60.0
    left: float = 10.0
    write: float = 60.0


class Desk(msgspec.Struct, frozen=True):
    """What the connections of one listener share."""

    places: Places
    protocol: str = "http"
    patience: Patience = Patience()


class Connection(HttpToolsProtocol):
    """One connection."""

    def __init__(self, desk: Desk, **shared: Any) -> None:
        """``shared`` is what uvicorn hands to its protocols."""
        super().__init__(**shared)
        self._desk = desk
        self._address = ""
        self._has_place = False
        self._has_begun = False  # uvicorn knows the connection
        self._unread = 0  # octets of a header block, or of trailers
        self._has_part = False  # of a header block, whose time runs
        self._has_request = False  # whose end has not come
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0

    def admit(self, peer: tuple[str, int]) -> bool:
        """Take a place, or be turned away; before a TLS handshake."""
        self._address = peer[0]
        refused = self._desk.places.enter(self._address)
        if refused:
            door = self._desk.protocol
            sink.emit(ConnectionRefused(peer=self._address, door=door, reason=refused))
            return False
        self._has_place = True
        return True

    def fail_tls(self, error: OSError) -> None:
        """The handshake failed, there is no connection."""
        reason = str(error) or type(error).__name__
        sink.emit(TlsFailed(peer=self._address, door=self._desk.protocol, reason=reason))
        self._leave()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Octets can come; inside TLS where that is spoken."""
        if not self._has_place and not self.admit(transport.get_extra_info("peername")):
            transport.write(_FULL)
            transport.close()
            return
        self._has_begun = True
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """The place is free."""
        self._leave()
        if self._has_begun:
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Octets of requests."""
        if not self._has_begun or self.transport.is_closing():
            return
        if not self._has_request and self._is_free:
            self._expect_head()
        self._unread += len(data)
        if self._has_request and not self._is_free:
            spared = self.loop.time() + self._desk.patience.body
            self._deadline = min(spared, self._deadline + len(data) / LEAST_RATE)
        super().data_received(data)
        if self._unread > MAX_HEAD and not self.transport.is_closing():
            self._turn_away()

    def on_message_begin(self) -> None:
        """The first octets of a request."""
        if len(self.pipeline) >= MAX_WAITING:
            raise ValueError("too many requests at once")
        self._expect_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A header block has come whole."""
        self._unread = 0
        self._has_part = False
        self._has_request = True
        self._allow(self._desk.patience.body)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Octets of a body."""
        self._unread = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request has come whole."""
        self._unread = 0
        self._has_request = False
        self._rest()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer was given; what is missing of its request has little time."""
        super().on_response_complete()
        patience = self._desk.patience
        self._allow(patience.left if self._has_request else patience.write)

    def shutdown(self) -> None:
        """The server ends: no further request, and answers without an end come to theirs."""
        super().shutdown()
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not cycle.response_complete:
            scope: dict[str, Any] = cycle.scope  # type: ignore[assignment]
            scope.get(END, lambda: None)()

    def pause_writing(self) -> None:
        """The peer reads slowly."""
        super().pause_writing()
        self._allow(self._desk.patience.write)

    def resume_writing(self) -> None:
        """It has read."""
        super().resume_writing()
        if self._has_request:
            self._allow(self._desk.patience.body)
        else:
            self._rest()

    def _expect_head(self) -> None:
        """Octets before the first of a request, or this, begin its time; more don't."""
        if not self._has_part:
            self._has_part = True
            self._allow(self._desk.patience.head)

    @property
    def _is_free(self) -> bool:
        """No request waits for its answer."""
        cycle: RequestResponseCycle | None = self.cycle  # None until the first
        return cycle is None or cycle.response_complete

    def _leave(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._has_place:
            self._has_place = False
            self._desk.places.leave(self._address)

    def _allow(self, seconds: float) -> None:
        """From now on, for the next thing that the peer must do."""
        self._deadline = self.loop.time() + seconds
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_at(self._deadline, self._look) if self._has_place else None

    def _rest(self) -> None:
        """The peer need do nothing: it waits for us, or uvicorn for it."""
        if self._timer is not None and not self.flow.write_paused:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        if self.flow.read_paused and not self.flow.write_paused:  # we are slow, not the peer
            self._allow(self._desk.patience.body)
        elif self.loop.time() < self._deadline:
            self._timer = self.loop.call_at(self._deadline, self._look)
        else:
            self.transport.abort()

    def _turn_away(self) -> None:
        if self._is_free:
            self.send_400_response("The header block is too large.")
        else:  # an answer to an earlier request is on its way
            self.transport.abort()
