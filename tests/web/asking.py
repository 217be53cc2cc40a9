"""Asks an ASGI application, as a web server would."""

import asyncio
import urllib.parse
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from starlette.types import ASGIApp, Message


class Said(NamedTuple):
    """A whole response; names of header fields are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    cookies: Sequence[str] = ()


async def ask(
    application: ASGIApp,
    target: str,
    *,
    host: str = "localhost",
    method: str = "GET",
    body: bytes = b"",
    client: str = "127.0.0.1",
    headers: Mapping[str, str] | None = None,
    scheme: str = "https",
) -> Said:
    """One request; ``target`` is a path, perhaps with a query."""
    path, _, query = target.partition("?")
    said: list[Message] = []
    pieces = [body[at : at + 10_000] for at in range(0, len(body), 10_000)] or [b""]

    async def receive() -> Message:
        if not pieces:  # it stays connected
            await asyncio.Event().wait()
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    async def send(message: Message) -> None:
        said.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": urllib.parse.unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [
            (b"host", host.encode()),
            *((name.encode(), value.encode()) for name, value in (headers or {}).items()),
        ],
        "client": (client, 1),
        "server": ("127.0.0.1", 80),
        "scheme": scheme,
        "http_version": "1.1",
    }
    await application(scope, receive, send)
    answered = {name.decode(): value.decode() for name, value in said[0]["headers"]}
    return Said(
        said[0]["status"],
        answered,
        b"".join(part.get("body", b"") for part in said),
        [value.decode() for name, value in said[0]["headers"] if name == b"set-cookie"],
    )


def asked(application: ASGIApp, target: str, **how: str) -> Said:
    """The same from code without a loop."""
    return asyncio.run(ask(application, target, **how))  # type: ignore[arg-type]
