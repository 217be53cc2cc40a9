"""Addresses: aliases in one table, and the box that tells where mail for an address goes."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.admin import aliases
from postroom.admin.trials import destinations
from postroom.admin.trials.destinations import Destination
from postroom.errors import Invalid
from postroom.web.desk import Desk, Visitor
from postroom.web.routing import Named, Router

_ALIAS: Final = Named("name", "form", "address")


def routes(desk: Desk) -> list[Route]:
    """All pages and forms about addresses."""
    office, renderer, router = desk.office, desk.renderer, Router(desk)

    async def every(request: Request, visitor: Visitor) -> Response:
        query = request.query_params
        sought, asked = query.get("q", ""), query.get("for", "").strip()
        page = await aliases.page(
            office, search=sought, after=query.get("after", ""), within=visitor.within
        )
        where: Destination | None = None
        problem = ""
        if asked:
            try:
                where = await destinations.find(office, asked, within=visitor.within)
            except Invalid as error:
                problem = str(error)
        return renderer.page(
            "addresses.html", visitor=visitor, here="/admin/addresses", page=page, sought=sought,
            asked=asked, where=where, problem=problem,
        )  # fmt: skip

    async def add(_request: Request, _visitor: Visitor, fields: Mapping[str, str]) -> str:
        targets = fields.get("targets", "").replace(",", " ").split()
        await aliases.add(office, fields.get("address", ""), targets)
        return "/admin/addresses"

    async def remove(_request: Request, _visitor: Visitor, fields: Mapping[str, str]) -> str:
        await aliases.remove(office, fields.get("address", ""))
        return "/admin/addresses"

    return [
        router.show("/admin/addresses", every, for_admins=True, of=[Named("name", "query", "for")]),
        router.do("/admin/addresses", add, for_admins=True, of=[_ALIAS]),
        router.do("/admin/addresses/remove", remove, for_admins=True, of=[_ALIAS]),
    ]
