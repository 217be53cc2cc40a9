"""A person's own account: how much it holds, how long it keeps mail, the password."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.admin import accounts, credentials, lists, retention
from postroom.directory import web_sessions
from postroom.errors import Invalid
from postroom.web.desk import Desk, Visitor
from postroom.web.routing import Router


def routes(desk: Desk) -> list[Route]:
    """The page of one's own account and its forms."""
    office, renderer, router = desk.office, desk.renderer, Router(desk)

    async def show(_request: Request, visitor: Visitor) -> Response:
        address = visitor.identity.address
        return renderer.page(
            "me.html", visitor=visitor, here="/me",
            found=await accounts.show(office, address),
            lists=len(await lists.owned(office, visitor.identity.account_id)),
            kept=await retention.show(office, address), people=office.config.retention.people,
            is_outside=await office.directory.is_outside(visitor.identity.account_id),
        )  # fmt: skip

    async def password(request: Request, visitor: Visitor, fields: Mapping[str, str]) -> Response:
        if await office.directory.is_outside(visitor.identity.account_id):
            raise Invalid("your password is not kept here: change it where you got it")
        new = fields.get("new", "")
        if new != fields.get("again"):
            raise Invalid("the new password was not typed the same twice")
        who = visitor.identity
        credentials.require_strong(who.address, new, who.name, office.config.hostname)
        await desk.prove(request, visitor, fields.get("present", ""))
        await credentials.set_password(office, visitor.identity.address, new)
        await desk.change(lambda tx: web_sessions.remove_all(tx, visitor.identity.account_id))
        left = await desk.log_out(visitor)
        left.headers["location"] += "#changed"
        return left

    return [
        router.show("/me", show, for_admins=False),
        router.do("/me/password", password, for_admins=False),
    ]
