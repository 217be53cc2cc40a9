"""uvicorn inside our own event loop; who listens and accepts is somebody else.

uvicorn's own signal handlers are left out: ``app`` owns SIGTERM and tells ``stop``.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Final, Protocol

import uvicorn
from starlette.types import ASGIApp

from postroom.web.connection import Connection, Desk

# Browsers come back with TLS only (RFC 6797); they ignore it where the certificate is not trusted.
_STRICT: Final = [("Strict-Transport-Security", "max-age=31536000")]


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Listening(Protocol):
    """The sockets of one port, which make a connection of the door for each client."""

    async def open(self) -> None:
        """Accept connections from now on."""

    async def close(self) -> None:
        """Accept nothing more."""


class HttpDoor:
    """One HTTP or HTTPS listener."""

    def __init__(self, application: ASGIApp, desk: Desk) -> None:
        self._desk = desk
        self._config = uvicorn.Config(
            application,
            ws="none",
            log_config=None,
            log_level="error",  # a line for each request that is none would fill a disk
            access_log=False,
            headers=_STRICT if desk.protocol == "https" else [],
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=5,
        )
        self._config.load()
        self._server = _Server(self._config)
        self._listening: Listening | None = None
        self._task: asyncio.Task[None] | None = None

    def connection(self) -> Connection:
        """One for the next client."""
        return Connection(
            self._desk, config=self._config, server_state=self._server.server_state, app_state={}
        )

    async def start(self, listening: Listening) -> None:
        """Begin to serve who comes there, in a task of its own."""
        self._listening = listening
        self._task = asyncio.create_task(self._server.serve(sockets=[]))
        await listening.open()

    async def stop(self) -> None:
        """Finish what runs (5 s at most) and close."""
        if self._listening is not None:
            await self._listening.close()
        self._server.should_exit = True
        if self._task is not None:
            await self._task
