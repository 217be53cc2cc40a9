"""One try at one server: a query goes out over UDP or TCP, a reply comes in or does not.

Every try over UDP has a socket and so a port of its own, chosen by the system at random and
connected, so that only the server's own address can answer. What is no reply to this query
is passed over until the time is up: junk that comes first does not win (threat A8).

RFC 1035 §4.2, RFC 7766 (TCP), RFC 5452 §9 (ports and ids).
"""

import asyncio
import os
import socket
import struct
from typing import Final, Protocol, TypeAlias

import msgspec

from postroom.net.dns_message import Again, Failure, Query
from postroom.net.dns_records import Answer, Record
from postroom.net.dns_servers import Server

_MAX_DATAGRAM: Final = 4096  # we tell servers 1232; what is longer is cut and passed over
_LENGTH: Final = struct.Struct(">H")


class Silence(msgspec.Struct, frozen=True):
    """No reply came from the server."""

    reason: str


Outcome: TypeAlias = Answer[Record] | Failure | Again | Silence


class _Read(Protocol):
    def __call__(
        self, octets: bytes, query: Query, *, is_trusted: bool, is_authority: bool, over_tcp: bool
    ) -> Answer[Record] | Failure | Again: ...


_readers: list[_Read] = []
"""``dns_reply.read``, once it was imported."""


async def over_udp(server: Server, query: Query, seconds: float) -> Outcome:
    """Ask with a datagram. Never raises but when cancelled."""
    junk = 0
    try:
        with _socket(server, socket.SOCK_DGRAM) as ours:
            ours.connect((server.host, server.port))
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(seconds):
                await loop.sock_sendall(ours, query.octets)
                while True:
                    octets = await loop.sock_recv(ours, _MAX_DATAGRAM)
                    outcome = await _read(octets, query, server)
                    if outcome is not Again.IGNORED:
                        return outcome
                    junk += 1
    except TimeoutError:
        rubbish = f" ({junk} replies were malformed or not to our query)" if junk else ""
        return Silence(f"{server} did not answer in {seconds:g} s{rubbish}")
    except OSError as error:
        return Silence(f"{server} can't be asked: {_reason(error)}")


async def over_tcp(server: Server, query: Query, seconds: float) -> Outcome:
    """Ask over a connection of its own. Never raises but when cancelled."""
    try:
        with _socket(server, socket.SOCK_STREAM) as ours:
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(seconds):
                await loop.sock_connect(ours, (server.host, server.port))
                await loop.sock_sendall(ours, _LENGTH.pack(len(query.octets)) + query.octets)
                (size,) = _LENGTH.unpack(await _exactly(ours, _LENGTH.size))
                octets = await _exactly(ours, size)
    except TimeoutError:
        return Silence(f"{server} did not answer over TCP in {seconds:g} s")
    except OSError as error:
        return Silence(f"{server} can't be asked over TCP: {_reason(error)}")
    outcome = await _read(octets, query, server, over_tcp=True)
    if outcome is Again.IGNORED:
        return Failure(f"{server} sends no valid reply over TCP")
    return outcome


async def _read(
    octets: bytes, query: Query, server: Server, *, over_tcp: bool = False
) -> Answer[Record] | Failure | Again:
    if not _readers:
        _readers.append(await asyncio.to_thread(_reader))
    return _readers[0](
        octets, query, is_trusted=server.is_trusted, is_authority=server.is_authority,
        over_tcp=over_tcp,
    )  # fmt: skip


def _reader() -> _Read:
    """A megabyte and a half of modules: not on the loop, and not before there is a reply."""
    from postroom.net.dns_reply import read

    return read


def _socket(server: Server, kind: socket.SocketKind) -> socket.socket:
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    ours = socket.socket(family, kind)
    ours.setblocking(False)
    return ours


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)


async def _exactly(ours: socket.socket, size: int) -> bytes:
    loop = asyncio.get_running_loop()
    out = bytearray()
    while len(out) < size:
        octets = await loop.sock_recv(ours, size - len(out))
        if not octets:
            raise ConnectionResetError("the connection ended too early")
        out += octets
    return bytes(out)
