"""The queue: what waits, why, and what can be done with it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.admin import queue
from postroom.admin.office import Office
from postroom.admin.queue import Outcome
from postroom.errors import Invalid
from postroom.web.desk import Desk, Visitor
from postroom.web.routing import THEIRS, Named, Router

SHOWN: Final = 100  # letters on a page, the oldest first
_LETTER: Final = Named("letter", "path", "ident")

_ACTIONS: Final[Mapping[str, Callable[[Office, list[str]], Awaitable[Outcome]]]] = {
    "retry": queue.retry,
    "hold": queue.hold,
    "release": queue.release,
    "remove": queue.remove,
}


def routes(desk: Desk) -> list[Route]:
    """The list, a letter, and what is done with it."""
    office, renderer, router = desk.office, desk.renderer, Router(desk)

    async def every(request: Request, visitor: Visitor) -> Response:
        domain = request.query_params.get("domain", "").strip()
        chosen = queue.choose(destination=domain, all_=True, within=visitor.within)
        after = request.query_params.get("after", "")
        return renderer.page(
            "queue.html", visitor=visitor, here="/admin/queue", domain=domain,
            page=await queue.page(office, chosen, after=after, size=SHOWN),
            stats=await queue.stats(office, within=visitor.within),
        )  # fmt: skip

    async def show(request: Request, visitor: Visitor) -> Response:
        found = await queue.show(office, request.path_params["ident"])
        return renderer.page("letter.html", visitor=visitor, here="/admin/queue", found=found)

    async def act(request: Request, _visitor: Visitor, fields: Mapping[str, str]) -> str:
        action = _ACTIONS.get(fields.get("action", ""))
        if action is None:
            raise Invalid("that can't be done with a letter in the queue")
        await action(office, [request.path_params["ident"]])
        return "/admin/queue"

    return [
        router.show("/admin/queue", every, for_admins=True, of=THEIRS),
        router.show("/admin/queue/{ident}", show, for_admins=True, of=[_LETTER]),
        router.do("/admin/queue/{ident}", act, for_admins=True, of=[_LETTER]),
    ]
