"""How the server does, and the way of a message."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.admin import names, overview, trace
from postroom.admin.trace import Found
from postroom.errors import NotFound
from postroom.web.desk import Desk, Visitor
from postroom.web.routing import THEIRS, Router


def routes(desk: Desk) -> list[Route]:
    """Overview and trace."""
    office, renderer, router = desk.office, desk.renderer, Router(desk)

    async def show(_request: Request, visitor: Visitor) -> Response:
        if visitor.within is not None:
            return renderer.page(
                "own_domains.html", visitor=visitor, here="/admin", domains=visitor.powers.domains,
                found=await overview.within(office, visitor.within),
            )  # fmt: skip
        found = await overview.show(office)
        oldest = found.queue.oldest
        waits = "" if oldest is None else names.span(office.now() / 1000 - oldest.timestamp())
        return renderer.page(
            "overview.html", visitor=visitor, here="/admin", found=found,
            highest=max(1, *found.hours), waits=waits,
        )  # fmt: skip

    async def story(request: Request, visitor: Visitor) -> Response:
        sought = request.query_params.get("q", "").strip()
        found: Found | None = None
        problem = ""
        if sought:
            try:
                found = await trace.find(office, sought, within=visitor.within)
            except NotFound as error:
                problem = str(error)
        return renderer.page(
            "trace.html", visitor=visitor, here="/admin/trace", sought=sought, found=found,
            problem=problem,
        )  # fmt: skip

    return [
        router.show("/admin", show, for_admins=True, of=THEIRS),
        router.show("/admin/trace", story, for_admins=True, of=THEIRS),
    ]
