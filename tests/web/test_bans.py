"""A banned network gets no page, whatever it asks for."""

import asyncio

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from postroom.telemetry.session_events import ConnectionRefused
from postroom.web.bans import Bans
from tests.fakes import Recorder
from tests.web.asking import ask

BANNED = "203.0.113.9"


async def inside(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("in")


@pytest.mark.parametrize("path", ["/", "/healthz", "/nowhere"])
def test_who_is_banned(events: Recorder, path: str) -> None:
    served = Bans(
        Starlette(routes=[Route("/", inside)]),
        unwelcome=lambda address: "banned: failed logins" if address == BANNED else "",
        protocol="https",
    )

    async def run() -> None:
        assert (await ask(served, "/", client="192.0.2.1")).body == b"in"
        assert events == []
        answer = await ask(served, path, client=BANNED)
        assert answer.status == 429
        assert answer.headers["connection"] == "close"
        assert answer.body.startswith(b"Too many failures")
        (event,) = events.of(ConnectionRefused)
        assert (event.peer, event.door) == (BANNED, "https")
        assert event.reason == "banned: failed logins"

    asyncio.run(run())
