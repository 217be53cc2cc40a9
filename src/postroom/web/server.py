"""uvicorn inside our own event loop, on sockets that are already bound.

uvicorn's own signal handlers are left out: ``app`` owns SIGTERM and tells ``stop``.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpDoor:
    """One HTTP or HTTPS listener."""

    def __init__(
        self,
        application: ASGIApp,
        sockets: list[socket.socket],
        *,
        context: ssl.SSLContext | None = None,
    ) -> None:
        """With a ``context`` it speaks TLS."""
        self._sockets = sockets
        config = uvicorn.Config(
            application,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=5,
        )
        config.load()
        config.ssl = context
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to serve in a task of its own."""
        self._task = asyncio.create_task(self._server.serve(sockets=self._sockets))

    async def stop(self) -> None:
        """Finish what runs (5 s at most) and close."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
        for listener in self._sockets:
            listener.close()
