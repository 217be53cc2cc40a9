"""Connections to other servers: the first of several addresses that answers.

Addresses are tried in the order given, the families by turns, each a quarter of a second
after the one before it or as soon as that has failed; the first connection wins, the others
are closed. A source address can be chosen for each family. TLS, where it comes first, is
part of connecting.

Names are not looked up here, nor is it decided which addresses are allowed: callers hand
over addresses that were checked. RFC 8305 §4 and §5 (in short), RFC 5321 §5.1.
"""

import asyncio
import contextlib
import ipaddress
import itertools
import os
import socket
import ssl
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Generic, TypeAlias, TypeVar

import msgspec

from postroom.errors import Temporary

CONNECT_SECONDS: Final = 30.0
STAGGER_SECONDS: Final = 0.25  # RFC 8305 §5: "Connection Attempt Delay"
MOST_ADDRESSES: Final = 10  # a hostile zone may name hundreds

ProtocolT = TypeVar("ProtocolT", bound=asyncio.BaseProtocol)
Tls: TypeAlias = tuple[ssl.SSLContext, str]  # and the name that the certificate must have


class Connected(msgspec.Struct, Generic[ProtocolT], frozen=True):
    """An open connection; ``address`` is the one that answered."""

    transport: asyncio.Transport
    protocol: ProtocolT
    address: str


class ConnectFailed(Temporary):
    """No address answered (RFC 3463 X.4.1). ``attempts`` has the reason of each address tried.

    ``has_answered``: a server did, but TLS, which comes first, failed; ``is_certificate``:
    because its certificate is not accepted.
    """

    code = 451
    status = "4.4.1"
    text = "No answer from the other server, please try again later"

    def __init__(
        self,
        reason: str,
        attempts: Sequence[tuple[str, str]] = (),
        *,
        has_answered: bool = False,
        is_certificate: bool = False,
    ) -> None:
        """``reason`` is all of it in one line."""
        self.reason = reason
        self.has_answered = has_answered
        self.is_certificate = is_certificate
        self.attempts = tuple(attempts)
        super().__init__(detail=reason)


async def connect(
    addresses: Sequence[str],
    port: int,
    protocol_factory: Callable[[], ProtocolT],
    *,
    local_addresses: Iterable[str] = (),
    tls: Tls | None = None,
    seconds: float = CONNECT_SECONDS,
    stagger: float = STAGGER_SECONDS,
) -> Connected[ProtocolT]:
    """Connect to ``port`` of one of the addresses, in at most ``seconds``.

    ``local_addresses`` has at most one source address of each family. ``protocol_factory``
    is called once, for the connection that won. Raises ConnectFailed, and ValueError for a
    source address that is none.
    """
    race = _Race(port, {_family(one): one for one in local_addresses})
    try:
        async with asyncio.timeout(seconds):
            address, ours = await race.run(interleaved(addresses)[:MOST_ADDRESSES], stagger)
            transport, protocol = await _opened(address, ours, protocol_factory, tls)
    except TimeoutError:
        race.close()
        raise race.failed(f"no answer in {seconds:g} s") from None
    except BaseException:
        race.close()
        raise
    return Connected(transport, protocol, address)


def interleaved(addresses: Iterable[str]) -> list[str]:
    """The families by turns, each in its order; doubles are left out (RFC 8305 §4)."""
    unique = list(dict.fromkeys(addresses))
    first = [one for one in unique if (":" in one) == (":" in unique[0])]
    other = [one for one in unique if (":" in one) != (":" in unique[0])]
    pairs = itertools.zip_longest(first, other)
    return [one for pair in pairs for one in pair if one is not None]


class _Race:
    """Attempts side by side; whichever is first keeps its socket, all others are closed."""

    def __init__(self, port: int, sources: dict[socket.AddressFamily, str]) -> None:
        self._port = port
        self._sources = sources
        self._reasons: dict[str, str] = {}
        self._winner: tuple[str, socket.socket] | None = None

    async def run(self, addresses: Sequence[str], stagger: float) -> tuple[str, socket.socket]:
        """The address that answered and its socket; raises ConnectFailed when none did."""
        waiting = list(reversed(addresses))
        tasks: set[asyncio.Task[None]] = set()
        try:
            while self._winner is None and (waiting or tasks):
                if waiting:
                    tasks.add(asyncio.create_task(self._attempt(waiting.pop())))
                _, tasks = await asyncio.wait(
                    tasks,
                    timeout=stagger if waiting else None,
                    return_when=asyncio.FIRST_COMPLETED,
                )
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._winner is None:
            raise self.failed()
        return self._winner

    async def _attempt(self, address: str) -> None:
        """Never raises but when cancelled."""
        self._reasons[address] = ""
        try:
            family = _family(address)
            with contextlib.ExitStack() as closing:
                ours = closing.enter_context(socket.socket(family, socket.SOCK_STREAM))
                ours.setblocking(False)
                self._bind(ours, family)
                loop = asyncio.get_running_loop()
                await loop.sock_connect(ours, (address, self._port))
                if self._winner is None:
                    self._winner = address, ours
                    closing.pop_all()
        except OSError as error:
            self._reasons[address] = reason(error)
        except ValueError:
            self._reasons[address] = "not an IP address"

    def _bind(self, ours: socket.socket, family: socket.AddressFamily) -> None:
        source = self._sources.get(family)
        if source is None:
            return
        try:
            ours.bind((source, 0))
        except OSError as error:
            raise OSError(f"can't send from {source}: {reason(error)}") from error

    def failed(self, unfinished: str = "no answer") -> ConnectFailed:
        """What became of each attempt; ``unfinished`` is said of those under way."""
        attempts = [(address, why or unfinished) for address, why in self._reasons.items()]
        told = "; ".join(f"{address}: {why}" for address, why in attempts)
        return ConnectFailed(told or "there is no address to connect to", attempts)

    def close(self) -> None:
        """Nobody wants the winner's socket."""
        if self._winner is not None:
            self._winner[1].close()


async def _opened(
    address: str, ours: socket.socket, protocol_factory: Callable[[], ProtocolT], tls: Tls | None
) -> tuple[asyncio.Transport, ProtocolT]:
    context, name = tls or (None, None)
    try:
        return await asyncio.get_running_loop().create_connection(
            protocol_factory, sock=ours, ssl=context, server_hostname=name
        )
    except OSError as error:
        why = reason(error)
        raise ConnectFailed(
            f"{address}: {why}",
            [(address, why)],
            has_answered=True,
            is_certificate=isinstance(error, ssl.SSLCertVerificationError),
        ) from error


def _family(address: str) -> socket.AddressFamily:
    """Raises ValueError for what is no address: a name would be looked up by the system."""
    is_ipv6 = ipaddress.ip_address(address).version == 6
    return socket.AF_INET6 if is_ipv6 else socket.AF_INET


def reason(error: OSError) -> str:
    """Why a connection, or TLS on it, failed, in plain words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {error.reason or error}"
    return os.strerror(error.errno) if error.errno else str(error)
