"""Sessions in browsers: one's own, ended one by one, and those of all for administrators."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.admin import web_sessions
from postroom.web.desk import Desk, Visitor
from postroom.web.routing import ENROL, THEIRS, Named, Router

HERE: Final = "/admin/sessions"


def routes(desk: Desk) -> list[Route]:
    """The list and the forms."""
    office, renderer, router = desk.office, desk.renderer, Router(desk)

    async def every(request: Request, visitor: Visitor) -> Response:
        query = request.query_params
        sought = query.get("q", "")
        page = await web_sessions.page(
            office, search=sought, after=query.get("after", ""), within=visitor.within
        )
        return renderer.page(
            "sessions.html", visitor=visitor, here=HERE, page=page, sought=sought,
            this=web_sessions.shown_id(visitor.session),
        )  # fmt: skip

    async def end(_request: Request, _visitor: Visitor, fields: Mapping[str, str]) -> str:
        account = fields.get("account", "")
        if "all" in fields:
            await web_sessions.end_all(office, account)
        else:
            await web_sessions.end(office, account, fields.get("id", ""))
        return HERE

    async def end_own(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        await web_sessions.end(office, visitor.identity.address, fields.get("id", ""))
        return ENROL

    async def end_others(_request: Request, visitor: Visitor, _fields: Mapping[str, str]) -> str:
        await web_sessions.end_all(office, visitor.identity.address, but=visitor.session.token)
        return ENROL

    return [
        router.show(HERE, every, for_admins=True, of=THEIRS),
        router.do(
            HERE, end, for_admins=True, of=[Named("account", "form", "account", is_changed=True)]
        ),
        router.do("/me/sessions", end_own, for_admins=False),
        router.do("/me/sessions/end", end_others, for_admins=False),
    ]
