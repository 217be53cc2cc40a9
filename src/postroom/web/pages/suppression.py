"""Whom an account does not write to for now: for its person, and for who administers it."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.admin import suppression
from postroom.admin.suppression import CHOICES, WORDS
from postroom.errors import Invalid
from postroom.web.desk import Desk, Visitor
from postroom.web.pages.people import CHANGED, LIST, ONE
from postroom.web.routing import Router

HERE: Final = "/me/suppression"
THERE: Final = f"{ONE}/suppression"
SHOWN: Final = 50  # addresses on a page
KINDS: Final = {"bounce": "came back", "complaint": "called it spam", "hand": "by hand"}


def routes(desk: Desk) -> list[Route]:
    """The same page and form twice."""
    office, renderer, router = desk.office, desk.renderer, Router(desk)

    async def page(request: Request, visitor: Visitor, address: str, here: str) -> Response:
        sought, after = request.query_params.get("q", ""), request.query_params.get("after", "")
        return renderer.page(
            "suppression.html", visitor=visitor, here=here, path=request.url.path,
            sought=sought, kinds=KINDS, choices=CHOICES, words=WORDS,
            usual=WORDS[office.config.suppression.scope],
            using=await suppression.status(office, address),
            page=await suppression.page(office, address, search=sought, after=after, size=SHOWN),
        )  # fmt: skip

    async def change(address: str, fields: Mapping[str, str]) -> None:
        if "scope" in fields:
            scope = next((one for one in CHOICES if one == fields["scope"]), None)
            if scope is None:
                raise Invalid("choose what heeds the list")
            await suppression.use(office, address, scope)
        elif "remove" in fields:
            await suppression.remove(office, address, [fields["remove"]])
        else:
            await suppression.add(office, address, [fields.get("recipient", "")])

    async def own(request: Request, visitor: Visitor) -> Response:
        return await page(request, visitor, visitor.identity.address, HERE)

    async def of_person(request: Request, visitor: Visitor) -> Response:
        return await page(request, visitor, request.path_params["address"], LIST)

    async def change_own(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        await change(visitor.identity.address, fields)
        return HERE

    async def change_theirs(request: Request, _visitor: Visitor, fields: Mapping[str, str]) -> str:
        await change(request.path_params["address"], fields)
        return request.url.path

    return [
        router.show(HERE, own, for_admins=False),
        router.do(HERE, change_own, for_admins=False),
        router.show(THERE, of_person, for_admins=True, of=[CHANGED]),
        router.do(THERE, change_theirs, for_admins=True, of=[CHANGED]),
    ]
