"""The settings of the server: what each means, and what it is."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.config import describe
from postroom.web.desk import Desk, Visitor
from postroom.web.routing import Router

HERE: Final = "/admin/settings"


def routes(desk: Desk) -> list[Route]:
    """The one page; settings are changed in their file."""
    config, renderer, router = desk.office.config, desk.renderer, Router(desk)

    async def show(request: Request, visitor: Visitor) -> Response:
        sought = request.query_params.get("q", "")
        tables = describe.search(describe.current(config), sought)
        return renderer.page(
            "settings.html", visitor=visitor, here=HERE, sought=sought, tables=tables,
            changed=sum(one.is_changed for table in tables for one in table.values),
        )  # fmt: skip

    return [router.show(HERE, show, for_admins=True)]
