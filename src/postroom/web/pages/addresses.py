"""Addresses: aliases in one table, and the box that tells where mail for an address goes."""

import typing
import urllib.parse
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.admin import aliases
from postroom.admin.trials import destinations
from postroom.admin.trials.destinations import Destination
from postroom.directory.expand import Writers
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
        await aliases.add(
            office, fields.get("address", ""), _targets(fields), writers=_writers(fields)
        )
        return "/admin/addresses"

    async def change(_request: Request, _visitor: Visitor, fields: Mapping[str, str]) -> str:
        address = fields.get("address", "")
        hidden, targets = "hidden" in fields, _targets(fields)
        await aliases.change(
            office, address, targets=targets, hidden=hidden, writers=_writers(fields)
        )
        return f"/admin/addresses?q={urllib.parse.quote(address)}"

    async def remove(_request: Request, _visitor: Visitor, fields: Mapping[str, str]) -> str:
        await aliases.remove(office, fields.get("address", ""))
        return "/admin/addresses"

    return [
        router.show("/admin/addresses", every, for_admins=True, of=[Named("name", "query", "for")]),
        router.do("/admin/addresses", add, for_admins=True, of=[_ALIAS]),
        router.do("/admin/addresses/change", change, for_admins=True, of=[_ALIAS]),
        router.do("/admin/addresses/remove", remove, for_admins=True, of=[_ALIAS]),
    ]


def _targets(fields: Mapping[str, str]) -> list[str]:
    return fields.get("targets", "").replace(",", " ").split()


def _writers(fields: Mapping[str, str]) -> Writers:
    """Who was chosen; everybody where nothing is said. Raises Invalid."""
    chosen = fields.get("writers", "anyone")
    found = next((one for one in typing.get_args(Writers) if one == chosen), None)
    if found is None:
        raise Invalid(f"{chosen!r} may not write: choose one of anyone, here, members")
    return typing.cast("Writers", found)
