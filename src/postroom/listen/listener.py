"""A listener: sockets on one port, and a door for each connection.

Where TLS begins with the first octet (RFC 8314 §3) connections are accepted here, so that
caps count before the handshake and a handshake that fails is told. Elsewhere the loop
accepts, which is quicker.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import Final, Protocol, cast

from postroom.listen.door import HANDSHAKE_SECONDS, Contexts

BACKLOG: Final = 1024
PAUSE: Final = 0.5  # seconds without a new connection when the system has no more files


class Guest(Protocol):
    """What is made for each connection: an ``asyncio.Protocol`` that is counted."""

    def admit(self, peer: tuple[str, int]) -> bool:
        """Count the connection, or turn it away."""

    def fail_tls(self, error: OSError) -> None:
        """The handshake failed, and the connection is over."""


def always(context: ssl.SSLContext) -> Contexts:
    """One context for all handshakes; what it shows may change by itself."""
    return lambda: context


class Listener:
    """Opens with ``open``; ``close`` closes the sockets and leaves the doors alone."""

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        make: Callable[[], Guest],
        *,
        implicit_tls: Contexts | None = None,
    ) -> None:
        """``sockets`` listen already and are ours from here on."""
        self._sockets = sockets
        self._make = make
        self._contexts = implicit_tls
        self._servers: list[asyncio.Server] = []
        self._accepting: list[asyncio.Task[None]] = []
        self._handshakes: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """The port; of several addresses the first one's."""
        port = self._sockets[0].getsockname()[1]
        return int(port)

    async def open(self) -> None:
        """Accept connections from now on."""
        loop = asyncio.get_running_loop()
        make = cast("Callable[[], asyncio.Protocol]", self._make)
        for listening in self._sockets:
            listening.setblocking(False)
            if self._contexts is None:
                self._servers.append(
                    await loop.create_server(make, sock=listening, backlog=BACKLOG)
                )
            else:
                self._accepting.append(loop.create_task(self._accept(listening, self._contexts)))

    async def close(self) -> None:
        """Accept nothing more; handshakes that are not finished are given up."""
        for server in self._servers:
            server.close()
        tasks = [*self._accepting, *self._handshakes]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for listening in self._sockets:
            listening.close()

    async def _accept(self, listening: socket.socket, contexts: Contexts) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, peer = await loop.sock_accept(listening)
            except OSError:  # out of files, or the peer has gone already
                await asyncio.sleep(PAUSE)
                continue
            door = self._make()
            if not door.admit(peer):
                connection.close()
                continue
            task = loop.create_task(_begin(door, connection, contexts))
            self._handshakes.add(task)
            task.add_done_callback(self._handshakes.discard)


async def _begin(door: Guest, connection: socket.socket, contexts: Contexts) -> None:
    """The handshake, and from there on the door."""
    loop = asyncio.get_running_loop()
    try:
        await loop.connect_accepted_socket(
            lambda: cast("asyncio.Protocol", door),
            connection,
            ssl=contexts(),
            ssl_handshake_timeout=HANDSHAKE_SECONDS,
        )
    except OSError as error:
        connection.close()
        door.fail_tls(error)
    except asyncio.CancelledError:
        connection.close()
        door.fail_tls(ConnectionAbortedError("the server is going down"))
        raise
