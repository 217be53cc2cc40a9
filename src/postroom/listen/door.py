"""What every door is: one connection, its task, its TLS, its deadlines and its pressure.

A door is an ``asyncio.Protocol`` (streams would run what was pipelined after STARTTLS as
if it were inside TLS). A subclass writes ``serve``, which runs in one task a connection:

    while not finished:
        session.receive(self.take())
        ...                                  # answer events; self.write(octets)
        await self.flush()                   # the client reads slowly: wait for it
        await self.wait(self.now() + 300)    # octets, end of input, attend() or stop()

``wait`` and ``flush`` raise ``Expired`` at their deadline. What has arrived is kept until
``take``; above 64 KiB reading pauses, so a connection never holds more than that and one
read. After STARTTLS the order is: ``pause`` before the reply is written, refuse if
anything is ``buffered``, ``start_tls``, forget everything. What arrives while the
handshake ends (stdlib asyncio hands it over before ``start_tls`` returns) waits in the
buffer like all input, for the task reads it only after that. TLS from the first octet is
begun by ``Listener``: both loops may read a ClientHello before a door could pause.
"""

import abc
import asyncio
import ssl
import traceback
from collections.abc import Callable
from typing import Final, cast

from postroom.directory.login import Identity
from postroom.errors import OutcomeUnknown
from postroom.listen.connections import NEVER, Connections, Owner
from postroom.net.networks import network_of
from postroom.net.transports import cut
from postroom.telemetry.session_events import (
    ConnectionClosed,
    ConnectionOpened,
    ConnectionRefused,
    SessionFailed,
    TlsFailed,
)
from postroom.telemetry.sink import emit

HIGH_WATER: Final = 65_536  # octets of input that may wait
HANDSHAKE_SECONDS: Final = 60.0
LINGER_SECONDS: Final = 2.0  # for the peer to read our last words
HASTY_SECONDS: Final = 0.5  # the same when the server goes down
WRITE_SECONDS: Final = 300.0  # for a peer that does not read, RFC 5321 §4.5.3.2

EXPELLED: Final = "The account or the password has changed, log in again"
"""What a client is told whose login has ended."""

Contexts = Callable[[], ssl.SSLContext]  # asked at each handshake: certificates change


class Expired(Exception):
    """The peer did nothing for too long."""


class Door(asyncio.Protocol, abc.ABC):
    """One connection. ``protocol`` is the name of its listener's protocol."""

    __slots__ = (
        "_connections",
        "_contexts",
        "_drained",
        "_has_left",
        "_inbound",
        "_is_attended",
        "_is_closing",
        "_is_eof",
        "_is_full",
        "_is_implicit",
        "_is_lost",
        "_is_paused",
        "_is_upgrading",
        "_loop",
        "_opened_at",
        "_task",
        "_transport",
        "_waiter",
        "address",
        "deadline",
        "identity",
        "is_expelled",
        "is_stopping",
        "port",
        "protocol",
        "reason",
        "session_id",
        "tls",
        "unwelcome",
    )

    def __init__(
        self,
        connections: Connections,
        protocol: str,
        *,
        contexts: Contexts | None = None,
        implicit_tls: bool = False,
    ) -> None:
        """Without ``contexts`` there is no TLS here; ``implicit_tls``: see ``Listener``."""
        self._connections = connections
        self._contexts = contexts
        self._is_implicit = implicit_tls
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._inbound = b""
        self._opened_at = 0.0
        self._has_left = True
        self._is_attended = False
        self._is_closing = False
        self._is_eof = False
        self._is_full = False
        self._is_lost = False
        self._is_paused = False
        self._is_upgrading = False
        self.protocol = protocol
        self.address = ""
        self.port = 0
        self.reason = ""  # why the connection ended, for the log; "" when all was well
        self.session_id = ""
        self.unwelcome = ""  # what ``is_unwelcome`` has said
        self.tls = ""  # "TLSv1.3 TLS_AES_256_GCM_SHA384" once it is on
        self.deadline = NEVER
        self.is_stopping = False
        self.is_expelled = False  # the login has ended
        self.identity: Identity | None = None  # who has logged in

    # For subclasses to write

    @abc.abstractmethod
    async def serve(self) -> None:
        """Serve the connection until it is over."""

    @abc.abstractmethod
    def last_words(self, reason: str) -> bytes:
        """What to tell a peer that gets no service: "unwelcome", "full" or "failed"."""

    def is_unwelcome(self) -> str:
        """Why this peer is turned away at once, such as a ban; "" when it is not."""
        return ""

    # What the task asks and tells

    def now(self) -> float:
        """Seconds by the clock of the connections, for deadlines."""
        return self._connections.clock()

    @property
    def is_over(self) -> bool:
        """No more octets will come: the peer has ended its side, or is gone."""
        return self._is_eof or self._is_lost

    @property
    def is_lost(self) -> bool:
        """The connection is gone: nothing that is written arrives."""
        return self._is_lost

    @property
    def is_full(self) -> bool:
        """The peer reads too slowly: ``flush`` waits for it."""
        return self._is_full

    @property
    def has_tls(self) -> bool:
        """Whether TLS can be started or is on."""
        return self._contexts is not None

    @property
    def certified(self) -> tuple[str, ...]:
        """The mail addresses in the certificate that the client has proved (RFC 5280 §4.2.1.6).

        Empty without TLS, without a certificate, and where none is asked for.
        """
        found = self._transport.get_extra_info("peercert") if self.tls and self._transport else None
        return tuple(
            text for kind, text in (found or {}).get("subjectAltName", ()) if kind == "email"
        )

    @property
    def buffered(self) -> int:
        """Octets that came and were not taken."""
        return len(self._inbound)

    def take(self) -> bytes:
        """All that came since the last time."""
        octets, self._inbound = self._inbound, b""
        if self._is_paused:
            self.resume()
        return octets

    async def wait(self, until: float) -> None:
        """Until input, its end, ``attend`` or ``stop``; raises Expired at ``until``."""
        if not (self._inbound or self._is_eof or self._is_lost or self._is_attended):
            self._waiter = self._loop.create_future()
            self.deadline = until
            try:
                await self._waiter
            finally:
                self._waiter = None
                self.deadline = NEVER
        self._is_attended = False

    def attend(self) -> None:
        """Something happened that ``wait`` should not sleep through."""
        self._is_attended = True
        self._wake()

    def write(self, octets: bytes) -> None:
        """Send; the octets may wait in the transport (see ``flush``)."""
        if octets and self._transport is not None and not self._is_closing:
            self._transport.write(octets)

    async def flush(self) -> None:
        """Wait while the peer reads too slowly; raises Expired if it does not read."""
        if self._is_full and not self._is_lost:
            self._drained = self._loop.create_future()
            self.deadline = self.now() + WRITE_SECONDS
            try:
                await self._drained
            finally:
                self._drained = None
                self.deadline = NEVER

    async def send(self, octets: bytes) -> None:
        """Write and flush."""
        self.write(octets)
        if self._is_full:
            await self.flush()

    def pause(self) -> None:
        """Read nothing more from the socket until ``resume`` or ``start_tls``."""
        if self._transport is not None and not self._is_paused and not self._is_upgrading:
            self._is_paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read again."""
        if self._transport is not None and self._is_paused and not self._is_upgrading:
            self._is_paused = False
            if not self._transport.is_closing():
                self._transport.resume_reading()

    async def start_tls(self) -> bool:
        """Change to TLS as the server; False: it failed and the connection is cut.

        The caller has paused reading, checked that nothing is buffered, and answered.
        """
        if self._contexts is None or self._inbound:
            raise RuntimeError("TLS cannot begin here")
        if self._transport is None or self._transport.is_closing():
            return False
        self._is_upgrading = True
        try:
            transport = await self._loop.start_tls(
                self._transport,
                self,
                self._contexts(),
                server_side=True,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
            )
        except OSError as error:
            self.fail_tls(error)
            self.abort()
            return False
        finally:
            self._is_upgrading = False
        if transport is None or self._is_lost:
            return False
        self._transport = transport
        self._is_paused = False
        self.tls = _describe(transport)
        if self._is_closing:
            cut(transport)
        return not self._is_closing

    def close(self, *, linger: bool = True) -> None:
        """End the connection after all that was written.

        ``linger``: the peer may still be sending; read and forget that for a moment, for
        an early close would reset the connection and destroy our last words.
        """
        if self._is_closing or self._transport is None:
            return
        self._is_closing = True
        self._inbound = b""
        self.deadline = self.now() + (HASTY_SECONDS if self.is_stopping else LINGER_SECONDS)
        if linger and not self.tls and not self.is_over and not self._transport.is_closing():
            self.resume()
            try:
                self._transport.write_eof()
            except OSError:  # the peer has reset the connection; the loop will hear of it
                self._transport.close()
        else:
            self._transport.close()

    def abort(self) -> None:
        """Cut the connection: what was written may be lost."""
        self._is_closing = True
        if self._transport is not None:
            cut(self._transport)

    # What Connections and Listener tell

    def admit(self, peer: tuple[str, int]) -> bool:
        """Count the connection, or turn it away."""
        self.address = _plain(peer[0])
        self.port = peer[1]
        self.unwelcome = self.is_unwelcome()
        refused = self.unwelcome or self._connections.caps.enter(self.address)
        if refused:
            emit(ConnectionRefused(peer=self.address, door=self.protocol, reason=refused))
            return False
        self._opened_at = self.now()
        self._has_left = False
        self.session_id = self._connections.new_session()
        self._connections.add(self)
        emit(ConnectionOpened(session=self.session_id, peer=self.address, door=self.protocol))
        return True

    def fail_tls(self, error: OSError) -> None:
        """The handshake failed; without a transport yet, that was all."""
        self.reason = "TLS failed"
        emit(
            TlsFailed(
                session=self.session_id,
                peer=self.address,
                door=self.protocol,
                reason=str(error) or type(error).__name__,
            )
        )
        if self._transport is None:
            self._is_lost = True
            self._leave()

    @property
    def task(self) -> asyncio.Task[None] | None:
        """The task that serves the connection."""
        return self._task

    def expire(self) -> None:
        """The deadline has passed: wake the task with Expired, or cut the connection."""
        self.deadline = NEVER
        if self._is_closing:
            self.abort()
            return
        self.reason = "deadline"
        for waiting in (self._waiter, self._drained):
            if waiting is not None and not waiting.done():
                waiting.set_exception(Expired())

    def stop(self) -> None:
        """The server goes down: ``serve`` sees ``is_stopping`` when it next waits."""
        self.is_stopping = True
        self.attend()

    @property
    def owner(self) -> Owner | None:
        """Who has logged in, and with what."""
        one = self.identity
        return None if one is None else (one.account_id, one.credential_id)

    def expel(self) -> None:
        """What it has logged in with is gone: as ``stop``, and ``is_expelled``."""
        self.is_expelled = True
        self.stop()

    # What the transport tells (asyncio.Protocol)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection, or turn it away."""
        stream = cast("asyncio.Transport", transport)  # uvloop's are no subclass
        self._transport = stream
        if self._is_implicit:
            self.tls = _describe(stream)
        elif not (peer := stream.get_extra_info("peername")):  # gone already
            self.abort()
            return
        elif not self.admit(peer):
            self._is_closing = True
            stream.write(self.last_words("unwelcome" if self.unwelcome else "full"))
            stream.close()
            return
        self._task = self._loop.create_task(self._run())

    def data_received(self, data: bytes) -> None:
        """Keep what came; wake the task."""
        if self._is_closing:
            return
        self._inbound = self._inbound + data if self._inbound else data
        if len(self._inbound) > HIGH_WATER:
            self.pause()
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def eof_received(self) -> bool:
        """Keep our side open: the replies to what came before the end are still due."""
        self._is_eof = True
        self._wake()
        if self._is_closing and self._transport is not None:
            self._transport.close()
        return not self.tls

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake the task; it sees ``is_lost``."""
        if exc is not None and not self.reason:
            self.reason = type(exc).__name__
        self._is_lost = True
        self._is_closing = True
        self.deadline = NEVER
        self._wake()
        self.resume_writing()
        self._leave()

    def pause_writing(self) -> None:
        """The peer reads slowly."""
        self._is_full = True

    def resume_writing(self) -> None:
        """The peer has caught up, or is gone."""
        self._is_full = False
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    # Inside

    async def _run(self) -> None:
        try:
            await self.serve()
        except (Expired, OutcomeUnknown):
            self.abort()  # in the second case neither yes nor no would be true
        except Exception:  # noqa: BLE001  (a fault of ours costs a retry, never a message)
            self._report(traceback.format_exc())
            self.write(self.last_words("failed"))
        finally:
            self.close()
            self._task = None
            self._leave()

    def _leave(self) -> None:
        """Once the connection is lost and the task is done."""
        if self._has_left or not self._is_lost or self._task is not None:
            return
        self._has_left = True
        self._connections.caps.leave(self.address)
        self._connections.remove(self)
        emit(
            ConnectionClosed(
                session=self.session_id,
                peer=self.address,
                door=self.protocol,
                reason=self.reason,
                seconds=round(self.now() - self._opened_at, 3),
            )
        )

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _report(self, text: str) -> None:
        self.reason = "fault"
        emit(
            SessionFailed(
                session=self.session_id, peer=self.address, door=self.protocol, traceback=text
            )
        )


def _plain(address: str) -> str:
    """IPv4 as IPv4, IPv6 without a scope."""
    if "." in address and ":" in address:
        return network_of(address)
    return address.partition("%")[0]


def _describe(transport: asyncio.Transport) -> str:
    """Version and cipher, as Received fields name them."""
    tls = transport.get_extra_info("ssl_object")
    cipher = transport.get_extra_info("cipher")
    version = tls.version() if tls is not None else None
    return f"{version} {cipher[0]}" if version and cipher else "TLS"
