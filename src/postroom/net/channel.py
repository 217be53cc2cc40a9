"""A connection to a server of others that is asked and answers: octets, deadlines, TLS.

Reading stops while nobody takes what has come, so a server can't fill the memory. Every wait
has an end. What was said in clear before TLS is never taken for something said inside.
"""

import abc
import asyncio
import contextlib
import ssl
from collections.abc import Sequence
from typing import Final, Literal, Self, cast

from postroom.errors import Refused
from postroom.net.outbound import ConnectFailed, connect, reason
from postroom.net.transports import cut

HIGH_WATER: Final = 1 << 20  # octets that wait to be taken
SECONDS: Final = 60.0
_HANDSHAKE_SECONDS: Final = 30.0

Tls = Literal["implicit", "starttls", "none"]


class RemoteFailed(Refused):
    """A server of others can't be used, or said no; the message says which and why.

    ``is_login``: it does not accept who we are. ``is_answer``: it said no to one command, and
    would hear another. ``is_certificate``: its certificate is not accepted.
    """

    kind = "remote-failed"

    def __init__(
        self,
        message: str,
        *,
        is_login: bool = False,
        is_answer: bool = False,
        is_certificate: bool = False,
    ) -> None:
        self.is_certificate = is_certificate
        self.is_login = is_login
        self.is_answer = is_answer
        super().__init__(message)


class Channel(asyncio.Protocol):
    """One connection; ``open`` makes it."""

    def __init__(self, host: str, seconds: float = SECONDS) -> None:
        self.host = host
        self._seconds = seconds
        self._transport: asyncio.Transport | None = None
        self._data = bytearray()
        self._news = asyncio.Event()
        self._is_lost = False
        self._is_paused = False

    @classmethod
    async def open(
        cls,
        host: str,
        addresses: Sequence[str],
        port: int,
        *,
        context: ssl.SSLContext | None,
        seconds: float = SECONDS,
    ) -> "Channel":
        """Connect; with a ``context`` TLS comes first. Raises RemoteFailed."""
        try:
            found = await connect(
                addresses,
                port,
                lambda: cls(host, seconds),
                tls=(context, host) if context is not None else None,
                seconds=seconds,
            )
        except ConnectFailed as error:
            why = error.reason.removeprefix(f"{host}: ")
            raise RemoteFailed(
                f"{host}, port {port}: {why}", is_certificate=error.is_certificate
            ) from error
        return found.protocol

    # What the loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Octets of the server."""
        self._data += data
        if len(self._data) > HIGH_WATER and self._transport is not None:
            self._transport.pause_reading()
            self._is_paused = True
        self._news.set()

    def eof_received(self) -> bool:
        """The server says nothing more."""
        self._is_lost = True
        self._news.set()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        del exc
        self._is_lost = True
        self._news.set()

    # What clients ask

    def write(self, octets: bytes) -> None:
        """Say something. Commands are short: nobody waits for them to be read."""
        if self._transport is not None and octets and not self._is_lost:
            self._transport.write(octets)

    async def read(self) -> bytes:
        """What has come, at least one octet. Raises RemoteFailed at the end, or when it is late."""
        while not self._data:
            if self._is_lost:
                raise RemoteFailed(f"{self.host}: the server closed the connection")
            self._news.clear()
            try:
                async with asyncio.timeout(self._seconds):
                    await self._news.wait()
            except TimeoutError:
                raise RemoteFailed(f"{self.host}: no answer in {self._seconds:g} s") from None
        octets = bytes(self._data)
        self._data.clear()
        if self._is_paused and self._transport is not None:
            self._is_paused = False
            self._transport.resume_reading()
        return octets

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Begin TLS, with the certificate checked for the host. Raises RemoteFailed."""
        if self._data or self._transport is None or self._is_lost:
            raise RemoteFailed(f"{self.host}: something was said between STARTTLS and TLS")
        try:
            transport = await asyncio.get_running_loop().start_tls(
                self._transport,
                self,
                context,
                server_hostname=self.host,
                ssl_handshake_timeout=_HANDSHAKE_SECONDS,
            )
        except (OSError, ValueError) as error:
            raise RemoteFailed(
                f"{self.host}: {reason(error) if isinstance(error, OSError) else error}",
                is_certificate=isinstance(error, ssl.SSLCertVerificationError),
            ) from error
        if transport is None:
            raise RemoteFailed(f"{self.host}: the server closed the connection")
        self._transport = transport

    async def close(self) -> None:
        """End it, at once if it must be."""
        if self._transport is not None:
            self._transport.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    while not self._is_lost:
                        self._data.clear()
                        self._news.clear()
                        await self._news.wait()
            cut(self._transport)


class Remote(abc.ABC):
    """A server of others that speaks one protocol. Every method raises RemoteFailed."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    @classmethod
    async def open(
        cls,
        host: str,
        addresses: Sequence[str],
        port: int,
        tls: Tls,
        context: ssl.SSLContext,
        seconds: float = SECONDS,
    ) -> Self:
        """Connect, up to where a login may come."""
        channel = await Channel.open(
            host, addresses, port, context=context if tls == "implicit" else None, seconds=seconds
        )
        remote = cls(channel)
        try:
            await remote._greet()
            if tls == "starttls":
                await remote._start_tls(context)
        except BaseException:
            await channel.close()
            raise
        return remote

    @abc.abstractmethod
    async def _greet(self) -> None:
        """Hear the greeting, and what the server can."""

    @abc.abstractmethod
    async def _start_tls(self, context: ssl.SSLContext) -> None:
        """Go over to TLS, or raise; what was said in clear counts no more."""
