"""The session tester: a dialogue is typed, and each line answered as a door would."""

from collections.abc import Mapping, Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.admin.trials import rehearsal
from postroom.admin.trials.rehearsal import Exchange
from postroom.web.desk import Desk, Visitor
from postroom.web.routing import Router

PATH: Final = "/admin/session"
EXAMPLE: Final = """EHLO client.example
MAIL FROM:<ann@client.example>
RCPT TO:<{address}>
DATA
From: Ann <ann@client.example>
To: <{address}>
Subject: Hello

Hi.
.
QUIT
"""


def routes(desk: Desk) -> list[Route]:
    """The form, and the form with what was answered."""
    office, renderer, router = desk.office, desk.renderer, Router(desk)

    async def show(_request: Request, visitor: Visitor) -> Response:
        text = EXAMPLE.format(address=visitor.identity.address)
        return _page(visitor, {"text": text, "address": "192.0.2.1"}, ())

    async def run(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> Response:
        exchanges = await rehearsal.rehearse(
            office,
            desk.intake,
            fields.get("text", ""),
            address=fields.get("address", ""),
            door=fields.get("door", ""),
        )
        return _page(visitor, fields, exchanges)

    def _page(
        visitor: Visitor, fields: Mapping[str, str], exchanges: Sequence[Exchange]
    ) -> Response:
        return renderer.page(
            "session_tester.html",
            visitor=visitor,
            here=PATH,
            text=fields.get("text", ""),
            address=fields.get("address", ""),
            door=fields.get("door", ""),
            doors=rehearsal.doors(office),
            exchanges=exchanges,
        )

    return [
        router.show(PATH, show, for_admins=True),
        router.do(PATH, run, for_admins=True),
    ]
