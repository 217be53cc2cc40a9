"""The junk of somebody, for their postmaster: from whom, and why; moved to the inbox after all."""

import urllib.parse
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.admin.mailboxes import junk
from postroom.admin.paging import Slice
from postroom.web.desk import Desk, Visitor
from postroom.web.pages.filters import number
from postroom.web.routing import Named, Router

HERE: Final = "/admin/junk"
_SEEN: Final = Named("account", "query", "account")
_CHANGED: Final = Named("account", "form", "account", is_changed=True)
_NOTHING: Final = Slice[junk.JunkView]((), 0)


def routes(desk: Desk) -> list[Route]:
    """The list, and what is done with one of them."""
    office, renderer, router = desk.office, desk.renderer, Router(desk)

    async def every(request: Request, visitor: Visitor) -> Response:
        account = request.query_params.get("account", "").strip()
        after = request.query_params.get("after", "")
        return renderer.page(
            "junk.html", visitor=visitor, here="/admin/rejects", account=account,
            page=await junk.page(office, account, after=after) if account else _NOTHING,
        )  # fmt: skip

    async def wanted(_request: Request, _visitor: Visitor, fields: Mapping[str, str]) -> str:
        account = fields.get("account", "").strip()
        await junk.wanted(office, account, number(fields.get("uid", ""), "the message"))
        return f"{HERE}?account={urllib.parse.quote(account)}"

    return [
        router.show(HERE, every, for_admins=True, of=[_SEEN]),
        router.do(HERE, wanted, for_admins=True, of=[_CHANGED]),
    ]
