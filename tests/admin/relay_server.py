"""A small real mail server on loopback whose answers are written down: for trying relays out.

    async with RelayServer(offers=("PIPELINING", "AUTH PLAIN")) as server:
        server.port, server.lines

``replies`` replaces the answer to a verb; "" closes the connection instead, None stays silent.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

HOST: Final = "127.0.0.1"
_ANSWERS: Final = {
    "": "220 relay.test ESMTP ready",
    "STARTTLS": "220 go on",
    "AUTH": "235 2.7.0 welcome",
    "MAIL": "250 2.1.0 fine",
    "RCPT": "250 2.1.5 fine",
    "RSET": "250 2.0.0 forgotten",
    "QUIT": "221 2.0.0 bye",
}


@dataclass
class RelayServer:
    """One server; ``lines`` is what it was told, each connection's in order."""

    offers: Sequence[str] = ("PIPELINING", "SIZE 1000000")
    replies: Mapping[str, str | None] = field(default_factory=dict)
    context: ssl.SSLContext | None = None
    is_implicit: bool = False
    lines: list[str] = field(default_factory=list)
    port: int = 0

    async def __aenter__(self) -> Self:
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(
            self._connected, HOST, 0, ssl=self.context if self.is_implicit else None
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            with contextlib.suppress(OSError, ssl.SSLError, asyncio.IncompleteReadError):
                await self._talk(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        verb, has_tls = "", self.is_implicit
        while True:
            reply = self.replies[verb] if verb in self.replies else self._answer(verb, has_tls)
            if reply == "":
                return
            if reply is not None:
                writer.write(reply.encode() + b"\r\n")
                await writer.drain()
            if verb == "STARTTLS" and reply and reply.startswith("220") and self.context:
                await writer.start_tls(self.context)
                has_tls = True
            line = (await reader.readuntil(b"\r\n")).decode().removesuffix("\r\n")
            self.lines.append(line)
            verb = line.partition(" ")[0].upper()

    def _answer(self, verb: str, has_tls: bool) -> str:
        if verb not in {"EHLO", "HELO"}:
            return _ANSWERS.get(verb, "500 5.5.1 what?")
        starttls = ["STARTTLS"] if self.context and not has_tls else []
        lines = ["relay.test", *self.offers, *starttls]
        return "\r\n".join([*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}"])
