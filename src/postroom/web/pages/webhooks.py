"""Webhooks: programs that are told what happens, what they want to know, and how they do."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.admin import webhook_calls, webhooks
from postroom.admin.webhook_calls import Answer
from postroom.admin.webhooks import NewWebhook
from postroom.errors import NotFound
from postroom.web.desk import Desk, Visitor
from postroom.web.routing import Router

LIST: Final = "/admin/webhooks"
ONE: Final = f"{LIST}/{{ident}}"


def routes(desk: Desk) -> list[Route]:
    """The list, one of them, and what is done with it."""
    office, renderer, router = desk.office, desk.renderer, Router(desk)

    async def every(_request: Request, visitor: Visitor) -> Response:
        return renderer.page(
            "webhooks.html", visitor=visitor, here=LIST, found=await webhooks.every(office),
            events=webhooks.EVENTS, total=len(webhooks.EVENTS),
        )  # fmt: skip

    async def add(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> Response:
        """The secret is on the page that answers, and on no other."""
        chosen = ["*"] if "all" in fields else [one for one in webhooks.EVENTS if one in fields]
        made = await webhooks.add(
            office,
            fields.get("url", "").strip(),
            chosen,
            domain=fields.get("domain", "").strip() or None,
            account=fields.get("account", "").strip() or None,
        )
        return await _page(visitor, made.id, made=made)

    async def show(request: Request, visitor: Visitor) -> Response:
        return await _page(visitor, request.path_params["ident"])

    async def test(request: Request, visitor: Visitor, _fields: Mapping[str, str]) -> Response:
        ident = request.path_params["ident"]
        answer = await webhook_calls.test(office, ident, resolver=desk.resolver)
        return await _page(visitor, ident, answer=answer)

    async def switch(request: Request, _visitor: Visitor, fields: Mapping[str, str]) -> str:
        changed = await webhooks.switch(
            office, request.path_params["ident"], is_on=fields.get("state") == "on"
        )
        return f"{LIST}/{changed.id}"

    async def remove(request: Request, _visitor: Visitor, _fields: Mapping[str, str]) -> str:
        await webhooks.remove(office, request.path_params["ident"])
        return LIST

    async def _page(
        visitor: Visitor,
        ident: str,
        *,
        made: NewWebhook | None = None,
        answer: Answer | None = None,
    ) -> Response:
        found = [one for one in await webhooks.every(office) if one.id == ident]
        if not found:
            raise NotFound("there is no such webhook")
        return renderer.page(
            "webhook.html", visitor=visitor, here=LIST, found=found[0], made=made, answer=answer,
            events=webhooks.EVENTS, calls=await webhooks.calls(office, ident),
        )  # fmt: skip

    return [
        router.show(LIST, every, for_admins=True),
        router.do(LIST, add, for_admins=True),
        router.show(ONE, show, for_admins=True),
        router.do(f"{ONE}/test", test, for_admins=True),
        router.do(f"{ONE}/state", switch, for_admins=True),
        router.do(f"{ONE}/remove", remove, for_admins=True),
    ]
