"""Whom the accounts of a domain do not write to for now: for who administers it."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.admin import domain_suppression
from postroom.errors import Invalid
from postroom.web.desk import Desk, Visitor
from postroom.web.pages.suppression import KINDS, SHOWN
from postroom.web.routing import Named, Router

PATH: Final = "/admin/domains/{name}/suppression"
_NAMED: Final = Named("domain", "path", "name")


def routes(desk: Desk) -> list[Route]:
    """The page and its forms."""
    office, renderer, router = desk.office, desk.renderer, Router(desk)

    async def page(request: Request, visitor: Visitor) -> Response:
        name, query = request.path_params["name"], request.query_params
        sought = query.get("q", "")
        return renderer.page(
            "domain_suppression.html", visitor=visitor, here="/admin/domains",
            path=request.url.path, sought=sought, kinds=KINDS,
            lists=await domain_suppression.status(office, name),
            page=await domain_suppression.page(
                office, name, search=sought, after=query.get("after", ""), size=SHOWN
            ),
        )  # fmt: skip

    async def change(request: Request, _visitor: Visitor, fields: Mapping[str, str]) -> str:
        name = request.path_params["name"]
        if "remove" in fields:
            await domain_suppression.remove(office, name, [fields["remove"]])
        elif fields.get("shared") in {"yes", "no"}:
            await domain_suppression.share(office, name, shared=fields["shared"] == "yes")
        else:
            raise Invalid("choose who heeds the lists")
        return request.url.path

    return [
        router.show(PATH, page, for_admins=True, of=[_NAMED]),
        router.do(PATH, change, for_admins=True, of=[_NAMED]),
    ]
