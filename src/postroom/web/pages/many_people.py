"""Many people at once: added from a list, and those ticked disabled or enabled."""

import urllib.parse
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.admin import many_people
from postroom.web.desk import Desk, Visitor
from postroom.web.pages.people import LIST
from postroom.web.routing import THEIRS, Router

MANY: Final = f"{LIST}/many"
CHOSEN: Final = "chosen:"  # a checkbox of the list: this and the address


def routes(desk: Desk) -> list[Route]:
    """Before those of ``people``, whose paths hold any address."""
    office, renderer, router = desk.office, desk.renderer, Router(desk)

    async def show(_request: Request, visitor: Visitor) -> Response:
        return _page(visitor, "", many_people.Outcome([], []))

    async def add(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> Response:
        text = fields.get("people", "")
        done = await many_people.add(office, text, within=visitor.within)
        return _page(visitor, text if done.faults else "", done)

    async def set_state(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        await many_people.set_disabled(
            office,
            [name.removeprefix(CHOSEN) for name in fields if name.startswith(CHOSEN)],
            disabled=fields.get("state") == "disabled",
            own=visitor.identity.account_id,
            within=visitor.within,
        )
        back = {name: fields.get(name, "") for name in ("q", "after")}
        return f"{LIST}?{urllib.parse.urlencode(back)}"

    def _page(visitor: Visitor, text: str, done: many_people.Outcome) -> Response:
        return renderer.page(
            "people_many.html", status=400 if done.faults else 200, visitor=visitor, here=LIST,
            text=text, done=done, most=many_people.MOST,
        )  # fmt: skip

    return [
        router.show(MANY, show, for_admins=True, of=THEIRS),
        router.do(MANY, add, for_admins=True, of=THEIRS),
        router.do(f"{LIST}/state", set_state, for_admins=True, of=THEIRS),
    ]
