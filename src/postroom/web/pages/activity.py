"""What has happened with an account: for its person, and for who administers it."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.admin import activity
from postroom.admin.activity import SentView
from postroom.web import wording
from postroom.web.desk import Desk, Visitor
from postroom.web.pages.people import CHANGED, LIST, ONE
from postroom.web.routing import Router

HERE: Final = "/me/activity"
SHOWN: Final = 25  # logins and changes on a page


def routes(desk: Desk) -> list[Route]:
    """The same page twice."""
    office, renderer, router = desk.office, desk.renderer, Router(desk)

    async def own(request: Request, visitor: Visitor) -> Response:
        address = visitor.identity.address
        return await _page(request, visitor, address, HERE, await activity.sent(office, address))

    async def of_person(request: Request, visitor: Visitor) -> Response:
        return await _page(request, visitor, request.path_params["address"], LIST)

    async def _page(
        request: Request,
        visitor: Visitor,
        address: str,
        here: str,
        sent: tuple[SentView, ...] | None = None,
    ) -> Response:
        query = request.query_params
        entered, changed = query.get("logins", ""), query.get("changes", "")
        is_own = sent is not None
        return renderer.page(
            "activity.html", visitor=visitor, here=here, path=request.url.path, address=address,
            words=wording, is_own=is_own, entered=entered, changed=changed,
            sent=sent or (), ways=await activity.ways(office, address),
            days=office.config.login.history_days, kept=office.config.audit.keep_days,
            logins=await activity.logins(office, address, after=entered, size=SHOWN),
            changes=await activity.changes(
                office, address, deeds=is_own or visitor.is_owner, after=changed, size=SHOWN
            ),
        )  # fmt: skip

    return [
        router.show(HERE, own, for_admins=False),
        router.show(f"{ONE}/activity", of_person, for_admins=True, of=[CHANGED]),
    ]
