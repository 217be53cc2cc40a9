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
        topics = [
            (table, _key(table), sum(one.is_changed for one in table.values))
            for table in describe.search(describe.current(config), sought)
        ]
        return renderer.page(
            "settings.html", visitor=visitor, here=HERE, sought=sought, topics=topics,
            is_open="all" in request.query_params,
            changed=sum(changes for _, _, changes in topics),
        )  # fmt: skip

    return [router.show(HERE, show, for_admins=True)]


def _key(table: describe.Table) -> str:
    """What stands before the names of a table's settings: ``limits.``."""
    return "" if "[" not in table.title else table.title.strip("[]0123456789 ") + "."
