"""A client that listens to an event stream."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from starlette.types import Message

from tests.web.jmap.client import Client

PATIENCE = 20.0  # seconds for an event that must come


class Listener:
    """What has come of one stream."""

    def __init__(self) -> None:
        self.status = 0
        self.body = b""
        self.scope: dict[str, Any] = {}
        self._events: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._begun = asyncio.Event()
        self._left = asyncio.Event()
        self._text = ""

    async def next(self) -> dict[str, Any] | None:
        """The next event: its fields, ``data`` as JSON; None at the end of the stream."""
        async with asyncio.timeout(PATIENCE):
            return await self._events.get()

    async def changed(self) -> Any:
        """What the next state event says."""
        found = await self.next()
        assert found is not None
        assert found["event"] == "state", found
        assert found["data"]["@type"] == "StateChange"
        return found["data"]["changed"]

    async def started(self) -> "Listener":
        """Once the response has begun."""
        async with asyncio.timeout(PATIENCE):
            await self._begun.wait()
        return self

    async def receive(self) -> Message:
        """ASGI: the client says nothing, and leaves at last."""
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """ASGI."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            return
        self.body += message["body"]
        self._text += message["body"].decode()
        while "\n\n" in self._text:
            block, _, self._text = self._text.partition("\n\n")
            lines = [line.partition(": ") for line in block.split("\n") if line[:1] != ":"]
            event: dict[str, Any] = {name: value for name, _, value in lines}
            if event:
                self._events.put_nowait({**event, "data": json.loads(event["data"])})
        self._begun.set()
        if not message.get("more_body", False):
            self._events.put_nowait(None)

    def leave(self) -> None:
        """The client goes."""
        self._left.set()


@contextlib.asynccontextmanager
async def listening(
    client: Client, query: str = "", headers: Mapping[str, str] | None = None
) -> AsyncIterator[Listener]:
    """A stream that is open."""
    found = Listener()
    fields = {"authorization": client.authorization, "host": "mx.demo.test", **(headers or {})}
    found.scope = {
        "type": "http",
        "method": "GET",
        "path": "/jmap/events",
        "raw_path": b"/jmap/events",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in fields.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 443),
        "scheme": "https",
        "http_version": "1.1",
    }
    running = asyncio.ensure_future(client.application(found.scope, found.receive, found.send))
    try:
        yield await found.started()
    finally:
        found.leave()
        async with asyncio.timeout(PATIENCE):
            await running
