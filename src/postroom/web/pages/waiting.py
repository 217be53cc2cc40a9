"""What a person has sent and what still waits: for its time, or for a server that does not answer."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.admin import queue
from postroom.errors import NotFound
from postroom.queue.listing import Filter
from postroom.web.desk import Desk, Visitor
from postroom.web.routing import Router

HERE: Final = "/mail/waiting"
SHOWN: Final = 20


def routes(desk: Desk) -> list[Route]:
    """The list, and taking a message back."""
    office, renderer, router = desk.office, desk.renderer, Router(desk)

    async def show(request: Request, visitor: Visitor) -> Response:
        chosen = Filter(account=visitor.identity.account_id)
        after = request.query_params.get("after", "")
        page = await queue.page(office, chosen, after=after, size=SHOWN)
        found = []
        for one in page.items:
            try:
                found.append(await queue.show(office, one.id))
            except NotFound:  # it has just been delivered
                continue
        return renderer.page(
            "mail_waiting.html", visitor=visitor, here="/mail", page=page, found=found
        )

    async def stop(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        await queue.withdraw(office, visitor.identity.account_id, fields.get("id", ""))
        return f"{HERE}#done"

    return [
        router.show(HERE, show, for_admins=False),
        router.do(HERE, stop, for_admins=False),
    ]
